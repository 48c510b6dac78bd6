// SPDX-License-Identifier: MIT
// Every instance of an operation as a function pointer: operand pairs x architectures. The tables are compiled once, in
// tests/kernel/, and the tests walk through them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <tern/parallel.hpp>
#include <tern/window.hpp>

#include "support/architectures.hpp"
#include "support/operands.hpp"
#include "support/parameters.hpp"

namespace tern {

inline doctest::String toString(status s) { return to_string(s); }

}  // namespace tern

namespace tern_test {

template <class Function>
struct instance {
    std::string arch;
    Function function;

    /// Notes that the architecture ran, and runs it.
    template <class... Arguments>
    tern::status operator()(Arguments&&... arguments) const {
        ran(arch.c_str());
        return function(std::forward<Arguments>(arguments)...);
    }
};

/// One operand pair on all architectures.
template <class Function>
struct operand_pair {
    encoding_info lhs;
    encoding_info rhs;
    std::vector<instance<Function>> instances;

    [[nodiscard]] std::string name() const { return lhs.name + " x " + rhs.name; }
};

template <class Function>
using kernel_table = std::vector<operand_pair<Function>>;

using dot_function = tern::status (*)(const rows_operand&, const rows_operand&, std::int32_t&);
const kernel_table<dot_function>& dot_kernels();

using int32_matrix = tern::matrix_view<std::int32_t>;
using float_matrix = tern::matrix_view<float>;
using ternary_rows = tern::mutable_packed_rows<tern::ternary>;

template <class Destination, class... Epilogue>
using product_function = tern::status (*)(const rows_operand&, const panels_operand&, const Destination&,
                                          const Epilogue&..., tern::tiles);
using product_to_int32 = product_function<int32_matrix>;
using product_to_float = product_function<float_matrix, tern::scale_offset>;
using product_to_ternary = product_function<ternary_rows, tern::scale_offset, tern::thresholds>;

using int32_tensor = tern::tensor_view<std::int32_t>;
using float_tensor = tern::tensor_view<float>;
using ternary_tensor = tern::mutable_packed_tensor<tern::ternary>;

template <class Destination, class... Epilogue>
using convolution_function = tern::status (*)(const tensor_operand&, const panels_operand&, const tern::window2d&,
                                              const Destination&, const Epilogue&..., tern::tiles);
using convolution_to_int32 = convolution_function<int32_tensor>;
using convolution_to_float = convolution_function<float_tensor, tern::scale_offset>;
using convolution_to_ternary = convolution_function<ternary_tensor, tern::scale_offset, tern::thresholds>;

/// The same operand pairs in the same order in all of them.
struct kernel_tables {
    kernel_table<product_to_int32> gemm_int32, gemv_int32;
    kernel_table<product_to_float> gemm_float, gemv_float;
    kernel_table<product_to_ternary> gemm_ternary, gemv_ternary;
    kernel_table<convolution_to_int32> conv2d_int32;
    kernel_table<convolution_to_float> conv2d_float;
    kernel_table<convolution_to_ternary> conv2d_ternary;
    kernel_table<convolution_to_int32> transposed_int32;
    kernel_table<convolution_to_float> transposed_float;
};
const kernel_tables& kernels();

}  // namespace tern_test
