// SPDX-License-Identifier: MIT
// Signed bytes times binary panels by dot products of bytes.
//
// Bit j of the four bytes of a weight word belongs to the positions j, j + 8, j + 16 and j + 24 of its 32. Masked out,
// it is a byte of its own, 0 or 2^j, and meets these four activations:
//     2 sum_k b[k] x[k] - sum_k x[k] = sum_k w[k] x[k]          w = 2 b - 1
// Sums start at -sum x; they wrap modulo 2^32 on the way, and the result fits.
#pragma once

#include <tern/kernel/bytes/byte_sum.hpp>
#include <tern/kernel/gemm/sink.hpp>

namespace tern::kernel {

/// The register tile: Rows activations x Loads registers of words.
template <class Bytes, size_t Rows, size_t Loads>
struct bits_tile {
    static constexpr size_t positions = 8;
    /// Sums of all bits together, or apart as long as their factors differ.
    static constexpr bool negative = simd::bits_are_minus_one<Bytes>;
    static constexpr size_t kinds = Bytes::moves_fields || negative ? 1 : positions;
    static constexpr size_t fold_every = Bytes::template fold_every<1> / (kinds == 1 ? positions : 1);  // words

    /// acc[r][output] += 2 bits x activations over `words` words of depth. x[r]: row r, 32 activations a word;
    /// weights[l]: register l of the first word; acc[l]: row 0 of its outputs. `acc_stride`: from a row to the next.
    /// A single row asks for words `ahead` of those at work: what it reads comes from far, and once.
    static TERN_INLINE void run(const std::int8_t* const (&x)[Rows], const word* const (&weights)[Loads], size_t ahead,
                                size_t words, std::int32_t* const (&acc)[Loads], size_t acc_stride) noexcept {
        constexpr size_t panel_loads = panel_outputs / Bytes::width;
        for (size_t at = 0; at < words;) {
            const size_t end = words - at < fold_every ? words : at + fold_every;
            typename Bytes::sums sums[Rows][Loads][kinds];
            for_each([&](auto r, auto l) TERN_INLINE_LAMBDA {
                bits::unroll<kinds>([&](auto k) TERN_INLINE_LAMBDA { sums[r][l][k] = Bytes::zero(); });
            });
            TERN_KEEP_LOOP
            for (; at < end; ++at) {
                typename Bytes::codes w[Loads];
                bits::unroll<Loads>([&](auto l) TERN_INLINE_LAMBDA {
                    w[l] = Bytes::load(weights[l] + at * panel_outputs);
                    if constexpr (Rows == 1 && l % panel_loads == 0)
                        bits::prefetch_to_second_level(weights[l] + ahead + at * panel_outputs);
                });
                bits::unroll<positions>([&](auto j) TERN_INLINE_LAMBDA {
                    constexpr int bit = int{decltype(j)::value};
                    typename Bytes::codes b[Loads];
                    bits::unroll<Loads>([&](auto l) TERN_INLINE_LAMBDA { b[l] = Bytes::template field<1, bit>(w[l]); });
                    bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
                        const auto a = Bytes::bit_activations(x[r] + at * word_bits, j);
                        bits::unroll<Loads>([&](auto l) TERN_INLINE_LAMBDA {
                            auto& sum = sums[r][l][j % kinds];
                            sum = Bytes::dot(sum, b[l], a);
                        });
                    });
                });
            }
            for_each([&](auto r, auto l) TERN_INLINE_LAMBDA {
                typename Bytes::reg total = Bytes::template fold<0>(sums[r][l][0]);
                bits::unroll<kinds - 1>([&](auto k) TERN_INLINE_LAMBDA {
                    constexpr size_t kind = decltype(k)::value + 1;
                    total = Bytes::add(total, Bytes::template fold<int{kind}>(sums[r][l][kind]));
                });
                if constexpr (negative) total = Bytes::minus(total);
                Bytes::add_to(acc[l] + r * acc_stride, Bytes::add(total, total));
            });
        }
    }

private:
    template <class F>
    static TERN_INLINE void for_each(const F& f) noexcept {
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            bits::unroll<Loads>([&](auto l) TERN_INLINE_LAMBDA { f(r, l); });
        });
    }
};

/// The rows at work, as bits_tile reads them: transposed, as much of the depth as the scratch holds at a time.
template <class Bytes, size_t Rows, bool Transposed>
class bit_rows {
public:
    static constexpr size_t scratch_words = 1024 / Rows;  // 32 KB, a first-level cache

    /// The next `words` words of depth of a row; `count` <= 32 * words activations are there.
    TERN_INLINE void set(size_t r, const std::int8_t* x, size_t count) noexcept {
        const size_t whole = count / word_bits;
        for (size_t w = 0; w < whole; ++w) Bytes::transpose(x + w * word_bits, scratch_[r] + w * word_bits);
        if (count % word_bits == 0) return;
        std::int8_t tail[word_bits] = {};
        for (size_t i = 0; i < count % word_bits; ++i) tail[i] = x[whole * word_bits + i];
        Bytes::transpose(tail, scratch_[r] + whole * word_bits);
    }
    [[nodiscard]] TERN_INLINE const std::int8_t* row(size_t r) const noexcept { return scratch_[r]; }

private:
    std::int8_t scratch_[Rows][scratch_words * word_bits];
};

