// SPDX-License-Identifier: MIT
// gemm/ and gemv/<activations>_ternary/<architecture>_lookup: ternary weights as indices of tables.
#include <tern/gemm_lookup.hpp>
#include <tern/gemv.hpp>

#include "benchmarks.hpp"
#include "support/products.hpp"

namespace tern_bench {
namespace {

template <class Lhs>
void add_family(const layer& l, selection wanted) {
    add_products<lookup_family<Lhs>>(l, wanted,
                                     [](auto arch, const auto& x, const auto& w, const auto& dst, tern::tiles range) {
                                         return x.rows == 1 ? tern::gemv<decltype(arch)>(x, w, dst, range)
                                                            : tern::gemm<decltype(arch)>(x, w, dst, range);
                                     });
}

}  // namespace

void add_gemm_lookup(const layer& l, selection wanted) {
    add_family<tern::ternary>(l, wanted);
    add_family<tern::unsigned_bits<2>>(l, wanted);
    add_family<tern::unsigned_bits<4>>(l, wanted);
}

}  // namespace tern_bench
