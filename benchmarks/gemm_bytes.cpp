// SPDX-License-Identifier: MIT
// gemm/ and gemv/int8_<weights>/<architecture>: activations as they are, signed bytes.
#include <tern/gemm_bytes.hpp>
#include <tern/gemv.hpp>

#include "benchmarks.hpp"
#include "support/products.hpp"

namespace tern_bench {

void add_gemm_bytes(const layer& l, selection wanted) {
    const auto multiply = [](auto arch, const auto& x, const auto& w, const auto& dst, tern::tiles range) {
        return x.rows == 1 ? tern::gemv<decltype(arch)>(x, w, dst, range)
                           : tern::gemm<decltype(arch)>(x, w, dst, range);
    };
    add_products<bytes_family<tern::ternary>>(l, wanted, multiply);
    add_products<bytes_family<tern::binary>>(l, wanted, multiply);
    add_products<trits_family>(l, wanted, multiply);
    add_products<sevens_family>(l, wanted, multiply);
}

}  // namespace tern_bench
