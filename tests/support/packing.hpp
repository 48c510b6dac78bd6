// SPDX-License-Identifier: MIT
// What the tests of packing share: random values of an encoding, guarded memory, and the layouts drawn by hand. The
// drawings restate the head comment of layout.hpp bit by bit and call nothing of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <tern/encoding.hpp>
#include <tern/view.hpp>

#define TERN_TEST_PLANE_ENCODINGS                                                                        \
    tern::binary, tern::binary_set_minus, tern::ternary, tern::unsigned_bits<1>, tern::unsigned_bits<2>, \
        tern::unsigned_bits<3>, tern::unsigned_bits<4>, tern::unsigned_bits<5>, tern::unsigned_bits<6>,  \
        tern::unsigned_bits<7>, tern::unsigned_bits<8>, tern::bipolar_bits<1>, tern::bipolar_bits<2>,    \
        tern::bipolar_bits<3>, tern::bipolar_bits<4>, tern::bipolar_bits<5>, tern::bipolar_bits<6>,      \
        tern::bipolar_bits<7>, tern::bipolar_bits<8>

/// One of each kind and the ends of each range, where all of them would only compile longer.
#define TERN_TEST_SOME_ENCODINGS                                                                         \
    tern::binary, tern::binary_set_minus, tern::ternary, tern::unsigned_bits<1>, tern::unsigned_bits<3>, \
        tern::unsigned_bits<8>, tern::bipolar_bits<1>, tern::bipolar_bits<2>, tern::bipolar_bits<8>

namespace tern_test {

/// Sizes around every boundary of the layouts, and primes.
inline const std::vector<std::size_t> sizes{0,  1,  2,  3,  4,  5,  6,  7,  8,  9,   10,  13,
                                            15, 16, 17, 31, 32, 33, 63, 64, 65, 101, 127, 129};

/// Row-major values with room between the rows.
class matrix {
public:
    static constexpr std::int16_t gap_value = 999;  // valid in no encoding: reading it is found

    matrix(std::size_t rows, std::size_t cols, std::size_t gap = 3)
        : rows_(rows), cols_(cols), stride_(cols + gap), memory_(rows * stride_ + 1, gap_value) {}

    [[nodiscard]] std::int16_t& at(std::size_t r, std::size_t c) { return memory_[r * stride_ + c]; }
    [[nodiscard]] std::int16_t at(std::size_t r, std::size_t c) const { return memory_[r * stride_ + c]; }
    [[nodiscard]] tern::matrix_view<const std::int16_t> view() const { return {memory_.data(), rows_, cols_, stride_}; }
    [[nodiscard]] tern::matrix_view<std::int16_t> view() { return {memory_.data(), rows_, cols_, stride_}; }
    [[nodiscard]] std::size_t rows() const { return rows_; }
    [[nodiscard]] std::size_t cols() const { return cols_; }
    [[nodiscard]] bool operator==(const matrix& other) const {
        return rows_ == other.rows_ && cols_ == other.cols_ && memory_ == other.memory_;
    }

private:
    std::size_t rows_, cols_, stride_;
    std::vector<std::int16_t> memory_;
};

/// Every value of an encoding, in order.
template <class Encoding>
std::vector<std::int16_t> values_of() {
    std::vector<std::int16_t> values;
    for (std::int16_t v = -300; v <= 300; ++v) {
        if (Encoding::valid(v)) values.push_back(v);
    }
    return values;
}

inline matrix random_matrix(std::size_t rows, std::size_t cols, const std::vector<std::int16_t>& values,
                            std::uint32_t seed = 1) {
    std::mt19937 random(seed);
    matrix m(rows, cols);
    for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t c = 0; c < cols; ++c) m.at(r, c) = values[random() % values.size()];
    }
    return m;
}

/// Memory between canaries, full of garbage.
template <class T>
class guarded {
public:
    static constexpr std::size_t margin = 64;
    static constexpr T garbage = static_cast<T>(0xa5a5a5a5u);

