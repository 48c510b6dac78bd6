// SPDX-License-Identifier: MIT
#pragma once

#include <tern/kernel/bytes/config.hpp>
#include <tern/simd/arm_bytes.hpp>

#if TERN_HAS_DOTPROD

namespace tern::kernel {

/// Thirty-two registers: sixteen sums and the activations of eight rows, which share two fields.
TERN_INLINE constexpr auto bytes_config(arch::dotprod) noexcept {
    return bytes_tile_config<simd::dotprod_bytes, 8, 2, 2, 4, 2, 4>{};
}

}  // namespace tern::kernel

#endif  // TERN_HAS_DOTPROD
