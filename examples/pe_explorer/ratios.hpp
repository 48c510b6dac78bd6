// SPDX-License-Identifier: MIT
// What one product costs against another, by every accounting: docs/fpga.md shows what is printed and drawn here.
#pragma once

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include <tern/pe/compare.hpp>
#include <tern/pe/published.hpp>

#include "page.hpp"

namespace pe_explorer {

namespace pe = tern::pe;

/// What RTN reports against full-precision convolution.
constexpr double rtn_area = 89.17, rtn_power = 46.46;

struct ratio_row {
    std::string name;
    pe::measure what;
    bool dsp = false;
    bool power = false;
    const pe::energy_table* table = &pe::toggle_proxy;
};

inline std::vector<ratio_row> ratio_rows() {
    std::vector<ratio_row> rows = {
        {"LUTs, all in LUTs", pe::measure::luts},
        {"LUTs, multipliers in DSP slices, which are not counted", pe::measure::luts, true},
        {"LUTs, a DSP slice as 100", pe::measure::luts_and_dsps, true},
        {"LUTs of iCE40", pe::measure::ice40_luts},
        {"CMOS transistors", pe::measure::transistors},
        {"um2 at 45 nm, Bit Fusion's 2-bit brick as the ternary lane", pe::measure::cell_area},
        {"weight bits", pe::measure::weight_bits},
        {"toggles with glitches", pe::measure::toggles, false, true},
        {"toggles without glitches", pe::measure::toggles_no_glitch, false, true},
        {"toggles of operands alone", pe::measure::operand_toggles, false, true},
    };
    for (const pe::energy_table* t : pe::energy_tables)
        rows.push_back({std::string("energy, ") + t->name, pe::measure::energy, false, true, t});
    return rows;
}

constexpr pe::kind costly[] = {pe::kind::fp32, pe::kind::fp16, pe::kind::int8};
constexpr pe::kind cheap[] = {pe::kind::ternary, pe::kind::binary};

/// Of 256 lanes against 256 lanes; floats stand alone, whose lanes only add up. Negative: a table has no number.
inline double ratio_of(const ratio_row& row, pe::kind a, pe::kind b) {
    pe::accounting how{row.what};
    how.table = row.table;
    pe::unit u = pe::unit_for(a, a == pe::kind::int8 ? 256 : 1, 256);
    if (row.dsp) u.products = pe::multiplier::dsp;
    const pe::ratio r = pe::compare(u, pe::unit_for(b, 256, 256), how);
    return r.possible.ok() ? r.value : -1;
}

inline void print_ratios() {
    std::string head = "| accounting |", line = "|---|";
    for (const pe::kind b : cheap)
        for (const pe::kind a : costly) {
            head += std::string(" ") + pe::to_string(a) + " / " + pe::to_string(b) + " |";
            line += "---|";
        }
    std::printf("%s RTN |\n%s---|\n", head.c_str(), line.c_str());
    for (const ratio_row& row : ratio_rows()) {
        std::printf("| %s |", row.name.c_str());
        for (const pe::kind b : cheap)
            for (const pe::kind a : costly) {
                const double r = ratio_of(row, a, b);
                std::printf(" %s |", r < 0 ? "-" : number(r).c_str());
            }
        std::printf(" %s |\n", number(row.power ? rtn_power : rtn_area).c_str());
    }
    const double lane = pe::mac_energy(pe::toggle_proxy, pe::unit_for(pe::kind::ternary, 256, 256), 0.5, 0.5);
    std::printf("\nProst-Boucle's board: %s pJ a ternary product; a bare lane: %s pJ; %s times as much.\n",
                number(pe::prost_boucle_pj).c_str(), number(lane).c_str(), number(pe::prost_boucle_pj / lane).c_str());
}

/// The table as a drawing: a line an accounting, logarithmic, RTN's two numbers as verticals.
inline std::string ratio_figure() {
    constexpr double left = 400, width = 450, step = 22, top = 60;
    const std::vector<ratio_row> rows = ratio_rows();
    const double bottom = top + step * static_cast<double>(rows.size());
    const auto at = [&](double ratio) { return left + width * std::log10(ratio) / 4; };
    const char* const colours[] = {"#cc3311", "#ee7733", "#0077bb"};
    std::string text = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 880 " + number(bottom + 40) +
                       "\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" "
                       "fill=\"white\"/>\n";
    const auto write = [&](double x, double y, const std::string& words, const char* anchor) {
        text += "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" + anchor + "\">" +
                escaped(words) + "</text>\n";
    };
    const auto vertical = [&](double ratio, const char* style) {
        text +=
            "<path d=\"M" + number(at(ratio)) + " " + number(top - 14) + "V" + number(bottom) + "\" " + style + "/>\n";
    };
    const auto mark = [&](double x, double y, std::size_t i, bool filled) {
        text += "<circle cx=\"" + number(x) + "\" cy=\"" + number(y) + "\" r=\"5\" stroke=\"" + colours[i] +
                "\" stroke-width=\"2\" fill=\"" + (filled ? colours[i] : "white") + "\"/>\n";
    };
    for (double r = 1; r <= 10000; r *= 10) {
        vertical(r, "stroke=\"#dddddd\"");
        write(at(r), bottom + 16, std::to_string(static_cast<int>(r)) + "x", "middle");
    }
    vertical(rtn_area, "stroke=\"black\" stroke-dasharray=\"5 3\"");
    vertical(rtn_power, "stroke=\"black\" stroke-dasharray=\"5 3\"");
    write(at(rtn_area) + 3, top - 18, "RTN's area: 89.17x", "start");
    write(at(rtn_power) - 3, top - 18, "RTN's power: 46.46x", "end");
    for (std::size_t b = 0; b < 2; ++b)
        for (std::size_t a = 0; a < 3; ++a) {
            const double x = 20 + 145 * static_cast<double>(3 * b + a);
            mark(x, 16, a, b == 0);
            write(x + 10, 20, std::string(pe::to_string(costly[a])) + " / " + pe::to_string(cheap[b]), "start");
        }
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const double y = top + step * (static_cast<double>(i) + 0.5);
        write(left - 12, y + 4, rows[i].name, "end");
        for (std::size_t b = 2; b-- > 0;)
            for (std::size_t a = 0; a < 3; ++a)
                if (const double r = ratio_of(rows[i], costly[a], cheap[b]); r > 0) mark(at(r), y, a, b == 0);
    }
    return text + "</svg>\n";
}

