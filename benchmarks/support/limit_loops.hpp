// SPDX-License-Identifier: MIT
// What the loops of limits.cpp and limits_bytes.cpp share. Empty asm statements with a register operand stand where a
// kernel would load: they make the operands unknown, so that nothing is hoisted, folded or removed, and cost no
// instruction.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include <tern/simd/scalar.hpp>
#if TERN_HAS_XSIMD
#include <tern/simd/batch.hpp>
#endif

#include "support/limits.hpp"

#if defined(__ARM_NEON)
#define TERN_BENCH_VECTOR "w"
#elif defined(__AVX512VL__)
#define TERN_BENCH_VECTOR "v"
#else
#define TERN_BENCH_VECTOR "x"
#endif

namespace tern_bench {

// Through a local each: GCC keeps an array in memory when an asm statement names one of its scalar elements.
TERN_INLINE void opaque(std::uint32_t& x) {
    std::uint32_t value = x;
    asm volatile("" : "+r"(value));
    x = value;
}
template <class Vector>
TERN_INLINE void opaque(Vector& x) {
    auto value = x;
    asm volatile("" : "+" TERN_BENCH_VECTOR(value));
    x = value;
}
#if TERN_HAS_XSIMD
template <class T, class A>
TERN_INLINE void opaque(xsimd::batch<T, A>& x) {
    opaque(x.data);
}
#endif

/// Units of work a second: the best of `runs` runs of `length` seconds each.
template <class Run>
double best_rate(double work, int runs, double length, const Run& run) {
    double best = std::numeric_limits<double>::infinity();
    long iterations = 1;
    for (int r = 0; r < runs;) {
        const double start = seconds();
        run(iterations);
        const double taken = seconds() - start;
        if (taken < length / 2) {
            iterations *= 2;
        } else {
            best = std::min(best, taken / static_cast<double>(iterations));
            ++r;
        }
    }
    return work / best;
}

template <class Loop>
double multiplies_per_second() {
    return best_rate(Loop::multiplies, 12, 100e-6, Loop::run);
}

/// Mixes on bytes: dot products and lookups. 0 where the architecture lacks the instructions (see `has_mix`).
double byte_rate(tern::arch::scalar, mix m);
#if TERN_HAS_SSE4
double byte_rate(tern::arch::sse4, mix m);
#endif
#if TERN_HAS_AVX2
double byte_rate(tern::arch::avx2, mix m);
#endif
#if TERN_HAS_AVX512
double byte_rate(tern::arch::avx512, mix m);
#endif
#if TERN_HAS_AVX512_VNNI
double byte_rate(tern::arch::avx512_vnni, mix m);
#endif
#if TERN_HAS_AVX512_VPOPCNTDQ
double byte_rate(tern::arch::avx512_vpopcntdq, mix m);
#endif

}  // namespace tern_bench
