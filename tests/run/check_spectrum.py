#!/usr/bin/python3
"""`spectrum`: golden values on the circle and the sphere, eigenvalues and alignments by NumPy, descent that does what is predicted,
figures and errors."""
import json
import os

import numpy as np

import entk_testlib as lib

# Printed with ten digits.
GOLDEN_TOLERANCE = 1e-9
LEARNING_TOLERANCE = 1e-5
NUMPY_TOLERANCE = 1e-8

# k1 + t k0 of angles: weights of variance 2 d on (1/d) x x', and no bias.
CIRCLE = "net circle = vector(2) -> dense(weight_std = 2) -> relu -> dense\n"
SPHERE = ("let d = 3\nnet shallow = vector(d) -> dense(weight_std = sqrt(2 * d)) -> relu -> dense\n"
          "net deep = vector(d) -> dense(weight_std = sqrt(2 * d)) -> (relu -> dense(weight_std = sqrt(2)))^2 -> relu -> dense\n")
IMAGES = """net first = image(5x5) -> conv(3x3, bias_std = 0.2) -> relu -> pool -> dense
net second = image(5x5) -> conv(5x5, bias_std = 0.2) -> relu -> flatten -> dense
"""


def save(work, **arrays):
    path = work.fresh(".npz")
    np.savez(path, **arrays)
    return path


def spectrum(work, program, *options):
    command = [program, "spectrum", "--json", "-", *options]
    result = work.run_program(command)
    if result.returncode != 0:
        raise lib.RunError(result, command)
    return {r["net"]: r for r in json.loads(result.stdout)}


# ---------------------------------------------------------------------------------------------------------------- golden

def check_circle(work, report):
    """Four points on the circle."""
    program = work.compile(CIRCLE)
    angles = np.array([0, 0.5, 2, 4])
    x, y = np.stack([np.cos(angles), np.sin(angles)], 1), np.array([1, -1, 0.5, 2])
    data = save(work, x_train=x, y_train=y)
    got = spectrum(work, program, data, "--raw", "--ridge=0", "--learning-rate=0.4")["circle"]
    # A learning rate of 0.4 on the mean over 4 targets is one of 0.1 on half their sum.
    want = {"eigenvalues": [3.6860253461, 2.0129365230, 1.9789090257, 0.3221291052], "condition": 11.4426957601,
            "alignment": 0.3010149730, "centred_alignment": 0.4892460531, "complexity": 8.9182591496,
            "complexity_bound": 2.1116651190, "powers": [0.0148364952, 1.2596901475, 2.7537920858, 2.2216812715],
            "step_limit": 0.5425898664, "max_learning_rate": 4 * 0.5425898664}
    for key, value in want.items():
        report.close(got[key], value, GOLDEN_TOLERANCE, f"circle: {key}")
    report.close(4 * got["predicted_mse"][got["steps"].index(10)], 1.2017203689, GOLDEN_TOLERANCE, "circle: loss after 10 steps")
    got = spectrum(work, program, data, "--raw", "--ridge=abs:0.1")["circle"]
    report.close(got["effective_dimension"], 3.6412630745, GOLDEN_TOLERANCE, "circle: effective dimension")


