// SPDX-License-Identifier: MIT
// The way back from byte_planes.hpp: 32 columns of bits become 32 signed bytes, and bytes become integers or bits.
#pragma once

#include <tern/simd/scalar.hpp>
#include <tern/simd/x86.hpp>

namespace tern::simd {

/// This leaf is that of architectures without one of their own.
///   words    that are worked on together, 32 bytes each
///   expand   bit i of P words, `stride` words apart, as a two's complement number in byte i; Add: added to it
///   widen    32 bytes as int32
///   above    bit i: a[i] > b[i], of all bytes of `words`
struct scalar_plane_bytes {
    static constexpr std::size_t words = 1;

    template <int P, bool Add>
    static TERN_INLINE void expand(const std::uint32_t* planes, std::size_t stride, std::int8_t* to) noexcept {
        for (int part = 0; part < 4; ++part) {
            std::uint64_t eight = 0;
            for (int p = 0; p < P; ++p) {
                const std::uint64_t byte = planes[static_cast<std::size_t>(p) * stride] >> (8 * part) & 255u;
                // Bit i of every copy of the byte stays in byte i, and fills it or gives a one.
                const std::uint64_t one = ((byte * every & 0x8040201008040201u) + 0x7f7f7f7f7f7f7f7fu) >> 7 & every;
                eight |= p == P - 1 ? one * (256u - (1u << (P - 1))) : one << p;
            }
            if (Add) eight = sum(eight, bits::load<std::uint64_t>(to + 8 * part));
            bits::store(to + 8 * part, eight);
        }
    }
    static TERN_INLINE void widen(const std::int8_t* from, std::int32_t* to) noexcept {
        for (int i = 0; i < 32; ++i) to[i] = from[i];
    }
    static TERN_INLINE std::uint32_t above(const std::int8_t* a, const std::int8_t* b) noexcept {
        std::uint32_t mask = 0;
        for (int i = 0; i < 32; ++i) mask |= (a[i] > b[i] ? 1u : 0u) << i;
        return mask;
    }

private:
    static constexpr std::uint64_t every = 0x0101010101010101u;
    static constexpr std::uint64_t low = 0x7f7f7f7f7f7f7f7fu;

    static TERN_INLINE std::uint64_t sum(std::uint64_t a, std::uint64_t b) noexcept {
        return ((a & low) + (b & low)) ^ ((a ^ b) & ~low);
    }
};

/// Which of them an architecture uses; only the types matter.
scalar_plane_bytes plane_bytes_of(arch::scalar) noexcept;

#if TERN_HAS_AVX2

struct avx2_plane_bytes {
    static constexpr std::size_t words = 1;

    static TERN_INLINE __m256i load(const std::int8_t* from) noexcept {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    }
    template <int P, bool Add>
    static TERN_INLINE void expand(const std::uint32_t* planes, std::size_t stride, std::int8_t* to) noexcept {
        const __m256i spread = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
        const __m256i bit = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201u));
        __m256i all = _mm256_setzero_si256();
        bits::unroll<std::size_t{P}>([&](auto p) TERN_INLINE_LAMBDA {
            constexpr int plane = static_cast<int>(decltype(p)::value);
            const __m256i word = _mm256_set1_epi32(static_cast<int>(planes[p * stride]));
            const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(_mm256_shuffle_epi8(word, spread), bit), bit);
            constexpr int value = plane == P - 1 ? -(1 << plane) : 1 << plane;
            all = _mm256_or_si256(all, _mm256_and_si256(set, _mm256_set1_epi8(static_cast<char>(value))));
        });
        if (Add) all = _mm256_add_epi8(all, load(to));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), all);
    }
    static TERN_INLINE void widen(const std::int8_t* from, std::int32_t* to) noexcept {
        for (int i = 0; i < 32; i += 8)
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i),
                                _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from + i))));
    }
    static TERN_INLINE std::uint32_t above(const std::int8_t* a, const std::int8_t* b) noexcept {
        return static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpgt_epi8(load(a), load(b))));
    }
};

avx2_plane_bytes plane_bytes_of(arch::avx2) noexcept;

#endif  // TERN_HAS_AVX2

#if TERN_HAS_AVX512

struct avx512_plane_bytes {
    static constexpr std::size_t words = 2;

