// SPDX-License-Identifier: MIT
// What dot, gemm and gemv refuse, and that they write nothing then.
#include <cstdint>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <tern/dot.hpp>
#include <tern/gemv.hpp>

#include "support/faults.hpp"

namespace {

using namespace tern_test;
using tern::binary;
using tern::status;
using tern::ternary;
using tern::unsigned_bits;

constexpr size_t huge = static_cast<size_t>(-1) / 2;

constexpr size_t outputs = 21;
constexpr size_t depth = 70;
constexpr size_t x_at = 16;  // words of the arena
constexpr size_t w_at = 1024;
constexpr size_t dst_at = 4096;

/// A good product. Faults of the destination spoil all three views of it.
struct product {
    arena& memory;
    tern::packed_rows<ternary> x;
    tern::packed_panels<ternary> w;
    tern::matrix_view<std::int32_t> dst;
    tern::matrix_view<float> real_dst;
    tern::mutable_packed_rows<ternary> packed_dst;
    tern::scale_offset epilogue;
    tern::thresholds limits;
    tern::tiles range;

    product(arena& m, size_t rows)
        : memory(m),
          x(m.at(x_at), rows, depth),
          w(m.at(w_at), outputs, depth),
          dst(nullptr, rows, outputs),
          real_dst(nullptr, rows, outputs),
          packed_dst(nullptr, rows, outputs) {
        write_to(dst_at);
    }
    void write_to(size_t words) {
        dst.data = memory.as<std::int32_t>(words);
        real_dst.data = memory.as<float>(words);
        packed_dst.data = packed_dst.target = memory.at(words);
    }
    void set_shape(size_t rows, size_t columns) {
        dst.rows = real_dst.rows = packed_dst.rows = rows;
        dst.cols = real_dst.cols = packed_dst.depth = columns;
    }
};

using fault_list = std::vector<fault<product>>;

const float numbers[200] = {};

// clang-format off
const fault_list operand_faults = {
    {"no activations", status::null_pointer, [](product& p) { p.x.data = nullptr; }},
    {"no weights", status::null_pointer, [](product& p) { p.w.data = nullptr; }},
    {"no destination", status::null_pointer, [](product& p) { p.dst.data = nullptr; p.real_dst.data = nullptr; p.packed_dst.data = nullptr; }},
    {"planes of x overlap", status::bad_stride, [](product& p) { p.x.plane_stride = 2; }},
    {"columns do not fit the stride of dst", status::bad_stride, [](product& p) { p.dst.stride = p.real_dst.stride = outputs - 1; p.packed_dst.plane_stride = 0; }},
    {"x between words", status::bad_alignment, [](product& p) { p.x.data = p.memory.misaligned<word>(x_at); }},
    {"w between words", status::bad_alignment, [](product& p) { p.w.data = p.memory.misaligned<word>(w_at); }},
    {"dst between words", status::bad_alignment, [](product& p) {
        p.dst.data = p.memory.misaligned<std::int32_t>(dst_at);
        p.real_dst.data = p.memory.misaligned<float>(dst_at);
        p.packed_dst.data = p.packed_dst.target = p.memory.misaligned<word>(dst_at);
    }},
    {"x deeper than w", status::bad_shape, [](product& p) { p.w.tap_depth = depth - 1; }},
    {"filters instead of a matrix", status::bad_shape, [](product& p) { p.w.taps = 2; p.w.tap_depth = depth / 2; }},
    {"a row too many", status::bad_shape, [](product& p) { p.set_shape(p.x.rows + 1, outputs); p.packed_dst.row_stride = 2; }},
    {"a row too few", status::bad_shape, [](product& p) { p.set_shape(p.x.rows - 1, outputs); }},
    {"a column too few", status::bad_shape, [](product& p) { p.set_shape(p.x.rows, outputs - 1); }},
    {"a column more than outputs", status::bad_shape, [](product& p) { p.w.outputs = outputs - 1; }},
    {"a range that ends before it starts", status::bad_shape, [](product& p) { p.range = {1, 0}; }},
    {"x is not in rows", status::bad_layout, [](product& p) { p.x.layout = tern::layout_id::panels; }},
    {"w is not in panels", status::bad_layout, [](product& p) { p.w.layout = tern::layout_id::rows; }},
    {"dst is x", status::overlap, [](product& p) { p.write_to(x_at); }},
    {"dst starts with the last word of x", status::overlap, [](product& p) { p.write_to(x_at + p.x.extent() - 1); }},
    {"dst ends with the first word of x", status::overlap, [](product& p) { p.x.data = p.memory.at(dst_at); p.write_to(dst_at + 1 - p.packed_dst.extent()); }},
    {"dst is w", status::overlap, [](product& p) { p.write_to(w_at); }},
    {"dst starts with the last word of w", status::overlap, [](product& p) { p.write_to(w_at + p.w.words() - 1); }},
    {"x of more words than there can be", status::overflow, [](product& p) { p.x.plane_stride = huge; }},
    {"more weights than there can be", status::overflow, [](product& p) { p.w.outputs = huge; }},
};

const fault_list row_faults = {  // of products with more than one row
    {"rows of x overlap", status::bad_stride, [](product& p) { p.x.row_stride = 2; }},
    {"a word of x serves two planes", status::bad_stride, [](product& p) { p.x.row_stride = 3; }},
    {"a word of dst serves two rows", status::bad_stride, [](product& p) { p.dst.stride = p.real_dst.stride = outputs - 1; p.packed_dst.row_stride = 1; }},
    {"rows of dst further apart than memory is long", status::overflow, [](product& p) { p.dst.stride = p.real_dst.stride = p.packed_dst.row_stride = huge; }},
};

const fault_list real_faults = {
    {"clamped to nothing", status::bad_value, [](product& p) { p.epilogue.clamp_min = 1.0f; p.epilogue.clamp_max = 0.5f; }},
    {"clamped to no number", status::bad_value, [](product& p) { p.epilogue.clamp_min = std::numeric_limits<float>::quiet_NaN(); }},
    {"several scales an output, but no groups", status::bad_stride, [](product& p) { p.epilogue.weights.scale = tern::per_group(numbers, 2); }},
    {"several offsets an output, but no groups", status::bad_stride, [](product& p) { p.epilogue.weights.offset = tern::per_group(numbers, 2); }},
    {"several scales a row", status::bad_stride, [](product& p) { p.epilogue.activations.scale = tern::per_group(numbers, 2); }},
    {"several offsets a row", status::bad_stride, [](product& p) { p.epilogue.activations.offset = tern::per_group(numbers, 2); }},
    {"groups that end inside a word", status::bad_shape, [](product& p) { p.epilogue.group = 48; }},
    {"scales of too few groups", status::bad_stride, [](product& p) { p.epilogue.group = 32; p.epilogue.weights.scale = tern::per_group(numbers, 2); }},
    {"offsets of too many groups", status::bad_stride, [](product& p) { p.epilogue.group = 64; p.epilogue.weights.offset = tern::per_group(numbers, 3); }},
    {"groups and an offset of x, but no sums", status::null_pointer, [](product& p) { p.epilogue.group = 32; p.epilogue.activations.offset = tern::per_channel(numbers); }},
};

const fault_list packed_faults = {
    {"dst is not in rows", status::bad_layout, [](product& p) { p.packed_dst.layout = tern::layout_id::codes; }},
};
// clang-format on

fault_list all(std::initializer_list<const fault_list*> lists) {
    fault_list faults;
    for (const fault_list* list : lists) faults.insert(faults.end(), list->begin(), list->end());
    return faults;
}

using entries = std::vector<entry_point<product>>;

TEST_CASE("gemm refuses what does not fit") {
    const auto make = [](arena& memory) { return product(memory, 5); };
    const entries to_int32 = {{"int32", [](const product& p) { return tern::gemm(p.x, p.w, p.dst, p.range); }}};
    const entries to_float = {
        {"float", [](const product& p) { return tern::gemm(p.x, p.w, p.real_dst, p.epilogue, p.range); }}};
    const entries to_ternary = {{"ternary", [](const product& p) {
                                     return tern::gemm(p.x, p.w, p.packed_dst, p.epilogue, p.limits, p.range);
                                 }}};
    check_faults(make, to_int32, all({&operand_faults, &row_faults}));
    check_faults(make, to_float, all({&operand_faults, &row_faults, &real_faults}));
    check_faults(make, to_ternary, all({&operand_faults, &row_faults, &real_faults, &packed_faults}));
}

TEST_CASE("gemv refuses what does not fit") {
    const auto make = [](arena& memory) { return product(memory, 1); };
    const entries to_int32 = {{"int32", [](const product& p) { return tern::gemv(p.x, p.w, p.dst, p.range); }}};
    const entries to_float = {
        {"float", [](const product& p) { return tern::gemv(p.x, p.w, p.real_dst, p.epilogue, p.range); }}};
    const entries to_ternary = {{"ternary", [](const product& p) {
                                     return tern::gemv(p.x, p.w, p.packed_dst, p.epilogue, p.limits, p.range);
                                 }}};
    const fault_list two_rows = {{"two rows", status::bad_shape, [](product& p) {
                                      p.x.rows = 2;
                                      p.set_shape(2, outputs);
                                  }}};
    check_faults(make, to_int32, all({&operand_faults, &two_rows}));
    check_faults(make, to_float, all({&operand_faults, &two_rows, &real_faults}));
    check_faults(make, to_ternary, all({&operand_faults, &two_rows, &real_faults, &packed_faults}));
}

struct dot_product {
    arena& memory;
    tern::packed_rows<ternary> x;
    tern::packed_rows<ternary> y;
    std::int32_t* result;

