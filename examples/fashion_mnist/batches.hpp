// SPDX-License-Identifier: MIT
// Images as batches of libtorch tensors, and what every training does with them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <torch/torch.h>

#include "dataset.hpp"
#include "progress.hpp"

namespace fashion_mnist {

/// The tensors of a step are freed and wanted again by the next one: glibc keeps them, where it would give their pages
/// back and have them cleared anew.
inline void keep_freed_memory() {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}

/// What a network reads: pixel * scale + offset.
struct pixel_numbers {
    float scale = 1.0f / 255.0f;
    float offset = 0.0f;
};

/// One picture as the network sees it, mirrored with probability 1/2, shifted by up to a pixel; what enters is black.
inline void augment(const images& all, std::size_t index, pixel_numbers numbers, std::mt19937& random, float* to) {
    const std::uint8_t* const from = all.image(index);
    const auto height = static_cast<int>(all.height), width = static_cast<int>(all.width);
    const auto bits = static_cast<std::uint32_t>(random());
    const bool mirror = (bits & 1u) != 0u;
    const int dy = static_cast<int>((bits >> 1) % 3u) - 1;
    const int dx = static_cast<int>((bits >> 16) % 3u) - 1;
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            const int sy = y + dy;
            const int sx = (mirror ? width - 1 - x : x) + dx;
            const bool inside = sy >= 0 && sy < height && sx >= 0 && sx < width;
            const float pixel = inside ? static_cast<float>(from[sy * width + sx]) : 0.0f;
            to[y * width + x] = pixel * numbers.scale + numbers.offset;
        }
    }
}

[[nodiscard]] inline torch::Tensor empty_batch(const images& all, std::size_t count) {
    return torch::empty({static_cast<std::int64_t>(count), 1, static_cast<std::int64_t>(all.height),
                         static_cast<std::int64_t>(all.width)});
}

/// Images order[first ...] augmented.
[[nodiscard]] inline torch::Tensor augmented_batch(const dataset& data, const std::vector<std::size_t>& order,
                                                   std::size_t first, std::size_t count, pixel_numbers numbers,
                                                   std::mt19937& random) {
    torch::Tensor x = empty_batch(data.images, count);
    const std::size_t size = data.images.height * data.images.width;
    for (std::size_t i = 0; i < count; ++i)
        augment(data.images, order[first + i], numbers, random, x.data_ptr<float>() + i * size);
    return x;
}

/// Images [first, first + count) as they are.
[[nodiscard]] inline torch::Tensor plain_batch(const dataset& data, std::size_t first, std::size_t count,
                                               pixel_numbers numbers) {
    torch::Tensor x = empty_batch(data.images, count);
    const std::uint8_t* const pixels = data.images.image(first);
    float* const to = x.data_ptr<float>();
    for (std::size_t i = 0; i < count * data.images.height * data.images.width; ++i)
        to[i] = static_cast<float>(pixels[i]) * numbers.scale + numbers.offset;
    return x;
}

[[nodiscard]] inline torch::Tensor labels_of(const dataset& data, const std::vector<std::size_t>& order,
                                             std::size_t first, std::size_t count) {
    torch::Tensor right = torch::empty({static_cast<std::int64_t>(count)}, torch::kLong);
    for (std::size_t i = 0; i < count; ++i) right.data_ptr<std::int64_t>()[i] = data.labels[order[first + i]];
    return right;
}

/// The first `limit` images, or all.
[[nodiscard]] inline std::vector<std::size_t> in_order(const dataset& data, std::size_t limit = 0) {
    std::vector<std::size_t> order(limit == 0 ? data.images.count : std::min(limit, data.images.count));
    std::iota(order.begin(), order.end(), std::size_t{0});
    return order;
}

