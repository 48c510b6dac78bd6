# SPDX-License-Identifier: MIT
# Run-time dispatch: sources that are compiled once for each architecture (tern/dispatch/table.hpp), and the target
# tern::dispatch, which holds the library's own products (tern/dispatch.hpp).
include(CheckCXXCompilerFlag)

# Every architecture that this target system may have, from few instructions to many.
function(tern_dispatch_architectures result)
    set(all scalar)
    if(NOT MSVC AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64|i[3-6]86)$")
        list(APPEND all sse4 avx2 avx512 avx512_vnni avx512_vpopcntdq)
    elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64|ARM64)$")
        list(APPEND all neon dotprod i8mm sve)
    endif()
    set(${result} ${all} PARENT_SCOPE)
endfunction()

# tern_add_dispatched(<target> SOURCES <file>... [ARCHITECTURES <name>...])
#   Adds the sources to the target, once for each architecture that the compiler knows, with that architecture's flags
#   and TERN_DISPATCH_ARCH=<name>. `scalar`, which needs no flags, is always among them.
function(tern_add_dispatched target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;ARCHITECTURES")
    if(NOT TARGET ${target} OR NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "tern_add_dispatched(<target> SOURCES <file>... [ARCHITECTURES <name>...])")
    endif()
    include("${CMAKE_CURRENT_FUNCTION_LIST_DIR}/tern-architectures.cmake")  # here, whatever directory calls
    tern_dispatch_architectures(known)
    if(NOT arg_ARCHITECTURES)
        set(arg_ARCHITECTURES ${known})
    endif()
    set(chosen scalar)
    foreach(arch IN LISTS arg_ARCHITECTURES)
        if(NOT DEFINED tern_architecture_flags_${arch})
            message(FATAL_ERROR "tern_add_dispatched: unknown architecture '${arch}'")
        endif()
    endforeach()
    # In the order of `known`, whatever the caller's: the last that a CPU has is the best.
    foreach(arch IN LISTS known)
        if(arch STREQUAL "scalar" OR NOT arch IN_LIST arg_ARCHITECTURES)
            continue()
        endif()
        list(JOIN tern_architecture_flags_${arch} " " flags)
        check_cxx_compiler_flag("${flags}" TERN_COMPILER_KNOWS_${arch})
        if(TERN_COMPILER_KNOWS_${arch})
            list(APPEND chosen ${arch})
        endif()
    endforeach()

    set(each "")
    foreach(arch IN LISTS chosen)
        string(APPEND each " each(which, ${arch})")
    endforeach()
    foreach(source IN LISTS arg_SOURCES)
        get_filename_component(source "${source}" ABSOLUTE)
        get_filename_component(name "${source}" NAME_WE)
        string(SHA1 where "${source}")
        string(SUBSTRING "${where}" 0 8 where)  # sources of one name in two directories
        foreach(arch IN LISTS chosen)
            set(first 0)
            if(arch STREQUAL "scalar")
                set(first 1)
            endif()
            set(wrapper "${CMAKE_CURRENT_BINARY_DIR}/tern_dispatch/${target}/${name}_${where}.${arch}.cpp")
            file(CONFIGURE OUTPUT "${wrapper}" @ONLY CONTENT
"// Written by tern_add_dispatched().
#define TERN_DISPATCH_ARCH @arch@
#define TERN_DISPATCH_FIRST @first@
#define TERN_DISPATCH_EACH(each, which)@each@
#include \"@source@\"
")
            set_source_files_properties("${wrapper}" TARGET_DIRECTORY ${target}
                                        PROPERTIES COMPILE_OPTIONS "${tern_architecture_flags_${arch}}"
                                        SKIP_PRECOMPILE_HEADERS ON SKIP_UNITY_BUILD_INCLUSION ON)
            target_sources(${target} PRIVATE "${wrapper}")
        endforeach()
    endforeach()
endfunction()

# tern::dispatch, compiled in the build of whoever links it, for the architectures of the list
# TERN_DISPATCH_ARCHITECTURES or, without one, for all.
function(tern_add_dispatch_library)
    if(TARGET tern_dispatch)
        return()
    endif()
    add_library(tern_dispatch STATIC EXCLUDE_FROM_ALL)
    add_library(tern::dispatch ALIAS tern_dispatch)
    target_link_libraries(tern_dispatch PUBLIC tern::tern)
    set_target_properties(tern_dispatch PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_EXTENSIONS OFF)
    tern_add_dispatched(tern_dispatch SOURCES "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/dispatch/kernels.cpp"
                        ARCHITECTURES ${TERN_DISPATCH_ARCHITECTURES})
endfunction()
