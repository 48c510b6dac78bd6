// SPDX-License-Identifier: MIT
// A layout for products of signed bytes by table lookup; see layout.hpp for what all layouts have in common.
//
//   sevens  ternary weights in 2.29 bits, 32 outputs x 7 depth positions in 64 bytes: the two bytes 2 * lane and
//           2 * lane + 1 hold one output (see `ternary_seven`), and the outputs o and o + 16 are neighbours: lane
//           2 * (o % 16) + o / 16. Behind the tiles of 32 outputs follow the 32 sums of their weights, 4 bytes each.
#pragma once

#include <tern/layout.hpp>

namespace tern {

/// Ternary weights as places in tables of sums, tiles of 32 outputs x 7 depth positions, depth fastest. Any alignment;
/// 64 bytes is fastest.
struct packed_sevens {
    using encoding = ternary_seven;
    static constexpr size_t tile_outputs = 32;
    static constexpr size_t tile_depth = ternary_seven::per_pair;
    static constexpr size_t tile_bytes = 64;
    static constexpr size_t sums_bytes = tile_outputs * sizeof(std::int32_t);

    const std::uint8_t* data = nullptr;
    size_t outputs = 0;
    size_t depth = 0;
    layout_id layout = layout_id::sevens;

    TERN_INLINE constexpr packed_sevens() noexcept {}
    TERN_INLINE constexpr packed_sevens(const std::uint8_t* data_, size_t outputs_, size_t depth_) noexcept
        : data(data_), outputs(outputs_), depth(depth_) {}

    /// Groups of 32 outputs.
    [[nodiscard]] TERN_INLINE constexpr size_t panels() const noexcept { return bits::ceil_div(outputs, tile_outputs); }
    [[nodiscard]] TERN_INLINE constexpr size_t panel_tiles() const noexcept {
        return bits::ceil_div(depth, tile_depth);
    }
    /// Bytes from a group of 32 outputs to the next.
    [[nodiscard]] TERN_INLINE constexpr size_t panel_stride() const noexcept {
        return panel_tiles() * tile_bytes + sums_bytes;
    }
    /// The 32 sums of the weights of a group of outputs, as little-endian int32 of any alignment.
    [[nodiscard]] TERN_INLINE constexpr const std::uint8_t* sums(size_t p) const noexcept {
        return data + p * panel_stride() + panel_tiles() * tile_bytes;
    }
    /// Offset of the two bytes of an output in a tile.
    [[nodiscard]] static TERN_INLINE constexpr size_t offset(size_t output) noexcept {
        return 2 * (2 * (output % panel_outputs) + output % tile_outputs / panel_outputs);
    }
    [[nodiscard]] TERN_INLINE constexpr std::int32_t value(size_t output, size_t d) const noexcept {
        const std::uint8_t* const at = data + output / tile_outputs * panel_stride() + d / tile_depth * tile_bytes +
                                       offset(output);
        return ternary_seven::decode(at[0], at[1], static_cast<int>(d % tile_depth));
    }
};

/// Bytes of `packed_sevens`; 0 when there is nothing to store, the size does not fit `size_t` or the sum of an output's
/// weights could pass int32.
[[nodiscard]] TERN_INLINE constexpr size_t sevens_bytes(size_t outputs, size_t depth) noexcept {
    if (depth > size_t{0x7fffffff}) return 0;
    const packed_sevens p(nullptr, outputs, depth);
    size_t bytes = 0;
    // The sums as two more tiles.
    const bool fits =
        multiply(p.panel_tiles() + 2, packed_sevens::tile_bytes, bytes) && multiply(bytes, p.panels(), bytes);
    return fits && depth != 0 ? bytes : 0;
}

[[nodiscard]] TERN_INLINE byte_range bytes_of(const packed_sevens& v) noexcept {
    return bytes_of(v.data, sevens_bytes(v.outputs, v.depth));
}

[[nodiscard]] TERN_INLINE status check(const packed_sevens& v) noexcept {
    return check_bytes(v, layout_id::sevens, sevens_bytes(v.outputs, v.depth));
}

}  // namespace tern
