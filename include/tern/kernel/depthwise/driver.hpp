// SPDX-License-Identifier: MIT
// Depthwise convolution of bits: nine taps at a time. Two ways to feed the adders,
//
//   staged    lines of the image are copied into a ring of small buffers, padding included and positions ordered by
//             their remainder modulo the stride, so that every tap of a line of output pixels is one stretch of words
//   directly  one word of one pixel at a time, any geometry, next to no memory
#pragma once

#include <tern/kernel/depthwise/results.hpp>
#include <tern/window.hpp>

namespace tern::kernel {

template <class Arch, class Lhs, class Rhs, class Sink>
class depthwise_driver {
    using scalar_adder = simd::full_adder<simd::scalar_lanes>;
    static constexpr bool stages = !arch::is_small<Arch>;  // which also has the least memory
    static constexpr size_t width = adder_of<Arch>::width;
    static constexpr size_t most_taps = 64;
    static constexpr size_t most_rows = 16;
    static constexpr size_t most_words = 256;   // of output pixels at work
    static constexpr size_t line_words = 6144;  // of all staged lines
    static constexpr word flip = Lhs::sign_bit == Rhs::sign_bit ? 0u : ~word{0};
    static constexpr size_t nowhere = static_cast<size_t>(-1);

    packed_tensor<Lhs> input_;
    packed_rows<Rhs> filters_;
    window2d window_;
    channel_results<Arch, Sink> results_;
    size_t height_;
    size_t width_;

public:
    TERN_INLINE depthwise_driver(const packed_tensor<Lhs>& input, const packed_rows<Rhs>& filters,
                                 const window2d& window, const Sink& sink) noexcept
        : input_(input),
          filters_(filters),
          window_(window),
          results_(sink, input.channels()),
          height_(window.y.outputs(input.height)),
          width_(window.x.outputs(input.width)) {}

    /// Rows of output pixels [first, last), counted through all images.
    TERN_INLINE void run(size_t first, size_t last) noexcept {
        for (size_t w = 0; w < filters_.words(); w += channel_words) {
            const size_t left = filters_.words() - w;
            const size_t words = left < channel_words ? left : channel_words;
            if constexpr (stages)
                if (const size_t pixels = pixels_at_once(words); pixels != 0) {
                    run_staged(w, words, pixels, first, last);
                    continue;
                }
            run_directly(w, words, first, last);
        }
    }

private:
    // -- staged --

    [[nodiscard]] TERN_INLINE size_t phases() const noexcept {
        const size_t reach = (window_.x.kernel - 1) * window_.x.dilation + 1;
        return reach < window_.x.stride ? reach : window_.x.stride;
    }
    /// Positions of one phase that a line of output pixels needs.
    [[nodiscard]] TERN_INLINE size_t positions(size_t pixels) const noexcept {
        return pixels + (window_.x.kernel - 1) * window_.x.dilation / window_.x.stride;
    }
    /// 0: the geometry does not fit.
    [[nodiscard]] TERN_INLINE size_t pixels_at_once(size_t words) const noexcept {
        if (window_.y.kernel > most_rows || window_.x.kernel > most_taps / window_.y.kernel || width_ == 0) return 0;
        const size_t reach = positions(0);
        if (reach > line_words || phases() > line_words) return 0;
        size_t pixels = most_words / words < width_ ? most_words / words : width_;
        const size_t each_line = line_words / window_.y.kernel / 2;
        if (each_line < width) return 0;
        const size_t fitting = (each_line - width) / (phases() * words);
        if (fitting <= reach) return 0;
        return pixels < fitting - reach ? pixels : fitting - reach;
    }

