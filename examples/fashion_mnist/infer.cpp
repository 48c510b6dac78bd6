// SPDX-License-Identifier: MIT
// Classifies the Fashion-MNIST test images with the packed ternary network and holds it against two others: the float
// twin, for accuracy, speed and size, and the reference, for every bit of every logit.
//
// Exit code: 0; 1 when a logit differs from the reference's; 2 when a file or an option is not usable.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <tern/tern.hpp>

#include "dataset.hpp"
#include "export.hpp"
#include "float_network.hpp"
#include "packed_network.hpp"
#include "picture.hpp"
#include "progress.hpp"
#include "reference_network.hpp"

namespace {

using namespace fashion_mnist;

struct options {
    std::string model = TERN_EXAMPLE_DIRECTORY "/model.safetensors";
    std::string float_model = TERN_EXAMPLE_DIRECTORY "/float_model.safetensors";
    std::string data = default_data_directory;
    std::string arch = tern::arch::name(tern::default_arch{});
    std::size_t limit = 0;
    bool no_reference = false;
};

template <class... Tags>
struct tag_list {};

using all_architectures = tag_list<tern::arch::avx512_vpopcntdq, tern::arch::avx512, tern::arch::avx2, tern::arch::neon,
                                   tern::arch::simd, tern::arch::scalar>;

/// Calls f(tag) for every architecture that this program was compiled with, the best first.
template <class F, class... Tags>
void for_each_architecture(tag_list<Tags...>, const F& f) {
    const auto visit = [&f](auto tag) {
        if constexpr (tern::arch::compiled(tag)) f(tag);
    };
    (visit(Tags{}), ...);
}

/// Images of a call: enough to spread what a call costs, few enough for the second-level cache.
constexpr std::size_t batch_size = 8;
constexpr int repetitions = 5;

struct outcome {
    std::vector<float> logits;  ///< images x 10
    double accuracy = 0.0;
    double best = 0.0;  ///< images a second, one thread
    double median = 0.0;
};

[[nodiscard]] std::size_t prediction(const std::vector<float>& logits, std::size_t image) {
    const float* const first = logits.data() + image * output_count;
    return static_cast<std::size_t>(std::max_element(first, first + output_count) - first);
}

/// Classifies everything several times. The first pass is the one the bar shows; timed are all.
template <class Network>
[[nodiscard]] outcome classify(const char* label, Network& network, const images& test, const labels& truth,
                               std::size_t count) {
    using clock = std::chrono::steady_clock;
    outcome result;
    result.logits.resize(count * output_count);
    std::vector<double> rates;
    progress_bar bar(label, count * repetitions);
    for (std::size_t repetition = 0; repetition < repetitions; ++repetition) {
        clock::duration busy{};
        double rate = 0.0;
        for (std::size_t first = 0; first < count; first += batch_size) {
            const std::size_t size = std::min(batch_size, count - first);
            const auto start = clock::now();
            network.run(test.image(first), size, result.logits.data() + first * output_count);
            busy += clock::now() - start;
            rate = static_cast<double>(first + size) / std::chrono::duration<double>(busy).count();
            bar.update(repetition * count + first + size, std::to_string(std::lround(rate)) + " images/s");
        }
        rates.push_back(rate);
    }
    bar.finish();
    std::sort(rates.begin(), rates.end());
    result.best = rates.back();
    result.median = rates[rates.size() / 2];
    std::size_t right = 0;
    for (std::size_t i = 0; i < count; ++i) right += prediction(result.logits, i) == truth[i] ? 1u : 0u;
    result.accuracy = static_cast<double>(right) / static_cast<double>(count);
    return result;
}

/// Number of images whose logits are not those of the reference, bit for bit. The reference is slow: all cores help.
[[nodiscard]] std::size_t differing_images(const packed_model& model, const images& test,
                                           const std::vector<float>& logits) {
    const reference_network reference(model);
    const std::size_t count = logits.size() / output_count;
    std::atomic<std::size_t> next{0};
    std::atomic<std::size_t> done{0};
    std::atomic<std::size_t> different{0};
    const auto work = [&] {
        for (std::size_t i = next++; i < count; i = next++) {
            float expected[output_count];
            reference.run(test.image(i), expected);
            if (std::memcmp(expected, logits.data() + i * output_count, sizeof expected) != 0) ++different;
            ++done;
        }
    };
    std::vector<std::thread> threads(std::max(1u, std::thread::hardware_concurrency()));
    for (std::thread& thread : threads) thread = std::thread(work);
    progress_bar bar("reference check", count);
    while (done < count) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        bar.update(done, std::to_string(different) + " images differ");
    }
    for (std::thread& thread : threads) thread.join();
    bar.finish();
    return different;
}

