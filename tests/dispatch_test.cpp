// SPDX-License-Identifier: MIT
// Run-time dispatch: every version of every operation equals the reference.
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <tern/buffer.hpp>
#include <tern/dispatch.hpp>
#include <tern/plan_bytes.hpp>
#include <tern/reference.hpp>

#include "support/architectures.hpp"
#include "support/convolutions.hpp"
#include "support/destination.hpp"
#include "support/operands.hpp"
#include "support/parameters.hpp"

namespace {

using namespace tern_test;
using tern::binary;
using tern::status;
using tern::ternary;
using tern::unsigned_bits;
namespace dispatch = tern::dispatch;

/// Calls `body()` with each available architecture in force.
template <class Body>
void for_each_version(const Body& body) {
    const std::string before = dispatch::kernels.active_name();
    for (std::size_t i = 0; i < dispatch::kernels.size(); ++i) {
        const dispatch::version& v = dispatch::kernels[i];
        if (!dispatch::kernels.available(v)) continue;
        REQUIRE(dispatch::kernels.force(v.name) == status::ok);
        ran(v.name);
        INFO("on ", v.name);
        body();
    }
    REQUIRE(dispatch::kernels.force(before.c_str()) == status::ok);
}

struct shape {
    size_t rows;
    size_t outputs;
    size_t depth;
};
/// Both tile shapes, their borders, a stretch of depth that folds counters, nothing at all.
const shape borders_of_tiles[] = {{1, 1, 1},    {0, 3, 5},   {3, 0, 5},  {3, 5, 0},    {1, 16, 32},  {1, 65, 97},
                        {2, 17, 33},  {5, 31, 64}, {9, 33, 7}, {17, 47, 31}, {33, 18, 45}, {3, 5, 1025},
                        {1, 33, 4129}};

/// Holds all destinations of one product against the reference; scales have groups of `group` along the depth, 0: none.
template <class Lhs, class Rhs>
void check_views(const Lhs& lhs, const Rhs& rhs, const integers& x, const integers& w, random_numbers& random,
                 size_t group = 0) {
    parameters p;
    p.randomize(random, x.rows, w, group);
    std::vector<std::int32_t> sums(x.rows * w.rows);
    std::vector<float> reals(x.rows * w.rows);
    std::vector<std::int8_t> codes(x.rows * w.rows);
    const tern::matrix_view<float> real_view(reals.data(), x.rows, w.rows);
    tern::reference::gemm(x.view(), w.view(), tern::matrix_view<std::int32_t>(sums.data(), x.rows, w.rows));
    tern::reference::gemm(x.view(), w.view(), real_view, p.epilogue);
    tern::reference::ternarize(real_view, p.limits, tern::matrix_view<std::int8_t>(codes.data(), x.rows, w.rows));
    for_each_version([&] {
        destination<std::int32_t> to_int32(x.rows, w.rows, 2);
        to_int32.expect(sums);
        CHECK(dispatch::gemm(lhs, rhs, to_int32.view()) == status::ok);
        CHECK(to_int32.difference() == "");
        destination<float> to_float(x.rows, w.rows, 1);
        to_float.expect(reals);
        CHECK(dispatch::gemm(lhs, rhs, to_float.view(), p.epilogue) == status::ok);
        CHECK(to_float.difference() == "");
        ternary_destination to_ternary(x.rows, w.rows, form::padded);
        to_ternary.expect(codes);
        CHECK(dispatch::gemm(lhs, rhs, to_ternary.view(), p.epilogue, p.limits) == status::ok);
        CHECK(to_ternary.difference() == "");
        destination<std::int32_t> vector(x.rows, w.rows, 0);
        if (x.rows == 1) vector.expect(sums);
        CHECK(dispatch::gemv(lhs, rhs, vector.view()) == (x.rows == 1 ? status::ok : status::bad_shape));
        CHECK(vector.difference() == "");
    });
}

template <class Lhs, class Rhs>
void check_products() {
    const encoding_info of_x = describe<Lhs>();
    const encoding_info of_w = describe<Rhs>();
    random_numbers random(11);
    std::vector<shape> shapes(std::begin(borders_of_tiles), std::end(borders_of_tiles));
    for (int i = 0; i < 20; ++i)
        shapes.push_back({random.between(1, 40), random.between(1, 80), random.between(1, 200)});
    for (const shape& s : shapes) {
        INFO(of_x.name, " x ", of_w.name, ", ", s.rows, " x ", s.outputs, " x ", s.depth);
        const integers x = make_integers(of_x, s.rows, s.depth, fill::random, random);
        const integers w = make_integers(of_w, s.outputs, s.depth, fill::random, random);
        const packed_lhs lhs(of_x, x, forms[random.next() % 4], random);
        const packed_rhs rhs(of_w, w, 1, random.once_in(2));
        check_views(lhs.view().template as<Lhs>(), rhs.view().template as<Rhs>(), x, w, random,
                    s.depth > 64 && random.once_in(2) ? 64 : 0);
    }
}

TEST_CASE("every version of every product equals the reference") {
    check_products<binary, binary>();
    check_products<binary, ternary>();
    check_products<ternary, binary>();
    check_products<ternary, ternary>();
    check_products<unsigned_bits<2>, binary>();
    check_products<unsigned_bits<2>, ternary>();
    check_products<unsigned_bits<4>, binary>();
    check_products<unsigned_bits<4>, ternary>();
    check_products<unsigned_bits<8>, binary>();
    check_products<unsigned_bits<8>, ternary>();
}

template <class Lhs, class Rhs>
void check_convolutions() {
    const encoding_info of_x = describe<Lhs>();
    const encoding_info of_w = describe<Rhs>();
    random_numbers random(12);
    for (int turn = 0; turn < 12; ++turn) {
        const conv_shape s = random_conv_shape(random);
        INFO(of_x.name, " x ", of_w.name, ", ", s);
        const convolution c(s, of_x, of_w, random);
        const auto input = c.input().template as<Lhs>();
        const auto filters = c.rhs.view().template as<Rhs>();
        parameters p;
        p.randomize(random, s.images, c.w);
        const std::vector<std::int32_t> sums = c.accumulators();
        const std::vector<float> reals = c.reals(p.epilogue);
        const std::vector<std::int8_t> codes = c.codes(reals, p.limits);

        for_each_version([&] {
            destination<std::int32_t> to_int32(s.output_pixels(), s.outputs, 3);
            to_int32.expect(sums);
            CHECK(dispatch::conv2d(input, filters, s.window, c.tensor(to_int32.view())) == status::ok);
            CHECK(to_int32.difference() == "");

            destination<float> to_float(s.output_pixels(), s.outputs, 0);
            to_float.expect(reals);
            CHECK(dispatch::conv2d(input, filters, s.window, c.tensor(to_float.view()), p.epilogue) == status::ok);
            CHECK(to_float.difference() == "");

            ternary_destination to_ternary(s.output_pixels(), s.outputs, form::separated);
            to_ternary.expect(codes);
            CHECK(dispatch::conv2d(input, filters, s.window, c.tensor(to_ternary.view()), p.epilogue, p.limits) ==
                  status::ok);
            CHECK(to_ternary.difference() == "");
        });
    }
}

TEST_CASE("every version of every convolution equals the reference") {
    check_convolutions<binary, binary>();
    check_convolutions<binary, ternary>();
    check_convolutions<ternary, binary>();
    check_convolutions<ternary, ternary>();
}

TEST_CASE("every version of products of bytes and by lookup equals the reference") {
    random_numbers random(14);
    std::vector<shape> shapes{{1, 1, 1}, {1, 65, 97}, {2, 17, 33}, {4, 256, 64}, {5, 300, 270}, {9, 33, 7}};
    for (int i = 0; i < 10; ++i)
        shapes.push_back({random.between(1, 20), random.between(1, 80), random.between(1, 200)});
    for (const shape& s : shapes) {
        INFO(s.rows, " x ", s.outputs, " x ", s.depth);
        const integers ones = make_integers(describe<binary>(), s.outputs, s.depth, fill::random, random);
        const integers trits = make_integers(describe<ternary>(), s.outputs, s.depth, fill::random, random);
        integers x(s.rows, s.depth);
        std::vector<std::int8_t> bytes(s.rows * s.depth);
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            bytes[i] = static_cast<std::int8_t>(random.next() % 256);
            x.values[i] = bytes[i];
        }
        const tern::matrix_view<const std::int8_t> lhs{bytes.data(), s.rows, s.depth};
        check_views(lhs, tern::packed_matrix<tern::ternary_code>(trits.view()), x, trits, random);
        check_views(lhs, tern::packed_matrix<tern::trit>(trits.view()), x, trits, random);
        check_views(lhs, tern::packed_matrix<tern::ternary_seven>(trits.view()), x, trits, random);
        check_views(lhs, tern::packed_matrix<binary>(ones.view()), x, ones, random);
        const integers y = make_integers(describe<ternary>(), s.rows, s.depth, fill::random, random);
        check_views(tern::packed_activations<ternary>(y.view()), tern::packed_index_matrix(trits.view()),
                    y, trits, random);
    }
}

