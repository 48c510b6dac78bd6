// SPDX-License-Identifier: MIT
// The steps of a register tile for cores that finish in order: waves of equal operations, none of which waits for
// another.
#pragma once

#include <tern/kernel/gemm/tile_shape.hpp>

namespace tern::kernel {

template <class Lanes, class Lhs, class Rhs, size_t Rows, size_t Registers>
class tile_waves : tile_shape<Lanes, Lhs, Rhs, Rows, Registers> {
    using shape = tile_shape<Lanes, Lhs, Rhs, Rows, Registers>;
    using typename shape::reg;
    using typename shape::counters;
    using shape::panel_registers, shape::panels, shape::counts_g, shape::rhs_sign_plane;
    static constexpr bool counts_c = shape::counts_c;  // GCC 12 does not find a base's in a lambda's `if constexpr`

public:
    /// Counts blocks [at, end) of depth, at < end. `lhs`: the digit's first plane of each row; `rhs`: this digit's
    /// block `at` of each panel, and behind the last one afterwards.
    static TERN_INLINE void run(counters& n, const word* const (&lhs)[Rows], size_t at, size_t end, size_t sign_offset,
                                const word* (&rhs)[panels], size_t lane) noexcept {
        constexpr size_t block_words = size_t{Rhs::planes} * panel_outputs;
        operands o;
        row_pointers rows;
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            if constexpr (Lhs::has_mask) rows.mask[r] = lhs[r] + at;
            if constexpr (Lhs::has_sign) rows.sign[r] = lhs[r] + at + sign_offset;
        });
        load_rows<0, rows_until(0)>(o, rows);
        advance<rows_until(0)>(rows);
        load_signs<0>(o, rhs, lane);
        load_masks<0>(o, rhs, lane);
        const word* next[panels];
        TERN_KEEP_LOOP
        for (; at + 1 < end; ++at) {
            bits::unroll<panels>([&](auto i) TERN_INLINE_LAMBDA { next[i] = rhs[i] + block_words; });
            wave_step<true>(n, o, rows, rhs, next, lane);
            advance<Rows>(rows);
            bits::unroll<panels>([&](auto i) TERN_INLINE_LAMBDA { rhs[i] = next[i]; });
        }
        wave_step<false>(n, o, rows, rhs, rhs, lane);  // nothing behind the depth is read
        bits::unroll<panels>([&](auto i) TERN_INLINE_LAMBDA { rhs[i] += block_words; });
    }

