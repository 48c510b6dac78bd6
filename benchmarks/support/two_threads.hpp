// SPDX-License-Identifier: MIT
// The caller and one more thread, which is kept: what an engine's pool does. Both spin while they wait, because the
// operating system takes longer to wake a thread than a small product takes.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "support/counters.hpp"

namespace tern_bench {

class two_threads {
public:
    two_threads() : other_([this] { serve(); }) {}
    ~two_threads() {
        work_ = nullptr;
        started_.fetch_add(1, std::memory_order_release);
        other_.join();
    }
    two_threads(const two_threads&) = delete;
    two_threads& operator=(const two_threads&) = delete;

    /// Calls `work(0)` here and `work(1)` there.
    void run(const std::function<void(std::size_t)>& work) {
        work_ = &work;
        const unsigned turn = started_.fetch_add(1, std::memory_order_release) + 1;
        work(0);
        while (finished_.load(std::memory_order_acquire) != turn) std::this_thread::yield();
    }

private:
    void serve() {
        for (unsigned turn = 1;; ++turn) {
            while (started_.load(std::memory_order_acquire) != turn) std::this_thread::yield();
            if (work_ == nullptr) return;
            (*work_)(1);
            finished_.store(turn, std::memory_order_release);
        }
    }

    const std::function<void(std::size_t)>* work_ = nullptr;
    std::atomic<unsigned> started_{0};
    std::atomic<unsigned> finished_{0};
    std::thread other_;
};

/// As `measure`, of two threads and one in turn. `speedup` compares the best stretches. All rates are in wall time:
/// the CPU time of one thread says nothing here.
template <class One, class Two>
void measure_speedup(benchmark::State& state, const work& w, const std::vector<limit_rate>& limits, const One& one,
                     const Two& two) {
    const double begun = seconds();
    const long runs = stretch_of(one);
    std::vector<double> of_one;
    std::vector<double> of_two;
    limit_runs reachable(limits);
    const auto measure_both = [&] {
        of_two.push_back(timed(runs, two));
        of_one.push_back(timed(runs, one));
        reachable.take_turn(of_two.back() * static_cast<double>(runs));
    };
    while (state.KeepRunningBatch(runs)) measure_both();
    if (of_two.empty()) return;
    while (!enough(of_two, begun)) measure_both();
    const double best_of_one = *std::min_element(of_one.begin(), of_one.end());
    const double best = *std::min_element(of_two.begin(), of_two.end());
    state.counters["MAC/s"] = w.macs / mean(of_two);
    state.counters["MAC/s_best"] = w.macs / best;
    state.counters["MAC/s_median"] = w.macs / median(of_two);
    state.counters["bytes/s"] = w.bytes / mean(of_two);
    state.counters["bits_per_weight"] = w.bits_per_weight;
    state.counters["speedup"] = best_of_one / best;
    state.counters["speedup_median"] = median(of_one) / median(of_two);
    reachable.report(state, w, best, median(of_two), 2);
}

}  // namespace tern_bench
