// SPDX-License-Identifier: MIT
// Signed bytes times ternary codes by dot products of bytes.
//
// A tile of codes holds 64 outputs x 4 positions of depth; its four 2-bit fields are four groups of 16 outputs. Four
// activations, broadcast to all lanes, meet one field after the other, and no sum crosses lanes:
//     sum_k (w[k] + 1) x[k] - sum_k x[k] = sum_k w[k] x[k]
// where w + 1 is the code. Sums start at -sum x; they wrap modulo 2^32 on the way, and the result fits.
#pragma once

#include <tern/kernel/bytes/byte_sum.hpp>
#include <tern/kernel/gemm/sink.hpp>
#include <tern/layout_tiles.hpp>

namespace tern::kernel {

/// The register tile: Rows activations x Loads registers of codes x the fields [First, First + Fields) of them.
template <class Bytes, size_t Rows, size_t Loads, size_t First, size_t Fields>
struct codes_tile {
    /// acc[r][output] += codes x activations over `steps` tiles of depth. x[r]: row r; codes[l]: register l in the
    /// first tile; acc[l]: row 0 of the outputs of its field 0. `acc_stride`: from a row to the next.
    static TERN_INLINE void run(const std::int8_t* const (&x)[Rows], const std::uint8_t* const (&codes)[Loads],
                                size_t steps, std::int32_t* const (&acc)[Loads], size_t acc_stride) noexcept {
        for (size_t at = 0; at < steps;) {
            constexpr size_t fold_every = Bytes::template fold_every<2>;
            const size_t end = steps - at < fold_every ? steps : at + fold_every;
            typename Bytes::sums sums[Rows][Loads][Fields];
            for_each([&](auto r, auto l, auto f) TERN_INLINE_LAMBDA { sums[r][l][f] = Bytes::zero(); });
            if constexpr (steps_a_load > 1) {
                const std::int8_t* row[Rows];  // or they are read again behind what keeps an order
                const std::uint8_t* code[Loads];
                bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA { row[r] = x[r]; });
                bits::unroll<Loads>([&](auto l) TERN_INLINE_LAMBDA { code[l] = codes[l]; });
                TERN_KEEP_LOOP
                for (; at + steps_a_load <= end; at += steps_a_load) long_step(sums, row, code, at);
            }
            TERN_KEEP_LOOP
            for (; at < end; ++at) {
                if constexpr (Rows == 1 && !Bytes::many_registers)
                    one_row_step(sums, x[0], codes, at);
                else
                    step(sums, x, codes, at);
            }
            for_each([&](auto r, auto l, auto f) TERN_INLINE_LAMBDA {
                Bytes::add_to(acc[l] + r * acc_stride + (First + f) * panel_outputs,
                              Bytes::template fold<shift<decltype(f)::value>>(sums[r][l][f]));
            });
        }
    }

private:
    using sum = typename Bytes::sums;

    static constexpr size_t steps_a_load = simd::steps_a_load<Bytes>;

    template <size_t F>
    static constexpr int shift = 2 * int{First + F};

    using field_codes = typename Bytes::codes[Loads][Fields];

    static TERN_INLINE void take_apart(field_codes& field, const std::uint8_t* const (&codes)[Loads],
                                       size_t at) noexcept {
        bits::unroll<Loads>([&](auto l) TERN_INLINE_LAMBDA {
            const auto c = Bytes::load(codes[l] + at * packed_codes::tile_bytes);
            bits::unroll<Fields>([&](auto f) TERN_INLINE_LAMBDA {
                field[l][f] = Bytes::template field<2, shift<decltype(f)::value>>(c);
            });
        });
    }

