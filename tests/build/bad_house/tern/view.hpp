// SPDX-License-Identifier: MIT
// Fault: a shape that includes an operation, which includes it in turn; and a header that owns memory.
#pragma once

#include <vector>

#include <tern/gemm.hpp>
