// SPDX-License-Identifier: MIT
// The area model against what was synthesized.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "goldens.hpp"

namespace {

namespace pe = tern::pe;

std::uint64_t distance(std::uint64_t a, std::uint64_t b) { return a < b ? b - a : a - b; }

}  // namespace

TEST_CASE("LUTs, carries, registers and DSP slices are those of yosys") {
    struct seen {
        std::size_t points = 0, exact = 0;
        std::uint64_t worst = 0;
        double worst_share = 0;
        std::set<std::size_t> lanes;
        std::set<int> accumulators;
    };
    std::map<std::string, seen> table;
    for (const char* file : {"synthesis.csv", "cells.csv"}) {
        for (const tern_test::golden& g : tern_test::read_goldens(file)) {
            const pe::unit& u = g.array.element;
            const bool ice40 = g.logic() == pe::family::ice40;
            const pe::resources r = pe::cell_area(g.array, g.logic());
            const std::string name =
                g.flow + " " + pe::to_string(u.type) +
                (g.array.flow == pe::dataflow::folded ? "" : std::string(" ") + to_string(g.array.flow));
            CAPTURE(name);
            CAPTURE(u.lanes);
            CAPTURE(u.acc_bits);
            CAPTURE(u.x_bits);
            const std::uint64_t miss = distance(r.lut, g.found.lut);
            const double share = static_cast<double>(miss) / static_cast<double>(g.found.lut);
            CAPTURE(r.lut);
            CAPTURE(g.found.lut);
            // iCE40 at a few lanes is a matter of single LUTs.
            CHECK((miss <= (ice40 ? 3u : 2u) || share <= (ice40 ? 0.05 : 0.02)));
            CHECK(r.ff == g.found.ff);
            CHECK(r.dsp == g.found.dsp);
            CHECK(static_cast<double>(distance(r.carry, g.found.carry)) <=
                  2.0 + (ice40 ? 0.15 : 0.02) * static_cast<double>(g.found.carry));
            seen& s = table[name];
            ++s.points;
            s.exact += miss == 0 ? 1u : 0u;
            s.worst = std::max(s.worst, miss);
            s.worst_share = std::max(s.worst_share, share);
            s.lanes.insert(u.lanes);
            s.accumulators.insert(u.acc_bits);
        }
    }
    for (const auto& [name, s] : table)
        std::printf("%-36s %3zu points, %3zu exact, worst miss %2d LUT, %.1f %%\n", name.c_str(), s.points, s.exact,
                    static_cast<int>(s.worst), 100 * s.worst_share);
    for (const char* name : {"xc7 binary", "xc7 ternary", "xc7 ternary_int8"}) {
        CHECK(table[name].lanes.size() >= 24);
        CHECK(table[name].accumulators.size() >= 3);
    }
    CHECK(table.size() >= 23);
}
