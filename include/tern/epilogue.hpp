// SPDX-License-Identifier: MIT
// From int32 accumulators back to real numbers, and on to the next layer's packed words.
//
// With w = g_w t_w + b_w and x = g_x t_x + b_x over n positions of depth (RTN's scale and offset on both operands)
//
//     sum w x = g_w (g_x D + b_x S_w) + b_w (g_x S_x + b_x n)
//     D = sum t_w t_x,  S_w = sum t_w,  S_x = sum t_x
//
// D is the integer product, S_w is stored with the packed weights, S_x is counted once a row and n is the depth.
// In a convolution all four run over the taps inside the image only: a padded tap is a real 0, not b_x.
//
// Arithmetic, the same everywhere, so that results are bit-identical on every architecture and compiler:
//     u = float(g_x D + b_x S_w)       v = float(g_x S_x + b_x n)       y = float((g_w u + b_w v) + bias)
// with the right-hand sides in double. Each product there is exact (24 + 29 bits), hence a compiler that fuses a
// multiplication with an addition rounds no differently. Exact for |D|, |S_w|, |S_x|, n < 2^29. Error against real
// arithmetic: three roundings to float, 2^-24 relative each, of u, v and y.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include <tern/arch.hpp>
#include <tern/layout_tiles.hpp>

namespace tern {

/// A real parameter: one value for all (`stride` 0) or one a channel (`stride` 1). Without data it is its neutral
/// value.
struct parameter {
    const float* data = nullptr;
    size_t stride = 0;

    TERN_INLINE constexpr parameter() noexcept {}
    TERN_INLINE constexpr parameter(const float* data_, size_t stride_) noexcept : data(data_), stride(stride_) {}

    [[nodiscard]] TERN_INLINE constexpr float at(size_t channel, size_t group, float neutral) const noexcept {
        return data == nullptr ? neutral : data[channel * stride + group];
    }
};

/// The value has to outlive the parameter, so it cannot be a temporary.
[[nodiscard]] TERN_INLINE constexpr parameter per_tensor(const float& value) noexcept { return {&value, 0}; }
parameter per_tensor(const float&& value) = delete;
/// One value an output (weights), a row (activations of a matrix) or an image (activations of a convolution).
[[nodiscard]] TERN_INLINE constexpr parameter per_channel(const float* values) noexcept { return {values, 1}; }
/// Weights only: `groups` values an output, one for each `scale_offset::group` positions of depth.
[[nodiscard]] TERN_INLINE constexpr parameter per_group(const float* values, size_t groups) noexcept {
    return {values, groups};
}

/// scale * value + offset; neutral: 1 and 0.
struct affine {
    parameter scale;
    parameter offset;

    TERN_INLINE constexpr affine() noexcept {}
    TERN_INLINE constexpr affine(const parameter& scale_, const parameter& offset_) noexcept
        : scale(scale_), offset(offset_) {}
};

/// Reconstruction of a product: y as above, then clamped to [clamp_min, clamp_max].
struct scale_offset {
    affine weights;
    affine activations;
    const float* bias = nullptr;  ///< one an output, or none
    float clamp_min = -std::numeric_limits<float>::infinity();
    float clamp_max = std::numeric_limits<float>::infinity();
    /// Depth positions that share a weight scale and offset, a multiple of 32; 0: all of them. The terms of the groups
    /// are added in double, in order of depth.
    size_t group = 0;
    /// With `group` and an activation offset: sums of the weights, outputs x groups (see `group_sums`).
    const std::int32_t* group_sums = nullptr;