// A plan asks by a tag, which is there whatever this file is compiled for; three positions fill no table of seven.
constexpr auto one_operation = tern::wide_shuffle::one_operation;
static_assert(tern::plan_bytes<tern::arch::avx512>(4096, 16, 4096, one_operation) == tern::layout_id::sevens);
static_assert(tern::plan_bytes<tern::arch::avx512>(4096, 16, 3, one_operation) == tern::layout_id::codes);

TEST_CASE("weights that a plan chose reach the kernels of their layout") {
    random_numbers random(15);
    const integers x = make_integers(describe<ternary>(), 5, 75, fill::random, random);
    const integers w = make_integers(describe<ternary>(), 70, 75, fill::random, random);
    const std::vector<std::int8_t> bytes(x.values.begin(), x.values.end());
    const tern::matrix_view<const std::int8_t> lhs{bytes.data(), 5, 75};
    const tern::packed_matrix<tern::ternary_code> codes(w.view());
    const tern::packed_matrix<tern::trit> trits(w.view());
    const tern::packed_matrix<tern::ternary_seven> sevens(w.view());
    using tern::byte_weights;
    for (byte_weights of_bytes : {byte_weights(codes), byte_weights(trits), byte_weights(sevens)}) {
        check_views(lhs, of_bytes, x, w, random);
        of_bytes.layout = tern::layout_id::rows;
        destination<std::int32_t> dst(5, 70, 0);
        CHECK(dispatch::gemm(lhs, of_bytes, dst.view()) == status::bad_layout);
        CHECK(dst.difference() == "");
    }
    const tern::packed_activations<ternary> packed(x.view());
    const tern::packed_matrix<ternary> panels(w.view());
    const tern::packed_index_matrix indices(w.view());
    for (const tern::ternary_weights& of_planes : {tern::ternary_weights(panels), tern::ternary_weights(indices)})
        check_views(packed, of_planes, x, w, random);
}

TEST_CASE("shares and refusals reach the kernels") {
    random_numbers random(13);
    const encoding_info e = describe<ternary>();
    const integers x = make_integers(e, 4, 70, fill::random, random);
    const integers w = make_integers(e, 50, 70, fill::random, random);
    const packed_lhs lhs(e, x, form::dense, random);
    const packed_rhs rhs(e, w, 1, false);
    std::vector<std::int32_t> sums(4 * 50);
    tern::reference::gemm(x.view(), w.view(), tern::matrix_view<std::int32_t>(sums.data(), 4, 50));
    for_each_version([&] {
        destination<std::int32_t> dst(4, 50, 0);
        const auto packed_x = lhs.view().as<ternary>();
        const auto packed_w = rhs.view().as<ternary>();
        tern::matrix_view<std::int32_t> narrow = dst.view();
        narrow.cols = 49;
        CHECK(dispatch::gemm(packed_x, packed_w, narrow) == status::bad_shape);
        CHECK(dst.difference() == "");
        dst.expect(sums, 16, 48);
        CHECK(dispatch::gemm(packed_x, packed_w, dst.view(), tern::tiles{1, 3}) == status::ok);
        CHECK(dst.difference() == "");
    });
}

}  // namespace
