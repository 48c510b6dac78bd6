// SPDX-License-Identifier: MIT
#pragma once

#include <tern/kernel/bytes/config.hpp>
#include <tern/simd/batch_bytes.hpp>

#if TERN_HAS_XSIMD

namespace tern::kernel {

TERN_INLINE constexpr auto bytes_config(arch::simd) noexcept {
    return bytes_tile_config<simd::batch_bytes, 1, 4, 1, 1, 1, 1>{};
}

}  // namespace tern::kernel

#endif  // TERN_HAS_XSIMD
