// SPDX-License-Identifier: MIT
#pragma once

#include <tern/kernel/bytes/config.hpp>
#include <tern/simd/x86_bytes.hpp>

#if TERN_HAS_SSE4

namespace tern::kernel {

/// Sixteen registers: eight sums, four activations, two fields, their mask, a product.
TERN_INLINE constexpr auto bytes_config(arch::sse4) noexcept {
    return bytes_tile_config<simd::sse4_bytes, 4, 2, 2, 4, 2, 4>{};
}

}  // namespace tern::kernel

#endif  // TERN_HAS_SSE4
