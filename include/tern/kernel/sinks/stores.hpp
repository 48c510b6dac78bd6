// SPDX-License-Identifier: MIT
// Where sixteen real numbers go behind the steps of fused.hpp: one store for each kind of destination.
#pragma once

#include <tern/fused.hpp>
#include <tern/kernel/gemm/sink.hpp>
#include <tern/simd/stages.hpp>

namespace tern::kernel {

/// Half a word of packed rows: a panel's bits. Halves are stored as 16-bit units, so that two threads may work on
/// neighbouring panels. The panel behind which a row ends clears the other half as well.
TERN_INLINE void put_half(word* to, size_t outputs, size_t panel, std::uint32_t mask) noexcept {
    if (panel % 2 == 0 && (panel + 1) * panel_outputs >= outputs)
        bits::store(to, mask);
    else
        bits::store(reinterpret_cast<unsigned char*>(to) + panel % 2 * 2, static_cast<std::uint16_t>(mask));
}

// Stores: what becomes of sixteen real numbers. `exists` has a bit for each output of the panel.

template <class Arch>
struct float_store {
    struct panel_state {};
    matrix_view<float> dst;

    TERN_INLINE panel_state prepare(size_t, size_t) const noexcept { return {}; }
    template <class Stages>
    TERN_INLINE void put(const panel_state&, size_t row, size_t panel, size_t, const Stages& z) const noexcept {
        const size_t lanes = lanes_of(dst.cols, panel);
        float* to = dst.row(row) + panel * panel_outputs;
        if (lanes == panel_outputs) return z.store(to);
        float all[panel_outputs];
        z.store(all);
        std::memcpy(to, all, lanes * sizeof *to);
    }
};

template <class Arch>
struct int8_store {
    struct panel_state {
        float factor[panel_outputs];
    };
    matrix_view<std::int8_t> dst;
    parameter scale;
    std::int32_t zero_point;
    std::int32_t lowest;
    std::int32_t highest;

    TERN_INLINE panel_state prepare(size_t panel, size_t outputs) const noexcept {
        panel_state state;
        load_panel(scale, outputs, panel, 0, 1.0f, state.factor);
        for (float& f : state.factor) f = 1.0f / f;
        return state;
    }
    template <class Stages>
    TERN_INLINE void put(const panel_state& state, size_t row, size_t panel, size_t, const Stages& z) const noexcept {
        std::int32_t q[panel_outputs];
        z.template levels<simd::rounding::half_even>(state.factor, static_cast<float>(lowest - zero_point),
                                                     static_cast<float>(highest - zero_point), q);
        std::int8_t all[panel_outputs];
        for (size_t i = 0; i < panel_outputs; ++i) all[i] = static_cast<std::int8_t>(q[i] + zero_point);
        const size_t lanes = lanes_of(dst.cols, panel);
        std::int8_t* to = dst.row(row) + panel * panel_outputs;
        if (lanes == panel_outputs)
            std::memcpy(to, all, sizeof all);
        else
            std::memcpy(to, all, lanes);
    }
};

template <class Arch, set_bit Bit>
struct binary_store {
    struct panel_state {
        float limit[panel_outputs];
        std::uint32_t exists;
    };
    mutable_packed_rows<basic_binary<Bit>> dst;
    parameter limit;

    TERN_INLINE panel_state prepare(size_t panel, size_t outputs) const noexcept {
        panel_state state;
        load_panel(limit, outputs, panel, 0, 0.0f, state.limit);
        state.exists = bits::low_mask(lanes_of(outputs, panel));
        return state;
    }
    template <class Stages>
    TERN_INLINE void put(const panel_state& state, size_t row, size_t panel, size_t outputs,
                         const Stages& z) const noexcept {
        const std::uint32_t plus = z.not_below(state.limit);
        put_half(dst.target_row(row) + panel / 2, outputs, panel, (Bit == set_bit::plus ? plus : ~plus) & state.exists);
    }
};

template <class Arch>
struct ternary_store {
    struct panel_state {
        float lower[panel_outputs];
        float upper[panel_outputs];
        std::uint32_t exists;
    };
    mutable_packed_rows<ternary> dst;
    thresholds limits;

    TERN_INLINE panel_state prepare(size_t panel, size_t outputs) const noexcept {
        panel_state state;
        load_panel(limits.lower, outputs, panel, 0, -0.5f, state.lower);
        load_panel(limits.upper, outputs, panel, 0, 0.5f, state.upper);
        state.exists = bits::low_mask(lanes_of(outputs, panel));
        return state;
    }
    template <class Stages>
    TERN_INLINE void put(const panel_state& state, size_t row, size_t panel, size_t outputs,
                         const Stages& z) const noexcept {
        const std::uint32_t plus = z.above(state.upper) & state.exists;
        const std::uint32_t minus = z.below(state.lower) & state.exists;
        word* to = dst.target_row(row) + panel / 2;
        put_half(to, outputs, panel, plus | minus);
        put_half(to + dst.plane_stride, outputs, panel, plus);
    }
};

/// unsigned_bits<K> and bipolar_bits<K>.
template <class Arch, class Encoding>
struct bits_store {
    static constexpr bool signs = Encoding::has_sign;
    static constexpr simd::rounding rounding = signs ? simd::rounding::down : simd::rounding::half_even;
    static constexpr std::int32_t lowest = signs ? -(1 << (Encoding::planes - 1)) : 0;
    struct panel_state {
        float factor[panel_outputs];
        std::uint32_t exists;
    };
    mutable_packed_rows<Encoding> dst;
    float scale;

    TERN_INLINE panel_state prepare(size_t panel, size_t outputs) const noexcept {
        panel_state state;
        for (float& f : state.factor) f = (signs ? 0.5f : 1.0f) / scale;
        state.exists = bits::low_mask(lanes_of(outputs, panel));
        return state;
    }
    template <class Stages>
    TERN_INLINE void put(const panel_state& state, size_t row, size_t panel, size_t outputs,
                         const Stages& z) const noexcept {
        std::int32_t code[panel_outputs];
        z.template levels<rounding>(state.factor, static_cast<float>(lowest),
                                    static_cast<float>(lowest + Encoding::max_abs), code);
        word* to = dst.target_row(row) + panel / 2;
        bits::unroll<size_t{Encoding::planes}>([&](auto p) TERN_INLINE_LAMBDA {
            constexpr int plane = static_cast<int>(decltype(p)::value);
            std::uint32_t mask = decltype(simd::integers_of(Arch{}))::template plane<plane>(code);
            if constexpr (signs && plane == Encoding::planes - 1) mask = ~mask;  // adds 2^(K-1)
            put_half(to + size_t{p} * dst.plane_stride, outputs, panel, mask & state.exists);
        });
    }
};

}  // namespace tern::kernel