/// A few images that the network gets right, each of another class, and the first that it gets wrong.
void show_images(const dataset& test, const std::vector<float>& logits) {
    constexpr std::size_t right_ones = 3;
    std::vector<picture> pictures;
    std::vector<picture> wrong;
    std::vector<bool> shown(class_count, false);
    for (std::size_t i = 0; i < logits.size() / output_count; ++i) {
        const std::size_t guess = prediction(logits, i);
        const std::size_t truth = test.labels[i];
        if (guess == truth && !shown[truth] && pictures.size() < right_ones) {
            shown[truth] = true;
            pictures.push_back({test.images.image(i), std::string(class_names[guess]) + ", right", true});
        } else if (guess != truth && wrong.empty()) {
            const std::string caption = std::string(class_names[guess]) + ", wrong: " + class_names[truth];
            wrong.push_back({test.images.image(i), caption, false});
        }
    }
    pictures.insert(pictures.end(), wrong.begin(), wrong.end());
    print_pictures(pictures);
}

[[nodiscard]] std::size_t tensor_bytes(const std::string& path) {
    std::size_t bytes = 0;
    for (const auto& [name, tensor] : safetensors::read(path).tensors) bytes += tensor.bytes.size();
    return bytes;
}

template <class Arch>
[[nodiscard]] int infer(const options& opt, const packed_model& model, const float_network& twin, const dataset& test) {
    const std::size_t count = opt.limit == 0 ? test.images.count : std::min(opt.limit, test.images.count);
    packed_network<Arch> packed(model, batch_size);
    float_runner floating(twin, batch_size);
    const outcome ternary = classify("ternary", packed, test.images, test.labels, count);
    const outcome real = classify("float twin", floating, test.images, test.labels, count);
    show_images(test, ternary.logits);

    const auto kibibytes = [](const std::string& path) { return static_cast<double>(tensor_bytes(path)) / 1024.0; };
    std::printf("%zu images, one thread      %18s %18s\n", count, "ternary", "float twin");
    std::printf("computed by                %18s %18s\n", tern::arch::name(Arch{}), detail::float_gemm_name);
    std::printf("test accuracy              %18.4f %18.4f\n", ternary.accuracy, real.accuracy);
    std::printf("model, KiB                 %18.1f %18.1f\n", kibibytes(opt.model), kibibytes(opt.float_model));
    std::printf("images/s, best of %d        %18.0f %18.0f\n", repetitions, ternary.best, real.best);
    std::printf("images/s, median           %18.0f %18.0f\n", ternary.median, real.median);
    std::printf("microseconds an image      %18.1f %18.1f\n\n", 1e6 / ternary.median, 1e6 / real.median);
    std::fflush(stdout);

    const char* equal = "unchecked";
    if (!opt.no_reference) equal = differing_images(model, test.images, ternary.logits) == 0 ? "yes" : "no";
    std::printf("accuracy %.4f packed_equals_reference %s images_per_second %.0f speedup_over_float %.1f\n",
                ternary.accuracy, equal, ternary.median, ternary.median / real.median);
    return std::strcmp(equal, "no") == 0 ? 1 : 0;
}

[[nodiscard]] int run(const options& opt) {
    const packed_model model = load_model(opt.model);
    const float_network twin = load_float_model(opt.float_model);
    const dataset test = read_dataset(opt.data, "t10k");
    int code = 2;
    for_each_architecture(all_architectures{}, [&](auto tag) {
        if (opt.arch == tern::arch::name(tag)) code = infer<decltype(tag)>(opt, model, twin, test);
    });
    return code;
}

}  // namespace

int main(int argc, char** argv) {
    options opt;
    std::vector<std::string> architectures;
    for_each_architecture(all_architectures{}, [&](auto tag) { architectures.push_back(tern::arch::name(tag)); });
    CLI::App app("Classifies the Fashion-MNIST test images with a packed ternary network.");
    app.add_option("--model", opt.model, "packed ternary model")->capture_default_str();
    app.add_option("--float-model", opt.float_model, "its float twin")->capture_default_str();
    app.add_option("--data", opt.data, "directory of the gzipped IDX files")->capture_default_str();
    app.add_option("--limit", opt.limit, "number of images, 0 for all")
        ->capture_default_str()
        ->check(CLI::Range(std::size_t{0}, std::size_t{1000000}));
    app.add_option("--arch", opt.arch, "architecture of the packed network")
        ->capture_default_str()
        ->check(CLI::IsMember(architectures));
    app.add_flag("--no-reference", opt.no_reference, "leave out the check against the reference");
    try {
        app.parse(argc, argv);
        return run(opt);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return app.exit(error);  // --help
        std::fprintf(stderr, "infer: %s\n", error.what());
        return 2;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "infer: %s\n", error.what());
        return 2;
    }
}
