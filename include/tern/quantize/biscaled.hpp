// SPDX-License-Identifier: MIT
// BiScaled-DNN (Jain et al., DAC 2019): numbers of one width under two scales. Most take the fine one; the few that are
// too large for it take the wide one, and a sparse list says which.
//
//     x = q 2^-fine                    q = round_half_even(x 2^fine), |q| <= 2^(bits-1) - 1
//     x = q 2^-wide, wide = fine - shift, where |x| is too large for that
//
//     2^fine (x . w) = sum_all q w + (2^shift - 1) sum_wide q w
//
// a dense integer product and a short sum over the list, `add_wide`. The list is block sparse: for each 32 elements of
// a row among which there is a wide one, the number of the block and a mask.
//
// Gradient: straight-through up to the largest number of the wide scale, dL/dx = g [|x| <= (2^(bits-1) - 1) 2^-wide].
//
// Provenance: two scales, the list of the wide elements alone and the shifts that align products are the abstract's;
// the form of the sum is derived. Blocks of 32 with masks, `fit` (the wide scale holds max |x|, the shift with the
// least squared error) and the gradient are this library's choices.
#pragma once

#include <tern/quantize/levels.hpp>

namespace tern::quantize::biscaled {

struct format {
    int bits = 8;   ///< 2 to 8, sign among them
    int fine = 0;   ///< fractional bits of the fine scale
    int shift = 0;  ///< fractional bits that the wide scale has less, 0 to 15

    TERN_INLINE constexpr format() noexcept {}
    TERN_INLINE constexpr format(int bits_, int fine_, int shift_) noexcept : bits(bits_), fine(fine_), shift(shift_) {}
    [[nodiscard]] TERN_INLINE constexpr std::int32_t largest() const noexcept { return (1 << (bits - 1)) - 1; }
};

/// Wide elements: bit b of `mask` is element 32 * block + b of the row.
struct wide_block {
    std::uint32_t block;
    word mask;
};

/// The blocks of row i are begin[i] .. begin[i + 1] - 1; `begin` has rows + 1 numbers.
template <class Size, class Block>
struct wide_list {
    Size* begin = nullptr;
    Block* blocks = nullptr;
    size_t capacity = 0;  ///< of `blocks`

