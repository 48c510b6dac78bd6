// SPDX-License-Identifier: MIT
// Pooling of packed activations, without unpacking.
//
//     max_pool2d        dst[n][y][x][c] = max over the window's positions inside the image of input[n][.][.][c]
//     sum_pool2d        the sum over them, as int32
//     average_pool2d    float(sum / number of positions inside), the quotient in double
//
// Largest, binary: the OR of the plus bits. ternary: plus where any position is plus, minus where all are minus.
// k-bit: codes are in the order of their values, and are compared plane by plane from the highest on.
// Sums: counters that lie across the planes, 32 channels a word; a global average is a window as large as the image.
//
// Threads: none are started; `tiles` selects rows of output pixels, counted through all images (`pool_tiles`), and
// disjoint ranges may run side by side.
// Exact, bit-identical to reference::; zeros are written in their canonical code. Positions outside the image never win
// and are not counted; a window with none inside is a shape that does not fit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <tern/arch.hpp>
#include <tern/kernel/conv/geometry.hpp>
#include <tern/layout.hpp>
#include <tern/parallel.hpp>
#include <tern/window.hpp>

namespace tern {
namespace detail {

/// Does every output position see at least one input position?
[[nodiscard]] TERN_INLINE constexpr bool always_inside(const window_axis& w, size_t input) noexcept {
    for (size_t o = 0; o < w.outputs(input); ++o)
        if (w.first_tap(o) >= w.last_tap(o, input)) return false;
    return true;
}

/// Running maximum of 32 channels of k-bit codes, or of two words of them; of binary ones with K = 1.
template <class Encoding, class Word>
struct word_max {
    static constexpr size_t planes = size_t{Encoding::planes};
    /// Where a set bit means minus, the smallest code is the largest value.
    static constexpr Word flip = Encoding::sign_bit == set_bit::plus ? Word{0} : ~Word{0};
    Word largest[planes];

    TERN_INLINE word_max() noexcept { std::memset(largest, 0, sizeof largest); }
    TERN_INLINE void add(const word* pixel, size_t plane_stride) noexcept {
        Word greater = 0;
        Word equal = ~Word{0};
        for (size_t p = planes; p-- > 0;) {
            const Word x = bits::load<Word>(pixel + p * plane_stride) ^ flip;
            greater |= equal & x & ~largest[p];
            equal &= ~(x ^ largest[p]);
        }
        for (size_t p = 0; p < planes; ++p)
            largest[p] =
                (largest[p] & ~greater) | ((bits::load<Word>(pixel + p * plane_stride) ^ flip) & greater);
    }
    TERN_INLINE void store(word* pixel, size_t plane_stride, Word exists) const noexcept {
        for (size_t p = 0; p < planes; ++p)
            bits::store(pixel + p * plane_stride, static_cast<Word>((largest[p] ^ flip) & exists));
    }
};

template <class Word>
struct word_max<ternary, Word> {
    Word plus;
    Word minus;

    TERN_INLINE word_max() noexcept : plus(0), minus(~Word{0}) {}
    TERN_INLINE void add(const word* pixel, size_t plane_stride) noexcept {
        const Word nonzero = bits::load<Word>(pixel);
        const Word sign = bits::load<Word>(pixel + plane_stride);
        plus |= nonzero & sign;
        minus &= nonzero & ~sign;
    }
    TERN_INLINE void store(word* pixel, size_t plane_stride, Word) const noexcept {
        bits::store(pixel, static_cast<Word>(plus | minus));
        bits::store(pixel + plane_stride, plus);
    }
};

/// Sums of 32 channels. Bits are counted in words that lie across them, and added to integers before those run over.
template <class Encoding>
class word_sum {
    static constexpr size_t planes = size_t{Encoding::planes};
    static constexpr size_t counter_bits = 5;
    static constexpr size_t counter_steps = (1 << counter_bits) - 1;

