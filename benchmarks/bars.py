#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How far every kernel is from what its core allows and from what people use today.

    tern_bench --set=report --ggml=<directory> --benchmark_out=gcc.json
    bars.py [--all] gcc.json [clang.json]

One line a requirement: the ratio asked for, the worst of the measured ones over all layers, of best stretches and of
medians. `--all` prints every layer. A second file, of another compiler, is held against the first. Ends with 1 when a
requirement is not met; one that could not be measured is named and not counted.
"""
import sys

from results import Results


def of(counter):
    """The fraction of a limit that a benchmark measured itself, best and median."""
    def ratio(results, r):
        return (r.counters[counter], r.counters[counter + "_median"]) if counter in r.counters else None
    return ratio


def of_vpdpbusd(results, r):
    """The limit of the instruction that a lookup replaces is a counter of its own there."""
    return of("of_vpdpbusd_limit" if "of_vpdpbusd_limit" in r.counters else "of_limit")(results, r)


def speedup(results, r):
    return (r.counters["speedup"], r.counters["speedup_median"]) if "speedup" in r.counters else None


def against(**other):
    """The rate of another benchmark of the same shape: the fastest that fits."""
    def ratio(results, r):
        found = results.products(layer=r.layer, n=r.n, **{"variant": r.variant, **other})
        return (r.best / found[0].best, r.median / found[0].median) if found else None
    return ratio


def peer(name):
    return against(operation="peer", operands=name)


# Operation, choice of benchmarks (of each shape the fastest that fits), tokens, what is compared, ratio asked for.
PLAIN = {"variant": ""}
REQUIREMENTS = [
    ("binary x binary", {"operands": "binary_binary", **PLAIN}, (16, 512), [
        ("xor+popcnt limit", of("of_limit"), 0.92)]),
    ("ternary x ternary", {"operands": "ternary_ternary", **PLAIN, "algorithm": "lookup"}, (16, 512), [
        ("popcnt limit", of("of_popcnt_limit"), 1.25)]),
    ("ternary x ternary, popcount", {"operands": "ternary_ternary", "algorithm": "", **PLAIN}, (16, 512), [
        ("its limit", of("of_limit"), 0.88)]),
    ("ternary x binary", {"operands": "ternary_binary", **PLAIN}, (16, 512), [
        ("its limit", of("of_limit"), 0.90),
        ("binary x binary", against(operands="binary_binary"), 0.85)]),
    ("ternary weights x int8", {"operands": "int8_ternary", **PLAIN}, (1,), [
        ("vpdpbusd limit", of_vpdpbusd, 0.93),
        ("ggml TQ2_0", peer("ggml_tq2_0"), 3.3)]),
    # In 2 bits: those of 1.6 are read faster than their digits are made, at about the same rate.
    ("ternary weights x int8, cold", {"operands": "int8_ternary", "variant": "cold", "algorithm": ""}, (1,), [
        ("read bandwidth", of("of_bandwidth"), 0.95)]),
    ("ternary weights x int8", {"operands": "int8_ternary", **PLAIN}, (16, 512), [
        ("oneDNN u8s8s32", peer("onednn_u8s8s32"), 1.10),
        ("vpdpbusd limit", of_vpdpbusd, 1.08),
        ("ggml TQ2_0", peer("ggml_tq2_0"), 4.0)]),
    ("binary weights x int8", {"operands": "int8_binary", **PLAIN}, (1,), [("vpdpbusd limit", of_vpdpbusd, 0.95)]),
    ("binary weights x int8", {"operands": "int8_binary", **PLAIN}, (16,), [("vpdpbusd limit", of_vpdpbusd, 1.8)]),
    ("ternary weights x 2 bits", {"operands": "u2_ternary", **PLAIN}, (16,), [
        ("ternary x ternary", against(operands="ternary_ternary"), 0.8),
        ("ternary x int8", against(operands="int8_ternary"), 1.15)]),
    ("ternary weights x 4 bits", {"operands": "u4_ternary", **PLAIN}, (16,), [
        ("ternary x ternary", against(operands="ternary_ternary"), 0.8),
        ("ternary x int8", against(operands="int8_ternary"), 1.15)]),
    ("AVX2: binary x binary", {"operands": "binary_binary", "architecture": "avx2", **PLAIN}, (16,), [
        ("pshufb lookup limit", of("of_lookup_limit"), 0.80)]),
    ("AVX2: ternary x ternary", {"operands": "ternary_ternary", "architecture": "avx2", "algorithm": "lookup", **PLAIN},
     (16,), [("pshufb lookup limit", of("of_limit"), 0.80)]),
    ("AVX2: ternary weights x int8", {"operands": "int8_ternary", "architecture": "avx2", **PLAIN}, (16,), [
        ("maddubs limit", of("of_limit"), 0.80)]),
] + [("two threads: " + text, {"operands": operands, "variant": "threads:2"}, (512,), [("one thread", speedup, 1.85)])
     for operands, text in (("binary_binary", "binary x binary"), ("ternary_ternary", "ternary x ternary"),
                            ("ternary_binary", "ternary x binary"), ("int8_ternary", "ternary weights x int8"),
                            ("int8_binary", "binary weights x int8"))]
WITHIN = 0.12  # compilers


def tokens_text(tokens):
    return ", ".join(str(n) for n in tokens)


def measure(results, choice, tokens, ratio):
    """[(best, median, result)], worst first."""
    measured = []
    for layer in results.layers():
        for n in tokens:
            fitting = [r for r in results.products(layer=layer, n=n, **choice) if r.operation != "peer"]
            values = ratio(results, fitting[0]) if fitting else None
            if values:
                measured.append((*values, fitting[0]))
    return sorted(measured, key=lambda row: row[0])


def report(results, everything):
    failed = missing = 0
    print("| operation | n | against | asked | best | median | met | worst layer |\n|---|---|---|---|---|---|---|---|")
    for operation, choice, tokens, comparisons in REQUIREMENTS:
        for other, ratio, asked in comparisons:
            rows = measure(results, choice, tokens, ratio)
            if not rows:
                missing += 1
                print("| %s | %s | %s | %.2f | - | - | not measured | |" % (operation, tokens_text(tokens), other, asked))
                continue
            failed += rows[0][0] < asked
            for best, median, r in rows if everything else rows[:1]:
                reached = sum(row[0] >= asked for row in rows)
                met = "yes" if best >= asked else "no" if everything else "no (%d of %d)" % (reached, len(rows))
                print("| %s | %s | %s | %.2f | %.2f | %.2f | %s | %dx%d, n = %d, %s |" % (
                    operation, r.n if everything else tokens_text(tokens), other, asked, best, median, met, r.m, r.k,
                    r.n, r.architecture + ("_" + r.algorithm if r.algorithm else "")))
    return failed, missing


def compare(first, second):
    """Rates of two compilers, benchmarks of our own only."""
    pairs = [(b.best / a.best, a) for name, a in first.all.items() for b in [second.all.get(name)]
             if b and a.operation in ("gemm", "gemv") and "MAC/s_best" in a.counters and "MAC/s_best" in b.counters and
             a.architecture not in ("scalar", "simd")]
    outside = sorted((p for p in pairs if not 1 - WITHIN <= p[0] <= 1 / (1 - WITHIN)), key=lambda p: p[0])
    print("\n%s against %s: %d of %d rates within %d %%" % (
        second.context.get("compiler", "?"), first.context.get("compiler", "?"), len(pairs) - len(outside), len(pairs),
        WITHIN * 100))
    for ratio, result in outside:
        print("  %.2f  %s" % (ratio, result.name))
    return len(outside)


def main(arguments):
    everything = "--all" in arguments
    files = [a for a in arguments if not a.startswith("--")]
    if not 1 <= len(files) <= 2:
        print(__doc__, file=sys.stderr)
        return 2
    results = [Results(f) for f in files]
    failed = 0
    for r in results:
        print("%s, %s\n" % (r.context.get("compiler", "?"), r.context.get("date", "?")))
        not_met, missing = report(r, everything)
        failed += not_met + len(r.errors)
        print("\nnot met: %d, not measured: %d" % (not_met, missing))
        for error in r.errors:
            print("  " + error)
    if len(results) == 2:
        failed += compare(*results)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
