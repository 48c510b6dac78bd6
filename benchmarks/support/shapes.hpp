// SPDX-License-Identifier: MIT
// Every shape and every pair of operands that is measured, and what of it runs unless more is asked for.
#pragma once

#include <cstddef>
#include <string>
#include <type_traits>
#include <vector>

#include <tern/arch.hpp>
#include <tern/encoding.hpp>

namespace tern_bench {

using std::size_t;

/// dst (n tokens x m outputs) = activations (n x k) * weights (m x k)^T.
struct product_shape {
    size_t m = 0;
    size_t n = 0;
    size_t k = 0;

    friend bool operator==(const product_shape& a, const product_shape& b) {
        return a.m == b.m && a.n == b.n && a.k == b.k;
    }
    [[nodiscard]] double macs() const {
        return static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
    }
};

inline std::string name(const product_shape& s) {
    return "m:" + std::to_string(s.m) + "/n:" + std::to_string(s.n) + "/k:" + std::to_string(s.k);
}

struct layer {
    size_t m;
    size_t k;
};

/// Linear layers of language models, then one with a tail in every direction.
inline constexpr layer layers[] = {{2560, 2560}, {6912, 2560}, {2560, 6912}, {4096, 4096}, {4096, 14336}, {3201, 8643}};

/// One image, padded by half a kernel.
struct conv_shape {
    size_t height;
    size_t width;
    size_t channels;
    size_t kernel;
    size_t outputs;
    size_t stride = 1;

    friend bool operator==(const conv_shape& a, const conv_shape& b) {
        return a.height == b.height && a.width == b.width && a.channels == b.channels && a.kernel == b.kernel &&
               a.outputs == b.outputs && a.stride == b.stride;
    }
};

/// height x width x channels / kernel / outputs, and the stride where it is not 1.
inline std::string name(const conv_shape& s) {
    const auto times = [](size_t a, size_t b) { return std::to_string(a) + "x" + std::to_string(b); };
    return times(s.height, s.width) + "x" + std::to_string(s.channels) + "/" + times(s.kernel, s.kernel) + "/" +
           std::to_string(s.outputs) + (s.stride == 1 ? "" : "/stride:" + std::to_string(s.stride));
}

/// The 3x3 layers of a residual network.
inline constexpr conv_shape hidden_convolutions[] = {
    {56, 56, 64, 3, 64}, {28, 28, 128, 3, 128}, {14, 14, 256, 3, 256}, {7, 7, 512, 3, 512}};
/// First layers: bytes of three channels.
inline constexpr conv_shape first_convolutions[] = {{224, 224, 3, 7, 64, 2}, {32, 32, 3, 3, 128}};
/// Grey and colour pixels: few channels.
inline constexpr conv_shape pixel_convolutions[] = {{28, 28, 1, 3, 32}, {224, 224, 3, 3, 64}};

inline constexpr size_t dot_depths[] = {2560, 14336};

/// `all`: every shape on every architecture. `usual`: what answers in a few minutes. `report`: what bars.py and plot.py
/// need, on the best architecture.
enum class selection { usual, all, report };

constexpr bool is_first(const layer& l) { return l.m == layers[0].m && l.k == layers[0].k; }

/// Numbers of tokens that an architecture multiplies with a layer, one token left out. `Best`: the last architecture
/// that has a kernel of its own for the product.
template <class Arch, class Best = tern::default_arch>
std::vector<size_t> tokens(const layer& l, selection wanted) {
    const bool fast = !std::is_same_v<Arch, tern::arch::scalar>;
    if (wanted == selection::report) {
        if (std::is_same_v<Arch, Best>) return {16, 512};
        return std::is_same_v<Arch, tern::arch::avx2> ? std::vector<size_t>{16} : std::vector<size_t>{};
    }
    if (wanted == selection::all || (is_first(l) && fast)) return {16, 512};
    if (is_first(l) || fast) return {16};
    return {};
}

/// One token, wherever there is more than one.
template <class Arch, class Best = tern::default_arch>
bool one_token(const layer& l, selection wanted) {
    return wanted == selection::report ? std::is_same_v<Arch, Best> : !tokens<Arch>(l, wanted).empty();
}

/// One token and weights that lie in no cache: /cold.
template <class Arch, class Best = tern::default_arch>
bool cold(const layer& l, selection wanted) {
    return std::is_same_v<Arch, Best> && (wanted != selection::usual || is_first(l) || l.m * l.k > size_t{4096} * 4096);
}

/// Two threads share a product of 512 tokens: /threads:2.
template <class Arch, class Best = tern::default_arch>
bool two_threads_wanted(const layer& l, selection wanted) {
    const bool report = wanted == selection::report && l.m == 4096 && l.k == 4096;
    return std::is_same_v<Arch, Best> && (wanted == selection::all || is_first(l) || report);
}

/// Activations, then weights.
template <class Lhs, class Rhs>
struct operand_pair {
    using lhs = Lhs;
    using rhs = Rhs;
};

template <class Body>
void for_each_pair(const Body& body) {
    using tern::binary, tern::ternary, tern::unsigned_bits;
    body(operand_pair<binary, binary>{});
    body(operand_pair<ternary, ternary>{});
    body(operand_pair<ternary, binary>{});
    body(operand_pair<binary, ternary>{});
    body(operand_pair<unsigned_bits<2>, ternary>{});
    body(operand_pair<unsigned_bits<4>, ternary>{});
    body(operand_pair<unsigned_bits<8>, ternary>{});
}

/// An encoding's name in a label.
template <class Encoding>
std::string operand_name() {
    if constexpr (Encoding::has_sign) return Encoding::has_mask ? "ternary" : "binary";
    return "u" + std::to_string(Encoding::digits);
}

template <class Lhs, class Rhs, class Arch>
std::string label(const std::string& operation, Arch arch, const std::string& shape) {
    return operation + "/" + operand_name<Lhs>() + "_" + operand_name<Rhs>() + "/" + tern::arch::name(arch) + "/" +
           shape;
}

}  // namespace tern_bench
