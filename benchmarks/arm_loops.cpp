// SPDX-License-Identifier: MIT
// One function a kernel, for arm_throughput.py to compile and to find the innermost loop of. Nothing here is executed.
#include <tern/gemm.hpp>
#include <tern/gemm_bytes.hpp>

#if defined(TERN_LOOPS_ARCH)
using arch_of_loops = tern::arch::TERN_LOOPS_ARCH;
#else
using arch_of_loops = tern::default_arch;
#endif

namespace {

using namespace tern;

template <class Lhs, class Rhs, bool OneRow>
struct planes {
    using group = kernel::panel_group<arch_of_loops, Lhs, Rhs, OneRow>;
    using tile = typename group::tile_type;
    // Where bits cannot be counted, words.hpp adds four words up before it counts them: a tile of one register.
    static constexpr std::size_t words = group::registers == 1 && group::lanes::width < panel_outputs ? 4 : 1;
    static constexpr std::size_t macs = group::rows * group::registers * group::lanes::width * words * word_bits;

    /// panel_group::multiply for whole groups, in line.
    static TERN_INLINE void multiply(const kernel::stretches& depth, const word* first, std::size_t panel_stride,
                                     const kernel::tile_output& out) {
        const word* panels[tile::panels];
        bits::unroll<tile::panels>([&](auto p) TERN_INLINE_LAMBDA { panels[p] = first + p * panel_stride; });
        tile::run(depth, panels, 0, out);
    }
};

}  // namespace

/// The products of one pass of the loop, where no instruction gives it away.
#define TERN_PLANES(name, ...)                                                                                  \
    extern "C" const unsigned macs_##name = planes<__VA_ARGS__>::macs;                                          \
    extern "C" void loop_##name(const kernel::stretches& depth, const word* first, std::size_t panel_stride,        \
                                const kernel::tile_output& out) {                             \
        planes<__VA_ARGS__>::multiply(depth, first, panel_stride, out);                                   \
    }

TERN_PLANES(binary_binary, binary, binary, false)
TERN_PLANES(ternary_ternary, ternary, ternary, false)
TERN_PLANES(ternary_binary, ternary, binary, false)
TERN_PLANES(binary_ternary, binary, ternary, false)
TERN_PLANES(binary_binary_row, binary, binary, true)

/// Signed bytes by ternary codes and by bits: the tiles of several rows and of one.
#if TERN_HAS_NEON
using config = decltype(kernel::bytes_config(arch_of_loops{}));

#define TERN_CODES(name, rows, loads, fields)                                                                        \
    extern "C" void loop_##name(const std::int8_t* const (&x)[rows], const std::uint8_t* const (&codes)[loads],      \
                                std::size_t steps, std::int32_t* const (&acc)[loads], std::size_t stride) {          \
        kernel::codes_tile<config::bytes, rows, loads, 0, fields>::run(x, codes, steps, acc, stride);                \
    }
#if TERN_HAS_I8MM
#define TERN_MATRIX(name, pairs)                                                                                   \
    extern "C" void loop_##name(const std::int8_t* rows, const std::uint8_t* codes, std::size_t steps,             \
                                std::size_t first, std::int32_t* acc, std::size_t stride, std::size_t count) {     \
        kernel::matrix_tile<config::bytes, pairs, kernel::matrix_fields<pairs>>::run(rows, codes, steps, first,    \
                                                                                     acc, stride, count);          \
    }
TERN_MATRIX(int8_ternary, 10)
TERN_MATRIX(int8_ternary_16_rows, 8)
TERN_MATRIX(int8_ternary_8_rows, 4)
#else
TERN_CODES(int8_ternary, config::rows, 1, config::fields)
#endif
TERN_CODES(int8_ternary_row, 1, config::row_loads, 4)

#define TERN_BITS(name, rows, loads)                                                                                \
    extern "C" void loop_##name(const std::int8_t* const (&x)[rows], const word* const (&weights)[loads],           \
                                std::size_t ahead, std::size_t words, std::int32_t* const (&acc)[loads],            \
                                std::size_t stride) {                                                               \
        kernel::bits_tile<config::bytes, rows, loads>::run(x, weights, ahead, words, acc, stride);                  \
    }
TERN_BITS(int8_binary, config::bit_rows, config::bit_loads)
TERN_BITS(int8_binary_row, 1, config::bit_row_loads)
#endif
