// SPDX-License-Identifier: MIT
// Windows of bytes of three channels times ternary codes by tables, as driver.hpp wants them: first layers of networks.
//
// The three weights that a tap has for an output make one of 27 sums of the pixel's three bytes. A pixel's sums are
// computed once, as numbers of 16 bits in one register, for all outputs and all windows that see the pixel:
//     sum over the taps of x w = sum over the taps of table(pixel)[i_0 + 3 i_1 + 9 i_2]        i_c = w_c + 1
// which is one lookup and one addition for 96 products. Bytes are unsigned there, and padding is the zero point z:
//     sum over the taps inside of (x - z) w = sum over all taps of x w - z S_w
// Sums wrap modulo 2^16; the result fits, or the path does not serve.
// Tables of the lines that a window sees are kept in turn, while windows go down a strip of 16 columns.
#pragma once

#include <tern/kernel/bytes/codes.hpp>
#include <tern/kernel/conv/bytes.hpp>
#include <tern/kernel/sinks/fused.hpp>
#include <tern/simd/x86_pixels.hpp>

#if TERN_HAS_AVX512

namespace tern::kernel {

template <class Arch>
class pixel_tables {
    using lanes = simd::avx512_pixels;
    static constexpr size_t channels = 3;
    static constexpr size_t code_panel = packed_codes::tile_outputs / panel_outputs;
    static constexpr size_t registers = packed_codes::tile_outputs / lanes::width;
    static constexpr size_t most_tables = 384;
    static constexpr size_t most_indices = 8192;
    static constexpr size_t most_panels = 4;
    static constexpr size_t most_taps = 85;  // 3 * 85 * 128 < 2^15
    static constexpr std::int32_t most_sum = 32767;
    static constexpr size_t most_lines = 16;
    static constexpr size_t most_move = 16;

public:
    using arch = Arch;
    static constexpr size_t row_step = 4;
    static constexpr size_t row_block = 16;
    static constexpr size_t panels = code_panel;
    using block_type = strip_block<arch, row_block>;

    /// Whether this path computes such a convolution, and pays.
    [[nodiscard]] static TERN_INLINE bool serves(const byte_image& input, const packed_codes& filters,
                                                 const conv_geometry& g) noexcept {
        if (input.channels != channels || g.groups != 1 || g.y.kernel > most_lines || g.x.kernel > most_taps)
            return false;
        const size_t taps = g.y.kernel * g.x.kernel;
        const std::int32_t zero = unsigned_zero(input);
        const std::int32_t largest = zero > 127 ? zero : 255 - zero;
        if (taps > most_taps || static_cast<std::int32_t>(taps * channels) * largest >= most_sum ||
            filters.panels() > most_panels || filters.panels() * taps * packed_codes::tile_outputs > most_indices)
            return false;
        const size_t most = static_cast<size_t>(-1) / 256;  // no product below runs over
        if (static_cast<size_t>(g.x.out_move) > most_move || static_cast<size_t>(g.x.tap_move) > most_tables ||
            static_cast<size_t>(g.y.tap_move) > most_lines || g.pixels() < 64 || g.pixels() > most)
            return false;
        return lines_of(g) <= most_lines && lines_of(g) * columns_of(g) <= most_tables && !has_fourth_code(filters);
    }

    TERN_INLINE pixel_tables(const byte_image& input, const packed_codes& filters,
                             const conv_geometry& geometry) noexcept
        : input_(input),
          filters_(filters),
          geometry_(geometry),
          panel_stride_(filters.panel_stride()),
          taps_(geometry.y.kernel * geometry.x.kernel),
          lines_(lines_of(geometry)),
          columns_(columns_of(geometry)) {
        const auto minus_zero = lanes::broadcast(-unsigned_zero(input));
        for (size_t p = 0; p < filters.panels(); ++p) {
            set_indices(p);
            for (size_t k = 0; k < registers; ++k) {
                const auto sums = lanes::narrow(filters.sums(p) + k * lanes::width * sizeof(std::int32_t));
                lanes::store(starts_[p][k], lanes::multiply(minus_zero, sums));
            }
        }
    }

    [[nodiscard]] TERN_INLINE size_t wanted() const noexcept { return row_block; }

