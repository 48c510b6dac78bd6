// SPDX-License-Identifier: MIT
// The body that benchmarks of matrix products share:
//
//     gemm/<operands>/<architecture>[_<algorithm>]/m:M/n:N/k:K               N tokens
//     gemm/<operands>/<architecture>[_<algorithm>]/m:M/n:N/k:K/threads:2     half of the tiles each
//     gemv/<operands>/<architecture>[_<algorithm>]/m:M/n:1/k:K               one token, the same weights again and again
//     gemv/<operands>/<architecture>[_<algorithm>]/m:M/n:1/k:K/cold          copies of the weights in turn
//
// One token reads every weight once, so it is held against the rate at which they can be read as well: `of_bandwidth`,
// of the smallest level of memory that has room for them.
#pragma once

#include <string>

#include "support/cold.hpp"
#include "support/families.hpp"
#include "support/two_threads.hpp"

namespace tern_bench {

template <class Family>
using operands_of = product_operands<typename Family::lhs_values, typename Family::rhs_values,
                                     typename Family::lhs_packed, typename Family::rhs_packed>;

enum class variant { plain, cold, two_threads };

constexpr const char* suffix(variant v) {
    return v == variant::cold ? "/cold" : v == variant::two_threads ? "/threads:2" : "";
}

template <class Family, class Arch, class Multiply>
void measure_product(benchmark::State& state, Arch arch, const product_shape& shape, variant v, bool check,
                     const Multiply& multiply) {
    if (skip_missing(state, arch)) return;
    const auto& operands = operands_of<Family>::of(shape);
    const typename Family::rhs_view& weights = operands.rhs->packed;
    tern::buffer<std::int32_t> result(shape.n * shape.m);
    const tern::matrix_view<std::int32_t> dst{result.data(), shape.n, shape.m};
    const work done{shape.macs(), operands.bytes(), operands.rhs->bits_per_weight()};
    auto limits = Family::template limits<Arch>(shape.n);
    if (shape.n == 1)
        limits.push_back(bandwidth_of<Arch>(static_cast<size_t>(operands.rhs->bytes()), v == variant::cold));
    const auto run_tiles = [&](const auto& rhs, tern::tiles range) {
        tern::status s = multiply(arch, operands.lhs, rhs, dst, range);
        benchmark::DoNotOptimize(s);
        benchmark::ClobberMemory();
        return s;
    };
    const auto run_all = [&] { return run_tiles(weights, {}); };
    const auto verify = [&](const auto& run) {
        const tern::status s = run();
        if (s != tern::status::ok) skip_mismatch(state, tern::to_string(s));
        if (s == tern::status::ok && !operands.confirm(dst))
            skip_mismatch(state, "the result differs from the reference");
        return s == tern::status::ok && operands.confirm(dst);
    };

    if (v == variant::plain) {
        if (!check || verify(run_all)) measure(state, done, limits, run_all);
    } else if (v == variant::cold) {
        const auto copies = view_copies<typename Family::rhs_view>(weights, static_cast<size_t>(operands.rhs->bytes()));
        size_t next = 0;
        const auto run = [&] { return run_tiles(copies[next++ % copies.size()], {}); };
        if (!check || verify(run)) measure(state, done, limits, run);
    } else {
        const size_t count = tile_count(weights);
        two_threads threads;
        const auto run = [&] {
            tern::status s[2];
            threads.run([&](size_t part) { s[part] = run_tiles(weights, tern::share(count, part, 2)); });
            return s[0] != tern::status::ok ? s[0] : s[1];
        };
        if (!check || verify(run)) measure_speedup(state, done, limits, run_all, run);
    }
}

/// Everything of one family and one layer. `multiply(arch, lhs, rhs, dst, tiles)` is the operation; it answers a
/// status.
template <class Family, class Multiply>
void add_products(const layer& l, selection wanted, const Multiply& multiply) {
    for_each_architecture([&](auto arch) {
        using this_arch = decltype(arch);
        using best = typename Family::best;
        if constexpr (Family::template has_kernel<this_arch>()) {
            const auto add_one = [&](size_t n, variant v) {
                const product_shape shape{l.m, n, l.k};
                add((n == 1 ? "gemv/" : "gemm/") + Family::operands() + "/" + tern::arch::name(arch) +
                        Family::algorithm() + "/" + name(shape) + suffix(v),
                    [=](benchmark::State& state, bool check) {
                        measure_product<Family>(state, arch, shape, v, check, multiply);
                    });
            };
            if (one_token<this_arch, best>(l, wanted)) add_one(1, variant::plain);
            if (cold<this_arch, best>(l, wanted) && (Family::decodes || wanted != selection::report))
                add_one(1, variant::cold);
            for (const size_t n : tokens<this_arch, best>(l, wanted)) add_one(n, variant::plain);
            if (two_threads_wanted<this_arch, best>(l, wanted)) add_one(512, variant::two_threads);
        }
    });
}

}  // namespace tern_bench
