// SPDX-License-Identifier: MIT
// Convolutions of bytes equal the reference: random geometries and zero points for every architecture and layout of the
// filters, windows longer than any scratch, first layers, and what is refused.
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include <tern/buffer.hpp>
#include <tern/conv_fused.hpp>
#include <tern/reference/fused.hpp>

#include "support/convolutions.hpp"

namespace {

using namespace tern_test;
using tern::status;
using tern::tensor_view;
using tern::tiles;

using to_int32 = status (*)(const tern::byte_tensor&, const void*, const tern::window2d&, const int32_tensor&, tiles);
using to_float = status (*)(const tern::byte_tensor&, const void*, const tern::window2d&, const float_tensor&,
                            const tern::scale_offset&, tiles);

template <class Arch, class Filters>
status int32_of(const tern::byte_tensor& x, const void* w, const tern::window2d& window, const int32_tensor& dst,
                tiles range) {
    return tern::conv2d<Arch>(x, *static_cast<const Filters*>(w), window, dst, range);
}
template <class Arch, class Filters>
status float_of(const tern::byte_tensor& x, const void* w, const tern::window2d& window, const float_tensor& dst,
                const tern::scale_offset& epilogue, tiles range) {
    return tern::conv2d<Arch>(x, *static_cast<const Filters*>(w), window, dst, epilogue, range);
}

struct byte_kernels {
    const char* arch;
    to_int32 codes, trits, bits;
    to_float codes_float;
};

/// Compiled once; bodies of tests walk through them.
const std::vector<byte_kernels>& byte_kernels_of_all() {
    static const std::vector<byte_kernels> all = [] {
        std::vector<byte_kernels> list;
        std::apply(
            [&](auto... tags) {
                (list.push_back({tern::arch::name(tags), int32_of<decltype(tags), tern::packed_codes>,
                                 int32_of<decltype(tags), tern::packed_trits>,
                                 int32_of<decltype(tags), tern::packed_panels<tern::binary>>,
                                 float_of<decltype(tags), tern::packed_codes>}),
                 ...);
            },
            byte_architectures{});
        return list;
    }();
    return all;
}

/// Bytes and filters of a geometry. Memory of the pixels ends with the last of them, at any address.
struct byte_convolution {
    conv_shape shape;
    bool is_signed;
    std::int32_t zero;
    size_t pixel_stride;
    std::vector<std::uint8_t> memory;
    integers x;  // less the zero point
    integers w;
    bool ternary;

    byte_convolution(const conv_shape& s, bool ternary_, random_numbers& random, fill how = fill::random)
        : shape(s),
          is_signed(random.once_in(2)),
          zero(0),
          pixel_stride(s.channels + (random.once_in(3) ? 3 : 0)),
          x(s.images * s.height * s.width, s.channels),
          w(0, 0),
          ternary(ternary_) {
        const int lowest = is_signed ? -128 : 0;
        if (!random.once_in(3)) zero = lowest + static_cast<int>(random.next() % 256);
        const size_t offset = random.next() % 4;
        memory.assign(x.rows == 0 ? 0 : offset + (x.rows - 1) * pixel_stride + x.cols, std::uint8_t{99});
        for (size_t r = 0; r < x.rows; ++r)
            for (size_t c = 0; c < x.cols; ++c) {
                const int random_value = lowest + static_cast<int>(random.next() % 256);
                const int value = how == fill::lowest ? lowest : how == fill::highest ? lowest + 255 : random_value;
                memory[offset + r * pixel_stride + c] = static_cast<std::uint8_t>(value);
                x.at(r, c) = static_cast<std::int16_t>(value - zero);
            }
        w = make_integers(ternary ? describe<tern::ternary>() : describe<tern::binary>(), s.outputs,
                          s.taps() * s.group_channels(), how, random);
        start_ = memory.empty() ? 0 : offset;
    }

