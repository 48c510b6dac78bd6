// SPDX-License-Identifier: MIT
// A Cortex-M board without an operating system: output and exit by semihosting (a debugger's or an emulator's
// services), a clock, and how much memory the program uses. startup.cpp and board.ld belong to it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace board {

/// Asks the debugger or the emulator behind BKPT 0xAB.
inline std::uint32_t semihosting(std::uint32_t operation, const void* argument) noexcept {
    register std::uint32_t r0 asm("r0") = operation;
    register const void* r1 asm("r1") = argument;
    asm volatile("bkpt #0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

inline void print(const char* text) noexcept { semihosting(0x04, text); }

/// Decimal.
inline void print(std::uint32_t number) noexcept {
    char text[11];
    char* at = text + 10;
    *at = '\0';
    do {
        *--at = static_cast<char>('0' + number % 10u);
        number /= 10u;
    } while (number != 0);
    print(static_cast<const char*>(at));
}

/// Ends the program, and the emulator with the answer 0 or 1.
[[noreturn]] inline void exit(bool good) noexcept {
    // ADP_Stopped_ApplicationExit or ADP_Stopped_RunTimeErrorUnknown
    semihosting(0x18, reinterpret_cast<const void*>(static_cast<std::uintptr_t>(good ? 0x20026u : 0x20023u)));
    for (;;) {
    }
}

/// SysTick, 24 bits, at the processor's clock.
class clock {
public:
    static void start() noexcept {
        at(reload) = 0x00ffffffu;
        at(value) = 0;
        at(control) = 5;  // enabled, processor clock, no interrupt
    }
    [[nodiscard]] static std::uint32_t now() noexcept { return at(value); }
    /// Ticks between two readings less than 2^24 apart; the clock counts down.
    [[nodiscard]] static std::uint32_t between(std::uint32_t first, std::uint32_t second) noexcept {
        return (first - second) & 0x00ffffffu;
    }

private:
    static constexpr std::uintptr_t control = 0xe000e010u;
    static constexpr std::uintptr_t reload = 0xe000e014u;
    static constexpr std::uintptr_t value = 0xe000e018u;
    static volatile std::uint32_t& at(std::uintptr_t address) noexcept {
        return *reinterpret_cast<volatile std::uint32_t*>(address);
    }
};

struct memory {
    std::uint32_t code;   ///< flash: instructions
    std::uint32_t flash;  ///< all of it, with constants
    std::uint32_t data;   ///< RAM: static variables
    std::uint32_t stack;  ///< RAM: the deepest that the stack was since the start
};
[[nodiscard]] memory used() noexcept;

}  // namespace board

/// The program. `board_reset` calls it and exits with its answer.
bool program();
