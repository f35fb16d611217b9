#!/usr/bin/python3
"""make bench: how fast are the kernels, and are they right?

    bench.py BUILD [--threads 2] [--precision f32 f64] [--only NAME ...] [--cpu NAME] [--json FILE] [--profile]

Every net is compiled in both precisions; the programs' own `bench` measures them with one thread and with several. Speed
counts only where the results are right, so each program's kernels of a few pairs are compared with the reference
evaluator's, in the same run; a difference above the tolerance makes the status 1.

Machines are shared: a neighbour on the same core can cost a third of the speed for seconds or for minutes. So every program runs in
several rounds; the table has the median and, behind it, the fastest. The two nets whose times are compared take turns.

The machine's limit stands beside it: the time of one fused multiply-add of a whole vector, measured in the same run, and in
the column "FMAs" how many of them would fit into the least time of one step of a vector full of pairs. The recursion needs about 40
vector instructions there (relu, 3x3).

One step is one pair of positions through one convolution and its nonlinearity, on one thread; what is done once per sample
(variances; the pooled ones of a net with layers behind its pool cost about as much as a pair) is timed apart. For a dense net, which has
none, the last column puts the time of the Gram's one triangle, all its layers included, beside that of the full matrix
product X X^T by OpenBLAS on one thread.

`--profile` also says which share of a pooled run's samples of the instruction pointer falls into the generated object,
and, with valgrind installed, how many instructions one step takes (of the program compiled for AVX2, which valgrind knows).
"""
import argparse
import bisect
import collections
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

import numpy as np

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "run"))
import entk_testlib as lib  # noqa: E402

Case = collections.namedtuple("Case", "name file net sets shape bench")
DENSE_SAMPLES = 4096
CASES = [
    Case("21 conv, pool", "bench/deep.entk", "deep_pool", [], (32, 32, 3), []),
    Case("21 conv, flatten", "bench/deep.entk", "deep_flatten", [], (32, 32, 3), []),
    Case("2-layer cnn", "examples/histology.entk", "cnn", ["size=32x32"], (32, 32, 3), []),
    Case("2-layer c4cnn", "examples/histology.entk", "c4cnn", ["size=32x32"], (32, 32, 3), []),
    Case("3 dense, n 4096", "bench/vector.entk", "vector3", [], (784,), ["--samples", str(DENSE_SAMPLES)]),
]
ROUNDS = 5
SAMPLES = (2, 1)  # of the comparison with the reference evaluator: its 21 layers take seconds per pair


def multiply_add(work):
    """Nanoseconds of one fused multiply-add of a whole vector; None where the C compiler cannot say."""
    width = 64 if "AVX-512" in machine() else 32 if "AVX2" in machine() else 16
    program = work.fresh()
    command = [os.environ.get("CC", "gcc"), "-O3", "-march=native", "-ffp-contract=fast", f"-DBYTES={width}",
               os.path.join(ROOT, "bench", "peak.c"), "-o", program]
    if subprocess.run(command, capture_output=True).returncode != 0:
        return None
    return float(subprocess.run([program], capture_output=True, text=True, check=True).stdout)


def machine():
    name = platform.processor() or platform.machine()
    vector = "128-bit vectors"
    try:
        with open("/proc/cpuinfo") as f:
            text = f.read()
        name = re.search(r"model name\s*: (.*)", text)[1]
        flags = re.search(r"flags\s*: (.*)", text)[1].split()
        vector = "512-bit vectors (AVX-512)" if "avx512f" in flags else \
            "256-bit vectors (AVX2)" if "avx2" in flags else vector
    except (OSError, TypeError):
        pass
    return f"{name}, {os.cpu_count()} CPUs, {vector}"


