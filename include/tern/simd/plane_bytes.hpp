// SPDX-License-Identifier: MIT
// The way back from byte_planes.hpp: 32 columns of bits become 32 signed bytes, and bytes become integers or bits.
#pragma once

#include <tern/simd/scalar.hpp>
#include <tern/simd/x86.hpp>

namespace tern::simd {

/// This leaf is that of architectures without one of their own.
///   words    that are worked on together, 32 bytes each
///   expand   bit i of P words, `stride` words apart, as a two's complement number in byte i; Add: added to what is there
///   widen    32 bytes as int32
///   above    bit i: a[i] > b[i]
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
    static TERN_INLINE void above(const std::int8_t* a, const std::int8_t* b, std::uint32_t* mask) noexcept {
        *mask = 0;
        for (int i = 0; i < 32; ++i) *mask |= (a[i] > b[i] ? 1u : 0u) << i;
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
    static TERN_INLINE void above(const std::int8_t* a, const std::int8_t* b, std::uint32_t* mask) noexcept {
        *mask = static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpgt_epi8(load(a), load(b))));
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
            _mm512_storeu_si512(to + i, _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i))));
    }
    static TERN_INLINE void above(const std::int8_t* a, const std::int8_t* b, std::uint32_t* mask) noexcept {
        bits::store(mask, std::uint64_t{_mm512_cmpgt_epi8_mask(_mm512_loadu_si512(a), _mm512_loadu_si512(b))});
    }
};

avx512_plane_bytes plane_bytes_of(arch::avx512) noexcept;

#endif  // TERN_HAS_AVX512

}  // namespace tern::simd
