// SPDX-License-Identifier: MIT
// TGA, truncated Gaussian approximation (He and Fan, CVPR 2019, arXiv 1810.01018): ternary weights whose scale is a
// smooth function of a learnable threshold, by way of the normal distribution that the weights seem to come from.
//
//     mu = mean w,  s = deviation of w (over n - 1)                 over the weights that share delta
//     D  = min(|delta|, 3 s)
//     S  = mu + s lambda(D / s),  lambda(a) = phi(a) / (1 - Phi(a))                         tails::upper
//          E(|x| : |x| > D), x ~ N(mu, s^2)                                                 tails::both
//     t  = +1 if w > mu + D, -1 if w < mu - D, else 0 (tails::upper); around 0 (tails::both)
//     wq = S t
//
// Gradients, g = dL/dwq and G = sum g t over what shares delta:
//
//     dL/ddelta = sign(delta) [|delta| < 3 s] G dS/dD                                 sign(0) = 0
//     dL/dw_i   = g_i + G ( dS/dmu / n + dS/ds (w_i - mu) / ((n - 1) s) )
//
//     tails::upper:  dS/dD = lambda'(a),  dS/dmu = 1,  dS/ds = lambda(a) - a lambda'(a),  a = D / s,
//                    lambda' = lambda (lambda - a)
//     tails::both:   normal.hpp
//
// The surrogate: S differentiated in full, with D a constant of w even where it is 3 s, and dt/dw = 1 / S, that is the
// identity for the direct path. The dependence of t on delta, mu and s is not differentiated.
// 1 - Phi is never formed: lambda comes from a continued fraction (normal.hpp), so no tail is lost.
//
// Where this was read. `tails::upper`, the clamp, both gradients (there by automatic differentiation), strict
// comparisons, the identity, delta = 0.05 max |w| after loading pretrained weights and the clipping of dL/ddelta to
// +-0.001: the authors' released code (elliothe/tern_repo). The closed forms and `tails::both`, the paper's
// E(|w| : |w| > D) without the assumption mu = 0, are derived here. The released training alternates: one pass and step
// for the thresholds only, a fresh pass and step for all else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include <tern/arch.hpp>
#include <tern/quantize/granularity.hpp>
#include <tern/quantize/normal.hpp>
#include <tern/quantize/packing.hpp>
#include <tern/status.hpp>
#include <tern/view.hpp>

namespace tern::quantize::tga {

enum class tails : unsigned char {
    upper,  ///< as released: thresholds about the mean, scale from the upper tail alone
    both    ///< thresholds about 0, scale from both tails, exact for N(mu, s^2)
};

inline constexpr float released_start = 0.05f;        ///< delta / max |w|
inline constexpr float released_delta_clip = 0.001f;  ///< largest |dL/ddelta| that is passed on

namespace detail {

using namespace tern::quantize::detail;

/// One group of weights that share a threshold.
struct model {
    double n = 0.0;
    double mean = 0.0;
    double deviation = 0.0;
    double limit = 0.0;   ///< D
    bool clamped = true;  ///< delta has no influence
    normal::tail_mean scale{0.0, 0.0, 0.0, 0.0};
    float lower = 0.0f;
    float upper = 0.0f;

