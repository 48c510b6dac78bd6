// SPDX-License-Identifier: MIT
// The geometry of windows against the definition: slide it over the padded line and look.
#include <cstddef>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <tern/window.hpp>

namespace {

using tern::status;
using tern::window_axis;

constexpr std::size_t huge = std::numeric_limits<std::size_t>::max();

/// Where the taps of every window that fits lie in the input; -1: padding.
std::vector<std::vector<int>> slide(const window_axis& w, std::size_t input) {
    std::vector<int> padded(w.pad_before, -1);
    for (std::size_t i = 0; i < input; ++i) padded.push_back(static_cast<int>(i));
    padded.insert(padded.end(), w.pad_after, -1);
    std::vector<std::vector<int>> windows;
    for (std::size_t start = 0; start + (w.kernel - 1) * w.dilation < padded.size(); start += w.stride) {
        std::vector<int> taps;
        for (std::size_t k = 0; k < w.kernel; ++k) taps.push_back(padded[start + k * w.dilation]);
        windows.push_back(taps);
    }
    return windows;
}

bool matches(const window_axis& w, std::size_t input) {
    if (check(w, input) != status::ok) return false;
    if (input == 0) return w.outputs(input) == 0;
    const auto windows = slide(w, input);
    if (w.outputs(input) != windows.size()) return false;
    for (std::size_t o = 0; o < windows.size(); ++o) {
        const std::size_t first = w.first_tap(o);
        const std::size_t last = w.last_tap(o, input);
        if (first > last || last > w.kernel) return false;
        for (std::size_t k = 0; k < w.kernel; ++k) {
            const bool inside = k >= first && k < last;
            if (inside != (windows[o][k] >= 0)) return false;
            if (inside && w.input(o, k) != static_cast<std::size_t>(windows[o][k])) return false;
        }
    }
    return true;
}

}  // namespace

TEST_CASE("windows: every small geometry") {
    std::size_t geometries = 0;
    std::size_t mismatches = 0;
    for (std::size_t input = 0; input <= 7; ++input)
        for (std::size_t kernel = 1; kernel <= 5; ++kernel)
            for (std::size_t stride = 1; stride <= 4; ++stride)
                for (std::size_t dilation = 1; dilation <= 3; ++dilation)
                    for (std::size_t before = 0; before <= 6; ++before)
                        for (std::size_t after = 0; after <= 6; ++after) {
                            ++geometries;
                            mismatches += matches({kernel, stride, dilation, before, after}, input) ? 0u : 1u;
                        }
    CHECK(geometries == 8 * 5 * 4 * 3 * 7 * 7);
    CHECK(mismatches == 0);
}

TEST_CASE("windows: cases by hand") {
    // 28 pixels, 3 wide, padding 1: as many outputs, the corners see two taps.
    constexpr window_axis same = tern::square_window(3, 1, 1).x;
    static_assert(same.outputs(28) == 28);
    static_assert(same.first_tap(0) == 1 && same.last_tap(0, 28) == 3 && same.input(0, 1) == 0);
    static_assert(same.first_tap(27) == 0 && same.last_tap(27, 28) == 2 && same.input(27, 1) == 27);
    // Pooling 2 x 2 drops an odd last pixel.
    static_assert(tern::square_window(2, 2).y.outputs(7) == 3);
    // Every second pixel of one: nothing but padding.
    constexpr window_axis around{2, 1, 2, 1, 1};
    static_assert(around.outputs(1) == 1 && around.first_tap(0) == around.last_tap(0, 1));
    constexpr tern::window2d w = tern::square_window(5, 2, 3);
    static_assert(w.y.kernel == 5 && w.x.kernel == 5 && w.y.stride == 2 && w.x.stride == 2 && w.y.dilation == 1);
    static_assert(w.y.pad_before == 3 && w.y.pad_after == 3 && w.x.pad_before == 3 && w.x.pad_after == 3);
    CHECK(same.outputs(28) == 28);
}

TEST_CASE("windows: what check refuses") {
    CHECK(check(window_axis{}, 0) == status::ok);
    CHECK(check(window_axis{0, 1, 1, 0, 0}, 5) == status::bad_shape);
    CHECK(check(window_axis{1, 0, 1, 0, 0}, 5) == status::bad_shape);
    CHECK(check(window_axis{1, 1, 0, 0, 0}, 5) == status::bad_shape);
    for (const std::size_t large : {huge, huge / 2, huge / 4}) {
        CHECK(check(window_axis{}, large) == status::overflow);
        CHECK(check(window_axis{large, 1, 1, 0, 0}, 5) == status::overflow);
        CHECK(check(window_axis{1, large, 1, 0, 0}, 5) == status::overflow);
        CHECK(check(window_axis{1, 1, large, 0, 0}, 5) == status::overflow);
        CHECK(check(window_axis{1, 1, 1, large, 0}, 5) == status::overflow);
        CHECK(check(window_axis{1, 1, 1, 0, large}, 5) == status::overflow);
        CHECK(check(window_axis{large / 2, 1, 4, 0, 0}, 5) == status::overflow);
    }
    const window_axis bad{0, 1, 1, 0, 0};
    CHECK(check(tern::window2d{{}, {}}, 5, 5) == status::ok);
    CHECK(check(tern::window2d{bad, {}}, 5, 5) == status::bad_shape);
    CHECK(check(tern::window2d{{}, bad}, 5, 5) == status::bad_shape);
    CHECK(check(tern::window2d{{}, {}}, huge, 5) == status::overflow);
    CHECK(check(tern::window2d{{}, {}}, 5, huge) == status::overflow);
}

TEST_CASE("windows: nothing overflows at the largest sizes that check allows") {
    constexpr std::size_t limit = huge / 8;
    const window_axis wide{1, 1, 1, limit, limit};
    REQUIRE(check(wide, limit) == status::ok);
    CHECK(wide.outputs(limit) == 3 * limit);
    CHECK(wide.first_tap(0) == 1);
    CHECK(wide.last_tap(0, limit) == 1);
    CHECK(wide.first_tap(limit) == 0);
    CHECK(wide.last_tap(limit, limit) == 1);
    CHECK(wide.input(2 * limit - 1, 0) == limit - 1);
    CHECK(wide.last_tap(3 * limit - 1, limit) == 0);

    const window_axis sparse{2, limit, limit / 2, 0, limit};
    REQUIRE(check(sparse, limit) == status::ok);
    CHECK(sparse.outputs(limit) == 2);
    CHECK(sparse.last_tap(0, limit) == 2);
    CHECK(sparse.last_tap(1, limit) == 0);
}
