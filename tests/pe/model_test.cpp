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
#include <tern/pe/published.hpp>

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

bool not_less(const pe::resources& a, const pe::resources& b) {
    return a.lut >= b.lut && a.ff >= b.ff && a.carry >= b.carry && a.dsp >= b.dsp && a.bram >= b.bram &&
           a.lutram >= b.lutram;
}
bool differ(const pe::resources& a, const pe::resources& b) { return !not_less(a, b) || !not_less(b, a); }

const pe::family families[] = {pe::family::xilinx7, pe::family::ice40};

}  // namespace

TEST_CASE("BISMO's peaks") {
    pe::array a;
    a.flow = pe::dataflow::bit_serial;
    a.element.type = pe::kind::binary;
    a.element.lanes = 256;
    a.rows = a.columns = 8;
    a.mhz = 200;
    CHECK(pe::bismo_peak(a) == doctest::Approx(6.5e12).epsilon(0.01));  // PYNQ-Z1
    a.rows = a.columns = 10;
    a.mhz = 300;
    CHECK(pe::bismo_peak(a) == doctest::Approx(15.4e12).epsilon(0.01));  // Ultra96
    // Our cycles reach that peak on a product that divides, but for the one clock of the output register.
    a.serial_x_bits = a.serial_w_bits = 1;
    const pe::workload w{1000, 25600, 1000};
    CHECK(pe::cycles(a, w) == 100u * 100u * 100u + 1);
    a.serial_x_bits = 3;
    a.serial_w_bits = 2;
    CHECK(pe::cycles(a, w) == 6u * 1000000u + 1);
}

TEST_CASE("FINN's cycles of CNV, layer by layer") {
    const size_t rows[] = {16, 32, 16, 16, 4, 1, 1, 1, 5};
    const size_t lanes[] = {3, 32, 32, 32, 32, 32, 4, 8, 1};
    const std::uint64_t known[] = {32400, 28224, 20736, 28800, 20736, 18432, 32768, 32768, 1024};
    for (size_t i = 0; i < 9; ++i) {
        CAPTURE(i);
        const pe::workload w = pe::work(pe::cnv[i]);
        const pe::array a = folded(pe::kind::binary, lanes[i], rows[i], w.depth);
        CHECK(pe::finn_cycles(a, w) == known[i]);
        CHECK(pe::cycles(a, w) == known[i] + 1);
    }
    const pe::array ragged = folded(pe::kind::binary, 5, 3, 27);
    CHECK(pe::finn_cycles(ragged, pe::work(pe::cnv[0])) == 0);
    CHECK(pe::cycles(ragged, pe::work(pe::cnv[0])) == 22u * 6u * 900u + 1);
}

TEST_CASE("FINN's area of a 2-bit matrix unit is three times a ternary element's") {
    const double finn = (pe::finn_luts(1, 256, 2, 2, 16) - pe::finn_luts(1, 128, 2, 2, 16)) / 128;
    const double ours =
        static_cast<double>(pe::area(pe::unit_for(pe::kind::ternary, 256, 256), pe::family::xilinx7).lut -
                            pe::area(pe::unit_for(pe::kind::ternary, 128, 256), pe::family::xilinx7).lut) /
        128;
    CHECK(finn == doctest::Approx(13.2));
    CHECK(finn / ours > 2.9);
    CHECK(finn / ours < 3.6);
}

TEST_CASE("SCALE-Sim's output-stationary cycles of three layers") {
    for (const size_t i : {size_t{1}, size_t{10}, size_t{20}}) {
        const pe::workload w = pe::work(pe::resnet18[i]);
        // Its rows are ours: outputs; its columns are vectors.
        pe::array a = folded(pe::kind::int8, 1, 32, w.depth);
        a.columns = 16;
        a.flow = pe::dataflow::output_stationary;
        CHECK(pe::cycles(a, w) == pe::scale_sim_cycles(32, 16, {w.vectors, w.depth, w.outputs}));
    }
    CHECK(pe::scale_sim_cycles(32, 32, {64, 576, 3136}) == 98u * 2u * (64 + 32 + 576 - 2));
}

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

