// SPDX-License-Identifier: MIT
// The loops behind limits.hpp but those of products of bytes and of lookups (limits_bytes.cpp).
#include "support/limits.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>

#include <benchmark/benchmark.h>
#include <tern/buffer.hpp>
#include <tern/kernel/gemm/panel_group.hpp>

#include "support/architectures.hpp"
#include "support/limit_loops.hpp"

namespace tern_bench {
namespace {

using tern::bits::unroll;

/// Thirty-two vector registers instead of sixteen.
inline constexpr bool many_registers = TERN_HAS_AVX512 == 1 || (TERN_HAS_NEON == 1 && sizeof(void*) == 8);

/// `Rows` x `Columns` registers of sums and their operands. `Copy`: an instruction of three operands overwrites a copy
/// of the mask, not what the compiler chooses.
template <class Lanes, mix Mix, std::size_t Rows, std::size_t Columns, bool Copy = false>
struct popcount_loop {
    using reg = typename Lanes::reg;
    struct planes {
        reg mask;
        reg sign;
    };
    static constexpr bool lhs_mask = Mix != mix::xor_popcnt_add;
    static constexpr bool lhs_sign = Mix != mix::ternary_unsigned_popcnt;
    static constexpr bool rhs_mask = Mix == mix::ternary_popcnt || Mix == mix::ternary_unsigned_popcnt;
    static constexpr bool two_counts = rhs_mask;
    static constexpr double multiplies = 32.0 * Lanes::width * Rows * Columns;

    static TERN_INLINE reg disagreement(reg c, const planes& x, const planes& w) {
        if constexpr (Mix == mix::xor_popcnt_add) return Lanes::xor_(x.sign, w.sign);
        if constexpr (Mix == mix::ternary_unsigned_popcnt) return Lanes::and_not(c, w.sign);
        return Lanes::and_xor(c, x.sign, w.sign);
    }

    /// One operation after the other over a row of the tile: an order of our own, because the rate depends on it and
    /// every compiler would choose another.
    static TERN_INLINE void step(reg (&sum)[Columns], const planes& x, const planes (&w)[Columns]) {
        reg c[Columns];
        reg g[Columns];
        unroll<Columns>([&](auto j) TERN_INLINE_LAMBDA {
            if constexpr (two_counts) {
                c[j] = Lanes::and_(x.mask, w[j].mask);
                opaque(c[j]);
            } else {
                c[j] = x.mask;
                if constexpr (Copy) opaque(c[j]);
            }
        });
        unroll<Columns>([&](auto j) TERN_INLINE_LAMBDA {
            g[j] = disagreement(c[j], x, w[j]);
            opaque(g[j]);
        });
        unroll<Columns>([&](auto j) TERN_INLINE_LAMBDA {
            if constexpr (two_counts) {
                c[j] = Lanes::count(c[j]);
                opaque(c[j]);
            }
            g[j] = Lanes::count(g[j]);
            opaque(g[j]);
        });
        unroll<Columns>([&](auto j) TERN_INLINE_LAMBDA {
            if constexpr (two_counts) {
                sum[j] = Lanes::add(sum[j], c[j]);
                opaque(sum[j]);
            }
        });
        unroll<Columns>([&](auto j) TERN_INLINE_LAMBDA {
            sum[j] = Lanes::add(sum[j], g[j]);
            opaque(sum[j]);
        });
    }

    static TERN_INLINE reg anything() {
        std::uint32_t word = 0x9e3779b9u;
        opaque(word);
        reg x = Lanes::broadcast(word);
        opaque(x);
        return x;
    }

    static void run(long iterations) {
        planes x[Rows];
        planes w[Columns];
        reg sum[Rows][Columns];
        unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
            x[r] = {anything(), anything()};
            unroll<Columns>([&](auto j) TERN_INLINE_LAMBDA { sum[r][j] = anything(); });
        });
        unroll<Columns>([&](auto j) TERN_INLINE_LAMBDA { w[j] = {anything(), anything()}; });
        TERN_KEEP_LOOP
        for (long i = 0; i < iterations; ++i) {
            unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA {
                if constexpr (lhs_mask) opaque(x[r].mask);
                if constexpr (lhs_sign) opaque(x[r].sign);
            });
            unroll<Columns>([&](auto j) TERN_INLINE_LAMBDA {
                if constexpr (rhs_mask) opaque(w[j].mask);
                opaque(w[j].sign);
            });
            unroll<Rows>([&](auto r) TERN_INLINE_LAMBDA { step(sum[r], x[r], w); });
        }
    }
};

