// SPDX-License-Identifier: MIT
// The register tile of every popcount product: Rows activations x Registers * width outputs, outputs in lanes.
//
// One word of an activation plane is broadcast to all lanes and meets one word of each output's weight plane:
//     c = mask_x & mask_w        g = c & (sign_x ^ sign_w)        dot += 2^(q + p) (popcount(c) - 2 popcount(g))
// for digit q of the activation and digit p of the weight. No sum crosses lanes. A plane that an encoding does not have is
// all ones; then popcount(c) depends on one operand alone, is left out here and added by the caller (see
// `constant_terms`).
#pragma once

#include <type_traits>

#include <tern/layout.hpp>
#include <tern/simd/scalar.hpp>

#if defined(__clang__)
#define TERN_KEEP_LOOP _Pragma("clang loop unroll(disable)")
#else
#define TERN_KEEP_LOOP
#endif

namespace tern::kernel {

/// Panels of so many bytes that take 512 KB, which a second-level cache has room for, but a multiple of `step`.
[[nodiscard]] TERN_INLINE constexpr size_t near_panels_of(size_t panel_bytes, size_t step) noexcept {
    const size_t n = panel_bytes == 0 ? 0 : (size_t{1} << 19) / panel_bytes / step * step;
    return n < step ? step : n;
}

/// Whether the third-level cache likely keeps that many bytes of weights while all rows pass.
template <class Arch>
[[nodiscard]] TERN_INLINE constexpr bool third_level_keeps(size_t bytes) noexcept {
    return std::is_base_of_v<arch::avx512, Arch> && bytes < size_t{1} << 23;
}

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

/// `PlaneStride`: words from a plane of the rows to the next, if all planes of all rows lie side by side: one address
/// then reaches all of them, which leaves registers, and what `early` says is fetched. 0: rows are anywhere.
template <class Lanes, class Lhs, class Rhs, size_t Rows, size_t Registers, size_t PlaneStride = 0>
struct tile {
    static_assert(Lhs::sign_bit == Rhs::sign_bit,
                  "tern: operands of opposite sign conventions; transcode one of them first");

    using reg = typename Lanes::reg;
    static constexpr size_t panel_registers = panel_outputs / Lanes::width;
    static constexpr size_t panels = Registers < panel_registers ? 1 : Registers / panel_registers;
    static constexpr bool counts_c = Lhs::has_mask && Rhs::has_mask;
    static constexpr bool counts_g = Lhs::has_sign || Rhs::has_sign;
    static constexpr size_t lhs_sign_plane = Lhs::has_mask ? 1 : 0;
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

    static TERN_INLINE reg disagreement(reg c, reg lhs_sign, reg rhs_sign) noexcept {
        constexpr bool masked = Lhs::has_mask || Rhs::has_mask;
        if constexpr (Lhs::has_sign && Rhs::has_sign)
            return masked ? Lanes::and_xor(c, lhs_sign, rhs_sign) : Lanes::xor_(lhs_sign, rhs_sign);
        else  // the missing sign is all ones; an unsigned operand always has a mask
            return Lanes::and_not(c, Lhs::has_sign ? lhs_sign : rhs_sign);
    }

