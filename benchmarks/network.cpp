// SPDX-License-Identifier: MIT
// network/<network>[_wide<factor>]/<values>/<architecture>/<layer, or `whole`>
//
// Whole networks of packed activations and weights, on one thread: the first layer takes 8-bit pixels and ternary filters;
// layers end in thresholds on integers, also those behind a shortcut; the last layer multiplies bytes with ternary
// weights. Counters of `whole`: the share of time of
//   pack      averages to bytes
//   product   the layers, to int32
//   epilogue  what thresholds and packing take beyond that
//   pool      both kinds of pools
//   first, last   the first and last layers (they are in the shares above as well)
#include <deque>
#include <functional>
#include <memory>

#include <tern/buffer.hpp>
#include <tern/fold.hpp>
#include <tern/gemm_bytes.hpp>
#include <tern/layer.hpp>

#include "benchmarks.hpp"
#include "support/counters.hpp"
#include "support/networks.hpp"
#include "support/operands.hpp"

namespace tern_bench {
namespace {

using tern::status;
using tern::ternary;
using first_layer = tern::byte_conv2d_of<tern::packed_codes>;

/// One step of a network: as it runs, and as a product alone.
struct network_step {
    std::string name;
    double macs;
    enum { pack, product, pool } what;
    std::function<status()> run;
    std::function<status()> accumulate;  ///< none: the same
    std::function<std::string()> check;  ///< none: nothing is wrong
};

template <class Encoding, class Arch>
class network {
public:
    explicit network(const network_table& table) : table_(table) {
        for (size_t i = 0; i < table_.layers.size(); ++i) add(i);
    }
    [[nodiscard]] const std::vector<network_step>& steps() const { return steps_; }
    [[nodiscard]] double macs() const {
        double sum = 0;
        for (const network_step& s : steps_) sum += s.macs;
        return sum;
    }
    [[nodiscard]] status run() const {
        for (const network_step& s : steps_)
            if (const status found = s.run(); found != status::ok) return found;
        return status::ok;
    }

private:
    using packed = tern::packed_activations<Encoding>;
    using tensor = tern::mutable_packed_tensor<Encoding>;

    struct memory {
        packed activations;
        tern::packed_matrix<Encoding> filters;
        packed rows;
        std::vector<std::int32_t> lower, upper;
        std::vector<tern::word> negative;
        std::vector<float> scale;
    };

    network_table table_;
    std::deque<memory> memory_;
    std::vector<network_step> steps_;
    tern::buffer<std::int32_t> accumulators_;
    std::vector<float> averages_, classes_;
    std::vector<std::uint8_t> image_;
    std::vector<std::int8_t> bytes_, byte_weights_;
    float byte_scale_ = 1.0f;
    tern::packed_matrix<tern::ternary_code> first_, last_;

    void add(size_t i) {
        const network_layer& l = table_.layers[i];
        memory_.emplace_back();
        memory& m = memory_.back();
        const tern::layer_shape& s = l.shape;
        const size_t outputs =
            l.kind == layer_kind::convolution || l.kind == layer_kind::connected ? s.outputs : s.channels;
        if (l.kind == layer_kind::average_pool) return add_average(l);
        if (l.kind == layer_kind::connected) return add_connected(l);
        const size_t pixels = s.output_height() * s.output_width();
        m.activations = packed(pixels, outputs);
        if (accumulators_.size() < pixels * outputs) accumulators_ = tern::buffer<std::int32_t>(pixels * outputs);
        if (l.kind == layer_kind::max_pool) {
            steps_.push_back({l.name,
                              0,
                              network_step::pool,
                              [this, i] {
                                  return tern::layer<tern::max_pool_of<Encoding>>(table_.layers[i].shape)
                                      .template run<Arch>(input(i), {}, output(i), tern::plain{});
                              },
                              {},
                              {}});
            return;
        }
        // A third of the results is zero, more or less.
        double spread = 0.45;
        const size_t depth = s.taps() * (l.kind == layer_kind::depthwise ? 1 : s.channels);
        for (size_t root = 1; root * root < depth; ++root) spread = 0.3 * static_cast<double>(root);
        if (l.from < 0) spread *= 100;
        const auto limit = static_cast<std::int32_t>(spread);
        m.lower.assign(outputs, -limit);
        m.upper.assign(outputs, limit);
        m.scale.assign(outputs, static_cast<float>(0.5 / spread));
        if (l.from < 0) return add_image(i, depth);
        const auto values = random_values<Encoding, std::int8_t>(outputs * depth, 0x21 + i);
        if (l.kind == layer_kind::depthwise) {
            m.rows = packed(tern::matrix_view<const std::int8_t>{values.data(), depth, outputs});
            add_layer<tern::depthwise_of<Encoding, Encoding>>(i, m.rows, [this, i] { return input(i); });
        } else {
            m.filters = tern::packed_matrix<Encoding>(
                tern::matrix_view<const std::int8_t>{values.data(), outputs, depth}, s.taps());
            add_layer<tern::conv2d_of<Encoding, Encoding>>(i, m.filters, [this, i] { return input(i); });
        }
    }

