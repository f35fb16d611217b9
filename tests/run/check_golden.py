#!/usr/bin/python3
"""Every golden file whose layers this version has: generated programs in both precisions, and the reference backend on
the small ones, against values of an independent evaluation in 80-bit arithmetic. The others are named, and must really
be refused by the compiler: a layer that arrives takes its golden files along."""
import glob
import os
import re

import numpy as np

import entk_testlib as lib

# Words in a program that this version of the language does not have.
NOT_YET = ["sphere"]
REFERENCE_SIZE = 1000         # numbers per sample; the reference evaluator takes too long on larger ones


def exact_diagonal(x):
    """ntk11's diagonal for big_vector.entk. The golden file was made by Neural Tangents in float64, whose relu does not see
    correlation one: half of that diagonal is off by up to 3.0e-8. A relu layer halves what a sample has with itself."""
    k = 1.3**2 * (x**2).mean(axis=1) + 0.2**2
    theta = k
    for w, beta in ((1.2, 0.1), (1.1, 0.3), (1, 0)):
        k, theta = w * w * k / 2 + beta**2, w * w * theta / 2
        theta = k + theta
    return theta


def missing_words(text):
    text = re.sub(r"#.*", "", text)
    found = [w for w in NOT_YET if re.search(rf"\b{w}\b", text)]
    return found


def blocks(path, name):
    """[(key of x, key of z or None, expected nngp, expected ntk)] of a golden file."""
    with np.load(path) as f:
        d = {k: f[k] for k in f.files if re.fullmatch(r"(nngp|ntk)(11|_train|_cross|_test)?|x1|x_train", k)}
    if name == "regression":
        return d["x_train"], [("x_train", None, d["nngp_train"], d["ntk_train"]),
                              ("x_train", "x_test", d["nngp_cross"], d["ntk_cross"]),
                              ("x_test", None, d["nngp_test"], None)]
    if name == "big_vector":
        np.fill_diagonal(d["ntk11"], exact_diagonal(d["x1"]))
    return d["x1"], [("x1", "x2", d["nngp"], d["ntk"]), ("x1", None, d["nngp11"], d["ntk11"])]


def check_file(work, report, path):
    name = os.path.basename(path)[:-5]
    with open(path) as f:
        words = missing_words(f.read())
    if words:
        report.skip(f"{name}: needs {', '.join(words)}, not in this version")
        refused = work.run_compiler([path, "-o", work.fresh(".prog")]).returncode == 1
        report.check(refused, f"{name}: the compiler does not refuse it; take its words from NOT_YET in check_golden.py")
        return
    data = path[:-5] + ".npz"
    x, wanted = blocks(data, name)
    variants = [("native f64", dict(precision="f64"), "f64"), ("native f32", dict(precision="f32"), "f32")]
    if x[0].size <= REFERENCE_SIZE and len(x) < 100:
        variants.append(("reference", dict(backend="reference"), "f64"))
    for what, options, precision in variants:
        try:
            program = work.compile(path, **options)
        except lib.CompileError as error:
            report.check(False, f"{name}, {what}: {error}")
            continue
        for left, right, *expected in wanted:
            try:
                # Straight from the .npz, as a user would.
                got = work.gram(program, f"{data}:{left}", f"{data}:{right}" if right else None)
            except lib.RunError as error:
                report.check(False, f"{name}, {what}: {error}")
                continue
            for kind, key in enumerate(("nngp", "ntk")):
                if expected[kind] is not None:
                    report.close(got[key], expected[kind], lib.TOLERANCE[precision][kind],
                                 f"{name}, {what}, {key} of {left} with {right or 'itself'}")


def main():
    options = lib.arguments(__doc__).parse_args()
    report = lib.Report("check_golden")
    folder = lib.golden_folder()
    if folder is None:
        report.skip(f"no golden values at {os.path.join(lib.shared_folder(), 'golden')} (ENTK_SHARED)")
        report.exit()
    with lib.Work(options.build, options.keep) as work:
        programs = sorted(glob.glob(os.path.join(folder, "*.entk")))
        report.check(len(programs) > 20, f"only {len(programs)} programs in {folder}")
        lib.parallel(lambda p: check_file(work, report, p), programs)
        for path in sorted(glob.glob(os.path.join(folder, "*.npz"))):
            if not os.path.exists(path[:-4] + ".entk"):
                report.skip(f"{os.path.basename(path)}: maps of a layer, not a network's output")
    report.exit()


if __name__ == "__main__":
    main()
