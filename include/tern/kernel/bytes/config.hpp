// SPDX-License-Identifier: MIT
// Which dot product of bytes and which tile shape an architecture uses. An overload for a tag serves every tag derived
// from it.
#pragma once

#include <tern/arch.hpp>
#include <tern/simd/bytes.hpp>

namespace tern::kernel {

/// Codes: rows of a tile and fields (2 or 4) that they meet, and the registers of codes that one row alone meets.
/// Bits: rows and registers of a tile, and the registers that one row alone meets.
template <class Bytes, size_t Rows, size_t Fields, size_t RowLoads, size_t BitRows, size_t BitLoads, size_t BitRowLoads>
struct bytes_tile_config {
    using bytes = Bytes;
    static constexpr size_t rows = Rows;
    static constexpr size_t fields = Fields;
    static constexpr size_t row_loads = RowLoads;
    static constexpr size_t bit_rows = BitRows;
    static constexpr size_t bit_loads = BitLoads;
    static constexpr size_t bit_row_loads = BitRowLoads;
};

}  // namespace tern::kernel
