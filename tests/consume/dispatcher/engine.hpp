// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <tern/dispatch/table.hpp>
#include <tern/layout.hpp>

struct engine_functions {
    const char* (*name)() noexcept;
    tern::status (*similarity)(const tern::packed_rows<tern::ternary>& x, const tern::packed_rows<tern::ternary>& y,
                               std::int32_t& result) noexcept;
};

extern tern::dispatch::table<engine_functions> engine;

/// Whether the version in use is the one that was asked for by name.
bool engine_runs(const char* name) noexcept;
