# SPDX-License-Identifier: MIT
# Runs a program and compares its output with a file's text.
#
#   PROGRAM    command, as one would type it
#   EXPECTED   file
cmake_minimum_required(VERSION 3.21)
separate_arguments(PROGRAM UNIX_COMMAND "${PROGRAM}")

execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
file(READ ${EXPECTED} expected)
if(NOT output STREQUAL expected)
    message(FATAL_ERROR "the program prints\n${output}but the text says\n${expected}")
endif()
message("as documented:\n${output}")
