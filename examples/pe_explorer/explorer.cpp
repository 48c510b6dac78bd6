// SPDX-License-Identifier: MIT
// What a network costs on arrays of ternary (or other) processing elements: cycles, LUTs, block RAM, energy, traffic, by
// layer; as a table, CSV, JSON, a page with plots, and Verilog. The Fashion-MNIST network also runs on the emulated arrays.
//
// Exit code: 0; 1 when the network does not fit, or a logit differs from the kernels'; 2 when a file or an option is not
// usable.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <tern/pe/compare.hpp>
#include <tern/pe/fold.hpp>
#include <tern/pe/networks.hpp>
#include <tern/pe/verilog_bench.hpp>

#include "../fashion_mnist/dataset.hpp"
#include "../fashion_mnist/packed_network.hpp"
#include "emulated_network.hpp"
#include "page.hpp"

namespace {

namespace pe = tern::pe;
using namespace pe_explorer;

struct options {
    std::string network = "fashion_mnist";
    std::string pe = "ternary";
    std::string device = "xc7vx485t";
    std::string fold = "auto";
    std::string table = "toggle_proxy";
    std::string mapping = "pipelined";
    std::string csv, json, html, rtl;
    std::string model = TERN_EXAMPLE_DIRECTORY "/model.safetensors";
    std::string data = fashion_mnist::default_data_directory;
    double fps = 0, mhz = 200, share = 0.7, dram_gbs = 10, density = 0.5;
    std::size_t images = 100;
    bool plain_first = false, weights_in_dram = false, dsp = false, ratios = false;
};

struct study {
    std::vector<pe::layer> layers;
    std::vector<pe::array> arrays;
    std::vector<pe::layer_report> reports;
    pe::network_report total;
    pe::device part;
    pe::network_options how;
};

template <class T>
const T& named(const T* begin, const T* end, const std::string& name, const char* what) {
    for (const T* t = begin; t != end; ++t)
        if (name == t->name) return *t;
    throw std::runtime_error("there is no " + std::string(what) + " " + name);
}

pe::kind kind_named(const std::string& name) {
    for (const pe::kind k : pe::kinds)
        if (name == pe::to_string(k)) return k;
    throw std::runtime_error("there is no element " + name);
}

std::vector<pe::layer> layers_named(const std::string& name) {
    if (name == "resnet18") return {std::begin(pe::resnet18), std::end(pe::resnet18)};
    if (name == "cnv") return {std::begin(pe::cnv), std::end(pe::cnv)};
    if (name == "fashion_mnist") return {std::begin(pe::fashion_mnist), std::end(pe::fashion_mnist)};
    throw std::runtime_error("there is no network " + name);
}

/// Foldings, layer by layer: the first one's pixels are integers of nine bits.
pe::network_report fold_all(const options& opt, study& s, const pe::array& prototype, double fps) {
    const double budget = fps > 0 ? opt.mhz * 1e6 / fps : 0;
    std::size_t rows = 0, lanes = 0;
    if (opt.fold != "auto" && std::sscanf(opt.fold.c_str(), "%zux%zu", &rows, &lanes) != 2)
        throw std::runtime_error("--fold is auto or ROWSxLANES, as 16x64");
    for (std::size_t i = 0; i < s.layers.size(); ++i) {
        pe::array& a = s.arrays[i] = prototype;
        const bool quantized =
            prototype.element.type == pe::kind::ternary || prototype.element.type == pe::kind::binary;
        if (i == 0 && quantized && !opt.plain_first) {
            a.element.type = pe::kind::ternary_int8;
            a.element.x_bits = 9;
        }
        if (opt.fold == "auto") {
            pe::network_report r;
            if (!pe::detail::cheapest(a, s.layers[i], s.part.logic, s.how.area, static_cast<std::uint64_t>(budget))) {
                r.possible = {tern::status::unsupported, pe::reason::no_folding};
                return r;
            }
        } else {
            a.rows = rows;
            a.element.lanes = lanes;
            a.element.acc_bits = pe::accumulator_bits(a.element, pe::work(s.layers[i]).depth);
        }
    }
    return pe::network(s.arrays.data(), s.layers.data(), s.layers.size(), s.part, s.how, s.reports.data());
}

study explore(const options& opt) {
    study s;
    s.layers = layers_named(opt.network);
    s.arrays.resize(s.layers.size());
    s.reports.resize(s.layers.size());
    s.part = named(std::begin(pe::devices), std::end(pe::devices), opt.device, "device");
    const pe::energy_table* table = nullptr;
    for (const pe::energy_table* t : pe::energy_tables)
        if (opt.table == t->name) table = t;
    if (table == nullptr) throw std::runtime_error("there is no table " + opt.table);
    s.how.table = table;
    s.how.share = opt.share;
    s.how.map = opt.mapping == "pipelined" ? pe::mapping::pipelined : pe::mapping::time_multiplexed;
    s.how.energy.x_density = s.how.energy.w_density = opt.density;
    s.how.energy.weights_resident = !opt.weights_in_dram;
    pe::array prototype;
    prototype.element.type = kind_named(opt.pe);
    prototype.mhz = opt.mhz;
    if (opt.dsp) prototype.element.products = pe::multiplier::dsp;
    if (opt.fold != "auto" || opt.fps > 0) {
        s.total = fold_all(opt, s, prototype, opt.fps);
        return s;
    }
    double low = 1.0 / 16, high = 1e7;
    for (int i = 0; i < 40; ++i) {  // the fastest that fits, by bisection of the rate's logarithm
        const double middle = std::sqrt(low * high);
        (fold_all(opt, s, prototype, middle).possible.ok() ? low : high) = middle;
    }
    s.total = fold_all(opt, s, prototype, low);
    return s;
}

void print(const study& s) {
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

void write_file(const std::string& path, const std::string& text) {
    std::ofstream file(path);
    file << text;
    if (!file.flush()) throw std::runtime_error(path + ": cannot write");
}

void write_csv(const std::string& path, const study& s) {
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

void write_json(const std::string& path, const study& s) {
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

void write_html(const std::string& path, const options& opt, const study& s) {
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

    const pe::unit ternary = pe::unit_for(pe::kind::ternary, 256, 256);
    std::string curves;
    for (const bool dsp : {false, true}) {
        pe::unit single = pe::unit_for(pe::kind::fp32, 1, 256);
        if (dsp) single.products = pe::multiplier::dsp;
        std::vector<point> line, marks;
        const pe::ratio bare = pe::compare(single, ternary, {pe::measure::luts});
        for (double o = 0.05; o < 300; o *= 1.2) line.push_back({o, (bare.a + o) / (bare.b + o), ""});
        for (const double target : {89.17, 46.46}) {
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
    for (const double target : {89.17, 46.46})
        marks.push_back({pe::overhead_for(lane, small, target) / lane, target, number(target) + "x"});
    curves += curve("fp32 / ternary energy over a constant that both pay (toggle_proxy)", line, marks,
                    "constant as a share of fp32's");

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
                         curves + "</body></html>\n");
}

void write_rtl(const std::string& directory, const study& s) {
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

/// Every accounting beside each other, as docs/fpga.md shows it.
void print_ratios() {
    std::printf(
        "| accounting | fp32 / ternary | fp16 / ternary | int8 / ternary | fp32 / binary |\n|---|---|---|---|---|\n");
    const auto row = [](const std::string& name, pe::measure m, bool dsp,
                        const pe::energy_table* table = &pe::toggle_proxy) {
        pe::accounting how{m};
        how.table = table;
        std::printf("| %s |", name.c_str());
        const auto cell = [&](pe::kind a, pe::kind b) {
            pe::unit u = pe::unit_for(a, a == pe::kind::int8 ? 256 : 1, 256);
            if (dsp) u.products = pe::multiplier::dsp;
            const pe::ratio r = pe::compare(u, pe::unit_for(b, 256, 256), how);
            r.possible.ok() ? static_cast<void>(std::printf(" %.4g |", r.value))
                            : static_cast<void>(std::printf(" - |"));
        };
        cell(pe::kind::fp32, pe::kind::ternary);
        cell(pe::kind::fp16, pe::kind::ternary);
        cell(pe::kind::int8, pe::kind::ternary);
        cell(pe::kind::fp32, pe::kind::binary);
        std::printf("\n");
    };
    row("LUTs, all in LUTs", pe::measure::luts, false);
    row("LUTs, multipliers in DSP slices, which are not counted", pe::measure::luts, true);
    row("LUTs, a DSP slice as 100", pe::measure::luts_and_dsps, true);
    row("LUTs of iCE40", pe::measure::ice40_luts, false);
    row("CMOS transistors", pe::measure::transistors, false);
    row("um2 at 45 nm, Bit Fusion's 2-bit brick as the ternary lane", pe::measure::cell_area, false);
    row("weight bits", pe::measure::weight_bits, false);
    row("toggles with glitches", pe::measure::toggles, false);
    row("toggles without glitches", pe::measure::toggles_no_glitch, false);
    row("toggles of operands alone", pe::measure::operand_toggles, false);
    for (const pe::energy_table* t : pe::energy_tables)
        row(std::string("energy, ") + t->name, pe::measure::energy, false, t);
}

/// Runs the trained network on the arrays and holds every logit against the kernels.
bool emulate(const options& opt, const study& s) {
    namespace fm = fashion_mnist;
    const fm::packed_model model = fm::load_model(opt.model);
    const fm::dataset test = fm::read_dataset(opt.data, "t10k");
    const std::size_t count = std::min(opt.images, test.images.count);
    pe::array arrays[emulated_network::layers];
    std::copy(s.arrays.begin(), s.arrays.end(), arrays);
    emulated_network emulated(model, arrays);
    fm::packed_network<> kernels(model, 1);
    std::size_t right = 0;
    bool equal = true;
    for (std::size_t i = 0; i < count; ++i) {
        float logits[fm::output_count], expected[fm::output_count];
        emulated.run(test.images.image(i), logits);
        kernels.run(test.images.image(i), 1, expected);
        equal = equal && std::equal(logits, logits + fm::output_count, expected);
        right += std::max_element(logits, logits + fm::output_count) - logits == test.labels[i] ? 1u : 0u;
    }
    double exact = 0;
    const std::size_t measured = std::min<std::size_t>(count, 2);
    for (std::size_t i = 1; i < emulated_network::layers && measured != 0; ++i) {
        const double each =
            emulated.exact_pj(i) * static_cast<double>(emulated.images()) / static_cast<double>(measured);
        std::printf("%-10s activations %4.1f %% non-zero; lanes by exact activity %.4g nJ, by density %.2f %.4g nJ\n",
                    s.reports[i].name, 100 * emulated.density(i), each * 1e-3, opt.density,
                    s.reports[i].energy.lanes_pj * 1e-3);
        exact += each - s.reports[i].energy.lanes_pj;
    }
    std::printf(
        "images %zu accuracy %.4f emulated_equals_kernels %s overflows %llu cycles_per_image %llu LUT %llu "
        "joules_per_image %.4g\n",
        count, static_cast<double>(right) / static_cast<double>(std::max<std::size_t>(count, 1)), equal ? "yes" : "no",
        static_cast<unsigned long long>(emulated.overflows()), static_cast<unsigned long long>(s.total.time.interval),
        static_cast<unsigned long long>(s.total.total.lut), s.total.joules() + exact * 1e-12);
    return equal;
}

}  // namespace

int main(int argc, char** argv) {
    options opt;
    CLI::App app("What a network costs on an emulated FPGA array.");
    app.add_option("--network", opt.network, "resnet18, cnv or fashion_mnist")->capture_default_str();
    app.add_option("--pe", opt.pe, "binary, ternary, ternary_int8, int8, fp16, fp32 or fusion")->capture_default_str();
    app.add_option("--device", opt.device, "xc7z020, xc7vx485t, xczu9eg or ice40hx8k")->capture_default_str();
    app.add_option("--fold", opt.fold, "auto, or ROWSxLANES for every layer")->capture_default_str();
    app.add_option("--fps", opt.fps, "frames a second to fold for; 0: as many as fit");
    app.add_option("--mapping", opt.mapping, "pipelined or multiplexed")
        ->capture_default_str()
        ->check(CLI::IsMember({"pipelined", "multiplexed"}));
    app.add_option("--mhz", opt.mhz, "clock")->capture_default_str()->check(CLI::PositiveNumber);
    app.add_option("--share", opt.share, "of the device's logic that may be used")
        ->capture_default_str()
        ->check(CLI::Range(0.01, 1.0));
    app.add_option("--table", opt.table, "horowitz45, aladdin40, bitfusion45 or toggle_proxy")->capture_default_str();
    app.add_option("--density", opt.density, "share of non-zeros")->capture_default_str()->check(CLI::Range(0.0, 1.0));
    app.add_option("--dram-gbs", opt.dram_gbs, "the roofline's bandwidth")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_flag("--weights-in-dram", opt.weights_in_dram, "weights come from DRAM for every frame");
    app.add_flag("--plain-first", opt.plain_first, "the first layer, too, on --pe instead of ternary x pixels");
    app.add_flag("--dsp", opt.dsp, "int8 and float products in DSP slices");
    app.add_option("--csv", opt.csv, "file");
    app.add_option("--json", opt.json, "file");
    app.add_option("--html", opt.html, "file");
    app.add_option("--emit-rtl", opt.rtl, "directory");
    app.add_option("--images", opt.images, "test images for the emulated Fashion-MNIST network")->capture_default_str();
    app.add_option("--model", opt.model, "the ternary model");
    app.add_option("--data", opt.data, "directory of the test images")->capture_default_str();
    app.add_flag("--ratios", opt.ratios, "print every accounting's ratios and nothing else");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : 2;
    }
    try {
        if (opt.ratios) {
            print_ratios();
            return 0;
        }
        const study s = explore(opt);
        if (s.reports.front().cycles == 0) throw std::runtime_error(pe::to_string(s.total.possible.why));
        print(s);
        if (!opt.csv.empty()) write_csv(opt.csv, s);
        if (!opt.json.empty()) write_json(opt.json, s);
        if (!opt.html.empty()) write_html(opt.html, opt, s);
        if (!opt.rtl.empty()) write_rtl(opt.rtl, s);
        bool equal = true;
        if (opt.network == "fashion_mnist" && opt.pe == "ternary" && !opt.plain_first && opt.images != 0)
            equal = emulate(opt, s);
        return s.total.possible.ok() && equal ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "pe_explorer: %s\n", error.what());
        return 2;
    }
}
