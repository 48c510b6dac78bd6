// SPDX-License-Identifier: MIT
// Windows of bit planes times filters of bit planes, as driver.hpp wants them.
//
// Tiles of pixels run the register tile of the matrix product over what plane_reader.hpp makes ready. Zero bits in
// place of a tap outside the image are no contribution where activations have a mask; where they have none they are the
// lowest value, and what it adds, -w S_w of the tap, is taken out again.
#pragma once

#include <tern/kernel/conv/panel_sums.hpp>
#include <tern/kernel/conv/plane_reader.hpp>
#include <tern/kernel/conv/driver.hpp>
#include <tern/kernel/conv/tiling.hpp>

namespace tern::kernel {

/// Tiles that a block has at the most.
template <bool OneRow>
inline constexpr size_t conv_tiles = OneRow ? 4 : 8;

template <class Arch, class Lhs, class Rhs, bool OneRow>
class plane_windows : public plane_reader<Arch, Lhs, panel_group<Arch, Lhs, Rhs, OneRow>::rows, conv_tiles<OneRow>> {
    using group_of_panels = panel_group<Arch, Lhs, Rhs, OneRow>;
    using term = constant_term<Lhs, Rhs>;
    using reader = plane_reader<Arch, Lhs, group_of_panels::rows, conv_tiles<OneRow>>;
    static constexpr size_t depth_block = 192;  // blocks of depth that are worth keeping close

    using reader::block_, reader::blocks_, reader::by_table_, reader::channels_, reader::dense_, reader::geometry_;
    using reader::input_, reader::length_, reader::read_from_, reader::rhs_blocks_, reader::step_, reader::table_;
    using reader::extent, reader::for_each_outside, reader::for_each_tap, reader::read, reader::tap_words_, reader::taps_;

public:
    using arch = Arch;
    using reader::row_block, reader::row_step;
    using typename reader::block_type;
    static constexpr size_t panels = group_of_panels::panels;

    TERN_INLINE plane_windows(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters,
                              const conv_geometry& geometry) noexcept
        : reader(input, filters, geometry), filters_(filters), panel_stride_(filters.panel_stride()) {}

    void select(const block_type& block, size_t group, bool wants_sums) noexcept {
        this->start(block, group);
        const bool nothing = filters_.depth() == 0 || (by_table_ && taps_ == 0);
        std::uint32_t constant = 0;
        if constexpr (term::of_depth)
            constant = term::lhs_weights * term::rhs_weights *
                       static_cast<std::uint32_t>((by_table_ ? taps_ : filters_.taps) * channels_);
        const size_t rounded = bits::ceil_div(block.count, row_step) * row_step;
        for (size_t r = 0; r < rounded; ++r) constants_[r] = constant;
        if (nothing) return;
        read(0);
        if (wants_sums || term::of_row) {
            for (size_t r = 0; r < block.count; ++r) sums_[r] = 0;
            for (size_t from = 0; from < extent(); from += step_) {
                if (from != 0) read(from);
                add_sums(wants_sums);
            }
            if constexpr (!Lhs::has_mask)  // every tap's share of -1s
                for (size_t r = 0; r < block.count; ++r) {
                    const auto lowest = static_cast<std::int32_t>(term::lhs_weights * counted_taps(r) * channels_);
                    sums_[r] += Lhs::sign_bit == set_bit::plus ? -lowest : lowest;
                }
        }
    }

    /// Sum of the activations of a window.
    [[nodiscard]] TERN_INLINE std::int32_t window_sum(size_t r) const noexcept {
        return filters_.depth() == 0 || taps_ == 0 ? 0 : sums_[r];
    }

