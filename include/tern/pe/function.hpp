// SPDX-License-Identifier: MIT
// What a processing element computes, on the library's own words: the sum of a step, and the accumulator behind it with
// the hardware's width and rule.
//
//     step(d) = sum_{d <= k < d + count} x[i][k] w[j][k],   acc = rule(acc + step),   dst[i][j] = acc
//
// A binary element counts equal bits instead; 2 count - depth is taken once, behind the accumulator.
// Operands: `packed_rows` x `packed_rows` or `packed_panels` (one tap, or taps that share words) for binary and
// ternary; rows of integers x packed ternary for ternary_int8; rows of integers, or anything packed, for int8 and
// fusion; rows of bit patterns (std::uint32_t) for fp16 and fp32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <tern/layout.hpp>
#include <tern/pe/floating.hpp>
#include <tern/pe/unit.hpp>

namespace tern::pe {
inline namespace TERN_ISA_NAMESPACE {

/// An accumulator register and whether it ever held something else than the sum.
struct accumulator {
    std::int64_t value = 0;
    bool overflowed = false;

    constexpr void add(const unit& u, std::int64_t step) noexcept {
        const std::int64_t last = accumulator_max(u);
        const std::int64_t first = u.type == kind::binary ? 0 : -last - 1;
        value += step;
        if (value >= first && value <= last) return;
        overflowed = true;
        if (u.rule == overflow_rule::saturate) {
            value = value < first ? first : last;
            return;
        }
        const auto mask = static_cast<std::uint64_t>(last - first);  // 2^acc_bits - 1
        const std::uint64_t kept = static_cast<std::uint64_t>(value) & mask;
        value = static_cast<std::int64_t>(kept);
        if (value > last) value += first - last - 1;
    }
};

namespace detail {

template <class Encoding>
[[nodiscard]] constexpr word plane_word(const packed_rows<Encoding>& v, size_t r, size_t plane, size_t w) noexcept {
    return v.row(r)[plane * v.plane_stride + w];
}
template <class Encoding>
[[nodiscard]] constexpr word plane_word(const packed_panels<Encoding>& v, size_t r, size_t plane, size_t w) noexcept {
    return v.panel(r / panel_outputs)[(w * size_t{Encoding::planes} + plane) * panel_outputs + r % panel_outputs];
}

/// Up to 32 bits of a plane from depth position `d` on, wherever it lies in its word.
template <class Packed>
[[nodiscard]] constexpr word plane_bits(const Packed& v, size_t r, size_t plane, size_t d, size_t count) noexcept {
    const size_t at = d % word_bits;
    word bits = plane_word(v, r, plane, d / word_bits) >> at;
    if (at != 0 && at + count > word_bits) bits |= plane_word(v, r, plane, d / word_bits + 1) << (word_bits - at);
    return bits & bits::low_mask(count);
}

template <class T, class = void>
struct encoding_of {
    using type = void;
};
template <class T>
struct encoding_of<T, std::void_t<typename T::encoding>> {
    using type = typename T::encoding;
};

/// Bit planes of -1, 0, +1: the only packed operands whose lanes are counted rather than added.
template <class T, class Encoding>
inline constexpr bool packs = std::is_same_v<typename encoding_of<T>::type, Encoding>;

template <class T>
[[nodiscard]] constexpr std::int64_t value_at(const matrix_view<T>& v, size_t r, size_t d) noexcept {
    return static_cast<std::int64_t>(v(r, d));
}
template <class Packed>
[[nodiscard]] constexpr auto value_at(const Packed& v, size_t r, size_t d) noexcept
    -> decltype(std::int64_t{v.value(r, d)}) {
    return v.value(r, d);
}

[[nodiscard]] constexpr size_t rows_of(...) noexcept { return 0; }
template <class T>
[[nodiscard]] constexpr auto rows_of(const T& v) noexcept -> decltype(v.rows) {
    return v.rows;
}
template <class T>
[[nodiscard]] constexpr auto rows_of(const T& v) noexcept -> decltype(v.outputs) {
    return v.outputs;
}
template <class T>
[[nodiscard]] constexpr size_t depth_of(const matrix_view<T>& v) noexcept {
    return v.cols;
}
template <class T>
[[nodiscard]] constexpr size_t depth_of(const packed_rows<T>& v) noexcept {
    return v.depth;
}
template <class T>
[[nodiscard]] constexpr size_t depth_of(const packed_panels<T>& v) noexcept {
    return v.depth();
}

template <class T>
[[nodiscard]] constexpr bool contiguous_depth(const T&) noexcept {
    return true;
}
template <class T>
[[nodiscard]] constexpr bool contiguous_depth(const packed_panels<T>& v) noexcept {
    return v.taps == 1 || v.dense_taps();
}

template <class X, class W>
[[nodiscard]] constexpr bool takes(kind k) noexcept {
    constexpr bool real =
        std::is_same_v<std::remove_const_t<std::remove_pointer_t<decltype(X{}.data)>>, std::uint32_t> &&
        std::is_same_v<typename encoding_of<X>::type, void>;
    switch (k) {
        case kind::binary: return packs<X, binary> && packs<W, binary>;
        case kind::ternary: return packs<X, ternary> && packs<W, ternary>;
        case kind::ternary_int8: return !packs<X, binary> && !packs<X, ternary> && !real && packs<W, ternary>;
        case kind::int8:
        case kind::fusion: return !real;
        case kind::fp16:
        case kind::fp32: return real;
    }
    return false;
}

}  // namespace detail

/// The sum of `count` <= 32 lanes of bit planes: equal bits for binary, products for ternary.
[[nodiscard]] constexpr std::int32_t binary_lanes(word x, word w, size_t count) noexcept {
    return bits::popcount(~(x ^ w) & bits::low_mask(count));
}
[[nodiscard]] constexpr std::int32_t ternary_lanes(word x_nonzero, word x_sign, word w_nonzero, word w_sign) noexcept {
    const word both = x_nonzero & w_nonzero;
    return bits::popcount(both) - 2 * bits::popcount(both & (x_sign ^ w_sign));
}

/// What the adder tree adds to the accumulator of row i and output j for the depth positions d .. d + count - 1.
template <class X, class W>
[[nodiscard]] constexpr std::int64_t step_sum(const unit&, const X& x, size_t i, const W& w, size_t j, size_t d,
                                              size_t count) noexcept {
    std::int64_t sum = 0;
    if constexpr (detail::packs<X, binary> && detail::packs<W, binary>) {
        for (size_t at = 0; at < count; at += word_bits) {
            const size_t n = count - at < word_bits ? count - at : word_bits;
            sum += binary_lanes(detail::plane_bits(x, i, 0, d + at, n), detail::plane_bits(w, j, 0, d + at, n), n);
        }
    } else if constexpr (detail::packs<X, ternary> && detail::packs<W, ternary>) {
        for (size_t at = 0; at < count; at += word_bits) {
            const size_t n = count - at < word_bits ? count - at : word_bits;
            sum += ternary_lanes(detail::plane_bits(x, i, 0, d + at, n), detail::plane_bits(x, i, 1, d + at, n),
                                 detail::plane_bits(w, j, 0, d + at, n), detail::plane_bits(w, j, 1, d + at, n));
        }
    } else {
        for (size_t k = d; k < d + count; ++k) sum += detail::value_at(x, i, k) * detail::value_at(w, j, k);
    }
    return sum;
}

/// The step of a floating-point element; lanes beyond `count` hold zeros. Requires lanes <= `most_float_lanes`.
inline constexpr size_t most_float_lanes = 1024;
template <class X, class W>
[[nodiscard]] constexpr std::uint32_t float_step(const unit& u, const X& x, size_t i, const W& w, size_t j, size_t d,
                                                 size_t count) noexcept {
    const float_format f = u.type == kind::fp16 ? half_format : single_format;
    std::uint32_t products[most_float_lanes] = {};
    for (size_t l = 0; l < count; ++l)
        products[l] = multiply(f, static_cast<std::uint32_t>(detail::value_at(x, i, d + l)),
                               static_cast<std::uint32_t>(detail::value_at(w, j, d + l)));
    return sum_tree(f, products, u.lanes);
}

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
