// SPDX-License-Identifier: MIT
// Convolution from register tiles: rectangles of output pixels with the same valid taps, tiles of pixels in them.
#pragma once

#include <tern/kernel/conv/gather.hpp>
#include <tern/window.hpp>

namespace tern::kernel {

/// Output positions [first, last) of one axis that see the same kernel positions [tap_first, tap_last).
struct axis_run {
    size_t first;
    size_t last;
    size_t tap_first;
    size_t tap_last;

    [[nodiscard]] TERN_INLINE constexpr size_t taps() const noexcept { return tap_last - tap_first; }
    [[nodiscard]] TERN_INLINE constexpr size_t size() const noexcept { return last - first; }

    static TERN_INLINE axis_run at(const window_axis& w, size_t first, size_t outputs, size_t input) noexcept {
        axis_run run{first, first + 1, w.first_tap(first), w.last_tap(first, input)};
        while (run.last < outputs && w.first_tap(run.last) == run.tap_first &&
               w.last_tap(run.last, input) == run.tap_last)
            ++run.last;
        return run;
    }
};

template <class Arch, class Lhs, class Rhs, class Sink>
class conv2d_driver {
    using term = constant_term<Lhs, Rhs>;
    /// Taps a table holds; larger kernels run in several passes.
    static constexpr size_t table_taps = 128;
    /// Tiles whose accumulators are kept while one panel is at work.
    static constexpr size_t block_tiles = 4;

    packed_tensor<Lhs> input_;
    packed_panels<Rhs> filters_;
    window2d window_;
    Sink sink_;
    size_t first_panel_;
    size_t last_panel_;
    size_t output_width_;
    size_t output_height_;
    // Read once, because they are not free to compute.
    bool dense_;
    size_t blocks_;
    size_t panel_stride_;
    size_t tap_words_;
    size_t image_ = 0;
    axis_run y_;
    axis_run x_;

public:
    TERN_INLINE conv2d_driver(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters,
                              const window2d& window, size_t first_panel, size_t last_panel,
                              const Sink& sink) noexcept
        : input_(input),
          filters_(filters),
          window_(window),
          sink_(sink),
          first_panel_(first_panel),
          last_panel_(last_panel),
          output_width_(window.x.outputs(input.width)),
          output_height_(window.y.outputs(input.height)),
          dense_(filters.dense_taps()),
          blocks_(filters.blocks()),
          panel_stride_(filters.panel_stride()),
          tap_words_(depth_words(filters.tap_depth)),
          y_{0, 0, 0, 0},
          x_{0, 0, 0, 0} {}

    TERN_INLINE void run() noexcept {
        for (image_ = 0; image_ < input_.images; ++image_) {
            for (size_t y = 0; y < output_height_; y = y_.last) {
                y_ = axis_run::at(window_.y, y, output_height_, input_.height);
                if (filters_.tap_depth == 0) y_.tap_last = y_.tap_first;  // no channels: no memory behind any tap
                for (size_t x = 0; x < output_width_; x = x_.last) {
                    x_ = axis_run::at(window_.x, x, output_width_, input_.width);
                    run_rectangle();
                }
            }
        }
    }

private:
    [[nodiscard]] TERN_INLINE size_t valid_taps() const noexcept { return y_.taps() * x_.taps(); }

    /// Calls f(i, ky, kx) for the valid taps, i counting them.
    template <class F>
    TERN_INLINE void for_each_valid_tap(const F& f) const noexcept {
        size_t i = 0;
        for (size_t ky = y_.tap_first; ky < y_.tap_last; ++ky)
            for (size_t kx = x_.tap_first; kx < x_.tap_last; ++kx) f(i++, ky, kx);
    }

