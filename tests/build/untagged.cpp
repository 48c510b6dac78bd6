// SPDX-License-Identifier: MIT
// The known-bad case of symbols.cmake: an inline function of tern's without always_inline and without a tag.
#include <tern/arch.hpp>

namespace tern {

inline int untagged(int x) noexcept { return x + 1; }

}  // namespace tern

int (*take_address())(int);
int (*take_address())(int) { return &tern::untagged; }
