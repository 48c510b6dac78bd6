// SPDX-License-Identifier: MIT
// What surrounds the elements: memories, thresholds, counters and an overhead that is never silently zero; and the
// parts that all of it has to fit into.
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/pe/cell.hpp>
#include <tern/pe/cycles.hpp>

namespace tern::pe {
inline namespace TERN_ISA_NAMESPACE {

struct device {
    const char* name = "";
    family logic = family::xilinx7;
    resources available{};
};

// Data sheets: LUTs, registers, DSP slices, RAMB18s (two a RAMB36); logic cells and 4-Kibit blocks for iCE40. xczu9eg
// has the same 6-input LUTs, but its carries come in eights: only its LUTs, registers, RAMs and DSPs are modelled.
inline constexpr device devices[] = {
    {"xc7z020", family::xilinx7, {53200, 106400, 13300, 220, 280, 0}},
    {"xc7vx485t", family::xilinx7, {303600, 607200, 75900, 2800, 2060, 0}},
    {"xczu9eg", family::xilinx7, {274080, 548160, 68520, 2520, 1824, 0}},
    {"ice40hx8k", family::ice40, {7680, 7680, 7680, 0, 32, 0}},
};

enum class memory_kind : unsigned char { block, lut };

/// A memory of `depth` words of `width` bits. Blocks: FINN's ladder of RAMB18 shapes, or 256 x 16 bits of iCE40. LUTs:
/// 64 x 1 bits each; iCE40 has none, there they are registers and their multiplexers.
[[nodiscard]] constexpr resources memory_area(family f, memory_kind m, std::uint64_t width,
                                              std::uint64_t depth) noexcept {
    resources r;
    if (width == 0 || depth == 0) return r;
    const auto up = [](std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; };
    if (m == memory_kind::lut) {
        if (f == family::ice40) {
            r.ff = width * depth;
            r.lut = width * depth;
            return r;
        }
        r.lutram = r.lut = width * up(depth, 64);
        return r;
    }
    if (f == family::ice40)
        r.bram = up(width, 16) * up(depth, 256);
    else if (width == 1)
        r.bram = up(depth, 16384);
    else if (width == 2)
        r.bram = up(depth, 8192);
    else if (width <= 4)
        r.bram = up(depth, 4096);
    else if (width <= 9)
        r.bram = up(depth, 2048);
    else if (width <= 18 || depth > 512)
        r.bram = up(depth, 1024) * up(width, 18);
    else
        r.bram = up(width, 36);
    return r;
}

/// What no structure here accounts for: streams, handshakes, control, routing.
struct overhead {
    std::uint64_t lut_per_array = 300;  ///< FINN-R's constant of a matrix unit
    double share_of_elements = 0.1;     ///< FINN-R multiplies an element's LUTs by 1.1
};

struct area_options {
    memory_kind weights = memory_kind::block;
    memory_kind activations = memory_kind::block;
    bool window_generator = true;
    overhead extra{};
};

/// An array with everything around it, by part.
struct array_area {
    resources elements;
    resources thresholds;
    resources weight_memory;
    resources activation_memory;  ///< the slices of a vector, and the rows that a window generator holds
    resources control;            ///< counters, addresses, output registers
    resources extra;

    [[nodiscard]] constexpr resources total() const noexcept {
        resources r = elements;
        r += thresholds;
        r += weight_memory;
        r += activation_memory;
        r += control;
        r += extra;
        return r;
    }
};

namespace detail {

[[nodiscard]] constexpr std::uint64_t level_count(int out_bits) noexcept {
    // Two thresholds make a ternary value of 2 bits; 2^bits - 1 make other unsigned ones.
    return out_bits >= 32 ? 0 : out_bits == 2 ? 2 : (std::uint64_t{1} << out_bits) - 1;
}

}  // namespace detail

/// An array for a layer. Weights of all turns are on chip; of activations what one turn over the outputs needs (with
/// weights at rest, all vectors); thresholds are comparators of the accumulator's width beside a memory.
///
///                         results a clock   weight memory, words of        activation memory, words of
///     folded              rows              rows slices                    a slice
///     output_stationary   columns           rows slices                    columns slices
///     weight_stationary   columns           columns slices                 rows slices; and a sum a vector and column
///     bit_serial          columns           rows slices of a plane         columns slices of a plane
///
/// Requires `check(l)` and `check(a, work(l))`.
[[nodiscard]] constexpr array_area area(const array& a, const layer& l, family f, const area_options& o = {}) noexcept {
    const workload w = work(l);
    const folding turns = fold(a, w);
    const unit& u = a.element;
    const bool serial = a.flow == dataflow::bit_serial;
    const bool weights_rest = a.flow == dataflow::weight_stationary;
    const std::uint64_t slice = slice_depth(a);
    const auto acc = static_cast<std::uint64_t>(u.acc_bits);
    const auto bits_of = [](int n) { return static_cast<std::uint64_t>(n); };
    array_area r;
    r.elements = cell_area(a, f).times(a.elements());
    r.elements += edge_area(a);

    const std::uint64_t tiles = turns.depth * turns.outputs;
    const std::uint64_t w_width = (weights_rest ? a.columns : a.rows) * slice * (serial ? 1 : bits_of(weight_bits(u)));
    const std::uint64_t w_depth = weights_rest ? tiles * a.rows : serial ? tiles / bits_of(a.serial_x_bits) : tiles;
    r.weight_memory = memory_area(f, o.weights, w_width, w_depth);
    const std::uint64_t x_slice = slice * (serial ? 1 : bits_of(activation_bits(u)));
    const std::uint64_t x_depth = weights_rest ? turns.depth * turns.vectors
                                  : serial     ? turns.depth / bits_of(a.serial_w_bits)
                                               : turns.depth;
    r.activation_memory = memory_area(f, o.activations, (weights_rest ? a.rows : a.columns) * x_slice, x_depth);
    if (weights_rest && turns.depth > 1) {
        // Sums of one slice of the depth wait for the next one's.
        r.activation_memory += memory_area(f, o.activations, a.columns * acc, turns.vectors);
        r.control.lut += a.columns * acc;
    }
    if (o.window_generator && l.window.y.kernel > 1) {
        const std::uint64_t pixel = bits::ceil_div(l.channels, slice_depth(a));
        const std::uint64_t planes = serial ? bits_of(a.serial_x_bits) : 1;
        r.activation_memory += memory_area(f, o.activations, x_slice * planes, pixel * l.width * l.window.y.kernel);
    }
    const std::uint64_t results = a.flow == dataflow::folded ? a.rows : a.columns;
    const std::uint64_t levels = detail::level_count(l.out_bits);
    r.thresholds.lut = levels * acc * results;
    // Columns of vectors share an output's thresholds.
    const bool vectors_beside = a.flow == dataflow::output_stationary || serial;
    r.thresholds += memory_area(f, memory_kind::lut, levels * acc * (vectors_beside ? 1 : results),
                                vectors_beside ? w.outputs : turns.outputs);
    // A counter of b bits: b to count, about half as many to compare, one to step; two addresses of two LUTs a bit.
    const auto counter = [](std::uint64_t n) {
        const auto b = static_cast<std::uint64_t>(growth_bits(static_cast<size_t>(n)));
        return b == 0 ? std::uint64_t{0} : b + (b + 1) / 2 + 1;
    };
    const auto address = static_cast<std::uint64_t>(growth_bits(static_cast<size_t>(tiles)) +
                                                    growth_bits(static_cast<size_t>(turns.depth * turns.vectors)));
    const std::uint64_t counters = counter(turns.depth) + counter(turns.outputs) + counter(turns.vectors);
    r.control.lut += counters + 2 * address + 4;
    r.control.ff = results * acc + counters + address + 3;
    r.extra.lut = o.extra.lut_per_array +
                  static_cast<std::uint64_t>(o.extra.share_of_elements * static_cast<double>(r.elements.lut) + 0.5);
    return r;
}

/// Whether it fits, using at most `share` of the logic.
[[nodiscard]] constexpr verdict fits(const resources& r, const device& d, double share = 1.0) noexcept {
    const auto most = [share](std::uint64_t n) { return static_cast<std::uint64_t>(share * static_cast<double>(n)); };
    if (r.bram > d.available.bram) return {status::buffer_size, reason::memory_does_not_fit};
    if (r.lut > most(d.available.lut)) return {status::buffer_size, reason::luts_do_not_fit};
    if (r.ff > most(d.available.ff)) return {status::buffer_size, reason::registers_do_not_fit};
    if (r.dsp > d.available.dsp) return {status::buffer_size, reason::dsps_do_not_fit};
    return {};
}

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
