# SPDX-License-Identifier: MIT
# Compiles every header by itself, included twice, in a source of its own.
#
#   COMPILER  FLAGS   command and flags, as one would type them
#   ROOT              directory that holds tern/
#   SKIP              regular expression of headers to leave out
#   SCRATCH           directory for the sources
cmake_minimum_required(VERSION 3.21)
separate_arguments(COMPILER UNIX_COMMAND "${COMPILER}")
separate_arguments(FLAGS UNIX_COMMAND "${FLAGS}")

file(GLOB_RECURSE headers RELATIVE ${ROOT} ${ROOT}/*.hpp)
set(count 0)
set(failed "")
foreach(header IN LISTS headers)
    if(SKIP AND header MATCHES "${SKIP}")
        continue()
    endif()
    math(EXPR count "${count} + 1")
    file(WRITE ${SCRATCH}/alone.cpp "#include <${header}>\n#include <${header}>\n")
    execute_process(COMMAND ${COMPILER} ${FLAGS} -I${ROOT} -fsyntax-only ${SCRATCH}/alone.cpp
                    RESULT_VARIABLE result OUTPUT_VARIABLE text ERROR_VARIABLE text)
    if(NOT result EQUAL 0)
        list(APPEND failed ${header})
        message("${text}")
    endif()
endforeach()

list(LENGTH failed failures)
message("${count} headers compiled alone, ${failures} failed: ${failed}")
if(count EQUAL 0 OR NOT failures EQUAL 0)
    message(FATAL_ERROR "headers that do not compile alone")
endif()
