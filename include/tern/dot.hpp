// SPDX-License-Identifier: MIT
// Dot product of two packed rows:
//
//     result = sum_{k < depth} lhs[k] * rhs[k]
//            = sum_{p, q} 2^(p + q) (popcount(c) - 2 popcount(g)),
//     c = mask_lhs,q & mask_rhs,p,   g = c & (sign_lhs,q ^ sign_rhs,p)
//
// over the digits q and p of both encodings (encoding.hpp); a plane that an encoding does not have is all ones. With
// one digit each these are the identities n - 2 popcount(a ^ b) of binary and popcount(c) - 2 popcount(c & (s ^ t)) of
// ternary numbers.
//
// Any two plane encodings of the same sign convention. Exact, bit-identical to `reference::dot` on every architecture;
// int32, and `overflow` beyond a depth of (2^31 - 1) / (largest |lhs| * largest |rhs|).
// For many products against the same weights use gemm.hpp: there no sum crosses lanes.
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/arch.hpp>
#include <tern/layout.hpp>

namespace tern {

/// lhs, rhs: one row each, of the same depth.
template <class Arch = default_arch, class Lhs, class Rhs>
[[nodiscard]] status dot(const packed_rows<Lhs>& lhs, const packed_rows<Rhs>& rhs, std::int32_t& result) noexcept;

}  // namespace tern

#include <tern/kernel/dot/dot.hpp>

namespace tern {

template <class Arch, class Lhs, class Rhs>
status dot(const packed_rows<Lhs>& lhs, const packed_rows<Rhs>& rhs, std::int32_t& result) noexcept {
    status s = check(lhs);
    if (s == status::ok) s = check(rhs);
    if (s != status::ok) return s;
    if (lhs.rows != 1 || rhs.rows != 1 || lhs.depth != rhs.depth) return status::bad_shape;
    if (lhs.depth > size_t{0x7fffffff} / static_cast<size_t>(Lhs::max_abs * Rhs::max_abs)) return status::overflow;
    result = kernel::run_dot<Arch>(lhs, rhs);
    return status::ok;
}

}  // namespace tern
