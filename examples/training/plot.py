#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""plot.py study.csv study.svg: accuracy against the bits of a weight, with the spread over the seeds as error bars."""
import csv
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402
import matplotlib.ticker  # noqa: E402


def main(table, picture):
    with open(table, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        sys.exit(f"{table}: no results")
    figure, axes = plt.subplots(figsize=(9, 5.5))
    kinds = sorted({float(row["activation_bits"]) for row in rows})
    for i, bits in enumerate(kinds):
        some = [row for row in rows if float(row["activation_bits"]) == bits]
        axes.errorbar(
            [float(row["weight_bits"]) for row in some],
            [100 * float(row["mean"]) for row in some],
            yerr=[100 * float(row["spread"]) for row in some],
            fmt="osD^vP*X"[i % 8], capsize=3, linestyle="none", label=f"{bits:.3g}-bit activations")
    places = {}
    for row in sorted(rows, key=lambda r: float(r["mean"])):  # methods with the same bits: labels to alternating sides
        bits = float(row["weight_bits"])
        side = places[bits] = places.get(bits, 0) + 1
        axes.annotate(row["method"], (bits, 100 * float(row["mean"])), xytext=(7 if side % 2 else -7, 0),
                      textcoords="offset points", ha="left" if side % 2 else "right", va="center", fontsize=8)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
    axes.set_xlabel("bits a weight")
    axes.set_ylabel("test accuracy, %")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(picture)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
