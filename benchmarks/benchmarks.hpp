// SPDX-License-Identifier: MIT
// The operations of tern_bench, one source file each. Registered by main, not by static constructors.
#pragma once

#include "support/shapes.hpp"

namespace tern_bench {

void add_limits();
void add_gemm(selection wanted);
void add_gemv(selection wanted);
void add_dot();
void add_conv2d(selection wanted);
void add_pack();
void add_quantize();
/// Where OpenBLAS was found (TERN_BENCH_OPENBLAS).
void add_openblas(selection wanted);

}  // namespace tern_bench
