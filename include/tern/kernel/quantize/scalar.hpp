// SPDX-License-Identifier: MIT
// Which leaf an architecture quantizes floats with; only the types matter. An overload for a tag serves every tag
// derived from it.
#pragma once

#include <tern/arch.hpp>
#include <tern/simd/floats.hpp>
#include <tern/simd/streams.hpp>

namespace tern::kernel {

simd::scalar_floats floats_of(arch::scalar) noexcept;
simd::scalar_streams streams_of(arch::scalar) noexcept;

}  // namespace tern::kernel
