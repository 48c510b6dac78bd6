// SPDX-License-Identifier: MIT
// Simulators and synthesis, where they are installed: a directory to work in, commands with their output in a file.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <tern/pe/verilog_bench.hpp>

namespace tern_test {

namespace fs = std::filesystem;

/// A fresh directory that goes away with this object.
class scratch {
public:
    explicit scratch(const std::string& name) : path_(fs::temp_directory_path() / (name + "_XXXXXX")) {
        std::string pattern = path_.string();
        if (mkdtemp(pattern.data()) == nullptr) std::abort();
        path_ = pattern;
    }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    ~scratch() {
        std::error_code ignored;
        if (std::getenv("TERN_KEEP_SCRATCH") == nullptr) fs::remove_all(path_, ignored);
    }

    void write(const std::string& name, const std::string& text) const {
        std::ofstream file(path_ / name);
        file << text;
    }
    void write(const tern::pe::verilog_bench& bench) const {
        write("bench.v", bench.verilog());
        for (const auto& file : bench.files()) write(file.name, file.text);
    }
    [[nodiscard]] std::string read(const std::string& name) const {
        std::ifstream file(path_ / name);
        std::ostringstream text;
        text << file.rdbuf();
        return text.str();
    }
    /// Exit code; what the command says goes into the file `log`.
    [[nodiscard]] int run(const std::string& command, const std::string& log) const {
        return std::system(("cd '" + path_.string() + "' && (" + command + ") > '" + log + "' 2>&1").c_str());
    }

private:
    fs::path path_;
};

/// Whether a command exists; says so if not.
inline bool installed(const std::string& program) {
    if (std::system(("command -v " + program + " > /dev/null 2>&1").c_str()) == 0) return true;
    std::printf("skipped: %s is not installed\n", program.c_str());
    return false;
}

}  // namespace tern_test
