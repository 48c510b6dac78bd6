# SPDX-License-Identifier: MIT
# Lists every header from outside that tern's headers bring in by their own #include lines, one by one, and fails on any
# that a freestanding core has no business with. (`limits` and the like bring others along; that is the compiler's.)
#
#   ROOT       directory that holds tern/
#   SKIP       regular expression of headers to leave out
#   COMPILER  FLAGS   preprocess each header for the target: only what is included there counts
#   SCRATCH    directory for the sources
cmake_minimum_required(VERSION 3.21)
separate_arguments(COMPILER UNIX_COMMAND "${COMPILER}")
separate_arguments(FLAGS UNIX_COMMAND "${FLAGS}")

set(allowed cstddef cstdint limits type_traits cstring arm_acle.h arm_mve.h)
file(GLOB_RECURSE headers RELATIVE ${ROOT} ${ROOT}/*.hpp)
set(count 0)
set(found "")
foreach(header IN LISTS headers)
    if(SKIP AND header MATCHES "${SKIP}")
        continue()
    endif()
    math(EXPR count "${count} + 1")
    # -H prints each file that is read, with a dot a level: level 2 below a header of ours is what that header names.
    file(WRITE ${SCRATCH}/includes.cpp "#include <${header}>\n")
    execute_process(COMMAND ${COMPILER} ${FLAGS} -I${ROOT} -H -E ${SCRATCH}/includes.cpp -o ${SCRATCH}/includes.txt
                    ERROR_VARIABLE tree RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "${header} does not compile:\n${tree}")
    endif()
    string(REPLACE "\n" ";" tree "${tree}")
    set(ours 0)  # deepest level, so far, at which a header of ours is open
    foreach(line IN LISTS tree)
        if(NOT line MATCHES "^(\\.+) (.*)$")
            continue()
        endif()
        string(LENGTH "${CMAKE_MATCH_1}" level)
        set(file "${CMAKE_MATCH_2}")
        if(file MATCHES "/tern/[^;]*\\.hpp$")
            set(ours ${level})
        elseif(level LESS_EQUAL ours OR level EQUAL 1)
            math(EXPR ours "${level} - 1")
        endif()
        math(EXPR next "${ours} + 1")
        if(NOT file MATCHES "/tern/[^;]*\\.hpp$" AND level EQUAL next)
            get_filename_component(name ${file} NAME)
            list(APPEND found ${name})
        endif()
    endforeach()
endforeach()

list(REMOVE_DUPLICATES found)
list(SORT found)
set(foreign ${found})
list(REMOVE_ITEM foreign ${allowed})
message("${count} headers include from outside: ${found}; not freestanding: ${foreign}")
if(count EQUAL 0 OR foreign)
    message(FATAL_ERROR "headers that a microcontroller should not need")
endif()
