// SPDX-License-Identifier: MIT
// Shares of an operation. The library starts no threads: a caller's pool gives each of its threads a range of output
// tiles, and any partition gives the same bytes.
//
// Either a thread takes its own share of an operation that its engine has split already,
//
//     tern::gemm(lhs, rhs, dst, tern::share(tern::tile_count(rhs), thread, threads));
//
// or `run` splits it over an executor: any object with
//
//     size_t concurrency() const            how many tasks may run side by side
//     void operator()(size_t n, task)       calls task(i) once for each i < n, on any threads, and returns after the last
//
// examples/threads has two of them, over a pool of std::thread and over OpenMP.
#pragma once

#include <cstddef>

#include <tern/config.hpp>
#include <tern/status.hpp>

namespace tern {

using std::size_t;

/// Output tiles [first, last) of an operation; by default all of them. For products a tile is a panel of outputs
/// over all rows; for convolutions (`conv2d_tiles`) one over a block of pixels.
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

/// The executor that has the caller's thread and no other.
struct serial {
    [[nodiscard]] static TERN_INLINE constexpr size_t concurrency() noexcept { return 1; }
    template <class Task>
    TERN_INLINE void operator()(size_t n, const Task& task) const noexcept {
        for (size_t i = 0; i < n; ++i) task(i);
    }
};

/// Splits `count` tiles into at most `executor.concurrency()` shares, 64 at most, and calls `operation(tiles)`, which
/// answers a status, for each of them on the executor:
///
///     run(pool, tile_count(rhs), [&](tiles range) { return gemm(lhs, rhs, dst, range); })
///
/// Returns the first share's status that is not `ok`. An operation checks its operands in each share alike, so that
/// either all shares run or none writes anything.
template <class Executor, class Operation>
[[nodiscard]] status run(Executor&& executor, size_t count, const Operation& operation) noexcept {
    constexpr size_t most = 64;
    size_t parts = executor.concurrency();
    if (parts > count) parts = count;
    if (parts > most) parts = most;
    if (parts <= 1) return operation(tiles{0, count});
    status results[most];
    executor(parts, [&](size_t part) { results[part] = operation(share(count, part, parts)); });
    for (size_t part = 0; part < parts; ++part)
        if (results[part] != status::ok) return results[part];
    return status::ok;
}

}  // namespace tern
