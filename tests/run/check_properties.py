#!/usr/bin/python3
"""What must hold for the kernels of any net, in both precisions: symmetry, positive semidefiniteness, invariance under
the group, the augmentation identity, and the limits at equal, opposite, black, constant and partly black samples."""
import numpy as np

import entk_groups
import entk_testlib as lib

INVARIANT = {
    # name: (dimension, group, net). All pass the criterion of docs/math.md, KR-23.
    "c4": (2, "C4", "image(6x6, channels = 2) -> lift(C4, 3x3, weight_std = 1.3, bias_std = 0.2) -> relu"
                    " -> conv(3x3, padding = valid, weight_std = 1.2, bias_std = 0.1) -> relu -> pool -> dense -> relu -> dense"),
    "d4": (2, "D4", "image(5x5, channels = 2) -> lift(D4, 3x3, padding = circular, bias_std = 0.3) -> relu"
                    " -> conv(3x3) -> erf -> pool -> dense(bias_std = 0.1) -> abs -> dense"),
    "d4_stride": (2, "D4", "image(7x7, channels = 2) -> lift(D4, 3x3, stride = 2, padding = valid, bias_std = 0.3) -> relu"
                           " -> avgpool(2x2, stride = 1) -> conv(2x2, padding = valid) -> relu -> sum_pool -> dense"),
    "asymmetric": (2, "C4", 'image(5x5, channels = 2) -> lift(C4, 3x3, mask = ".xx x.. ...", bias_std = 0.2) -> relu'
                            ' -> conv(3x3, mask = ["xx. ... ...", "... .x. ...", "... ... ..x", "... x.. ..."]) -> relu -> pool -> dense'),
    "d1": (1, "D1", "signal(9, channels = 2) -> lift(D1, 4, padding = valid, bias_std = 0.2) -> leaky_relu -> conv(3)"
                    " -> relu -> pool -> dense"),
    "d2": (2, "D2", "image(6x5, channels = 2) -> lift(D2, 3x2, padding = valid, bias_std = 0.2) -> relu -> conv(2x2, padding = valid)"
                    " -> relu -> pool(over = positions) -> conv -> relu -> pool -> dense"),
    "diagonal": (2, "generated(swap(0, 1))", "image(6x6, channels = 2) -> lift(G, 2x2, bias_std = 0.2) -> relu -> conv(2x2)"
                                         " -> relu -> pool -> dense"),
    "o": (3, "O", "volume(3x3x3, channels = 2) -> lift(O, 2x2x2, padding = valid, bias_std = 0.2) -> relu -> pool -> dense"),
}

# The augmented plain net and the net with the group: equal kernels where the kernels of the last pooling are averaged
# by affine layers alone (docs/math.md, KR-19).
AUGMENTED = {
    "C4": (2, "image(6x6, channels = 2)", "3x3", "conv(3x3, weight_std = 1.2, bias_std = 0.1) -> relu"),
    "D4": (2, "image(5x5, channels = 2)", "3x3", "conv(2x2, padding = valid) -> erf"),
    "D1": (1, "signal(8, channels = 2)", "3", "conv(3, padding = circular, bias_std = 0.2) -> abrelu(-0.2, 1.1)"),
    "O": (3, "volume(3x3x3, channels = 2)", "2x2x2", "conv(2x2x2, padding = valid, bias_std = 0.2) -> relu"),
}

# Nets for the limits: with and without a bias, one channel, all kinds of structure.
LIMITS = {
    "vector_bias": "vector(5) -> dense(weight_std = 1.3, bias_std = 0.2) -> relu -> dense(bias_std = 0.1) -> erf -> dense",
    "vector_plain": "vector(5) -> dense(weight_std = 1.3) -> relu -> dense -> abs -> dense -> leaky_relu -> dense",
    "flat": "image(6x6) -> conv(3x3, weight_std = 1.4) -> relu -> conv(3x3) -> relu -> flatten -> dense -> relu -> dense",
    "pooled": "image(6x6) -> conv(3x3, weight_std = 1.4) -> relu -> conv(2x2) -> abrelu(-0.3, 1.2) -> pool -> dense",
    "torus": "image(6x6) -> conv(3x3, padding = circular) -> relu -> avgpool(2x2) -> conv(3x3) -> relu -> pool -> dense",
    "windows": "image(6x6) -> conv(1x1) -> relu -> avgpool(3x3, stride = 1) -> conv(3x3, stride = 2) -> relu -> flatten -> dense",
    "lifted": "image(6x6) -> lift(C4, 3x3, weight_std = 1.4) -> relu -> conv(3x3) -> relu -> pool -> dense -> relu -> dense",
    "general": 'image(6x6) -> lift(C4, 3x3, mask = "x.. .x. ...") -> relu -> conv(3x3, elements = [0, 1], mask = "xx. ... ...")'
               " -> relu -> pool -> dense",
    "relative": "image(6x6) -> lift(C4, 3x3, stride = 2, bias_std = 0.2) -> relu -> conv(3x3) -> erf -> pool -> dense",
    "residual": "image(6x6) -> conv(3x3, bias_std = 0.1) -> (relu -> conv(3x3) + identity)^3 -> relu -> pool -> dense",
    "deep": "image(6x6) -> conv(3x3, weight_std = sqrt(2)) -> (relu -> conv(3x3, weight_std = sqrt(2)))^30 -> pool -> dense",
}
HOMOGENEOUS = ("vector_plain", "flat", "pooled", "torus", "windows", "lifted", "general")


