# SPDX-License-Identifier: MIT
"""benchmarks/bars.py and plot.py on a small file of tern_bench's, and on changes of it.

    bench_scripts_test.py <benchmarks directory> <tern_bench.json>
"""
import contextlib
import io
import json
import os
import sys
import tempfile
import unittest

BENCHMARKS, SAMPLE = sys.argv[1:3]
sys.path.insert(0, BENCHMARKS)
sys.dont_write_bytecode = True

import bars  # noqa: E402
from results import Results  # noqa: E402

try:
    import plot
except ImportError:
    plot = None

BINARY = "gemm/binary_binary/avx512_vpopcntdq/m:2560/n:16/k:2560"


class Scripts(unittest.TestCase):
    def setUp(self):
        with open(SAMPLE, encoding="utf-8") as file:
            self.data = json.load(file)
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def entry(self, name):
        return next(e for e in self.data["benchmarks"] if e["name"] == name)

    def write(self, name="changed.json"):
        path = os.path.join(self.directory.name, name)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.data, file)
        return path

    def bars(self, *files):
        with contextlib.redirect_stdout(io.StringIO()) as text:
            code = bars.main(list(files))
        return code, text.getvalue()

    def test_names(self):
        found = Results(SAMPLE).products(operands="ternary_ternary", algorithm="lookup")
        self.assertEqual([(r.operation, r.architecture, r.m, r.n, r.k, r.variant) for r in found],
                         [("gemm", "avx512_vpopcntdq", 2560, 16, 2560, "")])
        cold = Results(SAMPLE).products(operands="int8_ternary", variant="cold")
        self.assertEqual([(r.operation, r.architecture, r.algorithm, r.n) for r in cold],
                         [("gemv", "avx512_vnni", "", 1)])

    def test_met_and_not_met(self):
        self.data["benchmarks"] = [self.entry(BINARY)]
        for of_limit, code, verdict in ((0.92, 0, "| 0.92 | 0.92 | 0.46 | yes |"),
                                        (0.91, 1, "| 0.92 | 0.91 | 0.46 | no (0 of 1) |")):
            self.entry(BINARY).update({"of_limit": of_limit, "of_limit_median": 0.46})
            found, text = self.bars(self.write())
            self.assertEqual(found, code, text)
            self.assertIn(verdict, text)

    def test_ratio_to_a_peer(self):
        ours, peer = "gemv/int8_ternary/avx512_vnni/m:2560/n:1/k:2560", "peer/ggml_tq2_0/m:2560/n:1/k:2560"
        self.entry(ours).update({"MAC/s_best": 330.0, "MAC/s_median": 300.0})
        self.entry(peer).update({"MAC/s_best": 100.0, "MAC/s_median": 100.0})
        self.assertIn("| ternary weights x int8 | 1 | ggml TQ2_0 | 3.30 | 3.30 | 3.00 | yes |",
                      self.bars(self.write())[1])

    def test_repetitions(self):
        again = dict(self.entry(BINARY), **{"MAC/s_best": 9e12, "MAC/s_median": 9e12})
        self.data["benchmarks"] += [again, dict(again)]
        self.data["benchmarks"].append(dict(again, name=BINARY + "_mean", run_type="aggregate", **{"MAC/s_best": 1e15}))
        self.assertEqual(Results(self.write()).all[BINARY].best, 9e12)
        self.assertEqual(Results(self.write()).all[BINARY].median, 9e12)

    def test_errors_count(self):
        self.entry(BINARY).update({"error_occurred": True, "error_message": "wrong: differs"})
        code, text = self.bars(self.write())
        self.assertEqual(code, 1)
        self.assertIn(BINARY + ": wrong: differs", text)

    def test_compilers(self):
        self.assertIn("of", self.bars(SAMPLE, SAMPLE)[1])
        first = self.write("first.json")
        self.entry(BINARY)["MAC/s_best"] *= 0.85
        text = self.bars(first, self.write())[1]
        self.assertIn("  0.85  " + BINARY, text)

    @unittest.skipIf(plot is None, "no matplotlib")
    def test_plots(self):
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(plot.main([SAMPLE, "--out=" + self.directory.name, "--commit=abc"]), 0)
        for name in ("decode.png", "prefill.png", "roofline.png"):
            size = os.path.getsize(os.path.join(self.directory.name, name))
            self.assertTrue(5000 < size < 200 * 1024, (name, size))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
