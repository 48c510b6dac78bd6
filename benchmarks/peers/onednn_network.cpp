// SPDX-License-Identifier: MIT
// peer/onednn_f32/<network> and peer/onednn_u8s8u8/<network>: the convolutions and connected layers of a network one
// after the other on one thread, each in the library's own layouts, without pool, shortcut, activation or reorder.
#include <cstring>

#include <dlfcn.h>
#include <oneapi/dnnl/dnnl.hpp>

#include "benchmarks.hpp"
#include "support/counters.hpp"
#include "support/networks.hpp"

namespace tern_bench {
namespace {

using dnnl::memory;
using type = memory::data_type;
using tag = memory::format_tag;

/// Its OpenMP would take all cores; found by name, so that no OpenMP is needed to compile this.
void one_openmp_thread() {
    if (void* set = dlsym(RTLD_DEFAULT, "omp_set_num_threads")) reinterpret_cast<void (*)(int)>(set)(1);
}

struct peer_layer {
    dnnl::convolution_forward multiply;
    memory src, weights, dst;
};

/// Bytes to integers, or all of one kind.
enum class numbers { floats, bytes, bytes_to_int32 };

peer_layer make_layer(const network_layer& l, numbers which, const dnnl::engine& cpu) {
    const bool bytes = which != numbers::floats;
    const auto dim = [](size_t n) { return static_cast<memory::dim>(n); };
    const tern::layer_shape& s = l.shape;
    const tern::window2d& w = s.window;
    const bool depthwise = l.kind == layer_kind::depthwise;
    const size_t outputs = depthwise ? s.channels : s.outputs;
    const type of_x = bytes ? type::u8 : type::f32;
    const type of_w = bytes ? type::s8 : type::f32;
    const memory::desc src({1, dim(s.channels), dim(s.height), dim(s.width)}, of_x, tag::any);
    const memory::dims shape = depthwise
                                   ? memory::dims{dim(s.channels), 1, 1, dim(w.y.kernel), dim(w.x.kernel)}
                                   : memory::dims{dim(outputs), dim(s.channels), dim(w.y.kernel), dim(w.x.kernel)};
    const memory::desc weights(shape, of_w, tag::any);
    const memory::desc dst({1, dim(outputs), dim(s.output_height()), dim(s.output_width())},
                           which == numbers::bytes_to_int32 ? type::s32 : of_x, tag::any);
    const dnnl::convolution_forward::primitive_desc chosen({dnnl::prop_kind::forward_inference,
                                                            dnnl::algorithm::convolution_direct,
                                                            src,
                                                            weights,
                                                            dst,
                                                            {dim(w.y.stride), dim(w.x.stride)},
                                                            {dim(w.y.pad_before), dim(w.x.pad_before)},
                                                            {dim(w.y.pad_after), dim(w.x.pad_after)}},
                                                           cpu);
    peer_layer made{dnnl::convolution_forward(chosen), memory(chosen.src_desc(), cpu),
                    memory(chosen.weights_desc(), cpu), memory(chosen.dst_desc(), cpu)};
    for (memory* m : {&made.src, &made.weights}) std::memset(m->get_data_handle(), 0, m->get_desc().get_size());
    return made;
}

void measure_network(benchmark::State& state, const network_table& table, bool bytes) {
    one_openmp_thread();
    const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
    dnnl::stream stream(cpu);
    std::vector<peer_layer> layers;
    double macs = 0;
    for (const network_layer& l : table.layers) {
        if (l.macs() == 0) continue;
        layers.push_back(make_layer(l, bytes ? numbers::bytes : numbers::floats, cpu));
        macs += l.macs();
    }
    measure(state, {macs, 0, 0}, std::vector<limit_rate>{}, [&] {
        for (const peer_layer& l : layers)
            l.multiply.execute(stream, {{DNNL_ARG_SRC, l.src}, {DNNL_ARG_WEIGHTS, l.weights}, {DNNL_ARG_DST, l.dst}});
        stream.wait();
        benchmark::ClobberMemory();
    });
}

void measure_depthwise(benchmark::State& state, size_t size, size_t channels, numbers which) {
    one_openmp_thread();
    const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
    dnnl::stream stream(cpu);
    const network_layer l{
        "", layer_kind::depthwise, {1, size, size, channels, channels, tern::square_window(3, 1, 1)}, 0};
    const peer_layer made = make_layer(l, which, cpu);
    measure(state, {l.macs(), 0, 0}, std::vector<limit_rate>{}, [&] {
        made.multiply.execute(stream,
                              {{DNNL_ARG_SRC, made.src}, {DNNL_ARG_WEIGHTS, made.weights}, {DNNL_ARG_DST, made.dst}});
        stream.wait();
        benchmark::ClobberMemory();
    });
}

}  // namespace

void add_onednn_depthwise(size_t size, size_t channels) {
    const std::string shape =
        std::to_string(size) + "x" + std::to_string(size) + "x" + std::to_string(channels) + "/3x3";
    for (const auto which : {numbers::floats, numbers::bytes, numbers::bytes_to_int32})
        add(std::string("peer/onednn_") +
                (which == numbers::floats  ? "f32"
                 : which == numbers::bytes ? "u8s8u8"
                                           : "u8s8s32") +
                "_depthwise/" + shape,
            [=](benchmark::State& state, bool) { measure_depthwise(state, size, channels, which); });
}

void add_onednn_network(const network_table& table) {
    for (const bool bytes : {false, true})
        add(std::string("peer/onednn_") + (bytes ? "u8s8u8/" : "f32/") + table.name,
            [=](benchmark::State& state, bool) { measure_network(state, table, bytes); });
}

}  // namespace tern_bench
