// SPDX-License-Identifier: MIT
// The one place that holds the version; CMake parses it.
#pragma once

#define TERN_VERSION_MAJOR 0
#define TERN_VERSION_MINOR 1
#define TERN_VERSION_PATCH 0
