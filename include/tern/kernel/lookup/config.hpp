// SPDX-License-Identifier: MIT
// Which register and which tile shape a product by lookup uses on an architecture. An overload for a tag serves every
// tag derived from it.
#pragma once

#include <tern/arch.hpp>
#include <tern/simd/lookup.hpp>
#include <tern/simd/x86_places.hpp>

namespace tern::kernel {

/// A tile of Rows x Panels panels of 64 outputs; GroupPanels of them for which the activations are prepared once;
/// BlockRows rows whose sums are kept together, and the codes of SegmentWords words of them (see product.hpp). For a
/// single row RowPanels panels are a tile and a group.
/// Unloaded: registers of indices that are operands in memory of every lookup.
template <class LanesType, size_t Rows, size_t Panels, size_t GroupPanels, size_t BlockRows, size_t SegmentWords,
          size_t RowPanels, size_t Unloaded = 0>
struct lookup_shape {
    using lanes = LanesType;
    static constexpr size_t rows = Rows;
    static constexpr size_t panels = Panels;
    static constexpr size_t group_panels = GroupPanels;
    static constexpr size_t block_rows = BlockRows;
    static constexpr size_t segment_words = SegmentWords;
    static constexpr size_t row_panels = RowPanels;
    static constexpr size_t unloaded = Unloaded;
};

TERN_INLINE constexpr auto lookup_config(arch::scalar) noexcept {
    return lookup_shape<simd::scalar_lookup, 1, 1, 1, 4, 126, 1>{};
}

#if TERN_HAS_SSE4
/// Sixteen registers: eight sums, four indices, a row of the table.
TERN_INLINE constexpr auto lookup_config(arch::sse4) noexcept {
    return lookup_shape<simd::sse4_lookup, 2, 1, 4, 16, 126, 1>{};
}
#endif

#if TERN_HAS_AVX2
/// Sixteen registers: eight sums, three of four indices, and a row of the table with all that is looked up in it.
TERN_INLINE constexpr auto lookup_config(arch::avx2) noexcept {
    return lookup_shape<simd::avx2_lookup, 2, 2, 4, 16, 280, 2, 1>{};
}
#endif

#if TERN_HAS_AVX512
TERN_INLINE constexpr auto lookup_config(arch::avx512) noexcept {
    return lookup_shape<simd::avx512_lookup, 4, 4, 4, 16, 126, 4>{};
}
#endif

#if TERN_HAS_AVX512_VPOPCNTDQ
/// Thirty-two registers: sixteen sums, four indices, two of a table row.
TERN_INLINE constexpr auto lookup_config(arch::avx512_vpopcntdq) noexcept {
    return lookup_shape<simd::avx512_vpopcntdq_lookup, 4, 4, 4, 16, 449, 8>{};
}
#endif

}  // namespace tern::kernel
