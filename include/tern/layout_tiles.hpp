// SPDX-License-Identifier: MIT
// Ternary weights in tiles of 64 bytes (layout.hpp says what is where): 2-bit codes, base-3 trits, indices of lookup
// tables and places in tables of sums.
#pragma once

#include <tern/layout.hpp>

namespace tern {

/// What they share: tiles of `TileOutputs` outputs x `TileDepth` depth positions, depth fastest; behind the tiles of a
/// panel (`TileOutputs` outputs) follow the sums of their weights. Any alignment; 64 bytes is fastest. Each says where
/// in the tile the values of a unit of bytes belong (`place`) and how they become its byte b (`encode`).
template <class Encoding, layout_id Id, size_t TileOutputs, size_t TileDepth, size_t UnitBytes = 1>
struct packed_tiles {
    using encoding = Encoding;
    static constexpr size_t tile_outputs = TileOutputs;
    static constexpr size_t tile_depth = TileDepth;
    static constexpr size_t tile_bytes = 64;
    static constexpr size_t sums_bytes = tile_outputs * sizeof(std::int32_t);
    static constexpr size_t unit_bytes = UnitBytes;
    static constexpr size_t unit_values = tile_outputs * tile_depth * unit_bytes / tile_bytes;

    struct tile_place {
        size_t output;
        size_t depth;
    };

    const std::uint8_t* data = nullptr;
    size_t outputs = 0;
    size_t depth = 0;
    layout_id layout = Id;

    TERN_INLINE constexpr packed_tiles() noexcept {}
    TERN_INLINE constexpr packed_tiles(const std::uint8_t* data_, size_t outputs_, size_t depth_) noexcept
        : data(data_), outputs(outputs_), depth(depth_) {}

    [[nodiscard]] TERN_INLINE constexpr size_t panels() const noexcept { return bits::ceil_div(outputs, tile_outputs); }
    [[nodiscard]] TERN_INLINE constexpr size_t panel_tiles() const noexcept {
        return bits::ceil_div(depth, tile_depth);
    }
    /// Bytes from a panel to the next.
    [[nodiscard]] TERN_INLINE constexpr size_t panel_stride() const noexcept {
        return panel_tiles() * tile_bytes + sums_bytes;
    }
    [[nodiscard]] TERN_INLINE constexpr const std::uint8_t* panel(size_t p) const noexcept {
        return data + p * panel_stride();
    }
    /// Sums of the weights of a panel's outputs: int32, two's complement, little-endian, of any alignment.
    [[nodiscard]] TERN_INLINE constexpr const std::uint8_t* sums(size_t p) const noexcept {
        return panel(p) + panel_tiles() * tile_bytes;
    }
    [[nodiscard]] TERN_INLINE constexpr size_t bytes() const noexcept { return panels() * panel_stride(); }

    /// Bytes of such weights; 0 when there is nothing to store, the size does not fit `size_t` or the sum of an
    /// output's weights could pass int32.
    [[nodiscard]] static TERN_INLINE constexpr size_t bytes_for(size_t outputs, size_t depth) noexcept {
        if (depth == 0 || depth > size_t{0x7fffffff}) return 0;
        const packed_tiles tiles(nullptr, outputs, depth);
        size_t bytes = 0;
        constexpr size_t most_tiles = (static_cast<size_t>(-1) - sums_bytes) / tile_bytes;
        return tiles.panel_tiles() <= most_tiles && multiply(tiles.panels(), tiles.panel_stride(), bytes) ? bytes : 0;
    }
};

/// Ternary weights as 2-bit codes.
struct packed_codes : packed_tiles<ternary_code, layout_id::codes, 64, 4> {
    TERN_INLINE constexpr packed_codes() noexcept {}
    TERN_INLINE constexpr packed_codes(const std::uint8_t* data_, size_t outputs_, size_t depth_) noexcept
        : packed_tiles(data_, outputs_, depth_) {}

    struct position {
        size_t byte;
        size_t shift;
    };
    [[nodiscard]] TERN_INLINE constexpr position locate(size_t output, size_t d) const noexcept {
        return {output / tile_outputs * panel_stride() + d / tile_depth * tile_bytes +
                    output % panel_outputs * tile_depth + d % tile_depth,
                output % tile_outputs / panel_outputs * 2};
    }
    [[nodiscard]] TERN_INLINE constexpr std::int32_t value(size_t output, size_t d) const noexcept {
        const position at = locate(output, d);
        return ternary_code::decode(static_cast<std::uint32_t>(data[at.byte]) >> at.shift & 3u);
    }
    /// Value k of unit i of a tile.
    [[nodiscard]] static TERN_INLINE constexpr tile_place place(size_t i, size_t k) noexcept {
        return {k * panel_outputs + i / tile_depth, i % tile_depth};
    }
    [[nodiscard]] static TERN_INLINE constexpr std::uint8_t encode(const std::int8_t (&values)[unit_values],
                                                                   size_t) noexcept {
        std::uint32_t byte = 0;
        for (size_t k = 0; k < unit_values; ++k) byte |= ternary_code::encode(values[k]) << (2 * k);
        return static_cast<std::uint8_t>(byte);
    }
};

/// Ternary weights as base-3 digits, five to a byte.
struct packed_trits : packed_tiles<trit, layout_id::trits, 16, 20> {
    static constexpr size_t lane_bytes = tile_depth / trit::per_byte;

    TERN_INLINE constexpr packed_trits() noexcept {}
    TERN_INLINE constexpr packed_trits(const std::uint8_t* data_, size_t outputs_, size_t depth_) noexcept
        : packed_tiles(data_, outputs_, depth_) {}

