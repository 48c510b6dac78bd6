// SPDX-License-Identifier: MIT
// What a trained layer is made of when training is over: integers in tern's packed layouts, and the scales that go with
// them. No libtorch here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace training {

/// How activations are packed.
enum class codes { u8, u2, ternary, binary };

/// rows x depth integers; x = scale * value + offset.
struct activation_codes {
    codes kind = codes::u8;
    std::size_t rows = 0;
    std::size_t depth = 0;
    std::vector<std::int16_t> values;
    float scale = 1.0f;
    float offset = 0.0f;
};

/// outputs x depth integers; w = scale[o] * value + offset[o], no offset where the vector is empty.
struct weight_term {
    std::size_t outputs = 0;
    std::size_t depth = 0;
    std::vector<std::int16_t> values;
    std::vector<float> scale;
    std::vector<float> offset;
};

/// Product-quantized weights (tern/quantize/codebook.hpp): centroids k x block, codes depth / block x outputs.
struct codebook_weights {
    std::size_t outputs = 0;
    std::size_t depth = 0;
    std::size_t block = 0;
    std::vector<float> centroids;
    std::vector<std::uint8_t> codes;
};

/// Weights that are a sum of terms, or a codebook.
struct layer_weights {
    std::vector<weight_term> terms;
    codebook_weights codebook;
};

/// A term in the smallest packed layout of planes that has its values.
class packed_term {
public:
    explicit packed_term(const weight_term& term);
    ~packed_term();
    packed_term(packed_term&&) noexcept;
    packed_term& operator=(packed_term&&) noexcept;

    /// int32 products, rows x outputs, of the term's own values.
    [[nodiscard]] std::vector<std::int32_t> product(const activation_codes& x) const;
    [[nodiscard]] const std::string& encoding() const { return encoding_; }
    [[nodiscard]] std::vector<std::uint32_t> words() const;

private:
    struct memory;
    std::unique_ptr<memory> memory_;
    std::int32_t low_ = 0;  ///< what the packed values have less than the term's
    std::string encoding_;
};

/// A layer's products: integers by the packed kernels, then scales and offsets in double.
class packed_layer {
public:
    explicit packed_layer(layer_weights weights);

    struct result {
        std::vector<std::vector<std::int32_t>> accumulators;  ///< of each term, rows x outputs
        std::vector<double> values;                           ///< rows x outputs
    };
    [[nodiscard]] result run(const activation_codes& x) const;
    [[nodiscard]] const layer_weights& weights() const { return weights_; }
    [[nodiscard]] const std::vector<packed_term>& terms() const { return terms_; }
    /// Packed bytes, without scales.
    [[nodiscard]] std::size_t bytes() const;

private:
    layer_weights weights_;
    std::vector<packed_term> terms_;
};

/// Writes the packed words and scales of layers to a safetensors file.
void export_layers(const std::string& path, const std::string& method, const std::vector<packed_layer>& layers);

}  // namespace training
