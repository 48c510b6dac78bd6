// SPDX-License-Identifier: MIT
// The sinks of fused.hpp: one for real steps, with a store for each kind of destination behind it, and one for integer
// limits. `sink_of` finds the sink of a destination and a way there.
#pragma once

#include <tern/kernel/sinks/stores.hpp>

namespace tern::kernel {

/// Shortcut, slope and clamp, then a store.
template <class Arch, class Store>
struct fused_sink : real_sink<Arch> {
    struct panel_state {
        float residual_scale[panel_outputs];
        float slope[panel_outputs];
        typename Store::panel_state of_store;
    };
    using stages = decltype(simd::stages_of(Arch{}));

    shortcut residual;
    parameter slope;
    Store store_;

    TERN_INLINE fused_sink(const real_steps& how, size_t outputs_, const Store& to) noexcept
        : real_sink<Arch>{how.epilogue, outputs_}, residual(how.residual), slope(how.slope), store_(to) {}

    /// Without the clamp: it comes last.
    [[nodiscard]] TERN_INLINE simd::output_terms output_terms(size_t panel, size_t group,
                                                              const std::int32_t* weight_sums) const noexcept {
        simd::output_terms terms = real_sink<Arch>::output_terms(panel, group, weight_sums);
        constexpr float infinity = std::numeric_limits<float>::infinity();  // no call: it would be nobody's symbol
        terms.low = -infinity;
        terms.high = infinity;
        return terms;
    }
    TERN_INLINE panel_state prepare(size_t panel) const noexcept {
        panel_state state;
        load_panel(residual.scale, this->outputs, panel, 0, 1.0f, state.residual_scale);
        load_panel(slope, this->outputs, panel, 0, 1.0f, state.slope);
        state.of_store = store_.prepare(panel, this->outputs);
        return state;
    }
    template <class Reals>
    TERN_INLINE void store(const panel_state& state, size_t row, size_t panel, const Reals& y) const noexcept {
        stages z(y);
        if (residual.from != shortcut::kind::none) {
            float r[panel_outputs];
            load_residual(row, panel, r);
            z.add(r, state.residual_scale);
        }
        if (slope.data != nullptr) z.bend(state.slope);
        z.clamp(this->epilogue.clamp_min, this->epilogue.clamp_max);
        store_.put(state.of_store, row, panel, this->outputs, z);
    }

private:
    TERN_INLINE void load_residual(size_t row, size_t panel, float (&r)[panel_outputs]) const noexcept {
        const size_t lanes = lanes_of(this->outputs, panel);
        const size_t first = panel * panel_outputs;
        if (residual.from == shortcut::kind::reals) {
            if (lanes == panel_outputs)
                return static_cast<void>(std::memcpy(r, residual.reals.row(row) + first, sizeof r));
            for (size_t i = 0; i < panel_outputs; ++i) r[i] = i < lanes ? residual.reals.row(row)[first + i] : 0.0f;
        } else if (residual.from == shortcut::kind::bytes) {
            std::int8_t all[panel_outputs];
            std::memset(all, 0, sizeof all);
            std::memcpy(all, residual.bytes.row(row) + first, lanes);
            for (size_t i = 0; i < panel_outputs; ++i) r[i] = static_cast<float>(all[i]);
        } else {
            const word* at = residual.trits.row(row) + panel / 2;
            const word nonzero = at[0] >> panel % 2 * panel_outputs;
            const word plus = at[residual.trits.plane_stride] >> panel % 2 * panel_outputs & nonzero;
            for (size_t i = 0; i < panel_outputs; ++i)
                r[i] = static_cast<float>(2 * static_cast<std::int32_t>(plus >> i & 1u) -
                                          static_cast<std::int32_t>(nonzero >> i & 1u));
        }
    }
};

/// Sixteen limits from `first` on; zero where there are none.
TERN_INLINE void load_limits(const std::int32_t* limits, size_t first, size_t lanes, std::int32_t* to) noexcept {
    if (limits != nullptr && lanes == panel_outputs) {
        std::memcpy(to, limits + first, panel_outputs * sizeof *to);
        return;
    }
    for (size_t i = 0; i < panel_outputs; ++i) to[i] = limits != nullptr && i < lanes ? limits[first + i] : 0;
}

/// What comparisons of accumulators with integers give, as bits of the destination.
template <class Arch, class Encoding>
struct limits_sink {
    static constexpr bool real = false;
    static constexpr bool direct = false;
    static constexpr bool pairs = true;
    static constexpr bool three_values = Encoding::has_mask;
    static constexpr bool set_means_minus = !three_values && Encoding::sign_bit == set_bit::minus;
    using integers = decltype(simd::integers_of(Arch{}));
    struct signs {
        std::uint32_t negative;
        std::uint32_t exists;
    };

