// SPDX-License-Identifier: MIT
// The product of packed rows and lookup indices, as kernel/gemm/driver.hpp wants it.
//
// Depth is cut three times. A *chunk* is what fits into byte sums: steps * largest entry <= 255, that is 31 tiles of
// weights for trits and for single bits and 10 for digits of two planes. A *block* is the depth whose codes are kept. A
// *segment* is what fits into 16-bit sums: they wrap while they are added up, and without bias they are the exact sum as
// long as that is an int16, so a segment has at most 32767 / largest |digit| positions. Behind it they go to int32.
#pragma once

#include <tern/kernel/gemm/constant_terms.hpp>
#include <tern/kernel/lookup/config.hpp>
#include <tern/kernel/lookup/tables.hpp>
#include <tern/kernel/lookup/tile.hpp>

namespace tern::kernel {

/// `OneRow`: the tile shape for a single row of activations.
template <class Arch, class Lhs, bool OneRow>
class lookup_product {
    static_assert(arch::compiled(Arch{}),
                  "tern: this architecture's instructions are not enabled for this translation unit; "
                  "add the compiler flags or choose another tag");

    using config = decltype(lookup_config(Arch{}));
    using lanes = typename config::lanes;
    using digits = lookup_digits<Lhs, lanes::digit_planes>;
    static constexpr size_t tile_rows = OneRow ? 1 : config::rows;
    static constexpr size_t tile_panels = OneRow ? config::row_panels : config::panels;
    static constexpr size_t group_panels = OneRow ? config::row_panels : config::group_panels;
    using tile_type = lookup_tile<lanes, tile_rows, tile_panels>;

    static constexpr size_t word_tiles = word_bits / packed_indices::tile_depth;
    static constexpr size_t tile_steps = packed_indices::tile_depth / lanes::positions;
    static constexpr size_t word_steps = word_bits / lanes::positions;
    static constexpr size_t bias = size_t{lanes::positions} * size_t{digits::max_abs};  // of a step
    static constexpr size_t chunk_tiles = 255 / (2 * bias * tile_steps);
    static constexpr size_t block_words = chunk_tiles % word_tiles == 7 ? 31 : 30;  // whole chunks
    static constexpr size_t code_stride = 32 * word_steps;
    static constexpr size_t segment_blocks = 32767 / (size_t{digits::max_abs} * block_words * word_bits);
    static_assert(chunk_tiles != 0 && segment_blocks != 0);
    static_assert(block_words * word_tiles % chunk_tiles == 0);
    // Rows of the digits are rows of their own; the digits of a block share the room.
    static constexpr size_t digit_tiles = config::block_rows / (config::rows * digits::count);

public:
    using arch = Arch;
    static constexpr size_t row_block = OneRow ? 1 : config::rows * (digit_tiles == 0 ? 1 : digit_tiles);
    static constexpr size_t panels = group_panels * lookup_outputs / panel_outputs;

    TERN_INLINE lookup_product(const packed_rows<Lhs>& lhs, const packed_indices& rhs) noexcept
        : lhs_(lhs), rhs_(rhs), panel_stride_(rhs.panel_stride()) {}

    [[nodiscard]] TERN_INLINE size_t rows() const noexcept { return lhs_.rows; }
    [[nodiscard]] TERN_INLINE size_t depth() const noexcept { return lhs_.depth; }
    [[nodiscard]] TERN_INLINE size_t outputs() const noexcept { return rhs_.outputs; }

    TERN_INLINE void select(size_t row, size_t rows, size_t from, size_t to) noexcept {
        row_ = row;
        rows_ = rows;
        first_word_ = from / word_bits;
        words_ = depth_words(to - from);
        tiles_ = bits::ceil_div(to - from, packed_indices::tile_depth);
        elements_ = to - from;
    }

    [[nodiscard]] TERN_INLINE std::int32_t row_sum(size_t r) const noexcept {
        return value_sum<Lhs>(at(r), lhs_.plane_stride, words_, elements_);
    }

    TERN_INLINE void weight_sums(size_t panel, std::int32_t (&sums)[panel_outputs]) const noexcept {
        constexpr size_t quarters = lookup_outputs / panel_outputs;
        if (rhs_.depth != 0) std::memcpy(sums, rhs_.sums(panel / quarters) + panel % quarters * sizeof sums, sizeof sums);
    }