/// fp32 / ternary over an overhead that both sides pay, for LUTs and energy.
inline std::string overhead_curves() {
    const pe::unit ternary = pe::unit_for(pe::kind::ternary, 256, 256);
    std::string curves;
    for (const bool dsp : {false, true}) {
        pe::unit single = pe::unit_for(pe::kind::fp32, 1, 256);
        if (dsp) single.products = pe::multiplier::dsp;
        std::vector<point> line, marks;
        const pe::ratio bare = pe::compare(single, ternary, {pe::measure::luts});
        for (double o = 0.05; o < 300; o *= 1.2) line.push_back({o, (bare.a + o) / (bare.b + o), ""});
        for (const double target : {rtn_area, rtn_power}) {
            const double o = pe::overhead_for(bare.a, bare.b, target);
            if (o > 0) marks.push_back({o, target, number(target) + "x at " + number(o)});
        }
        curves += curve(std::string("fp32 / ternary LUTs over overhead a lane") +
                            (dsp ? ", multiplier in DSP slices" : ", all in LUTs"),
                        line, marks, "LUTs of overhead a lane");
    }
    const double lane = pe::mac_energy(pe::toggle_proxy, pe::unit_for(pe::kind::fp32, 1, 1), 0.5, 0.5);
    const double small = pe::mac_energy(pe::toggle_proxy, ternary, 0.5, 0.5);
    std::vector<point> line, marks;
    for (double o = small / 100; o < lane; o *= 1.2) line.push_back({o / lane, (lane + o) / (small + o), ""});
    for (const double target : {rtn_area, rtn_power})
        marks.push_back({pe::overhead_for(lane, small, target) / lane, target, number(target) + "x"});
    curves += curve("fp32 / ternary energy over a constant that both pay (toggle_proxy)", line, marks,
                    "constant as a share of fp32's");
    return curves;
}

}  // namespace pe_explorer
