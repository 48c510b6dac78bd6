// SPDX-License-Identifier: MIT
// Planned layers: sizes known to the compiler, the same bytes with any executor, and no allocation while they run.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <vector>

#include <doctest/doctest.h>

#include <tern/buffer.hpp>
#include <tern/layer.hpp>
#include <tern/reference.hpp>
#include <tern/reference/fused.hpp>

namespace {
std::size_t allocations = 0;
}

void* operator new(std::size_t size) {
    ++allocations;
    if (void* p = std::malloc(size == 0 ? 1 : size)) return p;
    std::abort();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace {

using std::size_t;
using tern::layer;
using tern::plain;
using tern::status;
using tern::ternary;
using tern::word;

constexpr layer<tern::conv2d_of<ternary, ternary>> conv({1, 8, 9, 40, 48, tern::square_window(3, 1, 1)});
static_assert(conv.state() == status::ok);
static_assert(conv.workspace_size() == 8 * 9 * 2 * 2 * sizeof(word));
static_assert(conv.weight_words() == tern::panels_words<ternary>(48, 9, 40));
static_assert(layer<tern::connected_of<ternary, ternary>>({1, 2, 1, 40, 48, {}}).state() == status::bad_shape);
static_assert(layer<tern::max_pool_of<ternary>>({1, 3, 3, 8, 0, tern::square_window(4)}).state() == status::bad_shape);
static_assert(layer<tern::conv2d_of<ternary, ternary>>({1, 8, 8, 1u << 30, 48, tern::square_window(3, 1, 1)}).state() ==
              status::overflow);

/// Three shares, the last one first.
struct backwards {
    static size_t concurrency() { return 3; }
    template <class Task>
    void operator()(size_t n, const Task& task) const {
        for (size_t i = n; i-- > 0;) task(i);
    }
};

std::vector<std::int8_t> trits(size_t count, unsigned seed) {
    std::vector<std::int8_t> values(count);
    for (std::int8_t& v : values) {
        seed = seed * 1664525u + 1013904223u;
        v = static_cast<std::int8_t>(static_cast<int>((seed >> 24) % 3u) - 1);
    }
    return values;
}

TEST_CASE("a small network, planned, run and counted") {
    constexpr layer<tern::depthwise_of<ternary, ternary>> depthwise({1, 8, 9, 48, 48, tern::square_window(3, 2, 1)});
    constexpr layer<tern::max_pool_of<ternary>> largest({1, 4, 5, 48, 48, {{2, 2, 1, 0, 0}, {2, 2, 1, 0, 1}}});
    constexpr layer<tern::average_pool_of<ternary>> average({1, 2, 3, 48, 48, {{2, 1, 1, 0, 0}, {3, 1, 1, 0, 0}}});
    constexpr layer<tern::connected_of<ternary, ternary>> connected({1, 1, 1, 48, 10, {}});

    std::vector<float> x(8 * 9 * 40);
    const std::vector<std::int8_t> of_x = trits(x.size(), 1);
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(of_x[i]) * 0.8f;
    const std::vector<std::int8_t> w1 = trits(48 * 9 * 40, 2), w2 = trits(9 * 48, 3), w3 = trits(10 * 48, 4);
    const tern::packed_matrix<ternary> f1(tern::matrix_view<const std::int8_t>(w1.data(), 48, 9 * 40), 9);
    const tern::packed_activations<ternary> f2(tern::matrix_view<const std::int8_t>(w2.data(), 9, 48));
    const tern::packed_matrix<ternary> f3(tern::matrix_view<const std::int8_t>(w3.data(), 10, 48));
    const std::vector<std::int32_t> lower(48, -4), upper(48, 3);
    const tern::integer_limits limits(lower.data(), upper.data());

    // What the reference makes of it.
    std::vector<std::int32_t> acc(8 * 9 * 48), acc2(4 * 5 * 48), acc3(10);
    std::vector<std::int8_t> t1(acc.size()), t2(acc2.size()), t3(2 * 3 * 48), t4(48);
    std::vector<float> means(48);
    using tern::matrix_view;
    using tern::tensor_view;
    tern::reference::conv2d(tensor_view<const std::int8_t>{of_x.data(), 1, 8, 9, 40},
                            tensor_view<const std::int8_t>{w1.data(), 48, 3, 3, 40}, conv.shape().window,
                            tensor_view<std::int32_t>{acc.data(), 1, 8, 9, 48});
    tern::reference::ternarize(matrix_view<const std::int32_t>{acc.data(), 72, 48}, limits, {t1.data(), 72, 48});
    tern::reference::depthwise_conv2d(tensor_view<const std::int8_t>{t1.data(), 1, 8, 9, 48},
                                      matrix_view<const std::int8_t>{w2.data(), 9, 48}, depthwise.shape().window,
                                      tensor_view<std::int32_t>{acc2.data(), 1, 4, 5, 48});
    const tern::integer_limits signs;
    tern::reference::ternarize(matrix_view<const std::int32_t>{acc2.data(), 20, 48}, signs, {t2.data(), 20, 48});
    tern::reference::max_pool2d(tensor_view<const std::int8_t>{t2.data(), 1, 4, 5, 48}, largest.shape().window,
                                tensor_view<std::int8_t>{t3.data(), 1, 2, 3, 48});
    tern::reference::average_pool2d(tensor_view<const std::int8_t>{t3.data(), 1, 2, 3, 48}, average.shape().window,
                                    tensor_view<float>{means.data(), 1, 1, 1, 48});
    tern::thresholds half;
    tern::reference::ternarize(matrix_view<float>{means.data(), 1, 48}, half, {t4.data(), 1, 48});
    tern::reference::gemm(matrix_view<const std::int8_t>{t4.data(), 1, 48},
                          matrix_view<const std::int8_t>{w3.data(), 10, 48},
                          matrix_view<std::int32_t>{acc3.data(), 1, 10});

    tern::buffer<word> workspace(conv.workspace_size() / sizeof(word)),
        small(connected.workspace_size() / sizeof(word));
    tern::packed_activations<ternary> a1(72, 48), a2(20, 48), a3(6, 48);
    std::vector<float> mean(48);
    std::vector<std::int32_t> result(10);
    const auto run_all = [&](const auto& executor) {
        const tern::mutable_packed_tensor<ternary> b1{a1, 1, 8, 9}, b2{a2, 1, 4, 5}, b3{a3, 1, 2, 3};
        status s = conv.run(tensor_view<const float>{x.data(), 1, 8, 9, 40}, {}, f1, b1, limits, workspace.data(),
                            conv.workspace_size(), executor);
        if (s == status::ok) s = depthwise.run(b1, f2, b2, signs, executor);
        if (s == status::ok) s = largest.run(b2, {}, b3, plain{}, executor);
        if (s == status::ok) s = average.run(b3, {}, tensor_view<float>{mean.data(), 1, 1, 1, 48}, plain{}, executor);
        if (s == status::ok)
            s = connected.run(tensor_view<const float>{mean.data(), 1, 1, 1, 48}, {}, f3,
                              tensor_view<std::int32_t>{result.data(), 1, 1, 1, 10}, plain{}, small.data(),
                              connected.workspace_size(), executor);
        return s;
    };
    for (int turn = 0; turn < 2; ++turn) {
        std::fill(result.begin(), result.end(), 77);
        const size_t before = allocations;
        const status s = turn == 0 ? run_all(tern::serial{}) : run_all(backwards{});
        const size_t during = allocations - before;
        CHECK(s == status::ok);
        CHECK(during == 0);
        CHECK(before > 0);  // the counter counts
        CHECK(mean == means);
        CHECK(result == acc3);
    }
    CHECK(conv.run(tensor_view<const float>{x.data(), 1, 8, 9, 40}, {}, f1,
                   tern::mutable_packed_tensor<ternary>{a1, 1, 8, 9}, limits, workspace.data(),
                   conv.workspace_size() - 1) == status::buffer_size);
    CHECK(conv.run(tensor_view<const float>{x.data(), 1, 8, 9, 40}, {}, f1,
                   tern::mutable_packed_tensor<ternary>{a1, 1, 8, 9}, limits,
                   reinterpret_cast<char*>(workspace.data()) + 1, conv.workspace_size()) == status::bad_alignment);
    CHECK(depthwise.run(tern::packed_tensor<ternary>(a2, 1, 4, 5), f2,
                        tern::mutable_packed_tensor<ternary>{a1, 1, 8, 9}, signs) == status::bad_shape);
}

}  // namespace
