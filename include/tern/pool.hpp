// SPDX-License-Identifier: MIT
// Max-pooling of packed activations, without unpacking: the largest of -1, 0 and +1 is bit logic.
//
//     dst[n][y][x][c] = max over the window's positions inside the image of input[n][.][.][c]
//
// binary: the OR of the plus bits. ternary: plus where any position is plus, minus where all are minus.
// Exact, bit-identical to `reference::max_pool2d`; zeros are written in their canonical code. Positions outside the
// image never win; a window with none inside is a shape that does not fit.
#pragma once

#include <cstddef>

#include <tern/arch.hpp>
#include <tern/layout.hpp>
#include <tern/window.hpp>

namespace tern {
namespace detail {

/// Does every output position see at least one input position?
[[nodiscard]] TERN_INLINE constexpr bool always_inside(const window_axis& w, size_t input) noexcept {
    for (size_t o = 0; o < w.outputs(input); ++o)
        if (w.first_tap(o) >= w.last_tap(o, input)) return false;
    return true;
}

/// Running maximum of 32 channels.
template <class Encoding>
struct word_max {
    static_assert(std::is_same_v<Encoding, binary> || std::is_same_v<Encoding, ternary>,
                  "tern::max_pool2d: packed pooling is for binary and ternary activations");
    word plus;
    word minus;

    TERN_INLINE void add(const word* pixel, size_t plane_stride) noexcept {
        if constexpr (Encoding::has_mask) {
            plus |= pixel[0] & pixel[plane_stride];
            minus &= pixel[0] & ~pixel[plane_stride];
        } else {
            plus |= pixel[0];
        }
    }
    TERN_INLINE void store(word* pixel, size_t plane_stride) const noexcept {
        pixel[0] = Encoding::has_mask ? plus | minus : plus;
        if constexpr (Encoding::has_mask) pixel[plane_stride] = plus;
    }
};

template <class Arch, class Encoding>
void run_max_pool2d(const packed_tensor<Encoding>& input, const window2d& window,
                    const mutable_packed_tensor<Encoding>& dst) noexcept {
    const packed_rows<Encoding>& from = input.pixels;
    const mutable_packed_rows<Encoding>& to = dst.pixels;
    for (size_t pixel = 0; pixel < to.rows; ++pixel) {
        const size_t x = pixel % dst.width;
        const size_t y = pixel / dst.width % dst.height;
        const size_t n = pixel / dst.width / dst.height;
        const size_t y_last = window.y.last_tap(y, input.height);
        const size_t x_last = window.x.last_tap(x, input.width);
        for (size_t w = 0; w < from.words(); ++w) {
            word_max<Encoding> largest{0, ~word{0}};
            for (size_t ky = window.y.first_tap(y); ky < y_last; ++ky)
                for (size_t kx = window.x.first_tap(x); kx < x_last; ++kx)
                    largest.add(from.row(input.pixel(n, window.y.input(y, ky), window.x.input(x, kx))) + w,
                                from.plane_stride);
            largest.store(to.target_row(pixel) + w, to.plane_stride);
        }
    }
}

}  // namespace detail

template <class Arch = default_arch, class Encoding>
[[nodiscard]] status max_pool2d(const packed_tensor<Encoding>& input, const window2d& window,
                                const mutable_packed_tensor<Encoding>& dst) noexcept {
    status s = check(input);
    if (s == status::ok) s = check(packed_tensor<Encoding>(dst));
    if (s == status::ok) s = check(window, input.height, input.width);
    if (s != status::ok) return s;
    if (dst.images != input.images || dst.pixels.depth != input.channels() ||
        dst.height != window.y.outputs(input.height) || dst.width != window.x.outputs(input.width) ||
        !detail::always_inside(window.y, input.height) || !detail::always_inside(window.x, input.width))
        return status::bad_shape;
    if (bytes_of(dst.pixels).overlaps(bytes_of(input.pixels))) return status::overlap;
    detail::run_max_pool2d<Arch>(input, window, dst);
    return status::ok;
}

}  // namespace tern
