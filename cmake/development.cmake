# SPDX-License-Identifier: MIT
# For building tern itself: warnings as a target that is never exported, ccache, an optimised build by default.

add_library(tern_warnings INTERFACE)
if(NOT MSVC)
    target_compile_options(tern_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow
                                                   -Wold-style-cast -Wundef -Werror)
endif()

set(CMAKE_CXX_EXTENSIONS OFF)

if(PROJECT_IS_TOP_LEVEL)
    get_property(tern_multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
    if(NOT tern_multi_config AND NOT CMAKE_BUILD_TYPE)
        set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
    endif()
    find_program(TERN_CCACHE ccache)
    mark_as_advanced(TERN_CCACHE)
    if(TERN_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
        set(CMAKE_CXX_COMPILER_LAUNCHER "${TERN_CCACHE}")
    endif()
endif()
