// SPDX-License-Identifier: MIT
// tern_bench: Google Benchmark's options, and --tern_shapes=usual|all. Ends with 1 when a result was wrong.
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "benchmarks.hpp"
#include "support/counters.hpp"

namespace {

/// Takes our own option out of the arguments; false when it has no such value.
bool read_selection(std::vector<char*>& arguments, tern_bench::selection& wanted) {
    constexpr const char option[] = "--tern_shapes=";
    for (auto it = arguments.begin() + 1; it != arguments.end();) {
        if (std::strncmp(*it, option, sizeof option - 1) != 0) {
            ++it;
            continue;
        }
        const std::string value = *it + sizeof option - 1;
        if (value != "usual" && value != "all") return false;
        wanted = value == "all" ? tern_bench::selection::all : tern_bench::selection::usual;
        it = arguments.erase(it);
    }
    return true;
}

std::string compiled_architectures() {
    std::string names;
    tern_bench::for_each_architecture(
        [&](auto arch) { names += (names.empty() ? "" : " ") + std::string(name(arch)); });
    return names;
}

}  // namespace

int main(int argc, char** argv) {
    using namespace tern_bench;
    // Short enough for all of them in a few minutes; a user's own value comes later and wins.
    std::string min_time = "--benchmark_min_time=" TERN_BENCH_MIN_TIME;
    std::vector<char*> arguments(argv, argv + argc);
    selection wanted = selection::usual;
    if (!read_selection(arguments, wanted)) {
        std::fprintf(stderr, "%s: --tern_shapes is usual or all\n", argv[0]);
        return 2;
    }
    arguments.insert(arguments.begin() + 1, min_time.data());
    int count = static_cast<int>(arguments.size());
    benchmark::Initialize(&count, arguments.data());
    if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
    benchmark::AddCustomContext("tern_version", TERN_BENCH_VERSION);
#if defined(__clang__)
    benchmark::AddCustomContext("compiler", __VERSION__);
#else
    benchmark::AddCustomContext("compiler", "GCC " __VERSION__);
#endif
    benchmark::AddCustomContext("architectures", compiled_architectures());

    add_limits();
    add_gemm(wanted);
    add_gemv(wanted);
    add_dot();
    add_conv2d(wanted);
    add_pack();
    add_quantize();
#if TERN_BENCH_OPENBLAS
    add_openblas(wanted);
#endif
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return any_mismatch() ? 1 : 0;
}
