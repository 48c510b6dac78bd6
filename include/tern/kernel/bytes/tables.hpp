// SPDX-License-Identifier: MIT
// Signed bytes times binary panels by table lookup, for several rows: the sums of all subsets of six activations are
// made once, and six weight bits choose one of them for each of 32 outputs at a time.
//
// Tables are dear (as much work as some hundred outputs), so they serve as many outputs as the driver gives at once
// before they are made again for other positions of depth. 256 positions of depth fit sums of 16 bits:
// -128 * 256 .. 127 * 256.
#pragma once

#include <tern/kernel/bytes/byte_sum.hpp>
#include <tern/kernel/gemm/sink.hpp>
#include <tern/simd/x86_tables.hpp>

#if TERN_HAS_AVX512

namespace tern::kernel {

/// The register tile: Rows activations x Pairs pairs of panels.
template <class Tables, size_t Rows, size_t Pairs>
struct tables_tile {
    using reg = typename Tables::reg;
    using sum = typename Tables::sums;

    /// acc[r][output] += 2 bits x activations over `words` <= 8 words of depth. tables: of row 0, `table_stride`
    /// entries before those of the next row; panels: the first words, `panel_stride` words before those of the next
    /// panel.
    static TERN_INLINE void run(const std::int16_t* tables, size_t table_stride, const word* panels,
                                size_t panel_stride, size_t words, std::int32_t* acc, size_t acc_stride) noexcept {
        sum sums[Rows][Pairs];
        for_each([&](auto r, auto p) TERN_INLINE_LAMBDA { sums[r][p] = Tables::zero(); });
        TERN_KEEP_LOOP
        for (size_t w = 0; w < words; ++w) {
            reg bits[Pairs];
            const word* const at = panels + w * panel_outputs;
            // What is read with the next tables: nothing foresees such short stretches.
            bits::unroll<2 * Pairs>([&](auto p) TERN_INLINE_LAMBDA {
                bits::prefetch_to_second_level(at + p * panel_stride + words * panel_outputs);
            });
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
            Tables::add_to(to, to + panel_outputs, sums[r][p]);
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

/// A product as kernel/gemm/driver.hpp wants it. `Real`: for a sink whose driver keeps more of every result.
template <class Arch, bool Real>
class tables_product : public summed_bytes<Arch, packed_panels<binary>, 4> {
    using base = summed_bytes<Arch, packed_panels<binary>, 4>;
    using base::at, base::rhs_, base::panel_stride_, base::rows_, base::from_, base::to_;
    using tables = simd::avx512_tables;
    static constexpr size_t pairs = 4;
    static constexpr size_t scratch_words = 8;
    static constexpr size_t table_stride = scratch_words * 2 * tables::table_entries;

public:
    static constexpr size_t row_block = 4;
    static constexpr size_t row_step = 1;
    static constexpr size_t panels = Real ? 132 : 264;

    TERN_INLINE tables_product(const matrix_view<const std::int8_t>& lhs, const packed_panels<binary>& rhs) noexcept
        : base(lhs, rhs) {}

    void select(size_t row, size_t rows, size_t from, size_t to) noexcept { base::select_bytes(row, rows, from, to); }

    void multiply(size_t panel, size_t count, std::int32_t* acc, size_t stride) noexcept {
        for (size_t r = 0; r < rows_; ++r) base::start(r, count + count % 2, acc + r * stride);
        const word* const weights = rhs_.data + panel * panel_stride_;
        for (size_t from = from_; from < to_; from += scratch_words * word_bits) {
            const size_t left = to_ - from;
            const size_t depth = left < scratch_words * word_bits ? left : scratch_words * word_bits;
            build(from, depth);
            bits::unroll<row_block>([&](auto n) TERN_INLINE_LAMBDA {
                if (rows_ == n + 1)
                    run<n + 1>(tables_, weights + from / word_bits * panel_outputs, panel_stride_, count,
                               depth_words(depth), acc, stride);
            });
        }
    }

private:
    /// The tables of `depth` positions of the selected rows; of zeros behind the last.
    TERN_INLINE void build(size_t from, size_t depth) noexcept {
        constexpr size_t half = word_bits / 2;
        for (size_t r = 0; r < rows_; ++r) {
            std::int16_t* to = tables_ + r * table_stride;
            for (size_t d = 0; d < depth_words(depth) * word_bits; d += half, to += tables::table_entries) {
                const std::int8_t* x = at(r) + (from - from_) + d;
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
    static void run(const std::int16_t* entries, const word* weights, size_t panel_stride, size_t count, size_t words,
                    std::int32_t* acc, size_t stride) noexcept {
        size_t p = 0;
        for (; count - p >= 2 * pairs; p += 2 * pairs)
            tables_tile<tables, Rows, pairs>::run(entries, table_stride, weights + p * panel_stride, panel_stride,
                                                  words, acc + p * panel_outputs, stride);
        // The last of an odd number of panels is its own partner; what it has there means nothing.
        for (; p < count; p += 2)
            tables_tile<tables, Rows, 1>::run(entries, table_stride, weights + p * panel_stride,
                                              count - p > 1 ? panel_stride : 0, words, acc + p * panel_outputs, stride);
    }

    alignas(64) std::int16_t tables_[row_block * table_stride];
};

}  // namespace tern::kernel

#endif  // TERN_HAS_AVX512
