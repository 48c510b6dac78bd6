// SPDX-License-Identifier: MIT
// Which algorithm serves a product with ternary weights best: decided once a shape, before the weights are packed, and
// never in a hot loop.
//
//     algorithm     weights packed as     a step is
//     popcount      packed_panels         logic and population counts of 32 positions of depth a lane
//     lookup        packed_indices        a byte shuffle for two or four positions
//
// Both are exact and give the same bytes. Which is faster depends on the core: lookups win where a byte shuffle of 128
// places is one operation (AMD) or where there is no population count of vectors; counting wins where it is three
// (Intel), and for one-bit activations. Two ways to choose,
//
//     const tern::algorithm a = tern::plan_product<tern::ternary>(outputs, rows, depth);            // a small table
//     const tern::algorithm b = tern::time_product<tern::ternary>(outputs, rows, depth, scratch, bytes, seconds);
//
// or name one yourself (plan_bytes.hpp does the same for activations of signed bytes). Then pack and multiply whatever
// was chosen:
//
//     tern::ternary_weights packed;
//     s = tern::pack_weights(b, w, memory, tern::weights_bytes(b, outputs, depth), packed);
//     s = tern::gemm(activations, packed, dst);
#pragma once

#include <cstddef>
#include <cstdint>

#include <tern/gemm.hpp>
#include <tern/gemm_lookup.hpp>
#include <tern/pack_tiles.hpp>

namespace tern {

enum class algorithm : std::uint32_t { popcount, lookup };

[[nodiscard]] TERN_INLINE constexpr const char* to_string(algorithm a) noexcept {
    return a == algorithm::lookup ? "lookup" : "popcount";
}

/// What a core's byte shuffle over 128 places (VPERMI2B) costs. A compiler's flags do not tell: AMD's cores take one
/// operation, Intel's three.
enum class wide_shuffle { one_operation, three_operations };

/// Ternary weights in either layout.
struct ternary_weights {
    layout_id layout = layout_id::panels;  ///< or `indices`
    const void* data = nullptr;
    size_t outputs = 0;
    size_t depth = 0;

    TERN_INLINE constexpr ternary_weights() noexcept {}
    TERN_INLINE constexpr ternary_weights(const packed_panels<ternary>& w) noexcept
        : data(w.data), outputs(w.outputs), depth(w.tap_depth) {}
    TERN_INLINE constexpr ternary_weights(const packed_indices& w) noexcept
        : layout(layout_id::indices), data(w.data), outputs(w.outputs), depth(w.depth) {}

