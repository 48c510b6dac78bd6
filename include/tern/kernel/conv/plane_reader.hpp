// SPDX-License-Identifier: MIT
// Windows of bit planes, made ready for the register tile of the matrix product.
//
// A table of pointers, one stretch of depth a tap. A tap outside the image points to a pixel of zero bits (or of the
// padding's value), so that tiles of pixels go through rows, borders and images alike, and none is cut short.
// Where pointers do not serve (taps that share words, groups that start between words, planes too far apart for a pixel
// of zeros) the bits of a window are gathered first, as many blocks of depth as the scratch holds.
#pragma once

#include <tern/kernel/conv/blocks.hpp>
#include <tern/kernel/conv/gather.hpp>

/// The pixels of a tile are one vector; Clang would make one of the taps, and scatter.
#if defined(__clang__)
#define TERN_KEEP_ORDER _Pragma("clang loop vectorize(disable) unroll(disable)")
#else
#define TERN_KEEP_ORDER
#endif

namespace tern::kernel {

/// Room on the stack, in pointers and words. Microcontrollers have little: there it is enough for a dense window of
/// eight planes.
template <class Arch, bool Small = arch::is_small<Arch>>
struct reader_room {
    static constexpr size_t pointers = 1024;
    static constexpr size_t zeros = 512;
    static constexpr size_t scratch = 4096;
};
template <class Arch>
struct reader_room<Arch, true> {
    static constexpr size_t pointers = 64;
    static constexpr size_t zeros = 64;
    static constexpr size_t scratch = 8 * dense_words;
};

/// Tiles of `Rows` pixels, at most `Tiles` of them.
template <class Arch, class Lhs, size_t Rows, size_t Tiles>
class plane_reader {
    static constexpr size_t planes = size_t{Lhs::planes};
    static constexpr size_t table_size = reader_room<Arch>::pointers;
    static constexpr size_t zero_words = reader_room<Arch>::zeros;
    static constexpr size_t scratch_words = reader_room<Arch>::scratch;
    static_assert(scratch_words >= planes * dense_words * Rows && table_size >= Tiles * Rows);
    static constexpr size_t most_tiles = Tiles;

public:
    static constexpr size_t row_step = Rows;
    static constexpr size_t row_block = Tiles * Rows;
    using block_type = pixel_block<Arch, row_block>;

    [[nodiscard]] TERN_INLINE size_t wanted() const noexcept { return wanted_; }

protected:
    template <class Rhs>
    TERN_INLINE plane_reader(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters,
                             const conv_geometry& geometry) noexcept
        : input_(input),
          geometry_(geometry),
          channels_(filters.tap_depth),
          blocks_(filters.blocks()),
          tap_words_(depth_words(filters.tap_depth)),
          taps_(geometry.taps()),
          dense_(filters.dense_taps()) {
        const size_t zeros = (planes - 1) * input.pixels.plane_stride + tap_words_;
        const bool fits = zeros <= zero_words;
        by_table_ = !dense_ && (geometry.groups == 1 || channels_ % word_bits == 0) &&
                    (fits || geometry.all_inside());
        if (by_table_) {
            if (fits) std::memset(zeros_, 0, zeros * sizeof(word));
            for (size_t p = 0; fits && p < planes && geometry.pad_value != 0; ++p)
                for (size_t w = 0; w < tap_words_; ++w) zeros_[p * input.pixels.plane_stride + w] = pad_word(p, w);
            constexpr size_t most_taps = table_size / row_step;
            step_ = taps_ < most_taps ? (taps_ == 0 ? 1 : taps_) : most_taps;
            const size_t tiles = table_size / (step_ * row_step);
            wanted_ = (tiles < most_tiles ? tiles : most_tiles) * row_step;
        } else {
            // At least a tile of one word; as many pixels as leave room for a whole window.
            wanted_ = row_block;
            while (wanted_ > row_step && wanted_ * planes * blocks_ > scratch_words) wanted_ -= row_step;
            step_ = scratch_words / (wanted_ * planes);
            if (step_ > blocks_) step_ = blocks_;
        }
    }

    TERN_INLINE void start(const block_type& block, size_t group) noexcept {
        block_ = &block;
        group_ = group;
    }

    /// Taps (by table) or blocks of depth (gathered) that are walked through, `step_` at a time.
    [[nodiscard]] TERN_INLINE size_t extent() const noexcept { return by_table_ ? taps_ : blocks_; }
    /// Calls f(i, j, count) for every tap.
    template <class F>
    TERN_INLINE void for_each_tap(const F& f) const noexcept {
        size_t n = 0;
        for (size_t i = 0; i < geometry_.y.taps; ++i)
            for (size_t j = 0; j < geometry_.x.taps; ++j) f(i, j, n++);
    }

