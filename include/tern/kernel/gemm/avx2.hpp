// SPDX-License-Identifier: MIT
#pragma once

#include <tern/kernel/gemm/config.hpp>
#include <tern/simd/x86.hpp>

#if TERN_HAS_AVX2

namespace tern::kernel {

/// Sixteen registers: eight sums, two weight words, the nibble table and its mask leave four to work with.
TERN_INLINE constexpr auto gemm_config(arch::avx2) noexcept {
    return tile_config<simd::avx2_lanes, 4, 2, 4, 1, 4>{};
}

}  // namespace tern::kernel

#endif  // TERN_HAS_AVX2
