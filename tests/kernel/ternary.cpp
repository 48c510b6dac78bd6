// SPDX-License-Identifier: MIT
// Ternary activations.
#include "kernel/activations.hpp"

namespace tern_test {

template void add_pair<coverage::all, tern::ternary, tern::binary>(kernel_tables&);
template void add_pair<coverage::all, tern::ternary, tern::ternary>(kernel_tables&);

}  // namespace tern_test
