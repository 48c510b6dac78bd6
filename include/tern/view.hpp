// SPDX-License-Identifier: MIT
// Non-owning views of unpacked numbers: a pointer, a shape and a stride. They check nothing by themselves;
// `check(view)` does, and every public operation calls it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <tern/status.hpp>

namespace tern {

using std::size_t;

/// Row-major matrix. `stride` counts elements from one row to the next, so a view of a part of a larger matrix is
/// just another view.
template <class T>
struct matrix_view {
    using element_type = T;

    T* data = nullptr;
    size_t rows = 0;
    size_t cols = 0;
    size_t stride = 0;  ///< elements

    TERN_INLINE constexpr matrix_view() noexcept {}
    TERN_INLINE constexpr matrix_view(T* data_, size_t rows_, size_t cols_) noexcept
        : data(data_), rows(rows_), cols(cols_), stride(cols_) {}
    TERN_INLINE constexpr matrix_view(T* data_, size_t rows_, size_t cols_, size_t stride_) noexcept
        : data(data_), rows(rows_), cols(cols_), stride(stride_) {}

    /// A view of `T` is a view of `const T`.
    template <class U, class = std::enable_if_t<std::is_same_v<const U, T> && !std::is_same_v<U, T>>>
    TERN_INLINE constexpr matrix_view(const matrix_view<U>& other) noexcept
        : data(other.data), rows(other.rows), cols(other.cols), stride(other.stride) {}

    [[nodiscard]] TERN_INLINE constexpr T* row(size_t i) const noexcept { return data + i * stride; }
    [[nodiscard]] TERN_INLINE constexpr T& operator()(size_t i, size_t j) const noexcept {
        return data[i * stride + j];
    }
    [[nodiscard]] TERN_INLINE constexpr bool empty() const noexcept { return rows == 0 || cols == 0; }
};

/// NHWC tensor (or OHWI filters, with `images` as outputs). Pixels are `pixel_stride` elements apart; rows and images
/// follow each other without a gap.
template <class T>
struct tensor_view {
    using element_type = T;

    T* data = nullptr;
    size_t images = 0;
    size_t height = 0;
    size_t width = 0;
    size_t channels = 0;
    size_t pixel_stride = 0;  ///< elements

    TERN_INLINE constexpr tensor_view() noexcept {}
    TERN_INLINE constexpr tensor_view(T* data_, size_t images_, size_t height_, size_t width_,
                                      size_t channels_) noexcept
        : tensor_view(data_, images_, height_, width_, channels_, channels_) {}
    TERN_INLINE constexpr tensor_view(T* data_, size_t images_, size_t height_, size_t width_, size_t channels_,
                                      size_t pixel_stride_) noexcept
        : data(data_),
          images(images_),
          height(height_),
          width(width_),
          channels(channels_),
          pixel_stride(pixel_stride_) {}

    template <class U, class = std::enable_if_t<std::is_same_v<const U, T> && !std::is_same_v<U, T>>>
    TERN_INLINE constexpr tensor_view(const tensor_view<U>& other) noexcept
        : tensor_view(other.data, other.images, other.height, other.width, other.channels, other.pixel_stride) {}

    [[nodiscard]] TERN_INLINE constexpr T* pixel(size_t n, size_t y, size_t x) const noexcept {
        return data + ((n * height + y) * width + x) * pixel_stride;
    }
    /// The same memory as a matrix: one row a pixel.
    [[nodiscard]] TERN_INLINE constexpr matrix_view<T> pixels() const noexcept {
        return {data, images * height * width, channels, pixel_stride};
    }
};

/// `a * b` in `size_t`, or false when it does not fit.
[[nodiscard]] TERN_INLINE constexpr bool multiply(size_t a, size_t b, size_t& product) noexcept {
    if (a != 0 && b > static_cast<size_t>(-1) / a) return false;
    product = a * b;
    return true;
}

/// Pointer present, stride long enough, extent representable, pointer aligned. Zero sizes are legal.
template <class T>
[[nodiscard]] TERN_INLINE status check(const matrix_view<T>& v) noexcept {
    if (v.empty()) return status::ok;
    if (v.data == nullptr) return status::null_pointer;
    if (v.stride < v.cols) return status::bad_stride;
    size_t elements = 0;
    size_t bytes = 0;
    if (!multiply(v.rows, v.stride, elements) || !multiply(elements, sizeof(T), bytes)) return status::overflow;
    if (reinterpret_cast<std::uintptr_t>(v.data) % alignof(T) != 0) return status::bad_alignment;
    return status::ok;
}

template <class T>
[[nodiscard]] TERN_INLINE status check(const tensor_view<T>& v) noexcept {
    size_t pixels = 0;
    if (!multiply(v.images, v.height, pixels) || !multiply(pixels, v.width, pixels)) return status::overflow;
    return check(v.pixels());
}

/// First and one-past-last byte that a view covers; empty for an empty view.
struct byte_range {
    std::uintptr_t first = 0;
    std::uintptr_t last = 0;

    [[nodiscard]] TERN_INLINE constexpr bool overlaps(byte_range other) const noexcept {
        return first < other.last && other.first < last;
    }
};

[[nodiscard]] TERN_INLINE byte_range bytes_of(const void* data, size_t bytes) noexcept {
    const auto first = reinterpret_cast<std::uintptr_t>(data);
    return {first, first + bytes};
}

template <class T>
[[nodiscard]] TERN_INLINE byte_range bytes_of(const matrix_view<T>& v) noexcept {
    if (v.empty()) return {};
    return bytes_of(v.data, ((v.rows - 1) * v.stride + v.cols) * sizeof(T));
}

}  // namespace tern
