// SPDX-License-Identifier: MIT
// Which dot product of bytes and which tile shape an architecture uses. An overload for a tag serves every tag derived
// from it.
#pragma once

#include <tern/arch.hpp>
#include <tern/simd/bytes.hpp>

namespace tern::kernel {

/// Rows of a tile of codes, and the registers of codes that one row alone meets side by side.
template <class Bytes, size_t Rows, size_t RowLoads>
struct bytes_tile_config {
    using bytes = Bytes;
    static constexpr size_t rows = Rows;
    static constexpr size_t row_loads = RowLoads;
};

}  // namespace tern::kernel
