// SPDX-License-Identifier: MIT
// A whole network: a folding for every layer, and what comes out.
//
//     time_multiplexed   one array, as large as the largest folding, does one layer after the other
//     pipelined          every layer has an array of its own; a frame comes out every `interval` clocks
#pragma once

#include <tern/pe/energy.hpp>

namespace tern::pe {
inline namespace TERN_ISA_NAMESPACE {

enum class mapping : unsigned char { time_multiplexed, pipelined };

struct layer_report {
    const char* name = "";
    array hardware{};
    std::uint64_t cycles = 0;
    std::uint64_t macs = 0;
    double utilisation = 0;
    array_area area{};
    traffic bits{};
    energy_report energy{};
};

struct network_report {
    verdict possible;  ///< does it fit, and can every layer be done
    schedule time{};
    std::uint64_t macs = 0;
    resources total{};
    double pj = 0;  ///< a frame, all layers
    double mhz = 0;

    [[nodiscard]] constexpr double frames_per_second() const noexcept {
        return time.interval == 0 ? 0 : mhz * 1e6 / static_cast<double>(time.interval);
    }
    [[nodiscard]] constexpr double joules() const noexcept { return pj * 1e-12; }
};

struct network_options {
    mapping map = mapping::pipelined;
    area_options area{};
    energy_options energy{};
    const energy_table* table = &toggle_proxy;
    double share = 1.0;  ///< of the device's logic that may be used
};

namespace detail {

/// Whether two layers can take turns on one array: all is the same but the accumulators.
[[nodiscard]] constexpr bool same_array(const array& a, const array& b) noexcept {
    return a.rows == b.rows && a.columns == b.columns && a.flow == b.flow && a.serial_x_bits == b.serial_x_bits &&
           a.serial_w_bits == b.serial_w_bits && a.element.type == b.element.type &&
           a.element.lanes == b.element.lanes && a.element.rule == b.element.rule &&
           a.element.products == b.element.products && a.element.x_bits == b.element.x_bits &&
           a.element.fused_bits == b.element.fused_bits;
}

}  // namespace detail

/// The first reason that some layer cannot be done, `ok` otherwise. `arrays[i]` is the array of layer i;
/// time-multiplexed, all have to be the same but for their accumulators, and the widest of everything is built once; of
/// resident weights all layers'.
/// reports: `count` of them, or null.
constexpr network_report network(const array* arrays, const layer* layers, size_t count, const device& d,
                                 const network_options& o, layer_report* reports = nullptr) noexcept {
    network_report r;
    const auto larger = [](std::uint64_t a, std::uint64_t b) { return a > b ? a : b; };
    resources widest;  // of layers that take turns
    resources weights;
    for (size_t i = 0; i < count; ++i) {
        verdict v = check(layers[i]);
        if (v.ok()) v = check(arrays[i], work(layers[i]));
        if (v.ok() && o.map == mapping::time_multiplexed && !detail::same_array(arrays[i], arrays[0]))
            v = {status::unsupported, reason::arrays_differ};
        if (!v.ok()) {
            r.possible = v;
            return r;
        }
        layer_report l;
        l.name = layers[i].name;
        l.hardware = arrays[i];
        l.cycles = cycles(arrays[i], layers[i]);
        l.macs = work(layers[i]).macs();
        l.utilisation = utilisation(arrays[i], l.macs, l.cycles);
        l.area = area(arrays[i], layers[i], d.logic, o.area);
        energy_options e = o.energy;
        e.registers = l.area.total().ff;
        l.bits = moved(arrays[i], layers[i], e);
        l.energy = energy(arrays[i], layers[i], *o.table, e);
        if (!l.energy.possible.ok()) r.possible = l.energy.possible;
        r.pj += l.energy.total_pj();
        r.macs += l.macs;
        r.mhz = arrays[i].mhz;
        const resources all = l.area.total();
        if (o.map == mapping::pipelined) {
            r.time.pipelined(l.cycles);
            r.total += all;
        } else {
            r.time.time_multiplexed(l.cycles);
            resources rest = all;
            if (o.energy.weights_resident) {
                // Every layer's weights stay where they are.
                const resources& w = l.area.weight_memory;
                weights += w;
                rest = {all.lut - w.lut, all.ff - w.ff, all.carry, all.dsp, all.bram - w.bram, all.lutram - w.lutram};
            }
            widest = {larger(widest.lut, rest.lut), larger(widest.ff, rest.ff),     larger(widest.carry, rest.carry),
                      larger(widest.dsp, rest.dsp), larger(widest.bram, rest.bram), larger(widest.lutram, rest.lutram)};
        }
        if (reports != nullptr) reports[i] = l;
    }
    r.total += widest;
    r.total += weights;
    if (r.possible.ok()) r.possible = fits(r.total, d, o.share);
    return r;
}

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
