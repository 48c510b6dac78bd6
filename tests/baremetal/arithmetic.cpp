// SPDX-License-Identifier: MIT
// The core's arithmetic on the core itself, in the 16 KB of the smallest board: every operation on small shapes against
// the reference. Fails when a result differs, when an operation refuses its operands, or when nothing was checked.
// TERN_TEST_BREAK turns one expected value around, to see that it is found.
#include <tern/conv.hpp>
#include <tern/dot.hpp>
#include <tern/gemm_bytes.hpp>
#include <tern/gemv.hpp>
#include <tern/pack_tiles.hpp>
#include <tern/pool.hpp>
#include <tern/reference.hpp>

#include "board.hpp"

#ifndef TERN_TEST_BREAK
#define TERN_TEST_BREAK 0
#endif

namespace {

using tern::size_t;

std::uint32_t checks = 0;
std::uint32_t faults = 0;

template <class T>
void same(const char* what, const T* result, const T* expected, size_t count) noexcept {
    for (size_t i = 0; i < count; ++i) {
        ++checks;
        const bool broken = TERN_TEST_BREAK != 0 && checks == 100;
        if ((std::memcmp(result + i, expected + i, sizeof(T)) == 0) != broken) continue;
        if (++faults < 20) {
            board::print("different: ");
            board::print(what);
            board::print("\n");
        }
    }
}

void accepted(const char* what, tern::status s) noexcept {
    ++checks;
    if (s == tern::status::ok) return;
    ++faults;
    board::print("refused: ");
    board::print(what);
    board::print("\n");
}

std::uint32_t state = 1;
std::uint32_t random() noexcept { return state = state * 1664525u + 1013904223u; }

/// A random value of an encoding: 0 and the extremes are frequent.
template <class Encoding>
std::int8_t random_value() noexcept {
    for (;;) {
        const auto code = (random() >> 13) & ((1u << Encoding::planes) - 1u);
        if (Encoding::has_mask && Encoding::has_sign && code == 2u) continue;  // a sign without a mask
        return static_cast<std::int8_t>(Encoding::decode(code));
    }
}

constexpr size_t most_values = 2300;
constexpr size_t most_rows = 3;
constexpr size_t most_lhs = most_rows * 417;
std::int8_t weights[most_values];
std::int8_t activations[most_lhs];
tern::word panels[864];
tern::word rows[200];
alignas(4) unsigned char results[2][1200];

template <class T>
T* result(size_t which) noexcept {
    return reinterpret_cast<T*>(results[which]);
}

template <class Lhs, class Rhs>
void products(size_t count, size_t outputs, size_t depth) noexcept {
    for (size_t i = 0; i < outputs * depth; ++i) weights[i] = random_value<Rhs>();
    for (size_t i = 0; i < count * depth; ++i) activations[i] = random_value<Lhs>();
    const tern::matrix_view<const std::int8_t> w_values(weights, outputs, depth);
    const tern::matrix_view<const std::int8_t> x_values(activations, count, depth);

    // One row of each for the dot product: their words lie where the panels come afterwards.
    const tern::mutable_packed_rows<Lhs> x(rows, count, depth);
    const tern::mutable_packed_rows<Rhs> first(panels, 1, depth);
    accepted("pack_rows", tern::pack_rows<Lhs>(x_values, x));
    accepted("pack_rows", tern::pack_rows<Rhs>(tern::matrix_view<const std::int8_t>(weights, 1, depth), first));
    std::int32_t dot = 0;
    accepted("dot", tern::dot(tern::packed_rows<Lhs>(rows, 1, depth), first, dot));
    const std::int32_t expected_dot = tern::reference::dot(activations, weights, depth);
    same("dot", &dot, &expected_dot, 1);

    tern::packed_panels<Rhs> w;
    accepted("pack_panels", tern::pack_panels<Rhs>(w_values, panels, sizeof panels / sizeof *panels, w));
    const tern::matrix_view<std::int32_t> y(result<std::int32_t>(0), count, outputs);
    const tern::matrix_view<std::int32_t> expected(result<std::int32_t>(1), count, outputs);
    tern::reference::gemm(x_values, w_values, expected);
    accepted("gemm", tern::gemm(x, w, y));
    same("gemm", y.data, expected.data, count * outputs);
    accepted("gemv", tern::gemv(tern::packed_rows<Lhs>(rows, 1, depth), w,
                                tern::matrix_view<std::int32_t>(result<std::int32_t>(0), 1, outputs)));
    same("gemv", y.data, expected.data, outputs);

    const float scale = 0.37f;
    const float offset = -1.25f;
    tern::scale_offset e;
    e.weights.scale = tern::per_tensor(scale);
    e.activations = {tern::per_tensor(scale), tern::per_tensor(offset)};
    const tern::matrix_view<float> real(result<float>(0), count, outputs);
    const tern::matrix_view<float> expected_real(result<float>(1), count, outputs);
    tern::reference::gemm(x_values, w_values, expected_real, e);
    accepted("gemm, real", tern::gemm(x, w, real, e));
    same("gemm, real", real.data, expected_real.data, count * outputs);

    std::int8_t value = 0;
    for (size_t i = 0; i < outputs * depth; i += 7) {
        value = static_cast<std::int8_t>(w.value(i / depth, i % depth));
        same("pack_panels", &value, weights + i, 1);
    }
}

/// Signed bytes with ternary codes and with binary panels, where there is room for 64 outputs of codes.
void byte_products(size_t count, size_t outputs, size_t depth) noexcept {
    if (tern::codes_bytes(outputs, depth) > sizeof panels) return;
    for (size_t i = 0; i < outputs * depth; ++i) weights[i] = random_value<tern::ternary>();
    for (size_t i = 0; i < count * depth; ++i) activations[i] = static_cast<std::int8_t>(random() >> 24);
    const tern::matrix_view<const std::int8_t> w_values(weights, outputs, depth);
    const tern::matrix_view<const std::int8_t> x(activations, count, depth);
    const tern::matrix_view<std::int32_t> y(result<std::int32_t>(0), count, outputs);
    const tern::matrix_view<std::int32_t> expected(result<std::int32_t>(1), count, outputs);

    tern::packed_codes codes;
    accepted("pack_codes", tern::pack_codes(w_values, reinterpret_cast<std::uint8_t*>(panels), sizeof panels, codes));
    tern::reference::gemm(x, w_values, expected);
    accepted("gemm, codes", tern::gemm(x, codes, y));
    same("gemm, codes", y.data, expected.data, count * outputs);

    for (size_t i = 0; i < outputs * depth; ++i) weights[i] = random_value<tern::binary>();
    tern::packed_panels<tern::binary> bits;
    accepted("pack_panels", tern::pack_panels<tern::binary>(w_values, panels, sizeof panels / sizeof *panels, bits));
    tern::reference::gemm(x, w_values, expected);
    accepted("gemm, bits", tern::gemm(x, bits, y));
    same("gemm, bits", y.data, expected.data, count * outputs);
}

template <class Lhs, class Rhs>
void convolution(size_t size, size_t channels, size_t outputs) noexcept {
    for (size_t i = 0; i < outputs * 9 * channels; ++i) weights[i] = random_value<Rhs>();
    for (size_t i = 0; i < size * size * channels; ++i) activations[i] = random_value<Lhs>();
    const tern::tensor_view<const std::int8_t> x_values(activations, 1, size, size, channels);
    const tern::tensor_view<const std::int8_t> w_values(weights, outputs, 3, 3, channels);
    const tern::window2d window = tern::square_window(3, 1, 1);

    const tern::mutable_packed_rows<Lhs> pixels(rows, size * size, channels);
    accepted("pack_rows", tern::pack_rows<Lhs>(
                              tern::matrix_view<const std::int8_t>(activations, size * size, channels), pixels));
    tern::packed_panels<Rhs> w;
    accepted("pack_panels", tern::pack_panels<Rhs>(tern::matrix_view<const std::int8_t>(weights, outputs, 9 * channels),
                                                   panels, sizeof panels / sizeof *panels, w, 9));
    const tern::packed_tensor<Lhs> x(pixels, 1, size, size);
    const tern::tensor_view<std::int32_t> y(result<std::int32_t>(0), 1, size, size, outputs);
    const tern::tensor_view<std::int32_t> expected(result<std::int32_t>(1), 1, size, size, outputs);
    tern::reference::conv2d(x_values, w_values, window, expected);
    accepted("conv2d", tern::conv2d(x, w, window, y));
    same("conv2d", y.data, expected.data, size * size * outputs);

    if constexpr (std::is_same_v<Lhs, tern::ternary>) {
        // Pooled: words behind the pixels, values in the memory of the filters.
        const size_t half = size / 2;
        const tern::mutable_packed_tensor<Lhs> pooled{
            tern::mutable_packed_rows<Lhs>(rows + pixels.extent(), half * half, channels), 1, half, half};
        accepted("max_pool2d", tern::max_pool2d(x, tern::square_window(2, 2), pooled));
        tern::reference::max_pool2d(x_values, tern::square_window(2, 2),
                                    tern::tensor_view<std::int8_t>(weights, 1, half, half, channels));
        for (size_t i = 0; i < half * half * channels; ++i) {
            const auto value = static_cast<std::int8_t>(pooled.pixels.value(i / channels, i % channels));
            same("max_pool2d", &value, weights + i, 1);
        }
    }
}

struct shape {
    size_t rows;
    size_t outputs;
    size_t depth;
};
constexpr shape shapes[] = {{1, 1, 1},   {3, 5, 31},  {2, 16, 32}, {3, 17, 33},  {1, 33, 65},
                            {2, 17, 130}, {3, 5, 257}, {3, 4, 417}, {1, 8, 256}, {2, 16, 128}};

constexpr bool fit() noexcept {
    for (const shape& s : shapes)
        if (s.outputs * s.depth > most_values || s.rows * s.depth > most_lhs || s.rows > most_rows) return false;
    return true;
}
static_assert(fit(), "the arrays are too small for a shape");

template <class Lhs, class Rhs>
void pair() noexcept {
    for (const shape& s : shapes) products<Lhs, Rhs>(s.rows, s.outputs, s.depth);
}

}  // namespace

bool program() {
    pair<tern::binary, tern::binary>();
    pair<tern::ternary, tern::ternary>();
    pair<tern::ternary, tern::binary>();
    pair<tern::binary, tern::ternary>();
    pair<tern::unsigned_bits<2>, tern::ternary>();
    for (const shape& s : shapes) byte_products(s.rows, s.outputs, s.depth);
    convolution<tern::ternary, tern::ternary>(4, 3, 17);
    convolution<tern::ternary, tern::ternary>(4, 33, 5);
    convolution<tern::ternary, tern::ternary>(3, 64, 3);
    convolution<tern::binary, tern::ternary>(4, 5, 17);
    convolution<tern::binary, tern::binary>(4, 40, 6);

    board::print(TERN_BOARD_NAME ": ");
    board::print(tern::arch::name(tern::default_arch{}));
    board::print(", checks ");
    board::print(checks);
    board::print(", faults ");
    board::print(faults);
    board::print("\n");
    return checks != 0 && faults == 0;
}
