// SPDX-License-Identifier: MIT
// The report as one HTML file with its plots in it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

namespace pe_explorer {

struct point {
    double x, y;
    std::string label;
};

[[nodiscard]] inline std::string number(double v) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4g", v);
    return text;
}

/// Text that is safe inside HTML and SVG.
[[nodiscard]] inline std::string escaped(const std::string& s) {
    std::string out;
    for (const char c : s) out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
    return out;
}

constexpr double plot_width = 720, plot_height = 300, plot_left = 70, plot_bottom = 60, plot_top = 30;

[[nodiscard]] inline std::string plot_head(const std::string& title) {
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + number(plot_width) + " " + number(plot_height) +
           "\" width=\"" + number(plot_width) +
           "\" font-family=\"sans-serif\" font-size=\"11\">\n<text x=\"10\" y=\"16\" font-size=\"13\">" +
           escaped(title) + "</text>\n";
}

/// A bar for each label.
[[nodiscard]] inline std::string bars(const std::string& title, const std::vector<point>& values) {
    double top = 0;
    for (const point& p : values) top = std::max(top, p.y);
    std::string text = plot_head(title);
    const double step = (plot_width - plot_left - 10) / static_cast<double>(std::max<std::size_t>(values.size(), 1));
    const double height = plot_height - plot_bottom - plot_top;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double h = top > 0 ? values[i].y / top * height : 0;
        const double x = plot_left + step * static_cast<double>(i);
        text += "<rect x=\"" + number(x) + "\" y=\"" + number(plot_height - plot_bottom - h) + "\" width=\"" +
                number(step * 0.8) + "\" height=\"" + number(h) + "\" fill=\"#4477aa\"><title>" +
                escaped(values[i].label) + ": " + number(values[i].y) +
                "</title></rect>\n<text transform=\"translate(" + number(x + step * 0.4) + "," +
                number(plot_height - plot_bottom + 8) + ") rotate(50)\">" + escaped(values[i].label) + "</text>\n";
    }
    return text + "<text x=\"4\" y=\"" + number(plot_top + 10) + "\">" + number(top) + "</text></svg>\n";
}

/// A line through `curve` and named points on it, both axes logarithmic.
[[nodiscard]] inline std::string curve(const std::string& title, const std::vector<point>& line,
                                       const std::vector<point>& marks, const std::string& x_name) {
    double x0 = 1e300, x1 = 0, y0 = 1e300, y1 = 0;
    for (const auto* set : {&line, &marks})
        for (const point& p : *set) {
            if (!(p.x > 0) || !(p.y > 0)) continue;
            x0 = std::min(x0, p.x);
            x1 = std::max(x1, p.x);
            y0 = std::min(y0, p.y);
            y1 = std::max(y1, p.y);
        }
    const auto scale = [](double v, double low, double high, double from, double to) {
        return high > low ? from + (std::log(v) - std::log(low)) / (std::log(high) - std::log(low)) * (to - from)
                          : from;
    };
    const auto at = [&](const point& p) {
        return point{scale(p.x, x0, x1, plot_left, plot_width - 120),
                     scale(p.y, y0, y1, plot_height - plot_bottom, plot_top), ""};
    };
    std::string text = plot_head(title) + "<polyline fill=\"none\" stroke=\"#4477aa\" stroke-width=\"2\" points=\"";
    for (const point& p : line)
        if (p.x > 0 && p.y > 0) text += number(at(p).x) + "," + number(at(p).y) + " ";
    text += "\"/>\n";
    for (const point& p : marks) {
        if (!(p.x > 0) || !(p.y > 0)) continue;
        const point q = at(p);
        text += "<circle cx=\"" + number(q.x) + "\" cy=\"" + number(q.y) + "\" r=\"4\" fill=\"#cc3311\"/><text x=\"" +
                number(q.x + 6) + "\" y=\"" + number(q.y - 4) + "\">" + escaped(p.label) + "</text>\n";
    }
    return text + "<text x=\"" + number(plot_left) + "\" y=\"" + number(plot_height - 20) + "\">" + escaped(x_name) +
           ": " + number(x0) + " to " + number(x1) + "</text><text x=\"4\" y=\"" + number(plot_top + 10) + "\">" +
           number(y1) + "</text><text x=\"4\" y=\"" + number(plot_height - plot_bottom) + "\">" + number(y0) +
           "</text></svg>\n";
}

}  // namespace pe_explorer
