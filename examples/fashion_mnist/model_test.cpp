// SPDX-License-Identifier: MIT
// Models from good files, and the refusal of every kind of bad one.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "export.hpp"
#include "test_support.hpp"

namespace {

using namespace fashion_mnist;

/// What the reader says of a file; empty when it takes it.
template <class Load>
[[nodiscard]] std::string complaint(const Load& load, const std::string& path) {
    try {
        static_cast<void>(load(path));
        return "";
    } catch (const std::runtime_error& error) {
        return error.what();
    }
}

/// Truncation at every length of the header and many of the data; a flipped bit in each of these bytes.
template <class Load>
void check_damage(const Load& load, const std::string& good_path) {
    const std::string path = scratch("damaged.safetensors");
    const bytes good = read_bytes(good_path);
    std::size_t header = 0;
    for (std::size_t i = 0; i < 8; ++i) header |= std::size_t{static_cast<unsigned char>(good[i])} << (8 * i);
    header += 8;
    const std::size_t step = (good.size() - header) / 300;
    std::size_t cases = 0;
    for (std::size_t at = 0; at < good.size(); at += at < header ? 1 : step) {
        CAPTURE(at);
        write_bytes(path, bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(at)));
        const std::string truncated = complaint(load, path);
        CHECK(truncated.rfind(path + ": ", 0) == 0);
        CHECK(truncated.find('\n') == std::string::npos);

        bytes flipped = good;
        flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
        write_bytes(path, flipped);
        const std::string corrupt = complaint(load, path);
        if (corrupt.empty()) {  // the blanks that fill the header up mean nothing
            CHECK(good[at] == ' ');
            CHECK(at >= header - 8);
        } else {
            CHECK(corrupt.rfind(path + ": ", 0) == 0);
            CHECK(corrupt.find('\n') == std::string::npos);
        }
        cases += 2;
    }
    bytes longer = good;
    longer.push_back(0);
    write_bytes(path, longer);
    CHECK(complaint(load, path) != "");
    MESSAGE(cases, " damaged files");
}

}  // namespace

TEST_CASE("a model survives the file") {
    const ternary_network network = random_ternary_network();
    const packed_model model = load_model(model_path());
    for (std::size_t i = 0; i < layer_count; ++i) {
        const auto& conv = model.conv[i];
        for (std::size_t k = 0; k < network.conv[i].values.size(); ++k) {
            const std::size_t depth = conv.weights.depth();
            REQUIRE(conv.weights.value(k / depth, k % depth) == network.conv[i].values[k]);
        }
        CHECK(conv.scale == network.conv[i].scale);
        CHECK(conv.upper == network.conv[i].upper);
        CHECK(conv.lower == network.conv[i].lower);
    }
    CHECK(model.fc.scale == network.fc_scale);
    CHECK(model.fc_bias == network.fc_bias);
    CHECK(model.metadata.at("accuracy") == "0.1000");
}

TEST_CASE("damaged models are refused with one line") {
    check_damage([](const std::string& path) { return load_model(path); }, model_path());
    check_damage([](const std::string& path) { return load_float_model(path); }, float_model_path());
}

TEST_CASE("well-formed files that are not this network are refused, and say why") {
    using change = std::function<void(safetensors::file&)>;
    const auto words = [](safetensors::file& file, const char* name, std::size_t i) {
        return reinterpret_cast<std::uint32_t*>(file.tensors.at(name).bytes.data()) + i;
    };
    const auto number = [](safetensors::file& file, const char* name, float value) {
        std::memcpy(file.tensors.at(name).bytes.data(), &value, sizeof value);
    };
    const std::vector<std::pair<std::string, change>> cases{
        {"metadata format is not tern", [](auto& f) { f.metadata["format"] = "pt"; }},
        {"metadata layout is not 2", [](auto& f) { f.metadata["layout"] = "3"; }},
        {"metadata encoding is not 3", [](auto& f) { f.metadata["encoding"] = "1"; }},
        {"metadata layout is missing", [](auto& f) { f.metadata.erase("layout"); }},
        {"metadata conv2.shape is not 64 9 32", [](auto& f) { f.metadata["conv2.shape"] = "64 9 64"; }},
        {"tensor conv3.panels is missing", [](auto& f) { f.tensors.erase("conv3.panels"); }},
        {"tensor fc.bias is not F32", [](auto& f) { f.tensors.at("fc.bias").type = safetensors::dtype::u32; }},
        {"tensor conv1.scale has another shape",
         [](auto& f) {
             f.tensors.at("conv1.scale").shape = {8, 4};
         }},
        {"tensor conv1.scale: a number is not finite",
         [&](auto& f) { number(f, "conv1.scale", std::numeric_limits<float>::quiet_NaN()); }},
        {"tensor conv2.upper: a number is not finite",
         [&](auto& f) { number(f, "conv2.upper", std::numeric_limits<float>::infinity()); }},
        {"tensor act4.scale_offset: a number is not finite",
         [&](auto& f) { number(f, "act4.scale_offset", -std::numeric_limits<float>::infinity()); }},
        {"tensor conv3.lower: above upper", [&](auto& f) { number(f, "conv3.lower", 1e6f); }},
        // A weight, a sum behind the planes, and a padding bit: the fully connected layer has 10 outputs of 16.
        {"do not fit together", [&](auto& f) { *words(f, "conv2.panels", 40) ^= 16u; }},
        {"do not fit together", [&](auto& f) { *words(f, "conv1.panels", 32) += 1u; }},
        {"do not fit together", [&](auto& f) { *words(f, "fc.panels", 15) |= 1u; }},
    };
    const std::string path = scratch("other.safetensors");
    for (const auto& each : cases) {
        const std::string& expected = each.first;
        CAPTURE(expected);
        safetensors::file file = safetensors::read(model_path());
        each.second(file);
        seal(file);
        safetensors::write(path, file);
        const std::string said = complaint([](const std::string& p) { return load_model(p); }, path);
        CAPTURE(said);
        CHECK(said.find(expected) != std::string::npos);
    }
    safetensors::file file = safetensors::read(model_path());
    file.metadata.erase("checksum");
    safetensors::write(path, file);
    CHECK(complaint([](const std::string& p) { return load_model(p); }, path) ==
          path + ": metadata checksum is missing");
}
