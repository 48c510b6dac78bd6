// SPDX-License-Identifier: MIT
// A matrix product on an emulated array: every step and every accumulator in the order of the hardware. Values are
// therefore the hardware's, its overflows included.
//
//     dst[i][j] = sum_k x[i][k] w[j][k]
//
// x: vectors x depth, w: outputs x depth (see function.hpp for what they may be), dst: vectors x outputs, std::int32_t
// or std::int64_t for integers, std::uint32_t for bit patterns of floats. As long as no accumulator overflows, integers
// are bit-identical to `reference::gemm` and to every kernel.
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/pe/cycles.hpp>
#include <tern/pe/function.hpp>

namespace tern::pe {
inline namespace TERN_ISA_NAMESPACE {

struct run_result {
    verdict possible;
    std::uint64_t cycles = 0;
    std::uint64_t steps = 0;      ///< of all elements together
    std::uint64_t overflows = 0;  ///< results whose accumulator wrapped or saturated on the way
};

namespace detail {

template <class X, class W, class T>
[[nodiscard]] constexpr verdict check_operands(const array& a, const X& x, const W& w,
                                               const matrix_view<T>& dst) noexcept {
    const verdict v = check(a);
    if (!v.ok()) return v;
    if (depth_of(x) != depth_of(w) || dst.rows != rows_of(x) || dst.cols != rows_of(w))
        return {status::bad_shape, reason::shapes_differ};
    if (dst.rows == 0 || dst.cols == 0 || depth_of(x) == 0) return {status::bad_shape, reason::no_shape};
    if (!takes<X, W>(a.element.type) || (is_float(a.element.type) && a.flow == dataflow::bit_serial))
        return {status::unsupported, reason::kinds_differ};
    if (!contiguous_depth(x) || !contiguous_depth(w)) return {status::unsupported, reason::taps_apart};
    if (is_float(a.element.type) && a.element.lanes > most_float_lanes)
        return {status::overflow, reason::too_many_lanes};
    return {};
}

/// Calls f(d, count) for the slices of depth that one accumulator sees.
template <class F>
constexpr std::uint64_t for_each_slice(size_t first, size_t last, size_t step, const F& f) noexcept {
    std::uint64_t slices = 0;
    for (size_t d = first; d < last; d += step, ++slices) f(d, last - d < step ? last - d : step);
    return slices;
}

/// One result of the three dataflows that add words; counts the steps.
template <class X, class W>
[[nodiscard]] constexpr accumulator accumulate(const array& a, const X& x, size_t i, const W& w, size_t j,
                                               std::uint64_t& steps) noexcept {
    const unit& u = a.element;
    const size_t depth = depth_of(x);
    const size_t step = step_depth(u);
    accumulator acc;
    const auto sum = [&](size_t first, size_t last, accumulator& into) {
        steps +=
            for_each_slice(first, last, step, [&](size_t d, size_t n) { into.add(u, step_sum(u, x, i, w, j, d, n)); });
    };
    if (a.flow != dataflow::weight_stationary) {
        sum(0, depth, acc);
        return acc;
    }
    for (size_t d = 0; d < depth; d += a.rows * step) {
        accumulator column;
        sum(d, depth - d < a.rows * step ? depth : d + a.rows * step, column);
        acc.add(u, column.value);
        acc.overflowed |= column.overflowed;
    }
    return acc;
}

/// One result of the bit-serial array: the heaviest pair of planes first, the accumulator doubled before the pairs that
/// weigh half as much; most significant planes are negative.
template <class X, class W>
[[nodiscard]] constexpr accumulator accumulate_serial(const array& a, const X& x, size_t i, const W& w, size_t j,
                                                      std::uint64_t& steps) noexcept {
    unit u = a.element;
    u.type = kind::ternary;  // a signed accumulator
    accumulator acc;
    const int last_x = a.serial_x_bits - 1;
    const int last_w = a.serial_w_bits - 1;
    for (int weight = last_x + last_w; weight >= 0; --weight) {
        bool doubles = weight != last_x + last_w;
        for (int p = last_x; p >= 0; --p) {
            const int q = weight - p;
            if (q < 0 || q > last_w) continue;
            const bool negative = (p == last_x) != (q == last_w);
            steps += for_each_slice(0, depth_of(x), u.lanes, [&](size_t d, size_t n) {
                std::int64_t count = 0;
                for (size_t k = d; k < d + n; ++k) count += (value_at(x, i, k) >> p) & (value_at(w, j, k) >> q) & 1;
                acc.add(u, (doubles ? acc.value : 0) + (negative ? -count : count));
                doubles = false;
            });
        }
    }
    return acc;
}

template <class X, class W>
[[nodiscard]] constexpr std::uint32_t accumulate_float(const array& a, const X& x, size_t i, const W& w, size_t j,
                                                       std::uint64_t& steps) noexcept {
    const unit& u = a.element;
    const float_format f = u.type == kind::fp16 ? half_format : single_format;
    std::uint32_t acc = 0;
    steps += for_each_slice(0, depth_of(x), u.lanes,
                            [&](size_t d, size_t n) { acc = add(f, acc, float_step(u, x, i, w, j, d, n)); });
    return acc;
}

}  // namespace detail

/// Runs it. Anything but `possible.ok()` means that nothing was written. Overflow is no error here: it is counted.
/// `check(array, workload)` says beforehand whether it can happen. Floats are added step by step on every dataflow.
template <class X, class W, class T>
constexpr run_result run(const array& a, const X& x, const W& w, const matrix_view<T>& dst) noexcept {
    run_result r;
    r.possible = detail::check_operands(a, x, w, dst);
    if (!r.possible.ok()) return r;
    const size_t depth = detail::depth_of(x);
    r.cycles = cycles(a, workload{dst.cols, depth, dst.rows});
    for (size_t i = 0; i < dst.rows; ++i) {
        for (size_t j = 0; j < dst.cols; ++j) {
            if constexpr (std::is_same_v<T, std::uint32_t>) {
                dst(i, j) = detail::accumulate_float(a, x, i, w, j, r.steps);
                const float_format f = a.element.type == kind::fp16 ? half_format : single_format;
                r.overflows += f.exponent_of(dst(i, j)) == f.infinite() ? 1u : 0u;
            } else {
                const accumulator acc = a.flow == dataflow::bit_serial
                                            ? detail::accumulate_serial(a, x, i, w, j, r.steps)
                                            : detail::accumulate(a, x, i, w, j, r.steps);
                const bool counts = a.element.type == kind::binary && a.flow != dataflow::bit_serial;
                dst(i, j) = static_cast<T>(counts ? 2 * acc.value - static_cast<std::int64_t>(depth) : acc.value);
                r.overflows += acc.overflowed ? 1u : 0u;
            }
        }
    }
    return r;
}

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
