// SPDX-License-Identifier: MIT
// What conv2d and max_pool2d refuse, and that they write nothing then.
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include <tern/conv.hpp>
#include <tern/pool.hpp>

#include "support/faults.hpp"

namespace {

using namespace tern_test;
using tern::status;
using tern::ternary;

constexpr size_t huge = static_cast<size_t>(-1) / 2;

constexpr size_t channels = 40;
constexpr size_t outputs = 21;
constexpr size_t x_at = 16;  // words of the arena
constexpr size_t w_at = 1024;
constexpr size_t dst_at = 4096;

/// Two images of 4 x 5 pixels under a window of 3 x 2. Faults of the destination spoil all three views of it.
struct convolution {
    arena& memory;
    tern::packed_tensor<ternary> x;
    tern::packed_panels<ternary> w;
    tern::window2d window{{3, 1, 1, 1, 1}, {2, 1, 1, 0, 0}};
    tern::tensor_view<std::int32_t> dst{nullptr, 2, 4, 4, outputs};
    tern::tensor_view<float> real_dst{nullptr, 2, 4, 4, outputs};
    tern::mutable_packed_tensor<ternary> packed_dst{{nullptr, 32, outputs}, 2, 4, 4};
    tern::scale_offset epilogue;
    tern::thresholds limits;
    tern::tiles range;

