// SPDX-License-Identifier: MIT
// Rates of dot products of bytes and of table lookups, x86 only. Counted are the multiply-accumulates that a kernel
// would have done; decoding weights, building tables and widening sums is left out, because a kernel can share it
// among many rows.
#include <tern/arch.hpp>
#if TERN_HAS_SSE4
#include <tern/simd/x86.hpp>
#endif

#include "support/limit_loops.hpp"

namespace tern_bench {

limit_loop byte_loop(tern::arch::scalar, mix) { return {}; }

#if TERN_HAS_SSE4

namespace {

using tern::bits::unroll;

/// A tile of `Rows` x `Columns` sums. `Step::lhs` and `Step::rhs` registers hold an operand of a row and of a column,
/// `Step::product` multiplies them, `Step::add` adds. The order is our own, as in limits.cpp: products of a row of the
/// tile, then their sums, unless one instruction does both.
template <class Step, std::size_t Rows, std::size_t Columns>
struct tile_loop {
    using reg = typename Step::reg;
    static constexpr double multiplies = double{Step::multiplies} * Rows * Columns;

    static TERN_INLINE void row(reg (&sum)[Columns], const reg (&x)[Step::lhs], const reg (&w)[Columns][Step::rhs]) {
        if constexpr (Step::fused) {
            unroll<Columns>([&](auto j) TERN_INLINE_LAMBDA {
                sum[j] = Step::add_product(sum[j], x, w[j]);
                opaque(sum[j]);
            });
        } else {
            reg product[Columns];
            unroll<Columns>([&](auto j) TERN_INLINE_LAMBDA {
                product[j] = Step::product(x, w[j]);
                opaque(product[j]);
            });
            unroll<Columns>([&](auto j) TERN_INLINE_LAMBDA {
                sum[j] = Step::add(sum[j], product[j]);
                opaque(sum[j]);
            });
        }
    }

    static TERN_INLINE reg anything() {
        reg x = Step::zero();
        opaque(x);
        return x;
    }

    static void run(long iterations) {
        reg x[Rows][Step::lhs];
        reg w[Columns][Step::rhs];
        reg sum[Rows][Columns];
        unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            unroll<Step::lhs>([&](auto i) TERN_INLINE_LAMBDA { x[r][i] = anything(); });
            unroll<Columns>([&](auto j) TERN_INLINE_LAMBDA { sum[r][j] = anything(); });
        });
        unroll<Columns>([&](auto j) TERN_INLINE_LAMBDA {
            unroll<Step::rhs>([&](auto i) TERN_INLINE_LAMBDA { w[j][i] = anything(); });
        });
        TERN_KEEP_LOOP
        for (long i = 0; i < iterations; ++i) {
            unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
                unroll<Step::lhs>([&](auto k) TERN_INLINE_LAMBDA { opaque(x[r][k]); });
            });
            unroll<Columns>([&](auto j) TERN_INLINE_LAMBDA {
                unroll<Step::rhs>([&](auto k) TERN_INLINE_LAMBDA { opaque(w[j][k]); });
            });
            unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA { row(sum[r], x[r], w); });
        }
    }
};

/// The smallest tile fits sixteen registers, whatever the compiler.
template <class Step>
limit_loop best_tile() {
    return fastest_of<tile_loop<Step, 2, 3>, tile_loop<Step, 2, 4>, tile_loop<Step, 3, 3>, tile_loop<Step, 4, 4>,
                      tile_loop<Step, 5, 4>>();
}

/// What the steps have in common: `Multiplies` for each `bytes` of a register.
template <class Lanes, int Lhs, int Rhs, int Multiplies, bool Fused = false>
struct step {
    using reg = typename Lanes::reg;
    static constexpr int lhs = Lhs;
    static constexpr int rhs = Rhs;
    static constexpr int multiplies = Multiplies;
    static constexpr bool fused = Fused;

    static TERN_INLINE reg zero() { return Lanes::zero(); }
};

// A lookup takes a table for the row and indices for the column. Two trits: 9 entries of 16; three, of which the
// third is the sign: 14 entries; four bits: 16 entries.

template <int Depth>
struct sse4_lookup : step<tern::simd::sse4_lanes, 1, 1, 16 * Depth> {
    static TERN_INLINE __m128i product(const __m128i (&x)[1], const __m128i (&w)[1]) {
        return _mm_shuffle_epi8(x[0], w[0]);
    }
    static TERN_INLINE __m128i add(__m128i a, __m128i b) { return _mm_add_epi8(a, b); }
};

struct sse4_signed_lookup : step<tern::simd::sse4_lanes, 1, 2, 16 * 3> {
    static TERN_INLINE __m128i product(const __m128i (&x)[1], const __m128i (&w)[2]) {
        return _mm_sign_epi8(_mm_shuffle_epi8(x[0], w[0]), w[1]);
    }
    static TERN_INLINE __m128i add(__m128i a, __m128i b) { return _mm_add_epi8(a, b); }
};

struct sse4_maddubs : step<tern::simd::sse4_lanes, 1, 1, 16> {
    static TERN_INLINE __m128i product(const __m128i (&x)[1], const __m128i (&w)[1]) {
        return _mm_maddubs_epi16(w[0], x[0]);
    }
    static TERN_INLINE __m128i add(__m128i a, __m128i b) { return _mm_add_epi16(a, b); }
};

#if TERN_HAS_AVX2

template <int Depth>
struct avx2_lookup : step<tern::simd::avx2_lanes, 1, 1, 32 * Depth> {
    static TERN_INLINE __m256i product(const __m256i (&x)[1], const __m256i (&w)[1]) {
        return _mm256_shuffle_epi8(x[0], w[0]);
    }
    static TERN_INLINE __m256i add(__m256i a, __m256i b) { return _mm256_add_epi8(a, b); }
};

