#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Products a cycle of the compiled inner loops on Arm cores, by the models of llvm-mca.

    arm_throughput.py [--include <directory>] [--write docs/arm-throughput.md] [--check]

Compiles arm_loops.cpp beside this script with every cross compiler that is there, finds each kernel's innermost loop in
the assembly, and asks llvm-mca how many cycles a pass takes. `--check` ends with 1 when a figure is below its floor,
with 77 when llvm-mca or all the compilers are missing. llvm-mca knows no caches, no branch costs, and no frequencies:
these are upper bounds for operands in the first-level cache.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CORES = ("cortex-a53", "cortex-a55", "cortex-a57", "cortex-a72", "cortex-a510", "neoverse-n1", "neoverse-n2",
         "neoverse-v1")
I8MM_CORES = ("cortex-a510", "neoverse-n2", "neoverse-v1")
I8MM = ["-march=armv8.2-a+dotprod+i8mm"]
SVE = ["-march=armv8.2-a+dotprod+i8mm+sve", "-DTERN_LOOPS_ARCH=sve"]
DOTPROD_CORES = ("cortex-a55", "neoverse-n1") + I8MM_CORES

# The instruction that does the work, and the products that one of them does.
ANCHORS = {
    "cnt": (r"(v?cnt(\.8)?)\s+(v|q)", 128),
    "2cnt": (r"(v?cnt(\.8)?)\s+(v|q)", 64),
    "cnt z": (r"cnt\s+z", 128),
    "2cnt z": (r"cnt\s+z", 64),
    "cnt z, 256": (r"cnt\s+z", 256),
    "2cnt z, 256": (r"cnt\s+z", 128),
    "smlal": (r"v?(smull|smlal|umull|umlal|smlsl)2?(\.s8|\.s16)?\s", 8),
    "sdot": (r"(sdot|usdot|udot)\s", 16),
    "smmla": (r"(smmla|usmmla|ummla)\s", 32),
    None: (None, 0),
}

AARCH64 = (
    ("gcc", ["aarch64-linux-gnu-g++"], "aarch64"),
    ("clang", ["clang++", "--target=aarch64-linux-gnu"], "aarch64"),
)
ARMV7 = (
    ("gcc", ["arm-linux-gnueabihf-g++", "-march=armv7-a", "-mfpu=neon"], "armv7"),
    ("clang", ["clang++", "--target=arm-linux-gnueabihf", "-march=armv7-a", "-mfpu=neon"], "armv7"),
)
THUMB = (("gcc", ["arm-none-eabi-g++", "-mcpu={core}", "-mthumb", "-mfloat-abi=soft", "-fno-exceptions", "-fno-rtti",
                  "-DTERN_LOOPS_ARCH=scalar"], "thumbv7em"),)
HELIUM = (("gcc", ["arm-none-eabi-g++", "-mcpu={core}", "-mthumb", "-mfloat-abi=hard", "-fno-exceptions", "-fno-rtti"],
           "thumbv8.1m.main"),)

PLANES = {"binary_binary": "cnt", "ternary_ternary": "2cnt", "ternary_binary": "cnt", "binary_ternary": "cnt",
          "binary_binary_row": "cnt"}
BYTES = ("int8_ternary", "int8_ternary_row", "int8_binary", "int8_binary_row")
SCALAR = {"binary_binary": None, "ternary_ternary": None, "ternary_binary": None}

# (title, compilers, flags, cores, kernels)
SETS = [
    ("neon", AARCH64, [], CORES, {**PLANES, **dict.fromkeys(BYTES, "smlal")}),
    ("dotprod", AARCH64, ["-march=armv8.2-a+dotprod"], DOTPROD_CORES, dict.fromkeys(BYTES, "sdot")),
    ("i8mm", AARCH64, I8MM, I8MM_CORES, dict.fromkeys(("int8_ternary", "int8_ternary_16_rows", "int8_ternary_8_rows"), "smmla")),
    ("sve, 128 bits", AARCH64, SVE, ("cortex-a510", "neoverse-n2"), {k: a + " z" for k, a in PLANES.items()}),
    ("sve, 256 bits", AARCH64, SVE, ("neoverse-v1",), {k: a + " z, 256" for k, a in PLANES.items()}),
    ("neon, ARMv7", ARMV7, [], ("cortex-a9",), PLANES),
    ("scalar", THUMB, ["-mcpu=cortex-m4"], ("cortex-m4",), SCALAR),
    ("scalar", THUMB, ["-mcpu=cortex-m7"], ("cortex-m7",), SCALAR),
    ("scalar", HELIUM, ["-DTERN_LOOPS_ARCH=scalar"], ("cortex-m55",), SCALAR),
    ("mve", HELIUM, [], ("cortex-m55",), {**SCALAR, "binary_ternary": None}),
]

