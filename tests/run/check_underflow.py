#!/usr/bin/python3
"""Kernels that are too small for their arithmetic are refused with status 2, by net and sample, and never wrong without a word: deep nets
whose layers halve the variance, and samples that are tiny. True zeros, and small kernels of different samples, are not."""
import os

import numpy as np

import entk_testlib as lib

BOUND = {"f32": np.finfo(np.float32).tiny * 2.0**24, "f64": np.finfo(np.float64).tiny * 2.0**53}


def refused(report, work, name, program, says, *arguments):
    out = work.fresh(".npz")
    result = work.run_program([program, *arguments, "-o", out])
    report.check(result.returncode == 2 and not os.path.exists(out) and result.stderr.count("\n") == 1
                 and all(word in result.stderr for word in says),
                 f"{name}: status {result.returncode}, wanted 2 with {says}: {result.stderr.strip()}")


def depth(report, work, precision, depths):
    """(dense -> relu)^N: right, to the precision, or refused."""
    x = np.random.default_rng(1).standard_normal((4, 3))
    z = np.random.default_rng(2).standard_normal((5, 3))
    files = work.array(x), work.array(z)
    for layers in depths:
        # The same with a variance that is kept has the same kernels times 2^layers.
        nets = [f"net {n} = vector(3) -> (dense{w} -> relu)^{layers} -> dense\n" for n, w in (("r", ""), ("k", "(weight_std = sqrt(2))"))]
        small, kept = (work.compile(net, precision=precision) for net in nets)
        want = np.ldexp(work.gram(kept, files[0])["nngp"], -layers)
        if np.diag(want).min() > 1.01 * BOUND[precision]:
            report.close(work.gram(small, files[0])["nngp"], want, lib.TOLERANCE[precision][0] * 10, f"{precision}, {layers} layers")
            report.close(work.gram(small, files[0], files[1])["nngp"],
                         np.ldexp(work.gram(kept, *files)["nngp"], -layers), lib.TOLERANCE[precision][0] * 10,
                         f"{precision}, {layers} layers, Z")
        else:
            says = ["r", "sample", "float32" if precision == "f32" else "float64", "weight_std", "sqrt(2)"]
            for arguments in (["gram", files[0]], ["gram", *files], ["gram", files[0], "--kernel=ntk"], ["gram", files[0], "-t1", "--tile=1x1"]):
                refused(report, work, f"{precision}, {layers} layers, {arguments[2:]}", small, says, *arguments)


def scale(report, work, precision, tiny):
    """Tiny samples among others, in each place that they can stand."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((40, 3))
    x[17] *= tiny
    zeros = rng.standard_normal((40, 3))
    zeros[17] = 0
    program = work.compile("net n = vector(3) -> dense -> abs -> dense\n", precision=precision)
    good, bad = work.array(rng.standard_normal((7, 3))), work.array(x)
    for name, arguments in (("X", [bad]), ("X Z", [bad, good]), ("Z X", [good, bad])):
        refused(report, work, f"{precision}, {name}", program, ["sample 17", "scale"], "gram", *arguments)
    got = work.gram(program, zeros)
    report.check(np.all(got["nngp"][17] == 0) and np.all(got["nngp"][:17, :17] > 0), f"{precision}: a sample of zeros")
    images = rng.standard_normal((5, 6, 6))
    images[2] = 0
    images[3, :5] = 0     # only the last row is left, which a stride of 2 from 0 on never reaches without padding
    images[4, 1:] *= tiny
    program = work.compile("net i = image(6x6) -> conv(1x1, stride = 2) -> relu -> flatten -> dense\n", precision=precision)
    got = work.gram(program, images[:4])
    report.check(np.all(got["nngp"][2:] == 0) and got["nngp"][0, 0] > 0, f"{precision}: images that do not reach the output")
    got = work.gram(program, images[:2], images[2:4])
    report.check(np.all(got["nngp"] == 0), f"{precision}: the same beside others")
    linear = work.compile("net l = vector(8) -> dense\n", precision=precision)
    eye = np.eye(8)
    report.check(np.all(work.gram(linear, eye[:3], eye[3:])["nngp"] == 0), f"{precision}: orthogonal samples")
    nothing = work.compile("net w = vector(3) -> dense(weight_std = 0) -> dense\n", precision=precision)
    report.check(np.all(work.gram(nothing, x[:3])["nngp"] == 0), f"{precision}: weight_std = 0")


def trunk(report, work):
    """Nets on one trunk: the one that is too deep is named."""
    program = work.compile("def t = dense -> relu\nnet a = image(4x4) -> conv(3x3) -> relu -> pool -> dense\n"
                           "net b = image(4x4) -> conv(3x3) -> relu -> pool -> (dense -> relu)^300 -> dense\n", precision="f32")
    x = work.array(np.random.default_rng(4).standard_normal((4, 4, 4)))
    refused(report, work, "two nets", program, [" b: ", "sample 0"], "gram", x)


def store(report, work):
    """In a store the tiles of such a sample are never taken for finished."""
    program = work.compile("net n = vector(3) -> dense -> abs -> dense\n", precision="f32")
    x = np.random.default_rng(5).standard_normal((30, 3))
    x[20] *= 1e-19
    path, out = work.array(x), work.fresh(".gram")
    for trial in range(2):
        result = work.run_program([program, "gram", path, "-o", out, "--tile=4x4"])
        report.check(result.returncode == 2 and "sample 20" in result.stderr, f"store, run {trial}: status {result.returncode}, {result.stderr}")
    report.check(work.run_program([program, "export", out, "-o", work.fresh(".npz")]).returncode == 1, "an incomplete store was exported")


def main():
    options = lib.arguments(__doc__).parse_args()
    report = lib.Report("check_underflow")
    with lib.Work(options.build, options.keep) as work:
        depth(report, work, "f32", (20, 95, 110, 125, 127, 130, 150))
        depth(report, work, "f64", (100, 960, 1000, 1024))
        scale(report, work, "f32", 1e-19)
        scale(report, work, "f64", 1e-160)
        trunk(report, work)
        store(report, work)
    report.exit()


if __name__ == "__main__":
    main()
