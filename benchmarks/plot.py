#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws what tern_bench measured. Needs matplotlib (Debian: python3-matplotlib, with /usr/bin/python3).

    tern_bench --set=report --ggml=<directory> --benchmark_out=report.json
    plot.py report.json [--out=docs] [--commit=<name>]

Writes decode.png (one token; weights in a cache, and in none), prefill.png (16 and 512 tokens) and roofline.png.
Rates are of best stretches, in billions of operations a second, a multiply-accumulate counted as two.
"""
import math
import os
import subprocess
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

from results import Results  # noqa: E402

OPERANDS = {"binary_binary": "binary x binary", "ternary_ternary": "ternary x ternary",
            "ternary_binary": "ternary x binary weights", "int8_ternary": "int8 x ternary weights",
            "int8_binary": "int8 x binary weights", "u2_ternary": "2 bits x ternary weights",
            "u4_ternary": "4 bits x ternary weights"}
PEERS = {"ggml_tq2_0": "ggml TQ2_0", "ggml_tq1_0": "ggml TQ1_0", "ggml_q4_0": "ggml Q4_0",
         "onednn_u8s8s32": "oneDNN u8s8s32", "openblas_f32": "OpenBLAS float"}
OURS_COLORS = {"int8_ternary": "#0b5fa5", "int8_binary": "#4aa3df", "ternary_ternary": "#1b7f4d",
               "binary_binary": "#7cc48a", "ternary_binary": "#b6d94c", "u2_ternary": "#8a6fc0", "u4_ternary": "#b9a5dd"}
PEER_COLORS = {"ggml_tq2_0": "#d1495b", "ggml_tq1_0": "#e58c8a", "ggml_q4_0": "#f2c6b8", "onednn_u8s8s32": "#edae49",
               "openblas_f32": "#8d8d8d"}
COLORS = {**OURS_COLORS, **PEER_COLORS}
NAMES = {**OPERANDS, **PEERS}
GOPS = 2e-9


def caption(results, commit):
    context = results.context
    arguments = " ".join(a for a in context.get("arguments", "").split() if not a.startswith("--benchmark_out"))
    lines = ["%s, %s, one thread; tern %s" % (context.get("cpu", "unknown CPU"), context.get("compiler", "?"), commit),
             "%s: tern_bench %s" % (context.get("date", "?")[:10], arguments)]
    return "\n".join(lines)


def save(figure, results, commit, path):
    figure.text(0.01, 0.005, caption(results, commit), fontsize=7, color="#555555", va="bottom")
    figure.savefig(path, dpi=100)
    plt.close(figure)
    print("%s: %d KB" % (path, (os.path.getsize(path) + 1023) // 1024))


def fastest(results, layer, n, operands, variant=""):
    found = [r for r in results.products(layer=layer, n=n, operands=operands, variant=variant)]
    return found[0] if found else None


def bars(axes, results, layers, n, series, variant, title, lines=()):
    """A group of bars for each layer; a number above every bar."""
    most = max(sum(fastest(results, l, n, s, variant) is not None for s in series) for l in layers)
    width = 0.88 / max(most, 1)
    groups = [[(s, fastest(results, l, n, s, variant)) for s in series] for l in layers]
    for group, found in enumerate(groups):
        found = [(s, r) for s, r in found if r]
        for index, (name, r) in enumerate(found):
            drawn = axes.bar(group + width * (index + 0.5 - len(found) / 2), r.best * GOPS, width * 0.94,
                             color=COLORS[name])
            axes.bar_label(drawn, fmt="%.0f", fontsize=6.5, padding=1,
                           bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.8})
    for value, text in lines:
        axes.axhline(value, color="#333333", linewidth=0.8, linestyle="--", zorder=0)
        axes.text(1.005, value, text, fontsize=7, va="center", transform=axes.get_yaxis_transform(), color="#333333")
    axes.set_xticks(range(len(layers)), ["%d outputs x %d" % l for l in layers], fontsize=8)
    axes.set_xlim(-0.55, len(layers) - 0.45)
    axes.set_ylabel("10⁹ operations / s")
    axes.set_title(title, fontsize=10, loc="left")
    axes.margins(y=0.1)
    axes.spines[["top", "right"]].set_visible(False)
    return {s for found in groups for s, r in found if r}


def limit_line(results, mix, text):
    best = max((r.counters.get("MAC/s", 0) for name, r in results.all.items() if name.startswith("limit/%s/" % mix)),
               default=0)
    return [(best * GOPS, text)] if best else []


def draw_bars(results, commit, path, panels, series):
    layers = results.layers()
    figure, axes = plt.subplots(len(panels), 1, figsize=(11, 3.9 * len(panels)))
    shown = set()
    for ax, (n, variant, title, lines) in zip(axes, panels):
        shown |= bars(ax, results, layers, n, series, variant, title, lines)
    handles = [plt.Rectangle((0, 0), 1, 1, color=COLORS[s], label=NAMES[s]) for s in series if s in shown]
    figure.legend(handles=handles, loc="upper center", ncol=6, fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0.04, 1, 0.95 if len(handles) > 6 else 0.97))
    save(figure, results, commit, path)


def bandwidth(results, level):
    return max((r.counters.get("bytes/s", 0) for name, r in results.all.items()
                if name.startswith("limit/read_bandwidth_%s/" % level)), default=0)


def draw_roofline(results, commit, path):
    figure, ax = plt.subplots(figsize=(11, 7))
    x = (0.2, 3000)
    top = 0
    mixes = [("binary_lookup", "vpermi2b, 7 bits"), ("xor_popcnt_add", "xor + popcnt + add"),
             ("ternary_lookup", "vpermi2b, 4 trits"), ("binary_int8_lookup", "vpermi2w: int8 x 6 bits"),
             ("ternary_popcnt", "ternary by popcnt"), ("ternary_int8_lookup", "vpermi2w: int8 x 3.5 trits"),
             ("vpdpbusd", "vpdpbusd"), ("fma_f32", "float multiply-add")]
    for mix, text in mixes:
        for value, _ in limit_line(results, mix, text):
            top = max(top, value)
            ax.axhline(value, color="#999999", linewidth=0.8, linestyle="--", zorder=1)
            ax.text(1.005, value, text, fontsize=7, va="center", transform=ax.get_yaxis_transform(), color="#444444")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(*x)
    ax.set_ylim(8, top * 1.5)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    one, ten = (ax.transData.transform((v, v)) for v in (10, 100))
    angle = math.degrees(math.atan2(ten[1] - one[1], ten[0] - one[0]))
    for level in ("l2", "l3", "dram"):
        rate = bandwidth(results, level)
        if rate:
            ends = [x[0], top / (rate * GOPS)]
            ax.plot(ends, [e * rate * GOPS for e in ends], color="#555555", linewidth=1, zorder=1)
            ax.text(ends[0] * 1.1, ends[0] * 1.1 * rate * GOPS * (0.97 if level == "l3" else 1.03),
                    "%s %.0f GB/s" % (level.upper(), rate / 1e9), fontsize=8, rotation=angle, rotation_mode="anchor",
                    va="top" if level == "l3" else "bottom", color="#333333")
    markers = {(1, ""): ("o", "1 token"), (1, "cold"): ("v", "1 token, cold"), (16, ""): ("s", "16 tokens"),
               (512, ""): ("D", "512 tokens")}
    for (n, variant), (marker, _) in markers.items():
        for name, color in COLORS.items():
            points = [r for r in (fastest(results, l, n, name, variant) for l in results.layers()) if r]
            work = [r.counters["MAC/s"] / r.counters["bytes/s"] for r in points]
            ax.scatter(work, [r.best * GOPS for r in points], marker=marker, s=26, color=color, alpha=0.85,
                       edgecolor="white", linewidth=0.4, zorder=3)
    ax.set_xlabel("multiply-accumulates a byte of memory traffic (1 / bytes per MAC)")
    ax.set_ylabel("10⁹ operations / s")
    ax.set_title("Roofline of one core: every layer, measured bandwidths and in-register limits", fontsize=10, loc="left")
    ax.spines[["top", "right"]].set_visible(False)
    seen = {r.operands for r in results.products()}
    first = [plt.Line2D([], [], marker="s", linestyle="", color=c, label=NAMES[o])
             for o, c in COLORS.items() if o in seen]
    second = [plt.Line2D([], [], marker=m, linestyle="", color="#333333", label=t) for m, t in markers.values()]
    ax.legend(handles=first + second, fontsize=7.5, loc="lower right", ncol=2, frameon=True)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    save(figure, results, commit, path)


def this_commit():
    here = os.path.dirname(os.path.abspath(__file__))
    try:
        return subprocess.run(["git", "-C", here, "describe", "--always", "--dirty"], check=True, capture_output=True,
                              text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "of unknown commit"


def main(arguments):
    options = dict(a[2:].split("=", 1) for a in arguments if a.startswith("--") and "=" in a)
    files = [a for a in arguments if not a.startswith("--")]
    if len(files) != 1 or set(options) - {"out", "commit"}:
        print(__doc__, file=sys.stderr)
        return 2
    results = Results(files[0])
    commit = options.get("commit") or this_commit()
    out = options.get("out", "docs")
    byte_limit = limit_line(results, "vpdpbusd", "limit of\nvpdpbusd")
    ours = ["int8_ternary", "int8_binary"]
    draw_bars(results, commit, os.path.join(out, "decode.png"),
              [(1, "", "Decode: one token, weights in L2 or L3 as far as they fit", byte_limit),
               (1, "cold", "Decode: one token, weights in no cache", [])], ours + list(PEERS))
    draw_bars(results, commit, os.path.join(out, "prefill.png"),
              [(n, "", "Prefill: %d tokens" % n, byte_limit) for n in (16, 512)],
              ["ternary_ternary", *ours, *PEERS])
    draw_roofline(results, commit, os.path.join(out, "roofline.png"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
