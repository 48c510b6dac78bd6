// SPDX-License-Identifier: MIT
#include <tern/plan.hpp>

#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <tern/buffer.hpp>
#include <tern/gemv.hpp>
#include <tern/plan_bytes.hpp>
#include <tern/reference.hpp>

#include "support/architectures.hpp"
#include "support/kernels.hpp"
#include "support/operands.hpp"

namespace {

using tern::algorithm;
using tern::status;
using tern_test::fill;
using tern_test::make_integers;

constexpr algorithm algorithms[] = {algorithm::popcount, algorithm::lookup};

/// The scratch that something is timed in, and behind it memory that is not its own.
class scratch_memory {
public:
    explicit scratch_memory(std::size_t bytes) : bytes_(bytes), memory_(bytes + 64) {
        for (std::size_t i = 0; i < memory_.size(); ++i) memory_[i] = 0xa5;
    }
    [[nodiscard]] unsigned char* data() { return memory_.data(); }
    [[nodiscard]] bool intact() const {
        for (std::size_t i = bytes_; i < memory_.size(); ++i)
            if (memory_[i] != 0xa5) return false;
        return true;
    }

private:
    std::size_t bytes_;
    tern::buffer<unsigned char> memory_;
};

/// What `time(clock)` answers by a clock that makes the nine runs of the first candidate take long, or the second's.
template <class Time>
auto timed(bool first_is_slow, const Time& time) {
    int calls = 0;
    int now = 0;
    return time([&] {
        const bool first = calls++ / 2 < 9;
        return now += calls % 2 == 0 ? (first == first_is_slow ? 100 : 10) : 1;
    });
}

TEST_CASE("whatever was chosen is packed and multiplied to the same numbers") {
    tern_test::random_numbers random(1);
    struct shape {
        std::size_t rows;
        std::size_t outputs;
        std::size_t depth;
    };
    for (const shape& s : {shape{1, 1, 1}, {5, 70, 75}, {16, 130, 257}, {0, 3, 4}, {3, 0, 4}, {3, 4, 0}}) {
        const std::size_t rows = s.rows, outputs = s.outputs, depth = s.depth;
        const auto x = make_integers(tern_test::describe<tern::ternary>(), rows, depth, fill::random, random);
        const auto w = make_integers(tern_test::describe<tern::ternary>(), outputs, depth, fill::random, random);
        const auto lhs = tern::pack_rows<tern::ternary>(x.view());
        std::vector<std::int32_t> expected(rows * outputs);
        tern::reference::gemm(x.view(), w.view(), {expected.data(), rows, outputs});
        for (const algorithm a : algorithms) {
            INFO(tern::to_string(a), ", ", rows, " x ", outputs, " x ", depth);
            tern::buffer<unsigned char> memory(tern::weights_bytes(a, outputs, depth));
            tern::ternary_weights packed;
            REQUIRE(tern::pack_weights(a, w.view(), memory.data(), memory.size(), packed) == status::ok);
            CHECK(packed.outputs == outputs);
            CHECK(packed.depth == depth);
            std::vector<std::int32_t> dst(rows * outputs, -1);
            const tern::matrix_view<std::int32_t> view{dst.data(), rows, outputs};
            CHECK(tern::gemm(lhs, packed, view) == status::ok);
            CHECK(dst == expected);
            if (rows == 1) {
                dst.assign(dst.size(), -1);
                CHECK(tern::gemv(lhs, packed, view) == status::ok);
                CHECK(dst == expected);
            }
            CHECK(tern::tile_count(packed) == (outputs + (a == algorithm::lookup ? 63 : 15)) / (a == algorithm::lookup ? 64 : 16));
        }
    }
}

TEST_CASE("refusals") {
    const std::vector<std::int8_t> w(64, 1);
    const tern::matrix_view<const std::int8_t> values{w.data(), 8, 8};
    for (const algorithm a : algorithms) {
        tern::buffer<unsigned char> memory(tern::weights_bytes(a, 8, 8) + 4);
        tern::ternary_weights packed;
        CHECK(tern::pack_weights(a, values, memory.data(), tern::weights_bytes(a, 8, 8) - 1, packed) == status::buffer_size);
        CHECK(tern::pack_weights(a, values, memory.data() + 1, memory.size() - 1, packed) == status::bad_alignment);
        CHECK(tern::pack_weights(a, values, nullptr, memory.size(), packed) == status::null_pointer);
        CHECK(packed.data == nullptr);
        for (std::size_t i = 0; i < memory.size(); ++i) CHECK(memory[i] == 0);
    }
    std::int32_t dst[8];
    const tern::word x[2] = {};
    tern::ternary_weights foreign;
    foreign.layout = tern::layout_id::codes;
    CHECK(tern::gemm(tern::packed_rows<tern::ternary>(x, 1, 8), foreign, tern::matrix_view<std::int32_t>{dst, 1, 8}) ==
          status::bad_layout);
}

TEST_CASE("the table prefers what the core is good at") {
    using tern::plan_product;
    using tern::wide_shuffle;
    constexpr auto cheap = wide_shuffle::one_operation;
    constexpr auto dear = wide_shuffle::three_operations;
    using best = tern::arch::avx512_vpopcntdq;
    CHECK(plan_product<tern::ternary, best>(4096, 16, 4096, cheap) == algorithm::lookup);
    CHECK(plan_product<tern::ternary, best>(4096, 16, 4096, dear) == algorithm::popcount);
    CHECK(plan_product<tern::ternary, best>(4096, 1, 4096, cheap) == algorithm::popcount);
    CHECK(plan_product<tern::binary, best>(4096, 16, 4096, cheap) == algorithm::popcount);
    CHECK(plan_product<tern::ternary, tern::arch::avx2>(4096, 16, 4096) == algorithm::lookup);
    CHECK(plan_product<tern::ternary, tern::arch::scalar>(4096, 16, 4096, cheap) == algorithm::popcount);
}

TEST_CASE("timing takes the faster one by the caller's clock, and keeps to the scratch it was given") {
    constexpr std::size_t bytes = tern::timing_bytes<tern::ternary>();
    scratch_memory scratch(bytes);
    for (const bool first_is_slow : {true, false})
        CHECK(timed(first_is_slow, [&](const auto& clock) {
                  return tern::time_product<tern::ternary>(4096, 64, 4096, scratch.data(), bytes, clock);
              }) == (first_is_slow ? algorithm::lookup : algorithm::popcount));
    CHECK(scratch.intact());
    int asked = 0;
    const auto counting = [&] { return ++asked; };
    const algorithm table = tern::plan_product<tern::ternary>(64, 8, 64);
    CHECK(tern::time_product<tern::ternary>(64, 8, 64, nullptr, bytes, counting) == table);
    CHECK(tern::time_product<tern::ternary>(64, 8, 64, scratch.data(), 10, counting) == table);
    CHECK(asked == 0);
}

constexpr tern::layout_id byte_layouts[] = {tern::layout_id::codes, tern::layout_id::trits, tern::layout_id::sevens};

TEST_CASE("signed bytes: whatever layout was chosen is packed and multiplied to the same numbers") {
    tern_test::random_numbers random(2);
    for (const std::size_t rows : {1u, 5u}) {
        constexpr std::size_t outputs = 70, depth = 75;
        tern_test::integers x(rows, depth);
        for (std::int16_t& v : x.values) v = static_cast<std::int16_t>(static_cast<int>(random.between(0, 255)) - 128);
        const auto w = make_integers(tern_test::describe<tern::ternary>(), outputs, depth, fill::random, random);
        const std::vector<std::int8_t> bytes(x.values.begin(), x.values.end());
        const tern::matrix_view<const std::int8_t> lhs{bytes.data(), rows, depth};
        std::vector<std::int32_t> expected(rows * outputs);
        tern::reference::gemm(x.view(), w.view(), {expected.data(), rows, outputs});
        for (const tern::layout_id layout : byte_layouts) {
            tern::buffer<unsigned char> memory(tern::weights_bytes(layout, outputs, depth));
            tern::byte_weights packed;
            CHECK(tern::pack_weights(layout, w.view(), memory.data(), memory.size() - 1, packed) == status::buffer_size);
            CHECK(packed.data == nullptr);
            REQUIRE(tern::pack_weights(layout, w.view(), memory.data(), memory.size(), packed) == status::ok);
            CHECK(packed.layout == layout);
            CHECK(tern::tile_count(packed) == (layout == tern::layout_id::codes ? 2 : layout == tern::layout_id::trits ? 5 : 3));
            std::vector<std::int32_t> dst(rows * outputs, -1);
            const tern::matrix_view<std::int32_t> view{dst.data(), rows, outputs};
            CHECK(tern::gemm(lhs, packed, view) == status::ok);
            CHECK(dst == expected);
            if (rows == 1) {
                dst.assign(dst.size(), -1);
                CHECK(tern::gemv(lhs, packed, view) == status::ok);
                CHECK(dst == expected);
            }
            packed.layout = tern::layout_id::rows;
            CHECK(tern::gemm(lhs, packed, view) == status::bad_layout);
            CHECK(tern::tile_count(packed) == 0);
            CHECK(tern::pack_weights(tern::layout_id::rows, w.view(), memory.data(), memory.size(), packed) ==
                  status::bad_layout);
            CHECK(tern::weights_bytes(tern::layout_id::rows, outputs, depth) == 0);
        }
    }
}

TEST_CASE("signed bytes: the table, and the caller's clock") {
    using tern::layout_id;
    using tern::plan_bytes;
    constexpr auto cheap = tern::wide_shuffle::one_operation;
    using best = tern::arch::avx512_vpopcntdq;
    CHECK(plan_bytes<best>(4096, 16, 4096, cheap) == layout_id::sevens);
    CHECK(plan_bytes<best>(4096, 16, 4096) == layout_id::codes);
    CHECK(plan_bytes<best>(4096, 1, 4096, cheap) == layout_id::codes);
    CHECK(plan_bytes<best>(64, 16, 4096, cheap) == layout_id::codes);
    CHECK(plan_bytes<tern::arch::avx2>(4096, 16, 4096, cheap) == layout_id::codes);
    constexpr std::size_t bytes = tern::timing_bytes_of_bytes();
    scratch_memory scratch(bytes);
    for (const bool first_is_slow : {true, false})
        CHECK(timed(first_is_slow, [&](const auto& clock) {
                  return tern::time_bytes(4096, 64, 70, scratch.data(), bytes, clock);
              }) == (first_is_slow ? layout_id::sevens : layout_id::codes));
    CHECK(scratch.intact());
    int asked = 0;
    const auto counting = [&] { return ++asked; };
    CHECK(tern::time_bytes(64, 8, 64, nullptr, bytes, counting) == plan_bytes(64, 8, 64));
    CHECK(tern::time_bytes(64, 8, 64, scratch.data(), 10, counting) == plan_bytes(64, 8, 64));
    CHECK(tern::time_bytes(0, 8, 64, scratch.data(), bytes, counting) == plan_bytes(0, 8, 64));
    CHECK(asked == 0);
}

TEST_CASE("activations: bits or bytes, as the table of a core says") {
    using tern::activation_form;
    using tern::plan_activations;
    using tern::ternary;
    using tern::unsigned_bits;
    namespace arch = tern::arch;
    constexpr auto planes = activation_form::planes;
    constexpr auto bytes = activation_form::bytes;
    // Matrices of bytes beat two counters, but not for a row or two, nor one-bit activations.
    CHECK(plan_activations<ternary, ternary, arch::i8mm>(64) == bytes);
    CHECK(plan_activations<ternary, ternary, arch::i8mm>(8) == bytes);
    CHECK(plan_activations<ternary, ternary, arch::i8mm>(7) == planes);
    CHECK(plan_activations<ternary, ternary, arch::i8mm>(1) == planes);
    CHECK(plan_activations<tern::binary, ternary, arch::i8mm>(64) == planes);
    CHECK(plan_activations<ternary, tern::binary, arch::i8mm>(64) == planes);
    CHECK(plan_activations<ternary, ternary, arch::sve>(64) == bytes);
    CHECK(plan_activations<ternary, ternary, arch::dotprod>(64) == planes);
    CHECK(plan_activations<unsigned_bits<2>, ternary, arch::dotprod>(64) == bytes);
    CHECK(plan_activations<unsigned_bits<2>, ternary, arch::dotprod>(1) == planes);
    CHECK(plan_activations<unsigned_bits<4>, ternary, arch::neon>(64) == planes);
    CHECK(plan_activations<unsigned_bits<8>, ternary, arch::neon>(64) == bytes);
    CHECK(plan_activations<unsigned_bits<8>, ternary, arch::scalar>(1) == bytes);
    CHECK(plan_activations<ternary, ternary, arch::mve>(1) == planes);
    CHECK(plan_activations<ternary, ternary, arch::avx512_vnni>(64) == bytes);
    CHECK(plan_activations<ternary, ternary, arch::avx512_vpopcntdq>(64) == planes);
    CHECK(plan_activations<unsigned_bits<4>, ternary, arch::avx512_vpopcntdq>(64) == bytes);
    CHECK(std::string_view(tern::to_string(planes)) == "planes");
    CHECK(std::string_view(tern::to_string(bytes)) == "bytes");
}

TEST_CASE("activations: weights packed once in panels serve both forms, with the same numbers") {
    tern_test::random_numbers random(3);
    for (const std::size_t rows : {1u, 9u, 23u}) {
        constexpr std::size_t outputs = 70, depth = 75;
        const auto x = make_integers(tern_test::describe<tern::ternary>(), rows, depth, fill::random, random);
        const auto w = make_integers(tern_test::describe<tern::ternary>(), outputs, depth, fill::random, random);
        std::vector<std::int32_t> expected(rows * outputs);
        tern::reference::gemm(x.view(), w.view(), {expected.data(), rows, outputs});
        const auto panels = tern::pack<tern::ternary>(w.view());
        const tern::packed_panels<tern::ternary>& weights = panels;
        tern::packed_codes codes;
        std::vector<std::uint8_t> memory(tern::codes_bytes(outputs, depth));
        REQUIRE(tern::pack_codes(weights, memory.data(), memory.size(), codes) == status::ok);
        const std::vector<std::int8_t> bytes(x.values.begin(), x.values.end());
        std::vector<std::int32_t> of_planes(rows * outputs), of_bytes(rows * outputs);
        CHECK(tern::gemm(tern::pack_rows<tern::ternary>(x.view()), panels,
                         tern::matrix_view<std::int32_t>{of_planes.data(), rows, outputs}) == status::ok);
        CHECK(tern::gemm(tern::matrix_view<const std::int8_t>{bytes.data(), rows, depth}, codes,
                         tern::matrix_view<std::int32_t>{of_bytes.data(), rows, outputs}) == status::ok);
        CHECK(of_planes == expected);
        CHECK(of_bytes == expected);
    }
}

}  // namespace