    void add_image(size_t i, size_t depth) {
        const tern::layer_shape& s = table_.layers[i].shape;
        image_.resize(s.height * s.width * s.channels);
        random_bytes random(0x31);
        for (std::uint8_t& x : image_) x = static_cast<std::uint8_t>(random.next());
        const auto values = random_values<ternary, std::int8_t>(s.outputs * depth, 0x21);
        first_ = tern::packed_matrix<tern::ternary_code>(
            tern::matrix_view<const std::int8_t>{values.data(), s.outputs, depth});
        add_layer<first_layer>(i, first_, [this] { return image(); });
    }

    template <class Kind, class Weights, class Input>
    void add_layer(size_t i, const Weights& weights, const Input& in) {
        const network_layer& l = table_.layers[i];
        const tern::layer<Kind> planned(l.shape);
        const typename Kind::weights w = weights;
        network_step step{l.name, l.macs(), network_step::product, {}, {}, {}};
        step.accumulate = [this, planned, w, in] {
            return planned.template run<Arch>(in(), w, sums(planned), tern::plain{});
        };
        step.check = [this, planned, in, w, i] { return compare<Kind>(planned, in(), w, i); };
        if (l.shortcut < 0) {
            step.run = [this, planned, w, in, i] { return planned.template run<Arch>(in(), w, output(i), limits(i)); };
        } else if constexpr (std::is_same_v<Encoding, ternary> && std::is_same_v<typename Kind::reads, ternary>) {
            fold_shortcut(i);
            step.run = [this, planned, w, in, i] {
                const memory& m = memory_[i];
                const tern::packed_rows<ternary> r(memory_[static_cast<size_t>(table_.layers[i].shortcut)].activations);
                return planned.template run<Arch>(
                    in(), w, output(i), tern::shortcut_limits(m.lower.data(), m.upper.data(), m.negative.data(), r));
            };
        }
        steps_.push_back(step);
    }

    void add_average(const network_layer& l) {
        averages_.resize(l.shape.channels);
        const size_t i = memory_.size() - 1;
        steps_.push_back({l.name,
                          0,
                          network_step::pool,
                          [this, i] {
                              const tern::layer_shape& s = table_.layers[i].shape;
                              return tern::layer<tern::average_pool_of<Encoding>>(s).template run<Arch>(
                                  input(i), {}, tern::tensor_view<float>{averages_.data(), 1, 1, 1, s.channels},
                                  tern::plain{});
                          },
                          {},
                          {}});
    }
    /// Bytes times ternary weights, behind averages, or behind packed activations that are unpacked by a 1x1 average.
    void add_connected(const network_layer& l) {
        const size_t i = memory_.size() - 1;
        const size_t depth = l.shape.channels;
        bytes_.resize(depth);
        classes_.resize(l.shape.outputs);
        byte_weights_ = random_values<ternary, std::int8_t>(l.shape.outputs * depth, 0x41);
        last_ = tern::packed_matrix<tern::ternary_code>(
            tern::matrix_view<const std::int8_t>{byte_weights_.data(), l.shape.outputs, depth});
        if (averages_.empty()) {
            averages_.resize(depth);
            steps_.push_back({"unpack",
                              0,
                              network_step::pack,
                              [this, i] {
                                  const tern::layer_shape& s = table_.layers[i].shape;
                                  return tern::average_pool2d<Arch>(
                                      input(i), s.window,
                                      tern::tensor_view<float>{averages_.data(), 1, 1, 1, s.channels});
                              },
                              {},
                              {}});
        }
        steps_.push_back({"pack_bytes",
                          0,
                          network_step::pack,
                          [this] {
                              return tern::quantize::quantize_int8<Arch>(
                                  tern::matrix_view<const float>{averages_.data(), 1, averages_.size()},
                                  tern::matrix_view<std::int8_t>{bytes_.data(), 1, bytes_.size()},
                                  tern::matrix_view<float>{&byte_scale_, 1, 1});
                          },
                          {},
                          {}});
        steps_.push_back({l.name,
                          l.macs(),
                          network_step::product,
                          [this] {
                              tern::scale_offset e;
                              e.activations.scale = tern::per_tensor(byte_scale_);
                              return tern::gemm<Arch>(
                                  tern::matrix_view<const std::int8_t>{bytes_.data(), 1, bytes_.size()}, last_,
                                  tern::matrix_view<float>{classes_.data(), 1, classes_.size()}, e);
                          },
                          {},
                          {}});
    }

