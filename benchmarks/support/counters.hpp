// SPDX-License-Identifier: MIT
// What every benchmark reports, and how it stops.
#pragma once

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

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

/// A rate that a result is held against, and the counter that says which fraction of it was reached.
struct limit_rate {
    const char* counter;
    std::function<double(double length)> rate;  ///< over a run of about `length` seconds
    bool of_bytes = false;                      ///< bytes a second instead of MACs
    bool apart = of_bytes;                      ///< uses the caches: measured before and after, over runs of its own
};

/// Seconds per run, the mean of a stretch of `runs`.
template <class Run>
double timed(long runs, const Run& run) {
    const double start = seconds();
    for (long i = 0; i < runs; ++i) static_cast<void>(run());
    return (seconds() - start) / static_cast<double>(runs);
}

/// Runs that take 50 to 100 microseconds together, or one where that is longer.
template <class Run>
long stretch_of(const Run& run) {
    long runs = 1;
    while (runs < (1L << 20) && timed(runs, run) * static_cast<double>(runs) < 50e-6) runs *= 2;
    return runs;
}

/// Stretches that are timed at least: so many, or, however long one takes, a few.
inline constexpr std::size_t enough_stretches = 100;
inline constexpr std::size_t fewest_stretches = 7;
inline constexpr double longest_seconds = 2;

inline bool enough(const std::vector<double>& stretches, double begun) {
    return stretches.size() >= enough_stretches ||
           (stretches.size() >= fewest_stretches && seconds() - begun > longest_seconds);
}

inline double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

inline double mean(const std::vector<double>& values) {
    double sum = 0;
    for (const double v : values) sum += v;
    return sum / static_cast<double>(values.size());
}

/// Rates of limits, one each time something else was timed.
class limit_runs {
public:
    explicit limit_runs(const std::vector<limit_rate>& limits) : limits_(limits), rates_(limits.size()) { run_apart(); }

    /// Loops without operands in memory.
    void take_turn(double length) {
        for (std::size_t i = 0; i < limits_.size(); ++i)
            if (!limits_[i].apart) rates_[i].push_back(limits_[i].rate(length));
    }
    /// `best`, `middle`: seconds of what did the work.
    void report(benchmark::State& state, const work& w, double best, double middle, double cores = 1) {
        run_apart();
        for (std::size_t i = 0; i < limits_.size(); ++i) {
            const double done = (limits_[i].of_bytes ? w.bytes : w.macs) / cores;
            const double limit = *std::max_element(rates_[i].begin(), rates_[i].end());
            if (limit <= 0) continue;
            state.counters[limits_[i].counter] = done / best / limit;
            state.counters[limits_[i].counter + std::string("_median")] =
                done / middle / (limits_[i].apart ? limit : median(rates_[i]));
        }
    }

private:
    void run_apart() {
        for (std::size_t i = 0; i < limits_.size(); ++i)
            if (limits_[i].apart) rates_[i].push_back(limits_[i].rate(0));
    }

    const std::vector<limit_rate>& limits_;
    std::vector<std::vector<double>> rates_;
};

/// Times `run` and reports. MAC/s and bytes/s are means over all of it, in CPU time. MAC/s_best, MAC/s_median and the
/// fractions of limits are of stretches of 50 to 100 microseconds, or of one run where that is longer, in wall time,
/// which a busy machine can only make longer. Limits of arithmetic take turns with the stretches and are as long,
/// because short runs find a quiet moment more often than long ones: best is held against best, median against median.
/// What would empty the caches is measured right before and right after. Where the mean in CPU time is better
/// still, every stretch was interrupted, and the mean counts as the best.
///
/// A fraction above 1 means that there is a better mix: `scalar` is plain C++, which the compiler turns into vectors
/// where the flags allow some, and lookups are also held against the mixes that they replace.
template <class Run>
void measure(benchmark::State& state, const work& w, const std::vector<limit_rate>& limits, const Run& run) {
    limit_runs reachable(limits);
    const double begun = seconds();
    const long runs = stretch_of(run);
    std::vector<double> stretches;
    double cpu_seconds = 0;
    const auto stretch = [&] {
        const std::clock_t start = std::clock();
        stretches.push_back(timed(runs, run));
        cpu_seconds += static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    };
    const auto limit = [&] { reachable.take_turn(stretches.back() * static_cast<double>(runs)); };
    while (state.KeepRunningBatch(runs)) {
        stretch();
        state.PauseTiming();
        limit();
        state.ResumeTiming();
    }
    if (stretches.empty()) return;
    while (!enough(stretches, begun)) {
        stretch();
        limit();
    }
    const double mean_in_cpu_time = cpu_seconds / static_cast<double>(stretches.size()) / static_cast<double>(runs);
    const double best = std::min(*std::min_element(stretches.begin(), stretches.end()), mean_in_cpu_time);

    constexpr auto rate = benchmark::Counter::kIsIterationInvariantRate;
    if (w.macs > 0) {
        state.counters["MAC/s"] = benchmark::Counter(w.macs, rate);
        state.counters["MAC/s_best"] = w.macs / best;
        state.counters["MAC/s_median"] = w.macs / median(stretches);
    }
    if (w.bytes > 0) state.counters["bytes/s"] = benchmark::Counter(w.bytes, rate);
    if (w.bits_per_weight > 0) state.counters["bits_per_weight"] = w.bits_per_weight;
    reachable.report(state, w, best, median(stretches));
}

/// One limit, of MACs, or of bytes where the work has no MACs.
template <class Limit, class Run>
auto measure(benchmark::State& state, const work& w, const Limit& limit, const Run& run) -> decltype(void(limit(0.0))) {
    measure(state, w, std::vector<limit_rate>{{"of_limit", limit, w.macs == 0}}, run);
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