    template <int P, bool Add>
    static TERN_INLINE void expand(const std::uint32_t* planes, std::size_t stride, std::int8_t* to) noexcept {
        __m512i all = Add ? _mm512_loadu_si512(to) : _mm512_setzero_si512();
        bits::unroll<std::size_t{P}>([&](auto p) TERN_INLINE_LAMBDA {
            constexpr int plane = static_cast<int>(decltype(p)::value);
            constexpr int value = plane == P - 1 ? -(1 << plane) : 1 << plane;
            const auto set = bits::load<std::uint64_t>(planes + p * stride);
            all = _mm512_mask_add_epi8(all, set, all, _mm512_set1_epi8(static_cast<char>(value)));
        });
        _mm512_storeu_si512(to, all);
    }
    static TERN_INLINE void widen(const std::int8_t* from, std::int32_t* to) noexcept {
        for (int i = 0; i < 32; i += 16)
            _mm512_storeu_si512(to + i,
                                _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i))));
    }
    static TERN_INLINE std::uint64_t above(const std::int8_t* a, const std::int8_t* b) noexcept {
        return _mm512_cmpgt_epi8_mask(_mm512_loadu_si512(a), _mm512_loadu_si512(b));
    }
};

avx512_plane_bytes plane_bytes_of(arch::avx512) noexcept;

// Every core with the rest of avx512_vpopcntdq has GFNI, but the tag's flags need not say so.
#if TERN_HAS_AVX512_VPOPCNTDQ && defined(__GFNI__)

/// Eight planes of eight columns are a matrix of 8 x 8 bits, and one instruction turns eight of them over.
struct gfni_plane_bytes : avx512_plane_bytes {
    /// Sixteen words of five planes, each plane a register.
    template <bool Add>
    static TERN_INLINE void expand_register(const __m512i (&p)[5], std::int8_t* to) noexcept {
        // The highest plane first, as the matrix product wants it; planes 5 to 7 repeat the sign.
        const __m512i signs[2] = {_mm512_unpacklo_epi8(p[4], p[4]), _mm512_unpackhi_epi8(p[4], p[4])};
        const __m512i middle[2] = {_mm512_unpacklo_epi8(p[3], p[2]), _mm512_unpackhi_epi8(p[3], p[2])};
        const __m512i lowest[2] = {_mm512_unpacklo_epi8(p[1], p[0]), _mm512_unpackhi_epi8(p[1], p[0])};
        bits::unroll<2>([&](auto h) TERN_INLINE_LAMBDA {
            const __m512i high[2] = {_mm512_unpacklo_epi16(signs[h], signs[h]),
                                     _mm512_unpackhi_epi16(signs[h], signs[h])};
            const __m512i low[2] = {_mm512_unpacklo_epi16(middle[h], lowest[h]),
                                    _mm512_unpackhi_epi16(middle[h], lowest[h])};
            // Quarter q of turned[k]: bytes 128 q + 64 h + 16 k and the fifteen behind it.
            const __m512i turned[4] = {
                turn(_mm512_unpacklo_epi32(high[0], low[0])), turn(_mm512_unpackhi_epi32(high[0], low[0])),
                turn(_mm512_unpacklo_epi32(high[1], low[1])), turn(_mm512_unpackhi_epi32(high[1], low[1]))};
            const __m512i a = _mm512_shuffle_i32x4(turned[0], turned[1], 0x44);
            const __m512i b = _mm512_shuffle_i32x4(turned[0], turned[1], 0xee);
            const __m512i c = _mm512_shuffle_i32x4(turned[2], turned[3], 0x44);
            const __m512i d = _mm512_shuffle_i32x4(turned[2], turned[3], 0xee);
            std::int8_t* const at = to + 64 * std::size_t{h};
            put<Add>(at, _mm512_shuffle_i32x4(a, c, 0x88));
            put<Add>(at + 128, _mm512_shuffle_i32x4(a, c, 0xdd));
            put<Add>(at + 256, _mm512_shuffle_i32x4(b, d, 0x88));
            put<Add>(at + 384, _mm512_shuffle_i32x4(b, d, 0xdd));
        });
    }

private:
    static TERN_INLINE __m512i turn(__m512i x) noexcept {
        return _mm512_gf2p8affine_epi64_epi8(_mm512_set1_epi64(static_cast<long long>(0x8040201008040201u)), x, 0);
    }
    template <bool Add>
    static TERN_INLINE void put(std::int8_t* to, __m512i x) noexcept {
        _mm512_storeu_si512(to, Add ? _mm512_add_epi8(x, _mm512_loadu_si512(to)) : x);
    }
};

gfni_plane_bytes plane_bytes_of(arch::avx512_vpopcntdq) noexcept;

#endif  // TERN_HAS_AVX512_VPOPCNTDQ && defined(__GFNI__)

#endif  // TERN_HAS_AVX512

}  // namespace tern::simd
