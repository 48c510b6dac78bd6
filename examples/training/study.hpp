// SPDX-License-Identifier: MIT
// A study: every method and seed. Its results are lines of a file of numbers, its report a page of Markdown.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "trainer.hpp"

namespace training {

struct study_plan {
    std::vector<std::string> methods = method_names();
    int seeds = 3;
    std::string directory = "study";       ///< checkpoints and packed weights
    std::string report = "docs/study.md";  ///< the results next to it: .csv
    bool summary = false;                  ///< only the page, of the results that are there
    recipe how;
};

namespace detail {

struct result {
    std::string method;
    unsigned seed = 0;
    outcome got;
};

/// What has to be the same for results to stand in one table.
inline std::string text_of(const recipe& r) {
    std::ostringstream text;
    text << "warm " << r.warm_epochs << " epochs " << r.epochs << " images " << r.limit << " width " << r.width
         << " batch " << r.batch << " rate " << r.rate;
    return text.str();
}

constexpr const char* columns_of_results =
    "method,seed,accuracy,weight_bits,activation_bits,seconds,packed_equals_fake_quantized,recipe";

inline std::vector<result> read_results(const std::string& path, const recipe& r) {
    std::ifstream file(path);
    std::vector<result> results;
    std::string line;
    if (!file || !std::getline(file, line)) return results;
    while (std::getline(file, line)) {
        std::replace(line.begin(), line.end(), ',', '\t');
        std::istringstream fields(line);
        result one;
        std::string made;
        fields >> one.method >> one.seed >> one.got.accuracy >> one.got.weight_bits >> one.got.activation_bits >>
            one.got.seconds >> one.got.equal;
        if (!fields || !std::getline(fields >> std::ws, made)) throw std::runtime_error(path + ": a damaged line");
        if (made != text_of(r))
            throw std::runtime_error(path + ": has results of another recipe (" + made + "); choose another --report");
        results.push_back(one);
    }
    return results;
}

/// Complete or not there.
inline void write_results(const std::string& path, const std::vector<result>& results, const recipe& r) {
    {
        std::ofstream file(path + ".partial");
        file << columns_of_results << '\n';
        for (const result& one : results)
            file << one.method << ',' << one.seed << ',' << one.got.accuracy << ',' << one.got.weight_bits << ','
                 << one.got.activation_bits << ',' << one.got.seconds << ',' << one.got.equal << ',' << text_of(r)
                 << '\n';
        if (!file) throw std::runtime_error(path + ": cannot be written");
    }
    std::filesystem::rename(path + ".partial", path);
}

/// One method over its seeds.
struct summary {
    std::vector<outcome> seeds;

