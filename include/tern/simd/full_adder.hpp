// SPDX-License-Identifier: MIT
// Adding bits that lie across registers: each bit position of a register is a column of its own.
#pragma once

#include <tern/simd/batch.hpp>
#include <tern/simd/scalar.hpp>

namespace tern::simd {

/// Three bits of a column as a number of two: a + b + c = sum + 2 carry. `borrow`: a - b - c = sum - 2 borrow.
template <class Lanes>
struct full_adder : Lanes {
    using reg = typename Lanes::reg;

    static TERN_INLINE reg sum(reg a, reg b, reg c) noexcept { return Lanes::xor_(Lanes::xor_(a, b), c); }
    static TERN_INLINE reg carry(reg a, reg b, reg c) noexcept {
        return Lanes::or_(Lanes::and_(a, b), Lanes::and_(c, Lanes::xor_(a, b)));
    }
    static TERN_INLINE reg borrow(reg a, reg b, reg c) noexcept {
        return Lanes::or_(Lanes::and_(b, c), Lanes::and_not(Lanes::or_(b, c), a));
    }
};

/// Which of them an architecture uses; only the types matter.
full_adder<scalar_lanes> full_adder_of(arch::scalar) noexcept;
#if TERN_HAS_XSIMD
full_adder<batch_lanes> full_adder_of(arch::simd) noexcept;
#endif

}  // namespace tern::simd
