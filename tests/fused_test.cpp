// SPDX-License-Identifier: MIT
// Every destination and way of fused.hpp equals the reference, bit by bit, behind products and convolutions.
#include <cstdint>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <tern/conv_fused.hpp>
#include <tern/fold.hpp>
#include <tern/gemm_bytes.hpp>
#include <tern/reference.hpp>
#include <tern/reference/fused.hpp>

#include "support/architectures.hpp"
#include "support/destination.hpp"
#include "support/parameters.hpp"

namespace {

using namespace tern_test;
using tern::binary;
using tern::status;
using tern::ternary;

/// Packed rows of results of any encoding: memory, and what it has to be.
template <class Encoding>
class packed_destination {
public:
    packed_destination(size_t rows, size_t depth, form f)
        : shape_(rows_shape(Encoding::planes, rows, depth, f)), image_(extent(shape_, Encoding::planes) + 6) {}
    [[nodiscard]] tern::mutable_packed_rows<Encoding> view() {
        return {image_.memory() + 3, shape_.rows, shape_.depth, shape_.row_stride, shape_.plane_stride};
    }
    template <class T>
    void expect(const std::vector<T>& values) {
        for (size_t r = 0; r < shape_.rows; ++r)
            for (size_t p = 0; p < size_t{Encoding::planes}; ++p) {
                word* to = image_.expected() + 3 + r * shape_.row_stride + p * shape_.plane_stride;
                for (size_t w = 0; w < (shape_.depth + 31) / 32; ++w) to[w] = 0;
                for (size_t d = 0; d < shape_.depth; ++d)
                    to[d / 32] |= (Encoding::encode(values[r * shape_.depth + d]) >> p & 1u) << (d % 32);
            }
    }
    [[nodiscard]] std::string difference() const { return image_.difference(); }

private:
    rows_operand shape_;
    image<word> image_;
};

/// Random steps with the memory behind them.
struct random_steps {
    parameters of_product;
    tern::real_steps steps;
    std::vector<float> reals, scales, slopes;
    std::vector<std::int8_t> bytes;
    integers trits{0, 0};
    std::vector<packed_lhs> packed;

