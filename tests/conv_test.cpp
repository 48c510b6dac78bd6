// SPDX-License-Identifier: MIT
// Convolutions equal the reference: random geometries for every operand pair, architecture and destination, and those
// at the borders of the implementation.
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include "support/convolutions.hpp"

namespace {

using namespace tern_test;
using tern::square_window;
using tern::window2d;

window2d kernel(size_t height, size_t width, size_t padding = 0) {
    return {{height, 1, 1, padding, padding}, {width, 1, 1, padding, padding}};
}

TEST_CASE("random geometries") {
    size_t configurations = 0;
    for_each_conv_pair([&](size_t pair, const encoding_info& of_x, const encoding_info& of_w) {
        random_numbers random(pair);
        for (size_t turn = 0; turn < 300; ++turn) {
            conv_shape shape = random_conv_shape(random);
            pad_with_a_value(shape, of_x, random);
            const convolution c(shape, of_x, of_w, random);
            ++configurations;
            check_int32(pair, c, turn % 3);
            if (turn % 2 != 0) continue;
            parameters p;
            p.randomize(random, c.shape.images, c.w);
            check_reals(pair, c, p, turn / 2);
        }
    });
    MESSAGE(configurations, " convolutions on every architecture");
}

window2d grouped(window2d w, size_t groups, std::int32_t pad_value = 0) {
    w.groups = groups;
    w.pad_value = pad_value;
    return w;
}

TEST_CASE("groups of any number of channels and outputs") {
    const conv_shape shapes[] = {
        {1, 5, 6, 4, 4, grouped(kernel(3, 3, 1), 4)},           // one channel, one output each
        {2, 5, 6, 64, 32, grouped(kernel(3, 3, 1), 2)},         // whole words and panels
        {1, 5, 6, 96, 51, grouped(kernel(3, 2, 1), 3)},         // whole words, panels shared
        {1, 4, 5, 90, 40, grouped(kernel(3, 3, 1), 2)},         // 45 channels: the second group starts within a word
        {1, 4, 5, 300, 20, grouped(kernel(5, 5, 2), 2)},        // windows that are gathered in several passes
        {1, 3, 3, 37, 74, grouped(kernel(3, 3, 2), 37)},        // many groups a panel
        {1, 4, 4, 34, 160, grouped(kernel(1, 1), 2)},           // one tap
        {1, 6, 6, 66, 6, grouped(square_window(3, 2, 1), 2)},
    };
    for_each_conv_pair([&](size_t pair, const encoding_info& of_x, const encoding_info& of_w) {
        random_numbers random(9);
        for (const conv_shape& s : shapes) {
            const convolution c(s, of_x, of_w, random);
            check_int32(pair, c, 0);
            parameters p;
            p.randomize(random, s.images, c.w);
            check_reals(pair, c, p, 1);
        }
    });
}

TEST_CASE("padding that holds a value") {
    const conv_shape shapes[] = {{2, 4, 5, 3, 5, square_window(3, 1, 2)},  {1, 4, 5, 33, 5, square_window(3, 1, 1)},
                                 {1, 7, 7, 64, 40, square_window(3, 1, 1)}, {1, 3, 3, 16, 20, square_window(4, 2, 3)},
                                 {1, 2, 2, 90, 4, grouped(square_window(3, 1, 3), 2)}};
    for_each_conv_pair([&](size_t pair, const encoding_info& of_x, const encoding_info& of_w) {
        if (of_x.highest != 1 || of_x.lowest != -1) return;
        random_numbers random(10);
        for (conv_shape s : shapes)
            for (const std::int32_t value : {-1, 1}) {
                s.window.pad_value = value;
                const convolution c(s, of_x, of_w, random);
                check_int32(pair, c, 0);
                parameters p;
                p.randomize(random, s.images, c.w);
                check_reals(pair, c, p, 2);
            }
    });
}

// Filters of few channels share words between taps: fewer than 32 channels and at most 512 positions. Others run over a
// table of 128 taps at a time.
const conv_shape border_shapes[] = {
    {1, 6, 6, 31, 5, kernel(4, 4, 1)},       // 496 positions, shared
    {1, 6, 6, 32, 5, kernel(4, 4, 1)},       // too many channels
    {1, 4, 20, 31, 3, kernel(1, 17, 2)},     // 527 positions
    {1, 7, 7, 20, 3, kernel(5, 5, 2)},       // 500
    {1, 7, 7, 21, 3, kernel(5, 5, 2)},       // 525
    {1, 3, 3, 31, 17, kernel(2, 1)},         // a tap ends one bit before a word does
    {2, 5, 5, 1, 33, kernel(3, 3, 1)},       // one bit a tap
    {1, 18, 34, 1, 2, kernel(16, 32, 1)},    // 512 taps of one channel, shared
    {1, 20, 28, 1, 2, kernel(19, 27, 1)},    // 513
    {1, 13, 13, 3, 2, kernel(12, 12, 2)},    // 144 taps, shared
    {1, 13, 13, 4, 2, kernel(12, 12, 2)},    // 144 taps in a table: two passes, one where the window leaves the image
    {1, 12, 13, 33, 18, kernel(12, 12, 1)},  // the same with two words a tap
    {1, 8, 16, 40, 2, kernel(8, 16)},        // exactly one pass
    {1, 43, 4, 40, 2, kernel(43, 3)},        // one tap more
    {1, 20, 20, 32, 2, kernel(17, 17, 1)},   // three passes
    {1, 12, 12, 8, 40, kernel(3, 3, 1)},     // many pixels with the same taps
    {2, 9, 11, 64, 70, square_window(3, 2, 1)},
    {1, 3, 3, 5, 4, {{2, 1, 1, 7, 6}, {3, 5, 2, 0, 9}}},  // windows that see nothing of the image
    {1, 3, 3, 40, 4, {{2, 1, 1, 7, 6}, {3, 5, 2, 0, 9}}},
    {1, 1, 1, 3, 4, kernel(9, 9, 8)},
    {1, 1, 1, 64, 4, kernel(9, 9, 8)},
    {2, 6, 7, 0, 5, kernel(3, 3, 1)},  // no channels: every accumulator is zero
    {2, 6, 7, 0, 5, kernel(1, 1)},
    {0, 6, 7, 9, 5, kernel(3, 3, 1)},  // nothing to write
    {2, 0, 7, 9, 5, kernel(3, 3, 1)},
    {2, 6, 7, 9, 0, kernel(3, 3, 1)},
    {2, 2, 2, 9, 5, kernel(3, 3)},
};

TEST_CASE("geometries at the borders of the implementation") {
    for_each_conv_pair([](size_t pair, const encoding_info& of_x, const encoding_info& of_w) {
        random_numbers random(1);
        size_t turn = 0;
        for (const conv_shape& s : border_shapes) {
            const convolution c(s, of_x, of_w, random);
            check_int32(pair, c, 0);
            parameters p;
            p.randomize(random, s.images, c.w);
            check_reals(pair, c, p, turn++);
        }
    });
}

TEST_CASE("a padded tap is a real zero, whatever the offsets") {
    const conv_shape shapes[] = {{2, 4, 5, 3, 5, square_window(3, 1, 2)},
                                 {2, 4, 5, 33, 5, square_window(3, 1, 2)},
                                 {1, 3, 3, 16, 20, square_window(4, 2, 3)}};
    for_each_conv_pair([&](size_t pair, const encoding_info& of_x, const encoding_info& of_w) {
        random_numbers random(2);
        for (const conv_shape& s : shapes) {
            for (const fill of_w_values : {fill::random, fill::lowest, fill::highest}) {
                const convolution c(s, of_x, of_w, random, fill::random, of_w_values);
                const float offsets[] = {0.5f, -1.25f};
                parameters p;
                p.epilogue.activations.offset = tern::per_tensor(offsets[0]);
                check_reals(pair, c, p, 0);
                p.epilogue.weights.offset = tern::per_tensor(offsets[1]);
                check_reals(pair, c, p, 0);
                p.epilogue.activations.offset = {};
                check_reals(pair, c, p, 0);
            }
        }
    });
}

TEST_CASE("all lowest, all zero and all highest") {
    const conv_shape shapes[] = {{1, 5, 6, 7, 18, square_window(3, 1, 1)}, {1, 5, 6, 40, 18, square_window(3, 1, 1)}};
    constexpr fill fills[] = {fill::lowest, fill::zero, fill::highest};
    for_each_conv_pair([&](size_t pair, const encoding_info& of_x, const encoding_info& of_w) {
        random_numbers random(3);
        for (const conv_shape& s : shapes)
            for (const fill x : fills)
                for (const fill w : fills) check_int32(pair, convolution(s, of_x, of_w, random, x, w), 0);
    });
}

TEST_CASE("counters are folded without loss across taps and passes") {
    const conv_shape shapes[] = {{1, 12, 12, 500, 3, kernel(12, 12)}, {1, 5, 15, 1000, 2, kernel(5, 14)}};
    for_each_conv_pair([&](size_t pair, const encoding_info& of_x, const encoding_info& of_w) {
        random_numbers random(4);
        for (const conv_shape& s : shapes)
            for (const fill x : {fill::lowest, fill::highest})
                check_int32(pair, convolution(s, of_x, of_w, random, x, fill::lowest), 0);
    });
}

}  // namespace
