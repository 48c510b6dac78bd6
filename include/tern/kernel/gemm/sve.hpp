// SPDX-License-Identifier: MIT
// The register tile where registers have a length that only the CPU knows: a panel at 512 bits, parts of one below, one
// after the other. Counters are local variables of nested functions, for such registers fit into no array.
#pragma once

#include <tern/kernel/gemm/config.hpp>
#include <tern/kernel/gemm/tile.hpp>
#include <tern/simd/arm_sve.hpp>

#if TERN_HAS_SVE

namespace tern::kernel {

/// Thirty-two registers: sixteen counters, which are eight rows. One register of weights a plane.
TERN_INLINE constexpr auto gemm_config(arch::sve) noexcept {
    return tile_config<simd::sve_lanes, 8, 1, 8, 1, 1>{};
}

template <class Lhs, class Rhs, size_t Rows>
struct tile<simd::sve_lanes, Lhs, Rhs, Rows, 1> {
    static_assert(Lhs::sign_bit == Rhs::sign_bit,
                  "tern: operands of opposite sign conventions; transcode one of them first");

    using sve = simd::sve_lanes;
    using reg = sve::reg;
    static constexpr size_t panel_registers = 1;
    static constexpr size_t panels = 1;
    static constexpr bool counts_c = Lhs::has_mask && Rhs::has_mask;

    /// As in tile.hpp.
    static TERN_INLINE void run(const stretches& depth, const word* const (&rhs)[1], size_t,
                                const tile_output& out) noexcept {
        const size_t step = sve::count_of_lanes();
        for (size_t lane = 0; lane < panel_outputs; lane += step) run_lanes(depth, rhs[0], lane, out);
    }

private:
    static constexpr bool counts_g = Lhs::has_sign || Rhs::has_sign;
    static constexpr size_t block_words = size_t{Rhs::planes} * panel_outputs;

    /// Two counters a row, c and g of it, until all rows have theirs; what a pair does not count stays zero and is
    /// nothing.
    template <class... Counters>
    static TERN_INLINE void run_lanes(const stretches& depth, const word* rhs, size_t lane, const tile_output& out,
                                      Counters&... n) noexcept {
        if constexpr (sizeof...(n) < 2 * Rows) {
            reg c = sve::zero();
            reg g = sve::zero();
            run_lanes(depth, rhs, lane, out, n..., c, g);
        } else {
            const sve::lanes some = sve::active(lane, panel_outputs);
            // Pairs of digits by the power of two they stand for, the highest first, doubling in between.
            for (size_t power = size_t{Lhs::digits + Rhs::digits - 1}; power-- > 0;) {
                for (size_t q = 0; q < size_t{Lhs::digits}; ++q) {
                    if (q > power || power - q >= size_t{Rhs::digits}) continue;
                    run_digits(depth, q, rhs + (power - q) * panel_outputs + lane, some, n...);
                }
                if (power != 0) ((n = sve::add(n, n)), ...);
            }
            store_rows<0>(out, lane, some, n...);
        }
    }

