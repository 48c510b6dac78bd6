// SPDX-License-Identifier: MIT
// Damage that leaves a well-formed safetensors file is found too: its metadata carry a checksum of all the rest.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "safetensors.hpp"

namespace fashion_mnist {

/// FNV-1a, 64 bits, over every name, type, shape, byte and metadata entry but "checksum".
[[nodiscard]] inline std::string checksum(const safetensors::file& file) {
    std::uint64_t hash = 0xcbf29ce484222325u;
    const auto add = [&hash](const auto& bytes) {
        for (const auto b : bytes) hash = (hash ^ static_cast<std::uint8_t>(b)) * 0x100000001b3u;
        hash = (hash ^ 0xffu) * 0x100000001b3u;  // in no text: keeps neighbouring entries apart
    };
    for (const auto& [key, value] : file.metadata) {
        if (key == "checksum") continue;
        add(key);
        add(value);
    }
    for (const auto& [name, tensor] : file.tensors) {
        add(name);
        add(std::string(safetensors::name_of(tensor.type)));
        for (const std::size_t extent : tensor.shape) add(std::to_string(extent));
        add(tensor.bytes);
    }
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
    return text;
}

inline void seal(safetensors::file& file) { file.metadata["checksum"] = checksum(file); }

inline void check_seal(const safetensors::file& file) {
    const auto found = file.metadata.find("checksum");
    if (found == file.metadata.end()) throw std::runtime_error("metadata checksum is missing");
    if (found->second != checksum(file)) throw std::runtime_error("corrupt: the checksum does not fit");
}

/// A tensor of finite numbers.
[[nodiscard]] inline std::vector<float> get_finite(const safetensors::file& file, const std::string& name,
                                                   const std::vector<std::size_t>& shape) {
    std::vector<float> values = file.get<float>(name, shape);
    for (const float v : values) {
        if (!std::isfinite(v)) throw std::runtime_error("tensor " + name + ": a number is not finite");
    }
    return values;
}

}  // namespace fashion_mnist
