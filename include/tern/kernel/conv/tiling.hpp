// SPDX-License-Identifier: MIT
// Tiles of a convolution: blocks of output pixels times panels of outputs.
#pragma once

#include <tern/parallel.hpp>
#include <tern/simd/bits.hpp>

namespace tern::kernel {

/// What is computed at a stretch: the outputs of panels [first_panel, last_panel) of pixels [first_pixel, last_pixel).
struct conv_part {
    size_t first_pixel;
    size_t last_pixel;
    size_t first_panel;
    size_t last_panel;

    TERN_INLINE constexpr conv_part(size_t first_pixel_, size_t last_pixel_, size_t first_panel_,
                                    size_t last_panel_) noexcept
        : first_pixel(first_pixel_), last_pixel(last_pixel_), first_panel(first_panel_), last_panel(last_panel_) {}
};

/// Panels run inside, so that a range of tiles is a stretch of the destination, but for its first and last block: no
/// threads share the cache lines between. Few pixels are one block: every thread then reads its own filters alone.
struct conv_tiling {
    static constexpr size_t most_pixels = 64;  ///< of a block
    static constexpr size_t step = 8;          ///< blocks begin at its multiples, which cut few register tiles

    size_t pixels;
    size_t panels;

    TERN_INLINE constexpr conv_tiling(size_t pixels_, size_t panels_) noexcept : pixels(pixels_), panels(panels_) {}

    [[nodiscard]] TERN_INLINE constexpr size_t blocks() const noexcept { return bits::ceil_div(pixels, most_pixels); }
    [[nodiscard]] TERN_INLINE constexpr size_t count() const noexcept { return blocks() * panels; }
    /// Blocks are of the same size, as far as steps allow; the pixel behind the last block's is `pixels`.
    [[nodiscard]] TERN_INLINE constexpr size_t first_pixel(size_t block) const noexcept {
        if (block >= blocks()) return pixels;
        return (share(pixels, block, blocks()).first + step / 2) / step * step;
    }
    /// Calls f(conv_part) for a range of tiles, three times at most, and once for all of them.
    template <class F>
    TERN_INLINE void for_each_part(tiles range, const F& f) const noexcept {
        const size_t last = range.last < count() ? range.last : count();
        for (size_t at = range.first; at < last;) {
            const size_t block = at / panels;
            const size_t panel = at % panels;
            const size_t left = last - at;
            const size_t whole = panel == 0 ? left / panels : 0;  // blocks
            size_t behind = panels;
            if (whole == 0 && left < panels - panel) behind = panel + left;
            f(conv_part(first_pixel(block), first_pixel(block + (whole == 0 ? 1 : whole)), panel, behind));
            at += whole == 0 ? behind - panel : whole * panels;
        }
    }
};

}  // namespace tern::kernel