    word counters_[planes][counter_bits];
    size_t steps_ = 0;
    size_t total_ = 0;
    std::int32_t sums_[word_bits];

public:
    TERN_INLINE word_sum() noexcept {
        std::memset(counters_, 0, sizeof counters_);
        std::memset(sums_, 0, sizeof sums_);
    }
    TERN_INLINE void add(const word* pixel, size_t plane_stride) noexcept {
        if (steps_ == counter_steps) flush();
        ++steps_;
        ++total_;
        for (size_t p = 0; p < planes; ++p) {
            word carry = pixel[p * plane_stride];
            if constexpr (Encoding::has_mask && Encoding::has_sign)
                if (p == 1) carry &= pixel[0];
            for (size_t b = 0; b < counter_bits && carry != 0; ++b) {
                const word next = counters_[p][b] & carry;
                counters_[p][b] ^= carry;
                carry = next;
            }
        }
    }
    [[nodiscard]] TERN_INLINE const std::int32_t* finish() noexcept {
        flush();
        // value = 2 code - largest: what the codes leave out
        if constexpr (Encoding::has_sign && !Encoding::has_mask)
            for (std::int32_t& sum : sums_) {
                sum -= static_cast<std::int32_t>(total_) * Encoding::max_abs;
                if (Encoding::sign_bit == set_bit::minus) sum = -sum;
            }
        return sums_;
    }

private:
    TERN_INLINE void flush() noexcept {
        for (size_t p = 0; p < planes; ++p) {
            for (size_t b = 0; b < counter_bits; ++b) {
                const std::int32_t weight = weight_of(p) * (1 << b);
                for (size_t i = 0; i < word_bits; ++i)
                    sums_[i] += static_cast<std::int32_t>(counters_[p][b] >> i & 1u) * weight;
                counters_[p][b] = 0;
            }
        }
        steps_ = 0;
    }
    static TERN_INLINE constexpr std::int32_t weight_of(size_t p) noexcept {
        if (Encoding::has_mask && Encoding::has_sign) return p == 0 ? -1 : 2;
        return (Encoding::has_sign ? 2 : 1) * (1 << p);
    }
};

/// The positions of a window that are inside the image.
struct pixels_under {
    const word* first;
    size_t lines;
    size_t columns;
    size_t line_step;  ///< words
    size_t step;

    TERN_INLINE constexpr pixels_under(const word* first_, size_t lines_, size_t columns_, size_t line_step_,
                                       size_t step_) noexcept
        : first(first_), lines(lines_), columns(columns_), line_step(line_step_), step(step_) {}

