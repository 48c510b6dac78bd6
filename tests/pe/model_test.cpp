// SPDX-License-Identifier: MIT
// Cycles, area, energy, comparisons, foldings: properties, and numbers that others published.
#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

#include <tern/pe/activity.hpp>
#include <tern/pe/compare.hpp>
#include <tern/pe/fold.hpp>
#include <tern/pe/networks.hpp>

#include "operands.hpp"

namespace {

namespace pe = tern::pe;
using tern_test::size_t;

pe::array folded(pe::kind type, size_t lanes, size_t rows, size_t depth) {
    pe::array a;
    a.element = pe::unit_for(type, lanes, depth);
    a.rows = rows;
    return a;
}

}  // namespace

TEST_CASE("windows fill, pipelines take the slowest, one array takes the sum") {
    const pe::array a = folded(pe::kind::ternary, 32, 8, 288);
    const pe::layer l = pe::conv_layer("c", 14, 32, 64, 3, 1, 1);
    CHECK(pe::window_fill(a, l) == 14 + 1);  // one row and one pixel: padding comes for nothing
    CHECK(pe::cycles(a, l) == 196u * 8u * 9u + 1 + 15);
    const pe::layer wide = pe::conv_layer("c", 14, 32, 1, 3, 1, 0);
    CHECK(pe::window_fill(a, wide) == 2 * 14 + 2);
    pe::schedule s;
    s.pipelined(10);
    s.pipelined(30);
    s.pipelined(20);
    CHECK(s.interval == 30);
    CHECK(s.latency == 60);
    s = {};
    s.time_multiplexed(10);
    s.time_multiplexed(30);
    CHECK(s.interval == 40);
    CHECK(pe::check(pe::conv_layer("c", 2, 1, 1, 3, 1, 0)).why == pe::reason::window);
    CHECK(pe::check(pe::conv_layer("c", 8, 0, 1, 3, 1, 0)).why == pe::reason::no_shape);
}

TEST_CASE("the proxy's energy is within 30 % of the toggles that were counted") {
    pe::accounting how{pe::measure::toggles};
    const pe::unit ternary = pe::unit_for(pe::kind::ternary, 64, 64);
    const struct { double nonzero, toggles; } counted[] = {{0.67, 3.49}, {0.5, 2.72}, {0.3, 1.64}};
    for (const auto& c : counted) {
        how.density = c.nonzero;
        CHECK(pe::cost_of_product(ternary, how) == doctest::Approx(c.toggles).epsilon(0.01));
    }
    how.density = 0.5;
    const pe::unit single = pe::unit_for(pe::kind::fp32, 1, 64);
    CHECK(pe::compare(single, ternary, how).value == doctest::Approx(1022).epsilon(0.01));
    how.what = pe::measure::energy;
    CHECK(pe::compare(single, ternary, how).value == doctest::Approx(1022).epsilon(0.02));
    CHECK(pe::mac_energy(pe::toggle_proxy, pe::unit_for(pe::kind::int8, 1, 1), 1, 1) ==
          doctest::Approx(0.23).epsilon(0.01));
    CHECK(pe::mac_energy(pe::toggle_proxy, single, 1, 1) == doctest::Approx(4.6).epsilon(0.02));
    CHECK(pe::mac_energy(pe::toggle_proxy, pe::unit_for(pe::kind::fp16, 1, 1), 1, 1) ==
          doctest::Approx(1.5).epsilon(0.2));
}

TEST_CASE("ratios depend on the accounting, and overhead brings any of them down") {
    const pe::unit ternary = pe::unit_for(pe::kind::ternary, 256, 256);
    pe::unit single = pe::unit_for(pe::kind::fp32, 1, 256);
    const double bare = pe::compare(single, ternary, {pe::measure::luts}).value;
    CHECK(bare > 400);
    single.products = pe::multiplier::dsp;
    const pe::ratio in_dsp = pe::compare(single, ternary, {pe::measure::luts});
    CHECK(in_dsp.value > 150);
    CHECK(in_dsp.value < 200);
    pe::accounting how{pe::measure::luts};
    how.overhead = pe::overhead_for(in_dsp.a, in_dsp.b, 89.17);
    CHECK(how.overhead == doctest::Approx(4.3).epsilon(0.05));
    CHECK(pe::compare(single, ternary, how).value == doctest::Approx(89.17));
    CHECK(pe::compare(single, ternary, {pe::measure::weight_bits}).value == 16);
    CHECK(pe::compare(single, ternary, {pe::measure::luts_and_dsps}).value > in_dsp.value);
    pe::unit none = ternary;
    none.lanes = 0;
    CHECK(pe::compare(single, none, {pe::measure::luts}).possible.why == pe::reason::no_lanes);
    CHECK(pe::compare(single, pe::unit_for(pe::kind::binary, 4, 4), {pe::measure::cell_area}).possible.why ==
          pe::reason::not_in_table);
}

