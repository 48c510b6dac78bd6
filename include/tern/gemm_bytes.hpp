// SPDX-License-Identifier: MIT
// Matrix product of signed bytes and packed ternary or binary weights: what language models of 1.58 bits a weight run.
//
//     dst[i][j] = sum_{k < depth} lhs[i][k] * rhs[j][k]        i < rows (tokens), j < outputs
//
// lhs: a row-major matrix of int8, rows x depth, any values, stride and alignment; nothing behind a row is read.
// rhs: `packed_codes`, `packed_trits` or `packed_sevens` (ternary, 2, 1.6 and 2.29 bits), or `packed_panels<binary>` of
// one tap. Any shape, zero sizes included. plan_bytes.hpp says which of them serves a shape best.
//
// Requires: no ternary weight is the fourth code; pack_codes writes none, and view_codes lets none of untrusted bytes
// through. In a `packed_codes` made by hand it counts as +2, on every architecture, not as the 0 that it decodes to.
// Accumulation in int32, exact, bit-identical to `reference::gemm` on every architecture. The largest depth is
// (2^31 - 1) / 128 = 16777215, and (2^29 - 1) / 128 = 4194303 with an epilogue; beyond it the status is `overflow`.
// Cost: a dot product of bytes, 64 (AVX-512) to 16 (SSE4) products an instruction, and for a single row one `and` each.
// Weights are read once for every 8 to 32 rows. Binary weights and four rows or more on AVX-512: one lookup and one
// addition for up to 192 products, behind tables for every row. Sevens: always by lookup, 112 products each with
// AVX-512, behind tables for every row; elsewhere they run, slowly. For int32 results, weights of 8 MB and more are
// read once for every 128 rows. Tables serve 4224 outputs (2112 of real results) before they are made again.
// Convolutions (conv_bytes.hpp) take no sevens: a window's tables would serve no more than the outputs of its group,
// and a pixel's are made anew for every window that it is in.
// Memory: on x86, products with binary weights take 32 KB of stack, with lookups up to 132 KB, those with sevens 32 KB
// and, where results are not int32, up to 232 KB; on Arm with USMMLA, several rows and codes 32 KB, or 52 KB.
// Threads: none are started; `tiles` selects a range of panels of 64 outputs (codes), 32 (sevens) or 16 (trits,
// binary), and disjoint ranges may run side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <tern/gemm.hpp>
#include <tern/layout_tiles.hpp>

namespace tern {

/// Number of tiles of a product with these weights.
[[nodiscard]] TERN_INLINE constexpr size_t tile_count(const packed_codes& rhs) noexcept { return rhs.panels(); }

[[nodiscard]] TERN_INLINE constexpr size_t tile_count(const packed_trits& rhs) noexcept { return rhs.panels(); }

[[nodiscard]] TERN_INLINE constexpr size_t tile_count(const packed_sevens& rhs) noexcept { return rhs.panels(); }

namespace detail {

/// The layout that weights have or convert to; void where products of bytes know none.
template <class Weights>
using byte_layout = std::conditional_t<
    std::is_convertible_v<const Weights&, packed_codes>, packed_codes,
    std::conditional_t<
        std::is_convertible_v<const Weights&, packed_trits>, packed_trits,
        std::conditional_t<std::is_convertible_v<const Weights&, packed_sevens>, packed_sevens,
                           std::conditional_t<std::is_convertible_v<const Weights&, packed_panels<binary>>,
                                              packed_panels<binary>, void>>>>;
template <class Weights>
inline constexpr bool is_byte_weights = !std::is_void_v<byte_layout<Weights>>;

}  // namespace detail

/// int32 accumulators.
template <class Arch = default_arch, class Weights>
[[nodiscard]] std::enable_if_t<detail::is_byte_weights<Weights>, status> gemm(
    const matrix_view<const std::int8_t>& lhs, const Weights& rhs, const matrix_view<std::int32_t>& dst,
    tiles range = {}) noexcept;

/// Real numbers: accumulators reconstructed as epilogue.hpp says, bit-identical to `reference::gemm`.
/// The activations' scale and offset may be one a row (`per_channel`).
template <class Arch = default_arch, class Weights>
[[nodiscard]] std::enable_if_t<detail::is_byte_weights<Weights>, status> gemm(
    const matrix_view<const std::int8_t>& lhs, const Weights& rhs, const matrix_view<float>& dst,
    const scale_offset& epilogue, tiles range = {}) noexcept;

/// Packed ternary activations: reconstructed, compared with two thresholds, packed.
/// dst: rows x outputs, planes as in `packed_rows`.
template <class Arch = default_arch, class Weights>
[[nodiscard]] std::enable_if_t<detail::is_byte_weights<Weights>, status> gemm(
    const matrix_view<const std::int8_t>& lhs, const Weights& rhs, const mutable_packed_rows<ternary>& dst,
    const scale_offset& epilogue, const thresholds& limits, tiles range = {}) noexcept;

/// Any destination and way there of fused.hpp.
template <class Arch = default_arch, class Weights, class Destination, class How>
[[nodiscard]] std::enable_if_t<detail::is_byte_weights<Weights> && detail::is_how<How>, status> gemm(
    const matrix_view<const std::int8_t>& lhs, const Weights& rhs, const Destination& dst, const How& how,
    tiles range = {}) noexcept;

}  // namespace tern

#include <tern/kernel/bytes/bits.hpp>
#include <tern/kernel/bytes/matrix_product.hpp>
#include <tern/kernel/bytes/tables.hpp>
#include <tern/kernel/bytes/trits.hpp>
#include <tern/kernel/lookup/sevens.hpp>

