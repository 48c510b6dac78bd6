// SPDX-License-Identifier: MIT
// From sums of channels to a sink: bytes of many pixels, or integers of one word of channels.
#pragma once

#include <tern/kernel/depthwise/sum9.hpp>
#include <tern/kernel/sinks/fused.hpp>

namespace tern::kernel {

template <class Sink>
struct integer_limits_of {
    static constexpr bool present = false;
};
template <class Arch, class Encoding>
struct integer_limits_of<integer_sink<Arch, Encoding>> {
    static constexpr bool present = true;
};

/// Words of channels that are worked on together.
inline constexpr size_t channel_words = 16;

template <class Arch, class Sink>
class channel_results {
    static constexpr bool compares = integer_limits_of<Sink>::present;
    static constexpr size_t together = 8;  // pixels whose integers are kept

    Sink sink_;
    size_t channels_;
    size_t first_word_ = 0;
    size_t words_ = 0;
    // Of the selected channels, and one word more that may be read along.
    std::int8_t lower_[compares ? (channel_words + 1) * word_bits : 1];
    std::int8_t upper_[compares ? (channel_words + 1) * word_bits : 1];
    word negative_[compares ? channel_words + 1 : 1];
    word exists_[compares ? channel_words + 1 : 1];

public:
    TERN_INLINE channel_results(const Sink& sink, size_t channels) noexcept : sink_(sink), channels_(channels) {}

    /// The words of channels that bytes will be about.
    TERN_INLINE void select(size_t first_word, size_t words) noexcept {
        first_word_ = first_word;
        words_ = words;
        if constexpr (compares)
            for (size_t w = 0; w <= words; ++w) {
                negative_[w] =
                    w == words || sink_.limits.negative == nullptr ? 0u : sink_.limits.negative[first_word + w];
                if (Sink::set_means_minus) negative_[w] = ~negative_[w];
                exists_[w] = w == words ? 0u : bits::low_mask(left(w));
            }
        if constexpr (compares)
            for (size_t i = 0; i < (words + 1) * word_bits; ++i) {
                const size_t c = first_word * word_bits + i;
                lower_[i] =
                    c < channels_ && sink_.limits.lower != nullptr ? saturated(sink_.limits.lower[c]) : std::int8_t{0};
                upper_[i] =
                    c < channels_ && sink_.limits.upper != nullptr ? saturated(sink_.limits.upper[c]) : std::int8_t{0};
            }
    }

    /// Words of sums to where they belong, one by one: pixels follow each other there without a gap.
    struct word_stores {
        static constexpr bool keeps = false;
        std::int32_t* to;

        TERN_INLINE explicit word_stores(std::int32_t* to_) noexcept : to(to_) {}

        /// `from`: the bytes of word `at`.
        TERN_INLINE void operator()(size_t at, size_t count, const std::int8_t* from) const noexcept {
            for (size_t i = 0; i < count; ++i)
                plane_bytes<Arch>::widen(from + i * word_bits, to + (at + i) * word_bits);
        }
    };
    /// Whether a sink may have such.
    static constexpr bool by_words = std::is_same_v<Sink, int32_sink>;

    [[nodiscard]] TERN_INLINE bool without_gaps() const noexcept {
        return sink_.dst.stride == channels_ && channels_ == words_ * word_bits;
    }
    [[nodiscard]] TERN_INLINE word_stores stores(size_t first_pixel) const noexcept {
        return word_stores(sink_.dst.row(first_pixel));
    }

    /// sums: bytes of the selected channels, pixel after pixel, -126 .. 126. One word behind the last may be read.
    TERN_NO_INLINE void put(size_t image, size_t first_pixel, size_t pixels, const std::int8_t* sums) const noexcept {
        const size_t row_bytes = words_ * word_bits;
        if constexpr (compares) {
            for (size_t r = 0; r < pixels; ++r) compare(first_pixel + r, sums + r * row_bytes);
        } else if constexpr (by_words) {
            for (size_t r = 0; r < pixels; ++r)
                for (size_t w = 0; w < words_; ++w)
                    widen(sink_.dst.row(first_pixel + r), w, sums + r * row_bytes + w * word_bits);
        } else {
            std::int32_t acc[together * channel_words * word_bits];
            for (size_t r = 0; r < pixels; r += together) {
                const size_t count = pixels - r < together ? pixels - r : together;
                for (size_t i = 0; i < count * row_bytes; i += word_bits)
                    plane_bytes<Arch>::widen(sums + r * row_bytes + i, acc + i);
                store(image, first_pixel + r, count, 2 * first_word_, 2 * words_, acc, row_bytes);
            }
        }
    }