def check_sphere(work, report):
    for d, want, many in (
            (2, [6 / np.pi ** 2, 1 / 2, 0.1576107301, 0, 0.0171120221, 0, 0.0064514713], [1, 2, 2, 2, 2, 2, 2]),
            (3, [1 / 2, 1 / 3, 5 / 64, 0, 1 / 192, 0, 23 / 16384, 0, 19 / 32768], [1, 3, 5, 7, 9, 11, 13, 15, 17]),
            (10, [0.3680626657, 0.1, 0.0085724588, 0, 9.6540383e-05, 0, 6.2178552e-06], [1, 10, 54, 210, 660])):
        program = work.compile(SPHERE, sets=[f"d={d}"])
        got = spectrum(work, program, "--sphere", f"--degrees={len(want) - 1}", "--net=shallow")["shallow"]
        report.close(got["eigenvalues"], want, GOLDEN_TOLERANCE, f"sphere in {d} dimensions")
        report.check(got["multiplicities"][:len(many)] == many, f"sphere in {d} dimensions: multiplicities")
        # Without the constant: small numbers to their own last printed digit.
        for k, value in enumerate(want):
            report.check(abs(got["eigenvalues"][k] - value) < 1e-10, f"sphere in {d} dimensions, degree {k}: {got['eigenvalues'][k]}")
    program = work.compile(SPHERE)
    got = spectrum(work, program, "--sphere", "--target=4", "--ridge=abs:0.05", "--sizes=20,80,320")
    curve = got["shallow"]["learning_curve"]
    for key, want in (("error", [0.850330, 0.069192, 0.002996]), ("kappa", [0.241786, 0.123675, 0.088249]),
                      ("gamma", [0.425564, 0.242868, 0.156044])):
        report.check(np.allclose([p[key] for p in curve], want, rtol=0, atol=1e-6), f"learning curve: {key} {[p[key] for p in curve]}")
    # Traces: all degrees together are the kernel of a vector with itself, 2 and 3 + 1.
    all_of_it = spectrum(work, program, "--sphere", "--degrees=400")
    for name, trace in (("shallow", 2), ("deep", 4)):
        n = all_of_it[name]
        report.close(n["trace"], trace, 1e-12, f"sphere: {name} of a vector with itself")
        total = np.dot(n["eigenvalues"], n["multiplicities"])
        report.check(0.99 * trace < total <= trace * (1 + 1e-12), f"sphere: eigenvalues of {name} add up to {total}")


# ----------------------------------------------------------------------------------------------------------------- numpy

def samples(seed, n):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 5, 5)), rng.permutation(np.arange(n) % 3)


def check_numpy(work, report, program):
    x, y = samples(1, 30)
    for kernel in ("ntk", "nngp"):
        got = spectrum(work, program, save(work, x_train=x, y_train=y), f"--kernel={kernel}", "--ridge=1e-2")
        report.check(list(got) == ["first", "second"], "spectrum of all nets")
        for name, r in got.items():
            k = work.gram(program, x, net=name)[kernel]
            t = np.eye(3)[y] - 1 / 3
            values, vectors = np.linalg.eigh(k)
            powers = ((vectors.T @ t) ** 2).sum(1)
            h = np.eye(30) - 1 / 30
            align = lambda a, b: np.sum(a * b) / np.linalg.norm(a) / np.linalg.norm(b)
            shift = 1e-2 * np.mean(np.diag(k))
            report.close(r["eigenvalues"], values[::-1], NUMPY_TOLERANCE, f"{name}, {kernel}: eigenvalues")
            report.close(r["powers"], powers[::-1], 1e-6, f"{name}, {kernel}: powers")
            report.close(r["alignment"], align(k, t @ t.T), NUMPY_TOLERANCE, f"{name}, {kernel}: alignment")
            report.close(r["centred_alignment"], align(h @ k @ h, h @ t @ t.T @ h), NUMPY_TOLERANCE, f"{name}, {kernel}: centred")
            report.close(r["effective_dimension"], np.sum(values / (values + shift)), NUMPY_TOLERANCE, f"{name}, {kernel}: dimension")
            report.close(r["complexity"], np.sum(t * np.linalg.solve(k + shift * np.eye(30), t)), NUMPY_TOLERANCE,
                         f"{name}, {kernel}: complexity")
            # The descent that is predicted, step by step.
            f, losses = np.zeros_like(t), {}
            for step in range(101):
                losses[step] = np.mean((f - t) ** 2)
                f -= r["learning_rate"] / t.size * k @ (f - t)
            for step, loss in zip(r["steps"], r["predicted_mse"]):
                if step <= 100:
                    report.close(loss, losses[step], NUMPY_TOLERANCE, f"{name}, {kernel}: loss after {step:g} steps")
    # The figures of fit, from the same samples; real targets are standardized without --raw.
    real = save(work, x_train=x, y_train=10 + 3 * x.sum((1, 2)))
    r = spectrum(work, program, real)["first"]
    report.close(np.sum(r["powers"]), 30, 1e-9, "standardized targets have power n")
    text = work.run_program([program, "spectrum", real, "--train=20"]).stdout
    for word in ("net second: 20 samples", "effective dimension", "alignment", "targets explained", "predicted loss", "step size limit"):
        report.check(word in text, f"the text lacks {word!r}")


