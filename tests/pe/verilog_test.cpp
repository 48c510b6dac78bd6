// SPDX-License-Identifier: MIT
// The emitted Verilog in two simulators against the model, and through it against the library's kernels.
#include <doctest/doctest.h>

#include <cstdio>
#include <vector>

#include "operands.hpp"
#include "systolic.hpp"
#include "tools.hpp"

namespace {

namespace pe = tern::pe;
using tern_test::size_t;

enum class variants { all, in_turn };

/// These kinds at `lanes`: with accumulators as narrow as they go, so that limits are met, with the depth's need, and
/// with saturating ones; or, of more than nine lanes, one of the three in turn.
void add_elements(pe::verilog_bench& bench, const std::vector<pe::kind>& kinds, size_t lanes, variants which,
                  std::mt19937& random) {
    for (const pe::kind type : kinds) {
        for (const int variant : {0, 1, 2}) {
            pe::unit u;
            u.type = type;
            u.lanes = lanes;
            if (pe::is_float(type) && variant != 0) continue;
            const bool turns = which == variants::in_turn || type == pe::kind::fusion;
            if (turns && !pe::is_float(type) && lanes > 9 && variant != static_cast<int>(lanes % 3)) continue;
            if (type == pe::kind::fusion) u.fused_bits = 2 << variant;
            if (type == pe::kind::ternary_int8 && variant == 1) u.x_bits = 9;
            const size_t step = pe::step_depth(u);
            const size_t depth = step * 2 + step / 2;
            u.acc_bits = variant == 1 ? pe::accumulator_bits(u, depth) : pe::step_bits(u);
            if (variant == 2) u.rule = pe::overflow_rule::saturate;
            const size_t rows = pe::is_float(type) ? (lanes > 33 ? 1 : 3) : 5;
            tern_test::with_operands(u, rows, rows, depth, random, [&](const auto& x, const auto& w) {
                const pe::verdict v = bench.add(u, x, w);
                CHECK_MESSAGE(v.ok(), pe::to_string(v.why));
            });
        }
    }
}

bool all_right(const std::string& log, size_t checks) {
    const std::string line = "tern: " + std::to_string(checks) + " checks, 0 errors";
    if (log.find(line) != std::string::npos) return true;
    MESSAGE(log.substr(0, 2000));
    return false;
}

const char* const driver = R"(
#include "Vtern_checks.h"
#include "verilated.h"
#include <cstdio>
int main() {
    VerilatedContext context;
    Vtern_checks top{&context};
    for (long t = 0; t < 100000 && !top.done; ++t) {
        top.clk = 0; top.eval();
        top.clk = 1; top.eval();
    }
    std::printf("tern: %d checks, %u errors\n", top.done ? CHECKS : 0, top.errors);
    return 0;
}
)";

void in_icarus(const pe::verilog_bench& bench, const tern_test::scratch& dir) {
    if (!tern_test::installed("iverilog")) return;
    CHECK(dir.run("iverilog -g2005 -Wall -Wno-timescale -s tern_bench -o bench bench.v && vvp -n bench",
                  "icarus.log") == 0);
    CHECK(all_right(dir.read("icarus.log"), bench.checks()));
}

/// Verilator compiles what it simulates, every instance for itself. Modules that are large and that elements have many
/// of are marked as blocks, which it compiles once.
std::string with_blocks(const std::string& verilog) {
    std::istringstream in(verilog);
    std::string text, line;
    bool block = false;
    while (std::getline(in, line)) {
        for (const char* name : {"module tern_fusion_lane ", "module tern_float_multiply_", "module tern_float_add_"})
            block = block || line.rfind(name, 0) == 0;
        text += line;
        if (block && line.find(");") != std::string::npos) {
            text += " /*verilator hier_block*/";
            block = false;
        }
        text += "\n";
    }
    return text;
}