    TERN_INLINE void run_staged(size_t first_word, size_t words, size_t most_pixels, size_t first,
                                size_t last) noexcept {
        const size_t rows = window_.y.kernel;
        const size_t taps = rows * window_.x.kernel;
        const size_t tap_stride = 2 * (words + width);  // on boundaries of a register where words are
        alignas(64) word weights[(most_taps + taps_together) * 2 * (channel_words + width)];
        alignas(64) word lines[line_words];
        alignas(64) word zeros[most_words + width];
        alignas(64) std::int8_t sums[(most_words + width + 1) * word_bits];
        size_t staged[most_rows];  // row of the image in each line
        std::memset(zeros, 0, sizeof zeros);
        std::memset(weights + taps * tap_stride, 0, taps_together * tap_stride * sizeof *weights);
        for (size_t t = 0; t < taps; ++t) stage_weights(t, first_word, words, weights + t * tap_stride);
        results_.select(first_word, words);
        for (size_t x = 0; x < width_; x += most_pixels) {
            const size_t pixels = width_ - x < most_pixels ? width_ - x : most_pixels;
            const size_t phase_words = positions(pixels) * words;
            const size_t plane_words = phases() * phase_words + width;
            size_t image = nowhere;
            for (size_t row = first; row < last; ++row) {
                if (row / height_ != image) {
                    image = row / height_;
                    for (size_t& s : staged) s = nowhere;
                }
                const size_t y = row % height_;
                const size_t tap_first = window_.y.first_tap(y);
                const size_t tap_last = window_.y.last_tap(y, input_.height);
                const word* tap_lines[most_rows];
                for (size_t ky = tap_first; ky < tap_last; ++ky) {
                    const size_t line = line_of(y, ky, tap_first, tap_last, staged);
                    word* const to = lines + line * 2 * plane_words;
                    tap_lines[ky] = to;
                    if (staged[line] == window_.y.input(y, ky)) continue;
                    staged[line] = window_.y.input(y, ky);
                    stage_line(image, staged[line], x, positions(pixels), first_word, words, to, plane_words);
                }
                if (tap_first >= tap_last) std::memset(sums, 0, pixels * words * word_bits);
                stretch9 s;
                s.tap_stride = tap_stride;
                s.period = words;
                size_t count = 0;
                size_t from = tap_first * window_.x.kernel;
                bool add = false;
                bool stored = false;
                for (size_t ky = tap_first; ky < tap_last; ++ky) {
                    for (size_t kx = 0; kx < window_.x.kernel; ++kx) {
                        const size_t at = kx * window_.x.dilation;
                        s.mask[count] =
                            tap_lines[ky] + at % window_.x.stride * phase_words + at / window_.x.stride * words;
                        s.sign[count] = s.mask[count] + plane_words;
                        const bool end = ky + 1 == tap_last && kx + 1 == window_.x.kernel;
                        if (++count != taps_together && !end) continue;
                        for (; count < taps_together; ++count) s.mask[count] = s.sign[count] = zeros;
                        s.weights = weights + from * tap_stride;
                        const auto sum = [&](const auto& then) TERN_INLINE_LAMBDA {
                            if (add)
                                sum_stretch<Arch, true>(s, pixels * words, sums, then);
                            else
                                sum_stretch<Arch, false>(s, pixels * words, sums, then);
                        };
                        if constexpr (decltype(results_)::by_words) {
                            if (end && results_.without_gaps()) {
                                sum(results_.stores(row * width_ + x));
                                stored = true;
                            }
                        }
                        if (!stored) sum(all_kept{});
                        add = true;
                        from += taps_together;
                        count = 0;
                    }
                }
                if (!stored) results_.put(image, row * width_ + x, pixels, sums);
            }
        }
    }

    /// The line that holds a tap's row of the image, or one that no tap of this output row needs.
    TERN_INLINE size_t line_of(size_t y, size_t ky, size_t tap_first, size_t tap_last,
                               const size_t (&staged)[most_rows]) const noexcept {
        size_t unneeded = 0;
        for (size_t line = window_.y.kernel; line-- > 0;) {
            if (staged[line] == window_.y.input(y, ky)) return line;
            bool needed = false;
            for (size_t k = tap_first; k < tap_last; ++k) needed |= staged[line] == window_.y.input(y, k);
            if (!needed) unneeded = line;
        }
        return unneeded;
    }

    /// Masks, then signs, repeated as far as a register may reach.
    TERN_INLINE void stage_weights(size_t tap, size_t first_word, size_t words, word* to) const noexcept {
        const word* from = filters_.row(tap) + first_word;
        for (size_t i = 0; i < words + width; ++i) {
            const size_t w = i % words;
            to[i] = Rhs::has_mask ? from[w] : ~word{0};
            to[words + width + i] = from[w + (Rhs::has_mask ? filters_.plane_stride : 0)] ^ flip;
        }
    }

