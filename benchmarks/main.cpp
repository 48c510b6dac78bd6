// SPDX-License-Identifier: MIT
// tern_bench: Google Benchmark's options, and two of its own. Ends with 1 when a result was wrong.
//
//   --set=usual|all|report   what is measured (support/shapes.hpp)
//   --ggml=<directory>       where libggml-base.so and libggml-cpu-*.so lie; else the environment's TERN_GGML
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "benchmarks.hpp"
#include "support/counters.hpp"

namespace {

/// Takes an option of our own out of the arguments; its value, or `otherwise`.
std::string take_option(std::vector<char*>& arguments, const std::string& option, const std::string& otherwise) {
    std::string value = otherwise;
    for (auto it = arguments.begin() + 1; it != arguments.end();) {
        if (std::strncmp(*it, option.c_str(), option.size()) != 0) {
            ++it;
            continue;
        }
        value = *it + option.size();
        it = arguments.erase(it);
    }
    return value;
}

bool read_selection(const std::string& name, tern_bench::selection& wanted) {
    using tern_bench::selection;
    if (name != "usual" && name != "all" && name != "report") return false;
    wanted = name == "all" ? selection::all : name == "report" ? selection::report : selection::usual;
    return true;
}

/// What the system calls this CPU.
std::string cpu_name() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);)
        if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
    return "unknown";
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
    if (!read_selection(take_option(arguments, "--set=", "usual"), wanted)) {
        std::fprintf(stderr, "%s: --set is usual, all or report\n", argv[0]);
        return 2;
    }
    const char* ggml_of_environment = std::getenv("TERN_GGML");
    const std::string ggml = take_option(arguments, "--ggml=", ggml_of_environment ? ggml_of_environment : "");
    const std::string ggml_error = ggml.empty() ? "" : open_ggml(ggml);
    if (!ggml_error.empty()) {
        std::fprintf(stderr, "%s: --ggml=%s: %s\n", argv[0], ggml.c_str(), ggml_error.c_str());
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
    benchmark::AddCustomContext("cpu", cpu_name());
    benchmark::AddCustomContext("architectures", compiled_architectures());
    std::string command;
    for (int i = 1; i < argc; ++i) command += std::string(i == 1 ? "" : " ") + argv[i];
    benchmark::AddCustomContext("arguments", command);

    add_limits();
    for (const layer& l : layers) {
        add_gemm(l, wanted);
        add_gemm_lookup(l, wanted);
        add_gemm_bytes(l, wanted);
#if TERN_BENCH_ONEDNN
        add_onednn(l, wanted);
#endif
        add_ggml(l, wanted);
#if TERN_BENCH_OPENBLAS
        add_openblas(l, wanted);
#endif
    }
    if (wanted != selection::report) {
        add_dot();
        add_conv2d(wanted);
        add_depthwise();
        add_networks();
        add_pack();
        add_quantize();
    }
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return any_mismatch() ? 1 : 0;
}
