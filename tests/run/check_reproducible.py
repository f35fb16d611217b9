#!/usr/bin/python3
"""Grams are bitwise equal for any number of threads, any tile size, and any subset of the samples that keeps their
order; a block of `gram X Z` has the bits of `gram` of both together."""
import numpy as np

import entk_testlib as lib

NETS = {
    "dense": ((33,), "vector(33) -> dense(weight_std = 1.3, bias_std = 0.2) -> relu -> dense -> erf -> dense"),
    "local": ((6, 6, 2), "image(6x6, channels = 2) -> conv(3x3, bias_std = 0.1) -> relu -> avgpool(2x2) -> conv(3x3) -> relu -> flatten"
                         " -> dense"),
    "pooled": ((7, 7, 2), "image(7x7, channels = 2) -> conv(3x3, bias_std = 0.1) -> (relu -> conv(3x3) + identity)^3 -> pool -> dense"
                          " -> relu -> dense"),
    "c4": ((6, 6, 2), "image(6x6, channels = 2) -> lift(C4, 3x3, bias_std = 0.1) -> relu -> conv(3x3) -> relu -> pool -> dense"
                      " -> relu -> dense"),
    "relative": ((6, 6, 2), "image(6x6, channels = 2) -> lift(C4, 3x3, stride = 2, bias_std = 0.1) -> relu -> conv(3x3) -> relu"
                            " -> pool -> dense"),
    "general": ((5, 5, 1), 'image(5x5) -> lift(C4, 3x3, mask = "xx. .x. ...", bias_std = 0.1) -> relu -> conv(3x3, elements = [0, 1])'
                           " -> relu -> pool -> dense"),
    "joined": ((5, 5, 2), "image(5x5, channels = 2) -> (conv(3x3) -> relu -> dense + conv(1x1, bias_std = 0.1)) -> lift(C4, 3x3) -> relu -> pool"
                          " -> dense"),  # a lift that reads a sum
    "circular": ((8,), "signal(8) -> conv(3) -> relu -> conv(2, padding = circular, bias_std = 0.3) -> relu -> sum_pool -> dense"),
}
SAMPLES = 75      # more than a tile or a group of lanes, and not a multiple of either


def variants(work, program):
    """Extra command-line options that must not change a bit."""
    out = [(f"{t} threads", ["--threads", str(t)]) for t in (1, 2, 5)]
    out += [(f"tile {t}", [f"--tile={t}"]) for t in TILES]
    return out


TILES = ("1x1", "3x5", "2x16", "64x64")


def check(work, report, name, precision):
    shape, body = NETS[name]
    rng = np.random.default_rng(abs(hash_text(name)))
    x = rng.standard_normal((SAMPLES, *shape))
    x[10] = x[3]
    x[20] = 0
    try:
        program = work.compile(f"net n = {body}\n", precision=precision)
        first = work.gram(program, x)
        for what, extra in variants(work, program):
            again = work.gram(program, x, extra=extra)
            for key in ("nngp", "ntk"):
                report.same_bits(again[key], first[key], f"{name}, {precision}, {key}, {what}")
        subsets = [np.arange(0, 1), np.arange(17, 49), np.arange(SAMPLES)[::3],
                   np.sort(rng.choice(SAMPLES, 22, replace=False))]
        for number, subset in enumerate(subsets):
            part = work.gram(program, x[subset])
            for key in ("nngp", "ntk"):
                report.same_bits(part[key], first[key][np.ix_(subset, subset)],
                                 f"{name}, {precision}, {key}, subset {number}")
        # In every pair x is the sample of smaller index: rows before columns.
        left, right = x[:29], x[29:]
        for what, extra in [("as it is", []), ("2 threads", ["--threads", "2"])]:
            block = work.gram(program, left, right, extra=extra)
            for key in ("nngp", "ntk"):
                report.same_bits(block[key], first[key][:29, 29:], f"{name}, {precision}, {key}, gram X Z, {what}")
        columns = np.array([40, 31, 74, 30, 31])
        block = work.gram(program, left[[5, 2, 28]], x[columns])
        for key in ("nngp", "ntk"):
            report.same_bits(block[key], first[key][np.ix_([5, 2, 28], columns)],
                             f"{name}, {precision}, {key}, scattered rows and columns of gram X Z")
        only = work.gram(program, x, extra=["--kernel", "nngp"])
        report.same_bits(only["nngp"], first["nngp"], f"{name}, {precision}, the NNGP alone")
    except (lib.CompileError, lib.RunError) as error:
        report.check(False, f"{name}, {precision}: {error}")


def hash_text(text):
    """A number from a name, the same in every run."""
    return sum((i + 1) * ord(c) for i, c in enumerate(text))


def main():
    options = lib.arguments(__doc__).parse_args()
    report = lib.Report("check_reproducible")
    with lib.Work(options.build, options.keep) as work:
        lib.parallel(lambda job: check(work, report, *job), [(n, p) for n in NETS for p in ("f64", "f32")])
    report.exit()


if __name__ == "__main__":
    main()
