// SPDX-License-Identifier: MIT
// Matrix product of signed bytes and packed ternary or binary weights: what language models of 1.58 bits a weight run.
//
//     dst[i][j] = sum_{k < depth} lhs[i][k] * rhs[j][k]        i < rows (tokens), j < outputs
//
// lhs: a row-major matrix of int8, rows x depth, any values, stride and alignment; nothing behind a row is read.
// rhs: `packed_codes`, `packed_trits` or `packed_sevens` (ternary, 2, 1.6 and 2.29 bits), or `packed_panels<binary>` of
// one tap. Any shape, zero sizes included. plan.hpp says which of them serves a shape best.
//
// Requires: no ternary weight is the fourth code; pack_codes writes none, and view_codes lets none of untrusted bytes
// through. In a `packed_codes` made by hand it counts as +2, on every architecture, not as the 0 that it decodes to.
// Accumulation in int32, exact, bit-identical to `reference::gemm` on every architecture. The largest depth is
// (2^31 - 1) / 128 = 16777215, and (2^29 - 1) / 128 = 4194303 with an epilogue; beyond it the status is `overflow`.
// Cost: a dot product of bytes, 64 (AVX-512) to 16 (SSE4) products an instruction, and for a single row one `and` each.
// Weights are read once for every 8 to 16 rows. Binary weights and four rows or more on AVX-512: one lookup and one
// addition for up to 192 products, behind tables that are made anew for every four rows and 1024 outputs. Sevens: always
// by lookup, 112 products each with AVX-512, behind tables for every row and 4224 outputs (2112 of real results);
// elsewhere they run, slowly.
// Memory: on x86, products with binary weights take 32 KB of stack, with lookups up to 72 KB, those with sevens 160 KB
// and, where results are real, 224 KB.
// Threads: none are started; `tiles` selects a range of panels of 64 outputs (codes), 32 (sevens) or 16 (trits, binary),
// and disjoint ranges may run side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <tern/gemm.hpp>
#include <tern/layout_sevens.hpp>

namespace tern {

/// Number of tiles of a product with these weights.
[[nodiscard]] TERN_INLINE constexpr size_t tile_count(const packed_codes& rhs) noexcept { return rhs.panels(); }

[[nodiscard]] TERN_INLINE constexpr size_t tile_count(const packed_trits& rhs) noexcept { return rhs.panels(); }

[[nodiscard]] TERN_INLINE constexpr size_t tile_count(const packed_sevens& rhs) noexcept { return rhs.panels(); }

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

/// The same with binary weights.
template <class Arch = default_arch>
[[nodiscard]] status gemm(const matrix_view<const std::int8_t>& lhs, const packed_panels<binary>& rhs,
                          const matrix_view<std::int32_t>& dst, tiles range = {}) noexcept;

template <class Arch = default_arch>
[[nodiscard]] status gemm(const matrix_view<const std::int8_t>& lhs, const packed_panels<binary>& rhs,
                          const matrix_view<float>& dst, const scale_offset& epilogue, tiles range = {}) noexcept;

template <class Arch = default_arch>
[[nodiscard]] status gemm(const matrix_view<const std::int8_t>& lhs, const packed_panels<binary>& rhs,
                          const mutable_packed_rows<ternary>& dst, const scale_offset& epilogue,
                          const thresholds& limits, tiles range = {}) noexcept;

/// The same with ternary weights of 1.6 bits.
template <class Arch = default_arch>
[[nodiscard]] status gemm(const matrix_view<const std::int8_t>& lhs, const packed_trits& rhs,
                          const matrix_view<std::int32_t>& dst, tiles range = {}) noexcept;

template <class Arch = default_arch>
[[nodiscard]] status gemm(const matrix_view<const std::int8_t>& lhs, const packed_trits& rhs,
                          const matrix_view<float>& dst, const scale_offset& epilogue, tiles range = {}) noexcept;

template <class Arch = default_arch>
[[nodiscard]] status gemm(const matrix_view<const std::int8_t>& lhs, const packed_trits& rhs,
                          const mutable_packed_rows<ternary>& dst, const scale_offset& epilogue,
                          const thresholds& limits, tiles range = {}) noexcept;

/// The same with ternary weights for lookups, 2.29 bits.
template <class Arch = default_arch>
[[nodiscard]] status gemm(const matrix_view<const std::int8_t>& lhs, const packed_sevens& rhs,
                          const matrix_view<std::int32_t>& dst, tiles range = {}) noexcept;

template <class Arch = default_arch>
[[nodiscard]] status gemm(const matrix_view<const std::int8_t>& lhs, const packed_sevens& rhs,
                          const matrix_view<float>& dst, const scale_offset& epilogue, tiles range = {}) noexcept;

template <class Arch = default_arch>
[[nodiscard]] status gemm(const matrix_view<const std::int8_t>& lhs, const packed_sevens& rhs,
                          const mutable_packed_rows<ternary>& dst, const scale_offset& epilogue,
                          const thresholds& limits, tiles range = {}) noexcept;

/// Any destination and way there of fused.hpp, for the weights of all layouts.
template <class Arch = default_arch, class Destination, class How>
[[nodiscard]] std::enable_if_t<detail::is_how<How>, status> gemm(const matrix_view<const std::int8_t>& lhs,
                                                                 const packed_codes& rhs, const Destination& dst,
                                                                 const How& how, tiles range = {}) noexcept;

template <class Arch = default_arch, class Destination, class How>
[[nodiscard]] std::enable_if_t<detail::is_how<How>, status> gemm(const matrix_view<const std::int8_t>& lhs,
                                                                 const packed_panels<binary>& rhs,
                                                                 const Destination& dst, const How& how,
                                                                 tiles range = {}) noexcept;

template <class Arch = default_arch, class Destination, class How>
[[nodiscard]] std::enable_if_t<detail::is_how<How>, status> gemm(const matrix_view<const std::int8_t>& lhs,
                                                                 const packed_trits& rhs, const Destination& dst,
                                                                 const How& how, tiles range = {}) noexcept;

template <class Arch = default_arch, class Destination, class How>
[[nodiscard]] std::enable_if_t<detail::is_how<How>, status> gemm(const matrix_view<const std::int8_t>& lhs,
                                                                 const packed_sevens& rhs, const Destination& dst,
                                                                 const How& how, tiles range = {}) noexcept;

}  // namespace tern

