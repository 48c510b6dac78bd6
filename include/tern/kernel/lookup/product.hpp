// SPDX-License-Identifier: MIT
// The product of packed rows and lookup indices, as kernel/gemm/driver.hpp wants it.
//
// Depth is cut into *segments*: the words whose codes are kept, and whose sums fit int16: at most 449 (14368 positions)
// of digits up to 2. Behind a segment sums go to int32, which wraps: parts of a product that fits may pass the range.
// What digits leave out (tables.hpp) is a multiple of the sum of the weights, which are packed with them; for a part of
// the depth one more row is multiplied, whose digits are 1 everywhere.
// Weights are taken a *chunk* at a time, which stays in a near cache while all rows of the block pass. Where rows of
// the tables cover two positions only, its bytes are split into their digits first.
#pragma once

#include <tern/kernel/gemm/selection.hpp>
#include <tern/kernel/lookup/config.hpp>
#include <tern/kernel/lookup/tables.hpp>
#include <tern/kernel/lookup/tile.hpp>

namespace tern::kernel {

/// `OneRow`: the tile shape for a single row of activations.
template <class Arch, class Lhs, bool OneRow>
class lookup_product : public selected_planes<Arch, Lhs, packed_indices> {
    using base = selected_planes<Arch, Lhs, packed_indices>;
    using base::at, base::lhs_, base::rhs_, base::panel_stride_, base::rows_;
    using base::elements_, base::first_word_, base::words_;

    using config = decltype(lookup_config(Arch{}));
    using lanes = typename config::lanes;
    using digits = lookup_digits<Lhs, lanes::digit_planes>;
    static constexpr size_t tile_rows = OneRow ? 1 : config::rows;
    static constexpr size_t tile_panels = OneRow ? config::row_panels : config::panels;
    static constexpr size_t group_panels = OneRow ? config::row_panels : config::group_panels;

    static constexpr size_t word_tiles = word_bits / packed_indices::tile_depth;
    static constexpr size_t tile_steps = packed_indices::tile_depth / lanes::positions;
    static constexpr size_t word_steps = word_bits / lanes::positions;
    static constexpr size_t bias = size_t{lanes::positions} * size_t{digits::max_abs};  // of a step
    using tile_type = lookup_tile<lanes, tile_rows, tile_panels, 2 * bias, OneRow ? 0 : config::unloaded>;
    /// One fold where digits are split off; elsewhere whole folds of about 256 steps, a small part of a second-level
    /// cache, but all of them for a single row.
    static constexpr size_t fold_steps = tile_type::fold_steps;
    static constexpr size_t chunk_tiles = tile_steps == 2 ? fold_steps / tile_steps
                                          : OneRow        ? config::segment_words * word_tiles
                                                          : 256 / fold_steps * fold_steps;
    static constexpr size_t segment_words = config::segment_words;
    static_assert(segment_words * word_bits * size_t{digits::max_abs} <= 32767);
    // Codes of deeper rows are made once more for each group of panels. Never a multiple of a page.
    static constexpr size_t code_stride = bits::ceil_div(segment_words, 8) * 8 * word_steps + 64;
    // Rows of the digits are rows of their own; the digits of a block share the room.
    static constexpr size_t digit_tiles = config::block_rows / (tile_rows * digits::count);

public:
    static constexpr size_t row_block = OneRow ? 1 : tile_rows * (digit_tiles == 0 ? 1 : digit_tiles);
    static constexpr size_t row_step = 1;
    static constexpr size_t panels = group_panels * lookup_outputs / panel_outputs;

    TERN_INLINE lookup_product(const packed_rows<Lhs>& lhs, const packed_indices& rhs) noexcept
        : base(lhs, rhs) {}

    void select(size_t row, size_t rows, size_t from, size_t to) noexcept {
        base::select_words(row, rows, from, to);
        tiles_ = bits::ceil_div(to - from, packed_indices::tile_depth);
        if (words_ <= segment_words) make_codes(0, words_);
    }

    [[nodiscard]] TERN_INLINE size_t near_panels() const noexcept {
        return near_panels_of(panel_stride_ * panel_outputs / lookup_outputs, panels);
    }

