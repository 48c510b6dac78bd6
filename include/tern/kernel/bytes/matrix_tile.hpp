// SPDX-License-Identifier: MIT
// The register tile of codes for instructions that multiply a pair of outputs by a pair of rows, eight deep.
#pragma once

#include <tern/kernel/bytes/byte_sum.hpp>
#include <tern/layout_tiles.hpp>

namespace tern::kernel {

/// Fields that serve many pairs best one by one, few together.
template <size_t Pairs>
inline constexpr size_t matrix_fields = Pairs <= 4 ? 2 : 1;

/// Pairs of rows x Fields fields of one register of codes. What codes need before they multiply, two instructions a
/// step and two a field, all pairs share.
template <class Bytes, size_t Pairs, size_t Fields>
struct matrix_tile {
    static_assert(Pairs % 2 == 0 || Pairs == 1);

    static constexpr size_t step_tiles = 2;  // of depth
    static constexpr size_t step_depth = step_tiles * packed_codes::tile_depth;
    static constexpr size_t pair_bytes = 2 * step_depth;

    /// acc[r][output] += codes x activations over `steps` pairs of tiles of depth, r < rows <= 2 Pairs.
    /// pairs: step by step, pair by pair, eight activations of one row and eight of the other; codes: the register in
    /// the first tile; acc: row 0 of the outputs of field 0. `acc_stride`: from a row to the next. Fields are [first,
    /// first + Fields). Steps are at most Bytes::matrix_fold_every.
    /// Codes of the next step are read and taken apart meanwhile, so two tiles behind the last step are read too: the
    /// sums of weights that follow a panel's tiles are as long as four.
    static TERN_INLINE void run(const std::int8_t* pairs, const std::uint8_t* codes, size_t steps, size_t first,
                                std::int32_t* acc, size_t acc_stride, size_t rows) noexcept {
        static_assert(packed_codes::sums_bytes >= (step_tiles + 1) * packed_codes::tile_bytes);
        sum sums[Pairs][Fields][2];
        for_each([&](auto p, auto f) TERN_INLINE_LAMBDA {
            sums[p][f][0] = Bytes::zero();
            sums[p][f][1] = Bytes::zero();
        });
        code masks[Fields];
        bits::unroll<Fields>([&](auto f) TERN_INLINE_LAMBDA { masks[f] = Bytes::matrix_mask(first + f); });
        code field[Fields][2];
        const code a = Bytes::load(codes);
        const code b = Bytes::load(codes + packed_codes::tile_bytes);
        set<0>(field, Bytes::low_outputs(a, b), masks);
        set<1>(field, Bytes::high_outputs(a, b), masks);
        TERN_KEEP_LOOP
        for (size_t at = 0; at < steps; ++at) {
            codes += step_tiles * packed_codes::tile_bytes;
            step(sums, field, masks, pairs, codes);
            pairs += Pairs * pair_bytes;
        }
        for_each([&](auto p, auto f) TERN_INLINE_LAMBDA {
            std::int32_t* const to = acc + 2 * p * acc_stride + (first + f) * panel_outputs;
            if (2 * p < rows) Bytes::add_to(to, Bytes::template row<0>(sums[p][f][0], sums[p][f][1], first + f));
            if (2 * p + 1 < rows)
                Bytes::add_to(to + acc_stride, Bytes::template row<1>(sums[p][f][0], sums[p][f][1], first + f));
        });
    }

private:
    using sum = typename Bytes::sums;
    using code = typename Bytes::codes;

    /// What two registers of codes become in the end.
    template <size_t Half>
    static TERN_INLINE void set(code (&field)[Fields][2], code outputs, const code (&masks)[Fields]) noexcept {
        bits::unroll<Fields>([&](auto f) TERN_INLINE_LAMBDA {
            field[f][Half] = Bytes::mask(outputs, masks[f]);
            Bytes::keep(field[f][Half]);
        });
    }

    /// In the order that cores without one of their own need: loads of two pairs stand together, ahead of the products
    /// before theirs; the next codes are read first, taken apart halfway, and masked as soon as these are not needed.
    static TERN_INLINE void step(sum (&sums)[Pairs][Fields][2], code (&field)[Fields][2], const code (&masks)[Fields],
                                 const std::int8_t* pairs, const std::uint8_t* next_codes) noexcept {
        constexpr size_t together = Pairs == 1 ? 1 : 2;
        constexpr size_t groups = Pairs / together;
        typename Bytes::activations x[groups][together];
        const auto load = [&](auto g) TERN_INLINE_LAMBDA {
            bits::unroll<together>([&](auto i) TERN_INLINE_LAMBDA {
                x[g][i] = Bytes::load_bytes(pairs + (g * together + i) * pair_bytes);
            });
            bits::unroll<together>([&](auto i) TERN_INLINE_LAMBDA {
                if constexpr (g == 0)
                    Bytes::keep(x[g][i]);
                else
                    Bytes::keep(x[g][i], x[g - 1][i]);
            });
        };
        const auto multiply = [&](auto g, auto i, auto half) TERN_INLINE_LAMBDA {
            bits::unroll<Fields>([&](auto f) TERN_INLINE_LAMBDA {
                sum& s = sums[g * together + i][f][half];
                s = Bytes::multiply(s, field[f][half], x[g][i]);
                Bytes::keep(s);
            });
        };
        load(bits::index<0>{});
        code a = Bytes::load(next_codes);
        Bytes::keep(a, x[0][0]);
        code b = Bytes::load(next_codes + packed_codes::tile_bytes);
        Bytes::keep(b, x[0][0]);
        code low = a;
        code high = a;
        bits::unroll<groups>([&](auto g) TERN_INLINE_LAMBDA {
            constexpr bool last = g + 1 == groups;
            if constexpr (!last) load(bits::index<g + 1>{});
            if constexpr (g == groups / 2) {
                low = Bytes::low_outputs(a, b);
                Bytes::keep(low);
                high = Bytes::high_outputs(a, b);
                Bytes::keep(high);
            }
            if constexpr (last) {
                bits::unroll<together>([&](auto i) TERN_INLINE_LAMBDA { multiply(g, i, bits::index<0>{}); });
                set<0>(field, low, masks);
                bits::unroll<together>([&](auto i) TERN_INLINE_LAMBDA { multiply(g, i, bits::index<1>{}); });
                set<1>(field, high, masks);
            } else {
                bits::unroll<together>([&](auto i) TERN_INLINE_LAMBDA {
                    bits::unroll<2>([&](auto half) TERN_INLINE_LAMBDA { multiply(g, i, half); });
                });
            }
        });
    }

    template <class F>
    static TERN_INLINE void for_each(const F& f) noexcept {
        bits::unroll<Pairs>([&](auto p) TERN_INLINE_LAMBDA {
            bits::unroll<Fields>([&](auto field) TERN_INLINE_LAMBDA { f(p, field); });
        });
    }
};

}  // namespace tern::kernel
