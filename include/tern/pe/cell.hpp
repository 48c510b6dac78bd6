// SPDX-License-Identifier: MIT
// What an element of a systolic or bit-serial array has around its arithmetic (verilog_cell.hpp writes it):
//
//     output_stationary  registers of both operands, which pass them on; a multiplexer through which results leave
//                        downwards
//     weight_stationary  the same registers, the weights' at rest; the sum comes from above instead of the accumulator
//     bit_serial         ANDs instead of products, a shift and a sign in front of the accumulator, a result register
//                        that leaves downwards while the next product runs
//
// and what the edges of such an array have: registers that delay row i and column i by i clocks.
#pragma once

#include <tern/pe/area.hpp>
#include <tern/pe/array.hpp>

namespace tern::pe {
inline namespace TERN_ISA_NAMESPACE {

/// One element of an array. Requires `check(a).ok()`.
[[nodiscard]] constexpr resources cell_area(const array& a, family f) noexcept {
    const unit& u = a.element;
    const auto acc = static_cast<std::uint64_t>(u.acc_bits);
    const std::uint64_t operands = activation_port_bits(u) + weight_port_bits(u);
    const bool saturates = u.rule == overflow_rule::saturate;
    const bool counts = u.type == kind::binary;
    const bool ice40 = f == family::ice40;
    resources r = area(u, f);
    switch (a.flow) {
        case dataflow::folded: return r;
        case dataflow::output_stationary:
            // Where a LUT already chooses between values, what comes from above is one more input on Xilinx. On
            // iCE40 no LUT enables the accumulator.
            if (ice40)
                r.lut += acc - 1 - (counts && !saturates ? 1u : 0u) + (saturates && !counts ? 1u : 0u);
            else
                r.lut += saturates ? (counts ? 0u : 1u) : acc;
            r.ff += operands;
            return r;
        case dataflow::weight_stationary:
            // A count that saturates sets all its registers, which have an input for that on Xilinx.
            r.lut -= ice40 ? 1u : saturates && counts ? acc : 0u;
            r.ff += operands;
            return r;
        case dataflow::bit_serial: {
            // The adder, the result's multiplexer, and the shift: where the count has bits to add, or everywhere.
            const detail::cost count = detail::count_tree(f, u.lanes, pair_leaf);
            r = resources{};
            r.lut = count.lut + (ice40 ? 3 : 2) * acc + static_cast<std::uint64_t>(count_bits(u.lanes));
            r.carry = count.carry + (ice40 ? acc - 1 : (acc + 4) / 4);
            r.ff = 2 * acc;
            return r;
        }
    }
    return r;
}

/// The registers at the edges: operands of row and column i wait i clocks; results of a weight-stationary array, too.
[[nodiscard]] constexpr resources edge_area(const array& a) noexcept {
    const auto triangle = [](std::uint64_t n) { return n * (n - 1) / 2; };
    const unit& u = a.element;
    resources r;
    if (a.flow == dataflow::output_stationary)
        r.ff = triangle(a.rows) * weight_port_bits(u) + triangle(a.columns) * activation_port_bits(u);
    else if (a.flow == dataflow::weight_stationary)
        r.ff =
            triangle(a.rows) * activation_port_bits(u) + triangle(a.columns) * static_cast<std::uint64_t>(u.acc_bits);
    else if (a.flow == dataflow::bit_serial)
        r.ff = (a.rows + a.columns) * u.lanes;
    return r;
}

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
