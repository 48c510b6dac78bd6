// SPDX-License-Identifier: MIT
// conv2d/<activations>_<weights>/<architecture>/<height>x<width>x<channels>/<kernel>/<outputs>
#include <tern/conv.hpp>

#include "benchmarks.hpp"
#include "support/counters.hpp"
#include "support/operands.hpp"

namespace tern_bench {
namespace {

template <class Lhs, class Rhs>
struct conv_operands {
    conv_shape shape{};
    tern::window2d window;
    const weights<Rhs>* filters = nullptr;
    std::vector<value> values;
    tern::packed_activations<Lhs> pixels;
    std::vector<std::int32_t> expected;

    conv_operands() = default;
    conv_operands(const conv_shape& s, const weights<Rhs>& w)
        : shape(s),
          window(tern::square_window(s.kernel, 1, s.kernel / 2)),
          filters(&w),
          values(random_values<Lhs>(s.height * s.width * s.channels, 0x11)),
          pixels(tern::matrix_view<const value>{values.data(), s.height * s.width, s.channels}),
          expected(s.height * s.width * s.outputs) {
        tern::reference::conv2d(
            tern::tensor_view<const value>{values.data(), 1, s.height, s.width, s.channels},
            tern::tensor_view<const std::int8_t>{filters->values.data(), s.outputs, s.kernel, s.kernel, s.channels},
            window, view(expected.data()));
    }

    [[nodiscard]] tern::packed_tensor<Lhs> input() const { return {pixels, 1, shape.height, shape.width}; }
    [[nodiscard]] tern::tensor_view<std::int32_t> view(std::int32_t* data) const {
        return {data, 1, shape.height, shape.width, shape.outputs};
    }
    /// Taps inside the image only.
    [[nodiscard]] double macs() const {
        const auto taps = [](const tern::window_axis& axis, size_t input) {
            size_t total = 0;
            for (size_t o = 0; o < axis.outputs(input); ++o) total += axis.last_tap(o, input) - axis.first_tap(o);
            return total;
        };
        return static_cast<double>(taps(window.y, shape.height) * taps(window.x, shape.width)) *
               static_cast<double>(shape.channels * shape.outputs);
    }
    [[nodiscard]] double bytes() const {
        return filters->bytes() + static_cast<double>(pixels.extent() * sizeof(tern::word)) +
               static_cast<double>(expected.size() * sizeof(std::int32_t));
    }

    static const conv_operands& of(const conv_shape& s) {
        static conv_operands kept;
        const auto& w = weights<Rhs>::of(s.outputs, s.kernel * s.kernel, s.channels);
        if (!(kept.shape == s)) kept = conv_operands(s, w);
        return kept;
    }
};

template <class Lhs, class Rhs, class Arch>
void measure_conv2d(benchmark::State& state, Arch arch, const conv_shape& shape, bool check) {
    if (skip_missing(state, arch)) return;
    const auto& operands = conv_operands<Lhs, Rhs>::of(shape);
    const tern::packed_panels<Rhs>& filters = operands.filters->packed;
    std::vector<std::int32_t> result(operands.expected.size());
    const auto dst = operands.view(result.data());
    const auto run = [&] { return tern::conv2d<Arch>(operands.input(), filters, operands.window, dst); };
    if (check) {
        const tern::status s = run();
        if (s != tern::status::ok) return skip_mismatch(state, tern::to_string(s));
        if (result != operands.expected) return skip_mismatch(state, "the result differs from the reference");
    }
    measure(state, {operands.macs(), operands.bytes(), operands.filters->bits_per_weight()},
            product_limit<Arch, Lhs, Rhs>, [&] {
                tern::status s = run();
                benchmark::DoNotOptimize(s);
                benchmark::ClobberMemory();
            });
}

template <class Lhs, class Rhs, class Shapes>
void add_convolutions(const Shapes& shapes, selection wanted) {
    for (const conv_shape& shape : shapes)
        for_each_counting_architecture([&](auto arch) {
            const bool slow = std::is_same_v<decltype(arch), tern::arch::scalar>;
            if (slow && wanted == selection::usual && !(shape == shapes[0])) return;
            add(label<Lhs, Rhs>("conv2d", arch, name(shape)),
                [=](benchmark::State& state, bool check) { measure_conv2d<Lhs, Rhs>(state, arch, shape, check); });
        });
}

}  // namespace

void add_conv2d(selection wanted) {
    using tern::binary, tern::ternary;
    add_convolutions<binary, binary>(hidden_convolutions, wanted);
    add_convolutions<ternary, ternary>(hidden_convolutions, wanted);
    add_convolutions<tern::unsigned_bits<8>, ternary>(pixel_convolutions, wanted);
}

}  // namespace tern_bench
