// SPDX-License-Identifier: MIT
// What the register tiles of popcount products are given, and what they count (tile.hpp says why).
#pragma once

#include <tern/layout.hpp>
#include <tern/simd/scalar.hpp>

namespace tern::kernel {

/// Stretches of depth, each somewhere else in memory: one for a matrix product, one for each tap inside the image for a
/// convolution. `lhs` holds `rows` pointers a stretch, to plane 0 of digit 0, or where planes lie side by side (see
/// `tile`) one pointer; `rhs_blocks` the first block of each.
struct stretches {
    const word* const* lhs = nullptr;
    const size_t* rhs_blocks = nullptr;
    size_t count = 0;
    size_t words = 0;             ///< depth of every stretch
    size_t lhs_plane_stride = 0;  ///< words
    std::ptrdiff_t early = 0;     ///< words from the first block to what is fetched early,
    size_t early_step = 0;        ///< so many of it a block; 0: nothing
};

/// Where a tile's sums go, and what is added to them: what is there, or the constant terms, of which pairs with two
/// masks have none. All of it wraps modulo 2^32: parts of a product that fits may pass the range.
struct tile_output {
    std::int32_t* acc = nullptr;
    size_t stride = 0;
    bool add = false;                         ///< to `acc`; else the two below
    const std::uint32_t* per_row = nullptr;
    const std::uint32_t* per_output = nullptr;

    TERN_INLINE constexpr tile_output(std::int32_t* acc_, size_t stride_, bool add_, const std::uint32_t* per_row_,
                                      const std::uint32_t* per_output_) noexcept
        : acc(acc_), stride(stride_), add(add_), per_row(per_row_), per_output(per_output_) {}
};

/// The counters of Rows activations x Registers * width outputs.
template <class Lanes, class Lhs, class Rhs, size_t Rows, size_t Registers>
struct tile_shape {
    static_assert(Lhs::sign_bit == Rhs::sign_bit,
                  "tern: operands of opposite sign conventions; transcode one of them first");

    using reg = typename Lanes::reg;
    static constexpr size_t panel_registers = panel_outputs / Lanes::width;
    static constexpr size_t panels = Registers < panel_registers ? 1 : Registers / panel_registers;
    static constexpr bool counts_c = Lhs::has_mask && Rhs::has_mask;
    static constexpr bool counts_g = Lhs::has_sign || Rhs::has_sign;
    static constexpr size_t rhs_sign_plane = Rhs::has_mask ? 1 : 0;

    struct counters {
        reg c[counts_c ? Rows : 1][counts_c ? Registers : 1];
        reg g[counts_g ? Rows : 1][counts_g ? Registers : 1];
    };

    static TERN_INLINE void clear(counters& n) noexcept {
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            bits::unroll<Registers>([&](auto j) TERN_INLINE_LAMBDA {
                if constexpr (counts_c) n.c[r][j] = Lanes::zero();
                if constexpr (counts_g) n.g[r][j] = Lanes::zero();
            });
        });
    }
};

}  // namespace tern::kernel
