// SPDX-License-Identifier: MIT
// Products of bit planes on a core that cannot count bits: one output at a time, or a register of them, depth in words.
//
// Where counting the bits of a word takes a dozen instructions, four words are first added up bit by bit. A full adder
// turns three bits of one weight into one of that weight and one of twice the weight; with what is left over from the
// words before,
//     (ones, t) = ones + a + b      (ones, u) = ones + c + d      (twos, fours) = twos + t + u
// and only `fours` is counted, once for four words (Harley and Seal; Warren, Hacker's Delight, 5-1).
#pragma once

#include <tern/kernel/gemm/tile.hpp>
#include <tern/simd/arm_dsp.hpp>

namespace tern::kernel {

/// What is left over of a running count of set bits: ones + 2 twos.
template <class Reg>
struct carry_save_adder {
    Reg ones{};
    Reg twos{};

    TERN_INLINE constexpr carry_save_adder() noexcept {}

    /// low, result = the sum of three bits, in every position.
    static TERN_INLINE Reg add(Reg& low, Reg b, Reg c) noexcept {
        const Reg u = low ^ b;
        const Reg high = (low & b) | (u & c);
        low = u ^ c;
        return high;
    }
    TERN_INLINE Reg add_ones(Reg a, Reg b) noexcept { return add(ones, a, b); }
    TERN_INLINE Reg add_twos(Reg a, Reg b) noexcept { return add(twos, a, b); }
};

/// popcount(c) - 2 popcount(g) of tile.hpp over words of one row and one output for one pair of digits, modulo 2^32, or
/// of as many outputs as `Counts` has lanes. Weight words are `RhsStep` apart. Without `CountsC` the first term is left
/// out.
template <class Counts, class Lhs, class Rhs, size_t RhsStep, bool CountsC>
class word_product {
    static constexpr bool counts_g = Lhs::has_sign || Rhs::has_sign;
    static constexpr bool masked = Lhs::has_mask || Rhs::has_mask;
    using counts = Counts;
    using lanes = typename Counts::lanes;
    using reg = typename Counts::reg;

    struct planes {
        reg c;
        reg g;
    };

    carry_save_adder<reg> c_;
    carry_save_adder<reg> g_;
    reg fours_{};  // counted, not yet times four; of g alone with its sign turned
    reg total_{};

public:
    TERN_INLINE constexpr word_product() noexcept {}

    TERN_INLINE void add(const word* l, size_t lhs_sign, const word* r, size_t rhs_sign, size_t words) noexcept {
        const word* const end = l + words;
        // Pointers of their own, and no offsets: one register less, and no address computed anew.
        const word* l_sign = l + lhs_sign;
        const word* r_sign = r + rhs_sign;
        if constexpr (Lhs::has_mask && Lhs::has_sign) counts::keep(l_sign);
        if constexpr (Rhs::has_mask && Rhs::has_sign && RhsStep == 1) counts::keep(r_sign);
        if constexpr (counts::carry_save) {
            const word* const fours_end = l + words / 4 * 4;
            TERN_KEEP_LOOP
            for (; l != fours_end; l += 4, l_sign += 4, r += 4 * RhsStep, r_sign += 4 * RhsStep) {
                // Two and two, so that few words are in hand at a time: a core has thirteen registers.
                reg c[2] = {};
                reg g[2] = {};
                bits::unroll<2>([&](auto i) TERN_INLINE_LAMBDA {
                    const planes a = meet(l + 2 * i, l_sign + 2 * i, r + 2 * i * RhsStep, r_sign + 2 * i * RhsStep);
                    const planes b = meet(l + 2 * i + 1, l_sign + 2 * i + 1, r + (2 * i + 1) * RhsStep,
                                          r_sign + (2 * i + 1) * RhsStep);
                    if constexpr (CountsC) c[i] = c_.add_ones(a.c, b.c);
                    if constexpr (counts_g) g[i] = g_.add_ones(a.g, b.g);
                });
                if constexpr (CountsC && counts_g)
                    fours_ = counts::add_difference(fours_, c_.add_twos(c[0], c[1]), g_.add_twos(g[0], g[1]));
                else if constexpr (CountsC)
                    fours_ = counts::add_count(fours_, c_.add_twos(c[0], c[1]));
                else
                    fours_ = counts::add_count(fours_, g_.add_twos(g[0], g[1]));
            }
            if constexpr (CountsC && counts_g)
                fours_ -= static_cast<std::uint32_t>(words / 4) * counts::difference_bias;
        }
        TERN_KEEP_LOOP
        for (; l != end; ++l, ++l_sign, r += RhsStep, r_sign += RhsStep) {
            const planes p = meet(l, l_sign, r, r_sign);
            total_ = add(total_, p.c, p.g);
        }
    }