    random_steps(random_numbers& random, size_t rows, const integers& w, size_t scales_of_activations, bool foldable) {
        of_product.randomize(random, scales_of_activations, w);
        steps.epilogue = of_product.epilogue;
        const size_t outputs = w.rows;
        if (random.once_in(2)) {
            for (size_t i = 0; i <= outputs; ++i)
                slopes.push_back(static_cast<float>(random.next() % 64) / 32.0f - (foldable ? 0.0f : 1.0f));
            steps.slope = random.once_in(2) ? tern::per_tensor(slopes[0]) : tern::per_channel(slopes.data());
        }
        if (foldable) {
            steps.epilogue.weights.offset = {};
            steps.epilogue.activations.offset = {};
            if (steps.epilogue.activations.scale.stride != 0) steps.epilogue.activations.scale = {};
            return;
        }
        for (size_t i = 0; i <= outputs; ++i) scales.push_back(static_cast<float>(random.next() % 999) / 77.0f - 6.0f);
        for (size_t i = 0; i < rows * (outputs + 2); ++i) {
            reals.push_back(static_cast<float>(random.next() % 9999) / 77.0f - 60.0f);
            bytes.push_back(static_cast<std::int8_t>(random.next() % 256 - 128));
        }
        const tern::parameter scale = random.once_in(3)   ? tern::parameter{}
                                      : random.once_in(2) ? tern::per_tensor(scales[0])
                                                          : tern::per_channel(scales.data());
        switch (random.next() % 4) {
            case 0:
                steps.residual = {tern::matrix_view<const float>{reals.data(), rows, outputs, outputs + 2}, scale};
                break;
            case 1:
                steps.residual = {tern::matrix_view<const std::int8_t>{bytes.data(), rows, outputs, outputs + 2},
                                  scale};
                break;
            case 2:
                trits = make_integers(describe<ternary>(), rows, outputs, fill::random, random);
                packed.emplace_back(describe<ternary>(), trits, forms[random.next() % 4], random);
                steps.residual = {packed.back().view().as<ternary>(), scale};
                break;
            default: break;
        }
    }
};

/// Calls check(destination's name, what the operation answered, difference) for every destination that `run` can fill.
template <bool All, class Arch, class Run>
void check_destinations(const std::vector<float>& y, const random_steps& s, size_t rows, size_t outputs,
                        random_numbers& random, const Run& run) {
    using tern::matrix_view;
    std::vector<float> z = y;
    const matrix_view<float> zs(z.data(), rows, outputs);
    tern::reference::apply(s.steps, zs);
    const form f = forms[random.next() % 4];
    {
        INFO("to_int8");
        tern::to_int8 how(s.steps, {}, static_cast<std::int32_t>(random.next() % 256) - 128);
        std::vector<float> scales(outputs + 1);
        for (float& x : scales) x = static_cast<float>(random.next() % 40 + 1) / 16.0f;
        how.scale = random.once_in(2) ? tern::per_tensor(scales[0]) : tern::per_channel(scales.data());
        if (random.once_in(2)) how.lowest = -7, how.highest = 100;
        std::vector<std::int8_t> expected(rows * outputs);
        tern::reference::requantize(zs, how, matrix_view<std::int8_t>(expected.data(), rows, outputs));
        destination<std::int8_t> dst(rows, outputs, random.next() % 3);
        dst.expect(expected);
        CHECK(run(dst.view(), how) == status::ok);
        CHECK(dst.difference() == "");
    }
    if constexpr (All) {
        {
            INFO("to_float");
            destination<float> dst(rows, outputs, random.next() % 3);
            dst.expect(z);
            CHECK(run(dst.view(), tern::to_float(s.steps)) == status::ok);
            CHECK(dst.difference() == "");
        }
        {
            INFO("to_ternary");
            const tern::to_ternary how(s.steps, s.of_product.limits);
            std::vector<std::int8_t> expected(rows * outputs);
            tern::reference::ternarize(zs, how.limits, matrix_view<std::int8_t>(expected.data(), rows, outputs));
            packed_destination<ternary> dst(rows, outputs, f);
            dst.expect(expected);
            CHECK(run(dst.view(), how) == status::ok);
            CHECK(dst.difference() == "");
        }
        {
            INFO("to_binary");
            const tern::to_binary how(s.steps, s.of_product.limits.upper);
            std::vector<std::int8_t> expected(rows * outputs);
            tern::reference::binarize(zs, how, matrix_view<std::int8_t>(expected.data(), rows, outputs));
            packed_destination<tern::basic_binary<tern::set_bit::minus>> dst(rows, outputs, f);
            dst.expect(expected);
            CHECK(run(dst.view(), how) == status::ok);
            CHECK(dst.difference() == "");
        }
        std::vector<std::int16_t> levels(rows * outputs);
        const matrix_view<std::int16_t> q(levels.data(), rows, outputs);
        const float scale = static_cast<float>(random.next() % 64 + 1) / 8.0f;
        {
            INFO("to_bits, unsigned");
            tern::reference::quantize_unsigned(zs, scale, 4, q);
            packed_destination<tern::unsigned_bits<4>> dst(rows, outputs, f);
            dst.expect(levels);
            CHECK(run(dst.view(), tern::to_bits(s.steps, scale)) == status::ok);
            CHECK(dst.difference() == "");
        }
        {
            INFO("to_bits, bipolar");
            tern::reference::quantize_bipolar(zs, scale, 3, q);
            packed_destination<tern::bipolar_bits<3>> dst(rows, outputs, f);
            dst.expect(levels);
            CHECK(run(dst.view(), tern::to_bits(s.steps, scale)) == status::ok);
            CHECK(dst.difference() == "");
        }
    }
}

/// Integer limits: random ones, and folded ones, which have to give what the real steps give.
template <bool All, class Arch, class Run>
void check_integers(const std::vector<std::int32_t>& acc, const std::vector<float>& y, const random_steps& s,
                    size_t rows, size_t outputs, random_numbers& random, const Run& run) {
    using tern::matrix_view;
    std::vector<float> z = y;
    tern::reference::apply(s.steps, {z.data(), rows, outputs});
    const matrix_view<const float> zs(z.data(), rows, outputs);
    const matrix_view<const std::int32_t> as(acc.data(), rows, outputs);
    std::vector<std::int8_t> expected(rows * outputs);
    const matrix_view<std::int8_t> to(expected.data(), rows, outputs);
    std::vector<std::int32_t> lower(outputs + 1);
    std::vector<std::int32_t> upper(outputs + 1);
    std::vector<word> negative(outputs / 32 + 1);
    if constexpr (All) {  // a shortcut of trits, folded as well
        const integers r = make_integers(describe<ternary>(), rows, outputs, fill::random, random);
        const packed_lhs packed(describe<ternary>(), r, forms[random.next() % 4], random);
        std::vector<float> scales(outputs + 1);
        for (float& x : scales) x = static_cast<float>(random.next() % 99) / 8.0f - 6.0f;
        tern::real_steps steps(s.steps.epilogue, {packed.view().as<ternary>(), tern::per_channel(scales.data())},
                               s.steps.slope);
        std::vector<float> behind = y;
        const matrix_view<float> bs(behind.data(), rows, outputs);
        tern::reference::apply(steps, bs);
        std::vector<std::int32_t> lower3(3 * outputs + 1), upper3(3 * outputs + 1);
        tern::shortcut_limits limits;
        const tern::to_ternary how(steps, s.of_product.limits);
        REQUIRE(tern::fold(how, outputs, lower3.data(), upper3.data(), negative.data(), limits) == status::ok);
        tern::reference::ternarize(bs, how.limits, to);
        packed_destination<ternary> trits(rows, outputs, forms[random.next() % 4]);
        trits.expect(expected);
        CHECK(run(trits.view(), limits) == status::ok);
        CHECK(trits.difference() == "");
        const tern::to_binary signs(steps, s.of_product.limits.upper);
        REQUIRE(tern::fold(signs, outputs, lower3.data(), upper3.data(), negative.data(), limits) == status::ok);
        tern::reference::binarize(bs, signs, to);
        packed_destination<binary> bits(rows, outputs, forms[random.next() % 4]);
        bits.expect(expected);
        CHECK(run(bits.view(), limits) == status::ok);
        CHECK(bits.difference() == "");
    }
    for (size_t turn = 0; turn < 2; ++turn) {
        const bool folded = turn == 1;
        INFO("integer limits, folded: ", folded);
        tern::integer_limits limits(lower.data(), upper.data(), negative.data());
        for (size_t o = 0; o < outputs; ++o) {
            lower[o] = static_cast<std::int32_t>(random.next() % 21) - 10;
            upper[o] = random.once_in(9) ? std::numeric_limits<std::int32_t>::max()
                                         : lower[o] + static_cast<std::int32_t>(random.next() % 9) - 1;
        }
        for (word& w : negative) w = random.next();
        if (!folded && random.once_in(4)) limits = {nullptr, upper.data(), nullptr};
        if (folded) {
            const tern::to_ternary how(s.steps, s.of_product.limits);
            REQUIRE(tern::fold(how, outputs, lower.data(), upper.data(), negative.data(), limits) == status::ok);
            tern::reference::ternarize(zs, how.limits, to);
        } else {
            tern::reference::ternarize(as, limits, to);
        }
        packed_destination<ternary> trits(rows, outputs, forms[random.next() % 4]);
        trits.expect(expected);
        CHECK(run(trits.view(), limits) == status::ok);
        CHECK(trits.difference() == "");
        if (folded) {
            const tern::to_binary how(s.steps, s.of_product.limits.upper);
            REQUIRE(tern::fold(how, outputs, upper.data(), negative.data(), limits) == status::ok);
            tern::reference::binarize(zs, how, to);
        } else {
            tern::reference::binarize(as, limits, to);
        }
        if constexpr (All) {
            packed_destination<binary> bits(rows, outputs, forms[random.next() % 4]);
            bits.expect(expected);
            CHECK(run(bits.view(), limits) == status::ok);
            CHECK(bits.difference() == "");
        }
    }
}

const size_t sizes[] = {0, 1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 48, 63, 65};

// Sinks alone: what stands in front of them is tested elsewhere, and dear to compile. On the best architecture only:
// each executable of this test has another one.
TEST_CASE("sinks") {
    const auto on = [](auto arch) {
        using arch_type = decltype(arch);
        random_numbers random(7);
        for (size_t turn = 0; turn < 150; ++turn) {
            const size_t rows = random.between(0, 9);
            const size_t outputs = sizes[random.next() % 14];
            const size_t stride = (outputs + 15) / 16 * 16;
            const integers w = make_integers(describe<ternary>(), outputs, 7, fill::random, random);
            const random_steps s(random, rows, w, rows, turn % 2 == 0);
            INFO(std::string(tern::arch::name(arch)), ", ", rows, " x ", outputs);
            std::vector<std::int32_t> acc(rows * stride + 1);
            for (std::int32_t& a : acc) a = static_cast<std::int32_t>(random.next() % 100) - 50;
            if (random.once_in(4) && !acc.empty()) acc[0] = (1 << 29) - 1;
            std::vector<std::int32_t> dense;
            std::vector<float> y;
            std::vector<std::int32_t> row_sums(rows + 1);
            std::vector<std::int32_t> weight_sums(stride + 1);
            for (std::int32_t& a : row_sums) a = static_cast<std::int32_t>(random.next() % 100) - 50;
            for (std::int32_t& a : weight_sums) a = static_cast<std::int32_t>(random.next() % 100) - 50;
            const tern::scale_offset e = tern::reference::unclamped(s.steps.epilogue);
            for (size_t r = 0; r < rows; ++r)
                for (size_t o = 0; o < outputs; ++o) {
                    const tern::reference::affine_sums sums{acc[r * stride + o], weight_sums[o], row_sums[r], 7};
                    dense.push_back(sums.product);
                    y.push_back(tern::reference::finish(e, 0.0 + tern::reference::affine_product(e, sums, r, o, 0), o));
                }
            std::vector<size_t> dst_rows(rows);
            for (size_t r = 0; r < rows; ++r) dst_rows[r] = r;
            const auto run = [&](const auto& dst, const auto& how) {
                const auto sink = tern::kernel::sink_of<arch_type>(dst, how);
                std::vector<tern::simd::row_terms> terms;
                if constexpr (decltype(sink)::real)
                    for (size_t r = 0; r < rows; ++r) terms.push_back(sink.row_terms(r, row_sums[r], 7));
                for (size_t p = 0; p * 16 < outputs; ++p)
                    tern::kernel::store_panel<arch_type>(sink, p, acc.data() + p * 16, stride, rows, dst_rows.data(),
                                                         terms.data(), weight_sums.data() + p * 16);
                return status::ok;
            };
            check_destinations<true, arch_type>(y, s, rows, outputs, random, run);
            if (turn % 2 == 0) check_integers<true, arch_type>(dense, y, s, rows, outputs, random, run);
        }
    };
    ran(tern::default_arch{});
    on(tern::default_arch{});
}

TEST_CASE("products of planes, on the best architecture") {
    random_numbers random(7);
    for (size_t turn = 0; turn < 60; ++turn) {
        const size_t rows = turn % 3 == 0 ? 1 : random.between(0, 9);
        const size_t outputs = sizes[random.next() % 14];
        const size_t depth = random.between(0, 90);
        const integers x = make_integers(describe<binary>(), rows, depth, fill::random, random);
        const integers w = make_integers(describe<binary>(), outputs, depth, fill::random, random);
        const packed_lhs lhs(describe<binary>(), x, forms[turn % 4], random);
        const packed_rhs rhs(describe<binary>(), w, 1, turn % 2 == 0);
        const random_steps s(random, rows, w, rows, turn % 2 == 0);
        INFO(rows, " x ", outputs, " x ", depth);
        std::vector<float> y(rows * outputs);
        tern::reference::gemm(x.view(), w.view(), tern::matrix_view<float>(y.data(), rows, outputs),
                              tern::reference::unclamped(s.steps.epilogue));
        const auto run = [&](const auto& dst, const auto& how) {
            return tern::gemm(lhs.view().as<binary>(), rhs.view().as<binary>(), dst, how);
        };
        check_destinations<false, tern::default_arch>(y, s, rows, outputs, random, run);
        if (turn % 2 != 0) continue;
        std::vector<std::int32_t> acc(rows * outputs);
        tern::reference::gemm(x.view(), w.view(), tern::matrix_view<std::int32_t>(acc.data(), rows, outputs));
        check_integers<false, tern::default_arch>(acc, y, s, rows, outputs, random, run);
    }
}

TEST_CASE("products of bytes, on the best architecture") {
    random_numbers random(8);
    for (size_t turn = 0; turn < 40; ++turn) {
        const size_t rows = turn % 3 == 0 ? 1 : random.between(0, 9);
        const size_t outputs = sizes[random.next() % 14];
        const size_t depth = random.between(1, 90);
        std::vector<std::int8_t> x(rows * depth + 1);
        for (std::int8_t& v : x) v = static_cast<std::int8_t>(random.next() % 256 - 128);
        const integers w = make_integers(describe<ternary>(), outputs, depth, fill::random, random);
        const tern::matrix_view<const std::int8_t> lhs(x.data(), rows, depth);
        const tern::packed_matrix<tern::ternary_code> codes(w.view());
        const random_steps s(random, rows, w, rows, false);
        std::vector<float> y(rows * outputs);
        tern::reference::gemm(lhs, w.view(), tern::matrix_view<float>(y.data(), rows, outputs),
                              tern::reference::unclamped(s.steps.epilogue));
        check_destinations<false, tern::default_arch>(
            y, s, rows, outputs, random,
            [&](const auto& dst, const auto& how) { return tern::gemm(lhs, codes, dst, how); });
    }
}

TEST_CASE("convolutions, on the best architecture") {
    random_numbers random(9);
    for (size_t turn = 0; turn < 60; ++turn) {
        const size_t height = random.between(1, 6);
        const size_t width = random.between(1, 6);
        const size_t channels = random.between(1, 40);
        const size_t outputs = sizes[random.next() % 14];
        const size_t images = random.between(1, 2);
        const tern::window2d window =
            tern::square_window(random.between(1, 3), random.between(1, 2), random.between(1, 2));
        const size_t out_height = window.y.outputs(height);
        const size_t out_width = window.x.outputs(width);
        const size_t rows = images * out_height * out_width;
        const integers x = make_integers(describe<binary>(), images * height * width, channels, fill::random, random);
        const integers w = make_integers(describe<ternary>(), outputs, window.y.kernel * window.x.kernel * channels,
                                         fill::random, random);
        const packed_lhs lhs(describe<binary>(), x, forms[turn % 4], random);
        const packed_rhs rhs(describe<ternary>(), w, window.y.kernel * window.x.kernel, turn % 2 == 0);
        const random_steps s(random, rows, w, images, turn % 2 == 0);
        const tern::tensor_view<const std::int16_t> input(x.values.data(), images, height, width, channels);
        const tern::tensor_view<const std::int16_t> filters(w.values.data(), outputs, window.y.kernel, window.x.kernel,
                                                            channels);
        std::vector<float> y(rows * outputs);
        tern::reference::conv2d(input, filters, window,
                                tern::tensor_view<float>(y.data(), images, out_height, out_width, outputs),
                                tern::reference::unclamped(s.steps.epilogue));
        const tern::packed_tensor<binary> packed(lhs.view().as<binary>(), images, height, width);
        const auto filters_packed = rhs.view().as<ternary>();
        check_destinations<false, tern::default_arch>(
            y, s, rows, outputs, random, [&](const tern::matrix_view<std::int8_t>& dst, const auto& how) {
                return tern::conv2d(
                    packed, filters_packed, window,
                    tern::tensor_view<std::int8_t>(dst.data, images, out_height, out_width, outputs, dst.stride), how);
            });
        if (turn % 2 != 0) continue;
        std::vector<std::int32_t> acc(rows * outputs);
        tern::reference::conv2d(input, filters, window,
                                tern::tensor_view<std::int32_t>(acc.data(), images, out_height, out_width, outputs));
        check_integers<false, tern::default_arch>(
            acc, y, s, rows, outputs, random, [&](const auto& dst, const auto& how) {
                using encoding = typename std::decay_t<decltype(dst)>::encoding;
                return tern::conv2d(packed, filters_packed, window,
                                    tern::mutable_packed_tensor<encoding>{dst, images, out_height, out_width}, how);
            });
    }
}

TEST_CASE("what is refused") {
    std::vector<float> numbers(64, 1.0f);
    const std::vector<std::int16_t> ones(64, 1);
    const tern::packed_activations<binary> lhs(tern::matrix_view<const std::int16_t>(ones.data(), 4, 16));
    const tern::packed_matrix<binary> rhs(tern::matrix_view<const std::int16_t>(ones.data(), 4, 16));
    const auto weights = static_cast<const tern::packed_panels<binary>&>(rhs);
    const auto rows = static_cast<const tern::packed_rows<binary>&>(lhs);
    std::vector<std::int8_t> bytes(64);
    const tern::matrix_view<std::int8_t> dst(bytes.data(), 4, 4);
    tern::real_steps steps;
    CHECK(tern::gemm(rows, weights, dst, tern::to_int8(steps, {})) == status::ok);
    steps.residual = tern::matrix_view<const std::int8_t>(bytes.data(), 4, 4);
    CHECK(tern::gemm(rows, weights, dst, tern::to_int8(steps, {})) == status::overlap);
    steps.residual = tern::matrix_view<const float>(numbers.data() + 16, 4, 3, 4);
    CHECK(tern::gemm(rows, weights, dst, tern::to_int8(steps, {})) == status::bad_shape);
    steps.residual = tern::matrix_view<const float>(numbers.data() + 16, 4, 4, 3);
    CHECK(tern::gemm(rows, weights, dst, tern::to_int8(steps, {})) == status::bad_stride);
    steps.residual = {};
    steps.slope = {numbers.data(), 2};
    CHECK(tern::gemm(rows, weights, dst, tern::to_int8(steps, {})) == status::bad_stride);
    steps.slope = {};
    tern::to_int8 how(steps, {}, 128);
    CHECK(tern::gemm(rows, weights, dst, how) == status::bad_value);
    how.zero_point = 0;
    const float nothing = 0.0f;
    how.scale = tern::per_tensor(nothing);
    CHECK(tern::gemm(rows, weights, dst, how) == status::bad_value);
    tern::integer_limits out;
    std::int32_t limits[8];
    word negative[1];
    steps.epilogue.weights.offset = tern::per_tensor(numbers[0]);
    CHECK(tern::fold(tern::to_ternary(steps), 4, limits, limits + 4, negative, out) == status::unsupported);
    steps.epilogue.weights.offset = {};
    const float nan = std::numeric_limits<float>::quiet_NaN();
    steps.epilogue.weights.scale = tern::per_tensor(nan);
    CHECK(tern::fold(tern::to_ternary(steps), 4, limits, limits + 4, negative, out) == status::bad_value);
    CHECK(tern::fold(tern::to_ternary(), 4, nullptr, limits + 4, negative, out) == status::null_pointer);
}

}  // namespace
