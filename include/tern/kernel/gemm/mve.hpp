// SPDX-License-Identifier: MIT
#pragma once

#include <tern/kernel/gemm/config.hpp>
#include <tern/kernel/gemm/words.hpp>
#include <tern/simd/arm_mve.hpp>

#if TERN_HAS_MVE

namespace tern::kernel {

/// Eight registers, for adders: one register of outputs at a time, deep (words.hpp). A single row: two.
TERN_INLINE constexpr auto gemm_config(arch::mve) noexcept {
    return tile_config<simd::mve_lanes, 1, 1, 1, 1, 2>{};
}

template <class Lhs, class Rhs>
struct tile<simd::mve_lanes, Lhs, Rhs, 1, 1> : word_tile<simd::mve_counts, Lhs, Rhs> {};

}  // namespace tern::kernel

#endif  // TERN_HAS_MVE
