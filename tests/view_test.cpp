// SPDX-License-Identifier: MIT
// Views: addressing, what check() refuses, byte ranges, and use in constant expressions.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include <doctest/doctest.h>

#include <tern/view.hpp>

namespace {

using tern::matrix_view;
using tern::status;
using tern::tensor_view;

constexpr std::size_t huge = std::numeric_limits<std::size_t>::max();

template <class T>
T* misaligned(void* memory) {
    return reinterpret_cast<T*>(static_cast<char*>(memory) + 1);
}

constexpr int numbers[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

}  // namespace

TEST_CASE("matrix_view: rows are a stride apart") {
    constexpr matrix_view<const int> v(numbers, 3, 2, 4);
    static_assert(v(0, 0) == 0 && v(1, 0) == 4 && v(2, 1) == 9);
    static_assert(v.row(2) == numbers + 8);
    static_assert(!v.empty() && matrix_view<int>().empty());
    static_assert(matrix_view<const int>(numbers, 3, 4).stride == 4);
    static_assert(matrix_view<const int>(numbers, 0, 4).empty() && matrix_view<const int>(numbers, 3, 0).empty());
    CHECK(v(1, 1) == 5);
}

TEST_CASE("a view of T is a view of const T, and of nothing else") {
    int x[6] = {};
    const matrix_view<int> m(x, 2, 2, 3);
    const matrix_view<const int> c = m;
    CHECK(c.data == x);
    CHECK(c.rows == 2);
    CHECK(c.cols == 2);
    CHECK(c.stride == 3);
    const tensor_view<int> t(x, 1, 2, 1, 2, 3);
    const tensor_view<const int> d = t;
    CHECK(d.data == x);
    CHECK(d.images == 1);
    CHECK(d.height == 2);
    CHECK(d.width == 1);
    CHECK(d.channels == 2);
    CHECK(d.pixel_stride == 3);
    static_assert(!std::is_convertible_v<matrix_view<const int>, matrix_view<int>>);
    static_assert(!std::is_convertible_v<matrix_view<int>, matrix_view<const long>>);
    static_assert(!std::is_convertible_v<tensor_view<const int>, tensor_view<int>>);
}

TEST_CASE("tensor_view: NHWC") {
    constexpr tensor_view<const int> v(numbers, 2, 1, 3, 1, 2);
    static_assert(v.pixel(0, 0, 2) == numbers + 4 && v.pixel(1, 0, 0) == numbers + 6);
    constexpr matrix_view<const int> pixels = v.pixels();
    static_assert(pixels.rows == 6 && pixels.cols == 1 && pixels.stride == 2 && pixels.data == numbers);
    static_assert(tensor_view<const int>(numbers, 1, 2, 3, 2).pixel_stride == 2);
    CHECK(*v.pixel(1, 0, 2) == 10);
}

TEST_CASE("check: matrices") {
    float x[12] = {};
    CHECK(check(matrix_view<float>(x, 3, 4)) == status::ok);
    CHECK(check(matrix_view<float>(x, 3, 2, 4)) == status::ok);
    CHECK(check(matrix_view<float>(nullptr, 3, 4)) == status::null_pointer);
    CHECK(check(matrix_view<float>(x, 3, 4, 3)) == status::bad_stride);
    CHECK(check(matrix_view<float>(misaligned<float>(x), 1, 1)) == status::bad_alignment);
    CHECK(check(matrix_view<char>(misaligned<char>(x), 1, 1)) == status::ok);
}

TEST_CASE("check: zero sizes are legal without data, whatever the rest says") {
    CHECK(check(matrix_view<float>()) == status::ok);
    CHECK(check(matrix_view<float>(nullptr, 0, huge, 1)) == status::ok);
    CHECK(check(matrix_view<float>(nullptr, huge, 0, 0)) == status::ok);
    CHECK(check(tensor_view<float>()) == status::ok);
    CHECK(check(tensor_view<float>(nullptr, 1, 0, 1, 1)) == status::ok);
    CHECK(check(tensor_view<float>(nullptr, 1, 1, 1, 0)) == status::ok);
}

TEST_CASE("check: sizes that do not fit size_t") {
    float x[1] = {};
    CHECK(check(matrix_view<float>(x, huge / 2, 4)) == status::overflow);      // elements
    CHECK(check(matrix_view<float>(x, huge / 4 + 1, 1)) == status::overflow);  // bytes
    CHECK(check(matrix_view<float>(x, 2, 1, huge / 2 + 1)) == status::overflow);
    CHECK(check(matrix_view<float>(x, huge, huge)) == status::overflow);
    CHECK(check(matrix_view<float>(x, huge / 4, 1)) == status::ok);  // the largest that fits
    CHECK(check(tensor_view<float>(x, huge / 2, 3, 1, 1)) == status::overflow);
    CHECK(check(tensor_view<float>(x, huge / 8, 2, 4, 1)) == status::overflow);
    CHECK(check(tensor_view<float>(x, huge / 8, 2, 1, 1, 4)) == status::overflow);
    CHECK(check(tensor_view<float>(x, 1, 1, 1, 2, 1)) == status::bad_stride);
}

TEST_CASE("multiply") {
    std::size_t product = 7;
    CHECK(tern::multiply(huge, 1, product));
    CHECK(product == huge);
    CHECK(tern::multiply(0, huge, product));
    CHECK(product == 0);
    CHECK(tern::multiply(huge / 2, 2, product));
    CHECK(product == huge - 1);
    CHECK_FALSE(tern::multiply(huge / 2 + 1, 2, product));
    CHECK_FALSE(tern::multiply(huge, huge, product));
}

TEST_CASE("byte ranges") {
    float x[12] = {};
    using tern::bytes_of;
    const auto whole = bytes_of(matrix_view<float>(x, 3, 4));
    CHECK(whole.last - whole.first == sizeof x);
    // The room behind the last row is not the view's.
    const auto left = bytes_of(matrix_view<float>(x, 3, 2, 4));
    CHECK(left.last - left.first == 10 * sizeof(float));
    CHECK(whole.overlaps(left));
    CHECK(left.overlaps(whole));

    const auto first = bytes_of(x, 4 * sizeof(float));
    const auto second = bytes_of(x + 4, 4 * sizeof(float));
    const auto shifted = bytes_of(x + 3, 4 * sizeof(float));
    CHECK_FALSE(first.overlaps(second));  // neighbours share nothing
    CHECK_FALSE(second.overlaps(first));
    CHECK(first.overlaps(shifted));
    CHECK(shifted.overlaps(second));
    CHECK_FALSE(first.overlaps(bytes_of(matrix_view<float>(x, 0, 4))));
    CHECK_FALSE(bytes_of(matrix_view<float>(x, 0, 4)).overlaps(first));
}
