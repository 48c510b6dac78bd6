// SPDX-License-Identifier: MIT
// The register tile of a product by lookup: Rows activation rows x Panels panels of 64 outputs, outputs in lanes.
//
// A step is `Lanes::positions` positions of depth: the code of a row selects a row of the table, and each output's
// weight byte a place in it (see tables.hpp). Entries are not negative and are added up in bytes; before a byte can
// overflow it goes to sums of 16 bits in memory, the state of an output.
#pragma once

#include <tern/kernel/lookup/tables.hpp>
#include <tern/layout_tiles.hpp>
#include <tern/simd/lookup.hpp>

namespace tern::kernel {

inline constexpr size_t lookup_outputs = packed_indices::tile_outputs;

/// `MostStep`: the largest entry of the tables. `Unloaded`: registers of indices that lookups read from memory.
template <class Lanes, size_t Rows, size_t Panels, size_t MostStep, size_t Unloaded = 0>
struct lookup_tile {
    using reg = typename Lanes::reg;
    static constexpr size_t panel_registers = lookup_outputs / Lanes::width;
    static constexpr size_t registers = Panels * panel_registers;
    /// Bytes of state of one row.
    static constexpr size_t row_state = 2 * Panels * lookup_outputs;

    static constexpr size_t pass = Lanes::positions == 2 ? 2 : 1;  ///< steps of a tile of weights
    /// Steps that a byte holds.
    static constexpr size_t fold_steps = 255 / MostStep / pass * pass;
    static_assert(fold_steps != 0);

    /// Adds `steps` steps to the state. weights[p]: 64 bytes a step. Codes of a row are Stride bytes from the next.
    /// early: weights that are fetched for what follows, a tile of them for each that is read: neither bursts with much
    /// work in between nor what comes back after all rows is what a cache foresees.
    template <size_t Stride>
    static TERN_INLINE void run(const table_rows& table, const std::uint8_t* codes,
                                const std::uint8_t* const (&weights)[Panels], const std::uint8_t* early,
                                size_t steps, std::uint8_t* state) noexcept {
        const size_t end = steps * lookup_outputs;
        for (size_t at = 0; at < end;) {
            const size_t stop = end - at < fold_steps * lookup_outputs ? end : at + fold_steps * lookup_outputs;
            reg acc[Rows][registers];
            each(acc, state, [](reg& x, std::uint8_t*) TERN_INLINE_LAMBDA { x = Lanes::zero(); });
            TERN_KEEP_LOOP
            for (; at < stop; at += pass * lookup_outputs, codes += pass)
                bits::unroll<pass>([&](auto s) TERN_INLINE_LAMBDA {
                    if constexpr (pass == 2 && s == 0) bits::prefetch(early + at / 2);
                    step<Stride>(acc, table, codes + s, weights, early, at + s * lookup_outputs);
                });
            simd::hide(state);
            each(acc, state, [](reg& x, std::uint8_t* sums) TERN_INLINE_LAMBDA { Lanes::widen(sums, x); });
        }
    }

    /// to[o] = (sum - bias) * 2^shift (+ from[o]) for the outputs of one row.
    static TERN_INLINE void finish(const std::uint8_t* state, std::uint16_t bias, int shift, bool add,
                                   const std::int32_t* from, std::int32_t* to) noexcept {
        for (size_t j = 0; j < registers; ++j)
            Lanes::finish(state + 2 * j * Lanes::width, bias, shift, add, from + j * Lanes::width,
                          to + j * Lanes::width);
    }

private:
    template <size_t Stride>
    static TERN_INLINE void step(reg (&acc)[Rows][registers], const table_rows& table, const std::uint8_t* codes,
                                 const std::uint8_t* const (&weights)[Panels], const std::uint8_t* early,
                                 size_t at) noexcept {
        if constexpr (Lanes::positions == 4) bits::prefetch_to_second_level(early + at);
        const auto index = [&](size_t j) TERN_INLINE_LAMBDA {
            return weights[j / panel_registers] + at + j % panel_registers * Lanes::width;
        };
        reg w[registers];
        bits::unroll<registers - Unloaded>([&](auto i) TERN_INLINE_LAMBDA {
            w[Unloaded + i] = Lanes::load_index(index(Unloaded + i));
        });
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            const size_t code = codes[r * Stride];
            const std::uint8_t* const row = table.first + code * Lanes::code_bytes;
            if constexpr (Lanes::high_bytes != 0)
                Lanes::add_row(acc[r], row, table.second + code * Lanes::high_bytes, w);
            else if constexpr (Unloaded == 0)
                Lanes::add_row(acc[r], row, w);
            else
                Lanes::template add_row<Unloaded>(acc[r], row, w, index);
        });
    }

    template <class F>
    static TERN_INLINE void each(reg (&acc)[Rows][registers], std::uint8_t* state, const F& f) noexcept {
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            bits::unroll<registers>([&](auto j) TERN_INLINE_LAMBDA {
                f(acc[r][j], state + r * row_state + 2 * j * Lanes::width);
            });
        });
    }
};

}  // namespace tern::kernel