TEST_CASE("more lanes and wider accumulators never take less") {
    for (const pe::family f : families) {
        for (const pe::kind type : pe::kinds) {
            for (const auto rule : {pe::overflow_rule::wrap, pe::overflow_rule::saturate}) {
                pe::unit u;
                u.type = type;
                u.rule = pe::is_float(type) ? pe::overflow_rule::wrap : rule;
                u.acc_bits = pe::is_float(type) ? pe::step_bits(u) : 32;
                pe::resources before;
                for (size_t lanes = 1; lanes <= 300; ++lanes) {
                    u.lanes = lanes;
                    REQUIRE(pe::check(u).ok());
                    const pe::resources r = pe::area(u, f);
                    CAPTURE(lanes);
                    CAPTURE(pe::to_string(type));
                    REQUIRE(not_less(r, before));
                    before = r;
                }
                if (pe::is_float(type)) continue;
                u.lanes = 7;
                before = {};
                for (u.acc_bits = pe::step_bits(u); u.acc_bits <= 48; ++u.acc_bits) {
                    REQUIRE(not_less(pe::area(u, f), before));
                    before = pe::area(u, f);
                }
            }
        }
        pe::unit u = pe::unit_for(pe::kind::ternary_int8, 9, 100);
        pe::resources before;
        u.acc_bits = 40;
        for (u.x_bits = 2; u.x_bits <= 16; ++u.x_bits) {
            REQUIRE(not_less(pe::area(u, f), before));
            before = pe::area(u, f);
        }
        for (const auto m : {pe::memory_kind::block, pe::memory_kind::lut}) {
            for (const std::uint64_t width : {1u, 2u, 3u, 4u, 5u, 9u, 10u, 18u, 19u, 36u, 37u, 72u, 500u}) {
                before = {};
                for (std::uint64_t depth = 0; depth < 20000; depth += 37) {
                    REQUIRE(not_less(pe::memory_area(f, m, width, depth), before));
                    REQUIRE(not_less(pe::memory_area(f, m, width + 1, depth), pe::memory_area(f, m, width, depth)));
                    before = pe::memory_area(f, m, width, depth);
                }
            }
        }
    }
}