    explicit convolution(arena& m)
        : memory(m), x({m.at(x_at), 40, channels}, 2, 4, 5), w(m.at(w_at), outputs, 6, channels) {
        write_to(dst_at);
    }
    void write_to(size_t words) {
        dst.data = memory.as<std::int32_t>(words);
        real_dst.data = memory.as<float>(words);
        packed_dst.pixels.data = packed_dst.pixels.target = memory.at(words);
    }
    void set_size(size_t images, size_t height, size_t width) {
        dst.images = real_dst.images = packed_dst.images = images;
        dst.height = real_dst.height = packed_dst.height = height;
        dst.width = real_dst.width = packed_dst.width = width;
        packed_dst.pixels.rows = images * height * width;
    }
};

using fault_list = std::vector<fault<convolution>>;

const float numbers[200] = {};

// clang-format off
const fault_list operand_faults = {
    {"no activations", status::null_pointer, [](convolution& p) { p.x.pixels.data = nullptr; }},
    {"no filters", status::null_pointer, [](convolution& p) { p.w.data = nullptr; }},
    {"no destination", status::null_pointer, [](convolution& p) { p.dst.data = nullptr; p.real_dst.data = nullptr; p.packed_dst.pixels.data = nullptr; }},
    {"planes of x overlap", status::bad_stride, [](convolution& p) { p.x.pixels.plane_stride = 1; }},
    {"pixels of x overlap", status::bad_stride, [](convolution& p) { p.x.pixels.row_stride = 1; }},
    {"pixels of dst overlap", status::bad_stride, [](convolution& p) { p.dst.pixel_stride = p.real_dst.pixel_stride = outputs - 1; p.packed_dst.pixels.row_stride = 1; }},
    {"x between words", status::bad_alignment, [](convolution& p) { p.x.pixels.data = p.memory.misaligned<word>(x_at); }},
    {"w between words", status::bad_alignment, [](convolution& p) { p.w.data = p.memory.misaligned<word>(w_at); }},
    {"dst between words", status::bad_alignment, [](convolution& p) {
        p.dst.data = p.memory.misaligned<std::int32_t>(dst_at);
        p.real_dst.data = p.memory.misaligned<float>(dst_at);
        p.packed_dst.pixels.data = p.packed_dst.pixels.target = p.memory.misaligned<word>(dst_at);
    }},
    {"no kernel", status::bad_shape, [](convolution& p) { p.window.y.kernel = 0; }},
    {"no stride", status::bad_shape, [](convolution& p) { p.window.x.stride = 0; }},
    {"no dilation", status::bad_shape, [](convolution& p) { p.window.x.dilation = 0; }},
    {"pixels that are not images x height x width", status::bad_shape, [](convolution& p) { p.x.pixels.rows = 39; }},
    {"filters of other channels", status::bad_shape, [](convolution& p) { p.w.tap_depth = channels - 1; }},
    {"filters of fewer taps than the window", status::bad_shape, [](convolution& p) { p.w.taps = 5; }},
    {"filters of more taps than the window", status::bad_shape, [](convolution& p) { p.w.taps = 7; }},
    {"filters of a matrix", status::bad_shape, [](convolution& p) { p.w.taps = 1; p.w.tap_depth = 6 * channels; }},
    {"an image too few", status::bad_shape, [](convolution& p) { p.set_size(1, 4, 4); }},
    {"a row too few", status::bad_shape, [](convolution& p) { p.set_size(2, 3, 4); }},
    {"a row too many", status::bad_shape, [](convolution& p) { p.set_size(2, 5, 4); }},
    {"a column too many", status::bad_shape, [](convolution& p) { p.set_size(2, 4, 5); }},
    {"fewer filters than channels of dst", status::bad_shape, [](convolution& p) { p.w.outputs = outputs - 1; }},
    {"a range that ends before it starts", status::bad_shape, [](convolution& p) { p.range = {1, 0}; }},
    {"x is not in rows", status::bad_layout, [](convolution& p) { p.x.pixels.layout = tern::layout_id::panels; }},
    {"w is not in panels", status::bad_layout, [](convolution& p) { p.w.layout = tern::layout_id::rows; }},
    {"dst is x", status::overlap, [](convolution& p) { p.write_to(x_at); }},
    {"dst starts with the last word of x", status::overlap, [](convolution& p) { p.write_to(x_at + p.x.pixels.extent() - 1); }},
    {"dst is w", status::overlap, [](convolution& p) { p.write_to(w_at); }},
    {"dst starts with the last word of w", status::overlap, [](convolution& p) { p.write_to(w_at + p.w.words() - 1); }},
    {"more pixels than there can be", status::overflow, [](convolution& p) { p.x.images = huge; }},
    {"x of more words than there can be", status::overflow, [](convolution& p) { p.x.pixels.row_stride = huge; }},
    {"more filters than there can be", status::overflow, [](convolution& p) { p.w.outputs = huge; }},
    {"more padding than can be added", status::overflow, [](convolution& p) { p.window.y.pad_after = huge; }},
    {"a kernel that reaches too far", status::overflow, [](convolution& p) { p.window.x.dilation = huge; }},
};

const fault_list real_faults = {
    {"clamped to nothing", status::bad_value, [](convolution& p) { p.epilogue.clamp_min = 1.0f; p.epilogue.clamp_max = 0.5f; }},
    {"several scales an output", status::bad_stride, [](convolution& p) { p.epilogue.weights.scale = tern::per_group(numbers, 2); }},
    {"several offsets an image", status::bad_stride, [](convolution& p) { p.epilogue.activations.offset = tern::per_group(numbers, 2); }},
    {"groups of depth", status::unsupported, [](convolution& p) { p.epilogue.group = 32; }},
};

const fault_list packed_faults = {
    {"dst is not in rows", status::bad_layout, [](convolution& p) { p.packed_dst.pixels.layout = tern::layout_id::codes; }},
    {"dst of fewer pixels than its size", status::bad_shape, [](convolution& p) { p.packed_dst.pixels.rows = 31; }},
};
// clang-format on

fault_list all(std::initializer_list<const fault_list*> lists) {
    fault_list faults;
    for (const fault_list* list : lists) faults.insert(faults.end(), list->begin(), list->end());
    return faults;
}

TEST_CASE("conv2d refuses what does not fit") {
    using entries = std::vector<entry_point<convolution>>;
    const auto make = [](arena& memory) { return convolution(memory); };
    const entries to_int32 = {
        {"int32", [](const convolution& p) { return tern::conv2d(p.x, p.w, p.window, p.dst, p.range); }}};
    const entries to_float = {{"float", [](const convolution& p) {
                                   return tern::conv2d(p.x, p.w, p.window, p.real_dst, p.epilogue, p.range);
                               }}};
    const entries to_ternary = {{"ternary", [](const convolution& p) {
                                     return tern::conv2d(p.x, p.w, p.window, p.packed_dst, p.epilogue, p.limits,
                                                         p.range);
                                 }}};
    check_faults(make, to_int32, operand_faults);
    check_faults(make, to_float, all({&operand_faults, &real_faults}));
    check_faults(make, to_ternary, all({&operand_faults, &real_faults, &packed_faults}));
}

/// A convolution without images and filters needs no memory, so that only the depth decides.
template <class Lhs>
status of_depth(size_t taps, size_t tap_depth) {
    const tern::packed_tensor<Lhs> x({nullptr, 0, tap_depth}, 0, 4, 4);
    const tern::packed_panels<ternary> w(nullptr, 0, taps, tap_depth);
    const tern::window2d window{{taps, 1, 1, taps, taps}, {1, 1, 1, 0, 0}};
    return tern::conv2d(x, w, window, tern::tensor_view<std::int32_t>(nullptr, 0, window.y.outputs(4), 4, 0));
}

template <class Lhs>
status of_depth_in_reals(size_t taps, size_t tap_depth) {
    const tern::packed_tensor<Lhs> x({nullptr, 0, tap_depth}, 0, 4, 4);
    const tern::packed_panels<ternary> w(nullptr, 0, taps, tap_depth);
    const tern::window2d window{{taps, 1, 1, taps, taps}, {1, 1, 1, 0, 0}};
    const size_t height = window.y.outputs(4);
    const tern::scale_offset neutral;
    const status s = tern::conv2d(x, w, window, tern::tensor_view<float>(nullptr, 0, height, 4, 0), neutral);
    const tern::mutable_packed_tensor<ternary> none{{nullptr, 0, 0}, 0, height, 4};
    CHECK(tern::conv2d(x, w, window, none, neutral, tern::thresholds{}) == s);
    return s;
}

TEST_CASE("conv2d: all taps together bound the depth") {
    const auto check = [](auto product, size_t bound) {
        for (const size_t taps : {1u, 9u, 144u}) {
            CHECK(product(taps, bound / taps) == status::ok);
            CHECK(product(taps, bound / taps + 1) == status::overflow);
        }
    };
    check(of_depth<tern::binary>, 0x7fffffff);
    check(of_depth<ternary>, 0x7fffffff);
    check(of_depth<tern::unsigned_bits<8>>, 0x7fffffff / 255);
    check(of_depth_in_reals<ternary>, 0x1fffffff);
    check(of_depth_in_reals<tern::unsigned_bits<8>>, 0x1fffffff / 255);
}

struct pooling {
    arena& memory;
    tern::packed_tensor<ternary> x;
    tern::window2d window{{3, 1, 1, 1, 1}, {2, 1, 1, 0, 0}};
    tern::mutable_packed_tensor<ternary> dst;

