// SPDX-License-Identifier: MIT
// The search for foldings: for every layer the cheapest array that is fast enough.
#pragma once

#include <tern/pe/network.hpp>

namespace tern::pe {
inline namespace TERN_ISA_NAMESPACE {

namespace detail {

/// Candidates 1, 2, 3, 4, 6, 8, 12, 16, ... and the number itself: ragged foldings are legal.
[[nodiscard]] constexpr size_t next_candidate(size_t n, size_t last) noexcept {
    if (n >= last) return last + 1;
    const size_t next = n < 3 ? n + 1 : (n & (n - 1)) == 0 ? n + n / 2 : n / 3 * 4;
    return next > last ? last : next;
}

/// The fewest LUTs of a folded array that does a layer within `budget` cycles. False if even full width cannot.
constexpr bool cheapest(array& a, const layer& l, family f, const area_options& o, std::uint64_t budget) noexcept {
    const workload w = work(l);
    const size_t products = products_per_lane(a.element);
    const size_t most_lanes = bits::ceil_div(w.depth, products) < 1024 ? bits::ceil_div(w.depth, products) : 1024;
    bool found = false;
    std::uint64_t best = ~std::uint64_t{0};
    array b = a;
    for (size_t lanes = 1; lanes <= most_lanes; lanes = next_candidate(lanes, most_lanes)) {
        for (size_t rows = 1; rows <= w.outputs; rows = next_candidate(rows, w.outputs)) {
            b.rows = rows;
            b.element.lanes = lanes;
            b.element.acc_bits = accumulator_bits(b.element, w.depth);
            if (cycles(b, l) > budget) continue;
            const resources r = area(b, l, f, o).total();
            // A block of memory is as scarce as some hundred LUTs.
            const std::uint64_t price = r.lut + 150 * r.bram + 100 * r.dsp;
            if (price < best) {
                best = price;
                a = b;
                found = true;
            }
            break;  // more rows only cost more
        }
    }
    return found;
}

}  // namespace detail

/// Foldings for a pipeline that makes `frames_per_second`, written to `arrays` (`count` of them). `prototype` gives kind,
/// rule and clock. `reason::no_folding` if a layer cannot be that fast or the whole does not fit.
constexpr network_report fit(const array& prototype, const layer* layers, size_t count, const device& d,
                             double frames_per_second, const network_options& o, array* arrays,
                             layer_report* reports = nullptr) noexcept {
    network_report r;
    if (!(frames_per_second > 0) || !(prototype.mhz > 0)) {
        r.possible = {status::bad_value, reason::clock};
        return r;
    }
    const double budget = prototype.mhz * 1e6 / frames_per_second;
    for (size_t i = 0; i < count; ++i) {
        r.possible = check(layers[i]);
        if (!r.possible.ok()) return r;
        arrays[i] = prototype;
        if (!detail::cheapest(arrays[i], layers[i], d.logic, o.area, static_cast<std::uint64_t>(budget))) {
            r.possible = {status::unsupported, reason::no_folding};
            return r;
        }
    }
    return network(arrays, layers, count, d, o, reports);
}

/// The fastest pipeline that fits, to within 2 %: the frame rate is halved in between.
constexpr network_report fit(const array& prototype, const layer* layers, size_t count, const device& d,
                             const network_options& o, array* arrays, layer_report* reports = nullptr) noexcept {
    double low = 0;
    double high = 0;
    for (double rate = 1.0 / 16; rate < 1e9; rate *= 4) {
        if (fit(prototype, layers, count, d, rate, o, arrays).possible.ok())
            low = rate;
        else if (low > 0 || rate > 1e6) {
            high = rate;
            break;
        }
    }
    if (low == 0) {
        network_report r = fit(prototype, layers, count, d, 1.0 / 16, o, arrays);
        if (r.possible.ok()) r.possible = {status::unsupported, reason::no_folding};
        return r;
    }
    while (high > low * 1.02) {
        const double middle = low + (high - low) / 2;
        if (fit(prototype, layers, count, d, middle, o, arrays).possible.ok())
            low = middle;
        else
            high = middle;
    }
    return fit(prototype, layers, count, d, low, o, arrays, reports);
}

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
