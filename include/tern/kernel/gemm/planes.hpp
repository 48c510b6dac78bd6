// SPDX-License-Identifier: MIT
// The product of bit planes by population counts: packed rows times packed panels.
#pragma once

#include <tern/kernel/gemm/panel_group.hpp>

namespace tern::kernel {

/// A product as driver.hpp wants it. `OneRow`: the tile shape for a single row of activations.
template <class Arch, class Lhs, class Rhs, bool OneRow>
class plane_product {
    using group_of_panels = panel_group<Arch, Lhs, Rhs, OneRow>;
    using term = constant_term<Lhs, Rhs>;
    static constexpr size_t depth_block = 128;  // words: two panels of planes fill half of a small first-level cache
    static constexpr size_t block_words = size_t{Rhs::planes} * panel_outputs;

public:
    using arch = Arch;
    static constexpr size_t row_block = group_of_panels::row_block;
    static constexpr size_t row_step = group_of_panels::rows;
    static constexpr size_t panels = group_of_panels::panels;

    TERN_INLINE plane_product(const packed_rows<Lhs>& lhs, const packed_panels<Rhs>& rhs) noexcept
        : lhs_(lhs), rhs_(rhs), blocks_(rhs.blocks()), panel_stride_(rhs.panel_stride()) {}

    [[nodiscard]] TERN_INLINE size_t rows() const noexcept { return lhs_.rows; }
    [[nodiscard]] TERN_INLINE size_t depth() const noexcept { return lhs_.depth; }
    [[nodiscard]] TERN_INLINE size_t outputs() const noexcept { return rhs_.outputs; }

    TERN_INLINE void select(size_t row, size_t rows, size_t from, size_t to) noexcept {
        row_ = row;
        rows_ = rows;
        first_word_ = from / word_bits;
        words_ = depth_words(to - from);
        elements_ = to - from;
        for (size_t r = 0; r < rows; ++r) {
            constants_[r] = 0;
            if constexpr (term::of_row)
                constants_[r] = term::rhs_weights *
                                static_cast<std::uint32_t>(mask_count<Lhs>(at(r), lhs_.plane_stride, words_));
            if constexpr (term::of_depth)
                constants_[r] = term::lhs_weights * term::rhs_weights * static_cast<std::uint32_t>(elements_);
        }
    }

    [[nodiscard]] TERN_INLINE std::int32_t row_sum(size_t r) const noexcept {
        return value_sum<Lhs>(at(r), lhs_.plane_stride, words_, elements_);
    }

    TERN_INLINE void multiply(size_t panel, size_t count, std::int32_t* acc, size_t stride) noexcept {
        if (words_ == 0) {
            for (size_t r = 0; r < rows_; ++r) std::memset(acc + r * stride, 0, panels * panel_outputs * sizeof *acc);
            return;
        }
        std::uint32_t per_output[panels * panel_outputs];
        std::memset(per_output, 0, sizeof per_output);
        if constexpr (term::of_output)
            for (size_t p = 0; p < count; ++p) count_masks(panel + p, per_output + p * panel_outputs);
        for (size_t block = 0; block < words_; block += depth_block) {
            const size_t start = first_word_ + block;
            const size_t stretch = words_ - block < depth_block ? words_ - block : depth_block;
            for (size_t r = 0; r < rows_; r += row_step) {
                // Rows behind the last are computed as the last.
                const word* x[row_step];
                const word* next = at(r) + block;
                for (size_t i = 0; i < row_step; ++i) {
                    x[i] = next;
                    if (r + i + 1 < rows_) next += lhs_.row_stride;
                }
                group_of_panels::multiply({x, &start, 1, stretch, lhs_.plane_stride}, panel_data(panel), panel_stride_,
                                          count, {acc + r * stride, stride, block != 0, constants_ + r, per_output});
            }
        }
    }

    TERN_INLINE void weight_sums(size_t panel, std::int32_t (&sums)[panel_outputs]) const noexcept {
        if (blocks_ != 0) std::memcpy(sums, rhs_.sums(panel, 0), sizeof sums);
    }

private:
    [[nodiscard]] TERN_INLINE const word* at(size_t r) const noexcept { return lhs_.row(row_ + r) + first_word_; }
    [[nodiscard]] TERN_INLINE const word* panel_data(size_t panel) const noexcept {
        return rhs_.data + panel * panel_stride_;
    }

    /// The constant term of each output: counted when the weights were packed, or here for a part of the depth.
    TERN_INLINE void count_masks(size_t panel, std::uint32_t* counts) const noexcept {
        if (words_ == blocks_) {
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

    packed_rows<Lhs> lhs_;
    packed_panels<Rhs> rhs_;
    size_t blocks_;        // of a panel; with panel_stride_ read once, because they are not free to compute
    size_t panel_stride_;
    size_t row_ = 0;
    size_t rows_ = 0;
    size_t first_word_ = 0;
    size_t words_ = 0;
    size_t elements_ = 0;
    std::uint32_t constants_[row_block];  // of the rows
};

}  // namespace tern::kernel
