// SPDX-License-Identifier: MIT
// Which register and which tile shape an architecture uses: the only place where the kernels differ. An overload for
// a tag serves every tag derived from it.
#pragma once

#include <tern/arch.hpp>
#include <tern/simd/scalar.hpp>

namespace tern::kernel {

/// Lanes, and registers of outputs and rows of a tile: for products with one counter an output, with two, and for a
/// single row. `KeepsRows`: products of several rows copy blocks of them (see planes.hpp), which takes 36 KB of stack.
template <class LanesType, size_t Rows1, size_t Registers1, size_t Rows2, size_t Registers2, size_t RowRegisters,
          bool KeepsRows = false>
struct tile_config {
    using lanes = LanesType;
    static constexpr size_t rows(bool two_counters) noexcept { return two_counters ? Rows2 : Rows1; }
    static constexpr size_t registers(bool two_counters) noexcept { return two_counters ? Registers2 : Registers1; }
    static constexpr size_t row_registers = RowRegisters;
    static constexpr bool keeps_rows = KeepsRows;
};

/// Registers of a configuration of which arrays can be made.
template <class Config>
using sized_lanes_of = typename simd::sized_lanes<typename Config::lanes>::type;

}  // namespace tern::kernel
