// SPDX-License-Identifier: MIT
#pragma once

#include <tern/kernel/bytes/config.hpp>
#include <tern/simd/arm_bytes.hpp>

#if TERN_HAS_NEON

namespace tern::kernel {

#if defined(__aarch64__)
/// Thirty-two registers: sixteen of sums, two a field and row.
TERN_INLINE constexpr auto bytes_config(arch::neon) noexcept {
    return bytes_tile_config<simd::neon_bytes, 4, 2, 2, 4, 1, 4>{};
}
#else
/// Sixteen registers.
TERN_INLINE constexpr auto bytes_config(arch::neon) noexcept {
    return bytes_tile_config<simd::neon_bytes, 2, 2, 1, 2, 2, 4>{};
}
#endif

}  // namespace tern::kernel

#endif  // TERN_HAS_NEON
