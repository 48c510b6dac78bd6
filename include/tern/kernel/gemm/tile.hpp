// SPDX-License-Identifier: MIT
// The register tile of every popcount product: Rows activations x Registers * width outputs, outputs in lanes.
//
// One word of an activation plane is broadcast to all lanes and meets one word of each output's weight plane:
//     c = mask_x & mask_w        g = c & (sign_x ^ sign_w)        dot += 2^(q + p) (popcount(c) - 2 popcount(g))
// for digit q of the activation and digit p of the weight. No sum crosses lanes. A plane that an encoding does not have
// is all ones; then popcount(c) depends on one operand alone, is left out here and added by the caller (see
// `constant_terms`).
#pragma once

#include <tern/kernel/gemm/waves.hpp>

namespace tern::kernel {

/// `PlaneStride`: words from a plane of the rows to the next, if all planes of all rows lie side by side: one address
/// then reaches all of them, which leaves registers, and what `early` says is fetched. 0: rows are anywhere.
template <class Lanes, class Lhs, class Rhs, size_t Rows, size_t Registers, size_t PlaneStride = 0>
struct tile : tile_shape<Lanes, Lhs, Rhs, Rows, Registers> {
    using shape = tile_shape<Lanes, Lhs, Rhs, Rows, Registers>;
    using typename shape::reg;
    using typename shape::counters;
    using shape::panel_registers, shape::panels, shape::counts_c, shape::counts_g, shape::rhs_sign_plane, shape::clear;

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
                    tile_waves<Lanes, Lhs, Rhs, Rows, Registers>::run(n, x, at, end, sign_offset, w, lane);
                    at = end;
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
