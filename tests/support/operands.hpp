// SPDX-License-Identifier: MIT
// Operands of products and convolutions: values of any encoding, packed in every form that a view may have. Encodings
// are described at run time, so that the body of a test is compiled once and not once an operand pair.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <tern/buffer.hpp>
#include <tern/encoding.hpp>
#include <tern/layout.hpp>

namespace tern_test {

using std::size_t;
using tern::word;

/// SplitMix64: the same numbers on every platform, which std's distributions do not promise.
class random_numbers {
public:
    explicit random_numbers(std::uint64_t seed) : state_(seed) {}

    std::uint32_t next() {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return static_cast<std::uint32_t>((z ^ (z >> 31)) >> 32);
    }
    /// lowest .. highest, both included.
    size_t between(size_t lowest, size_t highest) { return lowest + next() % (highest - lowest + 1); }
    /// True once in `n` times.
    bool once_in(size_t n) { return next() % n == 0; }

private:
    std::uint64_t state_;
};

/// An encoding as the tests see it: the values lowest, lowest + step .. highest.
struct encoding_info {
    std::string name;
    size_t planes;
    int lowest;
    int highest;
    int step;
    std::uint32_t (*encode)(std::int32_t);

    [[nodiscard]] bool has_zero() const { return lowest % step == 0; }
    [[nodiscard]] bool symmetric() const { return lowest == -highest; }
    /// Distinct values.
    [[nodiscard]] int count() const { return (highest - lowest) / step + 1; }
};

/// The description of binary, binary_set_minus, ternary, unsigned_bits<1..8> or bipolar_bits<1..8>.
template <class Encoding>
encoding_info describe() {
    constexpr auto id = static_cast<unsigned>(Encoding::id);
    std::string name = "binary";
    if (Encoding::id == tern::encoding_id::binary_set_minus) name = "binary_set_minus";
    if (Encoding::id == tern::encoding_id::ternary) name = "ternary";
    if (id >= static_cast<unsigned>(tern::encoding_id::unsigned_bits)) name = "u" + std::to_string(Encoding::planes);
    if (id >= static_cast<unsigned>(tern::encoding_id::bipolar_bits)) name = "b" + std::to_string(Encoding::planes);
    return {name,
            size_t{Encoding::planes},
            Encoding::has_sign ? -Encoding::max_abs : 0,
            Encoding::max_abs,
            Encoding::has_mask ? 1 : 2,
            [](std::int32_t value) { return Encoding::encode(value); }};
}

/// Unpacked values, row-major and dense.
struct integers {
    size_t rows;
    size_t cols;
    std::vector<std::int16_t> values;

    integers(size_t rows_, size_t cols_, int value = 0)
        : rows(rows_), cols(cols_), values(rows_ * cols_, static_cast<std::int16_t>(value)) {}

    [[nodiscard]] std::int16_t& at(size_t r, size_t c) { return values[r * cols + c]; }
    [[nodiscard]] std::int16_t at(size_t r, size_t c) const { return values[r * cols + c]; }
    [[nodiscard]] tern::matrix_view<const std::int16_t> view() const { return {values.data(), rows, cols}; }
};

/// `zero` is for encodings that have one; others get random values instead.
enum class fill { random, lowest, zero, highest };

inline integers make_integers(const encoding_info& e, size_t rows, size_t cols, fill how, random_numbers& random) {
    integers m(rows, cols, how == fill::lowest ? e.lowest : how == fill::highest ? e.highest : 0);
    if (how == fill::random || (how == fill::zero && !e.has_zero()))
        for (std::int16_t& v : m.values)
            v = static_cast<std::int16_t>(e.lowest + e.step * static_cast<int>(random.next() % unsigned(e.count())));
    return m;
}

/// A view of packed rows without its encoding.
struct rows_operand {
    word* data = nullptr;
    size_t rows = 0;
    size_t depth = 0;
    size_t row_stride = 0;
    size_t plane_stride = 0;

    template <class Encoding>
    [[nodiscard]] tern::packed_rows<Encoding> as() const {
        return {data, rows, depth, row_stride, plane_stride};
    }
};

/// A view of packed panels without its encoding.
struct panels_operand {
    word* data = nullptr;
    size_t outputs = 0;
    size_t taps = 1;
    size_t tap_depth = 0;

    template <class Encoding>
    [[nodiscard]] tern::packed_panels<Encoding> as() const {
        return {data, outputs, taps, tap_depth};
    }
    [[nodiscard]] size_t panels() const { return (outputs + 15) / 16; }
};

/// Images of packed pixels without their encoding.
struct tensor_operand {
    rows_operand pixels;
    size_t images = 0;
    size_t height = 0;
    size_t width = 0;

