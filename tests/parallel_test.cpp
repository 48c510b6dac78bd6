// SPDX-License-Identifier: MIT
#include <tern/parallel.hpp>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <tern/buffer.hpp>
#include <tern/gemm.hpp>
#include <tern/reference.hpp>

#include "support/operands.hpp"

namespace {

using tern::size_t;
using tern::status;
using tern::tiles;

/// A thread a task.
struct thread_a_task {
    size_t width;

    [[nodiscard]] size_t concurrency() const { return width; }
    void operator()(size_t n, const std::function<void(size_t)>& task) const {
        std::vector<std::thread> threads;
        for (size_t i = 0; i < n; ++i) threads.emplace_back([&task, i] { task(i); });
        for (std::thread& thread : threads) thread.join();
    }
};

TEST_CASE("shares cover all tiles once, in order, and differ by one tile at most") {
    for (size_t count = 0; count < 40; ++count) {
        for (size_t parts = 1; parts < 12; ++parts) {
            size_t next = 0;
            for (size_t part = 0; part < parts; ++part) {
                const tiles range = tern::share(count, part, parts);
                CHECK(range.first == next);
                CHECK(range.last - range.first >= count / parts);
                CHECK(range.last - range.first <= count / parts + 1);
                next = range.last;
            }
            CHECK(next == count);
        }
    }
}

TEST_CASE("run hands out every tile once, to as many tasks as the executor and the tiles allow") {
    for (const size_t width : {1u, 2u, 3u, 7u, 100u}) {
        for (const size_t count : {0u, 1u, 2u, 5u, 64u, 200u}) {
            std::vector<std::atomic<int>> seen(count);
            std::atomic<size_t> calls{0};
            const status s = tern::run(thread_a_task{width}, count, [&](tiles range) {
                ++calls;
                for (size_t i = range.first; i < range.last; ++i) ++seen[i];
                return status::ok;
            });
            CHECK(s == status::ok);
            for (const auto& times : seen) CHECK(times == 1);
            CHECK(calls == std::max<size_t>(1, std::min({width, count, size_t{64}})));
        }
    }
}

TEST_CASE("run reports the first share that failed") {
    const auto fails_from = [](size_t first) {
        return [first](tiles range) { return range.last > first ? status::bad_shape : status::ok; };
    };
    CHECK(tern::run(tern::serial{}, 5, fails_from(4)) == status::bad_shape);
    CHECK(tern::run(thread_a_task{5}, 5, fails_from(4)) == status::bad_shape);
    CHECK(tern::run(thread_a_task{5}, 5, fails_from(5)) == status::ok);
}

TEST_CASE("a product has the same bytes on any number of threads") {
    tern_test::random_numbers random(1);
    const auto of = tern_test::describe<tern::ternary>();
    const auto x = tern_test::make_integers(of, 9, 75, tern_test::fill::random, random);
    const auto w = tern_test::make_integers(of, 133, 75, tern_test::fill::random, random);
    const auto lhs = tern::pack_rows<tern::ternary>(x.view());
    const auto rhs = tern::pack<tern::ternary>(w.view());
    std::vector<std::int32_t> expected(9 * 133);
    tern::reference::gemm(x.view(), w.view(), tern::matrix_view<std::int32_t>{expected.data(), 9, 133});
    for (const size_t width : {1u, 2u, 3u, 8u, 9u, 30u}) {
        std::vector<std::int32_t> dst(9 * 133, -1);
        const tern::matrix_view<std::int32_t> view{dst.data(), 9, 133};
        CHECK(tern::run(thread_a_task{width}, tern::tile_count(rhs), [&](tiles range) {
                  return tern::gemm(lhs, rhs, view, range);
              }) == status::ok);
        CHECK(dst == expected);
    }
}

}  // namespace
