// SPDX-License-Identifier: MIT
// The product of rows of several bit planes and lookup indices, as kernel/gemm/driver.hpp wants it, by tables that are
// made of the activations: digits of up to four planes, where constant tables would have too many rows for more than
// two.
//
// A digit of p planes, b = 0 .. 2^p - 1, counts from its middle, c = b - 2^(p-1), so that sums are half as large:
//
//     unsigned:  v = sum_d 2^s_d (c_d + 2^(p_d - 1))             s_d: planes below digit d
//     bipolar:   v = 2 sum_d 2^s_d (c_d + 2^(p_d - 1)) - (2^k - 1)
//
// and what c leaves out is a constant times the sum of the weights, which are packed with them; for a part of the depth
// one more row is multiplied, whose c is 1 everywhere.
//
// A *step* is four positions of depth. Its table has 81 places, the sum of four products in each: the sum of two places
// of constant rows of nine, one for each two positions. A table serves all outputs that the driver gives at once.
// Entries are 0 .. 2^(p+2) with their bias. A *fold* is 3, 6 or 12 steps (4, 3 or 2 planes) whose sums fit a byte; sums
// of 16 bits take them up in registers. A *chunk* is the depth whose tables are kept near, of as many rows as pass
// while the weights of a few panels stay near, too; between chunks the sums of 16 bits wait in memory. A *segment* is
// what fits them: 2^(p+1) times its steps is at most 32767, 1008 steps of 4 planes (4032 positions). Behind it sums go to
// int32, which wraps: parts of a product that fits may pass the range.
#pragma once

#include <tern/kernel/gemm/selection.hpp>
#include <tern/kernel/lookup/tables.hpp>
#include <tern/kernel/lookup/tile.hpp>
#include <tern/simd/x86_digits.hpp>

namespace tern::kernel {

/// Nothing for architectures without shuffles of 128 places.
TERN_INLINE constexpr void digits_config(arch::scalar) noexcept {}
#if TERN_HAS_AVX512_VPOPCNTDQ
TERN_INLINE constexpr auto digits_config(arch::avx512_vpopcntdq) noexcept { return simd::avx512_vpopcntdq_digits{}; }
#endif

/// Whether activations go this way.
template <class Arch, class Lhs>
inline constexpr bool by_digits = !std::is_void_v<decltype(digits_config(Arch{}))> && Lhs::digits >= 2;

/// What `lookup_table` wants of a digit: values from the middle.
template <int Planes>
struct centred_digit {
    static constexpr int planes = Planes;
    static constexpr bool trits = false;
    static constexpr std::int32_t max_abs = 1 << (Planes - 1);

    [[nodiscard]] static TERN_INLINE constexpr std::int32_t value(std::uint32_t bits) noexcept {
        return static_cast<std::int32_t>(bits) - max_abs;
    }
};

#ifndef ABL2
#define ABL2 1
#endif
#ifndef ABL3
#define ABL3 1
#endif
#ifndef DCW
#define DCW 6
#endif
#ifndef DTR
#define DTR 4
#endif
inline constexpr size_t digit_chunk_words = DCW;
inline constexpr size_t digit_chunk = digit_chunk_words * word_bits / packed_indices::tile_depth;  ///< steps
/// Of a table, in two places: 32 bytes are one access to a cache, less than 64.
inline constexpr size_t digit_low_bytes = 64;
inline constexpr size_t digit_high_bytes = 32;
inline constexpr size_t digit_row_bytes = digit_chunk * (digit_low_bytes + digit_high_bytes);  ///< tables of a row
inline constexpr size_t digit_high = digit_chunk * digit_low_bytes;  ///< where the second parts of a row begin

/// Digit `D` of an encoding.
template <class Lhs, size_t D>
struct lhs_digit {
    static constexpr int low_planes = Lhs::planes <= 4 ? Lhs::planes : (Lhs::planes + 1) / 2;
    static constexpr int planes = D == 0 ? low_planes : Lhs::planes - low_planes;
    static constexpr int first_plane = D == 0 ? 0 : low_planes;
    static constexpr int shift = first_plane + (Lhs::has_sign ? 1 : 0);
    static constexpr std::uint32_t middle = std::uint32_t{1} << (planes - 1);
    static constexpr std::uint16_t bias = static_cast<std::uint16_t>(4 * middle);
    static constexpr size_t fold_steps = size_t{3} << (4 - planes);
    static_assert(planes >= 1 && planes <= 4 && fold_steps * 2 * bias <= 255 && digit_chunk % fold_steps == 0);
    static constexpr size_t row_bytes = 16;

