// SPDX-License-Identifier: MIT
// The register tile of codes for instructions that multiply a pair of outputs by a pair of rows, eight deep.
#pragma once

#include <tern/kernel/bytes/byte_sum.hpp>
#include <tern/layout_tiles.hpp>

namespace tern::kernel {

/// codes_tile for one register of codes: Rows activations x the fields [First, First + Fields) of it. An odd row is paired
/// with itself.
template <class Bytes, size_t Rows, size_t First, size_t Fields>
struct matrix_tile {
    static constexpr size_t pairs = (Rows + 1) / 2;

    /// acc[r][output] += codes x activations over `steps` tiles of depth, an even number.
    static TERN_INLINE void run(const std::int8_t* const (&x)[Rows], const std::uint8_t* codes, size_t steps,
                                std::int32_t* acc, size_t acc_stride) noexcept {
        for (size_t at = 0; at < steps;) {
            constexpr size_t fold_every = 2 * Bytes::matrix_fold_every;
            const size_t end = steps - at < fold_every ? steps : at + fold_every;
            typename Bytes::sums sums[pairs][Fields][2];
            for_each([&](auto p, auto f) TERN_INLINE_LAMBDA {
                sums[p][f][0] = Bytes::zero();
                sums[p][f][1] = Bytes::zero();
            });
            TERN_KEEP_LOOP
            for (; at < end; at += 2) step(sums, x, codes, at);
            for_each([&](auto p, auto f) TERN_INLINE_LAMBDA {
                std::int32_t* const to = acc + 2 * p * acc_stride + (First + f) * panel_outputs;
                Bytes::add_to(to, Bytes::template row<0, shift<decltype(f)::value>>(sums[p][f][0], sums[p][f][1]));
                if constexpr (2 * p + 1 < Rows)
                    Bytes::add_to(to + acc_stride,
                                  Bytes::template row<1, shift<decltype(f)::value>>(sums[p][f][0], sums[p][f][1]));
            });
        }
    }

private:
    template <size_t F>
    static constexpr int shift = 2 * int{First + F};

    static TERN_INLINE void step(typename Bytes::sums (&sums)[pairs][Fields][2], const std::int8_t* const (&x)[Rows],
                                 const std::uint8_t* codes, size_t at) noexcept {
        const auto a = Bytes::load(codes + at * packed_codes::tile_bytes);
        const auto b = Bytes::load(codes + (at + 1) * packed_codes::tile_bytes);
        const auto low = Bytes::low_outputs(a, b);
        const auto high = Bytes::high_outputs(a, b);
        typename Bytes::codes field[Fields][2];
        bits::unroll<Fields>([&](auto f) TERN_INLINE_LAMBDA {
            field[f][0] = Bytes::template matrix_field<shift<decltype(f)::value>>(low);
            field[f][1] = Bytes::template matrix_field<shift<decltype(f)::value>>(high);
        });
        bits::unroll<pairs>([&](auto p) TERN_INLINE_LAMBDA {
            constexpr size_t second = 2 * p + 1 < Rows ? 2 * p + 1 : 2 * p;
            const size_t offset = at * packed_codes::tile_depth;
            const auto rows = Bytes::pair(x[2 * p] + offset, x[second] + offset);
            bits::unroll<Fields>([&](auto f) TERN_INLINE_LAMBDA {
                sums[p][f][0] = Bytes::multiply(sums[p][f][0], field[f][0], rows);
                sums[p][f][1] = Bytes::multiply(sums[p][f][1], field[f][1], rows);
            });
        });
    }

    template <class F>
    static TERN_INLINE void for_each(const F& f) noexcept {
        bits::unroll<pairs>([&](auto p) TERN_INLINE_LAMBDA {
            bits::unroll<Fields>([&](auto field) TERN_INLINE_LAMBDA { f(p, field); });
        });
    }
};

}  // namespace tern::kernel
