// SPDX-License-Identifier: MIT
// The product of packed rows and panels of one bit plane by 16-byte shuffles, for registers that have those and no
// population count: four positions of depth a lookup, half the operations of counting nibbles.
//
//     c = mask_x        g = c & (sign_x ^ sign_w)        dot += 2^q (popcount(c) - 2 popcount(g))
//
// as in kernel/gemm/tile.hpp. Four positions of a row's planes select a row of a constant table; half a byte of the
// weights selects popcount(g) there. Panels have four depth bytes in a lane; four panels are interleaved so that a
// register holds the same eight positions of all its outputs, once for all rows of a block.
//
// A *chunk* is what fits into byte sums: 7 words, that is 56 steps of at most 4. A *segment* is what fits into 16 bits.
#pragma once

#include <tern/kernel/gemm/constant_terms.hpp>
#include <tern/kernel/gemm/panel_group.hpp>
#include <tern/kernel/gemm/selection.hpp>
#include <tern/simd/x86_nibbles.hpp>

namespace tern::kernel {

/// popcount(g) for the codes of four positions of a row: mask bits below sign bits, as far as the encoding has them.
template <bool HasMask, bool HasSign>
struct disagreement_table {
    static constexpr size_t rows = HasMask && HasSign ? 256 : 16;
    alignas(64) std::uint8_t bytes[rows * 16];

    [[nodiscard]] static constexpr disagreement_table make() noexcept {
        disagreement_table t{};
        for (std::uint32_t row = 0; row < rows; ++row) {
            const std::uint32_t c = HasMask ? row & 15u : 15u;
            const std::uint32_t sign = HasSign ? (HasMask ? row >> 4 : row) : 15u;
            for (std::uint32_t w = 0; w < 16; ++w) {
                const std::uint32_t g = c & (sign ^ w);
                t.bytes[row * 16 + w] =
                    static_cast<std::uint8_t>((g & 1u) + (g >> 1 & 1u) + (g >> 2 & 1u) + (g >> 3 & 1u));
            }
        }
        return t;
    }
};

template <bool HasMask, bool HasSign>
inline constexpr auto disagreement_table_of = disagreement_table<HasMask, HasSign>::make();

/// Rows x Panels panels of 64 outputs a tile, Unloaded registers of which are operands in memory of every lookup.
template <class LanesType, size_t Rows, size_t Panels, size_t Unloaded = 0>
struct nibble_shape {
    using lanes = LanesType;
    static constexpr size_t rows = Rows;
    static constexpr size_t panels = Panels;
    static constexpr size_t unloaded = Unloaded;
};

/// Nothing for architectures without such shuffles, and for those that count faster.
TERN_INLINE constexpr void nibble_config(arch::scalar) noexcept {}
#if TERN_HAS_SSE4
TERN_INLINE constexpr auto nibble_config(arch::sse4) noexcept { return nibble_shape<simd::sse4_nibbles, 2, 1>{}; }
#endif
#if TERN_HAS_AVX2
/// Sixteen registers: eight sums, three of four registers of weights, and a row of the table with all that is looked up
/// in it.
TERN_INLINE constexpr auto nibble_config(arch::avx2) noexcept { return nibble_shape<simd::avx2_nibbles, 2, 2, 1>{}; }
#endif
#if TERN_HAS_AVX512
TERN_INLINE constexpr auto nibble_config(arch::avx512) noexcept { return nibble_shape<simd::avx512_nibbles, 4, 4>{}; }
#endif
#if TERN_HAS_AVX512_VPOPCNTDQ
TERN_INLINE constexpr void nibble_config(arch::avx512_vpopcntdq) noexcept {}
#endif

/// Whether a product of so many rows goes this way.
template <class Arch, class Rhs>
[[nodiscard]] TERN_INLINE constexpr bool by_nibbles(size_t rows) noexcept {
    return !std::is_void_v<decltype(nibble_config(Arch{}))> && !Rhs::has_mask && Rhs::digits == 1 && rows >= 4;
}

/// Rows rows of codes x Registers registers of outputs. weights[g]: register g of a step, `outputs` bytes a step;
/// sums: Registers registers of 16-bit sums a row.
template <class Lanes, size_t Rows, size_t Registers, size_t Unloaded>
struct nibble_tile {
    using reg = typename Lanes::reg;
    static constexpr size_t word_steps = 8;