    [[nodiscard]] static TERN_INLINE const std::uint8_t* pairs() noexcept {
        return lookup_table_of<lookup_table<centred_digit<planes>, 2, 2 * centred_digit<planes>::max_abs>>.bytes;
    }
};

/// What the digits of an activation leave out.
template <class Lhs>
[[nodiscard]] constexpr std::uint32_t left_out_of() noexcept {
    std::uint32_t middles = lhs_digit<Lhs, 0>::middle;
    if constexpr (Lhs::planes > 4) middles += lhs_digit<Lhs, 1>::middle << lhs_digit<Lhs, 1>::first_plane;
    return Lhs::has_sign ? 2 * middles - ((1u << Lhs::planes) - 1) : middles;
}

/// The register tile: Rows activation rows x Panels panels of 64 outputs.
template <class Lanes, size_t Rows, size_t Panels, size_t FoldSteps>
struct digit_tile {
    using reg = typename Lanes::reg;
    static constexpr size_t state_bytes = 2 * lookup_outputs;  ///< of a row and panel: both sums of 16 bits

    /// Adds `steps` steps to the state, or makes it. Tables: of row 0, digit_chunk of them before those of the next row.
    /// weights[p]: 64 bytes a step. state: of row 0, `row_state` bytes before the next.
    static TERN_INLINE void run(const std::uint8_t* tables, const std::uint8_t* const (&weights)[Panels], size_t steps,
                                bool add, std::uint8_t* state, size_t row_state, size_t ahead) noexcept {
        reg both[Rows][Panels];
        reg higher[Rows][Panels];
#ifdef PFS
        each([&](auto r, auto p) TERN_INLINE_LAMBDA {
            std::uint8_t* const at = state + r * row_state + (p+Panels) * state_bytes;
            bits::prefetch_to_write(at);
            bits::prefetch_to_write(at + lookup_outputs);
        });
#endif
        each([&](auto r, auto p) TERN_INLINE_LAMBDA {
            std::uint8_t* const at = state + r * row_state + p * state_bytes;
            both[r][p] = add ? Lanes::load(at) : Lanes::zero();
            higher[r][p] = add ? Lanes::load(at + lookup_outputs) : Lanes::zero();
        });
        const size_t whole = steps / FoldSteps * FoldSteps;
        size_t at = 0;
        TERN_KEEP_LOOP
        for (; at < whole; at += FoldSteps) fold<FoldSteps>(tables, weights, at, ahead, both, higher);
        TERN_KEEP_LOOP
        for (; at < steps; ++at) fold<1>(tables, weights, at, ahead, both, higher);
        each([&](auto r, auto p) TERN_INLINE_LAMBDA {
            std::uint8_t* const to = state + r * row_state + p * state_bytes;
            Lanes::store(to, both[r][p]);
            Lanes::store(to + lookup_outputs, higher[r][p]);
        });
    }

private:
    /// Steps whose sums fit a byte. All lookups of a step, then all additions: in turn, additions take the units that
    /// only lookups need.
    template <size_t Steps>
    static TERN_INLINE void fold(const std::uint8_t* tables, const std::uint8_t* const (&weights)[Panels], size_t at, size_t ahead,
                                 reg (&both)[Rows][Panels], reg (&higher)[Rows][Panels]) noexcept {
        reg sum[Rows][Panels];
        bits::unroll<Steps>([&](auto s) TERN_INLINE_LAMBDA {
            reg index[Panels];
            bits::unroll<Panels>([&](auto p) TERN_INLINE_LAMBDA {
                index[p] = Lanes::load_index(weights[p] + (at + s) * lookup_outputs);
#ifdef PFW
                if(PFW==1 || s+2==0)bits::prefetch(weights[p] + (at + s) * lookup_outputs + ahead);
                else bits::prefetch_to_second_level(weights[p] + (at + s) * lookup_outputs + ahead);
#endif
            });
            reg found[Rows][Panels];
            bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
                const auto table = Lanes::load_table(tables + r * digit_row_bytes + (at + s) * digit_low_bytes, tables + r * digit_row_bytes + digit_high + (at + s) * digit_high_bytes);
                bits::unroll<Panels>(
                    [&](auto p) TERN_INLINE_LAMBDA { found[r][p] = Lanes::look_up(index[p], table); });
            });
            each([&](auto r, auto p) TERN_INLINE_LAMBDA {
                if constexpr (s == 0)
                    sum[r][p] = found[r][p];
                else
                    sum[r][p] = Lanes::add(sum[r][p], found[r][p]);
            });
        });
        each([&](auto r, auto p) TERN_INLINE_LAMBDA { both[r][p] = Lanes::add_both(both[r][p], sum[r][p]); });
        each([&](auto r, auto p) TERN_INLINE_LAMBDA { sum[r][p] = Lanes::higher(sum[r][p]); });
        each([&](auto r, auto p) TERN_INLINE_LAMBDA { higher[r][p] = Lanes::add_both(higher[r][p], sum[r][p]); });
    }

    template <class F>
    static TERN_INLINE void each(const F& f) noexcept {
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            bits::unroll<Panels>([&](auto p) TERN_INLINE_LAMBDA { f(r, p); });
        });
    }
};

