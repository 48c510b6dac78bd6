// SPDX-License-Identifier: MIT
// Starts the firmware without an operating system's run-time library and ends it with Linux's system call `exit`, so
// that the very code that was compiled for a Cortex-M0 can run under qemu-arm. No static constructor is called: the
// library has none.
extern "C" int firmware();

extern "C" [[noreturn]] void _start();
void _start() {
    register int answer asm("r0") = firmware();
    register int exit_call asm("r7") = 1;
    asm volatile("svc #0" : : "r"(answer), "r"(exit_call));
    __builtin_unreachable();
}