    /// A function of its own: it does not depend on the sink.
    void multiply(size_t panel, size_t count, std::int32_t* acc) noexcept {
        constexpr size_t stride = panels * panel_outputs;
        if (words_ == 0) std::memset(acc, 0, row_block * stride * sizeof *acc);
        const size_t first = panel * panel_outputs / lookup_outputs;
        const size_t present = bits::ceil_div(count * panel_outputs, lookup_outputs);
        bool add = false;
        for (size_t segment = 0; segment < words_; segment += segment_blocks * block_words) {
            std::memset(sums_, 0, sizeof sums_);
            const size_t left = words_ - segment;
            const size_t end = segment + (left < segment_blocks * block_words ? left : segment_blocks * block_words);
            for (size_t block = segment; block < end; block += block_words) {
                make_codes(block, end - block < block_words ? end - block : block_words);
                const size_t last = (block + block_words) * word_tiles;
                for (size_t tile = block * word_tiles; tile < tiles_ && tile < last; tile += chunk_tiles) {
                    const size_t more = tiles_ - tile;
                    run_chunk(first, present, tile, tile - block * word_tiles, more < chunk_tiles ? more : chunk_tiles);
                }
            }
            const size_t tiles = (tiles_ < end * word_tiles ? tiles_ : end * word_tiles) - segment * word_tiles;
            finish(present, static_cast<std::uint16_t>(tiles * tile_steps * bias), add, acc);
            add = true;
        }
    }

private:
    [[nodiscard]] TERN_INLINE const word* at(size_t r) const noexcept { return lhs_.row(row_ + r) + first_word_; }
    /// Rows behind the last are computed as the last and never stored.
    [[nodiscard]] TERN_INLINE size_t tiled_rows() const noexcept {
        return bits::ceil_div(rows_, tile_rows) * tile_rows;
    }
    [[nodiscard]] static TERN_INLINE size_t sums_at(size_t sub, size_t digit, size_t r) noexcept {
        return ((sub * digits::count + digit) * row_block + r) * tile_type::row_sums;
    }

    TERN_INLINE void make_codes(size_t block, size_t words) noexcept {
        for (size_t d = 0; d < digits::count; ++d) {
            const bool two = digits::per_digit == 2 && !(digits::odd && d + 1 == digits::count);
            const size_t plane = d * size_t{digits::per_digit} * lhs_.plane_stride;
            for (size_t r = 0; r < tiled_rows(); ++r) {
                const word* const low = at(r < rows_ ? r : rows_ - 1) + block + plane;
                make_row_codes(low, two ? low + lhs_.plane_stride : nullptr, words,
                               codes_ + (d * row_block + r) * code_stride);
            }
        }
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
        if (high == nullptr) return a;
        const auto b = lanes::expand(high);
        if constexpr (lookup_digit<Lhs, digits::per_digit>::trits && lanes::positions == 4)
            return lanes::base3(a, b);
        else
            return lanes::pair(a, b);
    }

    /// `tiles` tiles of weights from `tile` on, whose codes start at tile `code` of the block.
    TERN_INLINE void run_chunk(size_t first, size_t present, size_t tile, size_t code, size_t tiles) noexcept {
        const size_t offset = (first_word_ * word_tiles + tile) * packed_indices::tile_bytes;
        for (size_t sub = 0; sub * tile_panels < present; ++sub) {
            const std::uint8_t* w[tile_panels];
            bits::unroll<tile_panels>([&](auto p) TERN_INLINE_LAMBDA {
                // Panels behind the last are computed as the last and never stored.
                const size_t panel = sub * tile_panels + p < present ? sub * tile_panels + p : present - 1;
                w[p] = rhs_.data + (first + panel) * panel_stride_ + offset;
                if constexpr (tile_steps == 2) {
                    std::uint8_t* const to = split_ + p * (sizeof split_ / tile_panels);
                    split(w[p], tiles, to);
                    w[p] = to;
                }
            });
            for (size_t d = 0; d < digits::count; ++d) {
                const std::uint8_t* const table = digits::template table<lanes::positions>(d);
                for (size_t r = 0; r < rows_; r += tile_rows)
                    tile_type::template run<code_stride>(
                        table, codes_ + (d * row_block + r) * code_stride + code * tile_steps, w, tiles * tile_steps,
                        sums_ + sums_at(sub, d, r));
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

    TERN_INLINE void finish(size_t present, std::uint16_t total_bias, bool add, std::int32_t* acc) noexcept {
        for (size_t sub = 0; sub * tile_panels < present; ++sub)
            for (size_t r = 0; r < rows_; ++r)
                for (size_t d = 0; d < digits::count; ++d)
                    tile_type::finish(sums_ + sums_at(sub, d, r), total_bias, static_cast<int>(d) * digits::per_digit,
                                      add || d != 0,
                                      acc + r * panels * panel_outputs + sub * tile_panels * lookup_outputs);
    }

    packed_rows<Lhs> lhs_;
    packed_indices rhs_;
    size_t panel_stride_;  // read once, because it is not free to compute
    size_t row_ = 0;
    size_t rows_ = 0;
    size_t first_word_ = 0;
    size_t words_ = 0;
    size_t tiles_ = 0;
    size_t elements_ = 0;
    alignas(64) std::uint16_t sums_[digits::count * row_block * group_panels * lookup_outputs];
    alignas(64) std::uint8_t codes_[digits::count * row_block * code_stride];
    // Digits of the weights of a chunk, where the table rows cover two positions only.
    alignas(64) std::uint8_t split_[tile_steps == 2 ? 2 * chunk_tiles * tile_panels * lookup_outputs : 1];
};

}  // namespace tern::kernel
