// SPDX-License-Identifier: MIT
// Gradients against central finite differences. A quantizer is a staircase, so what is differentiated is its documented
// surrogate, written in double by the test; the point is the floats that the library was given.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace tern_test {

/// The bar of every gradient.
inline constexpr double gradient_tolerance = 1e-4;

template <class T>
[[nodiscard]] std::vector<double> as_doubles(const std::vector<T>& v) {
    return {v.begin(), v.end()};
}

/// df / dx[i] by central differences at `step` and step / 2 with one step of Richardson's extrapolation: the error is
/// O(step^4). Wrong where a kink of f lies within `step` of x[i].
template <class F>
[[nodiscard]] double central_difference(const F& f, std::vector<double> x, std::size_t i, double step = 1e-4) {
    const double at = x[i];
    const auto slope = [&](double h) {
        x[i] = at + h;
        const double above = f(x);
        x[i] = at - h;
        const double below = f(x);
        return (above - below) / (2.0 * h);
    };
    return (4.0 * slope(0.5 * step) - slope(step)) / 3.0;
}

/// The largest |gradient[i] - df/dx[i]| / max(|df/dx[i]|, 1e-3 max_j |df/dx[j]|): relative, but for components that are
/// small beside the others. Infinite where a component is NaN or the sizes differ.
template <class F, class T>
[[nodiscard]] double gradient_error(const F& f, const std::vector<double>& x, const std::vector<T>& gradient,
                                    double step = 1e-4) {
    if (x.size() != gradient.size()) return std::numeric_limits<double>::infinity();
    std::vector<double> expected(x.size());
    double largest = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        expected[i] = central_difference(f, x, i, step);
        largest = std::max(largest, std::fabs(expected[i]));
    }
    double worst = 0.0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double difference = std::fabs(static_cast<double>(gradient[i]) - expected[i]);
        const double size = std::max({std::fabs(expected[i]), 1e-3 * largest, 1e-30});
        if (!(difference / size <= worst)) worst = difference / size;
        if (std::isnan(worst)) return std::numeric_limits<double>::infinity();
    }
    return worst;
}

/// Normal floats, none within `margin` of a number of `kinks` in magnitude: there a surrogate has no derivative. The
/// same on every standard library (std::normal_distribution is not).
[[nodiscard]] inline std::vector<float> smooth_point(std::size_t count, std::uint32_t seed,
                                                     const std::vector<double>& kinks, double deviation = 1.0,
                                                     double margin = 1e-3) {
    std::mt19937 random(seed);
    std::vector<float> x;
    while (x.size() < count) {
        const double u = (static_cast<double>(random()) + 1.0) / 4294967296.0;
        const double v = (static_cast<double>(random()) + 1.0) / 4294967296.0;
        const auto one =
            static_cast<float>(deviation * std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * v));
        const bool near = std::any_of(kinks.begin(), kinks.end(), [&](double kink) {
            return std::fabs(std::fabs(static_cast<double>(one)) - kink) < margin;
        });
        if (!near) x.push_back(one);
    }
    return x;
}

}  // namespace tern_test
