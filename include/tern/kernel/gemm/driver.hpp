// SPDX-License-Identifier: MIT
// Matrix products from register tiles: row blocks outside, panels inside, depth in stretches whose weights stay in the
// nearest cache.
#pragma once

#include <tern/kernel/gemm/panel_group.hpp>

namespace tern::kernel {

template <class Arch, class Lhs, class Rhs, class Sink, bool OneRow>
class gemm_driver {
    using group_of_panels = panel_group<Arch, Lhs, Rhs, OneRow>;
    using term = constant_term<Lhs, Rhs>;
    static constexpr size_t row_block = group_of_panels::row_block;
    static constexpr size_t panels = group_of_panels::panels;
    static constexpr size_t outputs = group_of_panels::outputs;
    static constexpr size_t depth_block = 128;  // words: two panels of planes fill half of a small first-level cache

    packed_rows<Lhs> lhs_;
    packed_panels<Rhs> rhs_;
    Sink sink_;
    size_t blocks_;        // of a panel; with panel_stride_ read once, because they are not free to compute
    size_t panel_stride_;
    size_t group_words_;   // words of depth that share a weight scale
    bool wants_sums_ = false;
    // The row block at work.
    std::int32_t acc_[row_block * outputs];
    double total_[Sink::real ? row_block * outputs : 1];  // of the groups so far
    std::int32_t nonzeros_[panel_outputs] = {};
    simd::row_terms terms_[Sink::real ? row_block : 1];
    std::uint32_t constants_[row_block];  // of the rows
    size_t dst_rows_[row_block];

public:
    TERN_INLINE gemm_driver(const packed_rows<Lhs>& lhs, const packed_panels<Rhs>& rhs, const Sink& sink) noexcept
        : lhs_(lhs),
          rhs_(rhs),
          sink_(sink),
          blocks_(rhs.blocks()),
          panel_stride_(rhs.panel_stride()),
          group_words_(blocks_) {
        if constexpr (Sink::real) {
            if (sink.epilogue.group != 0 && sink.epilogue.group < rhs.depth())
                group_words_ = sink.epilogue.group / word_bits;
            wants_sums_ = sink.epilogue.weights.offset.data != nullptr;
        }
    }

    TERN_INLINE void run(size_t first_panel, size_t last_panel) noexcept {
        for (size_t row = 0; row < lhs_.rows; row += row_block) {
            const size_t rows = lhs_.rows - row < row_block ? lhs_.rows - row : row_block;
            if (!grouped()) read_terms(row, rows, 0, blocks_);
            for (size_t panel = first_panel; panel < last_panel; panel += panels) {
                const size_t count = last_panel - panel < panels ? last_panel - panel : panels;
                if (grouped()) {
                    if constexpr (Sink::real) run_groups(row, rows, panel, count);
                    continue;
                }
                accumulate(row, rows, panel, count, 0, blocks_);
                for (size_t p = 0; p < count; ++p) {
                    if (term::of_output && blocks_ != 0)
                        std::memcpy(nonzeros_, rhs_.nonzeros(panel + p, 0), sizeof nonzeros_);
                    add_constant_terms(rows, p);
                    std::int32_t sums[panel_outputs] = {};
                    if (Sink::real && blocks_ != 0) std::memcpy(sums, rhs_.sums(panel + p, 0), sizeof sums);
                    store_panel<Arch>(sink_, panel + p, acc_ + p * panel_outputs, outputs, rows, dst_rows_, terms_,
                                      sums);
                }
            }
        }
    }

private:
    [[nodiscard]] TERN_INLINE bool grouped() const noexcept { return group_words_ < blocks_; }
    [[nodiscard]] TERN_INLINE const tern::word* panel_data(size_t panel) const noexcept {
        return rhs_.data + panel * panel_stride_;
    }

    /// Elements in words [word, word + words) of a row.
    [[nodiscard]] TERN_INLINE size_t elements(size_t word, size_t words) const noexcept {
        const size_t end = (word + words) * word_bits;
        return (end < lhs_.depth ? end : lhs_.depth) - word * word_bits;
    }

    /// What is known of the rows alone, over some words of depth.
    TERN_INLINE void read_terms(size_t row, size_t rows, size_t word, size_t words) noexcept {
        const size_t depth = elements(word, words);
        for (size_t r = 0; r < rows; ++r) {
            const tern::word* x = lhs_.row(row + r) + word;
            dst_rows_[r] = row + r;
            constants_[r] = 0;
            if constexpr (term::of_row)
                constants_[r] = static_cast<std::uint32_t>(mask_count<Lhs>(x, lhs_.plane_stride, words));
            if constexpr (term::of_depth) constants_[r] = term::digit_weights * static_cast<std::uint32_t>(depth);
            if constexpr (Sink::real) {
                const std::int32_t sum = wants_sums_ ? value_sum<Lhs>(x, lhs_.plane_stride, words, depth) : 0;
                terms_[r] = sink_.row_terms(row + r, sum, static_cast<std::int32_t>(depth));
            }
        }
    }

