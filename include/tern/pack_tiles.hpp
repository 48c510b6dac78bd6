// SPDX-License-Identifier: MIT
// Packing ternary weights as 2-bit codes, base-3 trits and what products by table lookup read, from any source of
// pack.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/pack.hpp>

namespace tern {
namespace detail {

/// Calls put(offset, byte) once for every byte of the tiles `view` that hold `source`: values and sums, padding
/// included.
template <class Source, class Tiles, class Put>
TERN_INLINE void for_each_tile_byte(const Source& source, const Tiles& view, const Put& put) noexcept {
    size_t at = 0;
    for (size_t first = 0; first < view.outputs; first += Tiles::tile_outputs) {
        std::uint32_t sums[Tiles::tile_outputs] = {};
        for (size_t d = 0; d < view.panel_tiles() * Tiles::tile_depth; d += Tiles::tile_depth)
            for (size_t i = 0; i < Tiles::tile_bytes / Tiles::unit_bytes; ++i) {
                std::int8_t values[Tiles::unit_values] = {};
                for (size_t k = 0; k < Tiles::unit_values; ++k) {
                    const auto place = Tiles::place(i, k);
                    if (first + place.output >= view.outputs || d + place.depth >= view.depth) continue;
                    values[k] = static_cast<std::int8_t>(source_value(source, first + place.output, d + place.depth));
                    sums[place.output] += static_cast<std::uint32_t>(std::int32_t{values[k]});
                }
                for (size_t b = 0; b < Tiles::unit_bytes; ++b) put(at++, Tiles::encode(values, b));
            }
        for (const std::uint32_t sum : sums)
            for (int shift = 0; shift < 32; shift += 8) put(at++, static_cast<std::uint8_t>(sum >> shift & 0xffu));
    }
}

template <class Arch, class Source, class Tiles>
[[nodiscard]] status pack_tiles(const Source& source, std::uint8_t* dst, size_t dst_bytes, Tiles& packed) noexcept {
    const Tiles view(dst, source_rows(source), source_depth(source));
    const size_t needed = view.bytes_for(view.outputs, view.depth);
    status s = check_target(dst, dst_bytes, needed, view.outputs == 0 || view.depth == 0);
    if (s != status::ok) return s;
    s = check_source<Arch, typename Tiles::encoding>(source, bytes_of(dst, needed));
    if (s != status::ok) return s;
    if (needed != 0)
        for_each_tile_byte(source, view, [dst](size_t i, std::uint8_t byte) TERN_INLINE_LAMBDA { dst[i] = byte; });
    packed = view;
    return status::ok;
}

template <class Arch, class Tiles>
[[nodiscard]] status view_tiles(const void* data, size_t bytes, layout_id layout, size_t outputs, size_t depth,
                                Tiles& packed) noexcept {
    const Tiles view(static_cast<const std::uint8_t*>(data), outputs, depth);
    if (layout != view.layout) return status::bad_layout;
    if (outputs == 0 || depth == 0) return status::bad_shape;
    const status s = check_target(view.data, bytes, view.bytes_for(outputs, depth), false);
    if (s != status::ok) return s;
    bool canonical = true;
    for_each_tile_byte(view, view, [&](size_t i, std::uint8_t byte) TERN_INLINE_LAMBDA {
        canonical = canonical && view.data[i] == byte;
    });
    if (!canonical) return status::bad_value;
    packed = view;
    return status::ok;
}

}  // namespace detail

/// Packs ternary weights as 2-bit codes, with the sums that epilogues need. dst: `codes_bytes(outputs, depth)` bytes;
/// 64-byte alignment is fastest, any will do. On success `packed` is the view of it.
template <class Arch = default_arch, class Source>
[[nodiscard]] status pack_codes(const Source& source, std::uint8_t* dst, size_t dst_bytes,
                                packed_codes& packed) noexcept {
    return detail::pack_tiles<Arch>(source, dst, dst_bytes, packed);
}

/// As base-3 digits, five to a byte. dst: `trits_bytes(outputs, depth)` bytes.
template <class Arch = default_arch, class Source>
[[nodiscard]] status pack_trits(const Source& source, std::uint8_t* dst, size_t dst_bytes,
                                packed_trits& packed) noexcept {
    return detail::pack_tiles<Arch>(source, dst, dst_bytes, packed);
}

/// As lookup indices, four values to a byte. dst: `indices_bytes(outputs, depth)` bytes.
template <class Arch = default_arch, class Source>
[[nodiscard]] status pack_indices(const Source& source, std::uint8_t* dst, size_t dst_bytes,
                                  packed_indices& packed) noexcept {
    return detail::pack_tiles<Arch>(source, dst, dst_bytes, packed);
}

/// As places in tables of sums, seven values to two bytes. dst: `sevens_bytes(outputs, depth)` bytes.
template <class Arch = default_arch, class Source>
[[nodiscard]] status pack_sevens(const Source& source, std::uint8_t* dst, size_t dst_bytes,
                                 packed_sevens& packed) noexcept {
    return detail::pack_tiles<Arch>(source, dst, dst_bytes, packed);
}

/// Codes that already lie in memory and whose bytes are not trusted, as `view_panels`: every byte has to be what
/// `pack_codes` writes for the values there, else `bad_value`; so the fourth code is a `bad_value`.
template <class Arch = default_arch>
[[nodiscard]] status view_codes(const void* data, size_t bytes, layout_id layout, size_t outputs, size_t depth,
                                packed_codes& packed) noexcept {
    return detail::view_tiles<Arch>(data, bytes, layout, outputs, depth, packed);
}

/// The same for trits: a byte above 242 is a `bad_value`.
template <class Arch = default_arch>
[[nodiscard]] status view_trits(const void* data, size_t bytes, layout_id layout, size_t outputs, size_t depth,
                                packed_trits& packed) noexcept {
    return detail::view_tiles<Arch>(data, bytes, layout, outputs, depth, packed);
}

/// The same for lookup indices: an index above 80 is a `bad_value`.
template <class Arch = default_arch>
[[nodiscard]] status view_indices(const void* data, size_t bytes, layout_id layout, size_t outputs, size_t depth,
                                  packed_indices& packed) noexcept {
    return detail::view_tiles<Arch>(data, bytes, layout, outputs, depth, packed);
}

/// The same for places in tables of sums.
template <class Arch = default_arch>
[[nodiscard]] status view_sevens(const void* data, size_t bytes, layout_id layout, size_t outputs, size_t depth,
                                 packed_sevens& packed) noexcept {
    return detail::view_tiles<Arch>(data, bytes, layout, outputs, depth, packed);
}

}  // namespace tern
