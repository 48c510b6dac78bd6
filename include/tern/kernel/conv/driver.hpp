// SPDX-License-Identifier: MIT
// The loop nest of every convolution: blocks of output pixels outside, panels of outputs inside, accumulators handed to
// a sink. What multiplies is a kind of *windows*, one class a kind of operands:
//
//   arch                               the architecture tag
//   row_block, row_step, panels        as of a product (kernel/gemm/driver.hpp)
//   block_type                         pixel_block<arch, row_block>, or strip_block
//   wanted()                           pixels that are worth a block, at most row_block
//   select(block, group, wants_sums)   the pixels and the group of channels that what follows is about
//   window_sum(r)                      sum of the activations of window r over its taps, if sums were wanted
//   multiply(panel, count, acc, stride)  acc[r * stride + o] = window r times output o of the panels [panel, panel +
//                                      count), with whatever may be written behind the last row and output
//   store(sink, panel, count)          strips only: does all that multiply and the sink would do, or answers false
//   weight_sums(panel, kind, sums)     sums of a panel's 16 weight vectors over the taps of a kind of pixels
//
// A panel whose outputs belong to several groups is multiplied once for each of them, and every group keeps its own.
#pragma once

#include <tern/kernel/conv/blocks.hpp>
#include <tern/kernel/gemm/sink.hpp>

namespace tern::kernel {

/// Outputs, groups and depth: what the driver needs to know of the filters.
struct conv_filters {
    size_t outputs;
    size_t channels;  ///< of a group
    size_t first_panel;
    size_t last_panel;

    TERN_INLINE constexpr conv_filters(size_t outputs_, size_t channels_, size_t first_panel_,
                                       size_t last_panel_) noexcept
        : outputs(outputs_), channels(channels_), first_panel(first_panel_), last_panel(last_panel_) {}
};

template <class Windows, class Sink>
class conv_driver {
    using arch = typename Windows::arch;
    static constexpr size_t row_block = Windows::row_block;
    /// That are multiplied before any of them is stored: two where windows take one, and the sink wants pairs.
    static constexpr size_t panels = Sink::pairs && Windows::panels == 1 ? 2 : Windows::panels;
    static constexpr size_t stride = panels * panel_outputs;
    static constexpr size_t none = static_cast<size_t>(-1);
    static constexpr bool in_strips = Windows::block_type::in_strips;

    Windows& windows_;
    const conv_geometry& geometry_;
    Sink sink_;
    conv_filters filters_;
    size_t group_outputs_;
    bool wants_sums_ = false;
    bool wants_weight_sums_ = false;
    bool ordered_;
    size_t group_ = none;  // selected
    typename Windows::block_type block_;
    alignas(64) std::int32_t acc_[row_block * stride];
    simd::row_terms terms_[Sink::real ? row_block : 1];

public:
    TERN_INLINE conv_driver(Windows& windows, const conv_geometry& geometry, const conv_filters& filters,
                            const Sink& sink) noexcept
        : windows_(windows),
          geometry_(geometry),
          sink_(sink),
          filters_(filters),
          group_outputs_(filters.outputs / geometry.groups),
          ordered_(!in_strips && geometry.in_order()) {
        if constexpr (in_strips) block_.has_kinds = Sink::real;
        if constexpr (Sink::real) {
            wants_sums_ = sink.epilogue.weights.offset.data != nullptr;
            wants_weight_sums_ = sink.epilogue.activations.offset.data != nullptr;
        }
    }

    /// Output pixels [first, last); strips of an image: the lines that begin there.
    TERN_INLINE void run(size_t first, size_t last) noexcept {
        block_.begin(geometry_, first, last);
        for (; block_.next(geometry_, windows_.wanted()); first += block_.count) {
            group_ = none;
            for (size_t r = 0; ordered_ && r < block_.count; ++r) block_.row[r] = first + r;
            for (size_t panel = filters_.first_panel; panel < filters_.last_panel; panel += panels) {
                const size_t left = filters_.last_panel - panel;
                run_panels(panel, left < panels ? left : panels);
            }
        }
    }

private:
    [[nodiscard]] TERN_INLINE size_t group_of(size_t output) const noexcept {
        return geometry_.groups == 1 ? 0 : output / group_outputs_;
    }

    void select(size_t group) noexcept {
        if (group == group_) return;
        group_ = group;
        windows_.select(block_, group, wants_sums_);
        if constexpr (Sink::real)
            for (size_t r = 0; r < block_.count; ++r) {
                const size_t taps = geometry_.pad_value != 0 ? geometry_.taps() : block_.kind_at(r).taps();
                terms_[r] = sink_.row_terms(block_.row[r] / (geometry_.y.size * geometry_.x.size), wants_sums_ ? windows_.window_sum(r) : 0,
                                            static_cast<std::int32_t>(taps * filters_.channels));
            }
    }

