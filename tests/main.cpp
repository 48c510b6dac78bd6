// SPDX-License-Identifier: MIT
// The test runner. Behind doctest's summary it prints which architectures it covers and which ran, and fails when one
// that TERN_EXPECT_ARCH names did not run. TERN_EXPECT_ARCH is a list of names with commas between them; the name `all`
// stands for every architecture that is covered.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdlib>
#include <iostream>
#include <set>
#include <sstream>
#include <string>

#include "support/architectures.hpp"

namespace {

std::set<std::string>& record() {
    static std::set<std::string> names;
    return names;
}

std::set<std::string> covered() {
    return std::apply([](auto... tags) { return std::set<std::string>{tern::arch::name(tags)...}; },
                      tern_test::architectures{});
}

std::string joined(const std::set<std::string>& names) {
    std::string line;
    for (const std::string& name : names) line += (line.empty() ? "" : " ") + name;
    return line.empty() ? "none" : line;
}

std::set<std::string> expected() {
    const char* variable = std::getenv("TERN_EXPECT_ARCH");
    std::istringstream list(variable == nullptr ? "" : variable);
    std::set<std::string> names;
    for (std::string name; std::getline(list, name, ',');) {
        if (name == "all")
            names.merge(covered());
        else if (!name.empty())
            names.insert(name);
    }
    return names;
}

}  // namespace

void tern_test::ran(const char* architecture) { record().insert(architecture); }

int main(int argc, char** argv) {
    doctest::Context context(argc, argv);
    int result = context.run();
    if (context.shouldExit()) return result;

    std::cout << "architectures covered: " << joined(covered()) << '\n';
    std::cout << "architectures ran: " << joined(record()) << '\n';
    for (const std::string& name : expected()) {
        if (record().count(name) != 0) continue;
        std::cout << "architecture expected, but did not run: " << name << '\n';
        result = result == 0 ? 1 : result;
    }
    return result;
}
