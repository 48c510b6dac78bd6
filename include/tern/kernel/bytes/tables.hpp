// SPDX-License-Identifier: MIT
// Signed bytes times binary panels by table lookup, for several rows: the sums of all subsets of six activations are
// made once, and six weight bits choose one of them for each of 32 outputs at a time.
//
// Tables are dear (as much work as some hundred outputs), so they serve as many outputs as the driver gives at once
// before they are made again for other positions of depth. With weights 2 bit - 1,
//     sum_k (2 b[k] - 1) x[k] = 2 (sum_k b[k] x[k] - c) - (sum_k x[k] - 2 c),    c = floor(sum_k x[k] / 2)
// and what is in the first brackets is at most sum |x| / 2 + 1 in magnitude: 511 positions of depth fit sums of 16 bits
// that begin at -c. What a stretch of depth leaves, 0 or 1, goes to the next one's sum, so that all of them leave the
// lowest bit of the row's.
#pragma once

#include <tern/kernel/bytes/byte_sum.hpp>
#include <tern/kernel/gemm/sink.hpp>
#include <tern/simd/x86_tables.hpp>

#if TERN_HAS_AVX512

namespace tern::kernel {

/// What products of some rows begin with: sums of 16 bits, each twice in 32 bits, and results.
struct tables_starts {
    std::int32_t sum[4];
    std::int32_t rest[4];
};

/// The register tile: Rows activations x Pairs pairs of panels.
template <class Tables, size_t Rows, size_t Pairs>
struct tables_tile {
    using reg = typename Tables::reg;
    using sum = typename Tables::sums;

    /// acc[r][output] = starts.rest[r] or, with `add`, what is there, + 2 (starts.sum[r] + bits x activations) over
    /// `words` words of depth. tables: of row 0, `table_stride` entries before those of the next row; panels: the first
    /// words, `panel_stride` words before those of the next panel. Of a single pair, the first `outputs` are stored.
    /// Words of two panels, `ahead` behind those at work, are wanted soon.
    static TERN_INLINE void run(const std::int16_t* tables, size_t table_stride, const word* panels,
                                size_t panel_stride, size_t ahead, size_t words, const tables_starts& starts, bool add,
                                std::int32_t* acc, size_t acc_stride, size_t outputs) noexcept {
        sum sums[Rows][Pairs];
        for_each([&](auto r, auto p) TERN_INLINE_LAMBDA { sums[r][p] = Tables::begin(starts.sum[r]); });
        TERN_KEEP_LOOP
        for (size_t w = 0; w < words; ++w) {
            reg bits[Pairs];
            const word* const at = panels + w * panel_outputs;
            // Nothing foresees such short stretches.
            bits::prefetch_to_second_level(at + ahead);
            bits::prefetch_to_second_level(at + ahead + panel_stride);
            bits::unroll<Pairs>([&](auto p) TERN_INLINE_LAMBDA {
                bits[p] = Tables::low(at + 2 * p * panel_stride, at + (2 * p + 1) * panel_stride);
            });
            half(sums, bits, tables + 2 * w * Tables::table_entries, table_stride);
            bits::unroll<Pairs>([&](auto p) TERN_INLINE_LAMBDA {
                bits[p] = Tables::high(at + 2 * p * panel_stride, at + (2 * p + 1) * panel_stride);
            });
            half(sums, bits, tables + (2 * w + 1) * Tables::table_entries, table_stride);
        }
        for_each([&](auto r, auto p) TERN_INLINE_LAMBDA {
            std::int32_t* const to = acc + r * acc_stride + 2 * p * panel_outputs;
            if (Pairs == 1 && outputs < 2 * panel_outputs)
                Tables::store_first(to, sums[r][p], add, starts.rest[r], outputs);
            else
                Tables::store(to, sums[r][p], add, starts.rest[r]);
        });
    }

private:
    /// Sixteen positions of depth.
    static TERN_INLINE void half(sum (&sums)[Rows][Pairs], reg (&bits)[Pairs], const std::int16_t* tables,
                                 size_t table_stride) noexcept {
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            const std::int16_t* const table = tables + r * table_stride;
            const reg first = Tables::load(table);
            const reg second = Tables::load(table + 32);
            reg found[Pairs];
            bits::unroll<Pairs>([&](auto p) TERN_INLINE_LAMBDA { found[p] = Tables::look_up(bits[p], first, second); });
            add(sums[r], found);
        });
        bits::unroll<2>([&](auto lookup) TERN_INLINE_LAMBDA {
            bits::unroll<Pairs>([&](auto p) TERN_INLINE_LAMBDA {
                bits[p] = Tables::template next<lookup == 0 ? 6 : 5>(bits[p]);
            });
            bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
                const reg table = Tables::load(tables + r * table_stride + 64 + lookup * 32);
                reg found[Pairs];
                bits::unroll<Pairs>([&](auto p) TERN_INLINE_LAMBDA { found[p] = Tables::look_up(bits[p], table); });
                add(sums[r], found);
            });
        });
    }

    /// Behind all lookups of a row: in turn, additions take the units that only lookups need.
    static TERN_INLINE void add(sum (&sums)[Pairs], const reg (&found)[Pairs]) noexcept {
        bits::unroll<Pairs>([&](auto p) TERN_INLINE_LAMBDA { sums[p] = Tables::add(sums[p], found[p]); });
    }

    template <class F>
    static TERN_INLINE void for_each(const F& f) noexcept {
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            bits::unroll<Pairs>([&](auto p) TERN_INLINE_LAMBDA { f(r, p); });
        });
    }
};