def check_constant(work, report, program):
    """Targets that do not vary, and a single sample: numbers that do not exist are left out, nothing fails."""
    x, _ = samples(4, 12)
    for n in (12, 1):
        data = save(work, x_train=x[:n], y_train=np.full(n, 3.0), x_test=x, y_test=np.full(12, 3.0))
        for command in (["spectrum", data], ["spectrum", data, "--raw"], ["spectrum", data, "--ridge=evidence"], ["eval", data, "--ridge=evidence"],
                        ["compare", data, "--ridge=loo", "--seeds=2", "--sizes=1"]):
            result = work.run_program([program, *command])
            report.check(result.returncode == 0 and not result.stderr and "nan" not in result.stdout,
                         f"{n} constant targets, {command[0]}: status {result.returncode}, {result.stderr!r}")


def check_figure(work, report, program):
    x, y = samples(2, 25)
    prefix = work.path("spectrum")
    result = work.run_program([program, "spectrum", save(work, x_train=x, y_train=y), "--figure", prefix])
    report.check(result.returncode == 0 and not result.stderr, f"--figure: status {result.returncode}, {result.stderr!r}")
    svg, png = open(prefix + ".svg").read(), open(prefix + ".png", "rb").read()
    report.check(all(word in svg for word in ("Eigenvalues", "eigenvectors", "Predicted training loss", "second", "steps")), "the SVG file")
    report.check(png.startswith(b"\x89PNG") and len(png) > 10000, "the PNG file")
    report.check(open(prefix + ".pdf", "rb").read(5) == b"%PDF-", "the PDF file")
    report.check("spectrum of the ntk, 25 training samples</title>" in svg and "place of the eigenvalue" in svg, "the SVG file's title and axes")
    sphere, prefix = work.compile(SPHERE), work.path("sphere")
    result = work.run_program([sphere, "spectrum", "--sphere", "--target=2", "--figure", prefix])
    report.check(result.returncode == 0 and not result.stderr and os.path.getsize(prefix + ".png") > 10000, f"--sphere --figure: {result.stderr!r}")


def check_errors(work, report, program):
    x, y = samples(3, 12)
    data, vectors = save(work, x_train=x, y_train=y), work.compile(SPHERE)
    for command, message, status in (
            ([program, "spectrum"], "no data set", 1), ([program, "spectrum", data, data], "too many", 1),
            ([program, "spectrum", data, "--sphere"], "needs no data", 1), ([program, "spectrum", "--sphere"], "nets on vectors", 1),
            ([program, "spectrum", data, "--degrees=3"], "go with --sphere", 1), ([program, "spectrum", data, "--train=0"], "--train", 1),
            ([program, "spectrum", data, "--ridge=val"], "no validation part", 1), ([program, "spectrum", data, "--time=3"], "no such option", 1),
            ([vectors, "spectrum", "--sphere", "--ridge=loo"], "no samples to choose on", 1),
            ([vectors, "spectrum", "--sphere", "--sizes=20,10", "--target=1"], "ascending", 1),
            ([vectors, "spectrum", "--sphere", "--sizes=10,20"], "--target=K", 1),
            ([program, "spectrum", data, "--json=/nonexistent/a"], "/nonexistent", 3),
            ([program, "spectrum", data, "--figure=/nonexistent/a"], "/nonexistent", 3)):
        result = work.run_program(command)
        report.check(result.returncode == status and message in result.stderr and result.stderr.count("\n") == 1 and not result.stdout,
                     f"{' '.join(command[1:])}: status {result.returncode}, {result.stderr!r}")
    black = save(work, x_train=0 * x, y_train=y)
    result = work.run_program([work.compile("net n = image(5x5) -> conv(3x3) -> relu -> pool -> dense\n"), "spectrum", black])
    report.check(result.returncode == 2 and "positive definite" in result.stderr, f"black images: {result.returncode}, {result.stderr!r}")


def main():
    options = lib.arguments(__doc__).parse_args()
    report = lib.Report("check_spectrum")
    with lib.Work(options.build, options.keep) as work:
        parts = [lambda: check_circle(work, report), lambda: check_sphere(work, report)]
        program = work.compile(IMAGES)
        parts += [lambda check=check: check(work, report, program) for check in (check_numpy, check_constant, check_figure, check_errors)]
        for part in parts:
            try:
                part()
            except (lib.CompileError, lib.RunError) as error:
                report.check(False, str(error))
    report.exit()


if __name__ == "__main__":
    main()
