// SPDX-License-Identifier: MIT
// Which layout of ternary weights serves a product with signed bytes best: decided once a shape, before the weights are
// packed, and never in a hot loop. The layout is the algorithm:
//
//     layout    bits a weight   algorithm
//     codes     2               dot products of bytes
//     trits     1.6             dot products behind longer decoding: for weights that memory has little room for
//     sevens    2.29            lookups in tables of sums, 112 products each: several rows, where a shuffle of 64
//                               places is one operation
//
// All are exact and give the same bytes. Two ways to choose,
//
//     const tern::layout_id a = tern::plan_bytes(outputs, rows, depth, tern::wide_shuffle::one_operation);
//     const tern::layout_id b = tern::time_bytes(outputs, rows, depth, scratch, bytes, seconds);
//
// or name one yourself. Then pack and multiply whatever was chosen:
//
//     tern::byte_weights packed;
//     s = tern::pack_weights(b, w, memory, tern::weights_bytes(b, outputs, depth), packed);
//     s = tern::gemm(activations, packed, dst);
//
// And, before that, whether activations of few values are held as bits or as bytes at all: `plan_activations`. Weights
// that are packed already need no second packing from values: pack_codes reads packed panels.
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/gemm_bytes.hpp>
#include <tern/plan.hpp>

namespace tern {

/// Ternary weights in one of the three layouts.
struct byte_weights {
    layout_id layout = layout_id::codes;  ///< `trits` or `sevens`
    const std::uint8_t* data = nullptr;
    size_t outputs = 0;
    size_t depth = 0;

    TERN_INLINE constexpr byte_weights() noexcept {}
    TERN_INLINE constexpr byte_weights(const packed_codes& w) noexcept
        : data(w.data), outputs(w.outputs), depth(w.depth) {}
    TERN_INLINE constexpr byte_weights(const packed_trits& w) noexcept
        : layout(layout_id::trits), data(w.data), outputs(w.outputs), depth(w.depth) {}
    TERN_INLINE constexpr byte_weights(const packed_sevens& w) noexcept
        : layout(layout_id::sevens), data(w.data), outputs(w.outputs), depth(w.depth) {}