template <std::size_t Width>
struct floats {
    typedef float reg __attribute__((vector_size(Width * sizeof(float))));
};
template <>
struct floats<1> {
    using reg = float;
};

template <class Lanes>
struct fma_loop {
    using reg = typename floats<Lanes::width>::reg;
    static constexpr std::size_t sums = 12;  // covers a latency of six cycles on two units
    static constexpr double multiplies = double{Lanes::width} * sums;

    static void run(long iterations) {
        reg x{};
        reg w{};
        reg sum[sums];
        unroll<sums>([&](auto j) TERN_INLINE_LAMBDA { sum[j] = reg{}; });
        TERN_KEEP_LOOP
        for (long i = 0; i < iterations; ++i) {
            unroll<sums>([&](auto j) TERN_INLINE_LAMBDA {
                opaque(x);
                sum[j] = x * w + sum[j];
                opaque(sum[j]);
            });
            opaque(w);
        }
    }
};

template <class Lanes, mix Mix>
limit_loop best_tile() {
    constexpr bool many = many_registers && Lanes::width > 1;
    constexpr std::size_t high = many ? 4 : 1;
    constexpr std::size_t wide = many ? 8 : 2;
    using low = popcount_loop<Lanes, Mix, 1, 4>;
    using square = popcount_loop<Lanes, Mix, high, 2>;
    using row = popcount_loop<Lanes, Mix, many ? 1 : 2, wide>;
    if constexpr (Mix == mix::ternary_binary_popcnt)
        return fastest_of<low, square, row, popcount_loop<Lanes, Mix, 1, 4, true>,
                          popcount_loop<Lanes, Mix, high, 2, true>>();
    else
        return fastest_of<low, square, row>();
}

template <class Arch>
using lanes_of = tern::kernel::sized_lanes_of<decltype(tern::kernel::gemm_config(Arch{}))>;

struct cache_sizes {
    std::size_t l2 = 512 * 1024;
    std::size_t l3 = 16 * 1024 * 1024;
};

const cache_sizes& caches() {
    static const cache_sizes sizes = [] {
        cache_sizes found;
        for (const auto& cache : benchmark::CPUInfo::Get().caches) {
            if (cache.level == 2) found.l2 = static_cast<std::size_t>(cache.size);
            if (cache.level == 3) found.l3 = static_cast<std::size_t>(cache.size);
        }
        return found;
    }();
    return sizes;
}

/// Reads all of `data` once, in `Streams` places side by side, eight registers at a time.
template <class Lanes, std::size_t Streams>
void read_all(const tern::word* data, std::size_t words) {
    constexpr std::size_t each = 8 / Streams;
    const std::size_t apart = words / Streams / (each * Lanes::width) * (each * Lanes::width);
    for (std::size_t i = 0; i < apart; i += each * Lanes::width) {
        unroll<8>([&](auto j) TERN_INLINE_LAMBDA {
            auto x = Lanes::load(data + j / each * apart + i + j % each * Lanes::width);
            opaque(x);
        });
    }
}

template <class Arch>
limit_loop loop_of(mix m) {
    using lanes = lanes_of<Arch>;
    switch (m) {
        case mix::xor_popcnt_add: return best_tile<lanes, mix::xor_popcnt_add>();
        case mix::ternary_popcnt: return best_tile<lanes, mix::ternary_popcnt>();
        case mix::ternary_binary_popcnt: return best_tile<lanes, mix::ternary_binary_popcnt>();
        case mix::ternary_unsigned_popcnt: return best_tile<lanes, mix::ternary_unsigned_popcnt>();
        case mix::fma_f32: return fastest_of<fma_loop<lanes>>();
        default: return byte_loop(Arch{}, m);
    }
}

}  // namespace

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

