// SPDX-License-Identifier: MIT
// What a CPU can execute, against what a compiler was allowed to emit. Hosted; for run-time dispatch only.
//
// The two sets are made of the same bits, so that no list of them has to be kept per architecture: a translation unit
// states, from the compiler's own macros, every instruction set that its flags enabled - also those that came along
// unasked, as F16C does with clang's -mavx512f - and it may run where the CPU and its operating system have them all.
#pragma once

#include <cstdint>

#include <tern/config.hpp>

#if (defined(__x86_64__) || defined(__i386__)) && (defined(__GNUC__) || defined(__clang__))
#define TERN_DETAIL_CPUID 1
#include <cpuid.h>
#else
#define TERN_DETAIL_CPUID 0
#endif

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#include <sys/prctl.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(_M_ARM64) && defined(_WIN32)
// As <processthreadsapi.h> declares it, without the macros of <windows.h>.
extern "C" __declspec(dllimport) int __stdcall IsProcessorFeaturePresent(unsigned long feature);
#endif

namespace tern::dispatch {

/// A set of instruction sets, one bit each. Without NEON, which is part of AArch64; ARMv7 has no dispatch.
using features = std::uint64_t;

namespace detail {

enum : features {
    sse3 = 1u << 0,
    ssse3 = 1u << 1,
    sse4_1 = 1u << 2,
    sse4_2 = 1u << 3,  // with CRC32
    popcnt = 1u << 4,
    movbe = 1u << 5,
    avx = 1u << 6,  // and an operating system that keeps 256-bit registers
    f16c = 1u << 7,
    fma = 1u << 8,
    avx2 = 1u << 9,
    bmi = 1u << 10,
    bmi2 = 1u << 11,
    lzcnt = 1u << 12,
    avx512f = 1u << 13,  // and an operating system that keeps 512-bit and mask registers
    avx512cd = 1u << 14,
    avx512bw = 1u << 15,
    avx512dq = 1u << 16,
    avx512vl = 1u << 17,
    avx512vnni = 1u << 18,
    avx512vpopcntdq = 1u << 19,
    avx512bitalg = 1u << 20,
    avx512vbmi = 1u << 21,
    avx512vbmi2 = 1u << 22,
    arm_dotprod = 1u << 23,
    arm_i8mm = 1u << 24,
    arm_atomics = 1u << 25,  // these come along with -march=armv8.2-a
    arm_crc32 = 1u << 26,
    arm_rdm = 1u << 27,
    arm_fp16 = 1u << 28,
    arm_bf16 = 1u << 29,
    arm_sve = 1u << 30,  // registers longer than NEON's: at the same length NEON does as much
    arm_sve_i8mm = 1u << 31
};

}  // namespace detail

/// What the flags of this translation unit let the compiler use.
[[nodiscard]] TERN_INLINE constexpr features compiled_features() noexcept {
    features all = 0;
#if defined(__SSE3__)
    all |= detail::sse3;
#endif
#if defined(__SSSE3__)
    all |= detail::ssse3;
#endif
#if defined(__SSE4_1__)
    all |= detail::sse4_1;
#endif
#if defined(__SSE4_2__) || defined(__CRC32__)
    all |= detail::sse4_2;
#endif
#if defined(__POPCNT__)
    all |= detail::popcnt;
#endif
#if defined(__MOVBE__)
    all |= detail::movbe;
#endif
#if defined(__AVX__)  // XSAVE comes with it; compilers emit none by themselves
    all |= detail::avx;
#endif
#if defined(__F16C__)
    all |= detail::f16c;
#endif
#if defined(__FMA__)
    all |= detail::fma;
#endif
#if defined(__AVX2__)
    all |= detail::avx2;
#endif
#if defined(__BMI__)
    all |= detail::bmi;
#endif
#if defined(__BMI2__)
    all |= detail::bmi2;
#endif
#if defined(__LZCNT__)
    all |= detail::lzcnt;
#endif
#if defined(__AVX512F__)
    all |= detail::avx512f;
#endif
#if defined(__AVX512CD__)
    all |= detail::avx512cd;
#endif
#if defined(__AVX512BW__)
    all |= detail::avx512bw;
#endif
#if defined(__AVX512DQ__)
    all |= detail::avx512dq;
#endif
#if defined(__AVX512VL__)
    all |= detail::avx512vl;
#endif
#if defined(__AVX512VNNI__)
    all |= detail::avx512vnni;
#endif
#if defined(__AVX512VPOPCNTDQ__)
    all |= detail::avx512vpopcntdq;
#endif
#if defined(__AVX512BITALG__)
    all |= detail::avx512bitalg;
#endif
#if defined(__AVX512VBMI__)
    all |= detail::avx512vbmi;
#endif
#if defined(__AVX512VBMI2__)
    all |= detail::avx512vbmi2;
#endif
#if defined(__aarch64__)
#if defined(__ARM_FEATURE_DOTPROD)
    all |= detail::arm_dotprod;
#endif
#if defined(__ARM_FEATURE_MATMUL_INT8)
    all |= detail::arm_i8mm;
#endif
#if defined(__ARM_FEATURE_ATOMICS)
    all |= detail::arm_atomics;
#endif
#if defined(__ARM_FEATURE_CRC32)
    all |= detail::arm_crc32;
#endif
#if defined(__ARM_FEATURE_QRDMX)
    all |= detail::arm_rdm;
#endif
#if defined(__ARM_FEATURE_FP16_SCALAR_ARITHMETIC) || defined(__ARM_FEATURE_FP16_VECTOR_ARITHMETIC)
    all |= detail::arm_fp16;
#endif
#if defined(__ARM_FEATURE_BF16)
    all |= detail::arm_bf16;
#endif
#if defined(__ARM_FEATURE_SVE)
    all |= detail::arm_sve;
#endif
#if defined(__ARM_FEATURE_SVE_MATMUL_INT8)
    all |= detail::arm_sve_i8mm;
#endif
#endif  // __aarch64__
    return all;
}

namespace detail {

/// `set` where bit `bit` of a CPUID register is set.
[[nodiscard]] TERN_INLINE constexpr features where(unsigned reg, unsigned bit, features set) noexcept {
    return (reg >> bit & 1u) != 0 ? set : 0;
}

}  // namespace detail

/// What this CPU and its operating system can execute; where nobody can be asked, what the flags assume anyway.
/// Runs on every CPU that runs the calling translation unit. Costs microseconds in a virtual machine: ask once.
[[nodiscard]] TERN_INLINE features detected_features() noexcept {
#if TERN_DETAIL_CPUID
    using namespace detail;
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    if (__get_cpuid(1, &a, &b, &c, &d) == 0) return 0;
    features all = where(c, 0, sse3) | where(c, 9, ssse3) | where(c, 19, sse4_1) | where(c, 20, sse4_2) |
                   where(c, 22, movbe) | where(c, 23, popcnt);
    features wide = where(c, 28, avx) | where(c, 12, fma) | where(c, 29, f16c);
    unsigned kept = 0;  // register states that the operating system saves: 0x6 up to YMM, 0xe6 up to ZMM
    if ((c >> 27 & 1u) != 0) {
        unsigned high = 0;
        __asm__ volatile(".byte 0x0f, 0x01, 0xd0" : "=a"(kept), "=d"(high) : "c"(0));  // xgetbv
    }
    features widest = 0;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) != 0) {
        all |= where(b, 3, bmi) | where(b, 8, bmi2);
        wide |= where(b, 5, avx2);
        widest = where(b, 16, avx512f) | where(b, 17, avx512dq) | where(b, 28, avx512cd) | where(b, 30, avx512bw) |
                 where(b, 31, avx512vl) | where(c, 1, avx512vbmi) | where(c, 6, avx512vbmi2) |
                 where(c, 11, avx512vnni) | where(c, 12, avx512bitalg) | where(c, 14, avx512vpopcntdq);
    }
    if (__get_cpuid(0x80000001u, &a, &b, &c, &d) != 0) all |= where(c, 5, lzcnt);
    if ((kept & 0x6u) == 0x6u) all |= wide;
    if ((kept & 0xe6u) == 0xe6u) all |= widest;
    return all;
