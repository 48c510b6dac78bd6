// SPDX-License-Identifier: MIT
// The library's products and convolutions, compiled for every architecture and chosen at run time. Hosted; opt-in: a
// program that calls them links CMake's target tern::dispatch. docs/dispatch.md.
//
//     tern::status s = tern::dispatch::gemm(x, w, dst);     // as tern::gemm, for the best architecture of this CPU
//     tern::dispatch::kernels.active_name();                // "avx2"
//     s = tern::dispatch::kernels.force("sse4");            // or TERN_ARCH=sse4 in the environment
//
// Formulas, shapes, exactness and statuses are those of gemm.hpp, gemm_lookup.hpp, gemm_bytes.hpp, gemv.hpp and
// conv.hpp; weights may be what plan.hpp or plan_bytes.hpp chose. The operand pairs are those of `kernel_functions`;
// other pairs, and operations of one's own, go through a table of one's own (dispatch/table.hpp).
#pragma once

#include <cstdint>
#include <type_traits>

#include <tern/dispatch/table.hpp>
#include <tern/epilogue.hpp>
#include <tern/layout_tiles.hpp>
#include <tern/parallel.hpp>
#include <tern/window.hpp>

namespace tern::dispatch {

/// gemm, hence gemv, of one pair of views of operands.
template <class Lhs, class Rhs>
struct view_products {
    status (*gemm_int32)(const Lhs&, const Rhs&, const matrix_view<std::int32_t>&, tiles) noexcept;
    status (*gemm_float)(const Lhs&, const Rhs&, const matrix_view<float>&, const scale_offset&, tiles) noexcept;
    status (*gemm_ternary)(const Lhs&, const Rhs&, const mutable_packed_rows<ternary>&, const scale_offset&,
                           const thresholds&, tiles) noexcept;
};

/// Bit planes by counting; by lookup; signed bytes with weights of any layout.
template <class Lhs, class Rhs>
using products = view_products<packed_rows<Lhs>, packed_panels<Rhs>>;
template <class Lhs>
using lookup_products = view_products<packed_rows<Lhs>, packed_indices>;
template <class Weights>
using byte_products = view_products<matrix_view<const std::int8_t>, Weights>;

/// conv2d of one pair of operands.
template <class Lhs, class Rhs>
struct convolutions {
    status (*conv2d_int32)(const packed_tensor<Lhs>&, const packed_panels<Rhs>&, const window2d&,
                           const tensor_view<std::int32_t>&, tiles) noexcept;
    status (*conv2d_float)(const packed_tensor<Lhs>&, const packed_panels<Rhs>&, const window2d&,
                           const tensor_view<float>&, const scale_offset&, tiles) noexcept;
    status (*conv2d_ternary)(const packed_tensor<Lhs>&, const packed_panels<Rhs>&, const window2d&,
                             const mutable_packed_tensor<ternary>&, const scale_offset&, const thresholds&,
                             tiles) noexcept;
};

/// Everything that is compiled once an architecture. What is added here is added to cmake/dispatch/kernels.cpp too.
struct kernel_functions : products<binary, binary>,
                          products<binary, ternary>,
                          products<ternary, binary>,
                          products<ternary, ternary>,
                          products<unsigned_bits<2>, binary>,
                          products<unsigned_bits<2>, ternary>,
                          products<unsigned_bits<4>, binary>,
                          products<unsigned_bits<4>, ternary>,
                          products<unsigned_bits<8>, binary>,
                          products<unsigned_bits<8>, ternary>,
                          lookup_products<ternary>,
                          byte_products<packed_codes>,
                          byte_products<packed_trits>,
                          byte_products<packed_sevens>,
                          byte_products<packed_panels<binary>>,
                          convolutions<binary, binary>,
                          convolutions<binary, ternary>,
                          convolutions<ternary, binary>,
                          convolutions<ternary, ternary> {};

/// The table behind the functions below: list it, query it, force it.
extern table<kernel_functions> kernels;

namespace detail {

template <class Set>
[[nodiscard]] TERN_INLINE const Set& chosen_kernels() noexcept {
    static_assert(std::is_base_of_v<Set, kernel_functions>,
                  "tern: this pair of operands is not in the ready-made table; write a table of your own "
                  "(tern/dispatch/table.hpp)");
    return *kernels;
}

/// Whether weights of several layouts say by `visit` which one they are.
struct any_view {
    template <class View>
    status operator()(const View&) const noexcept;
};
template <class Weights, class = void>
inline constexpr bool is_planned = false;
template <class Weights>
inline constexpr bool is_planned<
    Weights, std::void_t<decltype(static_cast<const Weights*>(nullptr)->visit(any_view(), status::ok))>> = true;

// The member for each destination.

template <class Lhs, class Rhs>
[[nodiscard]] TERN_INLINE status run(const Lhs& lhs, const Rhs& rhs, const matrix_view<std::int32_t>& dst,
                                     tiles range = {}) noexcept {
    return chosen_kernels<view_products<Lhs, Rhs>>().gemm_int32(lhs, rhs, dst, range);
}

template <class Lhs, class Rhs>
[[nodiscard]] TERN_INLINE status run(const Lhs& lhs, const Rhs& rhs, const matrix_view<float>& dst,
                                     const scale_offset& epilogue, tiles range = {}) noexcept {
    return chosen_kernels<view_products<Lhs, Rhs>>().gemm_float(lhs, rhs, dst, epilogue, range);
}

template <class Lhs, class Rhs>
[[nodiscard]] TERN_INLINE status run(const Lhs& lhs, const Rhs& rhs, const mutable_packed_rows<ternary>& dst,
                                     const scale_offset& epilogue, const thresholds& limits,
                                     tiles range = {}) noexcept {
    return chosen_kernels<view_products<Lhs, Rhs>>().gemm_ternary(lhs, rhs, dst, epilogue, limits, range);
}

}  // namespace detail

// All destinations of tern::gemm. `more`: what it takes behind the destination.

template <class Lhs, class Rhs, class Destination, class... More>
[[nodiscard]] TERN_INLINE status gemm(const packed_rows<Lhs>& lhs, const packed_panels<Rhs>& rhs,
                                      const Destination& dst, const More&... more) noexcept {
    return detail::run(lhs, rhs, dst, more...);
}

template <class Lhs, class Destination, class... More>
[[nodiscard]] TERN_INLINE status gemm(const packed_rows<Lhs>& lhs, const packed_indices& rhs, const Destination& dst,
                                      const More&... more) noexcept {
    return detail::run(lhs, rhs, dst, more...);
}

template <class Destination, class... More>
[[nodiscard]] TERN_INLINE status gemm(const matrix_view<const std::int8_t>& lhs, const packed_codes& rhs,
                                      const Destination& dst, const More&... more) noexcept {
    return detail::run(lhs, rhs, dst, more...);
}

template <class Destination, class... More>
[[nodiscard]] TERN_INLINE status gemm(const matrix_view<const std::int8_t>& lhs, const packed_trits& rhs,
                                      const Destination& dst, const More&... more) noexcept {
    return detail::run(lhs, rhs, dst, more...);
}

template <class Destination, class... More>
[[nodiscard]] TERN_INLINE status gemm(const matrix_view<const std::int8_t>& lhs, const packed_sevens& rhs,
                                      const Destination& dst, const More&... more) noexcept {
    return detail::run(lhs, rhs, dst, more...);
}

template <class Destination, class... More>
[[nodiscard]] TERN_INLINE status gemm(const matrix_view<const std::int8_t>& lhs, const packed_panels<binary>& rhs,
                                      const Destination& dst, const More&... more) noexcept {
    return detail::run(lhs, rhs, dst, more...);
}

/// With what a plan chose: `ternary_weights` (plan.hpp) and `byte_weights` (plan_bytes.hpp).
template <class Lhs, class Weights, class Destination, class... More>
[[nodiscard]] TERN_INLINE std::enable_if_t<detail::is_planned<Weights>, status> gemm(const Lhs& lhs, const Weights& rhs,
                                                                                     const Destination& dst,
                                                                                     const More&... more) noexcept {
    return rhs.visit([&](const auto& view) TERN_INLINE_LAMBDA { return dispatch::gemm(lhs, view, dst, more...); },
                     status::bad_layout);
}

/// Of one row.
template <class Lhs, class Rhs, class Destination, class... More>
[[nodiscard]] TERN_INLINE status gemv(const Lhs& x, const Rhs& rhs, const Destination& dst,
                                      const More&... more) noexcept {
    return x.rows == 1 ? dispatch::gemm(x, rhs, dst, more...) : status::bad_shape;
}

template <class Lhs, class Rhs>
[[nodiscard]] TERN_INLINE status conv2d(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters,
                                        const window2d& window, const tensor_view<std::int32_t>& dst,
                                        tiles range = {}) noexcept {
    return detail::chosen_kernels<convolutions<Lhs, Rhs>>().conv2d_int32(input, filters, window, dst, range);
}

template <class Lhs, class Rhs>
[[nodiscard]] TERN_INLINE status conv2d(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters,
                                        const window2d& window, const tensor_view<float>& dst,
                                        const scale_offset& epilogue, tiles range = {}) noexcept {
    return detail::chosen_kernels<convolutions<Lhs, Rhs>>().conv2d_float(input, filters, window, dst, epilogue, range);
}

template <class Lhs, class Rhs>
[[nodiscard]] TERN_INLINE status conv2d(const packed_tensor<Lhs>& input, const packed_panels<Rhs>& filters,
                                        const window2d& window, const mutable_packed_tensor<ternary>& dst,
                                        const scale_offset& epilogue, const thresholds& limits,
                                        tiles range = {}) noexcept {
    return detail::chosen_kernels<convolutions<Lhs, Rhs>>().conv2d_ternary(input, filters, window, dst, epilogue,
                                                                           limits, range);
}

}  // namespace tern::dispatch