    /// One pixel's sums of the 32 channels of a word.
    TERN_INLINE void put_word(size_t image, size_t pixel, size_t w, const std::int32_t* sums) const noexcept {
        if constexpr (by_words) {
            const size_t channels = channels_ - w * word_bits;
            std::int32_t* to = sink_.dst.row(pixel) + w * word_bits;
            if (channels >= word_bits)
                std::memcpy(to, sums, word_bits * sizeof *to);
            else
                std::memcpy(to, sums, channels * sizeof *to);
        } else {
            store(image, pixel, 1, 2 * w, 2, sums, word_bits);
        }
    }

private:
    /// Sums are of -126 .. 126, so a comparison with this is one with the limit.
    static TERN_INLINE std::int8_t saturated(std::int32_t limit) noexcept {
        return static_cast<std::int8_t>(limit < -128 ? -128 : limit > 127 ? 127 : limit);
    }
    TERN_INLINE size_t left(size_t w) const noexcept {
        const size_t channels = channels_ - (first_word_ + w) * word_bits;
        return channels < word_bits ? channels : word_bits;
    }
    TERN_INLINE void widen(std::int32_t* row, size_t w, const std::int8_t* sums) const noexcept {
        std::int32_t* to = row + (first_word_ + w) * word_bits;
        if (left(w) == word_bits) return plane_bytes<Arch>::widen(sums, to);
        for (size_t i = 0; i < left(w); ++i) to[i] = sums[i];
    }
    TERN_INLINE void compare(size_t pixel, const std::int8_t* sums) const noexcept {
        using bytes = plane_bytes<Arch>;
        word* to = sink_.to.target_row(pixel) + first_word_;
        for (size_t w = 0; w < words_; w += bytes::words) {
            const auto above = bytes::above(sums + w * word_bits, upper_ + w * word_bits);
            using mask = std::remove_const_t<decltype(above)>;
            const auto turned = bits::load<mask>(negative_ + w);
            const auto exists = bits::load<mask>(exists_ + w);
            if constexpr (Sink::three_values) {
                const auto below = bytes::above(lower_ + w * word_bits, sums + w * word_bits);
                put(to, w, static_cast<mask>((above | below) & exists));
                put(to + sink_.to.plane_stride, w, static_cast<mask>((above ^ ((above ^ below) & turned)) & exists));
            } else {
                put(to, w, static_cast<mask>((above ^ turned) & exists));
            }
        }
    }
    template <class Mask>
    TERN_INLINE void put(word* to, size_t w, Mask bits_of_words) const noexcept {
        if (w + sizeof(Mask) / sizeof(word) <= words_)
            bits::store(to + w, bits_of_words);
        else
            to[w] = static_cast<word>(bits_of_words);
    }
    TERN_INLINE void store(size_t image, size_t first_pixel, size_t pixels, size_t first_panel, size_t panels,
                           const std::int32_t* acc, size_t stride) const noexcept {
        constexpr std::int32_t no_sums[panel_outputs] = {};
        size_t rows[together];
        simd::row_terms terms[Sink::real ? together : 1];
        for (size_t r = 0; r < pixels; ++r) {
            rows[r] = first_pixel + r;
            if constexpr (Sink::real) terms[r] = sink_.row_terms(image, 0, 0);
        }
        if constexpr (!Sink::real) terms[0] = {};
        for (size_t p = 0; p < panels && (first_panel + p) * panel_outputs < channels_; ++p)
            store_panel<Arch>(sink_, first_panel + p, acc + p * panel_outputs, stride, pixels, rows, terms, no_sums);
    }
};

}  // namespace tern::kernel
