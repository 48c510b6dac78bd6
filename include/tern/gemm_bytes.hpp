// SPDX-License-Identifier: MIT
// Matrix product of signed bytes and packed ternary weights: what language models with 1.58-bit weights run.
//
//     dst[i][j] = sum_{k < depth} lhs[i][k] * rhs[j][k]        i < rows (tokens), j < outputs
//
// lhs: a row-major matrix of int8, rows x depth, any values, stride and alignment; nothing behind a row is read.
// rhs: `packed_codes` (pack_codes, or view_codes for bytes that are not trusted). Any shape, zero sizes included.
//
// Requires: no weight is the fourth code; neither function above lets one through. In a `packed_codes` made by hand it
// counts as +2 here, on every architecture, not as the 0 that it decodes to.
// Accumulation in int32, exact, bit-identical to `reference::gemm` on every architecture. The largest depth is
// (2^31 - 1) / 128 = 16777215, and (2^29 - 1) / 128 = 4194303 with an epilogue; beyond it the status is `overflow`.
// Cost: one dot product of bytes for 64 (AVX-512 VNNI) or 16 to 64 (vpmaddubsw) products, and one `and` for each of them
// in a single row, fewer with more rows. Weights are read once for every 12 or 16 rows, 2 bits each.
// Threads: none are started; `tiles` selects a range of panels of 64 outputs, and disjoint ranges may run side by side.
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/gemm.hpp>

namespace tern {

/// Number of tiles of a product with these weights.
[[nodiscard]] TERN_INLINE constexpr size_t tile_count(const packed_codes& rhs) noexcept { return rhs.panels(); }

/// int32 accumulators.
template <class Arch = default_arch>
[[nodiscard]] status gemm(const matrix_view<const std::int8_t>& lhs, const packed_codes& rhs,
                          const matrix_view<std::int32_t>& dst, tiles range = {}) noexcept;

/// Real numbers: accumulators reconstructed as epilogue.hpp says, bit-identical to `reference::gemm`.
/// The activations' scale and offset may be one a row (`per_channel`).
template <class Arch = default_arch>
[[nodiscard]] status gemm(const matrix_view<const std::int8_t>& lhs, const packed_codes& rhs,
                          const matrix_view<float>& dst, const scale_offset& epilogue, tiles range = {}) noexcept;

/// Packed ternary activations: reconstructed, compared with two thresholds, packed.
/// dst: rows x outputs, planes as in `packed_rows`.
template <class Arch = default_arch>
[[nodiscard]] status gemm(const matrix_view<const std::int8_t>& lhs, const packed_codes& rhs,
                          const mutable_packed_rows<ternary>& dst, const scale_offset& epilogue,
                          const thresholds& limits, tiles range = {}) noexcept;

}  // namespace tern

#include <tern/kernel/bytes/codes.hpp>

namespace tern {
namespace detail {

struct codes_operands {
    static constexpr size_t largest_product = 128;
    static constexpr size_t tile_panels = packed_codes::tile_outputs / panel_outputs;

    const matrix_view<const std::int8_t>& lhs;
    const packed_codes& rhs;

    [[nodiscard]] TERN_INLINE size_t depth() const noexcept { return lhs.cols; }
    [[nodiscard]] TERN_INLINE bool fit() const noexcept { return lhs.cols == rhs.depth; }

    template <class Arch, class Sink>
    TERN_INLINE void run(size_t first_panel, size_t last_panel, const Sink& sink) const noexcept {
        if (lhs.rows == 1)
            kernel::run_gemm<kernel::codes_product<Arch, true>>(lhs, rhs, first_panel, last_panel, sink);
        else
            kernel::run_gemm<kernel::codes_product<Arch, false>>(lhs, rhs, first_panel, last_panel, sink);
    }
};

}  // namespace detail

template <class Arch>
status gemm(const matrix_view<const std::int8_t>& lhs, const packed_codes& rhs, const matrix_view<std::int32_t>& dst,
            tiles range) noexcept {
    return detail::product<Arch>(detail::codes_operands{lhs, rhs}, dst, range);
}

template <class Arch>
status gemm(const matrix_view<const std::int8_t>& lhs, const packed_codes& rhs, const matrix_view<float>& dst,
            const scale_offset& epilogue, tiles range) noexcept {
    return detail::product<Arch>(detail::codes_operands{lhs, rhs}, dst, epilogue, range);
}

template <class Arch>
status gemm(const matrix_view<const std::int8_t>& lhs, const packed_codes& rhs,
            const mutable_packed_rows<ternary>& dst, const scale_offset& epilogue, const thresholds& limits,
            tiles range) noexcept {
    return detail::product<Arch>(detail::codes_operands{lhs, rhs}, dst, epilogue, limits, range);
}

}  // namespace tern
