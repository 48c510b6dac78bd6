// SPDX-License-Identifier: MIT
// What a processing element occupies: a recurrence over the structure of the Verilog that verilog.hpp writes. An adder
// takes a LUT where both operands have a bit, a leaf what its truth table takes; nothing is fitted but the constants
// named below, which are single modules that were synthesized once.
//
//     xilinx7  LUTs as yosys 0.23 counts them (`synth_xilinx -family xc7 -nodsp`, module by module), one a cell: Vivado
//              packs two small functions into one and comes out lower. CARRY4 likewise.
//     ice40    SB_LUT4 and SB_CARRY of `synth_ice40 -noflatten`
//
// tests/pe/synthesis.csv holds what was synthesized, tests/pe/area_test.cpp how far this is from it.
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/pe/tree.hpp>
#include <tern/pe/unit.hpp>

namespace tern::pe {
inline namespace TERN_ISA_NAMESPACE {

enum class family : unsigned char { xilinx7, ice40 };

struct resources {
    std::uint64_t lut = 0;
    std::uint64_t ff = 0;
    std::uint64_t carry = 0;  ///< CARRY4, or SB_CARRY
    std::uint64_t dsp = 0;
    std::uint64_t bram = 0;    ///< RAMB18, or iCE40's blocks of 4 Kibit
    std::uint64_t lutram = 0;  ///< LUTs that are memory, contained in `lut`

    constexpr resources& operator+=(const resources& more) noexcept {
        lut += more.lut;
        ff += more.ff;
        carry += more.carry;
        dsp += more.dsp;
        bram += more.bram;
        lutram += more.lutram;
        return *this;
    }
    [[nodiscard]] constexpr resources times(std::uint64_t n) const noexcept {
        return {lut * n, ff * n, carry * n, dsp * n, bram * n, lutram * n};
    }
};

namespace detail {

struct cost {
    std::uint64_t lut = 0;
    std::uint64_t carry = 0;
};

/// An adder of a- and b-bit operands to `out` bits.
[[nodiscard]] constexpr cost adder(family f, int a, int b, int out) noexcept {
    const auto o = static_cast<std::uint64_t>(out);
    if (f == family::xilinx7) return {static_cast<std::uint64_t>(a < b ? a : b), (o + 3) / 4};
    // A LUT for every bit of the longer operand; what is above is the carry itself.
    return {static_cast<std::uint64_t>(a < b ? b : a), o - 1};
}

/// A counter of n signals or pairs over full leaves.
[[nodiscard]] constexpr cost count_tree(family f, size_t n, size_t leaf) noexcept {
    if (n <= leaf) {
        // Bits of the count of up to six signals or three pairs in LUTs of 6 and of 4 inputs.
        constexpr std::uint64_t pairs6[] = {0, 1, 2, 2};
        constexpr std::uint64_t bits6[] = {0, 0, 2, 2, 3, 3, 3};
        constexpr std::uint64_t pairs4[] = {0, 1, 2, 4};
        constexpr std::uint64_t bits4[] = {0, 0, 2, 2, 3, 5, 7};
        if (f == family::xilinx7) return {leaf == pair_leaf ? pairs6[n] : bits6[n], 0};
        return {leaf == pair_leaf ? pairs4[n] : bits4[n], 0};
    }
    const size_t left = left_part(n, leaf);
    const cost l = count_tree(f, left, leaf);
    const cost r = count_tree(f, n - left, leaf);
    const cost a = adder(f, count_bits(left), count_bits(n - left), count_bits(n));
    return {l.lut + r.lut + a.lut, l.carry + r.carry + a.carry};
}

/// Adders of n two's complement numbers of `bits`: sign extension makes both operands as long as the sum.
[[nodiscard]] constexpr cost sum_tree_cost(family f, size_t n, int bits) noexcept {
    if (n <= 1) return {};
    const cost l = sum_tree_cost(f, n / 2, bits);
    const cost r = sum_tree_cost(f, n - n / 2, bits);
    const int out = bits + growth_bits(n);
    const cost a = adder(f, out, out, out);
    return {l.lut + r.lut + a.lut, l.carry + r.carry + a.carry};
}

// Single modules, synthesized: LUTs and carries of an 8 x 8-bit product, of a lane of bricks, and of a multiplier and
// an adder of floats together; with and without DSP slices.
struct lane_cost {
    std::uint64_t lut, carry, dsp;
};
[[nodiscard]] constexpr lane_cost synthesized_lane(family f, const unit& u) noexcept {
    const bool dsp = u.products == multiplier::dsp;
    switch (u.type) {
        case kind::int8:
            if (f == family::ice40) return {183, 10, 0};
            return dsp ? lane_cost{0, 0, 1} : lane_cost{165, 4, 0};
        case kind::fusion: return f == family::ice40 ? lane_cost{706, 82, 0} : lane_cost{473, 48, 0};
        case kind::fp16:
            if (f == family::ice40) return {669, 100, 0};
            return dsp ? lane_cost{310, 23, 1} : lane_cost{542, 29, 0};
        case kind::fp32:
            if (f == family::ice40) return {2322, 208, 0};
            return dsp ? lane_cost{716, 42, 2} : lane_cost{2032, 54, 0};
        default: return {0, 0, 0};
    }
}

/// The accumulator's adder and what its rule adds.
[[nodiscard]] constexpr cost accumulate_cost(family f, const unit& u) noexcept {
    const auto acc = static_cast<std::uint64_t>(u.acc_bits);
    const bool saturates = u.rule == overflow_rule::saturate;
    if (f == family::ice40) {
        // All bits of a count's sum cost a LUT too, and one starts the chain.
        const bool twice = saturates && u.type != kind::binary;
        return {(twice ? 2 * acc : acc) + 1, acc - 1 + (saturates ? 1u : 0u)};
    }
    const std::uint64_t carries = (acc + (saturates ? 4u : 3u)) / 4;
    if (u.type != kind::binary) return {saturates ? 2 * acc - 1 : acc, carries};
    // A count has no sign to extend: above it only the carry moves.
    const auto low = static_cast<std::uint64_t>(step_bits(u));
    return {saturates ? low + acc : low, carries};
}

}  // namespace detail

/// One element. Requires `check(u).ok()`.
[[nodiscard]] constexpr resources area(const unit& u, family f) noexcept {
    const size_t n = u.lanes;
    const auto lanes = static_cast<std::uint64_t>(n);
    const bool xilinx = f == family::xilinx7;
    const detail::cost acc = detail::accumulate_cost(f, u);
    resources r;
    r.ff = static_cast<std::uint64_t>(u.acc_bits);
    const auto take = [&r](detail::cost c) {
        r.lut += c.lut;
        r.carry += c.carry;
    };
    switch (u.type) {
        case kind::binary:
            take(detail::count_tree(f, n, pair_leaf));
            take(acc);
            break;
        case kind::ternary: {
            // Non-zero products counted, negative products made and counted, twice the latter taken off the former.
            take(detail::count_tree(f, n, pair_leaf));
            take(detail::count_tree(f, n, bit_leaf));
            const auto count = static_cast<std::uint64_t>(count_bits(n));
            const bool chain = n > pair_leaf;  // fewer lanes are subtracted in LUTs alone
            r.lut += lanes;
            if (xilinx) {
                r.lut += chain ? count - 1 : 0;
                r.carry += chain ? (count + 3) / 4 : 0;
            } else {
                r.lut += chain ? 2 * count - 1 : 2 * count - 2;
                r.carry += chain ? count - 1 : 0;
            }
            take(acc);
            break;
        }
        case kind::ternary_int8: {
            // Each lane negates on a carry chain, selects in the LUT behind it.
            const auto x = static_cast<std::uint64_t>(u.x_bits);
            r.lut += xilinx ? x * lanes : (3 * x + 1) * lanes;
            r.carry += xilinx ? lanes * ((x + 4) / 4) : lanes * (x - 1);
            take(detail::sum_tree_cost(f, n, u.x_bits + 1));
            take(acc);
            if (xilinx) r.lut += 1;
            break;
        }
        default: {
            const detail::lane_cost lane = detail::synthesized_lane(f, u);
            r.lut += lane.lut * lanes;
            r.carry += lane.carry * lanes;
            r.dsp += lane.dsp * lanes;
            if (is_float(u.type)) break;  // the lanes' adders are the tree and the accumulator
            take(detail::sum_tree_cost(f, n, 16));
            take(acc);
            // Behind a DSP slice the sign is a wire more than the sum; else it costs the accumulator a LUT.
            if (u.products == multiplier::dsp)
                r.lut -= lanes - 1;
            else if (xilinx)
                r.lut += 1;
        }
    }
    return r;
}

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