void in_verilator(const pe::verilog_bench& bench, const tern_test::scratch& dir) {
    if (!tern_test::installed("verilator")) return;
    dir.write("driver.cpp", driver);
    dir.write("blocks.v", with_blocks(bench.verilog()));
    // One translation unit for the lot: half of the time of many small ones goes into reading headers.
    const std::string cache = tern_test::installed("ccache") ? " OBJCACHE=ccache" : "";
    CHECK(dir.run("verilator --cc --exe --build --hierarchical -Wno-fatal -Wno-lint -MAKEFLAGS 'OPT_FAST=-O0 "
                  "OPT_SLOW=-O0 OPT_GLOBAL=-O0 VM_PARALLEL_BUILDS=0" +
                      cache + "' -CFLAGS -DCHECKS=" + std::to_string(bench.checks()) +
                      " --top-module tern_checks blocks.v driver.cpp && obj_dir/Vtern_checks",
                  "verilator.log") == 0);
    CHECK(all_right(dir.read("verilator.log"), bench.checks()));
}

const std::vector<pe::kind> all_kinds(std::begin(pe::kinds), std::end(pe::kinds));

}  // namespace

TEST_CASE("elements of every kind and width equal the model in Icarus") {
    std::mt19937 random(5);
    pe::verilog_bench bench;
    for (const size_t lanes : tern_test::pe_lanes) add_elements(bench, all_kinds, lanes, variants::all, random);
    const tern_test::scratch dir("tern_pe_elements");
    dir.write(bench);
    in_icarus(bench, dir);
}

TEST_CASE("elements of every kind equal the model in Verilator") {
    const bool all = std::getenv("TERN_PE_ALL") != nullptr;
    const std::vector<pe::kind> groups[] = {
        {pe::kind::binary, pe::kind::ternary, pe::kind::ternary_int8, pe::kind::int8},
        {pe::kind::fp16, pe::kind::fp32, pe::kind::fusion}};
    for (const auto& kinds : groups) {
        std::mt19937 random(5);
        pe::verilog_bench bench;
        const bool light = kinds.front() == pe::kind::binary;
        for (const size_t lanes : tern_test::pe_lanes)
            if (all || lanes <= (light ? 33u : 3u))
                add_elements(bench, kinds, lanes, all ? variants::all : variants::in_turn, random);
        const tern_test::scratch dir("tern_pe_verilator");
        dir.write(bench);
        in_verilator(bench, dir);
        std::printf("Verilator: %d elements, %s .. %s, %s lanes%s\n", static_cast<int>(bench.checks()),
                    pe::to_string(kinds.front()), pe::to_string(kinds.back()),
                    all     ? "1 to 256"
                    : light ? "1 to 33"
                            : "1 to 3",
                    all ? "" : "; TERN_PE_ALL=1 takes all that Icarus takes, up to 256, in minutes");
    }
}

TEST_CASE("a folded array takes the clocks that the model says, for 60 shapes") {
    std::mt19937 random(6);
    pe::verilog_bench bench;
    pe::verilog_bench some;
    const size_t outputs[] = {1, 2, 7, 10, 16, 33};
    const size_t depths[] = {1, 9, 32, 37, 100};
    size_t shapes = 0;
    for (const size_t m : outputs) {
        for (const size_t k : depths) {
            for (const size_t turn : {0u, 1u}) {
                pe::array a;
                const size_t n = shapes++;
                a.element.type = pe::kinds[n % 7];
                a.element.lanes = 1 + n * 7 % 19;
                a.rows = 1 + n * 3 % 5;
                if (a.element.type == pe::kind::fusion) a.element.fused_bits = 2 << (n / 7 % 3);
                a.element.acc_bits = pe::accumulator_bits(a.element, k);
                tern_test::with_operands(a.element, 1 + 2 * turn, m, k, random, [&](const auto& x, const auto& w) {
                    const pe::verdict v = bench.add(a, x, w);
                    CHECK_MESSAGE(v.ok(), pe::to_string(v.why));
                    if (n % 7 < 3 && n % 2 == 0) CHECK(some.add(a, x, w).ok());
                });
            }
        }
    }
    CHECK(shapes == 60);
    const tern_test::scratch dir("tern_pe_arrays");
    dir.write(bench);
    in_icarus(bench, dir);
    dir.write(some);
    in_verilator(some, dir);
}