# What loops written by hand reach in the same models, and the fraction of it that is asked for.
BOUNDS = {
    "binary_binary": {"cortex-a53": 35, "cortex-a55": 37, "cortex-a57": 85, "cortex-a72": 85, "cortex-a510": 68,
                      "neoverse-n1": 85, "neoverse-n2": 85, "neoverse-v1": 170, "cortex-a9": 31, "cortex-m4": 3.2,
                      "cortex-m7": 5.1},
    "ternary_ternary": {"cortex-a53": 13, "cortex-a55": 15, "cortex-a57": 36, "cortex-a72": 36, "cortex-a510": 23,
                        "neoverse-n1": 36, "neoverse-n2": 37, "neoverse-v1": 73, "cortex-a9": 13, "cortex-m4": 1.4,
                        "cortex-m7": 2.2},
    "ternary_binary": {"cortex-a53": 26, "cortex-a55": 27, "cortex-a57": 64, "cortex-a72": 64, "cortex-a510": 48,
                       "neoverse-n1": 64, "neoverse-n2": 64, "neoverse-v1": 128, "cortex-m4": 1.9, "cortex-m7": 3.4},
}
BOUNDS["binary_ternary"] = {core: bound for core, bound in BOUNDS["ternary_binary"].items() if core[7] != "m"}
# Products of bytes differ by instruction set. Of SMLAL, SDOT and USMMLA with codes that cost nothing.
BOUNDS["int8_ternary@neon"] = {"cortex-a53": 4, "cortex-a55": 4, "cortex-a57": 8, "cortex-a72": 8, "cortex-a510": 6,
                               "neoverse-n1": 8, "neoverse-n2": 11, "neoverse-v1": 16}
BOUNDS["int8_ternary@dotprod"] = {"cortex-a55": 13, "cortex-a510": 20, "neoverse-n1": 32, "neoverse-n2": 32,
                                  "neoverse-v1": 64}
BOUNDS["int8_ternary@i8mm"] = {"cortex-a510": 32, "neoverse-n2": 64, "neoverse-v1": 126}
BOUNDS["binary_binary@mve"] = {"cortex-m55": 7.6}
FRACTION = 0.85
FRACTION_OF_BYTES = 0.8
# Rounded ones of the project's own.
BARS = {("binary_binary", "cortex-a55"): 31, ("ternary_ternary", "cortex-a55"): 12.5,
        ("ternary_ternary", "cortex-a57"): 30, ("ternary_ternary", "cortex-a72"): 30,
        ("ternary_ternary", "neoverse-n1"): 30}
# Below the bar: what is reached instead, so that it does not get worse. (compiler, kernel, core): floor
REACHED = {
    ("gcc", "int8_ternary@neon", "cortex-a53"): 2.6, ("clang", "int8_ternary@neon", "cortex-a53"): 2.1,
    ("gcc", "int8_ternary@neon", "neoverse-n2"): 7.9, ("clang", "int8_ternary@neon", "neoverse-n2"): 7.9,
    ("clang", "int8_ternary@neon", "cortex-a55"): 2.7, ("clang", "int8_ternary@neon", "cortex-a510"): 3.6,
    ("gcc", "binary_binary@sve, 128 bits", "cortex-a510"): 12,
    ("clang", "binary_binary@sve, 128 bits", "cortex-a510"): 11,
    ("gcc", "ternary_ternary@sve, 128 bits", "cortex-a510"): 7,
    ("clang", "ternary_ternary@sve, 128 bits", "cortex-a510"): 7,
    ("gcc", "ternary_binary@sve, 128 bits", "cortex-a510"): 9,
    ("clang", "ternary_binary@sve, 128 bits", "cortex-a510"): 9,
    ("gcc", "binary_ternary@sve, 128 bits", "cortex-a510"): 10,
    ("clang", "binary_ternary@sve, 128 bits", "cortex-a510"): 9,
}
# Without a bound of their own: what fewer rows reach, and single ones where loads are read ahead.
for _compiler in ("gcc", "clang"):
    REACHED.update({
        (_compiler, "int8_ternary_16_rows@i8mm", "cortex-a510"): 24,
        (_compiler, "int8_ternary_16_rows@i8mm", "neoverse-n2"): 50.5,
        (_compiler, "int8_ternary_16_rows@i8mm", "neoverse-v1"): 100,
        (_compiler, "int8_ternary_8_rows@i8mm", "cortex-a510"): 25,
        (_compiler, "int8_ternary_8_rows@i8mm", "neoverse-n2"): 46,
        (_compiler, "int8_ternary_8_rows@i8mm", "neoverse-v1"): 91,
        (_compiler, "int8_ternary_row@dotprod", "cortex-a55"): 5,
        (_compiler, "int8_ternary_row@dotprod", "neoverse-n1"): 15,
    })


