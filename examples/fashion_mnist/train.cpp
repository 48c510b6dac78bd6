// SPDX-License-Identifier: MIT
// Trains the Fashion-MNIST network with tern's quantizers inside libtorch: ternary weights (TWN) and ternary
// activations (RTN), or with --float the twin that shows what ternary arithmetic costs.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "batches.hpp"
#include "checkpoint.hpp"
#include "dataset.hpp"
#include "export.hpp"
#include "model.hpp"

namespace {

using namespace fashion_mnist;

struct options {
    std::string data = default_data_directory;
    std::string checkpoint;
    std::string output;
    bool resume = false;
    bool float_twin = false;
    int epochs = 25;
    std::size_t batch = 128;
    int threads = 2;
    double rate = 3e-3;
    unsigned seed = 1;
};

constexpr pixel_numbers input_numbers{input_act.scale, input_act.offset};

/// One number a channel, to go with an NCHW tensor.
[[nodiscard]] torch::Tensor per_channel(const std::vector<float>& values) {
    return torch::tensor(at::ArrayRef<float>(values)).reshape({1, -1, 1, 1});
}

/// Convolution and max-pool with weights from a file, there O, 3, 3, I.
template <class T>
[[nodiscard]] torch::Tensor convolve(const torch::Tensor& x, const std::vector<T>& weights, std::size_t layer) {
    const torch::Tensor w = torch::tensor(at::ArrayRef<T>(weights)).to(torch::kFloat);
    const torch::Tensor ohwi = w.reshape({static_cast<std::int64_t>(channels[layer + 1]), 3, 3, -1});
    return torch::max_pool2d(torch::conv2d(x, ohwi.permute({0, 3, 1, 2}), {}, 1, 1), 2, 2);
}

/// The fully connected layer without its bias.
template <class T>
[[nodiscard]] torch::Tensor connect(const torch::Tensor& x, const std::vector<T>& weights) {
    const torch::Tensor w = torch::tensor(at::ArrayRef<T>(weights)).to(torch::kFloat);
    return x.permute({0, 2, 3, 1}).reshape({x.size(0), feature_count}).mm(w.reshape({output_count, -1}).t());
}

/// The scores of what was written, from its numbers alone: this is what a packed network has to reproduce.
[[nodiscard]] torch::Tensor run(const ternary_network& network, torch::Tensor x) {
    for (std::size_t i = 0; i < layer_count; ++i) {
        const auto& conv = network.conv[i];
        const torch::Tensor y = convolve(x, conv.values, i) * per_channel(conv.scale);
        const torch::Tensor t =
            y.gt(per_channel(conv.upper)).to(torch::kFloat) - y.lt(per_channel(conv.lower)).to(torch::kFloat);
        x = t * network.act[i + 1].scale + network.act[i + 1].offset;
    }
    return connect(x, network.fc_values) * per_channel(network.fc_scale).flatten() +
           per_channel(network.fc_bias).flatten();
}

[[nodiscard]] torch::Tensor run(const float_network& network, torch::Tensor x) {
    for (std::size_t i = 0; i < layer_count; ++i) {
        const auto& conv = network.conv[i];
        x = torch::relu(convolve(x, conv.weight, i) * per_channel(conv.bn_scale) + per_channel(conv.bn_shift));
    }
    return connect(x, network.fc_weight) + per_channel(network.fc_bias).flatten();
}

void train(const options& opt) {
    torch::manual_seed(opt.seed);
    torch::set_num_threads(opt.threads);
    keep_freed_memory();
    const dataset training = read_dataset(opt.data, "train");
    const dataset test = read_dataset(opt.data, "t10k");

    model m(!opt.float_twin);
    torch::optim::Adam optimizer(m.parameters(), torch::optim::AdamOptions(opt.rate));
    int epoch = opt.resume ? load_checkpoint(opt.checkpoint, m, optimizer) : 0;
    const auto measure = [&] {
        m.eval();
        return accuracy(test, 0, input_numbers, [&](const torch::Tensor& x) { return m.forward(x); });
    };
    for (; epoch < opt.epochs; ++epoch) {
        const epoch_plan plan{"epoch ", epoch, opt.epochs, opt.batch, 0, opt.rate, opt.seed, input_numbers};
        train_epoch(plan, training, m, optimizer, [](double) {});
        std::printf("epoch %d accuracy %.4f\n", epoch + 1, measure());
        std::fflush(stdout);
        if (!opt.checkpoint.empty()) save_checkpoint(opt.checkpoint, m, optimizer, epoch + 1);
    }

    calibrate(training, 0, input_numbers, m);
    const double trained = measure();
    const auto write = [&](auto network) {
        const double written =
            accuracy(test, 0, input_numbers, [&](const torch::Tensor& x) { return run(network, x); });
        char text[32];
        std::snprintf(text, sizeof text, "%.4f", written);
        network.metadata = {{"accuracy", text},
                            {"epochs", std::to_string(opt.epochs)},
                            {"seed", std::to_string(opt.seed)},
                            {"network", opt.float_twin ? "float" : "ternary"}};
        if (!opt.output.empty()) export_model(opt.output, network);
        std::printf("accuracy %.4f as trained, %.4f as written\n", trained, written);
    };
    if (opt.float_twin)
        write(to_float_network(m));
    else
        write(to_ternary_network(m));
}

}  // namespace

int main(int argc, char** argv) {
    options opt;
    CLI::App app("Trains a ternary network on Fashion-MNIST with tern's quantizers in libtorch.");
    app.add_option("--data", opt.data, "directory of the four gzipped IDX files")->capture_default_str();
    app.add_option("--output", opt.output, "safetensors file to write at the end");
    auto* checkpoint = app.add_option("--checkpoint", opt.checkpoint, "file to keep the state in, written every epoch");
    app.add_flag("--resume", opt.resume, "continue from the checkpoint")->needs(checkpoint);
    app.add_flag("--float", opt.float_twin, "train the float twin instead");
    app.add_option("--epochs", opt.epochs, "passes over the training images")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    app.add_option("--batch", opt.batch, "images a step")->capture_default_str()->check(CLI::Range(1, 10000));
    app.add_option("--rate", opt.rate, "peak of the learning rate")->capture_default_str()->check(CLI::PositiveNumber);
    app.add_option("--threads", opt.threads, "threads of libtorch")->capture_default_str()->check(CLI::Range(1, 256));
    app.add_option("--seed", opt.seed, "seed of weights, order and augmentation")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    try {
        train(opt);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "train: %s\n", error.what());
        return 2;
    }
    return 0;
}
