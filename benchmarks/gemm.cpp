// SPDX-License-Identifier: MIT
// gemm/<activations>_<weights>/<architecture>/m:M/n:N/k:K
#include <tern/gemm.hpp>

#include "benchmarks.hpp"
#include "support/products.hpp"

namespace tern_bench {

void add_gemm(selection wanted) {
    add_products(
        "gemm", [=](auto arch, const layer& l) { return tokens<decltype(arch)>(l, wanted); },
        [](auto arch, const auto& lhs, const auto& rhs, const auto& dst) {
            return tern::gemm<decltype(arch)>(lhs, rhs, dst);
        });
}

}  // namespace tern_bench
