# SPDX-License-Identifier: MIT
# Cortex-M boards as qemu knows them, and firmware for them from within a build for this machine. Start-up, linker
# script and semihosting are those of examples/cortex_m. Found, not required: without arm-none-eabi-g++ there is no
# firmware, without qemu-system-arm it is built, but not run.
include_guard(DIRECTORY)
find_program(TERN_ARM_NONE_EABI arm-none-eabi-g++)
find_program(TERN_QEMU_SYSTEM_ARM qemu-system-arm)
mark_as_advanced(TERN_ARM_NONE_EABI TERN_QEMU_SYSTEM_ARM)

set(tern_board_directory ${CMAKE_CURRENT_LIST_DIR}/../examples/cortex_m)
set(tern_boards microbit mps2_an385 mps2_an386 mps2_an500 mps2_an505 mps3_an547 mps3_an547_no_mve)

# tern_board(<name> <machine> <core's flags> <flash origin> <bytes> <RAM origin> <bytes> <clock>)
function(tern_board name machine core flash flash_bytes ram ram_bytes hz)
    set(tern_board_machine_${name} ${machine} PARENT_SCOPE)
    set(tern_board_flags_${name} "${core};-mthumb;-DTERN_BOARD_HZ=${hz}u;-DTERN_BOARD_NAME=\"${name}\"" PARENT_SCOPE)
    set(tern_board_memory_${name}
        "-Wl,--defsym=flash_origin=${flash},--defsym=flash_bytes=${flash_bytes},--defsym=ram_origin=${ram},--defsym=ram_bytes=${ram_bytes}"
        PARENT_SCOPE)
endfunction()

tern_board(microbit microbit "-mcpu=cortex-m0;-Os" 0 256K 0x20000000 16K 16000000)
tern_board(mps2_an385 mps2-an385 "-mcpu=cortex-m3;-O2" 0 4M 0x20000000 4M 25000000)
tern_board(mps2_an386 mps2-an386 "-mcpu=cortex-m4;-mfloat-abi=soft;-O2" 0 4M 0x20000000 4M 25000000)
tern_board(mps2_an500 mps2-an500 "-mcpu=cortex-m7;-mfpu=fpv5-d16;-mfloat-abi=hard;-O2" 0 4M 0x20000000 4M 25000000)
tern_board(mps2_an505 mps2-an505 "-mcpu=cortex-m33;-mfloat-abi=soft;-O2" 0x10000000 4M 0x38000000 4M 20000000)
tern_board(mps3_an547 mps3-an547 "-mcpu=cortex-m55;-mfloat-abi=hard;-O2" 0 512K 0x20000000 512K 32000000)
tern_board(mps3_an547_no_mve mps3-an547 "-mcpu=cortex-m55+nomve;-mfloat-abi=hard;-O2" 0 512K 0x20000000 512K 32000000)

# tern_add_firmware(<target> BOARD <board> SOURCES <file>... [INCLUDES <directory>...] [DEFINES <name>...] [DEPENDS ...])
# The program <target>.elf, part of `all` where tests are built. SOURCES define `bool program()` (board.hpp).
function(tern_add_firmware target)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "BOARD" "SOURCES;INCLUDES;DEFINES;DEPENDS")
    get_target_property(warnings tern_warnings INTERFACE_COMPILE_OPTIONS)
    list(TRANSFORM arg_SOURCES PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
    list(TRANSFORM arg_INCLUDES PREPEND -I)
    list(TRANSFORM arg_DEFINES PREPEND -D)
    set(objects "")
    foreach(source IN LISTS arg_SOURCES ITEMS ${tern_board_directory}/startup.cpp)
        get_filename_component(name ${source} NAME_WE)
        set(object ${CMAKE_CURRENT_BINARY_DIR}/${target}_${name}.o)
        list(APPEND objects ${object})
        add_custom_command(
            OUTPUT ${object}
            COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} ${TERN_ARM_NONE_EABI} -std=c++17 ${tern_board_flags_${arg_BOARD}}
                    ${warnings} -ffreestanding -fno-exceptions -fno-rtti -fno-threadsafe-statics -ffunction-sections
                    -fdata-sections ${arg_DEFINES} -I${PROJECT_SOURCE_DIR}/include -I${tern_board_directory} ${arg_INCLUDES}
                    -MD -MF ${object}.d -c ${source} -o ${object}
            DEPENDS ${source} ${arg_DEPENDS}
            DEPFILE ${object}.d
            VERBATIM)
    endforeach()
    set(program ${CMAKE_CURRENT_BINARY_DIR}/${target}.elf)
    add_custom_command(
        OUTPUT ${program}
        COMMAND ${TERN_ARM_NONE_EABI} ${tern_board_flags_${arg_BOARD}} -nostartfiles --specs=nano.specs -Wl,--gc-sections
                -T ${tern_board_directory}/board.ld ${tern_board_memory_${arg_BOARD}} ${objects} -o ${program}
        DEPENDS ${objects} ${tern_board_directory}/board.ld
        VERBATIM)
    if(TERN_BUILD_TESTS)
        add_custom_target(${target} ALL DEPENDS ${program})
    else()
        add_custom_target(${target} DEPENDS ${program})
    endif()
    set(run ${TERN_QEMU_SYSTEM_ARM} -M ${tern_board_machine_${arg_BOARD}} -display none -monitor none -serial none
            -semihosting-config enable=on,target=native -icount shift=0,sleep=off -kernel ${program})
    if(TERN_QEMU_SYSTEM_ARM)
        add_custom_target(run_${target} COMMAND ${run} DEPENDS ${program} USES_TERMINAL VERBATIM)
        if(TERN_BUILD_TESTS)
            add_test(NAME ${target} COMMAND ${run})
            set_tests_properties(${target} PROPERTIES LABELS baremetal TIMEOUT 300)
        endif()
    endif()
endfunction()
