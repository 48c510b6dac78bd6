// SPDX-License-Identifier: MIT
// The known-bad case of check.cmake: does not compile, but for another reason.
// expect: tern: a sentence that no header holds
#ifdef TERN_WRONG
static_assert(false, "something else");
#endif
