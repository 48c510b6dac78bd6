// SPDX-License-Identifier: MIT
// The known-bad case of compile_headers.cmake: relies on what its includer included.
#pragma once

namespace tern {

inline std::uint32_t unknown() { return 0; }

}  // namespace tern
