// SPDX-License-Identifier: MIT
// streams.hpp for `arch::simd`. xsimd 8.1 widens floats one by one, so a block passes through memory on its way.
#pragma once

#include <tern/simd/batch.hpp>
#include <tern/simd/streams.hpp>

#if TERN_HAS_XSIMD && !(defined(__arm__) && TERN_HAS_NEON)

namespace tern::simd {

struct batch_streams {
    using reg = xsimd::batch<float>;
    using wide = xsimd::batch<double>;
    static constexpr std::size_t block = 16;
    static constexpr std::size_t registers = block / reg::size;
    static constexpr std::size_t wide_registers = block / wide::size;

    struct sums {
        wide s[wide_registers];
    };
    static TERN_INLINE sums zero() noexcept {
        sums total;
        bits::unroll<wide_registers>([&](auto v) TERN_INLINE_LAMBDA { total.s[v] = wide(0.0); });
        return total;
    }
    template <term T>
    static TERN_INLINE void add(sums& total, const float* x, double p) noexcept {
        float chosen[block];
        bits::unroll<registers>([&](auto v) TERN_INLINE_LAMBDA {
            const reg value = reg::load_unaligned(x + v * reg::size);
            const reg size = xsimd::abs(value);
            reg what = T == term::magnitude ? size : value;
            if constexpr (T == term::above || T == term::count)
                what = xsimd::select(size > reg(static_cast<float>(p)), T == term::count ? reg(1.0f) : size, reg(0.0f));
            what.store_unaligned(chosen + v * reg::size);
        });
        double copy[block];
        for (std::size_t i = 0; i < block; ++i) copy[i] = static_cast<double>(chosen[i]);
        bits::unroll<wide_registers>([&](auto v) TERN_INLINE_LAMBDA {
            wide one = wide::load_unaligned(copy + v * wide::size);
            if constexpr (T == term::distance || T == term::square) {
                const wide d = one - wide(p);
                one = T == term::square ? d * d : xsimd::abs(d);
            }
            total.s[v] = total.s[v] + one;
        });
    }
    static TERN_INLINE void prefetch(const float*) noexcept {}
    static TERN_INLINE sums load(const double* from) noexcept {
        sums total;
        bits::unroll<wide_registers>(
            [&](auto v) TERN_INLINE_LAMBDA { total.s[v] = wide::load_unaligned(from + v * wide::size); });
        return total;
    }
    static TERN_INLINE void store(const sums& total, double* to) noexcept {
        bits::unroll<wide_registers>([&](auto v)
                                         TERN_INLINE_LAMBDA { total.s[v].store_unaligned(to + v * wide::size); });
    }

    static TERN_INLINE void choose(const float* x, float lower, float upper, float low, float middle, float high,
                                   float* to) noexcept {
        bits::unroll<registers>([&](auto v) TERN_INLINE_LAMBDA {
            const reg value = reg::load_unaligned(x + v * reg::size);
            const reg not_above = xsimd::select(value < reg(lower), reg(low), reg(middle));
            xsimd::select(value > reg(upper), reg(high), not_above).store_unaligned(to + v * reg::size);
        });
    }
    static TERN_INLINE void gate(const float* x, float low, float high, const float* gradient, float factor,
                                 float* to) noexcept {
        bits::unroll<registers>([&](auto v) TERN_INLINE_LAMBDA {
            const reg value = reg::load_unaligned(x + v * reg::size);
            const reg passed = reg::load_unaligned(gradient + v * reg::size) * reg(factor);
            const reg not_below = xsimd::select(value >= reg(low), passed, reg(0.0f));
            xsimd::select(value <= reg(high), not_below, reg(0.0f)).store_unaligned(to + v * reg::size);
        });
    }
};

}  // namespace tern::simd

#endif
