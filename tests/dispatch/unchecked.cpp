// SPDX-License-Identifier: MIT
// dispatch_unchecked <architecture>: executes it without asking the CPU. The known-bad case of the runs on old CPUs.
#include <cstdint>
#include <cstdio>
#include <cstring>

#include <tern/buffer.hpp>
#include <tern/dispatch.hpp>

int main(int argc, char** argv) {
    using namespace tern::dispatch;
    const version* wanted = nullptr;
    for (std::size_t i = 0; i < kernels.size(); ++i)
        if (argc == 2 && std::strcmp(kernels[i].name, argv[1]) == 0) wanted = &kernels[i];
    if (wanted == nullptr) return 2;

    const tern::buffer<std::int8_t> values(64 * 100);
    const auto w = tern::pack<tern::ternary>(tern::matrix_view<const std::int8_t>{values.data(), 64, 100});
    const auto x = tern::pack_rows<tern::ternary>(tern::matrix_view<const std::int8_t>{values.data(), 9, 100});
    tern::buffer<std::int32_t> out(9 * 64);
    const products<tern::ternary, tern::ternary>& pair =
        static_cast<const version_of<kernel_functions>*>(wanted)->functions;
    const tern::status s = pair.gemm_int32(x, w, tern::matrix_view<std::int32_t>{out.data(), 9, 64}, {});
    std::printf("%s survived: %s\n", wanted->name, tern::to_string(s));
}
