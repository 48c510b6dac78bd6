// SPDX-License-Identifier: MIT
// Convolutions equal those of an independent library: oneDNN in float, on the same numbers. Sums of integers below 2^24
// are exact there too. And no convolution allocates.
#include <cstdint>
#include <cstdlib>
#include <new>
#include <vector>

#include <doctest/doctest.h>
#include <oneapi/dnnl/dnnl.hpp>

#include <tern/buffer.hpp>
#include <tern/conv_bytes.hpp>
#include <tern/conv_transposed.hpp>

#include "support/convolutions.hpp"

namespace {

size_t allocations = 0;

}  // namespace

// Every form of them arrives here or in the aligned one of buffer.hpp, which no operation calls.
void* operator new(std::size_t size) {
    ++allocations;
    if (void* p = std::malloc(size == 0 ? 1 : size)) return p;
    std::abort();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace {

using namespace tern_test;
using dnnl::memory;
using tern::status;
using tern::tensor_view;
using tern::window_axis;

memory::dims dims(std::initializer_list<size_t> sizes) {
    memory::dims d;
    for (const size_t s : sizes) d.push_back(static_cast<memory::dim>(s));
    return d;
}

/// Results in NHWC. x: NHWC; w: OHWI with the channels of a group.
class other_library {
public:
    std::vector<float> operator()(const conv_shape& s, const std::vector<float>& x, const std::vector<float>& w,
                                  bool transposed, size_t height, size_t width) {
        using tag = memory::format_tag;
        constexpr auto f32 = memory::data_type::f32;
        const size_t g = s.window.groups;
        const auto& a = s.window;
        const memory::desc source(dims({s.images, s.channels, s.height, s.width}), f32, tag::nhwc);
        const memory::desc target(dims({s.images, s.outputs, height, width}), f32, tag::nhwc);
        // Strides of g, o, i, h, w in OHWI.
        const size_t i = s.group_channels();
        const size_t o = s.taps() * i;
        const memory::desc filters(
            dims({g, s.outputs / g, i, a.y.kernel, a.x.kernel}), f32,
            dims({s.outputs / g * o, o, 1, a.x.kernel * i, i}));
        const memory::dims strides = dims({a.y.stride, a.x.stride});
        const memory::dims dilation = dims({a.y.dilation - 1, a.x.dilation - 1});
        const memory::dims before = dims({a.y.pad_before, a.x.pad_before});
        const memory::dims after = dims({a.y.pad_after, a.x.pad_after});
        std::vector<float> results(s.images * height * width * s.outputs);
        memory src(source, cpu_, const_cast<float*>(x.data()));
        memory wei(filters, cpu_, const_cast<float*>(w.data()));
        memory dst(target, cpu_, results.data());
        const std::unordered_map<int, memory> arguments = {
            {DNNL_ARG_SRC, src}, {DNNL_ARG_WEIGHTS, wei}, {DNNL_ARG_DST, dst}};
        if (transposed)
            run<dnnl::deconvolution_forward>(dnnl::algorithm::deconvolution_direct, source, filters, target, strides,
                                             dilation, before, after, arguments);
        else
            run<dnnl::convolution_forward>(dnnl::algorithm::convolution_direct, source, filters, target, strides,
                                           dilation, before, after, arguments);
        return results;
    }

private:
    template <class Operation>
    void run(dnnl::algorithm how, const memory::desc& source, const memory::desc& filters, const memory::desc& target,
             const memory::dims& strides, const memory::dims& dilation, const memory::dims& before,
             const memory::dims& after, const std::unordered_map<int, memory>& arguments) {
#if DNNL_VERSION_MAJOR >= 3
        const typename Operation::primitive_desc chosen(cpu_, dnnl::prop_kind::forward_inference, how, source, filters,
                                                        target, strides, dilation, before, after);
#else
        const typename Operation::primitive_desc chosen(
            typename Operation::desc(dnnl::prop_kind::forward_inference, how, source, filters, target, strides,
                                     dilation, before, after),
            cpu_);
#endif
        Operation(chosen).execute(stream_, arguments);
        stream_.wait();
    }

    dnnl::engine cpu_{dnnl::engine::kind::cpu, 0};
    dnnl::stream stream_{cpu_};
};

template <class T>
std::vector<float> floats(const std::vector<T>& values) {
    return {values.begin(), values.end()};
}

TEST_CASE("convolutions equal those of oneDNN, and none allocates") {
    random_numbers random(21);
    other_library onednn;
    size_t compared = 0;
    for (size_t turn = 0; compared < 120 && turn < 1000; ++turn) {
        conv_shape s = random_conv_shape(random);
        if (s.images * s.height * s.width * s.channels * s.outputs == 0) continue;
        const bool transposed = turn % 4 == 3;
        const size_t height = transposed ? s.window.y.transposed_outputs(s.height) : s.output_height();
        const size_t width = transposed ? s.window.x.transposed_outputs(s.width) : s.output_width();
        if (height == 0 || width == 0) continue;
        const integers x = make_integers(describe<tern::ternary>(), s.images * s.height * s.width, s.channels,
                                         fill::random, random);
        const integers w = make_integers(describe<tern::ternary>(), s.outputs, s.taps() * s.group_channels(),
                                         fill::random, random);
        INFO(s, transposed ? ", transposed" : "");
        std::vector<float> expected;
        try {
            expected = onednn(s, floats(x.values), floats(w.values), transposed, height, width);
        } catch (const dnnl::error&) {
            continue;  // not every padding is one that it has
        }
        ++compared;
        const auto rows = tern::pack_rows<tern::ternary>(x.view());
        const auto filters = tern::pack<tern::ternary>(w.view(), s.taps());
        const tern::packed_tensor<tern::ternary> input(rows, s.images, s.height, s.width);
        std::vector<std::int32_t> results(expected.size());
        const tensor_view<std::int32_t> dst(results.data(), s.images, height, width, s.outputs);
        size_t before = allocations;
        const status done = transposed ? tern::conv2d_transposed(input, filters, s.window, dst)
                                       : tern::conv2d(input, filters, s.window, dst);
        CHECK(allocations - before == 0);
        REQUIRE(done == status::ok);
        CHECK(floats(results) == expected);
        if (transposed) continue;
        const std::vector<std::int8_t> bytes(x.values.begin(), x.values.end());
        const auto codes = tern::pack<tern::ternary_code>(w.view());
        results.assign(results.size(), 99);
        before = allocations;
        const status bytes_done = tern::conv2d(
            tensor_view<const std::int8_t>(bytes.data(), s.images, s.height, s.width, s.channels), codes, s.window, dst);
        CHECK(allocations - before == 0);
        REQUIRE(bytes_done == status::ok);
        CHECK(floats(results) == expected);
    }
    MESSAGE(compared, " convolutions equal oneDNN's");
    CHECK(compared >= 60);
}

}  // namespace
