// SPDX-License-Identifier: MIT
// The state of a training on disk.
#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>

#include <torch/torch.h>

namespace fashion_mnist {

/// Written under another name first: an interrupted run keeps the checkpoint before it.
inline void save_checkpoint(const std::string& path, const torch::nn::Module& module,
                            const torch::optim::Optimizer& optimizer, int epoch) {
    torch::serialize::OutputArchive archive, parameters, state;
    module.save(parameters);
    optimizer.save(state);
    archive.write("model", parameters);
    archive.write("optimizer", state);
    archive.write("epoch", torch::tensor(epoch, torch::kLong));
    archive.save_to(path + ".partial");
    std::filesystem::rename(path + ".partial", path);
}

/// The epochs that are done.
[[nodiscard]] inline int load_checkpoint(const std::string& path, torch::nn::Module& module,
                                         torch::optim::Optimizer& optimizer) {
    try {
        torch::serialize::InputArchive archive, parameters, state;
        torch::Tensor epoch;
        archive.load_from(path);
        archive.read("model", parameters);
        archive.read("optimizer", state);
        module.load(parameters);
        optimizer.load(state);
        archive.read("epoch", epoch);
        return epoch.item<int>();
    } catch (const std::exception&) {
        throw std::runtime_error(path + ": not a checkpoint of this network");
    }
}

}  // namespace fashion_mnist
