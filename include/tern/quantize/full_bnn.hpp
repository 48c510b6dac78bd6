// SPDX-License-Identifier: MIT
// Batch normalisation and sign behind a product, as integers: so a layer of a fully binary network (Full-BNN, ASAP
// 2022) has no float in it. For accumulator a of output o
//
//     y = scale a + bias,  z = gamma (y - mean) / sqrt(variance + epsilon) + beta
//     binary     +1 where z >= 0, else -1
//     ternary    +1 where z > upper, -1 where z < lower, else 0
//
// z rises or falls with a in every step, so each condition holds on one side of one integer. It is found by bisection
// in the double arithmetic above, not by solving for a: no division by gamma, no question of rounding.
//
// What is written is what integer sinks compare with:
//
//     rising outputs     binary +1 where a > upper          ternary +1 where a > upper, -1 where a < lower
//     negative outputs   binary +1 unless a > upper         ternary +1 where a < lower, -1 where a > upper
//
// bit o % 32 of word o / 32 of `negative` says which. Limits that no accumulator meets are the ends of int32.
//
// Provenance: that convolution, batch normalisation and activation are one step with one-bit results is the abstract's;
// the form with a limit is derived (for popcounts: `of_matches`).
#pragma once

#include <tern/fold.hpp>
#include <tern/quantize/maths.hpp>

namespace tern::quantize::full_bnn {

/// Accumulators lie in (-2^29, 2^29), as for every epilogue.
using tern::detail::largest_accumulator;

namespace detail {

/// z of one output.
struct curve {
    double scale;
    double bias;
    double gamma;
    double mean;
    double root;
    double beta;

    [[nodiscard]] TERN_INLINE double operator()(std::int32_t a) const noexcept {
        const double y = scale * a + bias;
        return gamma * (y - mean) / root + beta;
    }
    [[nodiscard]] TERN_INLINE bool falls() const noexcept { return (scale < 0.0) != (gamma < 0.0); }
};

[[nodiscard]] TERN_INLINE double or_else(const float* p, size_t i, double neutral) noexcept {
    return p == nullptr ? neutral : double{p[i]};
}

[[nodiscard]] TERN_INLINE curve curve_of(const batch_norm& n, const parameter& scale, const float* bias,
                                         size_t o) noexcept {
    const double variance = or_else(n.variance, o, 1.0) + double{n.epsilon};
    return {double{scale.at(o, 0, 1.0f)},
            or_else(bias, o, 0.0),
            or_else(n.gamma, o, 1.0),
            or_else(n.mean, o, 0.0),
            variance > 0.0 ? maths::square_root(variance) : 0.0,
            or_else(n.beta, o, 0.0)};
}

[[nodiscard]] TERN_INLINE bool usable(const curve& c) noexcept {
    const double ends = c(largest_accumulator) - c(-largest_accumulator);
    return c.root > 0.0 && ends - ends == 0.0;
}

[[nodiscard]] TERN_INLINE status check_fold(const batch_norm& n, const parameter& scale, const float* bias,
                                            size_t outputs) noexcept {
    if (scale.stride > 1) return status::bad_stride;
    for (size_t o = 0; o < outputs; ++o) {
        if (!usable(curve_of(n, scale, bias, o))) return status::bad_value;
    }
    return status::ok;
}

}  // namespace detail

/// Binary results. `scale` of the product is one for all or one an output; `bias` may be null. upper: `outputs`
/// integers, negative: ceil(outputs / 32) words. gamma = 0 and scale = 0 are constants and legal.
/// Exact for all |a| < 2^29 in the arithmetic above; a compiler that fuses it may decide another way within 2^-52 of z
/// = 0. Cost: 60 evaluations an output. Returns null_pointer, bad_stride or bad_value (variance + epsilon not positive,
/// or something that is not finite); nothing is written then.
[[nodiscard]] TERN_INLINE status fold(const batch_norm& norm, const parameter& scale, const float* bias, size_t outputs,
                                      std::int32_t* upper, word* negative) noexcept {
    if (outputs != 0 && (upper == nullptr || negative == nullptr)) return status::null_pointer;
    const status s = detail::check_fold(norm, scale, bias, outputs);
    if (s != status::ok) return s;
    const auto curve = [&](size_t o) TERN_INLINE_LAMBDA { return detail::curve_of(norm, scale, bias, o); };
    tern::detail::note_directions(outputs, negative, curve);
    for (size_t o = 0; o < outputs; ++o) upper[o] = tern::detail::binary_limit(curve(o), 0.0);
    return s;
}

/// Ternary results against limits of z; none: -1/2 and +1/2. lower and upper: `outputs` integers each. NaN limits are a
/// bad_value.
[[nodiscard]] TERN_INLINE status fold(const batch_norm& norm, const parameter& scale, const float* bias,
                                      const thresholds& limits, size_t outputs, std::int32_t* lower,
                                      std::int32_t* upper, word* negative) noexcept {
    if (outputs != 0 && (lower == nullptr || upper == nullptr || negative == nullptr)) return status::null_pointer;
    const status s = detail::check_fold(norm, scale, bias, outputs);
    if (s != status::ok) return s;
    if (limits.lower.stride > 1 || limits.upper.stride > 1) return status::bad_stride;
    for (size_t o = 0; o < outputs; ++o) {
        const float low = limits.lower.at(o, 0, -0.5f);
        const float high = limits.upper.at(o, 0, 0.5f);
        if (!(low <= high)) return status::bad_value;
    }
    const auto curve = [&](size_t o) TERN_INLINE_LAMBDA { return detail::curve_of(norm, scale, bias, o); };
    tern::detail::note_directions(outputs, negative, curve);
    for (size_t o = 0; o < outputs; ++o)
        tern::detail::ternary_limits(curve(o), double{limits.lower.at(o, 0, -0.5f)},
                                     double{limits.upper.at(o, 0, 0.5f)}, lower[o], upper[o]);
    return s;
}

/// The limit for a count p of equal bits of two binary vectors, whose product is 2 p - depth: p > of_matches(upper,
/// depth) exactly where 2 p - depth > upper. The ends of int32 stay ends.
[[nodiscard]] TERN_INLINE constexpr std::int32_t of_matches(std::int32_t upper, std::int32_t depth) noexcept {
    const std::int64_t twice = std::int64_t{upper} + depth;
    const std::int64_t half = twice >= 0 ? twice / 2 : -((1 - twice) / 2);
    if (upper == std::numeric_limits<std::int32_t>::min() || upper == std::numeric_limits<std::int32_t>::max())
        return upper;
    return static_cast<std::int32_t>(half);
}

}  // namespace tern::quantize::full_bnn
