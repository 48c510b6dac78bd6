// SPDX-License-Identifier: MIT
// Packed layouts as types. They are constants of the library, never of the compile target: the same bytes run, with
// the same results, on every architecture. docs/layouts.md draws them.
//
//   rows    activations, and anything that is read along depth.
//           Row r, plane p, 32 depth positions at a time: bit b of word data[r * row_stride + p * plane_stride + w]
//           is depth position 32 w + b.
//   panels  weights. Sixteen outputs side by side, 32 depth positions a word: a block is planes x 16 words, word
//           [plane][lane] holds output 16 * panel + lane. One block is one AVX-512, two AVX2 or four NEON registers a
//           plane, and an activation word broadcast to all lanes meets sixteen outputs, so no sum ever crosses lanes.
//           Behind the blocks of a panel follow, for each tap, 16 sums of the weights and 16 counts of the non-zeros.
//   codes   ternary weights in 2 bits, 64 outputs x 4 depth positions in 64 bytes: byte 4 * lane + j holds depth
//           position j of the outputs lane, lane + 16, lane + 32, lane + 48 in its four fields, lowest bits first.
//           Behind the tiles of 64 outputs follow the 64 sums of their weights, 4 bytes each.
//   trits   ternary weights in 1.6 bits, 16 outputs x 20 depth positions in 64 bytes: byte 4 * lane + j holds depth
//           positions j, 4 + j, 8 + j, 12 + j and 16 + j of one output, first the most significant digit of base 3.
//           Behind the tiles of 16 outputs follow the 16 sums of their weights, 4 bytes each.
//   indices ternary weights in 2 bits for products by table lookup: 64 outputs side by side, one byte each with four
//           depth positions as a number in base 3. Behind the tiles of a panel follow 64 sums of the weights.
//   sevens  ternary weights in 2.29 bits for products with signed bytes by table lookup: 32 outputs x 7 depth positions in
//           64 bytes. The two bytes 2 * lane and 2 * lane + 1 hold one output (see `ternary_seven`), and the outputs o
//           and o + 16 are neighbours: lane 2 * (o % 16) + o / 16. Behind the tiles of 32 outputs follow their sums.
//
// Padding: outputs up to a whole panel and depth up to a whole word are zero bits (code 1, that is value 0, in codes;
// value 0 in trits, indices and sevens). No result depends on them as long as both operands keep this rule, as packing
// does.
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/arch.hpp>
#include <tern/encoding.hpp>
#include <tern/simd/bits.hpp>
#include <tern/view.hpp>

namespace tern {

/// Unit of packed planes.
using word = std::uint32_t;
inline constexpr size_t word_bits = 32;
/// Outputs in a panel.
inline constexpr size_t panel_outputs = 16;

/// Stable numbers of the layouts, for files. Never renumbered.
enum class layout_id : std::uint32_t { rows = 1, panels = 2, codes = 3, trits = 4, indices = 5, sevens = 6 };

/// Depth in words.
[[nodiscard]] TERN_INLINE constexpr size_t depth_words(size_t depth) noexcept {
    return bits::ceil_div(depth, word_bits);
}

/// Rows of bit planes: `rows` vectors of `depth` elements.
template <class Encoding>
struct packed_rows {
    using encoding = Encoding;

    const word* data = nullptr;
    size_t rows = 0;
    size_t depth = 0;
    size_t row_stride = 0;    ///< words from a row to the next
    size_t plane_stride = 0;  ///< words from a plane of a row to the next
    layout_id layout = layout_id::rows;

    TERN_INLINE constexpr packed_rows() noexcept {}
    /// Dense: the planes of a row one behind the other, rows without a gap.
    TERN_INLINE constexpr packed_rows(const word* data_, size_t rows_, size_t depth_) noexcept
        : packed_rows(data_, rows_, depth_, size_t{Encoding::planes} * depth_words(depth_), depth_words(depth_)) {}
    /// Any strides, so that planes kept in separate arrays are a view too.
    TERN_INLINE constexpr packed_rows(const word* data_, size_t rows_, size_t depth_, size_t row_stride_,
                                      size_t plane_stride_) noexcept
        : data(data_), rows(rows_), depth(depth_), row_stride(row_stride_), plane_stride(plane_stride_) {}

