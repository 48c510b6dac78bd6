// SPDX-License-Identifier: MIT
// The exponential function and the normal distribution, without <cmath>: quantizers stay in the set of headers that
// builds for bare metal, and no result depends on whose mathematical library is linked. Everything is double, constexpr
// and within 2e-14, relative, but for densities and tail probabilities, which as exp(-a^2 / 2) itself are off by up to
// 2e-16 a^2. Compilers that fuse multiplications and additions may give other last bits.
#pragma once

#include <cstdint>
#include <limits>

#include <tern/config.hpp>

namespace tern::quantize::normal {

inline constexpr double pi = 3.14159265358979323846;

/// 2^e where that is neither subnormal nor infinite.
[[nodiscard]] TERN_INLINE constexpr double power_of_two(std::int32_t e) noexcept {
    double p = 1.0;
    double base = e < 0 ? 0.5 : 2.0;
    for (std::int32_t left = e < 0 ? -e : e; left != 0; left /= 2) {
        if (left % 2 != 0) p *= base;
        base *= base;
    }
    return p;
}

/// e^x; 0 below -745, infinity above 709.78; NaN of NaN.
[[nodiscard]] TERN_INLINE constexpr double exponential(double x) noexcept {
    if (!(x == x)) return x;
    if (x > 709.782712893384) return std::numeric_limits<double>::infinity();
    if (x < -745.2) return 0.0;
    // x = n ln 2 + r, ln 2 in two parts; |r| <= 0.35.
    const double quotient = x * 1.44269504088896340736;
    const auto n = static_cast<std::int32_t>(quotient + (quotient < 0.0 ? -0.5 : 0.5));
    const double r = (x - n * 6.93147180369123816490e-01) - n * 1.90821492927058770002e-10;
    double sum = 1.0;
    for (int k = 14; k > 0; --k) sum = 1.0 + r / k * sum;
    return sum * power_of_two(n / 2) * power_of_two(n - n / 2);  // two factors, of which no one is subnormal
}

/// phi(a) = exp(-a^2 / 2) / sqrt(2 pi)
[[nodiscard]] TERN_INLINE constexpr double density(double a) noexcept {
    return 0.39894228040143267794 * exponential(-0.5 * a * a);
}

/// (1 - Phi(a)) / phi(a), a >= 0, without a difference of nearly equal numbers in the tail: 1.2533 at 0, about 1 / a
/// for large a, 0 for infinity.
[[nodiscard]] TERN_INLINE constexpr double mills_ratio(double a) noexcept {
    if (!(a < 1e150)) return a == a ? 0.0 : a;
    if (a < 2.0) {
        // 1.2533 e^{a^2/2} - (a + a^3 / 3 + a^5 / (3 * 5) + ...); a digit is lost at 2.
        double term = a;
        double sum = 0.0;
        for (int k = 3; sum + term != sum; k += 2) {
            sum += term;
            term *= a * a / k;
        }
        return 1.25331413731550025121 * exponential(0.5 * a * a) - sum;
    }
    // 1 / (a + 1 / (a + 2 / (a + 3 / ...))), from the end.
    double fraction = a;
    for (int k = a < 4.0 ? 160 : 60; k > 0; --k) fraction = a + k / fraction;
    return 1.0 / fraction;
}

/// lambda(a) = phi(a) / (1 - Phi(a)), the mean of a standard normal number above a. For a < 0 by symmetry.
[[nodiscard]] TERN_INLINE constexpr double hazard(double a) noexcept {
    if (a >= 0.0) return 1.0 / mills_ratio(a);
    const double d = density(a);
    return d / (1.0 - d * mills_ratio(-a));
}

/// lambda'(a) = lambda (lambda - a), in (0, 1). The difference costs digits as a grows: relative error 1e-15 a^2.
[[nodiscard]] TERN_INLINE constexpr double hazard_slope(double a) noexcept {
    const double l = hazard(a);
    return l * (l - a);
}

/// 1 - Phi(a).
[[nodiscard]] TERN_INLINE constexpr double upper_tail(double a) noexcept {
    return a >= 0.0 ? density(a) * mills_ratio(a) : 1.0 - density(a) * mills_ratio(-a);
}

/// S = E(|x| : |x| > limit) for x normal, both tails, and its derivatives.
struct tail_mean {
    double value;
    double by_limit;
    double by_mean;
    double by_deviation;
};

/// With this mean and deviation, limit >= 0, deviation > 0:
///
///     S = [mu (1 - Phi(A)) + s phi(A) - mu Phi(B) + s phi(B)] / Z,   Z = 1 - Phi(A) + Phi(B)
///     A = (D - mu) / s,  B = (-D - mu) / s,  and with p+- = phi((+-D - mu) / s) / (s Z)
///     dS/dD  = (S - D) (p+ + p-)
///     dS/dmu = (1 - Phi(A) - Phi(B)) / Z + (D - S) (p+ - p-)
///     dS/ds  = s (p+ + p-) + (D - S) (A p+ - B p-)
///
/// Both tails are taken relative to the larger density, so that none is lost where both are tiny.
[[nodiscard]] TERN_INLINE constexpr tail_mean mean_above(double limit, double mean, double deviation) noexcept {
    const double m = mean < 0.0 ? -mean : mean;  // mirrored, so that the upper tail is the larger
    const double side = mean < 0.0 ? -1.0 : 1.0;
    const double a = (limit - m) / deviation;
    const double b = (limit + m) / deviation;                    // >= |a|
    const double ratio = exponential(-0.5 * (b - a) * (b + a));  // phi(b) / phi(a)
    const double upper = a >= 0.0 ? mills_ratio(a) : upper_tail(a) / density(a);
    const double lower = ratio * mills_ratio(b);
    if (!(upper < std::numeric_limits<double>::infinity())) return {m, 0.0, side, 0.0};  // all mass lies above
    const double z = upper + lower;
    const double s = (m * (upper - lower) + deviation * (1.0 + ratio)) / z;
    const double below = (limit - s) / deviation;
    return {s, -below * (1.0 + ratio) / z, side * ((upper - lower) + below * (1.0 - ratio)) / z,
            ((1.0 + ratio) + below * (a + b * ratio)) / z};
}

[[nodiscard]] TERN_INLINE constexpr double mean_magnitude_above(double limit, double mean, double deviation) noexcept {
    return mean_above(limit, mean, deviation).value;
}

}  // namespace tern::quantize::normal