/// `OneRow`: for a single row of activations; `Real`: for a sink whose driver keeps more of every result.
template <class Arch, class Lhs, bool OneRow, bool Real>
class digit_product : public selected_planes<Arch, Lhs, packed_indices> {
    using base = selected_planes<Arch, Lhs, packed_indices>;
    using base::at, base::lhs_, base::rhs_, base::panel_stride_, base::rows_;
    using base::elements_, base::first_word_, base::words_;

    using lanes = decltype(digits_config(Arch{}));
    static constexpr size_t digits = Lhs::planes <= 4 ? 1 : 2;
    static constexpr size_t tile_rows = OneRow ? 1 : 2;
    static constexpr size_t tile_panels = OneRow ? 4 : 3;
    static constexpr size_t table_rows = OneRow ? 1 : DTR;  ///< whose tables are kept
    static constexpr size_t near_outputs = (Real ? 33 : 66) * lookup_outputs;
    // One row and panel more: of the sums of the weights, and of what a tile is wider than what is left.
    static constexpr size_t row_state = (near_outputs / lookup_outputs + 1) * 2 * lookup_outputs;
    static constexpr size_t chunk_bytes = digit_chunk * packed_indices::tile_bytes;
    static constexpr size_t segment_words = size_t{126} << (4 - lhs_digit<Lhs, 0>::planes);
    static_assert(segment_words % digit_chunk_words == 0 &&
                  segment_words * word_bits * lhs_digit<Lhs, 0>::middle <= 32767);
    /// That the sum of the weights is multiplied with.
    static constexpr std::uint32_t left_out = left_out_of<Lhs>();

public:
    static constexpr size_t row_block = OneRow ? 1 : 8;
    static constexpr size_t row_step = 1;
    static constexpr size_t panels = near_outputs / panel_outputs;

    TERN_INLINE digit_product(const packed_rows<Lhs>& lhs, const packed_indices& rhs) noexcept : base(lhs, rhs) {}

    TERN_INLINE void select(size_t row, size_t rows, size_t from, size_t to) noexcept {
        base::select_words(row, rows, from, to);
    }