    [[nodiscard]] TERN_INLINE constexpr const word* row(size_t r) const noexcept { return data + r * row_stride; }
    [[nodiscard]] TERN_INLINE constexpr size_t words() const noexcept { return depth_words(depth); }
    /// Words from the first to one past the last that the view covers.
    [[nodiscard]] TERN_INLINE constexpr size_t extent() const noexcept {
        return rows == 0 || depth == 0
                   ? 0
                   : (rows - 1) * row_stride + size_t{Encoding::planes - 1} * plane_stride + words();
    }
    [[nodiscard]] TERN_INLINE constexpr std::int32_t value(size_t r, size_t d) const noexcept {
        std::uint32_t code = 0;
        for (size_t p = 0; p < size_t{Encoding::planes}; ++p)
            code |= (row(r)[p * plane_stride + d / word_bits] >> (d % word_bits) & 1u) << p;
        return Encoding::decode(code);
    }
};

/// The same, to be written.
template <class Encoding>
struct mutable_packed_rows : packed_rows<Encoding> {
    word* target = nullptr;

    TERN_INLINE constexpr mutable_packed_rows() noexcept {}
    TERN_INLINE constexpr mutable_packed_rows(word* data_, size_t rows_, size_t depth_) noexcept
        : packed_rows<Encoding>(data_, rows_, depth_), target(data_) {}
    TERN_INLINE constexpr mutable_packed_rows(word* data_, size_t rows_, size_t depth_, size_t row_stride_,
                                              size_t plane_stride_) noexcept
        : packed_rows<Encoding>(data_, rows_, depth_, row_stride_, plane_stride_), target(data_) {}

    [[nodiscard]] TERN_INLINE constexpr word* target_row(size_t r) const noexcept {
        return target + r * this->row_stride;
    }
};

/// NHWC activations: one row a pixel, `depth` channels, images * height * width rows.
template <class Encoding>
struct packed_tensor {
    using encoding = Encoding;

    packed_rows<Encoding> pixels;
    size_t images = 0;
    size_t height = 0;
    size_t width = 0;

    TERN_INLINE constexpr packed_tensor() noexcept {}
    TERN_INLINE constexpr packed_tensor(const packed_rows<Encoding>& pixels_, size_t images_, size_t height_,
                                        size_t width_) noexcept
        : pixels(pixels_), images(images_), height(height_), width(width_) {}

    [[nodiscard]] TERN_INLINE constexpr size_t channels() const noexcept { return pixels.depth; }
    [[nodiscard]] TERN_INLINE constexpr size_t pixel(size_t n, size_t y, size_t x) const noexcept {
        return (n * height + y) * width + x;
    }
};

/// The same, to be written.
template <class Encoding>
struct mutable_packed_tensor {
    using encoding = Encoding;

    mutable_packed_rows<Encoding> pixels;
    size_t images = 0;
    size_t height = 0;
    size_t width = 0;

    [[nodiscard]] TERN_INLINE constexpr operator packed_tensor<Encoding>() const noexcept {
        return {pixels, images, height, width};
    }
};

/// Words of a dense `packed_rows`; 0 when there is nothing to store or the size does not fit `size_t`.
template <class Encoding>
[[nodiscard]] TERN_INLINE constexpr size_t rows_words(size_t rows, size_t depth) noexcept {
    size_t words = 0;
    const bool fits = multiply(depth_words(depth), size_t{Encoding::planes}, words) && multiply(words, rows, words) &&
                      words <= static_cast<size_t>(-1) / sizeof(word);
    return fits ? words : 0;
}

/// Panels of bit planes: `outputs` weight vectors of `taps * tap_depth` elements. A matrix has one tap; the filters of
/// a convolution have one for each kernel position.
template <class Encoding>
struct packed_panels {
    using encoding = Encoding;

