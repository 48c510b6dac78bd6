// SPDX-License-Identifier: MIT
// dot/<lhs>_<rhs>/<architecture>/m:1/n:1/k:K
#include <tern/dot.hpp>

#include "benchmarks.hpp"
#include "support/counters.hpp"
#include "support/operands.hpp"

namespace tern_bench {
namespace {

template <class Lhs, class Rhs, class Arch>
void measure_dot(benchmark::State& state, Arch arch, size_t depth, bool check) {
    if (skip_missing(state, arch)) return;
    const auto x = random_values<Lhs>(depth, 0x11);
    const auto w = random_values<Rhs>(depth, 0x77);
    const tern::packed_activations<Lhs> lhs(tern::matrix_view<const value>{x.data(), 1, depth});
    const tern::packed_activations<Rhs> rhs(tern::matrix_view<const value>{w.data(), 1, depth});
    std::int32_t result = 0;
    if (check) {
        const tern::status s = tern::dot<Arch>(lhs, rhs, result);
        if (s != tern::status::ok) return skip_mismatch(state, tern::to_string(s));
        if (result != tern::reference::dot(x.data(), w.data(), depth))
            return skip_mismatch(state, "the result differs from the reference");
    }
    const auto weight_bytes = static_cast<double>(rhs.extent() * sizeof(tern::word));
    const auto macs = static_cast<double>(depth);
    const double bytes = weight_bytes + static_cast<double>(lhs.extent() * sizeof(tern::word));
    measure(state, {macs, bytes, weight_bytes * 8 / macs}, product_limit<Arch, Lhs, Rhs>, [&] {
        tern::status s = tern::dot<Arch>(lhs, rhs, result);
        benchmark::DoNotOptimize(s);
        benchmark::DoNotOptimize(result);
        benchmark::ClobberMemory();
    });
}

}  // namespace

void add_dot() {
    for (const size_t depth : dot_depths)
        for_each_pair([&](auto pair) {
            using lhs = typename decltype(pair)::lhs;
            using rhs = typename decltype(pair)::rhs;
            for_each_counting_architecture([&](auto arch) {
                add(label<lhs, rhs>("dot", arch, name(product_shape{1, 1, depth})),
                    [=](benchmark::State& state, bool check) { measure_dot<lhs, rhs>(state, arch, depth, check); });
            });
        });
}

}  // namespace tern_bench
