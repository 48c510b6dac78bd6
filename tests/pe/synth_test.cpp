// SPDX-License-Identifier: MIT
// Re-synthesizes a few elements, where yosys is installed, and holds model and recorded goldens against them.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>

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

/// A module that keeps all elements.
std::string top(const std::vector<pe::unit>& units) {
    using pe::detail::cat;
    std::string text, outputs;
    size_t at = 0;
    for (const pe::unit& u : units) {
        const auto acc = static_cast<size_t>(u.acc_bits);
        text += cat("    ", pe::module_name(u), " element", at, " (.clk(clk), .clear(clear), .enable(enable), ");
        const pe::detail::ports ports = pe::detail::operand_ports(u);
        for (size_t i = 0; i < ports.count; ++i)
            text += cat(".", ports.list[i].name, "(", pe::detail::slice("x", ports.list[i].width - 1, 0), "), ");
        text += cat(".next(", pe::detail::slice("y", at + acc - 1, at), "), .acc(",
                    pe::detail::slice("y", at + 2 * acc - 1, at + acc), "));\n");
        at += 2 * acc;
    }
    return cat("\nmodule everything (input clk, input clear, input enable, input [4095:0] x, output ",
               pe::detail::range(at), "y);\n", text, "endmodule\n");
}

void synthesize(const std::string& flow, const std::string& command, pe::family f,
                const std::vector<std::size_t>& lanes) {
    pe::verilog_text design;
    std::vector<pe::unit> units;
    for (const auto type : {pe::kind::binary, pe::kind::ternary, pe::kind::ternary_int8})
        for (const std::size_t n : lanes)
            for (const int acc_bits : {16, 24, 32}) {
                const pe::unit u{type, n, acc_bits};
                if (!pe::write_verilog(design, u).ok()) continue;
                units.push_back(u);
            }
    const tern_test::scratch dir("tern_pe_synth");
    dir.write("design.v", design.str() + top(units));
    REQUIRE(dir.run("yosys -Q -p 'read_verilog design.v; " + command + " -top everything; stat'", "yosys.log") == 0);
    const auto modules = statistics(dir.read("yosys.log"));
    std::size_t exact = 0;
    for (const pe::unit& u : units) {
        const std::uint64_t found = luts(modules, pe::module_name(u));
        const std::uint64_t model = pe::area(u, f).lut;
        CAPTURE(pe::module_name(u));
        CAPTURE(found);
        CAPTURE(model);
        const auto miss = static_cast<double>(found < model ? model - found : found - model);
        CHECK(miss <= (f == pe::family::xilinx7 ? std::max(2.0, 0.02 * static_cast<double>(found))
                                                : 0.05 * static_cast<double>(found)));
        exact += miss == 0 ? 1u : 0u;
        for (const tern_test::golden& g : tern_test::read_goldens())
            if (g.flow == flow && g.unit.type == u.type && g.unit.lanes == u.lanes && g.unit.acc_bits == u.acc_bits &&
                g.unit.rule == u.rule && g.unit.x_bits == u.x_bits)
                CHECK(g.lut == found);
    }
    std::printf("%s: %d elements synthesized, %d as the model says\n", flow.c_str(), static_cast<int>(units.size()),
                static_cast<int>(exact));
}

}  // namespace

TEST_CASE("what yosys makes of the emitted Verilog now") {
    if (!tern_test::installed("yosys")) return;
    synthesize("xc7", "synth_xilinx -family xc7 -nodsp -noiopad -noclkbuf", pe::family::xilinx7, {3, 12, 64});
    synthesize("ice40", "synth_ice40 -noflatten", pe::family::ice40, {3, 9, 33});
}
