// SPDX-License-Identifier: MIT
// export_model <model.safetensors> <directory of Fashion-MNIST> <out.hpp>: the packed model as constants of a C++
// header, with 100 test images and the logits that this machine computes for them. The words are those of the file:
// layouts are constants of the library, so that what is packed here runs there.
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <iomanip>
#include <string>
#include <vector>

#include "dataset.hpp"
#include "packed_network.hpp"
#include "reference_network.hpp"

#include "network.hpp"

namespace {

using namespace fashion_mnist;

constexpr std::size_t images_written = 100;
constexpr std::size_t images_held_against_the_reference = 2;

static_assert(cortex_m::layers == layer_count && cortex_m::features == feature_count &&
                  cortex_m::outputs == output_count && cortex_m::image_size == image_size,
              "the microcontroller's network has other shapes");

[[nodiscard]] std::uint32_t bits_of(float x) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
}

class header {
public:
    explicit header(const std::string& path) : out_(path) {
        out_ << "// Written by export_model.\n#pragma once\n\n#include \"network.hpp\"\n\nnamespace model_data {\n\n";
    }
    void words(const std::string& name, const std::uint32_t* data, std::size_t count) {
        list("std::uint32_t", name, count, [&](std::size_t i) { out_ << "0x" << std::hex << data[i] << std::dec; });
    }
    void bytes(const std::string& name, const std::uint8_t* data, std::size_t count) {
        list("std::uint8_t", name, count, [&](std::size_t i) { out_ << static_cast<unsigned>(data[i]); });
    }
    void floats(const std::string& name, const std::vector<float>& data) {
        list("float", name, data.size(), [&](std::size_t i) { number(data[i]); });
    }
    /// Hexadecimal: exactly this float.
    void number(float x) { out_ << std::hexfloat << x << std::defaultfloat << "f"; }
    std::ofstream& text() { return out_; }
    void close() {
        out_ << "\n}  // namespace model_data\n";
        out_.close();
        if (!out_) throw std::runtime_error("cannot write the header");
    }

private:
    template <class F>
    void list(const char* type, const std::string& name, std::size_t count, const F& item) {
        out_ << "inline constexpr " << type << ' ' << name << '[' << count << "] = {";
        for (std::size_t i = 0; i < count; ++i) {
            out_ << (i % 16 == 0 ? "\n    " : " ");
            item(i);
            out_ << ',';
        }
        out_ << "\n};\n";
    }

    std::ofstream out_;
};

/// The first layer's weights for products with bytes.
std::vector<std::uint8_t> codes_of(const packed_layer& layer) {
    const std::size_t outputs = cortex_m::channels[1];
    const std::size_t depth = 9 * cortex_m::channels[0];
    std::vector<std::int8_t> values(outputs * depth);
    for (std::size_t o = 0; o < outputs; ++o)
        for (std::size_t d = 0; d < depth; ++d)
            values[o * depth + d] = static_cast<std::int8_t>(layer.weights.value(o, d));
    std::vector<std::uint8_t> codes(tern::codes_bytes(outputs, depth));
    tern::packed_codes packed;
    const tern::matrix_view<const std::int8_t> view(values.data(), outputs, depth);
    if (tern::pack_codes(view, codes.data(), codes.size(), packed) != tern::status::ok)
        throw std::runtime_error("the first layer's weights cannot be packed");
    return codes;
}

void write(const packed_model& model, const dataset& data, const std::vector<float>& logits, const std::string& path) {
    header out(path);
    std::size_t model_bytes = 0;
    for (std::size_t i = 0; i <= layer_count; ++i) {
        const packed_layer& layer = i < layer_count ? model.conv[i] : model.fc;
        const std::string n = std::to_string(i);
        if (i == 0) {
            const std::vector<std::uint8_t> codes = codes_of(layer);
            out.bytes("codes", codes.data(), codes.size());
            model_bytes += codes.size();
        } else {
            out.words("panels" + n, layer.weights.data, layer.weights.words());
            model_bytes += layer.weights.words() * sizeof(tern::word);
        }
        out.floats("scale" + n, layer.scale);
        model_bytes += (layer.scale.size() + 2) * sizeof(float);
        if (i == layer_count) continue;
        out.floats("upper" + n, model.conv[i].upper);
        out.floats("lower" + n, model.conv[i].lower);
        model_bytes += 2 * layer.scale.size() * sizeof(float);
    }
    out.floats("bias", model.fc_bias);
    model_bytes += model.fc_bias.size() * sizeof(float);

    out.text() << "inline constexpr cortex_m::model model = {\n    {";
    for (std::size_t i = 0; i <= layer_count; ++i) {
        out.text() << (i == 0 ? "{nullptr" : "{panels" + std::to_string(i)) << ", scale" << i << ", ";
        if (i < layer_count)
            out.text() << "upper" << i << ", lower" << i << ", ";
        else
            out.text() << "nullptr, nullptr, ";
        out.number(model.act[i].scale);
        out.text() << ", ";
        out.number(model.act[i].offset);
        out.text() << (i < layer_count ? "},\n     " : "}},\n    codes, bias};\n");
    }

    const std::size_t pixels = images_written * image_size * image_size;
    std::vector<std::uint32_t> bits;
    for (const float x : logits) bits.push_back(bits_of(x));
    out.text() << "inline constexpr std::uint32_t images = " << images_written << ";\n";
    out.bytes("image", data.images.pixels.data(), pixels);
    out.bytes("label", data.labels.data(), images_written);
    out.words("logits", bits.data(), bits.size());
    out.text() << "inline constexpr std::uint32_t model_bytes = " << model_bytes << ";\n"
               << "inline constexpr std::uint32_t test_bytes = "
               << pixels + images_written + bits.size() * sizeof(std::uint32_t) << ";\n";
    out.close();
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 4) {
        std::fprintf(stderr, "usage: export_model <model.safetensors> <directory of Fashion-MNIST> <out.hpp>\n");
        return 2;
    }
    const packed_model model = load_model(argv[1]);
    const dataset data = read_dataset(argv[2], "t10k");
    std::vector<float> logits(images_written * output_count);
    packed_network<> network(model, images_written);
    network.run(data.images.pixels.data(), images_written, logits.data());

    const reference_network reference(model);
    for (std::size_t i = 0; i < images_held_against_the_reference; ++i) {
        float expected[output_count];
        reference.run(data.images.image(i), expected);
        for (std::size_t o = 0; o < output_count; ++o)
            if (bits_of(expected[o]) != bits_of(logits[i * output_count + o]))
                throw std::runtime_error("this machine's logits are not the reference's");
    }
    write(model, data, logits, argv[3]);
    std::printf("%zu images, logits by %s\n", images_written, tern::arch::name(tern::default_arch{}));
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "export_model: %s\n", error.what());
    return 2;
}