    /// early: words of two panels that are fetched for the next chunk: nothing foresees such short stretches.
    /// Steps are taken eight at a time, a word, so that few branches end the loop and a core foresees which.
    static TERN_INLINE void run(const std::uint8_t* table, const std::uint8_t* codes, size_t code_stride,
                                const std::uint8_t* weights, const word* early, size_t early_stride, size_t words,
                                std::uint16_t* sums) noexcept {
        reg acc[Rows][Registers];
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            bits::unroll<Registers>([&](auto g) TERN_INLINE_LAMBDA { acc[r][g] = Lanes::zero(); });
        });
        TERN_KEEP_LOOP
        for (size_t n = 0; n < words; ++n) {
            bits::prefetch(early + n * panel_outputs);
            bits::prefetch(early + early_stride + n * panel_outputs);
            bits::unroll<word_steps>([&](auto s) TERN_INLINE_LAMBDA {
                const std::uint8_t* const at = weights + s * Registers * Lanes::width;
                reg w[Registers];
                bits::unroll<Registers - Unloaded>([&](auto i) TERN_INLINE_LAMBDA {
                    constexpr size_t g = Unloaded + i;
                    w[g] = Lanes::load(at + g * Lanes::width);
                    Lanes::keep(w[g]);  // one load, not one in every lookup
                });
                bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
                    const reg row = Lanes::row(table + size_t{codes[r * code_stride + s]} * 16);
                    // All lookups of a row, then all additions: in turn, additions take the units that only lookups
                    // need.
                    reg found[Registers];
                    bits::unroll<Registers>([&](auto g) TERN_INLINE_LAMBDA {
                        if constexpr (g < Unloaded)
                            found[g] = Lanes::look_up(row, at + g * Lanes::width);
                        else
                            found[g] = Lanes::look_up(row, w[g]);
                    });
                    bits::unroll<Registers>([&](auto g) TERN_INLINE_LAMBDA { Lanes::add(acc[r][g], found[g]); });
                });
            });
            codes += word_steps;
            weights += word_steps * Registers * Lanes::width;
        }
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            bits::unroll<Registers>([&](auto g) TERN_INLINE_LAMBDA {
                Lanes::fold(sums + (r * Registers + g) * Lanes::width, acc[r][g]);
            });
        });
    }
};

/// A product as kernel/gemm/driver.hpp wants it.
template <class Arch, class Lhs, class Rhs>
class nibble_product : public selected_planes<Arch, Lhs, packed_panels<Rhs>> {
    using base = selected_planes<Arch, Lhs, packed_panels<Rhs>>;
    using base::at, base::lhs_, base::rhs_, base::panel_stride_, base::rows_;
    using base::elements_, base::first_word_, base::words_;

    static_assert(!Rhs::has_mask && Rhs::digits == 1, "tern: lookups from panels take binary weights");
    static_assert(Lhs::sign_bit == Rhs::sign_bit,
                  "tern: operands of opposite sign conventions; transcode one of them first");

    using config = decltype(nibble_config(Arch{}));
    using lanes = typename config::lanes;
    using reg = typename lanes::reg;
    using term = constant_term<Lhs, Rhs>;
    static constexpr size_t digits = size_t{Lhs::digits};
    static constexpr size_t sub_panels = 4;  // that are interleaved
    static constexpr size_t tile_panels = config::panels * sub_panels;
    static constexpr size_t tile_outputs = tile_panels * panel_outputs;
    using tile_type = nibble_tile<lanes, config::rows, tile_outputs / lanes::width, config::unloaded>;
    static constexpr size_t word_steps = 8;
    static constexpr bool two_planes = Lhs::has_mask && Lhs::has_sign;
    static constexpr size_t chunk_words = 7;
    // Codes of so many words are kept; those of deeper rows are made once more for each group of panels.
    static constexpr size_t kept_words = 64 * chunk_words;
    static constexpr size_t code_stride = kept_words * word_steps + 64;  // never a multiple of a page
    static constexpr size_t segment_words = 65535 / (4 * word_steps) / chunk_words * chunk_words;
    static constexpr size_t block_rows = 16;  // of codes: every digit of a row has its own

public:
    static constexpr size_t row_block = block_rows / digits == 0 ? 1 : block_rows / digits;
    static constexpr size_t row_step = 1;
    static constexpr size_t panels = 2 * sub_panels < tile_panels ? tile_panels : 2 * sub_panels;  // see weights_

