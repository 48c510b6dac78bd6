// SPDX-License-Identifier: MIT
// The register tile of every popcount product: Rows activations x Registers * width outputs, outputs in lanes.
//
// One word of an activation plane is broadcast to all lanes and meets one word of each output's weight plane:
//     c = mask_x & mask_w          g = c & (sign_x ^ sign_w)          dot += 2^q (popcount(c) - 2 popcount(g))
// No sum crosses lanes. A plane that an encoding does not have is all ones; then popcount(c) depends on one operand
// alone, is left out here and added by the caller (see `constant_terms`).
#pragma once

#include <tern/layout.hpp>
#include <tern/simd/scalar.hpp>

#if defined(__clang__)
#define TERN_KEEP_LOOP _Pragma("clang loop unroll(disable)")
#else
#define TERN_KEEP_LOOP
#endif

namespace tern::kernel {

/// Stretches of depth, each somewhere else in memory: one for a matrix product, one for each tap inside the image for a
/// convolution. `lhs` holds `rows` pointers a stretch, to plane 0 of digit 0; `rhs_blocks` the first block of each.
struct stretches {
    const word* const* lhs = nullptr;
    const size_t* rhs_blocks = nullptr;
    size_t count = 0;
    size_t words = 0;             ///< depth of every stretch
    size_t lhs_plane_stride = 0;  ///< words
};

template <class Lanes, class Lhs, class Rhs, size_t Rows, size_t Registers>
struct tile {
    static_assert(Rhs::digits == 1, "tern: weights of more than one digit have no kernel; use binary or ternary");
    static_assert(Lhs::sign_bit == Rhs::sign_bit,
                  "tern: operands of opposite sign conventions; transcode one of them first");

    using reg = typename Lanes::reg;
    static constexpr size_t panel_registers = panel_outputs / Lanes::width;
    static constexpr size_t panels = Registers < panel_registers ? 1 : Registers / panel_registers;
    static constexpr bool counts_c = Lhs::has_mask && Rhs::has_mask;
    static constexpr size_t lhs_sign_plane = Lhs::has_mask ? 1 : 0;
    static constexpr size_t rhs_sign_plane = Rhs::has_mask ? 1 : 0;

    struct counters {
        reg c[counts_c ? Rows : 1][counts_c ? Registers : 1];
        reg g[Rows][Registers];
    };

    static TERN_INLINE void clear(counters& n) noexcept {
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            bits::unroll<Registers>([&](auto j) TERN_INLINE_LAMBDA {
                if constexpr (counts_c) n.c[r][j] = Lanes::zero();
                n.g[r][j] = Lanes::zero();
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
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            reg lhs_mask = Lanes::zero();
            reg lhs_sign = Lanes::zero();
            if constexpr (Lhs::has_mask) lhs_mask = Lanes::broadcast(lhs[r][at]);
            if constexpr (Lhs::has_sign) lhs_sign = Lanes::broadcast(lhs[r][at + sign_offset]);
            bits::unroll<Registers>([&](auto j) TERN_INLINE_LAMBDA {
                reg c = lhs_mask;
                if constexpr (counts_c) {
                    c = Lanes::and_(lhs_mask, mask[j]);
                    n.c[r][j] = Lanes::add(n.c[r][j], Lanes::count(c));
                } else if constexpr (Rhs::has_mask) {
                    c = mask[j];
                }
                n.g[r][j] = Lanes::add(n.g[r][j], Lanes::count(disagreement(c, lhs_sign, sign[j])));
            });
        });
    }

    /// sum += c - 2 g, and the counters start again.
    static TERN_INLINE void fold(reg (&sum)[Rows][Registers], counters& n) noexcept {
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            bits::unroll<Registers>([&](auto j) TERN_INLINE_LAMBDA {
                const reg g = Lanes::fold(n.g[r][j]);
                reg s = Lanes::sub(sum[r][j], Lanes::add(g, g));
                if constexpr (counts_c) s = Lanes::add(s, Lanes::fold(n.c[r][j]));
                sum[r][j] = s;
            });
        });
        clear(n);
    }

    /// acc[r * acc_stride + o], o = 0 .. Registers * width - 1, gets (or, with `add`, is increased by) the products of
    /// row r with the outputs at `lane` of the given panels.
    static TERN_INLINE void run(const stretches& depth, const word* const (&rhs)[panels], size_t lane,
                                std::int32_t* acc, size_t acc_stride, bool add) noexcept {
        constexpr size_t block_words = size_t{Rhs::planes} * panel_outputs;
        const size_t sign_offset = Lhs::has_mask && Lhs::has_sign ? depth.lhs_plane_stride : 0;
        reg sum[Rows][Registers];
        counters n;
        clear(n);
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            bits::unroll<Registers>([&](auto j) TERN_INLINE_LAMBDA { sum[r][j] = Lanes::zero(); });
        });
        size_t left = Lanes::fold_every;
        for (size_t q = size_t{Lhs::digits}; q-- > 0;) {
            for (size_t s = 0; s < depth.count; ++s) {
                const word* x[Rows];
                const word* w[panels];
                bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
                    x[r] = depth.lhs[s * Rows + r] + q * depth.lhs_plane_stride;
                });
                bits::unroll<panels>([&](auto p) TERN_INLINE_LAMBDA {
                    w[p] = rhs[p] + depth.rhs_blocks[s] * block_words;
                });
                for (size_t at = 0; at < depth.words;) {
                    size_t end = depth.words;
                    if constexpr (Lanes::fold_every != 0) end = end - at < left ? end : at + left;
                    if constexpr (Lanes::fold_every != 0) left -= end - at;
                    TERN_KEEP_LOOP
                    for (; at < end; ++at) {
                        step(n, x, at, sign_offset, w, lane);
                        bits::unroll<panels>([&](auto p) TERN_INLINE_LAMBDA { w[p] += block_words; });
                    }
                    if constexpr (Lanes::fold_every != 0) {
                        if (left == 0) {
                            fold(sum, n);
                            left = Lanes::fold_every;
                        }
                    }
                }
            }
            fold(sum, n);
            left = Lanes::fold_every;
            if (q != 0) {  // Horner's rule over the digits, the highest first
                bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
                    bits::unroll<Registers>(
                        [&](auto j) TERN_INLINE_LAMBDA { sum[r][j] = Lanes::add(sum[r][j], sum[r][j]); });
                });
            }
        }
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            bits::unroll<Registers>([&](auto j) TERN_INLINE_LAMBDA {
                std::int32_t* to = acc + r * acc_stride + j * Lanes::width;
                reg s = sum[r][j];
                if (add) s = Lanes::add(s, Lanes::load(reinterpret_cast<const word*>(to)));
                Lanes::store(to, s);
            });
        });
    }
};

}  // namespace tern::kernel
