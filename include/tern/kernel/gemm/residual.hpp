// SPDX-License-Identifier: MIT
// One panel of residual-expanded weights against all rows, two rows at a time.
#pragma once

#include <tern/kernel/gemm/panel_group.hpp>
#include <tern/kernel/quantize/nested.hpp>

namespace tern::kernel {

/// acc[r][k][o]: product of row r and copy k of output o. Rows behind the last are computed as the last.
template <class Arch, int K, size_t Rows>
void residual_tile(const word* const (&x)[Rows], size_t sign_offset, const word* panel, size_t words,
                   std::int32_t (&acc)[Rows][size_t{K}][panel_outputs]) noexcept {
    using lanes = sized_lanes_of<decltype(gemm_config(Arch{}))>;
    using reg = typename lanes::reg;
    constexpr size_t levels = size_t{K};
    constexpr size_t step = size_t{K + 1} * panel_outputs;
    for (size_t lane = 0; lane < panel_outputs; lane += lanes::width) {
        reg sum[Rows][levels];
        reg c[Rows][levels];
        reg g[Rows][levels];
        const auto clear = [&]() TERN_INLINE_LAMBDA {
            bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
                bits::unroll<levels>([&](auto k) TERN_INLINE_LAMBDA { c[r][k] = g[r][k] = lanes::zero(); });
            });
        };
        const auto fold = [&]() TERN_INLINE_LAMBDA {
            bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
                bits::unroll<levels>([&](auto k) TERN_INLINE_LAMBDA {
                    const reg minus = lanes::fold(g[r][k]);
                    sum[r][k] = lanes::sub(lanes::add(sum[r][k], lanes::fold(c[r][k])), lanes::add(minus, minus));
                });
            });
            clear();
        };
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            bits::unroll<levels>([&](auto k) TERN_INLINE_LAMBDA { sum[r][k] = lanes::zero(); });
        });
        clear();
        constexpr size_t stretch = lanes::fold_every == 0 ? ~size_t{0} : lanes::fold_every;
        for (size_t from = 0; from < words;) {
            const size_t to = words - from < stretch ? words : from + stretch;
            TERN_KEEP_LOOP
            for (size_t at = from; at < to; ++at) {
                const word* block = panel + at * step + lane;
                const reg sign = lanes::load(block + levels * panel_outputs);
                reg mask[levels];
                bits::unroll<levels>([&](auto k)
                                         TERN_INLINE_LAMBDA { mask[k] = lanes::load(block + k * panel_outputs); });
                bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
                    const reg nonzero = lanes::broadcast(x[r][at]);
                    const reg differs = lanes::xor_(sign, lanes::broadcast(x[r][at + sign_offset]));
                    bits::unroll<levels>([&](auto k) TERN_INLINE_LAMBDA {
                        const reg both = lanes::and_(nonzero, mask[k]);
                        c[r][k] = lanes::add(c[r][k], lanes::count(both));
                        g[r][k] = lanes::add(g[r][k], lanes::count(lanes::and_(both, differs)));
                    });
                });
            }
            fold();
            from = to;
        }
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            bits::unroll<levels>([&](auto k) TERN_INLINE_LAMBDA { lanes::store(&acc[r][k][0] + lane, sum[r][k]); });
        });
    }
}

template <class Arch, int K>
void residual_panel(const packed_rows<ternary>& lhs, const packed_panels<nested_ternary<K>>& rhs, size_t panel,
                    const matrix_view<const float>& scale, float scale_x, size_t levels,
                    const matrix_view<float>& dst) noexcept {
    constexpr size_t rows = 2;
    std::int32_t acc[rows][size_t{K}][panel_outputs];
    const size_t words = depth_words(lhs.depth);
    const size_t first = panel * panel_outputs;
    const size_t outputs = rhs.outputs - first < panel_outputs ? rhs.outputs - first : panel_outputs;
    for (size_t i = 0; i < lhs.rows; i += rows) {
        const size_t next = i + 1 < lhs.rows ? i + 1 : i;
        const word* const x[rows] = {lhs.row(i), lhs.row(next)};
        residual_tile<Arch, K, rows>(x, lhs.plane_stride, rhs.panel(panel), words, acc);
        for (size_t r = 0; r < rows && i + r < lhs.rows; ++r) {
            for (size_t o = 0; o < outputs; ++o) {
                const float* const scales = scale.row(scale.rows == 1 ? 0 : first + o);
                double sum = 0.0;
                for (size_t k = 0; k < levels; ++k) sum += static_cast<double>(scales[k]) * acc[r][k][o];
                dst(i + r, first + o) = static_cast<float>(static_cast<double>(scale_x) * sum);
            }
        }
    }
}

}  // namespace tern::kernel
