// SPDX-License-Identifier: MIT
// Weights that lie in no cache when they are read: copies which together are several times the last level.
#pragma once

#include <cstring>
#include <vector>

#include <tern/buffer.hpp>

#include "support/counters.hpp"

namespace tern_bench {

/// Copies of some bytes, taken in turn. Memory of 64-byte multiples, so that all are aligned alike.
class byte_copies {
public:
    byte_copies(const void* from, std::size_t bytes)
        : stride_((bytes + 63) / 64 * 64), count_(working_set(memory::dram) / stride_ + 2), memory_(stride_ * count_) {
        for (std::size_t i = 0; i < count_; ++i) std::memcpy(memory_.data() + i * stride_, from, bytes);
    }

    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] const unsigned char* operator[](std::size_t i) const { return memory_.data() + i * stride_; }

private:
    std::size_t stride_;
    std::size_t count_;
    tern::buffer<unsigned char> memory_;
};

/// The same for a packed view: the view again, with the memory of each copy.
template <class View>
class view_copies {
public:
    view_copies(const View& view, std::size_t bytes) : view_(view), memory_(view.data, bytes) {}

    [[nodiscard]] std::size_t size() const { return memory_.size(); }
    [[nodiscard]] View operator[](std::size_t i) const {
        View copy = view_;
        copy.data = reinterpret_cast<decltype(View::data)>(memory_[i]);
        return copy;
    }

private:
    View view_;
    byte_copies memory_;
};

/// How fast `bytes` can be read that lie in the nearest cache with room for them, or in none.
template <class Arch>
limit_rate bandwidth_of(std::size_t bytes, bool cold) {
    const memory level = cold ? memory::dram : level_of(bytes);
    return {"of_bandwidth", [=](double) { return read_rate<Arch>(level, bytes); }, true};
}

}  // namespace tern_bench
