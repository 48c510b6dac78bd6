// SPDX-License-Identifier: MIT
// The architectures that the compiler's flags allow, and whether this machine has them.
#pragma once

#include <tuple>
#include <type_traits>
#include <utility>

#include <tern/arch.hpp>

namespace tern_bench {

namespace detail {

template <class... Tags>
using keep_compiled = decltype(std::tuple_cat(
    std::declval<std::conditional_t<tern::arch::compiled(Tags{}), std::tuple<Tags>, std::tuple<>>>()...));

}  // namespace detail

using architectures =
    detail::keep_compiled<tern::arch::scalar, tern::arch::simd, tern::arch::sse4, tern::arch::avx2, tern::arch::avx512,
                          tern::arch::avx512_vnni, tern::arch::avx512_vpopcntdq, tern::arch::neon>;

/// Calls `body(tag)` for each compiled architecture.
template <class Body>
void for_each_architecture(const Body& body) {
    std::apply([&](auto... tags) { (body(tags), ...); }, architectures{});
}

/// Whether an architecture has kernels of its own that count bits. VNNI adds nothing there.
template <class Arch>
inline constexpr bool counts_bits = !std::is_same_v<Arch, tern::arch::avx512_vnni>;

/// The same for those.
template <class Body>
void for_each_counting_architecture(const Body& body) {
    for_each_architecture([&](auto arch) {
        if constexpr (counts_bits<decltype(arch)>) body(arch);
    });
}

/// A line that says what this machine lacks, or null. The tags derive from each other, hence the overloads.
inline const char* missing_hardware(tern::arch::scalar) { return nullptr; }

#if defined(__x86_64__) || defined(__i386__)
inline const char* missing_hardware(tern::arch::sse4) {
    return __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("ssse3") ? nullptr : "this CPU has no SSE4.1";
}
inline const char* missing_hardware(tern::arch::avx2) {
    return __builtin_cpu_supports("avx2") ? nullptr : "this CPU has no AVX2";
}
inline const char* missing_hardware(tern::arch::avx512) {
    const bool found = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    return found ? nullptr : "this CPU has no AVX-512 F, BW, VL and DQ";
}
inline const char* missing_hardware(tern::arch::avx512_vnni) {
    if (const char* missing = missing_hardware(tern::arch::avx512{})) return missing;
    return __builtin_cpu_supports("avx512vnni") ? nullptr : "this CPU has no AVX-512 VNNI";
}
inline const char* missing_hardware(tern::arch::avx512_vpopcntdq) {
    if (const char* missing = missing_hardware(tern::arch::avx512_vnni{})) return missing;
    const bool found = __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("avx512bitalg") &&
                       __builtin_cpu_supports("avx512vbmi");
    return found ? nullptr : "this CPU has no AVX-512 VPOPCNTDQ, BITALG and VBMI";
}
/// Portable vectors are as wide as the flags allow.
inline const char* missing_hardware(tern::arch::simd) {
#if TERN_HAS_AVX512
    return missing_hardware(tern::arch::avx512{});
#elif TERN_HAS_AVX2
    return missing_hardware(tern::arch::avx2{});
#elif TERN_HAS_SSE4
    return missing_hardware(tern::arch::sse4{});
#else
    return nullptr;
#endif
}
#endif

}  // namespace tern_bench
