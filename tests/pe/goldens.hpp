// SPDX-License-Identifier: MIT
// tests/pe/synthesis.csv: what yosys 0.23 made of the Verilog that pe/ writes.
//
//     xc7      synth_xilinx -family xc7 -nodsp -noiopad -noclkbuf; LUT1 to LUT6, one a cell
//     xc7_dsp  the same without -nodsp
//     ice40    synth_ice40 -noflatten
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <tern/pe/area.hpp>

namespace tern_test {

struct golden {
    std::string flow;
    tern::pe::unit unit;
    std::uint64_t lut = 0, carry = 0, ff = 0, dsp = 0;
};

inline std::vector<golden> read_goldens() {
    std::vector<golden> all;
    std::ifstream file(TERN_PE_SYNTHESIS);
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) {
        for (char& c : line)
            if (c == ',') c = ' ';
        std::istringstream in(line);
        golden g;
        std::string type, rule;
        in >> g.flow >> type >> g.unit.lanes >> g.unit.acc_bits >> rule >> g.unit.x_bits >> g.lut >> g.carry >> g.ff >>
            g.dsp;
        for (const auto k : tern::pe::kinds)
            if (type == tern::pe::to_string(k)) g.unit.type = k;
        if (rule == "saturate") g.unit.rule = tern::pe::overflow_rule::saturate;
        if (g.flow == "xc7_dsp") g.unit.products = tern::pe::multiplier::dsp;
        all.push_back(g);
    }
    return all;
}

}  // namespace tern_test
