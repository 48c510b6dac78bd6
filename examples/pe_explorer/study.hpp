// SPDX-License-Identifier: MIT
// What is asked for, and the foldings that answer it.
#pragma once

#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include <tern/pe/fold.hpp>
#include <tern/pe/networks.hpp>

#include "../fashion_mnist/dataset.hpp"

namespace pe_explorer {

namespace pe = tern::pe;

struct options {
    std::string network = "fashion_mnist";
    std::string pe = "ternary";
    std::string device = "xc7vx485t";
    std::string fold = "auto";
    std::string table = "toggle_proxy";
    std::string mapping = "pipelined";
    std::string csv, json, html, rtl, figure;
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

inline pe::kind kind_named(const std::string& name) {
    for (const pe::kind k : pe::kinds)
        if (name == pe::to_string(k)) return k;
    throw std::runtime_error("there is no element " + name);
}

inline std::vector<pe::layer> layers_named(const std::string& name) {
    if (name == "resnet18") return {std::begin(pe::resnet18), std::end(pe::resnet18)};
    if (name == "cnv") return {std::begin(pe::cnv), std::end(pe::cnv)};
    if (name == "fashion_mnist") return {std::begin(pe::fashion_mnist), std::end(pe::fashion_mnist)};
    throw std::runtime_error("there is no network " + name);
}

inline study explore(const options& opt) {
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
    const bool quantized = prototype.element.type == pe::kind::ternary || prototype.element.type == pe::kind::binary;
    for (std::size_t i = 0; i < s.layers.size(); ++i) {
        s.arrays[i] = prototype;
        // Pixels are integers of nine bits, and so is everything on an array that does the first layer, too.
        if (quantized && !opt.plain_first && (i == 0 || s.how.map == pe::mapping::time_multiplexed)) {
            s.arrays[i].element.type = pe::kind::ternary_int8;
            s.arrays[i].element.x_bits = 9;
        }
    }
    pe::array* arrays = s.arrays.data();
    const pe::layer* layers = s.layers.data();
    const std::size_t count = s.layers.size();
    if (opt.fold != "auto") {
        std::size_t rows = 0, lanes = 0;
        if (std::sscanf(opt.fold.c_str(), "%zux%zu", &rows, &lanes) != 2)
            throw std::runtime_error("--fold is auto or ROWSxLANES, as 16x64");
        for (std::size_t i = 0; i < count; ++i) pe::detail::refold(arrays[i], rows, lanes, pe::work(layers[i]));
        s.total = pe::network(arrays, layers, count, s.part, s.how, s.reports.data());
    } else if (opt.fps > 0) {
        s.total = pe::fit(arrays, layers, count, s.part, opt.fps, s.how, s.reports.data());
    } else {
        s.total = pe::fit(arrays, layers, count, s.part, s.how, s.reports.data());
    }
    return s;
}

}  // namespace pe_explorer
