// SPDX-License-Identifier: MIT
// The operations of tern_bench. Registered by main, not by static constructors, and a layer at a time: rates that
// somebody will compare are then measured close to each other, and the weights of a layer are made once.
#pragma once

#include <string>

#include "support/shapes.hpp"

namespace tern_bench {

struct network_table;

void add_limits();
void add_gemm(const layer& l, selection wanted);
void add_gemm_lookup(const layer& l, selection wanted);
void add_gemm_bytes(const layer& l, selection wanted);
void add_dot();
void add_conv2d(selection wanted);
void add_depthwise();
/// Whole networks, and where oneDNN was found its convolutions of the same shapes.
void add_networks();
void add_pack();
void add_quantize();
/// Where OpenBLAS was found (TERN_BENCH_OPENBLAS).
void add_openblas(const layer& l, selection wanted);
/// Where oneDNN was found (TERN_BENCH_ONEDNN).
void add_onednn(const layer& l, selection wanted);
void add_onednn_network(const network_table& table);
/// Depthwise 3x3 convolutions: bytes to int32 and to bytes.
void add_onednn_depthwise(size_t size, size_t channels);
/// Nothing unless `open_ggml` was successful.
void add_ggml(const layer& l, selection wanted);
/// Opens the libraries in a directory; an empty string, or what is wrong.
std::string open_ggml(const std::string& directory);

}  // namespace tern_bench
