// SPDX-License-Identifier: MIT
// Arrays of processing elements, and the matrix products that they are given.
//
//     folded             `rows` elements beside each other, `lanes` wide: FINN's MVAU. Element p takes the outputs p,
//                        p + rows, ...; all of them see the same slice of the activations.
//     output_stationary  rows x columns elements, weights from the left (a row is an output), activations from above (a
//                        column is a vector), accumulators at rest
//     weight_stationary  rows x columns elements, weights at rest (a column is an output), activations from the left,
//                        sums moving down through `rows` elements
//     bit_serial         rows x columns binary dot products of `lanes` bits, w_bits * x_bits passes: BISMO
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/pe/unit.hpp>

namespace tern::pe {
inline namespace TERN_ISA_NAMESPACE {

enum class dataflow : unsigned char { folded, output_stationary, weight_stationary, bit_serial };

[[nodiscard]] constexpr const char* to_string(dataflow d) noexcept {
    switch (d) {
        case dataflow::folded: return "folded";
        case dataflow::output_stationary: return "output_stationary";
        case dataflow::weight_stationary: return "weight_stationary";
        case dataflow::bit_serial: return "bit_serial";
    }
    return "unknown";
}

struct array {
    unit element;
    size_t rows = 1;
    size_t columns = 1;  ///< 1 for folded
    dataflow flow = dataflow::folded;
    double mhz = 200.0;
    int serial_x_bits = 2;  ///< planes of the operands of bit_serial, two's complement
    int serial_w_bits = 2;

    [[nodiscard]] constexpr size_t elements() const noexcept { return rows * columns; }
};

/// A product of `outputs` x `depth` weights with `vectors` vectors of activations.
struct workload {
    size_t outputs = 0;
    size_t depth = 0;
    size_t vectors = 1;

    [[nodiscard]] constexpr std::uint64_t macs() const noexcept { return std::uint64_t{outputs} * depth * vectors; }
};

[[nodiscard]] constexpr verdict check(const array& a) noexcept {
    const verdict v = check(a.element);
    if (!v.ok()) return v;
    if (a.rows == 0 || a.columns == 0 || (a.flow == dataflow::folded && a.columns != 1))
        return {status::bad_shape, reason::no_elements};
    if (a.rows > (size_t{1} << 20) || a.columns > (size_t{1} << 20)) return {status::overflow, reason::too_many_lanes};
    if (a.flow == dataflow::bit_serial &&
        (a.serial_x_bits < 1 || a.serial_x_bits > 16 || a.serial_w_bits < 1 || a.serial_w_bits > 16))
        return {status::bad_value, reason::operand_width};
    if (!(a.mhz > 0.0)) return {status::bad_value, reason::clock};
    return {};
}

/// Whether the array can do this work without ever overflowing an accumulator.
[[nodiscard]] constexpr verdict check(const array& a, const workload& w) noexcept {
    const verdict v = check(a);
    if (!v.ok()) return v;
    if (w.outputs == 0 || w.depth == 0 || w.vectors == 0) return {status::bad_shape, reason::no_shape};
    constexpr size_t most = size_t{1} << 30;
    if (w.outputs > most || w.depth > most || w.vectors > most) return {status::overflow, reason::too_many_lanes};
    if (a.flow != dataflow::bit_serial) return check(a.element, w.depth);
    const std::int64_t largest = std::int64_t{1} << (a.serial_x_bits + a.serial_w_bits - 2);
    if (w.depth > static_cast<size_t>(((std::int64_t{1} << (a.element.acc_bits - 1)) - 1) / largest))
        return {status::overflow, reason::accumulator_below_depth};
    return {};
}

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