    TERN_INLINE void stage_line(size_t image, size_t y, size_t x, size_t count, size_t first_word, size_t words,
                                word* to, size_t plane_words) const noexcept {
        switch (words) {  // small copies of a known size need no call
            case 1: return stage_words<1>(image, y, x, count, first_word, words, to, plane_words);
            case 2: return stage_words<2>(image, y, x, count, first_word, words, to, plane_words);
            case 4: return stage_words<4>(image, y, x, count, first_word, words, to, plane_words);
            case 8: return stage_words<8>(image, y, x, count, first_word, words, to, plane_words);
            case 16: return stage_words<16>(image, y, x, count, first_word, words, to, plane_words);
            default: return stage_words<0>(image, y, x, count, first_word, words, to, plane_words);
        }
    }
    /// Positions padded, padded + stride, ... that come before the image's column `column`.
    [[nodiscard]] TERN_INLINE size_t positions_before(size_t padded, size_t column, size_t count) const noexcept {
        const size_t behind = window_.x.pad_before + column;
        const size_t before = behind <= padded ? 0 : (behind - padded - 1) / window_.x.stride + 1;
        return before < count ? before : count;
    }
    /// `count` positions of each phase, from the first input position under output pixel x on; padding has no mask.
    template <size_t Words>
    TERN_NO_INLINE void stage_words(size_t image, size_t y, size_t x, size_t count, size_t first_word, size_t words,
                                    word* to, size_t plane_words) const noexcept {
        const size_t step = Words == 0 ? words : Words;
        const size_t next = window_.x.stride * input_.pixels.row_stride;
        const size_t sign = Lhs::has_mask ? input_.pixels.plane_stride : 0;
        for (size_t phase = 0; phase < phases(); ++phase) {
            const size_t padded = x * window_.x.stride + phase;
            const size_t begin = positions_before(padded, 0, count);
            const size_t end = positions_before(padded, input_.width, count);
            to = clear(to, plane_words, begin * step);
            if (begin < end) {
                const size_t column = padded + begin * window_.x.stride - window_.x.pad_before;
                const word* from = input_.pixels.row(input_.pixel(image, y, column)) + first_word;
                TERN_KEEP_LOOP
                for (size_t i = begin; i < end; ++i, from += next, to += step) {
                    if constexpr (Lhs::has_mask)
                        std::memcpy(to, from, step * sizeof *to);
                    else
                        std::memset(to, 0xff, step * sizeof *to);
                    std::memcpy(to + plane_words, from + sign, step * sizeof *to);
                }
            }
            to = clear(to, plane_words, (count - end) * step);
        }
    }
    /// Zeros for both planes; behind them.
    static TERN_INLINE word* clear(word* to, size_t plane_words, size_t words) noexcept {
        std::memset(to, 0, words * sizeof *to);
        std::memset(to + plane_words, 0, words * sizeof *to);
        return to + words;
    }

    // -- directly --

    TERN_INLINE void run_directly(size_t first_word, size_t words, size_t first, size_t last) const noexcept {
        for (size_t row = first; row < last; ++row)
            for (size_t x = 0; x < width_; ++x)
                for (size_t w = first_word; w < first_word + words; ++w) run_word(row, x, w);
    }
    TERN_INLINE void run_word(size_t row, size_t x, size_t w) const noexcept {
        const size_t image = row / height_;
        const size_t y = row % height_;
        word gathered[taps_together][4];
        std::int32_t sums[word_bits];
        std::memset(sums, 0, sizeof sums);
        size_t count = 0;
        const size_t y_last = window_.y.last_tap(y, input_.height);
        const size_t x_last = window_.x.last_tap(x, input_.width);
        for (size_t ky = window_.y.first_tap(y); ky < y_last; ++ky) {
            for (size_t kx = window_.x.first_tap(x); kx < x_last; ++kx) {
                const word* a =
                    input_.pixels.row(input_.pixel(image, window_.y.input(y, ky), window_.x.input(x, kx))) + w;
                const word* b = filters_.row(ky * window_.x.kernel + kx) + w;
                gathered[count][0] = Lhs::has_mask ? a[0] : ~word{0};
                gathered[count][1] = a[Lhs::has_mask ? input_.pixels.plane_stride : 0];
                gathered[count][2] = Rhs::has_mask ? b[0] : ~word{0};
                gathered[count][3] = b[Rhs::has_mask ? filters_.plane_stride : 0] ^ flip;
                if (++count == taps_together) {
                    add_word(gathered, sums);
                    count = 0;
                }
            }
        }
        if (count != 0) {
            for (; count < taps_together; ++count)
                for (word& g : gathered[count]) g = 0;
            add_word(gathered, sums);
        }
        results_.put_word(image, row * width_ + x, w, sums);
    }
    TERN_INLINE static void add_word(const word (&gathered)[taps_together][4], std::int32_t* sums) noexcept {
        word planes[sum_planes];
        sum9<scalar_adder>(
            [&](auto t, word& mask, word& sign, word& of_mask, word& of_sign) TERN_INLINE_LAMBDA {
                mask = gathered[t][0];
                sign = gathered[t][1];
                of_mask = gathered[t][2];
                of_sign = gathered[t][3];
            },
            planes);
        std::int8_t bytes[word_bits];
        simd::scalar_plane_bytes::expand<static_cast<int>(sum_planes), false>(planes, 1, bytes);
        for (size_t i = 0; i < word_bits; ++i) sums[i] += bytes[i];
    }
};

/// One function a (architecture, operands, sink): its symbol carries the tag.
template <class Arch, class Lhs, class Rhs, class Sink>
void run_depthwise(const packed_tensor<Lhs>& input, const packed_rows<Rhs>& filters, const window2d& window,
                   size_t first, size_t last, const Sink& sink) noexcept {
    depthwise_driver<Arch, Lhs, Rhs, Sink>(input, filters, window, sink).run(first, last);
}

}  // namespace tern::kernel
