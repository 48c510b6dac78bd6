// SPDX-License-Identifier: MIT
// A table as a user writes one.
#pragma once

#include <tern/dispatch/table.hpp>

namespace tern_test {

struct probe_functions {
    const char* (*compiled_for)() noexcept;
    tern::dispatch::features (*instructions)() noexcept;
};
extern tern::dispatch::table<probe_functions> probe;
/// The same functions in a second table, so that a first use can be had twice.
extern tern::dispatch::table<probe_functions> untouched_probe;

}  // namespace tern_test
