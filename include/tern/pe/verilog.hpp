// SPDX-License-Identifier: MIT
// The Verilog of a processing element: what the other headers of pe/ describe. Verilog-2001 that Icarus, Verilator and
// yosys read, clean under `verilator --lint-only -Wall`.
//
//     module tern_pe_<kind>_<sizes> (input clk, input clear, input enable, <operands>, output next, output acc)
//
// Operands are the planes or numbers of all lanes, lane 0 in the lowest bits: `x`, `w` for binary and numbers,
// `x_nonzero`, `x_sign`, `w_nonzero`, `w_sign` for ternary (sign set = +1), `mode` for fusion (0, 1, 2: fused to 2, 4,
// 8 bits). On a rising edge `acc` becomes 0 if `clear`, else `next` if `enable`; `next` is `acc` plus this step's
// sum. A step is combinational.
#pragma once

#include <string>

#include <tern/pe/verilog_counts.hpp>
#include <tern/pe/verilog_float.hpp>

namespace tern::pe {
inline namespace TERN_ISA_NAMESPACE {

/// The name of an element's module.
[[nodiscard]] inline std::string module_name(const unit& u) {
    using detail::cat;
    std::string name = cat("tern_pe_", to_string(u.type), "_", u.lanes);
    if (u.type == kind::ternary_int8 && u.x_bits != 8) name += cat("_x", u.x_bits);
    if (!is_float(u.type)) name += cat("_a", u.acc_bits);
    if (u.rule == overflow_rule::saturate) name += "_saturate";
    return name;
}

namespace detail {

struct port {
    const char* name;
    size_t width;
};

/// The operands of an element, activations first.
struct ports {
    port list[4];
    size_t count;
    size_t activations;  ///< how many of them are
};

[[nodiscard]] inline ports operand_ports(const unit& u) {
    const size_t n = u.lanes;
    switch (u.type) {
        case kind::binary: return {{{"x", n}, {"w", n}}, 2, 1};
        case kind::ternary: return {{{"x_nonzero", n}, {"x_sign", n}, {"w_nonzero", n}, {"w_sign", n}}, 4, 2};
        case kind::ternary_int8:
            return {{{"x", n * static_cast<size_t>(u.x_bits)}, {"w_nonzero", n}, {"w_sign", n}}, 3, 1};
        default: return {{{"x", activation_port_bits(u)}, {"w", weight_port_bits(u)}}, 2, 1};
    }
}

/// `wire [..] sum`: the sum of a step, step_bits(u) wide.
[[nodiscard]] inline std::string write_step(verilog_text& out, const unit& u);

/// tern_select_<bits>: a number, its negative or zero.
inline std::string write_select(verilog_text& out, size_t bits) {
    const std::string name = cat("tern_select_", bits);
    if (!out.missing(name)) return name;
    out.append(cat("\nmodule ", name, " (input wire ", range(bits),
                   "x, input wire nonzero, input wire sign, output wire ", range(bits + 1), "y);\n    wire ",
                   range(bits + 1), "wide = ", sign_extend("x", bits, bits + 1),
                   ";\n    assign y = nonzero ? (sign ? wide : -wide) : ", repeat(bits + 1, "1'b0"), ";\nendmodule\n"));
    return name;
}

inline std::string write_multiply(verilog_text& out) {
    const std::string name = "tern_multiply_8";
    if (out.missing(name))
        out.append(
            "\nmodule tern_multiply_8 (input wire signed [7:0] x, input wire signed [7:0] w, output wire signed "
            "[15:0] y);\n    assign y = x * w;\nendmodule\n");
    return name;
}

/// tern_fusion_lane: sixteen bricks, each a product of two digits of 2 bits, of which the highest of a number is
/// signed.
inline std::string write_fusion_lane(verilog_text& out) {
    const std::string name = "tern_fusion_lane";
    if (!out.missing(name)) return name;
    out.append(
        "\nmodule tern_brick (input wire [1:0] x, input wire x_signed, input wire [1:0] w, input wire w_signed, "
        "output wire [5:0] y);\n    wire signed [2:0] a = {x_signed & x[1], x};\n"
        "    wire signed [2:0] b = {w_signed & w[1], w};\n    wire signed [5:0] p = a * b;\n    assign y = p;\n"
        "endmodule\n");
    out.append(
        "\nmodule tern_brick_group (input wire [7:0] x, input wire [7:0] w, input wire [1:0] x_signed, input wire "
        "[1:0] w_signed,\n                         input wire fused, output wire [10:0] y);\n"
        "    wire [23:0] p;\n");
    for (size_t b = 0; b < 4; ++b)
        out.append(cat("    tern_brick brick", b, " (.x(", slice("x", 2 * b + 1, 2 * b), "), .x_signed(x_signed[",
                       b / 2, "]), .w(", slice("w", 2 * b + 1, 2 * b), "), .w_signed(w_signed[", b % 2, "]), .y(",
                       slice("p", 6 * b + 5, 6 * b), "));\n"));
    const auto term = [](size_t b, size_t shift) {
        const std::string p = slice("p", 6 * b + 5, 6 * b);
        const std::string sign = cat("p[", 6 * b + 5, "]");
        if (shift == 0) return cat("{", repeat(5, sign), ", ", p, "}");
        return cat("(fused ? {", shift == 4 ? "" : cat(repeat(5 - shift, sign), ", "),
                   shift == 4 ? cat(sign, ", ") : "", p, ", ", repeat(shift, "1'b0"), "} : {", repeat(5, sign), ", ", p,
                   "})");
    };
    out.append(cat("    assign y = (", term(0, 0), " + ", term(1, 2), ")\n             + (", term(2, 2), " + ",
                   term(3, 4), ");\nendmodule\n"));

    out.append(
        "\nmodule tern_fusion_lane (input wire [31:0] x, input wire [31:0] w, input wire [1:0] mode, output wire "
        "[15:0] y);\n    wire one = mode[1];\n    wire four = mode[0];\n"
        "    wire [31:0] xs;\n    wire [31:0] ws;\n    wire [43:0] g;\n");
    for (size_t g = 0; g < 4; ++g) {
        for (size_t q = 0; q < 4; ++q) {
            const size_t b = 4 * g + q;
            const size_t x8 = 2 * (g / 2) + q / 2;
            const size_t w8 = 2 * (g % 2) + q % 2;
            const auto digit = [&](const char* v, size_t eight, size_t part) {
                return cat("    assign ", v, "s[", 2 * b + 1, ":", 2 * b, "] = one ? ",
                           slice(v, 2 * eight + 1, 2 * eight), " : four ? ",
                           slice(v, 4 * g + 2 * part + 1, 4 * g + 2 * part), " : ", slice(v, 2 * b + 1, 2 * b), ";\n");
            };
            out.append(digit("x", x8, q / 2) + digit("w", w8, q % 2));
        }
        const auto flags = [&](size_t high) { return cat("{", high != 0 ? "1'b1" : "~one", ", ~(one | four)}"); };
        out.append(cat("    tern_brick_group group", g, " (.x(", slice("xs", 8 * g + 7, 8 * g), "), .w(",
                       slice("ws", 8 * g + 7, 8 * g), "), .x_signed(", flags(g / 2), "), .w_signed(", flags(g % 2),
                       "), .fused(one | four), .y(", slice("g", 11 * g + 10, 11 * g), "));\n"));
    }
    const auto group = [](size_t g, size_t shift) {
        const std::string v = slice("g", 11 * g + 10, 11 * g);
        const std::string sign = cat("g[", 11 * g + 10, "]");
        const std::string plain = cat("{", repeat(5, sign), ", ", v, "}");
        if (shift == 0) return plain;
        const std::string moved = shift == 4 ? cat("{", sign, ", ", v, ", 4'b0000}")
                                             : cat("{", slice("g", 11 * g + 7, 11 * g), ", 8'b00000000}");
        return cat("(one ? ", moved, " : ", plain, ")");
    };
    out.append(cat("    assign y = (", group(0, 0), " + ", group(1, 4), ")\n             + (", group(2, 4), " + ",
                   group(3, 8), ");\nendmodule\n"));
    return name;
}

/// One instance for each lane, results side by side in `products`; then the tree.
[[nodiscard]] inline std::string write_lanes(verilog_text& out, const unit& u, size_t bits, const std::string& module,
                                             const std::string& connections) {
    const size_t n = u.lanes;
    std::string text = cat("    wire ", range(n * bits), "products;\n");
    for (size_t l = 0; l < n; ++l) {
        std::string filled;
        for (size_t i = 0; i < connections.size(); ++i) {
            // "@8" stands for the lane's 8 bits of the operand before it.
            if (connections[i] != '@') {
                filled += connections[i];
                continue;
            }
            size_t width = 0;
            while (i + 1 < connections.size() && connections[i + 1] >= '0' && connections[i + 1] <= '9')
                width = 10 * width + static_cast<size_t>(connections[++i] - '0');
            filled += slice("", (l + 1) * width - 1, l * width);
        }
        text += cat("    ", module, " lane", l, " (", filled, ", .y(", slice("products", (l + 1) * bits - 1, l * bits),
                    "));\n");
    }
    const auto width = static_cast<size_t>(step_bits(u));
    if (is_float(u.type)) {
        const float_format f = u.type == kind::fp16 ? half_format : single_format;
        if (n == 1) return text + cat("    wire ", range(width), "sum = products;\n");
        return text + cat("    wire ", range(width), "sum;\n    ", write_float_sum(out, f, n),
                          " tree (.x(products), .y(sum));\n");
    }
    if (n == 1) return text + cat("    wire ", range(width), "sum = products;\n");
    return text +
           cat("    wire ", range(width), "sum;\n    ", write_sum(out, bits, n), " tree (.x(products), .y(sum));\n");
}

inline std::string write_step(verilog_text& out, const unit& u) {
    const size_t n = u.lanes;
    const auto count = static_cast<size_t>(count_bits(n));
    switch (u.type) {
        case kind::binary:
            return cat("    wire ", range(count), "sum;\n    ", write_pair_count(out, n, true),
                       " equal (.a(x), .b(w), .y(sum));\n");
        case kind::ternary:
            return cat("    wire ", range(n), "minus = x_nonzero & w_nonzero & (x_sign ^ w_sign);\n    wire ",
                       range(count), "c;\n    wire ", range(count), "d;\n    ", write_pair_count(out, n, false),
                       " nonzero (.a(x_nonzero), .b(w_nonzero), .y(c));\n    ", write_bit_count(out, n),
                       " negative (.x(minus), .y(d));\n    wire ", range(count + 1), "sum = {1'b0, c} - {d, 1'b0};\n");
        case kind::ternary_int8: {
            const auto bits = static_cast<size_t>(u.x_bits);
            return write_lanes(out, u, bits + 1, write_select(out, bits),
                               cat(".x(x@", bits, "), .nonzero(w_nonzero@1), .sign(w_sign@1)"));
        }
        case kind::int8: return write_lanes(out, u, 16, write_multiply(out), ".x(x@8), .w(w@8)");
        case kind::fusion: return write_lanes(out, u, 16, write_fusion_lane(out), ".x(x@32), .w(w@32), .mode(mode)");
        case kind::fp16: return write_lanes(out, u, 16, write_float_multiply(out, half_format), ".a(x@16), .b(w@16)");
        case kind::fp32: return write_lanes(out, u, 32, write_float_multiply(out, single_format), ".a(x@32), .b(w@32)");
    }
    return {};
}

/// `next`: the accumulator plus the step, by its rule.
[[nodiscard]] inline std::string write_accumulate(verilog_text& out, const unit& u) {
    const auto a = static_cast<size_t>(u.acc_bits);
    const auto s = static_cast<size_t>(step_bits(u));
    if (is_float(u.type)) {
        const float_format f = u.type == kind::fp16 ? half_format : single_format;
        return cat("    ", write_float_add(out, f), " accumulate (.a(acc), .b(sum), .y(next));\n");
    }
    const bool counts = u.type == kind::binary;
    if (u.rule == overflow_rule::wrap)
        return cat("    assign next = acc + ", counts ? zero_extend("sum", s, a) : sign_extend("sum", s, a), ";\n");
    if (counts)
        return cat("    wire ", range(a + 1), "total = {1'b0, acc} + ", zero_extend("sum", s, a + 1),
                   ";\n    assign next = total[", a, "] ? ", repeat(a, "1'b1"), " : ", slice("total", a - 1, 0), ";\n");
    const std::string others = a == 1 ? "" : cat(", ", repeat(a - 1, cat("~total[", a, "]")));
    return cat("    wire ", range(a + 1), "total = ", sign_extend("acc", a, a + 1), " + ", sign_extend("sum", s, a + 1),
               ";\n    assign next = total[", a, "] != total[", a - 1, "] ? {total[", a, "]", others,
               "} : ", slice("total", a - 1, 0), ";\n");
}

}  // namespace detail

/// Writes an element and what it is made of. Requires `check(u).ok()`; writes nothing else.
inline verdict write_verilog(verilog_text& out, const unit& u) {
    using detail::cat;
    using detail::range;
    const verdict v = check(u);
    if (!v.ok() || !out.missing(module_name(u))) return v;
    const std::string step = detail::write_step(out, u);
    const std::string accumulate = detail::write_accumulate(out, u);
    std::string head = cat("\nmodule ", module_name(u), " (input wire clk, input wire clear, input wire enable,\n");
    const detail::ports operands = detail::operand_ports(u);
    for (size_t i = 0; i < operands.count; ++i)
        head += cat("    input wire ", range(operands.list[i].width), operands.list[i].name, ",\n");
    if (u.type == kind::fusion) head += "    input wire [1:0] mode,\n";
    const auto a = static_cast<size_t>(u.acc_bits);
    out.append(cat(head, "    output wire ", range(a), "next, output reg ", range(a), "acc);\n", step, accumulate,
                   "    always @(posedge clk)\n        if (clear) acc <= ", a,
                   "'d0;\n        else if (enable) acc <= next;\n", "endmodule\n"));
    return v;
}

/// The whole text of one element; empty when there is none.
[[nodiscard]] inline std::string verilog(const unit& u) {
    verilog_text out;
    return write_verilog(out, u).ok() ? out.str() : std::string();
}

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