    [[nodiscard]] tern::byte_tensor image() const {
        const tern::layer_shape& s = table_.layers[0].shape;
        return {tern::tensor_view<const std::uint8_t>{image_.data(), 1, s.height, s.width, s.channels}, 128};
    }
    [[nodiscard]] tern::packed_tensor<Encoding> input(size_t i) const {
        const network_layer& l = table_.layers[i];
        return {memory_[static_cast<size_t>(l.from)].activations, 1, l.shape.height, l.shape.width};
    }
    [[nodiscard]] tensor output(size_t i) const {
        const tern::layer_shape& s = table_.layers[i].shape;
        return {memory_[i].activations, 1, s.output_height(), s.output_width()};
    }
    [[nodiscard]] tern::integer_limits limits(size_t i) const {
        return {memory_[i].lower.data(), memory_[i].upper.data()};
    }
    /// Scales, a shortcut and thresholds as integers.
    void fold_shortcut(size_t i) {
        memory& m = memory_[i];
        const size_t outputs = m.scale.size();
        m.lower.resize(3 * outputs);
        m.upper.resize(3 * outputs);
        m.negative.resize(outputs / 32 + 1);
        tern::real_steps how;
        how.epilogue.weights.scale = tern::per_channel(m.scale.data());
        how.residual = tern::shortcut(tern::packed_rows<ternary>());
        tern::shortcut_limits unused;
        if (tern::fold(tern::to_ternary(how), outputs, m.lower.data(), m.upper.data(), m.negative.data(), unused) !=
            status::ok)
            any_mismatch() = true;
    }
    template <class Planned>
    [[nodiscard]] tern::tensor_view<std::int32_t> sums(const Planned& p) const {
        return {const_cast<std::int32_t*>(accumulators_.data()), 1, p.shape().output_height(), p.shape().output_width(),
                p.outputs()};
    }

