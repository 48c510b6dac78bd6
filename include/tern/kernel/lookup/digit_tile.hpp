// SPDX-License-Identifier: MIT
// The register tile of a product by tables that are made of the activations (digits.hpp): Rows activation rows x Panels
// panels of 64 outputs, outputs in lanes.
//
// Entries of a digit of p planes are 0 .. 2^(p+2) with their bias. A *fold* is 3 steps of 4 planes or 7 of fewer, whose
// sums fit a byte; sums of 16 bits take them up, the state of an output, which stays in registers for a chunk.
// A state holds what is at most 32767 in magnitude: 2^(p+1) a step, 1008 steps of 4 planes (4032 positions), 2009 of 3
// (8036), 4067 of 2.
#pragma once

#include <tern/kernel/lookup/tables.hpp>
#include <tern/kernel/lookup/tile.hpp>
#include <tern/simd/x86_places.hpp>

namespace tern::kernel {

/// Nothing for architectures without shuffles of 128 places.
TERN_INLINE constexpr void digits_config(arch::scalar) noexcept {}
#if TERN_HAS_AVX512_VPOPCNTDQ
TERN_INLINE constexpr auto digits_config(arch::avx512_vpopcntdq) noexcept { return simd::avx512_vpopcntdq_digits{}; }
#endif

inline constexpr size_t digit_state_bytes = 2 * lookup_outputs;  ///< of a row and panel: both sums of 16 bits

/// Tiles and tables of digits of some planes, the same for all encodings.
template <int Planes, bool OneRow>
struct digit_shape {
    using digit = lookup_digit<unsigned_bits<Planes>, Planes, true>;
    static_assert(Planes >= 2);
    static constexpr std::uint16_t bias = std::uint16_t{packed_indices::tile_depth} * std::uint16_t{digit::middle};
    static constexpr size_t fold_steps = Planes == 4 ? 3 : 7;  // more, which fit 2 planes, are too long to unroll
    static_assert(fold_steps * 2 * size_t{bias} <= 255);
    static constexpr size_t rows = OneRow ? 1 : 2;
    static constexpr size_t panels = OneRow ? 6 : 3;
    static constexpr size_t chunk_steps = (48 + fold_steps / 2) / fold_steps * fold_steps;
    static constexpr size_t segment_steps = 32767 / size_t{bias} / chunk_steps * chunk_steps;

    /// Of a table, in two places: 32 bytes are one access to a cache, 64 are two.
    static constexpr size_t low_bytes = 64;
    static constexpr size_t high_bytes = 32;
    static constexpr size_t high_tables = chunk_steps * low_bytes;
    static constexpr size_t row_tables = bits::ceil_div(chunk_steps * (low_bytes + high_bytes), 64) * 64;

    static constexpr size_t pair_bytes = 16;
    [[nodiscard]] static TERN_INLINE const std::uint8_t* pairs() noexcept {
        return lookup_table_of<lookup_table<digit, 2, 2 * digit::max_abs>>.bytes;
    }
};

template <class Lanes, class Shape, size_t Rows, size_t Panels>
struct digit_tile {
    using reg = typename Lanes::reg;
    using regs = reg[Rows][Panels];

