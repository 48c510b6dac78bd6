// SPDX-License-Identifier: MIT
// More never takes less, and every knob changes something.
#include <doctest/doctest.h>

#include <cstdint>
#include <initializer_list>
#include <vector>

#include <tern/pe/compare.hpp>
#include <tern/pe/fold.hpp>

namespace {

namespace pe = tern::pe;
using tern::size_t;

bool not_less(const pe::resources& a, const pe::resources& b) {
    return a.lut >= b.lut && a.ff >= b.ff && a.carry >= b.carry && a.dsp >= b.dsp && a.bram >= b.bram &&
           a.lutram >= b.lutram;
}

const pe::family families[] = {pe::family::xilinx7, pe::family::ice40};

pe::array array_of(pe::kind type, pe::dataflow flow) {
    pe::array a;
    a.element = pe::unit_for(type, 16, 576);
    if (flow == pe::dataflow::bit_serial) a.element.acc_bits = 24;
    a.flow = flow;
    a.rows = 6;
    a.columns = flow == pe::dataflow::folded ? 1 : 5;
    return a;
}
const pe::dataflow flows[] = {pe::dataflow::folded, pe::dataflow::output_stationary, pe::dataflow::weight_stationary,
                              pe::dataflow::bit_serial};

/// Everything that somebody can set.
struct knobs {
    pe::array array;
    pe::layer layer = pe::conv_layer("c", 14, 64, 64, 3, 1, 1);
    pe::network_options how;
    pe::accounting account{pe::measure::luts};
    pe::device part = pe::devices[1];
};

/// Everything that comes out.
std::vector<double> outcome(const knobs& k) {
    pe::layer_report l;
    const pe::network_report r = pe::network(&k.array, &k.layer, 1, k.part, k.how, &l);
    const auto real = [](auto v) { return static_cast<double>(v); };
    std::vector<double> all = {real(r.possible.why),
                               r.frames_per_second(),
                               real(l.cycles),
                               l.utilisation,
                               r.pj,
                               l.energy.band,
                               pe::cost_of_product(k.array.element, k.account)};
    for (const pe::resources& part : {l.area.elements, l.area.thresholds, l.area.weight_memory,
                                      l.area.activation_memory, l.area.control, l.area.extra})
        for (const auto v : {part.lut, part.ff, part.carry, part.dsp, part.bram, part.lutram}) all.push_back(real(v));
    for (const double v : {l.bits.weight_bits, l.bits.activation_bits, l.bits.output_bits, l.bits.dram_bits,
                           l.energy.lanes_pj, l.energy.buffers_pj, l.energy.dram_pj, l.energy.clock_pj})
        all.push_back(v);
    return all;
}

struct knob {
    const char* name;
    void (*turn)(knobs&);
};

void each_turns(const knobs& base, std::initializer_list<knob> list) {
    for (const knob& k : list) {
        knobs turned = base;
        k.turn(turned);
        CHECK_MESSAGE(outcome(turned) != outcome(base), k.name);
    }
}

}  // namespace

