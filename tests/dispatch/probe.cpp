// SPDX-License-Identifier: MIT
#include "dispatch/probe.hpp"

namespace {

const char* compiled_for() noexcept { return tern::arch::name(tern::dispatch::this_arch{}); }
tern::dispatch::features instructions() noexcept { return tern::dispatch::compiled_features(); }

}  // namespace

namespace tern_test {

TERN_DISPATCH_TABLE(probe, &compiled_for, &instructions);
TERN_DISPATCH_TABLE(untouched_probe, &compiled_for, &instructions);

}  // namespace tern_test
