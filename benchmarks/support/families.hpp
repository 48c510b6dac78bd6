// SPDX-License-Identifier: MIT
// Kinds of products, each with what a benchmark has to know of it: the values of both operands, how they are packed,
// which architectures have a kernel of their own, which limits it is held against, and whether language models decode
// with it (a report then wants it cold).
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include <tern/gemm_lookup.hpp>

#include "support/counters.hpp"
#include "support/operands.hpp"

namespace tern_bench {

template <class Arch>
limit_rate limit_of(const char* counter, mix m, double times = 1) {
    return {counter, [=](double length) { return multiply_rate<Arch>(m, length) * times; }};
}

/// The best architecture for dot products of bytes: none after AVX-512 VNNI has better ones.
using byte_arch = std::conditional_t<std::is_base_of_v<tern::arch::avx512_vnni, tern::default_arch>,
                                     tern::arch::avx512_vnni, tern::default_arch>;

/// The dot product of bytes that an architecture has; without one, nothing is known that it could be held against.
template <class Arch>
std::vector<limit_rate> byte_limits() {
    if (has_mix<Arch>(mix::vpdpbusd)) return {limit_of<Arch>("of_limit", mix::vpdpbusd)};
    if (has_mix<Arch>(mix::maddubs)) return {limit_of<Arch>("of_limit", mix::maddubs)};
    return {};
}

/// Bit planes, by counting; several rows times binary weights by lookups where no instruction counts, and held against
/// those as well.
template <class Lhs, class Rhs>
struct popcount_family {
    static constexpr bool decodes = false;
    using lhs_values = Lhs;
    using rhs_values = Rhs;
    using lhs_packed = tern::packed_activations<Lhs>;
    using rhs_packed = tern::packed_matrix<Rhs>;
    using rhs_view = tern::packed_panels<Rhs>;
    using best = tern::default_arch;

    static std::string operands() { return operand_name<Lhs>() + "_" + operand_name<Rhs>(); }
    static const char* algorithm() { return ""; }
    template <class Arch>
    static constexpr bool has_kernel() {
        return counts_bits<Arch>;
    }
    template <class Arch>
    static std::vector<limit_rate> limits(size_t tokens) {
        std::vector<limit_rate> limits{{"of_limit", product_limit<Arch, Lhs, Rhs>}};
        if constexpr (tern::kernel::by_nibbles<Arch, Rhs>(4) && !Lhs::has_mask)
            if (tokens >= 4) limits.push_back(limit_of<Arch>("of_lookup_limit", mix::binary_lookup, 1.0 / Lhs::digits));
        return limits;
    }
};

/// Ternary weights as indices of tables, some planes of the activations at a time. `of_popcnt_limit` is the fraction of
/// what counting could reach at most.
template <class Lhs>
struct lookup_family {
    static constexpr bool decodes = false;
    using lhs_values = Lhs;
    using rhs_values = tern::ternary;
    using lhs_packed = tern::packed_activations<Lhs>;
    using rhs_packed = tern::packed_index_matrix;
    using rhs_view = tern::packed_indices;
    using best = tern::default_arch;

    static std::string operands() { return operand_name<Lhs>() + "_ternary"; }
    static const char* algorithm() { return "_lookup"; }
    template <class Arch>
    static constexpr bool has_kernel() {
        return std::is_base_of_v<tern::arch::sse4, Arch> && counts_bits<Arch>;
    }
    template <class Arch>
    static std::vector<limit_rate> limits(size_t) {
        constexpr int planes = tern::kernel::by_digits<Arch, Lhs> ? 4 : 2;
        constexpr auto lookups = static_cast<double>(tern::kernel::lookup_digits<Lhs, planes>::count);
        return {limit_of<Arch>("of_limit", mix::ternary_lookup, 1 / lookups),
                {"of_popcnt_limit", product_limit<Arch, Lhs, tern::ternary>}};
    }
};

/// Signed bytes times ternary weights in 2-bit codes or binary ones in panels, by dot products of bytes. Several rows
/// of binary weights are looked up with AVX-512, and held against both: `of_vpdpbusd_limit`.
template <class Rhs>
struct bytes_family {
    static constexpr bool decodes = true;
    static constexpr bool codes = Rhs::has_mask;
    using lhs_values = int8_values;
    using rhs_values = Rhs;
    using lhs_packed = int8_matrix;
    using rhs_packed = tern::packed_matrix<std::conditional_t<codes, tern::ternary_code, Rhs>>;
    using rhs_view = std::conditional_t<codes, tern::packed_codes, tern::packed_panels<Rhs>>;
    using best = byte_arch;

    static std::string operands() { return "int8_" + operand_name<Rhs>(); }
    static const char* algorithm() { return ""; }
    template <class Arch>
    static constexpr bool has_kernel() {
        return !std::is_same_v<Arch, tern::arch::avx512_vpopcntdq>;
    }
    template <class Arch>
    static std::vector<limit_rate> limits(size_t tokens) {
        if (codes || tokens < 4 || !has_mix<Arch>(mix::binary_int8_lookup)) return byte_limits<Arch>();
        std::vector<limit_rate> limits{limit_of<Arch>("of_limit", mix::binary_int8_lookup)};
        if (has_mix<Arch>(mix::vpdpbusd)) limits.push_back(limit_of<Arch>("of_vpdpbusd_limit", mix::vpdpbusd));
        return limits;
    }
};

/// Signed bytes times ternary weights as places in tables of sums, held against vpdpbusd as well.
struct sevens_family : bytes_family<tern::ternary> {
    using rhs_packed = tern::packed_matrix<tern::ternary_seven>;
    using rhs_view = tern::packed_sevens;

    static const char* algorithm() { return "_lookup"; }
    template <class Arch>
    static constexpr bool has_kernel() {
        return std::is_base_of_v<tern::arch::avx512, Arch> && bytes_family<tern::ternary>::has_kernel<Arch>();
    }
    template <class Arch>
    static std::vector<limit_rate> limits(size_t) {
        std::vector<limit_rate> limits{limit_of<Arch>("of_limit", mix::ternary_int8_lookup)};
        if (has_mix<Arch>(mix::vpdpbusd)) limits.push_back(limit_of<Arch>("of_vpdpbusd_limit", mix::vpdpbusd));
        return limits;
    }
};

/// Signed bytes times ternary weights in 1.6 bits.
struct trits_family : bytes_family<tern::ternary> {
    using rhs_packed = tern::packed_matrix<tern::trit>;
    using rhs_view = tern::packed_trits;
    using best = tern::default_arch;

    static const char* algorithm() { return "_trits"; }
    template <class Arch>
    static constexpr bool has_kernel() {
        return true;
    }
};

}  // namespace tern_bench
