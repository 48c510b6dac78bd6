// SPDX-License-Identifier: MIT
// Signed bytes times base-3 digits by dot products of bytes: a fifth fewer bytes than 2-bit codes, for weights that
// come from memory.
//
// A tile holds 16 outputs x 20 positions of depth, four bytes an output. Digit i of the four bytes is positions
// 4 i .. 4 i + 3, so that one digit after the other meets four activations, broadcast to all lanes. As with codes,
//     sum_k (w[k] + 1) x[k] - sum_k x[k] = sum_k w[k] x[k]
// and sums that start at -sum x wrap modulo 2^32 on the way.
#pragma once

#include <tern/kernel/bytes/byte_sum.hpp>
#include <tern/layout_tiles.hpp>
#include <tern/simd/x86_trits.hpp>

namespace tern::kernel {

/// Digits as bytes of their own, by arithmetic on 32-bit lanes: with the fraction x / 256 of a byte, digit = 3 x >> 8,
/// and the rest 3 x mod 256 has the next one.
///   sums        sums that the digits go to, so that fields may stay where they are (avx512_vpopcntdq_trits)
///   dots        dot products a tile that go to one sum, at most
template <class Words>
struct arithmetic_trits {
    using reg = typename Words::reg;
    static constexpr size_t sums = 1;
    static constexpr size_t dots = trit::per_byte;
    template <size_t Digit>
    static constexpr size_t sum_of = 0;
    template <size_t Sum>
    static constexpr int shift = 0;

    static TERN_INLINE void split(reg x, reg (&digits)[trit::per_byte]) noexcept {
        const reg low = Words::broadcast(0x00ff00ffu);
        reg even = Words::and_(x, low);
        reg odd = Words::and_(Words::shift_right(x, 8), low);
        bits::unroll<trit::per_byte>([&](auto i) TERN_INLINE_LAMBDA {
            even = Words::add(even, Words::add(even, even));
            odd = Words::add(odd, Words::add(odd, odd));
            digits[i] = Words::or_(Words::and_(Words::shift_right(even, 8), low), Words::and_not(odd, low));
            even = Words::and_(even, low);
            odd = Words::and_(odd, low);
        });
    }
};

// With the registers of bytes_config, tag by tag.
TERN_INLINE constexpr auto trits_config(arch::scalar) noexcept { return arithmetic_trits<simd::scalar_lanes>{}; }
#if TERN_HAS_XSIMD
TERN_INLINE constexpr auto trits_config(arch::simd) noexcept { return arithmetic_trits<simd::batch_lanes>{}; }
#endif
#if TERN_HAS_SSE4
TERN_INLINE constexpr auto trits_config(arch::sse4) noexcept { return arithmetic_trits<simd::sse4_lanes>{}; }
#endif
#if TERN_HAS_AVX2
TERN_INLINE constexpr auto trits_config(arch::avx2) noexcept { return arithmetic_trits<simd::avx2_lanes>{}; }
#endif
#if TERN_HAS_AVX512
TERN_INLINE constexpr auto trits_config(arch::avx512) noexcept { return arithmetic_trits<simd::avx512_lanes>{}; }
#endif
#if TERN_HAS_AVX512_VPOPCNTDQ
TERN_INLINE constexpr auto trits_config(arch::avx512_vpopcntdq) noexcept { return simd::avx512_vpopcntdq_trits{}; }
#endif
#if TERN_HAS_NEON
TERN_INLINE constexpr auto trits_config(arch::neon) noexcept { return arithmetic_trits<simd::neon_lanes>{}; }
#endif

/// The register tile: Rows activations x Loads registers of digits.
template <class Bytes, class Trits, size_t Rows, size_t Loads>
struct trits_tile {
    /// acc[r][output] += digits x activations over `steps` tiles. x[r]: row r; trits[l]: register l in the first tile;
    /// acc[l]: row 0 of its outputs. `acc_stride`: from a row to the next.
    static TERN_INLINE void run(const std::int8_t* const (&x)[Rows], const std::uint8_t* const (&trits)[Loads],
                                size_t steps, std::int32_t* const (&acc)[Loads], size_t acc_stride) noexcept {
        constexpr size_t fold_every = Bytes::template fold_every<2> / Trits::dots;
        static_assert(fold_every != 0);
        for (size_t at = 0; at < steps;) {
            const size_t end = steps - at < fold_every ? steps : at + fold_every;
            typename Bytes::sums sums[Rows][Loads][Trits::sums];
            for_each([&](auto r, auto l, auto s) TERN_INLINE_LAMBDA { sums[r][l][s] = Bytes::zero(); });
            TERN_KEEP_LOOP
            for (; at < end; ++at) {
                bits::unroll<Loads>([&](auto l) TERN_INLINE_LAMBDA {
                    // Digits take so long that loads do not run far ahead: the next group of panels is asked for.
                    if constexpr (Rows == 1 && Loads > 1)
                        bits::prefetch_to_second_level(trits[l] + Loads * static_cast<size_t>(trits[1] - trits[0]) +
                                           at * packed_trits::tile_bytes);
                    typename Bytes::codes digits[trit::per_byte];
                    Trits::split(Bytes::load(trits[l] + at * packed_trits::tile_bytes), digits);
                    bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
                        bits::unroll<trit::per_byte>([&](auto i) TERN_INLINE_LAMBDA {
                            constexpr size_t s = Trits::template sum_of<decltype(i)::value>;
                            const auto a =
                                Bytes::broadcast(x[r] + at * packed_trits::tile_depth + i * packed_trits::lane_bytes);
                            sums[r][l][s] = Bytes::dot(sums[r][l][s], digits[i], a);
                        });
                    });
                });
            }
            for_each([&](auto r, auto l, auto s) TERN_INLINE_LAMBDA {
                Bytes::add_to(acc[l] + r * acc_stride,
                              Bytes::template fold<Trits::template shift<decltype(s)::value>>(sums[r][l][s]));
            });
        }
    }