    TERN_INLINE constexpr scale_offset() noexcept {}
};

/// Real numbers to -1, 0, +1: +1 where y > upper, -1 where y < lower, else 0. Per tensor or per channel; neutral:
/// -1/2 and +1/2, RTN's rounding of a clipped number.
struct thresholds {
    parameter lower;
    parameter upper;
};

/// Batch normalisation gamma (y - mean) / sqrt(variance + epsilon) + beta, one of each an output.
struct batch_norm {
    const float* gamma = nullptr;     ///< none: 1
    const float* beta = nullptr;      ///< none: 0
    const float* mean = nullptr;      ///< none: 0
    const float* variance = nullptr;  ///< none: 1
    float epsilon = 1e-5f;
};

namespace detail {

/// Within one unit in the last place, the same on every target, without <cmath>. x >= 0.
[[nodiscard]] TERN_INLINE constexpr double square_root(double x) noexcept {
    if (!(x > 0.0)) return 0.0;
    if (!(x <= std::numeric_limits<double>::max())) return x;
    double scale = 1.0;
    while (x > 4.0) {
        x *= 0.25;
        scale *= 2.0;
    }
    while (x < 1.0) {
        x *= 4.0;
        scale *= 0.5;
    }
    double root = 1.5;
    for (int i = 0; i < 6; ++i) root = 0.5 * (root + x / root);
    return root * scale;
}

}  // namespace detail

/// Folds a batch normalisation behind a product into its scales, offsets and bias, so that it costs nothing at run
/// time. With a = gamma / sqrt(variance + epsilon): weights.scale *= a, weights.offset *= a,
/// bias = a * bias + (beta - a * mean). scale, offset: outputs x groups floats; bias: outputs floats; they may be the
/// arrays of `in`, if large enough. `out` refers to them. Not exact: a and every result are rounded to float once.
[[nodiscard]] TERN_INLINE status fold(const batch_norm& norm, size_t outputs, size_t groups, const scale_offset& in,
                                      float* scale, float* offset, float* bias, scale_offset& out) noexcept {
    if (outputs != 0 && (scale == nullptr || offset == nullptr || bias == nullptr)) return status::null_pointer;
    if (groups == 0 || (groups != 1 && in.group == 0)) return status::bad_shape;
    for (size_t m = 0; m < outputs; ++m) {
        const double variance = norm.variance == nullptr ? 1.0 : double{norm.variance[m]};
        if (!(variance + double{norm.epsilon} > 0.0)) return status::bad_value;
    }
    // From the last to the first: in place, an array with one value for all outputs is then read before it is written.
    for (size_t m = outputs; m-- > 0;) {
        const double variance = norm.variance == nullptr ? 1.0 : double{norm.variance[m]};
        const double gamma = norm.gamma == nullptr ? 1.0 : double{norm.gamma[m]};
        const double beta = norm.beta == nullptr ? 0.0 : double{norm.beta[m]};
        const double mean = norm.mean == nullptr ? 0.0 : double{norm.mean[m]};
        const double old_bias = in.bias == nullptr ? 0.0 : double{in.bias[m]};
        const auto a = static_cast<float>(gamma / detail::square_root(variance + double{norm.epsilon}));
        bias[m] = static_cast<float>(double{a} * old_bias + (beta - double{a} * mean));
        for (size_t g = groups; g-- > 0;) {
            const size_t i = m * groups + g;
            scale[i] = static_cast<float>(double{a} * double{in.weights.scale.at(m, g, 1.0f)});
            offset[i] = static_cast<float>(double{a} * double{in.weights.offset.at(m, g, 0.0f)});
        }
    }
    out = in;
    out.weights = {{scale, groups}, {offset, groups}};
    out.bias = bias;
    return status::ok;
}

namespace detail {

template <class Arch, class Packed>
[[nodiscard]] status sum_groups(const Packed& weights, size_t depth, size_t group,
                                const matrix_view<std::int32_t>& dst) noexcept {
    status s = check(weights);
    if (s != status::ok) return s;
    s = check(dst);
    if (s != status::ok) return s;
    if (group == 0 || dst.rows != weights.outputs || dst.cols != bits::ceil_div(depth, group))
        return status::bad_shape;
    if (bytes_of(weights).overlaps(bytes_of(dst))) return status::overlap;
    for (size_t m = 0; m < dst.rows; ++m) {
        for (size_t g = 0; g < dst.cols; ++g) {
            std::int32_t sum = 0;
            for (size_t d = g * group; d < depth && d < (g + 1) * group; ++d) sum += weights.value(m, d);
            dst(m, g) = sum;
        }
    }
    return status::ok;
}

}  // namespace detail

/// Sums of the weights over groups of `group` positions of depth: dst is outputs x ceil(depth / group).
template <class Arch = default_arch, class Encoding>
[[nodiscard]] status group_sums(const packed_panels<Encoding>& weights, size_t group,
                                const matrix_view<std::int32_t>& dst) noexcept {
    return detail::sum_groups<Arch>(weights, weights.depth(), group, dst);
}

template <class Arch = default_arch>
[[nodiscard]] status group_sums(const packed_codes& weights, size_t group,
                                const matrix_view<std::int32_t>& dst) noexcept {
    return detail::sum_groups<Arch>(weights, weights.depth, group, dst);
}

/// What an operation can tell of a reconstruction before it starts. `depth`: positions of the product, none larger than
/// `max_product` in magnitude; together they bound D, S_w, S_x and n.
template <class Isa = arch::scalar>
[[nodiscard]] status check(const scale_offset& e, size_t depth, size_t max_product = 1) noexcept {
    if (!(e.clamp_min <= e.clamp_max)) return status::bad_value;
    if (depth > ((size_t{1} << 29) - 1) / max_product) return status::overflow;
    if (e.activations.scale.stride > 1 || e.activations.offset.stride > 1) return status::bad_stride;
    if (e.group == 0) {
        const size_t widest =
            e.weights.scale.stride > e.weights.offset.stride ? e.weights.scale.stride : e.weights.offset.stride;
        return widest > 1 ? status::bad_stride : status::ok;
    }
    if (e.group % word_bits != 0) return status::bad_shape;
    const size_t groups = bits::ceil_div(depth, e.group);
    if ((e.weights.scale.data != nullptr && e.weights.scale.stride != groups) ||
        (e.weights.offset.data != nullptr && e.weights.offset.stride != groups))
        return status::bad_stride;
    return e.activations.offset.data != nullptr && e.group_sums == nullptr ? status::null_pointer : status::ok;
}

}  // namespace tern
