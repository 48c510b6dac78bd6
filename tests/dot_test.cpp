// SPDX-License-Identifier: MIT
// Dot products equal the reference, for every pair of encodings, architecture and depth.
#include <cstdint>

#include <doctest/doctest.h>

#include <tern/reference.hpp>

#include "support/kernels.hpp"
#include "support/shapes.hpp"

namespace {

using namespace tern_test;
using tern::status;

/// Runs every architecture and holds it against the reference.
void check_dot(const operand_pair<dot_function>& pair, const integers& x, const integers& y, form of_x, form of_y) {
    random_numbers random(1);
    const packed_lhs lhs(pair.lhs, x, of_x, random);
    const packed_lhs rhs(pair.rhs, y, of_y, random);
    const std::int32_t expected = tern::reference::dot(x.values.data(), y.values.data(), x.cols);
    for (const auto& dot : pair.instances) {
        INFO(pair.name(), " on ", dot.arch, ", depth ", x.cols);
        std::int32_t result = 0x5a5a5a5a;
        CHECK(dot(lhs.view(), rhs.view(), result) == status::ok);
        CHECK(result == expected);
    }
}

TEST_CASE("a dot product equals the reference, whatever the depth and the form of its operands") {
    for (const auto& pair : dot_kernels()) {
        random_numbers random(2);
        size_t turn = 0;
        const auto check = [&](size_t depth) {
            const integers x = make_integers(pair.lhs, 1, depth, fill::random, random);
            const integers y = make_integers(pair.rhs, 1, depth, fill::random, random);
            check_dot(pair, x, y, forms[turn % 4], forms[turn / 4 % 4]);
            ++turn;
        };
        for (size_t depth = 0; depth < 130; ++depth) check(depth);
        for (const size_t depth : depths) check(depth);
        for (size_t words = 1; words < 70; words += 3) check(32 * words + words);
    }
}

TEST_CASE("all lowest, all zero and all highest, deep enough for counters to be folded many times") {
    constexpr fill fills[] = {fill::lowest, fill::zero, fill::highest, fill::random};
    for (const auto& pair : dot_kernels()) {
        // The largest product of a pair bounds the depth: 33025 for two operands of 8 digits.
        const size_t bound = size_t{0x7fffffff} / static_cast<size_t>(pair.lhs.highest * pair.rhs.highest);
        random_numbers random(3);
        for (const fill of_x : fills) {
            for (const fill of_y : fills) {
                for (const size_t depth : {size_t{65}, size_t{4129}, bound < 70001 ? bound : size_t{70001}}) {
                    const integers x = make_integers(pair.lhs, 1, depth, of_x, random);
                    const integers y = make_integers(pair.rhs, 1, depth, of_y, random);
                    check_dot(pair, x, y, form::dense, form::dense);
                }
            }
        }
    }
}

TEST_CASE("a million elements") {
    for (const auto& pair : dot_kernels()) {
        if (pair.lhs.planes > 2 || pair.rhs.planes > 2) continue;
        random_numbers random(4);
        for (const fill of_x : {fill::lowest, fill::highest}) {
            const integers x = make_integers(pair.lhs, 1, 1000003, of_x, random);
            const integers y = make_integers(pair.rhs, 1, 1000003, fill::lowest, random);
            check_dot(pair, x, y, form::dense, form::shifted);
        }
    }
}

TEST_CASE("a single element anywhere meets its partner and no other") {
    constexpr size_t depth = 545;  // seventeen words and a bit: a register of each width, and a tail
    for (const auto& pair : dot_kernels()) {
        random_numbers random(5);
        const int background = pair.lhs.has_zero() ? 0 : pair.lhs.lowest;
        const integers y = make_integers(pair.rhs, 1, depth, fill::random, random);
        for (size_t d = 0; d < depth; ++d) {
            integers x(1, depth, background);
            const int digit = pair.lhs.name == "ternary" ? 1 : 1 << (d % pair.lhs.planes);
            x.at(0, d) = static_cast<std::int16_t>(background + pair.lhs.step * digit);
            check_dot(pair, x, y, form::dense, form::dense);
        }
    }
}

TEST_CASE("the order of the operands does not matter") {
    for (const auto& pair : dot_kernels()) {
        for (const auto& mirrored : dot_kernels()) {
            if (pair.lhs.name != mirrored.rhs.name || pair.rhs.name != mirrored.lhs.name) continue;
            random_numbers random(6);
            const integers x = make_integers(pair.lhs, 1, 999, fill::random, random);
            const integers y = make_integers(pair.rhs, 1, 999, fill::random, random);
            const packed_lhs lhs(pair.lhs, x, form::dense, random);
            const packed_lhs rhs(pair.rhs, y, form::dense, random);
            for (size_t a = 0; a < pair.instances.size(); ++a) {
                INFO(pair.name(), " on ", pair.instances[a].arch);
                std::int32_t one = 1;
                std::int32_t other = 2;
                REQUIRE(pair.instances[a](lhs.view(), rhs.view(), one) == status::ok);
                REQUIRE(mirrored.instances[a](rhs.view(), lhs.view(), other) == status::ok);
                CHECK(one == other);
            }
        }
    }
}

TEST_CASE("the sign bit of a zero means nothing") {
    constexpr size_t depth = 300;
    for (const auto& pair : dot_kernels()) {
        if (pair.lhs.name != "ternary" && pair.rhs.name != "ternary") continue;
        random_numbers random(7);
        const integers x = make_integers(pair.lhs, 1, depth, fill::random, random);
        const integers y = make_integers(pair.rhs, 1, depth, fill::random, random);
        packed_lhs lhs(pair.lhs, x, form::dense, random);
        packed_lhs rhs(pair.rhs, y, form::dense, random);
        for (size_t d = 0; d < depth; ++d) {
            const word bit = word{1} << (d % 32);
            if (pair.lhs.name == "ternary" && x.at(0, d) == 0) lhs.at(0, 1)[d / 32] |= bit;
            if (pair.rhs.name == "ternary" && y.at(0, d) == 0) rhs.at(0, 1)[d / 32] |= bit;
        }
        const std::int32_t expected = tern::reference::dot(x.values.data(), y.values.data(), depth);
        for (const auto& dot : pair.instances) {
            INFO(pair.name(), " on ", dot.arch);
            std::int32_t result = -1;
            CHECK(dot(lhs.view(), rhs.view(), result) == status::ok);
            CHECK(result == expected);
        }
    }
}

}  // namespace
