// SPDX-License-Identifier: MIT
// floats.hpp for `arch::simd`. xsimd 8.1 has no way from a mask to an integer: the bit v * width of lane l is
// collected over the registers v of a block, and the lanes are put together at the end.
#pragma once

#include <tern/simd/batch.hpp>
#include <tern/simd/floats.hpp>

#if TERN_HAS_XSIMD

namespace tern::simd {

struct batch_floats {
    using reg = xsimd::batch<float>;
    using integers = xsimd::batch<std::int32_t>;
    static constexpr std::size_t width = reg::size;
    static constexpr std::size_t registers = 32 / width;

    static TERN_INLINE std::uint32_t largest(const float* x, std::size_t blocks) noexcept {
        reg most[registers];
        reg strange(0.0f);
        bits::unroll<registers>([&](auto v) TERN_INLINE_LAMBDA { most[v] = reg(0.0f); });
        for (std::size_t i = 0; i < blocks; ++i, x += 32) {
            bits::unroll<registers>([&](auto v) TERN_INLINE_LAMBDA {
                const reg magnitude = xsimd::abs(reg::load_unaligned(x + v * width));
                most[v] = xsimd::select(magnitude > most[v], magnitude, most[v]);
                strange = strange | xsimd::select(magnitude == magnitude, reg(0.0f), magnitude);
            });
        }
        float all[32];
        float any[width];
        bits::unroll<registers>([&](auto v) TERN_INLINE_LAMBDA { most[v].store_unaligned(all + v * width); });
        strange.store_unaligned(any);
        std::uint32_t result = 0;
        for (const float& one : all) result = larger(bits::load<std::uint32_t>(&one), result);
        for (const float& one : any) result = larger(bits::load<std::uint32_t>(&one), result);
        return result;
    }
    static TERN_INLINE signs compare(const float* x, const float* lower, const float* upper) noexcept {
        reg plus(0.0f);
        reg minus(0.0f);
        bits::unroll<registers>([&](auto v) TERN_INLINE_LAMBDA {
            const reg value = reg::load_unaligned(x + v * width);
            plus = plus | marked<v * width>(value > reg::load_unaligned(upper + v * width));
            minus = minus | marked<v * width>(value < reg::load_unaligned(lower + v * width));
        });
        return {joined(plus), joined(minus)};
    }
    static TERN_INLINE signs compare(const float* x, float lower, float upper) noexcept {
        reg plus(0.0f);
        reg minus(0.0f);
        bits::unroll<registers>([&](auto v) TERN_INLINE_LAMBDA {
            const reg value = reg::load_unaligned(x + v * width);
            plus = plus | marked<v * width>(value > reg(upper));
            minus = minus | marked<v * width>(value < reg(lower));
        });
        return {joined(plus), joined(minus)};
    }
    static TERN_INLINE std::uint32_t not_negative(const float* x) noexcept {
        reg mask(0.0f);
        bits::unroll<registers>([&](auto v) TERN_INLINE_LAMBDA {
            mask = mask | marked<v * width>(reg::load_unaligned(x + v * width) >= reg(0.0f));
        });
        return joined(mask);
    }
    template <bool Finite>
    static TERN_INLINE void to_bytes(const float* x, float factor, std::int8_t* q) noexcept {
        std::int32_t levels[32];
        bits::unroll<registers>([&](auto v) TERN_INLINE_LAMBDA {
            const reg y = reg::load_unaligned(x + v * width) * reg(factor);
            if constexpr (Finite) {
                integer(xsimd::nearbyint(y)).store_unaligned(levels + v * width);
            } else {
                const reg number = xsimd::select(y == y, y, reg(0.0f));
                integer(xsimd::nearbyint(clamped(number, -127.0f, 127.0f))).store_unaligned(levels + v * width);
            }
        });
        for (int i = 0; i < 32; ++i) q[i] = static_cast<std::int8_t>(levels[i]);
    }
    template <std::size_t K, rounding R>
    static TERN_INLINE void to_planes(const float* x, float factor, std::uint32_t (&planes)[K]) noexcept {
        constexpr std::int32_t lowest = R == rounding::down ? -(1 << (K - 1)) : 0;
        constexpr std::int32_t levels = (1 << K) - 1;
        integers codes[registers];
        bits::unroll<registers>([&](auto v) TERN_INLINE_LAMBDA {
            const reg y = clamped(reg::load_unaligned(x + v * width) * reg(factor), static_cast<float>(lowest),
                                  static_cast<float>(lowest + levels));
            if constexpr (R == rounding::down)
                codes[v] = integer(xsimd::floor(y)) - integers(lowest);
            else
                codes[v] = integer(xsimd::nearbyint(y));
        });
        bits::unroll<K>([&](auto p) TERN_INLINE_LAMBDA {
            integers mask(0);
            bits::unroll<registers>([&](auto v) TERN_INLINE_LAMBDA {
                mask = mask | ((codes[v] >> static_cast<int>(p) & integers(1)) << static_cast<int>(v * width));
            });
            std::uint32_t lanes[width];
            mask.store_unaligned(reinterpret_cast<std::int32_t*>(lanes));  // signed and unsigned of a type may alias
            planes[p] = joined(lanes);
        });
    }

private:
    static TERN_INLINE std::uint32_t larger(std::uint32_t a, std::uint32_t b) noexcept { return a > b ? a : b; }
    static TERN_INLINE integers integer(reg x) noexcept { return xsimd::to_int(x); }
    /// NaN becomes `low`.
    static TERN_INLINE reg clamped(reg x, float low, float high) noexcept {
        const reg above = xsimd::select(x > reg(low), x, reg(low));
        return xsimd::select(above < reg(high), above, reg(high));
    }
    /// Bit `Place` of the lanes that are set.
    template <std::size_t Place>
    static TERN_INLINE reg marked(xsimd::batch_bool<float> set) noexcept {
        const std::uint32_t one_bit = std::uint32_t{1} << Place;
        return xsimd::select(set, reg(bits::load<float>(&one_bit)), reg(0.0f));
    }

    /// Lane l has bits for the elements l, l + width, ...
    static TERN_INLINE std::uint32_t joined(const std::uint32_t (&lanes)[width]) noexcept {
        std::uint32_t word = 0;
        for (std::size_t l = 0; l < width; ++l) word |= lanes[l] << l;
        return word;
    }
    static TERN_INLINE std::uint32_t joined(reg x) noexcept {
        float lanes[width];
        x.store_unaligned(lanes);
        std::uint32_t words[width];
        std::memcpy(words, lanes, sizeof words);
        return joined(words);
    }
};

}  // namespace tern::simd

#endif  // TERN_HAS_XSIMD
