# SPDX-License-Identifier: MIT
# The linker keeps one copy of each weak symbol, from whichever object comes first. A function of tern's that lacks the
# instruction-set namespace `isa_...` in its name could thus run AVX-512 on a CPU without it. Compiles a source at -O0,
# where nothing is inlined that need not be, and fails on such a symbol.
#
#   COMPILER  FLAGS   command and flags, as one would type them
#   SOURCE  NM        what to compile, and the nm that reads the object
#   EVERY             if true, any weak function counts, std::'s too, and no static constructor may be left
#   SCRATCH           directory for the object
cmake_minimum_required(VERSION 3.21)
separate_arguments(COMPILER UNIX_COMMAND "${COMPILER}")
separate_arguments(FLAGS UNIX_COMMAND "${FLAGS}")

execute_process(COMMAND ${COMPILER} ${FLAGS} -O0 -c ${SOURCE} -o ${SCRATCH}/symbols.o COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${NM} --defined-only ${SCRATCH}/symbols.o OUTPUT_VARIABLE table COMMAND_ERROR_IS_FATAL ANY)

# Itanium mangling: a name in namespace tern holds `4tern`; weak symbols are V and W, unique globals u.
string(REGEX MATCHALL "[^\n]+ [VWu] [^\n]+" weak "${table}")
set(tern ${weak})
list(FILTER tern INCLUDE REGEX "4tern")
set(untagged ${tern})
if(EVERY)
    # What clang calls before it ends a program that threw out of noexcept.
    set(untagged ${weak})
    list(FILTER untagged EXCLUDE REGEX "__clang_call_terminate")
endif()
list(FILTER untagged EXCLUDE REGEX "isa_[01]+")
# Constants hold no instructions, and have the same value in every object.
list(FILTER untagged EXCLUDE REGEX " [Vu] ")

if(EVERY)
    string(REGEX MATCHALL "[^\n]+ [tT] [^\n]*_GLOBAL__[^\n]+" constructors "${table}")
    list(APPEND untagged ${constructors})
endif()

list(LENGTH weak all)
list(LENGTH tern ours)
list(LENGTH untagged faults)
foreach(symbol IN LISTS untagged)
    message("without an instruction set in the name, or run before main: ${symbol}")
endforeach()
message("${all} weak symbols, ${ours} of tern's, ${faults} faults")
if(ours EQUAL 0 OR NOT faults EQUAL 0)
    message(FATAL_ERROR "symbols that two builds would share")
endif()
