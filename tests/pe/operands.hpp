// SPDX-License-Identifier: MIT
// Operands for every kind of element: random ones and the corners.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include <tern/buffer.hpp>
#include <tern/pe/run.hpp>

namespace tern_test {

namespace pe = tern::pe;
using tern::size_t;

inline const size_t pe_lanes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 32, 33, 63, 64, 65, 127, 128, 129, 256};

/// A matrix of integers, `low` and `high` among them: rows of random values, then if `corners` rows all `low`, all
/// `high`, all `rest`, and `low` and `high` in turn.
inline std::vector<std::int32_t> pe_values(size_t rows, size_t cols, std::int32_t low, std::int32_t high,
                                           std::int32_t step, bool corners, std::mt19937& random) {
    std::uniform_int_distribution<std::int32_t> pick(0, (high - low) / step);
    std::vector<std::int32_t> v(rows * cols);
    for (size_t r = 0; r < rows; ++r) {
        const size_t corner = corners && rows >= 5 ? rows - 1 - r : rows;
        for (size_t c = 0; c < cols; ++c) {
            std::int32_t& t = v[r * cols + c];
            t = low + step * pick(random);
            if (corner == 0) t = low;
            if (corner == 1) t = high;
            if (corner == 2) t = low <= 0 && step == 1 ? 0 : high;
            if (corner == 3) t = c % 2 == 0 ? low : high;
        }
    }
    return v;
}

/// Bit patterns of moderate floats, zeros, infinities, subnormals and the largest and smallest numbers.
inline std::vector<std::uint32_t> pe_floats(pe::float_format f, size_t n, std::mt19937& random) {
    std::vector<std::uint32_t> v(n);
    const auto window = static_cast<std::uint32_t>(f.bias() - 3);
    for (std::uint32_t& t : v) {
        const auto bits = static_cast<std::uint32_t>(random());
        t = (bits & f.fraction_mask()) | (window + (bits >> 27)) << f.fraction |
            (bits >> 26 & 1u) << (f.exponent + f.fraction);
        const auto magnitude = (1u << (f.exponent + f.fraction)) - 1u;
        switch (random() % 24) {
            case 0: t &= ~magnitude; break;
            case 1: t &= ~magnitude | f.fraction_mask(); break;
            case 2: t = (t & ~magnitude) | 1u << f.fraction; break;
            case 3: t = static_cast<std::uint32_t>(random()) & (2 * magnitude + 1); break;
            default: break;
        }
    }
    return v;
}

template <class T>
tern::matrix_view<const T> pe_view(const std::vector<T>& v, size_t rows, size_t cols) {
    return {v.data(), rows, cols};
}

/// Calls f(x, w) with operands that fit the kind: `vectors` x depth and `outputs` x depth.
template <class F>
void with_operands(const pe::unit& u, size_t vectors, size_t outputs, size_t depth, std::mt19937& random, const F& f) {
    using tern::binary;
    using tern::ternary;
    const auto integers = [&](int bits, size_t rows, bool corners) {
        return pe_values(rows, depth, -(1 << (bits - 1)), (1 << (bits - 1)) - 1, 1, corners, random);
    };
    if (u.type == pe::kind::binary) {
        const auto x =
            tern::pack_rows<binary>(pe_view(pe_values(vectors, depth, -1, 1, 2, true, random), vectors, depth));
        const auto w = tern::pack<binary>(pe_view(pe_values(outputs, depth, -1, 1, 2, true, random), outputs, depth));
        f(static_cast<const tern::packed_rows<binary>&>(x), static_cast<const tern::packed_panels<binary>&>(w));
    } else if (u.type == pe::kind::fp16 || u.type == pe::kind::fp32) {
        const pe::float_format format = u.type == pe::kind::fp16 ? pe::half_format : pe::single_format;
        const auto x = pe_floats(format, vectors * depth, random);
        const auto w = pe_floats(format, outputs * depth, random);
        f(pe_view(x, vectors, depth), pe_view(w, outputs, depth));
    } else if (u.type == pe::kind::ternary || u.type == pe::kind::ternary_int8) {
        const auto w = tern::pack<ternary>(pe_view(pe_values(outputs, depth, -1, 1, 1, true, random), outputs, depth));
        const tern::packed_panels<ternary>& panels = w;
        if (u.type == pe::kind::ternary) {
            const auto x =
                tern::pack_rows<ternary>(pe_view(pe_values(vectors, depth, -1, 1, 1, true, random), vectors, depth));
            f(static_cast<const tern::packed_rows<ternary>&>(x), panels);
        } else {
            const auto x = integers(u.x_bits, vectors, true);
            f(pe_view(x, vectors, depth), panels);
        }
    } else {
        const int bits = u.type == pe::kind::int8 ? 8 : u.fused_bits;
        const auto x = integers(bits, vectors, true);
        const auto w = integers(bits, outputs, true);
        f(pe_view(x, vectors, depth), pe_view(w, outputs, depth));
    }
}

}  // namespace tern_test
