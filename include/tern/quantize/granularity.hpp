// SPDX-License-Identifier: MIT
// How many numbers describe a quantized matrix: one, or one a row. The shape says it, so nothing can disagree with it:
// a parameter is a column of 1 (per tensor) or `rows` (per channel) floats. And what the quantizers check alike.
#pragma once

#include <cstddef>

#include <tern/status.hpp>
#include <tern/view.hpp>

namespace tern::quantize {

/// One parameter for the whole matrix.
template <class T>
[[nodiscard]] TERN_INLINE constexpr matrix_view<T> per_tensor(T* value) noexcept {
    return {value, 1, 1};
}

/// One parameter for each of `rows` rows (channels, filters).
template <class T>
[[nodiscard]] TERN_INLINE constexpr matrix_view<T> per_channel(T* values, size_t rows) noexcept {
    return {values, rows, 1};
}

namespace detail {

/// The row of `parameter` that serves row `i` of the matrix. A one-row matrix makes both granularities the same.
template <class T>
[[nodiscard]] TERN_INLINE constexpr T& of_row(const matrix_view<T>& parameter, size_t i) noexcept {
    return *parameter.row(parameter.rows == 1 ? 0 : i);
}

/// Rows of the matrix that parameter `group` describes: [group * group_rows, + group_rows).
template <class T>
[[nodiscard]] TERN_INLINE constexpr size_t group_rows(const matrix_view<T>& parameter, size_t rows) noexcept {
    return parameter.rows == 1 ? rows : 1;
}

/// Those rows.
template <class T, class U>
[[nodiscard]] TERN_INLINE constexpr matrix_view<T> group_of(const matrix_view<T>& v, const matrix_view<U>& parameter,
                                                            size_t group) noexcept {
    const size_t rows = group_rows(parameter, v.rows);
    return {v.data + group * rows * v.stride, rows, v.cols, v.stride};
}

template <class T>
[[nodiscard]] TERN_INLINE status check_parameter(const matrix_view<T>& parameter, size_t rows) noexcept {
    if (parameter.cols != 1 || (parameter.rows != 1 && parameter.rows != rows)) return status::bad_shape;
    return check(parameter);
}

template <class T, class U>
[[nodiscard]] TERN_INLINE status check_same_shape(const matrix_view<T>& v, const matrix_view<U>& other) noexcept {
    if (v.rows != other.rows || v.cols != other.cols) return status::bad_shape;
    return check(v);
}

template <class T, class U>
[[nodiscard]] TERN_INLINE bool overlap(const matrix_view<T>& a, const matrix_view<U>& b) noexcept {
    return bytes_of(a).overlaps(bytes_of(b));
}

/// The first answer that is not `ok`.
[[nodiscard]] TERN_INLINE constexpr status first_error(status a) noexcept { return a; }
template <class... Rest>
[[nodiscard]] TERN_INLINE constexpr status first_error(status a, Rest... rest) noexcept {
    return a != status::ok ? a : first_error(rest...);
}

/// Neither infinite nor NaN, without <cmath>: only then is x - x zero.
[[nodiscard]] TERN_INLINE constexpr bool finite(float x) noexcept { return x - x == 0.0f; }

}  // namespace detail
}  // namespace tern::quantize
