// SPDX-License-Identifier: MIT
// depthwise/<activations>_<weights>/<architecture>/<height>x<width>x<channels>/3x3[/ternary], int32 out or, in the end,
// thresholds on integers and packed ternary values.
#include <tern/depthwise.hpp>

#include "benchmarks.hpp"
#include "support/counters.hpp"
#include "support/operands.hpp"

namespace tern_bench {
namespace {

template <class Lhs, class Rhs>
struct depthwise_operands {
    size_t size;
    size_t channels;
    tern::window2d window = tern::square_window(3, 1, 1);
    std::vector<std::int8_t> x;
    std::vector<std::int8_t> w;
    tern::packed_activations<Lhs> pixels;
    tern::packed_activations<Rhs> filters;
    tern::buffer<std::int32_t> result;
    tern::packed_activations<tern::ternary> packed;
    std::vector<std::int32_t> lower, upper;

    depthwise_operands(size_t size_, size_t channels_)
        : size(size_),
          channels(channels_),
          x(random_values<Lhs, std::int8_t>(size * size * channels, 0x51)),
          w(random_values<Rhs, std::int8_t>(9 * channels, 0x52)),
          pixels(tern::matrix_view<const std::int8_t>{x.data(), size * size, channels}),
          filters(tern::matrix_view<const std::int8_t>{w.data(), 9, channels}),
          result(size * size * channels),
          packed(size * size, channels),
          lower(channels, -1),
          upper(channels, 1) {}

    [[nodiscard]] tern::tensor_view<std::int32_t> dst() { return {result.data(), 1, size, size, channels}; }
    [[nodiscard]] tern::tensor_view<const std::int8_t> bytes() const { return {x.data(), 1, size, size, channels}; }
    [[nodiscard]] tern::matrix_view<const std::int8_t> byte_filters() const { return {w.data(), 9, channels}; }
    [[nodiscard]] bool confirm() {
        std::vector<std::int32_t> expected(result.size());
        tern::reference::depthwise_conv2d(bytes(), byte_filters(), window,
                                          tern::tensor_view<std::int32_t>{expected.data(), 1, size, size, channels});
        return std::equal(expected.begin(), expected.end(), result.data());
    }
};

template <class Lhs, class Rhs, class Arch, class Run>
void measure_depthwise(benchmark::State& state, Arch arch, size_t size, size_t channels, bool check, const Run& run) {
    if (skip_missing(state, arch)) return;
    depthwise_operands<Lhs, Rhs> operands(size, channels);
    if (check) {
        const tern::status s = run(operands);
        if (s != tern::status::ok) return skip_mismatch(state, tern::to_string(s));
        if (!operands.confirm()) return skip_mismatch(state, "the result differs from the reference");
    }
    const double macs = static_cast<double>((3 * size - 2) * (3 * size - 2) * channels);
    measure(state, {macs, 0, 0}, std::vector<limit_rate>{}, [&] {
        tern::status s = run(operands);
        benchmark::DoNotOptimize(s);
        benchmark::ClobberMemory();
    });
}

template <class Lhs, class Rhs>
void add_pair(size_t size, size_t channels) {
    for_each_counting_architecture([&](auto arch) {
        using tag = decltype(arch);
        if (std::is_same_v<tag, tern::arch::scalar>) return;
        const std::string shape =
            std::to_string(size) + "x" + std::to_string(size) + "x" + std::to_string(channels) + "/3x3";
        using operands = depthwise_operands<Lhs, Rhs>;
        add(label<Lhs, Rhs>("depthwise", arch, shape), [=](benchmark::State& state, bool check) {
            measure_depthwise<Lhs, Rhs>(state, arch, size, channels, check, [](operands& o) {
                return tern::depthwise_conv2d<tag>(tern::packed_tensor<Lhs>(o.pixels, 1, o.size, o.size),
                                                   static_cast<const tern::packed_rows<Rhs>&>(o.filters), o.window,
                                                   o.dst());
            });
        });
        if constexpr (std::is_same_v<Lhs, tern::ternary>) {
            add(label<Lhs, Rhs>("depthwise", arch, shape) + "/ternary", [=](benchmark::State& state, bool) {
                measure_depthwise<Lhs, Rhs>(state, arch, size, channels, false, [](operands& o) {
                    return tern::depthwise_conv2d<tag>(
                        tern::packed_tensor<Lhs>(o.pixels, 1, o.size, o.size),
                        static_cast<const tern::packed_rows<Rhs>&>(o.filters), o.window,
                        tern::mutable_packed_tensor<tern::ternary>{o.packed, 1, o.size, o.size},
                        tern::integer_limits(o.lower.data(), o.upper.data()));
                });
            });
            const std::string name = std::string("depthwise/int8_ternary/") + tern::arch::name(arch) + "/" + shape;
            add(name, [=](benchmark::State& state, bool check) {
                measure_depthwise<Lhs, Rhs>(state, arch, size, channels, check, [](operands& o) {
                    return tern::depthwise_conv2d<tag>(o.bytes(), o.byte_filters(), o.window, o.dst());
                });
            });
        }
    });
}

}  // namespace

void add_depthwise() {
    using tern::binary, tern::ternary;
    constexpr size_t shapes[][2] = {{56, 128}, {28, 256}, {14, 512}};
    for (const auto& s : shapes) {
        add_pair<ternary, ternary>(s[0], s[1]);
        add_pair<binary, binary>(s[0], s[1]);
#if TERN_BENCH_ONEDNN
        add_onednn_depthwise(s[0], s[1]);
#endif
    }
}

}  // namespace tern_bench
