// SPDX-License-Identifier: MIT
// Compiled once for each architecture.
#include "engine.hpp"

#include <tern/dot.hpp>

using tern::dispatch::this_arch;

static const char* name() noexcept { return tern::arch::name(this_arch{}); }

static tern::status similarity(const tern::packed_rows<tern::ternary>& x, const tern::packed_rows<tern::ternary>& y,
                               std::int32_t& result) noexcept {
    return tern::dot<this_arch>(x, y, result);
}

TERN_DISPATCH_TABLE(engine, &name, &similarity);
