// SPDX-License-Identifier: MIT
#pragma once

#include <tern/kernel/gemm/config.hpp>
#include <tern/simd/arm.hpp>

#if TERN_HAS_NEON

namespace tern::kernel {

#if defined(__aarch64__)
/// Thirty-two registers: sixteen sums, four or eight weight words.
TERN_INLINE constexpr auto gemm_config(arch::neon) noexcept {
    return tile_config<simd::neon_lanes, 4, 4, 1, 8, 8>{};
}
#else
/// Sixteen registers.
TERN_INLINE constexpr auto gemm_config(arch::neon) noexcept {
    return tile_config<simd::neon_lanes, 2, 4, 2, 2, 4>{};
}
#endif

}  // namespace tern::kernel

#endif  // TERN_HAS_NEON
