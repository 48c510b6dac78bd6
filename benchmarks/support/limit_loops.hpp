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

/// One mix in one tile of registers.
struct limit_loop {
    void (*run)(long iterations) = nullptr;
    double multiplies = 0;  ///< an iteration
    double rate = 0;        ///< multiplies a second, the best of some short runs
};

/// The fastest of some loops: how well a core spreads a mix over its units depends on what stands next to what. A tile
/// that does not fit the registers is slow, and so does no harm.
template <class... Loops>
limit_loop fastest_of() {
    limit_loop best;
    for (limit_loop loop : {limit_loop{Loops::run, Loops::multiplies}...}) {
        loop.rate = best_rate(loop.multiplies, 40, 100e-6, loop.run);
        if (loop.rate > best.rate) best = loop;
    }
    return best;
}
inline limit_loop faster(const limit_loop& a, const limit_loop& b) { return a.rate < b.rate ? b : a; }

/// Mixes on bytes: dot products and lookups. None where the architecture lacks the instructions (see `has_mix`).
limit_loop byte_loop(tern::arch::scalar, mix m);
#if TERN_HAS_SSE4
limit_loop byte_loop(tern::arch::sse4, mix m);
#endif
#if TERN_HAS_AVX2
limit_loop byte_loop(tern::arch::avx2, mix m);
#endif
#if TERN_HAS_AVX512
limit_loop byte_loop(tern::arch::avx512, mix m);
#endif
#if TERN_HAS_AVX512_VNNI
limit_loop byte_loop(tern::arch::avx512_vnni, mix m);
#endif
#if TERN_HAS_AVX512_VPOPCNTDQ
limit_loop byte_loop(tern::arch::avx512_vpopcntdq, mix m);
#endif

}  // namespace tern_bench
