// SPDX-License-Identifier: MIT
#include <tern/tern.hpp>

#include <cstdio>

int main() {
    const std::int8_t values[2 * 3] = {1, 0, -1, /**/ -1, -1, 1};
    const std::int8_t numbers[1 * 3] = {1, 1, -1};
    const auto w = tern::pack<tern::ternary>(tern::matrix_view<const std::int8_t>{values, 2, 3});
    const auto x = tern::pack_rows<tern::ternary>(tern::matrix_view<const std::int8_t>{numbers, 1, 3});
    std::int32_t out[2] = {};
    const tern::status s = tern::gemm(x, w, tern::matrix_view<std::int32_t>{out, 1, 2});
    std::printf("%s: %d %d\n", tern::to_string(s), out[0], out[1]);
}
