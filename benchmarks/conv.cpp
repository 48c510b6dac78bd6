// SPDX-License-Identifier: MIT
// conv2d/<activations>_<weights>/<architecture>/<height>x<width>x<channels>/<kernel>/<outputs>[/stride:<stride>][/limits]
// `limits`: results are compared with integer limits and packed again, as the next layer reads them.
// of_gemm: the time of this library's matrix product of the same outputs, pixels and depth (padded taps included), in
// the same process and right before and after, over that of the convolution.
#include <tern/conv_bytes.hpp>
#include <tern/conv_fused.hpp>

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
          window(tern::square_window(s.kernel, s.stride, s.kernel / 2)),
          filters(&w),
          values(random_values<Lhs>(s.height * s.width * s.channels, 0x11)),
          pixels(tern::matrix_view<const value>{values.data(), s.height * s.width, s.channels}),
          expected(window.y.outputs(s.height) * window.x.outputs(s.width) * s.outputs) {
        tern::reference::conv2d(
            tern::tensor_view<const value>{values.data(), 1, s.height, s.width, s.channels},
            tern::tensor_view<const std::int8_t>{filters->values.data(), s.outputs, s.kernel, s.kernel, s.channels},
            window, view(expected.data()));
    }

    [[nodiscard]] tern::packed_tensor<Lhs> input() const { return {pixels, 1, shape.height, shape.width}; }
    [[nodiscard]] tern::tensor_view<std::int32_t> view(std::int32_t* data) const {
        return {data, 1, window.y.outputs(shape.height), window.x.outputs(shape.width), shape.outputs};
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

/// MACs of a convolution per second of the best of some runs of a product of its size. `product` answers a status.
template <class Product>
double gemm_rate(double macs, const Product& product) {
    const long runs = stretch_of(product);
    double best = timed(runs, product);
    for (int i = 0; i < 20; ++i) best = std::min(best, timed(runs, product));
    return macs / best;
}

/// `run`: the convolution; it answers a status.
template <class Arch, class Lhs, class Rhs, class Run>
void measure_beside_gemm(benchmark::State& state, const conv_operands<Lhs, Rhs>& operands, const Run& run) {
    // Pixels that are windows already, times the same filters as a matrix.
    std::vector<std::int32_t> result(operands.expected.size());
    const auto dst = operands.view(result.data());
    const tern::packed_activations<Lhs> rows(dst.height * dst.width, operands.filters->matrix().cols);
    const tern::packed_matrix<Rhs> matrix(operands.filters->matrix());
    const auto gemm = [&] {
        tern::status s = tern::gemm<Arch>(rows, matrix, dst.pixels());
        benchmark::DoNotOptimize(s);
        benchmark::ClobberMemory();
        return s;
    };
    const auto beside = [&](double) { return gemm_rate(operands.macs(), gemm); };
    measure(state, {operands.macs(), operands.bytes(), operands.filters->bits_per_weight()},
            {{"of_limit", product_limit<Arch, Lhs, Rhs>}, {"of_gemm", beside, false, true}}, [&] {
                tern::status s = run();
                benchmark::DoNotOptimize(s);
                benchmark::ClobberMemory();
            });
}

template <class Lhs, class Rhs, class Arch>
void measure_conv2d(benchmark::State& state, Arch arch, const conv_shape& shape, bool check) {
    if (skip_missing(state, arch)) return;
    const auto& operands = conv_operands<Lhs, Rhs>::of(shape);
    std::vector<std::int32_t> result(operands.expected.size());
    const auto dst = operands.view(result.data());
    const auto run = [&] {
        return tern::conv2d<Arch>(operands.input(), operands.filters->packed, operands.window, dst);
    };
    if (check) {
        const tern::status s = run();
        if (s != tern::status::ok) return skip_mismatch(state, tern::to_string(s));
        if (result != operands.expected) return skip_mismatch(state, "the result differs from the reference");
    }
    measure_beside_gemm<Arch>(state, operands, run);
}

/// The same to values of the activations' encoding, by limits that differ from output to output.
template <class Encoding, class Rhs, class Arch>
void measure_limits(benchmark::State& state, Arch arch, const conv_shape& shape, bool check) {
    if (skip_missing(state, arch)) return;
    const auto& operands = conv_operands<Encoding, Rhs>::of(shape);
    const auto dst = operands.view(nullptr);
    tern::packed_activations<Encoding> packed(dst.height * dst.width, dst.channels);
    std::vector<std::int32_t> lower(dst.channels), upper(dst.channels);
    for (size_t o = 0; o < dst.channels; ++o) {
        lower[o] = -static_cast<std::int32_t>(o % 11);
        upper[o] = static_cast<std::int32_t>(o % 7);
    }
    const auto run = [&] {
        return tern::conv2d<Arch>(operands.input(), operands.filters->packed, operands.window,
                                  tern::mutable_packed_tensor<Encoding>{packed, 1, dst.height, dst.width},
                                  tern::integer_limits(lower.data(), upper.data()));
    };
    if (check) {
        const tern::status s = run();
        if (s != tern::status::ok) return skip_mismatch(state, tern::to_string(s));
        for (size_t i = 0; i < operands.expected.size(); ++i) {
            const size_t o = i % dst.channels;
            const std::int32_t a = operands.expected[i];
            const bool low = Encoding::has_mask ? a < lower[o] : true;
            if (packed.value(i / dst.channels, o) != (a > upper[o] ? 1 : low ? -1 : 0))
                return skip_mismatch(state, "the result differs from the reference");
        }
    }
    measure_beside_gemm<Arch>(state, operands, run);
}

/// Unsigned pixels as they are, zero point 128, times ternary codes.
template <class Arch>
void measure_pixels(benchmark::State& state, Arch arch, const conv_shape& shape, bool check) {
    if (skip_missing(state, arch)) return;
    using tern::ternary;
    const auto window = tern::square_window(shape.kernel, shape.stride, shape.kernel / 2);
    const size_t height = window.y.outputs(shape.height);
    const size_t width = window.x.outputs(shape.width);
    const size_t depth = shape.kernel * shape.kernel * shape.channels;
    const auto& filters = weights<ternary>::of(shape.outputs, shape.kernel * shape.kernel, shape.channels);
    const auto codes = tern::pack<tern::ternary_code>(filters.matrix());
    std::vector<std::uint8_t> pixels(shape.height * shape.width * shape.channels);
    random_bytes random(0x33);
    for (std::uint8_t& v : pixels) v = static_cast<std::uint8_t>(random.next());
    const tern::byte_tensor input(
        tern::tensor_view<const std::uint8_t>{pixels.data(), 1, shape.height, shape.width, shape.channels}, 128);
    std::vector<std::int32_t> result(height * width * shape.outputs);
    const tern::tensor_view<std::int32_t> dst{result.data(), 1, height, width, shape.outputs};
    const auto run = [&] {
        tern::status s = tern::conv2d<Arch>(input, codes, window, dst);
        benchmark::DoNotOptimize(s);
        benchmark::ClobberMemory();
        return s;
    };
    if (check) {
        std::vector<value> centred(pixels.begin(), pixels.end());
        for (value& v : centred) v = static_cast<value>(v - 128);
        std::vector<std::int32_t> expected(result.size());
        tern::reference::conv2d(
            tern::tensor_view<const value>{centred.data(), 1, shape.height, shape.width, shape.channels},
            tern::tensor_view<const std::int8_t>{filters.values.data(), shape.outputs, shape.kernel, shape.kernel,
                                                 shape.channels},
            window, tern::tensor_view<std::int32_t>{expected.data(), 1, height, width, shape.outputs});
        const tern::status s = run();
        if (s != tern::status::ok) return skip_mismatch(state, tern::to_string(s));
        if (result != expected) return skip_mismatch(state, "the result differs from the reference");
    }
    std::vector<std::int8_t> rows(height * width * depth, std::int8_t{1});
    const auto gemm = [&] {
        tern::status s = tern::gemm<Arch>(tern::matrix_view<const std::int8_t>{rows.data(), height * width, depth}, codes,
                                          dst.pixels());
        benchmark::DoNotOptimize(s);
        benchmark::ClobberMemory();
        return s;
    };
    const auto macs = static_cast<double>(height * width * depth * shape.outputs);
    const auto bytes = static_cast<double>(pixels.size() + codes.bytes() + result.size() * sizeof(std::int32_t));
    measure(state, {macs, bytes, static_cast<double>(codes.bytes()) * 8 / static_cast<double>(filters.values.size())},
            {{"of_gemm", [&](double) { return gemm_rate(macs, gemm); }, false, true}}, run);
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

template <class Encoding, class Shapes>
void add_limits(const Shapes& shapes) {
    constexpr tern::default_arch arch;
    for (const conv_shape& shape : shapes)
        add(label<Encoding, Encoding>("conv2d", arch, name(shape)) + "/limits",
            [=](benchmark::State& state, bool check) { measure_limits<Encoding, Encoding>(state, arch, shape, check); });
}

void add_pixels(selection wanted) {
    for (const conv_shape& shape : first_convolutions)
        for_each_architecture([&](auto arch) {
            if (wanted != selection::all && !std::is_same_v<decltype(arch), tern::default_arch>) return;
            add("conv2d/u8_ternary/" + std::string(tern::arch::name(arch)) + "_codes/" + name(shape),
                [=](benchmark::State& state, bool check) { measure_pixels(state, arch, shape, check); });
        });
}

}  // namespace

void add_conv2d(selection wanted) {
    using tern::binary, tern::ternary;
    add_convolutions<binary, binary>(hidden_convolutions, wanted);
    add_convolutions<ternary, ternary>(hidden_convolutions, wanted);
    add_limits<binary>(hidden_convolutions);
    add_limits<ternary>(hidden_convolutions);
    add_convolutions<tern::unsigned_bits<8>, ternary>(pixel_convolutions, wanted);
    add_pixels(wanted);
}

}  // namespace tern_bench
