// SPDX-License-Identifier: MIT
// Convolutions straight into the next layer's activations: conv.hpp with any destination and way there of fused.hpp.
//
// dst: `tensor_view` of floats or int8, `mutable_packed_tensor` of binary, ternary, unsigned_bits<K> or
// bipolar_bits<K>; a shortcut has one row an output pixel. Bit-identical to `reference::conv2d` and reference/fused.hpp.
// `scale_offset::group` is not supported.
#pragma once

#include <cstddef>
#include <type_traits>

#include <tern/conv_bytes.hpp>

namespace tern {

template <class Arch = default_arch, class Lhs, class Rhs, class Destination, class How>
[[nodiscard]] std::enable_if_t<detail::is_how<How>, status> conv2d(const packed_tensor<Lhs>& input,
                                                                   const packed_panels<Rhs>& filters,
                                                                   const window2d& window, const Destination& dst,
                                                                   const How& how, tiles range = {}) noexcept;

/// filters: `packed_codes`, `packed_trits` or `packed_panels<binary>`, as in conv_bytes.hpp.
template <class Arch = default_arch, class Filters, class Destination, class How>
[[nodiscard]] std::enable_if_t<detail::is_byte_filters<Filters> && detail::is_how<How>, status> conv2d(
    const byte_tensor& input, const Filters& filters, const window2d& window, const Destination& dst, const How& how,
    tiles range = {}) noexcept;

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

/// Any destination and way there, for operands of any kind.
template <class Arch, class Operands, class Destination, class How>
[[nodiscard]] TERN_INLINE status convolve_fused(const Operands& o, const Destination& dst, const How& how,
                                                tiles range) noexcept {
    const auto pixels = pixels_of(dst);
    status s = check_tensor(dst);
    if (s == status::ok)
        s = check_conv(o, {dst.images, dst.height, dst.width, width_of(pixels), bytes_of(pixels), range});
    if (s == status::ok)
        s = check_how(how, pixels.rows, o.filters.outputs, o.depth(), o.largest_product, bytes_of(pixels));
    if (s == status::ok && has_groups(how)) s = status::unsupported;
    if (s == status::ok) o.template run<Arch>(range, kernel::sink_of<Arch>(pixels, how));
    return s;
}

}  // namespace detail

template <class Arch, class Lhs, class Rhs, class Destination, class How>
std::enable_if_t<detail::is_how<How>, status> conv2d(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters,
                                                     const window2d& window, const Destination& dst, const How& how,
                                                     tiles range) noexcept {
    return detail::convolve_fused<Arch>(detail::plane_conv_operands<Lhs, Rhs>{input, filters, window}, dst, how, range);
}

template <class Arch, class Filters, class Destination, class How>
std::enable_if_t<detail::is_byte_filters<Filters> && detail::is_how<How>, status> conv2d(
    const byte_tensor& input, const Filters& filters, const window2d& window, const Destination& dst, const How& how,
    tiles range) noexcept {
    return detail::convolve_fused<Arch>(detail::byte_operands<Filters>{input, filters, window}, dst, how, range);
}

}  // namespace tern
