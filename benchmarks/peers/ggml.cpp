// SPDX-License-Identifier: MIT
// peer/ggml_<format>/m:M/n:N/k:K[/cold]: the quantizers and dot products of ggml's own libraries, opened at run time
// from a directory that --ggml names (the npm package @node-llama-cpp/linux-x64 has them in bins/linux-x64). Rows of
// weights are quantized beforehand; activations are quantized from float in every run, as ggml does for every product.
// Loops as in its matrix product: blocks of 16 rows of weights against 16 tokens.
#include <dlfcn.h>
#include <glob.h>

#include <cmath>

#include "benchmarks.hpp"
#include "support/cold.hpp"
#include "support/operands.hpp"

namespace tern_bench {
namespace {

// Declarations that the libraries have kept for years; their headers do not come with the package.
using vec_dot = void (*)(int n, float* s, size_t, const void* x, size_t, const void* y, size_t, int rows);
using quantize_row = void (*)(const float* x, void* y, std::int64_t k);
using quantize_rows = size_t (*)(const float* x, void* y, std::int64_t rows, std::int64_t k, const float* importance);
using row_size = size_t (*)(int type, std::int64_t k);

struct libraries {
    void* base = nullptr;
    void* cpu = nullptr;
};

libraries& opened() {
    static libraries kept;
    return kept;
}

template <class Function>
Function find(void* library, const char* symbol) {
    return reinterpret_cast<Function>(dlsym(library, symbol));
}

struct format {
    const char* name;
    int type;      ///< its number in ggml.h
    size_t block;  ///< a row is a multiple of it
    int row_type;  ///< of activations
    const char* dot;
    const char* quantize;
    const char* quantize_row;
    double tolerance;  ///< largest error of a result, times the square root of the depth
};

// The ternary formats hold ternary weights exactly, so that only activations are rounded (by at most a half); 4 bits
// have no +1 beside a -1.
constexpr format formats[] = {
    {"tq2_0", 35, 256, 15, "ggml_vec_dot_tq2_0_q8_K", "quantize_tq2_0", "quantize_row_q8_K", 4},
    {"tq1_0", 34, 256, 15, "ggml_vec_dot_tq1_0_q8_K", "quantize_tq1_0", "quantize_row_q8_K", 4},
    {"q4_0", 2, 32, 8, "ggml_vec_dot_q4_0_q8_0", "quantize_q4_0", "quantize_row_q8_0", 60}};

struct functions {
    vec_dot dot;
    quantize_rows quantize;
    quantize_row quantize_activations;
    row_size bytes_of_row;

    explicit functions(const format& f)
        : dot(find<vec_dot>(opened().cpu, f.dot)),
          quantize(find<quantize_rows>(opened().base, f.quantize)),
          quantize_activations(find<quantize_row>(opened().cpu, f.quantize_row)),
          bytes_of_row(find<row_size>(opened().base, "ggml_row_size")) {}

