// SPDX-License-Identifier: MIT
// The product of bit planes by population counts: packed rows times packed panels.
//
// Depth is cut into blocks. Where that pays, a block of the rows at work is copied side by side, wherever the caller's
// strides have put them (rows a power of two apart share sets of a cache), and stays in the nearest cache while the
// weights of some panels pass by; those of one or two panels stay there while the rows pass, and the next ones are
// fetched meanwhile.
#pragma once

#include <tern/kernel/gemm/panel_group.hpp>
#include <tern/kernel/gemm/selection.hpp>

namespace tern::kernel {

/// A product as driver.hpp wants it. `OneRow`: the tile shape for a single row of activations.
template <class Arch, class Lhs, class Rhs, bool OneRow>
class plane_product : public selected_planes<Arch, Lhs, packed_panels<Rhs>> {
    using base = selected_planes<Arch, Lhs, packed_panels<Rhs>>;
    using base::at, base::lhs_, base::panel_stride_, base::rows_;
    using base::elements_, base::first_word_, base::words_;

protected:
    using base::rhs_;

private:
    static constexpr size_t lhs_planes = size_t{Lhs::planes};
    static constexpr bool keeps_rows = !OneRow && decltype(gemm_config(Arch{}))::keeps_rows;
    /// Words of depth of a block: two panels of planes fill half of a small first-level cache. Kept rows of one plane
    /// have room for twice as many.
    static constexpr size_t depth_block = keeps_rows && lhs_planes == 1 ? 256 : 128;
    static constexpr size_t kept_stride = keeps_rows ? depth_block + 16 : 0;  // an odd number of lines of a cache
    using group_of_panels = panel_group<Arch, Lhs, Rhs, OneRow, kept_stride>;
    using term = constant_term<Lhs, Rhs>;
    static constexpr size_t block_words = size_t{Rhs::planes} * panel_outputs;
    static constexpr size_t tile_panels = group_of_panels::panels;
    static constexpr size_t block_tiles = OneRow ? 1 : !keeps_rows || lhs_planes <= 2 ? 4 : lhs_planes <= 4 ? 2 : 1;

public:
    static constexpr size_t row_step = group_of_panels::rows;
    static constexpr size_t row_block = block_tiles * row_step;
    static constexpr size_t panels = keeps_rows ? 8 : tile_panels;

    TERN_INLINE plane_product(const packed_rows<Lhs>& lhs, const packed_panels<Rhs>& rhs) noexcept
        : base(lhs, rhs) {}

    TERN_INLINE void select(size_t row, size_t rows, size_t from, size_t to) noexcept {
        base::select_words(row, rows, from, to);
        block_ = block_length();
        kept_from_ = static_cast<size_t>(-1);  // none
        for (size_t r = 0; r < rows; ++r) {
            constants_[r] = 0;
            if constexpr (term::of_row)
                constants_[r] = term::rhs_weights *
                                static_cast<std::uint32_t>(mask_count<Lhs>(at(r), lhs_.plane_stride, words_));
            if constexpr (term::of_depth)
                constants_[r] = term::lhs_weights * term::rhs_weights * static_cast<std::uint32_t>(elements_);
        }
    }

    [[nodiscard]] TERN_INLINE size_t near_panels() const noexcept {
        return keeps_rows ? near_panels_of(panel_stride_ * sizeof(word), panels) : static_cast<size_t>(-1);
    }

    TERN_INLINE void multiply(size_t panel, size_t count, std::int32_t* acc, size_t stride) noexcept {
        if (words_ == 0) return base::clear(panels, acc, stride);
        std::uint32_t per_output[panels * panel_outputs];
        std::memset(per_output, 0, sizeof per_output);
        if constexpr (term::of_output)
            for (size_t p = 0; p < count; ++p) count_masks(panel + p, per_output + p * panel_outputs);
        for (size_t block = 0; block < words_; block += block_) {
            const size_t stretch = words_ - block < block_ ? words_ - block : block_;
            if constexpr (keeps_rows)
                if (kept_from_ != block) keep_rows(block, stretch);
            for (size_t p = 0; p < count; p += tile_panels)
                multiply_tiles(panel + p, count - p, block, stretch, next_weights(panel, p, count, block),
                               {acc + p * panel_outputs, stride, block != 0, nullptr, per_output + p * panel_outputs});
        }
    }

private:
    [[nodiscard]] TERN_INLINE const word* panel_data(size_t panel) const noexcept {
        return rhs_.data + panel * panel_stride_;
    }

