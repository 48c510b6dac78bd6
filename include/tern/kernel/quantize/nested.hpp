// SPDX-License-Identifier: MIT
// Several ternary values of one weight with nested supports and one sign: their encoding and its encoder (weights.hpp).
#pragma once

#include <tern/kernel/quantize/weights.hpp>

namespace tern {

/// t_1 + ... + t_K in -K .. K, where t_k != 0 implies t_1 = ... = t_k: K planes of masks, plane k - 1 says t_k != 0,
/// and behind them one sign plane (set = +). A zero's sign bit is 0. For `packed_rows` and `packed_panels`.
template <int K>
struct nested_ternary {
    static_assert(K >= 1 && K <= 8, "tern::nested_ternary<K>: K is 1 to 8 levels");
    static constexpr int levels = K;
    static constexpr int planes = K + 1;
    static constexpr bool has_mask = true;
    static constexpr bool has_sign = true;
    static constexpr set_bit sign_bit = set_bit::plus;
    static constexpr std::int32_t max_abs = K;

    [[nodiscard]] static TERN_INLINE constexpr bool valid(std::int32_t value) noexcept {
        return value >= -K && value <= K;
    }
    [[nodiscard]] static TERN_INLINE constexpr std::uint32_t encode(std::int32_t value) noexcept {
        const std::uint32_t size = static_cast<std::uint32_t>(value < 0 ? -value : value);
        return ((1u << size) - 1u) | (value > 0 ? 1u << K : 0u);
    }
    [[nodiscard]] static TERN_INLINE constexpr std::int32_t decode(std::uint32_t code) noexcept {
        const std::int32_t size = bits::popcount(code & ((1u << K) - 1u));
        return (code >> K & 1u) != 0u ? size : -size;
    }
};

}  // namespace tern

namespace tern::kernel {

/// The next float below x >= 0.
[[nodiscard]] TERN_INLINE float next_below(float x) noexcept {
    const std::uint32_t number = bits::load<std::uint32_t>(&x);
    const std::uint32_t below = !(x > 0.0f) ? 0x80000001u : number - 1;
    return bits::load<float>(&below);
}

/// Level k is +1 where x >= thresholds[k], -1 where x < -thresholds[k]; thresholds rise.
template <int K>
struct row_nested {
    using encoding = nested_ternary<K>;

    float lower[size_t{K}];
    float upper[size_t{K}];

    TERN_INLINE row_nested() noexcept {}
    TERN_INLINE explicit row_nested(const float* thresholds) noexcept {
        for (int k = 0; k < K; ++k) {
            lower[k] = -thresholds[k];
            upper[k] = next_below(thresholds[k]);
        }
    }

    template <class Arch>
    TERN_INLINE void encode(const float* x, word (&planes)[size_t{K + 1}]) const noexcept {
        bits::unroll<size_t{K}>([&](auto k) TERN_INLINE_LAMBDA {
            const simd::signs s = floats<Arch>::compare(x, lower[k], upper[k]);
            planes[k] = s.plus | s.minus;
            if constexpr (k == 0) planes[K] = s.plus;
        });
    }
};

}  // namespace tern::kernel
