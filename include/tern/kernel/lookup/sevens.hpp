// SPDX-License-Identifier: MIT
// Signed bytes times ternary weights by table lookup: seven weights are two places in tables of sums that seven
// activations make (simd/sevens.hpp), and a lookup and an addition serve 32 outputs.
//
// Tables are dear (as much work as some hundred outputs), so they serve as many outputs as the driver gives at once
// before they are made again for other positions of depth; as many as fit a first-level cache are made at a time.
// A tile adds at most 7 * 128 in magnitude to sums of 16 bits, so that 36 of them (252 positions of depth) fit.
#pragma once

#include <tern/kernel/bytes/byte_sum.hpp>
#include <tern/kernel/gemm/sink.hpp>
#include <tern/layout_tiles.hpp>
#include <tern/simd/x86_sevens.hpp>

namespace tern::kernel {

TERN_INLINE constexpr auto sevens_config(arch::scalar) noexcept { return simd::scalar_sevens{}; }
#if TERN_HAS_AVX512
TERN_INLINE constexpr auto sevens_config(arch::avx512) noexcept { return simd::avx512_sevens<false>{}; }
#endif
#if TERN_HAS_AVX512_VNNI
TERN_INLINE constexpr auto sevens_config(arch::avx512_vnni) noexcept {
    return simd::avx512_sevens<true>{};
}
#endif

inline constexpr size_t seven_entries = 128;  ///< of the two tables of a tile
inline constexpr size_t seven_fold_tiles = 32767 / (packed_sevens::tile_depth * 128);

/// The register tile: Rows activations x Groups groups of 32 outputs. `Shared`: several row tiles meet the same weights
/// and take turns at asking for those that are wanted next.
template <class Lanes, size_t Rows, size_t Groups, bool Shared>
struct sevens_tile {
    /// acc[r][output] = or += weights x activations over `tiles` tiles of depth. tables: of row 0, `table_stride`
    /// entries before those of the next row; weights: the first tile, `group_stride` bytes before that of the next
    /// group. Tiles `ahead` bytes behind those at work are wanted soon, of the first group where `Shared`; 0 says
    /// nothing. Of a single group, the first `outputs` are stored.
    static TERN_INLINE void run(const std::int16_t* tables, size_t table_stride, const std::uint8_t* weights,
                                size_t group_stride, size_t ahead, size_t tiles, bool add, std::int32_t* acc,
                                size_t acc_stride, size_t outputs) noexcept {
        for (size_t at = 0; at < tiles; add = true) {
            const size_t end = tiles - at < seven_fold_tiles ? tiles : at + seven_fold_tiles;
            typename Lanes::sums sums[Rows][Groups];
            for_each([&](auto r, auto g) TERN_INLINE_LAMBDA { sums[r][g] = Lanes::zero(); });
            TERN_KEEP_LOOP
            for (; at < end; ++at) {
                const std::uint8_t* const here = weights + at * packed_sevens::tile_bytes;
                if constexpr (Shared)  // no condition: it would cost more than the asking
                    bits::prefetch_to_second_level(here + ahead);
                else if (ahead != 0)
                    bits::unroll<Groups>([&](auto g) TERN_INLINE_LAMBDA {
                        bits::prefetch_to_second_level(here + g * group_stride + ahead);
                    });
                bits::unroll<2>([&](auto h) TERN_INLINE_LAMBDA {
                    typename Lanes::reg w[Groups];
                    bits::unroll<Groups>([&](auto g) TERN_INLINE_LAMBDA {
                        w[g] = Lanes::template indices<int{decltype(h)::value}>(here + g * group_stride);
                    });
                    bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
                        const auto table = Lanes::load(tables + r * table_stride + at * seven_entries + h * 64);
                        typename Lanes::reg found[Groups];
                        bits::unroll<Groups>(
                            [&](auto g) TERN_INLINE_LAMBDA { found[g] = Lanes::look_up(w[g], table); });
                        bits::unroll<Groups>(
                            [&](auto g) TERN_INLINE_LAMBDA { sums[r][g] = Lanes::add(sums[r][g], found[g]); });
                    });
                });
            }
            for_each([&](auto r, auto g) TERN_INLINE_LAMBDA {
                std::int32_t* const to = acc + r * acc_stride + g * packed_sevens::tile_outputs;
                if (Groups == 1 && outputs < packed_sevens::tile_outputs)
                    Lanes::store_first(to, sums[r][g], add, outputs);
                else
                    Lanes::store(to, sums[r][g], add);
            });
        }
    }

