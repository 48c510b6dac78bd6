// SPDX-License-Identifier: MIT
// Windows of bytes times filters of any product of bytes (kernel/bytes), as driver.hpp wants them.
//
// The windows of some pixels are copied side by side, a row of the kernel at a time where its taps are neighbours in
// memory, and run as rows of a matrix product. Unsigned bytes u become the signed u - 128 on the way, and padding
// becomes the zero point z (less 128), so that
//     sum over the taps inside of (x - z) w = sum over all taps of x w - z S_w
#pragma once

#include <tern/kernel/bytes/bits.hpp>
#include <tern/kernel/bytes/matrix_product.hpp>
#include <tern/kernel/bytes/trits.hpp>
#include <tern/kernel/conv/driver.hpp>
#include <tern/kernel/conv/panel_sums.hpp>

namespace tern::kernel {

/// NHWC bytes, of either sign.
struct byte_image {
    const std::uint8_t* data;
    size_t height;
    size_t width;
    size_t channels;
    size_t pixel_stride;
    bool is_signed;
    std::int32_t zero_point;  ///< as a signed byte

    TERN_INLINE constexpr byte_image(const std::uint8_t* data_, size_t height_, size_t width_, size_t channels_,
                                     size_t pixel_stride_, bool is_signed_, std::int32_t zero_point_) noexcept
        : data(data_),
          height(height_),
          width(width_),
          channels(channels_),
          pixel_stride(pixel_stride_),
          is_signed(is_signed_),
          zero_point(zero_point_) {}
};

/// Sums of a panel's weights over the taps of a kind of pixels, one by one.
template <class Filters>
TERN_INLINE void add_tap_weights(const Filters& filters, const conv_geometry& geometry, size_t channels, size_t panel,
                                 const pixel_kind& kind, std::int32_t (&sums)[panel_outputs]) noexcept {
    const size_t lanes = lanes_of(filters.outputs, panel);
    for (size_t i = kind.y.first; i < kind.y.last; ++i)
        for (size_t j = kind.x.first; j < kind.x.last; ++j) {
            const size_t at = geometry.tap(i, j) * channels;
            for (size_t o = 0; o < lanes; ++o)
                for (size_t c = 0; c < channels; ++c) sums[o] += filters.value(panel * panel_outputs + o, at + c);
        }
}

/// Registers of 16 bytes that copies go through, where there are such.
TERN_INLINE constexpr simd::scalar_lanes copy_lanes(arch::scalar) noexcept { return {}; }
#if TERN_HAS_SSE4
TERN_INLINE constexpr simd::sse4_lanes copy_lanes(arch::sse4) noexcept { return {}; }
#endif

/// `Product` of a matrix of bytes and `Filters`.
template <class Product, class Filters>
class byte_windows {
    /// Bytes of gathered windows.
    static constexpr size_t scratch_bytes = arch::is_small<typename Product::arch> ? 2048 : 65536;

public:
    using arch = typename Product::arch;
    static constexpr size_t row_step = Product::row_step;
    static constexpr size_t row_block = Product::row_block;
    static constexpr size_t panels = Product::panels;
    using block_type = pixel_block<arch, row_block>;

    TERN_INLINE byte_windows(const byte_image& input, const Filters& filters, const conv_geometry& geometry) noexcept
        : input_(input),
          filters_(filters),
          geometry_(geometry),
          channels_(input.channels / geometry.groups),
          depth_(geometry.y.kernel * geometry.x.kernel * channels_),
          rounded_(bits::ceil_div(depth_, depth_tile(filters)) * depth_tile(filters)),
          stride_((rounded_ + 7) / 8 * 8),
          wanted_(row_block),
          step_(stride_),
          flip_(input.is_signed ? 0 : 0x8080808080808080u),
          together_(geometry.groups == 1 && input.pixel_stride == channels_ && geometry.x.tap_move == 1 &&
                    geometry.x.tap_step == 1 && geometry.y.tap_step == 1 && geometry.y.tap_move > 0),
          line_bytes_(static_cast<size_t>(geometry.y.tap_move) * input.width * input.pixel_stride),
          product_({scratch_, row_block, rounded_, stride_}, filters_) {
        while (wanted_ > row_step && wanted_ * stride_ > scratch_bytes) wanted_ -= row_step;
        if (wanted_ * stride_ > scratch_bytes) step_ = scratch_bytes / wanted_ / 128 * 128;  // not even a tile fits
    }

    [[nodiscard]] TERN_INLINE size_t wanted() const noexcept { return wanted_; }