def text(nets, group=None):
    head = f"group G = {group}\n" if group else ""
    return head + "".join(f"net {n} = {body}\n" for n, body in nets.items())


def shape_of(body):
    """(positions.., channels) of the input a net's text starts with."""
    start = body[body.index("(") + 1:body.index(")")].replace(" ", "")
    sizes, *rest = start.split(",")
    grid = tuple(int(v) for v in sizes.split("x"))
    channels = int(rest[0].split("=")[1]) if rest else 1
    return grid if body.startswith("vector") else (*grid, channels)


def both(report, work, source, precision, run):
    try:
        run(work.compile(source, precision=precision))
    except (lib.CompileError, lib.RunError) as error:
        report.check(False, f"{precision}: {error}")


def check_gram(report, k, what, tolerance):
    """Symmetric bit for bit, finite, no eigenvalue further below zero (relative to the largest) than errors of
    `tolerance` in the entries may push it."""
    for key in k:
        report.check(np.all(np.isfinite(k[key])), f"{what}: {key} is not finite")
        report.same_bits(k[key], k[key].T, f"{what}: {key} and its transpose")
        if np.all(np.isfinite(k[key])):
            values = np.linalg.eigvalsh(k[key])
            kind = 1 if key.endswith("ntk") else 0
            limit = tolerance[kind] * len(k[key]) * max(values[-1], 0)
            report.check(values[0] >= -limit, f"{what}: {key} has the eigenvalue {values[0]:.3g}"
                                              f" (largest {values[-1]:.3g}; allowed {-limit:.3g})")


def check_invariance(work, report, precision):
    rng = np.random.default_rng(11)
    for name, (dim, group, body) in INVARIANT.items():
        matrices = entk_groups.group(group, dim).matrices
        custom = group if "(" in group else None
        shape = shape_of(body)
        x = rng.standard_normal((3, *shape))
        chosen = [(i, j) for i in range(len(matrices)) for j in range(len(matrices))]
        if len(chosen) > 10:
            chosen = [chosen[i] for i in rng.choice(len(chosen), 10, replace=False)]
        tolerance = lib.TOLERANCE[precision]

        def run(program):
            k = work.gram(program, x)
            check_gram(report, k, f"{name}, {precision}", tolerance)
            for i, j in chosen:
                gx = np.stack([lib.act(matrices[i], s) for s in x])
                hx = np.stack([lib.act(matrices[j], s) for s in x])
                if gx.shape != x.shape or hx.shape != x.shape:
                    continue                      # an axis swap of a non-square image is another input type
                moved = work.gram(program, gx, hx)
                for kind, key in enumerate(("nngp", "ntk")):
                    # x with a turned copy of itself is off the diagonal of equal bits: entries with i == j apart.
                    off = ~np.eye(len(x), dtype=bool)
                    what = f"{name}, {precision}: {key}(g x, h x') with g = {i}, h = {j}"
                    report.close(moved[key][off], k[key][off], tolerance[kind], what)
                    report.close(moved[key], k[key], lib.PARALLEL_TOLERANCE[precision][kind], what)
        both(report, work, text({name: body}, custom), precision, run)