def samples(case):
    """Smooth images, like photographs, that differ: unrelated noise would make every correlation of a deep net equal."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((sum(SAMPLES), *case.shape))
    for axis in range(1, len(case.shape)):
        x = (x + np.roll(x, 1, axis) + np.roll(x, 2, axis)) / np.sqrt(3)
    return x[:SAMPLES[0]], x[SAMPLES[0]:]


def difference(work, case, program, reference):
    """(relative difference, tolerance) of NNGP and NTK, the Gram of a set with itself and of two sets."""
    x, z = samples(case)
    rows = []
    for left, right in ((x, None), (x, z)):
        got = work.gram(program, left, right, net=case.net)
        key = (case.name, right is None)
        if key not in reference:
            if case.file not in reference:
                reference[case.file] = work.compile(os.path.join(ROOT, case.file), backend="reference", sets=case.sets)
            reference[key] = work.gram(reference[case.file], left, right, net=case.net)
        rows.append([lib.reldiff(got[k], reference[key][k]) for k in ("nngp", "ntk")])
    return [max(column) for column in zip(*rows)]


def run_bench(program, case, threads):
    """The results with one thread and with `threads`, of one round."""
    command = [program, "bench", "--json", "--threads", str(threads), "--net", case.net, *case.bench]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise lib.RunError(result, command)
    results = json.loads(result.stdout)
    return results[0], results[-1]


def total(result):
    """Seconds of a Gram, with what is done once per sample."""
    return result["seconds"] + DENSE_SAMPLES * result["prepare_seconds_per_sample"]


def of_rounds(rounds, value):
    """(median, least) of value(one thread, several threads); (None, None) where there is none."""
    values = [value(*r) for r in rounds]
    return (float(np.median(values)), min(values)) if None not in values else (None, None)


def cell(value, form):
    return format(value, form) if value is not None and np.isfinite(value) else "-"


def measure(work, case, precision, options, reference, fma):
    extra = [f"--cpu={options.cpu}"] if options.cpu else []
    program = work.compile(os.path.join(ROOT, case.file), precision=precision, sets=case.sets, extra=extra)
    nngp, ntk = difference(work, case, program, reference)
    right = nngp <= lib.TOLERANCE[precision][0] and ntk <= lib.TOLERANCE[precision][1]
    rounds = [run_bench(program, case, options.threads) for _ in range(ROUNDS)]
    one, many = rounds[0]
    step, least_step = of_rounds(rounds, lambda a, _: a.get("ns_per_step"))
    pair, least_pair = of_rounds(rounds, lambda a, _: a["seconds_per_pair"])
    gemm, _ = of_rounds(rounds, lambda a, _: a.get("gemm_seconds"))
    ratio, _ = of_rounds(rounds, lambda a, _: total(a) / a["gemm_seconds"] if a.get("gemm_seconds") else None)
    speedup, _ = of_rounds(rounds, lambda a, b: a["seconds_per_pair"] / b["seconds_per_pair"])
    row = {
        "case": case.name, "precision": precision, "lanes": one["lanes"], "vector_bits": one["vector_bits"],
        "ns_per_step": step, "least_ns_per_step": least_step, "seconds_per_pair": pair, "least_seconds_per_pair": least_pair,
        "threads": many["threads"], "speedup": speedup, "nngp_difference": nngp, "ntk_difference": ntk, "right": right,
        "gemm_seconds": gemm, "gemm_kernels": one["gemm_kernels"], "gemm_ratio": ratio,
        "prepare_seconds_per_sample": one["prepare_seconds_per_sample"],
    }
    row["multiply_adds"] = least_step * row["lanes"] / fma if step and fma else None
    print(f"{case.name:<18} {precision:<4} {row['lanes']:>5} {row['vector_bits']:>5} {cell(step, '.3f'):>8} {cell(least_step, '.3f'):>6} "
          f"{cell(row['multiply_adds'], '.0f'):>5} {cell(1e6 * pair, '.4g') + ' us':>12} {cell(1e6 * least_pair, '.4g'):>9} "
          f"{speedup:>7.2f}x  {nngp:>8.1e} {ntk:>8.1e} {'' if right else 'WRONG':<5} "
          + (f"{ratio:.2f} x full GEMM ({1e3 * gemm:.0f} ms, {one['gemm_kernels']})" if gemm else ""), flush=True)
    return row


def compare_times(work, options, precision, first, second):
    """How many times as long as one net another of the same file takes: the median over rounds in which they take turns."""
    extra = [f"--cpu={options.cpu}"] if options.cpu else []
    program = work.compile(os.path.join(ROOT, first.file), precision=precision, sets=first.sets, extra=extra)
    ratios = []
    for _ in range(ROUNDS):
        a, b = (run_bench(program, case, 1)[0]["seconds_per_pair"] for case in (first, second))
        ratios.append(b / a)
    print(f"{second.net} takes {np.median(ratios):.2f} x the time of {first.net} ({precision}; {min(ratios):.2f} to {max(ratios):.2f})",
          flush=True)


# ------------------------------------------------------------------------------------------------------------ profile

def symbols(path):
    """[(address, name)] of functions, by address."""
    text = subprocess.run(["nm", "--defined-only", "-n", path], capture_output=True, text=True).stdout
    rows = [line.split() for line in text.splitlines()]
    return [(int(r[0], 16), r[2]) for r in rows if len(r) == 3 and r[1] in "tTwW"]


def generated_share(work, case, precision, build):
    """Share of samples of the instruction pointer in functions of the generated object; the five busiest others."""
    source = os.path.join(ROOT, case.file)
    program, obj, out = work.compile(source, precision=precision, sets=case.sets), work.fresh(".o"), work.fresh()
    work.run_compiler([source, "--emit=obj", f"--precision={precision}", *[f"--set={s}" for s in case.sets], "-o", obj])
    generated = {name for _, name in symbols(obj)}
    subprocess.run([program, "bench", "--json", "--threads", "1", "--net", case.net], stdout=subprocess.DEVNULL, check=True,
                   env={**os.environ, "LD_PRELOAD": os.path.join(os.path.abspath(build), "bench", "sampler.so"),
                        "ENTK_SAMPLES": out, "OPENBLAS_NUM_THREADS": "1"})
    with open(out) as f:
        total, *places = f.read().split()
    table, counts = symbols(program), collections.Counter()
    addresses = [a for a, _ in table]
    for place in places:
        at = bisect.bisect_right(addresses, int(place, 16)) - 1
        counts[table[at][1] if at >= 0 else "?"] += 1
    inside = sum(n for name, n in counts.items() if name in generated)
    return inside, int(total), [f"{name} {n}" for name, n in counts.most_common(5)]


def instructions(work, case, precision):
    """(instructions per step, lanes): the difference of two runs under valgrind, of one and of two groups of lanes."""
    program = work.compile(os.path.join(ROOT, case.file), precision=precision, sets=case.sets, extra=["--cpu=x86-64-v3"])
    few = ["--repeats", "1", "--pairs"]
    info = run_bench(program, case._replace(bench=[*few, "1"]), 1)[0]
    counts = []
    for groups in (1, 2):
        command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, "bench", "--net", case.net,
                   "--threads", "1", *few, str(groups * info["lanes"])]
        result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
        found = re.search(r"Collected\s*:\s*(\d+)", result.stderr)
        if result.returncode != 0 or not found:
            raise lib.RunError(result, command)
        counts.append(int(found[1]))
    return (counts[1] - counts[0]) / info["steps_per_pair"], info["lanes"]


def profile(work, options):
    case = CASES[0]
    for precision in options.precision:
        inside, total, busiest = generated_share(work, case, precision, options.build)
        print(f"{case.name} {precision}: {inside} of {total} samples ({100 * inside / max(total, 1):.1f} %) in the generated "
              f"object; most in {', '.join(busiest)}")
        if shutil.which("valgrind"):
            count, lanes = instructions(work, case, precision)
            print(f"{case.name} {precision}: {count:.1f} instructions per step of {lanes} pairs (AVX2), "
                  f"{count / lanes:.2f} per step")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", nargs="+", choices=("f32", "f64"), default=["f32", "f64"])
    parser.add_argument("--only", nargs="+", help="cases whose name contains one of these")
    parser.add_argument("--cpu", help="compile for this CPU instead of the host")
    parser.add_argument("--json", help="also write the rows to this file")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    rows = []
    with lib.Work(options.build) as work:
        print(machine() + (f", compiled for {options.cpu}" if options.cpu else ""))
        fma = multiply_add(work)
        print("one fused multiply-add of a vector: " + (f"{fma:.3f} ns" if fma else "not measured"))
        print(f"{'net':<18} {'':<4} {'lanes':>5} {'bits':>5} {'ns/step':>8} {'least':>6} {'FMAs':>5} {'time/pair':>12} {'least':>9} {options.threads:>2} threads"
              f"  {'NNGP err':>8} {'NTK err':>8}")
        reference = {}
        for case in CASES:
            if options.only and not any(word in case.name for word in options.only):
                continue
            rows += [measure(work, case, precision, options, reference, fma) for precision in options.precision]
        turns = [case for case in CASES if case.net in ("cnn", "c4cnn") and any(r["case"] == case.name for r in rows)]
        for precision in options.precision if len(turns) == 2 else []:
            compare_times(work, options, precision, *turns)
        if options.profile:
            profile(work, options)
    if options.json:
        with open(options.json, "w") as f:
            json.dump({"machine": machine(), "rows": rows}, f, indent=1)
    wrong = [f"{r['case']} {r['precision']}" for r in rows if not r["right"]]
    if wrong:
        print("wrong kernels: " + ", ".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
