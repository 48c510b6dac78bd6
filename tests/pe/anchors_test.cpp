// SPDX-License-Identifier: MIT
// What others published, by their formulas and by ours. docs/fpga.md says in which file each number was read.
#include <doctest/doctest.h>

#include <initializer_list>

#include <tern/pe/compare.hpp>
#include <tern/pe/networks.hpp>
#include <tern/pe/published.hpp>

namespace {

namespace pe = tern::pe;
using tern::pe::size_t;

pe::array array_of(pe::kind type, pe::dataflow flow, size_t lanes, size_t rows, size_t columns, size_t depth) {
    pe::array a;
    a.element = pe::unit_for(type, lanes, depth);
    a.flow = flow;
    a.rows = rows;
    a.columns = columns;
    return a;
}

}  // namespace

TEST_CASE("BISMO's peaks") {
    pe::array a = array_of(pe::kind::binary, pe::dataflow::bit_serial, 256, 8, 8, 25600);
    CHECK(pe::bismo_peak(a) == doctest::Approx(6.5e12).epsilon(0.01));  // PYNQ-Z1: 8 x 256 x 8 at 200 MHz
    CHECK(pe::bismo_luts(a) < 53200);                                   // its XC7Z020
    a.rows = a.columns = 10;
    a.mhz = 300;
    CHECK(pe::bismo_peak(a) == doctest::Approx(15.4e12).epsilon(0.01));  // Ultra96: 10 x 256 x 10 at 300 MHz
    // Our cycles reach that peak on a product that divides, but for the one clock of the output register.
    a.serial_x_bits = a.serial_w_bits = 1;
    const pe::workload w{1000, 25600, 1000};
    CHECK(pe::cycles(a, w) == 100u * 100u * 100u + 1);
    a.serial_x_bits = 3;
    a.serial_w_bits = 2;
    CHECK(pe::cycles(a, w) == 6u * 1000000u + 1);
}

TEST_CASE("FINN's cycles of CNV, layer by layer") {
    struct layer_folding {
        size_t rows, lanes;
        std::uint64_t cycles;
    };
    // PE, SIMD and "Ext Latency" of each layer. The last one is padded to 64 outputs there.
    const layer_folding w1a1[] = {{16, 3, 32400}, {32, 32, 28224}, {16, 32, 20736}, {16, 32, 28800}, {4, 32, 20736},
                                  {1, 32, 18432}, {1, 4, 32768},   {1, 8, 32768},   {4, 1, 8192}};
    const layer_folding w2a2[] = {{8, 3, 64800}, {16, 16, 112896}, {8, 16, 82944}, {8, 16, 115200}, {4, 8, 82944},
                                  {1, 8, 73728}, {1, 2, 65536},    {2, 2, 65536},  {4, 1, 8192}};
    for (const auto& network : {w1a1, w2a2}) {
        for (size_t i = 0; i < 9; ++i) {
            CAPTURE(i);
            pe::workload w = pe::work(pe::cnv[i]);
            if (i == 8) w.outputs = 64;
            const layer_folding& f = network[i];
            const pe::array a = array_of(pe::kind::binary, pe::dataflow::folded, f.lanes, f.rows, 1, w.depth);
            CHECK(pe::finn_cycles(a, w) == f.cycles);
            CHECK(pe::cycles(a, w) == f.cycles + 1);
        }
    }
    // FINN's own folding differs from the first in the last layer alone: 5 elements, 10 outputs.
    const pe::array last = array_of(pe::kind::binary, pe::dataflow::folded, 1, 5, 1, 512);
    CHECK(pe::finn_cycles(last, pe::work(pe::cnv[8])) == 1024);
    const pe::array ragged = array_of(pe::kind::binary, pe::dataflow::folded, 5, 3, 1, 27);
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

TEST_CASE("FINN's ladder of block RAMs") {
    const auto blocks = [](std::uint64_t width, std::uint64_t depth) {
        return pe::memory_area(pe::family::xilinx7, pe::memory_kind::block, width, depth).bram;
    };
    CHECK(blocks(1, 16385) == 2);
    CHECK(blocks(2, 8192) == 1);
    CHECK(blocks(3, 4097) == 2);
    CHECK(blocks(9, 2048) == 1);
    CHECK(blocks(18, 1025) == 2);
    CHECK(blocks(64, 513) == 4);
    CHECK(blocks(64, 512) == 2);
    CHECK(pe::memory_area(pe::family::xilinx7, pe::memory_kind::lut, 10, 65).lutram == 20);
}

TEST_CASE("SCALE-Sim's cycles of four layers on 32 x 32 elements, from the reports in its repository") {
    using pe::dataflow;
    struct report {
        dataflow flow;
        pe::workload work;
        std::uint64_t cycles;  ///< total less stalls
    };
    const report reports[] = {
        {dataflow::output_stationary, {384, 9 * 192, 5 * 5}, 21479},        // Inc5b_3x3 of GoogLeNet
        {dataflow::output_stationary, {128, 256, 256}, 52447 - 42272},      // a product of its tests
        {dataflow::weight_stationary, {128, 256, 256}, 52447 - 41248},      // the same
        {dataflow::weight_stationary, {96, 11 * 11 * 3, 55 * 55}, 112283},  // Conv1 of AlexNet
    };
    for (const report& r : reports) {
        CHECK(pe::scale_sim_report(r.flow, 32, 32, r.work) == r.cycles);
        const pe::array a = array_of(pe::kind::int8, r.flow, 1, 32, 32, r.work.depth);
        const std::uint64_t ours = pe::cycles(a, r.work);
        if (r.flow == dataflow::weight_stationary) {
            CHECK(ours == r.cycles + 1);
        } else {
            // Ours, as its paper, waits for the results of a tile to leave: 32 clocks more.
            const std::uint64_t tiles = (r.work.vectors + 31) / 32 * ((r.work.outputs + 31) / 32);
            CHECK(ours == pe::scale_sim_formula(32, 32, r.work));
            CHECK(ours == r.cycles + 1 + 32 * tiles);
        }
    }
    // Its rows are vectors and its columns outputs, ours the other way round.
    const pe::workload w{64, 576, 3136};
    CHECK(pe::cycles(array_of(pe::kind::int8, dataflow::output_stationary, 1, 8, 32, w.depth), w) ==
          (2u * 8 + 32 + 576 - 2) * 8 * 98);
    CHECK(pe::scale_sim_formula(32, 8, w) == (2u * 32 + 8 + 576 - 2) * 8 * 98);
}

TEST_CASE("a board pays hundreds of times what a bare lane does") {
    const pe::unit lane = pe::unit_for(pe::kind::ternary, 64, 64);
    const double gap = pe::prost_boucle_pj / pe::mac_energy(pe::toggle_proxy, lane, 0.5, 0.5);
    CHECK(pe::prost_boucle_pj == doctest::Approx(1.555).epsilon(0.001));
    CHECK(gap == doctest::Approx(340).epsilon(0.01));
}
