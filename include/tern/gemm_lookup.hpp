// SPDX-License-Identifier: MIT
// Matrix product of packed activations and ternary weights by table lookup.
//
//     dst[i][j] = sum_{k < depth} lhs[i][k] * rhs[j][k]        i < rows (tokens), j < outputs
//
// The product of gemm.hpp and gemv.hpp, with the same destinations, epilogues, results and statuses, of weights packed as
// `packed_indices`. Activations: binary, ternary, unsigned_bits<1..8>, bipolar_bits<1..8>.
//
// Four positions of an activation row select a row of a constant table, and the weights' byte the place in it where
// the sum of the four products stands (two positions and half a byte with 16-byte shuffles). Activations of more than
// two planes are taken two planes at a time.
// Accumulation in int32, exact, bit-identical to `reference::gemm` on every architecture; the largest depths are those
// of gemm.hpp.
// Cost: one lookup and one addition of bytes for four (two) positions, output and digit of the activations; tables of
// 10 KB for ternary, 32 KB for more than one plane, 2 KB for one plane (scalar: for each plane).
// Threads: none are started; `tiles` selects a range of panels of 64 outputs, and disjoint ranges may run side by side.
#pragma once

#include <tern/gemm.hpp>

namespace tern {

/// Number of tiles of a product with these weights.
[[nodiscard]] TERN_INLINE constexpr size_t tile_count(const packed_indices& rhs) noexcept { return rhs.panels(); }

/// int32 accumulators.
template <class Arch = default_arch, class Lhs>
[[nodiscard]] status gemm(const packed_rows<Lhs>& lhs, const packed_indices& rhs,
                          const matrix_view<std::int32_t>& dst, tiles range = {}) noexcept;

/// Real numbers.
template <class Arch = default_arch, class Lhs>
[[nodiscard]] status gemm(const packed_rows<Lhs>& lhs, const packed_indices& rhs, const matrix_view<float>& dst,
                          const scale_offset& epilogue, tiles range = {}) noexcept;

/// The next layer's packed ternary activations.
template <class Arch = default_arch, class Lhs>
[[nodiscard]] status gemm(const packed_rows<Lhs>& lhs, const packed_indices& rhs,
                          const mutable_packed_rows<ternary>& dst, const scale_offset& epilogue,
                          const thresholds& limits, tiles range = {}) noexcept;

/// One row of activations.
template <class Arch = default_arch, class Lhs>
[[nodiscard]] status gemv(const packed_rows<Lhs>& x, const packed_indices& rhs, const matrix_view<std::int32_t>& dst,
                          tiles range = {}) noexcept {
    return x.rows == 1 ? gemm<Arch>(x, rhs, dst, range) : status::bad_shape;
}

template <class Arch = default_arch, class Lhs>
[[nodiscard]] status gemv(const packed_rows<Lhs>& x, const packed_indices& rhs, const matrix_view<float>& dst,
                          const scale_offset& epilogue, tiles range = {}) noexcept {
    return x.rows == 1 ? gemm<Arch>(x, rhs, dst, epilogue, range) : status::bad_shape;
}

template <class Arch = default_arch, class Lhs>
[[nodiscard]] status gemv(const packed_rows<Lhs>& x, const packed_indices& rhs,
                          const mutable_packed_rows<ternary>& dst, const scale_offset& epilogue,
                          const thresholds& limits, tiles range = {}) noexcept {
    return x.rows == 1 ? gemm<Arch>(x, rhs, dst, epilogue, limits, range) : status::bad_shape;
}

}  // namespace tern

#include <tern/kernel/gemm/driver.hpp>
#include <tern/kernel/lookup/product.hpp>

namespace tern {
namespace detail {

template <class Lhs>
[[nodiscard]] TERN_INLINE status check_product(const packed_rows<Lhs>& lhs, const packed_indices& rhs, size_t dst_rows,
                                               size_t dst_cols, byte_range dst, tiles range) noexcept {
    status s = check(lhs);
    if (s != status::ok) return s;
    s = check(rhs);
    return s != status::ok ? s : check_product(lhs, rhs, rhs.depth, dst_rows, dst_cols, dst, range);
}

template <class Arch, class Lhs, class Sink>
TERN_INLINE void run_product(const packed_rows<Lhs>& lhs, const packed_indices& rhs, tiles range,
                             const Sink& sink) noexcept {
    if (range.first >= rhs.panels() || range.first == range.last || lhs.rows == 0) return;
    constexpr size_t quarters = packed_indices::tile_outputs / panel_outputs;
    const size_t first = range.first * quarters;
    const size_t last = range.last < rhs.panels() ? range.last * quarters : bits::ceil_div(rhs.outputs, panel_outputs);
    if (lhs.rows == 1)
        kernel::run_gemm<kernel::lookup_product<Arch, Lhs, true>>(lhs, rhs, first, last, sink);
    else
        kernel::run_gemm<kernel::lookup_product<Arch, Lhs, false>>(lhs, rhs, first, last, sink);
}

}  // namespace detail

template <class Arch, class Lhs>
status gemm(const packed_rows<Lhs>& lhs, const packed_indices& rhs, const matrix_view<std::int32_t>& dst,
            tiles range) noexcept {
    status s = check(dst);
    if (s == status::ok) s = detail::check_product(lhs, rhs, dst.rows, dst.cols, bytes_of(dst), range);
    if (s == status::ok) detail::run_product<Arch>(lhs, rhs, range, kernel::int32_sink{dst});
    return s;
}

template <class Arch, class Lhs>
status gemm(const packed_rows<Lhs>& lhs, const packed_indices& rhs, const matrix_view<float>& dst,
            const scale_offset& epilogue, tiles range) noexcept {
    status s = check(dst);
    if (s == status::ok) s = check(epilogue, lhs.depth, detail::max_product<Lhs, ternary_index>);
    if (s == status::ok) s = detail::check_product(lhs, rhs, dst.rows, dst.cols, bytes_of(dst), range);
    if (s == status::ok) detail::run_product<Arch>(lhs, rhs, range, kernel::float_sink<Arch>{{epilogue, rhs.outputs}, dst});
    return s;
}

template <class Arch, class Lhs>
status gemm(const packed_rows<Lhs>& lhs, const packed_indices& rhs, const mutable_packed_rows<ternary>& dst,
            const scale_offset& epilogue, const thresholds& limits, tiles range) noexcept {
    status s = check(dst);
    if (s == status::ok) s = check(epilogue, lhs.depth, detail::max_product<Lhs, ternary_index>);
    if (s == status::ok) s = detail::check_product(lhs, rhs, dst.rows, dst.depth, bytes_of(dst), range);
    if (s == status::ok)
        detail::run_product<Arch>(lhs, rhs, range,
                                  kernel::ternary_sink<Arch>{{epilogue, rhs.outputs}, dst, limits});
    return s;
}

}  // namespace tern