    const word* data = nullptr;
    size_t outputs = 0;
    size_t taps = 1;
    size_t tap_depth = 0;
    layout_id layout = layout_id::panels;

    TERN_INLINE constexpr packed_panels() noexcept {}
    TERN_INLINE constexpr packed_panels(const word* data_, size_t outputs_, size_t depth_) noexcept
        : packed_panels(data_, outputs_, 1, depth_) {}
    TERN_INLINE constexpr packed_panels(const word* data_, size_t outputs_, size_t taps_, size_t tap_depth_) noexcept
        : data(data_), outputs(outputs_), taps(taps_), tap_depth(tap_depth_) {}

    [[nodiscard]] TERN_INLINE constexpr size_t depth() const noexcept { return taps * tap_depth; }
    [[nodiscard]] TERN_INLINE constexpr size_t panels() const noexcept {
        return bits::ceil_div(outputs, panel_outputs);
    }
    /// Taps of few channels follow each other bit by bit and share words; otherwise every tap starts a word.
    /// A function of the shape alone, so that all architectures agree.
    [[nodiscard]] TERN_INLINE constexpr bool dense_taps() const noexcept {
        return taps > 1 && tap_depth < word_bits && taps <= 512 / (tap_depth == 0 ? 1 : tap_depth);
    }
    [[nodiscard]] TERN_INLINE constexpr size_t blocks() const noexcept {
        return dense_taps() ? depth_words(depth()) : taps * depth_words(tap_depth);
    }
    /// Words from a panel to the next.
    [[nodiscard]] TERN_INLINE constexpr size_t panel_stride() const noexcept {
        return (blocks() * size_t{Encoding::planes} + 2 * taps) * panel_outputs;
    }
    [[nodiscard]] TERN_INLINE constexpr const word* panel(size_t p) const noexcept { return data + p * panel_stride(); }
    /// Sums of the weights of one tap of a panel's 16 outputs, as two's complement words.
    [[nodiscard]] TERN_INLINE constexpr const word* sums(size_t p, size_t tap) const noexcept {
        return panel(p) + (blocks() * size_t{Encoding::planes} + 2 * tap) * panel_outputs;
    }
    /// Numbers of non-zero weights likewise.
    [[nodiscard]] TERN_INLINE constexpr const word* nonzeros(size_t p, size_t tap) const noexcept {
        return sums(p, tap) + panel_outputs;
    }
    [[nodiscard]] TERN_INLINE constexpr size_t words() const noexcept { return panels() * panel_stride(); }