#elif defined(__aarch64__) && defined(__linux__)
    // Bits of the kernel's interface, not all of which an older C library has names for.
    using namespace detail;
    const auto caps = static_cast<unsigned>(getauxval(16));   // AT_HWCAP
    const auto caps2 = static_cast<unsigned>(getauxval(26));  // AT_HWCAP2
    features all = where(caps, 7, arm_crc32) | where(caps, 8, arm_atomics) | where(caps, 12, arm_rdm) |
                   where(caps, 20, arm_dotprod) | where(caps, 22, arm_sve) | where(caps2, 9, arm_sve_i8mm) |
                   where(caps2, 13, arm_i8mm) | where(caps2, 14, arm_bf16);
    if ((caps >> 9 & 3u) == 3u) all |= arm_fp16;  // scalar and vector
    if ((all & arm_sve) != 0 && (prctl(51) & 0xffff) <= 16) all &= ~features{arm_sve};  // PR_SVE_GET_VL, bytes
    return all;
#elif defined(__aarch64__) && defined(__APPLE__)
    using namespace detail;
    const auto has = [](const char* name, features set) TERN_INLINE_LAMBDA -> features {
        int value = 0;
        size_t size = sizeof value;
        return sysctlbyname(name, &value, &size, nullptr, 0) == 0 && value != 0 ? set : 0;
    };
    return has("hw.optional.arm.FEAT_DotProd", arm_dotprod) | has("hw.optional.arm.FEAT_I8MM", arm_i8mm) |
           has("hw.optional.arm.FEAT_BF16", arm_bf16) | has("hw.optional.arm.FEAT_FP16", arm_fp16) |
           has("hw.optional.arm.FEAT_LSE", arm_atomics) | has("hw.optional.arm.FEAT_RDM", arm_rdm) |
           has("hw.optional.armv8_crc32", arm_crc32);  // no SVE outside of SME
#elif defined(_M_ARM64) && defined(_WIN32)
    using namespace detail;
    const auto has = [](unsigned long feature, features set) TERN_INLINE_LAMBDA -> features {
        return IsProcessorFeaturePresent(feature) != 0 ? set : 0;
    };
    return has(31, arm_crc32) | has(34, arm_atomics | arm_rdm) | has(43, arm_dotprod) | has(66, arm_i8mm);
#else
    return compiled_features();
#endif
}

}  // namespace tern::dispatch
