// SPDX-License-Identifier: MIT
// A matrix with room between its rows, which must survive whatever is done to the matrix.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <vector>

#include <tern/view.hpp>

namespace tern_test {

template <class T>
class grid {
public:
    static constexpr T canary = T{77};

    grid(std::size_t rows, std::size_t cols, std::size_t gap = 3)
        : rows_(rows), cols_(cols), stride_(cols + gap), memory_(rows * stride_, canary) {}
    grid(std::size_t rows, std::size_t cols, std::initializer_list<T> values, std::size_t gap = 3)
        : grid(rows, cols, gap) {
        std::size_t i = 0;
        for (const T v : values) at(i / cols, i % cols) = v, ++i;
    }

    [[nodiscard]] tern::matrix_view<T> view() { return {memory_.data(), rows_, cols_, stride_}; }
    [[nodiscard]] tern::matrix_view<const T> view() const { return {memory_.data(), rows_, cols_, stride_}; }
    [[nodiscard]] T& at(std::size_t i, std::size_t j) { return memory_[i * stride_ + j]; }
    [[nodiscard]] const T& at(std::size_t i, std::size_t j) const { return memory_[i * stride_ + j]; }
    [[nodiscard]] std::size_t rows() const { return rows_; }
    [[nodiscard]] std::size_t cols() const { return cols_; }

    /// The elements, row after row, without the room between.
    [[nodiscard]] std::vector<T> values() const {
        std::vector<T> result;
        for (std::size_t i = 0; i < rows_; ++i) {
            for (std::size_t j = 0; j < cols_; ++j) result.push_back(at(i, j));
        }
        return result;
    }
    [[nodiscard]] bool gaps_intact() const {
        for (std::size_t i = 0; i < rows_; ++i) {
            for (std::size_t j = cols_; j < stride_; ++j) {
                if (at(i, j) != canary) return false;
            }
        }
        return true;
    }
    [[nodiscard]] bool untouched() const {
        for (const T v : memory_) {
            if (v != canary) return false;
        }
        return true;
    }

private:
    std::size_t rows_;
    std::size_t cols_;
    std::size_t stride_;
    std::vector<T> memory_;
};

[[nodiscard]] inline grid<float> random_grid(std::size_t rows, std::size_t cols, std::uint32_t seed,
                                             float deviation = 1.0f) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0.0f, deviation);
    grid<float> g(rows, cols);
    for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < cols; ++j) g.at(i, j) = normal(random);
    }
    return g;
}

}  // namespace tern_test
