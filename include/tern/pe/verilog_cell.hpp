// SPDX-License-Identifier: MIT
// The elements of systolic and bit-serial arrays in Verilog: a processing element's step and accumulator between the
// registers that cell.hpp counts. The array around them is wires and is not written.
//
//     module tern_cell_<dataflow>_<sizes>
//
//     output_stationary  (clk, clear, leave, <operands>, above, <operands>_on, acc): acc = 0, above or acc + step
//     weight_stationary  (clk, load, <operands>, above, <operands>_on, acc): acc = above + step; weights move on `load`
//     bit_serial         (clk, clear, shift, negate, x, w, take, above, acc, result): acc = (2^shift acc) +- count of
//                        x & w; result = acc on `take`, else above
#pragma once

#include <tern/pe/array.hpp>
#include <tern/pe/verilog.hpp>

namespace tern::pe {
inline namespace TERN_ISA_NAMESPACE {

[[nodiscard]] inline std::string cell_name(const array& a) {
    if (a.flow == dataflow::bit_serial)
        return detail::cat("tern_cell_bit_serial_", a.element.lanes, "_a", a.element.acc_bits);
    return detail::cat("tern_cell_", to_string(a.flow), "_") + module_name(a.element).substr(8);
}

namespace detail {

inline std::string write_serial_cell(verilog_text& out, const array& a) {
    const size_t n = a.element.lanes;
    const auto count = static_cast<size_t>(count_bits(n));
    const auto acc = static_cast<size_t>(a.element.acc_bits);
    const std::string counter = write_pair_count(out, n, false);
    // The one that negation adds comes in as the carry of a bit below.
    return cat(" (input wire clk, input wire clear, input wire shift, input wire negate,\n    input wire ", range(n),
               "x, input wire ", range(n), "w, input wire take, input wire ", range(acc), "above,\n    output reg ",
               range(acc), "acc, output reg ", range(acc), "result);\n    wire ", range(count), "sum;\n    ", counter,
               " ones (.a(x), .b(w), .y(sum));\n    wire ", range(acc), "base = shift ? {", slice("acc", acc - 2, 0),
               ", 1'b0} : acc;\n    wire ", range(acc), "term = ", zero_extend("sum", count, acc), " ^ ",
               repeat(acc, "negate"), ";\n    wire ", range(acc + 1),
               "total = {base, 1'b1} + {term, negate};\n    wire unused = total[0];\n    always @(posedge clk) begin\n"
               "        if (clear) acc <= ",
               acc, "'d0;\n        else acc <= ", slice("total", acc, 1),
               ";\n        result <= take ? acc : above;\n    end\n");
}

}  // namespace detail

/// Writes an element of an array that is not folded. Requires `check(a).ok()`.
inline verdict write_cell(verilog_text& out, const array& a) {
    using detail::cat;
    using detail::range;
    const verdict v = check(a);
    if (!v.ok()) return v;
    if (a.flow == dataflow::folded) return {status::unsupported, reason::kinds_differ};
    const std::string name = cell_name(a);
    if (!out.missing(name)) return v;
    if (a.flow == dataflow::bit_serial) {
        const std::string body = detail::write_serial_cell(out, a);
        out.append(cat("\nmodule ", name, body, "endmodule\n"));
        return v;
    }
    const unit& u = a.element;
    const bool outputs_rest = a.flow == dataflow::output_stationary;
    const auto acc = static_cast<size_t>(u.acc_bits);
    std::string head = cat("\nmodule ", name, " (input wire clk, input wire ",
                           outputs_rest ? "clear, input wire leave" : "load", ",\n");
    std::string moves;
    std::string used;
    const detail::ports operands = detail::operand_ports(u);
    for (size_t i = 0; i < operands.count; ++i) {
        const detail::port& p = operands.list[i];
        const bool rests = !outputs_rest && i >= operands.activations;
        head += cat("    input wire ", range(p.width), p.name, "_in, output reg ", range(p.width), p.name, "_on,\n");
        moves += cat("        ", rests ? "if (load) " : "", p.name, "_on <= ", p.name, "_in;\n");
        used += cat("    wire ", range(p.width), p.name, " = ", p.name, rests ? "_on" : "_in", ";\n");
    }
    if (u.type == kind::fusion) head += "    input wire [1:0] mode,\n";
    head += cat("    input wire ", range(acc), "above, output reg ", range(acc), outputs_rest ? "acc" : "below", ");\n",
                used, "    wire ", range(acc), "next;\n");
    if (!outputs_rest) head += cat("    wire ", range(acc), "acc = above;\n");
    const std::string step = detail::write_step(out, u);
    const std::string accumulate = detail::write_accumulate(out, u);
    out.append(cat(head, step, accumulate, "    always @(posedge clk) begin\n", moves,
                   outputs_rest
                       ? cat("        if (clear) acc <= ", acc, "'d0;\n        else acc <= leave ? above : next;\n")
                       : std::string("        below <= next;\n"),
                   "    end\nendmodule\n"));
    return v;
}

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
