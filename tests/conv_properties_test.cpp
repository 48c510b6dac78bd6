// SPDX-License-Identifier: MIT
// What holds between convolutions, and between them and matrix products.
#include <cstdint>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <tern/conv.hpp>

#include "support/convolutions.hpp"

namespace {

using namespace tern_test;
using tern::square_window;
using tern::status;

TEST_CASE("a convolution with one tap is a matrix product over the pixels") {
    const auto& products = kernels().gemm_int32;
    for_each_conv_pair([&](size_t pair, const encoding_info& of_x, const encoding_info& of_w) {
        REQUIRE(products[pair].name() == kernels().conv2d_int32[pair].name());
        random_numbers random(1);
        for (const size_t channels : {1u, 20u, 33u, 129u}) {
            const convolution c({2, 5, 7, channels, 37, square_window(1)}, of_x, of_w, random);
            for (size_t a = 0; a < products[pair].instances.size(); ++a) {
                const auto& gemm = products[pair].instances[a];
                INFO(products[pair].name(), " on ", gemm.arch, ", ", channels, " channels");
                destination<std::int32_t> product(70, 37, 0);
                REQUIRE(gemm(c.lhs.view(), c.rhs.view(), product.view(), tern::tiles{}) == status::ok);
                destination<std::int32_t> dst(70, 37, 0);
                dst.expect(product.values());
                CHECK(kernels().conv2d_int32[pair].instances[a](c.input(), c.rhs.view(), c.shape.window,
                                                                c.tensor(dst.view()), tern::tiles{}) == status::ok);
                CHECK(dst.difference() == "");
            }
        }
    });
}

const conv_shape modest_shapes[] = {{1, 4, 5, 3, 5, {{3, 1, 1, 1, 0}, {2, 1, 1, 0, 1}}},
                                    {1, 3, 2, 35, 5, {{2, 1, 1, 1, 1}, {3, 1, 1, 1, 1}}}};

TEST_CASE("a single element anywhere in the image or in the filters reaches its results and no other") {
    for_each_conv_pair([](size_t pair, const encoding_info& of_x, const encoding_info& of_w) {
        random_numbers random(2);
        for (const conv_shape& s : modest_shapes) {
            const convolution some(s, of_x, of_w, random, fill::lowest, fill::random);
            const integers zeros(some.x.rows, some.x.cols, of_x.has_zero() ? 0 : of_x.lowest);
            for (size_t i = 0; i < zeros.values.size(); ++i) {
                convolution c = convolution(s, of_x, of_w, random);
                c.x = zeros;
                const int digit = of_x.name == "ternary" ? 1 : 1 << (i % of_x.planes);
                c.x.values[i] = static_cast<std::int16_t>(zeros.values[i] + of_x.step * digit);
                c.lhs = packed_lhs(of_x, c.x, form::dense, random);
                check_int32(pair, c, 0);
            }
            for (size_t d = 0; d < some.w.cols; ++d) {
                convolution c = convolution(s, of_x, of_w, random);
                c.w = integers(some.w.rows, some.w.cols, of_w.has_zero() ? 0 : of_w.lowest);
                for (size_t o = 0; o < c.w.rows; ++o)
                    c.w.at(o, (d + 7 * o) % c.w.cols) =
                        static_cast<std::int16_t>(of_w.has_zero() && o % 2 != 0 ? -1 : 1);
                c.rhs = packed_rhs(of_w, c.w, s.taps(), false);
                check_int32(pair, c, 0);
            }
        }
    });
}

TEST_CASE("the sign bit of a zero means nothing") {
    for_each_conv_pair([](size_t pair, const encoding_info& of_x, const encoding_info& of_w) {
        if (of_x.name != "ternary" && of_w.name != "ternary") return;
        random_numbers random(3);
        for (const conv_shape& s : modest_shapes) {
            convolution c(s, of_x, of_w, random);
            for (size_t i = 0; of_x.name == "ternary" && i < c.x.rows; ++i)
                for (size_t d = 0; d < c.x.cols; ++d)
                    if (c.x.at(i, d) == 0) c.lhs.at(i, 1)[d / 32] |= word{1} << (d % 32);
            const auto panels = c.rhs.view().as<tern::ternary>();
            for (size_t o = 0; of_w.name == "ternary" && o < c.w.rows; ++o)
                for (size_t d = 0; d < c.w.cols; ++d)
                    if (c.w.at(o, d) == 0) c.rhs.at<tern::ternary>(o, d, 1) |= word{1} << panels.locate(d).bit;
            parameters p;
            p.randomize(random, s.images, c.w);
            check_int32(pair, c, 0);
            check_reals(pair, c, p, 0);
        }
    });
}

TEST_CASE("any two ranges of tiles that meet are parts of the whole that share no pixel's panel") {
    random_numbers random(6);
    for (size_t turn = 0; turn < 400; ++turn) {
        const tern::kernel::conv_tiling t(turn < 300 ? random.between(0, 300) : random.between(300, 20000),
                                          random.between(0, 7));
        size_t parts = 0;
        t.for_each_part({}, [&](const tern::kernel::conv_part& p) {
            ++parts;
            CHECK(p.first_pixel == 0);
            CHECK(p.last_pixel == t.pixels);
            CHECK(p.first_panel == 0);
            CHECK(p.last_panel == t.panels);
        });
        CHECK(parts == (t.count() == 0 ? 0 : 1));
        CHECK((t.count() == 0) == (t.pixels * t.panels == 0));
        if (t.count() == 0) continue;
        // Elements in the order of tiles: block after block, in it panel after panel.
        size_t at = 0;
        size_t pixel = 0;
        size_t panel = 0;
        while (at < t.count()) {
            const size_t next = at + random.between(1, t.count() - at);
            parts = 0;
            t.for_each_part({at, next}, [&](const tern::kernel::conv_part& p) {
                ++parts;
                CHECK(p.first_pixel == pixel);
                CHECK(p.first_panel == panel);
                CHECK(p.first_pixel % t.step == 0);
                CHECK(p.first_pixel < p.last_pixel);
                CHECK(p.first_panel < p.last_panel);
                panel = p.last_panel % t.panels;
                pixel = panel == 0 ? p.last_pixel : pixel;
            });
            CHECK(parts <= 3);
            at = next;
        }
        CHECK(pixel == t.pixels);
        CHECK(panel == 0);
    }
}

// Two blocks of pixels by three panels, and one block by five.
const conv_shape wide_shapes[] = {{2, 7, 6, 5, 40, square_window(3, 1, 1)}, {1, 3, 4, 40, 75, square_window(2, 1, 1)}};

TEST_CASE("a range of tiles gives the bytes of the whole in its pixels and channels and touches no other") {
    for_each_conv_pair([](size_t pair, const encoding_info& of_x, const encoding_info& of_w) {
        random_numbers random(4);
        for (const conv_shape& s : wide_shapes) {
            const convolution c(s, of_x, of_w, random);
            parameters p;
            p.randomize(random, s.images, c.w);
            const std::vector<std::int32_t> accumulators = c.accumulators();
            const std::vector<float> reals = c.reals(p.epilogue);
            const std::vector<std::int8_t> codes = c.codes(reals, p.limits);
            const tern::kernel::conv_tiling tiling(s.output_pixels(), c.rhs.view().panels());
            for (size_t first = 0; first <= tiling.count(); ++first) {
                for (size_t last = first; last <= tiling.count() + 1; ++last) {
                    const tern::tiles range{first, last};
                    for (size_t a = 0; a < kernels().conv2d_int32[pair].instances.size(); ++a) {
                        const auto& conv2d = kernels().conv2d_int32[pair].instances[a];
                        INFO(of_x.name, " x ", of_w.name, " on ", conv2d.arch, ", tiles ", first, " to ", last);
                        destination<std::int32_t> dst(s.output_pixels(), s.outputs, 1);
                        tiling.for_each_part(range, [&](const tern::kernel::conv_part& q) {
                            dst.expect(accumulators, 16 * q.first_panel, 16 * q.last_panel, q.first_pixel,
                                       q.last_pixel);
                        });
                        CHECK(conv2d(c.input(), c.rhs.view(), s.window, c.tensor(dst.view()), range) == status::ok);
                        CHECK(dst.difference() == "");
                        if (kernels().conv2d_float[pair].instances.empty()) continue;  // int32 only

                        destination<float> real_dst(s.output_pixels(), s.outputs, 2);
                        tiling.for_each_part(range, [&](const tern::kernel::conv_part& q) {
                            real_dst.expect(reals, 16 * q.first_panel, 16 * q.last_panel, q.first_pixel, q.last_pixel);
                        });
                        CHECK(kernels().conv2d_float[pair].instances[a](c.input(), c.rhs.view(), s.window,
                                                                        c.tensor(real_dst.view()), p.epilogue,
                                                                        range) == status::ok);
                        CHECK(real_dst.difference() == "");

                        ternary_destination packed_dst(s.output_pixels(), s.outputs, form::padded);
                        tiling.for_each_part(range, [&](const tern::kernel::conv_part& q) {
                            packed_dst.expect(codes, q.first_panel, q.last_panel, q.first_pixel, q.last_pixel);
                        });
                        CHECK(kernels().conv2d_ternary[pair].instances[a](c.input(), c.rhs.view(), s.window,
                                                                          c.tensor(packed_dst.view()), p.epilogue,
                                                                          p.limits, range) == status::ok);
                        CHECK(packed_dst.difference() == "");
                    }
                }
            }
        }
    });
}

TEST_CASE("two threads repack tiles that share words") {
    for_each_conv_pair([](size_t pair, const encoding_info& of_x, const encoding_info& of_w) {
        random_numbers random(5);
        const convolution c(wide_shapes[0], of_x, of_w, random);
        parameters p;
        p.randomize(random, c.shape.images, c.w);
        const std::vector<std::int8_t> codes = c.codes(c.reals(p.epilogue), p.limits);
        for (const auto& conv2d : kernels().conv2d_ternary[pair].instances) {
            INFO(of_x.name, " x ", of_w.name, " on ", conv2d.arch);
            ternary_destination dst(c.shape.output_pixels(), c.shape.outputs, form::dense);
            dst.expect(codes);
            const auto view = c.tensor(dst.view());
            status answers[2];
            const size_t count = tern::kernel::conv_tiling(c.shape.output_pixels(), c.rhs.view().panels()).count();
            const auto every_other_tile = [&](size_t thread) {
                for (size_t tile = thread; tile < count; tile += 2) {
                    answers[thread] = conv2d.function(c.input(), c.rhs.view(), c.shape.window, view, p.epilogue,
                                                      p.limits, tern::tiles{tile, tile + 1});
                    if (answers[thread] != status::ok) return;
                }
            };
            std::thread other(every_other_tile, 1);
            every_other_tile(0);
            other.join();
            CHECK(answers[0] == status::ok);
            CHECK(answers[1] == status::ok);
            CHECK(dst.difference() == "");
        }
    });
}

}  // namespace
