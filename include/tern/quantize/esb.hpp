// SPDX-License-Identifier: MIT
// ESB, elastic significant bits (Gong et al., IEEE TPDS 2022): n bits are a sign, e exponent bits and k significant
// bits.
//
//     x' = (x - mean) / (lambda deviation)
//     e = 1:  q = round(x' - 1/2) + 1/2, at most 2^(n-1) - 1/2                            2^n levels, evenly spaced
//     e > 1:  N = 2^e - 2,  s = clamp(floor(log2(|x'| + 1e-7)), 0, N),  step = 2^(s - k)
//             q = round(x' / step) step, at most 2^(N+1) - 2^(N-k)                        2^n - 1 levels
//     xq = q lambda deviation + mean
//
// that is a small floating-point number with gradual underflow. q is an integer v times a unit: xq = unit * v + mean,
// with unit = lambda deviation / 2 and odd v (e = 1), or lambda deviation / 2^k (e > 1).
//
// Gradient: straight-through, dL/dx = g [|q before the clip| <= the largest], or g everywhere; mean and deviation are
// constants.
//
// Deployment: e = 1 is `bipolar_bits<n>`, scale `unit`, offset `mean`. Otherwise v plus the largest v is
// `unsigned_bits<K>` where it fits (all of e = 2 but (8, 5), and (4, 0)): scale `unit`, offset mean - unit * largest.
// int16 levels always.
//
// Provenance: all formulas and the table of lambda from the authors' code (GongCheng1919/autoqnn-pytorch). Not read:
// which estimate of the deviation (n - 1 here), the gradient, and the neighbour that ties go to (even).
#pragma once

#include <tern/quantize/levels.hpp>
#include <tern/quantize/maths.hpp>

namespace tern::quantize::esb {

struct format {
    int bits = 0;
    int exponent = 0;
    int significant = 0;
    float lambda = 0.0f;  ///< scales the deviation so that levels meet a normal distribution

    TERN_INLINE constexpr format() noexcept {}

