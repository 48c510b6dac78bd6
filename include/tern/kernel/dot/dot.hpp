// SPDX-License-Identifier: MIT
// Depth in lanes, one sum across them at the end.
#pragma once

#include <tern/kernel/gemm/panel_group.hpp>

#include <tern/kernel/dot/sve.hpp>

namespace tern::kernel {

/// popcount(c) - 2 popcount(g) for one pair of digits; without any mask popcount(c) is the depth and left out.
/// `lhs` and `rhs` point to the digit's first plane.
template <class Lanes, class Lhs, class Rhs>
struct digit_dot {
    using reg = typename Lanes::reg;
    static constexpr bool masked = Lhs::has_mask || Rhs::has_mask;

    const word* lhs;
    const word* rhs;
    size_t lhs_sign;  ///< offset of the sign plane, words
    size_t rhs_sign;

    struct counters {
        reg c;
        reg g;
        std::int32_t c_total;
        std::int32_t g_total;
    };

    TERN_INLINE void step(counters& n, const word* l, const word* r) const noexcept {
        reg c = Lanes::zero();
        if constexpr (Lhs::has_mask && Rhs::has_mask)
            c = Lanes::and_(Lanes::load(l), Lanes::load(r));
        else if constexpr (Lhs::has_mask)
            c = Lanes::load(l);
        else if constexpr (Rhs::has_mask)
            c = Lanes::load(r);
        if constexpr (masked) n.c = Lanes::add(n.c, Lanes::count(c));
        if constexpr (Lhs::has_sign && Rhs::has_sign) {
            const reg a = Lanes::load(l + lhs_sign);
            const reg b = Lanes::load(r + rhs_sign);
            n.g = Lanes::add(n.g, Lanes::count(masked ? Lanes::and_xor(c, a, b) : Lanes::xor_(a, b)));
        } else if constexpr (Lhs::has_sign || Rhs::has_sign) {
            const reg sign = Lhs::has_sign ? Lanes::load(l + lhs_sign) : Lanes::load(r + rhs_sign);
            n.g = Lanes::add(n.g, Lanes::count(Lanes::and_not(c, sign)));
        }
    }

    /// Counters to totals; they start again.
    static TERN_INLINE void fold(counters& n) noexcept {
        n.c_total += sum(Lanes::fold(n.c));
        n.g_total += sum(Lanes::fold(n.g));
        n.c = Lanes::zero();
        n.g = Lanes::zero();
    }

    static TERN_INLINE std::int32_t sum(reg x) noexcept {
        std::int32_t lane[Lanes::width];
        Lanes::store(lane, x);
        std::int32_t total = 0;
        for (std::int32_t value : lane) total += value;
        return total;
    }

    [[nodiscard]] TERN_INLINE std::uint32_t run(size_t words) const noexcept {
        counters n{Lanes::zero(), Lanes::zero(), 0, 0};
        size_t w = 0;
        size_t left = Lanes::fold_every;
        for (; w + Lanes::width <= words; w += Lanes::width) {
            step(n, lhs + w, rhs + w);
            if constexpr (Lanes::fold_every != 0) {
                if (--left == 0) {
                    fold(n);
                    left = Lanes::fold_every;
                }
            }
        }
        fold(n);
        if (w < words) {
            tail(n, w, words - w);
            fold(n);
        }
        // Unsigned: the parts of a product that fits may pass the range before they cancel.
        return static_cast<std::uint32_t>(n.c_total) - 2u * static_cast<std::uint32_t>(n.g_total);
    }

private:
    /// The last words, fewer than a register holds, from zero-padded copies: nothing behind a row is read.
    TERN_INLINE void tail(counters& n, size_t at, size_t count) const noexcept {
        word l[2 * Lanes::width] = {};
        word r[2 * Lanes::width] = {};
        constexpr bool lhs_two = Lhs::has_mask && Lhs::has_sign;
        constexpr bool rhs_two = Rhs::has_mask && Rhs::has_sign;
        for (size_t i = 0; i < count; ++i) {
            l[i] = lhs[at + i];
            r[i] = rhs[at + i];
            if constexpr (lhs_two) l[Lanes::width + i] = lhs[at + i + lhs_sign];
            if constexpr (rhs_two) r[Lanes::width + i] = rhs[at + i + rhs_sign];
        }
        const digit_dot padded{l, r, lhs_two ? Lanes::width : 0, rhs_two ? Lanes::width : 0};
        padded.step(n, l, r);
    }
};

template <class Arch, class Lhs, class Rhs>
std::int32_t run_dot(const packed_rows<Lhs>& lhs, const packed_rows<Rhs>& rhs) noexcept {
    static_assert(Lhs::sign_bit == Rhs::sign_bit,
                  "tern: operands of opposite sign conventions; transcode one of them first");
    using lanes = typename decltype(gemm_config(Arch{}))::lanes;
    using digits = digit_dot<lanes, Lhs, Rhs>;
    std::uint32_t total = 0;
    for (size_t q = 0; q < size_t{Lhs::digits}; ++q) {
        for (size_t p = 0; p < size_t{Rhs::digits}; ++p) {
            const digits pair{lhs.data + q * lhs.plane_stride, rhs.data + p * rhs.plane_stride,
                              Lhs::has_mask && Lhs::has_sign ? lhs.plane_stride : 0,
                              Rhs::has_mask && Rhs::has_sign ? rhs.plane_stride : 0};
            if constexpr (std::is_same_v<lanes, simd::scalar_lanes>) {
                word_product<simd::word_counts, Lhs, Rhs, 1, digits::masked> words;
                words.add(pair.lhs, pair.lhs_sign, pair.rhs, pair.rhs_sign, lhs.words());
                total += words.result() << (p + q);
            } else {
                total += pair.run(lhs.words()) << (p + q);
            }
        }
    }
    constexpr std::uint32_t weights = ((1u << Lhs::digits) - 1u) * ((1u << Rhs::digits) - 1u);
    if constexpr (!digits::masked) total += weights * static_cast<std::uint32_t>(lhs.depth);
    return static_cast<std::int32_t>(total);
}

}  // namespace tern::kernel