private:
    /// What wave_step works on: some of the rows, or some of the registers of a single row. Where weights take eight
    /// registers, waves of eight have no room, and those of four are too short: six, five and five.
    static constexpr bool uneven_waves = Rhs::has_mask && !counts_c && Rows == 4 && Registers == 4;
    static constexpr size_t wave_rows = Rows % 2 == 0 && (!Rhs::has_mask || uneven_waves) ? 2 : 1;  // at most
    static constexpr size_t wave_registers = Rows == 1 && Registers % 4 == 0 ? 4 : Registers;
    static constexpr size_t wave_counts = uneven_waves ? 6 : wave_rows * wave_registers;  // at most
    static constexpr size_t waves = uneven_waves ? 3 : Rows * Registers / wave_counts;
    /// The first register of wave k, of all rows' one after the other.
    static TERN_INLINE constexpr size_t wave_start(size_t k) noexcept {
        return !uneven_waves ? k * wave_counts : k == 0 ? 0 : 5 * k + 1;
    }
    /// Rows that wave k and those before it read.
    static TERN_INLINE constexpr size_t rows_until(size_t k) noexcept {
        return bits::ceil_div(wave_start(k + 1), Registers);
    }
    struct operands {
        reg mask[Rhs::has_mask ? wave_registers : 1];
        reg sign[Rhs::has_sign ? wave_registers : 1];
        reg x_mask[Lhs::has_mask ? wave_rows : 1];
        reg x_sign[Lhs::has_sign ? wave_rows : 1];
    };

    /// Where the next words of each row are.
    struct row_pointers {
        const word* mask[Lhs::has_mask ? Rows : 1];
        const word* sign[Lhs::has_sign ? Rows : 1];
    };

    /// Rows [First, Last).
    template <size_t First, size_t Last>
    static TERN_INLINE void load_rows(operands& o, const row_pointers& lhs) noexcept {
        bits::unroll<Last - First>([&](auto i) TERN_INLINE_LAMBDA {
            constexpr size_t to = (First + i) % wave_rows;
            if constexpr (Lhs::has_sign) {
                o.x_sign[to] = Lanes::broadcast_at(lhs.sign[First + i]);
                Lanes::keep(o.x_sign[to]);
            }
            if constexpr (Lhs::has_mask) {
                o.x_mask[to] = Lanes::broadcast_at(lhs.mask[First + i]);
                Lanes::keep(o.x_mask[to]);
            }
        });
    }

    /// The first Count rows: all of them at one place of a step, for behind a load or a product such an addition waits
    /// until it is done, on cores that finish in order.
    template <size_t Count>
    static TERN_INLINE void advance(row_pointers& lhs) noexcept {
        bits::unroll<Count>([&](auto r) TERN_INLINE_LAMBDA {
            if constexpr (Lhs::has_sign) Lanes::advance(lhs.sign[r]);
            if constexpr (Lhs::has_mask) Lanes::advance(lhs.mask[r]);
        });
    }

    template <size_t First>
    static TERN_INLINE const word* block(const word* const (&rhs)[panels], size_t lane, size_t j) noexcept {
        return rhs[(First + j) / panel_registers] + lane + (First + j) % panel_registers * Lanes::width;
    }

    template <size_t First>
    static TERN_INLINE void load_signs(operands& o, const word* const (&rhs)[panels], size_t lane) noexcept {
        bits::unroll<Rhs::has_sign ? wave_registers : 0>([&](auto j) TERN_INLINE_LAMBDA {
            o.sign[j] = Lanes::load_alone(block<First>(rhs, lane, j) + rhs_sign_plane * panel_outputs);
            Lanes::keep(o.sign[j]);
        });
    }

    template <size_t First>
    static TERN_INLINE void load_masks(operands& o, const word* const (&rhs)[panels], size_t lane) noexcept {
        bits::unroll<Rhs::has_mask ? wave_registers : 0>([&](auto j) TERN_INLINE_LAMBDA {
            o.mask[j] = Lanes::load_alone(block<First>(rhs, lane, j));
            Lanes::keep(o.mask[j]);
        });
    }

    /// One block: 32 positions of depth. Loads stand where operands are no longer needed, before the counts, which take
    /// as long. `o`: this block's first operands, and then,
    /// where there is a next block, those of it; the first wave's rows are at their next words already.
    template <bool More>
    static TERN_INLINE void wave_step(counters& n, operands& o, const row_pointers& lhs,
                                      const word* const (&rhs)[panels], const word* const (&next)[panels],
                                      size_t lane) noexcept {
        bits::unroll<waves>([&](auto k) TERN_INLINE_LAMBDA {
            constexpr bool last = k + 1 == waves;
            constexpr bool narrow = wave_registers < Registers;
            constexpr size_t start = wave_start(k);
            constexpr size_t first = narrow ? start : 0;  // of the registers whose weights are at hand
            constexpr bool loads_weights = last ? More : narrow;
            reg c[wave_counts];
            reg g[wave_counts];
            const auto wave = [&](const auto& body) TERN_INLINE_LAMBDA {
                bits::unroll<wave_start(k + 1) - start>([&](auto i) TERN_INLINE_LAMBDA {
                    body(i, bits::index<(start + i) / Registers>{}, bits::index<(start + i) % Registers>{});
                });
            };
            if constexpr (Lhs::has_sign && Rhs::has_sign)
                wave([&](auto i, auto r, auto j) TERN_INLINE_LAMBDA {
                    g[i] = Lanes::xor_(o.x_sign[r % wave_rows], o.sign[j - first]);
                    Lanes::keep(g[i]);
                });
            if constexpr (counts_c)
                wave([&](auto i, auto r, auto j) TERN_INLINE_LAMBDA {
                    c[i] = Lanes::and_(o.x_mask[r % wave_rows], o.mask[j - first]);
                    Lanes::keep(c[i]);
                });
            if constexpr (counts_g && (Lhs::has_mask || Rhs::has_mask))
                wave([&](auto i, auto r, auto j) TERN_INLINE_LAMBDA {
                    reg both;
                    if constexpr (counts_c)
                        both = c[i];
                    else if constexpr (Rhs::has_mask)
                        both = o.mask[j - first];
                    else
                        both = o.x_mask[r % wave_rows];
                    if constexpr (Lhs::has_sign && Rhs::has_sign)
                        g[i] = Lanes::and_(both, g[i]);
                    else if constexpr (Lhs::has_sign)
                        g[i] = Lanes::and_not(both, o.x_sign[r % wave_rows]);
                    else
                        g[i] = Lanes::and_not(both, o.sign[j - first]);
                    Lanes::keep(g[i]);
                });
            constexpr size_t next_first = last ? 0 : first + wave_registers;
            const word* const(&from)[panels] = last ? next : rhs;
            if constexpr (loads_weights) load_signs<next_first>(o, from, lane);
            if constexpr (loads_weights && !counts_c) load_masks<next_first>(o, from, lane);
            if constexpr (!last)
                load_rows<rows_until(k), rows_until(k + 1)>(o, lhs);
            else if constexpr (More)
                load_rows<0, rows_until(0)>(o, lhs);
            if constexpr (counts_c)
                wave([&](auto i, auto, auto) TERN_INLINE_LAMBDA {
                    c[i] = Lanes::count(c[i]);
                    Lanes::keep(c[i]);
                });
            if constexpr (counts_g)
                wave([&](auto i, auto, auto) TERN_INLINE_LAMBDA {
                    g[i] = Lanes::count(g[i]);
                    Lanes::keep(g[i]);
                });
            if constexpr (counts_c)
                wave([&](auto i, auto r, auto j) TERN_INLINE_LAMBDA {
                    reg& sum = n.c[r][j];
                    sum = Lanes::add(sum, c[i]);
                    Lanes::keep(sum);
                });
            // With two counters only now is a register free for them.
            if constexpr (loads_weights && counts_c) load_masks<next_first>(o, from, lane);
            if constexpr (counts_g)
                wave([&](auto i, auto r, auto j) TERN_INLINE_LAMBDA {
                    reg& sum = n.g[r][j];
                    sum = Lanes::add(sum, g[i]);
                    Lanes::keep(sum);
                });
        });
    }
};

}  // namespace tern::kernel
