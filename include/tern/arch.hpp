// SPDX-License-Identifier: MIT
// Architectures as types. Inheritance is the fallback chain: an overload for avx512 serves avx512_vpopcntdq
// until a closer one exists, and scalar is the root of every chain.
//
// The tags live in an inline namespace named after the instruction sets of the translation unit. Two objects built
// with different flags therefore never share a kernel's symbol, not even that of `scalar`, which a compiler may
// vectorise with whatever the flags allow.
#pragma once

#include <type_traits>

#include <tern/config.hpp>

namespace tern::arch {
inline namespace TERN_ISA_NAMESPACE {

/// Plain C++: words of the machine, no vector instruction, no header but the standard's.
struct scalar {};
/// Portable vectors through xsimd, as wide as the compiler's flags allow.
struct simd : scalar {};
/// x86 with SSSE3 and SSE4.1.
struct sse4 : simd {};
/// x86 with AVX2.
struct avx2 : sse4 {};
/// x86 with AVX-512 F, BW, VL and DQ.
struct avx512 : avx2 {};
/// The same with VNNI (Cascade Lake and later).
struct avx512_vnni : avx512 {};
/// The same with VPOPCNTDQ, BITALG and VBMI (Ice Lake, Zen 4 and later).
struct avx512_vpopcntdq : avx512_vnni {};
/// Arm Advanced SIMD: ARMv7 with NEON and every AArch64 core.
struct neon : simd {};
/// AArch64 with SDOT and UDOT (ARMv8.2 and later, optional at first).
struct dotprod : neon {};
/// The same with SMMLA and USMMLA (ARMv8.6 and later, optional at first).
struct i8mm : dotprod {};
/// The same with the Scalable Vector Extension, registers of any length (Neoverse V1, N2, Cortex-A510 and later).
struct sve : i8mm {};
/// Helium: vectors of Cortex-M55 and M85.
struct mve : scalar {};

}  // namespace TERN_ISA_NAMESPACE

/// Whether an architecture is, or may be, a microcontroller's, which has little room for tables and scratch.
template <class Arch>
inline constexpr bool is_small = std::is_same_v<Arch, scalar> || std::is_same_v<Arch, mve>;

TERN_INLINE constexpr const char* name(scalar) noexcept { return "scalar"; }
TERN_INLINE constexpr const char* name(simd) noexcept { return "simd"; }
TERN_INLINE constexpr const char* name(sse4) noexcept { return "sse4"; }
TERN_INLINE constexpr const char* name(avx2) noexcept { return "avx2"; }
TERN_INLINE constexpr const char* name(avx512) noexcept { return "avx512"; }
TERN_INLINE constexpr const char* name(avx512_vnni) noexcept { return "avx512_vnni"; }
TERN_INLINE constexpr const char* name(avx512_vpopcntdq) noexcept { return "avx512_vpopcntdq"; }
TERN_INLINE constexpr const char* name(neon) noexcept { return "neon"; }
TERN_INLINE constexpr const char* name(dotprod) noexcept { return "dotprod"; }
TERN_INLINE constexpr const char* name(i8mm) noexcept { return "i8mm"; }
TERN_INLINE constexpr const char* name(sve) noexcept { return "sve"; }
TERN_INLINE constexpr const char* name(mve) noexcept { return "mve"; }

/// Whether this translation unit was compiled with the instructions that a tag needs.
TERN_INLINE constexpr bool compiled(scalar) noexcept { return true; }
TERN_INLINE constexpr bool compiled(simd) noexcept { return TERN_HAS_XSIMD == 1; }
TERN_INLINE constexpr bool compiled(sse4) noexcept { return TERN_HAS_SSE4 == 1; }
TERN_INLINE constexpr bool compiled(avx2) noexcept { return TERN_HAS_AVX2 == 1; }
TERN_INLINE constexpr bool compiled(avx512) noexcept { return TERN_HAS_AVX512 == 1; }
TERN_INLINE constexpr bool compiled(avx512_vnni) noexcept { return TERN_HAS_AVX512_VNNI == 1; }
TERN_INLINE constexpr bool compiled(avx512_vpopcntdq) noexcept { return TERN_HAS_AVX512_VPOPCNTDQ == 1; }
TERN_INLINE constexpr bool compiled(neon) noexcept { return TERN_HAS_NEON == 1; }
TERN_INLINE constexpr bool compiled(dotprod) noexcept { return TERN_HAS_DOTPROD == 1; }
TERN_INLINE constexpr bool compiled(i8mm) noexcept { return TERN_HAS_I8MM == 1; }
TERN_INLINE constexpr bool compiled(sve) noexcept { return TERN_HAS_SVE == 1; }
TERN_INLINE constexpr bool compiled(mve) noexcept { return TERN_HAS_MVE == 1; }

}  // namespace tern::arch

namespace tern {

/// The best architecture that the compiler's flags allow. SVE only where they promise registers longer than NEON's,
/// which do as much at the same length, and more on cores that run in order.
#if TERN_HAS_AVX512_VPOPCNTDQ
using default_arch = arch::avx512_vpopcntdq;
#elif TERN_HAS_AVX512_VNNI
using default_arch = arch::avx512_vnni;
#elif TERN_HAS_AVX512
using default_arch = arch::avx512;
#elif TERN_HAS_AVX2
using default_arch = arch::avx2;
#elif TERN_HAS_SSE4
using default_arch = arch::sse4;
#elif TERN_HAS_LONG_SVE
using default_arch = arch::sve;
#elif TERN_HAS_I8MM
using default_arch = arch::i8mm;
#elif TERN_HAS_DOTPROD
using default_arch = arch::dotprod;
#elif TERN_HAS_NEON
using default_arch = arch::neon;
#elif TERN_HAS_MVE
using default_arch = arch::mve;
#elif TERN_HAS_XSIMD
using default_arch = arch::simd;
#else
using default_arch = arch::scalar;
#endif

}  // namespace tern
