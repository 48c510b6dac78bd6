// SPDX-License-Identifier: MIT
// The register tile of a product by lookup: Rows activation rows x Panels panels of 64 outputs, outputs in lanes.
//
// A step is `Lanes::positions` positions of depth: the code of a row selects a row of the table, and each output's
// weight byte a place in it (see tables.hpp). Entries are not negative and are added up in bytes; before a byte can
// overflow, its sums are folded into 16 bits. There they wrap: what counts is that the sum without bias fits int16,
// which bounds the depth between two calls of `finish` (see product.hpp).
#pragma once

#include <tern/kernel/gemm/tile.hpp>

namespace tern::kernel {

inline constexpr size_t lookup_outputs = packed_indices::tile_outputs;

template <class Lanes, size_t Rows, size_t Panels>
struct lookup_tile {
    using reg = typename Lanes::reg;
    static constexpr size_t panel_registers = lookup_outputs / Lanes::width;
    static constexpr size_t registers = Panels * panel_registers;
    /// 16-bit sums of one row.
    static constexpr size_t row_sums = Panels * lookup_outputs;

    /// Adds `steps` steps to the sums. `steps` times the largest entry is at most 255. weights[p]: 64 bytes a step.
    template <size_t Stride>
    static TERN_INLINE void run(const std::uint8_t* table, const std::uint8_t* codes,
                                const std::uint8_t* const (&weights)[Panels], size_t steps,
                                std::uint16_t* sums) noexcept {
        reg acc[Rows][registers];
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            bits::unroll<registers>([&](auto j) TERN_INLINE_LAMBDA { acc[r][j] = Lanes::zero(); });
        });
        const size_t end = steps * lookup_outputs;
        TERN_KEEP_LOOP
        for (size_t at = 0; at < end; at += lookup_outputs, ++codes) {
            reg w[registers];
            bits::unroll<registers>([&](auto j) TERN_INLINE_LAMBDA {
                w[j] = Lanes::load(weights[j / panel_registers] + at + j % panel_registers * Lanes::width);
            });
            bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
                Lanes::add_row(acc[r], table + size_t{codes[r * Stride]} * Lanes::row_bytes, w);
            });
        }
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            bits::unroll<registers>([&](auto j) TERN_INLINE_LAMBDA {
                Lanes::fold(sums + r * row_sums + j * Lanes::width, acc[r][j]);
            });
        });
    }

    /// acc[o] = or += (sum - bias) * 2^shift for the outputs of one row.
    static TERN_INLINE void finish(const std::uint16_t* sums, std::uint16_t bias, int shift, bool add,
                                   std::int32_t* acc) noexcept {
        for (size_t j = 0; j < row_sums; j += Lanes::width) Lanes::finish(sums + j, bias, shift, add, acc + j);
    }
};

}  // namespace tern::kernel
