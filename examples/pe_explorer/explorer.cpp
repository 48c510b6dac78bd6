// SPDX-License-Identifier: MIT
// What a network costs on arrays of ternary (or other) processing elements: cycles, LUTs, block RAM, energy, traffic,
// by layer; as a table, CSV, JSON, a page with plots, and Verilog. The Fashion-MNIST network also runs on the emulated
// arrays.
//
// Exit code: 0; 1 when the network does not fit, or a logit differs from the kernels'; 2 when a file or an option is
// not usable.
#include <algorithm>
#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>

#include "../fashion_mnist/packed_network.hpp"
#include "emulated_network.hpp"
#include "html.hpp"

namespace {

using namespace pe_explorer;

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
    app.add_option("--figure", opt.figure, "file for --ratios: the same as an SVG drawing");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : 2;
    }
    try {
        if (opt.ratios) {
            print_ratios();
            if (!opt.figure.empty()) write_file(opt.figure, ratio_figure());
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
        if (opt.network == "fashion_mnist" && opt.pe == "ternary" && opt.mapping == "pipelined" && !opt.plain_first &&
            opt.images != 0)
            equal = emulate(opt, s);
        return s.total.possible.ok() && equal ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "pe_explorer: %s\n", error.what());
        return 2;
    }
}
