// SPDX-License-Identifier: MIT
// Test benches that check themselves: operands and the model's results go into memory files, and the Verilog compares
// after every clock. Files have to lie where the simulator runs.
//
//     tern_bench    no ports; makes the clock, prints "tern: <checks> checks, <errors> errors", ends the simulation
//     tern_checks   (input clk, output done, output [31:0] errors), for a simulator that brings its own clock
#pragma once

#include <string>
#include <vector>

#include <tern/pe/run.hpp>
#include <tern/pe/verilog_array.hpp>

namespace tern::pe {
inline namespace TERN_ISA_NAMESPACE {

/// A file that a bench reads.
struct memory_file {
    std::string name;
    std::string text;
};

namespace detail {

/// Bits in the order of a port, lowest first; a line of hexadecimal digits in the end.
class bit_row {
public:
    void append(std::uint64_t value, size_t bits) {
        for (size_t b = 0; b < bits; ++b) bits_.push_back(b < 64 && (value >> b & 1u) != 0);
    }
    void append(const bit_row& other) { bits_.insert(bits_.end(), other.bits_.begin(), other.bits_.end()); }
    [[nodiscard]] size_t size() const { return bits_.size(); }
    [[nodiscard]] std::string line() const {
        std::string text;
        for (size_t digit = (bits_.size() + 3) / 4; digit-- > 0;) {
            unsigned value = 0;
            for (size_t b = 0; b < 4; ++b)
                if (4 * digit + b < bits_.size() && bits_[4 * digit + b]) value |= 1u << b;
            text += "0123456789abcdef"[value];
        }
        return text + "\n";
    }

private:
    std::vector<bool> bits_;
};

/// One side's port: lanes d .. d + n - 1 of row r, the lanes behind them zero, or `pad` for binary.
template <class View>
[[nodiscard]] bit_row port_bits(const unit& u, const View& v, size_t r, size_t d, size_t n, bool weights) {
    bit_row row;
    const auto plane = [&](size_t p, bool pad) {
        if constexpr (packs<View, binary> || packs<View, ternary>)
            for (size_t l = 0; l < u.lanes; ++l) row.append(l < n ? plane_bits(v, r, p, d + l, 1) : (pad ? 1u : 0u), 1);
    };
    const auto number = [&](size_t k) {
        return k < n ? static_cast<std::uint64_t>(static_cast<std::int64_t>(value_at(v, r, d + k))) : 0u;
    };
    if (u.type == kind::binary) {
        plane(0, weights);
    } else if (u.type == kind::ternary || (u.type == kind::ternary_int8 && weights)) {
        plane(0, false);
        plane(1, false);
    } else if (u.type == kind::fusion) {
        const size_t products = products_per_lane(u);
        const auto bits = static_cast<size_t>(u.fused_bits);
        for (size_t l = 0; l < u.lanes; ++l) {
            for (size_t q = 0; q < products; ++q) row.append(number(l * products + q), bits);
            row.append(0, 32 - products * bits);
        }
    } else {
        const auto bits = static_cast<size_t>(weights ? weight_bits(u) : activation_bits(u));
        for (size_t l = 0; l < u.lanes; ++l) row.append(number(l), bits);
    }
    return row;
}

[[nodiscard]] inline size_t fusion_mode(const unit& u) { return u.fused_bits == 2 ? 0 : u.fused_bits == 4 ? 1 : 2; }

}  // namespace detail

/// Collects checks of elements and arrays; one simulation runs them all side by side.
class verilog_bench {
public:
    /// Every row of x against the same row of w on one element, step by step, the accumulator compared after each.
    template <class X, class W>
    verdict add(const unit& u, const X& x, const W& w);

    /// A whole product on a folded array: values, and the clocks that it takes.
    template <class X, class W>
    verdict add(const array& a, const X& x, const W& w);

    [[nodiscard]] std::string verilog() const { return design_.str() + checks_ + top(); }
    [[nodiscard]] const std::vector<memory_file>& files() const { return files_; }
    [[nodiscard]] size_t checks() const { return names_.size(); }

private:
    [[nodiscard]] std::string top() const;
    [[nodiscard]] std::string next_name() const { return detail::cat("tern_check_", names_.size()); }

    verilog_text design_;
    std::string checks_;
    std::vector<std::string> names_;
    std::vector<memory_file> files_;
};

template <class X, class W>
verdict verilog_bench::add(const unit& u, const X& x, const W& w) {
    using detail::cat;
    using detail::range;
    using detail::slice;
    const verdict v = write_verilog(design_, u);
    if (!v.ok()) return v;
    const std::string name = next_name();
    names_.push_back(name);
    const size_t depth = detail::depth_of(x);
    const auto acc_bits = static_cast<size_t>(u.acc_bits);
    const size_t xb = activation_port_bits(u);
    const size_t wb = weight_port_bits(u);

    // A row: clear, mode, activations, weights, the accumulator afterwards.
    std::string rows;
    size_t count = 0;
    const auto put = [&](bool clear, const detail::bit_row& px, const detail::bit_row& pw, std::uint64_t after) {
        detail::bit_row row;
        row.append(clear ? 1u : 0u, 1);
        row.append(detail::fusion_mode(u), 2);
        row.append(px);
        row.append(pw);
        row.append(after, acc_bits);
        rows += row.line();
        ++count;
    };
    for (size_t i = 0; i < detail::rows_of(x); ++i) {
        accumulator acc;
        std::uint32_t real = 0;
        put(true, detail::port_bits(u, x, i, 0, 0, false), detail::port_bits(u, w, i, 0, 0, true), 0);
        for (size_t d = 0; d < depth; d += step_depth(u)) {
            const size_t n = depth - d < step_depth(u) ? depth - d : step_depth(u);
            if (is_float(u.type))
                real =
                    pe::add(u.type == kind::fp16 ? half_format : single_format, real, float_step(u, x, i, w, i, d, n));
            else
                acc.add(u, step_sum(u, x, i, w, i, d, n));
            put(false, detail::port_bits(u, x, i, d, n, false), detail::port_bits(u, w, i, d, n, true),
                is_float(u.type) ? std::uint64_t{real} : static_cast<std::uint64_t>(acc.value));
        }
    }
    files_.push_back({name + ".hex", rows});

    const size_t width = 3 + xb + wb + acc_bits;
    const size_t bits = detail::address_bits(count + 1);
    std::string operands;
    const detail::ports ports = detail::operand_ports(u);
    size_t at = 3;
    for (size_t i = 0; i < ports.count; ++i) {
        operands += cat(".", ports.list[i].name, "(", slice("row", at + ports.list[i].width - 1, at), "), ");
        at += ports.list[i].width;
    }
    checks_ +=
        cat("\nmodule ", name, " (input wire clk, output reg done, output reg [31:0] errors);\n    reg ", range(width),
            "rows [0:", count - 1, "];\n    reg ", range(bits), "at;\n    reg checking;\n    reg ", range(acc_bits),
            "expected;\n    wire ", range(width), "row = rows[at];\n    wire ", range(acc_bits), "next;\n    wire ",
            range(acc_bits), "acc;\n    wire unused = &{1'b0, row[2:1], next};\n    ", module_name(u),
            " dut (.clk(clk), .clear(row[0]), .enable(~row[0]), ", operands,
            u.type == kind::fusion ? ".mode(row[2:1]), " : "",
            ".next(next), .acc(acc));\n    initial begin\n        $readmemh(\"", name,
            ".hex\", rows);\n        at = ", bits,
            "'d0; checking = 1'b0; done = 1'b0; errors = 32'd0; expected = ", acc_bits,
            "'d0;\n    end\n    always @(posedge clk) begin\n        if (checking & ~done & (acc !== expected)) begin\n"
            "            errors <= errors + 32'd1;\n            $display(\"",
            module_name(u), ": step %0d: %h, not %h\", at, acc, expected);\n        end\n        expected <= ",
            slice("row", width - 1, width - acc_bits), ";\n        checking <= 1'b1;\n        if (at == ", bits, "'d",
            count - 1, ") done <= checking; else at <= at + ", bits, "'d1;\n    end\nendmodule\n");
    return v;
}

template <class X, class W>
verdict verilog_bench::add(const array& a, const X& x, const W& w) {
    using detail::cat;
    using detail::range;
    const unit& u = a.element;
    const workload job{detail::rows_of(w), detail::depth_of(x), detail::rows_of(x)};
    const verdict v = write_verilog(design_, a, job);
    if (!v.ok()) return v;
    const std::string name = next_name();
    names_.push_back(name);
    const folding f = fold(a, job);
    const auto folds = static_cast<size_t>(f.outputs);
    const auto slices = static_cast<size_t>(f.depth);
    const size_t step = step_depth(u);
    const auto lanes_at = [&](size_t s) { return job.depth - s * step < step ? job.depth - s * step : step; };

    std::string xs;
    for (size_t i = 0; i < job.vectors; ++i)
        for (size_t s = 0; s < slices; ++s) xs += detail::port_bits(u, x, i, s * step, lanes_at(s), false).line();
    std::string ws;
    for (size_t g = 0; g < folds; ++g) {
        for (size_t s = 0; s < slices; ++s) {
            detail::bit_row row;
            for (size_t p = 0; p < a.rows; ++p) {
                const bool exists = g * a.rows + p < job.outputs;
                const size_t j = exists ? g * a.rows + p : 0;
                row.append(detail::port_bits(u, w, j, s * step, exists ? lanes_at(s) : 0, true));
            }
            ws += row.line();
        }
    }
    std::string ys;
    std::uint64_t steps = 0;
    const auto acc_bits = static_cast<size_t>(u.acc_bits);
    for (size_t i = 0; i < job.vectors; ++i) {
        for (size_t g = 0; g < folds; ++g) {
            detail::bit_row row;
            for (size_t p = 0; p < a.rows; ++p) {
                const size_t j = g * a.rows + p;
                std::uint64_t value = 0;
                if (j < job.outputs)
                    value = is_float(u.type)
                                ? detail::accumulate_float(a, x, i, w, j, steps)
                                : static_cast<std::uint64_t>(detail::accumulate(a, x, i, w, j, steps).value);
                row.append(value, acc_bits);
            }
            ys += row.line();
        }
    }
    files_.push_back({name + "_x.hex", xs});
    files_.push_back({name + "_w.hex", ws});
    files_.push_back({name + "_y.hex", ys});

    const size_t x_depth = job.vectors * slices;
    const size_t w_depth = folds * slices;
    const size_t loading = x_depth > w_depth ? x_depth : w_depth;
    const size_t xa = detail::address_bits(x_depth);
    const size_t wa = detail::address_bits(w_depth);
    const size_t y_bits = a.rows * acc_bits;
    checks_ += cat(
        "\nmodule ", name, " (input wire clk, output reg done, output reg [31:0] errors);\n    reg ",
        range(activation_port_bits(u)), "xs [0:", x_depth - 1, "];\n    reg ", range(a.rows * weight_port_bits(u)),
        "ws [0:", w_depth - 1, "];\n    reg ", range(y_bits), "ys [0:", job.vectors * folds - 1,
        "];\n    reg [31:0] at;\n    reg [31:0] results;\n    reg [31:0] clocks;\n    wire busy;\n    wire finished;\n "
        "   wire valid;\n    wire ",
        range(detail::address_bits(folds)), "fold;\n    wire ", range(y_bits), "y;\n    wire ", range(y_bits),
        "expected = ys[results];\n    wire loading = at < 32'd", loading,
        ";\n    wire unused = &{1'b0, busy, expected};\n    wire start = at == 32'd", loading,
        ";\n    wire [31:0] xi = at < 32'd", x_depth, " ? at : 32'd0;\n    wire [31:0] wi = at < 32'd", w_depth,
        " ? at : 32'd0;\n    ", module_name(a, job), " dut (.clk(clk), .reset(loading), .x_write(at < 32'd", x_depth,
        "), .x_address(xi[", xa - 1, ":0]), .x_data(xs[xi]), .w_write(at < 32'd", w_depth, "), .w_address(wi[", wa - 1,
        ":0]), .w_data(ws[wi]), .start(start), ",
        u.type == kind::fusion ? cat(".mode(2'd", detail::fusion_mode(u), "), ") : "",
        ".busy(busy), .done(finished), .y_valid(valid), .y_fold(fold), .y(y));\n    integer p;\n    initial begin\n    "
        "    $readmemh(\"",
        name, "_x.hex\", xs);\n        $readmemh(\"", name, "_w.hex\", ws);\n        $readmemh(\"", name,
        "_y.hex\", ys);\n        at = 32'd0; results = 32'd0; clocks = 32'd0; done = 1'b0; errors = 32'd0;\n    end\n"
        "    always @(posedge clk) if (~done) begin\n        at <= at + 32'd1;\n        clocks <= start ? 32'd0 : "
        "clocks + 32'd1;\n"
        "        if (valid & ~loading & ~start) begin\n            for (p = 0; p < ",
        a.rows, "; p = p + 1)\n                if (fold * ", a.rows, " + p < ", job.outputs, " && y[p * ", acc_bits,
        " +: ", acc_bits, "] !== expected[p * ", acc_bits, " +: ", acc_bits,
        "]) begin\n                    errors = errors + 32'd1;\n                    $display(\"", module_name(a, job),
        ": result %0d of element %0d is wrong\", results, p);\n                end\n            results <= results + "
        "32'd1;\n        end\n"
        "        if (finished & ~loading & ~start) begin\n            done <= 1'b1;\n            if (clocks + 32'd1 != "
        "32'd",
        static_cast<size_t>(cycles(a, job)), " || results + 32'd1 != 32'd", job.vectors * folds,
        ") begin\n                errors = errors + 32'd1;\n                $display(\"", module_name(a, job),
        ": %0d clocks, not ", static_cast<size_t>(cycles(a, job)),
        "\", clocks + 32'd1);\n            end\n        end\n    end\nendmodule\n");
    return v;
}

inline std::string verilog_bench::top() const {
    using detail::cat;
    const size_t n = names_.size();
    if (n == 0) return {};
    std::string text =
        cat("\nmodule tern_checks (input wire clk, output wire done, output wire [31:0] errors);\n    wire ",
            detail::range(n), "each;\n");
    std::string sum;
    for (size_t i = 0; i < n; ++i) {
        text += cat("    wire [31:0] errors", i, ";\n    ", names_[i], " check", i, " (.clk(clk), .done(each[", i,
                    "]), .errors(errors", i, "));\n");
        sum += cat(i == 0 ? "" : "\n                  + ", "errors", i);
    }
    return text + cat("    assign done = &each;\n    assign errors = ", sum,
                      ";\nendmodule\n\n`ifndef VERILATOR\nmodule tern_bench;\n    reg clk;\n    wire done;\n    wire "
                      "[31:0] errors;\n"
                      "    tern_checks checks (.clk(clk), .done(done), .errors(errors));\n"
                      "    initial begin clk = 1'b0; forever #5 clk = ~clk; end\n"
                      "    always @(posedge clk) if (done) begin\n        $display(\"tern: ",
                      n, " checks, %0d errors\", errors);\n        $finish;\n    end\nendmodule\n`endif\n");
}

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