    /// Adds `steps` steps to the state. weights[p]: 64 bytes a step; those `ahead` bytes behind are wanted soon, 0 says
    /// nothing. state: of row 0, `row_state` bytes before the next.
    static TERN_INLINE void run(const std::uint8_t* tables, const std::uint8_t* const (&weights)[Panels], size_t steps,
                                size_t ahead, std::uint8_t* state, size_t row_state) noexcept {
        regs both;
        regs higher;
        each([&](auto r, auto p) TERN_INLINE_LAMBDA {
            both[r][p] = Lanes::load(state + r * row_state + p * digit_state_bytes);
            higher[r][p] = Lanes::load(state + r * row_state + p * digit_state_bytes + lookup_outputs);
        });
        const size_t whole = steps / Shape::fold_steps * Shape::fold_steps;
        size_t at = 0;
        TERN_KEEP_LOOP
        for (; at < whole; at += Shape::fold_steps) {
            if (ahead != 0)
                bits::unroll<Panels>([&](auto p) TERN_INLINE_LAMBDA {
                    bits::unroll<Shape::fold_steps>([&](auto s) TERN_INLINE_LAMBDA {
                        bits::prefetch_to_second_level(weights[p] + (at + s) * lookup_outputs + ahead);
                    });
                });
            fold<Shape::fold_steps>(tables, weights, at, both, higher);
        }
        TERN_KEEP_LOOP
        for (; at < steps; ++at) fold<1>(tables, weights, at, both, higher);
        each([&](auto r, auto p) TERN_INLINE_LAMBDA {
            Lanes::store(state + r * row_state + p * digit_state_bytes, both[r][p]);
            Lanes::store(state + r * row_state + p * digit_state_bytes + lookup_outputs, higher[r][p]);
        });
    }

private:
    template <size_t Steps>
    static TERN_INLINE void fold(const std::uint8_t* tables, const std::uint8_t* const (&weights)[Panels], size_t at,
                                 regs& both, regs& higher) noexcept {
        regs sum;
        bits::unroll<Steps>([&](auto s) TERN_INLINE_LAMBDA {
            if constexpr (s == 0) {
                look_up(tables, weights, at, sum);
            } else {
                regs found;
                look_up(tables, weights, at + s, found);
                each([&](auto r, auto p) TERN_INLINE_LAMBDA { sum[r][p] = Lanes::add(sum[r][p], found[r][p]); });
            }
        });
        each([&](auto r, auto p) TERN_INLINE_LAMBDA { both[r][p] = Lanes::add_both(both[r][p], sum[r][p]); });
        each([&](auto r, auto p) TERN_INLINE_LAMBDA { sum[r][p] = Lanes::higher(sum[r][p]); });
        each([&](auto r, auto p) TERN_INLINE_LAMBDA { higher[r][p] = Lanes::add_both(higher[r][p], sum[r][p]); });
    }

    /// All lookups of a step come before its additions: in turn, additions take the units that only lookups need.
    static TERN_INLINE void look_up(const std::uint8_t* tables, const std::uint8_t* const (&weights)[Panels],
                                    size_t at, regs& found) noexcept {
        reg index[Panels];
        bits::unroll<Panels>([&](auto p) TERN_INLINE_LAMBDA {
            index[p] = Lanes::load_index(weights[p] + at * lookup_outputs);
        });
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            const std::uint8_t* const row = tables + r * Shape::row_tables;
            const auto table =
                Lanes::load_table(row + at * Shape::low_bytes, row + Shape::high_tables + at * Shape::high_bytes);
            bits::unroll<Panels>([&](auto p) TERN_INLINE_LAMBDA { found[r][p] = Lanes::look_up(index[p], table); });
        });
    }

    template <class F>
    static TERN_INLINE void each(const F& f) noexcept {
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            bits::unroll<Panels>([&](auto p) TERN_INLINE_LAMBDA { f(r, p); });
        });
    }
};

/// `present` panels with some rows; the state of one more may be written. A function of its own, shared by all sinks.
template <class Arch, class Shape, size_t Rows>
void run_digit_rows(const std::uint8_t* tables, const std::uint8_t* weights, size_t panel_stride, size_t present,
                    size_t steps, size_t ahead, std::uint8_t* state, size_t row_state) noexcept {
    using lanes = decltype(digits_config(Arch{}));
    const auto run = [&](auto panels) TERN_INLINE_LAMBDA {
        const std::uint8_t* w[panels];
        // A panel behind the last is computed as the last.
        bits::unroll<panels>([&](auto p) TERN_INLINE_LAMBDA {
            w[p] = weights + (p < present ? p : present - 1) * panel_stride;
        });
        digit_tile<lanes, Shape, Rows, panels>::run(tables, w, steps, ahead, state, row_state);
        weights += panels * panel_stride;
        state += panels * digit_state_bytes;
        present = present < panels ? 0 : present - panels;
    };
    constexpr size_t panels = Shape::panels;
    while (present >= panels && !(panels % 2 == 1 && present == panels + 1)) run(bits::index<panels>{});
    while (present != 0) run(bits::index<2>{});
}

}  // namespace tern::kernel
