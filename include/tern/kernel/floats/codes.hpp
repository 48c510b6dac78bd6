// SPDX-License-Identifier: MIT
// Floats times ternary codes: additions and subtractions in order of depth, outputs in lanes.
#pragma once

#include <tern/epilogue.hpp>
#include <tern/simd/signed_adds.hpp>
#include <tern/simd/x86_signed_adds.hpp>

namespace tern::kernel {

/// Rows that share what a code is taken apart for.
template <class Adds, size_t Rows>
struct float_tile_config {
    using adds = Adds;
    static constexpr size_t rows = Rows;
};

TERN_INLINE constexpr auto float_config(arch::scalar) noexcept {
    return float_tile_config<simd::scalar_signed_adds, 1>{};
}
#if TERN_HAS_AVX2
TERN_INLINE constexpr auto float_config(arch::avx2) noexcept { return float_tile_config<simd::avx2_signed_adds, 2>{}; }
#endif
#if TERN_HAS_AVX512
TERN_INLINE constexpr auto float_config(arch::avx512) noexcept {
    return float_tile_config<simd::avx512_signed_adds, 4>{};
}
#endif

/// sums[r][64 outputs] of Rows rows over all of the depth. Nothing behind a row is read.
template <class Adds, size_t Rows>
struct float_tile {
    static constexpr size_t fields = packed_codes::tile_outputs / panel_outputs;
    static constexpr size_t tile_depth = packed_codes::tile_depth;
    using sum = typename Adds::floats;

    static TERN_INLINE void run(const float* const (&x)[Rows], size_t depth, const std::uint8_t* codes,
                                float (&sums)[Rows][packed_codes::tile_outputs]) noexcept {
        const size_t whole = depth / tile_depth;
        float tails[Rows][tile_depth];
        const float* tail[Rows];
        for (size_t r = 0; r < Rows; ++r) {
            for (size_t i = 0; i < tile_depth; ++i)
                tails[r][i] = whole * tile_depth + i < depth ? x[r][whole * tile_depth + i] : 0.0f;
            tail[r] = tails[r];
        }
        for (size_t lane = 0; lane < panel_outputs; lane += Adds::width) {
            const std::uint8_t* const from = codes + lane * tile_depth;
            sum acc[Rows][fields];
            bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
                bits::unroll<fields>([&](auto f) TERN_INLINE_LAMBDA { acc[r][f] = Adds::zero(); });
            });
            TERN_KEEP_LOOP
            for (size_t t = 0; t < whole; ++t) step(acc, x, t * tile_depth, from + t * packed_codes::tile_bytes);
            if (whole * tile_depth < depth) step(acc, tail, 0, from + whole * packed_codes::tile_bytes);
            bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
                bits::unroll<fields>([&](auto f) TERN_INLINE_LAMBDA {
                    Adds::store(sums[r] + f * panel_outputs + lane, acc[r][f]);
                });
            });
        }
    }

private:
    static TERN_INLINE void step(sum (&acc)[Rows][fields], const float* const (&x)[Rows], size_t at,
                                 const std::uint8_t* codes) noexcept {
        const auto c = Adds::load(codes);
        bits::unroll<tile_depth>([&](auto j) TERN_INLINE_LAMBDA {
            sum a[Rows];
            bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA { a[r] = Adds::broadcast(x[r][at + j]); });
            bits::unroll<fields>([&](auto f) TERN_INLINE_LAMBDA {
                const auto choice = Adds::template choose<int{8 * decltype(j)::value + 2 * decltype(f)::value}>(c);
                bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA { acc[r][f] = Adds::add(acc[r][f], choice, a[r]); });
            });
        });
    }
};

/// Rows x outputs of the panels [first, last) of 64. One function a (architecture, rows of a tile).
template <class Arch, size_t Rows>
void run_floats(const matrix_view<const float>& lhs, const packed_codes& rhs, size_t first, size_t last,
                const scale_offset& e, const matrix_view<float>& dst) noexcept {
    static_assert(arch::compiled(Arch{}),
                  "tern: this architecture's instructions are not enabled for this translation unit; "
                  "add the compiler flags or choose another tag");
    using adds = typename decltype(float_config(Arch{}))::adds;
    for (size_t row = 0; row < lhs.rows; row += Rows) {
        const float* x[Rows];
        for (size_t r = 0; r < Rows; ++r) x[r] = lhs.row(row + r < lhs.rows ? row + r : lhs.rows - 1);
        for (size_t panel = first; panel < last; ++panel) {
            float sums[Rows][packed_codes::tile_outputs];
            float_tile<adds, Rows>::run(x, lhs.cols, rhs.data + panel * rhs.panel_stride(), sums);
            for (size_t r = 0; r < Rows && row + r < lhs.rows; ++r) {
                for (size_t i = 0; i < packed_codes::tile_outputs; ++i) {
                    const size_t output = panel * packed_codes::tile_outputs + i;
                    if (output >= rhs.outputs) break;
                    // The product is exact in double, so that nothing changes where it is fused with the addition.
                    const double scale = double{e.weights.scale.at(output, 0, 1.0f)};
                    const double bias = e.bias == nullptr ? 0.0 : double{e.bias[output]};
                    const auto y = static_cast<float>(scale * double{sums[r][i]} + bias);
                    const float above = y < e.clamp_min ? e.clamp_min : y;
                    dst(row + r, output) = above > e.clamp_max ? e.clamp_max : above;
                }
            }
        }
    }
}

}  // namespace tern::kernel
