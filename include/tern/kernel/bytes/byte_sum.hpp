// SPDX-License-Identifier: MIT
// What products of bytes with codes and with bits share: the configurations of all architectures, and sums of rows.
#pragma once

#include <tern/kernel/gemm/tile.hpp>

#include <tern/kernel/bytes/scalar.hpp>
#include <tern/kernel/bytes/simd.hpp>
#include <tern/kernel/bytes/sse4.hpp>
#include <tern/kernel/bytes/avx2.hpp>
#include <tern/kernel/bytes/avx512.hpp>
#include <tern/kernel/bytes/avx512_vnni.hpp>
#include <tern/kernel/bytes/neon.hpp>
#include <tern/kernel/bytes/dotprod.hpp>
#include <tern/kernel/bytes/i8mm.hpp>

namespace tern::kernel {

/// Step zeros, then Step ones: Step of them from the n-th on are ones for the last n of Step bytes.
template <size_t Step>
struct ones_for_last {
    std::uint8_t mask[2 * Step];

    constexpr ones_for_last() noexcept : mask() {
        for (size_t i = Step; i < 2 * Step; ++i) mask[i] = 1;
    }
};
template <size_t Step>
inline constexpr ones_for_last<Step> ones_for_last_of{};

/// Sum of some signed bytes.
template <class Bytes>
TERN_INLINE std::int32_t byte_sum(const std::int8_t* x, size_t count) noexcept {
    constexpr size_t step = 4 * Bytes::width;
    constexpr size_t fold_every = Bytes::template fold_every<1>;
    std::uint32_t total = 0;
    size_t at = 0;
    while (count - at >= step) {
        const size_t steps = (count - at) / step;
        const size_t end = at + (steps < fold_every - 1 ? steps : fold_every - 1) * step;
        auto sums = Bytes::zero();
        TERN_KEEP_LOOP
        for (; at < end; at += step) sums = Bytes::dot(sums, Bytes::splat(1), Bytes::load_bytes(x + at));
        if (at < count && count - at < step) {  // the rest, behind bytes that are there already
            const auto mask = Bytes::load(ones_for_last_of<step>.mask + (count - at));
            sums = Bytes::dot(sums, mask, Bytes::load_bytes(x + count - step));
            at = count;
        }
        total += static_cast<std::uint32_t>(Bytes::total(Bytes::template fold<0>(sums)));
    }
    TERN_KEEP_LOOP
    for (; at < count; ++at) total += static_cast<std::uint32_t>(x[at]);
    return static_cast<std::int32_t>(total);
}

}  // namespace tern::kernel
