// SPDX-License-Identifier: MIT
// A processing element: `lanes` products a step, an adder tree, an accumulator register. What it can be, which widths
// follow from that, and why a configuration is impossible. The other headers of pe/ say what it computes
// (function.hpp), how long it takes (cycles.hpp), what it occupies (area.hpp), what it burns (energy.hpp), and how it
// is written in Verilog (verilog.hpp).
//
// Everything in pe/ is opt-in: <tern/tern.hpp> does not include it.
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/status.hpp>

namespace tern::pe {

using std::size_t;

// As in reference.hpp: symbols name the instruction set that their code was compiled for.
inline namespace TERN_ISA_NAMESPACE {

/// What a lane multiplies.
enum class kind : unsigned char {
    binary,        ///< -1/+1 x -1/+1: exclusive nor, counted; the accumulator counts equal bits
    ternary,       ///< nonzero/sign planes x nonzero/sign planes
    ternary_int8,  ///< ternary weight x two's complement activation of `x_bits`
    int8,          ///< 8 x 8 bits, two's complement
    fp16,          ///< 1 + 5 + 10 bits, see floating.hpp
    fp32,          ///< 1 + 8 + 23 bits
    fusion         ///< sixteen 2 x 2-bit bricks, fused to 16 products of 2 bits, 4 of 4 or 1 of 8 in every lane
};
inline constexpr kind kinds[] = {kind::binary, kind::ternary, kind::ternary_int8, kind::int8,
                                 kind::fp16,   kind::fp32,    kind::fusion};

/// What an accumulator does with a sum that it cannot hold.
enum class overflow_rule : unsigned char { wrap, saturate };

/// Where int8 and floating-point products are made.
enum class multiplier : unsigned char { lut, dsp };

/// Why a configuration is impossible.
enum class reason : unsigned char {
    none,
    no_lanes,
    no_elements,
    no_shape,
    too_many_lanes,
    operand_width,
    fused_width,
    accumulator_width,
    accumulator_below_step,
    accumulator_below_depth,
    no_multiplier,
    no_saturation,
    shapes_differ,
    kinds_differ,
    taps_apart,
    clock,
    window,
    memory_does_not_fit,
    luts_do_not_fit,
    registers_do_not_fit,
    dsps_do_not_fit,
    no_folding,
    arrays_differ,
    not_in_table
};

[[nodiscard]] TERN_INLINE constexpr const char* to_string(reason r) noexcept {
    switch (r) {
        case reason::none: return "possible";
        case reason::no_lanes: return "a processing element needs at least one lane";
        case reason::no_elements: return "an array needs at least one processing element";
        case reason::no_shape: return "a layer needs outputs, depth and at least one vector";
        case reason::too_many_lanes: return "more lanes or elements than the model counts with";
        case reason::operand_width: return "activations of this kind have 2 to 16 bits";
        case reason::fused_width: return "bricks are fused to 2, 4 or 8 bits";
        case reason::accumulator_width: return "an accumulator has 1 to 48 bits, and a float's the width of the float";
        case reason::accumulator_below_step: return "the accumulator is narrower than the sum of one step";
        case reason::accumulator_below_depth: return "the accumulator is too narrow for this depth";
        case reason::no_multiplier: return "only int8 and floating-point products can be made in DSP slices";
        case reason::no_saturation:
            return "floating-point accumulators have no rule for overflow: they become infinite";
        case reason::shapes_differ: return "operands and results do not have the same shape";
        case reason::kinds_differ: return "the operands are of another kind than the processing element";
        case reason::taps_apart: return "weights whose taps start new words have to be packed as rows first";
        case reason::clock: return "the clock has to be positive";
        case reason::window: return "the window does not fit into the image";
        case reason::memory_does_not_fit: return "the memories do not fit into the device's block RAM";
        case reason::luts_do_not_fit: return "the device has fewer LUTs";
        case reason::registers_do_not_fit: return "the device has fewer registers";
        case reason::dsps_do_not_fit: return "the device has fewer DSP slices";
        case reason::not_in_table: return "the table has no number for this kind of element";
        case reason::arrays_differ: return "layers that take turns on one array need the same one";
        case reason::no_folding: return "no folding reaches the goal within the device";
    }
    return "unknown reason";
}

/// A status and the reason behind it.
struct [[nodiscard]] verdict {
    status state = status::ok;
    reason why = reason::none;

    [[nodiscard]] constexpr bool ok() const noexcept { return state == status::ok; }
};

struct unit {
    kind type = kind::ternary;
    size_t lanes = 16;
    int acc_bits = 16;
    overflow_rule rule = overflow_rule::wrap;
    multiplier products = multiplier::lut;
    int x_bits = 8;      ///< of ternary_int8's activations
    int fused_bits = 2;  ///< what fusion's bricks are fused to: 2, 4 or 8
};

[[nodiscard]] constexpr const char* to_string(kind k) noexcept {
    switch (k) {
        case kind::binary: return "binary";
        case kind::ternary: return "ternary";
        case kind::ternary_int8: return "ternary_int8";
        case kind::int8: return "int8";
        case kind::fp16: return "fp16";
        case kind::fp32: return "fp32";
        case kind::fusion: return "fusion";
    }
    return "unknown";
}

[[nodiscard]] constexpr bool is_float(kind k) noexcept { return k == kind::fp16 || k == kind::fp32; }

/// Bits of a count 0 .. n.
[[nodiscard]] constexpr int count_bits(size_t n) noexcept {
    int bits = 0;
    for (; n != 0; n >>= 1) ++bits;
    return bits;
}

/// Bits that n equally wide summands add to their sum: ceil(log2 n).
[[nodiscard]] constexpr int growth_bits(size_t n) noexcept { return n <= 1 ? 0 : count_bits(n - 1); }

/// Products of a lane and step: 1, but for bricks.
[[nodiscard]] constexpr size_t products_per_lane(const unit& u) noexcept {
    if (u.type != kind::fusion) return 1;
    return u.fused_bits == 2 ? 16 : u.fused_bits == 4 ? 4 : 1;
}

/// Depth positions of a step.
[[nodiscard]] constexpr size_t step_depth(const unit& u) noexcept { return u.lanes * products_per_lane(u); }

/// Bits of an activation, and of a weight, as they are stored.
[[nodiscard]] constexpr int activation_bits(const unit& u) noexcept {
    switch (u.type) {
        case kind::binary: return 1;
        case kind::ternary: return 2;
        case kind::ternary_int8: return u.x_bits;
        case kind::int8: return 8;
        case kind::fp16: return 16;
        case kind::fp32: return 32;
        case kind::fusion: return u.fused_bits;
    }
    return 0;
}
[[nodiscard]] constexpr int weight_bits(const unit& u) noexcept {
    return u.type == kind::ternary_int8 ? 2 : activation_bits(u);
}

/// Bits of one side's port: all lanes' operands of a step. A fusion lane's port has 32 bits however it is fused.
[[nodiscard]] constexpr size_t activation_port_bits(const unit& u) noexcept {
    return u.lanes * (u.type == kind::fusion ? 32 : static_cast<size_t>(activation_bits(u)));
}
[[nodiscard]] constexpr size_t weight_port_bits(const unit& u) noexcept {
    return u.lanes * (u.type == kind::fusion ? 32 : static_cast<size_t>(weight_bits(u)));
}

/// Bits of the sum of a step: a count for binary, two's complement for the others.
[[nodiscard]] constexpr int step_bits(const unit& u) noexcept {
    switch (u.type) {
        case kind::binary: return count_bits(u.lanes);
        case kind::ternary: return count_bits(u.lanes) + 1;
        case kind::ternary_int8: return u.x_bits + 1 + growth_bits(u.lanes);
        case kind::int8:
        case kind::fusion: return 16 + growth_bits(u.lanes);
        case kind::fp16: return 16;
        case kind::fp32: return 32;
    }
    return 0;
}

/// The largest |product|; 0 for floating point.
[[nodiscard]] constexpr std::int64_t largest_product(const unit& u) noexcept {
    switch (u.type) {
        case kind::binary:
        case kind::ternary: return 1;
        case kind::ternary_int8: return std::int64_t{1} << (u.x_bits - 1);
        case kind::int8: return 128 * 128;
        case kind::fusion: return std::int64_t{1} << (2 * u.fused_bits - 2);
        case kind::fp16:
        case kind::fp32: return 0;
    }
    return 0;
}

/// The largest value that the accumulator holds.
[[nodiscard]] constexpr std::int64_t accumulator_max(const unit& u) noexcept {
    return (std::int64_t{1} << (u.type == kind::binary ? u.acc_bits : u.acc_bits - 1)) - 1;
}

/// The narrowest accumulator that no operands of this depth overflow, and that holds one step:
/// ceil(log2(depth * largest product + 1)) bits, plus the sign.
[[nodiscard]] constexpr int accumulator_bits(const unit& u, size_t depth) noexcept {
    if (is_float(u.type)) return step_bits(u);
    const size_t largest = depth * static_cast<size_t>(largest_product(u));
    const int bits = count_bits(largest) + (u.type == kind::binary ? 0 : 1);
    return bits > step_bits(u) ? bits : step_bits(u);
}

/// Whether such a processing element can be built.
[[nodiscard]] constexpr verdict check(const unit& u) noexcept {
    if (u.lanes == 0) return {status::bad_shape, reason::no_lanes};
    if (u.lanes > (size_t{1} << 16)) return {status::overflow, reason::too_many_lanes};
    if (u.type == kind::ternary_int8 && (u.x_bits < 2 || u.x_bits > 16))
        return {status::bad_value, reason::operand_width};
    if (u.type == kind::fusion && u.fused_bits != 2 && u.fused_bits != 4 && u.fused_bits != 8)
        return {status::bad_value, reason::fused_width};
    if (u.acc_bits < 1 || u.acc_bits > 48 || (is_float(u.type) && u.acc_bits != step_bits(u)))
        return {status::bad_value, reason::accumulator_width};
    if (is_float(u.type) && u.rule == overflow_rule::saturate) return {status::unsupported, reason::no_saturation};
    if (u.products == multiplier::dsp && !is_float(u.type) && u.type != kind::int8)
        return {status::unsupported, reason::no_multiplier};
    if (u.acc_bits < step_bits(u)) return {status::overflow, reason::accumulator_below_step};
    return {};
}

/// Whether it can also accumulate `depth` products without ever overflowing.
[[nodiscard]] constexpr verdict check(const unit& u, size_t depth) noexcept {
    const verdict v = check(u);
    if (!v.ok()) return v;
    if (is_float(u.type)) return {};
    if (depth > static_cast<size_t>(accumulator_max(u) / largest_product(u)))
        return {status::overflow, reason::accumulator_below_depth};
    return {};
}

/// A unit with the accumulator that `depth` needs.
[[nodiscard]] constexpr unit unit_for(kind type, size_t lanes, size_t depth) noexcept {
    unit u;
    u.type = type;
    u.lanes = lanes;
    u.acc_bits = accumulator_bits(u, depth);
    return u;
}

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