    size_t outputs;
    mutable_packed_rows<Encoding> to;

    TERN_INLINE explicit limits_sink(const mutable_packed_rows<Encoding>& to_) noexcept
        : outputs(to_.depth), to(to_) {}

    [[nodiscard]] TERN_INLINE signs signs_of(const word* negative, size_t panel) const noexcept {
        std::uint32_t turned = negative == nullptr ? 0u : negative[panel / 2] >> panel % 2 * panel_outputs;
        if (set_means_minus) turned = ~turned;  // one more turn
        return {turned, bits::low_mask(lanes_of(outputs, panel))};
    }
    [[nodiscard]] TERN_INLINE signs signs_of_word(const word* negative, size_t panel) const noexcept {
        const word turned = negative == nullptr ? 0u : negative[panel / 2];
        return {set_means_minus ? ~turned : turned, bits::low_mask(outputs - panel * panel_outputs)};
    }
    // Bits of both planes from those of accumulators under the lower limit and over the upper one.
    static TERN_INLINE constexpr std::uint32_t first_plane(const signs& s, std::uint32_t below,
                                                           std::uint32_t above) noexcept {
        return (three_values ? above | below : above ^ s.negative) & s.exists;
    }
    /// What is above, or where the scale is negative what is below.
    static TERN_INLINE constexpr std::uint32_t second_plane(const signs& s, std::uint32_t below,
                                                            std::uint32_t above) noexcept {
        return (above ^ ((above ^ below) & s.negative)) & s.exists;
    }
    TERN_INLINE void put(const signs& s, size_t row, size_t panel, std::uint32_t below,
                         std::uint32_t above) const noexcept {
        word* at = to.target_row(row) + panel / 2;
        put_half(at, outputs, panel, first_plane(s, below, above));
        if constexpr (three_values) put_half(at + to.plane_stride, outputs, panel, second_plane(s, below, above));
    }
    /// The same of a whole word: of panels `panel`, which is even, and the next.
    TERN_INLINE void put_pair(const signs& low, const signs& high, size_t row, size_t panel, std::uint32_t below,
                              std::uint32_t above) const noexcept {
        const std::uint32_t negative = both(low.negative & bits::low_mask(panel_outputs), high.negative);
        put_word({negative, both(low.exists, high.exists)}, row, panel, below, above);
    }
    TERN_INLINE void put_word(const signs& s, size_t row, size_t panel, std::uint32_t below,
                              std::uint32_t above) const noexcept {
        word* at = to.target_row(row) + panel / 2;
        bits::store(at, first_plane(s, below, above));
        if constexpr (three_values) bits::store(at + to.plane_stride, second_plane(s, below, above));
    }
    static TERN_INLINE constexpr std::uint32_t both(std::uint32_t low, std::uint32_t high) noexcept {
        return low | high << panel_outputs;
    }
};

/// One pair of limits an output.
template <class Arch, class Encoding>
struct integer_sink : limits_sink<Arch, Encoding> {
    using base = limits_sink<Arch, Encoding>;
    using integers = typename base::integers;
    struct panel_state {
        std::int32_t lower[panel_outputs];
        std::int32_t upper[panel_outputs];
        typename base::signs signs;
    };

    integer_limits limits;

    TERN_INLINE integer_sink(const mutable_packed_rows<Encoding>& dst, const integer_limits& limits_) noexcept
        : base(dst), limits(limits_) {}

    TERN_INLINE panel_state prepare(size_t panel) const noexcept {
        panel_state state;
        const size_t lanes = lanes_of(this->outputs, panel);
        load_limits(limits.lower, panel * panel_outputs, lanes, state.lower);
        load_limits(limits.upper, panel * panel_outputs, lanes, state.upper);
        state.signs = this->signs_of(limits.negative, panel);
        return state;
    }
    TERN_INLINE void store(const panel_state& state, size_t row, size_t panel, const std::int32_t* acc) const noexcept {
        this->put(state.signs, row, panel, below(state, acc), integers::above(acc, state.upper));
    }
    /// Panels `panel`, which is even, and the next.
    TERN_INLINE void store_pair(const panel_state& low, const panel_state& high, size_t row, size_t panel,
                                const std::int32_t* acc) const noexcept {
        const std::int32_t* const more = acc + panel_outputs;
        this->put_pair(low.signs, high.signs, row, panel, base::both(below(low, acc), below(high, more)),
                       base::both(integers::above(acc, low.upper), integers::above(more, high.upper)));
    }

private:
    static TERN_INLINE std::uint32_t below(const panel_state& state, const std::int32_t* acc) noexcept {
        return base::three_values ? integers::above(state.lower, acc) : 0u;
    }
};

/// Limits that a packed ternary shortcut chooses, bit by bit.
template <class Arch, class Encoding>
struct shortcut_sink : limits_sink<Arch, Encoding> {
    using base = limits_sink<Arch, Encoding>;
    using integers = typename base::integers;
    struct panel_state {
        std::int32_t lower[3][panel_outputs];  // of r = 0, +1, -1
        std::int32_t upper[3][panel_outputs];
        typename base::signs signs;
    };

