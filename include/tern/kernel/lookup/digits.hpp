// SPDX-License-Identifier: MIT
// The product of rows of several bit planes and lookup indices, as kernel/gemm/driver.hpp wants it, by tables that are
// made of the activations: digits of up to four planes, where constant tables would have too many rows.
//
// What digits leave out (tables.hpp) is a multiple of the sum of the weights, which are packed with them; for a part of
// the depth one more row is multiplied, whose digits are 1 everywhere.
//
// A *step* is four positions of depth. Its table has 81 places, the sum of four products in each: the sum of two places
// of constant rows of nine, one for each two positions. Tables are dear, so they serve as many outputs as the driver
// gives at once before they are made again for other positions. A *chunk* is the depth whose tables are kept near;
// between chunks sums of 16 bits wait in memory (digit_tile.hpp). A *segment* is what fits those; behind it sums go to
// int32, which wraps: parts of a product that fits may pass the range.
#pragma once

#include <tern/kernel/gemm/selection.hpp>
#include <tern/kernel/lookup/digit_tile.hpp>

namespace tern::kernel {

/// Whether activations go this way: those of three planes and more, where shuffles have 128 places.
template <class Arch, class Lhs>
inline constexpr bool by_digits = !std::is_void_v<decltype(digits_config(Arch{}))> && Lhs::digits >= 3;

/// `OneRow`: for a single row of activations; `Real`: for a sink whose driver keeps more of every result.
template <class Arch, class Lhs, bool OneRow, bool Real>
class digit_product : public selected_planes<Arch, Lhs, packed_indices> {
    using base = selected_planes<Arch, Lhs, packed_indices>;
    using base::at, base::lhs_, base::rhs_, base::panel_stride_, base::rows_;
    using base::elements_, base::first_word_, base::words_;

    using lanes = decltype(digits_config(Arch{}));
    using digits = lookup_digits<Lhs, 4>;
    template <size_t D>
    using shape = digit_shape<digits::planes(D), OneRow>;
    static constexpr size_t near_panels_64 = Real ? 33 : 66;
    // One panel more, of a tile that is wider than what is left, and one row, of the sums of the weights.
    static constexpr size_t row_state = (near_panels_64 + 1) * digit_state_bytes;
    static constexpr size_t segment = shape<0>::segment_steps;
    static constexpr size_t word_steps = word_bits / packed_indices::tile_depth;

public:
    static constexpr size_t row_block = OneRow ? 1 : 8;
    static constexpr size_t row_step = 1;
    static constexpr size_t panels = near_panels_64 * lookup_outputs / panel_outputs;

    TERN_INLINE digit_product(const packed_rows<Lhs>& lhs, const packed_indices& rhs) noexcept : base(lhs, rhs) {}

    TERN_INLINE void select(size_t row, size_t rows, size_t from, size_t to) noexcept {
        base::select_words(row, rows, from, to);
    }

    /// A function of its own: it does not depend on the sink.
    void multiply(size_t panel, size_t count, std::int32_t* acc, size_t stride) noexcept {
        if (words_ == 0) base::clear(panels, acc, stride);
        const size_t first = panel * panel_outputs / lookup_outputs;
        const size_t present = bits::ceil_div(count * panel_outputs, lookup_outputs);
        const size_t depth = bits::ceil_div(elements_, packed_indices::tile_depth);
        for (size_t step = 0; step < depth; step += segment) {
            const size_t steps = depth - step < segment ? depth - step : segment;
            bits::unroll<digits::count>([&](auto d) TERN_INLINE_LAMBDA {
                run_digit<d>(first, present, step, steps);
                for (size_t p = 0; p < present; ++p)
                    finish<d>(first + p, p, steps, step != 0, acc + p * lookup_outputs, stride);
            });
        }
    }

private:
    [[nodiscard]] TERN_INLINE bool whole() const noexcept { return elements_ == rhs_.depth; }
    [[nodiscard]] TERN_INLINE std::uint8_t* state(size_t row, size_t panel) noexcept {
        return state_ + row * row_state + panel * digit_state_bytes;
    }

