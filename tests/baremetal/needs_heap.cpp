// SPDX-License-Identifier: MIT
// The known-bad case of undefined.cmake.
int* wants_memory();
int* wants_memory() { return new int[3]; }
