// SPDX-License-Identifier: MIT
// Dot products of bytes in xsimd batches of 32-bit lanes: one multiplication a product, as there are no 8-bit lanes
// that mean the same in every release.
#pragma once

#include <tern/simd/batch.hpp>
#include <tern/simd/bytes.hpp>

#if TERN_HAS_XSIMD

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace tern::simd {

struct batch_bytes {
    using reg = batch_lanes::reg;
    struct activations {
        reg x[4];
    };
    using codes = reg;
    using sums = reg;
    static constexpr std::size_t width = reg::size;
    static constexpr bool many_registers = false;
    static constexpr bool moves_fields = true;
    static constexpr bool transposes = false;
    template <int Bits>
    static constexpr std::size_t fold_every = 1u << 16;

    static TERN_INLINE codes load(const void* from) noexcept {
        alignas(64) std::uint32_t lanes[width];
        std::memcpy(lanes, from, sizeof lanes);
        return reg::load_aligned(lanes);
    }
    static TERN_INLINE codes splat(std::uint8_t byte) noexcept { return reg(byte * 0x01010101u); }
    static TERN_INLINE activations broadcast(const std::int8_t* from) noexcept {
        return {{lane(from[0]), lane(from[1]), lane(from[2]), lane(from[3])}};
    }
    static TERN_INLINE activations bit_activations(const std::int8_t* from, std::size_t j) noexcept {
        return {{lane(from[j]), lane(from[j + 8]), lane(from[j + 16]), lane(from[j + 24])}};
    }
    /// Sign-extends byte i of every lane.
    static TERN_INLINE activations load_bytes(const std::int8_t* from) noexcept {
        const reg all = load(from);
        return {{extend(all & reg(255u)), extend((all >> 8) & reg(255u)), extend((all >> 16) & reg(255u)),
                 extend(all >> 24)}};
    }
    static TERN_INLINE sums zero() noexcept { return reg(std::uint32_t{0}); }
    template <int Bits, int Shift>
    static TERN_INLINE codes field(codes c) noexcept {
        return (c >> Shift) & reg(((1u << Bits) - 1u) * 0x01010101u);
    }
    static TERN_INLINE sums dot(sums s, codes c, const activations& a) noexcept {
        return s + ((c & reg(255u)) * a.x[0] + ((c >> 8) & reg(255u)) * a.x[1]) +
               (((c >> 16) & reg(255u)) * a.x[2] + (c >> 24) * a.x[3]);
    }
    template <int Shift>
    static TERN_INLINE reg fold(sums s) noexcept {
        return s;
    }
    static TERN_INLINE reg add(reg a, reg b) noexcept { return a + b; }
    static TERN_INLINE void fill(std::int32_t* to, std::int32_t x) noexcept {
        batch_lanes::store(to, reg(static_cast<std::uint32_t>(x)));
    }
    static TERN_INLINE void add_to(std::int32_t* to, reg s) noexcept {
        batch_lanes::store(to, batch_lanes::load(reinterpret_cast<const std::uint32_t*>(to)) + s);
    }
    static TERN_INLINE std::int32_t total(reg s) noexcept {
        alignas(64) std::uint32_t lanes[width];
        s.store_aligned(lanes);
        std::uint32_t all = 0;
        for (const std::uint32_t one : lanes) all += one;
        return static_cast<std::int32_t>(all);
    }

private:
    static TERN_INLINE reg lane(std::int8_t x) noexcept { return reg(static_cast<std::uint32_t>(x)); }
    static TERN_INLINE reg extend(reg byte) noexcept { return (byte ^ reg(128u)) - reg(128u); }
};

}  // namespace tern::simd

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif  // TERN_HAS_XSIMD
