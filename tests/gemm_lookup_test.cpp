// SPDX-License-Identifier: MIT
// Products by table lookup equal the reference, and what the same operands give as panels, for every encoding of the
// activations, architecture and shape.
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include <tern/buffer.hpp>
#include <tern/gemm_lookup.hpp>
#include <tern/gemv.hpp>
#include <tern/reference.hpp>

#include "support/architectures.hpp"
#include "support/destination.hpp"
#include "support/parameters.hpp"
#include "support/shapes.hpp"

namespace tern {

inline doctest::String toString(status s) { return to_string(s); }

}  // namespace tern

namespace {

using namespace tern_test;
using tern::packed_indices;
using tern::status;
using tern::tiles;

using int32_matrix = tern::matrix_view<std::int32_t>;
using float_matrix = tern::matrix_view<float>;
using ternary_rows = tern::mutable_packed_rows<tern::ternary>;

struct lookup {
    const char* arch;
    encoding_info lhs;
    status (*to_int32)(const rows_operand&, const packed_indices&, const int32_matrix&, tiles);
    /// On the best architecture alone: what panels give is the same on all of them.
    status (*panels)(const rows_operand&, const tern::packed_panels<tern::ternary>&, const int32_matrix&);
    // Both of these only where the table says so.
    status (*to_float)(const rows_operand&, const packed_indices&, const float_matrix&, const tern::scale_offset&,
                       tiles);
    status (*to_ternary)(const rows_operand&, const packed_indices&, const ternary_rows&, const tern::scale_offset&,
                         const tern::thresholds&, tiles);
};

template <bool All, class Lhs, class Arch>
lookup entry(Arch arch) {
    lookup e{tern::arch::name(arch),
             describe<Lhs>(),
             [](const rows_operand& x, const packed_indices& w, const int32_matrix& dst, tiles range) {
                 return tern::gemm<Arch>(x.as<Lhs>(), w, dst, range);
             },
             [](const rows_operand& x, const tern::packed_panels<tern::ternary>& w, const int32_matrix& dst) {
                 if constexpr (Lhs::sign_bit == tern::set_bit::plus) return tern::gemm(x.as<Lhs>(), w, dst);
                 return status::unsupported;
             },
             nullptr,
             nullptr};
    if constexpr (All) {
        e.to_float = [](const rows_operand& x, const packed_indices& w, const float_matrix& dst,
                        const tern::scale_offset& epilogue,
                        tiles range) { return tern::gemm<Arch>(x.as<Lhs>(), w, dst, epilogue, range); };
        e.to_ternary = [](const rows_operand& x, const packed_indices& w, const ternary_rows& dst,
                          const tern::scale_offset& epilogue, const tern::thresholds& limits, tiles range) {
            return tern::gemm<Arch>(x.as<Lhs>(), w, dst, epilogue, limits, range);
        };
    }
    return e;
}

template <class Arch>
void add_entries(std::vector<lookup>& to, Arch arch) {
    to.push_back(entry<true, tern::ternary>(arch));
    to.push_back(entry<false, tern::binary>(arch));
    to.push_back(entry<false, tern::binary_set_minus>(arch));
    to.push_back(entry<false, tern::unsigned_bits<1>>(arch));
    to.push_back(entry<false, tern::unsigned_bits<2>>(arch));
    to.push_back(entry<false, tern::unsigned_bits<3>>(arch));
    to.push_back(entry<false, tern::unsigned_bits<8>>(arch));
    to.push_back(entry<false, tern::bipolar_bits<2>>(arch));
    to.push_back(entry<true, tern::bipolar_bits<5>>(arch));
}

const std::vector<lookup>& lookups() {
    static const std::vector<lookup> all = [] {
        std::vector<lookup> entries;
        std::apply([&](auto... tags) { (add_entries(entries, tags), ...); }, architectures{});
        // What falls into digits of up to four planes, where those are the best.
        entries.push_back(entry<true, tern::unsigned_bits<4>>(tern::default_arch{}));
        entries.push_back(entry<false, tern::bipolar_bits<7>>(tern::default_arch{}));
        return entries;
    }();
    return all;
}

const encoding_info weights_encoding = describe<tern::ternary>();

std::vector<std::int32_t> reference_gemm(const integers& x, const integers& w) {
    std::vector<std::int32_t> results(x.rows * w.rows);
    tern::reference::gemm(x.view(), w.view(), int32_matrix(results.data(), x.rows, w.rows));
    return results;
}

/// Indices that end with the memory, on any alignment.
class packed_weights {
public:
    packed_weights(const integers& w, bool shifted)
        : memory_(tern::indices_bytes(w.rows, w.cols) + (shifted ? 1 : 0)) {
        state = tern::pack_indices(w.view(), memory_.data() == nullptr ? nullptr : memory_.data() + (shifted ? 1 : 0),
                                   memory_.size() - (shifted && memory_.size() != 0 ? 1 : 0), view);
    }
    packed_indices view;
    status state;

private:
    tern::buffer<std::uint8_t> memory_;
};

void check_int32(const lookup& e, const integers& x, const integers& w, const std::vector<std::int32_t>& expected,
                 size_t turn, random_numbers& random) {
    ran(e.arch);
    INFO(e.lhs.name, " on ", e.arch, ", ", product_shape{x.rows, w.rows, x.cols});
    const packed_lhs lhs(e.lhs, x, forms[turn % 4], random);
    const packed_weights rhs(w, turn % 3 == 1);
    REQUIRE(rhs.state == status::ok);
    destination<std::int32_t> dst(x.rows, w.rows, turn % 3 * 2);
    dst.expect(expected);
    CHECK(e.to_int32(lhs.view(), rhs.view, dst.view(), tiles{}) == status::ok);
    CHECK(dst.difference() == "");
}

/// The shapes of products, and those around panels of 64 outputs, groups of 256 and 512, segments and row blocks.
std::vector<product_shape> lookup_shapes() {
    std::vector<product_shape> shapes = product_shapes(10);
    for (const size_t outputs : {191u, 192u, 193u, 255u, 256u, 257u, 320u, 449u, 511u, 512u, 513u, 577u}) {
        shapes.push_back({1, outputs, 37});
        shapes.push_back({5, outputs, 37});
    }
    for (const size_t rows : {18u, 19u, 20u, 21u, 35u}) shapes.push_back({rows, 65, 70});
    for (const size_t depth : {895u, 896u, 897u, 2719u, 2720u, 2721u, 4031u, 4032u, 4033u, 8063u, 8064u, 8065u}) {
        shapes.push_back({1, 5, depth});
        shapes.push_back({5, 3, depth});
    }
    return shapes;
}

TEST_CASE("a product by lookup equals the reference, whatever the shape and the form of its operands") {
    for (const lookup& e : lookups()) {
        random_numbers random(1);
        size_t turn = 0;
        for (const product_shape& s : lookup_shapes()) {
            const integers x = make_integers(e.lhs, s.rows, s.depth, fill::random, random);
            const integers w = make_integers(weights_encoding, s.outputs, s.depth, fill::random, random);
            check_int32(e, x, w, reference_gemm(x, w), turn++, random);
        }
    }
}

TEST_CASE("a product by lookup equals the product of panels") {
    for (const lookup& e : lookups()) {
        if (e.lhs.name == "binary_set_minus") continue;
        random_numbers random(2);
        const integers x = make_integers(e.lhs, 21, 1300, fill::random, random);
        const integers w = make_integers(weights_encoding, 300, 1300, fill::random, random);
        const packed_lhs lhs(e.lhs, x, form::dense, random);
        const auto panels = tern::pack<tern::ternary>(w.view());
        std::vector<std::int32_t> expected(x.rows * w.rows);
        REQUIRE(e.panels(lhs.view(), panels, int32_matrix(expected.data(), x.rows, w.rows)) == status::ok);
        check_int32(e, x, w, expected, 0, random);
    }
}

TEST_CASE("bytes and 16 bits are emptied in time, however deep the product and whatever the signs") {
    const product_shape shapes[] = {{5, 66, 993}, {1, 3, 4033}, {3, 3, 8037}, {4, 5, 9217}, {1, 2, 14369}, {2, 2, 70001}};
    for (const lookup& e : lookups()) {
        random_numbers random(3);
        for (const product_shape& s : shapes) {
            for (const fill of_x : {fill::lowest, fill::highest}) {
                for (const fill of_w : {fill::lowest, fill::zero, fill::highest}) {
                    const integers x = make_integers(e.lhs, s.rows, s.depth, of_x, random);
                    const integers w = make_integers(weights_encoding, s.outputs, s.depth, of_w, random);
                    const std::int32_t one = tern::reference::dot(x.values.data(), w.values.data(), s.depth);
                    check_int32(e, x, w, std::vector<std::int32_t>(s.rows * s.outputs, one), 0, random);
                }
            }
        }
    }
}

TEST_CASE("the deepest product of 8-bit activations that is allowed does not overflow, and the next is refused") {
    constexpr size_t depth = 0x7fffffff / 255;
    for (const lookup& e : lookups()) {
        if (e.lhs.name != "u8") continue;
        random_numbers random(4);
        const integers x = make_integers(e.lhs, 1, depth + 1, fill::highest, random);
        const integers w = make_integers(weights_encoding, 1, depth + 1, fill::lowest, random);
        integers exact_x(1, depth, 255);
        integers exact_w(1, depth, -1);
        check_int32(e, exact_x, exact_w, {-static_cast<std::int32_t>(255 * depth)}, 0, random);
        const packed_lhs lhs(e.lhs, x, form::dense, random);
        const packed_weights rhs(w, false);
        destination<std::int32_t> dst(1, 1, 0);
        CHECK(e.to_int32(lhs.view(), rhs.view, dst.view(), tiles{}) == status::overflow);
        CHECK(dst.difference() == "");
    }
}

TEST_CASE("a single element anywhere in the activations or the weights reaches its results and no other") {
    constexpr size_t rows = 5;
    constexpr size_t outputs = 67;
    constexpr size_t depth = 37;
    for (const lookup& e : lookups()) {
        random_numbers random(5);
        const integers some_x = make_integers(e.lhs, rows, depth, fill::random, random);
        const integers some_w = make_integers(weights_encoding, outputs, depth, fill::random, random);
        for (size_t shift = 0; shift < depth; ++shift) {
            integers x(rows, depth, e.lhs.has_zero() ? 0 : e.lhs.lowest);
            for (size_t r = 0; r < rows; ++r)
                x.at(r, (7 * r + shift) % depth) = static_cast<std::int16_t>(e.lhs.highest);
            check_int32(e, x, some_w, reference_gemm(x, some_w), shift, random);
            integers w(outputs, depth);
            for (size_t o = 0; o < outputs; ++o) w.at(o, (5 * o + shift) % depth) = o % 2 == 0 ? 1 : -1;
            check_int32(e, some_x, w, reference_gemm(some_x, w), shift, random);
        }
    }
}

TEST_CASE("the sign bit of a ternary zero means nothing") {
    for (const lookup& e : lookups()) {
        if (e.lhs.name != "ternary") continue;
        random_numbers random(6);
        const integers x = make_integers(e.lhs, 5, 75, fill::random, random);
        const integers w = make_integers(weights_encoding, 70, 75, fill::random, random);
        packed_lhs lhs(e.lhs, x, form::dense, random);
        for (size_t d = 0; d < 75; ++d)
            for (size_t i = 0; i < 5; ++i)
                if (x.at(i, d) == 0) lhs.at(i, 1)[d / 32] |= word{1} << (d % 32);
        const packed_weights rhs(w, false);
        destination<std::int32_t> dst(5, 70, 0);
        dst.expect(reference_gemm(x, w));
        CHECK(e.to_int32(lhs.view(), rhs.view, dst.view(), tiles{}) == status::ok);
        CHECK(dst.difference() == "");
    }
}

TEST_CASE("bytes that are no indices give some results and touch nothing else") {
    for (const lookup& e : lookups()) {
        random_numbers random(7);
        const integers x = make_integers(e.lhs, 5, 75, fill::random, random);
        const packed_lhs lhs(e.lhs, x, form::dense, random);
        std::vector<std::uint8_t> noise(tern::indices_bytes(70, 75));
        for (std::uint8_t& byte : noise) byte = static_cast<std::uint8_t>(random.next());
        destination<std::int32_t> dst(5, 70, 2);
        CHECK(e.to_int32(lhs.view(), packed_indices(noise.data(), 70, 75), dst.view(), tiles{}) == status::ok);
        dst.expect(dst.values());
        CHECK(dst.difference() == "");
    }
}

TEST_CASE("ranges of tiles write their 64 outputs each and nothing else") {
    for (const lookup& e : lookups()) {
        random_numbers random(8);
        for (const size_t rows : {1u, 6u}) {
            const integers x = make_integers(e.lhs, rows, 70, fill::random, random);
            const integers w = make_integers(weights_encoding, 650, 70, fill::random, random);
            const packed_lhs lhs(e.lhs, x, form::dense, random);
            const packed_weights rhs(w, false);
            const auto expected = reference_gemm(x, w);
            for (const tiles range : {tiles{0, 1}, tiles{3, 5}, tiles{2, 2}, tiles{1, 10}, tiles{10, 11}, tiles{9, 99},
                                      tiles{11, 12}, tiles{20, 30}}) {
                INFO(e.lhs.name, " on ", e.arch, ", tiles ", range.first, " to ", range.last);
                destination<std::int32_t> dst(rows, 650, 1);
                dst.expect(expected, range.first * 64, range.last * 64);
                CHECK(e.to_int32(lhs.view(), rhs.view, dst.view(), range) == status::ok);
                CHECK(dst.difference() == "");
            }
            destination<std::int32_t> dst(rows, 650, 1);
            CHECK(e.to_int32(lhs.view(), rhs.view, dst.view(), {3, 2}) == status::bad_shape);
            CHECK(dst.difference() == "");
        }
    }
}

TEST_CASE("reconstructed and repacked results, for the whole depth and for groups of it") {
    for (const lookup& e : lookups()) {
        if (e.to_float == nullptr) continue;
        random_numbers random(9);
        for (size_t turn = 0; turn < 62; ++turn) {
            const bool deep = turn >= 60;  // groups deeper than what 16 bits hold
            const size_t group = deep ? 8064 : turn % 3 == 0 ? 0 : 32 * random.between(1, 4);
            const size_t depth = deep ? 8200 : turn % 10 == 0 ? 4097 : random.between(0, 300);
            const size_t rows = turn % 4 == 0 ? 1 : random.between(1, 20);
            const integers x = make_integers(e.lhs, rows, depth, fill::random, random);
            const integers w = make_integers(weights_encoding, random.between(1, 300), depth, fill::random, random);
            parameters p;
            p.randomize(random, x.rows, w, group);
            const packed_lhs lhs(e.lhs, x, forms[turn % 4], random);
            const packed_weights rhs(w, turn % 2 == 0);
            INFO(e.lhs.name, " on ", e.arch, ", ", product_shape{x.rows, w.rows, x.cols}, " groups of ", group);
            std::vector<float> reals(x.rows * w.rows);
            tern::reference::gemm(x.view(), w.view(), float_matrix(reals.data(), x.rows, w.rows), p.epilogue);
            destination<float> dst(x.rows, w.rows, turn % 3);
            dst.expect(reals);
            CHECK(e.to_float(lhs.view(), rhs.view, dst.view(), p.epilogue, tiles{}) == status::ok);
            CHECK(dst.difference() == "");
            std::vector<std::int8_t> codes(reals.size());
            tern::reference::ternarize(float_matrix(reals.data(), x.rows, w.rows), p.limits,
                                       tern::matrix_view<std::int8_t>(codes.data(), x.rows, w.rows));
            ternary_destination packed(x.rows, w.rows, forms[turn % 4]);
            packed.expect(codes);
            CHECK(e.to_ternary(lhs.view(), rhs.view, packed.view(), p.epilogue, p.limits, tiles{}) == status::ok);
            CHECK(packed.difference() == "");
        }
    }
}

TEST_CASE("sums of groups of the weights") {
    random_numbers random(11);
    const integers w = make_integers(weights_encoding, 70, 45, fill::random, random);
    const auto packed = tern::pack_indices(w.view());
    for (const size_t group : {1u, 7u, 32u, 45u, 99u}) {
        const size_t groups = (45 + group - 1) / group;
        std::vector<std::int32_t> expected(70 * groups);
        for (size_t o = 0; o < 70; ++o)
            for (size_t d = 0; d < 45; ++d) expected[o * groups + d / group] += w.at(o, d);
        destination<std::int32_t> dst(70, groups, 1);
        dst.expect(expected);
        CHECK(tern::group_sums(packed, group, dst.view()) == status::ok);
        CHECK(dst.difference() == "");
        CHECK(tern::group_sums(packed, group + 100, dst.view()) == (groups == 1 ? status::ok : status::bad_shape));
    }
    CHECK(tern::group_sums(packed, 0, int32_matrix{}) == status::bad_shape);
}

TEST_CASE("what does not fit is refused and nothing is written") {
    random_numbers random(10);
    const encoding_info e = describe<tern::ternary>();
    const integers x = make_integers(e, 3, 40, fill::random, random);
    const integers w = make_integers(e, 70, 40, fill::random, random);
    const auto lhs = tern::pack_rows<tern::ternary>(x.view());
    const auto rhs = tern::pack_indices(w.view());
    destination<std::int32_t> dst(3, 70, 0);
    const auto refuses = [&](const tern::packed_rows<tern::ternary>& a, const packed_indices& b,
                             const int32_matrix& c) {
        const status s = tern::gemm(a, b, c);
        CHECK(dst.difference() == "");
        return s;
    };
    packed_indices other = rhs;
    other.layout = tern::layout_id::codes;
    CHECK(refuses(lhs, other, dst.view()) == status::bad_layout);
    other = rhs;
    other.data = nullptr;
    CHECK(refuses(lhs, other, dst.view()) == status::null_pointer);
    other = rhs;
    other.depth = 41;
    CHECK(refuses(lhs, other, dst.view()) == status::bad_shape);
    other = rhs;
    other.outputs = 69;
    CHECK(refuses(lhs, other, dst.view()) == status::bad_shape);
    tern::packed_rows<tern::ternary> rows = lhs;
    rows.row_stride = 1;
    CHECK(refuses(rows, rhs, dst.view()) == status::bad_stride);
    int32_matrix to = dst.view();
    to.stride = 69;
    CHECK(refuses(lhs, rhs, to) == status::bad_stride);
    to = dst.view();
    to.rows = 2;
    CHECK(refuses(lhs, rhs, to) == status::bad_shape);
    std::vector<std::int32_t> shared(3 * 70 + 2 * (10 * 64 + 256));
    auto* const bytes = reinterpret_cast<std::uint8_t*>(shared.data() + 3 * 70 - 1);
    packed_indices inside;
    REQUIRE(tern::pack_indices(w.view(), bytes, 2 * (10 * 64 + 256), inside) == status::ok);
    CHECK(tern::gemm(lhs, inside, int32_matrix(shared.data(), 3, 70)) == status::overlap);
    CHECK(tern::gemv(lhs, rhs, dst.view()) == status::bad_shape);
    CHECK(dst.difference() == "");
    tern::scale_offset epilogue;
    epilogue.group = 33;
    destination<float> reals(3, 70, 0);
    CHECK(tern::gemm(lhs, rhs, reals.view(), epilogue) == status::bad_shape);
    CHECK(reals.difference() == "");
}

}  // namespace
