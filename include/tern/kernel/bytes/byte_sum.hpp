// SPDX-License-Identifier: MIT
// What products of bytes share: the configurations of all architectures, what is selected of rows, and its sums.
#pragma once

#include <tern/kernel/gemm/selection.hpp>

#include <tern/kernel/bytes/scalar.hpp>
#include <tern/kernel/bytes/simd.hpp>
#include <tern/kernel/bytes/sse4.hpp>
#include <tern/kernel/bytes/avx2.hpp>
#include <tern/kernel/bytes/avx512.hpp>
#include <tern/kernel/bytes/avx512_vnni.hpp>
#include <tern/kernel/bytes/neon.hpp>
#include <tern/kernel/bytes/dotprod.hpp>
#include <tern/kernel/bytes/i8mm.hpp>

namespace tern::kernel {

/// Step zeros, then Step ones: Step of them from the n-th on are ones for the last n of Step bytes.
template <size_t Step>
struct ones_for_last {
    std::uint8_t mask[2 * Step];

    constexpr ones_for_last() noexcept : mask() {
        for (size_t i = Step; i < 2 * Step; ++i) mask[i] = 1;
    }
};
template <size_t Step>
inline constexpr ones_for_last<Step> ones_for_last_of{};

/// Sum of some signed bytes.
template <class Bytes>
TERN_INLINE std::int32_t byte_sum(const std::int8_t* x, size_t count) noexcept {
    constexpr size_t step = 4 * Bytes::width;
    constexpr size_t fold_every = Bytes::template fold_every<1>;
    std::uint32_t total = 0;
    size_t at = 0;
    while (count - at >= step) {
        const size_t steps = (count - at) / step;
        const size_t end = at + (steps < fold_every - 1 ? steps : fold_every - 1) * step;
        auto sums = Bytes::zero();
        TERN_KEEP_LOOP
        for (; at < end; at += step) sums = Bytes::dot(sums, Bytes::splat(1), Bytes::load_bytes(x + at));
        if (at < count && count - at < step) {  // the rest, behind bytes that are there already
            const auto mask = Bytes::load(ones_for_last_of<step>.mask + (count - at));
            sums = Bytes::dot(sums, mask, Bytes::load_bytes(x + count - step));
            at = count;
        }
        total += static_cast<std::uint32_t>(Bytes::total(Bytes::template fold<0>(sums)));
    }
    TERN_KEEP_LOOP
    for (; at < count; ++at) total += static_cast<std::uint32_t>(x[at]);
    return static_cast<std::int32_t>(total);
}

/// Positions [from_, to_) of rows of bytes.
template <class Arch, class Rhs>
class selected_bytes : public selection<Arch, matrix_view<const std::int8_t>, Rhs> {
    using base = selection<Arch, matrix_view<const std::int8_t>, Rhs>;

public:
    [[nodiscard]] TERN_INLINE std::int32_t row_sum(size_t r) const noexcept {
        return from_ == to_ ? 0 : byte_sum<bytes>(at(r), to_ - from_);
    }

protected:
    using bytes = typename decltype(bytes_config(Arch{}))::bytes;

    TERN_INLINE selected_bytes(const matrix_view<const std::int8_t>& lhs, const Rhs& rhs) noexcept : base(lhs, rhs) {}

    TERN_INLINE void select_bytes(size_t row, size_t rows, size_t from, size_t to) noexcept {
        this->row_ = row;
        this->rows_ = rows;
        from_ = from;
        to_ = to;
    }
    /// The first selected position of selected row r. Where nothing is, pointers may be null.
    [[nodiscard]] TERN_INLINE const std::int8_t* at(size_t r) const noexcept {
        return this->lhs_.row(this->row_ + r) + from_;
    }

    size_t from_ = 0;
    size_t to_ = 0;
};

/// Those whose sums are part of every product: of codes and bits that count from 0.
template <class Arch, class Rhs, size_t RowBlock>
class summed_bytes : public selected_bytes<Arch, Rhs> {
    using base = selected_bytes<Arch, Rhs>;

public:
    [[nodiscard]] TERN_INLINE std::int32_t row_sum(size_t r) const noexcept { return sums_[r]; }

protected:
    TERN_INLINE summed_bytes(const matrix_view<const std::int8_t>& lhs, const Rhs& rhs) noexcept : base(lhs, rhs) {}

    TERN_INLINE void select_bytes(size_t row, size_t rows, size_t from, size_t to) noexcept {
        base::select_bytes(row, rows, from, to);
        for (size_t r = 0; r < rows; ++r) sums_[r] = base::row_sum(r);
    }
    /// What the products of row r with some panels begin with.
    TERN_INLINE void start(size_t r, size_t panels, std::int32_t* acc) const noexcept {
        for (size_t o = 0; o < panels * panel_outputs; o += base::bytes::width) base::bytes::fill(acc + o, -sums_[r]);
    }

private:
    std::int32_t sums_[RowBlock];
};

}  // namespace tern::kernel
