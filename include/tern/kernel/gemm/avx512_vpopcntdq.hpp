// SPDX-License-Identifier: MIT
#pragma once

#include <tern/kernel/gemm/config.hpp>
#include <tern/simd/x86.hpp>

#if TERN_HAS_AVX512_VPOPCNTDQ

namespace tern::kernel {

TERN_INLINE constexpr auto gemm_config(arch::avx512_vpopcntdq) noexcept {
    return tile_config<simd::avx512_vpopcntdq_lanes, 8, 2, 8, 1, 4, true>{};
}

}  // namespace tern::kernel

#endif  // TERN_HAS_AVX512_VPOPCNTDQ
