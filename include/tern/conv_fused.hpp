// SPDX-License-Identifier: MIT
// Convolutions straight into the next layer's activations: conv.hpp with any destination and way there of fused.hpp.
//
// dst: `tensor_view` of floats or int8, `mutable_packed_tensor` of binary, ternary, unsigned_bits<K> or
// bipolar_bits<K>; a shortcut has one row an output pixel. Bit-identical to `reference::conv2d` and
// reference/fused.hpp. `scale_offset::group` is not supported.
#pragma once

#include <cstddef>
#include <type_traits>

#include <tern/conv_bytes.hpp>

namespace tern {

template <class Arch = default_arch, class Lhs, class Rhs, class Destination, class How>
[[nodiscard]] std::enable_if_t<detail::is_how<How>, status> conv2d(const packed_tensor<Lhs>& input,
                                                                   const packed_panels<Rhs>& filters,
                                                                   const window2d& window, const Destination& dst,
                                                                   const How& how, tiles range = {}) noexcept {
    return detail::convolve_fused<Arch>(detail::plane_conv_operands<Lhs, Rhs>{input, filters, window}, dst, how, range);
}

/// filters: `packed_codes`, `packed_trits` or `packed_panels<binary>`, as in conv_bytes.hpp.
template <class Arch = default_arch, class Filters, class Destination, class How>
[[nodiscard]] std::enable_if_t<detail::is_byte_filters<Filters> && detail::is_how<How>, status> conv2d(
    const byte_tensor& input, const Filters& filters, const window2d& window, const Destination& dst, const How& how,
    tiles range = {}) noexcept {
    return detail::convolve_fused<Arch>(detail::byte_operands<Filters>{input, filters, window}, dst, how, range);
}

}  // namespace tern
