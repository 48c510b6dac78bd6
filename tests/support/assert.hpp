// SPDX-License-Identifier: MIT
// Included before every test source: preconditions of kernels are checked, whatever the build type.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace tern_test {

[[noreturn]] inline void precondition_failed(const char* condition, const char* file, int line) noexcept {
    std::fprintf(stderr, "%s:%d: precondition does not hold: %s\n", file, line, condition);
    std::abort();
}

}  // namespace tern_test

#define TERN_ASSERT(condition) \
    ((condition) ? static_cast<void>(0) : ::tern_test::precondition_failed(#condition, __FILE__, __LINE__))