    TERN_INLINE void accumulate(size_t row, size_t rows, size_t panel, size_t count, size_t word,
                                size_t words) noexcept {
        constexpr size_t tile_rows = group_of_panels::rows;
        if (words == 0) std::memset(acc_, 0, sizeof acc_);
        for (size_t block = 0; block < words; block += depth_block) {
            const size_t start = word + block;
            const size_t stretch = words - block < depth_block ? words - block : depth_block;
            for (size_t r = 0; r < rows; r += tile_rows) {
                // Rows behind the last are computed as the last and never stored.
                const tern::word* x[tile_rows];
                const tern::word* next = lhs_.row(row + r) + start;
                for (size_t i = 0; i < tile_rows; ++i) {
                    x[i] = next;
                    if (r + i + 1 < rows) next += lhs_.row_stride;
                }
                group_of_panels::multiply({x, &start, 1, stretch, lhs_.plane_stride}, panel_data(panel), panel_stride_,
                                          count, acc_ + r * outputs, block != 0);
            }
        }
    }

    TERN_INLINE void add_constant_terms(size_t rows, size_t slot) noexcept {
        std::uint32_t per_output[panel_outputs] = {};
        if constexpr (term::of_output)
            for (size_t i = 0; i < panel_outputs; ++i)
                per_output[i] = term::digit_weights * static_cast<std::uint32_t>(nonzeros_[i]);
        if constexpr (term::of_row || term::of_output || term::of_depth)
            for (size_t r = 0; r < rows; ++r)
                add_constants<typename group_of_panels::lanes>(acc_ + r * outputs + slot * panel_outputs, per_output,
                                                               constants_[r]);
    }

    /// The product one group of depth after the other, terms added up in double.
    TERN_INLINE void run_groups(size_t row, size_t rows, size_t panel, size_t count) noexcept {
        for (double& total : total_) total = 0.0;
        for (size_t group = 0, word = 0; word < blocks_; ++group, word += group_words_) {
            const size_t words = blocks_ - word < group_words_ ? blocks_ - word : group_words_;
            read_terms(row, rows, word, words);
            accumulate(row, rows, panel, count, word, words);
            for (size_t p = 0; p < count; ++p) {
                if constexpr (term::of_output) count_nonzeros(panel + p, word, words);
                add_constant_terms(rows, p);
                std::int32_t sums[panel_outputs];
                read_group_sums(panel + p, group, sums);
                add_group<Arch>(sink_, panel + p, group, acc_ + p * panel_outputs, outputs, rows, terms_, sums,
                                total_ + p * panel_outputs);
            }
        }
        for (size_t p = 0; p < count; ++p)
            store_groups<Arch>(sink_, panel + p, total_ + p * panel_outputs, outputs, rows, dst_rows_);
    }

    TERN_INLINE void count_nonzeros(size_t panel, size_t word, size_t words) noexcept {
        std::memset(nonzeros_, 0, sizeof nonzeros_);
        constexpr size_t block_words = size_t{Rhs::planes} * panel_outputs;
        const tern::word* block = panel_data(panel) + word * block_words;
        for (size_t w = 0; w < words; ++w, block += block_words)
            for (size_t i = 0; i < panel_outputs; ++i) nonzeros_[i] += bits::popcount(block[i]);
    }

    TERN_INLINE void read_group_sums(size_t panel, size_t group, std::int32_t* sums) const noexcept {
        const std::int32_t* given = sink_.epilogue.group_sums;
        const size_t groups = bits::ceil_div(blocks_, group_words_);
        const size_t lanes = lanes_of(rhs_.outputs, panel);
        for (size_t i = 0; i < panel_outputs; ++i)
            sums[i] = given == nullptr || i >= lanes ? 0 : given[(panel * panel_outputs + i) * groups + group];
    }
};

/// The product's loop nest as one function a (architecture, operands, sink): its symbol carries the tag.
template <class Arch, class Lhs, class Rhs, class Sink>
void run_gemm(const packed_rows<Lhs>& lhs, const packed_panels<Rhs>& rhs, size_t first_panel, size_t last_panel,
              const Sink& sink) noexcept {
    if (lhs.rows == 1)
        gemm_driver<Arch, Lhs, Rhs, Sink, true>(lhs, rhs, sink).run(first_panel, last_panel);
    else
        gemm_driver<Arch, Lhs, Rhs, Sink, false>(lhs, rhs, sink).run(first_panel, last_panel);
}

}  // namespace tern::kernel