    TERN_INLINE constexpr model() noexcept {}
};

template <class Arch>
[[nodiscard]] model model_of(const matrix_view<const float>& w, float delta, tails which) noexcept {
    model m;
    if (w.empty()) return m;
    m.n = static_cast<double>(w.rows) * static_cast<double>(w.cols);
    m.mean = kernel::sum_terms<Arch, simd::term::value>(w, 0.0) / m.n;
    if (m.n > 1.0)
        m.deviation = tern::detail::square_root(kernel::sum_terms<Arch, simd::term::square>(w, m.mean) / (m.n - 1.0));
    const double size = static_cast<double>(delta < 0.0f ? -delta : delta);
    m.clamped = !(size < 3.0 * m.deviation);
    m.limit = m.clamped ? 3.0 * m.deviation : size;
    if (which == tails::both) {
        const double level = m.mean < 0.0 ? -m.mean : m.mean;
        m.scale = m.deviation > 0.0 ? normal::mean_above(m.limit, m.mean, m.deviation)
                                    : normal::tail_mean{level, 0.0, m.mean < 0.0 ? -1.0 : 1.0, 0.0};
    } else if (m.deviation > 0.0) {
        const double a = m.limit / m.deviation;
        const double slope = normal::hazard_slope(a);
        m.scale = {m.mean + m.deviation * normal::hazard(a), slope, 1.0, normal::hazard(a) - a * slope};
    } else {
        m.scale = {m.mean, 0.0, 1.0, 0.0};
    }
    const double centre = which == tails::both ? 0.0 : m.mean;
    m.lower = static_cast<float>(centre - m.limit);
    m.upper = static_cast<float>(centre + m.limit);
    return m;
}

template <class... Parameters>
[[nodiscard]] TERN_INLINE status check_limits(const matrix_view<const float>& w, const Parameters&... p) noexcept {
    const status s = first_error(check(w), check_parameter(p, w.rows)...);
    if (s != status::ok) return s;
    const size_t rows[] = {p.rows...};
    for (const size_t r : rows) {
        if (r != rows[0]) return status::bad_shape;
    }
    return status::ok;
}

template <class Arch, class Destination>
[[nodiscard]] TERN_INLINE status forward_into(const matrix_view<const float>& w, const matrix_view<const float>& lower,
                                              const matrix_view<const float>& upper, const Destination& to) noexcept {
    const status s = check_limits(w, lower, upper);
    if (s != status::ok) return s;
    const auto limits = [&](size_t i)
                            TERN_INLINE_LAMBDA { return kernel::row_limits(of_row(lower, i), of_row(upper, i)); };
    return pack_by<Arch>(w, to, limits, lower, upper);
}

}  // namespace detail

/// delta = factor * max |w|, `per_tensor(&x)` or `per_channel(x, w.rows)`. One rounding. 0 for no weights.
/// Returns bad_shape, bad_stride, null_pointer, bad_alignment, overflow, overlap or bad_value (a weight or the factor
/// is not finite); nothing is written then.
template <class Arch = default_arch>
status initialize(matrix_view<const float> w, matrix_view<float> delta, float factor = released_start) noexcept {
    const status s = detail::first_error(check(w), detail::check_parameter(delta, w.rows));
    if (s != status::ok) return s;
    if (detail::overlap(w, delta)) return status::overlap;
    if (!detail::finite(factor) || !kernel::all_finite<Arch>(w)) return status::bad_value;
    for (size_t g = 0; g < delta.rows; ++g)
        *delta.row(g) = factor * kernel::largest_of<Arch>(detail::group_of(w, delta, g));
    return status::ok;
}

/// The two thresholds and the scale that belong to w and delta: lower = mu - D, upper = mu + D (or -D and D), scale =
/// S, each of the shape of `delta`, computed in double and rounded to float once.
///
/// Weights that are all equal (s = 0), one weight among them, have D = 0 and S = mu (tails::upper; all t are 0) or |mu|
/// (tails::both); no weights have zeros. Architectures agree but for the last bits of s.
/// Returns as `initialize`; overlap also of the outputs with each other.
template <class Arch = default_arch>
status fit(matrix_view<const float> w, matrix_view<const float> delta, matrix_view<float> lower,
           matrix_view<float> upper, matrix_view<float> scale, tails which = tails::upper) noexcept {
    const status s = detail::check_limits(w, delta, lower, upper, scale);
    if (s != status::ok) return s;
    if (detail::overlaps_any(bytes_of(lower), w, delta, upper, scale) ||
        detail::overlaps_any(bytes_of(upper), w, delta, scale) || detail::overlaps_any(bytes_of(scale), w, delta))
        return status::overlap;
    if (!kernel::all_finite<Arch>(delta) || !kernel::all_finite<Arch>(w)) return status::bad_value;
    for (size_t g = 0; g < delta.rows; ++g) {
        const detail::model m = detail::model_of<Arch>(detail::group_of(w, delta, g), *delta.row(g), which);
        *lower.row(g) = m.lower;
        *upper.row(g) = m.upper;
        *scale.row(g) = static_cast<float>(m.scale.value);
    }
    return status::ok;
}

/// values = +1 if w > upper, -1 if w < lower, else 0. Exact; ties and NaN give 0. Returns as `fit`, without its look at
/// the weights.
template <class Arch = default_arch>
status forward(matrix_view<const float> w, matrix_view<const float> lower, matrix_view<const float> upper,
               matrix_view<std::int8_t> values) noexcept {
    const status s = detail::first_error(detail::check_limits(w, lower, upper), detail::check_same_shape(values, w));
    if (s != status::ok) return s;
    if (detail::overlaps_any(bytes_of(values), w, lower, upper)) return status::overlap;
    for (size_t i = 0; i < w.rows; ++i) {
        kernel::ternary_row<Arch>(w.row(i), w.cols, detail::of_row(lower, i), detail::of_row(upper, i), values.row(i));
    }
    return status::ok;
}

/// quantized = scale * t. Exact.
template <class Arch = default_arch>
status forward(matrix_view<const float> w, matrix_view<const float> lower, matrix_view<const float> upper,
               matrix_view<const float> scale, matrix_view<float> quantized) noexcept {
    const status s =
        detail::first_error(detail::check_limits(w, lower, upper, scale), detail::check_same_shape(quantized, w));
    if (s != status::ok) return s;
    if (detail::overlaps_any(bytes_of(quantized), w, lower, upper, scale)) return status::overlap;
    for (size_t i = 0; i < w.rows; ++i) {
        const float step = detail::of_row(scale, i);
        kernel::choose_row<Arch>(w.row(i), w.cols, detail::of_row(lower, i), detail::of_row(upper, i), -step, 0.0f,
                                 step, quantized.row(i));
    }
    return status::ok;
}

/// The values as packed rows, or as panels of weights (`to`): what `pack_rows` and `pack_panels` make of them.
template <class Arch = default_arch>
status forward(matrix_view<const float> w, matrix_view<const float> lower, matrix_view<const float> upper,
               const mutable_packed_rows<ternary>& q) noexcept {
    return detail::forward_into<Arch>(w, lower, upper, q);
}

template <class Arch = default_arch>
status forward(matrix_view<const float> w, matrix_view<const float> lower, matrix_view<const float> upper,
               const panel_memory<ternary>& to) noexcept {
    return detail::forward_into<Arch>(w, lower, upper, to);
}

/// The gradients at the head of this file, from `grad` = dL/dwq. mu, s and t are computed anew.
///
/// `grad_delta` has the shape of `delta`; |dL/ddelta| above `delta_clip` (at least 0; the released training has
/// `released_delta_clip`) becomes +-delta_clip. Both outputs are overwritten. In double, each result rounded once; s =
/// 0 leaves only the direct path and that through mu.
/// Returns as `fit`; bad_value also for a negative or NaN `delta_clip`. No output may share memory with an input or the
/// other output.
template <class Arch = default_arch>
status backward(matrix_view<const float> w, matrix_view<const float> delta, matrix_view<const float> grad,
                matrix_view<float> grad_w, matrix_view<float> grad_delta, tails which = tails::upper,
                float delta_clip = std::numeric_limits<float>::infinity()) noexcept {
    const status s = detail::first_error(detail::check_limits(w, delta, grad_delta), detail::check_same_shape(grad, w),
                                         detail::check_same_shape(grad_w, w));
    if (s != status::ok) return s;
    if (detail::overlaps_any(bytes_of(grad_w), w, delta, grad, grad_delta) ||
        detail::overlaps_any(bytes_of(grad_delta), w, delta, grad))
        return status::overlap;
    if (!(delta_clip >= 0.0f) || !kernel::all_finite<Arch>(delta) || !kernel::all_finite<Arch>(w))
        return status::bad_value;
    const size_t rows = detail::group_rows(delta, w.rows);
    for (size_t g = 0; g < delta.rows; ++g) {
        const size_t first = g * rows;
        const float d = *delta.row(g);
        const detail::model m = detail::model_of<Arch>(detail::group_of(w, delta, g), d, which);
        double total = 0.0;  // G
        for (size_t i = first; i < first + rows; ++i) {
            for (size_t j = 0; j < w.cols; ++j) {
                if (w(i, j) > m.upper) total += static_cast<double>(grad(i, j));
                if (w(i, j) < m.lower) total -= static_cast<double>(grad(i, j));
            }
        }
        const double sign = d > 0.0f ? 1.0 : (d < 0.0f ? -1.0 : 0.0);
        const double clip = static_cast<double>(delta_clip);
        const double by_delta = m.clamped ? 0.0 : sign * total * m.scale.by_limit;
        *grad_delta.row(g) = static_cast<float>(by_delta > clip ? clip : (by_delta < -clip ? -clip : by_delta));
        const double by_mean = m.n > 0.0 ? total * m.scale.by_mean / m.n : 0.0;
        const double by_distance = m.deviation > 0.0 ? total * m.scale.by_deviation / ((m.n - 1.0) * m.deviation) : 0.0;
        for (size_t i = first; i < first + rows; ++i) {
            for (size_t j = 0; j < w.cols; ++j) {
                const double distance = static_cast<double>(w(i, j)) - m.mean;
                grad_w(i, j) = static_cast<float>(static_cast<double>(grad(i, j)) + by_mean + by_distance * distance);
            }
        }
    }
    return status::ok;
}

}  // namespace tern::quantize::tga