    void multiply(size_t panel, size_t count, std::int32_t* acc, size_t stride) noexcept {
        if (filters_.depth() == 0 || (by_table_ && taps_ == 0)) {
            for (size_t r = 0; r < block_->count; ++r) std::memset(acc + r * stride, 0, panels * panel_outputs * sizeof *acc);
            return;
        }
        std::uint32_t per_output[panels * panel_outputs];
        std::memset(per_output, 0, sizeof per_output);
        if constexpr (term::of_output)
            for (size_t p = 0; p < count; ++p) count_masks(panel + p, per_output + p * panel_outputs);
        const word* const weights = filters_.data + panel * panel_stride_;
        for (size_t from = 0; from < extent(); from += step_) {
            if (from != read_from_) read(from);
            // What is left of a pass is split into equal parts that are not too deep.
            const size_t words = by_table_ ? tap_words_ : 1;
            const size_t parts = by_table_ ? bits::ceil_div(length_ * words, depth_block) : 1;
            const size_t part = bits::ceil_div(length_, parts);
            for (size_t at = 0; at < length_; at += part) {
                const size_t taps = length_ - at < part ? length_ - at : part;
                stretches depth{nullptr, rhs_blocks_ + at, taps, tap_words_, input_.pixels.plane_stride};
                if (!by_table_) depth = {nullptr, rhs_blocks_, 1, length_, length_};
                for (size_t r = 0; r < block_->count; r += row_step) {
                    depth.lhs = by_table_ ? table_ + (r * length_ + at * row_step) : table_ + r;
                    group_of_panels::multiply(depth, weights, panel_stride_, count,
                                              {acc + r * stride, stride, from != 0 || at != 0, constants_ + r,
                                               per_output});
                }
                if (!by_table_) break;
            }
        }
        if constexpr (!Lhs::has_mask)
            if (geometry_.pad_value == 0 && (block_->kinds > 1 || (!by_table_ && taps_ != filters_.taps)))
                take_out(panel, count, acc, stride);
    }

    /// Sums of the weights of 16 outputs over the taps that a kind of pixels has.
    void weight_sums(size_t panel, const pixel_kind& kind, std::int32_t (&sums)[panel_outputs]) const noexcept {
        if (filters_.depth() == 0) return;
        for_each_tap([&](size_t i, size_t j, size_t) TERN_INLINE_LAMBDA {
            if (!kind.has(i, j) && geometry_.pad_value == 0) return;
            const word* from = sums_of(panel, geometry_.tap(i, j));
            for (size_t o = 0; o < panel_outputs; ++o) sums[o] += static_cast<std::int32_t>(from[o]);
        });
    }

private:
    [[nodiscard]] TERN_INLINE size_t counted_taps(size_t r) const noexcept {
        return geometry_.pad_value != 0 ? taps_ : block_->kind_at(r).taps();
    }

    /// As in packed_panels.
    [[nodiscard]] TERN_INLINE const word* sums_of(size_t panel, size_t tap) const noexcept {
        return filters_.data + panel * panel_stride_ + (blocks_ * size_t{Rhs::planes} + 2 * tap) * panel_outputs;
    }
    [[nodiscard]] TERN_INLINE const word* nonzeros_of(size_t panel, size_t tap) const noexcept {
        return sums_of(panel, tap) + panel_outputs;
    }

    /// Sums of the values (with no share for zero bits) and counts of the masks of what was read last.
    void add_sums(bool wants_sums) noexcept {
        const size_t stride = by_table_ ? input_.pixels.plane_stride : length_;
        const size_t words = by_table_ ? tap_words_ : length_;
        for (size_t r = 0; r < block_->count; ++r)
            for (size_t n = 0; n < (by_table_ ? length_ : 1); ++n) {
                const word* const x =
                    by_table_ ? table_[(r / row_step * length_ + n) * row_step + r % row_step] : table_[r];
                if (wants_sums) sums_[r] += value_sum<Lhs>(x, stride, words, 0);
                if constexpr (term::of_row)
                    constants_[r] +=
                        term::rhs_weights * static_cast<std::uint32_t>(mask_count<Lhs>(x, stride, words));
            }
    }

