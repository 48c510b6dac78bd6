# SPDX-License-Identifier: MIT
# Whatever instruction set an architecture's flags enable, asked for or brought along, has to be among those that
# <tern/dispatch/cpu.hpp> looks for in the CPU. Compares the macros that a compiler defines with the flags and without.
#
#   COMPILER  BASE  FLAGS   command, flags that do not count, and the architecture's, as one would type them
#   HEADER                  cpu.hpp
#   SCRATCH                 directory for an empty source
cmake_minimum_required(VERSION 3.21)
foreach(command COMPILER BASE FLAGS)
    separate_arguments(${command} UNIX_COMMAND "${${command}}")
endforeach()
file(WRITE ${SCRATCH}/empty.cpp "")

# Not instructions: what follows from others, or names of the same.
set(known __XSAVE__ __BIGGEST_ALIGNMENT__ __EVEX256__ __EVEX512__ __ARM_FEATURE_SVE_BITS
    __ARM_FEATURE_SVE_VECTOR_OPERATORS)
file(READ ${HEADER} text)
set(name "__([A-Z0-9_]+__|ARM_FEATURE_[A-Z0-9_]+)")  # Arm's end without underscores
string(REGEX MATCHALL "defined\\(${name}\\)" asked "${text}")
list(TRANSFORM asked REPLACE "defined\\((.*)\\)" "\\1")
list(APPEND known ${asked})

function(macros result)
    execute_process(COMMAND ${COMPILER} ${BASE} ${ARGN} -dM -E ${SCRATCH}/empty.cpp OUTPUT_VARIABLE all
                    COMMAND_ERROR_IS_FATAL ANY)
    string(REGEX MATCHALL "#define ${name} " all "${all}")
    list(TRANSFORM all REPLACE "#define (.*) " "\\1")
    set(${result} ${all} PARENT_SCOPE)
endfunction()

macros(without)
macros(with ${FLAGS})
list(REMOVE_ITEM with ${without})
list(LENGTH with count)
list(REMOVE_ITEM with ${known})
list(LENGTH with faults)
message("${count} macros that the flags add, ${faults} that cpu.hpp does not know: ${with}")
if(count EQUAL 0 OR NOT faults EQUAL 0)
    message(FATAL_ERROR "instructions that would be used without being asked for")
endif()
