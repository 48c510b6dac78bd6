// SPDX-License-Identifier: MIT
// Dot products: the operand that stands for weights may have many digits as well.
#include <tern/dot.hpp>

#include "support/kernels.hpp"

namespace tern_test {
namespace {

using tern::binary_set_minus;
using tern::bipolar_bits;
using tern::unsigned_bits;

template <class Arch, class Lhs, class Rhs>
tern::status dot(const rows_operand& x, const rows_operand& y, std::int32_t& result) {
    return tern::dot<Arch>(x.as<Lhs>(), y.as<Rhs>(), result);
}

template <class Lhs, class Rhs>
void add_pair(kernel_table<dot_function>& to) {
    to.push_back({describe<Lhs>(), describe<Rhs>(), {}});
    std::apply(
        [&to](auto... tags) {
            (to.back().instances.push_back({tern::arch::name(tags), dot<decltype(tags), Lhs, Rhs>}), ...);
        },
        architectures{});
}

/// `Lhs` with everything that rhs may be.
template <class... Lhs>
void add_pairs(kernel_table<dot_function>& to) {
    (add_pair<Lhs, tern::binary>(to), ...);
    (add_pair<Lhs, tern::ternary>(to), ...);
    (add_pair<Lhs, unsigned_bits<2>>(to), ...);
    (add_pair<Lhs, unsigned_bits<8>>(to), ...);
    (add_pair<Lhs, bipolar_bits<3>>(to), ...);
}

}  // namespace

const kernel_table<dot_function>& dot_kernels() {
    static const kernel_table<dot_function> table = [] {
        kernel_table<dot_function> all;
        add_pairs<tern::binary, tern::ternary, unsigned_bits<1>, unsigned_bits<2>, unsigned_bits<3>, unsigned_bits<4>,
                  unsigned_bits<5>, unsigned_bits<6>, unsigned_bits<7>, unsigned_bits<8>, bipolar_bits<1>,
                  bipolar_bits<2>, bipolar_bits<3>>(all);
        add_pair<binary_set_minus, binary_set_minus>(all);
        return all;
    }();
    return table;
}

}  // namespace tern_test
