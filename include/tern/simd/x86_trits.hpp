// SPDX-License-Identifier: MIT
// Base-3 digits of a register of bytes by permutations of bytes.
#pragma once

#include <tern/encoding.hpp>
#include <tern/simd/x86.hpp>

#if TERN_HAS_AVX512_VPOPCNTDQ

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace tern::simd {

/// Digits 1 to 4 of every byte, side by side in two bits each, the first lowest.
struct trit_table {
    alignas(64) std::uint8_t bytes[256];

    [[nodiscard]] static constexpr trit_table make() noexcept {
        trit_table t{};
        for (unsigned byte = 0; byte < 256; ++byte) {
            unsigned fields = 0;
            for (int digit = 1; digit < trit::per_byte; ++digit)
                fields |= static_cast<unsigned>(trit::decode(static_cast<std::uint8_t>(byte), digit) + 1)
                          << (2 * (digit - 1));
            t.bytes[byte] = static_cast<std::uint8_t>(fields);
        }
        return t;
    }
};
inline constexpr trit_table trit_fields = trit_table::make();

/// What kernel/bytes/trits.hpp asks of `split`: four digits come out of a table of 256 bytes and stay in their fields,
/// the first out of two comparisons.
struct avx512_vpopcntdq_trits {
    using reg = __m512i;
    static constexpr std::size_t sums = 4;
    static constexpr std::size_t dots = 2;  // with the same sum, at most
    template <std::size_t Digit>
    static constexpr std::size_t sum_of = Digit == 0 ? 0 : Digit - 1;
    template <std::size_t Sum>
    static constexpr int shift = 2 * int{Sum};

    static TERN_INLINE void split(reg x, reg (&digits)[trit::per_byte]) noexcept {
        const auto quarter = [](int i) TERN_INLINE_LAMBDA { return _mm512_load_si512(trit_fields.bytes + 64 * i); };
        const reg low = _mm512_permutex2var_epi8(quarter(0), x, quarter(1));
        const reg high = _mm512_permutex2var_epi8(quarter(2), x, quarter(3));
        const reg fields = _mm512_mask_blend_epi8(_mm512_movepi8_mask(x), low, high);
        bits::unroll<4>([&](auto i) TERN_INLINE_LAMBDA {
            digits[i + 1] = _mm512_and_si512(fields, _mm512_set1_epi8(static_cast<char>(3 << (2 * i))));
        });
        // 3 x >= 256 and 3 x >= 512
        digits[0] = _mm512_maskz_mov_epi8(_mm512_cmpgt_epu8_mask(x, _mm512_set1_epi8(85)), _mm512_set1_epi8(1));
        digits[0] = _mm512_mask_mov_epi8(digits[0], _mm512_cmpgt_epu8_mask(x, _mm512_set1_epi8(static_cast<char>(170))),
                                         _mm512_set1_epi8(2));
    }
};

}  // namespace tern::simd

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif  // TERN_HAS_AVX512_VPOPCNTDQ
