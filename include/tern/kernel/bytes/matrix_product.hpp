// SPDX-License-Identifier: MIT
// Signed bytes times ternary codes where instructions multiply pairs of rows by pairs of outputs (USMMLA).
//
// As in codes.hpp sums start at -sum x, and codes are the weights plus one. Rows are copied in pairs, eight positions
// of depth of one beside those of the other, all pairs of a step side by side: what a tile reads is one stream. Behind
// the last row and behind the depth there are zeros, so there are no tails.
#pragma once

#include <tern/kernel/bytes/codes.hpp>
#include <tern/kernel/bytes/matrix_tile.hpp>

namespace tern::kernel {

/// A product as kernel/gemm/driver.hpp wants it, for more than one row.
template <class Arch>
class matrix_product {
    using bytes = typename decltype(bytes_config(Arch{}))::bytes;
    using code_tile = matrix_tile<bytes, 1, 1>;
    /// So many sums, two codes, the next ones, four pairs of rows and a mask are thirty-two registers.
    static constexpr size_t most_pairs = 10;
    static constexpr size_t step_depth = code_tile::step_depth;
    /// Positions of depth whose rows are kept: with the codes of a panel they have room in a first-level cache.
    static constexpr size_t depth_block = 1024;
    static_assert(depth_block / step_depth <= bytes::matrix_fold_every);
    static constexpr size_t code_panel = packed_codes::tile_outputs / panel_outputs;  // panels of 16 outputs

public:
    using arch = Arch;
    static constexpr size_t row_block = 2 * most_pairs;
    static constexpr size_t row_step = 1;
    static constexpr size_t panels = 2 * code_panel;

    TERN_INLINE matrix_product(const matrix_view<const std::int8_t>& lhs, const packed_codes& rhs) noexcept
        : lhs_(lhs), rhs_(rhs), panel_stride_(rhs.panel_stride()) {}

    [[nodiscard]] TERN_INLINE size_t rows() const noexcept { return lhs_.rows; }
    [[nodiscard]] TERN_INLINE size_t depth() const noexcept { return lhs_.cols; }
    [[nodiscard]] TERN_INLINE size_t outputs() const noexcept { return rhs_.outputs; }

    void select(size_t row, size_t rows, size_t from, size_t to) noexcept {
        row_ = row;
        rows_ = rows;
        from_ = from;
        to_ = to;
        const size_t wanted = bits::ceil_div(rows, 2);
        pairs_ = wanted < 3 ? wanted : (wanted + 1) / 2 * 2;
        const size_t blocks = bits::ceil_div(to - from, depth_block);
        block_ = blocks < 2 ? to - from : bits::ceil_div(bits::ceil_div(to - from, blocks), step_depth) * step_depth;
        for (size_t r = 0; r < rows; ++r)
            sums_[r] = from == to ? 0 : byte_sum<bytes>(lhs_.row(row + r) + from, to - from);
        if (from != to) keep_rows(from);
    }

    [[nodiscard]] TERN_INLINE size_t near_panels() const noexcept {
        return near_panels_of(panel_stride_ / code_panel, panels);
    }
    [[nodiscard]] TERN_INLINE std::int32_t row_sum(size_t r) const noexcept { return sums_[r]; }

    TERN_INLINE void weight_sums(size_t panel, std::int32_t (&sums)[panel_outputs]) const noexcept {
        if (lhs_.cols != 0)
            std::memcpy(sums, rhs_.sums(panel / code_panel) + panel % code_panel * sizeof sums, sizeof sums);
    }

    void multiply(size_t panel, size_t count, std::int32_t* acc, size_t stride) noexcept {
        for (size_t r = 0; r < rows_; ++r)
            for (size_t o = 0; o < panels * panel_outputs; o += bytes::width)
                bytes::fill(acc + r * stride + o, -sums_[r]);
        for (size_t from = from_; from < to_; from += block_) {
            if (from != kept_from_) keep_rows(from);
            for (size_t p = 0; p < count; p += code_panel) {
                const std::uint8_t* const codes = rhs_.data + (panel + p) / code_panel * panel_stride_ +
                                                  from / packed_codes::tile_depth * packed_codes::tile_bytes;
                run_pairs(codes, acc + p * panel_outputs, stride);
            }
        }
    }

private:
    [[nodiscard]] TERN_INLINE size_t steps(size_t from) const noexcept {
        return bits::ceil_div(to_ - from < block_ ? to_ - from : block_, step_depth);
    }

    void keep_rows(size_t from) noexcept {
        kept_from_ = from;
        const size_t count = to_ - from < block_ ? to_ - from : block_;
        const size_t whole = count / step_depth;
        const size_t step_bytes = pairs_ * code_tile::pair_bytes;
        for (size_t r = 0; r < 2 * pairs_; ++r) {
            std::int8_t* to = kept_ + r * step_depth;
            const std::int8_t* x = r < rows_ ? lhs_.row(row_ + r) + from : nullptr;
            TERN_KEEP_LOOP
            for (size_t s = 0; s < whole; ++s, to += step_bytes)
                bits::store(to, x == nullptr ? std::uint64_t{0} : bits::load<std::uint64_t>(x + s * step_depth));
            if (count % step_depth == 0) continue;
            for (size_t i = 0; i < step_depth; ++i)
                to[i] = x != nullptr && whole * step_depth + i < count ? x[whole * step_depth + i] : std::int8_t{0};
        }
    }

    TERN_INLINE void run_pairs(const std::uint8_t* codes, std::int32_t* acc, size_t stride) const noexcept {
        const size_t n = steps(kept_from_);
        bits::unroll<1 + most_pairs / 2>([&](auto half) TERN_INLINE_LAMBDA {
            constexpr size_t pairs = half == 0 ? 1 : 2 * half;
            if (pairs_ == pairs) run_panel<pairs>(kept_, codes, n, acc, stride, rows_);
        });
    }

    /// A function of its own, shared by all sinks.
    template <size_t Pairs>
    static void run_panel(const std::int8_t* rows, const std::uint8_t* codes, size_t steps, std::int32_t* acc,
                          size_t stride, size_t count) noexcept {
        constexpr size_t fields = matrix_fields<Pairs>;
        for (size_t lane = 0; lane < panel_outputs; lane += bytes::width)
            for (size_t field = 0; field < code_panel; field += fields)
                matrix_tile<bytes, Pairs, fields>::run(rows, codes + lane * packed_codes::tile_depth, steps, field,
                                                       acc + lane, stride, count);
    }

    matrix_view<const std::int8_t> lhs_;
    packed_codes rhs_;
    size_t panel_stride_;  // read once, because it is not free to compute
    size_t row_ = 0;
    size_t rows_ = 0;
    size_t pairs_ = 0;
    size_t from_ = 0;
    size_t to_ = 0;
    size_t block_ = 0;
    size_t kept_from_ = 0;
    std::int32_t sums_[row_block];
    alignas(64) std::int8_t kept_[row_block * depth_block];
};

/// Codes times several rows.
template <class Arch>
using code_rows_product = std::conditional_t<simd::multiplies_matrices<typename decltype(bytes_config(Arch{}))::bytes>,
                                             matrix_product<Arch>, codes_product<Arch, false>>;

}  // namespace tern::kernel