    /// One block: 32 positions of depth. lhs[r]: the digit's first plane; rhs[p]: this block of panel p.
    static TERN_INLINE void step(counters& n, const word* const (&lhs)[Rows], size_t at, size_t sign_offset,
                                 const word* const (&rhs)[panels], size_t lane) noexcept {
        reg mask[Registers];
        reg sign[Registers];
        bits::unroll<Registers>([&](auto j) TERN_INLINE_LAMBDA {
            constexpr size_t offset = j % panel_registers * Lanes::width;
            const word* block = rhs[j / panel_registers] + lane + offset;
            if constexpr (Rhs::has_mask) mask[j] = Lanes::load(block);
            if constexpr (Rhs::has_sign) sign[j] = Lanes::load(block + rhs_sign_plane * panel_outputs);
        });
        // One operation after the other over a few rows at a time, in this order: how well a core spreads the work over
        // its units depends on what stands next to what.
        constexpr size_t wanted = (Lhs::has_mask != Rhs::has_mask) && Lanes::width == panel_outputs ? 4 : 2;
        constexpr size_t batch = Rows % wanted == 0 ? wanted : 1;
        bits::unroll<Rows / batch>([&](auto group) TERN_INLINE_LAMBDA {
            reg lhs_sign[batch];
            reg c[batch][Registers];
            reg g[batch][Registers];
            bits::unroll<batch>([&](auto i) TERN_INLINE_LAMBDA {
                constexpr size_t r = group * batch + i;
                reg lhs_mask = Lanes::zero();
                if constexpr (Lhs::has_mask) lhs_mask = Lanes::broadcast(lhs[r][at]);
                if constexpr (Lhs::has_sign) lhs_sign[i] = Lanes::broadcast(lhs[r][at + sign_offset]);
                bits::unroll<Registers>([&](auto j) TERN_INLINE_LAMBDA {
                    if constexpr (counts_c) {
                        c[i][j] = Lanes::and_(lhs_mask, mask[j]);
                        Lanes::keep_logic(c[i][j]);
                    } else {
                        c[i][j] = Rhs::has_mask ? mask[j] : lhs_mask;
                    }
                });
            });
            bits::unroll<batch>([&](auto i) TERN_INLINE_LAMBDA {
                bits::unroll<counts_g ? Registers : 0>([&](auto j) TERN_INLINE_LAMBDA {
                    g[i][j] = disagreement(c[i][j], lhs_sign[i], sign[j]);
                    if constexpr (Lhs::has_mask || Rhs::has_mask)
                        Lanes::keep(g[i][j]);
                    else
                        Lanes::keep_logic(g[i][j]);
                });
            });
            bits::unroll<batch>([&](auto i) TERN_INLINE_LAMBDA {
                bits::unroll<Registers>([&](auto j) TERN_INLINE_LAMBDA {
                    if constexpr (counts_c) {
                        c[i][j] = Lanes::count(c[i][j]);
                        Lanes::keep(c[i][j]);
                    }
                    if constexpr (counts_g) {
                        g[i][j] = Lanes::count(g[i][j]);
                        Lanes::keep(g[i][j]);
                    }
                });
            });
            bits::unroll<batch>([&](auto i) TERN_INLINE_LAMBDA {
                constexpr size_t r = group * batch + i;
                bits::unroll<Registers>([&](auto j) TERN_INLINE_LAMBDA {
                    if constexpr (counts_c) {
                        n.c[r][j] = Lanes::add(n.c[r][j], c[i][j]);
                        Lanes::keep(n.c[r][j]);
                    }
                    if constexpr (counts_g) {
                        n.g[r][j] = Lanes::add(n.g[r][j], g[i][j]);
                        Lanes::keep(n.g[r][j]);
                    }
                });
            });
        });
    }

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

    /// `step` for cores that run in order: waves of equal operations, none of which waits for another, and loads where
    /// operands are no longer needed, before the counts, which take as long. `o`: this block's first operands, and then,
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

