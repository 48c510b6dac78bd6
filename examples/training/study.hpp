// SPDX-License-Identifier: MIT
// Results of a study on disk, and its report: a Markdown table and the numbers behind it for plot.py.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace training {

struct outcome {
    double accuracy = 0.0;
    double weight_bits = 0.0;
    double activation_bits = 0.0;
    double seconds = 0.0;
    bool equal = false;  ///< packed inference against the fake-quantized network
};

struct study_row {
    std::string name;
    std::vector<outcome> seeds;

    [[nodiscard]] double mean() const {
        double sum = 0.0;
        for (const outcome& o : seeds) sum += o.accuracy;
        return sum / static_cast<double>(std::max<std::size_t>(seeds.size(), 1));
    }
    /// Standard deviation over the seeds, n - 1.
    [[nodiscard]] double spread() const {
        double sum = 0.0;
        for (const outcome& o : seeds) sum += (o.accuracy - mean()) * (o.accuracy - mean());
        return seeds.size() < 2 ? 0.0 : std::sqrt(sum / static_cast<double>(seeds.size() - 1));
    }
};

inline bool read_outcome(const std::string& path, outcome& o) {
    std::ifstream in(path);
    return static_cast<bool>(in >> o.accuracy >> o.weight_bits >> o.activation_bits >> o.seconds >> o.equal);
}

/// Complete or not there.
inline void write_outcome(const std::string& path, const outcome& o) {
    {
        std::ofstream file(path + ".partial");
        file.precision(17);
        file << o.accuracy << ' ' << o.weight_bits << ' ' << o.activation_bits << ' ' << o.seconds << ' ' << o.equal
             << '\n';
        if (!file) throw std::runtime_error(path + ": cannot be written");
    }
    std::filesystem::rename(path + ".partial", path);
}

/// What the papers lead one to expect, and what came out.
inline void write_orderings(std::ostream& out, const std::vector<study_row>& rows) {
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
    const auto find = [&](const char* name) -> const study_row* {
        for (const study_row& row : rows)
            if (row.name == name && !row.seeds.empty()) return &row;
        return nullptr;
    };
    out << "\n| expected | difference, points | spread of the two | came out |\n|---|---|---|---|\n";
    for (const expectation& e : all) {
        const study_row* a = find(e.better);
        const study_row* b = find(e.than);
        if (a == nullptr || b == nullptr) continue;
        const double difference = a->mean() - b->mean();
        char line[160];
        std::snprintf(line, sizeof line, "| %s >= %s - %.1f | %+.2f | %.2f, %.2f | %s |\n", e.better, e.than,
                      100.0 * e.margin, 100.0 * difference, 100.0 * a->spread(), 100.0 * b->spread(),
                      difference >= -e.margin ? "yes" : "no");
        out << line;
    }
}

inline void write_report(const std::string& path, const std::vector<study_row>& rows, int epochs, std::size_t images) {
    const std::filesystem::path parent = std::filesystem::path(path).parent_path();
    if (!parent.empty()) std::filesystem::create_directories(parent);
    const std::string table = std::filesystem::path(path).replace_extension(".csv").string();
    const std::string picture = std::filesystem::path(path).replace_extension(".svg").filename().string();
    std::ofstream csv(table);
    std::ofstream out(path);
    csv << "method,weight_bits,activation_bits,mean,spread,seeds\n";
    out << "# Study: every quantizer on the same network\n\n"
        << "Fashion-MNIST, " << images << " training images, " << epochs
        << " epochs, three 3x3 convolutions (16, 32, 64 channels) and a fully connected layer, all quantized. Mean "
           "and\n"
           "standard deviation of the test accuracy over the seeds. `equal`: packed inference gave the integers of "
           "the\n"
           "fake-quantized network, and its logits within 1e-4.\n\n"
        << "![accuracy against bits](" << picture << ")\n\n"
        << "| method | weight bits | activation bits | accuracy | spread | seeds | equal | seconds a run |\n"
        << "|---|---|---|---|---|---|---|---|\n";
    for (const study_row& row : rows) {
        if (row.seeds.empty()) continue;
        double seconds = 0.0;
        bool equal = true;
        for (const outcome& o : row.seeds) {
            seconds += o.seconds / static_cast<double>(row.seeds.size());
            equal = equal && o.equal;
        }
        const outcome& first = row.seeds[0];
        char line[256];
        std::snprintf(line, sizeof line, "| %s | %.2f | %.2f | %.2f %% | %.2f | %zu | %s | %.0f |\n", row.name.c_str(),
                      first.weight_bits, first.activation_bits, 100.0 * row.mean(), 100.0 * row.spread(),
                      row.seeds.size(), first.weight_bits >= 32.0 ? "-" : (equal ? "yes" : "no"), seconds);
        out << line;
        std::snprintf(line, sizeof line, "%s,%.4f,%.4f,%.6f,%.6f,%zu\n", row.name.c_str(), first.weight_bits,
                      first.activation_bits, row.mean(), row.spread(), row.seeds.size());
        csv << line;
    }
    write_orderings(out, rows);
    if (!out || !csv) throw std::runtime_error(path + ": cannot be written");
}

}  // namespace training