    void select(const block_type& block, size_t, bool wants_sums) noexcept {
        block_ = &block;
        const size_t first = block.line * static_cast<size_t>(geometry_.y.out_move);  // from the first padded line on
        if (block.image != image_ || block.strip != strip_ || first < next_line_ - lines_ || next_line_ == 0) {
            image_ = block.image;
            strip_ = block.strip;
            next_line_ = 0;
        }
        if (next_line_ < first) next_line_ = first;
        for (; next_line_ < first + lines_; ++next_line_) set_line(next_line_);
        for (size_t i = 0; i < geometry_.y.kernel; ++i)
            line_[i] = line_of(first + i * static_cast<size_t>(geometry_.y.tap_move));
        if (wants_sums)
            for (size_t r = 0; r < block.count; ++r) sums_[r] = sum_of(r);
    }

    [[nodiscard]] TERN_INLINE std::int32_t window_sum(size_t r) const noexcept { return sums_[r]; }

    TERN_INLINE void multiply(size_t panel, size_t, std::int32_t* acc, size_t stride) noexcept {
        run_block(panel, [&](size_t r, const lanes::reg(&sum)[registers]) TERN_INLINE_LAMBDA {
            bits::unroll<registers>([&](auto k) TERN_INLINE_LAMBDA {
                lanes::store_sums(acc + r * stride + k * lanes::width, sum[k]);
            });
        });
    }

    /// Sums are compared as they are, with limits that saturate: sums stay inside of most_sum, and are on the same side
    /// of a limit beyond it and of most_sum itself.
    template <class Encoding>
    TERN_INLINE bool store(const integer_sink<Arch, Encoding>& sink, size_t panel, size_t count) noexcept {
        if (panel != limits_of_) set_limits(sink, panel, count);
        const size_t pixels = block_->count;
        const size_t words = bits::ceil_div(count, 2);
        typename integer_sink<Arch, Encoding>::signs signs[registers] = {};
        lanes::reg lower[registers];
        lanes::reg upper[registers];
        bits::unroll<registers>([&](auto k) TERN_INLINE_LAMBDA {
            if (k < words) signs[k] = sink.signs_of_word(sink.limits.negative, panel + 2 * k);
            lower[k] = lanes::load(lower_[k]);
            upper[k] = lanes::load(upper_[k]);
        });
        const size_t first_row = block_->row[0];
        run_block(panel, [&](size_t r, const lanes::reg(&sum)[registers]) TERN_INLINE_LAMBDA {
            if (r >= pixels) return;
            bits::unroll<registers>([&](auto k) TERN_INLINE_LAMBDA {
                if (k < words)
                    sink.put_word(signs[k], first_row + r, panel + 2 * k,
                                  Encoding::has_mask ? lanes::above(lower[k], sum[k]) : 0u,
                                  lanes::above(sum[k], upper[k]));
            });
        });
        return true;
    }
    template <class Sink>
    TERN_INLINE bool store(const Sink&, size_t, size_t) noexcept {
        return false;
    }

    /// Those of all taps are stored with the filters; the others are added up one by one.
    void weight_sums(size_t panel, const pixel_kind& kind, std::int32_t (&sums)[panel_outputs]) const noexcept {
        if (kind.taps() == taps_)
            std::memcpy(sums, filters_.sums(panel / code_panel) + panel % code_panel * sizeof sums, sizeof sums);
        else
            add_tap_weights(filters_, geometry_, channels, panel, kind, sums);
    }

private:
    static constexpr size_t none = static_cast<size_t>(-1);

    template <class Sink>
    TERN_INLINE void set_limits(const Sink& sink, size_t panel, size_t count) noexcept {
        limits_of_ = panel;
        std::int32_t lower[packed_codes::tile_outputs] = {};
        std::int32_t upper[packed_codes::tile_outputs] = {};
        for (size_t p = 0; p < count; ++p) {
            const auto state = sink.prepare(panel + p);
            std::memcpy(lower + p * panel_outputs, state.lower, sizeof state.lower);
            std::memcpy(upper + p * panel_outputs, state.upper, sizeof state.upper);
        }
        bits::unroll<registers>([&](auto k) TERN_INLINE_LAMBDA {
            lanes::store(lower_[k], lanes::saturate(lower + k * lanes::width));
            lanes::store(upper_[k], lanes::saturate(upper + k * lanes::width));
        });
    }

