// SPDX-License-Identifier: MIT
// Depthwise convolution of bytes with -1, 0 and +1: 32 channels at a time, straight from the image.
#pragma once

#include <tern/kernel/depthwise/results.hpp>
#include <tern/simd/channel_bytes.hpp>
#include <tern/window.hpp>

namespace tern::kernel {

template <class Arch, class Sink>
class depthwise_bytes_driver {
    using bytes = decltype(simd::channel_bytes_of(Arch{}));
    static constexpr size_t weight_taps = 32;  // whose weights are kept in 16 bits
    static constexpr size_t together = 4;      // pixels
    static constexpr size_t most_taps = 255;   // 255 * 128 < 2^15

    tensor_view<const std::int8_t> input_;
    matrix_view<const std::int8_t> filters_;
    window2d window_;
    Sink sink_;
    size_t height_;
    size_t width_;
    std::int16_t weights_[weight_taps * word_bits];

public:
    TERN_INLINE depthwise_bytes_driver(const tensor_view<const std::int8_t>& input,
                                       const matrix_view<const std::int8_t>& filters, const window2d& window,
                                       const Sink& sink) noexcept
        : input_(input),
          filters_(filters),
          window_(window),
          sink_(sink),
          height_(window.y.outputs(input.height)),
          width_(window.x.outputs(input.width)) {}

    TERN_INLINE void run(size_t first, size_t last) noexcept {
        channel_results<Arch, Sink> results(sink_, input_.channels);
        const bool few = filters_.rows <= weight_taps;
        for (size_t c = 0; c < input_.channels; c += word_bits) {
            const size_t count = input_.channels - c < word_bits ? input_.channels - c : word_bits;
            if (few)
                for (size_t t = 0; t < filters_.rows; ++t) widen(t, c, count, weights_ + t * word_bits);
            for (size_t row = first; row < last; ++row) {
                const valid_taps y(window_.y, row % height_, input_.height);
                for (size_t x = 0; x < width_; ++x) {
                    std::int32_t sums[word_bits];
                    if (few && count == word_bits && width_ - x >= together && inside(x) && inside(x + together - 1)) {
                        std::int32_t many[together][word_bits];
                        add_pixels(row, y, x, c, many);
                        for (size_t i = 0; i < together; ++i)
                            results.put_word(row / height_, row * width_ + x + i, c / word_bits, many[i]);
                        x += together - 1;
                        continue;
                    }
                    const valid_taps at(window_.x, x, input_.width);
                    if (count == word_bits)
                        add_taps<true>(row, y, x, at, c, count, few, sums);
                    else
                        add_taps<false>(row, y, x, at, c, count, few, sums);
                    results.put_word(row / height_, row * width_ + x, c / word_bits, sums);
                }
            }
        }
    }

private:
    /// Kernel positions inside the image; where all of them are, without a division.
    struct valid_taps {
        size_t first;
        size_t last;

        TERN_INLINE valid_taps(const window_axis& w, size_t output, size_t input) noexcept : first(0), last(w.kernel) {
            const size_t start = output * w.stride;
            if (start >= w.pad_before && start - w.pad_before + (w.kernel - 1) * w.dilation < input) return;
            first = w.first_tap(output);
            last = w.last_tap(output, input);
        }
    };

    /// Whether all taps of an output position are.
    [[nodiscard]] TERN_INLINE bool inside(size_t x) const noexcept {
        const size_t start = x * window_.x.stride;
        return start >= window_.x.pad_before &&
               start - window_.x.pad_before + (window_.x.kernel - 1) * window_.x.dilation < input_.width;
    }
    /// Neighbours with the same taps, all of those of a row: weights are read once for all of them.
    TERN_INLINE void add_pixels(size_t row, const valid_taps& of_y, size_t x, size_t c,
                                std::int32_t (&sums)[together][word_bits]) const noexcept {
        typename bytes::reg acc[together];
        bits::unroll<together>([&](auto i) TERN_INLINE_LAMBDA { acc[i] = bytes::zero(); });
        const size_t next = window_.x.stride * input_.pixel_stride;
        const size_t step = window_.x.dilation * input_.pixel_stride;
        for (size_t ky = of_y.first; ky < of_y.last; ++ky) {
            const std::int8_t* from =
                input_.pixel(row / height_, window_.y.input(row % height_, ky), window_.x.input(x, 0)) + c;
            const std::int16_t* w = weights_ + ky * window_.x.kernel * word_bits;
            for (size_t kx = 0; kx < window_.x.kernel; ++kx, from += step, w += word_bits)
                bits::unroll<together>([&](auto i) TERN_INLINE_LAMBDA { bytes::add(acc[i], from + i * next, w); });
        }
        std::memset(sums, 0, sizeof sums);
        bits::unroll<together>([&](auto i) TERN_INLINE_LAMBDA { bytes::add_to(sums[i], acc[i]); });
    }

    TERN_INLINE void widen(size_t tap, size_t c, size_t count, std::int16_t* to) const noexcept {
        for (size_t i = 0; i < word_bits; ++i) to[i] = i < count ? filters_.row(tap)[c + i] : std::int16_t{0};
    }
    template <bool Whole>
    TERN_INLINE void add_taps(size_t row, const valid_taps& of_y, size_t x, const valid_taps& of_x, size_t c,
                              size_t count, bool few, std::int32_t* sums) noexcept {
        const size_t y = row % height_;
        typename bytes::reg acc = bytes::zero();
        size_t taps = 0;
        std::memset(sums, 0, word_bits * sizeof *sums);
        for (size_t ky = of_y.first; ky < of_y.last && of_x.first < of_x.last; ++ky) {
            const std::int8_t* from =
                input_.pixel(row / height_, window_.y.input(y, ky), window_.x.input(x, of_x.first)) + c;
            const size_t step = window_.x.dilation * input_.pixel_stride;
            for (size_t kx = of_x.first; kx < of_x.last; ++kx) {
                const size_t tap = ky * window_.x.kernel + kx;
                const std::int16_t* w = few ? weights_ + tap * word_bits : weights_;
                if (!few) widen(tap, c, count, weights_);
                if constexpr (Whole) {
                    bytes::add(acc, from + (kx - of_x.first) * step, w);
                } else {
                    std::int8_t all[word_bits];
                    std::memset(all, 0, sizeof all);
                    std::memcpy(all, from + (kx - of_x.first) * step, count);
                    bytes::add(acc, all, w);
                }
                if (++taps == most_taps) {
                    bytes::add_to(sums, acc);
                    acc = bytes::zero();
                    taps = 0;
                }
            }
        }
        bytes::add_to(sums, acc);
    }
};

template <class Arch, class Sink>
void run_depthwise(const tensor_view<const std::int8_t>& input, const matrix_view<const std::int8_t>& filters,
                   const window2d& window, size_t first, size_t last, const Sink& sink) noexcept {
    depthwise_bytes_driver<Arch, Sink>(input, filters, window, sink).run(first, last);
}

}  // namespace tern::kernel
