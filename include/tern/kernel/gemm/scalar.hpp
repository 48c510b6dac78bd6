// SPDX-License-Identifier: MIT
#pragma once

#include <tern/kernel/gemm/config.hpp>

namespace tern::kernel {

TERN_INLINE constexpr auto gemm_config(arch::scalar) noexcept {
    return tile_config<simd::scalar_lanes, 1, 4, 1, 2, 4>{};
}

}  // namespace tern::kernel
