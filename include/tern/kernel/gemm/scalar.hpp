// SPDX-License-Identifier: MIT
#pragma once

#include <tern/kernel/gemm/config.hpp>
#include <tern/kernel/gemm/words.hpp>

namespace tern::kernel {

TERN_INLINE constexpr auto gemm_config(arch::scalar) noexcept {
    return tile_config<simd::scalar_lanes, 1, 1, 1, 1, 1>{};
}

}  // namespace tern::kernel
