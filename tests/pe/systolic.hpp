// SPDX-License-Identifier: MIT
// A whole systolic or bit-serial array around the elements that pe/ writes, for one tile of a product: what enters at
// its edges in every clock, and what has to come out at its bottom.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <tern/pe/verilog_bench.hpp>
#include <tern/pe/verilog_cell.hpp>

namespace tern_test {

namespace pe = tern::pe;

/// A clock: controls, operands at the left and above, and which columns have a result, and which.
struct edge_clock {
    bool control[4] = {};  ///< clear; leave, load or take; shift; negate
    std::vector<pe::detail::bit_row> rows, columns;
    std::vector<bool> check;
    std::vector<std::int64_t> expected;
};

/// A bench, its memory file, and the clocks between the first operand and the last result.
struct systolic_bench {
    std::string verilog, memory;
    std::uint64_t clocks = 0;
};

inline std::string write_systolic(const pe::array& a, const std::vector<edge_clock>& clocks, std::string& memory) {
    using pe::detail::cat;
    using pe::detail::range;
    using pe::detail::slice;
    pe::verilog_text design;
    if (!pe::write_cell(design, a).ok()) return {};
    const bool serial = a.flow == pe::dataflow::bit_serial;
    const bool weights_rest = a.flow == pe::dataflow::weight_stationary;
    const auto acc = static_cast<std::size_t>(a.element.acc_bits);
    pe::detail::ports ports = pe::detail::operand_ports(a.element);
    if (serial) ports = {{{"x", a.element.lanes}, {"w", a.element.lanes}}, 2, 1};
    std::size_t width = 4;
    for (const edge_clock& c : clocks) {
        pe::detail::bit_row row;
        for (const bool b : c.control) row.append(b ? 1u : 0u, 1);
        for (const auto* side : {&c.rows, &c.columns})
            for (const auto& bits : *side) row.append(bits);
        for (const bool b : c.check) row.append(b ? 1u : 0u, 1);
        for (const std::int64_t v : c.expected) row.append(static_cast<std::uint64_t>(v), acc);
        width = row.size();
        memory += row.line();
    }
    const std::size_t row_width = clocks[0].rows[0].size();
    const std::size_t column_width = clocks[0].columns[0].size();
    const std::size_t columns_at = 4 + a.rows * row_width;
    const std::size_t check_at = columns_at + a.columns * column_width;
    const std::size_t expected_at = check_at + a.columns;
    std::string text = cat(design.str(), "\nmodule tern_bench;\n    reg clk;\n    reg ", range(width),
                           "memory [0:", clocks.size() - 1, "];\n    integer at, errors, i;\n    wire ", range(width),
                           "now = memory[at];\n    wire ", range(acc), "nothing = 0;\n");
    const auto wire = [&](const char* name, std::size_t r, std::size_t c) { return cat(name, "_", r, "_", c); };
    for (std::size_t r = 0; r < a.rows; ++r)
        for (std::size_t c = 0; c < a.columns; ++c) {
            text += cat("    wire ", range(acc), wire("acc", r, c), ";\n    wire ", range(acc), wire("result", r, c),
                        ";\n");
            std::string pins =
                cat(".clk(clk), .above(", r == 0 ? "nothing" : wire(serial ? "result" : "acc", r - 1, c), ")");
            if (weights_rest)
                pins += cat(", .load(now[1]), .below(", wire("acc", r, c), ")");
            else
                pins += cat(", .clear(now[0]), .acc(", wire("acc", r, c), ")");
            if (a.flow == pe::dataflow::output_stationary) pins += ", .leave(now[1])";
            if (serial)
                pins += cat(", .take(now[1]), .shift(now[2]), .negate(now[3]), .result(", wire("result", r, c), ")");
            // Weights come from the left and activations from above; where weights rest, the other way round.
            std::size_t from_row = 4 + r * row_width, from_column = columns_at + c * column_width;
            for (std::size_t i = 0; i < ports.count; ++i) {
                const pe::detail::port& p = ports.list[i];
                const bool left = (i < ports.activations) == weights_rest;
                std::size_t& from = left ? from_row : from_column;
                const std::string edge = slice("now", from + p.width - 1, from);
                from += p.width;
                if (serial) {
                    pins += cat(", .", p.name, "(", edge, ")");
                    continue;
                }
                const bool first = left ? c == 0 : r == 0;
                text += cat("    wire ", range(p.width), wire(p.name, r, c), ";\n");
                pins += cat(", .", p.name, "_in(",
                            first  ? edge
                            : left ? wire(p.name, r, c - 1)
                                   : wire(p.name, r - 1, c),
                            "), .", p.name, "_on(", wire(p.name, r, c), ")");
            }
            text += cat("    ", pe::cell_name(a), " ", wire("cell", r, c), " (", pins, ");\n");
        }
    std::string bottom;
    for (std::size_t c = a.columns; c-- > 0;)
        bottom += cat(bottom.empty() ? "" : ", ", wire(serial ? "result" : "acc", a.rows - 1, c));
    return text +
           cat("    wire ", range(a.columns * acc), "bottom = {", bottom,
               "};\n    initial begin\n        $readmemh(\"memory.hex\", memory);\n        clk = 0; at = 0; errors = "
               "0;\n"
               "        while (at < ",
               clocks.size(), ") begin\n            #5;\n            for (i = 0; i < ", a.columns,
               "; i = i + 1)\n                if (now[", check_at, " + i] && bottom[i * ", acc, " +: ", acc,
               "] !== now[", expected_at, " + i * ", acc, " +: ", acc,
               "]) errors = errors + 1;\n            clk = 1; #5; clk = 0; at = at + 1;\n        end\n"
               "        $display(\"tern: 1 checks, %0d errors\", errors);\n        $finish;\n    end\nendmodule\n");
}

/// One tile: as many outputs and vectors as the array has rows and columns (or columns, and any number of vectors,
/// where weights rest; then the depth fits into the rows). x: vectors x depth, w: outputs x depth.
template <class X, class W>
systolic_bench systolic(const pe::array& a, const X& x, const W& w) {
    using pe::detail::port_bits;
    const pe::unit& u = a.element;
    const std::size_t depth = pe::detail::depth_of(x), vectors = pe::detail::rows_of(x), step = pe::slice_depth(a);
    const std::size_t slices = (depth + step - 1) / step;
    const auto count = [&](std::size_t s) {
        return s >= slices ? 0 : depth - s * step < step ? depth - s * step : step;
    };
    std::vector<std::int64_t> sums(vectors * pe::detail::rows_of(w));
    const tern::matrix_view<std::int64_t> dst(sums.data(), vectors, pe::detail::rows_of(w));
    pe::array whole = a;
    if (!pe::run(whole, x, w, dst).possible.ok()) return {};
    const auto raw = [&](std::size_t i, std::size_t j) {  // a count again, not the product
        const bool counts = u.type == pe::kind::binary && a.flow != pe::dataflow::bit_serial;
        return counts ? (dst(i, j) + static_cast<std::int64_t>(depth)) / 2 : dst(i, j);
    };
    std::vector<edge_clock> clocks;
    const auto idle = [&]() -> edge_clock& {
        edge_clock c;
        const bool rest = a.flow == pe::dataflow::weight_stationary;
        if (a.flow != pe::dataflow::bit_serial) {
            c.rows.assign(a.rows, rest ? port_bits(u, x, 0, 0, 0, false) : port_bits(u, w, 0, 0, 0, true));
            c.columns.assign(a.columns, rest ? port_bits(u, w, 0, 0, 0, true) : port_bits(u, x, 0, 0, 0, false));
        } else {
            pe::detail::bit_row zeros;
            zeros.append(0, u.lanes);
            c.rows.assign(a.rows, zeros);
            c.columns.assign(a.columns, zeros);
        }
        c.check.assign(a.columns, false);
        c.expected.assign(a.columns, 0);
        clocks.push_back(c);
        return clocks.back();
    };
    // Until the operands' registers hold something.
    for (std::size_t t = 0; t < a.rows + a.columns; ++t) idle().control[0] = true;
    const std::size_t reset = clocks.size();
    if (a.flow == pe::dataflow::output_stationary) {
        for (std::size_t t = 0; t < slices + a.rows + a.columns - 2; ++t) {
            edge_clock& c = idle();
            for (std::size_t r = 0; r < a.rows && r <= t; ++r)
                c.rows[r] = port_bits(u, w, r, (t - r) * step, count(t - r), true);
            for (std::size_t i = 0; i < a.columns && i <= t; ++i)
                c.columns[i] = port_bits(u, x, i, (t - i) * step, count(t - i), false);
        }
        for (std::size_t r = a.rows; r-- > 0;) {
            edge_clock& c = idle();
            c.control[1] = true;
            for (std::size_t i = 0; i < a.columns; ++i) {
                c.check[i] = true;
                c.expected[i] = raw(i, r);
            }
        }
    } else if (a.flow == pe::dataflow::weight_stationary) {
        for (std::size_t k = 0; k < a.rows; ++k) {
            edge_clock& c = idle();
            c.control[1] = true;
            const std::size_t s = a.rows - 1 - k;
            for (std::size_t j = 0; j < a.columns; ++j) c.columns[j] = port_bits(u, w, j, s * step, count(s), true);
        }
        const std::size_t last = vectors + a.rows + a.columns - 2;
        for (std::size_t t = 0; t <= last; ++t) {
            edge_clock& c = idle();
            for (std::size_t r = 0; r < a.rows; ++r)
                if (t >= r && t - r < vectors) c.rows[r] = port_bits(u, x, t - r, r * step, count(r), false);
            for (std::size_t j = 0; j < a.columns; ++j) {
                const std::size_t before = a.rows + j;
                c.check[j] = t >= before && t - before < vectors;
                if (c.check[j]) c.expected[j] = raw(t - before, j);
            }
        }
    } else {
        bool first_pair = true;
        for (int weight = a.serial_x_bits + a.serial_w_bits - 2; weight >= 0; --weight) {
            bool shift = !first_pair;
            for (int p = a.serial_x_bits - 1; p >= 0; --p) {
                const int q = weight - p;
                if (q < 0 || q >= a.serial_w_bits) continue;
                first_pair = false;
                for (std::size_t s = 0; s < slices; ++s) {
                    edge_clock& c = idle();
                    c.control[2] = shift;
                    c.control[3] = (p == a.serial_x_bits - 1) != (q == a.serial_w_bits - 1);
                    shift = false;
                    const auto plane = [&](const auto& v, std::size_t i, int bit) {
                        pe::detail::bit_row bits;
                        for (std::size_t l = 0; l < step; ++l)
                            bits.append(l < count(s) ? static_cast<std::uint64_t>(
                                                           pe::detail::value_at(v, i, s * step + l) >> bit & 1)
                                                     : 0u,
                                        1);
                        return bits;
                    };
                    for (std::size_t r = 0; r < a.rows; ++r) c.rows[r] = plane(w, r, q);
                    for (std::size_t i = 0; i < a.columns; ++i) c.columns[i] = plane(x, i, p);
                }
            }
        }
        idle().control[1] = true;
    }
    systolic_bench bench;
    bench.clocks = clocks.size() - reset;
    if (a.flow == pe::dataflow::weight_stationary) --bench.clocks;  // the last one only looks
    if (a.flow == pe::dataflow::bit_serial) {                       // results leave while the next product runs
        for (std::size_t r = a.rows; r-- > 0;) {
            edge_clock& c = idle();
            for (std::size_t i = 0; i < a.columns; ++i) {
                c.check[i] = true;
                c.expected[i] = raw(i, r);
            }
        }
    }
    bench.verilog = write_systolic(a, clocks, bench.memory);
    return bench;
}

}  // namespace tern_test
