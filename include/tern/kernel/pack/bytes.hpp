// SPDX-License-Identifier: MIT
// Packing of bytes, 32 of them a step: pack.hpp's two passes for sources of std::int8_t and std::uint8_t.
#pragma once

#include <type_traits>

#include <tern/encoding.hpp>
#include <tern/layout.hpp>
#include <tern/simd/byte_planes.hpp>
#include <tern/simd/x86_byte_planes.hpp>

namespace tern::kernel {

/// How an encoding's values become bytes that hold its planes. With c = value + `bias` modulo 256, a value is valid
/// where c <= `limit` and c has no `forbidden` bit, and plane p is bit p + `first` of c, turned over where `flip` says.
template <class Encoding, class T>
struct byte_code {
    static constexpr bool exists = false;
};

template <set_bit SetBit>
struct byte_code<basic_binary<SetBit>, std::int8_t> {
    static constexpr bool exists = true;
    static constexpr std::uint8_t bias = 1, limit = 2, forbidden = 1;
    static constexpr int first = 1;
    static constexpr word flip = SetBit == set_bit::plus ? 0u : ~0u;
};

/// Bytes of unsigned_bits are what they are; a signed one ends at 127.
template <int K>
struct byte_code<unsigned_bits<K>, std::uint8_t> {
    static constexpr bool exists = true;
    static constexpr std::uint8_t bias = 0, limit = (1 << K) - 1, forbidden = 0;
    static constexpr int first = 0;
    static constexpr word flip = 0;
};
template <int K>
struct byte_code<unsigned_bits<K>, std::int8_t> : byte_code<unsigned_bits<K>, std::uint8_t> {
    static constexpr std::uint8_t limit = K < 8 ? (1 << K) - 1 : 127;
};

/// c is 0 for -1, 1 for 0, 2 for +1.
template <>
struct byte_code<ternary, std::int8_t> {
    static constexpr bool exists = true;
    static constexpr std::uint8_t bias = 1, limit = 2, forbidden = 0;
};

template <class Arch>
using byte_planes = decltype(simd::byte_planes_of(Arch{}));

/// Calls step(32 bytes of `x`, index, how many exist); bytes behind the row are `fill`.
template <class Leaf, class T, class Step>
TERN_INLINE void for_each_32_bytes(const T* x, size_t n, T fill, const Step& step) noexcept {
    const size_t whole = n / word_bits;
    for (size_t w = 0; w < whole; ++w) step(Leaf::load(x + w * word_bits), w, word_bits);
    if (const size_t left = n % word_bits; left != 0) {
        T last[word_bits];
        for (T& one : last) one = fill;
        std::memcpy(last, x + whole * word_bits, left);
        step(Leaf::load(last), whole, left);
    }
}

/// Whether all values of one row have a code.
template <class Arch, class Encoding, class T>
[[nodiscard]] bool valid_bytes(const T* x, size_t n) noexcept {
    using code = byte_code<Encoding, T>;
    using leaf = byte_planes<Arch>;
    typename leaf::reg faults = leaf::zero();
    for_each_32_bytes<leaf>(x, n, static_cast<T>(Encoding::decode(0)),
                            [&](typename leaf::reg block, size_t, size_t) TERN_INLINE_LAMBDA {
                                leaf::note(faults, leaf::add(block, code::bias), code::limit, code::forbidden);
                            });
    return !leaf::any(faults);
}

/// One row of valid values.
template <class Arch, class Encoding, class T>
void pack_bytes(const T* x, size_t n, word* to, size_t plane_stride) noexcept {
    using code = byte_code<Encoding, T>;
    using leaf = byte_planes<Arch>;
    for_each_32_bytes<leaf>(x, n, T{0}, [&](typename leaf::reg block, size_t w, size_t count) TERN_INLINE_LAMBDA {
        const typename leaf::reg c = leaf::add(block, code::bias);
        const word exists = bits::low_mask(count);
        if constexpr (std::is_same_v<Encoding, ternary>) {
            to[w] = ~leaf::template plane<0>(c) & exists;
            to[plane_stride + w] = leaf::template plane<1>(c) & exists;
        } else {
            bits::unroll<size_t{Encoding::planes}>([&](auto p) TERN_INLINE_LAMBDA {
                constexpr int place = static_cast<int>(p) + code::first;
                to[p * plane_stride + w] = (leaf::template plane<place>(c) ^ code::flip) & exists;
            });
        }
    });
}

}  // namespace tern::kernel