    /// Calls put(window, sums) for the windows of the block, and for up to three behind them.
    template <class Put>
    TERN_INLINE void run_block(size_t panel, const Put& put) noexcept {
        const size_t p = panel / code_panel;
        const size_t move = static_cast<size_t>(geometry_.x.out_move) * lanes::width;
        const size_t first = (block_->column - block_->strip) * move;
        const std::uint16_t* const index = indices_ + p * taps_ * packed_codes::tile_outputs;
        const size_t count = block_->count;
        const auto some = [&](auto rows, size_t r) TERN_INLINE_LAMBDA {
            run<rows>(first + r * move, move, index, starts_[p],
                      [&](size_t i, const lanes::reg(&sum)[registers]) TERN_INLINE_LAMBDA { put(r + i, sum); });
        };
        size_t r = 0;
        for (; r < count && count - r > row_step; r += 2 * row_step) some(bits::index<2 * row_step>{}, r);
        if (r < count) some(bits::index<row_step>{}, r);
    }

    [[nodiscard]] static TERN_INLINE std::int32_t unsigned_zero(const byte_image& input) noexcept {
        return input.zero_point + 128;
    }
    /// Lines of the image, padded ones among them, that the windows of a line see, and columns that those of a strip
    /// do.
    [[nodiscard]] static TERN_INLINE size_t lines_of(const conv_geometry& g) noexcept {
        return (g.y.kernel - 1) * static_cast<size_t>(g.y.tap_move) + 1;
    }
    [[nodiscard]] static TERN_INLINE size_t columns_of(const conv_geometry& g) noexcept {
        const size_t wide = g.x.outputs < row_block ? g.x.outputs : row_block;
        return (wide - 1) * static_cast<size_t>(g.x.out_move) +
               (g.x.kernel - 1) * static_cast<size_t>(g.x.tap_move) + 1;
    }
    /// It counts as +2, which no table has.
    [[nodiscard]] static TERN_INLINE bool has_fourth_code(const packed_codes& filters) noexcept {
        std::uint64_t found = 0;
        const size_t bytes = filters.panel_tiles() * packed_codes::tile_bytes;
        for (size_t p = 0; p < filters.panels(); ++p)
            for (size_t i = 0; i < bytes; i += sizeof found) {
                const auto x = bits::load<std::uint64_t>(filters.panel(p) + i);
                found |= x & x >> 1 & 0x5555555555555555u;
            }
        return found != 0;
    }

    /// Of the 64 outputs of a panel, tap after tap.
    TERN_INLINE void set_indices(size_t p) noexcept {
        const std::uint8_t* const codes = filters_.data + p * panel_stride_;
        std::uint16_t* to = indices_ + p * taps_ * packed_codes::tile_outputs;
        for (size_t t = 0; t < taps_; ++t)
            for (unsigned field = 0; field < 4; ++field, to += panel_outputs) {
                const auto code = [&](size_t at) TERN_INLINE_LAMBDA {
                    const auto shift = static_cast<unsigned>(at % packed_codes::tile_depth * 8) + 2 * field;
                    return lanes::code(codes + at / packed_codes::tile_depth * packed_codes::tile_bytes, shift);
                };
                lanes::store_indices(to, code(channels * t), code(channels * t + 1), code(channels * t + 2));
            }
    }

    [[nodiscard]] TERN_INLINE std::uint16_t* line_of(size_t n) noexcept {
        return tables_ + n % lines_ * columns_ * lanes::width;
    }

    /// Computes the tables of line `n`, counted from the first padded one, of the strip.
    TERN_INLINE void set_line(size_t n) noexcept {
        const auto z = static_cast<std::uint8_t>(unsigned_zero(input_));
        const std::uint8_t pad[channels] = {z, z, z};
        const ptrdiff_t y = static_cast<ptrdiff_t>(n) + geometry_.y.base;
        const ptrdiff_t x = geometry_.x.start(strip_);
        const auto columns = static_cast<ptrdiff_t>(columns_);
        // Columns [begin, end) are inside.
        ptrdiff_t begin = x < 0 ? -x : 0;
        ptrdiff_t end = geometry_.x.input - x < columns ? geometry_.x.input - x : columns;
        if (y < 0 || y >= geometry_.y.input || begin >= end) begin = end = columns;
        std::uint16_t* const to = line_of(n);
        set_tables<false>(to, pad, 0, 0, begin);
        set_tables<false>(to, pad, 0, end, columns);
        if (begin == end) return;
        const auto pixel = (static_cast<ptrdiff_t>(image_) * geometry_.y.input + y) * geometry_.x.input + x + begin;
        const std::uint8_t* const from = input_.data + static_cast<size_t>(pixel) * input_.pixel_stride;
        if (input_.is_signed)
            set_tables<true>(to, from, input_.pixel_stride, begin, end);
        else
            set_tables<false>(to, from, input_.pixel_stride, begin, end);
    }

