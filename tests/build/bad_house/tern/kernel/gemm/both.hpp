// SPDX-License-Identifier: MIT
// Fault: two kinds of register in one kernel.
#pragma once

#include <tern/simd/arm.hpp>
#include <tern/simd/x86.hpp>
