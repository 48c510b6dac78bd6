// SPDX-License-Identifier: MIT
// Other people's formulas and figures, to hold ours against. docs/fpga.md names the files that they were read in.
#pragma once

#include <cstdint>

#include <tern/pe/cycles.hpp>

namespace tern::pe {
inline namespace TERN_ISA_NAMESPACE {

/// BISMO: binary operations a second, an AND and a count being two: 2 rows columns lanes clock.
[[nodiscard]] constexpr double bismo_peak(const array& a) noexcept {
    return 2.0 * static_cast<double>(a.rows) * static_cast<double>(a.columns) * static_cast<double>(a.element.lanes) *
           a.mhz * 1e6;
}
/// BISMO's LUTs: rows columns (1.17 lanes + 44.1 + 120.1).
[[nodiscard]] constexpr double bismo_luts(const array& a) noexcept {
    return static_cast<double>(a.elements()) * (1.17 * static_cast<double>(a.element.lanes) + 44.1 + 120.1);
}

/// FINN: (outputs / rows) (depth / lanes) vectors, which it demands to divide; 0 where they do not.
[[nodiscard]] constexpr std::uint64_t finn_cycles(const array& a, const workload& w) noexcept {
    if (w.outputs % a.rows != 0 || w.depth % a.element.lanes != 0) return 0;
    return std::uint64_t{w.outputs / a.rows} * (w.depth / a.element.lanes) * w.vectors;
}

/// FINN's LUTs of an HLS matrix unit without thresholds and weight memory: 300 + 1.1 rows (products + tree +
/// accumulator).
[[nodiscard]] constexpr double finn_luts(size_t rows, size_t lanes, int w_bits, int x_bits, int acc_bits) noexcept {
    const double bits = w_bits + x_bits;
    const double products = static_cast<double>(lanes) * (2.0 * ((w_bits + x_bits + 5) / 6) - 1.0) * bits;
    return 300.0 +
           1.1 * static_cast<double>(rows) * (products + bits * (2.0 * static_cast<double>(lanes) - 1.0) + acc_bits);
}

/// SCALE-Sim's report, "Total Cycles" without its stalls. Each tile has the array to itself, and cycles are counted
/// from 0:
///
///     output_stationary  (rows + columns + depth - 2) ceil(vectors / rows) ceil(outputs / columns) - 1
///     weight_stationary  (2 rows + columns + vectors - 2) ceil(depth / rows) ceil(outputs / columns) - 1
///
/// Its paper has 2 rows in both; so have we: results leave an output-stationary array downwards, one row a clock.
/// Requires one of these two dataflows.
[[nodiscard]] constexpr std::uint64_t scale_sim_report(dataflow d, std::uint64_t rows, std::uint64_t columns,
                                                       const workload& w) noexcept {
    const auto up = [](std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; };
    if (d == dataflow::output_stationary)
        return (rows + columns + w.depth - 2) * up(w.vectors, rows) * up(w.outputs, columns) - 1;
    return (2 * rows + columns + w.vectors - 2) * up(w.depth, rows) * up(w.outputs, columns) - 1;
}
/// The same by the formula of SCALE-Sim's paper, output stationary: (2 rows + columns + depth - 2) a tile.
[[nodiscard]] constexpr std::uint64_t scale_sim_formula(std::uint64_t rows, std::uint64_t columns,
                                                        const workload& w) noexcept {
    const std::uint64_t tiles = (w.vectors + rows - 1) / rows * ((w.outputs + columns - 1) / columns);
    return (2 * rows + columns + w.depth - 2) * tiles;
}

/// Joules a product of a board that was measured: watts / products a second.
[[nodiscard]] constexpr double board_pj(double watts, double products_a_second) noexcept {
    return watts / products_a_second * 1e12;
}
/// Prost-Boucle et al., FPL 2017: ternary convolutions on a VC709 board, 8.36 T products a second at about 13 W.
inline constexpr double prost_boucle_pj = board_pj(13, 8.36e12);

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
