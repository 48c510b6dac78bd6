// SPDX-License-Identifier: MIT
// quantize/f32_<to>/<architecture>/m:1/n:ROWS/k:K
// quantize/f32_<method>/<architecture>/m:4096/n:1/k:4096: weights, fitted and packed into panels
//
// bytes/s are those read and written. `of_limit` is the fraction of the rate at which the level of memory that holds
// the floats can be read.
#include <vector>

#include <tern/quantize/absmean.hpp>
#include <tern/quantize/activations.hpp>
#include <tern/quantize/rtn_packed.hpp>
#include <tern/quantize/twn.hpp>
#include <tern/reference.hpp>
#include <tern/reference/quantize.hpp>

#include "benchmarks.hpp"
#include "support/counters.hpp"
#include "support/operands.hpp"

namespace tern_bench {
namespace {

using source_view = tern::matrix_view<const float>;

/// Numbers of about -3 .. 3, without a distribution of the standard library's: those differ.
std::vector<float> random_reals(size_t count) {
    std::vector<float> x(count);
    std::uint32_t state = 1;
    for (float& one : x) {
        state = state * 1664525u + 1013904223u;
        one = static_cast<float>(static_cast<std::int32_t>(state)) * 0x1.8p-30f;
    }
    return x;
}

/// `quantize(source)` answers a status, `right()` whether it did what it should, `bytes` are written.
template <class Arch, class Quantize, class Right>
void measure_quantize(benchmark::State& state, const source_view& x, size_t bytes, bool check, const Quantize& quantize,
                      const Right& right) {
    if (skip_missing(state, Arch{})) return;
    if (check) {
        const tern::status s = quantize();
        if (s != tern::status::ok) return skip_mismatch(state, tern::to_string(s));
        if (!right()) return skip_mismatch(state, "a value differs from the reference");
    }
    const size_t read = x.rows * x.cols * sizeof(float);
    measure(
        state, {0, static_cast<double>(read + bytes), 0}, [&](double) { return read_rate<Arch>(level_of(read)); },
        [&] {
            tern::status s = quantize();
            benchmark::DoNotOptimize(s);
            benchmark::ClobberMemory();
        });
}

template <class Arch>
void measure_int8(benchmark::State& state, const product_shape& shape, bool check) {
    const std::vector<float> reals = random_reals(shape.n * shape.k);
    const source_view x{reals.data(), shape.n, shape.k};
    std::vector<std::int8_t> q(reals.size()), expected(reals.size());
    std::vector<float> scale(shape.n), expected_scale(shape.n);
    measure_quantize<Arch>(
        state, x, q.size(), check,
        [&] {
            return tern::quantize::quantize_int8<Arch>(x, {q.data(), x.rows, x.cols},
                                                       tern::quantize::per_channel(scale.data(), x.rows));
        },
        [&] {
            tern::reference::quantize_int8(x, {expected.data(), x.rows, x.cols}, {expected_scale.data(), x.rows, 1});
            return q == expected && scale == expected_scale;
        });
}

/// `quantize(x, packed)`, `expect(x, values)`.
template <class Arch, class Encoding, class Quantize, class Expect>
void measure_packed(benchmark::State& state, const product_shape& shape, bool check, const Quantize& quantize,
                    const Expect& expect) {
    const std::vector<float> reals = random_reals(shape.n * shape.k);
    const source_view x{reals.data(), shape.n, shape.k};
    tern::packed_activations<Encoding> q(shape.n, shape.k);
    measure_quantize<Arch>(
        state, x, q.extent() * sizeof(tern::word), check, [&] { return quantize(x, q); },
        [&] {
            std::vector<std::int16_t> values(reals.size());
            expect(x, tern::matrix_view<std::int16_t>{values.data(), x.rows, x.cols});
            for (size_t r = 0; r < x.rows; ++r)
                for (size_t d = 0; d < x.cols; ++d)
                    if (q.value(r, d) != values[r * x.cols + d]) return false;
            return true;
        });
}

template <class Arch>
void add_quantizers(Arch arch, const product_shape& shape) {
    const auto full_name = [&](const char* to) {
        return std::string("quantize/f32_") + to + "/" + tern::arch::name(arch) + "/" + name(shape);
    };
    add(full_name("int8"), [=](benchmark::State& state, bool check) { measure_int8<Arch>(state, shape, check); });
    add(full_name("binary"), [=](benchmark::State& state, bool check) {
        measure_packed<Arch, tern::binary>(
            state, shape, check, [](const auto& x, auto& q) { return tern::quantize::quantize_binary<Arch>(x, q); },
            [](const auto& x, const auto& values) { tern::reference::quantize_binary(x, values); });
    });
    add(full_name("ternary"), [=](benchmark::State& state, bool check) {
        measure_packed<Arch, tern::ternary>(
            state, shape, check,
            [](const auto& x, auto& q) { return tern::quantize::quantize_ternary<Arch>(x, tern::thresholds{}, q); },
            [](const auto& x, const auto& values) {
                std::vector<std::int8_t> t(x.rows * x.cols);
                tern::reference::ternarize(x, {}, tern::matrix_view<std::int8_t>{t.data(), x.rows, x.cols});
                for (size_t i = 0; i < t.size(); ++i) values.data[i] = t[i];
            });
    });
    add(full_name("u4"), [=](benchmark::State& state, bool check) {
        measure_packed<Arch, tern::unsigned_bits<4>>(
            state, shape, check, [](const auto& x, auto& q) { return tern::quantize::quantize_bits<Arch>(x, 0.1f, q); },
            [](const auto& x, const auto& values) { tern::reference::quantize_unsigned(x, 0.1f, 4, values); });
    });
}

/// Float weights to panels. `quantize(w, to)` answers a status.
template <class Arch, class Quantize>
void measure_weights(benchmark::State& state, const product_shape& shape, bool check, const Quantize& quantize) {
    const std::vector<float> reals = random_reals(shape.m * shape.k);
    const source_view w{reals.data(), shape.m, shape.k};
    tern::buffer<tern::word> memory(tern::panels_words<tern::ternary>(shape.m, 1, shape.k));
    tern::packed_panels<tern::ternary> packed;
    std::vector<float> threshold(shape.m), scale(shape.m);
    const tern::quantize::panel_memory<tern::ternary> to(memory.data(), memory.size(), packed);
    measure_quantize<Arch>(
        state, w, memory.size() * sizeof(tern::word), check,
        [&] {
            return quantize(w, tern::quantize::per_channel(threshold.data(), w.rows),
                            tern::quantize::per_channel(scale.data(), w.rows), to);
        },
        [&] {  // every value lies on its side of the row's threshold
            for (size_t r = 0; r < w.rows; ++r)
                for (size_t d = 0; d < w.cols; ++d) {
                    const int t = (w(r, d) > threshold[r] ? 1 : 0) - (w(r, d) < -threshold[r] ? 1 : 0);
                    if (packed.value(r, d) != t) return false;
                }
            return true;
        });
}

template <class Arch>
void add_weights(Arch arch, const product_shape& shape) {
    using view = tern::matrix_view<float>;
    using panels = tern::quantize::panel_memory<tern::ternary>;
    const auto full_name = [&](const char* method) {
        return std::string("quantize/f32_") + method + "/" + tern::arch::name(arch) + "/" + name(shape);
    };
    add(full_name("twn"), [=](benchmark::State& state, bool check) {
        measure_weights<Arch>(state, shape, check,
                              [](const source_view& w, const view& threshold, const view& scale, const panels& to) {
                                  return tern::quantize::twn::quantize<Arch>(w, threshold, scale, to);
                              });
    });
    add(full_name("absmean"), [=](benchmark::State& state, bool check) {
        measure_weights<Arch>(state, shape, check,
                              [](const source_view& w, const view& threshold, const view& scale, const panels& to) {
                                  const tern::status s = tern::quantize::absmean::quantize<Arch>(w, scale, to);
                                  for (size_t r = 0; r < w.rows; ++r) threshold(r, 0) = 0.5f * scale(r, 0);
                                  return s;
                              });
    });
    add(full_name("rtn"), [=](benchmark::State& state, bool check) {
        measure_weights<Arch>(state, shape, check,
                              [](const source_view& w, const view& threshold, const view& scale, const panels& to) {
                                  for (size_t r = 0; r < w.rows; ++r) threshold(r, 0) = 0.5f;
                                  static const float one = 1.0f;
                                  static const float none = 0.0f;
                                  static_cast<void>(scale);
                                  return tern::quantize::rtn::forward<Arch>(w, tern::quantize::per_tensor(&one),
                                                                            tern::quantize::per_tensor(&none), to);
                              });
    });
}

}  // namespace

void add_quantize() {
    for_each_architecture([&](auto arch) { add_weights(arch, product_shape{4096, 1, 4096}); });
    for (const product_shape shape : {product_shape{1, 16, 2560}, product_shape{1, 512, 2560}})
        for_each_architecture([&](auto arch) { add_quantizers(arch, shape); });
}

}  // namespace tern_bench
