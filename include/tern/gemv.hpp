// SPDX-License-Identifier: MIT
// Product of one packed row of activations with packed weights:
//
//     dst[j] = sum_{k < depth} x[k] * rhs[j][k]        j < outputs
//
// The one-row case of gemm.hpp, gemm_bytes.hpp and gemm_lookup.hpp, with their operands, exactness, overflow bounds,
// epilogues and statuses, under its own name because it is what decoding runs. The weights are read once: it is bound
// by their bytes as soon as they leave the caches.
#pragma once

#include <tern/gemm.hpp>

namespace tern {

/// dst: 1 x outputs. Operands as `gemm` takes them: include the header of theirs.
template <class Arch = default_arch, class Lhs, class Rhs>
[[nodiscard]] status gemv(const Lhs& x, const Rhs& rhs, const matrix_view<std::int32_t>& dst,
                          tiles range = {}) noexcept {
    return x.rows == 1 ? gemm<Arch>(x, rhs, dst, range) : status::bad_shape;
}

template <class Arch = default_arch, class Lhs, class Rhs>
[[nodiscard]] status gemv(const Lhs& x, const Rhs& rhs, const matrix_view<float>& dst, const scale_offset& epilogue,
                          tiles range = {}) noexcept {
    return x.rows == 1 ? gemm<Arch>(x, rhs, dst, epilogue, range) : status::bad_shape;
}

template <class Arch = default_arch, class Lhs, class Rhs>
[[nodiscard]] status gemv(const Lhs& x, const Rhs& rhs, const mutable_packed_rows<ternary>& dst,
                          const scale_offset& epilogue, const thresholds& limits, tiles range = {}) noexcept {
    return x.rows == 1 ? gemm<Arch>(x, rhs, dst, epilogue, limits, range) : status::bad_shape;
}

}  // namespace tern