    /// The largest v.
    [[nodiscard]] TERN_INLINE constexpr std::int32_t largest() const noexcept {
        if (exponent == 1) return (1 << bits) - 1;
        const int top = (1 << exponent) - 2;
        return (1 << (top + 1 + significant)) - (1 << top);
    }
    /// xq / lambda / deviation of v = 1 (and no mean).
    [[nodiscard]] TERN_INLINE constexpr float step() const noexcept {
        return exponent == 1 ? 0.5f : 1.0f / static_cast<float>(1 << significant);
    }
};

/// The format for n bits of which k are meant to be significant: e = min(4, max(1, n - k - 1)), then k = n - e - 1,
/// with the authors' lambda. lambda is 0, and every function answers `unsupported`, for what their table does not have.
[[nodiscard]] TERN_INLINE constexpr format make_format(int bits, int significant) noexcept {
    constexpr float linear[] = {1.5958f, 0.9957f, 0.5860f, 0.3352f, 0.1881f, 0.1041f, 0.0569f, 0.0308f};
    constexpr float three_bits[] = {0.0381f, 0.0391f, 0.0406f, 0.0409f, 0.0412f};         // (4, 0), (5, 1) ...
    constexpr float two_bits[] = {0.5181f, 0.4871f, 0.4828f, 0.4997f, 0.5247f, 0.5527f};  // (3, 0), (4, 1) ...
    format f;
    if (bits < 1 || bits > 8 || significant < 0) return f;
    const int wanted = bits - significant - 1;
    f.bits = bits;
    f.exponent = wanted < 1 ? 1 : (wanted > 4 ? 4 : wanted);
    f.significant = bits - f.exponent - 1;
    if (f.exponent == 1) f.lambda = linear[bits - 1];
    if (f.exponent == 2) f.lambda = two_bits[bits - 3];
    if (f.exponent == 3) f.lambda = three_bits[bits - 4];
    return f;
}

/// What the gradient does beyond the outermost levels.
enum class ste : unsigned char { clipped, identity };

namespace detail {

using namespace tern::quantize::detail;

[[nodiscard]] TERN_INLINE double half_even(double y) noexcept {  // 0 <= y < 2^31
    const auto whole = static_cast<std::int64_t>(y);
    const double left = y - static_cast<double>(whole);
    return static_cast<double>(whole + (left > 0.5 || (left == 0.5 && (whole & 1) != 0) ? 1 : 0));
}

/// x' in double; NaN counts as the mean.
[[nodiscard]] TERN_INLINE double normalized(float x, float mean, double unit) noexcept {
    const double y = (double{x} - double{mean}) / unit;
    return y == y ? y : 0.0;
}

/// v of x'.
[[nodiscard]] TERN_INLINE std::int32_t level_of(double y, const format& f) noexcept {
    const std::int32_t most = f.largest();
    if (f.exponent == 1) {
        const double limit = 0.5 * most;
        const double in = (y < -limit ? -limit : (y > limit ? limit : y)) - 0.5;
        const auto whole = static_cast<std::int32_t>(in < 0.0 ? -half_even(-in) : half_even(in));
        return 2 * whole + 1 > most ? most : (2 * whole + 1 < -most ? -most : 2 * whole + 1);
    }
    const double unit = 1.0 / static_cast<double>(1 << f.significant);
    const double magnitude = maths::absolute(y);
    const double limit = most * unit;
    const double in = magnitude > limit ? limit : magnitude;
    int s = 0;
    for (double edge = 2.0; s < (1 << f.exponent) - 2 && in + 1e-7 >= edge; edge *= 2.0) ++s;
    auto v = static_cast<std::int32_t>(half_even(in / unit / static_cast<double>(1 << s))) << s;
    v = v > most ? most : v;
    return y < 0.0 ? -v : v;
}

[[nodiscard]] TERN_INLINE status check_operands(const matrix_view<const float>& x, const matrix_view<const float>& mean,
                                                const matrix_view<const float>& deviation, const format& f) noexcept {
    const status s = first_error(check(x), check_parameter(mean, x.rows), check_parameter(deviation, x.rows));
    if (s != status::ok) return s;
    if (!(f.lambda > 0.0f)) return status::unsupported;
    return first_error(check_values(mean, [](float m) TERN_INLINE_LAMBDA { return finite(m); }),
                       check_values(deviation, [](float d) TERN_INLINE_LAMBDA { return is_step(d); }));
}

/// Calls put(row, column, v).
template <class Arch, class Put>
TERN_INLINE void for_each_level(const matrix_view<const float>& x, const matrix_view<const float>& mean,
                                const matrix_view<const float>& deviation, const format& f, const Put& put) noexcept {
    for (size_t i = 0; i < x.rows; ++i) {
        const double unit = double{f.lambda} * double{of_row(deviation, i)};
        for (size_t j = 0; j < x.cols; ++j) put(i, j, level_of(normalized(x(i, j), of_row(mean, i), unit), f));
    }
}

/// Codes of one row, v through `code`.
template <class Arch, class Encoding, class Code>
void pack(const matrix_view<const float>& x, const matrix_view<const float>& mean,
          const matrix_view<const float>& deviation, const format& f, const mutable_packed_rows<Encoding>& q,
          const Code& code) noexcept {
    for (size_t i = 0; i < x.rows && !x.empty(); ++i) {
        const double unit = double{f.lambda} * double{of_row(deviation, i)};
        const float centre = of_row(mean, i);
        const float* const from = x.row(i);
        kernel::pack_codes_row<Arch, Encoding::planes>(x.cols, q.target_row(i), q.plane_stride, [&](size_t j) {
            return code(level_of(normalized(from[j], centre, unit), f));
        });
    }
}

}  // namespace detail

/// mean and deviation (n - 1) of each row or of the matrix, in double. A deviation below 2^-100, of one element or of
/// equal ones, is 1. Requires finite x. `mean` and `deviation` are both per tensor or both per channel.
/// Returns bad_shape, bad_stride, null_pointer, bad_alignment, overflow, overlap or bad_value.
template <class Arch = default_arch>
status fit(matrix_view<const float> x, matrix_view<float> mean, matrix_view<float> deviation) noexcept {
    const status s =
        detail::first_error(check(x), detail::check_parameter(mean, x.rows), detail::check_parameter(deviation, x.rows),
                            detail::apart<2>(mean, deviation, x));
    if (s != status::ok) return s;
    if (mean.rows != deviation.rows) return status::bad_shape;
    if (!kernel::all_finite<Arch>(x)) return status::bad_value;
    for (size_t g = 0; g < mean.rows; ++g) {
        const matrix_view<const float> part = detail::group_of(x, mean, g);
        const double n = static_cast<double>(part.rows) * static_cast<double>(part.cols);
        const double centre = n > 0.0 ? kernel::sum_terms<Arch, simd::term::value>(part, 0.0) / n : 0.0;
        const double square = kernel::sum_terms<Arch, simd::term::square>(part, centre);
        const double spread = n > 1.0 ? maths::square_root(square / (n - 1.0)) : 0.0;
        *mean.row(g) = static_cast<float>(centre);
        *deviation.row(g) = spread < 0x1p-100 ? 1.0f : (spread > 0x1p100 ? 0x1p100f : static_cast<float>(spread));
    }
    return s;
}

/// The integers v; x', the rounding and v are computed in double. NaN counts as the mean, infinity as the largest.
/// Returns as `fit`, unsupported (no such format) or bad_value (deviation outside [2^-100, 2^100], mean not finite).
template <class Arch = default_arch>
status forward(matrix_view<const float> x, matrix_view<const float> mean, matrix_view<const float> deviation,
               const format& f, matrix_view<std::int16_t> levels) noexcept {
    const status s =
        detail::first_error(detail::check_operands(x, mean, deviation, f), detail::check_same_shape(levels, x),
                            detail::apart<1>(levels, x, mean, deviation));
    if (s != status::ok) return s;
    detail::for_each_level<Arch>(x, mean, deviation, f, [&](size_t i, size_t j, std::int32_t v) {
        levels(i, j) = static_cast<std::int16_t>(v);
    });
    return s;
}

/// xq = float(v * unit + mean), rounded once.
template <class Arch = default_arch>
status forward(matrix_view<const float> x, matrix_view<const float> mean, matrix_view<const float> deviation,
               const format& f, matrix_view<float> quantized) noexcept {
    const status s =
        detail::first_error(detail::check_operands(x, mean, deviation, f), detail::check_same_shape(quantized, x),
                            detail::apart<1>(quantized, x, mean, deviation));
    if (s != status::ok) return s;
    detail::for_each_level<Arch>(x, mean, deviation, f, [&](size_t i, size_t j, std::int32_t v) {
        const double unit = double{f.lambda} * double{detail::of_row(deviation, i)} * double{f.step()};
        quantized(i, j) = static_cast<float>(v * unit + double{detail::of_row(mean, i)});
    });
    return s;
}

/// e = 1 and K = n bits, else `unsupported`.
template <class Arch = default_arch, int K>
status forward(matrix_view<const float> x, matrix_view<const float> mean, matrix_view<const float> deviation,
               const format& f, const mutable_packed_rows<bipolar_bits<K>>& values) noexcept {
    const status s =
        detail::first_error(detail::check_operands(x, mean, deviation, f), detail::check_rows<Arch>(x, values),
                            detail::apart<1>(values, x, mean, deviation));
    if (s != status::ok) return s;
    if (f.exponent != 1 || f.bits != K) return status::unsupported;
    detail::pack<Arch>(x, mean, deviation, f, values, [](std::int32_t v) { return bipolar_bits<K>::encode(v); });
    return s;
}

/// v + f.largest() where e > 1 and 2 f.largest() < 2^K, else `unsupported`.
template <class Arch = default_arch, int K>
status forward(matrix_view<const float> x, matrix_view<const float> mean, matrix_view<const float> deviation,
               const format& f, const mutable_packed_rows<unsigned_bits<K>>& codes) noexcept {
    const status s =
        detail::first_error(detail::check_operands(x, mean, deviation, f), detail::check_rows<Arch>(x, codes),
                            detail::apart<1>(codes, x, mean, deviation));
    if (s != status::ok) return s;
    const std::int32_t most = f.largest();
    if (f.exponent == 1 || 2 * most >= 1 << K) return status::unsupported;
    detail::pack<Arch>(x, mean, deviation, f, codes,
                       [=](std::int32_t v) { return static_cast<std::uint32_t>(v + most); });
    return s;
}

/// dL/dx. A NaN x gets no gradient from `clipped`. Returns as `forward`.
template <class Arch = default_arch>
status backward(matrix_view<const float> x, matrix_view<const float> mean, matrix_view<const float> deviation,
                const format& f, matrix_view<const float> grad, matrix_view<float> grad_x,
                ste estimator = ste::clipped) noexcept {
    const status s =
        detail::first_error(detail::check_operands(x, mean, deviation, f), detail::check_same_shape(grad, x),
                            detail::check_same_shape(grad_x, x), detail::apart<1>(grad_x, grad, x, mean, deviation));
    if (s != status::ok) return s;
    const double limit = f.largest() * double{f.step()};
    for (size_t i = 0; i < x.rows; ++i) {
        const double unit = double{f.lambda} * double{detail::of_row(deviation, i)};
        for (size_t j = 0; j < x.cols; ++j) {
            const double y = (double{x(i, j)} - double{detail::of_row(mean, i)}) / unit;
            grad_x(i, j) = estimator == ste::identity || maths::absolute(y) <= limit ? grad(i, j) : 0.0f;
        }
    }
    return s;
}

}  // namespace tern::quantize::esb
