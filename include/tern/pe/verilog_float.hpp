// SPDX-License-Identifier: MIT
// floating.hpp in Verilog: a multiplier and an adder of any format.
#pragma once

#include <string>

#include <tern/pe/floating.hpp>
#include <tern/pe/verilog_text.hpp>

namespace tern::pe {
inline namespace TERN_ISA_NAMESPACE {
namespace detail {

/// tern_float_multiply_<exponent>_<fraction>
inline std::string write_float_multiply(verilog_text& out, float_format f) {
    const std::string name = cat("tern_float_multiply_", f.exponent, "_", f.fraction);
    if (!out.missing(name)) return name;
    const auto e = static_cast<size_t>(f.exponent);
    const auto m = static_cast<size_t>(f.fraction);
    const size_t top = e + m;  // the sign bit
    const std::string no_fraction = repeat(m, "1'b0");
    out.append(cat(
        "\nmodule ", name, " (input wire ", range(top + 1), "a, input wire ", range(top + 1), "b, output wire ",
        range(top + 1), "y);\n", "    wire sign = a[", top, "] ^ b[", top, "];\n    wire ", range(e),
        "ea = ", slice("a", top - 1, m), ";\n    wire ", range(e), "eb = ", slice("b", top - 1, m),
        ";\n    wire zero = ~((|ea) & (|eb));\n    wire infinite = (&ea) | (&eb);\n", "    wire ", range(2 * m + 2),
        "product = ", zero_extend(cat("1'b1, ", slice("a", m - 1, 0)), m + 1, 2 * m + 2), " * ",
        zero_extend(cat("1'b1, ", slice("b", m - 1, 0)), m + 1, 2 * m + 2), ";\n", "    wire high = product[",
        2 * m + 1, "];\n    wire ", range(m + 1), "kept = high ? ", slice("product", 2 * m + 1, m + 1), " : ",
        slice("product", 2 * m, m), ";\n    wire guard = high ? product[", m, "] : product[", m - 1,
        "];\n    wire sticky = (|", slice("product", m - 2, 0), ") | (high & product[", m - 1, "]);\n    wire ",
        range(m + 2), "rounded = {1'b0, kept} + ", zero_extend("(guard & (sticky | kept[0]))", 1, m + 2),
        ";\n    wire ", range(e + 2), "exponent = {2'b00, ea} + {2'b00, eb} + ", zero_extend("high", 1, e + 2), " + ",
        zero_extend(cat("rounded[", m + 1, "]"), 1, e + 2), " - ", e + 2, "'d", static_cast<size_t>(f.bias()),
        ";\n    wire tiny = exponent[", e + 1, "] | ~(|exponent);\n    wire huge = exponent[", e, "] | (&",
        slice("exponent", e - 1, 0), ");\n    wire unused = &{1'b0, rounded[", m, "]};\n",
        "    assign y = zero | (tiny & ~infinite) ? {sign, ", repeat(top, "1'b0"),
        "}\n             : infinite | huge ? {sign, ", repeat(e, "1'b1"), ", ", no_fraction,
        "}\n             : {sign, ", slice("exponent", e - 1, 0), ", ", slice("rounded", m - 1, 0), "};\nendmodule\n"));
    return name;
}

/// tern_float_add_<exponent>_<fraction>
inline std::string write_float_add(verilog_text& out, float_format f) {
    const std::string name = cat("tern_float_add_", f.exponent, "_", f.fraction);
    if (!out.missing(name)) return name;
    const auto e = static_cast<size_t>(f.exponent);
    const auto m = static_cast<size_t>(f.fraction);
    const size_t top = e + m;
    const size_t n = m + 4;  // significand with guard, round and sticky
    const auto shift_bits = static_cast<size_t>(growth_bits(n));

    // Leading zeros go in steps of halves; what was shifted by is the number in binary.
    std::string normalise;
    std::string zeros;
    std::string from = slice("sum", n - 1, 0);
    for (size_t stage = shift_bits; stage-- > 0;) {
        const size_t by = size_t{1} << stage;
        const std::string to = cat("n", stage);
        if (stage + 1 == shift_bits) normalise += cat("    wire ", range(n), "n", shift_bits, " = ", from, ";\n");
        const std::string before = cat("n", stage + 1);
        normalise +=
            cat("    wire z", stage, " = ~(|", slice(before, n - 1, n - by), ");\n    wire ", range(n), to, " = z",
                stage, " ? {", slice(before, n - 1 - by, 0), ", ", repeat(by, "1'b0"), "} : ", before, ";\n");
        zeros += cat(zeros.empty() ? "" : ", ", "z", stage);
    }
    out.append(cat(
        "\nmodule ", name, " (input wire ", range(top + 1), "a, input wire ", range(top + 1), "b, output wire ",
        range(top + 1), "y);\n", "    wire swap = ", slice("b", top - 1, 0), " > ", slice("a", top - 1, 0),
        ";\n    wire ", range(top + 1), "l = swap ? b : a;\n    wire ", range(top + 1), "s = swap ? a : b;\n    wire ",
        range(e), "el = ", slice("l", top - 1, m), ";\n    wire ", range(e), "es = ", slice("s", top - 1, m),
        ";\n    wire ", range(e), "distance = el - es;\n    wire subtract = l[", top, "] ^ s[", top, "];\n    wire ",
        range(n), "upper = {1'b1, ", slice("l", m - 1, 0), ", 3'b000};\n    wire ", range(n),
        "little = (|es) ? {1'b1, ", slice("s", m - 1, 0), ", 3'b000} : ", repeat(n, "1'b0"),
        ";\n    wire far = distance > ", e, "'d", n - 1, ";\n    wire ", range(2 * n), "wide = {little, ",
        repeat(n, "1'b0"), "} >> ", slice("distance", shift_bits - 1, 0), ";\n    wire ", range(n), "aligned = far ? ",
        zero_extend("(|little)", 1, n), " : {", slice("wide", 2 * n - 1, n + 1), ", |", slice("wide", n, 0),
        "};\n    wire ", range(n + 1),
        "sum = subtract ? {1'b0, upper} - {1'b0, aligned} : {1'b0, upper} + {1'b0, aligned};\n", normalise, "    wire ",
        range(n), "shifted = sum[", n, "] ? {", slice("sum", n, 2), ", sum[1] | sum[0]} : n0;\n    wire ", range(e + 2),
        "level = {2'b00, el} + ", zero_extend(cat("sum[", n, "]"), 1, e + 2), " - (sum[", n, "] ? ",
        repeat(e + 2, "1'b0"), " : ", zero_extend(cat("{", zeros, "}"), shift_bits, e + 2), ");\n    wire ",
        range(m + 2), "rounded = {1'b0, ", slice("shifted", n - 1, 3), "} + ",
        zero_extend("(shifted[2] & (shifted[1] | shifted[0] | shifted[3]))", 1, m + 2), ";\n    wire ", range(e + 2),
        "exponent = level + ", zero_extend(cat("rounded[", m + 1, "]"), 1, e + 2),
        ";\n    wire nothing = ~(|el) | ~(|sum) | level[", e + 1,
        "] | ~(|level);\n    wire infinite = (&el) | (~nothing & (exponent[", e, "] | (&", slice("exponent", e - 1, 0),
        ")));\n    wire unused = &{1'b0, rounded[", m, "], exponent[", e + 1, "]};\n    assign y = infinite ? {l[", top,
        "], ", repeat(e, "1'b1"), ", ", repeat(m, "1'b0"), "}\n             : nothing ? {l[", top, "] & ~subtract, ",
        repeat(top, "1'b0"), "}\n             : {l[", top, "], ", slice("exponent", e - 1, 0), ", ",
        slice("rounded", m - 1, 0), "};\nendmodule\n"));
    return name;
}

/// tern_float_sum_<exponent>_<fraction>_<n>, n >= 2
inline std::string write_float_sum(verilog_text& out, float_format f, size_t n) {
    const std::string name = cat("tern_float_sum_", f.exponent, "_", f.fraction, "_", n);
    if (!out.missing(name)) return name;
    const auto bits = static_cast<size_t>(f.width());
    const std::string adder = write_float_add(out, f);
    const std::string parts = tree_halves(n, bits, [&](size_t count) { return write_float_sum(out, f, count); });
    out.append(cat("\nmodule ", name, " (input wire ", range(n * bits), "x, output wire ", range(bits),
                   "y);\n    wire ", range(bits), "a;\n    wire ", range(bits), "b;\n", parts, "    ", adder,
                   " add (.a(a), .b(b), .y(y));\nendmodule\n"));
    return name;
}

}  // namespace detail
}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
