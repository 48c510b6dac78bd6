# SPDX-License-Identifier: MIT
# Builds the consumer with the flags that pkg-config gives, and runs it.
#
#   COMPILER  FLAGS  RUN   compiler, its flags, and an emulator or nothing, as one would type them
#   PKG_CONFIG  PREFIX     the program, and where tern is installed
#   SOURCE  SCRATCH        what to compile, and where to
cmake_minimum_required(VERSION 3.21)
foreach(command COMPILER FLAGS RUN)
    separate_arguments(${command} UNIX_COMMAND "${${command}}")
endforeach()

set(ENV{PKG_CONFIG_PATH} ${PREFIX}/share/pkgconfig)
execute_process(COMMAND ${PKG_CONFIG} --cflags --libs tern OUTPUT_VARIABLE wanted OUTPUT_STRIP_TRAILING_WHITESPACE
                COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(wanted UNIX_COMMAND "${wanted}")
execute_process(COMMAND ${COMPILER} ${FLAGS} ${wanted} ${SOURCE} -o ${SCRATCH}/consumer COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${RUN} ${SCRATCH}/consumer COMMAND_ERROR_IS_FATAL ANY)
