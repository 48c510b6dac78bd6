// SPDX-License-Identifier: MIT
// peer/openblas_f32/m:M/n:N/k:K: the same products in float, on one thread.
#include <cblas.h>

#include "benchmarks.hpp"
#include "support/cold.hpp"
#include "support/operands.hpp"

namespace tern_bench {
namespace {

std::vector<float> as_floats(const std::vector<std::int8_t>& from) { return {from.begin(), from.end()}; }
std::vector<float> as_floats(const std::vector<value>& from) { return {from.begin(), from.end()}; }

void measure_openblas(benchmark::State& state, const product_shape& shape, bool check) {
    using operands_of = product_operands<tern::ternary, tern::ternary>;
    const auto& operands = operands_of::of(shape);
    const std::vector<float> x = as_floats(operands.values);
    const std::vector<float> w = as_floats(operands.rhs->values);
    std::vector<float> dst(shape.n * shape.m);
    const auto m = static_cast<blasint>(shape.m);
    const auto n = static_cast<blasint>(shape.n);
    const auto k = static_cast<blasint>(shape.k);
    const auto multiply = [&] {
        if (n == 1)
            cblas_sgemv(CblasRowMajor, CblasNoTrans, m, k, 1.0f, w.data(), k, x.data(), 1, 0.0f, dst.data(), 1);
        else
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, m, k, 1.0f, x.data(), k, w.data(), k, 0.0f,
                        dst.data(), m);
    };
    openblas_set_num_threads(1);
    if (check) {
        multiply();
        std::vector<std::int32_t> integers;  // exact: every partial sum is a small integer
        for (const float y : dst) integers.push_back(static_cast<std::int32_t>(y));
        if (!operands.confirm(tern::matrix_view<const std::int32_t>{integers.data(), shape.n, shape.m}))
            return skip_mismatch(state, "the result differs from the reference");
    }
    const auto bytes = static_cast<double>((x.size() + w.size() + dst.size()) * sizeof(float));
    using best = tern::default_arch;
    std::vector<limit_rate> limits{{"of_limit", [](double length) { return multiply_rate<best>(mix::fma_f32, length); }}};
    if (n == 1) limits.push_back(bandwidth_of<best>(w.size() * sizeof(float), false));
    measure(state, {shape.macs(), bytes, 32}, limits, [&] {
        multiply();
        benchmark::ClobberMemory();
    });
}

}  // namespace

void add_openblas(const layer& l, selection wanted) {
    std::vector<size_t> counts = tokens<tern::default_arch>(l, wanted);
    if (wanted == selection::report && !is_first(l)) counts.clear();
    counts.insert(counts.begin(), 1);
    for (const size_t n : counts) {
        const product_shape shape{l.m, n, l.k};
        add("peer/openblas_f32/" + name(shape),
            [=](benchmark::State& state, bool check) { measure_openblas(state, shape, check); });
    }
}

}  // namespace tern_bench