#include <tern/kernel/bytes/bits.hpp>
#include <tern/kernel/bytes/codes.hpp>
#include <tern/kernel/bytes/tables.hpp>
#include <tern/kernel/bytes/trits.hpp>
#include <tern/kernel/lookup/sevens.hpp>

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

struct bits_operands {
    static constexpr size_t largest_product = 128;
    static constexpr size_t tile_panels = 1;

    const matrix_view<const std::int8_t>& lhs;
    const packed_panels<binary>& rhs;

    [[nodiscard]] TERN_INLINE size_t depth() const noexcept { return lhs.cols; }
    [[nodiscard]] TERN_INLINE bool fit() const noexcept { return rhs.taps == 1 && lhs.cols == rhs.tap_depth; }

    template <class Arch, class Sink>
    TERN_INLINE void run(size_t first_panel, size_t last_panel, const Sink& sink) const noexcept {
#if TERN_HAS_AVX512
        // From 256 outputs on the tables are worth their making.
        if constexpr (std::is_base_of_v<arch::avx512, Arch>)
            if (lhs.rows >= 4 && lhs.cols != 0 && last_panel - first_panel >= 16)
                return kernel::run_gemm<kernel::tables_product<Arch>>(lhs, rhs, first_panel, last_panel, sink);
#endif
        if (lhs.rows == 1)
            kernel::run_gemm<kernel::bits_product<Arch, true>>(lhs, rhs, first_panel, last_panel, sink);
        else
            kernel::run_gemm<kernel::bits_product<Arch, false>>(lhs, rhs, first_panel, last_panel, sink);
    }
};

struct trits_operands {
    static constexpr size_t largest_product = 128;
    static constexpr size_t tile_panels = 1;

    const matrix_view<const std::int8_t>& lhs;
    const packed_trits& rhs;

    [[nodiscard]] TERN_INLINE size_t depth() const noexcept { return lhs.cols; }
    [[nodiscard]] TERN_INLINE bool fit() const noexcept { return lhs.cols == rhs.depth; }

    template <class Arch, class Sink>
    TERN_INLINE void run(size_t first_panel, size_t last_panel, const Sink& sink) const noexcept {
        if (lhs.rows == 1)
            kernel::run_gemm<kernel::trits_product<Arch, true>>(lhs, rhs, first_panel, last_panel, sink);
        else
            kernel::run_gemm<kernel::trits_product<Arch, false>>(lhs, rhs, first_panel, last_panel, sink);
    }
};

struct sevens_operands {
    static constexpr size_t largest_product = 128;
    static constexpr size_t tile_panels = packed_sevens::tile_outputs / panel_outputs;

    const matrix_view<const std::int8_t>& lhs;
    const packed_sevens& rhs;

    [[nodiscard]] TERN_INLINE size_t depth() const noexcept { return lhs.cols; }
    [[nodiscard]] TERN_INLINE bool fit() const noexcept { return lhs.cols == rhs.depth; }