    [[nodiscard]] TERN_INLINE packed_panels<ternary> panels() const noexcept {
        return {static_cast<const word*>(data), outputs, depth};
    }
    [[nodiscard]] TERN_INLINE packed_indices indices() const noexcept {
        return {static_cast<const std::uint8_t*>(data), outputs, depth};
    }
    /// What `f` answers of the view that this is; `otherwise` where it is none.
    template <class F, class T>
    [[nodiscard]] TERN_INLINE T visit(const F& f, T otherwise) const noexcept {
        if (layout == layout_id::indices) return f(indices());
        return layout == layout_id::panels ? f(panels()) : otherwise;
    }
};

/// Number of tiles of a product with these weights.
[[nodiscard]] TERN_INLINE size_t tile_count(const ternary_weights& w) noexcept {
    return w.visit([](const auto& view) TERN_INLINE_LAMBDA { return tile_count(view); }, size_t{0});
}

/// Bytes of packed weights; 0 when there is nothing to store or the size does not fit.
[[nodiscard]] TERN_INLINE constexpr size_t weights_bytes(algorithm a, size_t outputs, size_t depth) noexcept {
    return a == algorithm::lookup ? indices_bytes(outputs, depth)
                                  : panels_words<ternary>(outputs, 1, depth) * sizeof(word);
}

/// Packs ternary weights as an algorithm reads them, with the statuses of `pack_panels` and `pack_indices`.
/// memory: `weights_bytes` bytes, on a boundary of 4; 64 is fastest.
template <class Arch = default_arch, class Source>
[[nodiscard]] status pack_weights(algorithm a, const Source& source, void* memory, size_t bytes,
                                  ternary_weights& packed) noexcept {
    if (reinterpret_cast<std::uintptr_t>(memory) % alignof(word) != 0) return status::bad_alignment;
    if (a == algorithm::lookup) {
        packed_indices view;
        const status s = pack_indices<Arch>(source, static_cast<std::uint8_t*>(memory), bytes, view);
        if (s == status::ok) packed = view;
        return s;
    }
    packed_panels<ternary> view;
    const status s = pack_panels<ternary, Arch>(source, static_cast<word*>(memory), bytes / sizeof(word), view);
    if (s == status::ok) packed = view;
    return s;
}

/// The products of gemm.hpp. Destinations, epilogues, results and statuses are the same.
template <class Arch = default_arch, class Lhs, class Destination, class... Epilogue>
[[nodiscard]] status gemm(const packed_rows<Lhs>& lhs, const ternary_weights& rhs, const Destination& dst,
                          const Epilogue&... epilogue) noexcept {
    return rhs.visit(
        [&](const auto& view) TERN_INLINE_LAMBDA { return gemm<Arch>(lhs, view, dst, epilogue...); },
        status::bad_layout);
}

namespace detail {

/// Cycles for 512 positions of depth x outputs, and the rows from which on a lookup pays for what it prepares: none
/// where rows are 0. Rough ratios and no absolute speeds: of AVX2 and VPOPCNTDQ as timed, of the others as their
/// instructions count.
struct product_costs {
    double count_two_masks;   ///< a digit of popcounts, both operands with zeros
    double count_one_mask;
    double lookup_trits;
    double lookup_two_planes;
    double lookup_four_planes;  ///< or three; 0 where they are taken two at a time
    double lookup_one_plane;
    size_t lookup_rows;
};

TERN_INLINE constexpr product_costs costs_of(arch::scalar, wide_shuffle) noexcept { return {1, 1, 9, 9, 0, 9, 0}; }
TERN_INLINE constexpr product_costs costs_of(arch::sse4, wide_shuffle) noexcept { return {10, 5.5, 6, 7, 0, 6, 4}; }
TERN_INLINE constexpr product_costs costs_of(arch::avx512, wide_shuffle) noexcept { return {5, 2.7, 3, 3.5, 0, 3, 4}; }
TERN_INLINE constexpr product_costs costs_of(arch::avx512_vpopcntdq, wide_shuffle cost) noexcept {
    return cost == wide_shuffle::one_operation ? product_costs{3.2, 1.7, 2.4, 2.8, 3.6, 2.4, 2}
                                               : product_costs{3.2, 1.7, 4.6, 5.2, 5.8, 4.6, 2};
}

}  // namespace detail

/// The table's choice for activations `Lhs`, `rows` of them. Without a word on the shuffle of 128 places it is taken
/// for the dear one, because a wrong guess costs less that way.
template <class Lhs, class Arch = default_arch>
[[nodiscard]] constexpr algorithm plan_product(size_t, size_t rows, size_t,
                                               wide_shuffle cost = wide_shuffle::three_operations) noexcept {
    const detail::product_costs c = detail::costs_of(Arch{}, cost);
    if (c.lookup_rows == 0 || rows < c.lookup_rows) return algorithm::popcount;
    constexpr bool trits = Lhs::has_mask && Lhs::has_sign;
    constexpr int pairs = (Lhs::planes + 1) / 2;
    constexpr int fours = (Lhs::planes + 3) / 4;
    const bool by_fours = Lhs::planes > 2 && c.lookup_four_planes != 0;
    const double digits = by_fours ? fours * c.lookup_four_planes : pairs * c.lookup_two_planes;
    const double counting = Lhs::digits * (Lhs::has_mask ? c.count_two_masks : c.count_one_mask);
    const double looking = trits ? c.lookup_trits : Lhs::planes == 1 ? c.lookup_one_plane : digits;
    return looking < counting ? algorithm::lookup : algorithm::popcount;
}

/// Bytes that `time_product` wants at most.
template <class Lhs>
[[nodiscard]] constexpr size_t timing_bytes() noexcept;

namespace detail {

/// A shape like the one asked for, but small.
struct timing_shape {
    size_t outputs;
    size_t rows;
    size_t depth;

