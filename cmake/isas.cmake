# SPDX-License-Identifier: MIT
# Instruction sets that kernel tests are built for, each as a set of compiler flags.
#
#   TERN_TEST_ISAS               those of this build; a subset of what follows, from few instructions to many
#   tern_isa_flags_<isa>         compiler flags
#   tern_isa_expect_<isa>        architectures that must have run in such a test (tests/main.cpp)
#   tern_isa_leave_out_<isa>     architectures that an instruction set before it covers already; arch::simd is never
#                                among them, because its registers grow with the flags
#   tern_isa_runs_<isa>          whether this machine, or the emulator, can execute it
include(CheckCXXCompilerFlag)
include(${CMAKE_CURRENT_LIST_DIR}/tern-architectures.cmake)

set(tern_isa_flags_baseline "")
foreach(isa sse4 avx2 avx512)
    set(tern_isa_flags_${isa} ${tern_architecture_flags_${isa}})
endforeach()
set(tern_isa_flags_native -march=native)
#   TERN_TEST_BYTES_ISAS         instruction sets that change products of bytes alone: only their tests are built for them
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64|ARM64)$")
    set(tern_default_bytes_isas dotprod i8mm)
endif()
foreach(isa dotprod i8mm)
    set(tern_isa_flags_${isa} ${tern_architecture_flags_${isa}})
    set(tern_isa_expect_${isa} ${isa})
endforeach()
set(TERN_TEST_BYTES_ISAS "${tern_default_bytes_isas}" CACHE STRING "Instruction sets to build tests of byte products for: dotprod i8mm")

set(tern_isa_expect_baseline all)
set(tern_isa_expect_sse4 sse4,all)
set(tern_isa_expect_avx2 avx2,all)
set(tern_isa_expect_avx512 avx512,all)
set(tern_isa_expect_native all)

set(tern_isa_covers_baseline scalar)
set(tern_isa_covers_sse4 scalar sse4)
set(tern_isa_covers_avx2 scalar sse4 avx2)
set(tern_isa_covers_avx512 scalar sse4 avx2 avx512)
set(tern_isa_covers_native "")

if(CMAKE_CROSSCOMPILING)
    set(tern_default_isas baseline)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    # Not sse4: the kernels of arch::sse4 are compiled for avx2 as well, and run as SSE4 in the test of dispatch.hpp.
    set(tern_default_isas baseline avx2 native)
else()
    set(tern_default_isas baseline native)
endif()
set(TERN_TEST_ISAS "${tern_default_isas}" CACHE STRING "Instruction sets to build kernel tests for: baseline sse4 avx2 avx512 native")

set(TERN_TEST_LEAVE_OUT "" CACHE STRING "Architectures that kernel tests leave out, to save time")

# cpu_runs.cpp is compiled for the baseline and asks the CPU.
function(tern_check_isa isa)
    set(tern_isa_runs_${isa} TRUE)
    if(isa MATCHES "^(sse|avx)")
        if(NOT DEFINED TERN_CPU_RUNS_${isa})
            try_run(TERN_CPU_RUNS_${isa} compiled ${CMAKE_CURRENT_BINARY_DIR}/isas
                    ${PROJECT_SOURCE_DIR}/cmake/cpu_runs.cpp COMPILE_DEFINITIONS -DTERN_ASK_FOR=${isa})
        endif()
        if(NOT TERN_CPU_RUNS_${isa} STREQUAL "0")
            set(tern_isa_runs_${isa} FALSE)
            message(STATUS "tern: tests for ${isa} are compiled, but this CPU cannot run them")
        endif()
    endif()
    set(tern_isa_runs_${isa} ${tern_isa_runs_${isa}} PARENT_SCOPE)
endfunction()

set(tern_covered "")
foreach(isa IN LISTS TERN_TEST_ISAS)
    if(NOT isa MATCHES "^(baseline|sse4|avx2|avx512|native)$")
        message(FATAL_ERROR "tern: TERN_TEST_ISAS names '${isa}'; known are baseline sse4 avx2 avx512 native")
    endif()
    list(JOIN tern_isa_flags_${isa} " " tern_isa_line)
    check_cxx_compiler_flag("${tern_isa_line}" TERN_COMPILER_KNOWS_${isa})
    if(TERN_COMPILER_KNOWS_${isa})
        tern_check_isa(${isa})
        set(tern_isa_leave_out_${isa} ${tern_covered} ${TERN_TEST_LEAVE_OUT})
        if(tern_isa_runs_${isa})
            list(APPEND tern_covered ${tern_isa_covers_${isa}})
        endif()
    else()
        list(REMOVE_ITEM TERN_TEST_ISAS ${isa})
        message(STATUS "tern: no tests for ${isa}: the compiler does not know '${tern_isa_line}'")
    endif()
endforeach()
foreach(isa IN LISTS TERN_TEST_BYTES_ISAS)
    if(NOT isa MATCHES "^(dotprod|i8mm)$")
        message(FATAL_ERROR "tern: TERN_TEST_BYTES_ISAS names '${isa}'; known are dotprod i8mm")
    endif()
    list(JOIN tern_isa_flags_${isa} " " tern_isa_line)
    check_cxx_compiler_flag("${tern_isa_line}" TERN_COMPILER_KNOWS_${isa})
    if(TERN_COMPILER_KNOWS_${isa})
        # On a board the CPU may lack it; qemu-user's default CPU has everything.
        set(tern_isa_runs_${isa} ${CMAKE_CROSSCOMPILING})
        set(tern_isa_leave_out_${isa} ${tern_covered} simd neon ${TERN_TEST_LEAVE_OUT})
        if(isa STREQUAL "i8mm")
            list(APPEND tern_isa_leave_out_${isa} dotprod)
        endif()
    else()
        list(REMOVE_ITEM TERN_TEST_BYTES_ISAS ${isa})
        message(STATUS "tern: no tests for ${isa}: the compiler does not know '${tern_isa_line}'")
    endif()
endforeach()
message(STATUS "tern: kernel tests for ${TERN_TEST_ISAS} ${TERN_TEST_BYTES_ISAS}")
