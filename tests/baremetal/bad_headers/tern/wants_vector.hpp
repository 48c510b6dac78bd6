// SPDX-License-Identifier: MIT
// The known-bad case of freestanding.cmake.
#pragma once

#include <vector>
