// SPDX-License-Identifier: MIT
// The counters and adder trees of the processing elements in Verilog: one module for each size, so that a synthesis
// tool that works module by module meets every structure once, and area.hpp can say what it costs.
#pragma once

#include <string>

#include <tern/pe/tree.hpp>
#include <tern/pe/verilog_text.hpp>

namespace tern::pe {
inline namespace TERN_ISA_NAMESPACE {
namespace detail {

/// Assigns the count of the signals p[0] .. p[n - 1], n <= 6, to y.
[[nodiscard]] inline std::string count_statements(const std::string& p, size_t n) {
    const auto bit = [&](size_t i) { return cat(p, "[", i, "]"); };
    const auto parity = [&](size_t first, size_t last) {
        std::string text = bit(first);
        for (size_t i = first + 1; i < last; ++i) text += " ^ " + bit(i);
        return text;
    };
    const auto carry = [&](size_t first, size_t count) {
        if (count == 1) return std::string("1'b0");
        if (count == 2) return cat(bit(first), " & ", bit(first + 1));
        return cat("(", bit(first), " & ", bit(first + 1), ") | (", bit(first), " & ", bit(first + 2), ") | (",
                   bit(first + 1), " & ", bit(first + 2), ")");
    };
    if (n == 1) return cat("    assign y = ", bit(0), ";\n");
    if (n <= 3) return cat("    assign y = {", carry(0, n), ", ", parity(0, n), "};\n");
    // Two counts of up to three signals, {high0, low0} and {high1, low1}, added.
    return cat("    wire low0 = ", parity(0, 3), ";\n    wire high0 = ", carry(0, 3),
               ";\n    wire low1 = ", parity(3, n), ";\n    wire high1 = ", carry(3, n - 3),
               ";\n    assign y = {(high0 & high1) | ((high0 | high1) & low0 & low1), high0 ^ high1 ^ (low0 & low1), "
               "low0 ^ low1};\n");
}

/// tern_bits_<n>: counts n signals.
inline std::string write_bit_count(verilog_text& out, size_t n) {
    const std::string name = cat("tern_bits_", n);
    if (!out.missing(name)) return name;
    const auto width = static_cast<size_t>(count_bits(n));
    std::string body;
    if (n <= bit_leaf) {
        body = count_statements("x", n);
    } else {
        const size_t left = left_part(n, bit_leaf);
        const auto wl = static_cast<size_t>(count_bits(left));
        const auto wr = static_cast<size_t>(count_bits(n - left));
        const std::string l = write_bit_count(out, left);
        const std::string r = write_bit_count(out, n - left);
        body =
            cat("    wire ", range(wl), "a;\n    wire ", range(wr), "b;\n    ", l, " left (.x(",
                slice("x", left - 1, 0), "), .y(a));\n    ", r, " right (.x(", slice("x", n - 1, left),
                "), .y(b));\n    assign y = ", zero_extend("a", wl, width), " + ", zero_extend("b", wr, width), ";\n");
    }
    out.append(cat("\nmodule ", name, " (input wire ", range(n), "x, output wire ", range(width), "y);\n", body,
                   "endmodule\n"));
    return name;
}

/// tern_and_<n>, tern_xnor_<n>: counts the lanes whose bits are both set, or equal.
inline std::string write_pair_count(verilog_text& out, size_t n, bool equal) {
    const std::string name = cat(equal ? "tern_xnor_" : "tern_and_", n);
    if (!out.missing(name)) return name;
    const auto width = static_cast<size_t>(count_bits(n));
    std::string body;
    if (n <= pair_leaf) {
        body = cat("    wire ", range(n), "p = ", equal ? "~(a ^ b)" : "a & b", ";\n", count_statements("p", n));
    } else {
        const size_t left = left_part(n, pair_leaf);
        const auto wl = static_cast<size_t>(count_bits(left));
        const auto wr = static_cast<size_t>(count_bits(n - left));
        const std::string l = write_pair_count(out, left, equal);
        const std::string r = write_pair_count(out, n - left, equal);
        body =
            cat("    wire ", range(wl), "s;\n    wire ", range(wr), "t;\n    ", l, " left (.a(",
                slice("a", left - 1, 0), "), .b(", slice("b", left - 1, 0), "), .y(s));\n    ", r, " right (.a(",
                slice("a", n - 1, left), "), .b(", slice("b", n - 1, left),
                "), .y(t));\n    assign y = ", zero_extend("s", wl, width), " + ", zero_extend("t", wr, width), ";\n");
    }
    out.append(cat("\nmodule ", name, " (input wire ", range(n), "a, input wire ", range(n), "b, output wire ",
                   range(width), "y);\n", body, "endmodule\n"));
    return name;
}

/// tern_sum_<bits>_<n>: adds n two's complement numbers. n = 1 needs no module; the caller passes it through.
inline std::string write_sum(verilog_text& out, size_t bits, size_t n) {
    const std::string name = cat("tern_sum_", bits, "_", n);
    if (!out.missing(name)) return name;
    const size_t left = n / 2;
    const size_t right = n - left;
    const size_t width = bits + static_cast<size_t>(growth_bits(n));
    const size_t wl = bits + static_cast<size_t>(growth_bits(left));
    const size_t wr = bits + static_cast<size_t>(growth_bits(right));
    const std::string parts = tree_halves(n, bits, [&](size_t count) { return write_sum(out, bits, count); });
    out.append(cat("\nmodule ", name, " (input wire ", range(n * bits), "x, output wire ", range(width),
                   "y);\n    wire ", range(wl), "a;\n    wire ", range(wr), "b;\n", parts, "    assign y = ",
                   sign_extend("a", wl, width), " + ", sign_extend("b", wr, width), ";\nendmodule\n"));
    return name;
}

}  // namespace detail
}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
