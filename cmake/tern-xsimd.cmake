# SPDX-License-Identifier: MIT
# Gives a target the include path of xsimd, in the source tree and in an installed tern alike.
#
# Only the path is taken from the package, never its target: xsimd is headers, and Debian 12's target links a library
# `xtl` that is not there. Without xsimd the library works as well; arch::simd then is arch::scalar.

function(tern_find_xsimd result)
    if(NOT TARGET xsimd)
        find_package(xsimd CONFIG QUIET)
    endif()
    if(TARGET xsimd)
        get_target_property(directories xsimd INTERFACE_INCLUDE_DIRECTORIES)
    endif()
    if(NOT directories)
        # No package file for this target: a cross build, or bare headers.
        find_path(TERN_XSIMD_INCLUDE_DIR xsimd/xsimd.hpp DOC "Directory that holds xsimd/xsimd.hpp")
        mark_as_advanced(TERN_XSIMD_INCLUDE_DIR)
        set(directories "${TERN_XSIMD_INCLUDE_DIR}")
    endif()
    set(${result} "${directories}" PARENT_SCOPE)
endfunction()

function(tern_use_xsimd target)
    if(NOT TERN_WITH_XSIMD)
        # A compiler may find xsimd on its own; this keeps it out.
        target_compile_definitions(${target} INTERFACE TERN_HAS_XSIMD=0)
        return()
    endif()
    tern_find_xsimd(directories)
    if(directories)
        target_include_directories(${target} SYSTEM INTERFACE "$<BUILD_INTERFACE:${directories}>")
    endif()
endfunction()
