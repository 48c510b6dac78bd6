// SPDX-License-Identifier: MIT
#pragma once

#include <tern/kernel/gemm/config.hpp>
#include <tern/simd/x86.hpp>

#if TERN_HAS_SSE4

namespace tern::kernel {

/// Sixteen registers and instructions that overwrite an operand: eight sums and a panel's four words at the most, the
/// rest for copies of the nibble table.
TERN_INLINE constexpr auto gemm_config(arch::sse4) noexcept {
    return tile_config<simd::sse4_lanes, 2, 4, 1, 4, 4>{};
}

}  // namespace tern::kernel

#endif  // TERN_HAS_SSE4