    /// sum += c - 2 g, and the counters start again.
    static TERN_INLINE void fold(reg (&sum)[Rows][Registers], counters& n) noexcept {
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            bits::unroll<Registers>([&](auto j) TERN_INLINE_LAMBDA {
                if constexpr (counts_g) {
                    const reg g = Lanes::fold(n.g[r][j]);
                    sum[r][j] = Lanes::sub(sum[r][j], Lanes::add(g, g));
                }
                if constexpr (counts_c) sum[r][j] = Lanes::add(sum[r][j], Lanes::fold(n.c[r][j]));
            });
        });
        clear(n);
    }

    /// Counts for digit q of the rows and digit p of the outputs; `left`: steps until the counters have to be folded.
    static TERN_INLINE void run_digits(counters& n, reg (&sum)[Rows][Registers], size_t& left, const stretches& depth,
                                       size_t q, const word* const (&rhs)[panels], size_t p, size_t lane) noexcept {
        constexpr size_t block_words = size_t{Rhs::planes} * panel_outputs;
        const size_t plane_stride = PlaneStride != 0 ? PlaneStride : depth.lhs_plane_stride;
        const size_t sign_offset = Lhs::has_mask && Lhs::has_sign ? plane_stride : 0;
        for (size_t s = 0; s < depth.count; ++s) {
            const word* x[Rows];
            const word* w[panels];
            bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
                if constexpr (PlaneStride != 0)
                    x[r] = depth.lhs[s] + q * PlaneStride + r * (size_t{Lhs::planes} * PlaneStride);
                else
                    x[r] = depth.lhs[s * Rows + r] + q * plane_stride;
            });
            const word* early[panels];
            bits::unroll<panels>([&](auto i) TERN_INLINE_LAMBDA {
                w[i] = rhs[i] + depth.rhs_blocks[s] * block_words + p * panel_outputs;
                early[i] = w[i] + depth.early;
            });
            for (size_t at = 0; at < depth.words;) {
                size_t end = depth.words;
                if constexpr (Lanes::fold_every != 0) end = end - at < left ? end : at + left;
                if constexpr (Lanes::fold_every != 0) left -= end - at;
                if constexpr (simd::in_waves<Lanes>) {
                    operands o;
                    row_pointers rows;
                    bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
                        if constexpr (Lhs::has_mask) rows.mask[r] = x[r] + at;
                        if constexpr (Lhs::has_sign) rows.sign[r] = x[r] + at + sign_offset;
                    });
                    load_rows<0, rows_until(0)>(o, rows);
                    advance<rows_until(0)>(rows);
                    load_signs<0>(o, w, lane);
                    load_masks<0>(o, w, lane);
                    const word* next[panels];
                    TERN_KEEP_LOOP
                    for (; at + 1 < end; ++at) {
                        bits::unroll<panels>([&](auto i) TERN_INLINE_LAMBDA { next[i] = w[i] + block_words; });
                        wave_step<true>(n, o, rows, w, next, lane);
                        advance<Rows>(rows);
                        bits::unroll<panels>([&](auto i) TERN_INLINE_LAMBDA { w[i] = next[i]; });
                    }
                    wave_step<false>(n, o, rows, w, w, lane);  // nothing behind the depth is read
                    bits::unroll<panels>([&](auto i) TERN_INLINE_LAMBDA { w[i] += block_words; });
                    ++at;
                } else {
                    TERN_KEEP_LOOP
                    for (; at < end; ++at) {
                        step(n, x, at, sign_offset, w, lane);
                        bits::unroll<panels>([&](auto i) TERN_INLINE_LAMBDA {
                            if constexpr (PlaneStride != 0) {
                                bits::prefetch(early[i]);
                                if constexpr (block_words > panel_outputs) bits::prefetch(early[i] + panel_outputs);
                                early[i] += depth.early_step;
                            }
                            w[i] += block_words;
                        });
                    }
                }
                if constexpr (Lanes::fold_every != 0) {
                    if (left == 0) {
                        fold(sum, n);
                        left = Lanes::fold_every;
                    }
                }
            }
        }
    }

    /// out.acc[r * out.stride + o], o = 0 .. Registers * width - 1: products of row r with the outputs at `lane` of the
    /// given panels.
    static TERN_INLINE void run(const stretches& depth, const word* const (&rhs)[panels], size_t lane,
                                const tile_output& out) noexcept {
        reg sum[Rows][Registers];
        counters n;
        clear(n);
        // Rows of a destination are far apart; stores that have to fetch their line first queue up behind each other.
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            bits::unroll<panels>([&](auto p) TERN_INLINE_LAMBDA {
                bits::prefetch_to_write(out.acc + r * out.stride + p * panel_outputs);
            });
        });
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            bits::unroll<Registers>([&](auto j) TERN_INLINE_LAMBDA { sum[r][j] = Lanes::zero(); });
        });
        size_t left = Lanes::fold_every;
        // Pairs of digits by the power of two they stand for, the highest first, doubling in between.
        for (size_t power = size_t{Lhs::digits + Rhs::digits - 1}; power-- > 0;) {
            for (size_t q = 0; q < size_t{Lhs::digits}; ++q) {
                if (q > power || power - q >= size_t{Rhs::digits}) continue;
                run_digits(n, sum, left, depth, q, rhs, power - q, lane);
            }
            fold(sum, n);
            left = Lanes::fold_every;
            if (power != 0) {
                bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
                    bits::unroll<Registers>(
                        [&](auto j) TERN_INLINE_LAMBDA { sum[r][j] = Lanes::add(sum[r][j], sum[r][j]); });
                });
            }
        }
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            bits::unroll<Registers>([&](auto j) TERN_INLINE_LAMBDA {
                std::int32_t* to = out.acc + r * out.stride + j * Lanes::width;
                reg s = sum[r][j];
                if (out.add)
                    s = Lanes::add(s, Lanes::load(reinterpret_cast<const word*>(to)));
                else if constexpr (!counts_c)
                    s = Lanes::add(s, Lanes::add(Lanes::broadcast(out.per_row[r]),
                                                 Lanes::load(out.per_output + j * Lanes::width)));
                Lanes::store(to, s);
            });
        });
    }
};

}  // namespace tern::kernel