    /// All fields first: every row meets them.
    static TERN_INLINE void step(sum (&sums)[Rows][Loads][Fields], const std::int8_t* const (&x)[Rows],
                                 const std::uint8_t* const (&codes)[Loads], size_t at) noexcept {
        field_codes field;
        take_apart(field, codes, at);
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            const auto a = Bytes::broadcast(x[r] + at * packed_codes::tile_depth);
            bits::unroll<Loads>([&](auto l) TERN_INLINE_LAMBDA {
                bits::unroll<Fields>([&](auto f) TERN_INLINE_LAMBDA {
                    sums[r][l][f] = Bytes::dot(sums[r][l][f], field[l][f], a);
                });
            });
        });
    }

    /// One field after the other, so that few are alive at a time.
    static TERN_INLINE void one_row_step(sum (&sums)[Rows][Loads][Fields], const std::int8_t* x,
                                         const std::uint8_t* const (&codes)[Loads], size_t at) noexcept {
        const auto a = Bytes::broadcast(x + at * packed_codes::tile_depth);
        bits::unroll<Loads>([&](auto l) TERN_INLINE_LAMBDA {
            const auto c = Bytes::load(codes[l] + at * packed_codes::tile_bytes);
            bits::unroll<Fields>([&](auto f) TERN_INLINE_LAMBDA {
                sums[0][l][f] =
                    Bytes::dot(sums[0][l][f], Bytes::template field<2, shift<decltype(f)::value>>(c), a);
            });
        });
    }

    /// Several steps with one load of activations, in the order that cores without one of their own need: what rows and
    /// the next step need is read some products ahead.
    static TERN_INLINE void long_step(sum (&sums)[Rows][Loads][Fields], const std::int8_t* const (&x)[Rows],
                                      const std::uint8_t* const (&codes)[Loads], size_t at) noexcept {
        typename Bytes::activations a[Rows];
        constexpr size_t ahead = Rows < 4 ? Rows : 4;
        const auto load = [&](auto r) TERN_INLINE_LAMBDA {
            a[r] = Bytes::load_bytes(x[r] + at * packed_codes::tile_depth);
            if constexpr (r == 0)
                Bytes::keep(a[r]);
            else
                Bytes::keep(a[r], a[r - 1]);
        };
        field_codes field[2];
        take_apart(field[0], codes, at);
        bits::unroll<ahead>([&](auto r) TERN_INLINE_LAMBDA { load(r); });
        bits::unroll<steps_a_load>([&](auto s) TERN_INLINE_LAMBDA {
            bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
                if constexpr (s == 0 && r + ahead < Rows) load(bits::index<r + ahead>{});
                if constexpr (s + 1 < steps_a_load && r == Rows / 2) take_apart(field[(s + 1) % 2], codes, at + s + 1);
                bits::unroll<Loads>([&](auto l) TERN_INLINE_LAMBDA {
                    bits::unroll<Fields>([&](auto f) TERN_INLINE_LAMBDA {
                        sums[r][l][f] =
                            Bytes::template dot_step<decltype(s)::value>(sums[r][l][f], field[s % 2][l][f], a[r]);
                        if constexpr (f + 1 == Fields) Bytes::keep(sums[r][l][f]);
                    });
                });
            });
        });
    }

    template <class F>
    static TERN_INLINE void for_each(const F& f) noexcept {
        bits::unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            bits::unroll<Loads>([&](auto l) TERN_INLINE_LAMBDA {
                bits::unroll<Fields>([&](auto field) TERN_INLINE_LAMBDA { f(r, l, field); });
            });
        });
    }
};

template <class Arch, bool OneRow>
inline constexpr size_t codes_block = OneRow ? 1 : 4 * decltype(bytes_config(Arch{}))::rows;

/// A product as kernel/gemm/driver.hpp wants it. `OneRow`: the tile shape for a single row of activations.
template <class Arch, bool OneRow>
class codes_product : public summed_bytes<Arch, packed_codes, codes_block<Arch, OneRow>> {
    using base = summed_bytes<Arch, packed_codes, codes_block<Arch, OneRow>>;
    using base::at, base::lhs_, base::rhs_, base::panel_stride_, base::rows_;

    using config = decltype(bytes_config(Arch{}));
    using bytes = typename config::bytes;
    static constexpr size_t tile_rows = OneRow ? 1 : config::rows;
    static constexpr size_t loads = OneRow ? config::row_loads : 1;
    static constexpr size_t fields = OneRow ? 4 : config::fields;
    static constexpr size_t tile_depth = packed_codes::tile_depth;
    static constexpr size_t panel_loads = panel_outputs / bytes::width;  // registers of a tile
    static constexpr size_t code_panels = loads > panel_loads ? loads / panel_loads : 1;
    static constexpr size_t code_panel = packed_codes::tile_outputs / panel_outputs;  // panels of 16 outputs

public:
    static constexpr size_t row_block = codes_block<Arch, OneRow>;
    static constexpr size_t row_step = 1;
    static constexpr size_t panels = code_panels * code_panel;

    TERN_INLINE codes_product(const matrix_view<const std::int8_t>& lhs, const packed_codes& rhs) noexcept
        : base(lhs, rhs) {}

    /// Where it is inlined, GCC at -O3 warns of more rows than a block has.
    TERN_NO_INLINE void select(size_t row, size_t rows, size_t from, size_t to) noexcept {
        base::select_bytes(row, rows, from, to);
        first_tile_ = from / tile_depth;
        steps_ = (to - from) / tile_depth;
        const size_t tail = (to - from) % tile_depth;
        has_tail_ = tail != 0;
        for (size_t r = 0; r < rows; ++r) {
            if (from == to) continue;
            const std::int8_t* const x = at(r);
            x_[r] = x;
            // Nothing behind a row is read: its last activations move to where zeros follow.
            for (size_t i = 0; i < tile_depth; ++i) tails_[r][i] = i < tail ? x[to - from - tail + i] : std::int8_t{0};
        }
    }

    [[nodiscard]] TERN_INLINE size_t near_panels() const noexcept {
        if (third_level_keeps<Arch>(rhs_.panels() * panel_stride_)) return static_cast<size_t>(-1);
        return near_panels_of(panel_stride_ * panel_outputs / packed_codes::tile_outputs, panels);
    }