TEST_CASE("more lanes, wider accumulators and deeper memories never take less") {
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

TEST_CASE("more rows, columns, lanes and bits never take less of an array") {
    const pe::layer l = pe::conv_layer("c", 14, 64, 64, 3, 1, 1);
    for (const pe::dataflow flow : flows) {
        for (const pe::family f : families) {
            const auto grows = [&](pe::array a, void (*more)(pe::array&), int times) {
                for (int i = 0; i < times; ++i) {
                    const pe::resources before = pe::cell_area(a, f).times(a.elements());
                    const pe::resources edge = pe::edge_area(a);
                    more(a);
                    CAPTURE(pe::to_string(flow));
                    CAPTURE(i);
                    REQUIRE(not_less(pe::cell_area(a, f).times(a.elements()), before));
                    REQUIRE(not_less(pe::edge_area(a), edge));
                }
            };
            for (const pe::kind type : {pe::kind::binary, pe::kind::ternary, pe::kind::int8}) {
                pe::array a = array_of(type, flow);
                for (const auto rule : {pe::overflow_rule::wrap, pe::overflow_rule::saturate}) {
                    a.element.rule = rule;
                    a.element.acc_bits = 40;
                    grows(
                        a, [](pe::array& b) { ++b.element.lanes; }, 40);
                    a.element.acc_bits = pe::step_bits(a.element);
                    grows(
                        a, [](pe::array& b) { ++b.element.acc_bits; }, 20);
                    grows(
                        a, [](pe::array& b) { ++b.rows; }, 10);
                    if (flow != pe::dataflow::folded)
                        grows(
                            a, [](pe::array& b) { ++b.columns; }, 10);
                }
            }
        }
        pe::array a = array_of(pe::kind::ternary, flow);
        std::uint64_t before = ~std::uint64_t{0};
        for (a.rows = 1; a.rows <= 64; a.rows *= 2) {
            const std::uint64_t turns = pe::fold(a, pe::work(l)).outputs * pe::fold(a, pe::work(l)).depth;
            CHECK(turns <= before);
            before = turns;
        }
    }
}

TEST_CASE("every knob changes something") {
    knobs base;
    base.array = array_of(pe::kind::ternary, pe::dataflow::folded);
    each_turns(base, {
                         {"lanes", [](knobs& k) { k.array.element.lanes = 18; }},
                         {"acc_bits", [](knobs& k) { k.array.element.acc_bits = 20; }},
                         {"kind", [](knobs& k) { k.array.element.type = pe::kind::binary; }},
                         {"rule", [](knobs& k) { k.array.element.rule = pe::overflow_rule::saturate; }},
                         {"rows", [](knobs& k) { k.array.rows = 7; }},
                         {"mhz", [](knobs& k) { k.array.mhz = 100; }},
                         {"height", [](knobs& k) { k.layer.height = 15; }},
                         {"width", [](knobs& k) { k.layer.width = 15; }},
                         {"channels", [](knobs& k) { k.layer.channels = 48; }},
                         {"outputs", [](knobs& k) { k.layer.outputs = 65; }},
                         {"kernel", [](knobs& k) { k.layer.window = tern::square_window(2, 1, 1); }},
                         {"stride", [](knobs& k) { k.layer.window.x.stride = 2; }},
                         {"padding", [](knobs& k) { k.layer.window.y.pad_before = 0; }},
                         {"dilation", [](knobs& k) { k.layer.window.y.dilation = 2; }},
                         {"out_bits", [](knobs& k) { k.layer.out_bits = 3; }},
                         {"weight memory", [](knobs& k) { k.how.area.weights = pe::memory_kind::lut; }},
                         {"activation memory", [](knobs& k) { k.how.area.activations = pe::memory_kind::lut; }},
                         {"window generator", [](knobs& k) { k.how.area.window_generator = false; }},
                         {"overhead an array", [](knobs& k) { k.how.area.extra.lut_per_array += 1; }},
                         {"overhead of elements", [](knobs& k) { k.how.area.extra.share_of_elements = 0.2; }},
                         {"x_density", [](knobs& k) { k.how.energy.x_density = 0.3; }},
                         {"w_density", [](knobs& k) { k.how.energy.w_density = 0.7; }},
                         {"weights_resident", [](knobs& k) { k.how.energy.weights_resident = false; }},
                         {"table", [](knobs& k) { k.how.table = &pe::bitfusion45; }},
                         {"share", [](knobs& k) { k.how.share = 0.001; }},
                         {"device", [](knobs& k) { k.part = pe::devices[3]; }},
                         {"measure", [](knobs& k) { k.account.what = pe::measure::toggles; }},
                         {"overhead of a product", [](knobs& k) { k.account.overhead = 1; }},
                     });
    CHECK(base.how.area.extra.lut_per_array > 0);
    CHECK(base.how.area.extra.share_of_elements > 0);

    knobs pixels = base;
    pixels.array.element = pe::unit_for(pe::kind::ternary_int8, 16, 576);
    each_turns(pixels, {{"x_bits", [](knobs& k) { k.array.element.x_bits = 6; }}});
    knobs bytes = base;
    bytes.array.element = pe::unit_for(pe::kind::int8, 16, 576);
    bytes.account.what = pe::measure::luts_and_dsps;
    each_turns(bytes, {{"products", [](knobs& k) { k.array.element.products = pe::multiplier::dsp; }}});
    bytes.array.element.products = pe::multiplier::dsp;
    each_turns(bytes, {{"dsp_luts", [](knobs& k) { k.account.dsp_luts = 50; }}});
    knobs bricks = base;
    bricks.array.element = pe::unit_for(pe::kind::fusion, 4, 576);
    bricks.how.table = &pe::bitfusion45;
    each_turns(bricks, {{"fused_bits", [](knobs& k) {
                             k.array.element = pe::unit_for(pe::kind::fusion, 4, 576);
                             k.array.element.acc_bits = 32;
                             k.array.element.fused_bits = 4;
                         }}});
    knobs energy = base;
    energy.account.what = pe::measure::energy;
    each_turns(energy, {{"density", [](knobs& k) { k.account.density = 0.3; }},
                        {"table of an accounting", [](knobs& k) { k.account.table = &pe::bitfusion45; }}});

    for (const pe::dataflow flow : {flows[1], flows[2], flows[3]}) {
        knobs other = base;
        other.array = array_of(pe::kind::ternary, flow);
        CAPTURE(pe::to_string(flow));
        each_turns(other, {
                              {"rows", [](knobs& k) { k.array.rows = 7; }},
                              {"columns", [](knobs& k) { k.array.columns = 7; }},
                              {"lanes", [](knobs& k) { k.array.element.lanes = 18; }},
                              {"acc_bits", [](knobs& k) { k.array.element.acc_bits = 26; }},
                              {"flow", [](knobs& k) { k.array.flow = k.array.flow == flows[1] ? flows[2] : flows[1]; }},
                          });
        if (flow == pe::dataflow::bit_serial)
            each_turns(other, {{"serial_x_bits", [](knobs& k) { k.array.serial_x_bits = 3; }},
                               {"serial_w_bits", [](knobs& k) { k.array.serial_w_bits = 1; }}});
    }

    // A report's clocked registers, and how layers share hardware.
    pe::energy_options clocked;
    clocked.registers = 1;
    CHECK(pe::energy(base.array, base.layer, pe::toggle_proxy, clocked).total_pj() <
          pe::energy(base.array, base.layer, pe::toggle_proxy).total_pj());
    const pe::layer two[] = {base.layer, base.layer};
    const pe::array pair[] = {base.array, base.array};
    pe::network_options turns;
    const pe::network_report beside = pe::network(pair, two, 2, base.part, turns);
    turns.map = pe::mapping::time_multiplexed;
    const pe::network_report after = pe::network(pair, two, 2, base.part, turns);
    CHECK(after.time.interval == 2 * beside.time.interval);
    CHECK(2 * after.total.lut == beside.total.lut);
    CHECK(after.total.bram < beside.total.bram);
    turns.energy.weights_resident = false;
    CHECK(pe::network(pair, two, 2, base.part, turns).total.bram < after.total.bram);
    for (const pe::energy_table* t : pe::energy_tables) {
        knobs k = base;
        k.array.element = pe::unit_for(pe::kind::int8, 4, 576);
        const pe::energy_report r = pe::energy(k.array, k.layer, *t);
        CHECK(r.table == t->name);
        CHECK(r.band > 1.0);
        CHECK((r.possible.ok() ? r.total_pj() > 0 : r.possible.why == pe::reason::not_in_table));
    }
}
