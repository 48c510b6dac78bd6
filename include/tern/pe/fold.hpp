// SPDX-License-Identifier: MIT
// The search for foldings: for every layer, or for all that share one, the cheapest array that is fast enough.
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

[[nodiscard]] constexpr size_t lane_limit(const array& a, const workload& w) noexcept {
    const size_t lanes = bits::ceil_div(w.depth, products_per_lane(a.element));
    return lanes < 1024 ? lanes : 1024;
}
constexpr void refold(array& a, size_t rows, size_t lanes, const workload& w) noexcept {
    a.rows = rows;
    a.element.lanes = lanes;
    a.element.acc_bits = accumulator_bits(a.element, w.depth);
}
/// A block of memory is as scarce as some hundred LUTs.
[[nodiscard]] constexpr std::uint64_t price(const resources& r) noexcept { return r.lut + 150 * r.bram + 100 * r.dsp; }

/// The fewest LUTs of a folded array that does a layer within `budget` cycles. False if even full width cannot.
constexpr bool cheapest(array& a, const layer& l, family f, const area_options& o, std::uint64_t budget) noexcept {
    const workload w = work(l);
    const size_t most_lanes = lane_limit(a, w);
    bool found = false;
    std::uint64_t best = ~std::uint64_t{0};
    array b = a;
    for (size_t lanes = 1; lanes <= most_lanes; lanes = next_candidate(lanes, most_lanes)) {
        for (size_t rows = 1; rows <= w.outputs; rows = next_candidate(rows, w.outputs)) {
            refold(b, rows, lanes, w);
            if (cycles(b, l) > budget) continue;
            const std::uint64_t cost = price(area(b, l, f, o).total());
            if (cost < best) {
                best = cost;
                a = b;
                found = true;
            }
            break;  // more rows only cost more
        }
    }
    return found;
}

/// The same for one array that does all layers, one after the other.
constexpr bool cheapest_shared(array* arrays, const layer* layers, size_t count, const device& d,
                               const network_options& o, std::uint64_t budget) noexcept {
    size_t most_lanes = 1;
    size_t most_rows = 1;
    for (size_t i = 0; i < count; ++i) {
        const workload w = work(layers[i]);
        if (lane_limit(arrays[0], w) > most_lanes) most_lanes = lane_limit(arrays[0], w);
        if (w.outputs > most_rows) most_rows = w.outputs;
    }
    size_t best_rows = 0;
    size_t best_lanes = 0;
    std::uint64_t best = ~std::uint64_t{0};
    const auto refold_all = [&](size_t rows, size_t lanes) {
        std::uint64_t sum = 0;
        for (size_t i = 0; i < count; ++i) {
            refold(arrays[i], rows, lanes, work(layers[i]));
            sum += cycles(arrays[i], layers[i]);
        }
        return sum;
    };
    for (size_t lanes = 1; lanes <= most_lanes; lanes = next_candidate(lanes, most_lanes)) {
        for (size_t rows = 1; rows <= most_rows; rows = next_candidate(rows, most_rows)) {
            if (refold_all(rows, lanes) > budget) continue;
            const std::uint64_t cost = price(network(arrays, layers, count, d, o).total);
            if (cost < best) {
                best = cost;
                best_rows = rows;
                best_lanes = lanes;
            }
            break;
        }
    }
    if (best_rows != 0) refold_all(best_rows, best_lanes);
    return best_rows != 0;
}

}  // namespace detail

/// Foldings that make `frames_per_second`. On entry `arrays` (`count` of them) say kind, rule and clock of each layer's
/// array, on return their foldings, too. `reason::no_folding` if a layer cannot be that fast; else what `network` says
/// of them.
constexpr network_report fit(array* arrays, const layer* layers, size_t count, const device& d,
                             double frames_per_second, const network_options& o,
                             layer_report* reports = nullptr) noexcept {
    network_report r;
    for (size_t i = 0; i < count && r.possible.ok(); ++i) {
        r.possible = check(layers[i]);
        if (!(frames_per_second > 0) || !(arrays[i].mhz > 0)) r.possible = {status::bad_value, reason::clock};
        if (arrays[i].flow != dataflow::folded) r.possible = {status::unsupported, reason::no_folding};
    }
    if (count == 0) r.possible = {status::bad_shape, reason::no_shape};
    if (!r.possible.ok()) return r;
    const bool shared = o.map == mapping::time_multiplexed;
    const auto budget = [&](const array& a) {
        const double most = a.mhz * 1e6 / frames_per_second;
        return most < 9e18 ? static_cast<std::uint64_t>(most) : ~std::uint64_t{0};
    };
    bool found = true;
    if (shared) {
        found = detail::cheapest_shared(arrays, layers, count, d, o, budget(arrays[0]));
    } else {
        for (size_t i = 0; i < count && found; ++i)
            found = detail::cheapest(arrays[i], layers[i], d.logic, o.area, budget(arrays[i]));
    }
    if (found) return network(arrays, layers, count, d, o, reports);
    r.possible = {status::unsupported, reason::no_folding};
    return r;
}

/// The fastest that fits, to within 2 %.
constexpr network_report fit(array* arrays, const layer* layers, size_t count, const device& d,
                             const network_options& o, layer_report* reports = nullptr) noexcept {
    constexpr double slowest = 1.0 / 16;
    double low = slowest;
    network_report r = fit(arrays, layers, count, d, low, o);
    if (!r.possible.ok()) return r;
    while (low < 1e9 && fit(arrays, layers, count, d, 4 * low, o).possible.ok()) low *= 4;
    double high = 4 * low;
    while (high > low * 1.02) {
        const double middle = low + (high - low) / 2;
        if (fit(arrays, layers, count, d, middle, o).possible.ok())
            low = middle;
        else
            high = middle;
    }
    return fit(arrays, layers, count, d, low, o, reports);
}

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