    TERN_INLINE constexpr wide_list() noexcept {}
    TERN_INLINE constexpr wide_list(Size* begin_, Block* blocks_, size_t capacity_) noexcept
        : begin(begin_), blocks(blocks_), capacity(capacity_) {}
};
using mutable_wide_list = wide_list<size_t, wide_block>;
using const_wide_list = wide_list<const size_t, const wide_block>;

namespace detail {

using namespace tern::quantize::detail;

[[nodiscard]] TERN_INLINE constexpr double power(int exponent) noexcept {
    double p = 1.0;
    for (int i = exponent < 0 ? -exponent : exponent; i > 0; --i) p *= exponent < 0 ? 0.5 : 2.0;
    return p;
}

struct element {
    std::int32_t level;
    bool wide;
};

/// In double, where x times a power of two is exact. NaN gives 0.
[[nodiscard]] TERN_INLINE element quantize(float x, double fine, double wide, std::int32_t most) noexcept {
    const double a = x < 0.0f ? -double{x} : double{x};
    if (!(a == a)) return {0, false};
    const bool large = a * fine > most + 0.5 || (a * fine == most + 0.5 && most % 2 != 0);  // rounds beyond `most`
    double y = a * (large ? wide : fine);
    y = y > most ? most : y;
    const auto whole = static_cast<std::int32_t>(y);
    const double left = y - whole;
    const std::int32_t level = whole + (left > 0.5 || (left == 0.5 && whole % 2 != 0) ? 1 : 0);
    return {x < 0.0f ? -level : level, large};
}

[[nodiscard]] TERN_INLINE status check_format(const format& f) noexcept {
    if (f.bits < 2 || f.bits > 8 || f.shift < 0 || f.shift > 15) return status::unsupported;
    return f.fine < -140 || f.fine > 160 ? status::bad_value : status::ok;
}

}  // namespace detail

/// Scales for the matrix: the wide one is the finest that holds max |x|, and of the shifts 0 .. `most_shift` the one
/// with the least squared error (the smallest of equals). Zeros alone give fine = wide = 0. Requires finite x.
/// Cost: most_shift + 2 passes. Returns bad_shape, bad_stride, null_pointer, bad_alignment, overflow, unsupported (bits
/// 2 to 8, most_shift 0 to 15) or bad_value.
template <class Arch = default_arch>
status fit(matrix_view<const float> x, int bits, int most_shift, format& f) noexcept {
    const status s = detail::first_error(check(x), detail::check_format({bits, 0, most_shift}));
    if (s != status::ok) return s;
    if (!kernel::all_finite<Arch>(x)) return status::bad_value;
    float most = 0.0f;
    for (size_t i = 0; i < x.rows; ++i) {
        const float row = kernel::largest_magnitude<Arch>(x.row(i), x.cols).most;
        most = row > most ? row : most;
    }
    format best(bits, 0, 0);
    if (most > 0.0f) {
        int wide = -126;
        const double top = best.largest();
        while (wide < 130 && double{most} * detail::power(wide + 1) <= top) ++wide;
        double least = -1.0;
        for (int shift = 0; shift <= most_shift; ++shift) {
            const double coarse = detail::power(wide);
            const double finer = detail::power(wide + shift);
            double error = 0.0;
            for (size_t i = 0; i < x.rows; ++i) {
                for (size_t j = 0; j < x.cols; ++j) {
                    const detail::element e = detail::quantize(x(i, j), finer, coarse, best.largest());
                    const double d = double{x(i, j)} - e.level / (e.wide ? coarse : finer);
                    error += d * d;
                }
            }
            if (least < 0.0 || error < least) {
                least = error;
                best.fine = wide + shift;
                best.shift = shift;
            }
        }
    }
    f = best;
    return s;
}

/// xq, exact wherever a float has the number. NaN gives 0, infinity the largest of the wide scale.
/// Returns as `fit`, overlap too; bad_value for a `fine` outside -140 .. 160.
template <class Arch = default_arch>
status forward(matrix_view<const float> x, const format& f, matrix_view<float> quantized) noexcept {
    const status s = detail::first_error(check(x), detail::check_format(f), detail::check_same_shape(quantized, x),
                                         detail::apart<1>(quantized, x));
    if (s != status::ok) return s;
    const double fine = detail::power(f.fine);
    const double wide = detail::power(f.fine - f.shift);
    for (size_t i = 0; i < x.rows; ++i) {
        for (size_t j = 0; j < x.cols; ++j) {
            const detail::element e = detail::quantize(x(i, j), fine, wide, f.largest());
            quantized(i, j) = static_cast<float>(e.level / (e.wide ? wide : fine));
        }
    }
    return s;
}

/// Blocks that the list of x needs.
template <class Arch = default_arch>
[[nodiscard]] size_t count_blocks(matrix_view<const float> x, const format& f) noexcept {
    size_t count = 0;
    const double fine = detail::power(f.fine);
    const double wide = detail::power(f.fine - f.shift);
    for (size_t i = 0; i < x.rows; ++i) {
        for (size_t first = 0; first < x.cols; first += word_bits) {
            bool any = false;
            for (size_t j = first; j < x.cols && j < first + word_bits; ++j)
                any |= detail::quantize(x(i, j), fine, wide, f.largest()).wide;
            count += any ? 1u : 0u;
        }
    }
    return count;
}

/// The integers q and the list of the wide ones. Returns as above; buffer_size where the list is longer than its
/// capacity.
template <class Arch = default_arch>
status forward(matrix_view<const float> x, const format& f, matrix_view<std::int8_t> levels,
               const mutable_wide_list& list) noexcept {
    status s = detail::first_error(check(x), detail::check_format(f), detail::check_same_shape(levels, x));
    if (s != status::ok) return s;
    if (list.begin == nullptr || (list.blocks == nullptr && list.capacity != 0)) return status::null_pointer;
    s = detail::apart<3>(levels, bytes_of(list.begin, (x.rows + 1) * sizeof(size_t)),
                         bytes_of(list.blocks, list.capacity * sizeof(wide_block)), x);
    if (s != status::ok) return s;
    if (count_blocks<Arch>(x, f) > list.capacity) return status::buffer_size;
    const double fine = detail::power(f.fine);
    const double wide = detail::power(f.fine - f.shift);
    size_t count = 0;
    for (size_t i = 0; i < x.rows; ++i) {
        list.begin[i] = count;
        for (size_t first = 0; first < x.cols; first += word_bits) {
            word mask = 0;
            for (size_t j = first; j < x.cols && j < first + word_bits; ++j) {
                const detail::element e = detail::quantize(x(i, j), fine, wide, f.largest());
                levels(i, j) = static_cast<std::int8_t>(e.level);
                mask |= (e.wide ? 1u : 0u) << (j - first);
            }
            if (mask == 0) continue;
            list.blocks[count].block = static_cast<std::uint32_t>(first / word_bits);
            list.blocks[count].mask = mask;
            ++count;
        }
    }
    list.begin[x.rows] = count;
    return s;
}

/// dst[i][o] += (2^shift - 1) * sum_{wide j of row i} levels[i][j] * weights.value(o, j), which makes of the product of
/// all levels, int32, 2^fine times the product of the numbers.
/// `weights`: any packed weights (outputs, value). Requires that the sums fit int32: depth * 127 * 2^shift * max |w| <
/// 2^31 is enough, else `overflow`. Cost: outputs x wide elements.
template <class Arch = default_arch, class Weights>
status add_wide(matrix_view<const std::int8_t> levels, const const_wide_list& list, const format& f,
                const Weights& weights, matrix_view<std::int32_t> dst) noexcept {
    status s = detail::first_error(check(levels), detail::check_format(f), check(weights), check(dst));
    if (s != status::ok) return s;
    if (dst.rows != levels.rows || dst.cols != weights.outputs) return status::bad_shape;
    if (list.begin == nullptr) return status::null_pointer;
    size_t bound = 0;
    if (!multiply(levels.cols, size_t{128} << f.shift, bound) ||
        !multiply(bound, size_t{Weights::encoding::max_abs}, bound) || bound > 0x7fffffffu)
        return status::overflow;
    s = detail::apart<1>(dst, levels, bytes_of(weights));
    if (s != status::ok) return s;
    for (size_t i = 0; i < dst.rows; ++i) {
        for (size_t b = list.begin[i]; b < list.begin[i + 1]; ++b) {
            for (word left = list.blocks[b].mask, at = 0; left != 0; left >>= 1, ++at) {
                const size_t j = size_t{list.blocks[b].block} * word_bits + at;
                if ((left & 1u) == 0u || j >= levels.cols) continue;
                const std::int32_t q = levels(i, j) * ((1 << f.shift) - 1);
                for (size_t o = 0; o < dst.cols; ++o) dst(i, o) += q * weights.value(o, j);
            }
        }
    }
    return s;
}

/// dL/dx; NaN gets none.
template <class Arch = default_arch>
status backward(matrix_view<const float> x, const format& f, matrix_view<const float> grad,
                matrix_view<float> grad_x) noexcept {
    const status s = detail::first_error(check(x), detail::check_format(f), detail::check_same_shape(grad, x),
                                         detail::check_same_shape(grad_x, x), detail::apart<1>(grad_x, grad, x));
    if (s != status::ok) return s;
    const double limit = f.largest() / detail::power(f.fine - f.shift);
    for (size_t i = 0; i < x.rows; ++i) {
        for (size_t j = 0; j < x.cols; ++j) {
            const double a = x(i, j) < 0.0f ? -double{x(i, j)} : double{x(i, j)};
            grad_x(i, j) = a <= limit ? grad(i, j) : 0.0f;
        }
    }
    return s;
}

}  // namespace tern::quantize::biscaled
