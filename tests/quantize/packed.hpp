// SPDX-License-Identifier: MIT
// What the tests of quantizers that write packed words share: the words against those of packing the quantized values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <tern/quantize/packing.hpp>

#include "grid.hpp"
#include "support/packing.hpp"

namespace tern_test {

/// Weights with the room between their rows full of NaN; every fourth one is special where `specials` is set: NaN,
/// infinities, zeros, subnormal numbers and the numbers of `ties`.
inline grid<float> random_weights(std::size_t rows, std::size_t cols, std::uint32_t seed,
                                  const std::vector<float>& specials = {}) {
    std::mt19937 random(seed);
    grid<float> w = random_grid(rows, cols, seed, 0.7f);
    for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < cols; ++j) {
            if (!specials.empty() && random() % 4 == 0) w.at(i, j) = specials[random() % specials.size()];
        }
    }
    return w;
}

inline const std::vector<float> odd_floats{std::numeric_limits<float>::quiet_NaN(),
                                           std::numeric_limits<float>::infinity(),
                                           -std::numeric_limits<float>::infinity(),
                                           std::numeric_limits<float>::max(),
                                           std::numeric_limits<float>::denorm_min(),
                                           -std::numeric_limits<float>::denorm_min(),
                                           0.0f,
                                           -0.0f,
                                           0.5f,
                                           -0.5f,
                                           1.0f,
                                           -1.0f};

inline bool same_bits(float a, float b) { return std::memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b); }

template <class A, class B>
bool same_floats(const A& a, const B& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (!same_bits(a[i], b[i])) return false;
    }
    return true;
}

/// "" where forward(mutable_packed_rows) and forward(panel_memory), for every number of taps that divides the depth up
/// to 9, give what packing `values` gives and write nothing else.
template <class Encoding, class T, class Forward>
std::string check_packed(const grid<T>& values, const Forward& forward) {
    const std::size_t rows = values.rows();
    const std::size_t cols = values.cols();
    const std::size_t stride = std::size_t{Encoding::planes} * tern::depth_words(cols) + 1;
    const tern::mutable_packed_rows<Encoding> shape(nullptr, rows, cols, stride, tern::depth_words(cols));
    guarded<tern::word> got(shape.extent());
    guarded<tern::word> expected(shape.extent());
    if (tern::pack_rows<Encoding>(values.view(), tern::mutable_packed_rows<Encoding>(
                                                     expected.data(), rows, cols, stride, tern::depth_words(cols))) !=
        tern::status::ok)
        return "values that have no code";
    if (forward(tern::mutable_packed_rows<Encoding>(got.data(), rows, cols, stride, tern::depth_words(cols))) !=
        tern::status::ok)
        return "rows: refused";
    if (got.contents() != expected.contents()) return "rows: other words";
    if (!got.intact()) return "rows: wrote outside";
    for (std::size_t taps = 1; taps <= 9; ++taps) {
        if (cols % taps != 0) continue;
        const std::size_t words = tern::panels_words<Encoding>(rows, taps, cols / taps);
        guarded<tern::word> panels(words);
        guarded<tern::word> wanted(words);
        tern::packed_panels<Encoding> packed, wanted_packed;
        if (tern::pack_panels<Encoding>(values.view(), wanted.data(), words, wanted_packed, taps) != tern::status::ok)
            return "values that have no panels";
        if (forward(tern::quantize::panel_memory<Encoding>(panels.data(), words, packed, taps)) != tern::status::ok)
            return "panels: refused";
        if (panels.contents() != wanted.contents()) return "panels: other words, taps " + std::to_string(taps);
        if (!panels.intact()) return "panels: wrote outside";
        if (packed.outputs != rows || packed.taps != taps || packed.tap_depth != cols / taps ||
            packed.data != panels.data())
            return "panels: another view";
    }
    return "";
}

/// Calls body(rows, cols, seed): zero sizes, 1 to 10, words and panels +- 1, primes, and more depth than is
/// packed at a time.
template <class Body>
void for_each_weight_shape(const Body& body) {
    std::uint32_t seed = 1;
    for (const std::size_t cols :
         {0u, 1u, 2u, 3u, 5u, 8u, 9u, 27u, 31u, 32u, 33u, 63u, 64u, 72u, 101u, 160u, 257u, 288u})
        for (const std::size_t rows : {0u, 1u, 2u, 7u, 16u, 17u}) body(rows, cols, ++seed);
    body(2, 4129, ++seed);
}

}  // namespace tern_test