    TERN_INLINE nibble_product(const packed_rows<Lhs>& lhs, const packed_panels<Rhs>& rhs) noexcept
        : base(lhs, rhs), blocks_(rhs.blocks()) {}

    void select(size_t row, size_t rows, size_t from, size_t to) noexcept {
        base::select_words(row, rows, from, to);
        for (size_t r = 0; r < rows; ++r) {
            if constexpr (term::of_row)
                constants_[r] = static_cast<std::uint32_t>(mask_count<Lhs>(at(r), lhs_.plane_stride, words_));
            else
                constants_[r] = term::lhs_weights * static_cast<std::uint32_t>(elements_);
        }
        if (words_ != 0 && words_ <= kept_words) make_codes(0, words_);
    }

    /// A function of its own: it does not depend on the sink.
    void multiply(size_t panel, size_t count, std::int32_t* acc, size_t stride) noexcept {
        if (words_ == 0) base::clear(count, acc, stride);
        for (size_t segment = 0; segment < words_; segment += segment_words) {
            std::memset(sums_, 0, sizeof sums_);
            const size_t end = words_ - segment < segment_words ? words_ : segment + segment_words;
            for (size_t chunk = segment; chunk < end; chunk += chunk_words) {
                const size_t words = end - chunk < chunk_words ? end - chunk : chunk_words;
                if (words_ > kept_words) make_codes(chunk, words);
                const std::uint8_t* const codes = codes_ + (words_ > kept_words ? 0 : chunk * word_steps);
                for (size_t first = 0; first < count; first += tile_panels) {
                    for (size_t sub = 0; sub < tile_panels; sub += sub_panels)
                        interleave(panel, count, first + sub, chunk, words, weights_ + sub * panel_outputs);
                    run_tiles(first, codes, next_weights(panel, first, chunk, words), words);
                }
            }
            for (size_t first = 0; first < count; first += sub_panels)
                for (size_t r = 0; r < rows_; ++r) finish(first, count, r, segment != 0, acc + r * stride);
        }
    }

private:
    [[nodiscard]] static TERN_INLINE const std::uint8_t* table() noexcept {
        return disagreement_table_of<Lhs::has_mask, Lhs::has_sign>.bytes;
    }
    /// Sums of row `v` of the codes with four panels from `first` on.
    [[nodiscard]] static TERN_INLINE size_t sums_at(size_t first, size_t v) noexcept {
        return (first / tile_panels * block_rows + v) * tile_outputs + first % tile_panels * panel_outputs;
    }

    /// The weights that are read when those of the tile at `first` have met all rows.
    [[nodiscard]] TERN_INLINE const word* next_weights(size_t panel, size_t first, size_t chunk,
                                                       size_t words) const noexcept {
        const word* const tile = rhs_.data + (panel + first) * panel_stride_ + (first_word_ + chunk) * panel_outputs;
        const bool more = first_word_ + chunk + words < blocks_;
        return tile + (more ? words * panel_outputs : panels * panel_stride_ - chunk * panel_outputs);
    }

    /// All codes with the weights of a tile.
    TERN_INLINE void run_tiles(size_t first, const std::uint8_t* codes, const word* early, size_t words) noexcept {
        for (size_t v = 0, pair = 0; v < rows_ * digits; v += config::rows, pair = (pair + 2) % tile_panels)
            tile_type::run(table(), codes + v * code_stride, code_stride, weights_, early + pair * panel_stride_,
                           panel_stride_, words, sums_ + sums_at(first, v));
    }