private:
    template <class F>
    static TERN_INLINE void for_each(const F& f) noexcept {
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            bits::unroll<Groups>([&](auto g) TERN_INLINE_LAMBDA { f(r, g); });
        });
    }
};

/// Some outputs with some rows. A function of its own, shared by all sinks.
template <class Arch, size_t Rows, bool Shared>
void run_sevens(const std::int16_t* tables, size_t table_stride, const std::uint8_t* weights, size_t group_stride,
                size_t ahead, size_t outputs, size_t tiles, bool add, std::int32_t* acc, size_t acc_stride) noexcept {
    using lanes = decltype(sevens_config(Arch{}));
    constexpr size_t group = packed_sevens::tile_outputs;
    constexpr size_t step = Rows == 1 ? lanes::row_groups : lanes::groups;
    for (; outputs >= step * group; outputs -= step * group, weights += step * group_stride, acc += step * group)
        sevens_tile<lanes, Rows, step, Shared>::run(tables, table_stride, weights, group_stride, ahead, tiles, add, acc,
                                                    acc_stride, group);
    while (outputs != 0) {
        const size_t stored = outputs < group ? outputs : group;
        sevens_tile<lanes, Rows, 1, Shared>::run(tables, table_stride, weights, group_stride, ahead, tiles, add, acc,
                                                 acc_stride, stored);
        outputs -= stored;
        weights += group_stride;
        acc += group;
    }
}

/// A product as kernel/gemm/driver.hpp wants it. `OneRow`: for a single row of activations; `Real`: for a sink whose
/// driver keeps more of every result; `Direct`: for one that has results written to where they stay.
template <class Arch, bool OneRow, bool Real, bool Direct>
class sevens_product : public selected_bytes<Arch, packed_sevens> {
    using base = selected_bytes<Arch, packed_sevens>;
    using base::lhs_, base::rhs_, base::panel_stride_, base::row_, base::rows_, base::from_, base::to_;

    using lanes = decltype(sevens_config(Arch{}));
    static constexpr size_t tile_rows = OneRow ? 1 : lanes::rows;
    static constexpr size_t group_panels = packed_sevens::tile_outputs / panel_outputs;
    static constexpr size_t built = 4;  // tiles whose tables are made at once
    static constexpr size_t scratch_tiles = lanes::scratch_tiles;
    static_assert(lanes::panels / 2 % group_panels == 0 && scratch_tiles >= built * tile_rows);

public:
    static constexpr bool exact = Direct;
    static constexpr size_t row_block = OneRow ? 1 : Direct ? 4 * lanes::block_rows : (lanes::block_rows + 3) / 4;
    static constexpr size_t row_step = 1;
    static constexpr size_t panels = Real ? lanes::panels / 2 : lanes::panels;

    TERN_INLINE sevens_product(const matrix_view<const std::int8_t>& lhs, const packed_sevens& rhs) noexcept
        : base(lhs, rhs) {}

    TERN_INLINE void select(size_t row, size_t rows, size_t from, size_t to) noexcept {
        base::select_bytes(row, rows, from, to);
    }

