# SPDX-License-Identifier: MIT
# Runs a command that may die of a signal, which ctest itself would always call a failure, and prints how it ended.
#
#   COMMAND   as one would type it
cmake_minimum_required(VERSION 3.21)
separate_arguments(COMMAND UNIX_COMMAND "${COMMAND}")
execute_process(COMMAND ${COMMAND} RESULT_VARIABLE result OUTPUT_VARIABLE text ERROR_VARIABLE text)
message("${text}result: ${result}")
