# SPDX-License-Identifier: MIT
"""Reads what tern_bench wrote with --benchmark_out. Names are those of main.cpp's operations:

    <operation>/<operands>/<architecture>[_<algorithm>]/m:M/n:N/k:K[/cold|/threads:2]
    peer/<library>/m:M/n:N/k:K[/cold]
    limit/<mix>/<architecture>
"""
import json
import re
import statistics

ARCHITECTURES = ("scalar", "simd", "sse4", "avx2", "avx512", "avx512_vnni", "avx512_vpopcntdq", "neon",
                 "dotprod", "i8mm", "sve", "mve")


class Result:
    """One benchmark; of several repetitions the best, and the median of the medians."""

    def __init__(self, name, entries):
        self.name = name
        parts = name.split("/")
        self.operation = parts[0]
        self.operands = parts[1]
        self.architecture = self.algorithm = ""
        if self.operation in ("gemm", "gemv"):
            self.architecture = max((a for a in ARCHITECTURES if (parts[2] + "_").startswith(a + "_")), key=len)
            self.algorithm = parts[2][len(self.architecture) + 1:]
        shape = re.search(r"m:(\d+)/n:(\d+)/k:(\d+)", name)
        self.m, self.n, self.k = (int(x) for x in shape.groups()) if shape else (0, 0, 0)
        self.variant = name[shape.end() + 1:] if shape else ""
        self.counters = {}
        for key in {k for e in entries for k, v in e.items() if isinstance(v, (int, float))}:
            values = [e[key] for e in entries if key in e]
            self.counters[key] = statistics.median(values) if "median" in key else max(values)

    @property
    def layer(self):
        return (self.m, self.k)

    @property
    def best(self):
        return self.counters["MAC/s_best"]

    @property
    def median(self):
        return self.counters["MAC/s_median"]

    @property
    def label(self):
        """Without the shape."""
        if self.operation == "peer":
            return self.operands
        return "%s %s%s" % (self.operands, self.architecture, "_" + self.algorithm if self.algorithm else "")


class Results:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        self.context = data["context"]
        entries = {}
        for e in data["benchmarks"]:
            if e.get("run_type", "iteration") != "iteration" or e.get("error_occurred"):
                continue
            entries.setdefault(e.get("run_name", e["name"]), []).append(e)
        self.errors = [e["name"] + ": " + e.get("error_message", "") for e in data["benchmarks"]
                       if e.get("error_occurred")]
        self.all = {name: Result(name, e) for name, e in entries.items()}

    def products(self, **wanted):
        """Those whose attributes are as wanted, fastest first."""
        found = [r for r in self.all.values() if r.n and "MAC/s_best" in r.counters and
                 all(getattr(r, key) == value for key, value in wanted.items())]
        return sorted(found, key=lambda r: -r.best)

    def limit(self, mix, architecture, counter="MAC/s"):
        found = self.all.get("limit/%s/%s" % (mix, architecture))
        return found.counters[counter] if found else 0.0

    def layers(self):
        return sorted({r.layer for r in self.all.values() if r.n}, key=lambda l: l[0] * l[1])