    /// Word `w` of plane p of a tap that holds the padding's value.
    [[nodiscard]] TERN_INLINE word pad_word(size_t p, size_t w) const noexcept {
        const bool set = geometry_.pad_value != 0 && (Lhs::encode(geometry_.pad_value) >> p & 1u) != 0;
        return set ? bits::low_mask(channels_ - w * word_bits) : word{0};
    }

    /// Makes the taps or blocks [from, from + length_) ready, as many as `step_` if there are.
    TERN_INLINE void read(size_t from) noexcept {
        read_from_ = from;
        length_ = extent() - from < step_ ? extent() - from : step_;
        if (by_table_)
            fill_table(from);
        else
            gather(from);
    }

    /// Where the taps [start, start + length_) are: steps from tap (0, 0), and in the filters.
    TERN_INLINE void set_taps(size_t start) noexcept {
        const ptrdiff_t row = geometry_.y.tap_move * geometry_.x.input;
        for (size_t n = 0; n < length_; ++n) {
            const size_t i = (start + n) / geometry_.x.taps;
            const size_t j = (start + n) % geometry_.x.taps;
            const ptrdiff_t pixel = static_cast<ptrdiff_t>(i) * row + static_cast<ptrdiff_t>(j) * geometry_.x.tap_move;
            offsets_[n] = static_cast<std::uintptr_t>(pixel) * pixel_bytes();
            rhs_blocks_[n] = geometry_.tap(i, j) * tap_words_;
        }
    }

    [[nodiscard]] TERN_INLINE std::uintptr_t pixel_bytes() const noexcept {
        return static_cast<std::uintptr_t>(input_.pixels.row_stride * sizeof(word));
    }

    /// Pointers to these taps, tile after tile, tap after tap, pixel after pixel. As numbers: a tap outside the image
    /// has no address.
    TERN_INLINE void fill_table(size_t start) noexcept {
        if (start != taps_from_) {
            taps_from_ = start;
            set_taps(start);
        }
        const size_t count = block_->count;
        const size_t length = length_;
        const std::uintptr_t bytes = pixel_bytes();
        const auto data = reinterpret_cast<std::uintptr_t>(input_.pixels.data) +
                          group_ * (channels_ / word_bits) * sizeof(word);
        for (size_t first = 0; first < count; first += row_step) {
            std::uintptr_t origin[row_step];
            const ptrdiff_t* const pixel = block_->pixel + first;
            const size_t last = count - first < row_step ? count - first - 1 : row_step - 1;
            bits::unroll<row_step>([&](auto r) TERN_INLINE_LAMBDA {
                origin[r] = data + static_cast<std::uintptr_t>(pixel[r < last ? size_t{r} : last]) * bytes;
            });
            const word** to = table_ + first * length;
            TERN_KEEP_ORDER
            for (size_t n = 0; n < length; ++n, to += row_step) {
                const std::uintptr_t offset = offsets_[n];
                bits::unroll<row_step>(
                    [&](auto r) TERN_INLINE_LAMBDA { to[r] = reinterpret_cast<const word*>(origin[r] + offset); });
            }
        }
        for (size_t b = 0; b < block_->borders; ++b) point_to_zeros(block_->border[b], start);
        for (size_t r = count; block_->borders != 0 && r % row_step != 0; ++r) point_to_zeros(r, start);
    }

    /// The taps of pixel r that lie outside; behind the last pixel, those of the last.
    TERN_INLINE void point_to_zeros(size_t r, size_t start) noexcept {
        const pixel_kind& kind = block_->kind_at(r < block_->count ? r : block_->count - 1);
        const word** const to = table_ + r / row_step * row_step * length_ + r % row_step;
        for_each_outside(kind, [&](size_t i, size_t j) TERN_INLINE_LAMBDA {
            const size_t n = i * geometry_.x.taps + j;
            if (n >= start && n - start < length_) to[(n - start) * row_step] = zeros_;
        });
    }

    /// Taps that a kind of pixels does not see.
    template <class F>
    TERN_INLINE void for_each_outside(const pixel_kind& kind, const F& f) const noexcept {
        for (size_t i = 0; i < geometry_.y.taps; ++i) {
            const bool any = kind.y.has(i);
            for (size_t j = 0; j < geometry_.x.taps; ++j) {
                if (any && j == kind.x.first) j = kind.x.last;
                if (j < geometry_.x.taps) f(i, j);
            }
        }
    }