template <class Arch>
double multiply_rate(mix m, double length) {
    static limit_loop kept[std::size(mixes)];
    limit_loop& loop = kept[static_cast<std::size_t>(m)];
    if (loop.run == nullptr) loop = loop_of<Arch>(m);
    if (loop.run == nullptr) return 0;
    const long iterations = std::max(1L, static_cast<long>(length * loop.rate / loop.multiplies));
    const double start = seconds();
    loop.run(iterations);
    return loop.multiplies * static_cast<double>(iterations) / (seconds() - start);
}

std::size_t working_set(memory level) {
    const cache_sizes& sizes = caches();
    switch (level) {
        case memory::l2: return sizes.l2 / 2;
        case memory::l3: return std::max(4 * sizes.l2, sizes.l3 / 4);
        case memory::dram: return 4 * sizes.l3;
    }
    return 0;
}

memory level_of(std::size_t bytes) {
    const cache_sizes& sizes = caches();
    return bytes <= sizes.l2 ? memory::l2 : bytes <= sizes.l3 ? memory::l3 : memory::dram;
}

namespace {

/// Kept: to touch so much fresh memory takes longer than to read it.
const tern::buffer<tern::word>& level_memory(memory level) {
    static tern::buffer<tern::word> kept[3];
    tern::buffer<tern::word>& data = kept[static_cast<int>(level)];
    if (data.size() == 0) data = tern::buffer<tern::word>(working_set(level) / sizeof(tern::word));
    return data;
}

}  // namespace

/// Where the next piece of memory starts. Goes on from call to call: what was read last may still lie in a cache.
std::size_t& next_piece() {
    static std::size_t at = 0;
    return at;
}

/// Nearest caches take stretches of the length that other limits take. Memory is read piece by piece, as long as the
/// operation that is compared, because short stretches find a quiet moment more often than long ones.
template <class Arch, std::size_t Streams>
double read_rate_in_streams(memory level, std::size_t piece) {
    const tern::buffer<tern::word>& data = level_memory(level);
    constexpr std::size_t word = sizeof(tern::word);
    using lanes = lanes_of<Arch>;
    if (level != memory::dram)
        return best_rate(static_cast<double>(data.size() * word), 12, 100e-6, [&](long iterations) {
            for (long i = 0; i < iterations; ++i) read_all<lanes, Streams>(data.data(), data.size());
        });
    const std::size_t words = std::min(std::max(piece, std::size_t{1} << 20) / word, data.size());
    double best = 0;
    std::size_t& at = next_piece();
    // Many short ones: on a busy machine few are undisturbed.
    const std::size_t pieces = std::max(std::size_t{40}, (std::size_t{512} << 20) / (words * word));
    for (std::size_t i = 0; i < pieces; ++i, at += words) {
        if (at + words > data.size()) at = 0;
        const double start = seconds();
        read_all<lanes, Streams>(data.data() + at, words);
        best = std::max(best, static_cast<double>(words * word) / (seconds() - start));
    }
    return best;
}

template <class Arch>
double read_rate(memory level, std::size_t piece) {
    return std::max({read_rate_in_streams<Arch, 1>(level, piece), read_rate_in_streams<Arch, 2>(level, piece),
                     read_rate_in_streams<Arch, 4>(level, piece)});
}

#define TERN_BENCH_INSTANTIATE(tag)                              \
    template double multiply_rate<tern::arch::tag>(mix, double); \
    template double read_rate<tern::arch::tag>(memory, std::size_t);

TERN_BENCH_INSTANTIATE(scalar)
#if TERN_HAS_XSIMD
TERN_BENCH_INSTANTIATE(simd)
#endif
#if TERN_HAS_SSE4
TERN_BENCH_INSTANTIATE(sse4)
#endif
#if TERN_HAS_AVX2
TERN_BENCH_INSTANTIATE(avx2)
#endif
#if TERN_HAS_AVX512
TERN_BENCH_INSTANTIATE(avx512)
#endif
#if TERN_HAS_AVX512_VNNI
TERN_BENCH_INSTANTIATE(avx512_vnni)
#endif
#if TERN_HAS_AVX512_VPOPCNTDQ
TERN_BENCH_INSTANTIATE(avx512_vpopcntdq)
#endif
#if TERN_HAS_NEON
TERN_BENCH_INSTANTIATE(neon)
#endif

}  // namespace tern_bench
