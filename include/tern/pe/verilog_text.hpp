// SPDX-License-Identifier: MIT
// Verilog as it is written down: modules once each, and the pieces that expressions are made of. Every width is spelt
// out, because linters are right about implicit ones.
#pragma once

#include <cstddef>
#include <set>
#include <string>

#include <tern/pe/unit.hpp>

namespace tern::pe {
inline namespace TERN_ISA_NAMESPACE {

namespace detail {

inline void put(std::string& to, const char* text) { to += text; }
inline void put(std::string& to, const std::string& text) { to += text; }
inline void put(std::string& to, size_t number) { to += std::to_string(number); }
inline void put(std::string& to, int number) { to += std::to_string(number); }

/// The arguments one behind the other.
template <class... Parts>
[[nodiscard]] std::string cat(const Parts&... parts) {
    std::string text;
    (put(text, parts), ...);
    return text;
}

/// "[high:0] "
[[nodiscard]] inline std::string range(size_t width) { return cat("[", width - 1, ":0] "); }

/// "name[high:low]"
[[nodiscard]] inline std::string slice(const std::string& name, size_t high, size_t low) {
    return high == low ? cat(name, "[", high, "]") : cat(name, "[", high, ":", low, "]");
}

/// "{count{bit}}"
[[nodiscard]] inline std::string repeat(size_t count, const std::string& bit) {
    return cat("{", count, "{", bit, "}}");
}

/// `name` of `from` bits, with zeros in front of it up to `to` bits.
[[nodiscard]] inline std::string zero_extend(const std::string& name, size_t from, size_t to) {
    return to == from ? name : cat("{", repeat(to - from, "1'b0"), ", ", name, "}");
}
/// The same with copies of its highest bit.
[[nodiscard]] inline std::string sign_extend(const std::string& name, size_t from, size_t to) {
    return to == from ? name : cat("{", repeat(to - from, cat(name, "[", from - 1, "]")), ", ", name, "}");
}

/// The halves of a tree over the n numbers of `bits` bits in x: a, the first half rounded down, and b, the rest.
/// `write(count)` writes the module that adds count > 1 of them and gives its name.
template <class Write>
[[nodiscard]] std::string tree_halves(size_t n, size_t bits, const Write& write) {
    const auto half = [&](const char* label, size_t count, size_t first, const char* result) {
        const std::string from = slice("x", (first + count) * bits - 1, first * bits);
        if (count == 1) return cat("    assign ", result, " = ", from, ";\n");
        return cat("    ", write(count), " ", label, " (.x(", from, "), .y(", result, "));\n");
    };
    const std::string left = half("left", n / 2, 0, "a");
    return left + half("right", n - n / 2, n / 2, "b");
}

}  // namespace detail

/// Modules in the order in which they were written, none twice.
class verilog_text {
public:
    /// Whether a module of this name still has to be written.
    [[nodiscard]] bool missing(const std::string& module) { return written_.insert(module).second; }
    void append(const std::string& text) { text_ += text; }
    [[nodiscard]] std::string str() const {
        return "// Written by tern::pe. The numbers in a module's name are its sizes.\n"
               "/* verilator lint_off DECLFILENAME */\n" +
               text_;
    }

private:
    std::set<std::string> written_;
    std::string text_;
};

}  // namespace TERN_ISA_NAMESPACE
}  // namespace tern::pe
