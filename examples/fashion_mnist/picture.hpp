// SPDX-License-Identifier: MIT
// Images in a terminal: a character holds two pixels, one above the other. Grey on a terminal, black and white in a
// log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <sys/ioctl.h>
#include <unistd.h>

#include "network.hpp"

namespace fashion_mnist {

[[nodiscard]] inline bool stdout_is_terminal() { return isatty(STDOUT_FILENO) == 1; }

[[nodiscard]] inline bool stdout_has_colours() { return stdout_is_terminal() && std::getenv("NO_COLOR") == nullptr; }

struct picture {
    const std::uint8_t* pixels;
    std::string caption;
    bool right;
};

namespace detail {

/// Of the 24 greys that terminals with 256 colours have.
[[nodiscard]] inline int grey(std::uint8_t pixel) { return 232 + pixel * 23 / 255; }

inline void print_line(const std::uint8_t* top, const std::uint8_t* bottom, bool colours) {
    for (std::size_t x = 0; x < image_size; ++x) {
        if (colours) {
            std::printf("\033[38;5;%d;48;5;%dm\u2580", grey(top[x]), grey(bottom[x]));
        } else {
            constexpr std::uint8_t bright = 96;
            const bool up = top[x] >= bright;
            const bool down = bottom[x] >= bright;
            std::fputs(up && down ? "\u2588" : up ? "\u2580" : down ? "\u2584" : " ", stdout);
        }
    }
    if (colours) std::fputs("\033[0m", stdout);
}

}  // namespace detail

/// Side by side, as many as the terminal is wide.
inline void print_pictures(const std::vector<picture>& pictures) {
    const bool colours = stdout_has_colours();
    constexpr std::size_t width = image_size + 2;
    std::size_t columns = 4 * width;
    winsize size{};
    if (stdout_is_terminal() && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0) columns = size.ws_col;
    const std::size_t side_by_side = columns < width ? 1 : columns / width;
    for (std::size_t first = 0; first < pictures.size(); first += side_by_side) {
        const std::size_t last = first + side_by_side < pictures.size() ? first + side_by_side : pictures.size();
        for (std::size_t y = 0; y < image_size; y += 2) {
            for (std::size_t i = first; i < last; ++i) {
                const std::uint8_t* row = pictures[i].pixels + y * image_size;
                detail::print_line(row, row + image_size, colours);
                std::fputs(i + 1 < last ? "  " : "\n", stdout);
            }
        }
        for (std::size_t i = first; i < last; ++i) {
            const char* colour = !colours ? "" : pictures[i].right ? "\033[32m" : "\033[31m";
            const bool end = i + 1 == last;
            std::printf("%s%-*s%s%s", colour, end ? 0 : static_cast<int>(width), pictures[i].caption.c_str(),
                        colours ? "\033[0m" : "", end ? "\n\n" : "");
        }
    }
}

}  // namespace fashion_mnist