TEST_CASE("exact activity is what counting bit by bit gives, and near the expected value on random operands") {
    std::mt19937 random(7);
    const size_t vectors = 3, outputs = 10, depth = 200;
    const auto xs = tern_test::pe_values(vectors, depth, -1, 1, 1, false, random);
    const auto ws = tern_test::pe_values(outputs, depth, -1, 1, 1, false, random);
    const auto x = tern::pack_rows<tern::ternary>(tern_test::pe_view(xs, vectors, depth));
    const auto w = tern::pack<tern::ternary>(tern_test::pe_view(ws, outputs, depth));
    const pe::array a = folded(pe::kind::ternary, 48, 4, depth);
    const pe::activity_report r = pe::activity(a, static_cast<const tern::packed_rows<tern::ternary>&>(x),
                                               static_cast<const tern::packed_panels<tern::ternary>&>(w));
    REQUIRE(r.possible.ok());
    const size_t slices = 5, folds = 3;
    std::uint64_t products = 0, nonzero = 0, buses = 0, shared = 0;
    for (size_t p = 0; p < a.rows; ++p) {
        for (size_t lane = 0; lane < 48; ++lane) {
            int bx = 0, bw = 0, bp = 0;
            for (size_t t = 0; t < vectors * folds * slices; ++t) {
                const size_t d = t % slices * 48 + lane, j = t / slices % folds * 4 + p, i = t / slices / folds;
                const int vx = d < depth ? xs[i * depth + d] : 0;
                const int vw = d < depth && j < outputs ? ws[j * depth + d] : 0;
                const auto code = [](int v) { return v == 0 ? 0 : v > 0 ? 3 : 1; };
                const auto flips = [](int u, int v) {
                    return static_cast<std::uint64_t>(((u ^ v) & 1) + ((u ^ v) >> 1 & 1));
                };
                const int product = vx * vw == 0 ? 0 : vx * vw > 0 ? 1 : 3;
                if (p == 0) shared += flips(code(vx), bx);
                buses += flips(code(vw), bw);
                products += flips(product, bp);
                nonzero += product != 0 ? 1u : 0u;
                bx = code(vx);
                bw = code(vw);
                bp = product;
            }
        }
    }
    CHECK(r.x_toggles == shared);
    CHECK(r.w_toggles == buses);
    CHECK(r.product_toggles == products);
    CHECK(r.nonzero_products == nonzero);
    CHECK(r.lane_steps == vectors * folds * slices * 4 * 48);
    const double used = static_cast<double>(vectors * outputs * depth) / static_cast<double>(r.lane_steps);
    const double expected = pe::ternary_product_toggles(2.0 / 3, 2.0 / 3) * used;
    CHECK(static_cast<double>(r.product_toggles) / static_cast<double>(r.lane_steps) ==
          doctest::Approx(expected).epsilon(0.15));
}

TEST_CASE("foldings reach their goal, fit, and say when they cannot") {
    const size_t n = sizeof pe::cnv / sizeof pe::cnv[0];
    pe::array arrays[n];
    for (pe::array& a : arrays) a.element.type = pe::kind::ternary;
    pe::layer_report reports[n];
    pe::network_options o;
    for (const double rate : {10.0, 1000.0, 5000.0}) {
        const pe::network_report r = pe::fit(arrays, pe::cnv, n, pe::devices[1], rate, o, reports);
        REQUIRE(r.possible.ok());
        CHECK(r.frames_per_second() >= rate);
        CHECK(pe::fits(r.total, pe::devices[1]).ok());
        for (size_t i = 0; i < n; ++i) {
            CHECK(pe::check(arrays[i], pe::work(pe::cnv[i])).ok());
            CHECK(reports[i].cycles <= 200e6 / rate);
            CHECK(reports[i].utilisation <= 1.0);
        }
    }
    CHECK(pe::fit(arrays, pe::cnv, n, pe::devices[1], 1e7, o).possible.why == pe::reason::no_folding);
    CHECK(!pe::fit(arrays, pe::cnv, n, pe::devices[3], 1000, o).possible.ok());
    const pe::network_report best = pe::fit(arrays, pe::cnv, n, pe::devices[0], o);
    CHECK(best.possible.ok());
    CHECK(best.frames_per_second() > 100);
    CHECK(!pe::fit(arrays, pe::cnv, n, pe::devices[0], 1.1 * best.frames_per_second(), o).possible.ok());
    // A layer may have a kind of its own.
    arrays[0].element.type = pe::kind::ternary_int8;
    CHECK(pe::fit(arrays, pe::cnv, n, pe::devices[1], 1000, o).possible.ok());
    CHECK(arrays[0].element.type == pe::kind::ternary_int8);

    o.map = pe::mapping::time_multiplexed;
    arrays[0].element.type = pe::kind::ternary;
    for (const double rate : {10.0, 100.0}) {
        const pe::network_report shared = pe::fit(arrays, pe::cnv, n, pe::devices[1], rate, o, reports);
        REQUIRE(shared.possible.ok());
        CHECK(shared.frames_per_second() >= rate);
        std::uint64_t sum = 0;
        for (size_t i = 0; i < n; ++i) {
            CHECK(arrays[i].rows == arrays[0].rows);
            CHECK(arrays[i].element.lanes == arrays[0].element.lanes);
            sum += reports[i].cycles;
        }
        CHECK(shared.time.interval == sum);
    }
    arrays[3].rows += 1;
    CHECK(pe::network(arrays, pe::cnv, n, pe::devices[1], o).possible.why == pe::reason::arrays_differ);
}
