// SPDX-License-Identifier: MIT
// All operand pairs, from the sources beside this one.
#include "kernel/activations.hpp"

namespace tern_test {

extern template void add_pair<coverage::all, tern::binary, tern::binary>(kernel_tables&);
extern template void add_pair<coverage::all, tern::binary, tern::ternary>(kernel_tables&);
extern template void add_pair<coverage::int32, tern::binary_set_minus, tern::binary_set_minus>(kernel_tables&);
extern template void add_pair<coverage::all, tern::ternary, tern::binary>(kernel_tables&);
extern template void add_pair<coverage::all, tern::ternary, tern::ternary>(kernel_tables&);
extern template void add_pair<coverage::int32, tern::unsigned_bits<1>, tern::binary>(kernel_tables&);
extern template void add_pair<coverage::int32, tern::unsigned_bits<1>, tern::ternary>(kernel_tables&);
extern template void add_pair<coverage::int32, tern::unsigned_bits<2>, tern::binary>(kernel_tables&);
extern template void add_pair<coverage::int32, tern::unsigned_bits<2>, tern::ternary>(kernel_tables&);
extern template void add_pair<coverage::int32, tern::unsigned_bits<8>, tern::binary>(kernel_tables&);
extern template void add_pair<coverage::all, tern::unsigned_bits<8>, tern::ternary>(kernel_tables&);
extern template void add_pair<coverage::int32, tern::bipolar_bits<1>, tern::ternary>(kernel_tables&);
extern template void add_pair<coverage::int32, tern::bipolar_bits<3>, tern::binary>(kernel_tables&);
extern template void add_pair<coverage::int32, tern::bipolar_bits<3>, tern::ternary>(kernel_tables&);
extern template void add_pair<coverage::products, tern::unsigned_bits<2>, tern::unsigned_bits<2>>(kernel_tables&);
extern template void add_pair<coverage::products, tern::unsigned_bits<4>, tern::unsigned_bits<3>>(kernel_tables&);
extern template void add_pair<coverage::products, tern::unsigned_bits<3>, tern::bipolar_bits<4>>(kernel_tables&);
extern template void add_pair<coverage::products, tern::bipolar_bits<2>, tern::bipolar_bits<2>>(kernel_tables&);
extern template void add_pair<coverage::products, tern::bipolar_bits<2>, tern::unsigned_bits<2>>(kernel_tables&);
extern template void add_pair<coverage::products, tern::binary, tern::unsigned_bits<2>>(kernel_tables&);
extern template void add_pair<coverage::products, tern::ternary, tern::bipolar_bits<3>>(kernel_tables&);

const kernel_tables& kernels() {
    static const kernel_tables tables = [] {
        kernel_tables all;
        add_pair<coverage::all, tern::binary, tern::binary>(all);
        add_pair<coverage::all, tern::binary, tern::ternary>(all);
        add_pair<coverage::int32, tern::binary_set_minus, tern::binary_set_minus>(all);
        add_pair<coverage::all, tern::ternary, tern::binary>(all);
        add_pair<coverage::all, tern::ternary, tern::ternary>(all);
        add_pair<coverage::int32, tern::unsigned_bits<1>, tern::binary>(all);
        add_pair<coverage::int32, tern::unsigned_bits<1>, tern::ternary>(all);
        add_pair<coverage::int32, tern::unsigned_bits<2>, tern::binary>(all);
        add_pair<coverage::int32, tern::unsigned_bits<2>, tern::ternary>(all);
        add_pair<coverage::int32, tern::unsigned_bits<8>, tern::binary>(all);
        add_pair<coverage::all, tern::unsigned_bits<8>, tern::ternary>(all);
        add_pair<coverage::int32, tern::bipolar_bits<1>, tern::ternary>(all);
        add_pair<coverage::int32, tern::bipolar_bits<3>, tern::binary>(all);
        add_pair<coverage::int32, tern::bipolar_bits<3>, tern::ternary>(all);
        add_pair<coverage::products, tern::unsigned_bits<2>, tern::unsigned_bits<2>>(all);
        add_pair<coverage::products, tern::unsigned_bits<4>, tern::unsigned_bits<3>>(all);
        add_pair<coverage::products, tern::unsigned_bits<3>, tern::bipolar_bits<4>>(all);
        add_pair<coverage::products, tern::bipolar_bits<2>, tern::bipolar_bits<2>>(all);
        add_pair<coverage::products, tern::bipolar_bits<2>, tern::unsigned_bits<2>>(all);
        add_pair<coverage::products, tern::binary, tern::unsigned_bits<2>>(all);
        add_pair<coverage::products, tern::ternary, tern::bipolar_bits<3>>(all);
        return all;
    }();
    return tables;
}

}  // namespace tern_test
