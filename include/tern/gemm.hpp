// SPDX-License-Identifier: MIT
// Matrix product of packed activations and packed weights.
//
//     dst[i][j] = sum_{k < depth} lhs[i][k] * rhs[j][k]        i < rows (tokens), j < outputs
//
// lhs: `packed_rows`, rhs: `packed_panels`, dst: row-major, one row a row of lhs. Any pair of
//     activations  binary, ternary, unsigned_bits<1..8>, bipolar_bits<1..8>
//     weights      binary, ternary, unsigned_bits<1..8>, bipolar_bits<1..8>
// and any shape, zero sizes included (a product over no depth is zero).
//
// Accumulation in int32, exact, bit-identical to `reference::gemm` on every architecture. The largest depth is
// (2^31 - 1) / largest |activation * weight|: 2147483647 for binary and ternary, 8421504 for unsigned_bits<8> times
// ternary; beyond it the status is `overflow`.
// Cost a position of depth and pair (32 of them an instruction lane): xor, count, add for pairs with at most one mask
// plane; and, xor-and, two counts, two adds for two; times the digits of both operands.
// Memory: with AVX-512 VPOPCNTDQ, several rows take up to 56 KB of stack, 88 KB with an epilogue.
// Threads: none are started; `tiles` selects a range of panels of 16 outputs, and disjoint ranges may run side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <tern/arch.hpp>
#include <tern/epilogue.hpp>
#include <tern/fused.hpp>
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

/// Any destination and way there of fused.hpp, bit-identical to `reference/fused.hpp`.
template <class Arch = default_arch, class Lhs, class Rhs, class Destination, class How>
[[nodiscard]] std::enable_if_t<detail::is_how<How>, status> gemm(const packed_rows<Lhs>& lhs,
                                                                 const packed_panels<Rhs>& rhs, const Destination& dst,
                                                                 const How& how, tiles range = {}) noexcept;

}  // namespace tern

#include <tern/kernel/gemm/driver.hpp>
#include <tern/kernel/gemm/planes.hpp>
#include <tern/kernel/lookup/panels.hpp>
#include <tern/kernel/sinks/fused.hpp>

namespace tern {
namespace detail {

/// The largest product of one activation and one weight.
template <class Lhs, class Rhs>
inline constexpr size_t max_product = static_cast<size_t>(Lhs::max_abs * Rhs::max_abs);

/// Whether the largest accumulator fits int32.
[[nodiscard]] TERN_INLINE constexpr bool accumulator_fits(size_t depth, size_t largest_product) noexcept {
    return depth <= size_t{0x7fffffff} / largest_product;
}

/// Both operands of a product, and what depends on their kind alone: whether they can be read, whether they fit
/// together, how large a product of two elements can be, and which kernel takes them. gemm_bytes.hpp has others.
template <class Lhs, class Rhs>
struct plane_operands {
    static constexpr size_t largest_product = max_product<Lhs, Rhs>;
    static constexpr size_t tile_panels = 1;  // of 16 outputs

    const packed_rows<Lhs>& lhs;
    const packed_panels<Rhs>& rhs;

    [[nodiscard]] TERN_INLINE size_t depth() const noexcept { return lhs.depth; }
    [[nodiscard]] TERN_INLINE bool fit() const noexcept { return rhs.taps == 1 && lhs.depth == rhs.tap_depth; }

