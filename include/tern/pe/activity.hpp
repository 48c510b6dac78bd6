// SPDX-License-Identifier: MIT
// Exact activity: the toggles that real operands make on a folded ternary or binary array, step by step in the order of
// the hardware: popcount(now ^ before). Idle elements and lanes beyond the depth see zeros, as in the Verilog.
#pragma once

#include <cstdint>

#include <tern/pe/energy.hpp>
#include <tern/pe/run.hpp>

namespace tern::pe {
inline namespace TERN_ISA_NAMESPACE {

struct activity_report {
    verdict possible;
    std::uint64_t x_toggles = 0;        ///< on the bus of activations that all elements share
    std::uint64_t w_toggles = 0;        ///< on the buses of weights
    std::uint64_t product_toggles = 0;  ///< of the planes of products: non-zero and negative, or equal
    std::uint64_t nonzero_products = 0;
    std::uint64_t lane_steps = 0;  ///< lanes * elements * steps

    /// Picojoules of the lanes by `toggle_proxy`: the measured line from product toggles to all toggles.
    [[nodiscard]] constexpr double lanes_pj(kind k) const noexcept {
        const auto steps = static_cast<double>(lane_steps);
        if (steps == 0) return 0;
        // Binary: counted at one density alone, half the equal-planes toggling: proportional to it.
        const double each = static_cast<double>(product_toggles) / steps;
        return steps * joule_per_toggle_pj * (k == kind::ternary ? ternary_lane_toggles(each) : 1.76 * each / 0.5);
    }
};

namespace detail {

/// 32 lanes of a port: the planes of one side.
struct lanes32 {
    word plane[2] = {};
};
template <class View>
[[nodiscard]] constexpr lanes32 lanes_of(const View& v, size_t r, size_t d, size_t count, bool exists) noexcept {
    lanes32 l;
    if (!exists || count == 0) return l;
    for (size_t p = 0; p < size_t{View::encoding::planes}; ++p) l.plane[p] = plane_bits(v, r, p, d, count);
    return l;
}

}  // namespace detail

/// Both operands packed binary or both packed ternary; x: vectors x depth, w: outputs x depth.
template <class Encoding, class W>
[[nodiscard]] constexpr activity_report activity(const array& a, const packed_rows<Encoding>& x, const W& w) noexcept {
    activity_report r;
    r.possible = check(a);
    if (!r.possible.ok()) return r;
    const size_t depth = x.depth;
    const size_t outputs = detail::rows_of(w);
    if (depth != detail::depth_of(w)) r.possible = {status::bad_shape, reason::shapes_differ};
    if (depth == 0 || outputs == 0 || x.rows == 0) r.possible = {status::bad_shape, reason::no_shape};
    if (!detail::takes<packed_rows<Encoding>, W>(a.element.type) || a.flow != dataflow::folded)
        r.possible = {status::unsupported, reason::kinds_differ};
    if (!detail::contiguous_depth(w)) r.possible = {status::unsupported, reason::taps_apart};
    if (!r.possible.ok()) return r;

    constexpr bool is_ternary = Encoding::has_mask;
    const size_t lanes = a.element.lanes;
    const folding f = fold(a, workload{outputs, depth, x.rows});
    const size_t folds = static_cast<size_t>(f.outputs);
    const size_t slices = static_cast<size_t>(f.depth);
    const size_t steps = x.rows * folds * slices;
    struct moment {
        detail::lanes32 x, w;
        word equal_or_nonzero, negative;
    };
    // Lanes `at` .. of element p at step t.
    const auto look = [&](size_t t, size_t p, size_t at) {
        const size_t s = t % slices;
        const size_t j = t / slices % folds * a.rows + p;
        const size_t i = t / slices / folds;
        const size_t d = s * lanes + at;
        const size_t most = lanes - at < word_bits ? lanes - at : word_bits;
        const size_t n = d >= depth ? 0 : depth - d < most ? depth - d : most;
        moment m{detail::lanes_of(x, i, d, n, true), detail::lanes_of(w, j, d, n, j < outputs), 0, 0};
        if constexpr (is_ternary) {
            m.equal_or_nonzero = m.x.plane[0] & m.w.plane[0];
            m.negative = m.equal_or_nonzero & (m.x.plane[1] ^ m.w.plane[1]);
        } else {
            m.equal_or_nonzero = ~(m.x.plane[0] ^ m.w.plane[0]) & bits::low_mask(n);
        }
        return m;
    };
    const auto changed = [](word now, word before) { return static_cast<std::uint64_t>(bits::popcount(now ^ before)); };
    for (size_t p = 0; p < a.rows; ++p) {
        for (size_t at = 0; at < lanes; at += word_bits) {
            moment before{};
            for (size_t t = 0; t < steps; ++t) {
                const moment now = look(t, p, at);
                for (int plane = 0; plane < Encoding::planes; ++plane) {
                    if (p == 0) r.x_toggles += changed(now.x.plane[plane], before.x.plane[plane]);
                    r.w_toggles += changed(now.w.plane[plane], before.w.plane[plane]);
                }
                r.product_toggles +=
                    changed(now.equal_or_nonzero, before.equal_or_nonzero) + changed(now.negative, before.negative);
                if (is_ternary) r.nonzero_products += static_cast<std::uint64_t>(bits::popcount(now.equal_or_nonzero));
                before = now;
            }
        }
    }
    r.lane_steps = std::uint64_t{steps} * a.rows * lanes;
    return r;
}

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
