// SPDX-License-Identifier: MIT
// Weights of several digits: one pair of each kind of plane.
#include "kernel/activations.hpp"

namespace tern_test {

template void add_pair<coverage::products, tern::unsigned_bits<2>, tern::unsigned_bits<2>>(kernel_tables&);
template void add_pair<coverage::products, tern::unsigned_bits<4>, tern::unsigned_bits<3>>(kernel_tables&);
template void add_pair<coverage::products, tern::unsigned_bits<3>, tern::bipolar_bits<4>>(kernel_tables&);
template void add_pair<coverage::products, tern::bipolar_bits<2>, tern::bipolar_bits<2>>(kernel_tables&);
template void add_pair<coverage::products, tern::bipolar_bits<2>, tern::unsigned_bits<2>>(kernel_tables&);
template void add_pair<coverage::products, tern::binary, tern::unsigned_bits<2>>(kernel_tables&);
template void add_pair<coverage::products, tern::ternary, tern::bipolar_bits<3>>(kernel_tables&);

}  // namespace tern_test