    /// A function of its own: it does not depend on the sink.
    void multiply(size_t panel, size_t count, std::int32_t* acc, size_t stride) noexcept {
        if (words_ == 0) base::clear(panels, acc, stride);
        const size_t first = panel * panel_outputs / lookup_outputs;
        const size_t present = bits::ceil_div(count * panel_outputs, lookup_outputs);
        for (size_t segment = 0; segment < words_; segment += segment_words) {
            const size_t words = words_ - segment < segment_words ? words_ - segment : segment_words;
            if (words_ > segment_words) make_codes(segment, words);
            const size_t left = tiles_ - segment * word_tiles;
            const size_t tiles = left < words * word_tiles ? left : words * word_tiles;
            std::memset(state_, 0, sizeof state_);
            run_segment(first, present, segment, tiles);
            finish(first, present, static_cast<std::uint16_t>(tiles * tile_steps * bias), segment != 0, acc, stride);
        }
    }

private:
    static constexpr size_t kept_rows = digits::count * row_block + (digits::centred ? tile_rows : 0);

    /// Whether sums of weights are counted, for want of packed ones.
    [[nodiscard]] TERN_INLINE bool counts_weights() const noexcept {
        return digits::centred && elements_ != rhs_.depth;
    }
    /// Rows behind the last are computed as the last and never stored.
    [[nodiscard]] TERN_INLINE size_t tiled_rows(size_t digit) const noexcept {
        return bits::ceil_div(rows_ + (digit == 0 && counts_weights() ? 1 : 0), tile_rows) * tile_rows;
    }
    /// Where a digit of a row is kept: the lowest last, because the row of the weights' sums is behind its own.
    [[nodiscard]] static TERN_INLINE size_t kept_at(size_t digit, size_t r) noexcept {
        return (digits::count - 1 - digit) * row_block + r;
    }
    [[nodiscard]] static TERN_INLINE size_t state_at(size_t sub, size_t digit, size_t r) noexcept {
        return (sub * kept_rows + kept_at(digit, r)) * tile_type::row_state;
    }

    /// Codes of all digits and rows, `words` words from `start` on.
    TERN_INLINE void make_codes(size_t start, size_t words) noexcept {
        for (size_t d = 0; d < digits::count; ++d) {
            const bool two = digits::per_digit == 2 && digits::planes(d) == 2;
            const size_t plane = d * size_t{digits::per_digit} * lhs_.plane_stride;
            for (size_t r = 0; r < tiled_rows(d); ++r) {
                std::uint8_t* const to = codes_ + kept_at(d, r) * code_stride;
                if (r >= rows_ && d == 0 && counts_weights()) {
                    make_one_codes(words, to);
                    continue;
                }
                const word* const low = at(r < rows_ ? r : rows_ - 1) + start + plane;
                make_row_codes(low, two ? low + lhs_.plane_stride : nullptr, words, to);
            }
        }
    }

    /// Codes of a centred digit that is 1 everywhere: all bits are set.
    static TERN_INLINE void make_one_codes(size_t words, std::uint8_t* to) noexcept {
        word ones[lanes::expand_words];
        std::memset(ones, 0xff, sizeof ones);
        for (size_t w = 0; w < words; w += lanes::expand_words) lanes::store(to + w * word_steps, code(ones, ones));
    }

    /// Codes of one digit of one row. high: its second plane, if it has one.
    static TERN_INLINE void make_row_codes(const word* low, const word* high, size_t words,
                                           std::uint8_t* to) noexcept {
        constexpr size_t step = lanes::expand_words;
        size_t w = 0;
        for (; w + step <= words; w += step)
            lanes::store(to + w * word_steps, code(low + w, high == nullptr ? nullptr : high + w));
        if (w == words) return;
        if (words > step) {  // once more what overlaps
            w = words - step;
            lanes::store(to + w * word_steps, code(low + w, high == nullptr ? nullptr : high + w));
            return;
        }
        word rest[2][step] = {};
        std::memcpy(rest[0], low + w, (words - w) * sizeof(word));
        if (high != nullptr) std::memcpy(rest[1], high + w, (words - w) * sizeof(word));
        lanes::store(to + w * word_steps, code(rest[0], high == nullptr ? nullptr : rest[1]));
    }
    static TERN_INLINE typename lanes::reg code(const word* low, const word* high) noexcept {
        const auto a = lanes::expand(low);
        if (high == nullptr) return lanes::code(a);
        const auto b = lanes::expand(high);
        if constexpr (lookup_digit<Lhs, digits::per_digit>::trits && lanes::positions == 4)
            return lanes::base3(a, b);
        else
            return lanes::code(a, b);
    }

