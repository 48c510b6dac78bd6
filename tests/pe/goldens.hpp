// SPDX-License-Identifier: MIT
// synthesis.csv and cells.csv: what yosys 0.23 made of the Verilog that pe/ writes.
//
//     xc7      synth_xilinx -family xc7 -nodsp -noiopad -noclkbuf; LUT1 to LUT6, one a cell
//     xc7_dsp  the same without -nodsp
//     ice40    synth_ice40 -noflatten
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <tern/pe/cell.hpp>

namespace tern_test {

struct golden {
    std::string flow;
    tern::pe::array array;  ///< folded: its element alone
    tern::pe::resources found{};

    [[nodiscard]] tern::pe::family logic() const {
        return flow == "ice40" ? tern::pe::family::ice40 : tern::pe::family::xilinx7;
    }
};

inline std::vector<golden> read_goldens(const std::string& name = "synthesis.csv") {
    namespace pe = tern::pe;
    std::vector<golden> all;
    std::ifstream file(TERN_PE_GOLDENS "/" + name);
    std::string line;
    std::getline(file, line);
    const bool cells = line.find("dataflow") != std::string::npos;
    while (std::getline(file, line)) {
        for (char& c : line)
            if (c == ',') c = ' ';
        std::istringstream in(line);
        golden g;
        pe::unit& u = g.array.element;
        std::string flow, type, rule;
        in >> g.flow;
        if (cells) in >> flow;
        in >> type >> u.lanes >> u.acc_bits >> rule;
        if (!cells) in >> u.x_bits;
        in >> g.found.lut >> g.found.carry >> g.found.ff;
        if (!cells) in >> g.found.dsp;
        for (const auto k : pe::kinds)
            if (type == pe::to_string(k)) u.type = k;
        for (const auto d :
             {pe::dataflow::output_stationary, pe::dataflow::weight_stationary, pe::dataflow::bit_serial})
            if (flow == pe::to_string(d)) g.array.flow = d;
        if (rule == "saturate") u.rule = pe::overflow_rule::saturate;
        if (g.flow == "xc7_dsp") u.products = pe::multiplier::dsp;
        all.push_back(g);
    }
    return all;
}

}  // namespace tern_test