    template <class... Counters>
    static TERN_INLINE void run_digits(const stretches& depth, size_t q, const word* rhs, sve::lanes some,
                                       Counters&... n) noexcept {
        constexpr bool lhs_two = Lhs::has_mask && Lhs::has_sign;
        for (size_t s = 0; s < depth.count; ++s) {
            const word* x[Rows];
            bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
                x[r] = depth.lhs[s * Rows + r] + q * depth.lhs_plane_stride;
            });
            const size_t sign_offset = lhs_two ? depth.lhs_plane_stride : 0;
            const word* w = rhs + depth.rhs_blocks[s] * block_words;
            TERN_KEEP_LOOP
            for (size_t at = 0; at < depth.words; ++at, w += block_words) {
                const reg first = sve::load(some, w);
                reg sign = first;
                if constexpr (Rhs::has_mask && Rhs::has_sign) sign = sve::load(some, w + panel_outputs);
                count_rows<0>(x, at, sign_offset, first, sign, n...);
            }
        }
    }

    /// What is counted of one row and the weights at hand.
    template <size_t Row>
    static TERN_INLINE void meet(const word* const (&x)[Rows], size_t at, size_t sign_offset, reg w_mask, reg w_sign,
                                 reg& c, reg& g) noexcept {
        const reg x_mask = sve::broadcast(x[Row][at]);
        reg x_sign = x_mask;
        if constexpr (Lhs::has_mask && Lhs::has_sign) x_sign = sve::broadcast(x[Row][at + sign_offset]);
        c = Lhs::has_mask ? x_mask : w_mask;
        if constexpr (counts_c) c = sve::and_(x_mask, w_mask);
        if constexpr (Lhs::has_sign && Rhs::has_sign) {
            g = sve::xor_(x_sign, w_sign);
            if constexpr (Lhs::has_mask || Rhs::has_mask)
                g = sve::and_(g, c);      // the first operand may become the result
        } else if constexpr (counts_g) {  // the missing sign is all ones
            g = sve::and_not(c, Lhs::has_sign ? x_sign : w_sign);
        }
        keep(c, g);
    }
    static TERN_INLINE void count(reg& c, reg& g) noexcept {
        if constexpr (counts_c) c = sve::count(c);
        if constexpr (counts_g) g = sve::count(g);
        keep(c, g);
    }
    static TERN_INLINE void add(reg& c_total, reg& g_total, reg c, reg g) noexcept {
        if constexpr (counts_c) c_total = sve::add(c_total, c);
        if constexpr (counts_g) g_total = sve::add(g_total, g);
        keep(c_total, g_total);
    }
    static TERN_INLINE void keep(reg& c, reg& g) noexcept {
        if constexpr (counts_c) sve::keep(c);
        if constexpr (counts_g) sve::keep(g);
    }

    /// The last row, or four at a time, in waves: cores that run in order wait for none of them (two counters: two rows
    /// a wave).
    template <size_t Row, class... Counters>
    static TERN_INLINE void count_rows(const word* const (&x)[Rows], size_t at, size_t sign_offset, reg w_mask,
                                       reg w_sign, reg& c_total, reg& g_total, Counters&... n) noexcept {
        if constexpr (sizeof...(n) == 0) {
            reg c;
            reg g;
            meet<Row>(x, at, sign_offset, w_mask, w_sign, c, g);
            count(c, g);
            add(c_total, g_total, c, g);
        } else {
            count_four<Row>(x, at, sign_offset, w_mask, w_sign, c_total, g_total, n...);
        }
    }

    template <size_t Row, class... Counters>
    static TERN_INLINE void count_four(const word* const (&x)[Rows], size_t at, size_t sign_offset, reg w_mask,
                                       reg w_sign, reg& c_total0, reg& g_total0, reg& c_total1, reg& g_total1,
                                       reg& c_total2, reg& g_total2, reg& c_total3, reg& g_total3,
                                       Counters&... n) noexcept {
        reg c0, c1, c2, c3;
        reg g0, g1, g2, g3;
        meet<Row>(x, at, sign_offset, w_mask, w_sign, c0, g0);
        meet<Row + 1>(x, at, sign_offset, w_mask, w_sign, c1, g1);
        if constexpr (!counts_c) {
            meet<Row + 2>(x, at, sign_offset, w_mask, w_sign, c2, g2);
            meet<Row + 3>(x, at, sign_offset, w_mask, w_sign, c3, g3);
        }
        count(c0, g0);
        count(c1, g1);
        if constexpr (counts_c) {
            add(c_total0, g_total0, c0, g0);
            add(c_total1, g_total1, c1, g1);
            meet<Row + 2>(x, at, sign_offset, w_mask, w_sign, c2, g2);
            meet<Row + 3>(x, at, sign_offset, w_mask, w_sign, c3, g3);
        }
        count(c2, g2);
        count(c3, g3);
        if constexpr (!counts_c) {
            add(c_total0, g_total0, c0, g0);
            add(c_total1, g_total1, c1, g1);
        }
        add(c_total2, g_total2, c2, g2);
        add(c_total3, g_total3, c3, g3);
        if constexpr (sizeof...(n) != 0) count_four<Row + 4>(x, at, sign_offset, w_mask, w_sign, n...);
    }

    template <size_t Row, class... Counters>
    static TERN_INLINE void store_rows(const tile_output& out, size_t lane, sve::lanes some, reg& c, reg& g,
                                       Counters&... n) noexcept {
        std::int32_t* const to = out.acc + Row * out.stride + lane;
        reg sum = sve::sub(c, sve::add(g, g));
        if (out.add)
            sum = sve::add(sum, sve::load(some, reinterpret_cast<const word*>(to)));
        else if constexpr (!counts_c)
            sum = sve::add(sum, sve::add(sve::broadcast(out.per_row[Row]), sve::load(some, out.per_output + lane)));
        sve::store(some, to, sum);
        if constexpr (sizeof...(n) != 0) store_rows<Row + 1>(out, lane, some, n...);
    }
};

}  // namespace tern::kernel

#endif  // TERN_HAS_SVE
