// SPDX-License-Identifier: MIT
// Float rows to float rows, a register at a time. The last, part-filled register is a copy with zeros behind, so that
// nothing outside the rows is read or written. ARMv7's vectors flush subnormal numbers; there the scalar leaf serves.
#pragma once

#include <cstring>

#include <tern/arch.hpp>
#include <tern/layout.hpp>
#include <tern/simd/batch_real.hpp>

namespace tern::kernel {

simd::scalar_real real_of(arch::scalar) noexcept;
#if TERN_HAS_XSIMD && !(defined(__arm__) && TERN_HAS_NEON)
simd::batch_real real_of(arch::simd) noexcept;
#endif

template <class Arch>
using real = decltype(real_of(Arch{}));

/// y[i] = f(x[i]); f takes and gives registers of `real<Arch>`.
template <class Arch, class F>
void map_row(const float* x, float* y, size_t n, const F& f) noexcept {
    using leaf = real<Arch>;
    size_t i = 0;
    for (; i + leaf::width <= n; i += leaf::width) leaf::store(y + i, f(leaf::load(x + i)));
    if (i == n) return;
    float last[leaf::width] = {};
    std::memcpy(last, x + i, (n - i) * sizeof *x);
    leaf::store(last, f(leaf::load(last)));
    std::memcpy(y + i, last, (n - i) * sizeof *y);
}

/// y[i] = f(x[i], g[i])
template <class Arch, class F>
void map_row(const float* x, const float* g, float* y, size_t n, const F& f) noexcept {
    using leaf = real<Arch>;
    size_t i = 0;
    for (; i + leaf::width <= n; i += leaf::width) leaf::store(y + i, f(leaf::load(x + i), leaf::load(g + i)));
    if (i == n) return;
    float last[leaf::width] = {};
    float more[leaf::width] = {};
    std::memcpy(last, x + i, (n - i) * sizeof *x);
    std::memcpy(more, g + i, (n - i) * sizeof *g);
    leaf::store(last, f(leaf::load(last), leaf::load(more)));
    std::memcpy(y + i, last, (n - i) * sizeof *y);
}

/// Packs n codes of `Planes` bits, code(j) each, into planes of words; bits behind the last are 0.
template <class Arch, int Planes, class Code>
void pack_codes_row(size_t n, word* q, size_t plane_stride, const Code& code) noexcept {
    for (size_t first = 0, w = 0; first < n; first += word_bits, ++w) {
        const size_t count = n - first < word_bits ? n - first : word_bits;
        word planes[static_cast<size_t>(Planes)] = {};
        for (size_t b = 0; b < count; ++b) {
            const auto bits = static_cast<std::uint32_t>(code(first + b));
            for (int p = 0; p < Planes; ++p) planes[p] |= (bits >> p & 1u) << b;
        }
        for (int p = 0; p < Planes; ++p) q[static_cast<size_t>(p) * plane_stride + w] = planes[p];
    }
}

}  // namespace tern::kernel