    TERN_INLINE void multiply(size_t panel, size_t count, std::int32_t* to, size_t to_stride) noexcept {
        if constexpr (panels == Windows::panels)
            windows_.multiply(panel, count, to, to_stride);
        else
            for (size_t p = 0; p < count; ++p) windows_.multiply(panel + p, 1, to + p * panel_outputs, to_stride);
    }

    TERN_INLINE void run_panels(size_t panel, size_t count) noexcept {
        const size_t first = panel * panel_outputs;
        const size_t behind = first + count * panel_outputs;
        const size_t last = (behind < filters_.outputs ? behind : filters_.outputs) - 1;
        if (group_of(first) != group_of(last)) return run_groups(panel, count, group_of(first), group_of(last));
        select(group_of(first));
        if constexpr (in_strips)
            if (windows_.store(sink_, panel, count)) return;
        std::int32_t* to = acc_;
        size_t to_stride = stride;
        if constexpr (Sink::direct) {  // straight to the destination, where all that is written exists
            if ((ordered_ || in_strips) && count == panels && behind <= filters_.outputs &&
                block_.count % Windows::row_step == 0) {
                to = sink_.dst.row(block_.row[0]) + first;
                to_stride = sink_.dst.stride;
            }
        }
        multiply(panel, count, to, to_stride);
        if (to != acc_) return;
        size_t p = 0;
        if constexpr (Sink::pairs)
            for (; panel % 2 == 0 && p + 1 < count; p += 2)
                store_panel_pair<arch>(sink_, panel + p, acc_ + p * panel_outputs, stride, block_.count, block_.row);
        for (; p < count; ++p) store(panel + p, acc_ + p * panel_outputs);
    }

    /// Calls f(first, last, sums) for stretches of pixels whose outputs have the same sums of weights.
    template <class F>
    TERN_INLINE void for_each_run(size_t panel, const F& f) const noexcept {
        for (size_t r = 0, end = 0; r < block_.count; r = end) {
            std::int32_t sums[panel_outputs] = {};
            end = block_.count;
            if (wants_weight_sums_) {
                end = block_.end_of_run(r);
                windows_.weight_sums(panel, block_.kind_at(r), sums);
            }
            f(r, end, sums);
        }
    }

    TERN_INLINE void store(size_t panel, const std::int32_t* acc) const noexcept {
        for_each_run(panel, [&](size_t first, size_t last, const std::int32_t* sums) TERN_INLINE_LAMBDA {
            store_panel<arch>(sink_, panel, acc + first * stride, stride, last - first, block_.row + first,
                              terms_ + (Sink::real ? first : 0), sums);
        });
    }

    /// Panels with outputs of several groups. Real numbers go through totals in double, as those of groups of depth do.
    TERN_INLINE void run_groups(size_t panel, size_t count, size_t first_group, size_t last_group) noexcept {
        std::int32_t all[Sink::real ? 1 : row_block * stride];
        double total[Sink::real ? row_block * stride : 1];
        double part[Sink::real ? row_block * stride : 1];
        for (size_t group = first_group; group <= last_group; ++group) {
            select(group);
            multiply(panel, count, acc_, stride);
            for (double& x : part) x = 0.0;
            for (size_t p = 0; p < count; ++p) {
                const size_t output = (panel + p) * panel_outputs;
                const size_t begin = group * group_outputs_;
                const size_t end = begin + group_outputs_;
                const size_t from = begin > output ? begin - output : 0;
                const size_t to = end < output + panel_outputs ? (end > output ? end - output : 0) : panel_outputs;
                if (from >= to) continue;
                const size_t at = p * panel_outputs;
                if constexpr (Sink::real)
                    for_each_run(panel + p, [&](size_t first, size_t last, const std::int32_t* sums) TERN_INLINE_LAMBDA {
                        add_group<arch>(sink_, panel + p, 0, acc_ + first * stride + at, stride, last - first,
                                        terms_ + first, sums, part + first * stride + at);
                    });
                for (size_t r = 0; r < block_.count; ++r)
                    for (size_t o = r * stride + at + from; o < r * stride + at + to; ++o) {
                        if constexpr (Sink::real)
                            total[o] = part[o];
                        else
                            all[o] = acc_[o];
                    }
            }
        }
        for (size_t p = 0; p < count; ++p) {
            if constexpr (Sink::real)
                store_groups<arch>(sink_, panel + p, total + p * panel_outputs, stride, block_.count, block_.row);
            else
                store(panel + p, all + p * panel_outputs);
        }
    }
};

/// The loop nest as one function a (windows, sink): its symbol carries the architecture tag.
template <class Windows, class Sink, class Input, class Filters>
void run_conv(const Input& input, const Filters& filters, const conv_geometry& geometry, const conv_filters& shape,
              size_t first, size_t last, const Sink& sink) noexcept {
    Windows windows(input, filters, geometry);
    conv_driver<Windows, Sink>(windows, geometry, shape, sink).run(first, last);
}

}  // namespace tern::kernel
