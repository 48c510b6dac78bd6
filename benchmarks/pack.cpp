// SPDX-License-Identifier: MIT
// pack_rows/<from>_<to>/<architecture>/m:1/n:ROWS/k:K and pack_panels/<from>_<to>/<architecture>/m:OUTPUTS/n:1/k:K
//
// Packing is the same code on every architecture, compiled for this one's instructions: only the best is listed.
// `of_limit` is the fraction of the rate at which the level of memory that holds the source can be read.
#include <tern/pack.hpp>

#include "benchmarks.hpp"
#include "support/counters.hpp"
#include "support/operands.hpp"

namespace tern_bench {
namespace {

using source_view = tern::matrix_view<const std::int8_t>;

/// `pack(source)` answers a status and `packed(row, depth)` a packed value.
template <class Pack, class Packed>
void measure_pack(benchmark::State& state, const source_view& source, size_t packed_words, bool check, const Pack& pack,
                  const Packed& packed) {
    if (skip_missing(state, tern::default_arch{})) return;
    if (check) {
        const tern::status s = pack();
        if (s != tern::status::ok) return skip_mismatch(state, tern::to_string(s));
        for (size_t r = 0; r < source.rows; ++r)
            for (size_t d = 0; d < source.cols; ++d)
                if (packed(r, d) != source(r, d)) return skip_mismatch(state, "a packed value differs from its source");
    }
    const auto values = static_cast<double>(source.rows * source.cols);
    const auto bytes = static_cast<double>(packed_words * sizeof(tern::word));
    const auto limit = [&](double) { return read_rate<tern::default_arch>(level_of(source.rows * source.cols)); };
    measure(state, {0, values + bytes, bytes * 8 / values}, limit, [&] {
        tern::status s = pack();
        benchmark::DoNotOptimize(s);
        benchmark::ClobberMemory();
    });
}

template <class Encoding>
void measure_pack_rows(benchmark::State& state, const product_shape& shape, bool check) {
    const auto values = random_values<Encoding, std::int8_t>(shape.n * shape.k, 0x11);
    const source_view source{values.data(), shape.n, shape.k};
    tern::packed_activations<Encoding> rows(shape.n, shape.k);
    measure_pack(
        state, source, rows.extent(), check, [&] { return tern::pack_rows<Encoding>(source, rows); },
        [&](size_t r, size_t d) { return rows.value(r, d); });
}

template <class Encoding>
void measure_pack_panels(benchmark::State& state, const product_shape& shape, bool check) {
    const auto values = random_values<Encoding, std::int8_t>(shape.m * shape.k, 0x77);
    const source_view source{values.data(), shape.m, shape.k};
    tern::buffer<tern::word> memory(tern::panels_words<Encoding>(shape.m, 1, shape.k));
    tern::packed_panels<Encoding> panels;
    measure_pack(
        state, source, memory.size(), check,
        [&] { return tern::pack_panels<Encoding>(source, memory.data(), memory.size(), panels); },
        [&](size_t r, size_t d) { return panels.value(r, d); });
}

template <class Encoding>
void add_packing() {
    const auto full_name = [](const char* operation, const product_shape& shape) {
        return std::string(operation) + "/int8_" + operand_name<Encoding>() + "/" +
               tern::arch::name(tern::default_arch{}) + "/" + name(shape);
    };
    const product_shape rows{1, 512, 2560};
    const product_shape panels{2560, 1, 2560};
    add(full_name("pack_rows", rows),
        [=](benchmark::State& state, bool check) { measure_pack_rows<Encoding>(state, rows, check); });
    add(full_name("pack_panels", panels),
        [=](benchmark::State& state, bool check) { measure_pack_panels<Encoding>(state, panels, check); });
}

}  // namespace

void add_pack() {
    add_packing<tern::binary>();
    add_packing<tern::ternary>();
    add_packing<tern::unsigned_bits<4>>();
}

}  // namespace tern_bench