    template <class Encoding>
    [[nodiscard]] tern::packed_tensor<Encoding> as() const {
        return {pixels.as<Encoding>(), images, height, width};
    }
};

/// How rows lie in memory.
enum class form {
    dense,     ///< on a 64-byte boundary, no gaps
    shifted,   ///< one word behind such a boundary
    padded,    ///< gaps behind planes and rows
    separated  ///< planes in arrays of their own
};
inline constexpr form forms[] = {form::dense, form::shifted, form::padded, form::separated};

/// The strides of a form, over no memory yet.
inline rows_operand rows_shape(size_t planes, size_t rows, size_t depth, form f) {
    const size_t words = (depth + 31) / 32;
    rows_operand v{nullptr, rows, depth, planes * words, words};
    if (f == form::padded) {
        v.plane_stride = words + 3;
        v.row_stride = planes * v.plane_stride + 2;
    } else if (f == form::separated) {
        v.row_stride = words + 1;
        v.plane_stride = rows * v.row_stride + 5;
    }
    return v;
}

/// Words that such a view covers.
inline size_t extent(const rows_operand& v, size_t planes) {
    if (v.rows == 0 || v.depth == 0) return 0;
    return (v.rows - 1) * v.row_stride + (planes - 1) * v.plane_stride + (v.depth + 31) / 32;
}

/// Packed activations. The memory ends with the last word, and its gaps hold noise: what is read there is found. Where
/// there is nothing to store the pointer is null.
class packed_lhs {
public:
    packed_lhs(const encoding_info& e, const integers& m, form f, random_numbers& random)
        : view_(rows_shape(e.planes, m.rows, m.cols, f)), memory_(extent(view_, e.planes) + (f == form::shifted)) {
        for (size_t i = 0; i < memory_.size(); ++i) memory_[i] = random.next();
        if (extent(view_, e.planes) == 0) return;
        view_.data = memory_.data() + (f == form::shifted ? 1 : 0);
        for (size_t r = 0; r < m.rows; ++r) {
            for (size_t p = 0; p < e.planes; ++p)
                for (size_t w = 0; w < (m.cols + 31) / 32; ++w) at(r, p)[w] = 0;
            for (size_t d = 0; d < m.cols; ++d) {
                const std::uint32_t code = e.encode(m.at(r, d));
                for (size_t p = 0; p < e.planes; ++p) at(r, p)[d / 32] |= (code >> p & 1u) << (d % 32);
            }
        }
    }

    [[nodiscard]] const rows_operand& view() const { return view_; }
    [[nodiscard]] word* at(size_t row, size_t plane) {
        return view_.data + row * view_.row_stride + plane * view_.plane_stride;
    }

private:
    rows_operand view_;
    tern::buffer<word> memory_;
};

/// Packed weights, `m.cols` = taps * tap depth. The memory ends with the last word.
class packed_rhs {
public:
    packed_rhs(const encoding_info& e, const integers& m, size_t taps, bool shifted)
        : view_{nullptr, m.rows, taps, m.cols / taps}, memory_() {
        // Where a bit goes depends on the number of planes alone.
        switch (e.planes) {
            case 1: pack<tern::binary>(e, m, shifted); break;
            case 2: pack<tern::ternary>(e, m, shifted); break;
            case 3: pack<tern::unsigned_bits<3>>(e, m, shifted); break;
            case 4: pack<tern::unsigned_bits<4>>(e, m, shifted); break;
            default: FAIL("no test packs weights of so many planes");
        }
    }

    [[nodiscard]] const panels_operand& view() const { return view_; }
    /// The word of a plane that holds depth position `d` of an output.
    template <class Encoding>
    [[nodiscard]] word& at(size_t output, size_t d, size_t plane) {
        const auto panels = view_.as<Encoding>();
        const size_t block = panels.locate(d).block * size_t{Encoding::planes};
        return view_.data[output / 16 * panels.panel_stride() + (block + plane) * 16 + output % 16];
    }

private:
    template <class Encoding>
    void pack(const encoding_info& e, const integers& m, bool shifted) {
        const size_t words = tern::panels_words<Encoding>(view_.outputs, view_.taps, view_.tap_depth);
        if (words == 0) return;
        memory_ = tern::buffer<word>(words + (shifted ? 1 : 0));
        view_.data = memory_.data() + (shifted ? 1 : 0);
        const auto panels = view_.as<Encoding>();
        for (size_t o = 0; o < m.rows; ++o) {
            for (size_t d = 0; d < m.cols; ++d) {
                const std::uint32_t code = e.encode(m.at(o, d));
                for (size_t p = 0; p < e.planes; ++p) at<Encoding>(o, d, p) |= (code >> p & 1u) << panels.locate(d).bit;
                const size_t tap = d / view_.tap_depth;
                const auto value = static_cast<word>(std::int32_t{m.at(o, d)});
                view_.data[panels.sums(o / 16, tap) - view_.data + static_cast<std::ptrdiff_t>(o % 16)] += value;
                view_.data[panels.nonzeros(o / 16, tap) - view_.data + static_cast<std::ptrdiff_t>(o % 16)] +=
                    value != 0 ? 1u : 0u;
            }
        }
    }

    panels_operand view_;
    tern::buffer<word> memory_;
};

}  // namespace tern_test
