// SPDX-License-Identifier: MIT
// How long it takes, in clock cycles. Rounded up everywhere: ragged shapes cost what they cost.
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/pe/array.hpp>
#include <tern/simd/bits.hpp>
#include <tern/window.hpp>

namespace tern::pe {
inline namespace TERN_ISA_NAMESPACE {

/// Depth positions that an element takes a clock; bit-serial ones take a plane of as many as they have lanes.
[[nodiscard]] constexpr size_t slice_depth(const array& a) noexcept {
    return a.flow == dataflow::bit_serial ? a.element.lanes : step_depth(a.element);
}
/// Passes over the operands: one for each pair of planes of a bit-serial array.
[[nodiscard]] constexpr std::uint64_t passes(const array& a) noexcept {
    return a.flow == dataflow::bit_serial ? static_cast<std::uint64_t>(a.serial_x_bits * a.serial_w_bits) : 1;
}

/// How often an array turns: over the outputs, over slices of the depth (of every pass), over the vectors.
struct folding {
    std::uint64_t outputs = 0;
    std::uint64_t depth = 0;
    std::uint64_t vectors = 0;
};

[[nodiscard]] constexpr folding fold(const array& a, const workload& w) noexcept {
    if (a.flow == dataflow::weight_stationary)
        return {bits::ceil_div(w.outputs, a.columns), bits::ceil_div(w.depth, a.rows * slice_depth(a)), w.vectors};
    return {bits::ceil_div(w.outputs, a.rows), passes(a) * bits::ceil_div(w.depth, slice_depth(a)),
            bits::ceil_div(w.vectors, a.columns)};
}

/// Cycles from start to done, with the turns of `fold`:
///
///     folded             vectors * outputs * depth + 1, equal to the Verilog that verilog_array.hpp writes; the 1 is
///                        the output register
///     output_stationary  (2 rows + columns + depth - 2) * outputs * vectors, fill and drain included (SCALE-Sim's
///                        formula)
///     weight_stationary  (rows to load + all vectors + rows + columns - 2) * depth * outputs
///     bit_serial         depth * outputs * vectors + 1
/// Requires `check(a)`; zero work takes no time.
[[nodiscard]] constexpr std::uint64_t cycles(const array& a, const workload& w) noexcept {
    if (w.outputs == 0 || w.depth == 0 || w.vectors == 0) return 0;
    const std::uint64_t edges = 2 * std::uint64_t{a.rows} + a.columns - 2;
    const folding f = fold(a, w);
    switch (a.flow) {
        case dataflow::folded:
        case dataflow::bit_serial: return f.vectors * f.outputs * f.depth + 1;
        case dataflow::output_stationary: return (edges + f.depth) * f.outputs * f.vectors;
        case dataflow::weight_stationary: return (edges + f.vectors) * f.depth * f.outputs;
    }
    return 0;
}

/// Products done for each that the array could have done in this time.
[[nodiscard]] constexpr double utilisation(const array& a, std::uint64_t macs, std::uint64_t clocks) noexcept {
    const double most =
        static_cast<double>(clocks) * static_cast<double>(a.elements()) * static_cast<double>(slice_depth(a));
    return most > 0.0 ? static_cast<double>(macs) * static_cast<double>(passes(a)) / most : 0.0;
}
[[nodiscard]] constexpr double utilisation(const array& a, const workload& w) noexcept {
    return utilisation(a, w.macs(), cycles(a, w));
}

/// What a layer convolves. A fully connected layer is a 1 x 1 image under a 1 x 1 window.
struct layer {
    const char* name = "";
    size_t height = 1;
    size_t width = 1;
    size_t channels = 0;
    size_t outputs = 0;
    window2d window{};
    int out_bits = 2;  ///< of an activation behind the thresholds; 32: accumulators as they are, no thresholds
};

[[nodiscard]] constexpr layer conv_layer(const char* name, size_t extent, size_t channels, size_t outputs,
                                         size_t kernel, size_t stride, size_t padding) noexcept {
    return {name, extent, extent, channels, outputs, square_window(kernel, stride, padding)};
}
[[nodiscard]] constexpr layer dense_layer(const char* name, size_t depth, size_t outputs) noexcept {
    return {name, 1, 1, depth, outputs, square_window(1), 32};
}

[[nodiscard]] constexpr verdict check(const layer& l) noexcept {
    const status s = check(l.window, l.height, l.width);
    if (s != status::ok) return {s, reason::window};
    if (l.channels == 0 || l.outputs == 0) return {status::bad_shape, reason::no_shape};
    if (l.window.y.outputs(l.height) == 0 || l.window.x.outputs(l.width) == 0)
        return {status::bad_shape, reason::window};
    return {};
}

/// One vector an output pixel, depth = kernel * kernel * channels. Requires `check(l)`.
[[nodiscard]] constexpr workload work(const layer& l) noexcept {
    return {l.outputs, l.window.y.kernel * l.window.x.kernel * l.channels,
            l.window.y.outputs(l.height) * l.window.x.outputs(l.width)};
}

/// Cycles before a window generator can show its first window: all rows of the window but the last and the last one's
/// pixels, as far as they lie inside the image, at one pixel of all channels in ceil(channels / step) cycles.
[[nodiscard]] constexpr std::uint64_t window_fill(const array& a, const layer& l) noexcept {
    const auto inside = [](const window_axis& w, size_t extent) {
        const size_t reach = (w.kernel - 1) * w.dilation + 1;
        const size_t needed = reach > w.pad_before ? reach - w.pad_before : 1;
        return needed < extent ? needed : extent;
    };
    const std::uint64_t pixels =
        std::uint64_t{inside(l.window.y, l.height) - 1} * l.width + inside(l.window.x, l.width) - 1;
    return pixels * bits::ceil_div(l.channels, slice_depth(a));
}

/// A layer from its first pixel: window generator filled, then all vectors, but never less than its pixels take to
/// arrive.
[[nodiscard]] constexpr std::uint64_t cycles(const array& a, const layer& l) noexcept {
    const std::uint64_t arrival = std::uint64_t{l.height} * l.width * bits::ceil_div(l.channels, slice_depth(a));
    const std::uint64_t product = cycles(a, work(l)) + window_fill(a, l);
    return product > arrival ? product : arrival;
}

/// Layers after each other on one array: the sum. Layers beside each other, each on an array of its own: a result
/// every `interval` cycles, the slowest layer's.
struct schedule {
    std::uint64_t latency = 0;
    std::uint64_t interval = 0;

    constexpr void time_multiplexed(std::uint64_t more) noexcept {
        latency += more;
        interval += more;
    }
    constexpr void pipelined(std::uint64_t more) noexcept {
        latency += more;
        interval = more > interval ? more : interval;
    }
};

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