    /// A function of its own: it does not depend on the sink.
    void multiply(size_t panel, size_t count, std::int32_t* acc, size_t stride) noexcept {
        if (words_ == 0) base::clear(panels, acc, stride);
        const size_t first = panel * panel_outputs / lookup_outputs;
        const size_t present = bits::ceil_div(count * panel_outputs, lookup_outputs);
        const size_t tiles = bits::ceil_div(elements_, packed_indices::tile_depth);
        for (size_t segment = 0; segment < words_; segment += segment_words) {
            const size_t end = words_ - segment < segment_words ? words_ : segment + segment_words;
            size_t steps = 0;
            for (size_t chunk = segment; chunk < end; chunk += digit_chunk_words) {
                const size_t left = tiles - chunk * word_tiles;
                const size_t here = left < digit_chunk ? left : digit_chunk;
                run_chunk(first, present, chunk, here, chunk != segment);
                steps += here;
            }
            finish(first, present, steps, segment != 0, acc, stride);
        }
    }

private:
    static constexpr size_t word_tiles = word_bits / packed_indices::tile_depth;

    [[nodiscard]] TERN_INLINE bool whole() const noexcept { return elements_ == rhs_.depth; }
    [[nodiscard]] TERN_INLINE std::uint8_t* state(size_t row, size_t digit, size_t panel) noexcept {
        return state_ + (row * digits + digit) * row_state + panel * 2 * lookup_outputs;
    }

    TERN_INLINE void run_chunk(size_t first, size_t present, size_t chunk, size_t steps, bool add) noexcept {
        const std::uint8_t* const weights =
            rhs_.data + first * panel_stride_ + (first_word_ + chunk) * word_tiles * packed_indices::tile_bytes;
        const size_t rows = rows_ + (whole() ? 0 : 1);
        bits::unroll<digits>([&](auto d) TERN_INLINE_LAMBDA {
            for (size_t row = 0; row < rows; row += table_rows) {
                const size_t left = rows - row < table_rows ? rows - row : table_rows;
                for (size_t r = 0; r < left; ++r)
#ifdef ABL1
                    if (chunk == 0)
#endif
                    make_tables<d>(row + r, chunk, steps, tables_ + r * digit_row_bytes);
                run_panels<lhs_digit<Lhs, d>::fold_steps>(weights, present, left, steps, add, state(row, d, 0));
            }
        });
    }

    /// Some rows with all panels.
    template <size_t FoldSteps>
    TERN_INLINE void run_panels(const std::uint8_t* weights, size_t present, size_t rows, size_t steps, bool add,
                                std::uint8_t* state) const noexcept {
        constexpr size_t narrow = 2;
        for (size_t p = 0; p < present;) {
            const size_t left = present - p;
            const bool wide = left >= tile_panels && left != tile_panels + 1;
            std::uint8_t* const to = state + ABL3 * p * 2 * lookup_outputs;
            if (wide)
                run_rows<tile_panels, FoldSteps>(weights + ABL2 * p * panel_stride_, left, rows, steps, add, to);
            else
                run_rows<narrow, FoldSteps>(weights + p * panel_stride_, left, rows, steps, add, to);
            p += wide ? tile_panels : narrow;
        }
    }
    template <size_t Panels, size_t FoldSteps>
    TERN_INLINE void run_rows(const std::uint8_t* weights, size_t left, size_t rows, size_t steps, bool add,
                              std::uint8_t* state) const noexcept {
        const std::uint8_t* w[Panels];
        bits::unroll<Panels>([&](auto p) TERN_INLINE_LAMBDA { w[p] = weights + (p < left ? p : left - 1) * panel_stride_; });
        size_t r = 0;
        for (; r + tile_rows <= rows; r += tile_rows)
            digit_tile<lanes, tile_rows, Panels, FoldSteps>::run(tables_ + r * digit_row_bytes, w, steps, add,
                                                                state + r * digits * row_state, digits * row_state, 3 * panel_stride_);
        if constexpr (tile_rows > 1)
            for (; r < rows; ++r)
                digit_tile<lanes, 1, Panels, FoldSteps>::run(tables_ + r * digit_row_bytes, w, steps, add,
                                                            state + r * digits * row_state, digits * row_state, 3 * panel_stride_);
    }

