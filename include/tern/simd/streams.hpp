// SPDX-License-Identifier: MIT
// Sixteen floats at a time, as quantizers stream over them: summed up in double, replaced by one of three numbers, let
// through or not. This leaf is that of `arch::scalar` and the description of every other; all of them compute the same
// bits, but for `term::square`, where a compiler may fuse the product and the sum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <tern/arch.hpp>
#include <tern/simd/bits.hpp>

namespace tern::simd {

/// What is summed up of a float x, with a parameter p:
///   value      x                       distance  |x - p|
///   magnitude  |x|                     square    (x - p)^2
///   above      |x| where |x| > p       count     1 where |x| > p; p is a float here, and a NaN counts for nothing
enum class term { value, magnitude, above, count, distance, square };

template <term T>
[[nodiscard]] TERN_INLINE constexpr double term_of(float x, double p) noexcept {
    const float size = x < 0.0f ? -x : x;
    if constexpr (T == term::value) return static_cast<double>(x);
    if constexpr (T == term::magnitude) return static_cast<double>(size);
    if constexpr (T == term::above) return size > static_cast<float>(p) ? static_cast<double>(size) : 0.0;
    if constexpr (T == term::count) return size > static_cast<float>(p) ? 1.0 : 0.0;
    const double d = static_cast<double>(x) - p;
    return T == term::square ? d * d : (d < 0.0 ? -d : d);
}

/// A block is x[0 .. 15].
///   sums        sixteen partial sums; element i of every block goes to sum i
///   add         the terms of a block
///   load, store the sums
///   prefetch    the line of x[0] is wanted soon; x may be any address
///   choose      to[i] = x[i] > upper ? high : x[i] < lower ? low : middle; NaN gives the middle
///   gate        to[i] = low <= x[i] <= high ? gradient[i] * factor : 0; NaN x gives 0
struct scalar_streams {
    static constexpr std::size_t block = 16;

    struct sums {
        double s[block];
    };
    static TERN_INLINE sums zero() noexcept {
        sums total;
        for (double& one : total.s) one = 0.0;
        return total;
    }
    template <term T>
    static TERN_INLINE void add(sums& total, const float* x, double p) noexcept {
        for (std::size_t i = 0; i < block; ++i) total.s[i] += term_of<T>(x[i], p);
    }
    static TERN_INLINE sums load(const double* from) noexcept {
        sums total;
        std::memcpy(total.s, from, sizeof total.s);
        return total;
    }
    static TERN_INLINE void store(const sums& total, double* to) noexcept { std::memcpy(to, total.s, sizeof total.s); }

    static TERN_INLINE void prefetch(const float*) noexcept {}

    static TERN_INLINE void choose(const float* x, float lower, float upper, float low, float middle, float high,
                                   float* to) noexcept {
        for (std::size_t i = 0; i < block; ++i) to[i] = x[i] > upper ? high : (x[i] < lower ? low : middle);
    }
    static TERN_INLINE void gate(const float* x, float low, float high, const float* gradient, float factor,
                                 float* to) noexcept {
        for (std::size_t i = 0; i < block; ++i) {
            const float passed = gradient[i] * factor;
            to[i] = x[i] >= low && x[i] <= high ? passed : 0.0f;
        }
    }
};

}  // namespace tern::simd
