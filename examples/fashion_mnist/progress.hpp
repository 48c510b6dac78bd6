// SPDX-License-Identifier: MIT
// A progress bar on stderr. On a terminal it redraws one line; in a log it prints a line at every tenth of the way.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>

#include <unistd.h>

namespace fashion_mnist {

class progress_bar {
public:
    progress_bar(std::string label, std::size_t total)
        : label_(std::move(label)), total_(std::max<std::size_t>(total, 1)), terminal_(isatty(STDERR_FILENO) == 1) {}

    /// `done` of `total` are finished; `text` stands behind the bar.
    void update(std::size_t done, const std::string& text) {
        done_ = std::min(done, total_);
        text_ = text;
        if (terminal_) {
            const auto now = std::chrono::steady_clock::now();
            if (drawn_ && done_ < total_ && now - last_draw_ < std::chrono::milliseconds(50)) return;
            last_draw_ = now;
            drawn_ = true;
            draw();
        } else if (done_ * 10 / total_ > tenths_) {
            tenths_ = done_ * 10 / total_;
            if (done_ < total_) print_line();
        }
    }

    /// Leaves the last state on the screen and goes to the next line.
    void finish() {
        if (terminal_) {
            draw();
            std::fputc('\n', stderr);
        } else {
            print_line();
        }
    }

private:
    [[nodiscard]] double seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    }

    void draw() const {
        constexpr std::size_t width = 30;
        const std::size_t filled = done_ * width / total_;
        const std::string bar = std::string(filled, '=') + (filled < width ? ">" : "") +
                                std::string(filled < width ? width - filled - 1 : 0, ' ');
        std::fprintf(stderr, "\r\033[K%s [%s] %3zu%% %5.1f s  %s", label_.c_str(), bar.c_str(), done_ * 100 / total_,
                     seconds(), text_.c_str());
        std::fflush(stderr);
    }

    void print_line() const {
        std::fprintf(stderr, "%s %3zu%% %5.1f s  %s\n", label_.c_str(), done_ * 100 / total_, seconds(), text_.c_str());
    }

    std::string label_;
    std::size_t total_;
    bool terminal_;
    std::size_t done_ = 0;
    std::size_t tenths_ = 0;
    bool drawn_ = false;
    std::string text_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point last_draw_;
};

}  // namespace fashion_mnist
