// SPDX-License-Identifier: MIT
// network/<network>[_wide<factor>]/<values>/<architecture>/<layer, or `whole`>
//
// Whole networks of packed activations and weights: the first layer takes 8-bit pixels and ternary filters;
// layers end in thresholds on integers, also those behind a shortcut; the last layer multiplies bytes with ternary
// weights. Counters of `whole`: the share of time of
//   pack      averages to bytes
//   product   the layers, to int32
//   epilogue  what thresholds and packing take beyond that
//   pool      both kinds of pools
//   first, last   the first and last layers (they are in the shares above as well)
// `whole/threads:2` and `<layer>/threads:2` split every layer over two threads; `speedup` is the ratio to one.
#include <memory>

#include "benchmarks.hpp"
#include "support/counters.hpp"
#include "support/network.hpp"

namespace tern_bench {
namespace {

/// Best of some runs.
template <class Run>
double best_of(const Run& run) {
    const long runs = stretch_of(run);
    double best = timed(runs, run);
    for (int i = 0; i < 9; ++i) best = std::min(best, timed(runs, run));
    return best;
}

template <class Encoding, class Arch>
const network<Encoding, Arch>& network_of(const network_table& table) {
    static std::unique_ptr<network<Encoding, Arch>> kept;
    static std::string name;
    const std::string wanted = std::string(table.name) + std::to_string(table.layers[0].shape.outputs);
    if (name != wanted) {
        kept = std::make_unique<network<Encoding, Arch>>(table);
        name = wanted;
    }
    return *kept;
}

template <class Encoding, class Arch>
void measure_whole(benchmark::State& state, Arch arch, const network_table& table, bool check) {
    if (skip_missing(state, arch)) return;
    const auto& net = network_of<Encoding, Arch>(table);
    if (net.run() != status::ok) return skip_mismatch(state, "a layer refused its operands");
    if (check)
        for (const network_step& s : net.steps())
            if (const std::string wrong = s.check ? s.check() : ""; !wrong.empty())
                return skip_mismatch(state, s.name + ": " + wrong);
    if (net.run() != status::ok) return skip_mismatch(state, "a layer refused its operands");
    double whole = 0, pack = 0, product = 0, epilogue = 0, pool = 0, first = 0, last = 0;
    for (const network_step& s : net.steps()) {
        const double fused = best_of(s.run);
        const double alone = s.accumulate ? std::min(fused, best_of(s.accumulate)) : fused;
        whole += fused;
        (s.what == network_step::pack ? pack : s.what == network_step::pool ? pool : product) += alone;
        epilogue += fused - alone;
        if (s.macs > 0 && first == 0) first = fused;
        last = fused;
    }
    measure(state, {net.macs(), 0, 0}, std::vector<limit_rate>{}, [&] {
        status s = net.run();
        benchmark::DoNotOptimize(s);
        benchmark::ClobberMemory();
    });
    state.counters["pack"] = pack / whole;
    state.counters["product"] = product / whole;
    state.counters["epilogue"] = epilogue / whole;
    state.counters["pool"] = pool / whole;
    state.counters["first"] = first / whole;
    state.counters["last"] = last / whole;
}

/// All of a network, or one step of it.
template <class Encoding, class Arch, class Run>
void measure_two_threads(benchmark::State& state, Arch arch, const network_table& table, double macs, const Run& run) {
    if (skip_missing(state, arch)) return;
    const auto& net = network_of<Encoding, Arch>(table);
    if (net.run() != status::ok) return skip_mismatch(state, "a layer refused its operands");
    two_threads threads;
    const auto with = [&](two_threads* both) {
        net.share_with(both);
        status s = run();
        benchmark::DoNotOptimize(s);
        benchmark::ClobberMemory();
        return s;
    };
    measure_speedup(state, {macs, 0, 0}, std::vector<limit_rate>{}, [&] { return with(nullptr); },
                    [&] { return with(&threads); });
    net.share_with(nullptr);
}

template <class Encoding>
void add_network(const network_table& table, const std::string& suffix = "", bool each = true) {
    using arch = tern::default_arch;
    const std::string prefix = std::string("network/") + table.name + suffix + "/" + operand_name<Encoding>() + "/" +
                               tern::arch::name(arch{}) + "/";
    add(prefix + "whole",
        [=](benchmark::State& state, bool check) { measure_whole<Encoding>(state, arch{}, table, check); });
    add(prefix + "whole/threads:2", [=](benchmark::State& state, bool) {
        const auto& net = network_of<Encoding, arch>(table);
        measure_two_threads<Encoding>(state, arch{}, table, net.macs(), [&] { return net.run(); });
    });
    if (!each) return;
    for (size_t i = 0; i < network<Encoding, arch>(table).steps().size(); ++i) {
        const auto step = [=]() -> const network_step& { return network_of<Encoding, arch>(table).steps()[i]; };
        add(prefix + network<Encoding, arch>(table).steps()[i].name, [=](benchmark::State& state, bool) {
            if (skip_missing(state, arch{})) return;
            const network_step& s = step();
            if (network_of<Encoding, arch>(table).run() != status::ok) return skip_mismatch(state, "refused");
            measure(state, {s.macs, 0, 0}, std::vector<limit_rate>{}, [&] {
                status answer = s.run();
                benchmark::DoNotOptimize(answer);
                benchmark::ClobberMemory();
            });
        });
        if (step().what == network_step::product)
            add(prefix + step().name + "/threads:2", [=](benchmark::State& state, bool) {
                measure_two_threads<Encoding>(state, arch{}, table, step().macs, step().run);
            });
    }
}

}  // namespace

void add_networks() {
    using tern::binary;
    const network_table tables[] = {resnet18(), vgg9(), ds_cnn()};
    for (const network_table& t : tables) {
        add_network<ternary>(t);
#if TERN_BENCH_ONEDNN
        add_onednn_network(t);
#endif
    }
    add_network<binary>(vgg9(), "", false);
    add_network<binary>(ds_cnn(), "", false);
    add_network<ternary>(resnet18().widened(2), "_wide2", false);
}

}  // namespace tern_bench
