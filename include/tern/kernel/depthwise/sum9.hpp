// SPDX-License-Identifier: MIT
// Sums of nine products of -1, 0 and +1 a bit position: carry-save adders over registers in which every bit is a
// channel of its own. A product is not zero where both masks are set, and minus where the signs differ as well; with n
// and m such products among nine the sum is n - 2 m, in -9 .. 9, two's complement in five planes.
#pragma once

#include <cstring>

#include <tern/layout.hpp>
#include <tern/simd/full_adder.hpp>
#include <tern/simd/plane_bytes.hpp>
#include <tern/simd/x86_full_adder.hpp>

namespace tern::kernel {

inline constexpr size_t taps_together = 9;
/// Planes of their sum.
inline constexpr size_t sum_planes = 5;

template <class Arch>
using adder_of = decltype(simd::full_adder_of(Arch{}));
template <class Arch>
using plane_bytes = decltype(simd::plane_bytes_of(Arch{}));

/// Number of set bits among nine, three at a time: `add<G>(a, b, c)` for G = 0, 1, 2.
template <class Adder>
struct count9 {
    using reg = typename Adder::reg;
    reg sums[3];
    reg carries[3];

    template <size_t Group>
    TERN_INLINE void add(reg a, reg b, reg c) noexcept {
        sums[Group] = Adder::sum(a, b, c);
        carries[Group] = Adder::carry(a, b, c);
    }
    TERN_INLINE void finish(reg (&to)[4]) const noexcept {
        const reg twos = Adder::sum(carries[0], carries[1], carries[2]);
        const reg fours = Adder::carry(carries[0], carries[1], carries[2]);
        const reg carry = Adder::carry(sums[0], sums[1], sums[2]);
        const reg more = Adder::and_(twos, carry);
        to[0] = Adder::sum(sums[0], sums[1], sums[2]);
        to[1] = Adder::xor_(twos, carry);
        to[2] = Adder::xor_(fours, more);
        to[3] = Adder::and_(fours, more);
    }
};

/// The five planes of n - 2 m. load(tap, mask, sign, weight mask, weight sign) for nine taps.
template <class Adder, class Load>
TERN_INLINE void sum9(const Load& load, typename Adder::reg (&to)[sum_planes]) noexcept {
    using reg = typename Adder::reg;
    count9<Adder> products;
    count9<Adder> negatives;
    bits::unroll<3>([&](auto group) TERN_INLINE_LAMBDA {
        reg product[3];
        reg negative[3];
        bits::unroll<3>([&](auto i) TERN_INLINE_LAMBDA {
            reg mask, sign, weight_mask, weight_sign;
            load(bits::index<decltype(group)::value * 3 + decltype(i)::value>{}, mask, sign, weight_mask, weight_sign);
            product[i] = Adder::and_(mask, weight_mask);
            negative[i] = Adder::and_xor(product[i], sign, weight_sign);
        });
        products.template add<decltype(group)::value>(product[0], product[1], product[2]);
        negatives.template add<decltype(group)::value>(negative[0], negative[1], negative[2]);
    });
    reg n[4];
    reg m[4];
    products.finish(n);
    negatives.finish(m);
    to[0] = n[0];
    to[1] = Adder::xor_(n[1], m[0]);
    reg borrow = Adder::and_not(m[0], n[1]);
    to[2] = Adder::sum(n[2], m[1], borrow);
    borrow = Adder::borrow(n[2], m[1], borrow);
    to[3] = Adder::sum(n[3], m[2], borrow);
    borrow = Adder::borrow(n[3], m[2], borrow);
    to[4] = Adder::xor_(m[3], borrow);
}

/// Nine taps of a stretch of words: the planes of the activations, and those of the weights, which repeat.
struct stretch9 {
    const word* mask[taps_together];
    const word* sign[taps_together];
    const word* weights;  ///< of tap t: mask at t * tap_stride, sign `tap_stride / 2` further, `period` words and some
    size_t tap_stride;
    size_t period;  ///< words after which weights repeat
};

/// A register of each plane, to bytes.
template <class Arch, bool Add, class Reg>
TERN_INLINE auto put_planes(const Reg (&planes)[sum_planes], std::int8_t* to) noexcept
    -> decltype(plane_bytes<Arch>::template expand_register<Add>(planes, to)) {
    plane_bytes<Arch>::template expand_register<Add>(planes, to);
}
template <class Arch, bool Add, class Reg, class... None>
TERN_INLINE void put_planes(const Reg (&planes)[sum_planes], std::int8_t* to, None...) noexcept {
    using adder = adder_of<Arch>;
    constexpr size_t width = adder::width;
    alignas(64) word lanes[sum_planes * width];
    bits::unroll<sum_planes>([&](auto p) TERN_INLINE_LAMBDA {
        // Signed and unsigned of a type may alias.
        adder::store(reinterpret_cast<std::int32_t*>(lanes) + p * width, planes[p]);
    });
    for (size_t i = 0; i < width; i += plane_bytes<Arch>::words)
        plane_bytes<Arch>::template expand<static_cast<int>(sum_planes), Add>(lanes + i, width, to + i * word_bits);
}

/// What happens to sums that are all kept.
struct all_kept {
    static constexpr bool keeps = true;
    TERN_INLINE void operator()(size_t, size_t, const std::int8_t*) const noexcept {}
};

/// Bytes of 32 channels a word; Add: to what is there. Words up to a whole register are read and written.
/// Unless Then::keeps, calls then(at, count, bytes) for all words, a few at a time between the additions of the next
/// register: stores in a row would fill the core's queues, and leave the adders idle. Without Add such bytes take turns
/// in two places: results leave no room for more nearby. A call: registers are scarce enough without the caller's.
template <class Arch, bool Add, class Then>
TERN_NO_INLINE void sum_stretch(const stretch9& given, size_t words, std::int8_t* to, const Then& next) noexcept {
    const stretch9 s = given;  // of our own: bytes that are written could be the caller's
    const Then then = next;
    using adder = adder_of<Arch>;
    using reg = typename adder::reg;
    constexpr size_t width = adder::width;
    constexpr bool in_turn = !Add && !Then::keeps;
    constexpr size_t each = (width + taps_together - 2) / (taps_together - 1);  // words between two additions
    alignas(64) std::int8_t turns[in_turn ? 2 : 1][in_turn ? width * word_bits : 1];
    size_t a = width;
    size_t b = s.period;
    while (b != 0) {
        const size_t rest = a % b;
        a = b;
        b = rest;
    }
    const size_t classes = s.period / a;  // registers after which weights repeat
    for (size_t first = 0; first < classes && first * width < words; ++first) {
        const word* from = s.weights + first * width % s.period;
        reg weight_mask[taps_together];
        reg weight_sign[taps_together];
        bits::unroll<taps_together>([&](auto t) TERN_INLINE_LAMBDA {
            weight_mask[t] = adder::load(from + t * s.tap_stride);
            weight_sign[t] = adder::load(from + t * s.tap_stride + s.tap_stride / 2);
        });
        const std::int8_t* ready = nullptr;
        size_t at = first * width;
        for (size_t turn = 0; at < words; at += classes * width, turn = 1 - turn) {
            const size_t before = at - classes * width;
            reg planes[sum_planes];
            sum9<adder>(
                [&](auto t, reg& mask, reg& sign, reg& of_mask, reg& of_sign) TERN_INLINE_LAMBDA {
                    mask = adder::load(s.mask[t] + at);
                    sign = adder::load(s.sign[t] + at);
                    of_mask = weight_mask[t];
                    of_sign = weight_sign[t];
                    constexpr size_t w = decltype(t)::value * each;
                    if constexpr (!Then::keeps && w < width)
                        if (ready != nullptr) then(before + w, each, ready + w * word_bits);
                },
                planes);
            std::int8_t* const bytes = in_turn ? turns[turn] : to + at * word_bits;
            put_planes<Arch, Add>(planes, bytes);
            ready = bytes;
        }
        at -= classes * width;
        if constexpr (!Then::keeps) then(at, words - at < width ? words - at : width, ready);
    }
}

}  // namespace tern::kernel