def check_augmentation(work, report, precision):
    rng = np.random.default_rng(12)
    for group, (dim, start, filter_shape, middle) in AUGMENTED.items():
        first = f"{filter_shape}, padding = valid, weight_std = 1.3, bias_std = 0.2"
        tail = f"relu -> {middle} -> pool -> dense(weight_std = 1.1, bias_std = 0.1)"
        nets = {"turned": f"augment({group}, {start} -> conv({first}) -> {tail})",
                "equivariant": f"{start} -> lift({group}, {first}) -> {tail}",
                "plain": f"{start} -> conv({first}) -> {tail}"}
        x = rng.standard_normal((3, *shape_of(start)))

        def run(program):
            k = work.gram(program, x)
            for kind, key in enumerate(("nngp", "ntk")):
                a, b = k[f"turned.{key}"], k[f"equivariant.{key}"]
                off = ~np.eye(len(x), dtype=bool)
                tolerance = lib.TOLERANCE[precision][kind]
                report.close(a[off], b[off], tolerance, f"augment({group}), {precision}, {key}")
                report.close(a, b, lib.PARALLEL_TOLERANCE[precision][kind], f"augment({group}), {precision}, {key}, diagonal")
                # The test would be empty if averaging changed nothing.
                report.check(lib.reldiff(k[f"plain.{key}"], b) > 100 * tolerance,
                             f"augment({group}), {precision}, {key}: the plain net has the same kernel")
        both(report, work, text(nets), precision, run)
    # By hand: the mean over both samples' copies of the plain net's kernel, a net with a nonlinear head.
    body = "image(4x4, channels = 2) -> conv(2x2, bias_std = 0.2) -> relu -> pool -> dense(bias_std = 0.1) -> relu -> dense"
    matrices = entk_groups.group("D4", 2).matrices
    x = rng.standard_normal((2, 4, 4, 2))
    copies = np.concatenate([np.stack([lib.act(m, s) for m in matrices]) for s in x])

    def by_hand(program):
        turned = work.gram(program, x, net="turned")
        plain = work.gram(program, copies, copies.copy(), net="plain")
        for kind, key in enumerate(("nngp", "ntk")):
            n = len(matrices)
            want = plain[key].reshape(2, n, 2, n).mean(axis=(1, 3))
            report.close(turned[key][~np.eye(2, dtype=bool)], want[~np.eye(2, dtype=bool)],
                         lib.TOLERANCE[precision][kind], f"augment by hand, {precision}, {key}")
            report.close(turned[key], want, lib.PARALLEL_TOLERANCE[precision][kind], f"augment by hand, {precision}, {key}")
    both(report, work, text({"turned": f"augment(D4, {body})", "plain": body}), precision, by_hand)


