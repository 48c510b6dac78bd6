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
    void shorts(const std::string& name, const std::vector<std::int16_t>& data) {
        list("std::int16_t", name, data.size(), [&](std::size_t i) { out_ << data[i]; });
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

/// Integer limits of one output where its weights inside the image add up to `weights`: the reference's own arithmetic
/// rises with the sum of products, so each condition on it holds on one side of one integer.
struct limits {
    std::int16_t lower;
    std::int16_t upper;
};
limits limits_of(const tern::scale_offset& e, const tern::thresholds& t, std::size_t output, std::int32_t weights) {
    if (!(e.weights.scale.at(output, 0, 1.0f) > 0.0f) || !(e.activations.scale.at(0, 0, 1.0f) > 0.0f))
        throw std::runtime_error("a scale is not positive");
    const auto real = [&](std::int32_t sum) {
        tern::reference::affine_sums sums;
        sums.product = sum;
        sums.weights = weights;
        return tern::reference::finish(e, 0.0 + tern::reference::affine_product(e, sums, 0, output, 0), output);
    };
    // The largest sum of which `holds` is not true; it is of all that are larger.
    const auto last_without = [](const auto& holds) {
        std::int32_t low = -32768;
        std::int32_t high = 32767;
        if (holds(low) || !holds(high)) throw std::runtime_error("a limit does not fit 16 bits");
        while (high - low > 1) {
            const std::int32_t middle = (low + high) / 2;
            (holds(middle) ? high : low) = middle;
        }
        return low;
    };
    const float upper = t.upper.at(output, 0, 0.5f);
    const float lower = t.lower.at(output, 0, -0.5f);
    return {static_cast<std::int16_t>(last_without([&](std::int32_t s) { return !(real(s) < lower); }) + 1),
            static_cast<std::int16_t>(last_without([&](std::int32_t s) { return real(s) > upper; }))};
}

void write_limits(header& out, const packed_model& model, std::size_t i) {
    const packed_convolution& layer = model.conv[i];
    const std::size_t inputs = cortex_m::channels[i];
    std::vector<std::int16_t> lower;
    std::vector<std::int16_t> upper;
    for (std::size_t place = 0; place < 9; ++place) {
        const std::size_t row = place / 3;
        const std::size_t column = place % 3;
        for (std::size_t o = 0; o < cortex_m::channels[i + 1]; ++o) {
            std::int32_t weights = 0;
            for (std::size_t tap = 0; tap < 9; ++tap) {
                const bool outside = (row == 0 && tap / 3 == 0) || (row == 2 && tap / 3 == 2) ||
                                     (column == 0 && tap % 3 == 0) || (column == 2 && tap % 3 == 2);
                for (std::size_t c = 0; !outside && c < inputs; ++c)
                    weights += layer.weights.value(o, tap * inputs + c);
            }
            const limits l = limits_of(model.epilogue(i), layer.thresholds(), o, weights);
            lower.push_back(l.lower);
            upper.push_back(l.upper);
        }
    }
    out.shorts("lower" + std::to_string(i), lower);
    out.shorts("upper" + std::to_string(i), upper);
}

void write(const packed_model& model, const dataset& data, const std::vector<float>& logits, const std::string& path) {
    header out(path);
    const std::vector<std::uint8_t> codes = codes_of(model.conv[0]);
    out.bytes("codes", codes.data(), codes.size());
    std::size_t model_bytes = codes.size() + 2 * sizeof(float);
    for (std::size_t i = 0; i < layer_count; ++i) {
        write_limits(out, model, i);
        model_bytes += 2 * 9 * cortex_m::channels[i + 1] * sizeof(std::int16_t);
    }
    for (std::size_t i = 1; i <= layer_count; ++i) {
        const packed_layer& layer = i < layer_count ? model.conv[i] : model.fc;
        out.words("panels" + std::to_string(i), layer.weights.data, layer.weights.words());
        model_bytes += layer.weights.words() * sizeof(tern::word);
    }
    out.floats("scale", model.fc.scale);
    out.floats("bias", model.fc_bias);
    model_bytes += (model.fc.scale.size() + model.fc_bias.size()) * sizeof(float);

    out.text() << "inline constexpr cortex_m::model model = {\n    codes,\n    {{nullptr, lower0, upper0}, "
                  "{panels1, lower1, upper1}, {panels2, lower2, upper2}},\n    panels3,\n    scale,\n    bias,\n    ";
    out.number(model.act[layer_count].scale);
    out.text() << ",\n    ";
    out.number(model.act[layer_count].offset);
    out.text() << "};\n";

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