    /// What `f` answers of the view that this is; `otherwise` where it is none.
    template <class F, class T>
    [[nodiscard]] TERN_INLINE T visit(const F& f, T otherwise) const noexcept {
        switch (layout) {
            case layout_id::codes: return f(packed_codes(data, outputs, depth));
            case layout_id::trits: return f(packed_trits(data, outputs, depth));
            case layout_id::sevens: return f(packed_sevens(data, outputs, depth));
            default: return otherwise;
        }
    }
};

/// Number of tiles of a product with these weights.
[[nodiscard]] TERN_INLINE size_t tile_count(const byte_weights& w) noexcept {
    return w.visit([](const auto& view) TERN_INLINE_LAMBDA { return tile_count(view); }, size_t{0});
}

/// Bytes of packed weights; 0 when there is nothing to store, the size does not fit or the layout is none of the three.
[[nodiscard]] TERN_INLINE constexpr size_t weights_bytes(layout_id layout, size_t outputs, size_t depth) noexcept {
    if (layout == layout_id::codes) return codes_bytes(outputs, depth);
    if (layout == layout_id::trits) return trits_bytes(outputs, depth);
    return layout == layout_id::sevens ? sevens_bytes(outputs, depth) : 0;
}

/// Packs ternary weights in a layout, with the statuses of `pack_codes` and its like; `bad_layout` where it is none of
/// the three. memory: `weights_bytes` bytes of any alignment; 64 is fastest.
template <class Arch = default_arch, class Source>
[[nodiscard]] status pack_weights(layout_id layout, const Source& source, void* memory, size_t bytes,
                                  byte_weights& packed) noexcept {
    byte_weights kind;
    kind.layout = layout;
    return kind.visit(
        [&](auto view) TERN_INLINE_LAMBDA {
            const status s = detail::pack_tiles<Arch>(source, static_cast<std::uint8_t*>(memory), bytes, view);
            if (s == status::ok) packed = view;
            return s;
        },
        status::bad_layout);
}

/// The products of gemm_bytes.hpp. Destinations, epilogues, results and statuses are the same.
template <class Arch = default_arch, class Destination, class... Epilogue>
[[nodiscard]] status gemm(const matrix_view<const std::int8_t>& lhs, const byte_weights& rhs, const Destination& dst,
                          const Epilogue&... epilogue) noexcept {
    return rhs.visit(
        [&](const auto& view) TERN_INLINE_LAMBDA { return gemm<Arch>(lhs, view, dst, epilogue...); },
        status::bad_layout);
}

namespace detail {

/// Cycles for 64 products of a row, for the tables of seven activations, and the rows from which on lookups share what
/// they load: none where rows are 0. Rough ratios and no absolute speeds.
struct byte_costs {
    double dots;
    double lookups;
    double tables;
    size_t lookup_rows;
};

TERN_INLINE constexpr byte_costs byte_costs_of(arch::scalar, wide_shuffle) noexcept { return {1, 1, 1, 0}; }
TERN_INLINE constexpr byte_costs byte_costs_of(arch::avx512, wide_shuffle cost) noexcept {
    return cost == wide_shuffle::one_operation ? byte_costs{1.02, 0.76, 14, 3} : byte_costs{1, 2, 14, 0};
}

}  // namespace detail

/// The table's choice for `rows` rows of activations. Without a word on the shuffle of 64 places it is taken for a dear
/// one: a wrong guess costs less that way, and codes are the smaller layout.
template <class Arch = default_arch>
[[nodiscard]] constexpr layout_id plan_bytes(size_t outputs, size_t rows, size_t depth,
                                             wide_shuffle cost = wide_shuffle::three_operations) noexcept {
    const detail::byte_costs c = detail::byte_costs_of(Arch{}, cost);
    if (c.lookup_rows == 0 || rows < c.lookup_rows) return layout_id::codes;
    // Depth is rounded up to tiles: few positions fill no table.
    constexpr size_t four = packed_codes::tile_depth;
    constexpr size_t seven = packed_sevens::tile_depth;
    const double registers = static_cast<double>(outputs) / 64;  // of products, for a position
    const double dots = registers * static_cast<double>(bits::ceil_div(depth, four) * four) * c.dots;
    const auto tiles = static_cast<double>(bits::ceil_div(depth, seven));
    return tiles * (registers * seven * c.lookups + c.tables) < dots ? layout_id::sevens : layout_id::codes;
}

/// Bytes that `time_bytes` wants: weights, activations and results of 1024 outputs, 16 rows and a depth of 1024.
[[nodiscard]] TERN_INLINE constexpr size_t timing_bytes_of_bytes() noexcept {
    return (weights_bytes(layout_id::sevens, 1024, 1024) + 63) / 64 * 64 + 16 * 1024 +
           16 * 1024 * sizeof(std::int32_t);
}

/// Runs dot products and lookups on a small product of a like shape and tells the faster layout, `codes` or `sevens`;
/// ties, and shapes of nothing, go to `codes`. The answer is worth keeping: some milliseconds are spent on it.
/// scratch: `timing_bytes_of_bytes()` bytes on a boundary of 4; without them, or on any failure, the table decides.
/// `seconds()`: a clock in any unit, as a number that can be subtracted and compared.
template <class Arch = default_arch, class Clock>
[[nodiscard]] layout_id time_bytes(size_t outputs, size_t rows, size_t depth, void* scratch, size_t bytes,
                                   const Clock& seconds) noexcept {
    const layout_id fallback = plan_bytes<Arch>(outputs, rows, depth);
    if (scratch == nullptr || bytes < timing_bytes_of_bytes() || outputs == 0 || rows == 0 || depth == 0 ||
        reinterpret_cast<std::uintptr_t>(scratch) % alignof(std::int32_t) != 0)
        return fallback;
    const size_t m = outputs < 1024 ? outputs : 1024;
    const size_t n = rows < 16 ? rows : 16;
    const size_t k = depth < 1024 ? depth : 1024;
    auto* const memory = static_cast<unsigned char*>(scratch);
    std::memset(memory, 0, timing_bytes_of_bytes());
    const size_t weights = (weights_bytes(layout_id::sevens, 1024, 1024) + 63) / 64 * 64;
    const matrix_view<const std::int8_t> lhs(reinterpret_cast<const std::int8_t*>(memory + weights), n, k);
    const matrix_view<std::int32_t> dst(reinterpret_cast<std::int32_t*>(memory + weights + 16 * 1024), n, m);
    const int fastest = detail::faster_of_two(seconds, [&](int i) {
        const byte_weights rhs =
            i == 0 ? byte_weights(packed_codes(memory, m, k)) : byte_weights(packed_sevens(memory, m, k));
        return gemm<Arch>(lhs, rhs, dst);
    });
    if (fastest < 0) return fallback;
    return fastest == 1 ? layout_id::sevens : layout_id::codes;
}

/// How a layer's activations are held: in planes of bits (`packed_rows`), or one to a signed byte (`matrix_view`).
enum class activation_form : std::uint32_t { planes, bytes };

[[nodiscard]] TERN_INLINE constexpr const char* to_string(activation_form f) noexcept {
    return f == activation_form::bytes ? "bytes" : "planes";
}

namespace detail {

/// Products a cycle of one digit of each operand, in units of signed bytes times codes: of planes where both, one or
/// none of the operands has zeros, and of bytes times binary weights. Below `several_rows`, bytes reach `few` of it.
/// Rough ratios and no absolute speeds: of x86 as timed, of Arm as llvm-mca models the compiled loops
/// (docs/arm-throughput.md), `scalar` and `mve` being a Cortex-M4 and an M55.
struct form_rates {
    double two_masks;
    double one_mask;
    double no_mask;
    double binary;
    size_t several_rows;
    double few;
};

TERN_INLINE constexpr form_rates form_rates_of(arch::scalar) noexcept { return {2.4, 4.4, 6, 1, 0, 1}; }
TERN_INLINE constexpr form_rates form_rates_of(arch::mve) noexcept { return {5, 10, 13, 1, 0, 1}; }
TERN_INLINE constexpr form_rates form_rates_of(arch::sse4) noexcept { return {1.5, 2.8, 3.9, 0.9, 0, 1}; }
TERN_INLINE constexpr form_rates form_rates_of(arch::avx2) noexcept { return {1.4, 2.8, 3.4, 0.9, 0, 1}; }
TERN_INLINE constexpr form_rates form_rates_of(arch::avx512) noexcept { return {1.2, 2.3, 3, 1.9, 4, 0.7}; }
TERN_INLINE constexpr form_rates form_rates_of(arch::avx512_vnni) noexcept { return {0.85, 1.6, 2.1, 1.3, 0, 1}; }
TERN_INLINE constexpr form_rates form_rates_of(arch::avx512_vpopcntdq) noexcept { return {2.2, 4, 4.7, 1.3, 0, 1}; }
TERN_INLINE constexpr form_rates form_rates_of(arch::neon) noexcept { return {4.4, 7.1, 9.8, 1, 0, 1}; }
TERN_INLINE constexpr form_rates form_rates_of(arch::dotprod) noexcept { return {1.2, 2, 2.8, 0.6, 2, 0.5}; }
TERN_INLINE constexpr form_rates form_rates_of(arch::i8mm) noexcept { return {0.66, 1.1, 1.5, 0.33, 8, 0.55}; }

}  // namespace detail

/// Which form of `rows` rows is multiplied faster by weights of encoding `Rhs`, where both are possible: activations of
/// `Lhs` fit signed bytes, those of eight unsigned bits less 128 (an offset of scale_offset). Planes where it is a
/// draw: they are smaller. What it costs to make either form is the caller's to weigh.
template <class Lhs, class Rhs = ternary, class Arch = default_arch>
[[nodiscard]] constexpr activation_form plan_activations(size_t rows) noexcept {
    const detail::form_rates r = detail::form_rates_of(Arch{});
    constexpr int masks = int{Lhs::has_mask} + int{Rhs::has_mask};
    const double of_a_digit = masks == 2 ? r.two_masks : masks == 1 ? r.one_mask : r.no_mask;
    const double bytes = (Rhs::has_mask ? 1 : r.binary) * (rows < r.several_rows ? r.few : 1);
    return bytes * (Lhs::digits * Rhs::digits) > of_a_digit ? activation_form::bytes : activation_form::planes;
}

}  // namespace tern
