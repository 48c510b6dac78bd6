// SPDX-License-Identifier: MIT
#pragma once

#include <tern/kernel/bytes/config.hpp>
#include <tern/simd/arm_bytes.hpp>

#if TERN_HAS_I8MM

namespace tern::kernel {

/// As with dotprod; several rows and codes are matrix_product.hpp's.
TERN_INLINE constexpr auto bytes_config(arch::i8mm) noexcept {
    return bytes_tile_config<simd::i8mm_bytes, 8, 2, 2, 4, 2, 4>{};
}

}  // namespace tern::kernel

#endif  // TERN_HAS_I8MM
