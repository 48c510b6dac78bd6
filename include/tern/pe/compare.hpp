// SPDX-License-Identifier: MIT
// How many times a costs what b costs, by an accounting that has to be named: the same two elements differ by 19 or by
// 1000, depending on it (docs/fpga.md).
#pragma once

#include <tern/pe/energy.hpp>

namespace tern::pe {
inline namespace TERN_ISA_NAMESPACE {

/// What is counted, per product.
enum class measure : unsigned char {
    luts,           ///< LUTs of the element on Xilinx 7, as its `products` says: DSP slices are not counted
    luts_and_dsps,  ///< the same, a DSP slice counted as `dsp_luts`
    ice40_luts,
    transistors,  ///< CMOS gates of a comparable lane, as yosys estimates them
    cell_area,    ///< square micrometres at 45 nm: Horowitz's units, Bit Fusion's 2-bit brick
    weight_bits,
    toggles,            ///< LUT outputs at unit delay, glitches included
    toggles_no_glitch,  ///< the same without glitches
    operand_toggles,    ///< of the operands' bits alone: traffic
    energy              ///< of `table`
};

struct accounting {
    measure what;
    double overhead = 0;    ///< added to each side's cost of a product: LUTs, toggles, ...
    double dsp_luts = 100;  ///< a common rule
    const energy_table* table = &toggle_proxy;
    double density = 0.5;  ///< share of non-zeros of both operands
};

[[nodiscard]] constexpr const char* to_string(measure m) noexcept {
    switch (m) {
        case measure::luts: return "luts";
        case measure::luts_and_dsps: return "luts_and_dsps";
        case measure::ice40_luts: return "ice40_luts";
        case measure::transistors: return "transistors";
        case measure::cell_area: return "cell_area";
        case measure::weight_bits: return "weight_bits";
        case measure::toggles: return "toggles";
        case measure::toggles_no_glitch: return "toggles_no_glitch";
        case measure::operand_toggles: return "operand_toggles";
        case measure::energy: return "energy";
    }
    return "unknown";
}

/// The cost of one product; negative: not known for this kind. Transistors and toggles were measured on lanes of the
/// same structure (64 lanes of binary and ternary, 16 of ternary_int8 and int8, one float), not on these elements.
[[nodiscard]] constexpr double cost_of_product(const unit& u, const accounting& how) noexcept {
    // In the order of `kinds`.
    constexpr double transistors[] = {4142.0 / 64, 8086.0 / 64, 15472.0 / 16, 80068.0 / 16, 12698, 43762, -1};
    constexpr double cell_area[] = {-1, 124.9, -1, 36 + 282, 1360 + 1640, 4184 + 7700, 124.9};
    constexpr double glitching[] = {1.76, 2.72, 27.9, 137.1, 1056, 2778, -1};
    constexpr double settled[] = {1.10, 1.46, 11.8, 79.2, 214.7, 685.4, -1};
    constexpr double operands[] = {1.06, 2.06, 5.45, 8.67, 19.0, 39.2, -1};
    const auto k = static_cast<size_t>(u.type);
    const double products = static_cast<double>(step_depth(u));
    double cost = -1;
    switch (how.what) {
        case measure::luts: cost = static_cast<double>(area(u, family::xilinx7).lut) / products; break;
        case measure::luts_and_dsps: {
            const resources r = area(u, family::xilinx7);
            cost = (static_cast<double>(r.lut) + how.dsp_luts * static_cast<double>(r.dsp)) / products;
            break;
        }
        case measure::ice40_luts: cost = static_cast<double>(area(u, family::ice40).lut) / products; break;
        case measure::transistors: cost = transistors[k]; break;
        case measure::cell_area: cost = cell_area[k]; break;
        case measure::weight_bits: cost = weight_bits(u); break;
        case measure::toggles:
            cost = u.type == kind::ternary ? ternary_lane_toggles(ternary_product_toggles(how.density, how.density))
                                           : glitching[k];
            break;
        case measure::toggles_no_glitch: cost = settled[k]; break;
        case measure::operand_toggles: cost = operands[k]; break;
        case measure::energy: cost = mac_energy(*how.table, u, how.density, how.density); break;
    }
    return cost < 0 ? cost : cost + how.overhead;
}

struct ratio {
    verdict possible;
    double value = 0;
    double a = 0;  ///< cost of a product of either
    double b = 0;
};

/// cost(a) / cost(b) for one product. The accounting has no default.
[[nodiscard]] constexpr ratio compare(const unit& a, const unit& b, const accounting& how) noexcept {
    ratio r;
    r.possible = check(a);
    if (r.possible.ok()) r.possible = check(b);
    if (!r.possible.ok()) return r;
    r.a = cost_of_product(a, how);
    r.b = cost_of_product(b, how);
    if (r.a < 0 || r.b <= 0)
        r.possible = {status::unsupported, reason::not_in_table};
    else
        r.value = r.a / r.b;
    return r;
}

/// The overhead at which the ratio comes down to `target`: (a + o) / (b + o) = target. Negative: it never does.
[[nodiscard]] constexpr double overhead_for(double a, double b, double target) noexcept {
    return target <= 1 ? -1 : (a - target * b) / (target - 1);
}

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