    /// Block and bit of depth position `d` (tap * tap_depth + channel).
    struct position {
        size_t block;
        size_t bit;
    };
    [[nodiscard]] TERN_INLINE constexpr position locate(size_t d) const noexcept {
        if (dense_taps() || taps == 1) return {d / word_bits, d % word_bits};
        const size_t channel = d % tap_depth;
        return {d / tap_depth * depth_words(tap_depth) + channel / word_bits, channel % word_bits};
    }
    [[nodiscard]] TERN_INLINE constexpr std::int32_t value(size_t output, size_t d) const noexcept {
        const position at = locate(d);
        const word* block = panel(output / panel_outputs) + at.block * size_t{Encoding::planes} * panel_outputs;
        std::uint32_t code = 0;
        for (size_t p = 0; p < size_t{Encoding::planes}; ++p)
            code |= (block[p * panel_outputs + output % panel_outputs] >> at.bit & 1u) << p;
        return Encoding::decode(code);
    }
};

/// Words of `packed_panels`; 0 when there is nothing to store, the size does not fit `size_t` or the sum of a tap's
/// weights could pass int32.
template <class Encoding>
[[nodiscard]] TERN_INLINE constexpr size_t panels_words(size_t outputs, size_t taps, size_t tap_depth) noexcept {
    if (tap_depth > size_t{0x7fffffff} / static_cast<size_t>(Encoding::max_abs)) return 0;
    const packed_panels<Encoding> p(nullptr, outputs, taps, tap_depth);
    size_t depth = 0;
    size_t words = 0;
    // Bounds the block count from above: no tap takes more than depth_words(tap_depth) words.
    const bool fits = multiply(taps, tap_depth, depth) && multiply(taps, depth_words(tap_depth) + 2, words) &&
                      multiply(words, size_t{Encoding::planes} * panel_outputs * sizeof(word), words) &&
                      multiply(words, p.panels(), words);
    return fits && depth != 0 ? p.words() : 0;
}

template <class Encoding>
[[nodiscard]] TERN_INLINE byte_range bytes_of(const packed_rows<Encoding>& v) noexcept {
    return bytes_of(v.data, v.extent() * sizeof(word));
}

template <class Encoding>
[[nodiscard]] TERN_INLINE byte_range bytes_of(const packed_panels<Encoding>& v) noexcept {
    return v.depth() == 0 ? byte_range{} : bytes_of(v.data, v.words() * sizeof(word));
}

// Checks of packed operands are too long to stand in every operation: functions of their own, which the parameter
// `Isa` keeps apart from those of other instruction sets.

template <class Encoding, class Isa = arch::scalar>
[[nodiscard]] status check(const packed_rows<Encoding>& v) noexcept {
    if (v.layout != layout_id::rows) return status::bad_layout;
    if (v.rows == 0 || v.depth == 0) return status::ok;
    if (v.data == nullptr) return status::null_pointer;
    if (Encoding::planes > 1 && v.plane_stride < v.words()) return status::bad_stride;
    if (v.rows > 1 && v.row_stride < v.words()) return status::bad_stride;
    size_t reach = 0;
    size_t planes = 0;
    if (!multiply(v.rows, v.row_stride, reach) || !multiply(size_t{Encoding::planes}, v.plane_stride, planes) ||
        reach > static_cast<size_t>(-1) / sizeof(word) / 2 || planes > static_cast<size_t>(-1) / sizeof(word) / 2)
        return status::overflow;
    // No word may serve twice: either a row steps over all planes of the row before (planes within a row), or a plane
    // over all rows of the plane before (planes in separate arrays).
    if (v.rows > 1 && Encoding::planes > 1 &&
        v.row_stride < size_t{Encoding::planes - 1} * v.plane_stride + v.words() &&
        v.plane_stride < (v.rows - 1) * v.row_stride + v.words())
        return status::bad_stride;
    if (reinterpret_cast<std::uintptr_t>(v.data) % alignof(word) != 0) return status::bad_alignment;
    return status::ok;
}

template <class Encoding, class Isa = arch::scalar>
[[nodiscard]] status check(const packed_tensor<Encoding>& v) noexcept {
    size_t pixels = 0;
    if (!multiply(v.images, v.height, pixels) || !multiply(pixels, v.width, pixels)) return status::overflow;
    return v.pixels.rows == pixels ? check(v.pixels) : status::bad_shape;
}

template <class Encoding, class Isa = arch::scalar>
[[nodiscard]] status check(const packed_panels<Encoding>& v) noexcept {
    if (v.layout != layout_id::panels) return status::bad_layout;
    if (v.outputs == 0 || v.taps == 0 || v.tap_depth == 0) return status::ok;
    if (v.data == nullptr) return status::null_pointer;
    if (panels_words<Encoding>(v.outputs, v.taps, v.tap_depth) == 0) return status::overflow;
    if (reinterpret_cast<std::uintptr_t>(v.data) % alignof(word) != 0) return status::bad_alignment;
    return status::ok;
}

}  // namespace tern
