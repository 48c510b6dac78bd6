// SPDX-License-Identifier: MIT
// What training writes and `infer` reads: the packed ternary model and its float twin, both with a checksum.
#pragma once

#include <cmath>
#include <stdexcept>
#include <string>

#include "checksum.hpp"
#include "network.hpp"
#include "packed_model.hpp"

namespace fashion_mnist {

inline void export_model(const std::string& path, const ternary_network& network) { save_model(path, pack(network)); }

inline void export_model(const std::string& path, const float_network& network) {
    save_network(path, network);
    safetensors::file file = safetensors::read(path);
    seal(file);
    safetensors::write(path, file);
}

/// The float twin; throws as `load_model` does.
[[nodiscard]] inline float_network load_float_model(const std::string& path) {
    const float_network network = load_network<float_network>(path);
    try {
        const safetensors::file file = safetensors::read(path);
        for (const auto& [name, tensor] : file.tensors) static_cast<void>(get_finite(file, name, tensor.shape));
        check_seal(file);
    } catch (const std::runtime_error& error) {
        throw std::runtime_error(path + ": " + error.what());
    }
    return network;
}

}  // namespace fashion_mnist
