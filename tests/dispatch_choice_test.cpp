// SPDX-License-Identifier: MIT
// Run-time dispatch: which architecture is chosen, and by whom.
//
// TERN_TEST_ACTIVE in the environment is a list, with commas, of architectures one of which must be chosen at the
// start.
#include <cstdlib>
#include <iostream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <tern/dispatch.hpp>

#include "dispatch/probe.hpp"
#include "support/kernels.hpp"

namespace {

using tern::status;
using tern_test::probe;
using tern_test::untouched_probe;
namespace dispatch = tern::dispatch;

/// Asked before main, as a user's static object might.
const std::string active_at_start = dispatch::kernels.active_name();

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

template <class Table>
std::string best_of(Table& table) {
    std::string best;
    for (std::size_t i = 0; i < table.size(); ++i)
        if (table.available(table[i])) best = table[i].name;
    return best;
}

TEST_CASE("the best architecture of this CPU is chosen, or the one that TERN_ARCH names") {
    std::cout << "dispatch: chose " << active_at_start << " from";
    for (std::size_t i = 0; i < dispatch::kernels.size(); ++i) {
        const dispatch::version& v = dispatch::kernels[i];
        std::cout << ' ' << v.name << (dispatch::kernels.available(v) ? "" : " (this CPU cannot run it)");
    }
    std::cout << '\n';

    const std::string wish = variable("TERN_ARCH");
    const std::string best = best_of(dispatch::kernels);
    bool known = false;
    bool available = false;
    for (std::size_t i = 0; i < dispatch::kernels.size(); ++i) {
        if (dispatch::kernels[i].name != wish) continue;
        known = true;
        available = dispatch::kernels.available(dispatch::kernels[i]);
    }
    CHECK(active_at_start == (available ? wish : best));
    CHECK(dispatch::kernels.environment_status() == (wish.empty() || available ? status::ok
                                                     : known                   ? status::unsupported
                                                                               : status::bad_value));
    if (!wish.empty() && !available) std::cout << "dispatch: TERN_ARCH=" << wish << " was not followed\n";

    const std::string wanted = variable("TERN_TEST_ACTIVE");
    if (!wanted.empty()) CHECK(("," + wanted + ",").find("," + active_at_start + ",") != std::string::npos);
}

TEST_CASE("the table lists each architecture once, from few instructions to many") {
    std::set<std::string> names;
    for (std::size_t i = 0; i < dispatch::kernels.size(); ++i) {
        const dispatch::version& v = dispatch::kernels[i];
        CHECK(names.insert(v.name).second);
        if (i != 0) CHECK((dispatch::kernels[i - 1].required & ~v.required) == 0);
    }
    REQUIRE(dispatch::kernels.size() != 0);
    CHECK(std::string(dispatch::kernels[0].name) == "scalar");
    CHECK(dispatch::kernels.available(dispatch::kernels[0]));
    CHECK((dispatch::kernels[0].required & ~dispatch::detected_features()) == 0);
}

#if defined(__x86_64__) || defined(__i386__)
TEST_CASE("the CPU is seen as the compiler's own library sees it") {
    using namespace dispatch::detail;
    const dispatch::features seen = dispatch::detected_features();
#define TERN_TEST_FEATURE(bit, name) CHECK(((seen & (bit)) != 0) == (__builtin_cpu_supports(name) != 0))
    TERN_TEST_FEATURE(sse3, "sse3");
    TERN_TEST_FEATURE(ssse3, "ssse3");
    TERN_TEST_FEATURE(sse4_1, "sse4.1");
    TERN_TEST_FEATURE(sse4_2, "sse4.2");
    TERN_TEST_FEATURE(popcnt, "popcnt");
    TERN_TEST_FEATURE(avx, "avx");
    TERN_TEST_FEATURE(fma, "fma");
    TERN_TEST_FEATURE(avx2, "avx2");
    TERN_TEST_FEATURE(bmi, "bmi");
    TERN_TEST_FEATURE(bmi2, "bmi2");
    TERN_TEST_FEATURE(avx512f, "avx512f");
    TERN_TEST_FEATURE(avx512cd, "avx512cd");
    TERN_TEST_FEATURE(avx512bw, "avx512bw");
    TERN_TEST_FEATURE(avx512dq, "avx512dq");
    TERN_TEST_FEATURE(avx512vl, "avx512vl");
    TERN_TEST_FEATURE(avx512vnni, "avx512vnni");
    TERN_TEST_FEATURE(avx512vpopcntdq, "avx512vpopcntdq");
    TERN_TEST_FEATURE(avx512bitalg, "avx512bitalg");
    TERN_TEST_FEATURE(avx512vbmi, "avx512vbmi");
    TERN_TEST_FEATURE(avx512vbmi2, "avx512vbmi2");
#undef TERN_TEST_FEATURE
}
#endif

TEST_CASE("a choice that cannot be has a reason and changes nothing") {
    const std::string before = dispatch::kernels.active_name();
    CHECK(dispatch::kernels.force(nullptr) == status::null_pointer);
    CHECK(dispatch::kernels.force("") == status::bad_value);
    CHECK(dispatch::kernels.force("avx") == status::bad_value);
    CHECK(dispatch::kernels.force("AVX2") == status::bad_value);
    for (std::size_t i = 0; i < dispatch::kernels.size(); ++i)
        if (!dispatch::kernels.available(dispatch::kernels[i]))
            CHECK(dispatch::kernels.force(dispatch::kernels[i].name) == status::unsupported);
    CHECK(dispatch::kernels.active_name() == before);
}

TEST_CASE("threads that meet in the first use of a table agree") {
    std::vector<std::string> seen(8);
    std::vector<std::thread> threads;
    for (std::string& name : seen) threads.emplace_back([&name] { name = untouched_probe->compiled_for(); });
    for (std::thread& t : threads) t.join();
    for (const std::string& name : seen) CHECK(name == active_at_start);
    CHECK(untouched_probe.active_name() == active_at_start);
}

TEST_CASE("a table of one's own runs what was compiled for the architecture, and is forced by itself") {
    REQUIRE(probe.size() == dispatch::kernels.size());
    for (std::size_t i = 0; i < probe.size(); ++i) {
        const dispatch::version& v = probe[i];
        CHECK(v.name == std::string(dispatch::kernels[i].name));
        CHECK(v.required == dispatch::kernels[i].required);
        if (!probe.available(v)) continue;
        REQUIRE(probe.force(v.name) == status::ok);
        CHECK(probe.active_name() == std::string(v.name));
        CHECK(probe->compiled_for() == std::string(v.name));
        CHECK(probe->instructions() == v.required);
        CHECK(dispatch::kernels.active_name() == active_at_start);
    }
}

}  // namespace