    [[nodiscard]] tern::byte_tensor input() const {
        const std::uint8_t* data = memory.data() + start_;
        if (!is_signed)
            return {tensor_view<const std::uint8_t>(data, shape.images, shape.height, shape.width, shape.channels,
                                                    pixel_stride),
                    zero};
        return {tensor_view<const std::int8_t>(reinterpret_cast<const std::int8_t*>(data), shape.images, shape.height,
                                               shape.width, shape.channels, pixel_stride),
                zero};
    }
    [[nodiscard]] tensor_view<const std::int16_t> unpacked_input() const {
        return {x.values.data(), shape.images, shape.height, shape.width, shape.channels};
    }
    [[nodiscard]] tensor_view<const std::int16_t> unpacked_filters() const {
        return {w.values.data(), shape.outputs, shape.window.y.kernel, shape.window.x.kernel, shape.group_channels()};
    }
    template <class T>
    [[nodiscard]] tensor_view<T> tensor(const tern::matrix_view<T>& m) const {
        return {m.data, shape.images, shape.output_height(), shape.output_width(), m.cols, m.stride};
    }

private:
    size_t start_ = 0;
};

template <class T, class... Epilogue>
std::vector<T> reference_of(const byte_convolution& c, const Epilogue&... epilogue) {
    std::vector<T> results(c.shape.output_pixels() * c.shape.outputs);
    const tern::matrix_view<T> dst(results.data(), c.shape.output_pixels(), c.shape.outputs);
    tern::reference::conv2d(c.unpacked_input(), c.unpacked_filters(), c.shape.window, c.tensor(dst), epilogue...);
    return results;
}

template <class T, class Run>
void check_result(const byte_convolution& c, const std::vector<T>& expected, const Run& run) {
    destination<T> dst(c.shape.output_pixels(), c.shape.outputs, 2);
    dst.expect(expected);
    CHECK(run(c.tensor(dst.view())) == status::ok);
    CHECK(dst.difference() == "");
}

void check_bytes(const byte_convolution& c, const parameters* p) {
    const auto expected = reference_of<std::int32_t>(c);
    const auto reals = p == nullptr ? std::vector<float>{} : reference_of<float>(c, p->epilogue);
    const auto codes = tern::pack<tern::ternary_code>(c.ternary ? c.w.view() : integers(0, 0).view());
    const auto trits = tern::pack<tern::trit>(c.ternary ? c.w.view() : integers(0, 0).view());
    const auto bits = tern::pack<tern::binary>(c.ternary ? integers(0, 0).view() : c.w.view());
    const tern::packed_codes& as_codes = codes;
    const tern::packed_trits& as_trits = trits;
    const tern::packed_panels<tern::binary>& as_bits = bits;
    for (const byte_kernels& k : byte_kernels_of_all()) {
        INFO("on ", k.arch, ", ", c.shape, ", zero point ", c.zero, c.is_signed ? " signed" : " unsigned");
        ran(k.arch);
        const auto int32 = [&](to_int32 run, const void* w) {
            check_result(c, expected, [&](const int32_tensor& dst) {
                return run(c.input(), w, c.shape.window, dst, tiles{});
            });
        };
        const auto real = [&](to_float run, const void* w) {
            if (p == nullptr) return;
            check_result(c, reals, [&](const float_tensor& dst) {
                return run(c.input(), w, c.shape.window, dst, p->epilogue, tiles{});
            });
        };
        if (c.ternary) {
            int32(k.codes, &as_codes);
            int32(k.trits, &as_trits);
            real(k.codes_float, &as_codes);
        } else {
            int32(k.bits, &as_bits);
        }
    }
}

TEST_CASE("bytes: random geometries") {
    random_numbers random(5);
    size_t configurations = 0;
    for (; configurations < 300; ++configurations) {
        const conv_shape s = random_conv_shape(random);
        const byte_convolution c(s, configurations % 2 == 0, random);
        parameters p;
        p.randomize(random, s.images, c.w);
        check_bytes(c, configurations % 3 == 0 ? &p : nullptr);
    }
    MESSAGE(configurations, " convolutions of bytes on every architecture");
}

TEST_CASE("bytes: first layers, deep windows, extreme values") {
    tern::window2d grouped = tern::square_window(3, 1, 1);
    grouped.groups = 2;
    const conv_shape shapes[] = {
        {1, 15, 13, 3, 64, tern::square_window(7, 2, 3)},   // colour pixels
        {2, 9, 9, 1, 20, tern::square_window(5, 1, 2)},     // grey ones
        {1, 3, 3, 1000, 5, tern::square_window(3, 1, 1)},   // 9000 positions: more than the scalar scratch
        {1, 2, 3, 9000, 3, tern::square_window(3, 1, 1)},   // 81000: more than any
        {1, 4, 4, 96, 70, grouped},
        {1, 2, 3, 511, 3, tern::square_window(1)},    // fits the scalar scratch but for the last tile of trits' padding
        {1, 2, 3, 16383, 3, tern::square_window(1)},  // the same of the others
    };
    random_numbers random(6);
    for (const conv_shape& s : shapes)
        for (const bool ternary : {true, false})
            for (const fill how : {fill::random, fill::lowest, fill::highest}) {
                const byte_convolution c(s, ternary, random, how);
                parameters p;
                p.randomize(random, s.images, c.w);
                check_bytes(c, s.channels > 100 ? nullptr : &p);
            }
}

TEST_CASE("bytes: three channels, where tables go down strips of columns") {
    tern::window2d apart = tern::square_window(3, 1, 2);
    apart.y.dilation = 2;
    apart.x.dilation = 2;
    const tern::window2d uneven = {{3, 1, 1, 2, 0}, {2, 2, 1, 0, 3}};
    const conv_shape shapes[] = {
        {2, 21, 40, 3, 70, tern::square_window(7, 2, 3)},  // strips and images begin anew; two panels of codes
        {1, 9, 37, 3, 20, apart},
        {1, 30, 33, 3, 64, tern::square_window(2, 3, 0)},  // lines between windows
        {1, 70, 1, 3, 16, tern::square_window(3, 1, 1)},
        {1, 12, 35, 3, 130, uneven},
        {1, 3, 90, 3, 5, tern::square_window(9, 2, 6)},  // windows that see padding alone
    };
    random_numbers random(9);
    for (const conv_shape& s : shapes)
        for (const fill how : {fill::random, fill::lowest, fill::highest}) {
            const byte_convolution c(s, true, random, how);
            parameters p;
            p.randomize(random, s.images, c.w);
            check_bytes(c, &p);
        }
}

TEST_CASE("bytes: integer limits see what int32 results are") {
    random_numbers random(11);
    for (const size_t outputs : {size_t{5}, size_t{48}, size_t{70}}) {
        const byte_convolution c({1, 11, 37, 3, outputs, tern::square_window(3, 1, 1)}, true, random);
        const auto codes = tern::pack<tern::ternary_code>(c.w.view());
        const auto sums = reference_of<std::int32_t>(c);
        std::vector<std::int32_t> lower(outputs), upper(outputs);
        std::vector<tern::word> negative(outputs / 32 + 1);
        for (size_t o = 0; o < outputs; ++o) {
            lower[o] = -static_cast<std::int32_t>(random.next() % 400);
            upper[o] = static_cast<std::int32_t>(random.next() % 400);
            if (random.once_in(8)) lower[o] = random.once_in(2) ? 2000000000 : -2000000000;  // nowhere near 16 bits
            if (random.once_in(8)) upper[o] = random.once_in(2) ? 2000000000 : -2000000000;
            if (random.once_in(3)) negative[o / 32] |= tern::word{1} << o % 32;
        }
        const size_t pixels = c.shape.output_pixels();
        const tern::integer_limits limits(lower.data(), upper.data(), negative.data());
        const tern::matrix_view<const std::int32_t> all(sums.data(), pixels, outputs);
        std::vector<std::int8_t> values(sums.size());
        tern::reference::ternarize(all, limits, tern::matrix_view<std::int8_t>(values.data(), pixels, outputs));
        const tern::packed_codes& filters = codes;
        const size_t count = tern::conv2d_tiles(filters, c.input());
        for (const size_t cut : {size_t{0}, count / 3, count}) {
            ternary_destination dst(pixels, outputs, form::padded);
            dst.expect(values);
            const tern::mutable_packed_tensor<tern::ternary> to{dst.view(), 1, 11, 37};
            REQUIRE(tern::conv2d(c.input(), filters, c.shape.window, to, limits, tiles{cut}) == status::ok);
            REQUIRE(tern::conv2d(c.input(), filters, c.shape.window, to, limits, tiles{0, cut}) == status::ok);
            CHECK(dst.difference() == "");
        }
        using binary = tern::basic_binary<tern::set_bit::minus>;
        tern::packed_activations<binary> packed(pixels, outputs);
        const tern::mutable_packed_tensor<binary> to{packed, 1, 11, 37};
        tern::reference::binarize(all, limits, tern::matrix_view<std::int8_t>(values.data(), pixels, outputs));
        REQUIRE(tern::conv2d(c.input(), codes, c.shape.window, to, limits) == status::ok);
        size_t wrong = 0;
        for (size_t p = 0; p < pixels; ++p)
            for (size_t o = 0; o < outputs; ++o) wrong += to.pixels.value(p, o) != values[p * outputs + o];
        CHECK(wrong == 0);
    }
}

TEST_CASE("bytes: the fourth code is the same number on every architecture") {
    random_numbers random(10);
    const byte_convolution c({1, 12, 12, 3, 64, tern::square_window(3, 1, 1)}, true, random);
    auto codes = tern::pack<tern::ternary_code>(c.w.view());
    const tern::packed_codes good = codes;
    std::vector<std::uint8_t> bytes(good.data, good.data + good.bytes());
    bytes[5] = 0xff;
    const tern::packed_codes bad(bytes.data(), good.outputs, good.depth);
    std::vector<std::int32_t> first;
    for (const byte_kernels& k : byte_kernels_of_all()) {
        std::vector<std::int32_t> results(c.shape.output_pixels() * 64);
        REQUIRE(k.codes(c.input(), &bad, c.shape.window, int32_tensor(results.data(), 1, 12, 12, 64), tiles{}) ==
                status::ok);
        if (first.empty()) first = results;
        INFO("on ", k.arch);
        CHECK(results == first);
    }
}

TEST_CASE("bytes: any cut of the tiles gives the bytes of the whole") {
    // Windows that are copied, in two blocks of two panels; tables of pixels, in strips of two images, with and without
    // a second panel.
    const conv_shape shapes[] = {{1, 9, 9, 6, 70, tern::square_window(3, 1, 1)},
                                 {2, 9, 19, 3, 20, tern::square_window(3, 1, 1)},
                                 {2, 18, 38, 3, 80, tern::square_window(5, 2, 2)}};
    random_numbers random(7);
    for (const conv_shape& s : shapes) {
        const byte_convolution c(s, true, random);
        const auto expected = reference_of<std::int32_t>(c);
        const auto codes = tern::pack<tern::ternary_code>(c.w.view());
        const auto trits = tern::pack<tern::trit>(c.w.view());
        const tern::packed_codes& as_codes = codes;
        const tern::packed_trits& as_trits = trits;
        for (const byte_kernels& k : byte_kernels_of_all()) {
            INFO("on ", k.arch, ", ", s);
            const auto cut = [&](to_int32 run, const void* w, size_t count) {
                CHECK(count >= 4);
                CHECK(first_bad_cut(expected, s.output_pixels(), s.outputs, count, [&](const auto& dst, tiles range) {
                          return run(c.input(), w, s.window, c.tensor(dst), range) == status::ok;
                      }) == count + 1);
            };
            const tensor_view<std::int32_t> like(nullptr, s.images, s.output_height(), s.output_width(), s.outputs);
            cut(k.codes, &as_codes, tern::conv2d_tiles(as_codes, like));
            if (s.images == 1) cut(k.trits, &as_trits, tern::conv2d_tiles(as_trits, like));
        }
    }
}

TEST_CASE("bytes: what does not fit is refused") {
    random_numbers random(8);
    const byte_convolution c({1, 4, 4, 3, 5, tern::square_window(3, 1, 1)}, true, random);
    const auto codes = tern::pack<tern::ternary_code>(c.w.view());
    std::int32_t results[80] = {};
    const int32_tensor dst(results, 1, 4, 4, 5);
    const auto run = [&](const tern::byte_tensor& x, const tern::window2d& window, const int32_tensor& to) {
        return tern::conv2d(x, codes, window, to);
    };
    tern::byte_tensor x = c.input();
    tern::window2d window = c.shape.window;
    CHECK(run(x, window, dst) == status::ok);
    x.zero_point = c.is_signed ? 128 : 256;
    CHECK(run(x, window, dst) == status::bad_value);
    x.zero_point = -129;
    CHECK(run(x, window, dst) == status::bad_value);
    x = c.input();
    x.channels = 2;
    CHECK(run(x, window, dst) == status::bad_shape);
    x = c.input();
    x.data = nullptr;
    CHECK(run(x, window, dst) == status::null_pointer);
    x.data = reinterpret_cast<const std::uint8_t*>(results);
    CHECK(run(x, window, dst) == status::overlap);
    window.pad_value = 1;
    CHECK(run(c.input(), window, dst) == status::unsupported);
    window = c.shape.window;
    window.groups = 3;
    CHECK(run(c.input(), window, dst) == status::bad_shape);
    CHECK(run(c.input(), c.shape.window, int32_tensor(results, 1, 4, 3, 5)) == status::bad_shape);
    CHECK(run(c.input(), c.shape.window, int32_tensor(nullptr, 1, 4, 4, 5)) == status::null_pointer);
}

}  // namespace
