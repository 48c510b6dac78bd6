// SPDX-License-Identifier: MIT
// Functions compiled once for each architecture, and the choice among them at run time. Hosted; opt-in.
//
// A header declares a set of functions and its table:
//
//     struct engine_functions { tern::status (*layer)(const engine_layer&) noexcept; };
//     extern tern::dispatch::table<engine_functions> engine;
//
// A source, which CMake's tern_add_dispatched() compiles once for each architecture, defines them:
//
//     static tern::status layer(const engine_layer& l) noexcept { return tern::gemm<tern::dispatch::this_arch>(...); }
//     TERN_DISPATCH_TABLE(engine, &layer);
//
// and everybody calls `engine->layer(l)`: one load and one indirect call. The first use decides: the last architecture
// of the list that the CPU has, or the one that the environment variable TERN_ARCH names. No static constructor runs.
//
// In such a source, functions of one's own are `static` or take an architecture tag, for the linker keeps one copy of
// a symbol that two objects share, whichever instructions it is made of. That goes for std:: templates just as well.
//
// Threads: every member may be called by any number of threads. `force` reaches calls that begin after it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include <tern/arch.hpp>
#include <tern/dispatch/cpu.hpp>
#include <tern/status.hpp>

// Set by tern_add_dispatched(). A source that is compiled without it has one version, for the flags that it gets.
#ifdef TERN_DISPATCH_ARCH
#define TERN_DETAIL_DISPATCH_TAG ::tern::arch::TERN_DISPATCH_ARCH
#else
#define TERN_DETAIL_DISPATCH_TAG ::tern::default_arch
#define TERN_DISPATCH_ARCH only
#define TERN_DISPATCH_FIRST 1
#define TERN_DISPATCH_EACH(each, which) each(which, only)
#endif

namespace tern::dispatch {

inline namespace TERN_ISA_NAMESPACE {

/// The architecture that this translation unit is compiled for.
using this_arch = TERN_DETAIL_DISPATCH_TAG;

}  // namespace TERN_ISA_NAMESPACE

static_assert(arch::compiled(this_arch{}), "tern: the flags of this translation unit do not fit TERN_DISPATCH_ARCH");

/// One architecture's version of a set of functions.
struct version {
    const char* name;   ///< as tern::arch::name()
    features required;  ///< what the CPU must have
};

template <class Functions>
struct version_of : version {
    Functions functions;
};

/// What the tables of all sets of functions have in common.
struct any_table {
    const version* const* first;
    std::size_t count;
    std::atomic<const version*> active;
    std::atomic<features> cpu;             // of this machine; valid when `active` is set
    std::atomic<status> environment;       // likewise

    TERN_INLINE constexpr any_table(const version* const* first_, std::size_t count_) noexcept
        : first(first_), count(count_), active(nullptr), cpu(0), environment(status::ok) {}
};

namespace detail {

// Not always_inline, because they are long and rare; the tag keeps apart what is compiled with different flags.
inline namespace TERN_ISA_NAMESPACE {

/// bad_value: no architecture of that name in the table; unsupported: not on this CPU.
[[nodiscard]] inline status find(const any_table& t, const char* name, features cpu, const version*& found) noexcept {
    for (std::size_t i = 0; i < t.count; ++i) {
        if (std::strcmp(t.first[i]->name, name) != 0) continue;
        if ((t.first[i]->required & ~cpu) != 0) return status::unsupported;
        found = t.first[i];
        return status::ok;
    }
    return status::bad_value;
}

/// The first use of a table. Threads that meet here come to the same result.
inline const version* decide(any_table& t) noexcept {
    const features cpu = detected_features();
    const version* best = t.first[0];
    for (std::size_t i = 1; i < t.count; ++i)
        if ((t.first[i]->required & ~cpu) == 0) best = t.first[i];
    const char* wish = std::getenv("TERN_ARCH");
    const status s = wish == nullptr || *wish == '\0' ? status::ok : find(t, wish, cpu, best);
    t.cpu.store(cpu, std::memory_order_relaxed);
    t.environment.store(s, std::memory_order_relaxed);
    const version* none = nullptr;  // a thread that forced a choice in the meantime keeps it
    return t.active.compare_exchange_strong(none, best, std::memory_order_acq_rel) ? best : none;
}

}  // namespace TERN_ISA_NAMESPACE

}  // namespace detail

template <class Functions>
class table : any_table {
public:
    using functions_type = Functions;