    [[nodiscard]] double mean(double outcome::*number = &outcome::accuracy) const {
        double sum = 0.0;
        for (const outcome& o : seeds) sum += o.*number;
        return sum / static_cast<double>(std::max<std::size_t>(seeds.size(), 1));
    }
    /// Standard deviation over the seeds, n - 1.
    [[nodiscard]] double spread() const {
        double sum = 0.0;
        for (const outcome& o : seeds) sum += (o.accuracy - mean()) * (o.accuracy - mean());
        return seeds.size() < 2 ? 0.0 : std::sqrt(sum / static_cast<double>(seeds.size() - 1));
    }
    [[nodiscard]] bool equal() const {
        return std::all_of(seeds.begin(), seeds.end(), [](const outcome& o) { return o.equal; });
    }
};

inline summary summary_of(const std::vector<result>& results, const std::string& method) {
    summary s;
    for (const result& one : results)
        if (one.method == method) s.seeds.push_back(one.got);
    return s;
}

/// What the papers lead one to expect, and what came out.
inline void write_orderings(std::ostream& out, const std::vector<result>& results) {
    struct expectation {
        const char* better;
        const char* than;
        double margin;
    };
    constexpr expectation all[] = {{"sq-bwn", "bwn", 0.0},
                                   {"sq-twn", "twn", 0.0},
                                   {"tga", "twn", 0.0},
                                   {"wrpn-2x", "float", 0.0},
                                   {"rtn", "float", 0.025}};
    out << "\n## Orderings\n\nWhat the papers lead one to expect. `float` is the network of the usual width.\n\n"
           "| expected | difference of the means, points | spread of either | came out |\n|---|---|---|---|\n";
    for (const expectation& e : all) {
        const summary a = summary_of(results, e.better), b = summary_of(results, e.than);
        if (a.seeds.empty() || b.seeds.empty()) continue;
        const double difference = a.mean() - b.mean();
        char margin[32] = "";
        if (e.margin != 0.0) std::snprintf(margin, sizeof margin, " - %.1f", 100.0 * e.margin);
        char line[160];
        std::snprintf(line, sizeof line, "| %s >= %s%s | %+.2f | %.2f, %.2f | %s%s |\n", e.better, e.than, margin,
                      100.0 * difference, 100.0 * a.spread(), 100.0 * b.spread(),
                      difference >= -e.margin ? "yes" : "no",
                      std::fabs(difference + e.margin) < a.spread() + b.spread() ? ", within the spreads" : "");
        out << line;
    }
}

inline void write_head(std::ostream& out, const study_plan& plan, std::size_t images, std::size_t done) {
    const recipe& r = plan.how;
    const std::size_t total = plan.methods.size() * static_cast<std::size_t>(plan.seeds);
    out << "# Study: every quantizer on the same network\n\n";
    if (done < total)
        out << "**Not finished: " << done << " of " << total
            << " runs.** The command below goes on: what has a line in `study.csv` is not trained again.\n\n";
    out << "Fashion-MNIST, " << images << " training images, three 3x3 convolutions (" << 16 * r.width << ", "
        << 32 * r.width << ", " << 64 * r.width
        << " channels) with max-pooling and\nbatch norm, one fully connected layer. All four layers have the method's "
           "weights, hidden activations are the method's,\nor 8-bit (PACT) for methods of weights alone; pixels are "
           "8-bit. The same for all methods, `float` among them: ";
    if (r.warm_epochs != 0)
        out << "a float\nnetwork is trained for " << r.warm_epochs
            << " epochs (one for each seed; `wrpn-2x` has one of its own width), its weights and batch norms "
               "are\nwhere "
               "the method starts, then "
            << r.epochs << " epochs with the method";
    else
        out << r.epochs << " epochs from random weights";
    out << "; Adam, one-cycle rates up to " << r.rate << ", batches of " << r.batch
        << ",\nimages mirrored and shifted by up to a pixel. Nothing was tuned to a method. Few epochs, a small "
           "network: "
           "the table\ncompares quantizers under one short budget and says little about what each reaches with its "
           "authors' schedule.\n\n"
           "```sh\ncmake --preset train && cmake --build build/train --target train_any\n"
           "build/train/examples/training/train_any --study --seeds "
        << plan.seeds << " --warm-epochs " << r.warm_epochs << " --epochs " << r.epochs;
    if (r.limit != 0) out << " --limit " << r.limit;
    out << " --threads 1\npython3 examples/training/plot.py docs/study.csv docs/study.png\n```\n\n";
}

inline void write_report(const study_plan& plan, const std::vector<result>& results, std::size_t images) {
    std::ofstream out(plan.report);
    write_head(out, plan, images, results.size());
    const auto name = std::filesystem::path(plan.report).stem().string();
    out << "![accuracy against bits of a weight](" << name << ".png)\n\n"
        << "Mean and standard deviation (n - 1) of the test accuracy over the seeds. `equal`: packed inference gave "
           "the integers of\nthe fake-quantized network, and its logits within 1e-4, for every seed. Seconds are wall "
           "clock, whatever else the machine did.\n\n"
        << "| method | weight bits | activation bits | accuracy, % | spread | seeds | equal | seconds a run |\n"
        << "|---|---|---|---|---|---|---|---|\n";
    for (const std::string& method : plan.methods) {
        const summary s = summary_of(results, method);
        if (s.seeds.empty()) continue;
        const outcome& first = s.seeds[0];
        char line[256];
        std::snprintf(line, sizeof line, "| %s | %.2f | %.2f | %.2f | %.2f | %zu | %s | %.0f |\n", method.c_str(),
                      first.weight_bits, first.activation_bits, 100.0 * s.mean(), 100.0 * s.spread(), s.seeds.size(),
                      first.weight_bits >= 32.0 ? "-" : (s.equal() ? "yes" : "no"), s.mean(&outcome::seconds));
        out << line;
    }
    write_orderings(out, results);
    if (!out) throw std::runtime_error(plan.report + ": cannot be written");
}

}  // namespace detail

/// What has a result is not trained again, what has a checkpoint goes on. All methods with the first seed, then with
/// the next: a study that is stopped has something to say about each. False if a packed network differed.
inline bool run_study(const study_plan& plan, const data_sets& data) {
    namespace fs = std::filesystem;
    fs::create_directories(plan.directory);
    const fs::path parent = fs::path(plan.report).parent_path();
    if (!parent.empty()) fs::create_directories(parent);
    const std::string table = fs::path(plan.report).replace_extension(".csv").string();
    std::vector<detail::result> results = detail::read_results(table, plan.how);
    const std::size_t images = plan.how.limit == 0 ? data.training.images.count : plan.how.limit;
    detail::write_report(plan, results, images);
    fashion_mnist::progress_bar bar("study", plan.methods.size() * static_cast<std::size_t>(plan.seeds));
    for (unsigned seed = 1; seed <= static_cast<unsigned>(plan.seeds) && !plan.summary; ++seed) {
        for (const std::string& name : plan.methods) {
            const auto done = [&](const detail::result& r) { return r.method == name && r.seed == seed; };
            if (std::any_of(results.begin(), results.end(), done)) continue;
            recipe how = plan.how;
            how.seed = seed;
            const std::int64_t width = how.width * make_method(name, std::make_shared<course>()).widening;
            const std::string here = plan.directory + "/", with_seed = "-" + std::to_string(seed);
            const files f{here + name + with_seed + ".pt",
                          here + "warm" + std::to_string(width) + "x" + with_seed + ".pt",
                          here + name + with_seed + ".safetensors", true};
            results.push_back({name, seed, train(how, name, f, data)});
            detail::write_results(table, results, plan.how);
            detail::write_report(plan, results, images);
            bar.update(results.size(), name);
        }
    }
    bar.finish();
    return std::all_of(results.begin(), results.end(), [](const detail::result& r) { return r.got.equal; });
}

}  // namespace training
