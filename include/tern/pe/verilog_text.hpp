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
