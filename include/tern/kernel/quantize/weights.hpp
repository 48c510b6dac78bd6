// SPDX-License-Identifier: MIT
// What the weights' quantizers share: sums over rows, and one row of floats to the words of two planes, wherever they
// lie.
//
// Sums: sixteen partial sums in double, element j of a row goes to sum j mod 16; then sum l takes sum l + 8, l + 4,
// l + 2, l + 1. The same bits on every architecture and compiler.
#pragma once

#include <tern/kernel/quantize/activations.hpp>

namespace tern::kernel {

template <class Arch>
using streams = decltype(streams_of(Arch{}));

/// Of one row.
struct partial_sums {
    double s[16];

    TERN_INLINE constexpr partial_sums() noexcept : s() {}
    /// Which changes them.
    [[nodiscard]] TERN_INLINE double total() noexcept {
        for (size_t half = 8; half != 0; half /= 2)
            for (size_t l = 0; l < half; ++l) s[l] += s[l + half];
        return s[0];
    }
};

/// sum of simd::term_of<T>(x[j], p)
template <class Arch, simd::term T>
[[nodiscard]] double sum_terms(const float* x, size_t n, double p) noexcept {
    using leaf = streams<Arch>;
    constexpr size_t block = leaf::block;
    auto total = leaf::zero();
    const size_t whole = n / block * block;
    for (size_t j = 0; j < whole; j += block) leaf::template add<T>(total, x + j, p);
    partial_sums sums;
    leaf::store(total, sums.s);
    for (size_t j = whole; j < n; ++j) sums.s[j - whole] += simd::term_of<T>(x[j], p);
    return sums.total();
}

/// The same over the rows of a matrix, whose sums are added in order.
template <class Arch, simd::term T>
[[nodiscard]] double sum_terms(const matrix_view<const float>& x, double p) noexcept {
    double total = 0.0;
    for (size_t i = 0; i < x.rows; ++i) total += sum_terms<Arch, T>(x.row(i), x.cols, p);
    return total;
}

/// Whether no element is infinite or NaN.
template <class Arch>
[[nodiscard]] bool all_finite(const matrix_view<const float>& x) noexcept {
    bool finite = true;
    for (size_t i = 0; i < x.rows && x.cols != 0; ++i) finite &= largest_magnitude<Arch>(x.row(i), x.cols).finite;
    return finite;
}

/// 0 without elements.
template <class Arch>
[[nodiscard]] float largest_of(const matrix_view<const float>& x) noexcept {
    float most = 0.0f;
    for (size_t i = 0; i < x.rows && x.cols != 0; ++i) {
        const float row = largest_magnitude<Arch>(x.row(i), x.cols).most;
        most = row > most ? row : most;
    }
    return most;
}

/// to[j] = +1 where x[j] > upper, -1 where x[j] < lower, else and for NaN 0.
template <class Arch>
void ternary_row(const float* x, size_t n, float lower, float upper, std::int8_t* to) noexcept {
    for (size_t j = 0; j < n; ++j)
        to[j] = static_cast<std::int8_t>(static_cast<int>(x[j] > upper) - static_cast<int>(x[j] < lower));
}

/// to[j] = x[j] > upper ? high : x[j] < lower ? low : middle; a NaN gives the middle.
template <class Arch>
void choose_row(const float* x, size_t n, float lower, float upper, float low, float middle, float high,
                float* to) noexcept {
    using leaf = streams<Arch>;
    constexpr size_t block = leaf::block;
    const size_t whole = n / block * block;
    for (size_t j = 0; j < whole; j += block) leaf::choose(x + j, lower, upper, low, middle, high, to + j);
    for (size_t j = whole; j < n; ++j) to[j] = x[j] > upper ? high : (x[j] < lower ? low : middle);
}

/// to[j] = low <= x[j] <= high ? gradient[j] * factor : 0; a NaN x gives 0.
template <class Arch>
void gate_row(const float* x, size_t n, float low, float high, const float* gradient, float factor,
              float* to) noexcept {
    using leaf = streams<Arch>;
    constexpr size_t block = leaf::block;
    const size_t whole = n / block * block;
    for (size_t j = 0; j < whole; j += block) leaf::gate(x + j, low, high, gradient + j, factor, to + j);
    for (size_t j = whole; j < n; ++j) {
        const float passed = gradient[j] * factor;
        to[j] = x[j] >= low && x[j] <= high ? passed : 0.0f;
    }
}

// Encoders: `encode<Arch>(x, planes)` makes the planes of 32 floats.

/// +1 above `upper`, -1 below `lower`, else and for NaN 0; with `opposite` the other way round.
struct row_limits {
    using encoding = ternary;

