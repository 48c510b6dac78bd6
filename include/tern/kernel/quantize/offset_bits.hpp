// SPDX-License-Identifier: MIT
// Encoders (see weights.hpp) of numbers of several bits: of [0, 1], and of [-1, 1] with an offset.
#pragma once

#include <tern/kernel/quantize/weights.hpp>

namespace tern::kernel {

/// round((2^K - 1) x), clamped to 0 .. 2^K - 1; NaN gives 0.
template <int K>
struct row_unsigned {
    using encoding = unsigned_bits<K>;

    TERN_INLINE constexpr row_unsigned() noexcept {}

    template <class Arch>
    TERN_INLINE void encode(const float* x, word (&planes)[size_t{K}]) const noexcept {
        constexpr auto steps = static_cast<float>(encoding::max_abs);
        floats<Arch>::template to_planes<size_t{K}, simd::rounding::half_even>(x, steps, planes);
    }
};

/// round(L x) + L, L = 2^(K-1) - 1, clamped to 0 .. 2 L; NaN gives L.
///
/// With m = round(L |x|) <= L, all of it on planes: for x < 0 the code is L - m = ~m in K - 1 bits, else
/// m + L = (m + 2^(K-1)) - 1, a borrow that runs up the planes.
template <int K>
struct row_offset {
    static_assert(K >= 3, "tern: weights of two bits are ternary, of one bit binary");
    using encoding = unsigned_bits<K>;

    TERN_INLINE constexpr row_offset() noexcept {}

    template <class Arch>
    TERN_INLINE void encode(const float* x, word (&planes)[size_t{K}]) const noexcept {
        constexpr size_t low = size_t{K} - 1;
        constexpr auto steps = static_cast<float>((1 << low) - 1);
        float size[word_bits];
        for (size_t i = 0; i < word_bits; ++i) size[i] = x[i] < 0.0f ? -x[i] : x[i];
        const word negative = floats<Arch>::compare(x, 0.0f, std::numeric_limits<float>::infinity()).minus;
        word m[low];
        floats<Arch>::template to_planes<low, simd::rounding::half_even>(size, steps, m);
        word borrow = ~0u;
        bits::unroll<low>([&](auto p) TERN_INLINE_LAMBDA {
            planes[p] = (negative & ~m[p]) | (~negative & (m[p] ^ borrow));
            borrow &= ~m[p];
        });
        planes[low] = ~negative & ~borrow;
    }
};

}  // namespace tern::kernel
