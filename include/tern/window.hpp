// SPDX-License-Identifier: MIT
// The geometry of a sliding window: what convolution and pooling share.
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/status.hpp>

namespace tern {

using std::size_t;

/// One axis of a window. Output position o covers the input positions o * stride - pad_before + k * dilation for
/// k = 0 .. kernel - 1; those outside the input are padding.
struct window_axis {
    size_t kernel = 1;
    size_t stride = 1;
    size_t dilation = 1;
    size_t pad_before = 0;
    size_t pad_after = 0;

    /// Number of output positions; 0 when the window does not fit. Requires `check(*this, input) == status::ok`.
    [[nodiscard]] TERN_INLINE constexpr size_t outputs(size_t input) const noexcept {
        const size_t padded = input + pad_before + pad_after;
        const size_t reach = (kernel - 1) * dilation + 1;
        return input == 0 || padded < reach ? 0 : (padded - reach) / stride + 1;
    }
    /// Number of output positions of a transposed convolution, where input position i and kernel position k meet in
    /// output position i * stride + k * dilation - pad_before: as few as `outputs` turns into `input`, and up to
    /// max(stride, dilation) - 1 more (`output_padding`). 0 when nothing is left of them.
    [[nodiscard]] TERN_INLINE constexpr size_t transposed_outputs(size_t input,
                                                                  size_t output_padding = 0) const noexcept {
        if (input == 0) return 0;
        const size_t padded = (input - 1) * stride + (kernel - 1) * dilation + 1 + output_padding;
        return padded < pad_before + pad_after ? 0 : padded - pad_before - pad_after;
    }
    /// First kernel position that lies inside the input.
    [[nodiscard]] TERN_INLINE constexpr size_t first_tap(size_t output) const noexcept {
        const size_t start = output * stride;
        const size_t first = start >= pad_before ? 0 : (pad_before - start + dilation - 1) / dilation;
        return first < kernel ? first : kernel;
    }
    /// One past the last kernel position that lies inside the input; not below `first_tap`.
    [[nodiscard]] TERN_INLINE constexpr size_t last_tap(size_t output, size_t input) const noexcept {
        const size_t start = output * stride;
        const size_t end = input + pad_before;  // the position behind the input, counted from the padding's start
        const size_t last = start >= end ? 0 : (end - start + dilation - 1) / dilation;
        return last < kernel ? last : kernel;
    }
    /// Input position under a kernel position that `first_tap` and `last_tap` allow.
    [[nodiscard]] TERN_INLINE constexpr size_t input(size_t output, size_t tap) const noexcept {
        return output * stride + tap * dilation - pad_before;
    }
};

/// Both axes, and what only convolutions read: pooling takes no notice of it.
struct window2d {
    window_axis y;
    window_axis x;
    /// Output channel o reads the input channels of group o / (outputs / groups) alone.
    size_t groups = 1;
    /// 0: a padded tap is a real 0, also where the encoding has no code for it. -1, +1: it holds that value, which is
    /// multiplied, scaled and offset as any other (one-padding; binary and ternary activations).
    std::int32_t pad_value = 0;
};

/// Same kernel, stride and padding on both axes.
[[nodiscard]] TERN_INLINE constexpr window2d square_window(size_t kernel, size_t stride = 1,
                                                           size_t padding = 0) noexcept {
    return {{kernel, stride, 1, padding, padding}, {kernel, stride, 1, padding, padding}};
}

/// A window over lines: images of height 1.
[[nodiscard]] TERN_INLINE constexpr window2d line_window(const window_axis& x, size_t groups = 1,
                                                         std::int32_t pad_value = 0) noexcept {
    return {window_axis{}, x, groups, pad_value};
}

/// Positive kernel, stride and dilation, and no size that could overflow.
[[nodiscard]] TERN_INLINE constexpr status check(const window_axis& w, size_t input) noexcept {
    if (w.kernel == 0 || w.stride == 0 || w.dilation == 0) return status::bad_shape;
    constexpr size_t limit = static_cast<size_t>(-1) / 8;
    if (input > limit || w.pad_before > limit || w.pad_after > limit || w.stride > limit ||
        w.kernel > limit / w.dilation)
        return status::overflow;
    return status::ok;
}

[[nodiscard]] TERN_INLINE constexpr status check(const window2d& w, size_t height, size_t width) noexcept {
    const status s = check(w.y, height);
    return s != status::ok ? s : check(w.x, width);
}

}  // namespace tern
