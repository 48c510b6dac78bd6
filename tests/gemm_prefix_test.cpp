// SPDX-License-Identifier: MIT
// Nested sub-networks: products with the first outputs and the first inputs of packed weights against the products of
// weights that were packed for that size.
#include <cstddef>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include <tern/gemm_prefix.hpp>
#include <tern/pack.hpp>

#include "support/architectures.hpp"
#include "support/packing.hpp"

namespace {

using tern::matrix_view;
using tern::status;
using namespace tern_test;

matrix_view<const std::int16_t> corner(const matrix& m, std::size_t rows, std::size_t cols) {
    return {m.view().data, rows, cols, m.view().stride};
}

template <class Arch, class Lhs, class Rhs>
void check_prefixes(std::size_t outputs, std::size_t depth, std::uint32_t seed) {
    constexpr std::size_t tokens = 3;
    const matrix w = random_matrix(outputs, depth, values_of<Rhs>(), seed);
    const matrix x = random_matrix(tokens, depth, values_of<Lhs>(), seed + 1);
    std::vector<tern::word> memory(tern::panels_words<Rhs>(outputs, 1, depth));
    std::vector<tern::word> rows(tern::rows_words<Lhs>(tokens, depth));
    tern::packed_panels<Rhs> packed;
    const tern::mutable_packed_rows<Lhs> activations(rows.data(), tokens, depth);
    REQUIRE(tern::pack_panels<Rhs>(w.view(), memory.data(), memory.size(), packed) == status::ok);
    REQUIRE(tern::pack_rows<Lhs>(x.view(), activations) == status::ok);
    const float scale = 0.75f;
    const float offset = 0.5f;
    tern::scale_offset e;
    e.weights = {tern::per_tensor(scale), tern::per_tensor(offset)};
    e.activations = {tern::per_tensor(scale), tern::per_tensor(offset)};
    for (const std::size_t some : {outputs, outputs / 2, std::size_t{1}}) {
        for (std::size_t part = depth; part != 0; part = part > 32 ? (part - 1) / 32 * 32 : 0) {
            const tern::packed_panels<Rhs> first = tern::prefix(packed, some);
            const tern::packed_rows<Lhs> shallow = tern::prefix_depth<Lhs>(activations, part);
            std::vector<tern::word> own(tern::panels_words<Rhs>(some, 1, part));
            tern::packed_panels<Rhs> alone;
            REQUIRE(tern::pack_panels<Rhs>(corner(w, some, part), own.data(), own.size(), alone) == status::ok);
            std::vector<std::int32_t> expected(tokens * some), got(tokens * some);
            REQUIRE(tern::gemm<Arch>(shallow, alone, matrix_view<std::int32_t>{expected.data(), tokens, some}) ==
                    status::ok);
            REQUIRE(tern::gemm_prefix<Arch>(shallow, first, matrix_view<std::int32_t>{got.data(), tokens, some}) ==
                    status::ok);
            CHECK(got == expected);
            std::vector<float> wanted(tokens * some), real(tokens * some);
            REQUIRE(tern::gemm<Arch>(shallow, alone, matrix_view<float>{wanted.data(), tokens, some}, e) == status::ok);
            REQUIRE(tern::gemm_prefix<Arch>(shallow, first, matrix_view<float>{real.data(), tokens, some}, e) ==
                    status::ok);
            CHECK(real == wanted);
            if (part == depth)
                CHECK(tern::gemm<Arch>(shallow, first, matrix_view<std::int32_t>{got.data(), tokens, some}) ==
                      status::ok);
            if (part == depth) CHECK(got == expected);
        }
    }
}

}  // namespace

TEST_CASE("gemm prefix: the first outputs and inputs of packed weights") {
    for_each_architecture([](auto arch) {
        using tag = decltype(arch);
        std::uint32_t seed = 1;
        for (const std::size_t outputs : {1u, 17u, 40u}) {
            for (const std::size_t depth : {5u, 64u, 100u, 160u}) {
                check_prefixes<tag, tern::ternary, tern::ternary>(outputs, depth, ++seed);
                check_prefixes<tag, tern::unsigned_bits<2>, tern::binary>(outputs, depth, ++seed);
            }
        }
    });
}

TEST_CASE("gemm prefix: a depth that cuts a word is refused, and so is one that is too large") {
    std::vector<tern::word> words(2000);
    const tern::packed_panels<tern::ternary> w(words.data(), 5, 100);
    std::vector<std::int32_t> dst(10, 77);
    const matrix_view<std::int32_t> to{dst.data(), 2, 5};
    for (const std::size_t depth : {33u, 99u, 101u, 128u}) {
        const tern::packed_rows<tern::ternary> x(words.data() + 1000, 2, depth);
        CHECK(tern::gemm_prefix(x, w, to) == status::bad_shape);
    }
    CHECK(dst == std::vector<std::int32_t>(10, 77));
    const tern::packed_rows<tern::ternary> x(words.data() + 1000, 2, 0);
    CHECK(tern::gemm_prefix(x, w, to) == status::ok);
    CHECK(dst == std::vector<std::int32_t>(10, 0));
}
