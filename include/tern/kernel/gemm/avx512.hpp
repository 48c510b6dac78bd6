// SPDX-License-Identifier: MIT
#pragma once

#include <tern/kernel/gemm/config.hpp>
#include <tern/simd/x86.hpp>

#if TERN_HAS_AVX512

namespace tern::kernel {

TERN_INLINE constexpr auto gemm_config(arch::avx512) noexcept {
    return tile_config<simd::avx512_lanes, 8, 1, 4, 1, 4>{};
}

}  // namespace tern::kernel

#endif  // TERN_HAS_AVX512
