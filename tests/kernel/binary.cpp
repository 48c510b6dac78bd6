// SPDX-License-Identifier: MIT
// Binary activations.
#include "kernel/activations.hpp"

namespace tern_test {

template void add_pair<coverage::all, tern::binary, tern::binary>(kernel_tables&);
template void add_pair<coverage::all, tern::binary, tern::ternary>(kernel_tables&);
template void add_pair<coverage::int32, tern::binary_set_minus, tern::binary_set_minus>(kernel_tables&);

}  // namespace tern_test