    explicit pooling(arena& m)
        : memory(m), x({m.at(x_at), 40, channels}, 2, 4, 5), dst{{m.at(dst_at), 32, channels}, 2, 4, 4} {}
    void write_to(word* to) { dst.pixels.data = dst.pixels.target = to; }
};

TEST_CASE("max_pool2d refuses what does not fit") {
    // clang-format off
    const std::vector<fault<pooling>> faults = {
        {"no activations", status::null_pointer, [](pooling& p) { p.x.pixels.data = nullptr; }},
        {"no destination", status::null_pointer, [](pooling& p) { p.write_to(nullptr); }},
        {"planes of x overlap", status::bad_stride, [](pooling& p) { p.x.pixels.plane_stride = 1; }},
        {"pixels of dst overlap", status::bad_stride, [](pooling& p) { p.dst.pixels.row_stride = 1; }},
        {"x between words", status::bad_alignment, [](pooling& p) { p.x.pixels.data = p.memory.misaligned<word>(x_at); }},
        {"dst between words", status::bad_alignment, [](pooling& p) { p.write_to(p.memory.misaligned<word>(dst_at)); }},
        {"no kernel", status::bad_shape, [](pooling& p) { p.window.y.kernel = 0; }},
        {"no stride", status::bad_shape, [](pooling& p) { p.window.y.stride = 0; }},
        {"no dilation", status::bad_shape, [](pooling& p) { p.window.x.dilation = 0; }},
        {"other channels", status::bad_shape, [](pooling& p) { p.dst.pixels.depth = channels - 1; }},
        {"an image too few", status::bad_shape, [](pooling& p) { p.dst.images = 1; p.dst.pixels.rows = 16; }},
        {"a row too few", status::bad_shape, [](pooling& p) { p.dst.height = 3; p.dst.pixels.rows = 24; }},
        {"a column too many", status::bad_shape, [](pooling& p) { p.dst.width = 5; p.dst.pixels.rows = 40; }},
        {"pixels that are not images x height x width", status::bad_shape, [](pooling& p) { p.x.pixels.rows = 39; }},
        {"a window that sees nothing", status::bad_shape, [](pooling& p) { p.window.y.pad_before = 3; p.window.y.pad_after = 0; p.dst.height = 5; p.dst.pixels.rows = 40; }},
        {"x is not in rows", status::bad_layout, [](pooling& p) { p.x.pixels.layout = tern::layout_id::panels; }},
        {"dst is not in rows", status::bad_layout, [](pooling& p) { p.dst.pixels.layout = tern::layout_id::panels; }},
        {"dst is x", status::overlap, [](pooling& p) { p.write_to(p.memory.at(x_at)); }},
        {"dst starts with the last word of x", status::overlap, [](pooling& p) { p.write_to(p.memory.at(x_at + p.x.pixels.extent() - 1)); }},
        {"more pixels than there can be", status::overflow, [](pooling& p) { p.x.images = huge; }},
        {"more padding than can be added", status::overflow, [](pooling& p) { p.window.y.pad_after = huge; }},
    };
    // clang-format on
    const std::vector<entry_point<pooling>> entry = {
        {"max_pool2d", [](const pooling& p) { return tern::max_pool2d(p.x, p.window, p.dst); }}};
    check_faults([](arena& memory) { return pooling(memory); }, entry, faults);
}

}  // namespace