    /// Tables of a chunk of one row. The row behind the last has c = 1 in its first digit.
    template <size_t D>
    TERN_INLINE void make_tables(size_t r, size_t chunk, size_t steps, std::uint8_t* to) const noexcept {
        using digit = lhs_digit<Lhs, D>;
        constexpr size_t planes = size_t{digit::planes};
        constexpr size_t step = lanes::expand_words;
        alignas(64) std::uint8_t codes[bits::ceil_div(digit_chunk_words, step) * lanes::width];
        const size_t words = bits::ceil_div(steps, word_tiles);
        for (size_t w = 0; w < words; w += step) {
            typename lanes::reg plane[planes];
            bits::unroll<planes>([&](auto p) TERN_INLINE_LAMBDA {
                word part[step];
                const size_t left = words_ - chunk - w;
                if (r == rows_) {
                    constexpr std::uint32_t b = digit::middle + 1;
                    std::memset(part, D == 0 && (b >> p & 1u) != 0 ? 0xff : 0, sizeof part);
                    plane[p] = lanes::expand(part);
                    return;
                }
                const word* const from = at(r) + chunk + w + (p + size_t{digit::first_plane}) * lhs_.plane_stride;
                if (left >= step) {
                    plane[p] = lanes::expand(from);
                } else {
                    std::memset(part, 0, sizeof part);
                    std::memcpy(part, from, left * sizeof(word));
                    plane[p] = lanes::expand(part);
                }
            });
            lanes::store(codes + w / step * lanes::width, lanes::code(plane));
        }
        const std::uint8_t* const pairs = digit::pairs();
        TERN_KEEP_LOOP
        for (size_t s = 0; s < steps; ++s)
            lanes::build(pairs + codes[2 * s] * digit::row_bytes, pairs + codes[2 * s + 1] * digit::row_bytes,
                         to + s * digit_low_bytes, to + digit_high + s * digit_high_bytes);
    }

    /// The sums of a segment, and what the digits left out, to int32.
    TERN_INLINE void finish(size_t first, size_t present, size_t steps, bool add, std::int32_t* acc,
                            size_t stride) noexcept {
        for (size_t p = 0; p < present; ++p, acc += lookup_outputs) {
            std::int32_t rest[lookup_outputs];
            if (whole()) {
                std::memcpy(rest, rhs_.sums(first + p), sizeof rest);
            } else {
                lanes::finish(state(rows_, 0, p), bias_of(0, steps), 0, false, rest, rest);
            }
            for (std::int32_t& x : rest) x = static_cast<std::int32_t>(static_cast<std::uint32_t>(x) * left_out);
            for (size_t r = 0; r < rows_; ++r) {
                std::int32_t* const to = acc + r * stride;
                const bool more = add && !whole();
                if (more)
                    for (size_t o = 0; o < lookup_outputs; ++o)
                        to[o] = static_cast<std::int32_t>(static_cast<std::uint32_t>(to[o]) +
                                                          static_cast<std::uint32_t>(rest[o]));
                bits::unroll<digits>([&](auto d) TERN_INLINE_LAMBDA {
                    const bool first_of_all = d == 0 && !add;
                    lanes::finish(state(r, d, p), bias_of(d, steps), lhs_digit<Lhs, d>::shift, true,
                                  first_of_all ? rest : to, to);
                });
            }
        }
    }
    [[nodiscard]] static TERN_INLINE std::uint16_t bias_of(size_t digit, size_t steps) noexcept {
        return static_cast<std::uint16_t>(steps * (digit == 0 ? lhs_digit<Lhs, 0>::bias : lhs_digit<Lhs, digits - 1>::bias));
    }

    alignas(64) std::uint8_t tables_[table_rows * digit_row_bytes];
    alignas(64) std::uint8_t state_[(row_block + 1) * digits * row_state];
};

}  // namespace tern::kernel
