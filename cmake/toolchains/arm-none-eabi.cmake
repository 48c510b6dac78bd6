# SPDX-License-Identifier: MIT
# Bare-metal Cortex-M with arm-none-eabi-g++ and newlib. The core is yours to name:
#   cmake -S your_firmware -B build -DCMAKE_TOOLCHAIN_FILE=.../arm-none-eabi.cmake -DTERN_CORE="-mcpu=cortex-m33"
# Start-up code and linker script are the firmware's own; examples/cortex_m has a small set.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES TERN_CORE)
set(TERN_CORE "-mcpu=cortex-m4" CACHE STRING "Flags of the core: -mcpu=..., -mfloat-abi=..., -mfpu=...")
set(CMAKE_CXX_FLAGS_INIT "${TERN_CORE} -mthumb -ffunction-sections -fdata-sections -fno-exceptions -fno-rtti -fno-threadsafe-statics")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-nostartfiles --specs=nano.specs -Wl,--gc-sections")
