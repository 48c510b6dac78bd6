// SPDX-License-Identifier: MIT
#pragma once

#include <tern/kernel/bytes/config.hpp>
#include <tern/simd/x86_bytes.hpp>

#if TERN_HAS_AVX512

namespace tern::kernel {

TERN_INLINE constexpr auto bytes_config(arch::avx512) noexcept {
    return bytes_tile_config<simd::avx512_bytes, 4, 4, 2, 4, 2, 4>{};
}

}  // namespace tern::kernel

#endif  // TERN_HAS_AVX512
