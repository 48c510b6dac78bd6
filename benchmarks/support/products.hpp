// SPDX-License-Identifier: MIT
// The body that benchmarks of matrix products share.
#pragma once

#include <string>

#include "support/counters.hpp"
#include "support/operands.hpp"

namespace tern_bench {

/// `multiply(arch, lhs, rhs, dst)` is the operation; it answers a status.
template <class Lhs, class Rhs, class Arch, class Multiply>
void measure_product(benchmark::State& state, Arch arch, const product_shape& shape, bool check,
                     const Multiply& multiply) {
    if (skip_missing(state, arch)) return;
    const auto& operands = product_operands<Lhs, Rhs>::of(shape);
    const tern::packed_rows<Lhs>& lhs = operands.lhs;
    const tern::packed_panels<Rhs>& rhs = operands.rhs->packed;
    tern::buffer<std::int32_t> result(shape.n * shape.m);
    const tern::matrix_view<std::int32_t> dst{result.data(), shape.n, shape.m};
    if (check) {
        const tern::status s = multiply(arch, lhs, rhs, dst);
        if (s != tern::status::ok) return skip_mismatch(state, tern::to_string(s));
        if (!operands.confirm(dst)) return skip_mismatch(state, "the result differs from the reference");
    }
    measure(state, {shape.macs(), operands.bytes(), operands.rhs->bits_per_weight()}, product_limit<Arch, Lhs, Rhs>,
            [&] {
                tern::status s = multiply(arch, lhs, rhs, dst);
                benchmark::DoNotOptimize(s);
                benchmark::ClobberMemory();
            });
}

/// Layers outside, so that the weights of one are made once. `tokens(arch, layer)` lists what an architecture runs.
template <class Tokens, class Multiply>
void add_products(const std::string& operation, const Tokens& tokens, const Multiply& multiply) {
    for (const layer& l : layers)
        for_each_pair([&](auto pair) {
            using lhs = typename decltype(pair)::lhs;
            using rhs = typename decltype(pair)::rhs;
            for_each_architecture([&](auto arch) {
                for (const size_t n : tokens(arch, l)) {
                    const product_shape shape{l.m, n, l.k};
                    add(label<lhs, rhs>(operation, arch, name(shape)), [=](benchmark::State& state, bool check) {
                        measure_product<lhs, rhs>(state, arch, shape, check, multiply);
                    });
                }
            });
        });
}

}  // namespace tern_bench
