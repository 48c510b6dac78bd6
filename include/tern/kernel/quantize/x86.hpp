// SPDX-License-Identifier: MIT
#pragma once

#include <tern/arch.hpp>
#include <tern/simd/x86_floats.hpp>
#include <tern/simd/x86_streams.hpp>

namespace tern::kernel {

#if TERN_HAS_SSE4
simd::sse4_floats floats_of(arch::sse4) noexcept;
#endif
#if TERN_HAS_AVX2
simd::avx2_floats floats_of(arch::avx2) noexcept;
simd::avx2_streams streams_of(arch::avx2) noexcept;
#endif
#if TERN_HAS_AVX512
simd::avx512_floats floats_of(arch::avx512) noexcept;
simd::avx512_streams streams_of(arch::avx512) noexcept;
#endif

}  // namespace tern::kernel