    /// A function of its own: it does not depend on the sink.
    void multiply(size_t panel, size_t count, std::int32_t* acc, size_t stride) noexcept {
        const size_t outputs = base::outputs_of(panel, count, exact);
        if (from_ == to_) {
            for (size_t r = 0; r < rows_; ++r) std::memset(acc + r * stride, 0, outputs * sizeof *acc);
            return;
        }
        // Sums and the weights that meet them share the second-level cache: fewer rows where outputs are many. More of
        // them leave it, which is worth it where weights come from far.
        constexpr size_t most_sums = size_t{3} << 15;
        const size_t few = (lanes::block_rows + 1) / 2;
        const size_t near_rows = lanes::block_rows * outputs <= most_sums ? lanes::block_rows : few;
        const bool near = third_level_keeps<Arch>(bits::ceil_div(count, group_panels) * panel_stride_);
        const size_t block = near ? near_rows : row_block;
        for (size_t r = 0; r < rows_; r += block)
            multiply_rows(r, rows_ - r < block ? rows_ - r : block, panel, outputs, acc + r * stride, stride);
    }

private:
    TERN_INLINE void multiply_rows(size_t row, size_t rows, size_t panel, size_t outputs, std::int32_t* acc,
                                   size_t stride) noexcept {
        const size_t at_once = rows < tile_rows ? rows : tile_rows;
        const size_t chunk = scratch_tiles / at_once / built * built;
        const std::uint8_t* const weights = rhs_.data + panel / group_panels * panel_stride_;
        const size_t first = from_ / packed_sevens::tile_depth;
        const size_t end = bits::ceil_div(to_, packed_sevens::tile_depth);
        for (size_t tile = first; tile < end; tile += chunk) {
            const size_t tiles = end - tile < chunk ? end - tile : chunk;
            for (size_t r = 0; r < rows; r += at_once) {
                const size_t left = rows - r < at_once ? rows - r : at_once;
                for (size_t i = 0; i < left; ++i)
                    for (size_t t = 0; t < tiles; t += built)
                        build(lhs_.row(row_ + row + r + i), tile + t, tables_ + (i * chunk + t) * seven_entries);
                const std::uint8_t* const from = weights + tile * packed_sevens::tile_bytes;
                const auto run = [&](auto tiled, auto shared, size_t ahead) TERN_INLINE_LAMBDA {
                    run_sevens<Arch, tiled, shared != 0>(tables_, chunk * seven_entries, from, panel_stride_, ahead,
                                                        outputs, tiles, tile != first, acc + r * stride, stride);
                };
                const size_t next = chunk * packed_sevens::tile_bytes;
                if constexpr (tile_rows > 1) {
                    if (left == tile_rows && rows >= tile_rows * lanes::groups) {  // a group each
                        const size_t group = r / tile_rows % lanes::groups;
                        run(bits::index<tile_rows>{}, bits::index<1>{}, next + group * panel_stride_);
                        continue;
                    }
                }
                // Weights that these rows alone read: the next groups; else, behind the last rows, the next positions.
                const size_t ahead = rows <= at_once ? (rows == 1 ? lanes::row_groups : lanes::groups) * panel_stride_
                                     : r + at_once >= rows && rows < tile_rows * lanes::groups ? next
                                                                                                 : 0;
                bits::unroll<tile_rows>([&](auto n) TERN_INLINE_LAMBDA {
                    if (left == n + 1) run(bits::index<n + 1>{}, bits::index<0>{}, ahead);
                });
            }
        }
    }

    /// The tables of some tiles of a row; positions outside of what is selected count as zero.
    TERN_INLINE void build(const std::int8_t* x, size_t tile, std::int16_t* to) const noexcept {
        constexpr size_t depth = built * packed_sevens::tile_depth;
        const size_t at = tile * packed_sevens::tile_depth;
        if (at >= from_ && to_ - at >= depth) return lanes::build(x + at, to);
        std::int8_t part[depth];
        for (size_t i = 0; i < depth; ++i) part[i] = at + i >= from_ && at + i < to_ ? x[at + i] : std::int8_t{0};
        lanes::build(part, to);
    }

    alignas(64) std::int16_t tables_[scratch_tiles * seven_entries];
};

}  // namespace tern::kernel
