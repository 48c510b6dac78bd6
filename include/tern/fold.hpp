// SPDX-License-Identifier: MIT
// Real steps that depend on the accumulator alone, as integer limits: done once, when a network is loaded. z rises or
// falls with the accumulator in every step of its arithmetic, roundings included, so that each condition on z holds on
// one side of one integer; it is found by bisection, with the very arithmetic that it replaces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include <tern/fused.hpp>

namespace tern {
namespace detail {

/// Accumulators that a reconstruction may meet.
inline constexpr std::int32_t largest_accumulator = (1 << 29) - 1;

/// Steps of one output, as a function of its accumulator alone.
struct output_curve {
    const real_steps& steps;
    size_t output;
    double residual;  ///< s r of a shortcut

    [[nodiscard]] TERN_INLINE float operator()(std::int32_t acc) const noexcept {
        const scale_offset& e = steps.epilogue;
        const auto u = static_cast<float>(double{e.activations.scale.at(0, 0, 1.0f)} * acc);
        const double product = double{e.weights.scale.at(output, 0, 1.0f)} * double{u};
        const float bias = e.bias == nullptr ? 0.0f : e.bias[output];
        auto z = static_cast<float>(product + double{bias});
        if (residual != 0.0) z = static_cast<float>(double{z} + residual);
        if (z < 0.0f && steps.slope.data != nullptr) z = z * steps.slope.at(output, 0, 1.0f);
        const float above = z < e.clamp_min ? e.clamp_min : z;
        return above > e.clamp_max ? e.clamp_max : above;
    }
    [[nodiscard]] TERN_INLINE bool falls() const noexcept {
        return (steps.epilogue.activations.scale.at(0, 0, 1.0f) < 0.0f) !=
               (steps.epilogue.weights.scale.at(output, 0, 1.0f) < 0.0f);
    }
};

/// Of a condition that holds from some accumulator on: the largest for which it does not, at least INT32_MIN.
template <class Condition>
[[nodiscard]] TERN_INLINE std::int32_t last_without(const Condition& holds) noexcept {
    std::int32_t low = -largest_accumulator;
    std::int32_t high = largest_accumulator;
    if (holds(low)) return std::numeric_limits<std::int32_t>::min();
    if (!holds(high)) return std::numeric_limits<std::int32_t>::max();
    while (high - low > 1) {
        const std::int32_t middle = low + (high - low) / 2;
        (holds(middle) ? high : low) = middle;
    }
    return low;
}
/// Of one that holds up to some accumulator: the smallest for which it does not.
template <class Condition>
[[nodiscard]] TERN_INLINE std::int32_t first_without(const Condition& holds) noexcept {
    const std::int32_t mirrored = last_without([&](std::int32_t a) TERN_INLINE_LAMBDA { return holds(-a); });
    if (mirrored == std::numeric_limits<std::int32_t>::min()) return std::numeric_limits<std::int32_t>::max();
    if (mirrored == std::numeric_limits<std::int32_t>::max()) return std::numeric_limits<std::int32_t>::min();
    return -mirrored;
}

[[nodiscard]] TERN_INLINE bool is_finite(const parameter& p, size_t output) noexcept {
    const float x = p.at(output, 0, 1.0f);
    return x - x == 0.0f;
}

/// Whether z depends on nothing but the accumulator and the output, and in one direction.
[[nodiscard]] TERN_INLINE status check_fold(const real_steps& how, size_t outputs) noexcept {
    const scale_offset& e = how.epilogue;
    status s = tern::check(e, 0);
    if (s != status::ok) return s;
    if (e.group != 0 || e.weights.offset.data != nullptr || e.activations.offset.data != nullptr ||
        e.activations.scale.stride != 0)
        return status::unsupported;
    for (size_t o = 0; o < outputs; ++o) {
        if (!is_finite(how.residual.scale, o) || !is_finite(e.weights.scale, o) || !is_finite(e.activations.scale, 0) ||
            !is_finite(how.slope, o) || (e.bias != nullptr && !is_finite(per_channel(e.bias), o)))
            return status::bad_value;
        if (how.slope.at(o, 0, 1.0f) < 0.0f) return status::unsupported;
    }
    return status::ok;
}

/// Ternary limits of one output. `z` gives its number for an accumulator and says whether it falls.
template <class Curve, class Number>
TERN_INLINE void ternary_limits(const Curve& z, Number low, Number high, std::int32_t& lower,
                                std::int32_t& upper) noexcept {
    const auto plus = [&](std::int32_t a) TERN_INLINE_LAMBDA { return z(a) > high; };
    const auto minus = [&](std::int32_t a) TERN_INLINE_LAMBDA { return z(a) < low; };
    lower = z.falls() ? first_without(plus) : first_without(minus);
    upper = z.falls() ? last_without(minus) : last_without(plus);
}
/// Likewise to -1 and +1.
template <class Curve, class Number>
[[nodiscard]] TERN_INLINE std::int32_t binary_limit(const Curve& z, Number limit) noexcept {
    return last_without([&](std::int32_t a) TERN_INLINE_LAMBDA { return (z(a) >= limit) != z.falls(); });
}

/// Bit o % 32 of word o / 32: whether the curve of output o falls. `curve_of(o)` is that curve.
template <class Curves>
TERN_INLINE void note_directions(size_t outputs, word* negative, const Curves& curve_of) noexcept {
    for (size_t w = 0; w < depth_words(outputs); ++w) negative[w] = 0;
    for (size_t o = 0; o < outputs; ++o)
        if (curve_of(o).falls()) negative[o / word_bits] |= word{1} << (o % word_bits);
}
TERN_INLINE void note_directions(const real_steps& how, size_t outputs, word* negative) noexcept {
    note_directions(outputs, negative, [&](size_t o) TERN_INLINE_LAMBDA { return output_curve{how, o, 0.0}; });
}

/// The limits of one output behind a shortcut of value r.
TERN_INLINE void fold_output(const to_ternary& how, size_t o, float r, std::int32_t& lower,
                             std::int32_t& upper) noexcept {
    const output_curve z{how, o, double{how.residual.scale.at(o, 0, 1.0f)} * double{r}};
    ternary_limits(z, how.limits.lower.at(o, 0, -0.5f), how.limits.upper.at(o, 0, 0.5f), lower, upper);
}
/// `lower` means nothing.
TERN_INLINE void fold_output(const to_binary& how, size_t o, float r, std::int32_t& lower,
                             std::int32_t& upper) noexcept {
    const output_curve z{how, o, double{how.residual.scale.at(o, 0, 1.0f)} * double{r}};
    upper = binary_limit(z, how.limit.at(o, 0, 0.0f));
    lower = upper;
}

}  // namespace detail

/// Integer limits that give exactly what `how` gives, for every accumulator in (-2^29, 2^29): scales, folded batch
/// normalisations, biases, slopes >= 0, clamps and thresholds disappear.
/// lower, upper: `outputs` integers; negative: ceil(outputs / 32) words. `out` refers to them.
/// Cost: 120 evaluations an output. Returns unsupported for what does not depend on the accumulator alone: weight or
/// activation offsets, activation scales that differ, groups of depth, a shortcut (but see below); and for
/// negative slopes.
[[nodiscard]] TERN_INLINE status fold(const to_ternary& how, size_t outputs, std::int32_t* lower, std::int32_t* upper,
                                      word* negative, integer_limits& out) noexcept {
    if (outputs != 0 && (lower == nullptr || upper == nullptr || negative == nullptr)) return status::null_pointer;
    const status s = detail::check_fold(how, outputs);
    if (s != status::ok) return s;
    if (how.residual.from != shortcut::kind::none) return status::unsupported;
    detail::note_directions(how, outputs, negative);
    for (size_t o = 0; o < outputs; ++o) detail::fold_output(how, o, 0.0f, lower[o], upper[o]);
    out = {lower, upper, negative};
    return status::ok;
}

/// The same for binary destinations.
[[nodiscard]] TERN_INLINE status fold(const to_binary& how, size_t outputs, std::int32_t* upper, word* negative,
                                      integer_limits& out) noexcept {
    if (outputs != 0 && (upper == nullptr || negative == nullptr)) return status::null_pointer;
    const status s = detail::check_fold(how, outputs);
    if (s != status::ok) return s;
    if (how.residual.from != shortcut::kind::none) return status::unsupported;
    detail::note_directions(how, outputs, negative);
    for (size_t o = 0; o < outputs; ++o) {
        std::int32_t unused = 0;
        detail::fold_output(how, o, 0.0f, unused, upper[o]);
    }
    out = {nullptr, upper, negative};
    return status::ok;
}

/// The same with a shortcut of packed ternary values, of any scale. How: `to_ternary` or `to_binary`. lower, upper:
/// 3 * outputs integers. Cost: 360 evaluations an output.
template <class How>
[[nodiscard]] TERN_INLINE status fold(const How& how, size_t outputs, std::int32_t* lower, std::int32_t* upper,
                                      word* negative, shortcut_limits& out) noexcept {
    if (outputs != 0 && (lower == nullptr || upper == nullptr || negative == nullptr)) return status::null_pointer;
    const status s = detail::check_fold(how, outputs);
    if (s != status::ok) return s;
    if (how.residual.from != shortcut::kind::trits) return status::unsupported;
    detail::note_directions(how, outputs, negative);
    for (size_t o = 0; o < outputs; ++o) {
        detail::fold_output(how, o, 0.0f, lower[o], upper[o]);
        detail::fold_output(how, o, 1.0f, lower[outputs + o], upper[outputs + o]);
        detail::fold_output(how, o, -1.0f, lower[2 * outputs + o], upper[2 * outputs + o]);
    }
    out = {lower, upper, negative, how.residual.trits};
    return status::ok;
}

}  // namespace tern
