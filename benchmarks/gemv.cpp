// SPDX-License-Identifier: MIT
// gemv/<activations>_<weights>/<architecture>/m:M/n:1/k:K
#include <tern/gemv.hpp>

#include "benchmarks.hpp"
#include "support/products.hpp"

namespace tern_bench {

void add_gemv(selection wanted) {
    add_products(
        "gemv", [=](auto arch, const layer& l) { return one_token<decltype(arch)>(l, wanted); },
        [](auto arch, const auto& lhs, const auto& rhs, const auto& dst) {
            return tern::gemv<decltype(arch)>(lhs, rhs, dst);
        });
}

}  // namespace tern_bench
