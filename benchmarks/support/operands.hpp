// SPDX-License-Identifier: MIT
// Random operands, packed, and what the reference says of their products. Seeds are fixed; the operands of one shape
// are kept until another is asked for, so that benchmarks which follow each other share them.
#pragma once

#include <cstdint>
#include <type_traits>
#include <vector>

#include <tern/buffer.hpp>
#include <tern/reference.hpp>

#include "support/shapes.hpp"

namespace tern_bench {

/// Enough for the values of every operand.
using value = std::int16_t;

class random_bytes {
public:
    explicit random_bytes(std::uint64_t seed) : state_(seed) {}

    std::uint32_t next() {
        if (left_ == 0) {  // splitmix64
            state_ += 0x9e3779b97f4a7c15u;
            std::uint64_t z = state_;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
            z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
            bytes_ = z ^ (z >> 31);
            left_ = 8;
        }
        const auto byte = static_cast<std::uint32_t>(bytes_ & 0xffu);
        bytes_ >>= 8;
        --left_;
        return byte;
    }

private:
    std::uint64_t state_;
    std::uint64_t bytes_ = 0;
    int left_ = 0;
};

/// Values of an encoding, each as often as the others (a third of ternary values is 0).
template <class Encoding, class T = value>
std::vector<T> random_values(size_t count, std::uint64_t seed) {
    std::vector<T> legal;
    for (std::int32_t v = -Encoding::max_abs; v <= Encoding::max_abs; ++v)
        if (Encoding::valid(v)) legal.push_back(static_cast<T>(v));
    random_bytes random(seed);
    std::vector<T> values(count);
    for (T& v : values) v = legal[random.next() * legal.size() / 256];
    return values;
}

/// Activations that are not packed: any byte.
struct int8_values {
    static constexpr std::int32_t max_abs = 128;
    static constexpr bool valid(std::int32_t v) { return v < 128; }
};

/// A matrix of them that owns its memory; a view wherever one is asked for.
class int8_matrix : public tern::matrix_view<const std::int8_t> {
public:
    int8_matrix() noexcept = default;
    explicit int8_matrix(const tern::matrix_view<const value>& from) : memory_(from.rows * from.cols) {
        for (size_t i = 0; i < memory_.size(); ++i) memory_[i] = static_cast<std::int8_t>(from.data[i]);
        static_cast<tern::matrix_view<const std::int8_t>&>(*this) = {memory_.data(), from.rows, from.cols};
    }

private:
    tern::buffer<std::int8_t> memory_;
};

// The bytes of packed operands, each counted once.
template <class Encoding>
double packed_bytes(const tern::packed_rows<Encoding>& v) {
    return static_cast<double>(v.extent() * sizeof(tern::word));
}
inline double packed_bytes(const tern::matrix_view<const std::int8_t>& v) {
    return static_cast<double>(v.rows * v.cols);
}
template <class Encoding>
double packed_bytes(const tern::packed_panels<Encoding>& v) {
    return static_cast<double>(v.words() * sizeof(tern::word));
}
inline double packed_bytes(const tern::packed_codes& v) { return static_cast<double>(v.bytes()); }
inline double packed_bytes(const tern::packed_trits& v) {
    return static_cast<double>(tern::trits_bytes(v.outputs, v.depth));
}
inline double packed_bytes(const tern::packed_sevens& v) {
    return static_cast<double>(tern::sevens_bytes(v.outputs, v.depth));
}
inline double packed_bytes(const tern::packed_indices& v) {
    return static_cast<double>(tern::indices_bytes(v.outputs, v.depth));
}

/// Weights, unpacked and packed: rows of `taps` * `tap_depth`.
template <class Encoding, class Packed = tern::packed_matrix<Encoding>>
struct weights {
    size_t outputs = 0;
    size_t taps = 1;
    size_t tap_depth = 0;
    std::vector<std::int8_t> values;
    Packed packed;

    weights() = default;
    weights(size_t outputs_, size_t taps_, size_t tap_depth_)
        : outputs(outputs_),
          taps(taps_),
          tap_depth(tap_depth_),
          values(random_values<Encoding, std::int8_t>(outputs * taps * tap_depth, 0x77)) {
        if constexpr (std::is_constructible_v<Packed, tern::matrix_view<const std::int8_t>, size_t>)
            packed = Packed(matrix(), taps);
        else
            packed = Packed(matrix());
    }

    [[nodiscard]] tern::matrix_view<const std::int8_t> matrix() const {
        return {values.data(), outputs, taps * tap_depth};
    }
    [[nodiscard]] double bytes() const { return packed_bytes(packed); }
    [[nodiscard]] double bits_per_weight() const { return bytes() * 8 / static_cast<double>(values.size()); }

    static const weights& of(size_t outputs, size_t taps, size_t tap_depth) {
        static weights kept;
        if (kept.outputs != outputs || kept.taps != taps || kept.tap_depth != tap_depth)
            kept = weights(outputs, taps, tap_depth);
        return kept;
    }
};

/// Rows 0 .. rows - 1, or some of them, evenly spread from the first to the last.
inline std::vector<size_t> some_of(size_t rows, size_t at_most) {
    std::vector<size_t> chosen;
    const size_t count = rows < at_most ? rows : at_most;
    for (size_t i = 0; i < count; ++i) chosen.push_back(count == 1 ? 0 : i * (rows - 1) / (count - 1));
    return chosen;
}

/// Activations of a matrix product and the reference's results: of all rows where that is quick, else of some.
template <class Lhs, class Rhs, class LhsPacked = tern::packed_activations<Lhs>,
          class RhsPacked = tern::packed_matrix<Rhs>>
struct product_operands {
    using rhs_weights = weights<Rhs, RhsPacked>;
    product_shape shape;
    const rhs_weights* rhs = nullptr;
    std::vector<value> values;
    LhsPacked lhs;
    std::vector<size_t> checked_rows;
    std::vector<std::int32_t> expected;

    product_operands() = default;
    product_operands(const product_shape& s, const rhs_weights& w)
        : shape(s),
          rhs(&w),
          values(random_values<Lhs>(s.n * s.k, 0x11)),
          lhs(tern::matrix_view<const value>{values.data(), s.n, s.k}),
          checked_rows(some_of(s.n, s.macs() < 2e8 ? s.n : 4)),
          expected(checked_rows.size() * s.m) {
        for (size_t i = 0; i < checked_rows.size(); ++i)
            tern::reference::gemm(tern::matrix_view<const value>{values.data() + checked_rows[i] * s.k, 1, s.k},
                                  rhs->matrix(), tern::matrix_view<std::int32_t>{expected.data() + i * s.m, 1, s.m});
    }

    [[nodiscard]] bool confirm(const tern::matrix_view<const std::int32_t>& dst) const {
        for (size_t i = 0; i < checked_rows.size(); ++i)
            for (size_t j = 0; j < shape.m; ++j)
                if (dst(checked_rows[i], j) != expected[i * shape.m + j]) return false;
        return true;
    }
    /// Read and written at least: each operand once.
    [[nodiscard]] double bytes() const {
        return rhs->bytes() + packed_bytes(lhs) + static_cast<double>(shape.m * shape.n * sizeof(std::int32_t));
    }

    static const product_operands& of(const product_shape& s) {
        static product_operands kept;
        const auto& w = rhs_weights::of(s.m, 1, s.k);  // other pairs may have asked for other weights since
        if (!(kept.shape == s)) kept = product_operands(s, w);
        return kept;
    }
};

}  // namespace tern_bench
