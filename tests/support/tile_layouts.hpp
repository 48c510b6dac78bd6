// SPDX-License-Identifier: MIT
// What every layout of tiles of ternary weights has to do: pack what was drawn by hand, unpack it, and look at it
// again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include <tern/pack_tiles.hpp>
#include <tern/parallel.hpp>

#include "packing.hpp"

namespace tern_test {

/// Every shape of `sizes` in the layout of `View`, by its public functions bytes(outputs, depth), pack(source, memory,
/// size, view), look(memory, size, layout, outputs, depth, view), against draw(matrix) and panels of `panel` outputs.
template <class View, class Draw, class Bytes, class Pack, class Look>
void check_every_tile(std::size_t panel, const Draw& draw, const Bytes& bytes, const Pack& pack, const Look& look) {
    const auto values = values_of<tern::ternary>();
    for (const std::size_t outputs : sizes) {
        for (const std::size_t depth : sizes) {
            CAPTURE(outputs);
            CAPTURE(depth);
            const matrix m = random_matrix(outputs, depth, values);
            const std::vector<std::uint8_t> expected = draw(m);
            CHECK(bytes(outputs, depth) == expected.size());
            guarded<std::uint8_t> memory(expected.size());
            View view;
            REQUIRE(pack(m.view(), memory.data(), memory.size(), view) == tern::status::ok);
            CHECK(memory.contents() == expected);
            CHECK(memory.intact());
            matrix back(outputs, depth);
            CHECK(tern::unpack(view, back.view()) == tern::status::ok);
            CHECK(back == m);
            CHECK(view.panels() == round_up_div(outputs, panel));
            if (expected.empty()) continue;
            for (std::size_t p = 0; p < view.panels(); ++p)
                CHECK(view.sums(p) == memory.data() + (p + 1) * (expected.size() / view.panels()) - panel * 4);
            View seen;
            CHECK(look(memory.data(), memory.size(), view.layout, outputs, depth, seen) == tern::status::ok);
            CHECK(seen.data == view.data);
        }
    }
}

}  // namespace tern_test