    /// Pixels of the rectangle, one after the other through its rows; those behind the last are the last again.
    template <size_t Most>
    struct pixel_block {
        size_t count;
        const word* origin[Most];  ///< input pixel under the first valid tap
        size_t output[Most];       ///< row of the destination
    };
    template <size_t Most>
    [[nodiscard]] TERN_INLINE pixel_block<Most> locate(size_t first, size_t count) const noexcept {
        pixel_block<Most> found;
        found.count = count;
        size_t y = y_.first + first / x_.size();
        size_t x = x_.first + first % x_.size();
        for (size_t r = 0; r < count; ++r) {
            found.origin[r] =
                valid_taps() == 0 ? nullptr
                                  : input_.pixels.row(input_.pixel(image_, window_.y.input(y, y_.tap_first),
                                                                   window_.x.input(x, x_.tap_first)));
            found.output[r] = (image_ * output_height_ + y) * output_width_ + x;
            if (++x == x_.last) {
                x = x_.first;
                ++y;
            }
        }
        for (size_t r = count; r < Most; ++r) found.origin[r] = found.origin[count - 1];
        return found;
    }
    /// Words from the first valid tap's input pixel to that of tap (ky, kx).
    [[nodiscard]] TERN_INLINE size_t tap_offset(size_t ky, size_t kx) const noexcept {
        return ((ky - y_.tap_first) * window_.y.dilation * input_.width +
                (kx - x_.tap_first) * window_.x.dilation) *
               input_.pixels.row_stride;
    }

    TERN_INLINE void run_rectangle() noexcept {
        constexpr size_t high = panel_group<Arch, Lhs, Rhs, false>::rows;
        const size_t pixels = y_.size() * x_.size();
        // What is left over behind whole tiles runs as a tile too, unless single rows are cheaper.
        const size_t rest = high > 1 && pixels % high * 4 > high ? 0 : pixels % high;
        if constexpr (high > 1) run_pixels<false>(0, pixels - rest);
        run_pixels<true>(high > 1 ? pixels - rest : 0, pixels);
    }

    /// Pixels [first, last) of the rectangle in blocks, so that what is read of a panel's parameters serves many.
    template <bool OneRow>
    TERN_INLINE void run_pixels(size_t first, size_t last) noexcept {
        constexpr size_t rows = panel_group<Arch, Lhs, Rhs, OneRow>::rows;
        const size_t stretches = dense_ ? 1 : valid_taps() == 0 ? 1 : valid_taps();
        const size_t fitting = stretches > table_taps ? 1 : table_taps / stretches;
        const size_t step = (fitting < block_tiles ? fitting : block_tiles) * rows;
        for (size_t i = first; i < last; i += step) run_block<OneRow>(i, last - i < step ? last - i : step);
    }

    template <bool OneRow>
    TERN_INLINE void run_block(size_t first, size_t count) noexcept {
        using group = panel_group<Arch, Lhs, Rhs, OneRow>;
        constexpr size_t rows = group::rows;
        constexpr size_t most = block_tiles * rows;
        const pixel_block<most> block = locate<most>(first, count);
        const word* table[table_taps * rows];
        size_t rhs_blocks[table_taps];
        word gathered[most * dense_words * size_t{Lhs::planes}];
        std::int32_t acc[most * group::outputs];
        simd::row_terms terms[Sink::real ? most : 1];
        if constexpr (!Sink::real) terms[0] = {};  // never read, but a compiler may not see that
        std::uint32_t mask_counts[most] = {};
        std::uint32_t per_output[group::outputs];
        read_rows(block, terms, mask_counts);

        const bool empty = filters_.depth() == 0;  // then there may be no memory behind the filters at all
        const size_t taps = dense_ ? 1 : valid_taps();
        const size_t passes = empty ? 0 : bits::ceil_div(taps, table_taps);
        stretches depth{nullptr, rhs_blocks, 1, blocks_, blocks_};
        if (dense_) gather<rows>(block, gathered, table, rhs_blocks);
        for (size_t panel = first_panel_; panel < last_panel_; panel += group::panels) {
            const size_t left = last_panel_ - panel;
            if (passes == 0) std::memset(acc, 0, sizeof acc);
            std::memset(per_output, 0, sizeof per_output);
            if constexpr (!Lhs::has_mask)
                for (size_t p = 0; !empty && p < group::panels && p < left; ++p)
                    read_constants(panel + p, per_output + p * panel_outputs);
            for (size_t pass = 0; pass < passes; ++pass) {
                if (!dense_ && (panel == first_panel_ || passes > 1))
                    depth = fill_table<rows>(block, pass * table_taps, table, rhs_blocks);
                for (size_t r = 0; r < count; r += rows) {
                    depth.lhs = table + r * depth.count;
                    group::multiply(depth, filters_.data + panel * panel_stride_, panel_stride_, left,
                                    {acc + r * group::outputs, group::outputs, pass != 0, mask_counts + r, per_output});
                }
            }
            for (size_t p = 0; p < group::panels && p < left; ++p)
                finish<group::outputs>(block, panel + p, acc + p * panel_outputs, terms);
        }
    }

