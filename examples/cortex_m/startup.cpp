// SPDX-License-Identifier: MIT
// From reset to `program`: vector table, static variables, floating-point unit.
#include "board.hpp"

#define SYMBOL(name) extern std::uint32_t name[]
extern "C" {
SYMBOL(board_flash_begin);
SYMBOL(board_code_end);
SYMBOL(board_flash_end);
SYMBOL(board_data_source);
SYMBOL(board_data_begin);
SYMBOL(board_data_end);
SYMBOL(board_ram_begin);
SYMBOL(board_bss_begin);
SYMBOL(board_bss_end);
SYMBOL(board_stack_top);
[[noreturn]] void board_reset();
}

namespace {

constexpr std::uint32_t untouched = 0xdeadbeefu;

std::uint32_t distance(const std::uint32_t* from, const std::uint32_t* to) noexcept {
    return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(to) - reinterpret_cast<std::uintptr_t>(from));
}

[[noreturn]] void fault() {
    board::print("fault\n");
    board::exit(false);
}

#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
void enable_vectors_and_floats() noexcept {
    volatile std::uint32_t& access = *reinterpret_cast<volatile std::uint32_t*>(0xe000ed88u);  // CPACR
    access = access | 0x00f00000u;
    asm volatile("dsb\n\tisb" ::: "memory");
}
#else
void enable_vectors_and_floats() noexcept {}
#endif

using handler = void (*)();
struct vectors {
    std::uint32_t* stack;
    handler handlers[15];
};
[[gnu::section(".vectors"), gnu::used]] const vectors table = {
    board_stack_top,
    {board_reset, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault}};

}  // namespace

void board_reset() {
    enable_vectors_and_floats();
    const std::uint32_t* from = board_data_source;
    for (volatile std::uint32_t* to = board_data_begin; to != board_data_end;) *to++ = *from++;
    for (volatile std::uint32_t* to = board_bss_begin; to != board_bss_end;) *to++ = 0;
    // Below this function's frame nothing is in use yet.
    auto* const end = static_cast<volatile std::uint32_t*>(__builtin_frame_address(0)) - 32;
    for (volatile std::uint32_t* to = board_bss_end; to < end;) *to++ = untouched;
    board::clock::start();
    board::exit(program());
}

board::memory board::used() noexcept {
    const volatile std::uint32_t* low = board_bss_end;
    while (*low == untouched) ++low;
    return {distance(board_flash_begin, board_code_end), distance(board_flash_begin, board_flash_end),
            distance(board_ram_begin, board_bss_end),
            distance(const_cast<const std::uint32_t*>(low), board_stack_top)};
}
