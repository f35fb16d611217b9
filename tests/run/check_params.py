#!/usr/bin/python3
"""A `param` set at run time, or by `entkc --set`, equals a program compiled with that constant."""
import numpy as np

import entk_testlib as lib

SOURCE = """{declaration}
{beta}
def block = conv(3x3, weight_std = {w}, bias_std = {b} / 2) -> relu
net plain = image(6x6, channels = 2) -> block -> block^3 -> pool -> dense(weight_std = {w})
net lifted = image(6x6, channels = 2) -> lift(C4, 3x3, weight_std = sqrt(2 * {w}), bias_std = {b}) -> erf(a = {w}, b = 1 / {w})
            -> conv(3x3) -> abrelu(-0.1 * {w}, max(1, {w})) -> pool -> dense -> relu -> dense(bias_std = where({w} - 1.5, {b}, 2 * {b}))
"""
VECTOR = """{declaration}
net vec = vector(7) -> dense(weight_std = {w}) -> leaky_relu(alpha = {w} / 10) -> dense(weight_std = {w}, bias_std = exp(-{w})) -> relu -> dense
"""
# The same expressions over the same numbers, folded by the compiler or evaluated by the program.
TOLERANCE = {"f64": 1e-15, "f32": 1e-7}


def with_param(w, b):
    return SOURCE.format(declaration=f"param w = {w}", beta=f"param beta = {b}", w="w", b="beta"), \
        VECTOR.format(declaration=f"param w = {w}", w="w")


def with_constant(w, b):
    return SOURCE.format(declaration="", beta="", w=w, b=b), VECTOR.format(declaration="", w=w)


def check(work, report, precision):
    rng = np.random.default_rng(5)
    images, vectors = rng.standard_normal((9, 6, 6, 2)), rng.standard_normal((9, 7))
    try:
        programs = [work.compile(s, precision=precision) for s in with_param(1.2, 0.3)]
        for w, b in ((1.2, 0.3), (1.6, 0.3), (1.6, 0.05)):
            settings = [f"w={w}", f"beta={b}"]
            constants = [work.compile(s, precision=precision) for s in with_constant(w, b)]
            compiled = [work.compile(s, precision=precision, sets=settings[:n])
                        for s, n in zip(with_param(1.2, 0.3), (2, 1))]
            for program, constant, fixed, x, n in zip(programs, constants, compiled, (images, vectors), (2, 1)):
                want = work.gram(constant, x)
                got = work.gram(program, x, sets=settings[:n])
                by_compiler = work.gram(fixed, x)
                # A later run without --set has the value in the file (or of entkc --set) again.
                for key in want:
                    report.close(got[key], want[key], TOLERANCE[precision], f"{precision}, --set {settings[:n]}, {key}")
                    report.close(by_compiler[key], want[key], TOLERANCE[precision],
                                 f"{precision}, entkc --set {settings[:n]}, {key}")
        plain = work.gram(programs[0], images)
        changed = work.gram(programs[0], images, sets=["w=1.6"])
        for key in plain:
            report.check(lib.reldiff(changed[key], plain[key]) > 1e-3, f"{precision}: --set w=1.6 does not change {key}")
    except (lib.CompileError, lib.RunError) as error:
        report.check(False, f"{precision}: {error}")


def check_errors(work, report):
    """Settings that cannot be: a clear message and the exit status of a usage error, no output file."""
    program = work.compile(with_param(1.2, 0.3)[1])
    x = work.array(np.ones((2, 7)))
    for setting in ("nosuch=1", "w=", "w", "w=abc", "w=nan", "w=inf", "=1"):
        out = work.fresh(".npz")
        result = work.run_program([program, "gram", x, "-o", out, "--set", setting])
        report.check(result.returncode == 1 and result.stderr.strip() and not work.exists(out),
                     f"program --set {setting}: status {result.returncode}, {result.stderr.strip()!r}")
    source = work.write(with_param(1.2, 0.3)[1])
    for setting in ("nosuch=1", "w=", "w", "w=1 +", "w=1e999", "w=-1"):
        result = work.run_compiler([source, "-o", work.fresh(".prog"), f"--set={setting}"])
        report.check(result.returncode in (1, 2) and result.stderr.strip(),
                     f"entkc --set {setting}: status {result.returncode}, {result.stderr.strip()!r}")


def check_ranges(work, report):
    """What the layers do not allow is refused at run time as it is by entkc: by name, with the rule, in one line."""
    source = ("param w = 1\nparam keep = 0.5\nparam lo = 0\nparam hi = 1\nparam free = 2\n"
              "net n = vector(3) -> dense(weight_std = w) -> relu -> dropout(keep) -> dense(weight_std = hi - lo, bias_std = free * free)\n")
    file, x = work.write(source), np.random.default_rng(7).standard_normal((4, 3))
    data, path = work.fresh(".npz"), work.array(x)
    np.savez(data, x_train=x, y_train=np.arange(4.0), x_test=x, y_test=np.arange(4.0))
    for backend in ((), ("--backend=reference",)):
        program = work.compile(file, sets=["w=1.5"], extra=backend)
        for setting, good in (("w=-1", False), ("keep=0", False), ("keep=1.5", False), ("keep=1", True), ("w=0.5", True), ("lo=2", False),
                              ("lo=0.5", True), ("free=-3", True), ("w=1e-30", True), ("w=1e+10", True)):
            compiled = work.run_compiler([file, "-o", work.fresh(".prog"), "--set", setting])
            report.check((compiled.returncode == 0) == good, f"entkc --set {setting}: {compiled.stderr}")
            for command in (["gram", path, "-o", work.fresh(".npz")], ["info", "--no-time"], ["eval", data]):
                result = work.run_program([program, *command, "--set", setting])
                lines = result.stderr.splitlines()
                if good:
                    report.check(result.returncode in (0, 2), f"{command[0]} --set {setting}: {result.stderr}")
                else:
                    report.check(result.returncode == 1 and len(lines) == 1 and f"--set {setting}" in lines[0] and "E0" in lines[0],
                                 f"{command[0]} --set {setting}: status {result.returncode}, {result.stderr}")
        # Two that are wrong each for itself may be right together.
        result = work.run_program([program, "info", "--no-time", "--set", "lo=2", "--set", "hi=3"])
        report.check(result.returncode == 0, f"--set lo=2 --set hi=3: {result.stderr}")


def check_let(work, report):
    """entkc --set replaces a `let` too: one file serves several sizes."""
    source = "let size = 4x4\nlet depth = 2\nnet n = image(size) -> (conv(3x3) -> relu)^depth -> pool -> dense\n"
    x = np.random.default_rng(6).standard_normal((3, 6, 5, 1))
    want = work.gram(work.compile(source.replace("4x4", "6x5").replace("= 2", "= 4")), x)
    got = work.gram(work.compile(source, sets=["size=6x5", "depth=2 + 2"]), x)
    for key in want:
        report.same_bits(got[key], want[key], f"let set by entkc, {key}")


def main():
    options = lib.arguments(__doc__).parse_args()
    report = lib.Report("check_params")
    with lib.Work(options.build, options.keep) as work:
        for precision in ("f64", "f32"):
            check(work, report, precision)
        for part in (check_errors, check_ranges, check_let):
            try:
                part(work, report)
            except (lib.CompileError, lib.RunError) as error:
                report.check(False, f"{part.__name__}: {error}")
    report.exit()


if __name__ == "__main__":
    main()
