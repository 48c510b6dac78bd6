// SPDX-License-Identifier: MIT
#pragma once

#include <tern/layout.hpp>
#include <tern/simd/arm_sve.hpp>

#if TERN_HAS_SVE

namespace tern::kernel {

template <class Lanes, class Lhs, class Rhs>
struct digit_dot;

/// As in dot.hpp; the last words are those of a register that are left.
template <class Lhs, class Rhs>
struct digit_dot<simd::sve_lanes, Lhs, Rhs> {
    static constexpr bool masked = Lhs::has_mask || Rhs::has_mask;

    const word* lhs;
    const word* rhs;
    size_t lhs_sign;
    size_t rhs_sign;

    [[nodiscard]] TERN_INLINE std::uint32_t run(size_t words) const noexcept {
        using sve = simd::sve_lanes;
        sve::reg c = sve::zero();
        sve::reg g = sve::zero();
        const size_t step = sve::count_of_lanes();
        for (size_t at = 0; at < words; at += step) {
            const sve::lanes some = sve::active(at, words);
            const auto plane = [&](const word* from) TERN_INLINE_LAMBDA { return sve::load(some, from + at); };
            sve::reg both = plane(Lhs::has_mask || !Rhs::has_mask ? lhs : rhs);
            if constexpr (Lhs::has_mask && Rhs::has_mask) both = sve::and_(both, plane(rhs));
            if constexpr (masked) c = sve::add(c, sve::count(both));
            if constexpr (Lhs::has_sign && Rhs::has_sign) {
                const sve::reg differs = sve::xor_(plane(lhs + lhs_sign), plane(rhs + rhs_sign));
                g = sve::add(g, sve::count(masked ? sve::and_(both, differs) : differs));
            } else if constexpr (Lhs::has_sign || Rhs::has_sign) {
                const sve::reg sign = plane(Lhs::has_sign ? lhs + lhs_sign : rhs + rhs_sign);
                g = sve::add(g, sve::count(sve::and_not(both, sign)));
            }
        }
        return sve::total(c) - 2u * sve::total(g);
    }
};

}  // namespace tern::kernel

#endif  // TERN_HAS_SVE
