// SPDX-License-Identifier: MIT
// Every operation, instantiated for every architecture that the flags allow: the object that symbols.cmake looks at.
#include <cstdint>
#include <tuple>

#include <tern/tern.hpp>

#include "support/architectures.hpp"

/// What the operations read and write; only compiled, never run.
struct operands {
    tern::matrix_view<const std::int8_t> values;
    tern::matrix_view<const float> reals;
    tern::matrix_view<std::int8_t> out_values;
    tern::matrix_view<std::int32_t> out_accumulators;
    tern::matrix_view<float> out_reals;
    tern::mutable_packed_rows<tern::ternary> out_packed;
    tern::tensor_view<std::int32_t> out_pixels;
    tern::mutable_packed_tensor<tern::ternary> out_image;
    tern::window2d window;
    tern::word* words;
    std::uint8_t* bytes;
    tern::size_t size;
    tern::matrix_view<double> out_doubles;
    tern::status states[84];
};

void instantiate(operands& o);

namespace {

/// What depends on the encodings.
template <class Arch, class Lhs>
tern::status* products(const operands& o, tern::status* state) {
    const tern::mutable_packed_rows<Lhs> x(o.words, o.size, o.size);
    tern::packed_panels<tern::ternary> w;
    const tern::packed_indices indices;
    std::int32_t sum = 0;
    *state++ = tern::pack_rows<Lhs, Arch>(o.values, x);
    *state++ = tern::pack_panels<tern::ternary, Arch>(o.values, o.words, o.size, w);
    *state++ = tern::dot<Arch>(x, x, sum);
    *state++ = tern::gemm<Arch>(x, w, o.out_accumulators);
    *state++ = tern::gemm<Arch>(x, indices, o.out_accumulators);
    return state;
}

/// The quantizers of weights.
template <class Arch>
tern::status* quantizers(const operands& o, tern::status* state) {
    using namespace tern::quantize;
    tern::packed_panels<tern::ternary> w;
    tern::packed_panels<tern::binary> b;
    tern::packed_panels<tern::unsigned_bits<3>> u;
    tern::packed_panels<tern::nested_ternary<2>> n;
    const panel_memory<tern::ternary> to(o.words, o.size, w);
    const panel_memory<tern::binary> bits_to(o.words, o.size, b);
    const auto& x = o.reals;
    const auto& out = o.out_reals;
    *state++ = twn::quantize<Arch>(x, out, out, to);
    *state++ = twn::quantize<Arch>(x, out, out, o.out_packed);
    *state++ = twn::forward<Arch>(x, x, x, out);
    *state++ = bwn::quantize<Arch>(x, out, bits_to);
    *state++ = bwn::forward<Arch>(x, x, out);
    *state++ = bwn::backward<Arch>(x, x, x, out, bwn::estimator::scaled);
    *state++ = absmean::quantize<Arch>(x, out, to);
    *state++ = least_squares::fit<Arch>(x, out, out, o.words, o.size);
    *state++ = rtn::forward<Arch>(x, x, x, to, rtn::variant::normalized);
    *state++ = rtn::initialize<Arch>(x, o.out_values, out, out);
    *state++ = tga::initialize<Arch>(x, out);
    *state++ = tga::fit<Arch>(x, x, out, out, out);
    *state++ = tga::forward<Arch>(x, x, x, to);
    *state++ = tga::backward<Arch>(x, x, x, out, out);
    *state++ = wrpn::forward_weights<Arch>(x, panel_memory<tern::unsigned_bits<3>>(o.words, o.size, u));
    *state++ = wrpn::forward_weights<Arch>(x, 4, out);
    *state++ = wrpn::backward_weights<Arch>(x, x, out);
    *state++ = residual::fit<Arch>(x, residual::factors, o.size, out, out);
    *state++ = residual::forward<Arch>(x, x, panel_memory<tern::nested_ternary<2>>(o.words, o.size, n));
    *state++ = stochastic::errors<Arch>(x, x, o.out_doubles);
    *state++ = pruning::group_norms<Arch>(x, pruning::group_shape{}, out);
    *state++ = tern::gemm_residual<Arch>(o.out_packed, n, x, 1.0f, out);
    *state++ = tern::gemm_prefix<Arch>(o.out_packed, w, o.out_accumulators);
    return state;
}

template <class Arch>
void operations(operands& o) {
    using namespace tern::quantize;
    const tern::scale_offset epilogue;
    const tern::mutable_packed_tensor<tern::ternary> image = o.out_image;
    tern::packed_panels<tern::ternary> w;
    tern::packed_codes codes;
    tern::packed_trits trits;
    tern::packed_sevens sevens;
    tern::packed_indices indices;
    tern::status* state = products<Arch, tern::ternary>(o, o.states);
    state = products<Arch, tern::unsigned_bits<2>>(o, state);
    state = quantizers<Arch>(o, state);
    *state++ = tern::gemm<Arch>(o.out_packed, w, o.out_reals, epilogue);
    *state++ = tern::gemm<Arch>(o.out_packed, w, o.out_packed, epilogue, tern::thresholds{});
    *state++ = tern::gemv<Arch>(o.out_packed, w, o.out_accumulators);
    const tern::packed_panels<tern::binary> bits;
    *state++ = tern::gemm<Arch>(o.values, bits, o.out_accumulators);
    *state++ = tern::gemm<Arch>(o.values, bits, o.out_reals, epilogue);
    *state++ = tern::gemv<Arch>(o.values, bits, o.out_packed, epilogue, tern::thresholds{});
    *state++ = tern::gemm<Arch>(o.values, codes, o.out_accumulators);
    *state++ = tern::gemm<Arch>(o.values, codes, o.out_reals, epilogue);
    *state++ = tern::gemv<Arch>(o.values, codes, o.out_packed, epilogue, tern::thresholds{});
    *state++ = tern::gemm<Arch>(o.out_packed, indices, o.out_reals, epilogue);
    *state++ = tern::gemm<Arch>(o.out_packed, indices, o.out_packed, epilogue, tern::thresholds{});
    *state++ = tern::group_sums<Arch>(indices, o.size, o.out_accumulators);
    *state++ = tern::pack_indices<Arch>(o.values, o.bytes, o.size, indices);
    *state++ = tern::conv2d<Arch>(tern::packed_tensor<tern::ternary>(image), w, o.window, o.out_pixels);
    *state++ = tern::max_pool2d<Arch>(tern::packed_tensor<tern::ternary>(image), o.window, image);
    *state++ = tern::group_sums<Arch>(w, o.size, o.out_accumulators);
    *state++ = tern::unpack<Arch>(w, o.out_values);
    *state++ = tern::pack_codes<Arch>(o.values, o.bytes, o.size, codes);
    *state++ = tern::pack_trits<Arch>(o.values, o.bytes, o.size, trits);
    *state++ = tern::pack_sevens<Arch>(o.values, o.bytes, o.size, sevens);
    *state++ = tern::gemm<Arch>(o.values, sevens, o.out_accumulators);
    *state++ = tern::gemm<Arch>(o.values, sevens, o.out_reals, epilogue);
    tern::byte_weights weights;
    *state++ = tern::pack_weights<Arch>(tern::layout_id::sevens, o.values, o.bytes, o.size, weights);
    *state++ = quantize_int8<Arch>(o.reals, o.out_values, o.out_reals);
    *state++ = quantize_binary<Arch>(o.reals, tern::mutable_packed_rows<tern::binary>(o.words, o.size, o.size));
    *state++ = quantize_ternary<Arch>(o.reals, tern::thresholds{}, o.out_packed);
    *state++ = quantize_bits<Arch>(o.reals, 1.0f, tern::mutable_packed_rows<tern::unsigned_bits<4>>(o.words, 1, 1));
    *state++ = quantize_bits<Arch>(o.reals, 1.0f, tern::mutable_packed_rows<tern::bipolar_bits<2>>(o.words, 1, 1));
    *state++ = twn::fit<Arch>(o.reals, o.out_reals, o.out_reals);
    *state++ = twn::forward<Arch>(o.reals, o.reals, o.out_values);
    *state++ = twn::backward<Arch>(o.reals, o.reals, o.out_reals);
    *state++ = rtn::fit<Arch>(o.reals, o.values, o.out_reals, o.out_reals);
    *state++ = rtn::forward<Arch>(o.reals, o.reals, o.reals, o.out_values);
    *state++ = rtn::backward<Arch>(o.reals, o.reals, o.reals, o.reals, o.out_reals, o.out_reals, o.out_reals);
}

/// Quantizers of the published relatives; they share their statuses' room.
template <class Arch>
void relatives(operands& o) {
    using namespace tern::quantize;
    const tern::mutable_packed_rows<tern::unsigned_bits<2>> codes(o.words, 1, 1);
    const tern::mutable_packed_rows<tern::bipolar_bits<2>> odd(o.words, 1, 1);
    const auto& x = o.reals;
    const auto& to = o.out_reals;
    tern::status* state = o.states;
    *state++ = ttq::fit<Arch>(x, to, to, to);
    *state++ = ttq::forward<Arch>(x, x, x, x, to);
    *state++ = ttq::forward<Arch>(x, x, o.out_packed);
    *state++ = ttq::backward<Arch>(x, x, x, x, x, to, to, to);
    *state++ = pact::forward<Arch>(x, x, 2, to);
    *state++ = pact::forward<Arch>(x, x, codes);
    *state++ = pact::backward<Arch>(x, x, x, to, to);
    *state++ = lsq::fit<Arch>(x, signed_levels(2), to);
    *state++ = lsq::forward<Arch>(x, x, signed_levels(2), codes);
    *state++ = lsq::backward<Arch>(x, x, signed_levels(2), x, to, to);
    *state++ = dorefa::forward_weights<Arch>(x, odd);
    *state++ = dorefa::backward_weights<Arch>(x, x, to);
    *state++ = dorefa::backward_activations<Arch>(x, x, to);
    *state++ = xnor::fit<Arch>(x, to);
    *state++ = xnor::forward<Arch>(x, x, to);
    *state++ = xnor::backward<Arch>(x, x, x, to);
    *state++ = xnor_plus::forward<Arch>(x, {}, to);
    *state++ = xnor_plus::backward<Arch>(x, {}, x, to, {});
    *state++ = esb::fit<Arch>(x, to, to);
    *state++ = esb::forward<Arch>(x, x, x, esb::make_format(2, 0), odd);
    *state++ = esb::backward<Arch>(x, x, x, esb::make_format(2, 0), x, to);
    *state++ = slb::relax<Arch>(x, {}, 1.0f, to);
    *state++ = slb::forward<Arch>(x, o.out_packed);
    *state++ = slb::backward<Arch>(x, {}, 1.0f, x, to);
    *state++ = srq::backward<Arch>(x, x, x, signed_levels(2), x, to, to, to);
    *state++ = biscaled::forward<Arch>(x, {}, to);
    *state++ = biscaled::forward<Arch>(x, {}, o.out_values, {});
    *state++ = biscaled::backward<Arch>(x, {}, x, to);
    *state++ = codebook::product<Arch>(x, x, {}, to, nullptr, 0);
    *state++ = equalize::cross_layer<Arch>(to, to, to, to);
    *state++ = equalize::correct_bias<Arch>(x, x, x, to);
}

template <class... Arch>
void each(operands& o, std::tuple<Arch...>) {
    (operations<Arch>(o), ...);
    (relatives<Arch>(o), ...);
}

}  // namespace

void instantiate(operands& o) { each(o, tern_test::architectures{}); }
