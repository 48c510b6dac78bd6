# SPDX-License-Identifier: MIT
# Compiles a firmware source and lists what it asks of the libraries: memory functions and the compiler's own helpers
# for missing instructions, nothing else; no heap, no exception, no I/O, no static constructor.
#
#   COMPILER  FLAGS   command and flags, as one would type them
#   SOURCE  NM        what to compile, and the nm that reads the object
#   SCRATCH           directory for the object
cmake_minimum_required(VERSION 3.21)
separate_arguments(COMPILER UNIX_COMMAND "${COMPILER}")
separate_arguments(FLAGS UNIX_COMMAND "${FLAGS}")

execute_process(COMMAND ${COMPILER} ${FLAGS} -c ${SOURCE} -o ${SCRATCH}/firmware.o COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${NM} ${SCRATCH}/firmware.o OUTPUT_VARIABLE table COMMAND_ERROR_IS_FATAL ANY)

string(REGEX MATCHALL " U [^\n]+" wanted "${table}")
set(foreign ${wanted})
list(FILTER foreign EXCLUDE REGEX " U (memcpy|memset|memmove|memcmp|__aeabi_[a-z0-9]+)$")
string(REGEX MATCHALL "_GLOBAL__sub_I[^\n]+" constructors "${table}")

list(LENGTH wanted count)
message("${count} undefined symbols: ${wanted}")
if(foreign OR constructors)
    message(FATAL_ERROR "a microcontroller does not have: ${foreign} ${constructors}")
endif()
