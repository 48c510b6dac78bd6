// SPDX-License-Identifier: MIT
// A layer is planned once from its shapes and kinds of operands, and then run any number of times without allocation:
//
//     constexpr tern::layer<tern::conv2d_of<ternary, ternary>> conv({1, 56, 56, 64, 64, tern::square_window(3, 1, 1)});
//     static_assert(conv.state() == tern::status::ok);
//     std::array<unsigned char, conv.workspace_size()> memory;             // or any other memory of the caller's
//     s = conv.run(input, filters, output, limits, memory.data(), memory.size(), executor);
//
// The kinds of layers (layer_kinds.hpp) are conv2d_of, byte_conv2d_of, depthwise_of, connected_of, max_pool_of and
// average_pool_of. Behind them stand the operations of conv_fused.hpp, depthwise.hpp, gemm.hpp and pool.hpp, with their
// operands, exactness and bounds.
//
// input: `packed_tensor` of what the layer reads (byte_conv2d_of: `byte_tensor`), or `tensor_view<const float>`
// together with the way in which it becomes that (`from_floats`): it is then packed into the workspace first, and only
// then is there a workspace at all.
// output, how: `tensor_view` or `mutable_packed_tensor` and a way of fused.hpp; `plain` for int32 sums and pools.
//
// Threads: output tiles are split over an executor as `run` of parallel.hpp does it, behind the packing, which is split
// over pixels. Any executor gives the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <tern/layer_kinds.hpp>
#include <tern/parallel.hpp>
#include <tern/quantize/activations.hpp>

namespace tern {

/// How floats become the activations of a layer: quantize_binary, quantize_ternary, quantize_bits.
struct from_floats {
    thresholds limits;   ///< ternary
    float scale = 1.0f;  ///< k-bit
};

namespace detail {

template <class T>
[[nodiscard]] TERN_INLINE constexpr size_t width_of_output(const tensor_view<T>& v) noexcept {
    return v.channels;
}
template <class Encoding>
[[nodiscard]] TERN_INLINE constexpr size_t width_of_output(const mutable_packed_tensor<Encoding>& v) noexcept {
    return v.pixels.depth;
}

[[nodiscard]] TERN_INLINE constexpr size_t channels_of(const byte_tensor& v) noexcept { return v.channels; }

template <class Input, class Output>
[[nodiscard]] TERN_INLINE bool fits(const layer_shape& s, const Input& in, const Output& out,
                                    size_t channels) noexcept {
    return in.images == s.images && in.height == s.height && in.width == s.width && channels_of(in) == s.channels &&
           out.images == s.images && out.height == s.output_height() && out.width == s.output_width() &&
           width_of_output(out) == channels;
}

}  // namespace detail

/// A planned layer. A value: it holds the shape and what follows from it, and refers to nothing.
template <class Kind>
class layer {
    using reads = typename Kind::reads;
    using input_type = typename Kind::input;
    using weights = typename Kind::weights;
    static constexpr bool packs = !std::is_same_v<input_type, byte_tensor>;

    layer_shape shape_;
    status state_;
    size_t tiles_;

public:
    TERN_INLINE constexpr explicit layer(const layer_shape& shape) noexcept
        : shape_(shape), state_(Kind::check(shape)), tiles_(state_ == status::ok ? Kind::tiles_of(shape) : 0) {}

    [[nodiscard]] TERN_INLINE constexpr const layer_shape& shape() const noexcept { return shape_; }
    /// What is wrong with the shape; `run` answers the same.
    [[nodiscard]] TERN_INLINE constexpr status state() const noexcept { return state_; }
    /// Tiles that an executor can share.
    [[nodiscard]] TERN_INLINE constexpr size_t tiles_to_share() const noexcept { return tiles_; }
    [[nodiscard]] TERN_INLINE constexpr size_t outputs() const noexcept { return Kind::outputs(shape_); }
    /// Words of packed weights.
    [[nodiscard]] TERN_INLINE constexpr size_t weight_words() const noexcept {
        return state_ == status::ok ? Kind::weight_words(shape_) : 0;
    }
    /// Bytes that `run` needs for floats; for packed input it needs none.
    [[nodiscard]] TERN_INLINE constexpr size_t workspace_size() const noexcept {
        return packs && state_ == status::ok
                   ? rows_words<reads>(shape_.images * shape_.height * shape_.width, shape_.channels) * sizeof(word)
                   : 0;
    }

    /// Packed input, or bytes.
    template <class Arch = default_arch, class Output, class How, class Executor = serial>
    [[nodiscard]] status run(const input_type& input, const weights& w, const Output& output, const How& how,
                             Executor&& executor = {}) const noexcept {
        if (state_ != status::ok) return state_;
        if (!detail::fits(shape_, input, output, outputs())) return status::bad_shape;
        return tern::run(executor, tiles_,
                         [&](tiles range) { return Kind::template run<Arch>(shape_, input, w, output, how, range); });
    }

    /// Floats, packed into the workspace: `workspace_size()` bytes on a boundary of 4; 64 is fastest.
    template <class Arch = default_arch, class Output, class How, class Executor = serial>
    [[nodiscard]] status run(const tensor_view<const float>& input, const from_floats& source, const weights& w,
                             const Output& output, const How& how, void* workspace, size_t bytes,
                             Executor&& executor = {}) const noexcept {
        static_assert(packs, "tern: byte_conv2d_of reads bytes, it packs no floats");
        if (state_ != status::ok) return state_;
        if (input.images != shape_.images || input.height != shape_.height || input.width != shape_.width ||
            input.channels != shape_.channels)
            return status::bad_shape;
        if (bytes < workspace_size()) return status::buffer_size;
        if (reinterpret_cast<std::uintptr_t>(workspace) % alignof(word) != 0) return status::bad_alignment;
        const matrix_view<const float> pixels = input.pixels();
        const mutable_packed_rows<reads> packed(static_cast<word*>(workspace), pixels.rows, pixels.cols);
        const status s = tern::run(executor, pixels.rows,
                                   [&](tiles range) { return pack_pixels<Arch>(pixels, source, packed, range); });
        if (s != status::ok) return s;
        return run<Arch>(packed_tensor<reads>(packed, shape_.images, shape_.height, shape_.width), w, output, how,
                         executor);
    }

    /// The first step of the above alone, for pixels [first, last).
    template <class Arch = default_arch>
    [[nodiscard]] static TERN_INLINE status pack_pixels(const matrix_view<const float>& pixels,
                                                        const from_floats& source,
                                                        const mutable_packed_rows<reads>& packed,
                                                        tiles range = {}) noexcept {
        const size_t last = range.last < pixels.rows ? range.last : pixels.rows;
        const size_t count = range.first < last ? last - range.first : 0;
        const matrix_view<const float> from(pixels.row(range.first), count, pixels.cols, pixels.stride);
        const mutable_packed_rows<reads> to(packed.target_row(range.first), count, packed.depth, packed.row_stride,
                                            packed.plane_stride);
        if constexpr (std::is_same_v<reads, ternary>)
            return quantize::quantize_ternary<Arch>(from, source.limits, to);
        else if constexpr (reads::planes == 1 && !reads::has_mask &&
                           std::is_same_v<reads, basic_binary<reads::sign_bit>>)
            return quantize::quantize_binary<Arch>(from, to);
        else
            return quantize::quantize_bits<Arch>(from, source.scale, to);
    }
};

}  // namespace tern
