// SPDX-License-Identifier: MIT
// A microcontroller's program: static arrays, no heap, no exceptions. Packs weights and activations, multiplies, and
// answers 0 when the results are right.
#include <tern/dot.hpp>
#include <tern/gemv.hpp>
#include <tern/pack.hpp>

namespace {

constexpr tern::size_t outputs = 20;
constexpr tern::size_t depth = 70;

tern::word panels[tern::panels_words<tern::ternary>(outputs, 1, depth)];
tern::word row[tern::rows_words<tern::ternary>(1, depth)];
std::int8_t weights[outputs * depth];
std::int8_t activations[depth];
std::int32_t result[outputs];

std::int8_t trit(tern::size_t i) { return static_cast<std::int8_t>(static_cast<int>(i * i % 7 % 3) - 1); }

bool run() {
    for (tern::size_t i = 0; i < outputs * depth; ++i) weights[i] = trit(i);
    for (tern::size_t i = 0; i < depth; ++i) activations[i] = trit(3 * i + 1);

    tern::packed_panels<tern::ternary> w;
    const tern::mutable_packed_rows<tern::ternary> x(row, 1, depth);
    const tern::matrix_view<const std::int8_t> w_values(weights, outputs, depth);
    const tern::matrix_view<const std::int8_t> x_values(activations, 1, depth);
    if (tern::pack_panels<tern::ternary>(w_values, panels, sizeof panels / sizeof *panels, w) != tern::status::ok)
        return false;
    if (tern::pack_rows<tern::ternary>(x_values, x) != tern::status::ok) return false;
    if (tern::gemv(x, w, tern::matrix_view<std::int32_t>(result, 1, outputs)) != tern::status::ok) return false;

    for (tern::size_t o = 0; o < outputs; ++o) {
        std::int32_t sum = 0;
        for (tern::size_t d = 0; d < depth; ++d) sum += weights[o * depth + d] * activations[d];
        if (result[o] != sum) return false;
    }
    std::int32_t square = 0;
    std::int32_t nonzeros = 0;
    for (tern::size_t d = 0; d < depth; ++d) nonzeros += activations[d] != 0 ? 1 : 0;
    return tern::dot(x, x, square) == tern::status::ok && square == nonzeros;
}

}  // namespace

extern "C" int firmware();
int firmware() { return run() ? 0 : 1; }
