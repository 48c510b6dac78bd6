// SPDX-License-Identifier: MIT
// Blocks of output pixels that are at work together: pixels in a row, or down through strips of an image.
#pragma once

#include <cstring>

#include <tern/kernel/conv/geometry.hpp>

namespace tern::kernel {

/// Some output pixels, one after the other through the rows of the image and through the images.
template <class Arch, size_t Most>
struct pixel_block {
    static constexpr size_t most_kinds = 16;
    static constexpr bool in_strips = false;

    size_t count;
    size_t kinds;
    pixel_kind kind_of[most_kinds];
    unsigned char kind[Most];  ///< 0: all taps are inside
    ptrdiff_t pixel[Most];     ///< index of the input pixel under tap (0, 0), wherever that is
    size_t row[Most];          ///< of the destination, unless they are in order
    size_t borders;            ///< pixels of other kinds than 0: their number, and which
    size_t border[Most];

    TERN_INLINE pixel_block() noexcept : count(0), kinds(0), borders(0), first_(0), last_(0) {}

    /// Pixels [first, last) are to come.
    TERN_INLINE void begin(const conv_geometry&, size_t first, size_t last) noexcept {
        count = 0;
        first_ = first;
        last_ = last;
    }
    /// The next of them, `wanted` at most; false where there are none.
    TERN_INLINE bool next(const conv_geometry& g, size_t wanted) noexcept {
        first_ += count;
        if (first_ >= last_) return false;
        locate(g, first_, last_ - first_ < wanted ? last_ - first_ : wanted);
        return true;
    }
    [[nodiscard]] TERN_INLINE const pixel_kind& kind_at(size_t r) const noexcept { return kind_of[kind[r]]; }
    /// One past the last pixel from r on that is of the same kind.
    [[nodiscard]] TERN_INLINE size_t end_of_run(size_t r) const noexcept {
        size_t end = r + 1;
        while (end < count && kind[end] == kind[r]) ++end;
        return end;
    }

protected:
    TERN_INLINE void start(const conv_geometry& g) noexcept {
        count = borders = 0;
        kinds = 1;
        kind_of[0] = g.taps() == 0 ? pixel_kind{} : pixel_kind{{0, g.y.taps}, {0, g.x.taps}};
    }

    /// Pixels [jx, last) of a line; false where they are of too many kinds: some are missing then.
    TERN_INLINE bool add_line(const conv_geometry& g, size_t n, size_t jy, size_t jx, size_t last, bool rows) noexcept {
        const ptrdiff_t out_move = g.x.out_move;
        const size_t out_step = g.x.out_step;
        const tap_range inside_y = g.y.inside(jy);
        const ptrdiff_t line = (static_cast<ptrdiff_t>(n) * g.y.input + g.y.start(jy)) * g.x.input;
        const size_t line_row = (n * g.y.size + g.y.output(jy)) * g.x.size;
        while (jx < last) {
            const bool inner = jx >= g.x.inner_first && jx < g.x.inner_last;
            size_t run = inner ? g.x.inner_last - jx : 1;
            if (run > last - jx) run = last - jx;
            const size_t found = find({inside_y, inner ? tap_range(0, g.x.taps) : g.x.inside(jx)});
            if (found == most_kinds) return false;
            const ptrdiff_t first_pixel = line + g.x.start(jx);
            const size_t first_row = line_row + g.x.output(jx);
            for (size_t i = 0; i < run; ++i) pixel[count + i] = first_pixel + static_cast<ptrdiff_t>(i) * out_move;
            for (size_t i = 0; rows && i < run; ++i) row[count + i] = first_row + i * out_step;
            std::memset(kind + count, static_cast<int>(found), run);
            for (size_t i = 0; found != 0 && i < run; ++i) border[borders++] = count + i;
            count += run;
            jx += run;
        }
        return true;
    }

private:
    size_t first_;  // of this block, and of all behind the last
    size_t last_;

    /// Fewer than `wanted` where there are too many kinds of them.
    void locate(const conv_geometry& g, size_t first, size_t wanted) noexcept {
        const bool ordered = g.in_order();
        size_t jx = first % g.x.outputs;
        size_t jy = first / g.x.outputs % g.y.outputs;
        size_t n = first / g.x.outputs / g.y.outputs;
        start(g);
        while (count < wanted) {
            const size_t left = wanted - count;
            if (!add_line(g, n, jy, jx, g.x.outputs - jx < left ? g.x.outputs : jx + left, !ordered)) return;
            jx = 0;
            if (++jy == g.y.outputs) {
                jy = 0;
                ++n;
            }
        }
    }

    TERN_INLINE size_t find(pixel_kind wanted) noexcept {
        if (wanted.taps() == 0) wanted = pixel_kind{};
        for (size_t k = 0; k < kinds; ++k)
            if (kind_of[k] == wanted) return k;
        if (kinds == most_kinds) return most_kinds;
        kind_of[kinds] = wanted;
        return kinds++;
    }
};

/// Pixels of one line, at most `Most`: down through a strip of an image, and then through the next strip.
template <class Arch, size_t Most>
struct strip_block : pixel_block<Arch, Most> {
    static constexpr bool in_strips = true;

    size_t image;
    size_t strip;  ///< its first column
    size_t line;
    size_t column;  ///< of the first pixel
    size_t first_line;  ///< of those to come, counted through all images
    size_t last_line;
    bool has_kinds = true;  ///< whether anybody asks for kinds, and for input pixels

    TERN_INLINE strip_block() noexcept : image(0), strip(0), line(0), column(0), first_line(0), last_line(0) {}

    /// Columns of the strip.
    [[nodiscard]] TERN_INLINE size_t width(const conv_geometry& g) const noexcept {
        return g.x.outputs - strip < Most ? g.x.outputs - strip : Most;
    }

    /// The lines that begin with one of the pixels [first, last) are to come, so that ranges that meet share no line.
    TERN_INLINE void begin(const conv_geometry& g, size_t first, size_t last) noexcept {
        first_line = bits::ceil_div(first, g.x.outputs);
        last_line = bits::ceil_div(last, g.x.outputs);
        image = first_line / g.y.outputs;
        line = first_line % g.y.outputs;
        strip = column = this->count = 0;
    }
    /// The next pixels; false where there are none.
    bool next(const conv_geometry& g, size_t) noexcept {
        column += this->count;
        if (column == strip + width(g)) {
            ++line;
            if (line == g.y.outputs || image * g.y.outputs + line == last_line) {
                strip += Most;
                if (strip >= g.x.outputs) {
                    strip = 0;
                    ++image;
                }
                line = image * g.y.outputs < first_line ? first_line - image * g.y.outputs : 0;
            }
            column = strip;
        }
        if (image * g.y.outputs + line >= last_line) return false;
        const size_t behind = strip + width(g);
        if (has_kinds) {
            this->start(g);
            static_cast<void>(this->add_line(g, image, line, column, behind, true));
            return true;
        }
        this->count = behind - column;
        const size_t first_row = (image * g.y.size + line) * g.x.size + column;
        for (size_t r = 0; r < Most; ++r) this->row[r] = first_row + r;  // a known number of them
        return true;
    }
};

}  // namespace tern::kernel
