// SPDX-License-Identifier: MIT
// The oracle of convolution and pooling against cases by hand and against an image that is really padded.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include <tern/reference.hpp>

namespace {

using tern::per_channel;
using tern::scale_offset;
using tern::tensor_view;
using tern::window2d;
using tern::window_axis;
namespace reference = tern::reference;

std::mt19937 generator(5);

std::size_t pick(std::size_t low, std::size_t high) { return low + generator() % (high - low + 1); }

float random_quarter() { return static_cast<float>(static_cast<int>(generator() % 17) - 8) / 4.0f; }

window_axis random_axis(std::size_t kernel) { return {kernel, pick(1, 3), pick(1, 3), pick(0, 3), pick(0, 3)}; }

/// A tensor with room behind every pixel.
struct tensor {
    std::size_t images, height, width, channels, stride;
    std::vector<std::int8_t> memory;

    tensor(std::size_t n, std::size_t h, std::size_t w, std::size_t c, std::size_t gap)
        : images(n), height(h), width(w), channels(c), stride(c + gap), memory(n * h * w * stride + 1, 77) {
        for (std::size_t p = 0; p < n * h * w; ++p) {
            for (std::size_t i = 0; i < c; ++i)
                memory[p * stride + i] = static_cast<std::int8_t>(static_cast<int>(generator() % 3) - 1);
        }
    }
    [[nodiscard]] tensor_view<const std::int8_t> view() const {
        return {memory.data(), images, height, width, channels, stride};
    }
    [[nodiscard]] int at(std::size_t n, std::size_t y, std::size_t x, std::size_t c) const {
        return memory[((n * height + y) * width + x) * stride + c];
    }
};

/// real numbers of one image with zeros around it: [padded height][padded width][channels]
std::vector<double> padded_image(const tensor& t, std::size_t n, const window2d& w, double scale, double offset) {
    const std::size_t width = t.width + w.x.pad_before + w.x.pad_after;
    const std::size_t height = t.height + w.y.pad_before + w.y.pad_after;
    std::vector<double> image(height * width * t.channels, 0.0);
    for (std::size_t y = 0; y < t.height; ++y) {
        for (std::size_t x = 0; x < t.width; ++x) {
            for (std::size_t c = 0; c < t.channels; ++c)
                image[((y + w.y.pad_before) * width + x + w.x.pad_before) * t.channels + c] =
                    scale * t.at(n, y, x, c) + offset;
        }
    }
    return image;
}

struct geometry {
    tensor input, filters;
    window2d window;
    std::size_t height, width;
};

geometry random_geometry() {
    for (;;) {
        const std::size_t channels = pick(1, 4), ky = pick(1, 3), kx = pick(1, 4);
        geometry g{tensor(pick(1, 2), pick(1, 6), pick(1, 6), channels, pick(0, 2)),
                   tensor(pick(1, 3), ky, kx, channels, pick(0, 2)),
                   {random_axis(ky), random_axis(kx)},
                   0,
                   0};
        g.height = g.window.y.outputs(g.input.height);
        g.width = g.window.x.outputs(g.input.width);
        if (g.height * g.width != 0) return g;
    }
}

}  // namespace