namespace tern {
namespace detail {

// Which product takes which weights: one for a single row, one for more.

template <class One, class Many, class Rhs, class Sink>
TERN_INLINE void run_rows(const matrix_view<const std::int8_t>& lhs, const Rhs& rhs, size_t first_panel,
                          size_t last_panel, const Sink& sink) noexcept {
    if (lhs.rows == 1)
        kernel::run_gemm<One>(lhs, rhs, first_panel, last_panel, sink);
    else
        kernel::run_gemm<Many>(lhs, rhs, first_panel, last_panel, sink);
}

template <class Arch, class Sink>
TERN_INLINE void run_bytes(const matrix_view<const std::int8_t>& lhs, const packed_codes& rhs, size_t first_panel,
                           size_t last_panel, const Sink& sink) noexcept {
    run_rows<kernel::codes_product<Arch, true>, kernel::code_rows_product<Arch>>(lhs, rhs, first_panel, last_panel,
                                                                                 sink);
}

template <class Arch, class Sink>
TERN_INLINE void run_bytes(const matrix_view<const std::int8_t>& lhs, const packed_trits& rhs, size_t first_panel,
                           size_t last_panel, const Sink& sink) noexcept {
    run_rows<kernel::trits_product<Arch, true>, kernel::trits_product<Arch, false>>(lhs, rhs, first_panel, last_panel,
                                                                                    sink);
}

template <class Arch, class Sink>
TERN_INLINE void run_bytes(const matrix_view<const std::int8_t>& lhs, const packed_sevens& rhs, size_t first_panel,
                           size_t last_panel, const Sink& sink) noexcept {
    run_rows<kernel::sevens_product<Arch, true, Sink::real, Sink::direct>,
             kernel::sevens_product<Arch, false, Sink::real, Sink::direct>>(lhs, rhs, first_panel, last_panel, sink);
}

template <class Arch, class Sink>
TERN_INLINE void run_bytes(const matrix_view<const std::int8_t>& lhs, const packed_panels<binary>& rhs,
                           size_t first_panel, size_t last_panel, const Sink& sink) noexcept {
#if TERN_HAS_AVX512
    // From 256 outputs on the tables are worth their making.
    if constexpr (std::is_base_of_v<arch::avx512, Arch>)
        if (lhs.rows >= 4 && lhs.cols != 0 && last_panel - first_panel >= 16)
            return kernel::run_gemm<kernel::tables_product<Arch, Sink::real, Sink::direct>>(lhs, rhs, first_panel,
                                                                                            last_panel, sink);
#endif
    run_rows<kernel::bits_product<Arch, true>, kernel::bits_product<Arch, false>>(lhs, rhs, first_panel, last_panel,
                                                                                  sink);
}

/// Outputs of a tile of a range, and whether the depths agree.
template <class Tiles>
inline constexpr size_t range_outputs = Tiles::tile_outputs;
template <>
inline constexpr size_t range_outputs<packed_panels<binary>> = panel_outputs;

template <class Tiles>
[[nodiscard]] TERN_INLINE bool has_depth(const Tiles& rhs, size_t depth) noexcept {
    return rhs.depth == depth;
}
[[nodiscard]] TERN_INLINE bool has_depth(const packed_panels<binary>& rhs, size_t depth) noexcept {
    return rhs.taps == 1 && rhs.tap_depth == depth;
}

template <class Weights>
struct byte_product_operands {
    static constexpr size_t largest_product = 128;
    static constexpr size_t tile_panels = range_outputs<Weights> / panel_outputs;

    const matrix_view<const std::int8_t>& lhs;
    const Weights rhs;

    [[nodiscard]] TERN_INLINE size_t depth() const noexcept { return lhs.cols; }
    [[nodiscard]] TERN_INLINE bool fit() const noexcept { return has_depth(rhs, lhs.cols); }

    template <class Arch, class Sink>
    TERN_INLINE void run(size_t first_panel, size_t last_panel, const Sink& sink) const noexcept {
        run_bytes<Arch>(lhs, rhs, first_panel, last_panel, sink);
    }
};

}  // namespace detail

template <class Arch, class Weights>
std::enable_if_t<detail::is_byte_weights<Weights>, status> gemm(const matrix_view<const std::int8_t>& lhs,
                                                                const Weights& rhs,
                                                                const matrix_view<std::int32_t>& dst,
                                                                tiles range) noexcept {
    return detail::product<Arch>(detail::byte_product_operands<detail::byte_layout<Weights>>{lhs, rhs}, dst, range);
}

template <class Arch, class Weights>
std::enable_if_t<detail::is_byte_weights<Weights>, status> gemm(const matrix_view<const std::int8_t>& lhs,
                                                                const Weights& rhs, const matrix_view<float>& dst,
                                                                const scale_offset& epilogue, tiles range) noexcept {
    return gemm<Arch>(lhs, rhs, dst, to_float{epilogue}, range);
}

template <class Arch, class Weights>
std::enable_if_t<detail::is_byte_weights<Weights>, status> gemm(const matrix_view<const std::int8_t>& lhs,
                                                                const Weights& rhs,
                                                                const mutable_packed_rows<ternary>& dst,
                                                                const scale_offset& epilogue,
                                                                const thresholds& limits, tiles range) noexcept {
    return gemm<Arch>(lhs, rhs, dst, to_ternary{epilogue, limits}, range);
}

template <class Arch, class Weights, class Destination, class How>
std::enable_if_t<detail::is_byte_weights<Weights> && detail::is_how<How>, status> gemm(
    const matrix_view<const std::int8_t>& lhs, const Weights& rhs, const Destination& dst, const How& how,
    tiles range) noexcept {
    return detail::fused_product<Arch>(detail::byte_product_operands<detail::byte_layout<Weights>>{lhs, rhs}, dst, how,
                                       range);
}

}  // namespace tern