    float lower;
    float upper;
    bool opposite;

    TERN_INLINE constexpr row_limits() noexcept : row_limits(0.0f, 0.0f) {}
    TERN_INLINE constexpr row_limits(float lower_, float upper_, bool opposite_ = false) noexcept
        : lower(lower_), upper(upper_), opposite(opposite_) {}

    template <class Arch>
    TERN_INLINE void encode(const float* x, word (&planes)[2]) const noexcept {
        const simd::signs s = floats<Arch>::compare(x, lower, upper);
        planes[0] = s.plus | s.minus;
        planes[1] = opposite ? s.minus : s.plus;
    }
};

/// +1 where x >= 0, else and for NaN -1.
template <set_bit SetBit>
struct row_signs {
    using encoding = basic_binary<SetBit>;

    TERN_INLINE constexpr row_signs() noexcept {}

    template <class Arch>
    TERN_INLINE void encode(const float* x, word (&planes)[1]) const noexcept {
        planes[0] = floats<Arch>::not_negative(x) ^ (SetBit == set_bit::plus ? 0u : ~0u);
    }
};

/// row_limits(-limit, limit), and on the way the partial sums of |x| above the limit, from those that are there on.
/// Blocks have to come in the order of the row, and the first of each stretch at a multiple of 16.
struct row_limits_sums {
    using encoding = ternary;

    float limit;
    partial_sums* sums;
    size_t ahead;  ///< what lies so many floats behind x is fetched: the memory would be idle

    TERN_INLINE constexpr row_limits_sums() noexcept : row_limits_sums(0.0f, nullptr, 0) {}
    TERN_INLINE constexpr row_limits_sums(float limit_, partial_sums* sums_, size_t ahead_) noexcept
        : limit(limit_), sums(sums_), ahead(ahead_) {}
};

/// What the epilogues want to know of a row of weights.
struct tally {
    std::int64_t sum = 0;
    size_t nonzeros = 0;

    TERN_INLINE constexpr tally() noexcept {}
    TERN_INLINE constexpr void add(const tally& other) noexcept {
        sum += other.sum;
        nonzeros += other.nonzeros;
    }
    /// The `count` values of one word a plane.
    template <class Encoding>
    TERN_INLINE void add(const word (&planes)[Encoding::planes], size_t count) noexcept {
        if constexpr (Encoding::has_mask && Encoding::has_sign) {
            constexpr size_t masks = size_t{Encoding::planes} - 1;  // several where they are nested; the sign is last
            for (size_t p = 0; p < masks; ++p)
                sum += 2 * bits::popcount(planes[p] & planes[masks]) - bits::popcount(planes[p]);
            nonzeros += static_cast<size_t>(bits::popcount(planes[0]));
        } else if constexpr (Encoding::has_mask) {
            word any = 0;
            for (size_t p = 0; p < size_t{Encoding::planes}; ++p) {
                sum += std::int64_t{bits::popcount(planes[p])} << p;
                any |= planes[p];
            }
            nonzeros += static_cast<size_t>(bits::popcount(any));
        } else {
            for (size_t p = 0; p < size_t{Encoding::planes}; ++p) {
                const std::int64_t set = bits::popcount(planes[p]);
                const auto all = static_cast<std::int64_t>(count);
                sum += (Encoding::sign_bit == set_bit::plus ? 2 * set - all : all - 2 * set) * (std::int64_t{1} << p);
            }
            nonzeros += count;
        }
    }
};

/// n floats to words: word w of plane p to[p * plane_stride + w * step].
template <class Arch, class Encoder>
tally pack_row(const float* x, size_t n, const Encoder& encoder, word* to, size_t plane_stride, size_t step) noexcept {
    using encoding = typename Encoder::encoding;
    tally all;
    for_each_block(x, n, [&](const float* from, size_t w, size_t count) TERN_INLINE_LAMBDA {
        word planes[encoding::planes];
        encoder.template encode<Arch>(from, planes);
        const word exists = bits::low_mask(count);
        bits::unroll<size_t{encoding::planes}>([&](auto p) TERN_INLINE_LAMBDA {
            planes[p] &= exists;
            to[p * plane_stride + w * step] = planes[p];
        });
        all.template add<encoding>(planes, count);
    });
    return all;
}

/// The same with the sums, which stay in registers for a stretch.
template <class Arch>
tally pack_row(const float* x, size_t n, const row_limits_sums& encoder, word* to, size_t plane_stride,
               size_t step) noexcept {
    using leaf = streams<Arch>;
    auto total = leaf::load(encoder.sums->s);
    tally all;
    for_each_block(x, n, [&](const float* from, size_t w, size_t count) TERN_INLINE_LAMBDA {
        for (size_t j = 0; j < word_bits; j += leaf::block) leaf::prefetch(x + w * word_bits + j + encoder.ahead);
        const simd::signs s = floats<Arch>::compare(from, -encoder.limit, encoder.limit);
        for (size_t j = 0; j < word_bits; j += leaf::block)
            leaf::template add<simd::term::above>(total, from + j, static_cast<double>(encoder.limit));
        const word planes[2] = {s.plus | s.minus, s.plus};  // zeros behind the last are not above
        to[w * step] = planes[0];
        to[plane_stride + w * step] = planes[1];
        all.template add<ternary>(planes, count);
    });
    leaf::store(total, encoder.sums->s);
    return all;
}

/// Rows that a destination takes at a time: a panel.
inline constexpr size_t group_of_rows = panel_outputs;

/// What became of them, row by row.
struct group_tally {
    tally rows[group_of_rows];

