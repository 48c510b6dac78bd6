// SPDX-License-Identifier: MIT
#include "engine.hpp"

#include <cstdio>

#include <tern/buffer.hpp>
#include <tern/dispatch.hpp>

int main() {
    const std::int8_t numbers[1 * 3] = {1, 1, -1};
    const auto x = tern::pack_rows<tern::ternary>(tern::matrix_view<const std::int8_t>{numbers, 1, 3});
    for (std::size_t i = 0; i < engine.size(); ++i) {
        if (!engine.available(engine[i])) continue;
        std::int32_t result = 0;
        if (engine.force(engine[i].name) != tern::status::ok || !engine_runs(engine[i].name)) return 1;
        if (engine->similarity(x, x, result) != tern::status::ok || result != 3) return 2;
        std::printf("%s: ok\n", engine.active_name());
    }

    const std::int8_t values[2 * 3] = {1, 0, -1, /**/ -1, -1, 1};
    const auto w = tern::pack<tern::ternary>(tern::matrix_view<const std::int8_t>{values, 2, 3});
    std::int32_t out[2] = {};
    const tern::status s = tern::dispatch::gemm(x, w, tern::matrix_view<std::int32_t>{out, 1, 2});
    std::printf("%s: %d %d\n", tern::to_string(s), out[0], out[1]);
}
