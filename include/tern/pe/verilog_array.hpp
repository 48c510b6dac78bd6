// SPDX-License-Identifier: MIT
// The folded array in Verilog: `rows` elements side by side, a memory of weights, a memory of activations, and the
// counters that walk over them. For one workload; the loops are constants.
//
//     module tern_array_<kind>_<sizes> (clk, reset, x_write, x_address, x_data, w_write, w_address, w_data, start,
//                                       [mode,] busy, done, y_valid, y_fold, y)
//
// x memory: vectors * ceil(depth / step) words, one a slice. w memory: ceil(outputs / rows) * ceil(depth / step) words,
// one a step of all elements, the first element's operands in the lowest bits. `start` for one clock; then every
// ceil(depth / step) clocks `y_valid` with the accumulators of the outputs y_fold * rows ... beside each other, and
// `done` with the last of them: vectors * ceil(outputs / rows) * ceil(depth / step) + 1 clocks after `start`.
#pragma once

#include <string>

#include <tern/pe/cycles.hpp>
#include <tern/pe/verilog.hpp>

namespace tern::pe {
inline namespace TERN_ISA_NAMESPACE {

[[nodiscard]] inline std::string module_name(const array& a, const workload& w) {
    return "tern_array_" + module_name(a.element).substr(8) +
           detail::cat("_p", a.rows, "_", w.outputs, "x", w.depth, "x", w.vectors);
}

namespace detail {

/// Bits of an address below n, at least 1.
[[nodiscard]] constexpr size_t address_bits(size_t n) noexcept {
    const int bits = growth_bits(n);
    return bits == 0 ? 1 : static_cast<size_t>(bits);
}

/// A counter 0 .. n - 1 that steps when `step` says so, and the wire that says that it stands at its end.
[[nodiscard]] inline std::string write_counter(const char* name, size_t n, const std::string& step) {
    const size_t bits = address_bits(n);
    if (n == 1) return cat("    wire last_", name, " = 1'b1;\n");
    return cat("    reg ", range(bits), name, ";\n    wire last_", name, " = ", name, " == ", bits, "'d", n - 1,
               ";\n    always @(posedge clk)\n        if (reset | ~busy) ", name, " <= ", bits,
               "'d0;\n        else if (", step, ") ", name, " <= last_", name, " ? ", bits, "'d0 : ", name, " + ", bits,
               "'d1;\n");
}

}  // namespace detail

/// Writes a folded array. Requires a workload that `check(a, w)` accepts.
inline verdict write_verilog(verilog_text& out, const array& a, const workload& w) {
    using detail::cat;
    using detail::range;
    const verdict v = check(a, w);
    if (!v.ok()) return v;
    if (a.flow != dataflow::folded) return {status::unsupported, reason::kinds_differ};
    const std::string name = module_name(a, w);
    if (!out.missing(name)) return v;
    if (const verdict e = write_verilog(out, a.element); !e.ok()) return e;

    const unit& u = a.element;
    const folding f = fold(a, w);
    const auto slices = static_cast<size_t>(f.depth);
    const auto folds = static_cast<size_t>(f.outputs);
    const size_t x_bits = activation_port_bits(u);
    const size_t w_bits = weight_port_bits(u);
    const size_t x_depth = w.vectors * slices;
    const size_t w_depth = folds * slices;
    const size_t xa = detail::address_bits(x_depth);
    const size_t wa = detail::address_bits(w_depth);
    const size_t fa = detail::address_bits(folds);
    const auto acc = static_cast<size_t>(u.acc_bits);
    const bool fusion = u.type == kind::fusion;

    std::string text =
        cat("\nmodule ", name, " (input wire clk, input wire reset,\n    input wire x_write, input wire ", range(xa),
            "x_address, input wire ", range(x_bits), "x_data,\n    input wire w_write, input wire ", range(wa),
            "w_address, input wire ", range(a.rows * w_bits), "w_data,\n    input wire start,",
            fusion ? " input wire [1:0] mode," : "",
            "\n    output reg busy, output reg done, output reg y_valid,\n    output reg ", range(fa),
            "y_fold, output reg ", range(a.rows * acc), "y);\n    reg ", range(x_bits), "x_memory [0:", x_depth - 1,
            "];\n    reg ", range(a.rows * w_bits), "w_memory [0:", w_depth - 1, "];\n    reg ", range(x_bits),
            "x;\n    reg ", range(a.rows * w_bits), "w;\n    wire ", range(a.rows * acc), "next;\n    wire ",
            range(a.rows * acc), "held;\n");
    text += detail::write_counter("slice", slices, "1'b1");
    text += detail::write_counter("fold", folds, "last_slice");
    text += detail::write_counter("vector", w.vectors, "last_slice & last_fold");
    text += "    wire finished = last_slice & last_fold & last_vector;\n    wire unused = &{1'b0, held};\n";

    // Memories are read one clock ahead, so that the first step needs none of its own.
    const auto address = [&](const char* side, size_t bits, size_t depth, const std::string& following) {
        if (depth == 1) return cat("    wire ", range(bits), side, "_ahead = ", bits, "'d0;\n");
        return cat("    reg ", range(bits), side, "_at;\n    wire ", range(bits), side, "_ahead = ~busy ? ", bits,
                   "'d0 : ", following, ";\n    always @(posedge clk) ", side, "_at <= ", side, "_ahead;\n");
    };
    const auto one_more = [](const char* side, size_t bits) { return cat(side, "_at + ", bits, "'d1"); };
    text += address("w", wa, w_depth, cat("last_slice & last_fold ? ", wa, "'d0 : ", one_more("w", wa)));
    const std::string back = slices == 1 ? "x_at" : cat("x_at - ", xa, "'d", slices - 1);
    text += address("x", xa, x_depth,
                    cat("finished ? ", xa, "'d0 : last_slice & ~last_fold ? ", back, " : ", one_more("x", xa)));
    text +=
        "    always @(posedge clk) begin\n        if (x_write) x_memory[x_address] <= x_data;\n"
        "        x <= x_memory[x_ahead];\n        if (w_write) w_memory[w_address] <= w_data;\n"
        "        w <= w_memory[w_ahead];\n    end\n";

    for (size_t p = 0; p < a.rows; ++p) {
        text += cat("    ", module_name(u), " element", p,
                    " (.clk(clk), .clear(reset | (busy & last_slice)), .enable(busy),\n        ");
        const detail::ports operands = detail::operand_ports(u);
        size_t at_x = 0;
        size_t at_w = p * w_bits;
        for (size_t i = 0; i < operands.count; ++i) {
            const bool activation = i < operands.activations;
            size_t& at = activation ? at_x : at_w;
            const detail::port& o = operands.list[i];
            text += cat(".", o.name, "(", detail::slice(activation ? "x" : "w", at + o.width - 1, at), "), ");
            at += o.width;
        }
        text += cat(fusion ? ".mode(mode), " : "", ".next(", detail::slice("next", (p + 1) * acc - 1, p * acc),
                    "), .acc(", detail::slice("held", (p + 1) * acc - 1, p * acc), "));\n");
    }
    text +=
        cat("    always @(posedge clk) begin\n        busy <= ~reset & (busy ? ~finished : start);\n"
            "        done <= ~reset & busy & finished;\n        y_valid <= ~reset & busy & last_slice;\n"
            "        if (busy & last_slice) begin\n            y <= next;\n            y_fold <= ",
            folds == 1 ? "1'b0" : "fold", ";\n        end\n    end\nendmodule\n");
    out.append(text);
    return v;
}

/// The whole text of an array; empty when there is none.
[[nodiscard]] inline std::string verilog(const array& a, const workload& w) {
    verilog_text out;
    return write_verilog(out, a, w).ok() ? out.str() : std::string();
}

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
