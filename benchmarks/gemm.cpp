// SPDX-License-Identifier: MIT
// gemm/ and gemv/<activations>_<weights>/<architecture>: bit planes. One file for both: gemv is gemm of one row, and
// the compiler needs its time for the kernels.
#include <tern/gemv.hpp>

#include "benchmarks.hpp"
#include "support/products.hpp"

namespace tern_bench {

void add_gemm(const layer& l, selection wanted) {
    for_each_pair([&](auto pair) {
        using lhs = typename decltype(pair)::lhs;
        using rhs = typename decltype(pair)::rhs;
        if (wanted == selection::report && (lhs::planes > 2 || lhs::max_abs > 1 || (!lhs::has_mask && rhs::has_mask)))
            return;
        add_products<popcount_family<lhs, rhs>>(
            l, wanted, [](auto arch, const auto& x, const auto& w, const auto& dst, tern::tiles range) {
                return x.rows == 1 ? tern::gemv<decltype(arch)>(x, w, dst, range)
                                   : tern::gemm<decltype(arch)>(x, w, dst, range);
            });
    });
}

}  // namespace tern_bench