TEST_CASE("every knob changes something") {
    const pe::layer l = pe::conv_layer("c", 14, 64, 64, 3, 1, 1);
    const pe::array a = folded(pe::kind::ternary, 32, 8, 576);
    const auto total = [&](const pe::array& b, const pe::layer& m, const pe::area_options& o) {
        return pe::area(b, m, pe::family::xilinx7, o).total();
    };
    const pe::resources base = total(a, l, {});
    pe::array b = a;
    b.element.lanes = 36;
    CHECK(differ(total(b, l, {}), base));
    CHECK(pe::cycles(b, l) < pe::cycles(a, l));
    b = a;
    b.rows = 9;
    CHECK(differ(total(b, l, {}), base));
    b = a;
    b.element.acc_bits = 20;
    CHECK(differ(total(b, l, {}), base));
    b = a;
    b.element.rule = pe::overflow_rule::saturate;
    CHECK(differ(total(b, l, {}), base));
    b = a;
    b.element.type = pe::kind::ternary_int8;
    b.element.acc_bits = 32;
    const pe::resources eight = total(b, l, {});
    b.element.x_bits = 9;
    CHECK(differ(total(b, l, {}), eight));
    b.element.type = pe::kind::int8;
    const pe::resources luts = total(b, l, {});
    b.element.products = pe::multiplier::dsp;
    CHECK(differ(total(b, l, {}), luts));
    b.element = pe::unit_for(pe::kind::fusion, 4, 576);
    const std::uint64_t two = pe::cycles(b, l);
    b.element.fused_bits = 4;
    CHECK(pe::cycles(b, l) > two);

    pe::layer m = l;
    m.out_bits = 3;
    CHECK(differ(total(a, m, {}), base));
    pe::area_options o;
    o.weights = pe::memory_kind::lut;
    CHECK(differ(total(a, l, o), base));
    o = {};
    o.activations = pe::memory_kind::lut;
    CHECK(differ(total(a, l, o), base));
    o = {};
    o.window_generator = false;
    CHECK(differ(total(a, l, o), base));
    o = {};
    CHECK(o.extra.lut_per_array > 0);
    CHECK(o.extra.share_of_elements > 0);
    o.extra.lut_per_array += 1;
    CHECK(differ(total(a, l, o), base));
    o = {};
    o.extra.share_of_elements = 0.2;
    CHECK(differ(total(a, l, o), base));
    CHECK(differ(pe::area(a, l, pe::family::ice40).total(), base));

    const double joules = pe::energy(a, l, pe::toggle_proxy).total_pj();
    pe::energy_options e;
    e.x_density = 0.3;
    CHECK(pe::energy(a, l, pe::toggle_proxy, e).total_pj() < joules);
    e = {};
    e.w_density = 0.7;
    CHECK(pe::energy(a, l, pe::toggle_proxy, e).total_pj() > joules);
    e = {};
    e.weights_resident = false;
    CHECK(pe::energy(a, l, pe::toggle_proxy, e).dram_pj > 0);
    e = {};
    e.registers = 1;
    CHECK(pe::energy(a, l, pe::toggle_proxy, e).total_pj() < joules);
    CHECK(pe::energy(a, l, pe::bitfusion45).total_pj() != joules);
    CHECK(pe::energy(a, l, pe::horowitz45).possible.why == pe::reason::not_in_table);
    for (const pe::energy_table* t : pe::energy_tables) {
        const pe::energy_report r = pe::energy(folded(pe::kind::int8, 4, 4, 576), l, *t);
        CHECK(r.table == t->name);
        CHECK(r.band > 1.0);
        CHECK((r.possible.ok() ? r.total_pj() > 0 : r.possible.why == pe::reason::not_in_table));
    }

    pe::array serial = a;
    serial.flow = pe::dataflow::bit_serial;
    serial.columns = 2;
    const std::uint64_t four = pe::cycles(serial, pe::work(l));
    serial.serial_x_bits = 3;
    CHECK(pe::cycles(serial, pe::work(l)) > four);
    serial.serial_x_bits = 2;
    serial.serial_w_bits = 1;
    CHECK(pe::cycles(serial, pe::work(l)) < four);
    serial.flow = pe::dataflow::weight_stationary;
    const std::uint64_t still = pe::cycles(serial, pe::work(l));
    serial.columns = 4;
    CHECK(pe::cycles(serial, pe::work(l)) < still);

    pe::array c = a;
    const pe::device& d = pe::devices[1];
    pe::network_options n;
    const double fps = pe::network(&c, &l, 1, d, n).frames_per_second();
    c.mhz = 100;
    CHECK(pe::network(&c, &l, 1, d, n).frames_per_second() == doctest::Approx(fps / 2));
    n.share = 0.001;
    CHECK(pe::network(&c, &l, 1, d, n).possible.why == pe::reason::luts_do_not_fit);
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
    pe::array prototype;
    prototype.element.type = pe::kind::ternary;
    pe::array arrays[32];
    pe::layer_report reports[32];
    const size_t n = sizeof pe::cnv / sizeof pe::cnv[0];
    pe::network_options o;
    for (const double rate : {10.0, 1000.0, 5000.0}) {
        const pe::network_report r = pe::fit(prototype, pe::cnv, n, pe::devices[1], rate, o, arrays, reports);
        REQUIRE(r.possible.ok());
        CHECK(r.frames_per_second() >= rate);
        CHECK(pe::fits(r.total, pe::devices[1]).ok());
        for (size_t i = 0; i < n; ++i) {
            CHECK(pe::check(arrays[i], pe::work(pe::cnv[i])).ok());
            CHECK(reports[i].cycles <= 200e6 / rate);
            CHECK(reports[i].utilisation <= 1.0);
        }
    }
    CHECK(pe::fit(prototype, pe::cnv, n, pe::devices[1], 1e7, o, arrays).possible.why == pe::reason::no_folding);
    CHECK(!pe::fit(prototype, pe::cnv, n, pe::devices[3], 1000, o, arrays).possible.ok());
    const pe::network_report best = pe::fit(prototype, pe::cnv, n, pe::devices[0], o, arrays);
    CHECK(best.possible.ok());
    CHECK(best.frames_per_second() > 100);
    o.map = pe::mapping::time_multiplexed;
    pe::array same[32];
    for (size_t i = 0; i < n; ++i) same[i] = folded(pe::kind::ternary, 32, 8, pe::work(pe::cnv[i]).depth);
    const pe::network_report one = pe::network(same, pe::cnv, n, pe::devices[0], o, reports);
    std::uint64_t sum = 0;
    for (size_t i = 0; i < n; ++i) sum += reports[i].cycles;
    CHECK(one.time.interval == sum);
}