    TERN_INLINE constexpr group_tally() noexcept {}
};

/// Rows of a packed matrix as a destination; see `panels_target`.
template <class Encoding>
struct rows_target {
    mutable_packed_rows<Encoding> q;

    TERN_INLINE explicit constexpr rows_target(const mutable_packed_rows<Encoding>& q_) noexcept : q(q_) {}

    /// Whether stretches of a row begin at multiples of 16.
    [[nodiscard]] TERN_INLINE constexpr bool in_sixteens() const noexcept { return true; }

    template <class Arch, class EncoderOf>
    TERN_INLINE void pack(const matrix_view<const float>& x, size_t first, size_t count, const EncoderOf& encoder_of,
                          group_tally& all) const noexcept {
        for (size_t i = 0; i < count; ++i)
            all.rows[i] = pack_row<Arch>(x.row(first + i), x.cols, encoder_of(first + i), q.target_row(first + i),
                                         q.plane_stride, 1);
    }
};

/// Panels of weights as a destination. `pack` takes the rows of one panel, `first` a multiple of 16: stretches of depth
/// outside, rows inside, because a row's words lie as far apart as the words of all rows together, and the lines that
/// they lie in have to stay in the nearest cache until all rows have been there.
template <class Encoding>
struct panels_target {
    static constexpr size_t step = size_t{Encoding::planes} * panel_outputs;  // words from a block to the next
    static constexpr size_t stretch = 4096;                                   // positions of depth

    packed_panels<Encoding> view;
    word* data;

    TERN_INLINE constexpr panels_target(const packed_panels<Encoding>& view_, word* data_) noexcept
        : view(view_), data(data_) {}

    [[nodiscard]] TERN_INLINE constexpr bool in_sixteens() const noexcept {
        return view.taps == 1 || view.dense_taps() || view.tap_depth % 16 == 0;
    }

