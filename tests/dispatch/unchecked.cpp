// SPDX-License-Identifier: MIT
// The known-bad case of the runs on old CPUs: executes the last architecture of the table without asking the CPU.
#include <cstdint>
#include <cstdio>

#include <tern/buffer.hpp>
#include <tern/dispatch.hpp>

int main() {
    using namespace tern::dispatch;
    const tern::buffer<std::int8_t> values(64 * 100);
    const auto w = tern::pack<tern::ternary>(tern::matrix_view<const std::int8_t>{values.data(), 64, 100});
    const auto x = tern::pack_rows<tern::ternary>(tern::matrix_view<const std::int8_t>{values.data(), 9, 100});
    tern::buffer<std::int32_t> out(9 * 64);
    const version& last = kernels[kernels.size() - 1];
    std::printf("runs %s unchecked\n", last.name);
    std::fflush(stdout);
    const products<tern::ternary, tern::ternary>& pair =
        static_cast<const version_of<kernel_functions>&>(last).functions;
    const tern::status s = pair.gemm_int32(x, w, tern::matrix_view<std::int32_t>{out.data(), 9, 64}, {});
    std::printf("survived: %s\n", tern::to_string(s));
}