struct avx2_signed_lookup : step<tern::simd::avx2_lanes, 1, 2, 32 * 3> {
    static TERN_INLINE __m256i product(const __m256i (&x)[1], const __m256i (&w)[2]) {
        return _mm256_sign_epi8(_mm256_shuffle_epi8(x[0], w[0]), w[1]);
    }
    static TERN_INLINE __m256i add(__m256i a, __m256i b) { return _mm256_add_epi8(a, b); }
};

struct avx2_maddubs : step<tern::simd::avx2_lanes, 1, 1, 32> {
    static TERN_INLINE __m256i product(const __m256i (&x)[1], const __m256i (&w)[1]) {
        return _mm256_maddubs_epi16(w[0], x[0]);
    }
    static TERN_INLINE __m256i add(__m256i a, __m256i b) { return _mm256_add_epi16(a, b); }
};

#endif  // TERN_HAS_AVX2

#if TERN_HAS_AVX512

template <int Lhs, int Multiplies, bool Fused = false>
using avx512_step = step<tern::simd::avx512_lanes, Lhs, 1, Multiplies, Fused>;

template <int Depth>
struct avx512_lookup : avx512_step<1, 64 * Depth> {
    static TERN_INLINE __m512i product(const __m512i (&x)[1], const __m512i (&w)[1]) {
        return _mm512_shuffle_epi8(x[0], w[0]);
    }
    static TERN_INLINE __m512i add(__m512i a, __m512i b) { return _mm512_add_epi8(a, b); }
};

struct avx512_maddubs : avx512_step<1, 64> {
    static TERN_INLINE __m512i product(const __m512i (&x)[1], const __m512i (&w)[1]) {
        return _mm512_maddubs_epi16(w[0], x[0]);
    }
    static TERN_INLINE __m512i add(__m512i a, __m512i b) { return _mm512_add_epi16(a, b); }
};

/// Weights select one of 64 sums of activations, of 16 bits each: six bits, or three trits and half of a seventh.
template <int Multiplies>
struct vpermi2w_lookup : avx512_step<2, Multiplies> {
    static TERN_INLINE __m512i product(const __m512i (&x)[2], const __m512i (&w)[1]) {
        return _mm512_permutex2var_epi16(x[0], w[0], x[1]);
    }
    static TERN_INLINE __m512i add(__m512i a, __m512i b) { return _mm512_add_epi16(a, b); }
};

#endif  // TERN_HAS_AVX512

#if TERN_HAS_AVX512_VNNI

struct vpdpbusd : avx512_step<1, 64, true> {
    static TERN_INLINE __m512i add_product(__m512i sum, const __m512i (&x)[1], const __m512i (&w)[1]) {
        return _mm512_dpbusd_epi32(sum, w[0], x[0]);
    }
};

#endif

#if TERN_HAS_AVX512_VPOPCNTDQ

/// Four trits of one operand select one of 81 sums, or seven bits one of 128.
template <int Depth>
struct vpermi2b_lookup : avx512_step<2, 64 * Depth> {
    static TERN_INLINE __m512i product(const __m512i (&x)[2], const __m512i (&w)[1]) {
        return _mm512_permutex2var_epi8(x[0], w[0], x[1]);
    }
    static TERN_INLINE __m512i add(__m512i a, __m512i b) { return _mm512_add_epi8(a, b); }
};

#endif

}  // namespace

limit_loop byte_loop(tern::arch::sse4, mix m) {
    switch (m) {
        case mix::ternary_lookup: return faster(best_tile<sse4_lookup<2>>(), best_tile<sse4_signed_lookup>());
        case mix::binary_lookup: return best_tile<sse4_lookup<4>>();
        case mix::maddubs: return best_tile<sse4_maddubs>();
        default: return {};
    }
}

#if TERN_HAS_AVX2
limit_loop byte_loop(tern::arch::avx2, mix m) {
    switch (m) {
        case mix::ternary_lookup: return faster(best_tile<avx2_lookup<2>>(), best_tile<avx2_signed_lookup>());
        case mix::binary_lookup: return best_tile<avx2_lookup<4>>();
        case mix::maddubs: return best_tile<avx2_maddubs>();
        default: return {};
    }
}
#endif

#if TERN_HAS_AVX512
limit_loop byte_loop(tern::arch::avx512, mix m) {
    switch (m) {
        case mix::ternary_lookup: return best_tile<avx512_lookup<2>>();  // no vpsignb here
        case mix::binary_lookup: return best_tile<avx512_lookup<4>>();
        case mix::maddubs: return best_tile<avx512_maddubs>();
        case mix::ternary_int8_lookup: return best_tile<vpermi2w_lookup<32 * 7 / 2>>();
        case mix::binary_int8_lookup: return best_tile<vpermi2w_lookup<32 * 6>>();
        default: return {};
    }
}
#endif

#if TERN_HAS_AVX512_VNNI
limit_loop byte_loop(tern::arch::avx512_vnni, mix m) {
    return m == mix::vpdpbusd ? best_tile<vpdpbusd>() : byte_loop(tern::arch::avx512{}, m);
}
#endif

#if TERN_HAS_AVX512_VPOPCNTDQ
limit_loop byte_loop(tern::arch::avx512_vpopcntdq, mix m) {
    switch (m) {
        case mix::ternary_lookup: return best_tile<vpermi2b_lookup<4>>();
        case mix::binary_lookup: return best_tile<vpermi2b_lookup<7>>();
        default: return byte_loop(tern::arch::avx512_vnni{}, m);
    }
}
#endif

#endif  // TERN_HAS_SSE4

}  // namespace tern_bench
