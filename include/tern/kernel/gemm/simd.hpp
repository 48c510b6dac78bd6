// SPDX-License-Identifier: MIT
#pragma once

#include <tern/kernel/gemm/config.hpp>
#include <tern/simd/batch.hpp>

#if TERN_HAS_XSIMD

namespace tern::kernel {

/// One panel wide at least, whatever the width of a batch.
TERN_INLINE constexpr auto gemm_config(arch::simd) noexcept {
    constexpr size_t panel = 16 / simd::batch_lanes::width;
    return tile_config<simd::batch_lanes, 2, (panel > 2 ? 2 : panel), 2, 1, (panel > 2 ? 4 : panel)>{};
}

}  // namespace tern::kernel

#endif  // TERN_HAS_XSIMD
