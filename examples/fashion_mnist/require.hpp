// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string>

#include <tern/status.hpp>

namespace fashion_mnist {

/// What the library refuses is an error of the program or of its files.
inline void require(tern::status s, const std::string& what = "tern") {
    if (s != tern::status::ok) throw std::runtime_error(what + ": " + tern::to_string(s));
}

}  // namespace fashion_mnist