    template <std::size_t Count>
    TERN_INLINE constexpr explicit table(const version* const (&versions)[Count]) noexcept
        : any_table(versions, Count) {}

    /// The functions of the chosen architecture.
    [[nodiscard]] TERN_INLINE const Functions& operator*() noexcept {
        return static_cast<const version_of<Functions>&>(chosen()).functions;
    }
    [[nodiscard]] TERN_INLINE const Functions* operator->() noexcept { return &**this; }

    /// Architectures that were compiled, from few instructions to many.
    [[nodiscard]] TERN_INLINE std::size_t size() const noexcept { return count; }
    [[nodiscard]] TERN_INLINE const version& operator[](std::size_t i) const noexcept { return *first[i]; }
    /// Whether this CPU can run one of them.
    [[nodiscard]] TERN_INLINE bool available(const version& v) noexcept {
        static_cast<void>(chosen());
        return (v.required & ~cpu.load(std::memory_order_relaxed)) == 0;
    }
    /// The name of the chosen one.
    [[nodiscard]] TERN_INLINE const char* active_name() noexcept { return chosen().name; }

    /// Chooses an architecture by name. bad_value: none of that name was compiled; unsupported: this CPU cannot run it;
    /// null_pointer. The choice then stays as it was.
    [[nodiscard]] TERN_INLINE status force(const char* name) noexcept {
        if (name == nullptr) return status::null_pointer;
        static_cast<void>(chosen());
        const version* found = nullptr;
        const status s = detail::find(*this, name, cpu.load(std::memory_order_relaxed), found);
        if (s == status::ok) active.store(found, std::memory_order_release);
        return s;
    }
    /// What became of the environment variable TERN_ARCH: ok if it was followed or not set, otherwise as `force` says,
    /// and the best architecture was chosen instead.
    [[nodiscard]] TERN_INLINE status environment_status() noexcept {
        static_cast<void>(chosen());
        return environment.load(std::memory_order_relaxed);
    }

private:
    TERN_INLINE const version& chosen() noexcept {
        const version* v = active.load(std::memory_order_acquire);
        return v != nullptr ? *v : *detail::decide(*this);
    }
};

}  // namespace tern::dispatch

#define TERN_DETAIL_VERSION_EXPANDED(which, arch) which##_version_##arch
#define TERN_DETAIL_VERSION(which, arch) TERN_DETAIL_VERSION_EXPANDED(which, arch)
#define TERN_DETAIL_VERSION_OF(which) const ::tern::dispatch::version_of<decltype(which)::functions_type>
#define TERN_DETAIL_DECLARE_VERSION(which, arch) \
    extern TERN_DETAIL_VERSION_OF(which) TERN_DETAIL_VERSION(which, arch);
#define TERN_DETAIL_LIST_VERSION(which, arch) &TERN_DETAIL_VERSION(which, arch),

#if TERN_DISPATCH_FIRST
#define TERN_DETAIL_DEFINE_TABLE(which)                                           \
    TERN_DISPATCH_EACH(TERN_DETAIL_DECLARE_VERSION, which)                        \
    static constexpr const ::tern::dispatch::version* which##_versions[] = {      \
        TERN_DISPATCH_EACH(TERN_DETAIL_LIST_VERSION, which)};                     \
    ::tern::dispatch::table<decltype(which)::functions_type> which(which##_versions);
#else
#define TERN_DETAIL_DEFINE_TABLE(which)
#endif

/// TERN_DISPATCH_TABLE(table, functions...); this architecture's version of the functions, in the order of the set's
/// members; in one of the translation units the table itself. Stands in the namespace where the table is declared.
/// All of it is constant data, so no code of an architecture runs before it is chosen.
#define TERN_DISPATCH_TABLE(which, ...)                                                                     \
    TERN_DETAIL_DECLARE_VERSION(which, TERN_DISPATCH_ARCH)                                                  \
    constexpr TERN_DETAIL_VERSION_OF(which) TERN_DETAIL_VERSION(which, TERN_DISPATCH_ARCH){                 \
        {::tern::arch::name(::tern::dispatch::this_arch{}), ::tern::dispatch::compiled_features()},         \
        {__VA_ARGS__}};                                                                                     \
    TERN_DETAIL_DEFINE_TABLE(which)                                                                         \
    static_assert(::tern::arch::compiled(::tern::dispatch::this_arch{}), "")