    template <class Arch, class Sink>
    TERN_INLINE void run(size_t first_panel, size_t last_panel, const Sink& sink) const noexcept {
        if (lhs.rows == 1)
            kernel::run_gemm<kernel::sevens_product<Arch, true, Sink::real>>(lhs, rhs, first_panel, last_panel, sink);
        else
            kernel::run_gemm<kernel::sevens_product<Arch, false, Sink::real>>(lhs, rhs, first_panel, last_panel, sink);
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

template <class Arch>
status gemm(const matrix_view<const std::int8_t>& lhs, const packed_panels<binary>& rhs,
            const matrix_view<std::int32_t>& dst, tiles range) noexcept {
    return detail::product<Arch>(detail::bits_operands{lhs, rhs}, dst, range);
}

template <class Arch>
status gemm(const matrix_view<const std::int8_t>& lhs, const packed_panels<binary>& rhs,
            const matrix_view<float>& dst, const scale_offset& epilogue, tiles range) noexcept {
    return detail::product<Arch>(detail::bits_operands{lhs, rhs}, dst, epilogue, range);
}

template <class Arch>
status gemm(const matrix_view<const std::int8_t>& lhs, const packed_panels<binary>& rhs,
            const mutable_packed_rows<ternary>& dst, const scale_offset& epilogue, const thresholds& limits,
            tiles range) noexcept {
    return detail::product<Arch>(detail::bits_operands{lhs, rhs}, dst, epilogue, limits, range);
}

template <class Arch>
status gemm(const matrix_view<const std::int8_t>& lhs, const packed_trits& rhs,
            const matrix_view<std::int32_t>& dst, tiles range) noexcept {
    return detail::product<Arch>(detail::trits_operands{lhs, rhs}, dst, range);
}

template <class Arch>
status gemm(const matrix_view<const std::int8_t>& lhs, const packed_trits& rhs,
            const matrix_view<float>& dst, const scale_offset& epilogue, tiles range) noexcept {
    return detail::product<Arch>(detail::trits_operands{lhs, rhs}, dst, epilogue, range);
}

template <class Arch>
status gemm(const matrix_view<const std::int8_t>& lhs, const packed_trits& rhs,
            const mutable_packed_rows<ternary>& dst, const scale_offset& epilogue, const thresholds& limits,
            tiles range) noexcept {
    return detail::product<Arch>(detail::trits_operands{lhs, rhs}, dst, epilogue, limits, range);
}

template <class Arch>
status gemm(const matrix_view<const std::int8_t>& lhs, const packed_sevens& rhs,
            const matrix_view<std::int32_t>& dst, tiles range) noexcept {
    return detail::product<Arch>(detail::sevens_operands{lhs, rhs}, dst, range);
}

template <class Arch>
status gemm(const matrix_view<const std::int8_t>& lhs, const packed_sevens& rhs,
            const matrix_view<float>& dst, const scale_offset& epilogue, tiles range) noexcept {
    return detail::product<Arch>(detail::sevens_operands{lhs, rhs}, dst, epilogue, range);
}

template <class Arch>
status gemm(const matrix_view<const std::int8_t>& lhs, const packed_sevens& rhs,
            const mutable_packed_rows<ternary>& dst, const scale_offset& epilogue, const thresholds& limits,
            tiles range) noexcept {
    return detail::product<Arch>(detail::sevens_operands{lhs, rhs}, dst, epilogue, limits, range);
}

template <class Arch, class Destination, class How>
std::enable_if_t<detail::is_how<How>, status> gemm(const matrix_view<const std::int8_t>& lhs,
                                                   const packed_codes& rhs, const Destination& dst,
                                                   const How& how, tiles range) noexcept {
    return detail::fused_product<Arch>(detail::codes_operands{lhs, rhs}, dst, how, range);
}

template <class Arch, class Destination, class How>
std::enable_if_t<detail::is_how<How>, status> gemm(const matrix_view<const std::int8_t>& lhs,
                                                   const packed_panels<binary>& rhs, const Destination& dst,
                                                   const How& how, tiles range) noexcept {
    return detail::fused_product<Arch>(detail::bits_operands{lhs, rhs}, dst, how, range);
}

template <class Arch, class Destination, class How>
std::enable_if_t<detail::is_how<How>, status> gemm(const matrix_view<const std::int8_t>& lhs,
                                                   const packed_trits& rhs, const Destination& dst,
                                                   const How& how, tiles range) noexcept {
    return detail::fused_product<Arch>(detail::trits_operands{lhs, rhs}, dst, how, range);
}


template <class Arch, class Destination, class How>
std::enable_if_t<detail::is_how<How>, status> gemm(const matrix_view<const std::int8_t>& lhs,
                                                   const packed_sevens& rhs, const Destination& dst,
                                                   const How& how, tiles range) noexcept {
    return detail::fused_product<Arch>(detail::sevens_operands{lhs, rhs}, dst, how, range);
}

}  // namespace tern
