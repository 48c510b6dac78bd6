// SPDX-License-Identifier: MIT
// Trains one small network on Fashion-MNIST with any of tern's quantizers, exports it in packed layouts and holds packed
// inference against the network that was trained; or does that for every method and several seeds (--study).
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "../fashion_mnist/dataset.hpp"
#include "../fashion_mnist/progress.hpp"
#include "network.hpp"
#include "study.hpp"

namespace {

using namespace training;
namespace fs = std::filesystem;

struct options {
    std::string data = fashion_mnist::default_data_directory;
    std::string name = "twn";
    std::string checkpoint;
    std::string output;
    bool resume = false;
    bool study = false;
    std::vector<std::string> methods = method_names();
    int seeds = 3;
    std::string directory = "study";
    std::string report = "docs/study.md";
    int epochs = 12;
    std::size_t limit = 0;
    std::int64_t width = 1;
    std::size_t batch = 128;
    int threads = 2;
    double rate = 3e-3;
    unsigned seed = 1;
};

using data_set = fashion_mnist::dataset;

/// Pixels 0 to 255 of some images.
Tensor pixels_of(const data_set& data, const std::vector<std::size_t>& order, std::size_t first, std::size_t count) {
    Tensor x = torch::empty({static_cast<std::int64_t>(count), 1, image_size, image_size});
    constexpr auto n = static_cast<std::size_t>(image_size * image_size);
    for (std::size_t i = 0; i < count; ++i)
        std::copy_n(data.images.image(order[first + i]), n, x.data_ptr<float>() + i * n);
    return x;
}

Tensor labels_of(const data_set& data, const std::vector<std::size_t>& order, std::size_t first, std::size_t count) {
    Tensor labels = torch::empty({static_cast<std::int64_t>(count)}, torch::kLong);
    for (std::size_t i = 0; i < count; ++i) labels.data_ptr<std::int64_t>()[i] = data.labels[order[first + i]];
    return labels;
}

/// Mirrored with probability 1/2 and shifted by up to a pixel, the whole batch alike.
Tensor augmented(Tensor x, std::mt19937& random) {
    const auto bits = static_cast<unsigned>(random());
    if ((bits & 1u) != 0u) x = x.flip({3});
    const auto dy = static_cast<std::int64_t>((bits >> 1) % 3u);
    const auto dx = static_cast<std::int64_t>((bits >> 8) % 3u);
    return network::padded(x, 0.0).slice(2, dy, dy + image_size).slice(3, dx, dx + image_size).contiguous();
}

std::vector<std::size_t> in_order(const data_set& data, std::size_t limit) {
    std::vector<std::size_t> order(limit == 0 ? data.images.count : std::min(limit, data.images.count));
    std::iota(order.begin(), order.end(), std::size_t{0});
    return order;
}

double accuracy(network& net, const data_set& data, std::size_t limit) {
    torch::NoGradGuard guard;
    net.eval();
    net.time->training = false;
    const std::vector<std::size_t> order = in_order(data, limit);
    std::int64_t right = 0;
    for (std::size_t first = 0; first < order.size(); first += 500) {
        const std::size_t count = std::min<std::size_t>(500, order.size() - first);
        const Tensor best = net.forward(pixels_of(data, order, first, count) * pixel_scale).argmax(1);
        right += best.eq(labels_of(data, order, first, count)).sum().item<std::int64_t>();
    }
    return static_cast<double>(right) / static_cast<double>(order.size());
}

/// One-cycle policy: up along a cosine over the first third, then down to nothing.
double one_cycle(double progress, double peak) {
    constexpr double warm_up = 0.3;
    const double pi = std::acos(-1.0);
    const double start = peak / 25.0;
    if (progress < warm_up) return start + (peak - start) * 0.5 * (1.0 - std::cos(pi * progress / warm_up));
    return peak * 0.5 * (1.0 + std::cos(pi * (progress - warm_up) / (1.0 - warm_up)));
}

/// Written under another name first, so that an interrupted run keeps the checkpoint before it.
void save_checkpoint(const std::string& path, const network& net, const torch::optim::Adam& optimizer, int epoch) {
    torch::serialize::OutputArchive archive, parameters, state;
    net.save(parameters);
    optimizer.save(state);
    archive.write("model", parameters);
    archive.write("optimizer", state);
    archive.write("epoch", torch::tensor(epoch, torch::kLong));
    archive.save_to(path + ".partial");
    fs::rename(path + ".partial", path);
}

int load_checkpoint(const std::string& path, network& net, torch::optim::Adam& optimizer) {
    try {
        torch::serialize::InputArchive archive, parameters, state;
        Tensor epoch;
        archive.load_from(path);
        archive.read("model", parameters);
        archive.read("optimizer", state);
        net.load(parameters);
        optimizer.load(state);
        archive.read("epoch", epoch);
        return epoch.item<int>();
    } catch (const std::exception&) {
        throw std::runtime_error(path + ": not a checkpoint of this network");
    }
}

/// Order, augmentation and dropped bits depend on seed and epoch alone: a resumed run goes on as if it had not stopped.
void train_epoch(const options& opt, const data_set& data, network& net, torch::optim::Adam& optimizer, int epoch) {
    std::mt19937 random(opt.seed * 1000u + static_cast<unsigned>(epoch));
    net.time->random.seed(opt.seed * 1000u + 500u + static_cast<unsigned>(epoch));
    std::vector<std::size_t> order = in_order(data, opt.limit);
    std::shuffle(order.begin(), order.end(), random);
    const std::size_t steps = order.size() / opt.batch;
    fashion_mnist::progress_bar bar(
        opt.name + " " + std::to_string(opt.seed) + ": " + std::to_string(epoch + 1) + "/" + std::to_string(opt.epochs),
        steps);
    net.train();
    net.time->training = true;
    net.time->progress = static_cast<double>(epoch) / opt.epochs;
    for (std::size_t l = 0; l <= conv_count; ++l) net.how.weights.epoch(net.latent[l], net.weight_parameters[l]);
    double loss_sum = 0.0;
    for (std::size_t step = 0; step < steps; ++step) {
        net.time->progress = (epoch + static_cast<double>(step) / static_cast<double>(steps)) / opt.epochs;
        net.time->bits = qz::srq::drop_bits(net.time->random, 3, 2, 0.7);
        for (auto& group : optimizer.param_groups())
            static_cast<torch::optim::AdamOptions&>(group.options()).lr(one_cycle(net.time->progress, opt.rate));
        optimizer.zero_grad();
        const Tensor x = augmented(pixels_of(data, order, step * opt.batch, opt.batch), random) * pixel_scale;
        const Tensor loss =
            torch::nn::functional::cross_entropy(net.forward(x), labels_of(data, order, step * opt.batch, opt.batch));
        loss.backward();
        optimizer.step();
        loss_sum += loss.item<double>();
        char text[32];
        std::snprintf(text, sizeof text, "loss %.4f", loss_sum / static_cast<double>(step + 1));
        bar.update(step + 1, text);
    }
    bar.finish();
}

/// Batch norm statistics of the finished, hard-quantized weights: means over images without augmentation.
void calibrate(const options& opt, const data_set& data, network& net) {
    torch::NoGradGuard guard;
    net.train();
    net.time->training = false;
    const std::vector<std::size_t> order = in_order(data, opt.limit);
    const std::size_t batch = std::min<std::size_t>(500, order.size());
    for (std::size_t k = 0; k < 40 && (k + 1) * batch <= order.size(); ++k) {
        net.momentum = 1.0 / static_cast<double>(k + 1);
        net.forward(pixels_of(data, order, k * batch, batch) * pixel_scale);
    }
    net.momentum = 0.1;
}

comparison check(const options& opt, const data_set& test, network& net) {
    comparison total;
    total.quantized = net.how.weights.op != nullptr;
    if (!total.quantized) return total;
    net.eval();
    net.time->training = false;
    const std::vector<packed_layer> layers = pack_network(net);
    const std::vector<std::size_t> order = in_order(test, opt.limit == 0 ? 500 : std::min<std::size_t>(opt.limit, 100));
    for (std::size_t first = 0; first < order.size(); first += 50) {
        const std::size_t count = std::min<std::size_t>(50, order.size() - first);
        const comparison one = compare(net, layers, pixels_of(test, order, first, count));
        total.products += one.products;
        total.wrong_products += one.wrong_products;
        total.codes += one.codes;
        total.ties += one.ties;
        total.wrong_codes += one.wrong_codes;
        total.logit_error = std::max(total.logit_error, one.logit_error);
    }
    if (!opt.output.empty()) export_layers(opt.output, opt.name, layers);
    std::size_t bytes = 0;
    for (const packed_layer& layer : layers) bytes += layer.bytes();
    std::printf(
        "%s: %lld integer products, %lld wrong; %lld activations, %lld wrong, %lld at ties; logits within %.1e; %zu "
        "bytes\n",
        opt.name.c_str(), static_cast<long long>(total.products), static_cast<long long>(total.wrong_products),
        static_cast<long long>(total.codes), static_cast<long long>(total.wrong_codes),
        static_cast<long long>(total.ties), total.logit_error, bytes);
    return total;
}

outcome train(const options& opt, const data_set& training, const data_set& test) {
    const auto start = std::chrono::steady_clock::now();
    torch::manual_seed(opt.seed);
    const auto time = std::make_shared<course>();
    network net(make_method(opt.name, time), opt.width, time);
    torch::optim::Adam optimizer(net.parameters(), torch::optim::AdamOptions(opt.rate));
    const bool resume = opt.resume && fs::exists(opt.checkpoint);
    int epoch = resume ? load_checkpoint(opt.checkpoint, net, optimizer) : 0;
    for (; epoch < opt.epochs; ++epoch) {
        train_epoch(opt, training, net, optimizer, epoch);
        if (!opt.checkpoint.empty()) save_checkpoint(opt.checkpoint, net, optimizer, epoch + 1);
    }
    time->progress = 1.0;
    calibrate(opt, training, net);
    outcome result;
    result.accuracy = accuracy(net, test, opt.limit);
    const comparison c = check(opt, test, net);
    result.equal = c.equal();
    result.weight_bits = net.how.weights.bits;
    result.activation_bits = net.how.activations.bits;
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("method %s seed %u accuracy %.4f packed_equals_fake_quantized %s\n", opt.name.c_str(), opt.seed,
                result.accuracy, c.quantized ? (result.equal ? "yes" : "no") : "none");
    std::fflush(stdout);
    return result;
}

/// Every method and seed once; what has a result on disk is not trained again, what has a checkpoint goes on.
bool run_study(options opt, const data_set& training, const data_set& test) {
    fs::create_directories(opt.directory);
    const std::size_t total = opt.methods.size() * static_cast<std::size_t>(opt.seeds);
    fashion_mnist::progress_bar bar("study", total);
    std::vector<study_row> rows;
    bool equal = true;
    for (const std::string& name : opt.methods) {
        study_row row{name, {}};
        for (int seed = 1; seed <= opt.seeds; ++seed) {
            const std::string stem = opt.directory + "/" + name + "-" + std::to_string(seed);
            outcome result;
            if (!read_outcome(stem + ".txt", result)) {
                opt.name = name;
                opt.seed = static_cast<unsigned>(seed);
                opt.checkpoint = stem + ".pt";
                opt.output = stem + ".safetensors";
                opt.resume = true;
                result = train(opt, training, test);
                write_outcome(stem + ".txt", result);
            }
            equal = equal && result.equal;
            row.seeds.push_back(result);
            bar.update(rows.size() * static_cast<std::size_t>(opt.seeds) + row.seeds.size(), name);
        }
        rows.push_back(row);
        write_report(opt.report, rows, opt.epochs, opt.limit == 0 ? training.images.count : opt.limit);
    }
    bar.finish();
    return equal;
}

}  // namespace

