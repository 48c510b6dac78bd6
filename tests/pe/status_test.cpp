// SPDX-License-Identifier: MIT
// Every reason why something is impossible is met, and none without its sentence.
#include <doctest/doctest.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <tern/buffer.hpp>
#include <tern/pe/fold.hpp>
#include <tern/pe/run.hpp>

namespace {

namespace pe = tern::pe;
using tern::size_t;

}  // namespace

TEST_CASE("whatever is impossible says why") {
    using pe::reason;
    std::set<reason> met;
    const auto meets = [&](const pe::verdict& v, reason why) {
        CHECK_MESSAGE(v.why == why, pe::to_string(v.why), ", not: ", pe::to_string(why));
        CHECK(v.ok() == (why == reason::none));
        met.insert(v.why);
    };
    const auto unit = [](pe::kind type, size_t lanes, int acc_bits) { return pe::unit{type, lanes, acc_bits}; };
    const pe::unit good = unit(pe::kind::ternary, 16, 16);
    meets(pe::check(good), reason::none);
    CHECK(pe::check(unit(pe::kind::ternary, 0, 16)).state == tern::status::bad_shape);
    meets(pe::check(unit(pe::kind::ternary, 0, 16)), reason::no_lanes);
    meets(pe::check(unit(pe::kind::ternary, 70000, 40)), reason::too_many_lanes);
    meets(pe::check(unit(pe::kind::ternary, 16, 49)), reason::accumulator_width);
    meets(pe::check(unit(pe::kind::ternary, 16, 5)), reason::accumulator_below_step);
    meets(pe::check(unit(pe::kind::ternary, 16, 8), 128), reason::accumulator_below_depth);
    meets(pe::check(unit(pe::kind::ternary, 16, 8), 127), reason::none);
    pe::unit u = unit(pe::kind::ternary_int8, 4, 30);
    for (const int x_bits : {1, 17}) {
        u.x_bits = x_bits;
        meets(pe::check(u), reason::operand_width);
    }
    u = unit(pe::kind::fusion, 4, 30);
    u.fused_bits = 5;
    meets(pe::check(u), reason::fused_width);
    u = good;
    u.products = pe::multiplier::dsp;
    meets(pe::check(u), reason::no_multiplier);
    u = unit(pe::kind::fp16, 1, 16);
    u.rule = pe::overflow_rule::saturate;
    meets(pe::check(u), reason::no_saturation);
    meets(pe::check(pe::unit_for(pe::kind::fp32, 4, 100), 100), reason::none);

    pe::array a;
    a.element = good;
    a.rows = 0;
    meets(pe::check(a), reason::no_elements);
    a.rows = 2;
    a.mhz = 0;
    meets(pe::check(a), reason::clock);
    a.mhz = 100;
    meets(pe::check(a, pe::workload{1, 1, 0}), reason::no_shape);
    meets(pe::check(pe::conv_layer("c", 2, 1, 1, 3, 1, 0)), reason::window);

    const std::vector<std::int8_t> ones(64, 1);
    std::int32_t out[1] = {};
    const tern::matrix_view<const std::int8_t> plain(ones.data(), 1, 64), shorter(ones.data(), 1, 32);
    const tern::matrix_view<std::int32_t> dst(out, 1, 1);
    out[0] = 5;
    meets(pe::run(a, plain, plain, dst).possible, reason::kinds_differ);
    CHECK(out[0] == 5);
    a.element = unit(pe::kind::int8, 4, 32);
    meets(pe::run(a, plain, shorter, dst).possible, reason::shapes_differ);
    a.element = good;
    const auto x = tern::pack_rows<tern::ternary>(plain);
    tern::packed_panels<tern::ternary> apart;
    apart.outputs = 1;
    apart.taps = 2;
    apart.tap_depth = 33;
    tern::packed_rows<tern::ternary> row = x;
    row.depth = apart.depth();
    meets(pe::run(a, row, apart, dst).possible, reason::taps_apart);

    const pe::device& small = pe::devices[3];
    const pe::resources most = small.available;
    meets(pe::fits(most, small), reason::none);
    pe::resources more = most;
    more.bram += 1;
    meets(pe::fits(more, small), reason::memory_does_not_fit);
    more = most;
    more.lut += 1;
    meets(pe::fits(more, small), reason::luts_do_not_fit);
    more = most;
    more.ff += 1;
    meets(pe::fits(more, small), reason::registers_do_not_fit);
    more = most;
    more.dsp += 1;
    meets(pe::fits(more, small), reason::dsps_do_not_fit);
    // The same from a layer: 1152 x 1024 weights of 2 bits in 16 KiB.
    const pe::layer wide = pe::dense_layer("fc", 1152, 1024);
    a.element = pe::unit_for(pe::kind::ternary, 16, 1152);
    const pe::network_options o;
    meets(pe::network(&a, &wide, 1, small, o).possible, reason::memory_does_not_fit);
    meets(pe::fit(&a, &wide, 1, small, 1e9, o).possible, reason::no_folding);
    pe::array two[] = {a, a};
    two[1].rows = 3;
    const pe::layer both[] = {wide, wide};
    pe::network_options shared;
    shared.map = pe::mapping::time_multiplexed;
    meets(pe::network(two, both, 2, pe::devices[1], shared).possible, reason::arrays_differ);
    meets(pe::energy(a, wide, pe::horowitz45).possible, reason::not_in_table);

    for (int r = 0; pe::to_string(static_cast<reason>(r)) != std::string("unknown reason"); ++r)
        CHECK_MESSAGE(met.count(static_cast<reason>(r)) == 1, "not met: ", pe::to_string(static_cast<reason>(r)));
    CHECK(met.size() == 24);
}
