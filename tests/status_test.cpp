// SPDX-License-Identifier: MIT
// Every status has a line of its own.
#include <cstring>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include <tern/status.hpp>

using tern::status;

TEST_CASE("to_string: one distinct line a status") {
    std::set<std::string> lines;
    for (int i = 0; i <= static_cast<int>(status::unsupported); ++i) {
        const std::string line = tern::to_string(static_cast<status>(i));
        CHECK_FALSE(line.empty());
        CHECK(line.find('\n') == std::string::npos);
        CHECK(line != "unknown status");
        CHECK(lines.insert(line).second);
    }
    CHECK(lines.size() == 11);
    for (const int beyond : {static_cast<int>(status::unsupported) + 1, 255}) {
        CHECK(std::strcmp(tern::to_string(static_cast<status>(beyond)), "unknown status") == 0);
    }
}

TEST_CASE("status: ok is zero, so that a zeroed status is ok") {
    CHECK(static_cast<int>(status::ok) == 0);
    CHECK(status{} == status::ok);
    static_assert(tern::to_string(status::ok)[0] == 'o', "to_string is constexpr");
}
