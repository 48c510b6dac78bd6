// SPDX-License-Identifier: MIT
// What else may happen to accumulators on their way into the next layer's activations. Two ways lead there:
//
//     real steps        y as in epilogue.hpp, before its clamp
//                       z = float(y + s r)             with the shortcut r of the same place, in double
//                       z = z < 0 ? float(slope z) : z
//                       z = min(max(z, clamp_min), clamp_max)
//                       to_float, to_int8, to_binary, to_ternary or to_bits: how z is stored
//     integer limits    the accumulator against one or two integers an output: no float at all
//
// Every product s r is exact in double, so a compiler that fuses it with the addition rounds no differently: results
// are the same bits on every architecture, equal to reference/fused.hpp. NaN passes through shortcut, slope and clamp.
//
// gemm.hpp, gemm_bytes.hpp, gemm_lookup.hpp, conv_fused.hpp and depthwise.hpp take these as their `how`:
//
//     tern::gemm(lhs, rhs, dst, tern::to_int8{steps, tern::per_tensor(scale), zero_point});
//
// Where scales, batch normalisation and thresholds are known beforehand, `fold` (fold.hpp) turns them into integer
// limits that give the same values for every accumulator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include <tern/epilogue.hpp>

namespace tern {

/// A tensor of the destination's shape (one row a row of it or a pixel) that is added: floats, bytes or packed ternary
/// values, times `scale`: one for all or one an output, none: 1.
struct shortcut {
    enum class kind : unsigned char { none, reals, bytes, trits };

    kind from = kind::none;
    matrix_view<const float> reals;
    matrix_view<const std::int8_t> bytes;
    packed_rows<ternary> trits;
    parameter scale;

    TERN_INLINE constexpr shortcut() noexcept {}
    TERN_INLINE constexpr shortcut(const matrix_view<const float>& r, const parameter& scale_ = {}) noexcept
        : from(kind::reals), reals(r), scale(scale_) {}
    TERN_INLINE constexpr shortcut(const matrix_view<const std::int8_t>& r, const parameter& scale_ = {}) noexcept
        : from(kind::bytes), bytes(r), scale(scale_) {}
    TERN_INLINE constexpr shortcut(const packed_rows<ternary>& r, const parameter& scale_ = {}) noexcept
        : from(kind::trits), trits(r), scale(scale_) {}

    /// r; not scaled.
    [[nodiscard]] TERN_INLINE constexpr float at(size_t row, size_t output) const noexcept {
        switch (from) {
            case kind::reals: return reals(row, output);
            case kind::bytes: return static_cast<float>(bytes(row, output));
            case kind::trits: return static_cast<float>(trits.value(row, output));
            case kind::none: break;
        }
        return 0.0f;
    }
};

/// The steps of a real number that all destinations share.
struct real_steps {
    scale_offset epilogue;
    shortcut residual;
    parameter slope;  ///< of negative numbers (PReLU), one for all or one an output; none: 1. ReLU is `clamp_min` = 0

    TERN_INLINE constexpr real_steps() noexcept {}
    TERN_INLINE constexpr real_steps(const scale_offset& e) noexcept : epilogue(e) {}
    TERN_INLINE constexpr real_steps(const scale_offset& e, const shortcut& r, const parameter& s = {}) noexcept
        : epilogue(e), residual(r), slope(s) {}
};

/// z itself. dst: floats.
struct to_float : real_steps {
    TERN_INLINE constexpr to_float() noexcept {}
    TERN_INLINE constexpr to_float(const real_steps& steps) noexcept : real_steps(steps) {}
};

/// q = round_half_even(z * (1 / scale)) + zero_point, saturated to lowest .. highest; both the quotient and the product
/// are rounded to float, the clamp precedes the rounding. NaN gives `lowest`. dst: int8.
struct to_int8 : real_steps {
    parameter scale;  ///< one for all or one an output, each in [2^-100, 2^100]; none: 1
    std::int32_t zero_point = 0;
    std::int32_t lowest = -128;
    std::int32_t highest = 127;

    TERN_INLINE constexpr to_int8() noexcept {}
    TERN_INLINE constexpr to_int8(const real_steps& steps, const parameter& scale_, std::int32_t zero = 0) noexcept
        : real_steps(steps), scale(scale_), zero_point(zero) {}
};

/// +1 where z >= limit, else -1, as quantize_binary; NaN gives -1. dst: packed binary.
struct to_binary : real_steps {
    parameter limit;  ///< one for all or one an output; none: 0

