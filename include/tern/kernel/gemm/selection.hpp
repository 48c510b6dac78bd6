// SPDX-License-Identifier: MIT
// What the products of kernel/gemm/driver.hpp share: their operands, and the rows and positions of depth that are
// selected.
#pragma once

#include <type_traits>

#include <tern/kernel/gemm/constant_terms.hpp>
#include <tern/kernel/gemm/sink.hpp>
#include <tern/layout_tiles.hpp>

namespace tern::kernel {

/// Panels of so many bytes that take 512 KB, which a second-level cache has room for, but a multiple of `step`.
[[nodiscard]] TERN_INLINE constexpr size_t near_panels_of(size_t panel_bytes, size_t step) noexcept {
    const size_t n = panel_bytes == 0 ? 0 : (size_t{1} << 19) / panel_bytes / step * step;
    return n < step ? step : n;
}

/// Whether the third-level cache likely keeps that many bytes of weights while all rows pass.
template <class Arch>
[[nodiscard]] TERN_INLINE constexpr bool third_level_keeps(size_t bytes) noexcept {
    return std::is_base_of_v<arch::avx512, Arch> && bytes < size_t{1} << 23;
}

/// Sums of a panel's 16 weight vectors, as they were packed.
template <class Encoding>
TERN_INLINE void read_sums(const packed_panels<Encoding>& w, size_t panel,
                           std::int32_t (&sums)[panel_outputs]) noexcept {
    std::memcpy(sums, w.sums(panel, 0), sizeof sums);
}
template <class Encoding, layout_id Id, size_t Outputs, size_t Depth, size_t Unit>
TERN_INLINE void read_sums(const packed_tiles<Encoding, Id, Outputs, Depth, Unit>& w, size_t panel,
                           std::int32_t (&sums)[panel_outputs]) noexcept {
    constexpr size_t panels = Outputs / panel_outputs;  // of 16 outputs, in one of the layout's
    std::memcpy(sums, w.sums(panel / panels) + panel % panels * sizeof sums, sizeof sums);
}

template <class Encoding>
TERN_INLINE size_t depth_of(const packed_rows<Encoding>& rows) noexcept {
    return rows.depth;
}
template <class T>
TERN_INLINE size_t depth_of(const matrix_view<T>& rows) noexcept {
    return rows.cols;
}

template <class Arch, class Lhs, class Rhs>
class selection {
    static_assert(arch::compiled(Arch{}),
                  "tern: this architecture's instructions are not enabled for this translation unit; "
                  "add the compiler flags or choose another tag");

public:
    using arch = Arch;
    static constexpr bool exact = false;

    [[nodiscard]] TERN_INLINE size_t rows() const noexcept { return lhs_.rows; }
    [[nodiscard]] TERN_INLINE size_t depth() const noexcept { return depth_of(lhs_); }
    [[nodiscard]] TERN_INLINE size_t outputs() const noexcept { return rhs_.outputs; }
    /// All of them: products that keep what they make of rows gain nothing from parts.
    [[nodiscard]] TERN_INLINE size_t near_panels() const noexcept { return static_cast<size_t>(-1); }

    TERN_INLINE void weight_sums(size_t panel, std::int32_t (&sums)[panel_outputs]) const noexcept {
        if (depth() != 0) read_sums(rhs_, panel, sums);
    }

protected:
    TERN_INLINE selection(const Lhs& lhs, const Rhs& rhs) noexcept
        : lhs_(lhs), rhs_(rhs), panel_stride_(rhs.panel_stride()) {}

    /// Outputs of some panels that are written: those that exist where `exact`, else all that the panels have room for.
    [[nodiscard]] TERN_INLINE size_t outputs_of(size_t panel, size_t count, bool exactly) const noexcept {
        const size_t there = rhs_.outputs - panel * panel_outputs;
        return exactly && there < count * panel_outputs ? there : count * panel_outputs;
    }
    /// The product where no depth is selected.
    TERN_INLINE void clear(size_t panels, std::int32_t* acc, size_t stride) const noexcept {
        for (size_t r = 0; r < rows_; ++r) std::memset(acc + r * stride, 0, panels * panel_outputs * sizeof *acc);
    }

    Lhs lhs_;
    Rhs rhs_;
    size_t panel_stride_;  // read once, because it is not free to compute
    size_t row_ = 0;
    size_t rows_ = 0;
};

/// Of rows of bit planes: whole words.
template <class Arch, class Lhs, class Rhs>
class selected_planes : public selection<Arch, packed_rows<Lhs>, Rhs> {
    using base = selection<Arch, packed_rows<Lhs>, Rhs>;

public:
    [[nodiscard]] TERN_INLINE std::int32_t row_sum(size_t r) const noexcept {
        return value_sum<Lhs>(at(r), this->lhs_.plane_stride, words_, elements_);
    }

protected:
    TERN_INLINE selected_planes(const packed_rows<Lhs>& lhs, const Rhs& rhs) noexcept : base(lhs, rhs) {}

    TERN_INLINE void select_words(size_t row, size_t rows, size_t from, size_t to) noexcept {
        this->row_ = row;
        this->rows_ = rows;
        first_word_ = from / word_bits;
        words_ = depth_words(to - from);
        elements_ = to - from;
    }
    /// The first selected word of selected row r.
    [[nodiscard]] TERN_INLINE const word* at(size_t r) const noexcept {
        return this->lhs_.row(this->row_ + r) + first_word_;
    }

    size_t first_word_ = 0;
    size_t words_ = 0;
    size_t elements_ = 0;
};

}  // namespace tern::kernel
