// SPDX-License-Identifier: MIT
// Unsigned activations.
#include "kernel/activations.hpp"

namespace tern_test {

template void add_pair<coverage::int32, tern::unsigned_bits<1>, tern::binary>(kernel_tables&);
template void add_pair<coverage::int32, tern::unsigned_bits<1>, tern::ternary>(kernel_tables&);
template void add_pair<coverage::int32, tern::unsigned_bits<2>, tern::binary>(kernel_tables&);
template void add_pair<coverage::int32, tern::unsigned_bits<2>, tern::ternary>(kernel_tables&);
template void add_pair<coverage::int32, tern::unsigned_bits<8>, tern::binary>(kernel_tables&);
template void add_pair<coverage::all, tern::unsigned_bits<8>, tern::ternary>(kernel_tables&);

}  // namespace tern_test
