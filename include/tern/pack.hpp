// SPDX-License-Identifier: MIT
// Packing into the caller's memory, unpacking, and the way from any packed layout to any other.
//
// Every function here reads a *source*: a `matrix_view` of integers, or any packed view (that is a transcode). The
// whole source is validated first; on any status but `ok` nothing is written. Cost: one pass to validate, one to
// write, O(rows * depth). No allocation, no threads. pack_tiles.hpp packs tiles of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include <tern/arch.hpp>
#include <tern/kernel/pack/bytes.hpp>
#include <tern/layout_tiles.hpp>

namespace tern {
namespace detail {

template <class T>
TERN_INLINE constexpr size_t source_rows(const matrix_view<T>& v) noexcept {
    return v.rows;
}
template <class T>
TERN_INLINE constexpr size_t source_depth(const matrix_view<T>& v) noexcept {
    return v.cols;
}
template <class T>
TERN_INLINE constexpr std::int32_t source_value(const matrix_view<T>& v, size_t r, size_t d) noexcept {
    static_assert(std::is_integral_v<T> && std::numeric_limits<T>::digits <= 31,
                  "tern: pack reads integers that int32 can hold; quantize floating-point values first");
    return std::int32_t{v(r, d)};
}

template <class Encoding>
TERN_INLINE constexpr size_t source_rows(const packed_rows<Encoding>& v) noexcept {
    return v.rows;
}
template <class Encoding>
TERN_INLINE constexpr size_t source_depth(const packed_rows<Encoding>& v) noexcept {
    return v.depth;
}
template <class Encoding>
TERN_INLINE constexpr size_t source_depth(const packed_panels<Encoding>& v) noexcept {
    return v.depth();
}
template <class Encoding, layout_id Id, size_t Outputs, size_t Depth, size_t Unit>
TERN_INLINE constexpr size_t source_depth(const packed_tiles<Encoding, Id, Outputs, Depth, Unit>& v) noexcept {
    return v.depth;
}

template <class Packed>
TERN_INLINE constexpr auto source_rows(const Packed& v) noexcept -> decltype(v.outputs) {
    return v.outputs;
}
template <class Packed>
TERN_INLINE constexpr auto source_value(const Packed& v, size_t r, size_t d) noexcept -> decltype(v.value(r, d)) {
    return v.value(r, d);
}

/// Whether a source is rows of bytes that are packed 32 at a time.
template <class Encoding, class Source>
inline constexpr bool packs_bytes = false;
template <class Encoding, class T>
inline constexpr bool packs_bytes<Encoding, matrix_view<T>> =
    kernel::byte_code<Encoding, std::remove_const_t<T>>::exists;

/// Whether every value of a source has a code in an encoding.
template <class Arch, class Encoding, class Source>
[[nodiscard]] bool all_valid(const Source& source) noexcept {
    bool valid = true;
    if constexpr (packs_bytes<Encoding, Source>) {
        if (source.empty()) return true;
        for (size_t r = 0; r < source.rows; ++r)
            valid &= kernel::valid_bytes<Arch, Encoding, std::remove_const_t<typename Source::element_type>>(
                source.row(r), source.cols);
        return valid;
    }
    for (size_t r = 0; r < source_rows(source); ++r)
        for (size_t d = 0; d < source_depth(source); ++d) valid &= Encoding::valid(source_value(source, r, d));
    return valid;
}

/// Encodes `count` <= 32 elements of one row into one word a plane.
template <class Encoding, class Source>
TERN_INLINE void encode_words(const Source& source, size_t r, size_t d, size_t count,
                              word (&planes)[Encoding::planes]) noexcept {
    for (word& plane : planes) plane = 0;
    for (size_t b = 0; b < count; ++b) {
        const std::uint32_t code = Encoding::encode(source_value(source, r, d + b));
        for (int p = 0; p < Encoding::planes; ++p) planes[p] |= (code >> p & 1u) << b;
    }
}

/// Calls put(index, word) once for every word of the panels `view` that hold `source`: planes, sums and counts, padding
/// included.
template <class Encoding, class Source, class Put>
TERN_INLINE void for_each_panel_word(const Source& source, const packed_panels<Encoding>& view,
                                     const Put& put) noexcept {
    const size_t depth = view.depth();
    // Depth positions between two word boundaries of the layout.
    const size_t run = view.taps == 1 || view.dense_taps() ? depth : view.tap_depth;
    for (size_t o = 0; o < view.panels() * panel_outputs; ++o) {
        const bool exists = o < view.outputs;
        size_t at = o / panel_outputs * view.panel_stride() + o % panel_outputs;
        for (size_t start = 0; start < depth; start += run) {
            for (size_t d = 0; d < run; d += word_bits) {
                const size_t left = run - d < word_bits ? run - d : word_bits;
                word planes[Encoding::planes];
                encode_words<Encoding>(source, o, start + d, exists ? left : 0, planes);
                for (const word plane : planes) {
                    put(at, plane);
                    at += panel_outputs;
                }
            }
        }
        for (size_t tap = 0; tap < view.taps; ++tap) {
            std::int32_t sum = 0;
            std::int32_t nonzeros = 0;
            for (size_t d = 0; exists && d < view.tap_depth; ++d) {
                const std::int32_t value = source_value(source, o, tap * view.tap_depth + d);
                sum += value;
                nonzeros += value != 0 ? 1 : 0;
            }
            put(at, static_cast<word>(sum));
            put(at + panel_outputs, static_cast<word>(nonzeros));
            at += 2 * panel_outputs;
        }
    }
}

/// What is the same for every packing function: both sides checked, apart from each other, values encodable.
template <class Arch, class Encoding, class Source>
[[nodiscard]] TERN_INLINE status check_source(const Source& source, byte_range target) noexcept {
    const status s = check(source);
    if (s != status::ok) return s;
    if (bytes_of(source).overlaps(target)) return status::overlap;
    return all_valid<Arch, Encoding>(source) ? status::ok : status::bad_value;
}

template <class T>
[[nodiscard]] TERN_INLINE status check_target(const T* target, size_t available, size_t needed, bool empty) noexcept {
    if (empty) return status::ok;
    if (needed == 0) return status::overflow;
    if (target == nullptr) return status::null_pointer;
    if (reinterpret_cast<std::uintptr_t>(target) % alignof(T) != 0) return status::bad_alignment;
    return available < needed ? status::buffer_size : status::ok;
}

}  // namespace detail

/// Packs activations: `dst.rows` x `dst.depth` values into bit-plane rows of any strides. Padding bits become zero.
/// Requires: source and destination of the same shape, not overlapping.
template <class Encoding, class Arch = default_arch, class Source>
[[nodiscard]] status pack_rows(const Source& source, const mutable_packed_rows<Encoding>& dst) noexcept {
    status s = check(dst);
    if (s != status::ok) return s;
    if (detail::source_rows(source) != dst.rows || detail::source_depth(source) != dst.depth) return status::bad_shape;
    s = detail::check_source<Arch, Encoding>(source, bytes_of(dst));
    if (s != status::ok) return s;
    if constexpr (detail::packs_bytes<Encoding, Source>) {
        for (size_t r = 0; r < dst.rows && dst.depth != 0; ++r)
            kernel::pack_bytes<Arch, Encoding, std::remove_const_t<typename Source::element_type>>(
                source.row(r), source.cols, dst.target_row(r), dst.plane_stride);
        return status::ok;
    }
    for (size_t r = 0; r < dst.rows; ++r) {
        for (size_t w = 0; w < dst.words(); ++w) {
            const size_t left = dst.depth - w * word_bits;
            word planes[Encoding::planes];
            detail::encode_words<Encoding>(source, r, w * word_bits, left < word_bits ? left : word_bits, planes);
            for (size_t p = 0; p < size_t{Encoding::planes}; ++p)
                dst.target_row(r)[p * dst.plane_stride + w] = planes[p];
        }
    }
    return status::ok;
}

/// Packs weights into panels of 16 outputs, with the sums and non-zero counts that the epilogues need.
/// source: outputs x (taps * tap_depth), one row an output; for a convolution the rows of OHWI filters and
/// `taps` = kernel height * width. dst: `panels_words<Encoding>(outputs, taps, tap_depth)` words; 64-byte alignment is
/// fastest, 4 is enough. On success `packed` is the view of it.
template <class Encoding, class Arch = default_arch, class Source>
[[nodiscard]] status pack_panels(const Source& source, word* dst, size_t dst_words, packed_panels<Encoding>& packed,
                                 size_t taps = 1) noexcept {
    const size_t outputs = detail::source_rows(source);
    const size_t depth = detail::source_depth(source);
    if (taps == 0 || depth % taps != 0) return status::bad_shape;
    const packed_panels<Encoding> view(dst, outputs, taps, depth / taps);
    const size_t needed = panels_words<Encoding>(outputs, taps, depth / taps);
    status s = detail::check_target(dst, dst_words, needed, outputs == 0 || depth == 0);
    if (s != status::ok) return s;
    s = detail::check_source<Arch, Encoding>(source, bytes_of(dst, needed * sizeof(word)));
    if (s != status::ok) return s;
    if (needed != 0)
        detail::for_each_panel_word(source, view, [dst](size_t i, word w) TERN_INLINE_LAMBDA { dst[i] = w; });
    packed = view;
    return status::ok;
}

/// Any packed view back into integers: dst is rows (or outputs) x depth.
template <class Arch = default_arch, class Packed, class T>
[[nodiscard]] status unpack(const Packed& source, const matrix_view<T>& dst) noexcept {
    static_assert(std::is_integral_v<T>, "tern::unpack writes integers; epilogue.hpp reconstructs real numbers");
    static_assert(static_cast<std::uint64_t>(Packed::encoding::max_abs) <=
                          static_cast<std::uint64_t>(std::numeric_limits<T>::max()) &&
                      (std::is_signed_v<T> || !Packed::encoding::valid(-1)),
                  "tern::unpack: the element type cannot hold the encoding's values");
    status s = check(source);
    if (s != status::ok) return s;
    s = check(dst);
    if (s != status::ok) return s;
    if (detail::source_rows(source) != dst.rows || detail::source_depth(source) != dst.cols) return status::bad_shape;
    if (bytes_of(source).overlaps(bytes_of(dst))) return status::overlap;
    for (size_t r = 0; r < dst.rows; ++r)
        for (size_t d = 0; d < dst.cols; ++d) dst(r, d) = static_cast<T>(source.value(r, d));
    return status::ok;
}

/// Panels that already lie in memory (flash, a mapped file) and whose bytes are not trusted. The size is checked
/// against the shape before anything is read; then every word, padding, sums and counts included, has to be what
/// `pack_panels` writes for the values there, else `bad_value`. One pass over the bytes; to trust them instead,
/// construct a `packed_panels`.
template <class Encoding, class Arch = default_arch>
[[nodiscard]] status view_panels(const void* data, size_t bytes, layout_id layout, size_t outputs, size_t taps,
                                 size_t tap_depth, packed_panels<Encoding>& packed) noexcept {
    if (layout != layout_id::panels) return status::bad_layout;
    if (outputs == 0 || taps == 0 || tap_depth == 0) return status::bad_shape;
    const packed_panels<Encoding> view(static_cast<const word*>(data), outputs, taps, tap_depth);
    const size_t needed = panels_words<Encoding>(outputs, taps, tap_depth);
    const status s = detail::check_target(view.data, bytes / sizeof(word), needed, false);
    if (s != status::ok) return s;
    bool canonical = true;
    detail::for_each_panel_word(
        view, view, [&](size_t i, word w) TERN_INLINE_LAMBDA { canonical = canonical && view.data[i] == w; });
    if (!canonical) return status::bad_value;
    packed = view;
    return status::ok;
}

}  // namespace tern