    /// For activations without a mask: the masks of the weights of all taps that are multiplied.
    TERN_INLINE void count_masks(size_t panel, std::uint32_t* counts) const noexcept {
        const auto add = [&](size_t tap) TERN_INLINE_LAMBDA {
            const word* from = term::masks_are_sums ? sums_of(panel, tap) : nonzeros_of(panel, tap);
            for (size_t o = 0; o < panel_outputs; ++o) counts[o] += term::lhs_weights * from[o];
        };
        if (by_table_)
            for_each_tap([&](size_t i, size_t j, size_t) TERN_INLINE_LAMBDA { add(geometry_.tap(i, j)); });
        else
            for (size_t tap = 0; tap < filters_.taps; ++tap) add(tap);
    }

    /// Zero bits that were multiplied in place of a tap are the lowest value -w (or the highest, w, where a set bit
    /// means minus): adds w S_w of those taps, which are the taps that a pixel does not see and, of gathered windows,
    /// also those that no pixel of this part sees.
    void take_out(size_t panel, size_t count, std::int32_t* acc, size_t stride) const noexcept {
        const bool all = !by_table_ && taps_ != filters_.taps;
        for (size_t p = 0; p < count; ++p) {
            std::int32_t outside[block_type::most_kinds][panel_outputs];
            for (size_t k = all ? 0 : 1; k < block_->kinds; ++k) {
                const pixel_kind& kind = block_->kind_of[k];
                panel_sums<Arch> sums;
                if (all) {
                    for (size_t tap = 0; tap < filters_.taps; ++tap) sums.add(sums_of(panel + p, tap));
                    for_each_tap([&](size_t i, size_t j, size_t) TERN_INLINE_LAMBDA {
                        if (kind.has(i, j)) sums.subtract(sums_of(panel + p, geometry_.tap(i, j)));
                    });
                } else {
                    for_each_outside(kind, [&](size_t i, size_t j) TERN_INLINE_LAMBDA {
                        sums.add(sums_of(panel + p, geometry_.tap(i, j)));
                    });
                }
                sums.store(outside[k]);
                for (size_t o = 0; term::lhs_weights != 1 && o < panel_outputs; ++o)
                    outside[k][o] *= static_cast<std::int32_t>(term::lhs_weights);
            }
            for (size_t b = 0; b < (all ? block_->count : block_->borders); ++b) {
                const size_t r = all ? b : block_->border[b];
                std::int32_t* const to = acc + r * stride + p * panel_outputs;
                const auto* const from = reinterpret_cast<const word*>(outside[block_->kind[r]]);
                panel_sums<Arch> sums;
                sums.add(reinterpret_cast<const word*>(to));
                if (Lhs::sign_bit == set_bit::plus)
                    sums.add(from);
                else
                    sums.subtract(from);
                sums.store(to);
            }
        }
    }

    packed_panels<Rhs> filters_;
    size_t panel_stride_;  // read once, because it is not free to compute
    std::uint32_t constants_[row_block];
    std::int32_t sums_[row_block];
};

/// Whole tiles of pixels, then the rest one by one where that is cheaper.
template <class Arch, class Lhs, class Rhs, class Sink>
TERN_INLINE void run_plane_conv(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters,
                                const conv_geometry& geometry, const conv_part& part, const Sink& sink) noexcept {
    using many = plane_windows<Arch, Lhs, Rhs, false>;
    using one = plane_windows<Arch, Lhs, Rhs, true>;
    const conv_filters shape(filters.outputs, filters.tap_depth, part.first_panel, part.last_panel);
    const size_t first = geometry.pixels_before(part.first_pixel);
    const size_t last = geometry.pixels_before(part.last_pixel);
    const size_t rest = (last - first) % many::row_step;
    const size_t split = many::row_step == 1 ? first : rest * 4 > many::row_step ? last : last - rest;
    if (split != first) run_conv<many>(input, filters, geometry, shape, first, split, sink);
    if (split != last) run_conv<one>(input, filters, geometry, shape, split, last, sink);
}

}  // namespace tern::kernel
