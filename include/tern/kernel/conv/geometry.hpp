// SPDX-License-Identifier: MIT
// Which taps of the kernel an output pixel sees, and where: one description for convolutions and transposed ones.
#pragma once

#include <tern/layout.hpp>
#include <tern/window.hpp>

namespace tern::kernel {

using std::ptrdiff_t;

/// Taps [first, last) of an axis.
struct tap_range {
    size_t first;
    size_t last;

    TERN_INLINE constexpr tap_range(size_t first_, size_t last_) noexcept : first(first_), last(last_) {}
    TERN_INLINE constexpr tap_range() noexcept : tap_range(0, 0) {}
    [[nodiscard]] TERN_INLINE constexpr size_t size() const noexcept { return last - first; }
    [[nodiscard]] TERN_INLINE constexpr bool has(size_t tap) const noexcept { return tap >= first && tap < last; }
    [[nodiscard]] TERN_INLINE constexpr bool operator==(const tap_range& o) const noexcept {
        return first == o.first && last == o.last;
    }
};

/// One axis. Step j of `outputs` is output position out_first + j * out_step; tap i of `taps` is kernel position
/// tap_first + i * tap_step. The two meet input position base + j * out_move + i * tap_move, if there is such a one.
struct conv_axis {
    size_t outputs = 0;
    size_t out_first = 0;
    size_t out_step = 1;
    size_t taps = 0;
    size_t tap_first = 0;
    size_t tap_step = 1;
    ptrdiff_t base = 0;
    ptrdiff_t out_move = 1;
    ptrdiff_t tap_move = 1;
    ptrdiff_t input = 0;
    size_t kernel = 0;       ///< taps there are
    size_t size = 0;         ///< outputs there are
    size_t inner_first = 0;  ///< steps [inner_first, inner_last) see all taps inside the input
    size_t inner_last = 0;

    TERN_INLINE constexpr conv_axis() noexcept {}

    [[nodiscard]] TERN_INLINE size_t tap(size_t i) const noexcept { return tap_first + i * tap_step; }
    [[nodiscard]] TERN_INLINE size_t output(size_t j) const noexcept { return out_first + j * out_step; }
    /// Steps whose output position is less than `at`, and whether there is one at it.
    [[nodiscard]] TERN_INLINE size_t steps_before(size_t at) const noexcept {
        return at <= out_first ? 0 : (at - out_first - 1) / out_step + 1;
    }
    [[nodiscard]] TERN_INLINE bool has_output(size_t at) const noexcept {
        return at >= out_first && (at - out_first) % out_step == 0;
    }
    [[nodiscard]] TERN_INLINE ptrdiff_t start(size_t j) const noexcept {
        return base + static_cast<ptrdiff_t>(j) * out_move;
    }
    [[nodiscard]] TERN_INLINE bool all_inside() const noexcept { return inner_first == 0 && inner_last == outputs; }

    /// Taps inside the input; always one stretch.
    [[nodiscard]] TERN_INLINE tap_range inside(size_t j) const noexcept {
        const ptrdiff_t at = start(j);
        size_t first = 0;
        size_t last = 0;
        if (tap_move == 1) {
            first = at >= 0 ? 0 : static_cast<size_t>(-at);
            last = at >= input ? 0 : static_cast<size_t>(input - at);
        } else if (tap_move > 0) {
            first = at >= 0 ? 0 : static_cast<size_t>((-at + tap_move - 1) / tap_move);
            last = at >= input ? 0 : static_cast<size_t>((input - at + tap_move - 1) / tap_move);
        } else {
            first = at < input ? 0 : static_cast<size_t>((at - input) / -tap_move + 1);
            last = at < 0 ? 0 : static_cast<size_t>(at / -tap_move + 1);
        }
        if (last > taps) last = taps;
        return first < last ? tap_range(first, last) : tap_range();
    }

    /// Steps that see all taps are neighbours: where an axis has them is searched once.
    TERN_INLINE void find_inner() noexcept {
        while (inner_first < outputs && inside(inner_first).size() != taps) ++inner_first;
        inner_last = inner_first;
        while (inner_last < outputs && inside(inner_last).size() == taps) ++inner_last;
    }

    /// `Isa` keeps copies for other instruction sets apart, since these two are no inline functions.
    template <class Isa = arch::scalar>
    [[nodiscard]] static conv_axis of(const window_axis& w, size_t input) noexcept {
        conv_axis a;
        a.size = a.outputs = w.outputs(input);
        a.kernel = a.taps = w.kernel;
        a.base = -static_cast<ptrdiff_t>(w.pad_before);
        a.out_move = static_cast<ptrdiff_t>(w.stride);
        a.tap_move = static_cast<ptrdiff_t>(w.dilation);
        a.input = static_cast<ptrdiff_t>(input);
        a.find_inner();
        return a;
    }