    /// Blocks [from, from + length_) of the windows, plane by plane.
    void gather(size_t from) noexcept {
        const size_t row_words = length_ * planes;
        for (size_t r = 0; r < block_->count; ++r) {
            word* const to = scratch_ + r * row_words;
            if (dense_)
                gather_dense(r, to, from);
            else
                gather_blocks(r, to, from);
        }
        for (size_t r = 0; r < bits::ceil_div(block_->count, row_step) * row_step; ++r)
            table_[r] = scratch_ + (r < block_->count ? r : block_->count - 1) * row_words;
        rhs_blocks_[0] = from;
    }

    [[nodiscard]] TERN_INLINE const word* pixel_of(size_t r, size_t i, size_t j) const noexcept {
        const ptrdiff_t at = block_->pixel[r] +
                             static_cast<ptrdiff_t>(i) * geometry_.y.tap_move * geometry_.x.input +
                             static_cast<ptrdiff_t>(j) * geometry_.x.tap_move;
        return input_.pixels.row(static_cast<size_t>(at));
    }

    /// `count` <= 32 bits from bit `at` of a plane on.
    static TERN_INLINE word extract(const word* plane, size_t at, size_t count) noexcept {
        const size_t shift = at % word_bits;
        word x = plane[at / word_bits] >> shift;
        if (shift + count > word_bits) x |= plane[at / word_bits + 1] << (word_bits - shift);
        return x & bits::low_mask(count);
    }

    /// Taps of fewer than 32 channels share words. Such windows fit the scratch as a whole, since they have 16 words.
    void gather_dense(size_t r, word* to, size_t) const noexcept {
        const pixel_kind& kind = block_->kind_at(r);
        const size_t plane_stride = input_.pixels.plane_stride;
        word pad[planes];
        for (size_t p = 0; p < planes; ++p) pad[p] = pad_word(p, 0);
        window_writer<Arch, Lhs> window(to, blocks_);
        for (size_t i = 0; i < geometry_.y.taps; ++i)
            for (size_t j = 0; j < geometry_.x.taps; ++j) {
                const size_t at = geometry_.tap(i, j) * channels_;
                if (!kind.has(i, j)) {
                    if (geometry_.pad_value != 0) window.add(pad, 1, channels_, at);
                } else if (geometry_.groups == 1) {
                    window.add(pixel_of(r, i, j), plane_stride, channels_, at);
                } else {
                    word part[planes];
                    for (size_t p = 0; p < planes; ++p)
                        part[p] = extract(pixel_of(r, i, j) + p * plane_stride, group_ * channels_, channels_);
                    window.add(part, 1, channels_, at);
                }
            }
        window.finish();
    }

    void gather_blocks(size_t r, word* to, size_t from) const noexcept {
        const pixel_kind& kind = block_->kind_at(r);
        for (size_t p = 0; p < planes; ++p)
            for (size_t b = 0; b < length_; ++b) to[p * length_ + b] = 0;
        for_each_tap([&](size_t i, size_t j, size_t) TERN_INLINE_LAMBDA {
            const size_t first = geometry_.tap(i, j) * tap_words_;
            if (first >= from + length_ || first + tap_words_ <= from) return;
            const bool inside = kind.has(i, j);
            if (!inside && geometry_.pad_value == 0) return;
            const word* const pixel = inside ? pixel_of(r, i, j) : nullptr;
            for (size_t w = 0; w < tap_words_; ++w) {
                if (first + w < from || first + w >= from + length_) continue;
                const size_t left = channels_ - w * word_bits;
                for (size_t p = 0; p < planes; ++p)
                    to[p * length_ + first + w - from] =
                        inside ? extract(pixel + p * input_.pixels.plane_stride, group_ * channels_ + w * word_bits,
                                         left < word_bits ? left : word_bits)
                               : pad_word(p, w);
            }
        });
    }

    packed_tensor<Lhs> input_;
    conv_geometry geometry_;
    size_t channels_;  // of a group
    // Of the filters, read once, because they are not free to compute.
    size_t blocks_;
    size_t tap_words_;
    size_t taps_;  // walked through
    bool dense_;
    bool by_table_ = false;
    size_t wanted_ = 0;  // pixels of a block
    size_t step_ = 0;    // taps or blocks of depth of a pass
    // The block at work.
    const block_type* block_ = nullptr;
    size_t group_ = 0;
    size_t read_from_ = 0;
    size_t length_ = 0;
    const word* table_[table_size];
    size_t rhs_blocks_[table_size / row_step];

private:
    size_t taps_from_ = static_cast<size_t>(-1);  // that these and rhs_blocks_ are about
    std::uintptr_t offsets_[table_size / row_step];
    word zeros_[zero_words];
    word scratch_[scratch_words];
};

}  // namespace tern::kernel

#undef TERN_KEEP_ORDER