    /// A byte for each four positions of the rows at work, and zeros where the last tile is higher than they are.
    TERN_INLINE void make_codes(size_t chunk, size_t words) noexcept {
        constexpr size_t step = 4;  // words that are taken at a time, where there are as many
        for (size_t r = 0; r < rows_; ++r) {
            for (size_t q = 0; q < digits; ++q) {
                const word* const first = at(r) + chunk + q * lhs_.plane_stride;
                std::uint8_t* const to = codes_ + (r * digits + q) * code_stride;
                if (words >= step) {
                    for (size_t w = 0; w + step < words; w += step)
                        put_codes(first + w, lhs_.plane_stride, to + w * word_steps);
                    // The last once more with what overlaps.
                    put_codes(first + words - step, lhs_.plane_stride, to + (words - step) * word_steps);
                } else {
                    word rest[2][step] = {};
                    std::memcpy(rest[0], first, words * sizeof(word));
                    if (two_planes) std::memcpy(rest[1], first + lhs_.plane_stride, words * sizeof(word));
                    put_codes(rest[0], step, to);
                }
            }
        }
        static_assert(block_rows % config::rows == 0 && 4 % config::rows == 0);
        for (size_t v = rows_ * digits; v < block_rows && v % 4 != 0; ++v)
            std::memset(codes_ + v * code_stride, 0, words * word_steps);
    }
    static TERN_INLINE void put_codes(const word* from, size_t plane_stride, std::uint8_t* to) noexcept {
        if constexpr (two_planes)
            lanes::codes(from, from + plane_stride, to);
        else
            lanes::codes(from, to);
    }

    /// Four panels from `first` of the group on as 64 bytes a step; panels behind the last are the last again.
    TERN_INLINE void interleave(size_t panel, size_t count, size_t first, size_t chunk, size_t words,
                                std::uint8_t* to) const noexcept {
        const word* from[sub_panels];
        for (size_t p = 0; p < sub_panels; ++p) {
            const size_t there = first + p < count ? first + p : count - 1;
            from[p] = rhs_.data + (panel + there) * panel_stride_ + (first_word_ + chunk) * panel_outputs;
        }
        TERN_KEEP_LOOP
        for (size_t w = 0; w < words; ++w) {
            for (size_t lane = 0; lane < panel_outputs; lane += lanes::lanes) {
                reg x[sub_panels];
                bits::unroll<sub_panels>([&](auto p) TERN_INLINE_LAMBDA {
                    x[p] = lanes::load(from[p] + w * panel_outputs + lane);
                });
                lanes::interleave(x);
                bits::unroll<4>([&](auto k) TERN_INLINE_LAMBDA {
                    reg low;
                    reg high;
                    lanes::nibbles(x[k], low, high);
                    std::uint8_t* const step = to + (w * word_steps + 2 * k) * tile_outputs + lane * sub_panels;
                    lanes::store(step, low);
                    lanes::store(step + tile_outputs, high);
                });
            }
        }
    }

    /// constant - 2 sum_q 2^q g_q for four panels of one row.
    TERN_INLINE void finish(size_t first, size_t count, size_t r, bool add, std::int32_t* acc) const noexcept {
        using words = typename decltype(gemm_config(Arch{}))::lanes;
        static_assert(words::width == lanes::lanes);
        for (size_t lane = 0; lane < panel_outputs; lane += lanes::lanes) {
            reg g[sub_panels];
            bits::unroll<sub_panels>([&](auto p) TERN_INLINE_LAMBDA { g[p] = words::zero(); });
            for (size_t q = digits; q-- > 0;) {
                reg of_digit[sub_panels];
                lanes::spread(sums_ + sums_at(first, r * digits + q) + lane * sub_panels, of_digit);
                bits::unroll<sub_panels>([&](auto p) TERN_INLINE_LAMBDA {
                    g[p] = words::add(words::add(g[p], g[p]), of_digit[p]);
                });
            }
            bits::unroll<sub_panels>([&](auto p) TERN_INLINE_LAMBDA {
                if (first + p >= count) return;
                std::int32_t* const to = acc + (first + p) * panel_outputs + lane;
                const reg start =
                    add ? words::load(reinterpret_cast<const word*>(to)) : words::broadcast(constants_[r]);
                words::store(to, words::sub(start, words::add(g[p], g[p])));
            });
        }
    }

    size_t blocks_;  // of a panel; read once, as panel_stride_
    std::uint32_t constants_[row_block];
    alignas(64) std::uint16_t sums_[panels * panel_outputs * block_rows];
    alignas(64) std::uint8_t codes_[block_rows * code_stride];
    // With the sums, the weights that they are made of and those that follow half of a first-level cache.
    alignas(64) std::uint8_t weights_[chunk_words * word_steps * tile_outputs];
};

}  // namespace tern::kernel
