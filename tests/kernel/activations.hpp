// SPDX-License-Identifier: MIT
// Fills the tables of support/kernels.hpp: each source of this directory adds some activations with all weights and all
// operations, because those share their tiles.
#pragma once

#include <tern/conv_transposed.hpp>
#include <tern/gemv.hpp>

#include "support/kernels.hpp"

namespace tern_test {

using tern::scale_offset;
using tern::thresholds;

template <class Arch, class Lhs, class Rhs>
struct kernels_of {
    template <class Destination, class... Epilogue>
    static tern::status gemm(const rows_operand& x, const panels_operand& w, const Destination& dst,
                             const Epilogue&... epilogue, tern::tiles range) {
        return tern::gemm<Arch>(x.as<Lhs>(), w.as<Rhs>(), dst, epilogue..., range);
    }
    template <class Destination, class... Epilogue>
    static tern::status gemv(const rows_operand& x, const panels_operand& w, const Destination& dst,
                             const Epilogue&... epilogue, tern::tiles range) {
        return tern::gemv<Arch>(x.as<Lhs>(), w.as<Rhs>(), dst, epilogue..., range);
    }
    template <class Destination, class... Epilogue>
    static tern::status conv2d(const tensor_operand& x, const panels_operand& w, const tern::window2d& window,
                               const Destination& dst, const Epilogue&... epilogue, tern::tiles range) {
        return tern::conv2d<Arch>(x.as<Lhs>(), w.as<Rhs>(), window, dst, epilogue..., range);
    }
    template <class Destination, class... Epilogue>
    static tern::status transposed(const tensor_operand& x, const panels_operand& w, const tern::window2d& window,
                                   const Destination& dst, const Epilogue&... epilogue, tern::tiles range) {
        return tern::conv2d_transposed<Arch>(x.as<Lhs>(), w.as<Rhs>(), window, dst, epilogue..., range);
    }
};

template <class Function>
void add(kernel_table<Function>& table, const char* arch, Function function) {
    table.back().instances.push_back({arch, function});
}

/// Which operations a pair is tested in. Epilogues and destinations see encodings through numbers only (row and output
/// constants, sums), so `all` is for one pair of each kind of constant term, and so are transposed convolutions, which
/// differ in geometry alone; int32 results are for every pair, those of convolutions for the usual weights. The other
/// tables keep an entry without instances, so that a pair has the same index everywhere.
enum class coverage { products, int32, all };

/// One operand pair on one architecture.
template <coverage Coverage, class Arch, class Lhs, class Rhs>
void add_instance(kernel_tables& to, Arch arch) {
    using instances = kernels_of<Arch, Lhs, Rhs>;
    const char* name = tern::arch::name(arch);
    add<product_to_int32>(to.gemm_int32, name, instances::template gemm<int32_matrix>);
    add<product_to_int32>(to.gemv_int32, name, instances::template gemv<int32_matrix>);
    if constexpr (Coverage != coverage::products) {
        add<convolution_to_int32>(to.conv2d_int32, name, instances::template conv2d<int32_tensor>);
    }
    if constexpr (Coverage == coverage::all) {
        add<product_to_float>(to.gemm_float, name, instances::template gemm<float_matrix, scale_offset>);
        add<product_to_float>(to.gemv_float, name, instances::template gemv<float_matrix, scale_offset>);
        add<product_to_ternary>(to.gemm_ternary, name,
                                instances::template gemm<ternary_rows, scale_offset, thresholds>);
        add<product_to_ternary>(to.gemv_ternary, name,
                                instances::template gemv<ternary_rows, scale_offset, thresholds>);
        add<convolution_to_float>(to.conv2d_float, name, instances::template conv2d<float_tensor, scale_offset>);
        add<convolution_to_int32>(to.transposed_int32, name, instances::template transposed<int32_tensor>);
        add<convolution_to_float>(to.transposed_float, name,
                                  instances::template transposed<float_tensor, scale_offset>);
        add<convolution_to_ternary>(to.conv2d_ternary, name,
                                    instances::template conv2d<ternary_tensor, scale_offset, thresholds>);
    }
}

/// One operand pair on all architectures.
template <coverage Coverage, class Lhs, class Rhs>
void add_pair(kernel_tables& to) {
    const auto start = [](auto&... tables) { (tables.push_back({describe<Lhs>(), describe<Rhs>(), {}}), ...); };
    start(to.gemm_int32, to.gemv_int32, to.gemm_float, to.gemv_float, to.gemm_ternary, to.gemv_ternary, to.conv2d_int32,
          to.conv2d_float, to.conv2d_ternary, to.transposed_int32, to.transposed_float);
    std::apply([&to](auto... tags) { (add_instance<Coverage, decltype(tags), Lhs, Rhs>(to, tags), ...); },
               architectures{});
}

}  // namespace tern_test
