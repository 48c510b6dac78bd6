// SPDX-License-Identifier: MIT
// Calls that have to be refused: one good call, and the single faults that spoil it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <tern/status.hpp>

#include "support/kernels.hpp"

namespace tern_test {

/// Memory for all operands of a call, so that anything it writes anywhere is found.
class arena {
public:
    arena() : memory_(8192) {
        random_numbers random(1);
        for (word& w : memory_) w = random.next();
    }

    [[nodiscard]] word* at(size_t words) { return memory_.data() + words; }
    template <class T>
    [[nodiscard]] T* as(size_t words) {
        return reinterpret_cast<T*>(at(words));
    }
    /// One byte behind a word's start.
    template <class T>
    [[nodiscard]] T* misaligned(size_t words) {
        return reinterpret_cast<T*>(reinterpret_cast<unsigned char*>(at(words)) + 1);
    }
    [[nodiscard]] const std::vector<word>& contents() const { return memory_; }

private:
    std::vector<word> memory_;
};

template <class Scene>
struct fault {
    std::string what;
    tern::status expected;
    std::function<void(Scene&)> spoil;
};

template <class Scene>
struct entry_point {
    std::string name;
    std::function<tern::status(const Scene&)> call;
};

/// Every fault through every entry point gives its status and writes nothing; without a fault each is `ok`.
/// `Make` makes a good scene over an arena.
template <class Scene, class Make>
void check_faults(const Make& make, const std::vector<entry_point<Scene>>& entry_points,
                  const std::vector<fault<Scene>>& faults) {
    for (const auto& entry : entry_points) {
        CAPTURE(entry.name);
        arena good_memory;
        CHECK(entry.call(make(good_memory)) == tern::status::ok);
        CHECK(good_memory.contents() != arena().contents());
        for (const auto& f : faults) {
            CAPTURE(f.what);
            arena memory;
            Scene scene = make(memory);
            f.spoil(scene);
            CHECK(entry.call(scene) == f.expected);
            CHECK(memory.contents() == arena().contents());
        }
    }
}

}  // namespace tern_test
