// SPDX-License-Identifier: MIT
// The packed network against the reference, and the program `infer` as a shell sees it.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <zlib.h>

#include "packed_network.hpp"
#include "reference_network.hpp"
#include "test_support.hpp"

namespace {

using namespace fashion_mnist;

struct result {
    int code;  ///< -1 when a signal ended it
    std::string output;
};

/// Runs `infer`; `output` is what it wrote to one of its two streams.
[[nodiscard]] result run(const std::string& arguments, bool want_errors) {
    const std::string command =
        std::string(TERN_INFER) + " " + arguments + (want_errors ? " 2>&1 >/dev/null" : " 2>/dev/null");
    result r{-1, ""};
    FILE* const pipe = popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    char buffer[4096];
    for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, pipe)) != 0;) r.output.append(buffer, n);
    const int state = pclose(pipe);
    if (WIFEXITED(state)) r.code = WEXITSTATUS(state);
    return r;
}

[[nodiscard]] std::string files(const std::string& model, const std::string& float_model, const std::string& data) {
    return "--model " + model + " --float-model " + float_model + " --data " + data;
}

void check_refused(const std::string& arguments) {
    CAPTURE(arguments);
    const result r = run(arguments, true);
    CAPTURE(r.output);
    CHECK(r.code == 2);
    CHECK(r.output.rfind("infer: ", 0) == 0);
    CHECK(std::count(r.output.begin(), r.output.end(), '\n') == 1);
}

void write_gzip(const std::string& path, const std::vector<std::uint8_t>& data) {
    gzFile const file = gzopen(path.c_str(), "wb");
    REQUIRE(gzwrite(file, data.data(), static_cast<unsigned>(data.size())) == static_cast<int>(data.size()));
    REQUIRE(gzclose(file) == Z_OK);
}

constexpr std::size_t image_count = 20;

/// A directory of random images under the names of the test set.
[[nodiscard]] std::string make_data(const std::string& name) {
    const std::string directory = scratch(name);
    std::filesystem::create_directories(directory);
    random_numbers random;
    std::vector<std::uint8_t> images{0, 0, 8, 3, 0, 0, 0, image_count, 0, 0, 0, 28, 0, 0, 0, 28};
    std::vector<std::uint8_t> labels{0, 0, 8, 1, 0, 0, 0, image_count};
    const auto pixels = random.pixels(image_count * image_size * image_size);
    images.insert(images.end(), pixels.begin(), pixels.end());
    for (std::uint8_t i = 0; i < image_count; ++i) labels.push_back(static_cast<std::uint8_t>(i % output_count));
    write_gzip(directory + "/t10k-images-idx3-ubyte.gz", images);
    write_gzip(directory + "/t10k-labels-idx1-ubyte.gz", labels);
    return directory;
}

template <class Arch>
void check_logits() {
    if constexpr (tern::arch::compiled(Arch{})) {
        CAPTURE(tern::arch::name(Arch{}));
        constexpr std::size_t count = 5;
        const packed_model model = load_model(model_path());
        const std::vector<std::uint8_t> pixels = random_numbers().pixels(count * image_size * image_size);
        const reference_network reference(model);
        std::array<float, count * output_count> expected{};
        for (std::size_t i = 0; i < count; ++i) {
            reference.run(pixels.data() + i * image_size * image_size, expected.data() + i * output_count);
        }
        CHECK(*std::min_element(expected.begin(), expected.end()) <
              *std::max_element(expected.begin(), expected.end()));
        for (const std::size_t batch : {count, std::size_t{8}}) {
            std::array<float, count * output_count> logits{};
            packed_network<Arch>(model, batch).run(pixels.data(), count, logits.data());
            CHECK(logits == expected);
        }
    }
}

}  // namespace

TEST_CASE("packed logits equal the reference's on every architecture, for full and partial batches") {
    check_logits<tern::arch::scalar>();
    check_logits<tern::arch::simd>();
    check_logits<tern::arch::avx2>();
    check_logits<tern::arch::avx512>();
    check_logits<tern::arch::avx512_vpopcntdq>();
    check_logits<tern::arch::neon>();
}

TEST_CASE("infer ends with its summary, or with exit code 2 and one line") {
    const std::string data = make_data("data");
    const result good = run(files(model_path(), float_model_path(), data), false);
    CHECK(good.code == 0);
    const std::size_t line = good.output.rfind('\n', good.output.size() - 2) + 1;
    float accuracy = -1.0f;
    float rate = -1.0f;
    float speedup = -1.0f;
    char equal[16] = "";
    CHECK(std::sscanf(good.output.c_str() + line,
                      "accuracy %f packed_equals_reference %15s images_per_second %f speedup_over_float %f\n",
                      &accuracy, equal, &rate, &speedup) == 4);
    CHECK(std::string(equal) == "yes");
    CHECK(accuracy >= 0.0f);
    CHECK(rate > 0.0f);
    CHECK(speedup > 0.0f);

    check_refused(files(scratch("nowhere"), float_model_path(), data));
    check_refused(files(model_path(), scratch("nowhere"), data));
    check_refused(files(model_path(), float_model_path(), scratch("nowhere")));
    check_refused(files(scratch(""), float_model_path(), data));
    check_refused(files(float_model_path(), model_path(), data));
    check_refused(files(model_path(), float_model_path(), data) + " --arch quantum");
    check_refused(files(model_path(), float_model_path(), data) + " --limit -1");
    check_refused(files(model_path(), float_model_path(), data) + " --colour");

    const bytes model = read_bytes(model_path());
    const std::string bad_model = scratch("bad.safetensors");
    for (std::size_t i = 0; i < 16; ++i) {
        bytes damaged = model;
        const std::size_t at = i * model.size() / 16;
        if (i % 2 == 0) {
            damaged.resize(at);
        } else {
            damaged[at] = static_cast<char>(~damaged[at]);
        }
        write_bytes(bad_model, damaged);
        check_refused(files(bad_model, float_model_path(), data));
    }
    const std::string bad_data = make_data("bad_data");
    for (const char* name : {"/t10k-images-idx3-ubyte.gz", "/t10k-labels-idx1-ubyte.gz"}) {
        const bytes whole = read_bytes(bad_data + name);
        constexpr std::size_t gzip_header = 10;  // has no checksum
        for (std::size_t i = 0; i < 8; ++i) {
            bytes damaged = whole;
            const std::size_t at = gzip_header + i * (whole.size() - gzip_header) / 8;
            if (i % 2 == 0) {
                damaged.resize(at);
            } else {
                damaged[at] = static_cast<char>(~damaged[at]);
            }
            write_bytes(bad_data + name, damaged);
            check_refused(files(model_path(), float_model_path(), bad_data));
        }
        write_bytes(bad_data + name, whole);
    }
    CHECK(run(files(model_path(), float_model_path(), bad_data) + " --no-reference --limit 3", false).code == 0);
}
