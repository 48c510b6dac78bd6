// SPDX-License-Identifier: MIT
// The product of bit planes over the first part of the weights' depth; see driver.hpp for what a product is.
#pragma once

#include <tern/kernel/gemm/planes.hpp>

namespace tern::kernel {

/// `plane_product` counts constants anew for a part of the depth; what is stored of all of it are the weights' sums.
template <class Arch, class Lhs, class Rhs>
class prefix_product : public plane_product<Arch, Lhs, Rhs, false> {
public:
    using plane_product<Arch, Lhs, Rhs, false>::plane_product;

    TERN_INLINE void weight_sums(size_t panel, std::int32_t (&sums)[panel_outputs]) const noexcept {
        const size_t depth = this->depth();
        constexpr size_t planes = size_t{Rhs::planes};
        for (std::int32_t& sum : sums) sum = 0;
        const word* block = this->rhs_.panel(panel);
        for (size_t d = 0; d < depth; d += word_bits, block += planes * panel_outputs) {
            const auto exist = static_cast<std::int32_t>(depth - d < word_bits ? depth - d : word_bits);
            for (size_t q = 0; q < size_t{Rhs::digits}; ++q) {
                for (size_t lane = 0; lane < panel_outputs; ++lane) {
                    const word digit = block[q * panel_outputs + lane];
                    std::int32_t sum = bits::popcount(digit);
                    if constexpr (Rhs::has_mask && Rhs::has_sign)
                        sum = 2 * bits::popcount(digit & block[panel_outputs + lane]) - sum;
                    else if constexpr (Rhs::has_sign)
                        sum = Rhs::sign_bit == set_bit::plus ? 2 * sum - exist : exist - 2 * sum;
                    sums[lane] += sum * (1 << q);
                }
            }
        }
    }
};

}  // namespace tern::kernel