    /// One stretch a valid tap, at most `table_taps` from the `start`-th on; tile after tile.
    template <size_t Rows, size_t Most>
    TERN_INLINE stretches fill_table(const pixel_block<Most>& block, size_t start, const word** table,
                                     size_t* rhs_blocks) const noexcept {
        const size_t left = valid_taps() - start;
        const size_t taps = left < table_taps ? left : table_taps;
        for_each_valid_tap([&](size_t i, size_t ky, size_t kx) TERN_INLINE_LAMBDA {
            if (i < start || i - start >= taps) return;
            const size_t offset = tap_offset(ky, kx);
            const word** to = table + (i - start) * Rows;
            for (size_t first = 0; first < block.count; first += Rows, to += taps * Rows)
                for (size_t r = 0; r < Rows; ++r) to[r] = block.origin[first + r] + offset;
            rhs_blocks[i - start] = (ky * window_.x.kernel + kx) * tap_words_;
        });
        return {table, rhs_blocks, taps, tap_words_, input_.pixels.plane_stride};
    }

    /// The whole window as one stretch.
    template <size_t Rows, size_t Most>
    TERN_INLINE void gather(const pixel_block<Most>& block, word* to, const word** table, size_t* rhs_blocks) const noexcept {
        const size_t row_words = blocks_ * size_t{Lhs::planes};
        const size_t channels = filters_.tap_depth;
        const size_t step_y = tap_offset(y_.tap_first + 1, x_.tap_first);
        const size_t step_x = tap_offset(y_.tap_first, x_.tap_first + 1);
        for (size_t r = 0; r < block.count; ++r) {
            window_writer<Arch, Lhs> window(to + r * row_words, blocks_);
            for (size_t ky = y_.tap_first; ky < y_.tap_last; ++ky) {
                const word* x = block.origin[r] + (ky - y_.tap_first) * step_y;
                size_t at = (ky * window_.x.kernel + x_.tap_first) * channels;
                for (size_t kx = x_.tap_first; kx < x_.tap_last; ++kx, x += step_x, at += channels)
                    window.add(x, input_.pixels.plane_stride, channels, at);
            }
            window.finish();
        }
        for (size_t r = 0; r < bits::ceil_div(block.count, Rows) * Rows; ++r)
            table[r] = to + (r < block.count ? r : block.count - 1) * row_words;
        rhs_blocks[0] = 0;
    }

