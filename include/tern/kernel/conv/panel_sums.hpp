// SPDX-License-Identifier: MIT
// Sixteen numbers, one an output of a panel, in registers.
#pragma once

#include <tern/kernel/gemm/panel_group.hpp>

namespace tern::kernel {

/// Sums wrap modulo 2^32.
template <class Arch>
class panel_sums {
    using lanes = sized_lanes_of<decltype(gemm_config(Arch{}))>;
    static constexpr size_t registers = panel_outputs / lanes::width;

    typename lanes::reg sum_[registers];

public:
    TERN_INLINE panel_sums() noexcept {
        bits::unroll<registers>([&](auto k) TERN_INLINE_LAMBDA { sum_[k] = lanes::zero(); });
    }
    TERN_INLINE void add(const word* from) noexcept {
        bits::unroll<registers>([&](auto k) TERN_INLINE_LAMBDA {
            sum_[k] = lanes::add(sum_[k], lanes::load(from + k * lanes::width));
        });
    }
    TERN_INLINE void subtract(const word* from) noexcept {
        bits::unroll<registers>([&](auto k) TERN_INLINE_LAMBDA {
            sum_[k] = lanes::sub(sum_[k], lanes::load(from + k * lanes::width));
        });
    }
    TERN_INLINE void store(std::int32_t* to) const noexcept {
        bits::unroll<registers>([&](auto k) TERN_INLINE_LAMBDA { lanes::store(to + k * lanes::width, sum_[k]); });
    }
};

}  // namespace tern::kernel
