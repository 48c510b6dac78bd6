// SPDX-License-Identifier: MIT
// Trains the network with one method, and says what came of it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "../fashion_mnist/batches.hpp"
#include "../fashion_mnist/checkpoint.hpp"
#include "network.hpp"

namespace training {

/// What all methods of a study have in common.
struct recipe {
    int epochs = 12;
    int warm_epochs = 0;    ///< of a float network first, from whose weights the method starts; 0: it starts at random
    std::size_t limit = 0;  ///< images of either set, 0: all
    std::int64_t width = 1;
    std::size_t batch = 128;
    double rate = 3e-3;
    unsigned seed = 1;
};

struct files {
    std::string checkpoint;  ///< written every epoch; none where empty
    std::string warm;        ///< that of the float network to start from
    std::string output;      ///< packed weights
    bool resume = false;
};

struct data_sets {
    fashion_mnist::dataset training, test;
};

struct outcome {
    double accuracy = 0.0;
    double weight_bits = 0.0;
    double activation_bits = 0.0;
    double seconds = 0.0;
    bool equal = false;  ///< packed inference against the fake-quantized network
};

namespace detail {

constexpr fashion_mnist::pixel_numbers pixels_0_to_1{};
constexpr fashion_mnist::pixel_numbers pixels_0_to_255{1.0f, 0.0f};

/// Dropped bits and chosen filters, like the order of the images, depend on seed and epoch alone.
inline void train_epochs(const recipe& r, const std::string& label, const files& f, const data_sets& data,
                         network& net) {
    torch::optim::Adam optimizer(net.parameters(), torch::optim::AdamOptions(r.rate));
    const bool resume = f.resume && std::filesystem::exists(f.checkpoint);
    int epoch = resume ? fashion_mnist::load_checkpoint(f.checkpoint, net, optimizer) : 0;
    for (; epoch < r.epochs; ++epoch) {
        net.time->random.seed(r.seed * 1000u + 500u + static_cast<unsigned>(epoch));
        net.time->training = true;
        net.time->progress = static_cast<double>(epoch) / r.epochs;
        for (std::size_t l = 0; l <= conv_count; ++l) net.how.weights.epoch(net.latent[l], net.weight_parameters[l]);
        const fashion_mnist::epoch_plan plan{label, epoch, r.epochs, r.batch, r.limit, r.rate, r.seed, pixels_0_to_1};
        fashion_mnist::train_epoch(plan, data.training, net, optimizer, [&](double progress) {
            net.time->progress = progress;
            net.time->bits = qz::srq::drop_bits(net.time->random, 3, 2, 0.7);
        });
        if (!f.checkpoint.empty()) fashion_mnist::save_checkpoint(f.checkpoint, net, optimizer, epoch + 1);
    }
    net.time->progress = 1.0;
    net.time->training = false;
}

/// The float network of that width: read where it is on disk, trained where it is not.
inline std::unique_ptr<network> warm_network(recipe r, const files& f, const data_sets& data) {
    auto net = std::make_unique<network>(method{}, r.width, std::make_shared<course>());
    r.epochs = r.warm_epochs;
    r.seed += 100u;  // other orders than those that follow
    train_epochs(r, "float, to start from, " + std::to_string(r.width) + "x: ", {f.warm, "", "", true}, data, *net);
    return net;
}

/// Packs the trained weights and runs them on some test images.
inline comparison check_packed(const recipe& r, const std::string& name, const std::string& output,
                               const data_sets& data, network& net) {
    comparison total;
    total.quantized = net.how.weights.op != nullptr;
    if (!total.quantized) return total;
    net.eval();
    const std::vector<packed_layer> layers = pack_network(net);
    const std::size_t images =
        std::min(data.test.images.count, r.limit == 0 ? 500 : std::min<std::size_t>(r.limit, 100));
    for (std::size_t first = 0; first < images; first += 50) {
        const std::size_t count = std::min<std::size_t>(50, images - first);
        total.add(compare(net, layers, fashion_mnist::plain_batch(data.test, first, count, pixels_0_to_255)));
    }
    if (!output.empty()) export_layers(output, name, layers);
    std::size_t bytes = 0;
    for (const packed_layer& layer : layers) bytes += layer.bytes();
    std::printf(
        "%s: %lld integer products, %lld wrong; %lld activations, %lld wrong, %lld at ties; logits within %.1e; %zu "
        "bytes\n",
        name.c_str(), static_cast<long long>(total.products), static_cast<long long>(total.wrong_products),
        static_cast<long long>(total.codes), static_cast<long long>(total.wrong_codes),
        static_cast<long long>(total.ties), total.logit_error, bytes);
    return total;
}

}  // namespace detail

inline outcome train(const recipe& r, const std::string& name, const files& f, const data_sets& data) {
    torch::manual_seed(r.seed);
    const auto time = std::make_shared<course>();
    const method how = make_method(name, time);
    std::unique_ptr<network> warm;
    if (r.warm_epochs != 0) {
        recipe wide = r;
        wide.width *= how.widening;
        warm = detail::warm_network(wide, f, data);
    }
    const auto start = std::chrono::steady_clock::now();
    network net(how, r.width, time, warm.get());
    detail::train_epochs(r, name + " " + std::to_string(r.seed) + ": ", f, data, net);
    fashion_mnist::calibrate(data.training, r.limit == 0 ? 20000 : r.limit, detail::pixels_0_to_1, net);
    net.eval();
    outcome result;
    result.accuracy = fashion_mnist::accuracy(data.test, r.limit, detail::pixels_0_to_1,
                                              [&](const Tensor& x) { return net.forward(x); });
    const comparison c = detail::check_packed(r, name, f.output, data, net);
    result.equal = c.equal();
    result.weight_bits = net.how.weights.bits;
    result.activation_bits = net.how.activations.bits;
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("method %s seed %u accuracy %.4f packed_equals_fake_quantized %s\n", name.c_str(), r.seed,
                result.accuracy, c.quantized ? (result.equal ? "yes" : "no") : "none");
    std::fflush(stdout);
    return result;
}

}  // namespace training
