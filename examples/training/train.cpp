// SPDX-License-Identifier: MIT
// Trains one small network on Fashion-MNIST with any of tern's quantizers, exports it in packed layouts and holds
// packed inference against the network that was trained; or does that for every method and several seeds (--study).
#include <cstdio>
#include <exception>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "study.hpp"

int main(int argc, char** argv) {
    using namespace training;
    study_plan plan;
    recipe& how = plan.how;
    files one;
    std::string name = "twn";
    std::string directory = fashion_mnist::default_data_directory;
    int threads = 2;
    bool study = false;
    CLI::App app("Trains a small network on Fashion-MNIST with one of tern's quantizers, or with all of them.");
    app.add_option("--method", name, "one of the methods of --list")->capture_default_str();
    const auto* list = app.add_flag("--list", "print the methods");
    app.add_flag("--study", study, "all methods and seeds, then the report");
    app.add_flag("--summary", plan.summary, "train nothing: write the study's page of the results that are there");
    app.add_option("--methods", plan.methods, "methods of the study")->delimiter(',');
    app.add_option("--seeds", plan.seeds, "seeds of the study")->capture_default_str()->check(CLI::Range(1, 100));
    app.add_option("--directory", plan.directory, "where the study keeps its checkpoints")->capture_default_str();
    app.add_option("--report", plan.report, "where the study writes its page, its numbers next to it")
        ->capture_default_str();
    app.add_option("--data", directory, "directory of the four gzipped IDX files")->capture_default_str();
    app.add_option("--output", one.output, "safetensors file for the packed weights");
    auto* checkpoint = app.add_option("--checkpoint", one.checkpoint, "file to keep the state in, written every epoch");
    app.add_flag("--resume", one.resume, "continue from the checkpoint, if it is there")->needs(checkpoint);
    app.add_option("--epochs", how.epochs, "passes over the images")->capture_default_str()->check(CLI::Range(1, 1000));
    app.add_option("--warm-epochs", how.warm_epochs, "passes with a float network first, that the method starts from")
        ->capture_default_str()
        ->check(CLI::Range(0, 1000));
    app.add_option("--warm", one.warm, "checkpoint of the float network to start from: read, or written");
    app.add_option("--limit", how.limit, "use only so many images of either set; 0: all")->capture_default_str();
    app.add_option("--width", how.width, "times 16, 32, 64 channels")->capture_default_str()->check(CLI::Range(1, 8));
    app.add_option("--batch", how.batch, "images a step")->capture_default_str()->check(CLI::Range(1, 10000));
    app.add_option("--rate", how.rate, "peak of the learning rate")->capture_default_str()->check(CLI::PositiveNumber);
    app.add_option("--threads", threads, "threads of libtorch")->capture_default_str()->check(CLI::Range(1, 256));
    app.add_option("--seed", how.seed, "of weights, order and augmentation")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    try {
        if (list->count() != 0) {
            for (const std::string& n : method_names()) std::printf("%s\n", n.c_str());
            return 0;
        }
        for (const std::string& n : plan.methods) make_method(n, std::make_shared<course>());
        make_method(name, std::make_shared<course>());
        torch::set_num_threads(threads);
        fashion_mnist::keep_freed_memory();
        const data_sets data{fashion_mnist::read_dataset(directory, "train"),
                             fashion_mnist::read_dataset(directory, "t10k")};
        return (study ? run_study(plan, data) : train(how, name, one, data).equal) ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "train_any: %s\n", error.what());
        return 2;
    }
}