    /// Sums of a digit of all rows over a segment.
    template <size_t D>
    TERN_INLINE void run_digit(size_t first, size_t present, size_t start, size_t steps) noexcept {
        using tile = shape<D>;
        const size_t rows = rows_ + (D != 0 || whole() ? 0 : 1);
        for (size_t r = 0; r < rows; ++r) std::memset(state(r, 0), 0, (present + 1) * digit_state_bytes);
        const std::uint8_t* const weights =
            rhs_.data + first * panel_stride_ + (first_word_ * word_steps + start) * packed_indices::tile_bytes;
        for (size_t chunk = 0; chunk < steps; chunk += tile::chunk_steps) {
            const size_t here = steps - chunk < tile::chunk_steps ? steps - chunk : tile::chunk_steps;
            for (size_t row = 0; row < rows; row += tile::rows) {
                const size_t left = rows - row < tile::rows ? rows - row : tile::rows;
                for (size_t r = 0; r < left; ++r)
                    make_tables<D>(row + r, start + chunk, here, tables_ + r * tile::row_tables);
                // Behind the last rows the next positions are wanted.
                const bool follows = rows > 1 && row + left == rows;
                const size_t ahead = follows ? tile::chunk_steps * packed_indices::tile_bytes : 0;
                bits::unroll<tile::rows>([&](auto r) TERN_INLINE_LAMBDA {
                    if (left == r + 1)
                        run_digit_rows<Arch, tile, r + 1>(tables_, weights + chunk * packed_indices::tile_bytes,
                                                          panel_stride_, present, here, ahead, state(row, 0),
                                                          row_state);
                });
            }
        }
    }

    /// Tables of a chunk of one row. The row behind the last has 1 as its first digit.
    template <size_t D>
    TERN_INLINE void make_tables(size_t r, size_t start, size_t steps, std::uint8_t* to) const noexcept {
        using tile = shape<D>;
        constexpr size_t planes = size_t{digits::planes(D)};
        constexpr size_t step = lanes::expand_words;
        constexpr size_t most = bits::ceil_div(tile::chunk_steps + word_steps, word_steps * step);
        alignas(64) std::uint8_t codes[most * lanes::width];
        const size_t first = start / word_steps;
        const size_t words = bits::ceil_div(start + steps, word_steps) - first;
        for (size_t w = 0; w < words; w += step) {
            typename lanes::reg plane[planes];
            bits::unroll<planes>([&](auto p) TERN_INLINE_LAMBDA {
                const size_t left = words_ - first - w;
                word part[step];
                if (r < rows_) {
                    const word* const from =
                        at(r) + first + w + (p + size_t{digits::first_plane(D)}) * lhs_.plane_stride;
                    if (left >= step) {
                        plane[p] = lanes::expand(from);
                        return;
                    }
                    std::memset(part, 0, sizeof part);
                    std::memcpy(part, from, left * sizeof(word));
                } else {
                    constexpr std::uint32_t b = (1u << (planes - 1)) + 1;
                    std::memset(part, (b >> p & 1u) != 0 ? 0xff : 0, sizeof part);
                }
                plane[p] = lanes::expand(part);
            });
            lanes::store(codes + w / step * lanes::width, lanes::code(plane));
        }
        const std::uint8_t* const code = codes + 2 * (start % word_steps);
        const std::uint8_t* const pairs = tile::pairs();
        TERN_KEEP_LOOP
        for (size_t s = 0; s < steps; ++s)
            lanes::build(pairs + size_t{code[2 * s]} * tile::pair_bytes,
                         pairs + size_t{code[2 * s + 1]} * tile::pair_bytes,
                         to + s * tile::low_bytes, to + tile::high_tables + s * tile::high_bytes);
    }

    /// A digit's sums of a segment for a panel of all rows to int32, and with the first what all digits leave out.
    template <size_t D>
    TERN_INLINE void finish(size_t panel, size_t p, size_t steps, bool add, std::int32_t* acc, size_t stride) noexcept {
        const auto bias = static_cast<std::uint16_t>(steps * shape<D>::bias);
        std::int32_t rest[lookup_outputs];
        if constexpr (D == 0) {
            if (whole())
                std::memcpy(rest, rhs_.sums(panel), sizeof rest);
            else
                lanes::finish(state(rows_, p), bias, 0, false, rest, rest);
            scale_sums<lookup_outputs>(rest, digits::left_out());
        }
        for (size_t r = 0; r < rows_; ++r, acc += stride) {
            if (D == 0 && add && !whole()) add_sums<lookup_outputs>(acc, rest);
            lanes::finish(state(r, p), bias, digits::shift(D), true, D == 0 && !add ? rest : acc, acc);
        }
    }

    static constexpr size_t last = digits::count - 1;

    alignas(64) std::uint8_t tables_[shape<0>::rows * (shape<0>::row_tables < shape<last>::row_tables
                                                           ? shape<last>::row_tables
                                                           : shape<0>::row_tables)];
    alignas(64) std::uint8_t state_[(row_block + 1) * row_state];
};

}  // namespace tern::kernel
