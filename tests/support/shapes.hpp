// SPDX-License-Identifier: MIT
// The shapes that products are tested with: zero, one to ten, one beside every border of a tile, primes, deep, ragged.
#pragma once

#include <cstddef>
#include <ostream>
#include <vector>

#include "support/operands.hpp"

namespace tern_test {

struct product_shape {
    size_t rows;
    size_t outputs;
    size_t depth;
};

inline std::ostream& operator<<(std::ostream& to, const product_shape& s) {
    return to << s.rows << " rows x " << s.outputs << " outputs x " << s.depth << " deep";
}

/// Around panels (16), words (32), the highest tile with its row block (32) and the widest group of panels (64).
inline const std::vector<size_t> borders{0,  1,  2,  3,  4,  5,  6,  7,  8,  9,   10,  13,
                                         15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129};

/// Besides them where byte counters are folded (31 words, or 7 of lookups) and where a stretch of depth ends (128
/// words).
inline const std::vector<size_t> depths{0,   1,   2,   3,   4,    5,    6,    7,    8,    9,    10,   13,  15,  16,
                                        17,  31,  32,  33,  63,   64,   65,   97,   127,  128,  129,  223, 224, 225,
                                        251, 991, 992, 993, 1023, 1024, 1025, 1985, 4095, 4096, 4097, 4129};

/// Every border of every axis, and `ragged` random shapes.
inline std::vector<product_shape> product_shapes(size_t ragged) {
    std::vector<product_shape> shapes;
    for (const size_t rows : borders) shapes.push_back({rows, 19, 45});
    for (const size_t outputs : borders) shapes.push_back({3, outputs, 37});
    for (const size_t outputs : borders) shapes.push_back({1, outputs, 37});
    for (const size_t depth : depths) shapes.push_back({5, 18, depth});
    for (const size_t depth : depths) shapes.push_back({1, 33, depth});
    for (size_t rows = 0; rows <= 2; ++rows)
        for (size_t outputs = 0; outputs <= 2; ++outputs)
            for (size_t depth = 0; depth <= 2; ++depth) shapes.push_back({rows, outputs, depth});
    // Whole tiles, which need no block of their own for the results, and groups of 256 outputs with what follows them.
    for (const product_shape& s : {product_shape{8, 32, 129}, {32, 64, 100}, {16, 96, 70}, {40, 257, 33}, {5, 529, 45}})
        shapes.push_back(s);
    random_numbers random(7);
    for (size_t i = 0; i < ragged; ++i)
        shapes.push_back({random.between(1, 40), random.between(1, 80), random.between(1, 200)});
    return shapes;
}

}  // namespace tern_test
