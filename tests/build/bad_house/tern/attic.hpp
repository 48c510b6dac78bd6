// SPDX-License-Identifier: MIT
// Fault: a header without a room.
#pragma once
