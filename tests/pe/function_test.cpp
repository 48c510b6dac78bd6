// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include <tern/buffer.hpp>
#include <tern/gemm.hpp>
#include <tern/gemm_bytes.hpp>
#include <tern/pe/run.hpp>
#include <tern/reference.hpp>

namespace {

namespace pe = tern::pe;
using tern::size_t;

template <class T>
std::vector<T> values(size_t n, int low, int high, std::mt19937& random, int step = 1) {
    std::uniform_int_distribution<int> pick(0, (high - low) / step);
    std::vector<T> v(n);
    for (T& t : v) t = static_cast<T>(low + step * pick(random));
    return v;
}

template <class T>
tern::matrix_view<const T> view(const std::vector<T>& v, size_t rows, size_t cols) {
    return {v.data(), rows, cols};
}

pe::array folded(const pe::unit& u, size_t rows) {
    pe::array a;
    a.element = u;
    a.rows = rows;
    return a;
}

const size_t lanes_list[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 32, 33, 63, 64, 65, 127, 128, 129, 256};
struct shape {
    size_t vectors, outputs, depth;
};
const shape shapes[] = {{1, 1, 1}, {2, 3, 9}, {3, 5, 31}, {2, 17, 64}, {1, 4, 100}, {2, 2, 257}};

template <class X, class W, class Xs, class Ws>
void against_reference(pe::array a, const X& x, const W& w, const Xs& plain_x, const Ws& plain_w, const shape& s) {
    std::vector<std::int32_t> expected(s.vectors * s.outputs);
    std::vector<std::int32_t> found(s.vectors * s.outputs, 77);
    tern::reference::gemm(view(plain_x, s.vectors, s.depth), view(plain_w, s.outputs, s.depth),
                          tern::matrix_view<std::int32_t>(expected.data(), s.vectors, s.outputs));
    const pe::run_result r = pe::run(a, x, w, tern::matrix_view<std::int32_t>(found.data(), s.vectors, s.outputs));
    CHECK(r.possible.ok());
    CHECK(r.overflows == 0);
    CHECK(r.cycles == pe::cycles(a, pe::workload{s.outputs, s.depth, s.vectors}));
    CHECK(found == expected);
}

/// Every dataflow, with an accumulator that just fits.
template <class X, class W, class Xs, class Ws>
void on_every_array(pe::unit u, const X& x, const W& w, const Xs& plain_x, const Ws& plain_w, const shape& s) {
    u.acc_bits = pe::accumulator_bits(u, s.depth);
    CHECK(pe::check(u, s.depth).ok());
    pe::array a = folded(u, 3);
    against_reference(a, x, w, plain_x, plain_w, s);
    a.flow = pe::dataflow::output_stationary;
    a.columns = 2;
    against_reference(a, x, w, plain_x, plain_w, s);
    a.flow = pe::dataflow::weight_stationary;
    against_reference(a, x, w, plain_x, plain_w, s);
}

float as_float(std::uint32_t bits) {
    float f;
    std::memcpy(&f, &bits, sizeof f);
    return f;
}
std::uint32_t bits_of(float f) {
    std::uint32_t bits;
    std::memcpy(&bits, &f, sizeof bits);
    return bits;
}

/// binary16 in double, and back with one rounding: what IEEE 754 says of the exact sum or product of two halves.
double half_value(std::uint32_t h) {
    const int e = static_cast<int>(h >> 10 & 31u);
    const double m = e == 0 ? 0.0 : std::ldexp(1024.0 + (h & 1023u), e - 25);
    return (h & 0x8000u) != 0 ? -m : m;
}
std::uint32_t half_bits(double v) {
    const std::uint32_t sign = std::signbit(v) ? 0x8000u : 0u;
    const double m = std::fabs(v);
    int e = 0;
    if (m == 0.0) return sign;
    std::frexp(m, &e);  // m = 0.5 .. 1 * 2^e
    double scaled = std::nearbyint(std::ldexp(m, 11 - e));
    if (scaled == 2048.0) {
        scaled = 1024.0;
        ++e;
    }
    const int biased = e - 1 + 15;
    if (biased >= 31) return sign | 0x7c00u;
    if (biased <= 0) return sign;
    return sign | static_cast<std::uint32_t>(biased) << 10 | (static_cast<std::uint32_t>(scaled) & 1023u);
}

}  // namespace