    explicit dot_product(arena& m)
        : memory(m), x(m.at(x_at), 1, depth), y(m.at(w_at), 1, depth), result(m.as<std::int32_t>(dst_at)) {}
};

TEST_CASE("dot refuses what does not fit") {
    // clang-format off
    const std::vector<fault<dot_product>> faults = {
        {"no lhs", status::null_pointer, [](dot_product& p) { p.x.data = nullptr; }},
        {"no rhs", status::null_pointer, [](dot_product& p) { p.y.data = nullptr; }},
        {"planes of lhs overlap", status::bad_stride, [](dot_product& p) { p.x.plane_stride = 2; }},
        {"planes of rhs overlap", status::bad_stride, [](dot_product& p) { p.y.plane_stride = 2; }},
        {"lhs between words", status::bad_alignment, [](dot_product& p) { p.x.data = p.memory.misaligned<word>(x_at); }},
        {"rhs between words", status::bad_alignment, [](dot_product& p) { p.y.data = p.memory.misaligned<word>(w_at); }},
        {"no row of lhs", status::bad_shape, [](dot_product& p) { p.x.rows = 0; }},
        {"two rows of lhs", status::bad_shape, [](dot_product& p) { p.x.rows = 2; }},
        {"two rows of rhs", status::bad_shape, [](dot_product& p) { p.y.rows = 2; }},
        {"lhs deeper than rhs", status::bad_shape, [](dot_product& p) { p.y.depth = depth - 1; }},
        {"lhs is not in rows", status::bad_layout, [](dot_product& p) { p.x.layout = tern::layout_id::panels; }},
        {"rhs is not in rows", status::bad_layout, [](dot_product& p) { p.y.layout = tern::layout_id::panels; }},
        {"more words than there can be", status::overflow, [](dot_product& p) { p.x.plane_stride = huge; }},
        {"deeper than int32 can count", status::overflow, [](dot_product& p) {
            p.x = {p.memory.at(x_at), 1, size_t{0x80000000u}};
            p.y = {p.memory.at(w_at), 1, size_t{0x80000000u}};
        }},
    };
    // clang-format on
    const std::vector<entry_point<dot_product>> entry = {
        {"dot", [](const dot_product& p) { return tern::dot(p.x, p.y, *p.result); }}};
    check_faults([](arena& memory) { return dot_product(memory); }, entry, faults);
}

TEST_CASE("dot: the largest products bound the depth") {
    constexpr size_t bound = 0x7fffffff / (255 * 255);
    std::vector<word> ones(8 * (bound / 32 + 1), 0xffffffffu);
    for (size_t plane = 1; plane <= 8; ++plane) ones[plane * (bound / 32 + 1) - 1] = (word{1} << (bound % 32)) - 1;
    std::int32_t result = 0;
    const tern::packed_rows<unsigned_bits<8>> deepest(ones.data(), 1, bound);
    CHECK(tern::dot(deepest, deepest, result) == status::ok);
    CHECK(result == 0x7fffffff / (255 * 255) * (255 * 255));
    const tern::packed_rows<unsigned_bits<8>> deeper(ones.data(), 1, bound + 1);
    result = 7;
    CHECK(tern::dot(deeper, deeper, result) == status::overflow);
    CHECK(result == 7);
}

/// Products without rows and outputs need no memory, so that only the depth decides.
template <class Lhs, class Rhs>
status of_depth(size_t k) {
    return tern::gemm(tern::packed_rows<Lhs>(nullptr, 0, k), tern::packed_panels<Rhs>(nullptr, 0, k),
                      tern::matrix_view<std::int32_t>(nullptr, 0, 0));
}

template <class Lhs, class Rhs>
status of_depth_in_reals(size_t k) {
    const tern::packed_rows<Lhs> x(nullptr, 0, k);
    const tern::packed_panels<Rhs> w(nullptr, 0, k);
    const status s = tern::gemm(x, w, tern::matrix_view<float>(nullptr, 0, 0), tern::scale_offset{});
    const tern::mutable_packed_rows<ternary> none(nullptr, 0, 0);
    CHECK(tern::gemm(x, w, none, tern::scale_offset{}, tern::thresholds{}) == s);
    return s;
}

TEST_CASE("gemm: the deepest product that is allowed is the one whose accumulator cannot overflow") {
    const auto check = [](auto product, size_t bound) {
        CHECK(product(bound) == status::ok);
        CHECK(product(bound + 1) == status::overflow);
    };
    check(of_depth<binary, binary>, 0x7fffffff);
    check(of_depth<binary, ternary>, 0x7fffffff);
    check(of_depth<ternary, ternary>, 0x7fffffff);
    check(of_depth<unsigned_bits<2>, binary>, 0x7fffffff / 3);
    check(of_depth<unsigned_bits<8>, ternary>, 0x7fffffff / 255);
    check(of_depth<tern::bipolar_bits<3>, binary>, 0x7fffffff / 7);

    constexpr size_t exact = 0x1fffffff;  // of epilogue.hpp: products with a scale fit a double
    check(of_depth_in_reals<binary, binary>, exact);
    check(of_depth_in_reals<ternary, ternary>, exact);
    check(of_depth_in_reals<unsigned_bits<8>, ternary>, exact / 255);
    check(of_depth_in_reals<tern::bipolar_bits<3>, binary>, exact / 7);
}

TEST_CASE("a destination may begin where an operand ends") {
    arena memory;
    product p(memory, 5);
    p.write_to(x_at + p.x.extent());
    CHECK(tern::gemm(p.x, p.w, p.dst, p.range) == status::ok);
    p.write_to(w_at - p.packed_dst.extent());
    CHECK(tern::gemm(p.x, p.w, p.packed_dst, p.epilogue, p.limits, p.range) == status::ok);
}

TEST_CASE("what has no elements needs no memory") {
    const tern::packed_rows<ternary> x(nullptr, 0, depth);
    const tern::packed_panels<ternary> none(nullptr, 0, depth);
    CHECK(tern::gemm(x, none, tern::matrix_view<std::int32_t>(nullptr, 0, 0)) == status::ok);
    std::int32_t result = 5;
    const tern::packed_rows<ternary> empty(nullptr, 1, 0);
    CHECK(tern::dot(empty, empty, result) == status::ok);
    CHECK(result == 0);
}

}  // namespace