    TERN_INLINE constexpr to_binary() noexcept {}
    TERN_INLINE constexpr to_binary(const real_steps& steps, const parameter& limit_ = {}) noexcept
        : real_steps(steps), limit(limit_) {}
};

/// +1 where z > upper, else -1 where z < lower, else 0, as quantize_ternary. dst: packed ternary.
struct to_ternary : real_steps {
    thresholds limits;

    TERN_INLINE constexpr to_ternary() noexcept {}
    TERN_INLINE constexpr to_ternary(const real_steps& steps, const thresholds& limits_ = {}) noexcept
        : real_steps(steps), limits(limits_) {}
};

/// Levels as quantize_bits gives them for z and this scale. dst: packed unsigned_bits<K> or bipolar_bits<K>.
struct to_bits : real_steps {
    float scale = 1.0f;  ///< in [2^-100, 2^100]

    TERN_INLINE constexpr to_bits() noexcept {}
    TERN_INLINE constexpr to_bits(const real_steps& steps, float scale_) noexcept : real_steps(steps), scale(scale_) {}
};

/// Accumulators a against integers, one of each an output.
///
///     ternary   +1 where a > upper, else -1 where a < lower, else 0; of a negative output +1 where a < lower, else -1
///               where a > upper
///     binary    +1 where a > upper, else -1; of a negative output the other way round
struct integer_limits {
    const std::int32_t* lower = nullptr;  ///< ternary only; none: 0, so that without limits a sign is taken
    const std::int32_t* upper = nullptr;  ///< none: 0
    const word* negative = nullptr;       ///< bit o % 32 of word o / 32; none: all are positive

    TERN_INLINE constexpr integer_limits() noexcept {}
    TERN_INLINE constexpr integer_limits(const std::int32_t* lower_, const std::int32_t* upper_,
                                         const word* negative_ = nullptr) noexcept
        : lower(lower_), upper(upper_), negative(negative_) {}

    [[nodiscard]] TERN_INLINE constexpr bool is_negative(size_t output) const noexcept {
        return negative != nullptr && (negative[output / word_bits] >> (output % word_bits) & 1u) != 0u;
    }
};

/// Integer limits behind a shortcut of packed ternary values r, one row a row of the destination: three sets of limits,
/// `outputs` of each for r = 0, then +1, then -1. What `fold` makes of such a shortcut, whatever its scale.
struct shortcut_limits {
    const std::int32_t* lower = nullptr;  ///< ternary only
    const std::int32_t* upper = nullptr;
    const word* negative = nullptr;  ///< none: all are positive
    packed_rows<ternary> residual;