/// Share of right answers of any function from a batch of images to scores, over the first `limit` images or all.
template <class Scores>
[[nodiscard]] double accuracy(const dataset& data, std::size_t limit, pixel_numbers numbers, Scores scores) {
    torch::NoGradGuard guard;
    constexpr std::size_t batch = 500;
    const std::vector<std::size_t> order = in_order(data, limit);
    std::int64_t right = 0;
    for (std::size_t first = 0; first < order.size(); first += batch) {
        const std::size_t count = std::min(batch, order.size() - first);
        const torch::Tensor best = scores(plain_batch(data, first, count, numbers)).argmax(1);
        right += best.eq(labels_of(data, order, first, count)).sum().template item<std::int64_t>();
    }
    return static_cast<double>(right) / static_cast<double>(order.size());
}

/// Sets a module's batch norm statistics to those of its finished weights: means over images without augmentation. The
/// running ones are of weights that were still changing, and of mirrored and shifted images.
template <class Module>
void calibrate(const dataset& data, std::size_t limit, pixel_numbers numbers, Module& module) {
    torch::NoGradGuard guard;
    const std::size_t total = limit == 0 ? data.images.count : std::min(limit, data.images.count);
    const std::size_t batch = std::min<std::size_t>(500, total);
    const double momentum = module.momentum;
    module.train();
    for (std::size_t k = 0; (k + 1) * batch <= total; ++k) {
        module.momentum = 1.0 / static_cast<double>(k + 1);
        module.forward(plain_batch(data, k * batch, batch, numbers));
    }
    module.momentum = momentum;
}

/// One-cycle policy: up to the peak over the first third, then down to nothing, both along a cosine.
[[nodiscard]] inline double one_cycle(double progress, double peak) {
    constexpr double warm_up = 0.3;
    const double start = peak / 25.0;
    const double pi = std::acos(-1.0);
    if (progress < warm_up) return start + (peak - start) * 0.5 * (1.0 - std::cos(pi * progress / warm_up));
    return peak * 0.5 * (1.0 + std::cos(pi * (progress - warm_up) / (1.0 - warm_up)));
}

/// What `train_epoch` has to know of a training.
struct epoch_plan {
    std::string label;
    int epoch = 0;
    int epochs = 1;
    std::size_t batch = 128;
    std::size_t limit = 0;  ///< images, 0: all
    double rate = 3e-3;     ///< the peak
    unsigned seed = 1;
    pixel_numbers numbers;
};

/// One pass over the images. Order and augmentation depend on seed and epoch alone: a resumed run goes on as if it had
/// not stopped. `before(progress)` is called before each step.
template <class Module, class Before>
void train_epoch(const epoch_plan& plan, const dataset& data, Module& module, torch::optim::Optimizer& optimizer,
                 const Before& before) {
    std::mt19937 random(plan.seed * 1000u + static_cast<unsigned>(plan.epoch));
    std::vector<std::size_t> order = in_order(data, plan.limit);
    std::shuffle(order.begin(), order.end(), random);
    const std::size_t steps = order.size() / plan.batch;
    progress_bar bar(plan.label + std::to_string(plan.epoch + 1) + "/" + std::to_string(plan.epochs), steps);
    double loss_sum = 0.0;
    module.train();
    for (std::size_t step = 0; step < steps; ++step) {
        const std::size_t first = step * plan.batch;
        const double progress = (plan.epoch + static_cast<double>(step) / static_cast<double>(steps)) / plan.epochs;
        before(progress);
        for (auto& group : optimizer.param_groups()) group.options().set_lr(one_cycle(progress, plan.rate));
        optimizer.zero_grad();
        const torch::Tensor x = augmented_batch(data, order, first, plan.batch, plan.numbers, random);
        const torch::Tensor loss =
            torch::nn::functional::cross_entropy(module.forward(x), labels_of(data, order, first, plan.batch));
        loss.backward();
        optimizer.step();
        loss_sum += loss.template item<double>();
        char text[32];
        std::snprintf(text, sizeof text, "loss %.4f", loss_sum / static_cast<double>(step + 1));
        bar.update(step + 1, text);
    }
    bar.finish();
}

}  // namespace fashion_mnist