    template <class Arch, class EncoderOf>
    TERN_INLINE void pack(const matrix_view<const float>& x, size_t first, size_t count, const EncoderOf& encoder_of,
                          group_tally& all) const noexcept {
        decltype(encoder_of(first)) encoders[group_of_rows];
        for (size_t i = 0; i < count; ++i) {
            encoders[i] = encoder_of(first + i);
            all.rows[i] = tally();
        }
        word* const panel = data + first / panel_outputs * view.panel_stride();
        word* const sums = panel + view.blocks() * step;
        const size_t blocks = depth_words(view.tap_depth);
        for (size_t tap = 0; tap < (view.dense_taps() ? 0 : view.taps); ++tap) {
            group_tally here;
            for (size_t from = 0; from < view.tap_depth; from += stretch) {
                const size_t n = view.tap_depth - from < stretch ? view.tap_depth - from : stretch;
                word* const to = panel + (tap * blocks + from / word_bits) * step;
                for (size_t i = 0; i < count; ++i)
                    here.rows[i].add(pack_row<Arch>(x.row(first + i) + tap * view.tap_depth + from, n, encoders[i],
                                                    to + i, panel_outputs, step));
            }
            for (size_t i = 0; i < count; ++i) {
                put(sums + 2 * panel_outputs * tap + i, here.rows[i]);
                all.rows[i].add(here.rows[i]);
            }
        }
        for (size_t i = 0; i < (view.dense_taps() ? count : 0); ++i) {
            all.rows[i] = pack_row<Arch>(x.row(first + i), view.depth(), encoders[i], panel + i, panel_outputs, step);
            for (size_t tap = 0; tap < view.taps; ++tap) {
                tally one;
                for (size_t d = tap * view.tap_depth; d < (tap + 1) * view.tap_depth; ++d) {
                    const std::int32_t value = view.value(first + i, d);
                    one.sum += value;
                    one.nonzeros += value != 0 ? 1u : 0u;
                }
                put(sums + 2 * panel_outputs * tap + i, one);
            }
        }
        if (count < panel_outputs)  // lanes that stand for no output
            for (size_t at = 0; at < view.panel_stride(); at += panel_outputs)
                for (size_t lane = count; lane < panel_outputs; ++lane) panel[at + lane] = 0;
    }

private:
    static TERN_INLINE void put(word* sums, const tally& one) noexcept {
        sums[0] = static_cast<word>(static_cast<std::uint64_t>(one.sum) & 0xffffffffu);
        sums[panel_outputs] = static_cast<word>(one.nonzeros);
    }
};

/// All rows, a group at a time: prepare(first, count), pack with encoder_of(row), finish(first, count, tallies).
/// Nothing is done for no elements.
template <class Arch, class Target, class Prepare, class EncoderOf, class Finish>
TERN_INLINE void pack_groups(const matrix_view<const float>& x, const Target& target, const Prepare& prepare,
                             const EncoderOf& encoder_of, const Finish& finish) noexcept {
    for (size_t first = 0; first < x.rows && x.cols != 0; first += group_of_rows) {
        const size_t count = x.rows - first < group_of_rows ? x.rows - first : group_of_rows;
        group_tally all;
        prepare(first, count);
        target.template pack<Arch>(x, first, count, encoder_of, all);
        finish(first, count, all);
    }
}

/// Another encoder, which asks for what lies `ahead` bytes behind: the memory would be idle in what encoding takes.
template <class Encoder>
struct fetching {
    using encoding = typename Encoder::encoding;

    Encoder encoder;
    size_t ahead;

    TERN_INLINE constexpr fetching() noexcept : encoder(), ahead(0) {}
    TERN_INLINE constexpr fetching(const Encoder& encoder_, size_t ahead_) noexcept
        : encoder(encoder_), ahead(ahead_) {}

    template <class Arch>
    TERN_INLINE void encode(const float* x, word (&planes)[encoding::planes]) const noexcept {
        constexpr size_t line = 16;
        const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(x) + ahead;  // x may be a copy of the last few
        for (size_t j = 0; j < word_bits; j += line)
            streams<Arch>::prefetch(reinterpret_cast<const float*>(at + j * sizeof(float)));
        encoder.template encode<Arch>(x, planes);
    }
};

/// Every row by encoder_of(row).
template <class Arch, class Target, class EncoderOf>
void pack_matrix(const matrix_view<const float>& x, const Target& target, const EncoderOf& encoder_of) noexcept {
    using encoder = decltype(encoder_of(size_t{0}));
    pack_groups<Arch>(
        x, target, [](size_t, size_t) TERN_INLINE_LAMBDA {},
        [&](size_t i) TERN_INLINE_LAMBDA {
            const bool more = i + group_of_rows < x.rows;
            return fetching<encoder>(encoder_of(i), more ? group_of_rows * x.stride * sizeof(float) : 0);
        },
        [](size_t, size_t, const group_tally&) TERN_INLINE_LAMBDA {});
}

}  // namespace tern::kernel
