// SPDX-License-Identifier: MIT
// peer/onednn_u8s8s32/m:M/n:N/k:K[/cold]: ternary weights in bytes and activations of 8 bits, on one thread. The
// weights are brought into the library's own order beforehand.
#include <dlfcn.h>
#include <oneapi/dnnl/dnnl.hpp>

#include "benchmarks.hpp"
#include "support/cold.hpp"
#include "support/operands.hpp"

namespace tern_bench {
namespace {

/// Its OpenMP would take all cores; found by name, so that no OpenMP is needed to compile this.
void one_openmp_thread() {
    if (void* set = dlsym(RTLD_DEFAULT, "omp_set_num_threads")) reinterpret_cast<void (*)(int)>(set)(1);
}

void measure_onednn(benchmark::State& state, const product_shape& shape, bool cold, bool check) {
    using dnnl::memory;
    using type = memory::data_type;
    using tag = memory::format_tag;
    const auto& operands = product_operands<tern::unsigned_bits<8>, tern::ternary>::of(shape);
    one_openmp_thread();
    const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
    dnnl::stream stream(cpu);
    const auto m = static_cast<memory::dim>(shape.m);
    const auto n = static_cast<memory::dim>(shape.n);
    const auto k = static_cast<memory::dim>(shape.k);

    std::vector<std::uint8_t> x(operands.values.begin(), operands.values.end());
    std::vector<std::int8_t> w(operands.rhs->values);
    std::vector<std::int32_t> result(shape.n * shape.m);
    const memory::desc source({n, k}, type::u8, tag::ab);
    const memory::desc target({n, m}, type::s32, tag::ab);
    const dnnl::matmul::primitive_desc chosen({source, {{k, m}, type::s8, tag::any}, target}, cpu);
    const dnnl::matmul multiply(chosen);
    memory plain({{k, m}, type::s8, tag::ba}, cpu, w.data());
    memory reordered(chosen.weights_desc(), cpu);
    dnnl::reorder(plain, reordered).execute(stream, plain, reordered);
    stream.wait();

    memory src(source, cpu, x.data());
    memory dst(target, cpu, result.data());
    const auto run_with = [&](const memory& weights) {
        multiply.execute(stream, {{DNNL_ARG_SRC, src}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_DST, dst}});
        stream.wait();
        benchmark::ClobberMemory();
    };
    if (check) {
        run_with(reordered);
        if (!operands.confirm(tern::matrix_view<const std::int32_t>{result.data(), shape.n, shape.m}))
            return skip_mismatch(state, "the result differs from the reference");
    }
    const std::size_t weight_bytes = chosen.weights_desc().get_size();
    const auto bytes = static_cast<double>(weight_bytes + x.size() + result.size() * sizeof(std::int32_t));
    const work done{shape.macs(), bytes, static_cast<double>(weight_bytes) * 8 / static_cast<double>(w.size())};
    using best = tern::default_arch;
    std::vector<limit_rate> limits{
        {"of_limit", [](double length) {
             return multiply_rate<best>(has_mix<best>(mix::vpdpbusd) ? mix::vpdpbusd : mix::maddubs, length);
         }}};
    if (n == 1) limits.push_back(bandwidth_of<best>(weight_bytes, cold));
    if (!cold) return measure(state, done, limits, [&] { run_with(reordered); });

    const byte_copies copies(reordered.get_data_handle(), weight_bytes);
    std::vector<memory> weights;
    for (std::size_t i = 0; i < copies.size(); ++i)
        weights.emplace_back(chosen.weights_desc(), cpu, const_cast<unsigned char*>(copies[i]));
    std::size_t next = 0;
    measure(state, done, limits, [&] { run_with(weights[next++ % weights.size()]); });
}

}  // namespace

void add_onednn(const layer& l, selection wanted) {
    const auto add_one = [&](size_t n, bool cold) {
        const product_shape shape{l.m, n, l.k};
        add("peer/onednn_u8s8s32/" + name(shape) + (cold ? "/cold" : ""),
            [=](benchmark::State& state, bool check) { measure_onednn(state, shape, cold, check); });
    };
    add_one(1, false);
    if (cold<tern::default_arch>(l, wanted)) add_one(1, true);
    for (const size_t n : tokens<tern::default_arch>(l, wanted)) add_one(n, false);
}

}  // namespace tern_bench
