// SPDX-License-Identifier: MIT
// limit/<mix>/<architecture>: what support/limits.hpp measures, as benchmarks of their own. One iteration is one
// short run, so the time means nothing; the rate is the best of all of them.
#include <algorithm>

#include "benchmarks.hpp"
#include "support/counters.hpp"
#include "support/limits.hpp"

namespace tern_bench {
namespace {

template <class Arch, class Rate>
void add_limit(const std::string& limit, Arch arch, const char* counter, const Rate& rate) {
    add("limit/" + limit + "/" + tern::arch::name(arch), [=](benchmark::State& state, bool) {
        if (skip_missing(state, arch)) return;
        double best = 0;
        for (auto _ : state) best = std::max(best, rate());
        state.counters[counter] = best;
    });
}

}  // namespace

void add_limits() {
    for (const mix m : mixes)
        for_each_architecture([&](auto arch) {
            if (has_mix<decltype(arch)>(m))
                add_limit(name(m), arch, "MAC/s", [m] { return multiply_rate<decltype(arch)>(m, 100e-6); });
        });
    for (const memory level : {memory::l2, memory::l3, memory::dram})
        for_each_architecture([&](auto arch) {
            add_limit(std::string("read_bandwidth_") + name(level), arch, "bytes/s",
                      [level] { return read_rate<decltype(arch)>(level); });
        });
}

}  // namespace tern_bench
