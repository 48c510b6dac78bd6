// SPDX-License-Identifier: MIT
// Bipolar activations.
#include "kernel/activations.hpp"

namespace tern_test {

template void add_pair<coverage::int32, tern::bipolar_bits<1>, tern::ternary>(kernel_tables&);
template void add_pair<coverage::int32, tern::bipolar_bits<3>, tern::binary>(kernel_tables&);
template void add_pair<coverage::int32, tern::bipolar_bits<3>, tern::ternary>(kernel_tables&);

}  // namespace tern_test