    /// One phase of a transposed convolution: the outputs phase, phase + stride, ... share their taps, and walk through
    /// the input step by step. Output o meets tap t at input (o + padding - t * dilation) / stride, if that is whole.
    template <class Isa = arch::scalar>
    [[nodiscard]] static conv_axis transposed(const window_axis& w, size_t input, size_t size, size_t phase) noexcept {
        size_t common = w.stride;  // greatest common divisor
        for (size_t rest = w.dilation; rest != 0;) {
            const size_t next = common % rest;
            common = rest;
            rest = next;
        }
        conv_axis a;
        a.size = size;
        a.kernel = w.kernel;
        a.input = static_cast<ptrdiff_t>(input);
        a.out_first = phase;
        a.out_step = w.stride;
        a.outputs = phase < size ? (size - phase - 1) / w.stride + 1 : 0;
        a.tap_step = w.stride / common;
        a.tap_move = -static_cast<ptrdiff_t>(w.dilation / common);
        const size_t at = phase + w.pad_before;
        while (a.tap_first < w.kernel && a.tap_first < a.tap_step &&
               a.tap_first * w.dilation % w.stride != at % w.stride)
            ++a.tap_first;
        if (a.tap_first < w.kernel && a.tap_first < a.tap_step) {
            a.taps = (w.kernel - a.tap_first - 1) / a.tap_step + 1;
            a.base = (static_cast<ptrdiff_t>(at) - static_cast<ptrdiff_t>(a.tap_first * w.dilation)) /
                     static_cast<ptrdiff_t>(w.stride);
        }
        a.find_inner();
        return a;
    }
};

/// All that positions say.
struct conv_geometry {
    conv_axis y;
    conv_axis x;
    size_t images = 0;
    size_t groups = 1;
    std::int32_t pad_value = 0;  ///< 0: a tap outside the image is no tap; else it holds this value

    TERN_INLINE constexpr conv_geometry() noexcept {}

    [[nodiscard]] TERN_INLINE size_t pixels() const noexcept { return images * y.outputs * x.outputs; }
    [[nodiscard]] TERN_INLINE size_t taps() const noexcept { return y.taps * x.taps; }
    /// Index of tap (i, j) in the filters.
    [[nodiscard]] TERN_INLINE size_t tap(size_t i, size_t j) const noexcept { return y.tap(i) * x.kernel + x.tap(j); }
    [[nodiscard]] TERN_INLINE bool all_inside() const noexcept { return y.all_inside() && x.all_inside(); }
    /// Output pixels come in the order of the destination's rows.
    [[nodiscard]] TERN_INLINE bool in_order() const noexcept {
        return y.outputs == y.size && x.outputs == x.size && y.out_step == 1 && x.out_step == 1;
    }
    /// Pixels of these that come before number `row` of all of the destination's.
    [[nodiscard]] TERN_INLINE size_t pixels_before(size_t row) const noexcept {
        if (in_order()) return row;
        const size_t lines = row / x.size;
        const size_t here = lines % y.size;
        const size_t before = lines / y.size * y.outputs + y.steps_before(here);
        return before * x.outputs + (y.has_output(here) ? x.steps_before(row % x.size) : 0);
    }
    [[nodiscard]] static TERN_INLINE conv_geometry of(const window2d& w, size_t images, size_t height,
                                                      size_t width) noexcept {
        conv_geometry g;
        g.y = conv_axis::of(w.y, height);
        g.x = conv_axis::of(w.x, width);
        g.images = images;
        g.groups = w.groups;
        g.pad_value = w.pad_value;
        return g;
    }
};

/// The taps inside the image of some output pixels.
struct pixel_kind {
    tap_range y;
    tap_range x;

    TERN_INLINE constexpr pixel_kind() noexcept {}
    TERN_INLINE constexpr pixel_kind(const tap_range& y_, const tap_range& x_) noexcept : y(y_), x(x_) {}
    [[nodiscard]] TERN_INLINE bool has(size_t i, size_t j) const noexcept { return y.has(i) && x.has(j); }
    [[nodiscard]] TERN_INLINE size_t taps() const noexcept { return y.size() * x.size(); }
    [[nodiscard]] TERN_INLINE bool operator==(const pixel_kind& o) const noexcept { return y == o.y && x == o.x; }
};

}  // namespace tern::kernel
