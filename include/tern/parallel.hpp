// SPDX-License-Identifier: MIT
// Shares of an operation. The library starts no threads: a caller's pool gives each of its threads a range of output
// tiles, and any partition gives the same bytes.
#pragma once

#include <cstddef>

#include <tern/config.hpp>

namespace tern {

using std::size_t;

/// Output tiles [first, last) of an operation; by default all of them. For products and convolutions a tile is a panel
/// of 16 outputs (channels), over all rows.
struct tiles {
    size_t first = 0;
    size_t last = static_cast<size_t>(-1);
};

/// Share `part` of `parts` equal ones of `count` tiles.
[[nodiscard]] TERN_INLINE constexpr tiles share(size_t count, size_t part, size_t parts) noexcept {
    const size_t each = count / parts;
    const size_t more = count % parts;
    const size_t first = part * each + (part < more ? part : more);
    return {first, first + each + (part < more ? 1 : 0)};
}

}  // namespace tern