private:
    template <class F>
    static TERN_INLINE void for_each(const F& f) noexcept {
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            bits::unroll<Loads>([&](auto l) TERN_INLINE_LAMBDA {
                bits::unroll<Trits::sums>([&](auto s) TERN_INLINE_LAMBDA { f(r, l, s); });
            });
        });
    }
};

/// A product as kernel/gemm/driver.hpp wants it. `OneRow`: the tile shape for a single row of activations.
template <class Arch, bool OneRow>
class trits_product : public summed_bytes<Arch, packed_trits, OneRow ? 1 : 16> {
    using base = summed_bytes<Arch, packed_trits, OneRow ? 1 : 16>;
    using base::lhs_, base::rhs_, base::panel_stride_, base::row_, base::rows_, base::from_, base::to_;

    using bytes = typename decltype(bytes_config(Arch{}))::bytes;
    using digits = decltype(trits_config(Arch{}));
    static constexpr size_t tile_depth = packed_trits::tile_depth;
    static constexpr size_t tile_rows = OneRow ? 1 : 4;
    static constexpr size_t panel_loads = panel_outputs / bytes::width;  // registers of a tile
    static constexpr size_t loads = panel_loads == 1 && OneRow ? 2 : 1;

public:
    static constexpr size_t row_block = OneRow ? 1 : 16;
    static constexpr size_t row_step = tile_rows;
    static constexpr size_t panels = panel_loads == 1 ? loads : 1;

    TERN_INLINE trits_product(const matrix_view<const std::int8_t>& lhs, const packed_trits& rhs) noexcept
        : base(lhs, rhs) {}

    void select(size_t row, size_t rows, size_t from, size_t to) noexcept { base::select_bytes(row, rows, from, to); }

    void multiply(size_t panel, size_t count, std::int32_t* acc, size_t stride) noexcept {
        for (size_t r = 0; r < rows_; r += tile_rows) {
            std::int32_t* const to = acc + r * stride;
            const std::int8_t* x[tile_rows];
            std::int8_t padded[tile_rows][tile_depth];
            for (size_t i = 0; i < tile_rows; ++i)  // behind the last row, the last again
                base::start(r + i < rows_ ? r + i : rows_ - 1, panels, to + i * stride);
            // Whole tiles where they are; those that the depth or a group of it cuts, from copies between zeros.
            for (size_t at = from_; at < to_;) {
                const size_t tile = at / tile_depth;
                const size_t whole = at % tile_depth == 0 ? (to_ - at) / tile_depth : 0;
                const size_t first = tile * tile_depth;
                const size_t end = to_ - first < tile_depth ? to_ : first + tile_depth;
                for (size_t i = 0; i < tile_rows; ++i) {
                    const std::int8_t* const row = lhs_.row(row_ + (r + i < rows_ ? r + i : rows_ - 1));
                    x[i] = row + at;
                    if (whole != 0) continue;
                    std::memset(padded[i], 0, tile_depth);
                    std::memcpy(padded[i] + (at - first), row + at, end - at);
                    x[i] = padded[i];
                }
                run(x, rhs_.data + panel * panel_stride_ + tile * packed_trits::tile_bytes, panel_stride_, count,
                    whole == 0 ? 1 : whole, to, stride);
                at = whole == 0 ? end : at + whole * tile_depth;
            }
        }
    }

private:
    /// A function of its own, shared by all sinks.
    static void run(const std::int8_t* const (&x)[tile_rows], const std::uint8_t* trits, size_t panel_stride,
                    size_t count, size_t steps, std::int32_t* acc, size_t stride) noexcept {
        if constexpr (panels > 1) {
            if (count < panels) return run_loads<1>(x, trits, panel_stride, steps, acc, stride);
            run_loads<loads>(x, trits, panel_stride, steps, acc, stride);
        } else {
            for (size_t lane = 0; lane < panel_outputs; lane += bytes::width)
                run_loads<1>(x, trits + lane * packed_trits::lane_bytes, panel_stride, steps, acc + lane, stride);
        }
    }

    template <size_t Loads>
    static TERN_INLINE void run_loads(const std::int8_t* const (&x)[tile_rows], const std::uint8_t* trits,
                                      size_t panel_stride, size_t steps, std::int32_t* acc, size_t stride) noexcept {
        const std::uint8_t* from[Loads];
        std::int32_t* to[Loads];
        for (size_t l = 0; l < Loads; ++l) {
            from[l] = trits + l * panel_stride;
            to[l] = acc + l * panel_outputs;
        }
        trits_tile<bytes, digits, tile_rows, Loads>::run(x, from, steps, to, stride);
    }

};

}  // namespace tern::kernel