    TERN_INLINE constexpr shortcut_limits() noexcept {}
    TERN_INLINE constexpr shortcut_limits(const std::int32_t* lower_, const std::int32_t* upper_, const word* negative_,
                                          const packed_rows<ternary>& residual_) noexcept
        : lower(lower_), upper(upper_), negative(negative_), residual(residual_) {}
};

namespace detail {

template <class T>
inline constexpr bool is_how =
    std::is_base_of_v<real_steps, T> || std::is_same_v<integer_limits, T> || std::is_same_v<shortcut_limits, T>;

[[nodiscard]] TERN_INLINE constexpr bool is_step(float scale) noexcept {
    return scale >= 0x1p-100f && scale <= 0x1p100f;
}

[[nodiscard]] TERN_INLINE status check(const shortcut& r, size_t rows, size_t outputs, byte_range dst) noexcept {
    if (r.scale.stride > 1) return status::bad_stride;
    const auto fits = [&](status s, size_t has_rows, size_t has_outputs, byte_range bytes) TERN_INLINE_LAMBDA {
        if (s != status::ok) return s;
        if (has_rows != rows || has_outputs != outputs) return status::bad_shape;
        return bytes.overlaps(dst) ? status::overlap : status::ok;
    };
    switch (r.from) {
        case shortcut::kind::reals: return fits(tern::check(r.reals), r.reals.rows, r.reals.cols, bytes_of(r.reals));
        case shortcut::kind::bytes: return fits(tern::check(r.bytes), r.bytes.rows, r.bytes.cols, bytes_of(r.bytes));
        case shortcut::kind::trits: return fits(tern::check(r.trits), r.trits.rows, r.trits.depth, bytes_of(r.trits));
        case shortcut::kind::none: break;
    }
    return status::ok;
}

/// What the steps of a destination of `rows` x `outputs` can be refused for.
[[nodiscard]] TERN_INLINE status check_real(const real_steps& how, size_t rows, size_t outputs, size_t depth,
                                            size_t max_product, byte_range dst) noexcept {
    status s = tern::check(how.epilogue, depth, max_product);
    if (s == status::ok) s = check(how.residual, rows, outputs, dst);
    if (s == status::ok && how.slope.stride > 1) s = status::bad_stride;
    return s;
}
[[nodiscard]] TERN_INLINE status check_how(const to_float& how, size_t rows, size_t outputs, size_t depth,
                                           size_t max_product, byte_range dst) noexcept {
    return check_real(how, rows, outputs, depth, max_product, dst);
}
[[nodiscard]] TERN_INLINE status check_how(const to_int8& how, size_t rows, size_t outputs, size_t depth,
                                           size_t max_product, byte_range dst) noexcept {
    if (how.scale.stride > 1) return status::bad_stride;
    if (how.lowest < -128 || how.lowest > how.highest || how.highest > 127 || how.zero_point < -128 ||
        how.zero_point > 127)
        return status::bad_value;
    if (how.scale.data != nullptr)
        for (size_t o = 0; o < (how.scale.stride == 0 ? 1 : outputs); ++o)
            if (!is_step(how.scale.data[o])) return status::bad_value;
    return check_real(how, rows, outputs, depth, max_product, dst);
}
[[nodiscard]] TERN_INLINE status check_how(const to_binary& how, size_t rows, size_t outputs, size_t depth,
                                           size_t max_product, byte_range dst) noexcept {
    return how.limit.stride > 1 ? status::bad_stride : check_real(how, rows, outputs, depth, max_product, dst);
}
[[nodiscard]] TERN_INLINE status check_how(const to_ternary& how, size_t rows, size_t outputs, size_t depth,
                                           size_t max_product, byte_range dst) noexcept {
    if (how.limits.lower.stride > 1 || how.limits.upper.stride > 1) return status::bad_stride;
    return check_real(how, rows, outputs, depth, max_product, dst);
}
[[nodiscard]] TERN_INLINE status check_how(const to_bits& how, size_t rows, size_t outputs, size_t depth,
                                           size_t max_product, byte_range dst) noexcept {
    return is_step(how.scale) ? check_real(how, rows, outputs, depth, max_product, dst) : status::bad_value;
}
[[nodiscard]] TERN_INLINE status check_how(const integer_limits& how, size_t, size_t, size_t, size_t,
                                           byte_range) noexcept {
    const auto places = reinterpret_cast<std::uintptr_t>(how.lower) | reinterpret_cast<std::uintptr_t>(how.upper) |
                        reinterpret_cast<std::uintptr_t>(how.negative);
    if (places % alignof(std::int32_t) != 0) return status::bad_alignment;
    return status::ok;
}
[[nodiscard]] TERN_INLINE status check_how(const shortcut_limits& how, size_t rows, size_t outputs, size_t, size_t,
                                           byte_range dst) noexcept {
    if (outputs != 0 && (how.upper == nullptr || how.lower == nullptr)) return status::null_pointer;
    const status s = check_how(integer_limits(how.lower, how.upper, how.negative), rows, outputs, 0, 1, dst);
    return s != status::ok ? s : check(shortcut(how.residual), rows, outputs, dst);
}

/// Conditions of some operations only.
[[nodiscard]] TERN_INLINE constexpr bool has_groups(const real_steps& how) noexcept { return how.epilogue.group != 0; }
[[nodiscard]] TERN_INLINE constexpr bool has_offsets(const real_steps& how) noexcept {
    return how.epilogue.weights.offset.data != nullptr || how.epilogue.activations.offset.data != nullptr;
}
[[nodiscard]] TERN_INLINE constexpr bool has_groups(const integer_limits&) noexcept { return false; }
[[nodiscard]] TERN_INLINE constexpr bool has_offsets(const integer_limits&) noexcept { return false; }
[[nodiscard]] TERN_INLINE constexpr bool has_groups(const shortcut_limits&) noexcept { return false; }
[[nodiscard]] TERN_INLINE constexpr bool has_offsets(const shortcut_limits&) noexcept { return false; }

}  // namespace detail
}  // namespace tern