def bound_of(title, kernel, core):
    return {**BOUNDS.get(kernel, {}), **BOUNDS.get(kernel + "@" + title, {})}.get(core)


def bar(title, kernel, core):
    bound = bound_of(title, kernel, core)
    if bound is None:
        return None
    return BARS.get((kernel, core), (FRACTION_OF_BYTES if kernel.startswith("int8") else FRACTION) * bound)


def loops(assembly):
    """Innermost loops of each function: lists of instructions."""
    function, labels, found = None, {}, {}
    lines = assembly.split("\n")
    for at, line in enumerate(lines):
        name = re.match(r"(loop_\w+):", line)
        if name:
            function, labels = name.group(1)[5:], {}
            continue
        label = re.match(r"(\.L\w+):", line)
        if label:
            labels[label.group(1)] = at
            continue
        branch = re.match(r"\s+(?:b\.?\w*|cbn?z|tbn?z|le)\s+(?:.*,\s*)?(\.L\w+)\s*(?:[@/].*)?$", line)
        if branch and function and branch.group(1) in labels:
            body = lines[labels[branch.group(1)] + 1:at + 1]
            if not any(re.match(r"\.L\w+:", inner) for inner in body):
                found.setdefault(function, []).append(
                    [one for one in body if re.match(r"\s+[a-z]", one)])
    return found


def cycles(mca, triple, core, body):
    """Of one pass, or None where llvm-mca does not know the core or an instruction."""
    body = [one for one in body if not re.match(r"\s+le\s", one)]  # the loop of Armv8.1-M: no model, next to no time
    out = subprocess.run([mca, "-mtriple=" + triple, "-mcpu=" + core, "-iterations=200"] +
                         (["-mattr=+neon"] if triple == "armv7" else []), input="\n".join(body),
                         capture_output=True, text=True)
    total = re.search(r"Total Cycles:\s+(\d+)", out.stdout)
    return int(total.group(1)) / 200 if out.returncode == 0 and total else None


def measure(mca, include, report):
    """Rows of (set, compiler, kernel, core, products a cycle, instructions of the loop)."""
    rows, missing = [], set()
    for title, compilers, flags, cores, kernels in SETS:
        for compiler, command, triple in compilers:
            if not shutil.which(command[0]):
                missing.add(command[0])
                continue
            command = [part.format(core=cores[0]) for part in command]
            with tempfile.TemporaryDirectory() as scratch:
                out = os.path.join(scratch, "loops.s")
                done = subprocess.run(command + flags + ["-std=c++17", "-O2", "-S", "-DTERN_HAS_XSIMD=0", "-I" + include,
                                                         os.path.join(HERE, "arm_loops.cpp"), "-o", out],
                                      capture_output=True, text=True)
                if done.returncode != 0:
                    sys.exit(" ".join(command + flags) + "\n" + done.stderr)
                with open(out, encoding="utf-8") as file:
                    text = file.read()
            found = loops(text)
            for kernel, anchor in kernels.items():
                pattern, products = ANCHORS[anchor]
                if pattern is None:
                    best = max(found.get(kernel, [[]]), key=len)
                    macs = int(re.search(r"macs_%s:\s+\.(?:word|long)\s+(\d+)" % kernel, text).group(1))
                else:
                    count = lambda body: sum(1 for one in body if re.match(r"\s+" + pattern, one))
                    best = max(found.get(kernel, [[]]), key=count)
                    macs = count(best) * products
                if macs == 0 or not best:
                    sys.exit("no loop of %s in the assembly of %s" % (kernel, compiler))
                for core in cores:
                    time = cycles(mca, triple, core, best)
                    if time is None:
                        report("%s: llvm-mca has no figure for %s" % (kernel, core))
                        continue
                    rows.append((title, compiler, kernel, core, macs / time, len(best)))
    return rows, missing


