# SPDX-License-Identifier: MIT
# Bytes of code of a dot product and of a matrix-vector product, all checks included, without what is shared with
# everything else (memcpy, memset).
#
#   COMPILER  FLAGS  SIZE   compiler, its flags, the `size` that reads its objects
#   SOURCE  SCRATCH
#   DOT  GEMV               largest sizes allowed
cmake_minimum_required(VERSION 3.21)
separate_arguments(COMPILER UNIX_COMMAND "${COMPILER}")
separate_arguments(FLAGS UNIX_COMMAND "${FLAGS}")
set(count 0)
set(large "")
foreach(encoding binary ternary)
    foreach(operation GEMV DOT)
        string(COMPARE EQUAL ${operation} DOT is_dot)
        if(is_dot)
            set(is_dot 1)
        else()
            set(is_dot 0)
        endif()
        execute_process(COMMAND ${COMPILER} ${FLAGS} -DTERN_ENCODING=${encoding} -DTERN_DOT=${is_dot} -c ${SOURCE}
                                -o ${SCRATCH}/code.o COMMAND_ERROR_IS_FATAL ANY)
        execute_process(COMMAND ${SIZE} ${SCRATCH}/code.o OUTPUT_VARIABLE table COMMAND_ERROR_IS_FATAL ANY)
        if(NOT table MATCHES "\n *([1-9][0-9]*)")
            message(FATAL_ERROR "no size in: ${table}")
        endif()
        set(bytes ${CMAKE_MATCH_1})
        math(EXPR count "${count} + 1")
        message("${encoding} ${operation}: ${bytes} bytes, at most ${${operation}}")
        if(bytes GREATER ${operation})
            list(APPEND large "${encoding} ${operation}")
        endif()
    endforeach()
endforeach()
message("${count} sizes measured, too large: ${large}")
if(large OR NOT count EQUAL 4)
    message(FATAL_ERROR "code is larger than it should be")
endif()
