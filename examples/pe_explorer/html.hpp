// SPDX-License-Identifier: MIT
// The report as one page with its plots in it.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "ratios.hpp"
#include "report.hpp"

namespace pe_explorer {

namespace pe = tern::pe;

inline void write_html(const std::string& path, const options& opt, const study& s) {
    std::vector<point> luts, joules, roof, achieved;
    double peak = 0;
    for (const auto& r : s.reports) {
        luts.push_back({0, static_cast<double>(r.area.total().lut), r.name});
        joules.push_back({0, r.energy.total_pj() * 1e-3, r.name});
        const pe::workload w = pe::work(s.layers[luts.size() - 1]);
        const double bytes =
            (static_cast<double>(w.outputs) * static_cast<double>(w.depth) * pe::weight_bits(r.hardware.element) +
             static_cast<double>(s.layers[luts.size() - 1].height * s.layers[luts.size() - 1].width *
                                 s.layers[luts.size() - 1].channels) *
                 pe::activation_bits(r.hardware.element) +
             r.bits.output_bits) /
            8;
        achieved.push_back({static_cast<double>(w.macs()) / bytes,
                            static_cast<double>(w.macs()) / static_cast<double>(r.cycles) * opt.mhz * 1e6, r.name});
        peak = std::max(
            peak, static_cast<double>(r.hardware.elements() * pe::step_depth(r.hardware.element)) * opt.mhz * 1e6);
    }
    for (double x = 0.1; x < 1e4; x *= 1.3) roof.push_back({x, std::min(peak, x * opt.dram_gbs * 1e9), ""});

    write_file(path, "<!doctype html><html><head><meta charset=\"utf-8\"><title>" + escaped(opt.network) +
                         "</title></head><body style=\"font-family:sans-serif\">\n<h1>" + escaped(opt.network) + ", " +
                         escaped(opt.pe) + ", " + escaped(opt.device) + "</h1>\n<p>" +
                         escaped(s.total.possible.ok() ? "Fits." : pe::to_string(s.total.possible.why)) + " " +
                         number(s.total.frames_per_second()) + " frames/s, " + number(s.total.joules()) +
                         " J a frame by " + s.how.table->name + ", which may be off by a factor of " +
                         number(s.how.table->band) + " either way.</p>\n" + bars("LUTs by layer", luts) +
                         bars("nJ by layer and frame", joules) +
                         curve("Roofline: products a second over products a byte of DRAM, if nothing stayed on chip",
                               roof, achieved, "products a byte") +
                         overhead_curves() + "</body></html>\n");
}

}  // namespace pe_explorer