    struct position {
        size_t byte;
        int digit;
    };
    [[nodiscard]] TERN_INLINE constexpr position locate(size_t output, size_t d) const noexcept {
        return {output / tile_outputs * panel_stride() + d / tile_depth * tile_bytes +
                    output % tile_outputs * lane_bytes + d % lane_bytes,
                static_cast<int>(d % tile_depth / lane_bytes)};
    }
    [[nodiscard]] TERN_INLINE constexpr std::int32_t value(size_t output, size_t d) const noexcept {
        const position at = locate(output, d);
        return trit::decode(data[at.byte], at.digit);
    }
    [[nodiscard]] static TERN_INLINE constexpr tile_place place(size_t i, size_t k) noexcept {
        return {i / lane_bytes, k * lane_bytes + i % lane_bytes};
    }
    [[nodiscard]] static TERN_INLINE constexpr std::uint8_t encode(const std::int8_t (&values)[unit_values],
                                                                   size_t) noexcept {
        return trit::encode(values);
    }
};

/// Ternary weights as indices of lookup tables: byte `lane` of a tile holds output 64 * panel + lane (`ternary_index`).
struct packed_indices : packed_tiles<ternary_index, layout_id::indices, 64, 4> {
    TERN_INLINE constexpr packed_indices() noexcept {}
    TERN_INLINE constexpr packed_indices(const std::uint8_t* data_, size_t outputs_, size_t depth_) noexcept
        : packed_tiles(data_, outputs_, depth_) {}

    [[nodiscard]] TERN_INLINE constexpr std::int32_t value(size_t output, size_t d) const noexcept {
        const std::uint8_t* tile = panel(output / tile_outputs) + d / tile_depth * tile_bytes;
        return ternary_index::decode(tile[output % tile_outputs], static_cast<int>(d % tile_depth));
    }
    [[nodiscard]] static TERN_INLINE constexpr tile_place place(size_t i, size_t k) noexcept { return {i, k}; }
    [[nodiscard]] static TERN_INLINE constexpr std::uint8_t encode(const std::int8_t (&values)[unit_values],
                                                                   size_t) noexcept {
        return ternary_index::encode(values);
    }
};

/// Ternary weights as places in tables of sums: two bytes hold seven depth positions of an output, and the outputs o
/// and o + 16 are neighbours.
struct packed_sevens : packed_tiles<ternary_seven, layout_id::sevens, 32, ternary_seven::per_pair, 2> {
    TERN_INLINE constexpr packed_sevens() noexcept {}
    TERN_INLINE constexpr packed_sevens(const std::uint8_t* data_, size_t outputs_, size_t depth_) noexcept
        : packed_tiles(data_, outputs_, depth_) {}

    /// Offset of the two bytes of an output in a tile.
    [[nodiscard]] static TERN_INLINE constexpr size_t offset(size_t output) noexcept {
        return 2 * (2 * (output % panel_outputs) + output % tile_outputs / panel_outputs);
    }
    [[nodiscard]] TERN_INLINE constexpr std::int32_t value(size_t output, size_t d) const noexcept {
        const std::uint8_t* const at = panel(output / tile_outputs) + d / tile_depth * tile_bytes + offset(output);
        return ternary_seven::decode(at[0], at[1], static_cast<int>(d % tile_depth));
    }
    [[nodiscard]] static TERN_INLINE constexpr tile_place place(size_t i, size_t k) noexcept {
        return {i % 2 * panel_outputs + i / 2, k};
    }
    [[nodiscard]] static TERN_INLINE constexpr std::uint8_t encode(const std::int8_t (&values)[unit_values],
                                                                   size_t b) noexcept {
        return ternary_seven::encode(values, static_cast<int>(b));
    }
};

/// Bytes of them; 0 when there is nothing to store, the size does not fit `size_t` or the sum of an output's weights
/// could pass int32.
[[nodiscard]] TERN_INLINE constexpr size_t codes_bytes(size_t outputs, size_t depth) noexcept {
    return packed_codes::bytes_for(outputs, depth);
}
[[nodiscard]] TERN_INLINE constexpr size_t trits_bytes(size_t outputs, size_t depth) noexcept {
    return packed_trits::bytes_for(outputs, depth);
}
[[nodiscard]] TERN_INLINE constexpr size_t indices_bytes(size_t outputs, size_t depth) noexcept {
    return packed_indices::bytes_for(outputs, depth);
}
[[nodiscard]] TERN_INLINE constexpr size_t sevens_bytes(size_t outputs, size_t depth) noexcept {
    return packed_sevens::bytes_for(outputs, depth);
}

template <class Encoding, layout_id Id, size_t Outputs, size_t Depth, size_t Unit>
[[nodiscard]] TERN_INLINE byte_range bytes_of(const packed_tiles<Encoding, Id, Outputs, Depth, Unit>& v) noexcept {
    return bytes_of(v.data, v.bytes_for(v.outputs, v.depth));
}

template <class Encoding, layout_id Id, size_t Outputs, size_t Depth, size_t Unit>
[[nodiscard]] TERN_INLINE status check(const packed_tiles<Encoding, Id, Outputs, Depth, Unit>& v) noexcept {
    if (v.layout != Id) return status::bad_layout;
    if (v.outputs == 0 || v.depth == 0) return status::ok;
    if (v.data == nullptr) return status::null_pointer;
    return v.bytes_for(v.outputs, v.depth) == 0 ? status::overflow : status::ok;
}

}  // namespace tern