def table(rows):
    text = []
    for title in dict.fromkeys(row[0] for row in rows):
        of_set = [row for row in rows if row[0] == title]
        cores = list(dict.fromkeys(row[3] for row in of_set))
        text += ["", "## " + title, "", "| loop, compiler, instructions | " + " | ".join(cores) + " |",
                 "|---|" + "---|" * len(cores)]
        for kernel in dict.fromkeys(row[2] for row in of_set):
            for compiler in dict.fromkeys(row[1] for row in of_set if row[2] == kernel):
                figures = {row[3]: row for row in of_set if row[1] == compiler and row[2] == kernel}
                cells = []
                for core in cores:
                    if core not in figures:
                        cells.append("-")
                        continue
                    value, asked = figures[core][4], bar(title, kernel, core)
                    bound = bound_of(title, kernel, core)
                    mark = "" if asked is None or value >= asked else " (!)"
                    cells.append(("%.1f" % value if value < 100 else "%.0f" % value) +
                                 (" of %g%s" % (bound, mark) if bound else ""))
                size = "/".join(dict.fromkeys(str(row[5]) for row in figures.values()))
                text.append("| %s, %s, %s | %s |" % (kernel.replace("_", " "), compiler, size, " | ".join(cells)))
    return "\n".join(text) + "\n"


HEAD = """# Products a cycle on Arm cores

Written by `benchmarks/arm_throughput.py --write docs/arm-throughput.md`. Multiply-accumulates a cycle of the innermost
loops as the compilers wrote them, by the models of llvm-mca: no caches, no branches, no measurement of a chip. `x of y`:
y is what a loop written by hand reaches in the same model. `(!)`: below %d %% of it, or 80 %% for products of bytes.
llvm-mca's cortex-a72 is its cortex-a57. `row`: the loop of a single row of activations, which the memory bounds anyway.
`16 rows`, `8 rows`: of a tile that has as many; the others have 20 and share what codes cost before they multiply.
Below the bar: SMLAL on A53 and others (8 products an instruction, and loads that these cores wait for), and SVE of 128 bits
on A510, whose CNT takes 8 cycles in that model, where NEON's takes 4, with four of them under way. Nothing chooses it there.
Versions: %s.
"""


def versions(mca):
    lines = []
    for command in (mca, "aarch64-linux-gnu-g++", "clang++", "arm-none-eabi-g++"):
        path = shutil.which(command)
        if path:
            out = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
            number = re.search(r"\d+\.\d+\.\d+", out.split("\n", 3)[0] + out)
            lines.append("%s %s" % (os.path.basename(command), number.group(0) if number else "?"))
    return ", ".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--include", default=os.path.join(HERE, "..", "include"))
    parser.add_argument("--write")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--mca", default=next((name for name in ("llvm-mca-19", "llvm-mca-20", "llvm-mca-21")
                                               if shutil.which(name)), None))
    wanted = parser.parse_args()
    if not wanted.mca or not shutil.which("aarch64-linux-gnu-g++"):
        print("not run: llvm-mca (19 or later) or the cross compiler is not installed")
        return 77
    rows, missing = measure(wanted.mca, wanted.include, print)
    for name in sorted(missing):
        print("without %s, which is not installed" % name)
    text = table(rows)
    print(text)
    if wanted.write:
        with open(wanted.write, "w", encoding="utf-8") as file:
            file.write(HEAD % (100 * FRACTION, versions(wanted.mca)) + text)
    held = faults = 0
    for title, compiler, kernel, core, value, _ in rows:
        floor = REACHED.get((compiler, kernel + "@" + title, core),
                            REACHED.get((compiler, kernel, core), bar(title, kernel, core)))
        if floor is None:
            continue
        held += 1
        if value < floor:
            faults += 1
            print("below its floor: %s, %s with %s on %s: %.1f < %.1f" % (kernel, title, compiler, core, value, floor))
    print("%d figures held against floors, %d below" % (held, faults))
    return 1 if wanted.check and (faults or not held) else 0


if __name__ == "__main__":
    sys.exit(main())
