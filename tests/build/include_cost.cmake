# SPDX-License-Identifier: MIT
# The time that one include adds to a compilation: the best of up to five tries, so that a busy machine does not decide.
#
#   COMPILER  FLAGS   command and flags, as one would type them
#   HEADER  LIMIT     <tern/...>, milliseconds
#   SCRATCH           directory for the source
cmake_minimum_required(VERSION 3.23)
separate_arguments(COMPILER UNIX_COMMAND "${COMPILER}")
separate_arguments(FLAGS UNIX_COMMAND "${FLAGS}")

file(WRITE ${SCRATCH}/cost.cpp "#include <${HEADER}>\n")
set(best 1000000)
foreach(try RANGE 1 5)
    string(TIMESTAMP start "%s%f")
    execute_process(COMMAND ${COMPILER} ${FLAGS} -c ${SCRATCH}/cost.cpp -o ${SCRATCH}/cost.o COMMAND_ERROR_IS_FATAL ANY)
    string(TIMESTAMP stop "%s%f")
    math(EXPR elapsed "(${stop} - ${start}) / 1000")
    if(elapsed LESS best)
        set(best ${elapsed})
    endif()
    if(best LESS LIMIT)
        break()
    endif()
endforeach()

message("${HEADER} costs ${best} ms, limit ${LIMIT} ms")
if(NOT best LESS LIMIT)
    message(FATAL_ERROR "too expensive to include")
endif()
