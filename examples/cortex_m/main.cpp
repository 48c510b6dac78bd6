// SPDX-License-Identifier: MIT
// Classifies 100 test images of Fashion-MNIST and holds every bit of every logit against the PC's.
#include "board.hpp"
#include "model_data.hpp"
#include "network.hpp"

namespace {

using network = cortex_m::network<>;

/// Ticks to instructions, where the emulator counts one nanosecond an instruction (-icount shift=0).
std::uint32_t instructions(std::uint64_t ticks, std::uint32_t images) {
    return static_cast<std::uint32_t>(ticks * (1000000000u / 100u) / (TERN_BOARD_HZ / 100u) / images);
}

}  // namespace

bool program() {
    network net(model_data::model);
    std::uint32_t checks = 0;
    std::uint32_t wrong = 0;
    std::uint32_t right_class = 0;
    std::uint64_t ticks = 0;

    board::print(TERN_BOARD_NAME ": predictions ");
    for (std::uint32_t i = 0; i < model_data::images; ++i) {
        float logits[cortex_m::outputs];
        const std::uint32_t start = board::clock::now();
        if (net.run(model_data::image + i * cortex_m::image_size * cortex_m::image_size, logits) != tern::status::ok) {
            board::print("the network was refused\n");
            return false;
        }
        ticks += board::clock::between(start, board::clock::now());

        std::uint32_t best = 0;
        for (std::uint32_t o = 0; o < cortex_m::outputs; ++o) {
            if (logits[o] > logits[best]) best = o;
            std::uint32_t bits = 0;
            std::memcpy(&bits, logits + o, sizeof bits);
            ++checks;
            wrong += bits != model_data::logits[i * cortex_m::outputs + o] ? 1u : 0u;
        }
        const char digit[2] = {static_cast<char>('0' + best), '\0'};
        board::print(digit);
        right_class += best == model_data::label[i] ? 1u : 0u;
    }

    const board::memory used = board::used();
    const auto line = [](const char* what, std::uint32_t number, const char* unit) {
        board::print("\n" TERN_BOARD_NAME ": ");
        board::print(what);
        board::print(number);
        board::print(unit);
    };
    line("right classes ", right_class, "");
    line("of images ", model_data::images, "");
    line("flash ", used.flash, " bytes");
    line("flash without the test data ", used.flash - model_data::test_bytes, " bytes");
    line("of these code ", used.code, " bytes");
    line("of these the model ", model_data::model_bytes, " bytes");
    line("RAM, static ", used.data, " bytes");
    line("of these the workspace ", network::workspace_words * sizeof(tern::word), " bytes");
    line("RAM, stack ", used.stack, " bytes");
    line("emulated instructions an image ", instructions(ticks, model_data::images), "");
    line("logits checked ", checks, "");
    line("logits that differ from the PC's ", wrong, "\n");
    return checks != 0 && wrong == 0;
}
