// SPDX-License-Identifier: MIT
// Float weights straight to packed words: what every quantizer's `forward` into packed rows or panels shares. The words
// are those that `pack_rows` and `pack_panels` write for the quantized values; nothing lies in between.
#pragma once

#include <cstddef>

#include <tern/layout.hpp>
#include <tern/pack.hpp>
#include <tern/quantize/granularity.hpp>
#include <tern/status.hpp>
#include <tern/view.hpp>

#include <tern/kernel/quantize/weights.hpp>

namespace tern::quantize {

/// Panels of weights to be written: `words` words at `data` (`panels_words<ternary>(outputs, taps, depth / taps)` are
/// needed; 64-byte alignment is fastest, 4 is enough), and the view of them that success leaves in `packed`. `taps` as
/// in `pack_panels`.
template <class Encoding>
struct panel_memory {
    word* data;
    size_t words;
    packed_panels<Encoding>& packed;
    size_t taps;

    TERN_INLINE constexpr panel_memory(word* data_, size_t words_, packed_panels<Encoding>& packed_,
                                       size_t taps_ = 1) noexcept
        : data(data_), words(words_), packed(packed_), taps(taps_) {}
};

namespace detail {

/// Whether any of `others` shares memory with `target`.
template <class... Views>
[[nodiscard]] TERN_INLINE bool overlaps_any(byte_range target, const Views&... others) noexcept {
    return (false || ... || bytes_of(others).overlaps(target));
}

/// fill(target) after all checks: `q` has the shape of `x`, and shares no memory with it or with `others`.
template <class Encoding, class Fill, class... Views>
[[nodiscard]] TERN_INLINE status fill_rows(const matrix_view<const float>& x, const mutable_packed_rows<Encoding>& q,
                                           const Fill& fill, const Views&... others) noexcept {
    const status s = first_error(check(x), check(q), check(others)...);
    if (s != status::ok) return s;
    if (q.rows != x.rows || q.depth != x.cols) return status::bad_shape;
    if (overlaps_any(bytes_of(q), x, others...)) return status::overlap;
    fill();
    return status::ok;
}

/// The same for panels; fill(view).
template <class Encoding, class Fill, class... Views>
[[nodiscard]] TERN_INLINE status fill_panels(const matrix_view<const float>& x, const panel_memory<Encoding>& to,
                                             const Fill& fill, const Views&... others) noexcept {
    const status s = first_error(check(x), check(others)...);
    if (s != status::ok) return s;
    if (to.taps == 0 || x.cols % to.taps != 0) return status::bad_shape;
    const packed_panels<Encoding> view(to.data, x.rows, to.taps, x.cols / to.taps);
    const size_t needed = panels_words<Encoding>(x.rows, to.taps, x.cols / to.taps);
    const status t = tern::detail::check_target(to.data, to.words, needed, x.empty());
    if (t != status::ok) return t;
    if (overlaps_any(bytes_of(to.data, needed * sizeof(word)), x, others...)) return status::overlap;
    fill(view);
    to.packed = view;
    return status::ok;
}

/// fill(target) into either destination.
template <class Encoding, class Fill, class... Views>
[[nodiscard]] TERN_INLINE status fill_target(const matrix_view<const float>& x, const mutable_packed_rows<Encoding>& q,
                                             const Fill& fill, const Views&... others) noexcept {
    return fill_rows(
        x, q, [&]() TERN_INLINE_LAMBDA { fill(kernel::rows_target<Encoding>(q)); }, others...);
}

template <class Encoding, class Fill, class... Views>
[[nodiscard]] TERN_INLINE status fill_target(const matrix_view<const float>& x, const panel_memory<Encoding>& to,
                                             const Fill& fill, const Views&... others) noexcept {
    return fill_panels(
        x, to, [&](const auto& view) TERN_INLINE_LAMBDA { fill(kernel::panels_target<Encoding>(view, to.data)); },
        others...);
}

/// Row by row with encoder_of(row) into either destination.
template <class Arch, class Destination, class EncoderOf, class... Views>
[[nodiscard]] TERN_INLINE status pack_by(const matrix_view<const float>& x, const Destination& to,
                                         const EncoderOf& encoder_of, const Views&... others) noexcept {
    return fill_target(
        x, to, [&](const auto& target) TERN_INLINE_LAMBDA { kernel::pack_matrix<Arch>(x, target, encoder_of); },
        others...);
}

}  // namespace detail
}  // namespace tern::quantize
