// SPDX-License-Identifier: MIT
#pragma once

#include <tern/kernel/gemm/config.hpp>
#include <tern/kernel/gemm/words.hpp>

namespace tern::kernel {

/// Matrix products: one output at a time, deep (words.hpp). A single row, that is the pixels of a convolution with
/// their few words a tap: four outputs share the way to them.
TERN_INLINE constexpr auto gemm_config(arch::scalar) noexcept {
    return tile_config<simd::scalar_lanes, 1, 1, 1, 1, 4>{};
}

}  // namespace tern::kernel
