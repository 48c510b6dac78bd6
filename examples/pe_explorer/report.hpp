// SPDX-License-Identifier: MIT
// The report as a table, CSV, JSON and Verilog.
#pragma once

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <tern/pe/verilog_bench.hpp>

#include "page.hpp"
#include "study.hpp"

namespace pe_explorer {

namespace pe = tern::pe;

inline void print(const study& s) {
    std::printf("%-10s %-13s %5s %6s %4s %11s %6s %9s %6s %5s %11s %11s\n", "layer", "element", "rows", "lanes", "acc",
                "cycles", "util", "LUT", "BRAM18", "DSP", "energy/nJ", "traffic/kB");
    for (const auto& r : s.reports) {
        const pe::resources a = r.area.total();
        std::printf("%-10s %-13s %5zu %6zu %4d %11llu %5.1f%% %9llu %6llu %5llu %11.4g %11.4g\n", r.name,
                    pe::to_string(r.hardware.element.type), r.hardware.rows, r.hardware.element.lanes,
                    r.hardware.element.acc_bits, static_cast<unsigned long long>(r.cycles), 100 * r.utilisation,
                    static_cast<unsigned long long>(a.lut), static_cast<unsigned long long>(a.bram),
                    static_cast<unsigned long long>(a.dsp), r.energy.total_pj() * 1e-3,
                    (r.bits.weight_bits + r.bits.activation_bits + r.bits.output_bits + r.bits.dram_bits) / 8192);
    }
    std::printf(
        "%s on %s: LUT %llu of %llu, FF %llu, BRAM18 %llu of %llu, DSP %llu; %.5g frames/s, %.4g J/frame (%s, within a "
        "factor of %.3g)\n",
        s.total.possible.ok() ? "fits" : pe::to_string(s.total.possible.why), s.part.name,
        static_cast<unsigned long long>(s.total.total.lut), static_cast<unsigned long long>(s.part.available.lut),
        static_cast<unsigned long long>(s.total.total.ff), static_cast<unsigned long long>(s.total.total.bram),
        static_cast<unsigned long long>(s.part.available.bram), static_cast<unsigned long long>(s.total.total.dsp),
        s.total.frames_per_second(), s.total.joules(), s.how.table->name, s.how.table->band);
}

inline void write_file(const std::string& path, const std::string& text) {
    std::ofstream file(path);
    file << text;
    if (!file.flush()) throw std::runtime_error(path + ": cannot write");
}

inline void write_csv(const std::string& path, const study& s) {
    std::string text =
        "layer,element,rows,lanes,acc_bits,cycles,macs,utilisation,lut,ff,bram18,dsp,energy_pj,weight_bits,activation_"
        "bits,output_bits,dram_bits,table\n";
    for (const auto& r : s.reports) {
        const pe::resources a = r.area.total();
        text += pe::detail::cat(
            r.name, ",", pe::to_string(r.hardware.element.type), ",", r.hardware.rows, ",", r.hardware.element.lanes,
            ",", r.hardware.element.acc_bits, ",", static_cast<std::size_t>(r.cycles), ",",
            static_cast<std::size_t>(r.macs), ",", number(r.utilisation), ",", static_cast<std::size_t>(a.lut), ",",
            static_cast<std::size_t>(a.ff), ",", static_cast<std::size_t>(a.bram), ",", static_cast<std::size_t>(a.dsp),
            ",", number(r.energy.total_pj()), ",", number(r.bits.weight_bits), ",", number(r.bits.activation_bits), ",",
            number(r.bits.output_bits), ",", number(r.bits.dram_bits), ",", r.energy.table, "\n");
    }
    write_file(path, text);
}

inline void write_json(const std::string& path, const study& s) {
    nlohmann::json layers = nlohmann::json::array();
    for (const auto& r : s.reports) {
        const pe::resources a = r.area.total();
        layers.push_back({{"name", r.name},
                          {"element", pe::to_string(r.hardware.element.type)},
                          {"rows", r.hardware.rows},
                          {"lanes", r.hardware.element.lanes},
                          {"cycles", r.cycles},
                          {"macs", r.macs},
                          {"utilisation", r.utilisation},
                          {"lut", a.lut},
                          {"ff", a.ff},
                          {"bram18", a.bram},
                          {"dsp", a.dsp},
                          {"energy_pj", r.energy.total_pj()},
                          {"lanes_pj", r.energy.lanes_pj},
                          {"buffers_pj", r.energy.buffers_pj},
                          {"dram_pj", r.energy.dram_pj},
                          {"clock_pj", r.energy.clock_pj}});
    }
    const nlohmann::json all = {{"device", s.part.name},
                                {"fits", s.total.possible.ok()},
                                {"why", pe::to_string(s.total.possible.why)},
                                {"frames_per_second", s.total.frames_per_second()},
                                {"joules_per_frame", s.total.joules()},
                                {"table", s.how.table->name},
                                {"band", s.how.table->band},
                                {"lut", s.total.total.lut},
                                {"bram18", s.total.total.bram},
                                {"dsp", s.total.total.dsp},
                                {"layers", layers}};
    write_file(path, all.dump(2) + "\n");
}

inline void write_rtl(const std::string& directory, const study& s) {
    std::filesystem::create_directories(directory);
    pe::verilog_text text;
    for (std::size_t i = 0; i < s.layers.size(); ++i) {
        const pe::verdict v = pe::write_verilog(text, s.arrays[i], pe::work(s.layers[i]));
        if (!v.ok()) throw std::runtime_error(std::string(s.layers[i].name) + ": " + pe::to_string(v.why));
    }
    write_file(directory + "/network.v", text.str());
    // The bench of the first array of every kind that can hold ternary values, on a corner of its work.
    pe::verilog_bench bench;
    std::mt19937 random(1);
    for (const pe::array& a : s.arrays) {
        if (a.element.type != pe::kind::ternary) continue;
        const std::size_t depth = std::min<std::size_t>(3 * a.element.lanes + 1, 1000);
        std::vector<std::int8_t> x(2 * depth), w((a.rows + 1) * depth);
        for (auto* v : {&x, &w})
            for (std::int8_t& t : *v) t = static_cast<std::int8_t>(static_cast<int>(random() % 3) - 1);
        const auto px = tern::pack_rows<tern::ternary>(tern::matrix_view<const std::int8_t>(x.data(), 2, depth));
        const auto pw = tern::pack<tern::ternary>(tern::matrix_view<const std::int8_t>(w.data(), a.rows + 1, depth));
        if (bench
                .add(a, static_cast<const tern::packed_rows<tern::ternary>&>(px),
                     static_cast<const tern::packed_panels<tern::ternary>&>(pw))
                .ok())
            break;
    }
    if (bench.checks() == 0) return;
    write_file(directory + "/bench.v", bench.verilog());
    for (const pe::memory_file& f : bench.files()) write_file(directory + "/" + f.name, f.text);
    std::printf("Verilog in %s; there: iverilog -g2005 -s tern_bench -o bench bench.v && vvp bench\n",
                directory.c_str());
}

}  // namespace pe_explorer
