// SPDX-License-Identifier: MIT
// The source behind <tern/dispatch.hpp>. tern_add_dispatched() compiles it once for each architecture, in the build of
// whoever links tern::dispatch.
#include <tern/conv.hpp>
#include <tern/dispatch.hpp>
#include <tern/gemm.hpp>
#include <tern/gemm_bytes.hpp>
#include <tern/gemm_lookup.hpp>

namespace tern::dispatch {
namespace {

/// Instances of the library's templates: their symbols carry this_arch.
template <class Lhs, class Rhs>
constexpr products<Lhs, Rhs> products_of() noexcept {
    return {&tern::gemm<this_arch, Lhs, Rhs>, &tern::gemm<this_arch, Lhs, Rhs>, &tern::gemm<this_arch, Lhs, Rhs>};
}

template <class Lhs>
constexpr lookup_products<Lhs> lookups_of() noexcept {
    return {&tern::gemm<this_arch, Lhs>, &tern::gemm<this_arch, Lhs>, &tern::gemm<this_arch, Lhs>};
}

template <class Weights>
constexpr byte_products<Weights> bytes_of() noexcept {
    return {&tern::gemm<this_arch>, &tern::gemm<this_arch>, &tern::gemm<this_arch>};
}

template <class Lhs, class Rhs>
constexpr convolutions<Lhs, Rhs> convolutions_of() noexcept {
    return {&tern::conv2d<this_arch, Lhs, Rhs>, &tern::conv2d<this_arch, Lhs, Rhs>,
            &tern::conv2d<this_arch, Lhs, Rhs>};
}

}  // namespace

// In the order of kernel_functions.
TERN_DISPATCH_TABLE(kernels,
                    products_of<binary, binary>(),
                    products_of<binary, ternary>(),
                    products_of<ternary, binary>(),
                    products_of<ternary, ternary>(),
                    products_of<unsigned_bits<2>, binary>(),
                    products_of<unsigned_bits<2>, ternary>(),
                    products_of<unsigned_bits<4>, binary>(),
                    products_of<unsigned_bits<4>, ternary>(),
                    products_of<unsigned_bits<8>, binary>(),
                    products_of<unsigned_bits<8>, ternary>(),
                    lookups_of<ternary>(),
                    bytes_of<packed_codes>(),
                    bytes_of<packed_trits>(),
                    bytes_of<packed_sevens>(),
                    bytes_of<packed_panels<binary>>(),
                    convolutions_of<binary, binary>(),
                    convolutions_of<binary, ternary>(),
                    convolutions_of<ternary, binary>(),
                    convolutions_of<ternary, ternary>());

}  // namespace tern::dispatch