    shortcut_limits limits;

    TERN_INLINE shortcut_sink(const mutable_packed_rows<Encoding>& dst, const shortcut_limits& limits_) noexcept
        : base(dst), limits(limits_) {}

    TERN_INLINE panel_state prepare(size_t panel) const noexcept {
        panel_state state;
        const size_t lanes = lanes_of(this->outputs, panel);
        for (size_t r = 0; r < 3; ++r) {
            load_limits(limits.lower, r * this->outputs + panel * panel_outputs, lanes, state.lower[r]);
            load_limits(limits.upper, r * this->outputs + panel * panel_outputs, lanes, state.upper[r]);
        }
        state.signs = this->signs_of(limits.negative, panel);
        return state;
    }
    TERN_INLINE void store(const panel_state& state, size_t row, size_t panel, const std::int32_t* acc) const noexcept {
        const auto [below, above] = outside(state, row, panel, panel % 2 * panel_outputs, acc);
        this->put(state.signs, row, panel, below, above);
    }
    TERN_INLINE void store_pair(const panel_state& low, const panel_state& high, size_t row, size_t panel,
                                const std::int32_t* acc) const noexcept {
        const auto first = outside(low, row, panel, 0, acc);
        const auto second = outside(high, row, panel, panel_outputs, acc + panel_outputs);
        this->put_pair(low.signs, high.signs, row, panel, base::both(first.below, second.below),
                       base::both(first.above, second.above));
    }

private:
    /// `at`: the bit of a word at which the panel's outputs begin.
    TERN_INLINE auto outside(const panel_state& state, size_t row, size_t panel, size_t at,
                             const std::int32_t* acc) const noexcept {
        const word* from = limits.residual.row(row) + panel / 2;
        const std::uint32_t nonzero = from[0] >> at;
        const std::uint32_t positive = from[limits.residual.plane_stride] >> at;
        return integers::outside_of(acc, state.lower, state.upper, nonzero & positive, nonzero & ~positive);
    }
};

template <class Arch>
TERN_INLINE auto sink_of(const matrix_view<float>& dst, const to_float& how) noexcept {
    return fused_sink<Arch, float_store<Arch>>(how, dst.cols, {dst});
}
template <class Arch>
TERN_INLINE auto sink_of(const matrix_view<std::int8_t>& dst, const to_int8& how) noexcept {
    return fused_sink<Arch, int8_store<Arch>>(how, dst.cols, {dst, how.scale, how.zero_point, how.lowest, how.highest});
}
template <class Arch, set_bit Bit>
TERN_INLINE auto sink_of(const mutable_packed_rows<basic_binary<Bit>>& dst, const to_binary& how) noexcept {
    return fused_sink<Arch, binary_store<Arch, Bit>>(how, dst.depth, {dst, how.limit});
}
template <class Arch>
TERN_INLINE auto sink_of(const mutable_packed_rows<ternary>& dst, const to_ternary& how) noexcept {
    return fused_sink<Arch, ternary_store<Arch>>(how, dst.depth, {dst, how.limits});
}
template <class Arch, int K>
TERN_INLINE auto sink_of(const mutable_packed_rows<unsigned_bits<K>>& dst, const to_bits& how) noexcept {
    return fused_sink<Arch, bits_store<Arch, unsigned_bits<K>>>(how, dst.depth, {dst, how.scale});
}
template <class Arch, int K>
TERN_INLINE auto sink_of(const mutable_packed_rows<bipolar_bits<K>>& dst, const to_bits& how) noexcept {
    return fused_sink<Arch, bits_store<Arch, bipolar_bits<K>>>(how, dst.depth, {dst, how.scale});
}
template <class Arch, class Encoding>
TERN_INLINE auto sink_of(const mutable_packed_rows<Encoding>& dst, const integer_limits& how) noexcept {
    static_assert(Encoding::digits == 1 && Encoding::has_sign,
                  "tern: integer limits lead to packed binary or ternary activations");
    return integer_sink<Arch, Encoding>(dst, how);
}

template <class Arch, class Encoding>
TERN_INLINE auto sink_of(const mutable_packed_rows<Encoding>& dst, const shortcut_limits& how) noexcept {
    static_assert(Encoding::digits == 1 && Encoding::has_sign,
                  "tern: integer limits lead to packed binary or ternary activations");
    return shortcut_sink<Arch, Encoding>(dst, how);
}

}  // namespace tern::kernel
