// SPDX-License-Identifier: MIT
// Re-synthesizes a few elements, where yosys is installed, and holds model and recorded goldens against them.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <tern/pe/verilog_cell.hpp>

#include "goldens.hpp"
#include "tools.hpp"

namespace {

namespace pe = tern::pe;

using cells = std::map<std::string, std::uint64_t>;

/// yosys' `stat`: the cells of each module, submodules among them.
std::map<std::string, cells> statistics(const std::string& log) {
    std::map<std::string, cells> modules;
    std::istringstream in(log.substr(log.rfind("Printing statistics.")));
    std::string line, module;
    bool counting = false;
    while (std::getline(in, line)) {
        std::istringstream words(line);
        std::string first, second;
        words >> first >> second;
        if (first == "===") {
            module = second == "design" ? "" : second;
            counting = false;
        } else if (line.find("Number of cells") != std::string::npos) {
            counting = true;
        } else if (counting && !module.empty() && !second.empty()) {
            modules[module][first] += std::strtoull(second.c_str(), nullptr, 10);
        }
    }
    return modules;
}

std::uint64_t luts(const std::map<std::string, cells>& modules, const std::string& name) {
    std::uint64_t total = 0;
    for (const auto& [cell, count] : modules.at(name)) {
        if (modules.count(cell) != 0) total += count * luts(modules, cell);
        if (cell == "SB_LUT4" || (cell.size() == 4 && cell.compare(0, 3, "LUT") == 0)) total += count;
    }
    return total;
}

/// The ports of a module: its name and width, inputs and outputs apart.
struct port_list {
    std::vector<std::pair<std::string, std::size_t>> in, out;
};
port_list ports_of(const std::string& verilog, const std::string& module) {
    const std::size_t from = verilog.find("\nmodule " + module + " (");
    std::istringstream words(verilog.substr(from, verilog.find(");", from) - from));
    port_list ports;
    std::string word;
    bool input = true;
    std::size_t width = 1;
    while (words >> word) {
        if (word.back() == ',') word.pop_back();
        if (word == "input" || word == "(input" || word == "output") {
            input = word != "output";
            width = 1;
        } else if (word.front() == '[') {
            width = std::strtoul(word.c_str() + 1, nullptr, 10) + 1;
        } else if (word != "wire" && word != "reg" && word != "module" && word != module) {
            (input ? ports.in : ports.out).emplace_back(word, width);
        }
    }
    return ports;
}

std::string name_of(const pe::array& a) {
    return a.flow == pe::dataflow::folded ? pe::module_name(a.element) : pe::cell_name(a);
}

/// A module that keeps all elements.
std::string top(const std::string& design, const std::vector<pe::array>& arrays) {
    using pe::detail::cat;
    using pe::detail::slice;
    std::string text;
    std::size_t at = 0, number = 0;
    for (const pe::array& a : arrays) {
        const port_list ports = ports_of(design, name_of(a));
        std::size_t from = 0;
        text += cat("    ", name_of(a), " element", number++, " (");
        std::string connections;
        for (const auto& [name, width] : ports.in) {
            connections += cat(connections.empty() ? "." : ", .", name, "(",
                               name == "clk" ? std::string("clk") : slice("x", from + width - 1, from), ")");
            from += width;
        }
        for (const auto& [name, width] : ports.out) {
            connections += cat(", .", name, "(", slice("y", at + width - 1, at), ")");
            at += width;
        }
        text += connections + ");\n";
    }
    return cat("\nmodule everything (input clk, input [4095:0] x, output ", pe::detail::range(at), "y);\n", text,
               "endmodule\n");
}

void synthesize(const std::string& flow, const std::string& command, pe::family f,
                const std::vector<std::size_t>& lanes) {
    pe::verilog_text design;
    std::vector<pe::array> arrays;
    for (const auto type : {pe::kind::binary, pe::kind::ternary, pe::kind::ternary_int8})
        for (const std::size_t n : lanes)
            for (const int acc_bits : {16, 24, 32}) {
                pe::array a;
                a.element = pe::unit{type, n, acc_bits};
                if (pe::write_verilog(design, a.element).ok()) arrays.push_back(a);
            }
    // Saturating elements and those of other arrays, at sizes that no recorded synthesis has.
    for (const auto type : {pe::kind::binary, pe::kind::ternary, pe::kind::ternary_int8}) {
        pe::array a;
        a.element = pe::unit{type, 21, 19, pe::overflow_rule::saturate};
        if (pe::write_verilog(design, a.element).ok()) arrays.push_back(a);
    }
    for (const auto other :
         {pe::dataflow::output_stationary, pe::dataflow::weight_stationary, pe::dataflow::bit_serial})
        for (const auto type : {pe::kind::binary, pe::kind::ternary})
            for (const auto rule : {pe::overflow_rule::wrap, pe::overflow_rule::saturate}) {
                pe::array a;
                a.flow = other;
                a.element = pe::unit{type, 21, 19, rule};
                if (other == pe::dataflow::bit_serial && (type != pe::kind::binary || rule != pe::overflow_rule::wrap))
                    continue;
                if (pe::write_cell(design, a).ok()) arrays.push_back(a);
            }
    const tern_test::scratch dir("tern_pe_synth");
    dir.write("design.v", design.str() + top(design.str(), arrays));
    REQUIRE(dir.run("yosys -Q -p 'read_verilog design.v; " + command + " -top everything; stat'", "yosys.log") == 0);
    const auto modules = statistics(dir.read("yosys.log"));
    const auto goldens = tern_test::read_goldens();
    std::size_t exact = 0;
    for (const pe::array& a : arrays) {
        const pe::unit& u = a.element;
        const std::uint64_t found = luts(modules, name_of(a));
        const std::uint64_t model = pe::cell_area(a, f).lut;
        CAPTURE(name_of(a));
        CAPTURE(found);
        CAPTURE(model);
        const auto miss = static_cast<double>(found < model ? model - found : found - model);
        CHECK(miss <= (f == pe::family::xilinx7 ? std::max(2.0, 0.02 * static_cast<double>(found))
                                                : 0.05 * static_cast<double>(found)));
        exact += miss == 0 ? 1u : 0u;
        if (a.flow != pe::dataflow::folded) continue;
        for (const tern_test::golden& g : goldens) {
            const pe::unit& v = g.array.element;
            if (g.flow == flow && v.type == u.type && v.lanes == u.lanes && v.acc_bits == u.acc_bits &&
                v.rule == u.rule && v.x_bits == u.x_bits)
                CHECK(g.found.lut == found);
        }
    }
    std::printf("%s: %d elements synthesized, %d as the model says\n", flow.c_str(), static_cast<int>(arrays.size()),
                static_cast<int>(exact));
}

}  // namespace

TEST_CASE("what yosys makes of the emitted Verilog now") {
    if (!tern_test::installed("yosys")) return;
    synthesize("xc7", "synth_xilinx -family xc7 -nodsp -noiopad -noclkbuf", pe::family::xilinx7, {3, 12, 64});
    synthesize("ice40", "synth_ice40 -noflatten", pe::family::ice40, {3, 9, 33});
}
