// SPDX-License-Identifier: MIT
// Where accumulators go: int32 as they are; what all ways over real numbers share is here, the ways themselves are in
// kernel/sinks. A sink takes one row of one panel (16 outputs) at a time; what stays the same for a panel is read once,
// into its `panel_state`. `real`: it reconstructs real numbers. `direct`: a product may write to `dst` by itself.
// `pairs`: it takes two panels at a time, by `store_pair`, because it writes whole words.
#pragma once

#include <tern/epilogue.hpp>
#include <tern/simd/reals.hpp>

namespace tern::kernel {

/// Outputs of a panel that exist.
TERN_INLINE constexpr size_t lanes_of(size_t outputs, size_t panel) noexcept {
    const size_t left = outputs - panel * panel_outputs;
    return left < panel_outputs ? left : panel_outputs;
}

/// A parameter of 16 outputs; those that do not exist get `neutral`.
TERN_INLINE void load_panel(const parameter& p, size_t outputs, size_t panel, size_t group, float neutral,
                            float (&to)[panel_outputs]) noexcept {
    const size_t lanes = lanes_of(outputs, panel);
    if (p.data != nullptr && p.stride == 1 && lanes == panel_outputs) {
        std::memcpy(to, p.data + panel * panel_outputs, sizeof to);
        return;
    }
    if (p.data == nullptr || p.stride == 0) {  // per tensor: never grouped
        const float value = p.at(0, 0, neutral);
        for (size_t i = 0; i < panel_outputs; ++i) to[i] = i < lanes ? value : neutral;
        return;
    }
    for (size_t i = 0; i < panel_outputs; ++i)
        to[i] = i < lanes ? p.at(panel * panel_outputs + i, group, neutral) : neutral;
}

/// int32 accumulators as they are.
struct int32_sink {
    static constexpr bool real = false;
    static constexpr bool direct = true;
    static constexpr bool pairs = false;
    struct panel_state {};

    matrix_view<std::int32_t> dst;

    TERN_INLINE panel_state prepare(size_t) const noexcept { return {}; }
    TERN_INLINE void store(const panel_state&, size_t row, size_t panel, const std::int32_t* acc) const noexcept {
        const size_t lanes = lanes_of(dst.cols, panel);
        std::int32_t* to = dst.row(row) + panel * panel_outputs;
        if (lanes == panel_outputs)
            std::memcpy(to, acc, panel_outputs * sizeof *acc);
        else
            for (size_t i = 0; i < lanes; ++i) to[i] = acc[i];
    }
};

/// What the sinks of real numbers share.
template <class Arch>
struct real_sink {
    static constexpr bool real = true;
    static constexpr bool direct = false;
    static constexpr bool pairs = false;
    using reals = decltype(simd::reals_of(Arch{}));

    scale_offset epilogue;
    size_t outputs = 0;

    [[nodiscard]] TERN_INLINE simd::output_terms output_terms(size_t panel, size_t group,
                                                              const std::int32_t* weight_sums) const noexcept {
        simd::output_terms terms;
        float scale[panel_outputs];
        float offset[panel_outputs];
        load_panel(epilogue.weights.scale, outputs, panel, group, 1.0f, scale);
        load_panel(epilogue.weights.offset, outputs, panel, group, 0.0f, offset);
        load_panel(per_channel(epilogue.bias), outputs, panel, 0, 0.0f, terms.bias);
        for (size_t i = 0; i < panel_outputs; ++i) {
            terms.scale[i] = double{scale[i]};
            terms.offset[i] = double{offset[i]};
            terms.sums[i] = weight_sums[i];
            terms.bias[i] += 0.0f;  // -0 becomes +0: results are sums that start at +0, also those of one group
        }
        terms.low = epilogue.clamp_min;
        terms.high = epilogue.clamp_max;
        return terms;
    }
    /// `sum` S_x and `depth` n of a row whose scale and offset have the index `channel`.
    [[nodiscard]] TERN_INLINE simd::row_terms row_terms(size_t channel, std::int32_t sum,
                                                        std::int32_t depth) const noexcept {
        const double scale = double{epilogue.activations.scale.at(channel, 0, 1.0f)};
        const double offset = double{epilogue.activations.offset.at(channel, 0, 0.0f)};
        return {scale, offset, double{static_cast<float>(scale * sum + offset * depth)}};
    }
};

/// Hands the finished accumulators of one panel on, row r to row dst_rows[r] of the destination. Depends on the
/// operands through numbers only, so that one copy serves all pairs of encodings; so do the two functions below.
template <class Arch, class Sink>
void store_panel(const Sink& given, size_t panel, const std::int32_t* acc, size_t acc_stride, size_t rows,
                 const size_t* dst_rows, const simd::row_terms* terms, const std::int32_t* weight_sums) noexcept {
    const Sink sink = given;  // of our own: bytes that are written could be the caller's
    const auto state = sink.prepare(panel);
    if constexpr (Sink::real) {
        const simd::output_terms outputs = sink.output_terms(panel, 0, weight_sums);
        for (size_t r = 0; r < rows; ++r)
            sink.store(state, dst_rows[r], panel, Sink::reals::reconstruct(acc + r * acc_stride, outputs, terms[r]));
    } else {
        for (size_t r = 0; r < rows; ++r) sink.store(state, dst_rows[r], panel, acc + r * acc_stride);
    }
}

/// The same for two panels, of which the first is even, of sinks that take pairs.
template <class Arch, class Sink>
void store_panel_pair(const Sink& given, size_t panel, const std::int32_t* acc, size_t acc_stride, size_t rows,
                      const size_t* dst_rows) noexcept {
    const Sink sink = given;
    const auto first = sink.prepare(panel);
    const auto second = sink.prepare(panel + 1);
    for (size_t r = 0; r < rows; ++r) sink.store_pair(first, second, dst_rows[r], panel, acc + r * acc_stride);
}

/// Adds the terms of one group of depth to totals that are laid out as the accumulators are.
template <class Arch, class Sink>
void add_group(const Sink& sink, size_t panel, size_t group, const std::int32_t* acc, size_t acc_stride, size_t rows,
               const simd::row_terms* terms, const std::int32_t* weight_sums, double* total) noexcept {
    const simd::output_terms outputs = sink.output_terms(panel, group, weight_sums);
    for (size_t r = 0; r < rows; ++r) {
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC unroll 1  // GCC 12 at -O3 rounds differently in the vectors that it makes of the unrolled loop
#endif
        for (int i = 0; i < static_cast<int>(panel_outputs); ++i)
            total[r * acc_stride + static_cast<size_t>(i)] +=
                simd::reals::term(acc + r * acc_stride, outputs, terms[r], i);
    }
}

/// Totals of all groups, finished and stored.
template <class Arch, class Sink>
void store_groups(const Sink& sink, size_t panel, const double* total, size_t acc_stride, size_t rows,
                  const size_t* dst_rows) noexcept {
    constexpr std::int32_t no_sums[panel_outputs] = {};
    const auto state = sink.prepare(panel);
    const simd::output_terms outputs = sink.output_terms(panel, 0, no_sums);
    for (size_t r = 0; r < rows; ++r) {
        simd::reals y;
        for (int i = 0; i < static_cast<int>(panel_outputs); ++i)
            y.y[i] = simd::reals::finish(total[r * acc_stride + static_cast<size_t>(i)], outputs, i);
        sink.store(state, dst_rows[r], panel, y);
    }
}

}  // namespace tern::kernel
