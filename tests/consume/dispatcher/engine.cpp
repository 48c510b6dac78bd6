// SPDX-License-Identifier: MIT
#include "engine.hpp"

#include <cstring>

bool engine_runs(const char* name) noexcept { return std::strcmp(engine->name(), name) == 0; }