    /// All rows and digits, `tiles` tiles of weights from word `segment` of the selected depth on.
    TERN_INLINE void run_segment(size_t first, size_t present, size_t segment, size_t tiles) noexcept {
        const size_t offset = (first_word_ + segment) * word_tiles * packed_indices::tile_bytes;
        const std::uint8_t* const codes = codes_;
        for (size_t sub = 0; sub * tile_panels < present; ++sub) {
            for (size_t tile = 0; tile < tiles; tile += chunk_tiles) {
                const size_t count = tiles - tile < chunk_tiles ? tiles - tile : chunk_tiles;
                const std::uint8_t* w[tile_panels];
                const std::uint8_t* early[tile_panels];
                // What follows: more depth, or the next panels.
                const size_t read = offset + (tile + count) * packed_indices::tile_bytes;
                const bool more = read < tiles_ * packed_indices::tile_bytes;
                const size_t length = count * packed_indices::tile_bytes;
                const size_t following = more ? length : tile_panels * panel_stride_ - (read - length);
                bits::unroll<tile_panels>([&](auto p) TERN_INLINE_LAMBDA {
                    // Panels behind the last are computed as the last and never stored.
                    const size_t panel = sub * tile_panels + p < present ? sub * tile_panels + p : present - 1;
                    w[p] = rhs_.data + (first + panel) * panel_stride_ + offset + tile * packed_indices::tile_bytes;
                    early[p] = w[p] + following;
                    if constexpr (tile_steps == 2) {
                        std::uint8_t* const to = split_ + p * (sizeof split_ / tile_panels);
                        split(w[p], count, to);
                        w[p] = to;
                    }
                });
                for (size_t d = 0; d < digits::count; ++d) {
                    const table_rows table = digits::template table<lanes::positions, lanes::high_bytes>(d);
                    const std::uint8_t* const from = codes + kept_at(d, 0) * code_stride + tile * tile_steps;
                    for (size_t r = 0, p = 0; r < tiled_rows(d); r += tile_rows, p = (p + 1) % tile_panels)
                        tile_type::template run<code_stride>(table, from + r * code_stride, w, early[p],
                                                             count * tile_steps, state_ + state_at(sub, d, r));
                }
            }
        }
    }

    /// Both base-9 digits of some tiles of indices, 64 bytes a step.
    static TERN_INLINE void split(const std::uint8_t* from, size_t tiles, std::uint8_t* to) noexcept {
        if constexpr (tile_steps == 2) {
            TERN_KEEP_LOOP
            for (size_t t = 0; t < tiles; ++t, from += lookup_outputs, to += 2 * lookup_outputs) {
                for (size_t j = 0; j < lookup_outputs; j += lanes::width) {
                    typename lanes::reg low;
                    typename lanes::reg high;
                    lanes::split(lanes::load(from + j), low, high);
                    lanes::store(to + j, low);
                    lanes::store(to + lookup_outputs + j, high);
                }
            }
        }
    }

    TERN_INLINE void finish(size_t first, size_t present, std::uint16_t total_bias, bool add, std::int32_t* acc,
                            size_t stride) noexcept {
        constexpr size_t outputs = tile_panels * lookup_outputs;
        for (size_t sub = 0; sub * tile_panels < present; ++sub) {
            std::int32_t rest[digits::centred ? outputs : 1];
            const bool has_rest = digits::centred && (!add || counts_weights());
            if constexpr (digits::centred)
                if (has_rest) left_out(first, present, sub, total_bias, rest);
            for (size_t r = 0; r < rows_; ++r) {
                std::int32_t* const to = acc + r * stride + sub * outputs;
                if (has_rest && add) add_sums<outputs>(to, rest);
                for (size_t d = 0; d < digits::count; ++d)
                    tile_type::finish(state_ + state_at(sub, d, r), total_bias, digits::shift(d),
                                      add || has_rest || d != 0, has_rest && !add && d == 0 ? rest : to, to);
            }
        }
    }

    /// What digits leave out of the results of some panels.
    TERN_INLINE void left_out(size_t first, size_t present, size_t sub, std::uint16_t total_bias,
                              std::int32_t* to) const noexcept {
        if (counts_weights()) tile_type::finish(state_ + state_at(sub, 0, rows_), total_bias, 0, false, to, to);
        for (size_t p = sub * tile_panels; p < present && p < (sub + 1) * tile_panels; ++p, to += lookup_outputs) {
            if (!counts_weights()) std::memcpy(to, rhs_.sums(first + p), lookup_outputs * sizeof *to);
            scale_sums<lookup_outputs>(to, digits::left_out());
        }
    }

    size_t tiles_ = 0;
    alignas(64) std::uint8_t state_[2 * kept_rows * group_panels * lookup_outputs];
    alignas(64) std::uint8_t codes_[kept_rows * code_stride];
    // Digits of the weights of a chunk, where the table rows cover two positions only.
    alignas(64) std::uint8_t split_[tile_steps == 2 ? 2 * chunk_tiles * tile_panels * lookup_outputs : 1];
};

}  // namespace tern::kernel
