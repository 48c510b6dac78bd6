// SPDX-License-Identifier: MIT
#pragma once

#include <tern/kernel/bytes/config.hpp>
#include <tern/simd/x86_bytes.hpp>

#if TERN_HAS_AVX512_VNNI

namespace tern::kernel {

/// Sixteen sums hide the latency of vpdpbusd, eight that of a single row.
TERN_INLINE constexpr auto bytes_config(arch::avx512_vnni) noexcept {
    return bytes_tile_config<simd::avx512_vnni_bytes, 4, 4, 2, 2, 1, 2>{};
}

}  // namespace tern::kernel

#endif  // TERN_HAS_AVX512_VNNI
