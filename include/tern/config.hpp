// SPDX-License-Identifier: MIT
// What the compiler offers. Every TERN_HAS_* is 0 or 1 (so -Wundef finds a misspelling) and may be set beforehand.
#pragma once

#include <tern/version.hpp>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tern: packed words are little-endian; big-endian targets are not supported"
#endif

#ifndef TERN_HAS_SSE4
#if defined(__SSE4_1__) && defined(__SSSE3__)
#define TERN_HAS_SSE4 1
#else
#define TERN_HAS_SSE4 0
#endif
#endif

#ifndef TERN_HAS_AVX2
#if defined(__AVX2__)
#define TERN_HAS_AVX2 1
#else
#define TERN_HAS_AVX2 0
#endif
#endif

/// 512-bit registers with byte operations: F, BW, VL and DQ, as on every server core since Skylake-SP.
#ifndef TERN_HAS_AVX512
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
#define TERN_HAS_AVX512 1
#else
#define TERN_HAS_AVX512 0
#endif
#endif

/// The same with dot products of bytes: Cascade Lake and later.
#ifndef TERN_HAS_AVX512_VNNI
#if TERN_HAS_AVX512 && defined(__AVX512VNNI__)
#define TERN_HAS_AVX512_VNNI 1
#else
#define TERN_HAS_AVX512_VNNI 0
#endif
#endif

/// The same with population counts and byte permutations (VPOPCNTDQ, BITALG, VBMI): Ice Lake, Zen 4 and later.
#ifndef TERN_HAS_AVX512_VPOPCNTDQ
#if TERN_HAS_AVX512_VNNI && defined(__AVX512VPOPCNTDQ__) && defined(__AVX512BITALG__) && defined(__AVX512VBMI__)
#define TERN_HAS_AVX512_VPOPCNTDQ 1
#else
#define TERN_HAS_AVX512_VPOPCNTDQ 0
#endif
#endif

#ifndef TERN_HAS_NEON
#if defined(__ARM_NEON)
#define TERN_HAS_NEON 1
#else
#define TERN_HAS_NEON 0
#endif
#endif

/// AArch64 with dot products of bytes: Cortex-A55, A75, Neoverse N1 and later.
#ifndef TERN_HAS_DOTPROD
#if TERN_HAS_NEON && defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)
#define TERN_HAS_DOTPROD 1
#else
#define TERN_HAS_DOTPROD 0
#endif
#endif

/// The same with products of 2x8 and 8x2 matrices of bytes: Cortex-A510, A710, Neoverse N2, V1 and later.
#ifndef TERN_HAS_I8MM
#if TERN_HAS_DOTPROD && defined(__ARM_FEATURE_MATMUL_INT8)
#define TERN_HAS_I8MM 1
#else
#define TERN_HAS_I8MM 0
#endif
#endif

/// The same with registers of any length: Cortex-A510, Neoverse N2, V1 and later.
#ifndef TERN_HAS_SVE
#if TERN_HAS_I8MM && defined(__ARM_FEATURE_SVE)
#define TERN_HAS_SVE 1
#else
#define TERN_HAS_SVE 0
#endif
#endif

/// Registers of more than 128 bits, by -msve-vector-bits.
#ifndef TERN_HAS_LONG_SVE
#if TERN_HAS_SVE && defined(__ARM_FEATURE_SVE_BITS)
#define TERN_HAS_LONG_SVE (__ARM_FEATURE_SVE_BITS > 128)
#else
#define TERN_HAS_LONG_SVE 0
#endif
#endif

/// Helium, the vectors of Cortex-M55 and M85.
#ifndef TERN_HAS_MVE
#if defined(__ARM_FEATURE_MVE)
#define TERN_HAS_MVE 1
#else
#define TERN_HAS_MVE 0
#endif
#endif

/// Portable vectors through xsimd. Set to 0 to keep xsimd out of a build altogether; bare-metal targets never see it.
#ifndef TERN_HAS_XSIMD
#if (defined(__SSE2__) || TERN_HAS_NEON) && defined(__has_include)
#if __has_include(<xsimd/xsimd.hpp>)
#define TERN_HAS_XSIMD 1
#else
#define TERN_HAS_XSIMD 0
#endif
#else
#define TERN_HAS_XSIMD 0
#endif
#endif

#if defined(__GNUC__) || defined(__clang__)
#define TERN_INLINE inline __attribute__((always_inline))
#define TERN_INLINE_LAMBDA __attribute__((always_inline))
#define TERN_NO_INLINE __attribute__((noinline))
#define TERN_RESTRICT __restrict__
#elif defined(_MSC_VER)
#define TERN_INLINE __forceinline
#define TERN_NO_INLINE __declspec(noinline)
#define TERN_INLINE_LAMBDA
#define TERN_RESTRICT __restrict
#else
#define TERN_INLINE inline
#define TERN_NO_INLINE
#define TERN_INLINE_LAMBDA
#define TERN_RESTRICT
#endif

/// Before a loop that is as long as it should be: clang would unroll it and spill registers.
#if defined(__clang__)
#define TERN_KEEP_LOOP _Pragma("clang loop unroll(disable)")
#else
#define TERN_KEEP_LOOP
#endif

/// Preconditions of kernels. Public entry points report a status instead; define it to `assert(x)` to hold both.
#ifndef TERN_ASSERT
#define TERN_ASSERT(condition) static_cast<void>(0)
#endif

// The instruction sets of this translation unit, spelled as an identifier:
// isa_<sse4><avx2><avx512><vnni><vpopcntdq><neon> <dotprod><i8mm><sve><mve><fma>.
// It becomes part of every architecture tag (arch.hpp), hence of every kernel's symbol.
#if defined(__FMA__)
#define TERN_DETAIL_FMA 1
#else
#define TERN_DETAIL_FMA 0
#endif
#define TERN_DETAIL_JOIN(a, b, c, d, e, f, g, h, i, j, k) isa_##a##b##c##d##e##f##g##h##i##j##k
#define TERN_DETAIL_JOIN_EXPANDED(a, b, c, d, e, f, g, h, i, j, k) TERN_DETAIL_JOIN(a, b, c, d, e, f, g, h, i, j, k)
#define TERN_ISA_NAMESPACE                                                                                          \
    TERN_DETAIL_JOIN_EXPANDED(TERN_HAS_SSE4, TERN_HAS_AVX2, TERN_HAS_AVX512, TERN_HAS_AVX512_VNNI,                  \
                              TERN_HAS_AVX512_VPOPCNTDQ, TERN_HAS_NEON, TERN_HAS_DOTPROD, TERN_HAS_I8MM,           \
                              TERN_HAS_SVE, TERN_HAS_MVE, TERN_DETAIL_FMA)
