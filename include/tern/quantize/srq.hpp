// SPDX-License-Identifier: MIT
// SRQ, semi-relaxed quantization, and DropBits (Lee et al., arXiv 1911.12990).
//
// Relaxed quantization blurs the input with logistic noise; of the grid step * l, l = low .. high, level l has
//
//     c_l = F((step (l + 1/2) - x) / noise) - F((step (l - 1/2) - x) / noise),  F(u) = 1 / (1 + e^-u)
//     p_l = c_l / sum c
//
// SRQ's forward is the most probable level, which is the nearest one; its backward goes through the probabilities as if
// xq = y = sum_l p_l step l. With Z = sum c and f = F (1 - F), u+-= (step (l +- 1/2) - x) / noise, for t in {x, step,
// noise}
//
//     dL/dt = g [ sum_l (dc_l / dt) (step l - y) / Z  +  (t = step: sum_l p_l l) ]
//     dc/dx = -(f(u+) - f(u-)) / noise,  dc/dnoise = -(f(u+) u+ - f(u-) u-) / noise,
//     dc/dstep = (f(u+) (l + 1/2) - f(u-) (l - 1/2)) / noise
//
// so that x, the step and the noise all learn. Where every c is below the range of doubles (x far outside the grid) the
// level is certain: gradients of x and noise are 0, that of the step is the level.
//
// DropBits drops levels as dropout drops neurons: `drop_bits` draws for how many bits a grid is used this time.
//
// Deployment is that of evenly spaced levels: lsq.hpp with this step.
//
// Provenance: the argmax forward, the gradient through the probabilities and that DropBits drops levels or bits are the
// abstract's; the logistic noise is recalled from Relaxed Quantization. The rest is this library's choice: ties to the
// even level, and DropBits as bits dropped from the top, each with the same probability. Learning the bit width is not
// here.
#pragma once

#include <tern/quantize/levels.hpp>
#include <tern/quantize/lsq.hpp>
#include <tern/quantize/maths.hpp>

namespace tern::quantize::srq {

/// Noise to start from, as a part of the step. This library's choice.
inline constexpr float first_noise = 1.0f / 3.0f;

namespace detail {

using namespace tern::quantize::detail;

struct gradients {
    double x = 0.0;
    double step = 0.0;
    double noise = 0.0;

    TERN_INLINE constexpr gradients() noexcept {}
};

/// F(b) - F(a), a <= b, from the tails that are small.
[[nodiscard]] TERN_INLINE double between(double a, double b) noexcept {
    return a > 0.0 ? maths::logistic(-a) - maths::logistic(-b) : maths::logistic(b) - maths::logistic(a);
}

[[nodiscard]] TERN_INLINE double slope(double u) noexcept { return maths::logistic(u) * maths::logistic(-u); }

template <class Arch>
[[nodiscard]] gradients of_one(double x, double step, double noise, level_range r, std::int32_t nearest) noexcept {
    double total = 0.0;
    double mean = 0.0;  // of the levels
    for (std::int32_t l = r.low; l <= r.high; ++l) {
        const double c = between((step * (l - 0.5) - x) / noise, (step * (l + 0.5) - x) / noise);
        total += c;
        mean += c * l;
    }
    gradients d;
    if (!(total > std::numeric_limits<double>::min())) {
        d.step = nearest;
        return d;
    }
    mean /= total;
    for (std::int32_t l = r.low; l <= r.high; ++l) {
        const double above = (step * (l + 0.5) - x) / noise;
        const double below = (step * (l - 0.5) - x) / noise;
        const double weight = step * (l - mean) / total / noise;
        const double f_above = slope(above);
        const double f_below = slope(below);
        d.x -= (f_above - f_below) * weight;
        d.step += (f_above * (l + 0.5) - f_below * (l - 0.5)) * weight;
        d.noise -= (f_above * above - f_below * below) * weight;
    }
    d.step += mean;
    return d;
}

}  // namespace detail

/// The nearest level: lsq::forward.
template <class Arch = default_arch>
status forward(matrix_view<const float> x, matrix_view<const float> step, level_range levels,
               matrix_view<float> quantized) noexcept {
    return lsq::forward<Arch>(x, step, levels, quantized);
}

template <class Arch = default_arch, class Encoding>
status forward(matrix_view<const float> x, matrix_view<const float> step, level_range levels,
               const mutable_packed_rows<Encoding>& packed) noexcept {
    return lsq::forward<Arch>(x, step, levels, packed);
}

/// Gradients of x, step and noise, in double. `step` and `noise` have the same granularity. NaN and infinite x get and
/// give none. Cost: 2 (levels) exponentials an element and more, O(high - low).
/// Returns as lsq::backward, bad_value also for a noise outside [2^-100, 2^100] and unsupported above 256 levels.
template <class Arch = default_arch>
status backward(matrix_view<const float> x, matrix_view<const float> step, matrix_view<const float> noise,
                level_range levels, matrix_view<const float> grad, matrix_view<float> grad_x,
                matrix_view<float> grad_step, matrix_view<float> grad_noise) noexcept {
    const auto good = [](float v) { return detail::is_step(v); };
    status s =
        detail::first_error(check(x), detail::check_parameter(step, x.rows), detail::check_same_shape(noise, step),
                            detail::check_same_shape(grad, x), detail::check_same_shape(grad_x, x),
                            detail::check_same_shape(grad_step, step), detail::check_same_shape(grad_noise, step),
                            detail::apart<3>(grad_x, grad_step, grad_noise, grad, x, step, noise));
    if (s != status::ok) return s;
    if (!detail::valid(levels) || levels.high - levels.low >= 256) return status::unsupported;
    s = detail::first_error(detail::check_values(step, good), detail::check_values(noise, good));
    if (s != status::ok) return s;
    for (size_t g = 0; g < step.rows; ++g) *grad_step.row(g) = *grad_noise.row(g) = 0.0f;
    double step_sum = 0.0;
    double noise_sum = 0.0;
    for (size_t i = 0; i < x.rows; ++i) {
        const float one = detail::of_row(step, i);
        if (step.rows != 1) step_sum = noise_sum = 0.0;
        for (size_t j = 0; j < x.cols; ++j) {
            const double g = double{grad(i, j)};
            grad_x(i, j) = 0.0f;
            if (!detail::finite(x(i, j))) continue;
            const detail::gradients d =
                detail::of_one<Arch>(double{x(i, j)}, double{one}, double{detail::of_row(noise, i)}, levels,
                                     detail::level_of<Arch>(x(i, j), 1.0f / one, levels));
            grad_x(i, j) = static_cast<float>(g * d.x);
            step_sum += g * d.step;
            noise_sum += g * d.noise;
        }
        detail::of_row(grad_step, i) = static_cast<float>(step_sum);
        detail::of_row(grad_noise, i) = static_cast<float>(noise_sum);
    }
    return s;
}

/// How many bits to use this time: `least` .. `bits`. From the least significant upwards, each bit above `least` stays
/// with probability `keep`, and the first that does not takes all above it along. The levels are then `signed_levels`
/// or `unsigned_levels` of the answer, with the same step.
/// One draw of the engine for each bit looked at. Requires 1 <= least <= bits.
template <class Engine>
[[nodiscard]] TERN_INLINE int drop_bits(Engine& engine, int bits, int least, double keep) {
    int used = least;
    while (used < bits && uniform(engine) <= keep) ++used;
    return used;
}

}  // namespace tern::quantize::srq