    /// Calls f(pixel).
    template <class F>
    TERN_INLINE void for_each(const F& f) const noexcept {
        const word* line = first;
        for (size_t y = 0; y < lines; ++y, line += line_step) {
            const word* pixel = line;
            for (size_t x = 0; x < columns; ++x, pixel += step) f(pixel);
        }
    }
};

/// Calls f(output pixel, pixels_under) for all output pixels of the rows in `range`.
template <class Encoding, class F>
TERN_INLINE void for_each_window(const packed_tensor<Encoding>& input, const window2d& window, tiles range,
                                 const F& f) noexcept {
    using kernel::conv_axis, kernel::tap_range;
    const conv_axis y = conv_axis::of(window.y, input.height);
    const conv_axis x = conv_axis::of(window.x, input.width);
    const size_t step = window.x.dilation * input.pixels.row_stride;
    const size_t line_step = window.y.dilation * input.width * input.pixels.row_stride;
    const size_t rows = input.images * y.outputs;
    const size_t last = range.last < rows ? range.last : rows;
    size_t pixel = range.first * x.outputs;
    for (size_t out = range.first; out < last; ++out) {
        const size_t j = out % y.outputs;
        const tap_range lines = y.inside(j);
        const size_t row =
            out / y.outputs * input.height + static_cast<size_t>(y.start(j)) + lines.first * window.y.dilation;
        for (size_t i = 0; i < x.outputs; ++i, ++pixel) {
            const tap_range columns = x.inside(i);
            const size_t column = static_cast<size_t>(x.start(i)) + columns.first * window.x.dilation;
            f(pixel, pixels_under(input.pixels.row(row * input.width + column), lines.size(), columns.size(), line_step,
                                  step));
        }
    }
}

template <class Arch, class Encoding>
void run_max_pool2d(const packed_tensor<Encoding>& input, const window2d& window,
                    const mutable_packed_tensor<Encoding>& dst, tiles range) noexcept {
    const size_t depth = input.pixels.depth;
    const size_t words = input.pixels.words();
    const size_t from_stride = input.pixels.plane_stride;
    const mutable_packed_rows<Encoding> to = dst.pixels;
    for_each_window(input, window, range, [&](size_t pixel, const pixels_under& under) TERN_INLINE_LAMBDA {
        const auto put = [&](auto largest, size_t w, auto exists) TERN_INLINE_LAMBDA {
            under.for_each([&](const word* at) TERN_INLINE_LAMBDA { largest.add(at + w, from_stride); });
            largest.store(to.target_row(pixel) + w, to.plane_stride, exists);
        };
        size_t w = 0;
        for (; w + 2 <= words; w += 2) {
            const word exist[2] = {~word{0}, bits::low_mask(depth - (w + 1) * word_bits)};
            put(word_max<Encoding, std::uint64_t>(), w, bits::load<std::uint64_t>(exist));
        }
        if (w < words) put(word_max<Encoding, word>(), w, bits::low_mask(depth - w * word_bits));
    });
}

/// Calls store(pixel, first channel, channels, sums, positions) for every word of every output pixel.
template <class Arch, class Encoding, class Store>
TERN_INLINE void run_sum_pool2d(const packed_tensor<Encoding>& input, const window2d& window, tiles range,
                                const Store& store) noexcept {
    const packed_rows<Encoding>& from = input.pixels;
    for_each_window(input, window, range, [&](size_t pixel, const pixels_under& under) TERN_INLINE_LAMBDA {
        for (size_t w = 0; w < from.words(); ++w) {
            word_sum<Encoding> sum;
            under.for_each([&](const word* at) TERN_INLINE_LAMBDA { sum.add(at + w, from.plane_stride); });
            const size_t left = from.depth - w * word_bits;
            store(pixel, w * word_bits, left < word_bits ? left : word_bits, sum.finish(),
                  static_cast<std::int32_t>(under.lines * under.columns));
        }
    });
}

// Functions of their own, so that a symbol carries the tag.
template <class Arch, class Encoding>
void run_sum_pool2d(const packed_tensor<Encoding>& input, const window2d& window,
                    const tensor_view<std::int32_t>& dst, tiles range) noexcept {
    const matrix_view<std::int32_t> to = dst.pixels();
    run_sum_pool2d<Arch>(input, window, range,
                         [&](size_t pixel, size_t first, size_t count, const std::int32_t* sums, std::int32_t)
                             TERN_INLINE_LAMBDA { std::memcpy(to.row(pixel) + first, sums, count * sizeof *sums); });
}
template <class Arch, class Encoding>
void run_average_pool2d(const packed_tensor<Encoding>& input, const window2d& window,
                        const tensor_view<float>& dst, tiles range) noexcept {
    const matrix_view<float> to = dst.pixels();
    run_sum_pool2d<Arch>(input, window, range,
                         [&](size_t pixel, size_t first, size_t count, const std::int32_t* sums, std::int32_t positions)
                             TERN_INLINE_LAMBDA {
                                 for (size_t i = 0; i < count; ++i)
                                     to(pixel, first + i) = static_cast<float>(static_cast<double>(sums[i]) /
                                                                               static_cast<double>(positions));
                             });
}

template <class Encoding>
[[nodiscard]] TERN_INLINE constexpr bool sums_fit(const window2d& window) noexcept {
    return window.y.kernel <= size_t{0x7fffffff} / static_cast<size_t>(Encoding::max_abs) / window.x.kernel / 2;
}

template <class Encoding>
[[nodiscard]] TERN_INLINE status check_pool2d(const packed_tensor<Encoding>& input, const window2d& window,
                                              size_t images, size_t height, size_t width, size_t channels,
                                              byte_range dst, tiles range) noexcept {
    status s = check(input);
    if (s == status::ok) s = check(window, input.height, input.width);
    if (s != status::ok) return s;
    if (images != input.images || channels != input.channels() || height != window.y.outputs(input.height) ||
        width != window.x.outputs(input.width) || !always_inside(window.y, input.height) ||
        !always_inside(window.x, input.width) || range.first > range.last)
        return status::bad_shape;
    return dst.overlaps(bytes_of(input.pixels)) ? status::overlap : status::ok;
}

}  // namespace detail

/// Rows of output pixels in all images.
[[nodiscard]] TERN_INLINE constexpr size_t pool_tiles(const window2d& window, size_t images, size_t height) noexcept {
    return images * window.y.outputs(height);
}

template <class Arch = default_arch, class Encoding>
[[nodiscard]] status max_pool2d(const packed_tensor<Encoding>& input, const window2d& window,
                                const mutable_packed_tensor<Encoding>& dst, tiles range = {}) noexcept {
    status s = check(packed_tensor<Encoding>(dst));
    if (s == status::ok)
        s = detail::check_pool2d(input, window, dst.images, dst.height, dst.width, dst.pixels.depth,
                                 bytes_of(dst.pixels), range);
    if (s == status::ok) detail::run_max_pool2d<Arch>(input, window, dst, range);
    return s;
}

/// Sums over the window, exact. Requires that positions * largest value fit int32 (overflow).
template <class Arch = default_arch, class Encoding>
[[nodiscard]] status sum_pool2d(const packed_tensor<Encoding>& input, const window2d& window,
                                const tensor_view<std::int32_t>& dst, tiles range = {}) noexcept {
    status s = check(dst);
    if (s == status::ok)
        s = detail::check_pool2d(input, window, dst.images, dst.height, dst.width, dst.channels,
                                 bytes_of(dst.pixels()), range);
    if (s == status::ok && !detail::sums_fit<Encoding>(window)) s = status::overflow;
    if (s == status::ok) detail::run_sum_pool2d<Arch>(input, window, dst, range);
    return s;
}

/// Averages over the positions inside the image.
template <class Arch = default_arch, class Encoding>
[[nodiscard]] status average_pool2d(const packed_tensor<Encoding>& input, const window2d& window,
                                    const tensor_view<float>& dst, tiles range = {}) noexcept {
    status s = check(dst);
    if (s == status::ok)
        s = detail::check_pool2d(input, window, dst.images, dst.height, dst.width, dst.channels,
                                 bytes_of(dst.pixels()), range);
    if (s == status::ok && !detail::sums_fit<Encoding>(window)) s = status::overflow;
    if (s == status::ok) detail::run_average_pool2d<Arch>(input, window, dst, range);
    return s;
}

}  // namespace tern
