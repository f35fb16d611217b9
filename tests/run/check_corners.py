#!/usr/bin/python3
"""Small nets at the corners of what the language allows, against the reference evaluator, with all optimizations on and each one
off: windows longer than a circular axis, axes of one position, a lift that reads a sum, nonlinearities right behind sums over
positions. Random nets reach these seldom; each was wrong once, or is next to one that was."""
import numpy as np

import entk_testlib as lib

NETS = {
    # A circular window longer than its axis reads positions several times.
    "wrap1": ((1,), "signal(1) -> avgpool(2, stride = 1, padding = circular) -> pool"),
    "wrap2": ((2,), "signal(2) -> avgpool(5, stride = 1, padding = circular) -> conv(1, bias_std = 0.2) -> relu -> pool"),
    "wrap3": ((1, 2), "image(1x2) -> avgpool(2x2, stride = 1x1, padding = circular) -> pool"),
    "wrap4": ((1, 2, 1), "volume(1x2x1) -> sumpool(2x3x2, stride = 1x1x1, padding = circular) -> pool"),
    "wrap5": ((3, 4, 1), "image(3x4) -> conv(3x3, padding = valid) -> relu -> avgpool(2x2, stride = 1x1, padding = circular)"
                         " -> conv(2x2, bias_std = 0.1) -> relu -> pool"),
    "wrap6": ((1, 1, 2), "image(1x1, channels = 2) -> lift(C4, 3x3, padding = circular) -> relu -> avgpool(2x2, stride = 1x1, padding = circular)"
                         " -> dense -> relu -> pool"),
    "wrap8": ((2,), "signal(2) -> lift(D1, 2, stride = 2, padding = circular) -> erf -> conv(2, padding = circular) -> erf -> pool"),
    "wrap7": ((1, 3), "image(1x3) -> conv(4x4, padding = circular, bias_std = 0.2) -> relu -> sum_pool -> dense -> abs"),
    # A group that reads a plain level which is a sum.
    "joined1": ((5, 5), "image(5x5) -> (conv(3x3) -> relu -> dense + conv(1x1)) -> lift(C4, 3x3) -> relu -> pool"),
    "joined2": ((8, 2), "signal(8, channels = 2) -> conv(2, stride = 2, padding = circular) -> relu -> avgpool(2, padding = circular)"
                        " -> (conv(2) -> relu -> conv(3, padding = circular, bias_std = 0.1) + identity) -> lift(D1, 2) -> pool -> dense -> erf"),
    "joined3": ((5, 5), 'image(5x5) -> (conv(3x3) + conv(1x1)) -> lift(C4, 3x3, mask = "xx. .x. ...") -> relu -> pool'),
    # A body in which a bounded layer stands below a circular one reads its hole on a torus, from the third turn on visibly.
    "turns1": ((5,), "signal(5) -> (conv(2) -> conv(3, padding = circular))^3 -> pool"),
    "turns2": ((3, 6), "image(3x6) -> (conv(2x2) -> erf -> conv(4x4, padding = circular, dilation = 2x2) -> relu)^3"
                       " -> lift(D1, 3x3, padding = circular) -> pool -> dense"),
    "turns3": ((5,), "signal(5) -> ((conv(2) -> relu)^2 -> conv(2, padding = circular, bias_std = 0.2))^4 -> pool"),
    "turns4": ((4, 4), "image(4x4) -> lift(D4, 3x3) -> (conv(3x3) -> relu -> conv(3x3, padding = circular))^3 -> pool"),
    # K(x, x) of a pair must have the bits of the variance, whatever the order of the sums: abs punishes the last bit.
    # Sums of 27 terms: in another order they differ enough for the diagonal to miss its |cos| = 1.
    "order1": ((3, 3, 1), "volume(3x3x1) -> conv(3x3x3, padding = circular) -> relu -> pool"),
    "order2": ((4, 3, 2), "volume(4x3x2) -> conv(3x3x3, padding = circular) -> relu -> pool"),
    "order3": ((3, 3, 3), "volume(3x3x3) -> (conv(3x3x3, padding = circular))^2 -> relu -> pool"),
    # Windows that variances gather need the factors of what lies below them first.
    "gather": ((4, 3, 3), "image(4x3, channels = 3) -> conv(3x2, padding = circular) -> erf"
                          " -> (conv(3x2, padding = valid) + avgpool(2x2, stride = 2x1) -> conv(2x2)) -> erf -> pool"),
    "exact1": ((4, 4, 4, 2), "volume(4x4x4, channels = 2) -> sum_pool -> dense(bias_std = 0.23) -> abs"),
    "exact2": ((6, 6, 2), "image(6x6, channels = 2) -> conv(3x3) -> relu -> avgpool(2x2) -> conv(2x2, bias_std = 0.1) -> abs -> sum_pool"
                          " -> dense -> abs -> dense -> abs"),
    "exact3": ((5, 5, 1), "image(5x5) -> lift(C4, 3x3) -> relu -> avgpool(2x2, padding = valid) -> conv(2x2) -> relu -> sum_pool -> dense -> abs"),
}


def source():
    return "".join(f"net {name} = {body}\n" for name, (_, body) in NETS.items())


def grams(work, program):
    rng = np.random.default_rng(12)
    return {name: work.gram(program, rng.standard_normal((12, *shape)), net=name) for name, (shape, _) in NETS.items()}


def check(work, report, reference, what, options):
    try:
        got = grams(work, work.compile(source(), **options))
    except (lib.CompileError, lib.RunError) as error:
        report.check(False, f"{what}: {error}")
        return
    tolerances = lib.TOLERANCE[options.get("precision", "f64")]
    for name in NETS:
        for kernel, tolerance in zip(("nngp", "ntk"), tolerances):
            report.close(got[name][kernel], reference[name][kernel], tolerance, f"{name}, {what}, {kernel}")


def main():
    options = lib.arguments(__doc__).parse_args()
    report = lib.Report("check_corners")
    with lib.Work(options.build, options.keep) as work:
        reference = grams(work, work.compile(source(), backend="reference"))
        jobs = [("f64", {}), ("f32", {"precision": "f32"})]
        jobs += [(f"--disable={name}", {"disable": [name]}) for name in work.optimizations() if name != "trunks"]
        lib.parallel(lambda job: check(work, report, reference, *job), jobs)
    report.exit()


if __name__ == "__main__":
    main()
