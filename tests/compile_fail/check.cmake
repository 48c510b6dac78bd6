# SPDX-License-Identifier: MIT
# A mistake in types has to be answered by a sentence. The source compiles as it is; with TERN_WRONG it does not, and
# the compiler prints the sentence behind `// expect:`.
#
#   COMPILER  FLAGS   command and flags, as one would type them
#   SOURCE
cmake_minimum_required(VERSION 3.21)
separate_arguments(COMPILER UNIX_COMMAND "${COMPILER}")
separate_arguments(FLAGS UNIX_COMMAND "${FLAGS}")

file(STRINGS ${SOURCE} sentence REGEX "^// expect: ")
string(REPLACE "// expect: " "" sentence "${sentence}")
string(REPLACE "\\;" ";" sentence "${sentence}")  # file(STRINGS) makes a list
if(sentence STREQUAL "")
    message(FATAL_ERROR "no sentence to expect")
endif()

execute_process(COMMAND ${COMPILER} ${FLAGS} -fsyntax-only ${SOURCE} RESULT_VARIABLE right ERROR_VARIABLE text)
if(NOT right EQUAL 0)
    message(FATAL_ERROR "does not compile even without the mistake:\n${text}")
endif()

execute_process(COMMAND ${COMPILER} ${FLAGS} -DTERN_WRONG -fsyntax-only ${SOURCE} RESULT_VARIABLE wrong ERROR_VARIABLE text)
if(wrong EQUAL 0)
    message(FATAL_ERROR "the mistake compiles")
endif()
string(FIND "${text}" "${sentence}" position)
if(position EQUAL -1)
    message(FATAL_ERROR "does not compile, but says something else:\n${text}")
endif()
message("refused with: ${sentence}")
