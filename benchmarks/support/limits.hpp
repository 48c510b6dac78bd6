// SPDX-License-Identifier: MIT
// What this core can reach at most: rates of instruction mixes with their operands in registers, and of reading memory.
//
// counters.hpp says how a benchmark is held against them.
#pragma once

#include <cstddef>
#include <type_traits>

#include <tern/arch.hpp>
#include <tern/encoding.hpp>

namespace tern_bench {

/// Wall time. A thread's CPU time would leave out what other processes take, but a virtual machine corrects it in
/// jumps, and a best run found that way may never have happened.
double seconds();

/// Instruction mixes, for one position of depth and one pair of a row and an output.
enum class mix {
    xor_popcnt_add,           ///< binary x binary: xor, count, add
    ternary_popcnt,           ///< ternary x ternary: and, xor-and, two counts, two adds
    ternary_binary_popcnt,    ///< one ternary operand: xor-and, count, add
    ternary_unsigned_popcnt,  ///< one plane of an unsigned operand x ternary: and, and-not, two counts, two adds
    ternary_lookup,           ///< ternary x ternary: a table of a row's codes, one lookup and one add of bytes
    binary_lookup,            ///< binary x binary likewise
    vpdpbusd,                 ///< int8 x bytes: dot product of four
    maddubs,                  ///< int8 x bytes: dot product of two, add of 16 bits
    ternary_int8_lookup,  ///< int8 x ternary: sums of 3 1/2 activations, one lookup (vpermi2w) and one add of 16 bits
    binary_int8_lookup,   ///< int8 x binary: sums of six activations, the same with vpermi2w
    fma_f32               ///< float: multiply-add
};

inline constexpr mix mixes[] = {mix::xor_popcnt_add,
                                mix::ternary_popcnt,
                                mix::ternary_binary_popcnt,
                                mix::ternary_unsigned_popcnt,
                                mix::ternary_lookup,
                                mix::binary_lookup,
                                mix::vpdpbusd,
                                mix::maddubs,
                                mix::ternary_int8_lookup,
                                mix::binary_int8_lookup,
                                mix::fma_f32};

constexpr const char* name(mix m) {
    switch (m) {
        case mix::xor_popcnt_add: return "xor_popcnt_add";
        case mix::ternary_popcnt: return "ternary_popcnt";
        case mix::ternary_binary_popcnt: return "ternary_binary_popcnt";
        case mix::ternary_unsigned_popcnt: return "ternary_unsigned_popcnt";
        case mix::ternary_lookup: return "ternary_lookup";
        case mix::binary_lookup: return "binary_lookup";
        case mix::vpdpbusd: return "vpdpbusd";
        case mix::maddubs: return "maddubs";
        case mix::ternary_int8_lookup: return "ternary_int8_lookup";
        case mix::binary_int8_lookup: return "binary_int8_lookup";
        case mix::fma_f32: return "fma_f32";
    }
    return "";
}

/// Whether an architecture has the instructions of a mix.
template <class Arch>
constexpr bool has_mix(mix m) {
    switch (m) {
        case mix::ternary_lookup:
        case mix::binary_lookup:
        case mix::maddubs: return std::is_base_of_v<tern::arch::sse4, Arch>;
        case mix::ternary_int8_lookup:
        case mix::binary_int8_lookup: return std::is_base_of_v<tern::arch::avx512, Arch>;
        case mix::vpdpbusd: return std::is_base_of_v<tern::arch::avx512_vnni, Arch>;
        default: return true;
    }
}

/// The mix that a pair of operands needs; of an operand of several digits each takes it once.
template <class Lhs, class Rhs>
constexpr mix mix_of() {
    constexpr bool two_masks = Lhs::has_mask && Rhs::has_mask;
    if constexpr (two_masks) return Lhs::has_sign ? mix::ternary_popcnt : mix::ternary_unsigned_popcnt;
    return Lhs::has_mask || Rhs::has_mask ? mix::ternary_binary_popcnt : mix::xor_popcnt_add;
}

/// Multiply-accumulates a second of a mix in the registers of an architecture, over one run of about `length` seconds;
/// 0 where it lacks the instructions. The first call chooses the fastest of some tiles of registers.
template <class Arch>
double multiply_rate(mix m, double length);

/// The same for the products of two encodings.
template <class Arch, class Lhs, class Rhs>
double product_limit(double length) {
    return multiply_rate<Arch>(mix_of<Lhs, Rhs>(), length) / (Lhs::digits * Rhs::digits);
}

enum class memory { l2, l3, dram };

constexpr const char* name(memory m) {
    switch (m) {
        case memory::l2: return "l2";
        case memory::l3: return "l3";
        case memory::dram: return "dram";
    }
    return "";
}

/// Bytes that are read again and again to measure a level: too many for the level before it, few enough for itself.
std::size_t working_set(memory level);

/// The level that holds this many bytes.
memory level_of(std::size_t bytes);

/// Bytes a second that loads of an architecture's registers reach, the best of some runs. `piece`: bytes of memory that
/// are timed at once.
template <class Arch>
double read_rate(memory level, std::size_t piece = 4 << 20);

}  // namespace tern_bench