TEST_CASE("systolic and bit-serial arrays of the emitted elements take the model's clocks and have its values") {
    if (!tern_test::installed("iverilog")) return;
    std::mt19937 random(8);
    size_t arrays = 0;
    for (const auto flow :
         {pe::dataflow::output_stationary, pe::dataflow::weight_stationary, pe::dataflow::bit_serial}) {
        for (const pe::kind type : {pe::kind::binary, pe::kind::ternary, pe::kind::ternary_int8, pe::kind::int8}) {
            for (const auto rule : {pe::overflow_rule::wrap, pe::overflow_rule::saturate}) {
                const bool serial = flow == pe::dataflow::bit_serial;
                if (serial && (type != pe::kind::int8 || rule == pe::overflow_rule::saturate)) continue;
                pe::array a;
                a.flow = flow;
                a.element.type = type;
                a.element.lanes = 5;
                a.element.rule = rule;
                a.rows = 4;
                a.columns = 3;
                const bool rests = flow == pe::dataflow::weight_stationary;
                // Weights at rest: 18 of the 20 positions that the rows hold. Saturating: as narrow as it goes.
                const size_t depth = rests ? 18 : 37;
                a.element.acc_bits = rule == pe::overflow_rule::saturate ? pe::step_bits(a.element)
                                                                         : pe::accumulator_bits(a.element, depth);
                if (serial) a.element.acc_bits = 24;
                a.serial_x_bits = a.serial_w_bits = 8;
                const size_t vectors = rests ? 7 : a.columns, outputs = rests ? a.columns : a.rows;
                tern_test::with_operands(a.element, vectors, outputs, depth, random, [&](const auto& x, const auto& w) {
                    const tern_test::systolic_bench bench = tern_test::systolic(a, x, w);
                    CAPTURE(pe::cell_name(a));
                    CHECK(bench.clocks == pe::cycles(a, pe::workload{outputs, depth, vectors}));
                    const tern_test::scratch dir("tern_pe_systolic");
                    dir.write("bench.v", bench.verilog);
                    dir.write("memory.hex", bench.memory);
                    CHECK(dir.run("iverilog -g2005 -Wall -Wno-timescale -s tern_bench -o bench bench.v && vvp -n bench",
                                  "icarus.log") == 0);
                    CHECK(all_right(dir.read("icarus.log"), 1));
                    if (tern_test::installed("verilator")) {
                        pe::verilog_text cell;
                        CHECK(pe::write_cell(cell, a).ok());
                        dir.write("cell.v", cell.str());
                        const bool clean =
                            dir.run("verilator --lint-only -Wall --top-module " + pe::cell_name(a) + " cell.v",
                                    "lint.log") == 0;
                        CHECK_MESSAGE(clean, dir.read("lint.log"));
                    }
                    ++arrays;
                });
            }
        }
    }
    std::printf("Icarus: %d arrays of other dataflows\n", static_cast<int>(arrays));
}

TEST_CASE("the emitted Verilog is clean under verilator --lint-only -Wall") {
    if (!tern_test::installed("verilator")) return;
    const tern_test::scratch dir("tern_pe_lint");
    std::mt19937 random(7);
    for (const pe::kind type : pe::kinds) {
        for (const auto rule : {pe::overflow_rule::wrap, pe::overflow_rule::saturate}) {
            if (pe::is_float(type) && rule == pe::overflow_rule::saturate) continue;
            for (const size_t lanes : {1u, 2u, 7u}) {
                pe::array a;
                a.element = pe::unit_for(type, lanes, 50);
                a.element.rule = rule;
                a.rows = lanes == 2 ? 1 : 3;
                const pe::workload w{lanes == 2 ? 1u : 5u, lanes == 2 ? 2u : 50u, lanes};
                REQUIRE(pe::check(a, w).ok());
                dir.write("design.v", pe::verilog(a, w));
                const bool clean =
                    dir.run("verilator --lint-only -Wall --top-module " + pe::module_name(a, w) + " design.v",
                            "lint.log") == 0;
                CHECK_MESSAGE(clean, dir.read("lint.log"));
            }
        }
    }
    CHECK(pe::verilog(pe::unit{pe::kind::ternary, 0, 8}).empty());
}
