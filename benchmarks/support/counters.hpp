// SPDX-License-Identifier: MIT
// What every benchmark reports, and how it stops.
#pragma once

#include <algorithm>
#include <ctime>
#include <functional>
#include <limits>
#include <string>

#include <benchmark/benchmark.h>

#include "support/architectures.hpp"
#include "support/limits.hpp"

namespace tern_bench {

/// What one run of an operation does. A count of 0 is not reported.
struct work {
    double macs = 0;   ///< un-padded multiply-accumulates
    double bytes = 0;  ///< read and written, each operand once
    double bits_per_weight = 0;
};

/// Seconds per run, the mean of a stretch of `runs`.
template <class Run>
double timed(long runs, const Run& run) {
    const double start = seconds();
    for (long i = 0; i < runs; ++i) run();
    return (seconds() - start) / static_cast<double>(runs);
}

/// Times `run` and reports. MAC/s and bytes/s are means over all of it, in CPU time. `of_limit` compares the best
/// stretch of 50 to 100 microseconds, or of one run where that is longer, with the best of the equally short runs of
/// the limit's loop that are made right before and right after; both in wall time, which a busy machine can only make
/// longer. Where the mean in CPU time is better still, every stretch was interrupted, and the mean counts. `limit()` is
/// in MACs a second, or in bytes where the work has no MACs.
///
/// A fraction above 1 means that the compiler found a better mix: `scalar` is plain C++, and becomes vectors where the
/// flags allow some.
template <class Limit, class Run>
void measure(benchmark::State& state, const work& w, const Limit& limit, const Run& run) {
    double of_limit = limit();
    long runs = 1;
    while (runs < (1L << 20) && timed(runs, run) * static_cast<double>(runs) < 50e-6) runs *= 2;
    double best = std::numeric_limits<double>::infinity();
    const std::clock_t start = std::clock();
    while (state.KeepRunningBatch(runs)) best = std::min(best, timed(runs, run));
    const auto cpu_seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    best = std::min(best, cpu_seconds / static_cast<double>(state.iterations()));
    of_limit = (w.macs > 0 ? w.macs : w.bytes) / best / std::max(of_limit, limit());

    constexpr auto rate = benchmark::Counter::kIsIterationInvariantRate;
    if (w.macs > 0) state.counters["MAC/s"] = benchmark::Counter(w.macs, rate);
    if (w.bytes > 0) state.counters["bytes/s"] = benchmark::Counter(w.bytes, rate);
    if (w.bits_per_weight > 0) state.counters["bits_per_weight"] = w.bits_per_weight;
    state.counters["of_limit"] = of_limit;
}

/// Whether any result differed from the reference; the process then ends with an error.
inline bool& any_mismatch() {
    static bool found = false;
    return found;
}

inline void skip_mismatch(benchmark::State& state, const std::string& what) {
    any_mismatch() = true;
    state.SkipWithError(("wrong: " + what).c_str());
}

/// True, with a message, where this machine cannot run an architecture.
template <class Arch>
bool skip_missing(benchmark::State& state, Arch arch) {
    const char* missing = missing_hardware(arch);
    if (missing != nullptr) state.SkipWithError(missing);
    return missing != nullptr;
}

/// Registers a benchmark. `body(state, check)` is called several times; `check` asks the first to check its result.
inline void add(const std::string& name, const std::function<void(benchmark::State&, bool)>& body) {
    benchmark::RegisterBenchmark(name.c_str(), [body, check = true](benchmark::State& state) mutable {
        body(state, check);
        check = false;
    })->Unit(benchmark::kMicrosecond);
}

}  // namespace tern_bench