    explicit guarded(std::size_t size) : memory_(size + 2 * margin, garbage) {}

    [[nodiscard]] T* data() { return memory_.data() + margin; }
    [[nodiscard]] std::size_t size() const { return memory_.size() - 2 * margin; }
    [[nodiscard]] std::vector<T> contents() const {
        return {memory_.begin() + margin, memory_.end() - static_cast<std::ptrdiff_t>(margin)};
    }
    [[nodiscard]] bool intact() const {
        for (std::size_t i = 0; i < margin; ++i) {
            if (memory_[i] != garbage || memory_[memory_.size() - 1 - i] != garbage) return false;
        }
        return true;
    }
    [[nodiscard]] bool untouched() const {
        for (const T v : memory_) {
            if (v != garbage) return false;
        }
        return true;
    }

private:
    std::vector<T> memory_;
};

/// A bit of a packed word.
struct place {
    std::size_t word;
    unsigned bit;
};

inline std::size_t round_up_div(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

/// rows: bit d % 32 of word d / 32 of the plane.
inline place place_in_rows(std::size_t r, std::size_t d, std::size_t plane, std::size_t row_stride,
                           std::size_t plane_stride) {
    return {r * row_stride + plane * plane_stride + d / 32, static_cast<unsigned>(d % 32)};
}

/// panels: the shape of the drawing.
struct panel_shape {
    std::size_t outputs, taps, tap_depth, planes;

    [[nodiscard]] bool joined() const { return taps == 1 || (tap_depth < 32 && taps * tap_depth <= 512); }
    [[nodiscard]] std::size_t blocks() const {
        return joined() ? round_up_div(taps * tap_depth, 32) : taps * round_up_div(tap_depth, 32);
    }
    [[nodiscard]] std::size_t stride() const { return blocks() * planes * 16 + taps * 2 * 16; }
    [[nodiscard]] std::size_t words() const { return taps * tap_depth == 0 ? 0 : round_up_div(outputs, 16) * stride(); }
    [[nodiscard]] place at(std::size_t o, std::size_t tap, std::size_t c, std::size_t plane) const {
        const std::size_t d = tap * tap_depth + c;
        const std::size_t block = joined() ? d / 32 : tap * round_up_div(tap_depth, 32) + c / 32;
        return {o / 16 * stride() + block * planes * 16 + plane * 16 + o % 16,
                static_cast<unsigned>((joined() ? d : c) % 32)};
    }
    [[nodiscard]] std::size_t sum(std::size_t o, std::size_t tap) const {
        return o / 16 * stride() + blocks() * planes * 16 + tap * 32 + o % 16;
    }
    [[nodiscard]] std::size_t nonzeros(std::size_t o, std::size_t tap) const { return sum(o, tap) + 16; }
};

template <class Encoding>
void draw_rows(const matrix& m, std::size_t row_stride, std::size_t plane_stride, std::vector<std::uint32_t>& to) {
    for (std::size_t r = 0; r < m.rows(); ++r) {
        for (std::size_t p = 0; p < std::size_t{Encoding::planes}; ++p) {
            for (std::size_t w = 0; w < round_up_div(m.cols(), 32); ++w) {
                to[place_in_rows(r, 32 * w, p, row_stride, plane_stride).word] = 0;
            }
            for (std::size_t d = 0; d < m.cols(); ++d) {
                const place at = place_in_rows(r, d, p, row_stride, plane_stride);
                to[at.word] |= (Encoding::encode(m.at(r, d)) >> p & 1u) << at.bit;
            }
        }
    }
}

template <class Encoding>
std::vector<std::uint32_t> draw_panels(const matrix& m, std::size_t taps) {
    const panel_shape shape{m.rows(), taps, m.cols() / taps, std::size_t{Encoding::planes}};
    std::vector<std::uint32_t> to(shape.words(), 0);
    if (to.empty()) return to;
    for (std::size_t o = 0; o < m.rows(); ++o) {
        for (std::size_t tap = 0; tap < taps; ++tap) {
            int sum = 0;
            int nonzeros = 0;
            for (std::size_t c = 0; c < shape.tap_depth; ++c) {
                const int value = m.at(o, tap * shape.tap_depth + c);
                for (std::size_t p = 0; p < shape.planes; ++p) {
                    const place at = shape.at(o, tap, c, p);
                    to[at.word] |= (Encoding::encode(value) >> p & 1u) << at.bit;
                }
                sum += value;
                nonzeros += value == 0 ? 0 : 1;
            }
            to[shape.sum(o, tap)] = static_cast<std::uint32_t>(sum);
            to[shape.nonzeros(o, tap)] = static_cast<std::uint32_t>(nonzeros);
        }
    }
    return to;
}

/// codes: byte 4 * lane + j of tile (o / 64, d / 4), field (o % 64) / 16; value + 1 in two bits, padding 1. Behind the
/// tiles of 64 outputs the sums of their values, least significant byte first.
inline std::vector<std::uint8_t> draw_codes(const matrix& m) {
    const std::size_t depth_tiles = round_up_div(m.cols(), 4);
    const std::size_t panels = m.cols() == 0 ? 0 : round_up_div(m.rows(), 64);
    const std::size_t stride = depth_tiles * 64 + 256;
    std::vector<std::uint8_t> to(panels * stride);
    for (std::size_t o = 0; o < panels * 64; ++o) {
        unsigned sum = 0;
        for (std::size_t d = 0; d < m.cols(); ++d) sum += static_cast<unsigned>(o < m.rows() ? m.at(o, d) : 0);
        for (unsigned i = 0; i < 4; ++i)
            to[o / 64 * stride + depth_tiles * 64 + o % 64 * 4 + i] = static_cast<std::uint8_t>(sum >> (8 * i) & 255u);
    }
    for (std::size_t i = 0; i < panels * depth_tiles * 64; ++i) {
        const std::size_t tile = i / 64;
        const std::size_t d = tile % depth_tiles * 4 + i % 4;
        unsigned byte = 0;
        for (unsigned field = 0; field < 4; ++field) {
            const std::size_t o = tile / depth_tiles * 64 + field * 16 + i % 64 / 4;
            const int value = o < m.rows() && d < m.cols() ? m.at(o, d) : 0;
            byte |= static_cast<unsigned>(value + 1) << (2 * field);
        }
        to[i + tile / depth_tiles * 256] = static_cast<std::uint8_t>(byte);
    }
    return to;
}

/// trits: ceil(256 / 243 * number), five digits a byte, padding 0.
inline std::vector<std::uint8_t> draw_trits(const matrix& m) {
    std::vector<std::uint8_t> to;
    if (m.cols() == 0) return to;
    const auto value = [&](std::size_t o, std::size_t d) { return o < m.rows() && d < m.cols() ? int{m.at(o, d)} : 0; };
    for (std::size_t o = 0; o < m.rows(); o += 16) {
        for (std::size_t d = 0; d < m.cols(); d += 20) {
            for (std::size_t lane = 0; lane < 16; ++lane) {
                for (std::size_t j = 0; j < 4; ++j) {
                    int number = 0;
                    for (std::size_t i = 0; i < 5; ++i) number = 3 * number + value(o + lane, d + 4 * i + j) + 1;
                    to.push_back(static_cast<std::uint8_t>(round_up_div(256 * static_cast<std::size_t>(number), 243)));
                }
            }
        }
        for (std::size_t lane = 0; lane < 16; ++lane) {
            int sum = 0;
            for (std::size_t d = 0; d < m.cols(); ++d) sum += value(o + lane, d);
            for (int shift = 0; shift < 32; shift += 8)
                to.push_back(static_cast<std::uint8_t>(static_cast<unsigned>(sum) >> shift));
        }
    }
    return to;
}

}  // namespace tern_test