    TERN_INLINE constexpr timing_shape(size_t outputs_, size_t rows_, size_t depth_) noexcept
        : outputs(outputs_ < 512 ? outputs_ : 512), rows(rows_ < 16 ? rows_ : 16), depth(depth_ < 2048 ? depth_ : 2048) {}

    template <class Lhs>
    [[nodiscard]] TERN_INLINE constexpr size_t lhs_words() const noexcept {
        return rows_words<Lhs>(rows, depth);
    }
    [[nodiscard]] TERN_INLINE constexpr size_t rhs_bytes() const noexcept {
        const size_t a = weights_bytes(algorithm::popcount, outputs, depth);
        const size_t b = weights_bytes(algorithm::lookup, outputs, depth);
        return ((a > b ? a : b) + 63) / 64 * 64;
    }
    template <class Lhs>
    [[nodiscard]] TERN_INLINE constexpr size_t bytes() const noexcept {
        return rhs_bytes() + lhs_words<Lhs>() * sizeof(word) + outputs * rows * sizeof(std::int32_t);
    }
};

}  // namespace detail

namespace detail {

/// Runs run(0) and run(1) nine times each and tells which was faster once: 0 where both were the same, -1 where one
/// failed.
template <class Clock, class Run>
[[nodiscard]] int faster_of_two(const Clock& seconds, const Run& run) noexcept {
    using time = decltype(seconds() - seconds());
    time best[2] = {};
    constexpr int runs = 9;
    for (int i = 0; i < 2; ++i) {
        for (int n = 0; n < runs; ++n) {
            const auto start = seconds();
            if (run(i) != status::ok) return -1;
            const time taken = seconds() - start;
            if (n == 0 || taken < best[i]) best[i] = taken;
        }
    }
    return best[1] < best[0] ? 1 : 0;
}

}  // namespace detail

template <class Lhs>
[[nodiscard]] constexpr size_t timing_bytes() noexcept {
    return detail::timing_shape(512, 16, 2048).bytes<Lhs>();
}

/// Runs both algorithms on a small product of zeros and tells the faster one; ties, and shapes of nothing, go to
/// `popcount`. The answer is worth keeping: a few milliseconds are spent on it.
/// scratch: `timing_bytes<Lhs>()` bytes on a boundary of 4; without them, or on any failure, the table decides.
/// `seconds()`: a clock in any unit, as a number that can be subtracted and compared.
template <class Lhs, class Arch = default_arch, class Clock>
[[nodiscard]] algorithm time_product(size_t outputs, size_t rows, size_t depth, void* scratch, size_t bytes,
                                     const Clock& seconds) noexcept {
    const detail::timing_shape shape(outputs, rows, depth);
    const algorithm fallback = plan_product<Lhs, Arch>(outputs, rows, depth);
    if (scratch == nullptr || bytes < shape.bytes<Lhs>() || outputs == 0 || rows == 0 || depth == 0 ||
        reinterpret_cast<std::uintptr_t>(scratch) % alignof(word) != 0)
        return fallback;
    auto* const memory = static_cast<unsigned char*>(scratch);
    std::memset(memory, 0, shape.bytes<Lhs>());
    const packed_rows<Lhs> lhs(reinterpret_cast<const word*>(memory + shape.rhs_bytes()), shape.rows, shape.depth);
    const matrix_view<std::int32_t> dst{
        reinterpret_cast<std::int32_t*>(memory + shape.rhs_bytes() + shape.lhs_words<Lhs>() * sizeof(word)), shape.rows,
        shape.outputs};
    const int fastest = detail::faster_of_two(seconds, [&](int i) {
        const ternary_weights rhs = i == 0 ? ternary_weights(packed_panels<ternary>(
                                                 reinterpret_cast<const word*>(memory), shape.outputs, shape.depth))
                                           : ternary_weights(packed_indices(memory, shape.outputs, shape.depth));
        return gemm<Arch>(lhs, rhs, dst);
    });
    if (fastest < 0) return fallback;
    return fastest == 1 ? algorithm::lookup : algorithm::popcount;
}

}  // namespace tern
