// SPDX-License-Identifier: MIT
// The known-bad case of symbols.cmake with EVERY: a function of std::'s that two objects would share, and a static
// constructor.
#include <tern/arch.hpp>

namespace std_like {

template <class T>
T largest(T a, T b) {
    return a < b ? b : a;
}

}  // namespace std_like

namespace tern {

template <class Arch>
int tagged(int x) noexcept {
    return x + 1;
}

}  // namespace tern

int answer(int x);
int answer(int x) { return std_like::largest(x, tern::tagged<tern::arch::scalar>(x)); }

int before_main = answer(1);