    /// Some accumulators against their formula.
    template <class Kind, class Input>
    std::string compare(const tern::layer<Kind>& planned, const Input& in, const typename Kind::weights& w,
                        size_t i) const {
        const auto dst = sums(planned);
        if (planned.template run<Arch>(in, w, dst, tern::plain{}) != status::ok) return "refused";
        const tern::window2d& window = planned.shape().window;
        random_bytes random(i);
        for (int turn = 0; turn < 200; ++turn) {
            const auto number = [&] {
                return size_t{random.next()} << 16 | size_t{random.next()} << 8 | random.next();
            };
            const size_t y = turn == 0 ? 0 : number() % dst.height;
            const size_t x = turn == 0 ? 0 : number() % dst.width;
            const size_t o = number() % dst.channels;
            std::int32_t sum = 0;
            for (size_t ky = window.y.first_tap(y); ky < window.y.last_tap(y, in.height); ++ky)
                for (size_t kx = window.x.first_tap(x); kx < window.x.last_tap(x, in.width); ++kx) {
                    const size_t tap = ky * window.x.kernel + kx;
                    const size_t row = window.y.input(y, ky);
                    const size_t col = window.x.input(x, kx);
                    if constexpr (std::is_same_v<Kind, first_layer>) {
                        for (size_t c = 0; c < in.channels; ++c)
                            sum += (in.view().pixel(0, row, col)[c] - in.zero_point) *
                                   w.value(o, tap * in.channels + c);
                        continue;
                    } else if constexpr (std::is_same_v<typename Kind::weights, tern::packed_rows<Encoding>>) {
                        sum += in.pixels.value(in.pixel(0, row, col), o) * w.value(tap, o);
                    } else {
                        const size_t at = in.pixel(0, row, col);
                        for (size_t c = 0; c < in.channels(); ++c)
                            sum += in.pixels.value(at, c) * w.value(o, tap * in.channels() + c);
                    }
                }
            if (dst.pixel(0, y, x)[o] != sum) return "the result differs from its formula";
        }
        return "";
    }
};

/// Best of some runs.
template <class Run>
double best_of(const Run& run) {
    const long runs = stretch_of(run);
    double best = timed(runs, run);
    for (int i = 0; i < 9; ++i) best = std::min(best, timed(runs, run));
    return best;
}

template <class Encoding, class Arch>
const network<Encoding, Arch>& network_of(const network_table& table) {
    static std::unique_ptr<network<Encoding, Arch>> kept;
    static std::string name;
    const std::string wanted = std::string(table.name) + std::to_string(table.layers[0].shape.outputs);
    if (name != wanted) {
        kept = std::make_unique<network<Encoding, Arch>>(table);
        name = wanted;
    }
    return *kept;
}

template <class Encoding, class Arch>
void measure_whole(benchmark::State& state, Arch arch, const network_table& table, bool check) {
    if (skip_missing(state, arch)) return;
    const auto& net = network_of<Encoding, Arch>(table);
    if (net.run() != status::ok) return skip_mismatch(state, "a layer refused its operands");
    if (check)
        for (const network_step& s : net.steps())
            if (const std::string wrong = s.check ? s.check() : ""; !wrong.empty())
                return skip_mismatch(state, s.name + ": " + wrong);
    if (net.run() != status::ok) return skip_mismatch(state, "a layer refused its operands");
    double whole = 0, pack = 0, product = 0, epilogue = 0, pool = 0, first = 0, last = 0;
    for (const network_step& s : net.steps()) {
        const double fused = best_of(s.run);
        const double alone = s.accumulate ? std::min(fused, best_of(s.accumulate)) : fused;
        whole += fused;
        (s.what == network_step::pack ? pack : s.what == network_step::pool ? pool : product) += alone;
        epilogue += fused - alone;
        if (s.macs > 0 && first == 0) first = fused;
        last = fused;
    }
    measure(state, {net.macs(), 0, 0}, std::vector<limit_rate>{}, [&] {
        status s = net.run();
        benchmark::DoNotOptimize(s);
        benchmark::ClobberMemory();
    });
    state.counters["pack"] = pack / whole;
    state.counters["product"] = product / whole;
    state.counters["epilogue"] = epilogue / whole;
    state.counters["pool"] = pool / whole;
    state.counters["first"] = first / whole;
    state.counters["last"] = last / whole;
}

template <class Encoding>
void add_network(const network_table& table, const std::string& suffix = "", bool each = true) {
    using arch = tern::default_arch;
    const std::string prefix = std::string("network/") + table.name + suffix + "/" + operand_name<Encoding>() + "/" +
                               tern::arch::name(arch{}) + "/";
    add(prefix + "whole",
        [=](benchmark::State& state, bool check) { measure_whole<Encoding>(state, arch{}, table, check); });
    if (!each) return;
    for (size_t i = 0; i < network<Encoding, arch>(table).steps().size(); ++i) {
        const auto step = [=]() -> const network_step& { return network_of<Encoding, arch>(table).steps()[i]; };
        add(prefix + network<Encoding, arch>(table).steps()[i].name, [=](benchmark::State& state, bool) {
            if (skip_missing(state, arch{})) return;
            const network_step& s = step();
            if (network_of<Encoding, arch>(table).run() != status::ok) return skip_mismatch(state, "refused");
            measure(state, {s.macs, 0, 0}, std::vector<limit_rate>{}, [&] {
                status answer = s.run();
                benchmark::DoNotOptimize(answer);
                benchmark::ClobberMemory();
            });
        });
    }
}

}  // namespace

void add_networks() {
    using tern::binary;
    const network_table tables[] = {resnet18(), vgg9(), ds_cnn()};
    for (const network_table& t : tables) {
        add_network<ternary>(t);
#if TERN_BENCH_ONEDNN
        add_onednn_network(t);
#endif
    }
    add_network<binary>(vgg9(), "", false);
    add_network<binary>(ds_cnn(), "", false);
    add_network<ternary>(resnet18().widened(2), "_wide2", false);
}

}  // namespace tern_bench