    void select(const block_type& block, size_t group, bool) noexcept {
        block_ = &block;
        group_ = group;
        for (size_t r = 0; r < block.count; ++r) sums_[r] = 0;
        for_each_pass([&](Product& product, size_t) TERN_INLINE_LAMBDA {
            for (size_t r = 0; r < block.count; ++r) sums_[r] += static_cast<std::uint32_t>(product.row_sum(r));
        });
        const auto zeros = static_cast<std::uint32_t>(input_.zero_point) * static_cast<std::uint32_t>(depth_);
        for (size_t r = 0; r < block.count; ++r) sums_[r] -= zeros;
    }

    [[nodiscard]] TERN_INLINE std::int32_t window_sum(size_t r) const noexcept {
        return static_cast<std::int32_t>(sums_[r]);
    }

    void multiply(size_t panel, size_t count, std::int32_t* acc, size_t stride) noexcept {
        if (depth_ == 0) {
            for (size_t r = 0; r < block_->count; ++r) std::memset(acc + r * stride, 0, panels * panel_outputs * sizeof *acc);
            return;
        }
        if (rounded_ <= step_)
            product_.multiply(panel, count, acc, stride);
        else
            for_each_pass([&](Product& product, size_t from) TERN_INLINE_LAMBDA {
                std::int32_t more[row_block * panels * panel_outputs];
                product.multiply(panel, count, more, panels * panel_outputs);
                for (size_t r = 0; r < block_->count; ++r)
                    for (size_t p = 0; p < count; ++p) {
                        std::int32_t* const to = acc + r * stride + p * panel_outputs;
                        if (from == 0) std::memset(to, 0, panel_outputs * sizeof *to);
                        add(to, more + (r * panels + p) * panel_outputs);
                    }
            });
        if (input_.zero_point == 0) return;
        for (size_t p = 0; p < count; ++p) {
            std::int32_t shares[panel_outputs];
            product_.weight_sums(panel + p, shares);
            for (size_t o = 0; o < panel_outputs; ++o)
                shares[o] = static_cast<std::int32_t>(0u - static_cast<std::uint32_t>(shares[o]) *
                                                               static_cast<std::uint32_t>(input_.zero_point));
            for (size_t r = 0; r < block_->count; ++r) add(acc + r * stride + p * panel_outputs, shares);
        }
    }

    /// Those of all taps are stored with the filters; the others are added up one by one.
    void weight_sums(size_t panel, const pixel_kind& kind, std::int32_t (&sums)[panel_outputs]) const noexcept {
        if (depth_ == 0) return;
        if (kind.taps() == geometry_.y.kernel * geometry_.x.kernel) return product_.weight_sums(panel, sums);
        add_tap_weights(filters_, geometry_, channels_, panel, kind, sums);
    }

private:
    static TERN_INLINE void add(std::int32_t* to, const std::int32_t* more) noexcept {
        panel_sums<arch> sums;
        sums.add(reinterpret_cast<const word*>(to));
        sums.add(reinterpret_cast<const word*>(more));
        sums.store(to);
    }

    /// Gathers the windows and calls f(product, from) with their rows selected; windows too long for the scratch in
    /// passes over the positions [from, from + step_).
    template <class F>
    void for_each_pass(const F& f) noexcept {
        if (rounded_ <= step_) {
            // Up to a whole tile of depth, where filters hold zeros, there are zeros: no tile is cut.
            if (together_)
                gather_lines();
            else
                for (size_t r = 0; r < block_->count; ++r) {
                    std::int8_t* const to = scratch_ + r * step_;
                    gather(r, to, 0, depth_);
                    for (size_t i = depth_; i < rounded_; ++i) to[i] = 0;
                }
            product_.select(0, block_->count, 0, rounded_);
            return f(product_, 0);
        }
        for (size_t from = 0; from < depth_; from += step_) {
            const size_t last = depth_ - from < step_ ? depth_ : from + step_;
            for (size_t r = 0; r < block_->count; ++r) gather(r, scratch_ + r * step_, from, last);
            // The product counts positions from the windows' start, wherever that would be.
            const auto* const start =
                reinterpret_cast<const std::int8_t*>(reinterpret_cast<std::uintptr_t>(scratch_) - from);
            Product product({start, block_->count, depth_, step_}, filters_);
            product.select(0, block_->count, from, last);
            f(product, from);
        }
    }

    static TERN_INLINE constexpr size_t depth_tile(const packed_codes&) noexcept { return packed_codes::tile_depth; }
    static TERN_INLINE constexpr size_t depth_tile(const packed_trits&) noexcept { return packed_trits::tile_depth; }
    static TERN_INLINE constexpr size_t depth_tile(const packed_panels<binary>&) noexcept { return word_bits; }

