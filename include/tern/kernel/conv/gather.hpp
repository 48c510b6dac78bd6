// SPDX-License-Identifier: MIT
// The bits of one window side by side: fewer than 32 channels a tap, taps in the order of the filters.
#pragma once

#include <tern/kernel/gemm/panel_group.hpp>

namespace tern::kernel {

/// Words of depth that `packed_panels::dense_taps` allows at the most.
inline constexpr size_t dense_words = 512 / word_bits;

/// The register in which the planes of a pixel move together: as wide as eight planes at the most.
TERN_INLINE constexpr simd::scalar_lanes plane_lanes(arch::scalar) noexcept { return {}; }
#if TERN_HAS_XSIMD
TERN_INLINE constexpr simd::batch_lanes plane_lanes(arch::simd) noexcept { return {}; }
#endif
#if TERN_HAS_SSE4
TERN_INLINE constexpr simd::sse4_lanes plane_lanes(arch::sse4) noexcept { return {}; }
#endif
#if TERN_HAS_AVX2
TERN_INLINE constexpr simd::avx2_lanes plane_lanes(arch::avx2) noexcept { return {}; }
#endif
#if TERN_HAS_NEON
TERN_INLINE constexpr simd::neon_lanes plane_lanes(arch::neon) noexcept { return {}; }
#endif

/// Writes a window plane by plane, as the kernels read it. One word of every plane is in the making at a time, in
/// registers; taps have to come in ascending order.
template <class Arch, class Encoding>
class window_writer {
    static constexpr size_t planes = size_t{Encoding::planes};
    using widest = decltype(plane_lanes(Arch{}));
    using lanes = std::conditional_t<planes % widest::width == 0, widest, simd::scalar_lanes>;
    using reg = typename lanes::reg;
    static constexpr size_t registers = planes / lanes::width;

    word* to_;
    size_t words_;
    size_t index_ = 0;
    reg current_[registers];

public:
    /// to: planes x `words` words.
    TERN_INLINE window_writer(word* to, size_t words) noexcept : to_(to), words_(words) {
        bits::unroll<registers>([&](auto i) TERN_INLINE_LAMBDA { current_[i] = lanes::zero(); });
    }

    /// Puts the `channels` bits of a pixel at bit `at` of the window; the positions skipped are zero.
    TERN_INLINE void add(const word* pixel, size_t plane_stride, size_t channels, size_t at) noexcept {
        while (index_ < at / word_bits) flush();
        word gathered[planes];
        if (planes > 1 && plane_stride != 1) {
            for (size_t p = 0; p < planes; ++p) gathered[p] = pixel[p * plane_stride];
            pixel = gathered;
        }
        const auto shift = static_cast<int>(at % word_bits);
        bits::unroll<registers>([&](auto i) TERN_INLINE_LAMBDA {
            const reg x = lanes::load(pixel + i * lanes::width);
            current_[i] = lanes::or_(current_[i], lanes::shift_left(x, shift));
        });
        if (at % word_bits + channels <= word_bits) return;
        flush();
        bits::unroll<registers>([&](auto i) TERN_INLINE_LAMBDA {
            current_[i] = lanes::shift_right(lanes::load(pixel + i * lanes::width), 32 - shift);
        });
    }

    /// The rest of the window is zero.
    TERN_INLINE void finish() noexcept {
        while (index_ < words_) flush();
    }

private:
    TERN_INLINE void flush() noexcept {
        bits::unroll<registers>([&](auto i) TERN_INLINE_LAMBDA {
            std::int32_t lane[lanes::width];
            lanes::store(lane, current_[i]);
            for (size_t j = 0; j < lanes::width; ++j)
                to_[(i * lanes::width + j) * words_ + index_] = static_cast<word>(lane[j]);
            current_[i] = lanes::zero();
        });
        ++index_;
    }
};

}  // namespace tern::kernel