    /// Words of depth that are multiplied at a time, about as many each time.
    [[nodiscard]] TERN_INLINE size_t block_length() const noexcept {
        if (OneRow || words_ <= depth_block) return words_;
        if constexpr (!keeps_rows) return depth_block;
        return bits::ceil_div(words_, bits::ceil_div(words_, depth_block));
    }

    TERN_INLINE void keep_rows(size_t block, size_t stretch) noexcept {
        kept_from_ = block;
        word* to = kept_;
        for (size_t r = 0; r < row_tiles() * row_step; ++r) {
            const word* const from = at(r < rows_ ? r : rows_ - 1) + block;
            for (size_t p = 0; p < lhs_planes; ++p, to += kept_stride)
                std::memcpy(to, from + p * lhs_.plane_stride, stretch * sizeof(word));
        }
    }

    /// Words from the weights of one call of `multiply_tiles` to those of the next; 0 where nothing follows.
    [[nodiscard]] TERN_INLINE std::ptrdiff_t next_weights(size_t panel, size_t p, size_t count,
                                                          size_t block) const noexcept {
        if constexpr (!keeps_rows) return 0;
        const auto next_panel = static_cast<std::ptrdiff_t>(tile_panels * panel_stride_);
        if (p + tile_panels < count) return next_panel;
        if (block + block_ < words_)
            return static_cast<std::ptrdiff_t>(block_ * block_words) - static_cast<std::ptrdiff_t>(p * panel_stride_);
        if ((panel + p + tile_panels) * panel_outputs >= rhs_.outputs) return 0;
        return next_panel - static_cast<std::ptrdiff_t>(block * block_words);
    }

    [[nodiscard]] TERN_INLINE size_t row_tiles() const noexcept { return bits::ceil_div(rows_, row_step); }

    /// A block of depth of all rows, and as many panels as a tile is wide. Rows behind the last: as the last.
    TERN_INLINE void multiply_tiles(size_t panel, size_t left, size_t block, size_t stretch,
                                    std::ptrdiff_t following, const tile_output& out) noexcept {
        const size_t start = first_word_ + block;
        const size_t early_step = following == 0 ? 0 : bits::ceil_div(block_words, row_tiles());
        std::ptrdiff_t early = following;
        for (size_t r = 0; r < rows_; r += row_step) {
            const word* x[row_step];
            if constexpr (keeps_rows) {
                x[0] = kept_ + r * lhs_planes * kept_stride;
            } else {
                const word* next = at(r) + block;
                for (size_t i = 0; i < row_step; ++i) {
                    x[i] = next;
                    if (r + i + 1 < rows_) next += lhs_.row_stride;
                }
            }
            group_of_panels::multiply({x, &start, 1, stretch, lhs_.plane_stride, early, early_step}, panel_data(panel),
                                      panel_stride_, left,
                                      {out.acc + r * out.stride, out.stride, out.add, constants_ + r, out.per_output});
            early += static_cast<std::ptrdiff_t>(early_step * stretch);
        }
    }

    /// The constant term of each output: counted when the weights were packed, or here for a part of the depth.
    TERN_INLINE void count_masks(size_t panel, std::uint32_t* counts) const noexcept {
        if (elements_ == rhs_.tap_depth) {
            const word* masks = term::masks_are_sums ? rhs_.sums(panel, 0) : rhs_.nonzeros(panel, 0);
            std::memcpy(counts, masks, panel_outputs * sizeof *counts);
        } else {
            const word* block = panel_data(panel) + first_word_ * block_words;
            for (size_t w = 0; w < words_; ++w, block += block_words)
                for (size_t p = 0; p < size_t{Rhs::digits}; ++p)
                    for (size_t i = 0; i < panel_outputs; ++i)
                        counts[i] += static_cast<std::uint32_t>(bits::popcount(block[p * panel_outputs + i])) << p;
        }
        for (size_t i = 0; i < panel_outputs; ++i) counts[i] *= term::lhs_weights;
    }

    size_t block_ = 0;
    size_t kept_from_ = 0;  // the block that is kept
    alignas(64) word kept_[keeps_rows ? row_block * lhs_planes * kept_stride : 1];
    std::uint32_t constants_[row_block];  // of the rows
};

}  // namespace tern::kernel