    template <size_t Most>
    TERN_INLINE void read_rows(const pixel_block<Most>& block, simd::row_terms* terms,
                               std::uint32_t* mask_counts) const noexcept {
        bool wants_sums = false;
        if constexpr (Sink::real) wants_sums = sink_.epilogue.weights.offset.data != nullptr;
        const size_t plane_stride = input_.pixels.plane_stride;
        for (size_t r = 0; r < block.count; ++r) {
            std::int32_t sum = 0;
            mask_counts[r] = 0;
            if (wants_sums || term::of_row) {
                for_each_valid_tap([&](size_t, size_t ky, size_t kx) TERN_INLINE_LAMBDA {
                    const word* x = block.origin[r] + tap_offset(ky, kx);
                    if (wants_sums) sum += value_sum<Lhs>(x, plane_stride, tap_words_, filters_.tap_depth);
                    if constexpr (term::of_row)
                        mask_counts[r] += term::rhs_weights *
                                          static_cast<std::uint32_t>(mask_count<Lhs>(x, plane_stride, tap_words_));
                });
            }
            if constexpr (Sink::real)
                terms[r] = sink_.row_terms(image_, sum, static_cast<std::int32_t>(valid_taps() * filters_.tap_depth));
        }
    }

    /// Sums and the sink for one panel of a block.
    template <size_t AccStride, size_t Most>
    TERN_INLINE void finish(const pixel_block<Most>& block, size_t panel, std::int32_t* acc,
                            const simd::row_terms* terms) const noexcept {
        std::int32_t sums[panel_outputs] = {};
        if constexpr (Sink::real)
            if (sink_.epilogue.activations.offset.data != nullptr && filters_.depth() != 0) read_sums(panel, sums);
        store_panel<Arch>(sink_, panel, acc, AccStride, block.count, block.output, terms, sums);
    }

    /// Calls f(tap, valid) for every tap of the kernel.
    template <class F>
    TERN_INLINE void for_each_tap(const F& f) const noexcept {
        for (size_t ky = 0; ky < window_.y.kernel; ++ky) {
            for (size_t kx = 0; kx < window_.x.kernel; ++kx) {
                const bool valid = ky >= y_.tap_first && ky < y_.tap_last && kx >= x_.tap_first && kx < x_.tap_last;
                f(ky * window_.x.kernel + kx, valid);
            }
        }
    }

    /// S_w over the valid taps.
    TERN_INLINE void read_sums(size_t panel, std::int32_t* sums) const noexcept {
        for_each_tap([&](size_t tap_index, bool valid) TERN_INLINE_LAMBDA {
            const word* from = filters_.sums(panel, tap_index);
            for (size_t i = 0; valid && i < panel_outputs; ++i) sums[i] += static_cast<std::int32_t>(from[i]);
        });
    }

    /// For activations without a mask: the masks of the weights of the valid taps. Gathered windows hold zero bits in the
    /// taps outside the image, that is the lowest value -w (or the highest, w, where a set bit means minus); adding (or
    /// subtracting) w S_w of those taps takes it out again.
    TERN_INLINE void read_constants(size_t panel, std::uint32_t* constants) const noexcept {
        for_each_tap([&](size_t tap_index, bool valid) TERN_INLINE_LAMBDA {
            const word* sums = filters_.sums(panel, tap_index);
            const word* counts = term::of_output && term::masks_are_sums ? sums : filters_.nonzeros(panel, tap_index);
            constexpr std::uint32_t count_weights = term::of_depth ? term::rhs_weights : 1;
            if (!valid && !dense_) return;
            for (size_t i = 0; i < panel_outputs; ++i) {
                const std::uint32_t outside = Lhs::sign_bit == set_bit::plus ? sums[i] : 0u - sums[i];
                constants[i] += term::lhs_weights * (count_weights * counts[i] + (valid ? 0u : outside));
            }
        });
    }
};

/// One function a (architecture, operands, sink): its symbol carries the tag.
template <class Arch, class Lhs, class Rhs, class Sink>
void run_conv2d(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters, const window2d& window,
                size_t first_panel, size_t last_panel, const Sink& sink) noexcept {
    conv2d_driver<Arch, Lhs, Rhs, Sink>(input, filters, window, first_panel, last_panel, sink).run();
}

}  // namespace tern::kernel