TEST_CASE("conv2d: by hand") {
    // 3 x 3 image, 2 x 2 filter, padding 1 at top and left, dst with a gap behind each pixel.
    constexpr auto result = [] {
        struct {
            std::int32_t y[18] = {};
        } r;
        const std::uint8_t image[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
        const std::int8_t filter[] = {1, -1, 0, 1};
        const window2d w{{2, 1, 1, 1, 0}, {2, 1, 1, 1, 0}};
        reference::conv2d(tensor_view<const std::uint8_t>(image, 1, 3, 3, 1),
                          tensor_view<const std::int8_t>(filter, 1, 2, 2, 1), w,
                          tensor_view<std::int32_t>(r.y, 1, 3, 3, 1, 2));
        return r;
    }();
    // up-left - up + here
    const std::int32_t expected[] = {1, 0, 2, 0, 3, 0, 3, 0, 4, 0, 5, 0, 3, 0, 7, 0, 8, 0};
    for (int i = 0; i < 18; ++i) CHECK(result.y[i] == expected[i]);
}

TEST_CASE("conv2d: a padded tap is a real zero, not the offset") {
    // One pixel t = 1, so x = 2 * 1 + 3 = 5; 3 x 3 filters of w = 0.5 * 1 + 0.25; only the middle tap counts.
    const std::int8_t pixel = 1;
    const std::vector<std::int8_t> filter(9, 1);
    const float gx = 2.0f, bx = 3.0f, gw = 0.5f, bw = 0.25f;
    scale_offset e;
    e.activations = {tern::per_tensor(gx), tern::per_tensor(bx)};
    e.weights = {tern::per_tensor(gw), tern::per_tensor(bw)};
    float y = 0.0f;
    reference::conv2d(tensor_view<const std::int8_t>(&pixel, 1, 1, 1, 1),
                      tensor_view<const std::int8_t>(filter.data(), 1, 3, 3, 1), tern::square_window(3, 1, 1),
                      tensor_view<float>(&y, 1, 1, 1, 1), e);
    CHECK(y == 5.0f * 0.75f);
}

TEST_CASE("conv2d: any geometry is the product with an image that is really padded") {
    std::size_t pixels_checked = 0;
    for (int round = 0; round < 400; ++round) {
        const geometry g = random_geometry();
        const std::size_t outputs = g.filters.images, pixels = g.input.images * g.height * g.width;
        std::vector<float> gx, bx, gw, bw, bias;
        for (std::size_t n = 0; n < g.input.images; ++n) gx.push_back(random_quarter()), bx.push_back(random_quarter());
        for (std::size_t o = 0; o < outputs; ++o) {
            gw.push_back(random_quarter());
            bw.push_back(random_quarter());
            bias.push_back(random_quarter());
        }
        scale_offset e;
        e.activations = {per_channel(gx.data()), per_channel(bx.data())};
        e.weights = {per_channel(gw.data()), per_channel(bw.data())};
        e.bias = bias.data();
        std::vector<float> y(pixels * (outputs + 1), -99.0f);
        std::vector<std::int32_t> acc(pixels * (outputs + 1), -99);
        reference::conv2d(g.input.view(), g.filters.view(), g.window,
                          tensor_view<float>(y.data(), g.input.images, g.height, g.width, outputs, outputs + 1), e);
        reference::conv2d(
            g.input.view(), g.filters.view(), g.window,
            tensor_view<std::int32_t>(acc.data(), g.input.images, g.height, g.width, outputs, outputs + 1));

        std::size_t wrong = 0;
        for (std::size_t n = 0; n < g.input.images; ++n) {
            const auto codes = padded_image(g.input, n, g.window, 1.0, 0.0);
            const auto reals = padded_image(g.input, n, g.window, double{gx[n]}, double{bx[n]});
            const std::size_t width = g.input.width + g.window.x.pad_before + g.window.x.pad_after;
            for (std::size_t p = 0; p < g.height * g.width; ++p) {
                const std::size_t top = p / g.width * g.window.y.stride, left = p % g.width * g.window.x.stride;
                const std::size_t at = (n * g.height * g.width + p) * (outputs + 1);
                for (std::size_t o = 0; o < outputs; ++o) {
                    double sum = 0.0;
                    double real = double{bias[o]};
                    for (std::size_t i = 0; i < g.filters.height * g.filters.width * g.filters.channels; ++i) {
                        const std::size_t c = i % g.filters.channels, tap = i / g.filters.channels;
                        const std::size_t ky = tap / g.filters.width, kx = tap % g.filters.width;
                        const std::size_t from =
                            ((top + ky * g.window.y.dilation) * width + left + kx * g.window.x.dilation) *
                                g.filters.channels +
                            c;
                        const double t = g.filters.at(o, ky, kx, c);
                        sum += codes[from] * t;
                        real += reals[from] * (double{gw[o]} * t + double{bw[o]});
                    }
                    wrong += double{y[at + o]} == real && acc[at + o] == sum ? 0u : 1u;
                    ++pixels_checked;
                }
                wrong += y[at + outputs] == -99.0f && acc[at + outputs] == -99 ? 0u : 1u;
            }
        }
        CHECK(wrong == 0);
    }
    CHECK(pixels_checked > 5000);
}

TEST_CASE("max_pool2d: by hand, padding never wins") {
    const std::int8_t image[] = {-3, -1, -2, -4, -5, -6, -7, -8, -9};
    std::int8_t y[4] = {};
    reference::max_pool2d(tensor_view<const std::int8_t>(image, 1, 3, 3, 1), tern::square_window(2, 2, 1),
                          tensor_view<std::int8_t>(y, 1, 2, 2, 1));
    CHECK(std::vector<int>(y, y + 4) == std::vector<int>{-3, -1, -4, -5});
    float real[] = {-1.5f, -2.5f, 0.0f};
    float largest = 0.0f;
    reference::max_pool2d(tensor_view<const float>(real, 1, 1, 2, 1), tern::window2d{{}, {2, 2, 1, 0, 0}},
                          tensor_view<float>(&largest, 1, 1, 1, 1));
    CHECK(largest == -1.5f);
    static_assert([] {
        const int values[] = {4, 7, 7, 2};
        int m = 0;
        reference::max_pool2d(tensor_view<const int>(values, 1, 2, 2, 1), tern::square_window(2),
                              tensor_view<int>(&m, 1, 1, 1, 1));
        return m;
    }() == 7);
}

TEST_CASE("max_pool2d: any geometry") {
    for (int round = 0; round < 300; ++round) {
        const geometry g = random_geometry();
        const std::size_t channels = g.input.channels;
        std::vector<std::int8_t> y(g.input.images * g.height * g.width * (channels + 1), 55);
        reference::max_pool2d(
            g.input.view(), g.window,
            tensor_view<std::int8_t>(y.data(), g.input.images, g.height, g.width, channels, channels + 1));
        std::size_t wrong = 0;
        for (std::size_t n = 0; n < g.input.images; ++n) {
            // Padding is 0 here and pixels are 1, 2, 3, so that it cannot win.
            const auto image = padded_image(g.input, n, g.window, 1.0, 2.0);
            const std::size_t width = g.input.width + g.window.x.pad_before + g.window.x.pad_after;
            for (std::size_t p = 0; p < g.height * g.width; ++p) {
                const std::size_t top = p / g.width * g.window.y.stride, left = p % g.width * g.window.x.stride;
                const std::size_t at = (n * g.height * g.width + p) * (channels + 1);
                for (std::size_t c = 0; c < channels; ++c) {
                    double largest = 0.0;
                    for (std::size_t ky = 0; ky < g.window.y.kernel; ++ky) {
                        for (std::size_t kx = 0; kx < g.window.x.kernel; ++kx)
                            largest = std::max(
                                largest,
                                image[((top + ky * g.window.y.dilation) * width + left + kx * g.window.x.dilation) *
                                          channels +
                                      c]);
                    }
                    if (largest > 0.0 && y[at + c] != largest - 2.0) ++wrong;
                }
                if (y[at + channels] != 55) ++wrong;
            }
        }
        CHECK(wrong == 0);
    }
}
