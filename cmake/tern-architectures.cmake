# SPDX-License-Identifier: MIT
# Compiler flags of each architecture tag: exactly what the tag needs (TERN_HAS_* in config.hpp), and what every
# CPU that has it has as well. The one list for tests (isas.cmake) and run-time dispatch (tern-dispatch.cmake).
set(tern_architecture_flags_scalar "")
set(tern_architecture_flags_neon "")
# GCC lets nobody have the intrinsics without the rest of ARMv8.2, which every such CPU has.
set(tern_architecture_flags_dotprod -march=armv8.2-a+dotprod)
set(tern_architecture_flags_i8mm -march=armv8.2-a+dotprod+i8mm)
set(tern_architecture_flags_sve -march=armv8.2-a+dotprod+i8mm+sve)
set(tern_architecture_flags_sse4 -mssse3 -msse4.1)
set(tern_architecture_flags_avx2 -mavx2 -mfma -mbmi -mbmi2 -mpopcnt)
set(tern_architecture_flags_avx512 ${tern_architecture_flags_avx2} -mavx512f -mavx512bw -mavx512vl -mavx512dq)
set(tern_architecture_flags_avx512_vnni ${tern_architecture_flags_avx512} -mavx512vnni)
set(tern_architecture_flags_avx512_vpopcntdq ${tern_architecture_flags_avx512_vnni} -mavx512vpopcntdq -mavx512bitalg
                                             -mavx512vbmi)