int main(int argc, char** argv) {
    options opt;
    CLI::App app("Trains a small network on Fashion-MNIST with one of tern's quantizers, or with all of them.");
    app.add_option("--method", opt.name, "one of the methods of --list")->capture_default_str();
    const auto* list = app.add_flag("--list", "print the methods");
    app.add_flag("--study", opt.study, "all methods and seeds, then the report");
    app.add_option("--methods", opt.methods, "methods of the study")->delimiter(',');
    app.add_option("--seeds", opt.seeds, "seeds of the study")->capture_default_str()->check(CLI::Range(1, 100));
    app.add_option("--directory", opt.directory, "where the study keeps its state")->capture_default_str();
    app.add_option("--report", opt.report, "where the study writes its table")->capture_default_str();
    app.add_option("--data", opt.data, "directory of the four gzipped IDX files")->capture_default_str();
    app.add_option("--output", opt.output, "safetensors file for the packed weights");
    auto* checkpoint = app.add_option("--checkpoint", opt.checkpoint, "file to keep the state in, written every epoch");
    app.add_flag("--resume", opt.resume, "continue from the checkpoint, if it is there")->needs(checkpoint);
    app.add_option("--epochs", opt.epochs, "passes over the images")->capture_default_str()->check(CLI::Range(1, 1000));
    app.add_option("--limit", opt.limit, "use only so many images of either set; 0: all")->capture_default_str();
    app.add_option("--width", opt.width, "times 16, 32, 64 channels")->capture_default_str()->check(CLI::Range(1, 8));
    app.add_option("--batch", opt.batch, "images a step")->capture_default_str()->check(CLI::Range(1, 10000));
    app.add_option("--rate", opt.rate, "peak of the learning rate")->capture_default_str()->check(CLI::PositiveNumber);
    app.add_option("--threads", opt.threads, "threads of libtorch")->capture_default_str()->check(CLI::Range(1, 256));
    app.add_option("--seed", opt.seed, "of weights, order and augmentation")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    try {
        if (list->count() != 0) {
            for (const std::string& name : method_names()) std::printf("%s\n", name.c_str());
            return 0;
        }
        for (const std::string& name : opt.methods) make_method(name, std::make_shared<course>());
        make_method(opt.name, std::make_shared<course>());
        torch::set_num_threads(opt.threads);
        const data_set training = fashion_mnist::read_dataset(opt.data, "train");
        const data_set test = fashion_mnist::read_dataset(opt.data, "t10k");
        return (opt.study ? run_study(opt, training, test) : train(opt, training, test).equal) ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "train_any: %s\n", error.what());
        return 2;
    }
}
