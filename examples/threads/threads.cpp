// SPDX-License-Identifier: MIT
// threads [count [tokens]]: one product of ternary matrices on 1 .. count threads, with the same bytes each time.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include <tern/tern.hpp>

#include "openmp.hpp"
#include "thread_pool.hpp"

namespace {

std::vector<std::int8_t> random_trits(std::size_t n, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::int8_t> v(n);
    for (std::int8_t& x : v) x = static_cast<std::int8_t>(static_cast<int>(random() % 3) - 1);
    return v;
}

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

int main(int argc, char** argv) {
    const long most =
        argc > 1 ? std::strtol(argv[1], nullptr, 10) : static_cast<long>(std::thread::hardware_concurrency());
    const long tokens = argc > 2 ? std::strtol(argv[2], nullptr, 10) : 256;
    if (argc > 3 || most < 1 || most > 64 || tokens < 1 || tokens > 4096) {
        std::fprintf(stderr, "usage: threads [1..64 threads [1..4096 tokens]]\n");
        return 2;
    }
    constexpr std::size_t m = 2048, k = 2048;
    const auto n = static_cast<std::size_t>(tokens);
    const auto w = random_trits(m * k, 1);
    const auto x = random_trits(n * k, 2);
    const auto weights = tern::pack<tern::ternary>(tern::matrix_view<const std::int8_t>{w.data(), m, k});
    const auto activations = tern::pack_rows<tern::ternary>(tern::matrix_view<const std::int8_t>{x.data(), n, k});
    std::vector<std::int32_t> first(n * m), dst(n * m);

    double one = 0.0;
    const auto time = [&](const char* name, std::size_t threads, auto& executor, std::vector<std::int32_t>& out) {
        double best = 1e30;
        tern::status s = tern::status::ok;
        for (int turn = 0; turn < 5; ++turn) {
            const double start = seconds();
            s = tern::run(executor, tern::tile_count(weights), [&](tern::tiles range) {
                return tern::gemm(activations, weights, tern::matrix_view<std::int32_t>{out.data(), n, m}, range);
            });
            best = seconds() - start < best ? seconds() - start : best;
        }
        if (one == 0.0) one = best;
        const bool same = s == tern::status::ok && std::memcmp(out.data(), first.data(), n * m * sizeof out[0]) == 0;
        std::printf("%-12s %2zu: %8.2f ms, %.2fx, %s\n", name, threads, best * 1e3, one / best,
                    same ? "the same bytes" : tern::to_string(s));
        return same;
    };

    tern::serial serial;
    bool same = time("serial", 1, serial, first);
    for (long threads = 1; threads <= most; ++threads) {
        tern_example::thread_pool pool(static_cast<std::size_t>(threads));
        same = time("thread_pool", pool.concurrency(), pool, dst) && same;
    }
    tern_example::openmp openmp;
    same = time("openmp", openmp.concurrency(), openmp, dst) && same;
    return same ? 0 : 1;
}
