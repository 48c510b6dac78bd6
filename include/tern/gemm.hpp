// SPDX-License-Identifier: MIT
// Matrix product of packed activations and packed weights.
//
//     dst[i][j] = sum_{k < depth} lhs[i][k] * rhs[j][k]        i < rows (tokens), j < outputs
//
// lhs: `packed_rows`, rhs: `packed_panels`, dst: row-major, one row a row of lhs. Any pair of
//     activations  binary, ternary, unsigned_bits<1..8>, bipolar_bits<1..8>
//     weights      binary, ternary
// and any shape, zero sizes included (a product over no depth is zero).
//
// Accumulation in int32, exact, bit-identical to `reference::gemm` on every architecture. The largest depth is
// (2^31 - 1) / largest |activation|: 2147483647 for binary and ternary, 8421504 for unsigned_bits<8>; beyond it the
// status is `overflow`.
// Cost a position of depth and pair (32 of them an instruction lane): xor, count, add for pairs with at most one mask
// plane; and, xor-and, two counts, two adds for two; times the activations' digits.
// Threads: none are started; `tiles` selects a range of panels of 16 outputs, and disjoint ranges may run side by side.
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/arch.hpp>
#include <tern/epilogue.hpp>
#include <tern/layout.hpp>
#include <tern/parallel.hpp>

namespace tern {

/// Number of tiles of a product with these weights.
template <class Encoding>
[[nodiscard]] TERN_INLINE constexpr size_t tile_count(const packed_panels<Encoding>& rhs) noexcept {
    return rhs.panels();
}

/// int32 accumulators.
template <class Arch = default_arch, class Lhs, class Rhs>
[[nodiscard]] status gemm(const packed_rows<Lhs>& lhs, const packed_panels<Rhs>& rhs,
                          const matrix_view<std::int32_t>& dst, tiles range = {}) noexcept;

/// Real numbers: accumulators reconstructed as epilogue.hpp says, bit-identical to `reference::gemm`. Largest depth:
/// (2^29 - 1) / largest |activation|.
/// The activations' scale and offset may be one a row (`per_channel`).
template <class Arch = default_arch, class Lhs, class Rhs>
[[nodiscard]] status gemm(const packed_rows<Lhs>& lhs, const packed_panels<Rhs>& rhs, const matrix_view<float>& dst,
                          const scale_offset& epilogue, tiles range = {}) noexcept;

/// The next layer's packed ternary activations: reconstructed, compared with two thresholds, packed.
/// dst: rows x outputs, planes as in `packed_rows`.
template <class Arch = default_arch, class Lhs, class Rhs>
[[nodiscard]] status gemm(const packed_rows<Lhs>& lhs, const packed_panels<Rhs>& rhs,
                          const mutable_packed_rows<ternary>& dst, const scale_offset& epilogue,
                          const thresholds& limits, tiles range = {}) noexcept;

}  // namespace tern

#include <tern/kernel/gemm/driver.hpp>
#include <tern/kernel/gemm/planes.hpp>

namespace tern {
namespace detail {

/// The largest product of one activation and one weight.
template <class Lhs, class Rhs>
inline constexpr size_t max_product = static_cast<size_t>(Lhs::max_abs * Rhs::max_abs);

/// Whether the largest accumulator fits int32.
template <class Lhs, class Rhs>
[[nodiscard]] TERN_INLINE constexpr bool accumulator_fits(size_t depth) noexcept {
    return depth <= size_t{0x7fffffff} / max_product<Lhs, Rhs>;
}

/// What is the same for weights of any layout. `rhs_depth`: their depth, if they are those of a matrix.
template <class Lhs, class Weights>
[[nodiscard]] TERN_INLINE status check_product(const packed_rows<Lhs>& lhs, const Weights& rhs, size_t rhs_depth,
                                               size_t dst_rows, size_t dst_cols, byte_range dst,
                                               tiles range) noexcept {
    if (lhs.depth != rhs_depth || dst_rows != lhs.rows || dst_cols != rhs.outputs || range.first > range.last)
        return status::bad_shape;
    if (!accumulator_fits<Lhs, typename Weights::encoding>(lhs.depth)) return status::overflow;
    if (dst.overlaps(bytes_of(lhs)) || dst.overlaps(bytes_of(rhs))) return status::overlap;
    return status::ok;
}

template <class Lhs, class Rhs>
[[nodiscard]] TERN_INLINE status check_product(const packed_rows<Lhs>& lhs, const packed_panels<Rhs>& rhs,
                                               size_t dst_rows, size_t dst_cols, byte_range dst,
                                               tiles range) noexcept {
    status s = check(lhs);
    if (s != status::ok) return s;
    s = check(rhs);
    if (s != status::ok) return s;
    if (rhs.taps != 1) return status::bad_shape;
    return check_product(lhs, rhs, rhs.tap_depth, dst_rows, dst_cols, dst, range);
}

template <class Arch, class Lhs, class Rhs, class Sink>
TERN_INLINE void run_product(const packed_rows<Lhs>& lhs, const packed_panels<Rhs>& rhs, tiles range,
                             const Sink& sink) noexcept {
    const size_t last = range.last < rhs.panels() ? range.last : rhs.panels();
    if (range.first >= last || lhs.rows == 0) return;
    if (lhs.rows == 1)
        kernel::run_gemm<kernel::plane_product<Arch, Lhs, Rhs, true>>(lhs, rhs, range.first, last, sink);
    else
        kernel::run_gemm<kernel::plane_product<Arch, Lhs, Rhs, false>>(lhs, rhs, range.first, last, sink);
}

}  // namespace detail

template <class Arch, class Lhs, class Rhs>
status gemm(const packed_rows<Lhs>& lhs, const packed_panels<Rhs>& rhs, const matrix_view<std::int32_t>& dst,
            tiles range) noexcept {
    status s = check(dst);
    if (s == status::ok) s = detail::check_product(lhs, rhs, dst.rows, dst.cols, bytes_of(dst), range);
    if (s == status::ok) detail::run_product<Arch>(lhs, rhs, range, kernel::int32_sink{dst});
    return s;
}

template <class Arch, class Lhs, class Rhs>
status gemm(const packed_rows<Lhs>& lhs, const packed_panels<Rhs>& rhs, const matrix_view<float>& dst,
            const scale_offset& epilogue, tiles range) noexcept {
    status s = check(dst);
    if (s == status::ok) s = check(epilogue, lhs.depth, detail::max_product<Lhs, Rhs>);
    if (s == status::ok) s = detail::check_product(lhs, rhs, dst.rows, dst.cols, bytes_of(dst), range);
    if (s == status::ok) detail::run_product<Arch>(lhs, rhs, range, kernel::float_sink<Arch>{{epilogue, rhs.outputs}, dst});
    return s;
}

template <class Arch, class Lhs, class Rhs>
status gemm(const packed_rows<Lhs>& lhs, const packed_panels<Rhs>& rhs, const mutable_packed_rows<ternary>& dst,
            const scale_offset& epilogue, const thresholds& limits, tiles range) noexcept {
    status s = check(dst);
    if (s == status::ok) s = check(epilogue, lhs.depth, detail::max_product<Lhs, Rhs>);
    if (s == status::ok) s = detail::check_product(lhs, rhs, dst.rows, dst.depth, bytes_of(dst), range);
    if (s == status::ok)
        detail::run_product<Arch>(lhs, rhs, range,
                                  kernel::ternary_sink<Arch>{{epilogue, rhs.outputs}, dst, limits});
    return s;
}

}  // namespace tern