/// The same where rows are read as they are; nothing behind a row is read, so its tail moves to where zeros follow.
template <class Bytes, size_t Rows>
class bit_rows<Bytes, Rows, false> {
public:
    TERN_INLINE void set(size_t r, const std::int8_t* x, size_t count) noexcept {
        x_[r] = x;
        if (count == 0 || count >= word_bits) return;
        for (size_t i = 0; i < word_bits; ++i) tails_[r][i] = i < count ? x[i] : std::int8_t{0};
        x_[r] = tails_[r];
    }
    [[nodiscard]] TERN_INLINE const std::int8_t* row(size_t r) const noexcept { return x_[r]; }

private:
    const std::int8_t* x_[Rows];
    std::int8_t tails_[Rows][word_bits];
};

template <class Arch, bool OneRow>
inline constexpr size_t bits_rows = OneRow ? 1 : decltype(bytes_config(Arch{}))::bit_rows;
template <class Arch, bool OneRow>
inline constexpr size_t bits_block = (OneRow ? 1 : bits_rows<Arch, false> < 4 ? 4 : 2) * bits_rows<Arch, OneRow>;

/// A product as kernel/gemm/driver.hpp wants it. `OneRow`: the tile shape for a single row of activations.
template <class Arch, bool OneRow>
class bits_product : public summed_bytes<Arch, packed_panels<binary>, bits_block<Arch, OneRow>> {
    using base = summed_bytes<Arch, packed_panels<binary>, bits_block<Arch, OneRow>>;
    using base::at, base::lhs_, base::rhs_, base::panel_stride_, base::rows_, base::from_, base::to_;

    using config = decltype(bytes_config(Arch{}));
    using bytes = typename config::bytes;
    static constexpr size_t tile_rows = bits_rows<Arch, OneRow>;
    static constexpr size_t loads = OneRow ? config::bit_row_loads : config::bit_loads;
    static constexpr size_t panel_loads = panel_outputs / bytes::width;

public:
    static constexpr size_t row_step = 1;
    static constexpr size_t row_block = bits_block<Arch, OneRow>;
    static constexpr size_t panels = 4;

    TERN_INLINE bits_product(const matrix_view<const std::int8_t>& lhs, const packed_panels<binary>& rhs) noexcept
        : base(lhs, rhs) {}

    void select(size_t row, size_t rows, size_t from, size_t to) noexcept {
        base::select_bytes(row, rows, from, to);
        if (from != to) set_rows(from);
    }

    void multiply(size_t panel, size_t count, std::int32_t* acc, size_t stride) noexcept {
        for (size_t r = 0; r < rows_; ++r) base::start(r, panels, acc + r * stride);
        if (lhs_.cols == 0) return;
        const word* const weights = rhs_.data + panel * panel_stride_;
        for (size_t from = from_; from < to_; from = end_) {
            if (from != set_from_) set_rows(from);
            const word* const first = weights + from / word_bits * panel_outputs;
            const size_t words = depth_words(end_ - from);
            for (size_t r = 0; r < rows_; r += tile_rows) {
                const size_t left = rows_ - r;
                if (left >= tile_rows)
                    run<tile_rows>(r, first, count, words, acc + r * stride, stride);
                else
                    bits::unroll<tile_rows - 1>([&](auto n) TERN_INLINE_LAMBDA {
                        if (left == n + 1) this->run<n + 1>(r, first, count, words, acc + r * stride, stride);
                    });
            }
        }
    }

private:
    using rows_at_work = bit_rows<bytes, row_block, bytes::transposes>;

    /// Positions [from, end_) of the selected rows.
    TERN_INLINE void set_rows(size_t from) noexcept {
        set_from_ = from;
        end_ = to_;
        if constexpr (bytes::transposes) {
            constexpr size_t most = rows_at_work::scratch_words * word_bits;
            if (to_ - from > most) end_ = from + most;
        } else if (to_ - from > word_bits) {
            end_ = to_ - (to_ - from) % word_bits;
        }
        for (size_t r = 0; r < rows_; ++r) at_work_.set(r, at(r) + (from - from_), end_ - from);
    }

    template <size_t Rows>
    TERN_INLINE void run(size_t r, const word* weights, size_t count, size_t words, std::int32_t* acc,
                         size_t stride) const noexcept {
        const std::int8_t* x[Rows];
        for (size_t i = 0; i < Rows; ++i) x[i] = at_work_.row(r + i);
        run_panels(x, weights, panel_stride_, count, words, acc, stride);
    }

    /// A function of its own, shared by all sinks.
    template <size_t Rows>
    static void run_panels(const std::int8_t* const (&x)[Rows], const word* weights, size_t panel_stride, size_t count,
                           size_t words, std::int32_t* acc, size_t stride) noexcept {
        const size_t last = count * panel_outputs;
        size_t o = 0;
        for (; last - o >= loads * bytes::width; o += loads * bytes::width)
            run_loads<loads>(x, weights, panel_stride, o, words, acc, stride);
        if constexpr (loads > panel_loads)
            for (; o < last; o += panel_outputs) run_loads<panel_loads>(x, weights, panel_stride, o, words, acc, stride);
    }

    template <size_t Loads, size_t Rows>
    static TERN_INLINE void run_loads(const std::int8_t* const (&x)[Rows], const word* weights, size_t panel_stride,
                                      size_t o, size_t words, std::int32_t* acc, size_t stride) noexcept {
        const word* from[Loads];
        std::int32_t* to[Loads];
        for (size_t l = 0; l < Loads; ++l) {
            const size_t output = o + l * bytes::width;
            from[l] = weights + output / panel_outputs * panel_stride + output % panel_outputs;
            to[l] = acc + output;
        }
        bits_tile<bytes, Rows, Loads>::run(x, from, Loads / panel_loads * panel_stride, words, to, stride);
    }

    size_t set_from_ = 0;
    size_t end_ = 0;
    rows_at_work at_work_;
};

}  // namespace tern::kernel