    void multiply(size_t panel, size_t count, std::int32_t* acc, size_t stride) noexcept {
        if (lhs_.cols == 0) return base::clear(panels, acc, stride);
        for (size_t r = 0; r < rows_; ++r) {
            base::start(r, panels, acc + r * stride);
            // Where the next results go, most likely.
            for (size_t p = panels; p < 2 * panels; ++p) bits::prefetch_to_write(acc + r * stride + p * panel_outputs);
        }
        const std::uint8_t* const codes = rhs_.data + panel / code_panel * panel_stride_;
        const bool whole = count > (code_panels - 1) * code_panel;
        for (size_t begin = 0; begin < steps_;) {
            const size_t steps = !blocks || steps_ - begin < block_steps ? steps_ - begin : block_steps;
            run_rows(begin, codes, whole, steps, acc, stride);
            begin += steps;
        }
        if (has_tail_) run_rows(steps_, codes, whole, 1, acc, stride);
    }

private:
    /// Steps of depth that all rows meet before the next: their weights and activations fit a first-level cache. Only
    /// where sums are short, and go to memory as often anyway: four times with a block.
    static constexpr size_t block_steps = 168;
    static constexpr bool blocks = !OneRow && bytes::template fold_every<2> < block_steps;

    /// All rows with a group of panels, or with the first of it only, from step `begin` on.
    TERN_INLINE void run_rows(size_t begin, const std::uint8_t* codes, bool whole, size_t steps, std::int32_t* acc,
                              size_t stride) const noexcept {
        for (size_t r = 0; r < rows_; r += tile_rows) {
            std::int32_t* const to = acc + r * stride;
            const size_t left = rows_ - r;
            if (left >= tile_rows)
                run<tile_rows>(r, begin, codes, whole, steps, to, stride);
            else
                bits::unroll<tile_rows - 1>([&](auto n) TERN_INLINE_LAMBDA {
                    if (left == n + 1) this->run<n + 1>(r, begin, codes, whole, steps, to, stride);
                });
        }
    }

    template <size_t Rows>
    TERN_INLINE void run(size_t r, size_t begin, const std::uint8_t* codes, bool whole, size_t steps, std::int32_t* acc,
                         size_t stride) const noexcept {
        const std::int8_t* x[Rows];
        for (size_t i = 0; i < Rows; ++i) x[i] = begin == steps_ ? tails_[r + i] : x_[r + i] + begin * tile_depth;
        const std::uint8_t* const from = codes + (first_tile_ + begin) * packed_codes::tile_bytes;
        if constexpr (blocks) {  // the next of them, each row tile its part
            const size_t part = steps * tile_rows / row_block * packed_codes::tile_bytes;
            const std::uint8_t* const early = from + steps * packed_codes::tile_bytes + r / tile_rows * part;
            for (size_t i = 0; i < part; i += packed_codes::tile_bytes) bits::prefetch_to_second_level(early + i);
        }
        run_stretch(x, from, panel_stride_, whole, steps, acc, stride);
    }

    /// A function of its own, shared by all sinks; inlined, GCC gives its loop other registers.
    template <size_t Rows>
    static TERN_NO_INLINE void run_stretch(const std::int8_t* const (&x)[Rows], const std::uint8_t* codes, size_t panel_stride,
                            bool whole, size_t steps, std::int32_t* acc, size_t stride) noexcept {
        if constexpr (code_panels > 1) {
            if (whole)
                run_loads<loads>(x, codes, panel_stride, steps, acc, stride);
            else
                run_loads<panel_loads>(x, codes, panel_stride, steps, acc, stride);
        } else {
            for (size_t lane = 0; lane < panel_outputs; lane += loads * bytes::width)
                run_loads<loads>(x, codes + lane * tile_depth, panel_stride, steps, acc + lane, stride);
        }
    }

    template <size_t Loads, size_t Rows>
    static TERN_INLINE void run_loads(const std::int8_t* const (&x)[Rows], const std::uint8_t* codes,
                                      size_t panel_stride, size_t steps, std::int32_t* acc, size_t stride) noexcept {
        const std::uint8_t* from[Loads];
        std::int32_t* to[Loads];
        for (size_t l = 0; l < Loads; ++l) {
            const size_t lane = l % panel_loads * bytes::width;
            from[l] = codes + l / panel_loads * panel_stride + lane * tile_depth;
            to[l] = acc + l / panel_loads * packed_codes::tile_outputs + lane;
        }
        bits::unroll<4 / fields>([&](auto i) TERN_INLINE_LAMBDA {
            codes_tile<bytes, Rows, Loads, i * fields, fields>::run(x, from, steps, to, stride);
        });
    }

    size_t first_tile_ = 0;
    size_t steps_ = 0;
    bool has_tail_ = false;
    const std::int8_t* x_[row_block];
    std::int8_t tails_[row_block][tile_depth];
};

}  // namespace tern::kernel
