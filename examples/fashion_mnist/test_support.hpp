// SPDX-License-Identifier: MIT
// For the tests of this example: a directory to write to, and random networks in the place of trained ones.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <unistd.h>

#include "export.hpp"

namespace fashion_mnist {

using bytes = std::vector<char>;

[[nodiscard]] inline std::string scratch(const std::string& name) {
    static const std::string directory = [] {
        const auto path = std::filesystem::temp_directory_path() / ("tern_infer_test_" + std::to_string(getpid()));
        std::filesystem::create_directories(path);
        std::atexit([] {
            std::error_code ignored;
            std::filesystem::remove_all(
                std::filesystem::temp_directory_path() / ("tern_infer_test_" + std::to_string(getpid())), ignored);
        });
        return path.string();
    }();
    return directory + "/" + name;
}

[[nodiscard]] inline bytes read_bytes(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline void write_bytes(const std::string& path, const bytes& data) {
    std::ofstream(path, std::ios::binary).write(data.data(), static_cast<std::streamsize>(data.size()));
}

class random_numbers {
public:
    [[nodiscard]] std::vector<std::int8_t> ternary(std::size_t n) {
        std::vector<std::int8_t> values(n);
        for (auto& v : values) v = static_cast<std::int8_t>(static_cast<int>(generator_() % 3u) - 1);
        return values;
    }
    [[nodiscard]] std::vector<float> reals(std::size_t n, float middle, float spread) {
        std::vector<float> values(n);
        for (auto& v : values) v = middle + spread * (static_cast<float>(generator_() % 2001u) / 1000.0f - 1.0f);
        return values;
    }
    [[nodiscard]] std::vector<std::uint8_t> pixels(std::size_t n) {
        std::vector<std::uint8_t> values(n);
        for (auto& v : values) v = static_cast<std::uint8_t>(generator_());
        return values;
    }

private:
    std::mt19937 generator_{7};
};

/// Thresholds near the deviation of the sums, so that all three values occur.
[[nodiscard]] inline ternary_network random_ternary_network() {
    random_numbers random;
    ternary_network network;
    for (std::size_t i = 0; i < layer_count; ++i) {
        const std::size_t depth = 9 * channels[i];
        const float deviation = 0.2f * std::sqrt(static_cast<float>(depth));
        auto& conv = network.conv[i];
        conv.values = random.ternary(channels[i + 1] * depth);
        conv.scale = random.reals(channels[i + 1], 0.2f, 0.1f);
        conv.upper = random.reals(channels[i + 1], 0.3f * deviation, 0.2f * deviation);
        conv.lower = random.reals(channels[i + 1], -0.3f * deviation, 0.2f * deviation);
        network.act[i + 1] = {0.9f, 0.1f};
    }
    network.act[0] = {0.011f, -0.81f};
    network.fc_values = random.ternary(output_count * feature_count);
    network.fc_scale = random.reals(output_count, 0.1f, 0.05f);
    network.fc_bias = random.reals(output_count, 0.0f, 0.5f);
    network.metadata["accuracy"] = "0.1000";
    return network;
}

[[nodiscard]] inline float_network random_float_network() {
    random_numbers random;
    float_network network;
    for (std::size_t i = 0; i < layer_count; ++i) {
        const std::size_t depth = 9 * channels[i];
        network.conv[i].weight = random.reals(channels[i + 1] * depth, 0.0f, 0.2f);
        network.conv[i].bn_scale = random.reals(channels[i + 1], 1.0f, 0.2f);
        network.conv[i].bn_shift = random.reals(channels[i + 1], 0.0f, 0.2f);
    }
    network.act = {0.011f, -0.81f};
    network.fc_weight = random.reals(output_count * feature_count, 0.0f, 0.1f);
    network.fc_bias = random.reals(output_count, 0.0f, 0.5f);
    return network;
}

[[nodiscard]] inline const std::string& model_path() {
    static const std::string path = [] {
        export_model(scratch("model.safetensors"), random_ternary_network());
        return scratch("model.safetensors");
    }();
    return path;
}

[[nodiscard]] inline const std::string& float_model_path() {
    static const std::string path = [] {
        export_model(scratch("float_model.safetensors"), random_float_network());
        return scratch("float_model.safetensors");
    }();
    return path;
}

}  // namespace fashion_mnist