    template <class Arch, class Sink>
    TERN_INLINE void run(size_t first_panel, size_t last_panel, const Sink& sink) const noexcept {
        if constexpr (kernel::by_nibbles<Arch, Rhs>(4))
            if (kernel::by_nibbles<Arch, Rhs>(lhs.rows))
                return kernel::run_gemm<kernel::nibble_product<Arch, Lhs, Rhs>>(lhs, rhs, first_panel, last_panel,
                                                                                sink);
        // Where tiles are one row high anyway, one kernel serves all.
        if constexpr (kernel::panel_group<Arch, Lhs, Rhs, false>::rows > 1)
            if (lhs.rows == 1)
                return kernel::run_gemm<kernel::plane_product<Arch, Lhs, Rhs, true>>(lhs, rhs, first_panel, last_panel,
                                                                                     sink);
        kernel::run_gemm<kernel::plane_product<Arch, Lhs, Rhs, false>>(lhs, rhs, first_panel, last_panel, sink);
    }
};

template <class Operands>
[[nodiscard]] TERN_INLINE status check_product(const Operands& o, size_t dst_rows, size_t dst_cols, byte_range dst,
                                               tiles range) noexcept {
    status s = check(o.lhs);
    if (s != status::ok) return s;
    s = check(o.rhs);
    if (s != status::ok) return s;
    if (!o.fit() || dst_rows != o.lhs.rows || dst_cols != o.rhs.outputs || range.first > range.last)
        return status::bad_shape;
    if (!accumulator_fits(o.depth(), Operands::largest_product)) return status::overflow;
    if (dst.overlaps(bytes_of(o.lhs)) || dst.overlaps(bytes_of(o.rhs))) return status::overlap;
    return status::ok;
}

template <class Arch, class Operands, class Sink>
TERN_INLINE void run_product(const Operands& o, tiles range, const Sink& sink) noexcept {
    const size_t count = tile_count(o.rhs);
    const size_t last = range.last < count ? range.last : count;
    if (range.first >= last || o.lhs.rows == 0) return;
    const size_t last_panel =
        last == count ? bits::ceil_div(o.rhs.outputs, panel_outputs) : last * Operands::tile_panels;
    o.template run<Arch>(range.first * Operands::tile_panels, last_panel, sink);
}

[[nodiscard]] TERN_INLINE constexpr size_t width_of(const matrix_view<float>& v) noexcept { return v.cols; }
[[nodiscard]] TERN_INLINE constexpr size_t width_of(const matrix_view<std::int8_t>& v) noexcept { return v.cols; }
template <class Encoding>
[[nodiscard]] TERN_INLINE constexpr size_t width_of(const mutable_packed_rows<Encoding>& v) noexcept {
    return v.depth;
}

// The destinations, for operands of any kind: accumulators, and any way of fused.hpp, of which two have short names.

template <class Arch, class Operands>
[[nodiscard]] TERN_INLINE status product(const Operands& o, const matrix_view<std::int32_t>& dst,
                                         tiles range) noexcept {
    status s = check(dst);
    if (s == status::ok) s = check_product(o, dst.rows, dst.cols, bytes_of(dst), range);
    if (s == status::ok) run_product<Arch>(o, range, kernel::int32_sink{dst});
    return s;
}

template <class Arch, class Operands, class Destination, class How>
[[nodiscard]] TERN_INLINE status fused_product(const Operands& o, const Destination& dst, const How& how,
                                               tiles range) noexcept {
    status s = check(dst);
    if (s == status::ok)
        s = check_how(how, dst.rows, o.rhs.outputs, o.depth(), Operands::largest_product, bytes_of(dst));
    if (s == status::ok) s = check_product(o, dst.rows, width_of(dst), bytes_of(dst), range);
    if (s == status::ok) run_product<Arch>(o, range, kernel::sink_of<Arch>(dst, how));
    return s;
}

template <class Arch, class Operands>
[[nodiscard]] TERN_INLINE status product(const Operands& o, const matrix_view<float>& dst,
                                         const scale_offset& epilogue, tiles range) noexcept {
    return fused_product<Arch>(o, dst, to_float{epilogue}, range);
}

template <class Arch, class Operands>
[[nodiscard]] TERN_INLINE status product(const Operands& o, const mutable_packed_rows<ternary>& dst,
                                         const scale_offset& epilogue, const thresholds& limits,
                                         tiles range) noexcept {
    return fused_product<Arch>(o, dst, to_ternary{epilogue, limits}, range);
}

}  // namespace detail

template <class Arch, class Lhs, class Rhs, class Destination, class How>
std::enable_if_t<detail::is_how<How>, status> gemm(const packed_rows<Lhs>& lhs, const packed_panels<Rhs>& rhs,
                                                   const Destination& dst, const How& how, tiles range) noexcept {
    return detail::fused_product<Arch>(detail::plane_operands<Lhs, Rhs>{lhs, rhs}, dst, how, range);
}

template <class Arch, class Lhs, class Rhs>
status gemm(const packed_rows<Lhs>& lhs, const packed_panels<Rhs>& rhs, const matrix_view<std::int32_t>& dst,
            tiles range) noexcept {
    return detail::product<Arch>(detail::plane_operands<Lhs, Rhs>{lhs, rhs}, dst, range);
}

template <class Arch, class Lhs, class Rhs>
status gemm(const packed_rows<Lhs>& lhs, const packed_panels<Rhs>& rhs, const matrix_view<float>& dst,
            const scale_offset& epilogue, tiles range) noexcept {
    return detail::product<Arch>(detail::plane_operands<Lhs, Rhs>{lhs, rhs}, dst, epilogue, range);
}

template <class Arch, class Lhs, class Rhs>
status gemm(const packed_rows<Lhs>& lhs, const packed_panels<Rhs>& rhs, const mutable_packed_rows<ternary>& dst,
            const scale_offset& epilogue, const thresholds& limits, tiles range) noexcept {
    return detail::product<Arch>(detail::plane_operands<Lhs, Rhs>{lhs, rhs}, dst, epilogue, limits, range);
}

}  // namespace tern
