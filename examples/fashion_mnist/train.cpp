// SPDX-License-Identifier: MIT
// Trains the Fashion-MNIST network with tern's quantizers inside libtorch: ternary weights (TWN) and ternary
// activations (RTN), or with --float the twin that shows what ternary arithmetic costs.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "dataset.hpp"
#include "export.hpp"
#include "model.hpp"
#include "progress.hpp"

namespace {

using namespace fashion_mnist;

struct options {
    std::string data = default_data_directory;
    std::string checkpoint;
    std::string output;
    bool resume = false;
    bool float_twin = false;
    int epochs = 25;
    int batch = 128;
    int threads = 2;
    double rate = 3e-3;
    unsigned seed = 1;
};

/// One picture as the network sees it, perhaps mirrored and shifted by a pixel; what enters is black.
void augment(const std::uint8_t* from, float* to, std::mt19937& random) {
    constexpr int n = static_cast<int>(image_size);
    const auto bits = static_cast<std::uint32_t>(random());
    const bool mirror = (bits & 1u) != 0u;
    const int dy = static_cast<int>((bits >> 1) % 3u) - 1;
    const int dx = static_cast<int>((bits >> 16) % 3u) - 1;
    for (int y = 0; y < n; ++y) {
        for (int x = 0; x < n; ++x) {
            const int sy = y + dy;
            const int sx = (mirror ? n - 1 - x : x) + dx;
            const bool inside = sy >= 0 && sy < n && sx >= 0 && sx < n;
            const float pixel = inside ? static_cast<float>(from[sy * n + sx]) : 0.0f;
            to[y * n + x] = pixel * input_act.scale + input_act.offset;
        }
    }
}

[[nodiscard]] torch::Tensor labels_tensor(const dataset& data, const std::vector<std::size_t>& order, std::size_t first,
                                          std::size_t count) {
    torch::Tensor labels = torch::empty({static_cast<std::int64_t>(count)}, torch::kLong);
    for (std::size_t i = 0; i < count; ++i) {
        labels.data_ptr<std::int64_t>()[i] = data.labels[order[first + i]];
    }
    return labels;
}

[[nodiscard]] torch::Tensor empty_batch(std::size_t count) {
    return torch::empty({static_cast<std::int64_t>(count), 1, image_size, image_size});
}

/// One-cycle policy: up to the peak over the first third, then down to nothing, both along a cosine.
[[nodiscard]] double one_cycle(double progress, double peak) {
    constexpr double warm_up = 0.3;
    const double start = peak / 25.0;
    const double pi = std::acos(-1.0);
    if (progress < warm_up) return start + (peak - start) * 0.5 * (1.0 - std::cos(pi * progress / warm_up));
    return peak * 0.5 * (1.0 + std::cos(pi * (progress - warm_up) / (1.0 - warm_up)));
}

/// Images [first, first + count) as they are.
[[nodiscard]] torch::Tensor plain_batch(const dataset& data, std::size_t first, std::size_t count) {
    torch::Tensor x = empty_batch(count);
    const std::uint8_t* const pixels = data.images.image(first);
    float* const to = x.data_ptr<float>();
    for (std::size_t i = 0; i < count * image_size * image_size; ++i) {
        to[i] = static_cast<float>(pixels[i]) * input_act.scale + input_act.offset;
    }
    return x;
}

/// Share of right answers of any function from a batch of images to scores.
template <class Scores>
[[nodiscard]] double accuracy(const dataset& data, Scores scores) {
    torch::NoGradGuard guard;
    constexpr std::size_t batch = 500;
    std::vector<std::size_t> order(data.images.count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::int64_t right = 0;
    for (std::size_t first = 0; first < order.size(); first += batch) {
        const std::size_t count = std::min(batch, order.size() - first);
        const torch::Tensor best = scores(plain_batch(data, first, count)).argmax(1);
        right += best.eq(labels_tensor(data, order, first, count)).sum().template item<std::int64_t>();
    }
    return static_cast<double>(right) / static_cast<double>(order.size());
}

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

/// Written under another name first: an interrupted run keeps the checkpoint before it.
void save_checkpoint(const options& opt, const model& m, const torch::optim::Adam& optimizer, int epoch) {
    torch::serialize::OutputArchive archive;
    torch::serialize::OutputArchive parameters;
    torch::serialize::OutputArchive state;
    m.save(parameters);
    optimizer.save(state);
    archive.write("model", parameters);
    archive.write("optimizer", state);
    archive.write("epoch", torch::tensor(epoch, torch::kLong));
    archive.save_to(opt.checkpoint + ".partial");
    std::filesystem::rename(opt.checkpoint + ".partial", opt.checkpoint);
}

/// The epochs that are done.
[[nodiscard]] int load_checkpoint(const std::string& path, model& m, torch::optim::Adam& optimizer) {
    try {
        torch::serialize::InputArchive archive;
        torch::serialize::InputArchive parameters;
        torch::serialize::InputArchive state;
        torch::Tensor epoch;
        archive.load_from(path);
        archive.read("model", parameters);
        archive.read("optimizer", state);
        m.load(parameters);
        optimizer.load(state);
        archive.read("epoch", epoch);
        return epoch.item<int>();
    } catch (const std::exception&) {
        throw std::runtime_error(path + ": not a checkpoint of this network");
    }
}

/// Order and augmentation depend on seed and epoch alone, so a resumed run continues as if it had not stopped.
void train_epoch(const options& opt, const dataset& data, model& m, torch::optim::Adam& optimizer, int epoch) {
    std::mt19937 random(opt.seed * 1000u + static_cast<unsigned>(epoch));
    std::vector<std::size_t> order(data.images.count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::shuffle(order.begin(), order.end(), random);

    const auto batch = static_cast<std::size_t>(opt.batch);
    const std::size_t steps = order.size() / batch;
    progress_bar bar("epoch " + std::to_string(epoch + 1) + "/" + std::to_string(opt.epochs), steps);
    double loss_sum = 0.0;
    m.train();
    for (std::size_t step = 0; step < steps; ++step) {
        torch::Tensor x = empty_batch(batch);
        for (std::size_t i = 0; i < batch; ++i) {
            augment(data.images.image(order[step * batch + i]), x.data_ptr<float>() + i * image_size * image_size,
                    random);
        }
        const double progress = (epoch + static_cast<double>(step) / static_cast<double>(steps)) / opt.epochs;
        for (auto& group : optimizer.param_groups()) group.options().set_lr(one_cycle(progress, opt.rate));
        optimizer.zero_grad();
        const torch::Tensor loss =
            torch::nn::functional::cross_entropy(m.forward(x), labels_tensor(data, order, step * batch, batch));
        loss.backward();
        optimizer.step();
        loss_sum += loss.item<double>();
        char text[32];
        std::snprintf(text, sizeof text, "loss %.4f", loss_sum / static_cast<double>(step + 1));
        bar.update(step + 1, text);
    }
    bar.finish();
}

/// Batch norm statistics of the finished weights, as means over the training images without augmentation. The running
/// ones are of weights that were still changing, and of mirrored and shifted images.
void calibrate(const dataset& data, model& m) {
    torch::NoGradGuard guard;
    constexpr std::size_t batch = 500;
    m.train();
    for (std::size_t k = 0; (k + 1) * batch <= data.images.count; ++k) {
        m.momentum = 1.0 / static_cast<double>(k + 1);
        m.forward(plain_batch(data, k * batch, batch));
    }
}

void train(const options& opt) {
    torch::manual_seed(opt.seed);
    torch::set_num_threads(opt.threads);
    const dataset training = read_dataset(opt.data, "train");
    const dataset test = read_dataset(opt.data, "t10k");

    model m(!opt.float_twin);
    torch::optim::Adam optimizer(m.parameters(), torch::optim::AdamOptions(opt.rate));
    int epoch = opt.resume ? load_checkpoint(opt.checkpoint, m, optimizer) : 0;
    const auto measure = [&] {
        m.eval();
        return accuracy(test, [&](const torch::Tensor& x) { return m.forward(x); });
    };
    for (; epoch < opt.epochs; ++epoch) {
        train_epoch(opt, training, m, optimizer, epoch);
        std::printf("epoch %d accuracy %.4f\n", epoch + 1, measure());
        std::fflush(stdout);
        if (!opt.checkpoint.empty()) save_checkpoint(opt, m, optimizer, epoch + 1);
    }

    calibrate(training, m);
    const double trained = measure();
    const auto write = [&](auto network) {
        const double written = accuracy(test, [&](const torch::Tensor& x) { return run(network, x); });
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
