// SPDX-License-Identifier: MIT
// The floating-point numbers of the fp16 and fp32 processing elements, bit for bit as their hardware makes them:
// round to nearest, ties to even; what is too small becomes zero, on input and on output (no subnormal numbers); the
// largest exponent is infinity (no NaN). Where neither happens, results are those of IEEE 754.
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/config.hpp>

namespace tern::pe {
inline namespace TERN_ISA_NAMESPACE {

struct float_format {
    int exponent;
    int fraction;

    [[nodiscard]] constexpr int width() const noexcept { return 1 + exponent + fraction; }
    [[nodiscard]] constexpr std::int32_t bias() const noexcept { return (1 << (exponent - 1)) - 1; }
    [[nodiscard]] constexpr std::int32_t infinite() const noexcept { return (1 << exponent) - 1; }
    [[nodiscard]] constexpr std::uint32_t fraction_mask() const noexcept { return (1u << fraction) - 1u; }

    [[nodiscard]] constexpr std::uint32_t sign_of(std::uint32_t a) const noexcept {
        return a >> (exponent + fraction) & 1u;
    }
    [[nodiscard]] constexpr std::int32_t exponent_of(std::uint32_t a) const noexcept {
        return static_cast<std::int32_t>(a >> fraction) & infinite();
    }
    /// With the hidden bit; 0 for what counts as zero.
    [[nodiscard]] constexpr std::uint32_t significand_of(std::uint32_t a) const noexcept {
        return exponent_of(a) == 0 ? 0u : (a & fraction_mask()) | (1u << fraction);
    }
    [[nodiscard]] constexpr std::uint32_t pack(std::uint32_t sign, std::int32_t e, std::uint32_t f) const noexcept {
        const std::uint32_t s = sign << (exponent + fraction);
        if (e >= infinite()) return s | static_cast<std::uint32_t>(infinite()) << fraction;
        return e <= 0 ? s : s | static_cast<std::uint32_t>(e) << fraction | (f & fraction_mask());
    }
};
inline constexpr float_format half_format{5, 10};
inline constexpr float_format single_format{8, 23};

namespace detail {

/// A significand with three bits below its unit (guard, round, sticky), rounded, packed.
[[nodiscard]] constexpr std::uint32_t round_pack(float_format f, std::uint32_t sign, std::int32_t e,
                                                 std::uint64_t extended) noexcept {
    std::uint64_t kept = extended >> 3;
    const std::uint64_t rest = extended & 7u;
    if (rest > 4 || (rest == 4 && (kept & 1u) != 0)) ++kept;
    if (kept >> (f.fraction + 1) != 0) {
        kept >>= 1;
        ++e;
    }
    return f.pack(sign, e, static_cast<std::uint32_t>(kept));
}

/// x >> n, where a lost one leaves a one in the lowest place.
[[nodiscard]] constexpr std::uint64_t shift_sticky(std::uint64_t x, std::int32_t n) noexcept {
    if (n >= 63) return x != 0 ? 1u : 0u;
    return x >> n | ((x & ((std::uint64_t{1} << n) - 1u)) != 0 ? 1u : 0u);
}

}  // namespace detail

/// a * b. Zero times infinity is zero.
[[nodiscard]] constexpr std::uint32_t multiply(float_format f, std::uint32_t a, std::uint32_t b) noexcept {
    const std::uint32_t sign = f.sign_of(a) ^ f.sign_of(b);
    const std::int32_t ea = f.exponent_of(a);
    const std::int32_t eb = f.exponent_of(b);
    if (ea == 0 || eb == 0) return f.pack(sign, 0, 0);
    if (ea == f.infinite() || eb == f.infinite()) return f.pack(sign, f.infinite(), 0);
    const std::uint64_t product = std::uint64_t{f.significand_of(a)} * f.significand_of(b);  // 2 fraction + 1 or 2 bits
    const std::int32_t high = static_cast<std::int32_t>(product >> (2 * f.fraction + 1));
    return detail::round_pack(f, sign, ea + eb - f.bias() + high, detail::shift_sticky(product, f.fraction - 3 + high));
}

/// a + b. An infinite operand wins; of two, the first.
[[nodiscard]] constexpr std::uint32_t add(float_format f, std::uint32_t a, std::uint32_t b) noexcept {
    const std::uint32_t magnitude = (1u << (f.exponent + f.fraction)) - 1u;
    const bool swap = (b & magnitude) > (a & magnitude);
    const std::uint32_t large = swap ? b : a;
    const std::uint32_t small = swap ? a : b;
    const std::uint32_t sign = f.sign_of(large);
    const bool subtract = sign != f.sign_of(small);
    std::int32_t e = f.exponent_of(large);
    if (e == f.infinite()) return f.pack(sign, e, 0);
    if (e == 0) return f.pack(subtract ? 0u : sign, 0, 0);

    const std::uint64_t l = std::uint64_t{f.significand_of(large)} << 3;
    const std::uint64_t s = detail::shift_sticky(std::uint64_t{f.significand_of(small)} << 3, e - f.exponent_of(small));
    std::uint64_t sum = subtract ? l - s : l + s;
    if (sum == 0) return 0;
    if (sum >> (f.fraction + 4) != 0) {
        sum = detail::shift_sticky(sum, 1);
        ++e;
    }
    for (; sum >> (f.fraction + 3) == 0; --e) sum <<= 1;
    return e <= 0 ? f.pack(subtract ? 0u : sign, 0, 0) : detail::round_pack(f, sign, e, sum);
}

/// The sum of n numbers as the adder tree makes it: the first half, rounded down, plus the rest. `values` is
/// overwritten.
[[nodiscard]] constexpr std::uint32_t sum_tree(float_format f, std::uint32_t* values, std::size_t n) noexcept {
    if (n == 0) return 0;
    if (n == 1) return values[0];
    const std::uint32_t first = sum_tree(f, values, n / 2);
    return add(f, first, sum_tree(f, values + n / 2, n - n / 2));
}

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
