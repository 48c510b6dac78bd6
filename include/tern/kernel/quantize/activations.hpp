// SPDX-License-Identifier: MIT
// One row of floats at a time, 32 elements a step. The last step works on a copy, so that nothing behind the row is
// read or written.
#pragma once

#include <tern/epilogue.hpp>
#include <tern/kernel/quantize/scalar.hpp>
#include <tern/kernel/quantize/simd.hpp>
#include <tern/kernel/quantize/x86.hpp>
#include <tern/layout.hpp>

namespace tern::kernel {

template <class Arch>
using floats = decltype(floats_of(Arch{}));

/// Up to 32 floats in front of zeros.
struct padded_floats {
    float x[word_bits];

    TERN_INLINE padded_floats(const float* from, size_t count) noexcept {
        std::memset(x, 0, sizeof x);
        std::memcpy(x, from, count * sizeof *x);
    }
};

/// Calls block(32 floats, index of the block, how many of them exist).
template <class Block>
TERN_INLINE void for_each_block(const float* x, size_t n, const Block& block) noexcept {
    const size_t whole = n / word_bits;
    for (size_t w = 0; w < whole; ++w) block(x + w * word_bits, w, word_bits);
    if (const size_t left = n % word_bits; left != 0) {
        const padded_floats last(x + whole * word_bits, left);
        block(last.x, whole, left);
    }
}

/// max |x[i]| of the numbers, infinity among them, and whether all of x is finite.
struct magnitude {
    float most;
    bool finite;
};

template <class Arch>
[[nodiscard]] magnitude largest_magnitude(const float* x, size_t n) noexcept {
    constexpr std::uint32_t infinity = 0x7f800000u;
    const size_t whole = n / word_bits;
    std::uint32_t most = floats<Arch>::largest(x, whole);
    if (const size_t left = n % word_bits; left != 0) {
        const padded_floats last(x + whole * word_bits, left);
        const std::uint32_t rest = floats<Arch>::largest(last.x, 1);
        most = rest > most ? rest : most;
    }
    const bool finite = most < infinity;
    if (most > infinity) {
        most = 0;
        for (size_t i = 0; i < n; ++i) {
            const std::uint32_t one = bits::load<std::uint32_t>(x + i) & 0x7fffffffu;
            if (one > most && one <= infinity) most = one;
        }
    }
    return {bits::load<float>(&most), finite};
}

template <class Arch, bool Finite>
void quantize_int8_row(const float* x, size_t n, float factor, std::int8_t* q) noexcept {
    for_each_block(x, n, [&](const float* from, size_t w, size_t count) TERN_INLINE_LAMBDA {
        if (count == word_bits) {
            floats<Arch>::template to_bytes<Finite>(from, factor, q + w * word_bits);
        } else {
            std::int8_t all[word_bits];
            floats<Arch>::template to_bytes<Finite>(from, factor, all);
            std::memcpy(q + w * word_bits, all, count);
        }
    });
}

/// `bit`: whether a set bit stands for x >= 0.
template <class Arch>
void quantize_binary_row(const float* x, size_t n, set_bit bit, word* q) noexcept {
    const word flip = bit == set_bit::plus ? 0u : ~0u;
    for_each_block(x, n, [&](const float* from, size_t w, size_t count) TERN_INLINE_LAMBDA {
        q[w] = (floats<Arch>::not_negative(from) ^ flip) & bits::low_mask(count);
    });
}

/// The two planes of 32 columns and their limits.
template <class Arch>
TERN_INLINE void store_signs(const float* x, const float* lower, const float* upper, size_t count, word* nonzero,
                             word* sign) noexcept {
    const simd::signs s = floats<Arch>::compare(x, lower, upper);
    const word exists = bits::low_mask(count);
    *nonzero = (s.plus | s.minus) & exists;
    *sign = s.plus & exists;
}

template <class Arch>
void quantize_ternary_row(const float* x, size_t n, const thresholds& limits, word* nonzero, word* sign) noexcept {
    const bool many_lower = limits.lower.data != nullptr && limits.lower.stride != 0;
    const bool many_upper = limits.upper.data != nullptr && limits.upper.stride != 0;
    float one_lower[word_bits];
    float one_upper[word_bits];
    for (size_t i = 0; i < word_bits; ++i) {
        one_lower[i] = many_lower ? 0.0f : limits.lower.at(0, 0, -0.5f);
        one_upper[i] = many_upper ? 0.0f : limits.upper.at(0, 0, 0.5f);
    }
    if (!many_lower && !many_upper) {  // both stay in registers
        for_each_block(x, n, [&](const float* from, size_t w, size_t count) TERN_INLINE_LAMBDA {
            store_signs<Arch>(from, one_lower, one_upper, count, nonzero + w, sign + w);
        });
        return;
    }
    for_each_block(x, n, [&](const float* from, size_t w, size_t count) TERN_INLINE_LAMBDA {
        const float* lower = many_lower ? limits.lower.data + w * word_bits : one_lower;
        const float* upper = many_upper ? limits.upper.data + w * word_bits : one_upper;
        if (count == word_bits) {
            store_signs<Arch>(from, lower, upper, count, nonzero + w, sign + w);
        } else {
            const padded_floats last_lower(lower, count);
            const padded_floats last_upper(upper, count);
            store_signs<Arch>(from, last_lower.x, last_upper.x, count, nonzero + w, sign + w);
        }
    });
}

template <class Arch, size_t K, simd::rounding R>
void quantize_bits_row(const float* x, size_t n, float factor, word* q, size_t plane_stride) noexcept {
    for_each_block(x, n, [&](const float* from, size_t w, size_t count) TERN_INLINE_LAMBDA {
        word planes[K];
        floats<Arch>::template to_planes<K, R>(from, factor, planes);
        const word exists = bits::low_mask(count);
        bits::unroll<K>([&](auto p) TERN_INLINE_LAMBDA { q[p * plane_stride + w] = planes[p] & exists; });
    });
}

}  // namespace tern::kernel
