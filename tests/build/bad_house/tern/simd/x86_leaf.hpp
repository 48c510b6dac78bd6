// SPDX-License-Identifier: MIT
#pragma once

#include <immintrin.h>