TEST_CASE("binary, ternary, integers and bricks equal the reference on every dataflow") {
    std::mt19937 random(1);
    for (const size_t lanes : lanes_list) {
        for (const shape& s : shapes) {
            CAPTURE(lanes);
            CAPTURE(s.depth);
            const size_t nx = s.vectors * s.depth;
            const size_t nw = s.outputs * s.depth;
            pe::unit u;
            u.lanes = lanes;

            const auto xb = values<std::int8_t>(nx, -1, 1, random, 2);
            const auto wb = values<std::int8_t>(nw, -1, 1, random, 2);
            const auto px = tern::pack_rows<tern::binary>(view(xb, s.vectors, s.depth));
            const auto pw = tern::pack<tern::binary>(view(wb, s.outputs, s.depth));
            u.type = pe::kind::binary;
            on_every_array(u, static_cast<const tern::packed_rows<tern::binary>&>(px),
                           static_cast<const tern::packed_panels<tern::binary>&>(pw), xb, wb, s);

            const auto xt = values<std::int8_t>(nx, -1, 1, random);
            const auto wt = values<std::int8_t>(nw, -1, 1, random);
            const auto tx = tern::pack_rows<tern::ternary>(view(xt, s.vectors, s.depth));
            const auto tw = tern::pack<tern::ternary>(view(wt, s.outputs, s.depth));
            const tern::packed_rows<tern::ternary>& rows = tx;
            const tern::packed_panels<tern::ternary>& panels = tw;
            u.type = pe::kind::ternary;
            on_every_array(u, rows, panels, xt, wt, s);
            u.type = pe::kind::fusion;  // ternary values are 2-bit integers
            on_every_array(u, rows, panels, xt, wt, s);

            const auto xi = values<std::int8_t>(nx, -128, 127, random);
            const auto wi = values<std::int8_t>(nw, -128, 127, random);
            u.type = pe::kind::ternary_int8;
            on_every_array(u, view(xi, s.vectors, s.depth), panels, xi, wt, s);
            u.type = pe::kind::int8;
            on_every_array(u, view(xi, s.vectors, s.depth), view(wi, s.outputs, s.depth), xi, wi, s);
            u.type = pe::kind::fusion;
            u.fused_bits = 8;
            on_every_array(u, view(xi, s.vectors, s.depth), view(wi, s.outputs, s.depth), xi, wi, s);
        }
    }
}

TEST_CASE("emulated arrays equal this CPU's kernels on the same words") {
    std::mt19937 random(9);
    for (const shape& s : {shape{3, 5, 31}, shape{2, 17, 64}, shape{5, 33, 257}}) {
        const auto on_array = [&](pe::kind type, const auto& x, const auto& w) {
            pe::array a = folded(pe::unit_for(type, 13, s.depth), 4);
            std::vector<std::int32_t> found(s.vectors * s.outputs);
            const pe::run_result r =
                pe::run(a, x, w, tern::matrix_view<std::int32_t>(found.data(), s.vectors, s.outputs));
            CHECK(r.possible.ok());
            return found;
        };
        const auto by_kernel = [&](const auto& x, const auto& w) {
            std::vector<std::int32_t> found(s.vectors * s.outputs);
            CHECK(tern::gemm(x, w, tern::matrix_view<std::int32_t>(found.data(), s.vectors, s.outputs)) ==
                  tern::status::ok);
            return found;
        };
        const auto wt = values<std::int8_t>(s.outputs * s.depth, -1, 1, random);
        const auto tw = tern::pack<tern::ternary>(view(wt, s.outputs, s.depth));
        const tern::packed_panels<tern::ternary>& panels = tw;
        const auto check_planes = [&](pe::kind type, auto encoding, int step) {
            using encoded = decltype(encoding);
            const auto x = tern::pack_rows<encoded>(
                view(values<std::int8_t>(s.vectors * s.depth, -1, 1, random, step), s.vectors, s.depth));
            const auto w = tern::pack<encoded>(
                view(values<std::int8_t>(s.outputs * s.depth, -1, 1, random, step), s.outputs, s.depth));
            const tern::packed_rows<encoded>& rows = x;
            const tern::packed_panels<encoded>& weights = w;
            CHECK(on_array(type, rows, weights) == by_kernel(rows, weights));
        };
        check_planes(pe::kind::binary, tern::binary{}, 2);
        check_planes(pe::kind::ternary, tern::ternary{}, 1);

        const auto xi = values<std::int8_t>(s.vectors * s.depth, -128, 127, random);
        const auto codes = tern::pack<tern::ternary_code>(view(wt, s.outputs, s.depth));
        const tern::packed_codes& code_panels = codes;
        CHECK(on_array(pe::kind::ternary_int8, view(xi, s.vectors, s.depth), panels) ==
              by_kernel(view(xi, s.vectors, s.depth), code_panels));
    }
}

TEST_CASE("pixels are activations of nine bits") {
    std::mt19937 random(2);
    const auto x = values<std::uint8_t>(3 * 70, 0, 255, random);
    const auto w = values<std::int8_t>(5 * 70, -1, 1, random);
    const auto pw = tern::pack<tern::ternary>(view(w, 5, 70));
    pe::unit u;
    u.type = pe::kind::ternary_int8;
    u.x_bits = 9;
    u.lanes = 9;
    on_every_array(u, view(x, 3, 70), static_cast<const tern::packed_panels<tern::ternary>&>(pw), x, w, {3, 5, 70});
}

