// SPDX-License-Identifier: MIT
// Which architectures this executable covers, and the record of those that a test really entered.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <tern/arch.hpp>

/// Names, with spaces between them, of architectures that another executable of the same build covers.
#ifndef TERN_TEST_LEAVE_OUT
#define TERN_TEST_LEAVE_OUT ""
#endif

namespace tern_test {

/// Notes that a test entered the kernels of an architecture. main.cpp prints the record and holds it against the
/// environment variable TERN_EXPECT_ARCH.
void ran(const char* architecture);

template <class Arch>
void ran(Arch arch) {
    ran(tern::arch::name(arch));
}

namespace detail {

constexpr bool left_out(std::string_view name) {
    for (std::string_view list = TERN_TEST_LEAVE_OUT; !list.empty();) {
        const std::size_t end = std::min(list.find(' '), list.size());
        if (list.substr(0, end) == name) return true;
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return false;
}

template <class... Tags>
using keep_tested = decltype(std::tuple_cat(
    std::declval<std::conditional_t<tern::arch::compiled(Tags{}) && !left_out(tern::arch::name(Tags{})),
                                    std::tuple<Tags>, std::tuple<>>>()...));

}  // namespace detail

/// The tags whose instructions the compiler's flags allow and that this executable covers, as a tuple:
/// TEST_CASE_TEMPLATE_APPLY takes it.
using architectures = detail::keep_tested<tern::arch::scalar, tern::arch::simd, tern::arch::sse4, tern::arch::avx2,
                                          tern::arch::avx512, tern::arch::avx512_vpopcntdq, tern::arch::neon,
                                          tern::arch::sve>;

/// The same, with those that differ in products of bytes alone.
using byte_architectures = detail::keep_tested<tern::arch::scalar, tern::arch::simd, tern::arch::sse4, tern::arch::avx2,
                                               tern::arch::avx512, tern::arch::avx512_vnni,
                                               tern::arch::avx512_vpopcntdq, tern::arch::neon, tern::arch::dotprod,
                                               tern::arch::i8mm, tern::arch::sve>;

/// Calls `body(tag)` for each architecture of the list and records it.
template <class List = architectures, class Body>
void for_each_architecture(Body body) {
    std::apply(
        [&](auto... tags) {
            const auto one = [&](auto tag) {
                ran(tag);
                body(tag);
            };
            (one(tags), ...);
        },
        List{});
}

}  // namespace tern_test