/// A product as kernel/gemm/driver.hpp wants it, of some depth. `Real`: for a sink whose driver keeps more of every
/// result; `Direct`: for one that has results written to where they stay.
template <class Arch, bool Real, bool Direct>
class tables_product : public summed_bytes<Arch, packed_panels<binary>, Direct ? 32 : 4> {
    using base = summed_bytes<Arch, packed_panels<binary>, Direct ? 32 : 4>;
    using base::at, base::rhs_, base::panel_stride_, base::rows_, base::from_, base::to_;
    using tables = simd::avx512_tables;
    static constexpr size_t tile_rows = 4;
    static constexpr size_t pairs = 4;
    static constexpr size_t scratch_words = 15;
    static_assert(scratch_words * word_bits <= 511);
    static constexpr size_t table_stride = scratch_words * 2 * tables::table_entries;

public:
    static constexpr bool exact = Direct;
    static constexpr size_t row_block = Direct ? 32 : tile_rows;
    static constexpr size_t row_step = 1;
    static constexpr size_t panels = Real ? 132 : 264;

    TERN_INLINE tables_product(const matrix_view<const std::int8_t>& lhs, const packed_panels<binary>& rhs) noexcept
        : base(lhs, rhs) {}

    void select(size_t row, size_t rows, size_t from, size_t to) noexcept { base::select_bytes(row, rows, from, to); }

    void multiply(size_t panel, size_t count, std::int32_t* acc, size_t stride) noexcept {
        const size_t outputs = base::outputs_of(panel, count, exact);
        const word* const weights = rhs_.data + panel * panel_stride_;
        for (size_t r = 0; r < rows_; ++r) left_[r] = 0;
        for (size_t from = from_; from < to_; from += scratch_words * word_bits) {
            const size_t left = to_ - from;
            const size_t depth = left < scratch_words * word_bits ? left : scratch_words * word_bits;
            for (size_t r = 0; r < rows_; r += tile_rows) {
                const size_t rows = rows_ - r < tile_rows ? rows_ - r : tile_rows;
                build(r, rows, from, depth);
                tables_starts starts;
                for (size_t i = 0; i < rows; ++i) start(r + i, from, depth, starts.sum[i], starts.rest[i]);
                // The next positions, of a pair of panels each.
                const size_t ahead = depth_words(depth) * panel_outputs + r / tile_rows % pairs * 2 * panel_stride_;
                bits::unroll<tile_rows>([&](auto n) TERN_INLINE_LAMBDA {
                    if (rows == n + 1)
                        run<n + 1>(tables_, weights + from / word_bits * panel_outputs, panel_stride_, ahead, outputs,
                                   depth_words(depth), starts, from != from_, acc + r * stride, stride);
                });
            }
        }
    }

private:
    /// What the products of a row begin with.
    TERN_INLINE void start(size_t r, size_t from, size_t depth, std::int32_t& sum, std::int32_t& rest) noexcept {
        const std::int32_t x = byte_sum<typename base::bytes>(at(r) + (from - from_), depth) + left_[r];
        left_[r] = x & 1;
        const std::uint32_t low = static_cast<std::uint32_t>(-((x - left_[r]) / 2)) & 0xffffu;
        sum = static_cast<std::int32_t>(low << 16 | low);
        rest = -(base::row_sum(r) & 1);
    }
    /// The tables of `depth` positions of some of the selected rows; of zeros behind the last.
    TERN_INLINE void build(size_t row, size_t rows, size_t from, size_t depth) noexcept {
        constexpr size_t half = word_bits / 2;
        for (size_t r = 0; r < rows; ++r) {
            std::int16_t* to = tables_ + r * table_stride;
            for (size_t d = 0; d < depth_words(depth) * word_bits; d += half, to += tables::table_entries) {
                const std::int8_t* x = at(row + r) + (from - from_) + d;
                std::int8_t tail[half] = {};
                if (d + half > depth) {
                    for (size_t i = 0; d + i < depth; ++i) tail[i] = x[i];
                    x = tail;
                }
                tables::build(x, to);
            }
        }
    }

    /// A function of its own, shared by all sinks.
    template <size_t Rows>
    static void run(const std::int16_t* entries, const word* weights, size_t panel_stride, size_t ahead, size_t outputs,
                    size_t words, const tables_starts& starts, bool add, std::int32_t* acc, size_t stride) noexcept {
        constexpr size_t pair = 2 * panel_outputs;
        constexpr size_t step = pairs * pair;
        for (; outputs >= step; outputs -= step, weights += 2 * pairs * panel_stride, acc += step)
            tables_tile<tables, Rows, pairs>::run(entries, table_stride, weights, panel_stride, ahead, words, starts,
                                                  add, acc, stride, pair);
        while (outputs != 0) {
            // The last of an odd number of panels is its own partner.
            const size_t stored = outputs < pair ? outputs : pair;
            tables_tile<tables, Rows, 1>::run(entries, table_stride, weights, stored > panel_outputs ? panel_stride : 0,
                                              ahead, words, starts, add, acc, stride, stored);
            outputs -= stored;
            weights += 2 * panel_stride;
            acc += stored;
        }
    }

    std::int32_t left_[row_block];
    alignas(64) std::int16_t tables_[tile_rows * table_stride];
};

}  // namespace tern::kernel

#endif  // TERN_HAS_AVX512
