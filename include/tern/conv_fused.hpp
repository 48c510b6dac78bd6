// SPDX-License-Identifier: MIT
// Convolutions straight into the next layer's activations: conv.hpp with any destination and way there of fused.hpp.
//
// dst: `tensor_view` of floats or int8, `mutable_packed_tensor` of binary, ternary, unsigned_bits<K> or
// bipolar_bits<K>; a shortcut has one row an output pixel. Bit-identical to `reference::conv2d` and reference/fused.hpp.
// `scale_offset::group` is not supported.
#pragma once

#include <cstddef>
#include <type_traits>

#include <tern/conv.hpp>

namespace tern {

template <class Arch = default_arch, class Lhs, class Rhs, class Destination, class How>
[[nodiscard]] std::enable_if_t<detail::is_how<How>, status> conv2d(const packed_tensor<Lhs>& input,
                                                                   const packed_panels<Rhs>& filters,
                                                                   const window2d& window, const Destination& dst,
                                                                   const How& how, tiles range = {}) noexcept;

}  // namespace tern

#include <tern/kernel/sinks/fused.hpp>

namespace tern {
namespace detail {

/// A destination as a matrix of one row a pixel.
template <class T>
[[nodiscard]] TERN_INLINE constexpr matrix_view<T> pixels_of(const tensor_view<T>& v) noexcept {
    return v.pixels();
}
template <class Encoding>
[[nodiscard]] TERN_INLINE constexpr const mutable_packed_rows<Encoding>& pixels_of(
    const mutable_packed_tensor<Encoding>& v) noexcept {
    return v.pixels;
}

template <class T>
[[nodiscard]] TERN_INLINE status check_tensor(const tensor_view<T>& v) noexcept {
    return check(v);
}
template <class Encoding>
[[nodiscard]] TERN_INLINE status check_tensor(const mutable_packed_tensor<Encoding>& v) noexcept {
    return check(packed_tensor<Encoding>(v));
}

}  // namespace detail

template <class Arch, class Lhs, class Rhs, class Destination, class How>
std::enable_if_t<detail::is_how<How>, status> conv2d(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters,
                                                     const window2d& window, const Destination& dst, const How& how,
                                                     tiles range) noexcept {
    const auto pixels = detail::pixels_of(dst);
    status s = detail::check_tensor(dst);
    if (s == status::ok)
        s = detail::check_conv2d(input, filters, window, dst.images, dst.height, dst.width, detail::width_of(pixels),
                                 bytes_of(pixels), range);
    if (s == status::ok)
        s = detail::check_how(how, pixels.rows, filters.outputs, filters.depth(), detail::max_product<Lhs, Rhs>,
                              bytes_of(pixels));
    if (s == status::ok && detail::has_groups(how)) s = status::unsupported;
    if (s == status::ok) detail::run_conv2d<Arch>(input, filters, window, range, kernel::sink_of<Arch>(pixels, how));
    return s;
}

}  // namespace tern
