// SPDX-License-Identifier: MIT
// Three ternary weights times three bytes by lookup: all 27 sums of a pixel are one register of 16-bit numbers, and
// every output takes its own.
#pragma once

#include <tern/simd/x86.hpp>

#if TERN_HAS_AVX512

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace tern::simd {

/// The weights of entry t are t % 3 - 1, t / 3 % 3 - 1 and t / 9 - 1; behind the 27th they are 0.
struct weights_of_three {
    std::int8_t first_two[64];   ///< pairs
    std::int8_t behind_one[64];  ///< 0 and the third

    constexpr weights_of_three() noexcept : first_two(), behind_one() {
        for (int t = 0; t < 27; ++t) {
            first_two[2 * t] = static_cast<std::int8_t>(t % 3 - 1);
            first_two[2 * t + 1] = static_cast<std::int8_t>(t / 3 % 3 - 1);
            behind_one[2 * t + 1] = static_cast<std::int8_t>(t / 9 - 1);
        }
    }
};
inline constexpr weights_of_three all_weights_of_three{};

struct avx512_pixels {
    using reg = __m512i;  ///< 32 numbers of 16 bits
    static constexpr std::size_t width = 32;

    static TERN_INLINE reg load(const void* from) noexcept { return _mm512_loadu_si512(from); }
    static TERN_INLINE void store(void* to, reg x) noexcept { _mm512_storeu_si512(to, x); }
    static TERN_INLINE reg broadcast(std::int32_t x) noexcept { return _mm512_set1_epi16(static_cast<short>(x)); }
    static TERN_INLINE reg multiply(reg a, reg b) noexcept { return _mm512_mullo_epi16(a, b); }

    /// The sums of the bytes x[0], x[1] and x[2], which are unsigned once `flip` has met each pair of them.
    template <bool Flips>
    static TERN_INLINE reg table(const std::uint8_t* x, reg flip, reg first_two, reg behind_one) noexcept {
        reg a = _mm512_set1_epi16(bits::load<std::int16_t>(x));
        reg b = _mm512_set1_epi16(bits::load<std::int16_t>(x + 1));
        if constexpr (Flips) a = _mm512_xor_si512(a, flip);
        if constexpr (Flips) b = _mm512_xor_si512(b, flip);
        return _mm512_add_epi16(_mm512_maddubs_epi16(a, first_two), _mm512_maddubs_epi16(b, behind_one));
    }
    /// sum += what the indices find in a table. Kept in order: GCC would add up lookups first, and run out of
    /// registers.
    static TERN_INLINE void add_lookup(reg& sum, reg index, reg table) noexcept {
        sum = _mm512_add_epi16(sum, _mm512_permutexvar_epi16(index, table));
        pin(sum);
    }
    /// 32 sums as int32.
    static TERN_INLINE void store_sums(std::int32_t* to, reg x) noexcept {
        _mm512_storeu_si512(to, _mm512_cvtepi16_epi32(_mm512_castsi512_si256(x)));
        _mm512_storeu_si512(to + 16, _mm512_cvtepi16_epi32(_mm512_extracti64x4_epi64(x, 1)));
    }
    /// 32 int32, those that are no numbers of 16 bits as the next one that is.
    static TERN_INLINE reg saturate(const std::int32_t* from) noexcept {
        return _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtsepi32_epi16(load(from))),
                                  _mm512_cvtsepi32_epi16(load(from + 16)), 1);
    }
    /// Bit i: a[i] > b[i].
    static TERN_INLINE std::uint32_t above(reg a, reg b) noexcept { return _mm512_cmpgt_epi16_mask(a, b); }
    /// 32 int32 of any alignment modulo 2^16.
    static TERN_INLINE reg narrow(const void* from) noexcept {
        const auto* const at = static_cast<const std::uint8_t*>(from);
        return _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi32_epi16(load(at))),
                                  _mm512_cvtepi32_epi16(load(at + 64)), 1);
    }
    /// Two bits, from bit `shift` on, of each of 16 words of codes.
    static TERN_INLINE reg code(const std::uint8_t* words, unsigned shift) noexcept {
        const reg x = _mm512_srl_epi32(load(words), _mm_cvtsi32_si128(static_cast<int>(shift)));
        return _mm512_and_si512(x, _mm512_set1_epi32(3));
    }
    /// a + 3 b + 9 c as 16 numbers of 16 bits.
    static TERN_INLINE void store_indices(std::uint16_t* to, reg a, reg b, reg c) noexcept {
        const reg three = _mm512_set1_epi32(3);
        const reg last_two = _mm512_add_epi32(b, _mm512_mullo_epi32(three, c));
        const reg index = _mm512_add_epi32(a, _mm512_mullo_epi32(three, last_two));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi32_epi16(index));
    }
};

}  // namespace tern::simd

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif  // TERN_HAS_AVX512
