// SPDX-License-Identifier: MIT
// The emitted Verilog in two simulators against the model, and through it against the library's kernels.
#include <doctest/doctest.h>

#include <algorithm>

#include "operands.hpp"
#include "tools.hpp"

namespace {

namespace pe = tern::pe;
using tern_test::size_t;

/// Every kind at `lanes`: with accumulators as narrow as they go, so that limits are met, with the depth's need, and with
/// saturating ones. Wide elements take turns.
void add_elements(pe::verilog_bench& bench, size_t lanes, std::mt19937& random, bool all = true) {
    for (const pe::kind type : pe::kinds) {
        for (const int variant : {0, 1, 2}) {
            pe::unit u;
            u.type = type;
            u.lanes = lanes;
            if (pe::is_float(type) && variant != 0) continue;
            const bool planes = type == pe::kind::binary || type == pe::kind::ternary;
            const bool integers = type == pe::kind::ternary_int8 || type == pe::kind::int8;
            const size_t most = planes ? 256 : integers ? 9 : 1;
            if (!all && (lanes > most || (lanes > 3 && variant != static_cast<int>(lanes % 3)))) continue;
            if (type == pe::kind::fusion && lanes > 9 && variant != static_cast<int>(lanes % 3)) continue;
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

void in_verilator(const pe::verilog_bench& bench, const tern_test::scratch& dir) {
    if (!tern_test::installed("verilator")) return;
    dir.write("driver.cpp", driver);
    CHECK(dir.run("verilator --cc --exe --build -Wno-fatal -Wno-lint -MAKEFLAGS 'OPT_FAST=-O0 OPT_SLOW=-O0 "
                  "OPT_GLOBAL=-O0' -CFLAGS -DCHECKS=" +
                      std::to_string(bench.checks()) +
                      " --top-module tern_checks bench.v driver.cpp && obj_dir/Vtern_checks",
                  "verilator.log") == 0);
    CHECK(all_right(dir.read("verilator.log"), bench.checks()));
}

}  // namespace

TEST_CASE("elements of every kind and width equal the model in Icarus") {
    std::mt19937 random(5);
    pe::verilog_bench bench;
    for (const size_t lanes : tern_test::pe_lanes) add_elements(bench, lanes, random);
    const tern_test::scratch dir("tern_pe_elements");
    dir.write(bench);
    in_icarus(bench, dir);
}

// Verilator compiles what it simulates, and wide elements of numbers take it minutes: they are there with TERN_PE_ALL=1.
TEST_CASE("elements equal the model in Verilator") {
    const bool all = std::getenv("TERN_PE_ALL") != nullptr;
    std::mt19937 random(5);
    pe::verilog_bench bench;
    for (const size_t lanes : tern_test::pe_lanes) add_elements(bench, lanes, random, all);
    const tern_test::scratch dir("tern_pe_verilator");
    dir.write(bench);
    in_verilator(bench, dir);
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
