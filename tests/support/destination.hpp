// SPDX-License-Identifier: MIT
// Where an operation writes: memory full of canaries, and beside it the image that the memory has to equal afterwards,
// byte by byte. A missing result, a wrong one and a write to any other place are all the same difference.
#pragma once

#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include <tern/parallel.hpp>

#include "support/operands.hpp"

namespace tern_test {

template <class T>
class image {
public:
    explicit image(size_t size) : memory_(size), expected_(size) {
        std::memset(memory_.data(), canary, size * sizeof(T));
        std::memset(expected_.data(), canary, size * sizeof(T));
    }

    [[nodiscard]] T* memory() { return memory_.data(); }
    [[nodiscard]] T* expected() { return expected_.data(); }
    [[nodiscard]] const T* memory() const { return memory_.data(); }

    /// Index of the first element that is not as expected; the size, if there is none.
    [[nodiscard]] size_t first_difference() const {
        size_t i = 0;
        while (i < memory_.size() && std::memcmp(&memory_[i], &expected_[i], sizeof(T)) == 0) ++i;
        return i;
    }
    [[nodiscard]] std::string difference() const {
        const size_t i = first_difference();
        if (i == memory_.size()) return "";
        std::ostringstream text;
        text << std::hexfloat << "element " << i << " of the memory is " << memory_[i] << ", not " << expected_[i];
        return text.str();
    }

    static constexpr int canary = 0x5a;

private:
    std::vector<T> memory_;
    std::vector<T> expected_;
};

/// A row-major matrix of results.
template <class T>
class destination {
public:
    destination(size_t rows, size_t cols, size_t gap)
        : view_{nullptr, rows, cols, cols + gap}, image_(rows * view_.stride + 2 * margin) {
        view_.data = image_.memory() + margin;
    }

    [[nodiscard]] const tern::matrix_view<T>& view() const { return view_; }
    [[nodiscard]] std::string difference() const { return image_.difference(); }
    /// What was written, dense.
    [[nodiscard]] std::vector<T> values() const {
        std::vector<T> all;
        for (size_t r = 0; r < view_.rows; ++r) all.insert(all.end(), view_.row(r), view_.row(r) + view_.cols);
        return all;
    }
    /// Columns [first, last) of the rows [first_row, last_row) of a dense matrix of the same shape are to be written.
    void expect(const std::vector<T>& results, size_t first = 0, size_t last = static_cast<size_t>(-1),
                size_t first_row = 0, size_t last_row = static_cast<size_t>(-1)) {
        for (size_t r = first_row; r < view_.rows && r < last_row; ++r)
            for (size_t c = first; c < view_.cols && c < last; ++c)
                image_.expected()[margin + r * view_.stride + c] = results[r * view_.cols + c];
    }

    /// Elements of the view that nobody has written.
    [[nodiscard]] std::vector<bool> untouched() const {
        T of_canary;
        std::memset(&of_canary, image<T>::canary, sizeof(T));
        std::vector<bool> all;
        for (const T& v : values()) all.push_back(std::memcmp(&v, &of_canary, sizeof(T)) == 0);
        return all;
    }

private:
    static constexpr size_t margin = 5;  // odd: rows start at no boundary but the element's

    tern::matrix_view<T> view_;
    image<T> image_;
};

/// An operation on `count` tiles that writes a rows x cols matrix, cut in two everywhere: both ranges together write
/// all of the expected results and nothing else, and no element twice. Returns the first cut where that is not so;
/// `count` + 1, if there is none. run(view, tiles) answers whether the operation was accepted.
template <class T, class Run>
[[nodiscard]] size_t first_bad_cut(const std::vector<T>& expected, size_t rows, size_t cols, size_t count,
                                   const Run& run) {
    for (size_t cut = 0; cut <= count; ++cut) {
        destination<T> all(rows, cols, 1);
        destination<T> behind(rows, cols, 1);
        all.expect(expected);
        if (!run(all.view(), tern::tiles{0, cut}) || !run(behind.view(), tern::tiles{cut, count})) return cut;
        const std::vector<bool> left = all.untouched();
        const std::vector<bool> skipped = behind.untouched();
        for (size_t i = 0; i < left.size(); ++i)
            if (left[i] == skipped[i]) return cut;
        if (!run(all.view(), tern::tiles{cut, count}) || all.difference() != "") return cut;
    }
    return count + 1;
}

/// Packed ternary rows of results, in any form.
class ternary_destination {
public:
    ternary_destination(size_t rows, size_t depth, form f)
        : shape_(rows_shape(2, rows, depth, f)), image_(extent(shape_, 2) + 2 * margin) {}

    [[nodiscard]] tern::mutable_packed_rows<tern::ternary> view() {
        return {image_.memory() + margin, shape_.rows, shape_.depth, shape_.row_stride, shape_.plane_stride};
    }
    [[nodiscard]] std::string difference() const { return image_.difference(); }
    /// Panels [first, last) of rows [first_row, last_row) of a dense rows x depth matrix are to be written, zeros as
    /// code 00. The last panel of a row also clears the padding of its word.
    void expect(const std::vector<std::int8_t>& results, size_t first = 0, size_t last = static_cast<size_t>(-1),
                size_t first_row = 0, size_t last_row = static_cast<size_t>(-1)) {
        const size_t padded = (shape_.depth + 31) / 32 * 32;
        for (size_t r = first_row; r < shape_.rows && r < last_row; ++r) {
            for (size_t d = first * 16; d < padded; ++d) {
                const size_t panel = d < shape_.depth ? d / 16 : (shape_.depth - 1) / 16;
                if (panel < first || panel >= last) continue;
                const int value = d < shape_.depth ? results[r * shape_.depth + d] : 0;
                put(r, d, 0, value != 0);
                put(r, d, 1, value > 0);
            }
        }
    }

private:
    static constexpr size_t margin = 3;

    void put(size_t r, size_t d, size_t plane, bool bit) {
        word& to = image_.expected()[margin + r * shape_.row_stride + plane * shape_.plane_stride + d / 32];
        to = (to & ~(word{1} << (d % 32))) | word{bit} << (d % 32);
    }

    rows_operand shape_;
    image<word> image_;
};

}  // namespace tern_test
