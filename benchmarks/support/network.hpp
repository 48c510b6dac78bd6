// SPDX-License-Identifier: MIT
// A network of a table (networks.hpp) that runs: operands, memory and steps. The first layer takes 8-bit pixels and
// ternary filters; layers end in thresholds on integers, also those behind a shortcut; the last layer multiplies bytes
// with ternary weights.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include <tern/buffer.hpp>
#include <tern/fold.hpp>
#include <tern/gemm_bytes.hpp>
#include <tern/layer.hpp>

#include "support/networks.hpp"
#include "support/operands.hpp"
#include "support/two_threads.hpp"

namespace tern_bench {

using tern::status;
using tern::ternary;
using first_layer = tern::byte_conv2d_of<tern::packed_codes>;

/// The executor of a network: the caller's thread, and another one where there is one.
struct crew {
    two_threads* both = nullptr;

    [[nodiscard]] size_t concurrency() const { return both == nullptr ? 1 : 2; }
    template <class Task>
    void operator()(size_t n, const Task& task) const {
        both->run([&](size_t part) {
            if (part < n) task(part);
        });
    }
};

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
    network(const network&) = delete;  // steps refer to it
    network& operator=(const network&) = delete;

    [[nodiscard]] const std::vector<network_step>& steps() const { return steps_; }
    /// Whose threads layers are split over from now on; null: the caller's alone.
    void share_with(two_threads* both) const { crew_.both = both; }
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
    mutable crew crew_;
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
                                      .template run<Arch>(input(i), {}, output(i), tern::plain{}, crew_);
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
            return planned.template run<Arch>(in(), w, sums(planned), tern::plain{}, crew_);
        };
        step.check = [this, planned, in, w, i] { return compare<Kind>(planned, in(), w, i); };
        if (l.shortcut < 0) {
            step.run = [this, planned, w, in, i] {
                return planned.template run<Arch>(in(), w, output(i), limits(i), crew_);
            };
        } else if constexpr (std::is_same_v<Encoding, ternary> && std::is_same_v<typename Kind::reads, ternary>) {
            fold_shortcut(i);
            step.run = [this, planned, w, in, i] {
                const memory& m = memory_[i];
                const tern::packed_rows<ternary> r(memory_[static_cast<size_t>(table_.layers[i].shortcut)].activations);
                return planned.template run<Arch>(
                    in(), w, output(i), tern::shortcut_limits(m.lower.data(), m.upper.data(), m.negative.data(), r),
                    crew_);
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

}  // namespace tern_bench
