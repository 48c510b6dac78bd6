// SPDX-License-Identifier: MIT
#pragma once

#include <tern/kernel/bytes/config.hpp>
#include <tern/simd/arm_dsp_bytes.hpp>

namespace tern::kernel {

TERN_INLINE constexpr auto bytes_config(arch::scalar) noexcept {
    return bytes_tile_config<simd::word_bytes, 1, 4, 1, 1, 1, 1>{};
}

}  // namespace tern::kernel
