// SPDX-License-Identifier: MIT
// One register tile against as many panels as it is wide, for any architecture: the step that matrix products and
// convolutions share.
#pragma once

#include <tern/kernel/gemm/constant_terms.hpp>
#include <tern/kernel/gemm/sink.hpp>
#include <tern/kernel/gemm/tile.hpp>

#include <tern/kernel/gemm/scalar.hpp>
#include <tern/kernel/gemm/simd.hpp>
#include <tern/kernel/gemm/sse4.hpp>
#include <tern/kernel/gemm/avx2.hpp>
#include <tern/kernel/gemm/avx512.hpp>
#include <tern/kernel/gemm/avx512_vpopcntdq.hpp>
#include <tern/kernel/gemm/neon.hpp>
#include <tern/kernel/gemm/sve.hpp>
#include <tern/kernel/gemm/mve.hpp>

namespace tern::kernel {

/// `OneRow`: the shape for a single row of activations, wide instead of high. `PlaneStride`: see `tile`.
template <class Arch, class Lhs, class Rhs, bool OneRow, size_t PlaneStride = 0>
struct panel_group {
    static_assert(arch::compiled(Arch{}),
                  "tern: this architecture's instructions are not enabled for this translation unit; "
                  "add the compiler flags or choose another tag");

    using config = decltype(gemm_config(Arch{}));
    using lanes = typename config::lanes;
    static constexpr bool two_counters = Lhs::has_mask && Rhs::has_mask;
    static constexpr size_t rows = OneRow ? 1 : config::rows(two_counters);
    static constexpr size_t registers = OneRow ? config::row_registers : config::registers(two_counters);
    using tile_type = tile<lanes, Lhs, Rhs, rows, registers, PlaneStride>;
    static constexpr size_t panels = tile_type::panels;
    static constexpr size_t outputs = panels * panel_outputs;
    /// Rows whose accumulators are kept while a stretch of the weights is in the nearest cache.
    static constexpr size_t row_block = OneRow ? 1 : 4 * rows;

    /// Products of `rows` rows with the outputs of the panels from `first` on; `out` as in tile.hpp.
    /// `left`: panels there are; those behind the last are computed as the last, and their results mean nothing.
    /// A function of its own, shared by all sinks and by products and convolutions: inlined, each would compile its own
    /// copy of the kernel.
    static void multiply(const stretches& depth, const word* first, size_t panel_stride, size_t left,
                         const tile_output& out) noexcept {
        if constexpr (panels > 1 && simd::in_waves<lanes>) {
            if (left == 1) {  // the last of an odd number, or the only one
                const word* const w[1] = {first};
                return tile<lanes, Lhs, Rhs, rows, tile_type::panel_registers, PlaneStride>::run(depth, w, 0, out);
            }
        }
        if constexpr (registers >= tile_type::panel_registers) {
            const word* w[panels];
            bits::unroll<panels>([&](auto p) TERN_INLINE_LAMBDA {
                w[p] = first + (p < left ? size_t{p} : left - 1) * panel_stride;
            });
            tile_type::run(depth, w, 0, out);
        } else {
            const word* const w[1] = {first};
            for (size_t lane = 0; lane < panel_outputs; lane += registers * lanes::width)
                tile_type::run(depth, w, lane,
                               {out.acc + lane, out.stride, out.add, out.per_row, out.per_output + lane});
        }
    }
};

}  // namespace tern::kernel