TEST_CASE("bit-serial: two's complement plane by plane") {
    std::mt19937 random(3);
    for (const int bits : {2, 4, 8}) {
        const int limit = 1 << (bits - 1);
        const shape s{3, 5, 77};
        const auto x = values<std::int8_t>(s.vectors * s.depth, -limit, limit - 1, random);
        const auto w = values<std::int8_t>(s.outputs * s.depth, -2, 1, random);
        pe::array a;
        a.flow = pe::dataflow::bit_serial;
        a.element.type = pe::kind::binary;
        a.element.lanes = 32;
        a.element.acc_bits = 32;
        a.rows = a.columns = 2;
        a.serial_x_bits = bits;
        a.serial_w_bits = 2;
        std::vector<std::int32_t> found(s.vectors * s.outputs);
        std::vector<std::int32_t> expected(found.size());
        tern::reference::gemm(view(x, 3, 77), view(w, 5, 77), tern::matrix_view<std::int32_t>(expected.data(), 3, 5));
        // Integers are what a bit-serial array is given; the element counts their planes.
        a.element.type = pe::kind::int8;
        const pe::run_result r =
            pe::run(a, view(x, 3, 77), view(w, 5, 77), tern::matrix_view<std::int32_t>(found.data(), 3, 5));
        CHECK(r.possible.ok());
        CHECK(found == expected);
        CHECK(r.cycles == static_cast<std::uint64_t>(bits) * 2 * 3 * 3 * 2 + 1);
    }
}

TEST_CASE("accumulators wrap or saturate at their limits, and say so") {
    for (const auto rule : {pe::overflow_rule::wrap, pe::overflow_rule::saturate}) {
        for (const int sign : {1, -1}) {
            const std::vector<std::int8_t> x(64, 1);
            const std::vector<std::int8_t> w(64, static_cast<std::int8_t>(sign));
            const auto px = tern::pack_rows<tern::ternary>(view(x, 1, 64));
            const auto pw = tern::pack<tern::ternary>(view(w, 1, 64));
            for (int acc_bits = 5; acc_bits <= 8; ++acc_bits) {
                pe::unit u;
                u.lanes = 8;
                u.acc_bits = acc_bits;
                u.rule = rule;
                std::int64_t found = 0;
                const pe::run_result r = pe::run(folded(u, 1), static_cast<const tern::packed_rows<tern::ternary>&>(px),
                                                 static_cast<const tern::packed_panels<tern::ternary>&>(pw),
                                                 tern::matrix_view<std::int64_t>(&found, 1, 1));
                const std::int64_t last = (std::int64_t{1} << (acc_bits - 1)) - 1;
                const std::int64_t sum = 64 * sign;
                const bool fits = sum <= last && sum >= -last - 1;
                CHECK(r.overflows == (fits ? 0u : 1u));
                const std::int64_t saturated = sign > 0 ? last : -last - 1;
                const std::int64_t modulus = 2 * (last + 1);
                const std::int64_t wrapped = ((sum + last + 1) % modulus + modulus) % modulus - last - 1;
                CHECK(found == (fits ? sum : rule == pe::overflow_rule::wrap ? wrapped : saturated));
                CHECK(pe::check(u, 64).why == (acc_bits == 8 ? pe::reason::none : pe::reason::accumulator_below_depth));
            }
        }
    }
}

TEST_CASE("fp32 is IEEE 754 where nothing is subnormal; fp16 is the exact result rounded once") {
    std::mt19937 random(4);
    for (int n = 0; n < 200000; ++n) {
        const std::uint32_t a = (static_cast<std::uint32_t>(random()) & 0x9fffffffu) + 0x30000000u;
        const std::uint32_t near = (static_cast<std::uint32_t>(random()) & 0x81ffffffu) + (a & 0x7f000000u);
        const std::uint32_t b =
            (n & 1) != 0 ? near : (static_cast<std::uint32_t>(random()) & 0x9fffffffu) + 0x30000000u;
        const float sum = as_float(a) + as_float(b);
        const float product = as_float(a) * as_float(b);
        if (std::isfinite(as_float(b)) && (sum == 0.0f || std::isnormal(sum)))
            REQUIRE(pe::add(pe::single_format, a, b) == bits_of(sum));
        if (std::isfinite(as_float(b)) && std::isnormal(product))
            REQUIRE(pe::multiply(pe::single_format, a, b) == bits_of(product));

        const std::uint32_t h = static_cast<std::uint32_t>(random()) & 0xffffu;
        const std::uint32_t g = static_cast<std::uint32_t>(random()) & 0xffffu;
        if ((h & 0x7c00u) == 0x7c00u || (g & 0x7c00u) == 0x7c00u) continue;
        REQUIRE(pe::multiply(pe::half_format, h, g) == half_bits(half_value(h) * half_value(g)));
        const std::uint32_t total = pe::add(pe::half_format, h, g);
        const double exact = half_value(h) + half_value(g);
        // The sign of a sum that is flushed to zero is +; IEEE 754 has no such sums.
        if (std::fabs(exact) >= std::ldexp(1.0, -14))
            REQUIRE(total == half_bits(exact));
        else
            REQUIRE((total & 0x7fffu) == 0);
    }
}

static_assert(pe::accumulator_bits(pe::unit{pe::kind::ternary, 16, 16}, 1000) == 11, "ceil(log2(1001)) + 1");
