// SPDX-License-Identifier: MIT
// What it burns, by named tables that are never mixed. A result says which table it comes from and how far it may be
// off. Tables differ by a factor of ten on the same operation: only ratios within one mean something.
//
//     E = lanes * steps * E_lane(density) + bits moved * E_bit + registers * clocks * E_register
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/pe/device.hpp>

namespace tern::pe {
inline namespace TERN_ISA_NAMESPACE {

/// Picojoules. A negative number: the table has none.
struct energy_table {
    const char* name;
    double mac[7];    ///< a product and its share of the sums, in the order of `kinds`; fusion: 2 x 2 bits
    double sram_bit;  ///< a bit read from or written to a buffer on chip
    double dram_bit;
    double register_bit;  ///< a register's clock
    double band;          ///< the result may be off by this factor either way
};

/// Horowitz, ISSCC 2014, 45 nm at 0.9 V, as restated by others: sums and products; 8 KB SRAM; the middle of 1.3 - 2.6
/// nJ for 64 bits of DRAM. Registers from `aladdin40`.
inline constexpr energy_table horowitz45 = {
    "horowitz45", {-1, -1, -1, 0.23, 1.5, 4.6, -1}, 10.0 / 64, 1950.0 / 64, 0.009, 1.5};
/// As shipped for Accelergy, at 1 ns: a bitwise operation for binary, 32-bit integer units for int8, so far too wide.
inline constexpr energy_table aladdin40 = {
    "aladdin40", {0.018, -1, -1, 12.91, -1, 52.0, -1}, 10.0 / 64, 1950.0 / 64, 0.009, 10.0};
/// Bit Fusion's simulator, 45 nm, 500 MHz; its default of 15 pJ a bit of DRAM, beside which its source says 6.
inline constexpr energy_table bitfusion45 = {
    "bitfusion45", {-1, 0.057, -1, 0.298, -1, -1, 0.057}, 10.0 / 64, 15.0, 0.009, 2.5};
/// Output toggles of LUT netlists at unit delay, glitches included, 1.68 fJ each, which is Horowitz's int8 product and
/// sum by definition and then fp32's within 2 %, fp16's within 18 %. No wires, no clock tree, un-pipelined.
inline constexpr energy_table toggle_proxy = {
    "toggle_proxy", {1.76 * 1.68e-3, 2.72 * 1.68e-3, 27.9 * 1.68e-3, 137.1 * 1.68e-3, 1.7739, 4.6678, -1},
    10.0 / 64,      1950.0 / 64,
    0.009,          1.3};
inline constexpr const energy_table* energy_tables[] = {&horowitz45, &aladdin40, &bitfusion45, &toggle_proxy};

inline constexpr double joule_per_toggle_pj = 1.68e-3;

/// Toggles of the planes behind the operands: the product that is not zero, and the product that is negative, of random
/// operands with these shares of non-zeros. Per lane and step.
[[nodiscard]] constexpr double ternary_product_toggles(double x_density, double w_density) noexcept {
    const double r = x_density * w_density;
    return 2 * r * (1 - r) + r * (1 - r / 2);
}
/// Toggles of a whole ternary lane, glitches included. The line through what was counted at 67, 50 and 30 % non-zeros,
/// all three within 1 %; it is what makes exact activity (activity.hpp) possible, too.
[[nodiscard]] constexpr double ternary_lane_toggles(double product_toggles) noexcept {
    return 0.853 + 3.131 * product_toggles;
}

/// Picojoules of one product at densities (shares of non-zeros) of activations and weights; negative: not in the table.
/// Only `toggle_proxy` knows density: for ternary as above; for ternary_int8 proportional between nothing and what was
/// counted at 50 % (an assumption); the others do not depend on it.
[[nodiscard]] constexpr double mac_energy(const energy_table& t, const unit& u, double x_density,
                                          double w_density) noexcept {
    const auto k = static_cast<size_t>(u.type);
    if (u.type == kind::fusion && t.mac[k] >= 0) {
        const double digits = u.fused_bits / 2.0;
        return t.mac[k] * digits * digits;
    }
    if (t.mac[k] >= 0 && t.mac[static_cast<size_t>(kind::ternary_int8)] >= 0) {  // the proxy
        if (u.type == kind::ternary)
            return joule_per_toggle_pj * ternary_lane_toggles(ternary_product_toggles(x_density, w_density));
        if (u.type == kind::ternary_int8) return t.mac[k] * 2 * w_density * u.x_bits / 8.0;
    }
    return t.mac[k];
}

/// Bits moved for a layer.
struct traffic {
    double weight_bits = 0;      ///< weight memory to array: every step, or once where weights rest
    double activation_bits = 0;  ///< activation memory to array: every step
    double output_bits = 0;      ///< results, and sums that wait for the next slice of a weight-stationary array
    double dram_bits = 0;        ///< weights once if they are not resident; nothing else leaves the chip
};

struct energy_options {
    double x_density = 0.5;  ///< share of non-zeros
    double w_density = 0.5;
    bool weights_resident = true;
    std::uint64_t registers = 0;  ///< clocked ones; 0: the elements' accumulators alone
};

[[nodiscard]] constexpr traffic moved(const array& a, const layer& l, const energy_options& o = {}) noexcept {
    const workload w = work(l);
    const folding f = fold(a, w);
    const bool serial = a.flow == dataflow::bit_serial;
    const auto slice = static_cast<double>(slice_depth(a));
    const double w_slice = slice * (serial ? 1 : weight_bits(a.element));
    const double x_slice = slice * (serial ? 1 : activation_bits(a.element));
    const auto rows = static_cast<double>(a.rows);
    const auto columns = static_cast<double>(a.columns);
    const double tiles = static_cast<double>(f.depth) * static_cast<double>(f.outputs);
    const double steps = tiles * static_cast<double>(f.vectors);
    const double results = static_cast<double>(w.outputs) * static_cast<double>(w.vectors);
    traffic t;
    t.output_bits = results * (l.out_bits >= 32 ? a.element.acc_bits : l.out_bits);
    if (a.flow == dataflow::weight_stationary) {
        t.weight_bits = tiles * rows * columns * w_slice;
        t.activation_bits = steps * rows * x_slice;
        t.output_bits += 2 * static_cast<double>(f.depth - 1) * results * a.element.acc_bits;
    } else {
        t.weight_bits = steps * rows * w_slice;
        t.activation_bits = steps * columns * x_slice;
    }
    if (!o.weights_resident)
        t.dram_bits = static_cast<double>(w.outputs) * static_cast<double>(w.depth) *
                      (serial ? a.serial_w_bits : weight_bits(a.element));
    return t;
}

struct energy_report {
    verdict possible;
    const char* table = "";
    double band = 1.0;
    double lanes_pj = 0;
    double buffers_pj = 0;
    double dram_pj = 0;
    double clock_pj = 0;

    [[nodiscard]] constexpr double total_pj() const noexcept { return lanes_pj + buffers_pj + dram_pj + clock_pj; }
};

/// A layer, once. Requires `check(l)` and `check(a, work(l))`; `reason::not_in_table` where the table has no number.
[[nodiscard]] constexpr energy_report energy(const array& a, const layer& l, const energy_table& t,
                                             const energy_options& o = {}) noexcept {
    energy_report r;
    r.table = t.name;
    r.band = t.band;
    unit lane = a.element;
    if (a.flow == dataflow::bit_serial) lane.type = kind::binary;  // one bit of each a pass
    const double mac = mac_energy(t, lane, o.x_density, o.w_density) * static_cast<double>(passes(a));
    if (mac < 0) {
        r.possible = {status::unsupported, reason::not_in_table};
        return r;
    }
    const traffic m = moved(a, l, o);
    r.lanes_pj = mac * static_cast<double>(work(l).macs());
    r.buffers_pj = (m.weight_bits + m.activation_bits + m.output_bits) * t.sram_bit;
    r.dram_pj = m.dram_bits * t.dram_bit;
    const std::uint64_t registers =
        o.registers != 0 ? o.registers : a.elements() * static_cast<std::uint64_t>(a.element.acc_bits);
    r.clock_pj = static_cast<double>(registers) * static_cast<double>(cycles(a, l)) * t.register_bit;
    return r;
}

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
