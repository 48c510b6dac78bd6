// SPDX-License-Identifier: MIT
// real.hpp for `arch::simd`.
#pragma once

#include <tern/simd/batch.hpp>
#include <tern/simd/real.hpp>

#if TERN_HAS_XSIMD

namespace tern::simd {

struct batch_real {
    using reg = xsimd::batch<float>;
    using mask = xsimd::batch_bool<float>;
    static constexpr std::size_t width = reg::size;

    static TERN_INLINE reg load(const float* from) noexcept { return reg::load_unaligned(from); }
    static TERN_INLINE void store(float* to, reg x) noexcept { x.store_unaligned(to); }
    static TERN_INLINE reg set(float x) noexcept { return reg(x); }
    static TERN_INLINE mask above(reg a, reg b) noexcept { return a > b; }
    static TERN_INLINE mask not_below(reg a, reg b) noexcept { return a >= b; }
    static TERN_INLINE mask both(mask a, mask b) noexcept { return a & b; }
    static TERN_INLINE reg select(mask m, reg a, reg b) noexcept { return xsimd::select(m, a, b); }
    static TERN_INLINE reg multiply(reg a, reg b) noexcept { return a * b; }
    static TERN_INLINE reg add(reg a, reg b) noexcept { return a + b; }
    static TERN_INLINE reg clamp(reg x, float low, float high) noexcept {
        const reg more = xsimd::select(x > reg(low), x, reg(low));
        return xsimd::select(more < reg(high), more, reg(high));
    }
    static TERN_INLINE reg round(reg x) noexcept { return xsimd::nearbyint(x) + reg(0.0f); }
};

}  // namespace tern::simd

#endif  // TERN_HAS_XSIMD
