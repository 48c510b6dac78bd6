// SPDX-License-Identifier: MIT
// Words without vectors: counting bits, rounding sizes, loads that never misalign.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include <tern/config.hpp>

namespace tern::bits {

[[nodiscard]] TERN_INLINE constexpr std::size_t ceil_div(std::size_t a, std::size_t b) noexcept {
    return a / b + (a % b != 0 ? 1u : 0u);
}

/// The lowest `n` bits of a word set, n = 0..32.
[[nodiscard]] TERN_INLINE constexpr std::uint32_t low_mask(std::size_t n) noexcept {
    return n >= 32 ? 0xffffffffu : (std::uint32_t{1} << n) - 1u;
}

/// Bits counted within each byte of a word or of a vector of words. Only operators, so that one text serves both.
template <class T>
[[nodiscard]] TERN_INLINE constexpr T count_bytes(T x, T m55, T m33, T m0f) noexcept {
    x = x - ((x >> 1) & m55);
    x = (x & m33) + ((x >> 2) & m33);
    return (x + (x >> 4)) & m0f;
}

/// Sums of the four bytes of each 32-bit lane.
template <class T>
[[nodiscard]] TERN_INLINE constexpr T add_bytes(T x, T m00ff, T m0000ffff) noexcept {
    x = (x & m00ff) + ((x >> 8) & m00ff);
    return (x & m0000ffff) + (x >> 16);
}

/// Number of set bits. SWAR where the target has no instruction for it: `__builtin_popcount` would be a library call.
[[nodiscard]] TERN_INLINE constexpr std::int32_t popcount(std::uint32_t x) noexcept {
#if defined(__POPCNT__)
    return static_cast<std::int32_t>(__builtin_popcount(x));
#else
    x = count_bytes<std::uint32_t>(x, 0x55555555u, 0x33333333u, 0x0f0f0f0fu);
    return static_cast<std::int32_t>((x * 0x01010101u) >> 24);
#endif
}

/// memcpy of a word or a few. Where a program has no hosted library (-ffreestanding), std::memcpy would be a call.
template <std::size_t Bytes>
TERN_INLINE void copy(void* to, const void* from) noexcept {
#if defined(__GNUC__) || defined(__clang__)
    __builtin_memcpy(to, from, Bytes);
#else
    std::memcpy(to, from, Bytes);
#endif
}

template <class T>
[[nodiscard]] TERN_INLINE T load(const void* from) noexcept {
    T value;
    copy<sizeof value>(&value, from);
    return value;
}

template <class T>
TERN_INLINE void store(void* to, T value) noexcept {
    copy<sizeof value>(to, &value);
}

/// Asks for a line of the cache early; any address is safe. Only where there are caches large enough to be worth it.
TERN_INLINE void prefetch(const void* from) noexcept {
#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
    __builtin_prefetch(from, 0);
#else
    static_cast<void>(from);
#endif
}
/// The same for what is too much for the nearest cache.
TERN_INLINE void prefetch_to_second_level(const void* from) noexcept {
#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
    __builtin_prefetch(from, 0, 2);
#else
    static_cast<void>(from);
#endif
}
TERN_INLINE void prefetch_to_write(void* to) noexcept {
#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
    __builtin_prefetch(to, 1);
#else
    static_cast<void>(to);
#endif
}

/// std::integral_constant, but for a conversion that leaves no symbol: those of std:: have no instruction set in them.
template <std::size_t I>
struct index {
    static constexpr std::size_t value = I;
    TERN_INLINE constexpr operator std::size_t() const noexcept { return I; }
};

template <class T, T... I>
struct sequence {};

#if defined(__clang__) || defined(_MSC_VER)
template <std::size_t N>
using first = __make_integer_seq<sequence, std::size_t, N>;
#else
template <std::size_t N>
using first = sequence<std::size_t, __integer_pack(N)...>;
#endif

template <class F, std::size_t... I>
TERN_INLINE void call_each(const F& f, sequence<std::size_t, I...>) noexcept {
    (f(index<I>{}), ...);
}

/// Calls `f(index<0>{}) ... f(index<N - 1>{})`. Indices are constants from the start, so that small arrays of
/// registers stay in registers with every compiler and at every optimisation level that has any.
template <std::size_t N, class F>
TERN_INLINE void unroll(const F& f) noexcept {
    call_each(f, first<N>{});
}

}  // namespace tern::bits
