// SPDX-License-Identifier: MIT
// Random parameters of an epilogue, with the memory behind them.
#pragma once

#include <limits>
#include <vector>

#include <tern/epilogue.hpp>

#include "support/operands.hpp"

namespace tern_test {

class parameters {
public:
    tern::scale_offset epilogue;
    tern::thresholds limits;

    /// All neutral: nothing is set.
    parameters() = default;
    parameters(const parameters&) = delete;
    parameters& operator=(const parameters&) = delete;

    /// Each parameter absent, one for all, or one each. `activations`: rows or images. `weights`: outputs x depth, read
    /// for the sums of groups.
    void randomize(random_numbers& random, size_t activations, const integers& weights, size_t group = 0) {
        whole_ = random.once_in(3);
        const size_t groups = group == 0 ? 1 : (weights.cols + group - 1) / group;
        epilogue.group = group;
        epilogue.weights.scale = of_weights(random, weights.rows, groups, weight_scale_);
        epilogue.weights.offset = of_weights(random, weights.rows, groups, weight_offset_);
        epilogue.activations.scale = one_or_each(random, activations, activation_scale_);
        epilogue.activations.offset = one_or_each(random, activations, activation_offset_);
        epilogue.bias = random.once_in(3) ? nullptr : fill_in(random, weights.rows, bias_);
        if (random.once_in(2)) epilogue.clamp_min = -static_cast<float>(random.next() % 80);
        if (random.once_in(2)) epilogue.clamp_max = static_cast<float>(random.next() % 80);
        if (group != 0) sum_groups(weights, group, groups);
        limits.lower = one_or_each(random, weights.rows, lower_);
        limits.upper = one_or_each(random, weights.rows, upper_);
    }

private:
    /// Of both signs, zeros among them; whole numbers in some of the cases, so that thresholds are met exactly.
    float number(random_numbers& random) const {
        if (random.once_in(16)) return random.once_in(2) ? 0.0f : -0.0f;
        if (whole_) return static_cast<float>(static_cast<int>(random.next() % 9) - 4);
        return (static_cast<float>(random.next() >> 8) / 8388608.0f - 1.0f) * 3.0f;
    }
    const float* fill_in(random_numbers& random, size_t count, std::vector<float>& values) const {
        values.resize(count + 1);  // never empty: a pointer says that the parameter is there
        for (float& v : values) v = number(random);
        return values.data();
    }
    tern::parameter one_or_each(random_numbers& random, size_t count, std::vector<float>& values) const {
        switch (random.next() % 3) {
            case 0: return {};
            case 1: return tern::per_tensor(*fill_in(random, 1, values));
            default: return tern::per_channel(fill_in(random, count, values));
        }
    }
    tern::parameter of_weights(random_numbers& random, size_t outputs, size_t groups,
                               std::vector<float>& values) const {
        if (epilogue.group == 0) return one_or_each(random, outputs, values);
        if (random.once_in(4)) return {};
        return tern::per_group(fill_in(random, outputs * groups, values), groups);
    }
    void sum_groups(const integers& weights, size_t group, size_t groups) {
        group_sums_.assign(weights.rows * groups + 1, 0);
        for (size_t o = 0; o < weights.rows; ++o)
            for (size_t d = 0; d < weights.cols; ++d) group_sums_[o * groups + d / group] += weights.at(o, d);
        epilogue.group_sums = epilogue.activations.offset.data == nullptr ? nullptr : group_sums_.data();
    }

    bool whole_ = false;
    std::vector<float> weight_scale_, weight_offset_, activation_scale_, activation_offset_, bias_, lower_, upper_;
    std::vector<std::int32_t> group_sums_;
};

}  // namespace tern_test
