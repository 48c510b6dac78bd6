# SPDX-License-Identifier: MIT
# Third-party packages: what is installed is used; what is not is fetched at a pinned release, where that is allowed.
include(FetchContent)

# tern_require(<package> <target> <repository> <tag>): the target exists afterwards, or the configuration stops.
macro(tern_require package target repository tag)
    if(NOT TARGET ${target})
        find_package(${package} CONFIG QUIET)
    endif()
    if(NOT TARGET ${target})
        if(NOT TERN_FETCH_DEPENDENCIES)
            message(FATAL_ERROR "tern: ${package} is not installed, and TERN_FETCH_DEPENDENCIES is OFF")
        endif()
        message(STATUS "tern: ${package} is not installed, fetching ${tag}")
        FetchContent_Declare(${package} GIT_REPOSITORY ${repository} GIT_TAG ${tag} GIT_SHALLOW ON)
        FetchContent_MakeAvailable(${package})
    endif()
endmacro()

macro(tern_require_doctest)
    set(DOCTEST_WITH_TESTS OFF CACHE INTERNAL "")
    set(DOCTEST_WITH_MAIN_IN_STATIC_LIB OFF CACHE INTERNAL "")
    set(DOCTEST_NO_INSTALL ON CACHE INTERNAL "")
    tern_require(doctest doctest::doctest https://github.com/doctest/doctest.git v2.5.2)
endmacro()

macro(tern_require_benchmark)
    set(BENCHMARK_ENABLE_TESTING OFF CACHE INTERNAL "")
    set(BENCHMARK_ENABLE_WERROR OFF CACHE INTERNAL "")
    set(BENCHMARK_ENABLE_INSTALL OFF CACHE INTERNAL "")
    tern_require(benchmark benchmark::benchmark https://github.com/google/benchmark.git v1.9.5)
endmacro()

# xsimd is optional, and may lie on the include path without a package file, so it is fetched only when neither is there.
function(tern_fetch_xsimd)
    tern_find_xsimd(directories)
    if(NOT directories)
        set(XSIMD_SKIP_INSTALL ON CACHE INTERNAL "")
        tern_require(xsimd xsimd https://github.com/xtensor-stack/xsimd.git 14.3.0)
    endif()
endfunction()
