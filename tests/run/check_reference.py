#!/usr/bin/python3
"""The reference evaluator, through `entkc --backend=reference`, against every golden file whose layers this version has.
The large files are 32x32 images or many vectors: a few pairs of each. Feature maps before pooling are compared in
tests/unit/test_reference.c.

Also what must hold exactly: the evaluator's kernels of a sample with itself, `--set`, several nets in one program."""
import glob
import os

import numpy as np

import entk_testlib as lib
from check_golden import blocks, missing_words

# Samples taken of a file; a pair of 32x32 images on C4 (3600 x 3600 entries, four matrices) takes seconds.
SAMPLES = {"big_c4": (1, 1), "big_local": (2, 2), "big_plain": (2, 3), "big_vector": (20, 20), "regression": (12, 12)}


def gram_of(work, program, x, z=None):
    got = work.gram(program, x, z)
    return got["nngp"], got["ntk"]


def compare(report, name, got, want):
    for kind, key in enumerate(("nngp", "ntk")):
        if want[kind] is not None:
            report.close(got[kind], want[kind], lib.TOLERANCE["f64"][kind], f"{name}, {key}")


def check_file(work, report, path):
    name = os.path.basename(path)[:-5]
    with open(path) as f:
        words = missing_words(f.read())
    if words:
        report.skip(f"{name}: needs {', '.join(words)}, not in this version")
        return
    data = path[:-5] + ".npz"
    _, wanted = blocks(data, name)
    program = work.compile(path, backend="reference")
    with np.load(data) as f:
        for left, right, nngp, ntk in wanted:
            rows, columns = SAMPLES.get(name, (None, None))
            columns = columns if right else rows
            want = [None if k is None else k[:rows, :columns] for k in (nngp, ntk)]
            got = gram_of(work, program, f[left][:rows], f[right][:columns] if right else None)
            compare(report, f"{name}, {left} with {right or 'itself'}", got, want)


def check_diagonal(work, report):
    """Correlation one at every layer: kernels of a sample with itself have a closed form in a dense relu net."""
    program = work.compile("net n = vector(50) -> dense(weight_std = 1.3, bias_std = 0.2) -> relu\n"
                           "  -> dense(weight_std = 1.2, bias_std = 0.1) -> abs -> dense(weight_std = 1.1) -> relu -> dense\n",
                           backend="reference")
    x = np.random.default_rng(5).standard_normal((20, 50))
    nngp, ntk = gram_of(work, program, x)
    k = 1.3**2 * (x**2).mean(axis=1) + 0.2**2
    theta = k
    for part, w, beta in ((0.5, 1.2, 0.1), (1, 1.1, 0), (0.5, 1, 0)):
        k, theta = w * w * part * k + beta**2, w * w * part * theta
        theta = k + theta
    report.close(np.diag(nngp), k, 1e-14, "closed form of the diagonal, nngp")
    report.close(np.diag(ntk), theta, 1e-14, "closed form of the diagonal, ntk")


def check_programs(work, report):
    """Params, --set at compile and run time, several nets, a group and an augmented net in one program."""
    source = work.write("param w = 1.2\nlet k = 3x3\n"
                        "net plain = image(5x5, channels = 2) -> conv(k, weight_std = w) -> relu -> pool -> dense\n"
                        "net c4 = image(5x5, channels = 2) -> lift(C4, k, weight_std = w) -> relu -> pool -> dense\n"
                        "net mean = augment(C4, plain)\n")
    program = work.compile(source, backend="reference")
    wider = work.compile(source, backend="reference", sets=["w=1.6", "k=1x1"])
    rng = np.random.default_rng(6)
    x, z = rng.standard_normal((3, 5, 5, 2)), rng.standard_normal((2, 5, 5, 2))
    got = work.gram(program, x, z)
    report.check(sorted(got) == sorted(f"{n}.{k}" for n in ("plain", "c4", "mean") for k in ("nngp", "ntk")),
                 f"arrays of a program of three nets: {sorted(got)}")
    scaled = work.gram(program, x, z, sets=["w=1.6"])
    changed = work.gram(wider, x, z)
    for net in ("plain", "c4", "mean"):
        for kernel in ("nngp", "ntk"):
            key = f"{net}.{kernel}"
            report.close(scaled[key], got[key] * (1.6 / 1.2)**2, 1e-14, f"--set w=1.6, {key}")
            report.check(lib.reldiff(changed[key], scaled[key]) > 1e-3, f"--set k=1x1 changes nothing in {key}")
    # no nonlinearity behind the pool: averaging outputs is averaging states (docs/math.md, KR-19)
    for kernel in ("nngp", "ntk"):
        report.close(got[f"mean.{kernel}"], got[f"c4.{kernel}"], 1e-13, f"augmented plain net against the C4 net, {kernel}")


def main():
    options = lib.arguments(__doc__).parse_args()
    report = lib.Report("check_reference")
    with lib.Work(options.build, options.keep) as work:
        check_diagonal(work, report)
        check_programs(work, report)
        folder = lib.golden_folder()
        if folder is None:
            report.skip(f"no golden values at {os.path.join(lib.shared_folder(), 'golden')} (ENTK_SHARED)")
        else:
            lib.parallel(lambda p: check_file(work, report, p), sorted(glob.glob(os.path.join(folder, "*.entk"))))
    report.exit()


if __name__ == "__main__":
    main()
