// SPDX-License-Identifier: MIT
#pragma once

#include <tern/kernel/bytes/config.hpp>
#include <tern/simd/x86_bytes.hpp>

#if TERN_HAS_SSE4

namespace tern::kernel {

/// Sixteen registers: twelve sums, a register of codes, one field of it, its mask, an activation.
TERN_INLINE constexpr auto bytes_config(arch::sse4) noexcept { return bytes_tile_config<simd::sse4_bytes, 3, 2>{}; }

}  // namespace tern::kernel

#endif  // TERN_HAS_SSE4
