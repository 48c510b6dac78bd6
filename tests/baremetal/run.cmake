# SPDX-License-Identifier: MIT
# Links the firmware and runs it.
#
#   COMPILER  FLAGS  RUN  SOURCES   compiler, its flags, the emulator and what to compile, as one would type them
#   SCRATCH                         directory for the program
cmake_minimum_required(VERSION 3.21)
foreach(command COMPILER FLAGS RUN SOURCES)
    separate_arguments(${command} UNIX_COMMAND "${${command}}")
endforeach()

execute_process(COMMAND ${COMPILER} ${FLAGS} ${SOURCES} -o ${SCRATCH}/firmware COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${RUN} ${SCRATCH}/firmware RESULT_VARIABLE answer)
message("the firmware answers ${answer}")
if(NOT answer EQUAL 0)
    message(FATAL_ERROR "wrong results")
endif()