    [[nodiscard]] TERN_INLINE reg result() const noexcept {
        if constexpr (!counts::carry_save) return total_;
        // A loop for the sake of its size.
        const reg c[2] = {c_.twos, c_.ones};
        const reg g[2] = {g_.twos, g_.ones};
        reg sum = (CountsC ? 1u : 0u - 2u) * fours_;
        TERN_KEEP_LOOP
        for (size_t i = 0; i < 2; ++i) sum = add(2u * sum, c[i], g[i]);
        return sum + total_;
    }

private:
    static TERN_INLINE planes meet(const word* l, const word* l_sign, const word* r, const word* r_sign) noexcept {
        planes p{};
        if constexpr (Lhs::has_mask && Rhs::has_mask)
            p.c = lanes::broadcast(*l) & lanes::load(r);
        else if constexpr (masked)
            p.c = Lhs::has_mask ? lanes::broadcast(*l) : lanes::load(r);
        if constexpr (Lhs::has_sign && Rhs::has_sign) {
            p.g = lanes::broadcast(*l_sign) ^ lanes::load(r_sign);
            if constexpr (masked) p.g &= p.c;
        } else if constexpr (counts_g) {  // the missing sign is all ones
            p.g = p.c & ~(Lhs::has_sign ? lanes::broadcast(*l_sign) : lanes::load(r_sign));
        }
        return p;
    }

    /// total + popcount(c) - 2 popcount(g), of the counts that there are.
    static TERN_INLINE reg add(reg total, reg c, reg g) noexcept {
        if constexpr (CountsC && counts_g)
            return counts::add_difference(total, c, g) - counts::difference_bias;
        else if constexpr (CountsC)
            return counts::add_count(total, c);
        else
            return total - 2u * counts::add_count(reg{}, g);
    }
};

/// A tile of one row and one register of outputs.
template <class Counts, class Lhs, class Rhs>
struct word_tile {
    static_assert(Lhs::sign_bit == Rhs::sign_bit,
                  "tern: operands of opposite sign conventions; transcode one of them first");

    using lanes = typename Counts::lanes;
    using reg = typename Counts::reg;
    static constexpr size_t panel_registers = panel_outputs / lanes::width;
    static constexpr size_t panels = 1;
    static constexpr bool counts_c = Lhs::has_mask && Rhs::has_mask;

    /// As in tile.hpp.
    static TERN_INLINE void run(const stretches& depth, const word* const (&rhs)[1], size_t lane,
                                const tile_output& out) noexcept {
        constexpr size_t block_words = size_t{Rhs::planes} * panel_outputs;
        constexpr size_t rhs_sign = Rhs::has_mask ? panel_outputs : 0;
        const size_t lhs_sign = Lhs::has_mask && Lhs::has_sign ? depth.lhs_plane_stride : 0;
        reg sum{};
        // Pairs of digits by the power of two they stand for, the highest first, doubling in between.
        for (size_t power = size_t{Lhs::digits + Rhs::digits - 1}; power-- > 0;) {
            word_product<Counts, Lhs, Rhs, block_words, counts_c> product;
            for (size_t q = 0; q < size_t{Lhs::digits}; ++q) {
                if (q > power || power - q >= size_t{Rhs::digits}) continue;
                const word* w = rhs[0] + lane + (power - q) * panel_outputs;
                for (size_t s = 0; s < depth.count; ++s)
                    product.add(depth.lhs[s] + q * depth.lhs_plane_stride, lhs_sign,
                                w + depth.rhs_blocks[s] * block_words, rhs_sign, depth.words);
            }
            sum = 2u * sum + product.result();
        }
        if (out.add)
            sum += lanes::load(reinterpret_cast<const word*>(out.acc));
        else if constexpr (!counts_c)
            sum += *out.per_row + lanes::load(out.per_output);
        lanes::store(out.acc, sum);
    }
};

template <class Lhs, class Rhs>
struct tile<simd::scalar_lanes, Lhs, Rhs, 1, 1> : word_tile<simd::word_counts, Lhs, Rhs> {};

}  // namespace tern::kernel
