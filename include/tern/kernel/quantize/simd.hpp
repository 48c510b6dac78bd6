// SPDX-License-Identifier: MIT
// ARMv7's vectors flush subnormal numbers, which would change comparisons; there the scalar leaf serves.
#pragma once

#include <tern/arch.hpp>
#include <tern/simd/batch_floats.hpp>
#include <tern/simd/batch_streams.hpp>

#if TERN_HAS_XSIMD && !(defined(__arm__) && TERN_HAS_NEON)

namespace tern::kernel {

simd::batch_floats floats_of(arch::simd) noexcept;
simd::batch_streams streams_of(arch::simd) noexcept;

}  // namespace tern::kernel

#endif