def limit_samples(body, rng):
    """Random x, y; then -x, 2 x, a copy of x, black, constant, x with a black patch, one bright pixel, y faint and bright."""
    shape = shape_of(body)
    x, y = rng.standard_normal((2, *shape))
    patch, pixel = x.copy(), np.zeros(shape)
    patch.reshape(-1)[:patch.size // 2 + 1] = 0
    pixel.reshape(-1)[pixel.size // 2] = 1
    out = np.stack([x, y, -x, 2 * x, x, 0 * x, 0 * x + 0.7, patch, pixel, 1e-6 * y, 1e3 * y])
    out[5] = 0.0                                    # +0 everywhere
    return out


def check_limits(work, report, precision):
    rng = np.random.default_rng(13)
    nets = dict(LIMITS)
    source = text(nets)

    def run(program):
        for name, body in nets.items():
            x = limit_samples(body, rng)
            what = f"{name}, {precision}"
            k = work.gram(program, x, net=name)
            again = work.gram(program, x, x.copy(), net=name)
            check_gram(report, k, what, lib.PARALLEL_TOLERANCE[precision])
            for kind, key in enumerate(("nngp", "ntk")):
                a = k[key]
                tolerance = lib.TOLERANCE[precision][kind]
                parallel = lib.PARALLEL_TOLERANCE[precision][kind]
                report.check(np.all(np.isfinite(again[key])), f"{what}: {key} of X with X is not finite")
                scale = np.sqrt(np.outer(np.diag(a), np.diag(a)))
                scale[scale == 0] = 1
                # Entries of very different size: compare correlations.
                worst = np.max(np.abs(a - again[key]) / scale)
                report.check(worst <= parallel, f"{what}: {key} of X and of X with X differ by {worst:.3g}")
                report.check(np.all(np.abs(a / scale) <= 1 + parallel), f"{what}: {key} violates Cauchy-Schwarz")
                # A copy of x: the kernel's diagonal.
                d = np.abs(a[0, 4] - a[0, 0]) / a[0, 0]
                report.check(d <= parallel, f"{what}: {key}(x, copy of x) is off by {d:.3g}")
                report.close(a[4, [1, 5, 6, 7]], a[0, [1, 5, 6, 7]], tolerance, f"{what}: {key} row of the copy")
                if name in HOMOGENEOUS:
                    # Positively homogeneous: K(2x, y) = 2 K(x, y); a black sample has K = 0 exactly.
                    report.close(a[3, [1, 6, 7]], 2 * a[0, [1, 6, 7]], tolerance, f"{what}: {key}(2x, .)")
                    report.check(not a[5].any(), f"{what}: {key} of the black sample is {np.abs(a[5]).max():.3g}, not 0")
                    d = np.abs(a[9, 10] / (1e-3 * a[1, 1]) - 1)
                    report.check(d <= parallel, f"{what}: {key}(1e-6 y, 1e3 y) is off by {d:.3g}")
            # Variances that underflow as a product; those that underflow alone are refused, unless a bias makes up for them.
            scales = (1, 1e-14, 1e-13) if precision == "f32" else (1, 1e-130, 1e-80, 1e-30, 1e-15)
            try:
                work.gram(program, np.stack([s * x[1] for s in (1, 1e-160, 1e-80)]), net=name)
                refused = False
            except lib.RunError as error:
                refused = error.result.returncode == 2 and "lose their bits" in error.result.stderr
            # In float32 such samples are zeros from the beginning.
            report.check(refused == ("bias_std" not in nets[name]) or precision == "f32", f"{what}: samples of size 1e-160 refused: {refused}")
            tiny = np.stack([s * x[1] for s in scales])
            for key, a in work.gram(program, tiny, net=name).items():
                report.check(np.all(np.isfinite(a)), f"{what}: {key} of tiny samples is not finite")
    both(report, work, source, precision, run)


def check_exact_limits(work, report, precision):
    """Values by hand: one dense layer and ReLU at cos = 1, -1, 0 and q = 0; black images with a bias."""
    nets = {"relu1": "vector(2) -> dense -> relu -> dense", "abs1": "vector(2) -> dense -> abs -> dense",
            "biased": "image(4x4) -> conv(3x3, weight_std = 1.3, bias_std = 0.5, padding = valid) -> relu -> pool -> dense",
            "biased_group": "image(4x4) -> lift(C4, 3x3, weight_std = 1.3, bias_std = 0.5, padding = valid) -> relu -> pool -> dense"}

    def run(program):
        x = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [3.0, 0.0]])
        # K0 = x.x'/2; ReLU: T = (sqrt(ab) sin + (pi - theta) c) / (2 pi), slope (pi - theta) / (2 pi); a black sample
        # has angle pi/2 with everything.
        k0 = x @ x.T / 2
        a = np.sqrt(np.outer(np.diag(k0), np.diag(k0)))
        theta = np.arccos(np.divide(k0, a, out=np.zeros_like(k0), where=a > 0))
        t = (a * np.sin(theta) + (np.pi - theta) * k0) / (2 * np.pi)
        slope = (np.pi - theta) / (2 * np.pi)
        slope_abs = 1 - 2 * theta / np.pi
        t_abs = 2 * a * np.sin(theta) / np.pi + slope_abs * k0
        for name, want, s in (("relu1", t, slope), ("abs1", t_abs, slope_abs)):
            for other in (None, x.copy()):
                k = work.gram(program, x, other, net=name)
                report.close(k["nngp"], want, lib.TOLERANCE[precision][0], f"{name}, {precision}, nngp by hand")
                report.close(k["ntk"], want + k0 * s, lib.TOLERANCE[precision][1], f"{name}, {precision}, ntk by hand")
        black = np.zeros((2, 4, 4, 1))
        for name in ("biased", "biased_group"):
            k = work.gram(program, black, net=name)
            # All features equal one Gaussian of variance 0.25: K = 0.125, Theta = 0.125 + 0.25 / 2.
            report.close(k["nngp"], np.full((2, 2), 0.125), lib.TOLERANCE[precision][0], f"{name}, {precision}, black images")
            report.close(k["ntk"], np.full((2, 2), 0.25), lib.TOLERANCE[precision][1], f"{name}, {precision}, black images")
    both(report, work, text(nets), precision, run)


def check_large_gram(work, report, precision):
    """Symmetry and semidefiniteness over more than one tile and lane group."""
    body = "image(5x5, channels = 2) -> lift(C4, 3x3, bias_std = 0.2) -> relu -> conv(3x3) -> relu -> pool -> dense -> relu -> dense"
    x = np.random.default_rng(14).standard_normal((67, 5, 5, 2))

    def run(program):
        check_gram(report, work.gram(program, x), f"67 samples, {precision}", lib.TOLERANCE[precision])
    both(report, work, text({"n": body}), precision, run)


def main():
    options = lib.arguments(__doc__).parse_args()
    report = lib.Report("check_properties")
    with lib.Work(options.build, options.keep) as work:
        jobs = [lambda p=p, f=f: f(work, report, p) for p in ("f64", "f32")
                for f in (check_invariance, check_augmentation, check_limits, check_exact_limits, check_large_gram)]
        lib.parallel(lambda job: job(), jobs)
    report.exit()


if __name__ == "__main__":
    main()