    template <bool Flips>
    static TERN_INLINE void set_tables(std::uint16_t* to, const std::uint8_t* from, size_t stride, ptrdiff_t first,
                                       ptrdiff_t last) noexcept {
        const auto first_two = lanes::load(simd::all_weights_of_three.first_two);
        const auto behind_one = lanes::load(simd::all_weights_of_three.behind_one);
        const auto flip = lanes::broadcast(-0x7f80);  // 0x8080
        to += static_cast<size_t>(first) * lanes::width;
        TERN_KEEP_LOOP
        for (; first < last; ++first, to += lanes::width, from += stride)
            lanes::store(to, lanes::table<Flips>(from, flip, first_two, behind_one));
    }

    /// `Rows` windows by 64 outputs; the first window's table of a line is `first` numbers behind the line's start.
    template <size_t Rows, class Put>
    TERN_INLINE void run(size_t first, size_t move, const std::uint16_t* index,
                         const std::uint16_t (&start)[registers][lanes::width], const Put& put) const noexcept {
        lanes::reg sum[Rows][registers];
        bits::unroll<registers>([&](auto k) TERN_INLINE_LAMBDA {
            const auto s = lanes::load(start[k]);
            bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA { sum[r][k] = s; });
        });
        const size_t next = static_cast<size_t>(geometry_.x.tap_move) * lanes::width;
        const size_t lines = geometry_.y.kernel;
        const size_t taps = geometry_.x.kernel;
        for (size_t i = 0; i < lines; ++i) {
            const std::uint16_t* table[Rows / row_step];
            bits::unroll<Rows / row_step>(
                [&](auto q) TERN_INLINE_LAMBDA { table[q] = line_[i] + first + q * row_step * move; });
            TERN_KEEP_LOOP
            for (size_t j = 0; j < taps; ++j, index += packed_codes::tile_outputs) {
                lanes::reg at[registers];
                bits::unroll<registers>(
                    [&](auto k) TERN_INLINE_LAMBDA { at[k] = lanes::load(index + k * lanes::width); });
                bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
                    const auto t = lanes::load(table[r / row_step] + r % row_step * move);
                    bits::unroll<registers>([&](auto k) TERN_INLINE_LAMBDA { lanes::add_lookup(sum[r][k], at[k], t); });
                });
                bits::unroll<Rows / row_step>([&](auto q) TERN_INLINE_LAMBDA { table[q] += next; });
            }
        }
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA { put(r, sum[r]); });
    }

    /// Sum of x - z over the taps inside.
    TERN_INLINE std::int32_t sum_of(size_t r) const noexcept {
        const pixel_kind& kind = block_->kind_at(r);
        std::int32_t sum = 0;
        for (size_t i = kind.y.first; i < kind.y.last; ++i)
            for (size_t j = kind.x.first; j < kind.x.last; ++j) {
                const ptrdiff_t pixel = block_->pixel[r] +
                                        static_cast<ptrdiff_t>(i) * geometry_.y.tap_move * geometry_.x.input +
                                        static_cast<ptrdiff_t>(j) * geometry_.x.tap_move;
                const std::uint8_t* const x = input_.data + static_cast<size_t>(pixel) * input_.pixel_stride;
                for (size_t c = 0; c < channels; ++c)
                    sum += (input_.is_signed ? x[c] ^ 128 : x[c]) - unsigned_zero(input_);
            }
        return sum;
    }

    byte_image input_;
    packed_codes filters_;
    conv_geometry geometry_;
    size_t panel_stride_;
    size_t taps_;
    size_t lines_;
    size_t columns_;
    const block_type* block_ = nullptr;
    // The tables that are there: of the last `lines_` lines before next_line_.
    size_t image_ = 0;
    size_t strip_ = 0;
    size_t next_line_ = 0;
    const std::uint16_t* line_[most_lines];
    std::int32_t sums_[row_block];
    size_t limits_of_ = none;  // the panel that these are about
    std::uint16_t lower_[registers][lanes::width];
    std::uint16_t upper_[registers][lanes::width];
    std::uint16_t starts_[most_panels][registers][lanes::width];
    alignas(64) std::uint16_t indices_[most_indices];
    // Up to three windows behind the last of a line are computed with it.
    alignas(64) std::uint16_t tables_[(most_tables + (row_step - 1) * most_move) * lanes::width];
};

}  // namespace tern::kernel

#endif  // TERN_HAS_AVX512