    [[nodiscard]] bool complete() const { return dot && quantize && quantize_activations && bytes_of_row; }
};

/// One product. Weights at `rows`, activations of 4-byte floats at `x`, quantized into `scratch`.
void multiply(const functions& f, const product_shape& s, const unsigned char* rows, size_t row_bytes, const float* x,
              unsigned char* scratch, size_t scratch_bytes, float* dst) {
    for (size_t i = 0; i < s.n; ++i)
        f.quantize_activations(x + i * s.k, scratch + i * scratch_bytes, static_cast<std::int64_t>(s.k));
    constexpr size_t block = 16;
    for (size_t j0 = 0; j0 < s.m; j0 += block)
        for (size_t i0 = 0; i0 < s.n; i0 += block)
            for (size_t i = i0; i < std::min(i0 + block, s.n); ++i)
                for (size_t j = j0; j < std::min(j0 + block, s.m); ++j)
                    f.dot(static_cast<int>(s.k), dst + i * s.m + j, 0, rows + j * row_bytes, 0,
                          scratch + i * scratch_bytes, 0, 1);
}

void measure_ggml(benchmark::State& state, const format& how, const product_shape& shape, bool cold, bool check) {
    const functions f(how);
    if (!f.complete()) return state.SkipWithError("this library lacks a function");
    const auto& operands = product_operands<int8_values, tern::ternary, int8_matrix>::of(shape);
    const std::vector<float> x(operands.values.begin(), operands.values.end());
    const std::vector<float> w(operands.rhs->values.begin(), operands.rhs->values.end());
    const auto k = static_cast<std::int64_t>(shape.k);
    const size_t row_bytes = f.bytes_of_row(how.type, k);
    const size_t scratch_bytes = (f.bytes_of_row(how.row_type, k) + 63) / 64 * 64;
    tern::buffer<unsigned char> rows(row_bytes * shape.m);
    tern::buffer<unsigned char> scratch(scratch_bytes * shape.n);
    std::vector<float> dst(shape.n * shape.m);
    f.quantize(w.data(), rows.data(), static_cast<std::int64_t>(shape.m), k, nullptr);

    const auto run_with = [&](const unsigned char* weights) {
        multiply(f, shape, weights, row_bytes, x.data(), scratch.data(), scratch_bytes, dst.data());
        benchmark::ClobberMemory();
    };
    if (check) {
        run_with(rows.data());
        double largest = 0;
        for (size_t i = 0; i < operands.checked_rows.size(); ++i)
            for (size_t j = 0; j < shape.m; ++j)
                largest = std::max(largest, std::abs(static_cast<double>(dst[operands.checked_rows[i] * shape.m + j]) -
                                                     operands.expected[i * shape.m + j]));
        if (!(largest <= how.tolerance * std::sqrt(static_cast<double>(shape.k))))
            return skip_mismatch(state, "the result is further from the reference than quantization explains");
    }
    const auto bytes = static_cast<double>(rows.size() + scratch.size() + dst.size() * sizeof(float));
    const work done{shape.macs(), bytes, static_cast<double>(row_bytes) * 8 / static_cast<double>(shape.k)};
    using best = tern::default_arch;
    std::vector<limit_rate> limits{{"of_limit", [](double length) { return multiply_rate<best>(mix::maddubs, length); }}};
    if (shape.n == 1) limits.push_back(bandwidth_of<best>(rows.size(), cold));
    if (!cold) return measure(state, done, limits, [&] { run_with(rows.data()); });

    const byte_copies copies(rows.data(), rows.size());
    size_t next = 0;
    measure(state, done, limits, [&] { run_with(copies[next++ % copies.size()]); });
}

}  // namespace

std::string open_ggml(const std::string& directory) {
    libraries& l = opened();
    l.base = dlopen((directory + "/libggml-base.so").c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (l.base == nullptr) return dlerror();
    glob_t found{};
    glob((directory + "/libggml-cpu*.so").c_str(), 0, nullptr, &found);
    int best = 0;
    std::string name;
    // As ggml chooses: each library says how well it suits this CPU, 0 for not at all.
    for (size_t i = 0; i < found.gl_pathc; ++i) {
        void* library = dlopen(found.gl_pathv[i], RTLD_NOW | RTLD_LOCAL);
        if (library == nullptr) continue;
        const auto score = find<int (*)()>(library, "ggml_backend_score");
        const int points = score == nullptr ? 1 : score();
        if (points > best) {
            best = points;
            l.cpu = library;
            name = found.gl_pathv[i];
        }
    }
    globfree(&found);
    if (l.cpu == nullptr) return "no libggml-cpu*.so there suits this CPU";
    // Tables of 16-bit floats.
    if (const auto initialize = find<void (*)()>(l.cpu, "ggml_cpu_init")) initialize();
    benchmark::AddCustomContext("ggml", name.substr(name.rfind('/') + 1));
    return "";
}

void add_ggml(const layer& l, selection wanted) {
    if (opened().cpu == nullptr) return;
    for (const format& f : formats) {
        if (l.k % f.block != 0) continue;
        const auto add_one = [&](size_t n, bool cold) {
            const product_shape shape{l.m, n, l.k};
            add(std::string("peer/ggml_") + f.name + "/" + name(shape) + (cold ? "/cold" : ""),
                [=, &f](benchmark::State& state, bool check) { measure_ggml(state, f, shape, cold, check); });
        };
        const bool ternary = &f == formats;
        add_one(1, false);
        if (wanted == selection::report && !ternary && !is_first(l)) continue;
        if (cold<tern::default_arch>(l, wanted)) add_one(1, true);
        for (const size_t n : tokens<tern::default_arch>(l, wanted))
            if (n == 16 || ternary || wanted == selection::all) add_one(n, false);
    }
}

}  // namespace tern_bench
