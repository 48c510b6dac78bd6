#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""plot.py study.csv study.png: accuracy against the bits of a weight, with the spread over the seeds as error bars.

Needs matplotlib (Debian: python3-matplotlib, with /usr/bin/python3).
"""
import collections
import csv
import statistics
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import matplotlib.ticker  # noqa: E402


def main(table, picture):
    with open(table, newline="", encoding="utf-8") as file:
        results = list(csv.DictReader(file))
    seeds = collections.defaultdict(list)
    for result in results:
        key = result["method"], result["weight_bits"], result["activation_bits"]
        seeds[key].append(100 * float(result["accuracy"]))
    rows = [(method, float(bits), float(activation_bits), statistics.mean(some),
             statistics.stdev(some) if len(some) > 1 else 0.0)
            for (method, bits, activation_bits), some in seeds.items()]
    if not rows:
        sys.exit(f"{table}: no results")
    figure, axes = plt.subplots(figsize=(9, 5.5))
    for i, bits in enumerate(sorted({row[2] for row in rows})):
        some = [row for row in rows if row[2] == bits]
        axes.errorbar([row[1] for row in some], [row[3] for row in some], yerr=[row[4] for row in some],
                      fmt="osD^vP*X"[i % 8], capsize=3, linestyle="none", label=f"{bits:.3g}-bit activations")
    # Labels to alternating sides of methods with the same bits, and no nearer to each other than a line.
    gap = (max(row[3] for row in rows) - min(row[3] for row in rows)) / 22
    columns = collections.defaultdict(list)
    for method, bits, _, mean, _ in sorted(rows, key=lambda row: row[3]):
        columns[bits].append((method, mean))
    for bits, methods in columns.items():
        heights = [-1e9, -1e9]
        for i, (method, mean) in enumerate(methods):
            side = i % 2
            heights[side] = max(mean, heights[side] + gap)
            axes.annotate(method, (bits, mean), xytext=(bits * (1.1 if side == 0 else 1 / 1.1), heights[side]),
                          ha="left" if side == 0 else "right", va="center", fontsize=8,
                          arrowprops={"arrowstyle": "-", "linewidth": 0.4, "color": "gray"})
    axes.set_xscale("log", base=2)
    axes.set_xlim(0.7, 48)
    axes.xaxis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
    axes.set_xlabel("bits a weight")
    axes.set_ylabel("test accuracy, %")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(picture, dpi=130)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