    /// Signed bytes of bytes. Sixteen or eight at a time; the last of them may overlap those before.
    static TERN_INLINE void copy(std::int8_t* to, const std::uint8_t* from, size_t count, std::uint64_t flip) noexcept {
        using lanes = decltype(copy_lanes(arch{}));
        constexpr size_t wide = lanes::width * sizeof(word);
        if constexpr (wide == 16)
            if (count >= wide) {
                const auto flips = lanes::broadcast(static_cast<word>(flip));
                const auto move = [&](size_t i) TERN_INLINE_LAMBDA {
                    lanes::store(reinterpret_cast<std::int32_t*>(to + i),
                                 lanes::xor_(lanes::load(reinterpret_cast<const word*>(from + i)), flips));
                };
                move(0);
                TERN_KEEP_LOOP
                for (size_t i = wide; i + wide < count; i += wide) move(i);
                return move(count - wide);
            }
        if (count >= 8) {
            TERN_KEEP_LOOP
            for (size_t i = 0; i + 8 < count; i += 8) bits::store(to + i, bits::load<std::uint64_t>(from + i) ^ flip);
            bits::store(to + count - 8, bits::load<std::uint64_t>(from + count - 8) ^ flip);
        } else {
            TERN_KEEP_LOOP
            for (size_t i = 0; i < count; ++i) to[i] = static_cast<std::int8_t>(from[i] ^ (flip & 0xff));
        }
    }

    [[nodiscard]] TERN_INLINE const std::uint8_t* pixel_of(size_t r, size_t i, size_t j) const noexcept {
        const ptrdiff_t pixel = block_->pixel[r] +
                                static_cast<ptrdiff_t>(i) * geometry_.y.tap_move * geometry_.x.input +
                                static_cast<ptrdiff_t>(j) * geometry_.x.tap_move;
        return input_.data + static_cast<size_t>(pixel) * input_.pixel_stride + group_ * channels_;
    }

    TERN_INLINE void pad(const pixel_kind& kind, std::int8_t* to, size_t count) const noexcept {
        if (kind.taps() != geometry_.y.kernel * geometry_.x.kernel) std::memset(to, input_.zero_point, count);
    }

    /// Whole windows, where taps of a line that are neighbours in memory and in the window are one copy. What the loops
    /// need is copied first: bytes that are written could be any member.
    TERN_INLINE void gather_lines() noexcept {
        const block_type& block = *block_;
        const std::uint64_t flip = flip_;
        const size_t behind_line = line_bytes_;
        const size_t pixel_bytes = input_.pixel_stride;
        const size_t step = step_;
        const size_t line = geometry_.x.kernel * channels_;
        const size_t lines = geometry_.y.kernel;
        const size_t zeros = rounded_ - depth_;
        const std::uint8_t* const data = input_.data;
        std::int8_t* to = scratch_;
        for (size_t r = 0; r < block.count; ++r, to += step) {
            for (size_t i = 0; i < zeros; ++i) to[lines * line + i] = 0;
            if (block.kind[r] != 0) {
                gather_border(r, to);
                continue;
            }
            const std::uint8_t* from = data + static_cast<size_t>(block.pixel[r]) * pixel_bytes;
            std::int8_t* at = to;
            TERN_KEEP_LOOP
            for (size_t i = 0; i < lines; ++i, from += behind_line, at += line) copy(at, from, line, flip);
        }
    }

    /// The same for a window that the image's border cuts.
    void gather_border(size_t r, std::int8_t* to) const noexcept {
        const pixel_kind& kind = block_->kind_at(r);
        pad(kind, to, depth_);
        for (size_t i = kind.y.first; i < kind.y.last && kind.x.size() != 0; ++i)
            copy(to + geometry_.tap(i, kind.x.first) * channels_, pixel_of(r, i, kind.x.first),
                 kind.x.size() * channels_, flip_);
    }

    /// Positions [from, last) of a window, tap by tap.
    TERN_INLINE void gather(size_t r, std::int8_t* to, size_t from, size_t last) const noexcept {
        const pixel_kind& kind = block_->kind_at(r);
        pad(kind, to, last - from);
        for (size_t i = kind.y.first; i < kind.y.last; ++i)
            for (size_t j = kind.x.first; j < kind.x.last; ++j) {
                size_t at = geometry_.tap(i, j) * channels_;
                const size_t behind = at + channels_ < last ? at + channels_ : last;
                const size_t skipped = at < from ? from - at : 0;
                at += skipped;
                if (at < behind) copy(to + (at - from), pixel_of(r, i, j) + skipped, behind - at, flip_);
            }
    }

    byte_image input_;
    Filters filters_;
    conv_geometry geometry_;
    size_t channels_;  // of a group
    size_t depth_;
    size_t rounded_;  // depth in whole tiles of the filters
    size_t stride_;
    size_t wanted_;
    size_t step_;      // positions of a pass, and from a gathered row to the next
    const block_type* block_ = nullptr;
    size_t group_ = 0;
    std::uint64_t flip_;
    bool together_;
    size_t line_bytes_;
    std::uint32_t sums_[row_block];
    alignas(64) std::int8_t scratch_[scratch_bytes];
    Product product_;
};

}  // namespace tern::kernel
