#!/usr/bin/python3
"""Generated programs against finite networks: the mean of empirical kernels over random initialisations, extrapolated
from two widths, within the statistical error. Golden values and the reference evaluator share one reading of the
definitions; this has its own: the layers' formulas with weights in them, forward and backward. Fixed seed."""
import itertools
import math

import numpy as np

import entk_groups
import entk_testlib as lib

WIDTHS = (48, 96)
DRAWS = 300
# 12 numbers per net are compared with one fixed seed; |z| > 4 has probability 6e-5 per number.
Z_LIMIT = 4.0

erf = np.vectorize(math.erf)


def relu(alpha):
    return (lambda u: np.where(u > 0, u, alpha * u)), (lambda u: np.where(u > 0, 1.0, alpha))


ERF = (erf, lambda u: 2 / math.sqrt(math.pi) * np.exp(-u * u))


class Affine:
    """f_i(g) = w / sqrt(c |S|) sum_s sum_j W_ij(s) f_j(taps[s][g]) + b b_i; a tap of -1 reads zero."""

    def __init__(self, taps, w, b):
        self.taps, self.w, self.b = np.array(taps), w, b

    def draw(self, channels, width, rng):
        self.weights = rng.standard_normal((len(self.taps), channels, width))
        self.bias = rng.standard_normal(width)
        self.scale = self.w / math.sqrt(channels * len(self.taps))
        return width

    def forward(self, h):
        padded = np.vstack([h, np.zeros((1, h.shape[1]))])
        self.seen = padded[self.taps]                                   # (S, M, c)
        return self.scale * np.einsum("smc,scn->mn", self.seen, self.weights, optimize=True) + self.b * self.bias

    def backward(self, d, gradients):
        gradients.append(self.scale * np.einsum("smc,mn->scn", self.seen, d, optimize=True).ravel())
        gradients.append(self.b * d.sum(axis=0))
        out = np.zeros((self.inputs + 1, self.weights.shape[1]))
        for s, tap in enumerate(self.taps):
            np.add.at(out, tap, self.scale * d @ self.weights[s].T)
        return out[:-1]


class Pointwise:
    def __init__(self, pair):
        self.f, self.slope = pair

    def draw(self, channels, width, rng):
        return channels

    def forward(self, h):
        self.seen = h
        return self.f(h)

    def backward(self, d, gradients):
        return d * self.slope(self.seen)


class Linear:
    """A fixed matrix over positions."""

    def __init__(self, matrix):
        self.matrix = np.array(matrix)

    def draw(self, channels, width, rng):
        return channels

    def forward(self, h):
        return self.matrix @ h

    def backward(self, d, gradients):
        return self.matrix.T @ d


class Flatten:
    def __init__(self, positions):
        self.positions = positions

    def draw(self, channels, width, rng):
        return channels * self.positions

    def forward(self, h):
        return h.reshape(1, -1)

    def backward(self, d, gradients):
        return d.reshape(self.positions, -1)


class Residual:
    """f + layers(f)"""

    def __init__(self, layers):
        self.layers = layers

    def draw(self, channels, width, rng):
        for layer in self.layers:
            width = layer.draw(channels if layer is self.layers[0] else width, width, rng)
        return channels

    def forward(self, h):
        return h + run(self.layers, h)

    def backward(self, d, gradients):
        return d + back(self.layers, d, gradients)


def run(layers, h):
    for layer in layers:
        layer.inputs = len(h)
        h = layer.forward(h)
    return h


def back(layers, d, gradients):
    for layer in reversed(layers):
        d = layer.backward(d, gradients)
    return d


def empirical(layers, width, xs, rng):
    """(NNGP, NTK) of one random network; the readout, of one output, is last. Its weights are integrated out of the NNGP."""
    channels = xs[0].shape[-1]
    for layer in layers:
        channels = layer.draw(channels, 1 if layer is layers[-1] else width, rng)
    features, gradients = [], []
    for x in xs:
        h = run(layers[:-1], x.reshape(-1, x.shape[-1]))
        features.append(h[0])
        out = run(layers[-1:], h)
        parts = []
        back(layers, np.ones_like(out), parts)
        gradients.append(np.concatenate(parts))
    features, gradients = np.array(features), np.array(gradients)
    last = layers[-1]
    return last.w ** 2 * features @ features.T / features.shape[1] + last.b ** 2, gradients @ gradients.T


# ------------------------------------------------------------------------------------------------------------ nets

def c4_net():
    """lift(C4, 3x3, valid) on 4x4, conv(2x2, valid) on C4 over 2x2: positions (r, t), r slowest."""
    group = entk_groups.group("C4", 2)
    lift = [[] for _ in range(9)]
    for r in group.matrices:
        for t in itertools.product(range(2), repeat=2):
            for s, u in enumerate(itertools.product(range(3), repeat=2)):
                i, j = np.array(t) + 1 + r @ (np.array(u) - 1)          # window centre + turned offset
                lift[s].append(4 * i + j)
    conv = [[] for _ in range(16)]
    for r, matrix in enumerate(group.matrices):
        for s, (h, *u) in enumerate(itertools.product(range(4), range(2), range(2))):
            centred = matrix @ (2 * np.array(u) - 1)                    # doubled offset from the window's centre
            i, j = (1 + centred) // 2
            conv[s].append(4 * group.mul[r][h] + 2 * i + j)
    return [Affine(lift, 1.3, 0.2), Pointwise(relu(0)), Affine(conv, 1.2, 0.1), Pointwise(ERF),
            Linear(np.full((1, 4), 0.25)), Affine([[0]], 1.1, 0.0)]


def residual_net():
    """conv(3, same) on 6, a residual circular conv(3), avgpool(2), flatten."""
    same = [[t + u if 0 <= t + u < 6 else -1 for t in range(6)] for u in (-1, 0, 1)]
    wrap = [[(t + u) % 6 for t in range(6)] for u in (-1, 0, 1)]
    pool = np.kron(np.eye(3), [[0.5, 0.5]])
    return [Affine(same, 1.2, 0.2), Residual([Pointwise(relu(0)), Affine(wrap, 1.0, 0.0)]), Pointwise(relu(0.2)),
            Linear(pool), Flatten(3), Affine([[0]], 1.0, 0.3)]


NETS = {
    "c4": ("image(4x4, channels = 2) -> lift(C4, 3x3, padding = valid, weight_std = 1.3, bias_std = 0.2) -> relu"
           " -> conv(2x2, padding = valid, weight_std = 1.2, bias_std = 0.1) -> erf -> pool -> dense(weight_std = 1.1)",
           (4, 4, 2), c4_net),
    "residual": ("signal(6) -> conv(3, weight_std = 1.2, bias_std = 0.2) -> (relu -> conv(3, padding = circular) + identity)"
                 " -> leaky_relu(alpha = 0.2) -> avgpool(2) -> flatten -> dense(bias_std = 0.3)",
                 (6, 1), residual_net),
}


def check(work, report, name):
    text, shape, make = NETS[name]
    rng = np.random.default_rng(2)
    x = rng.standard_normal((3, *shape))
    kernels = work.gram(work.compile(f"net n = {text}\n"), x)
    layers = make()
    runs = {w: np.array([empirical(layers, w, x, rng) for _ in range(DRAWS)]) for w in WIDTHS}
    # Error c / width + O(width^-2): twice the wide mean minus the narrow one.
    narrow, wide = (runs[w].mean(axis=0) for w in WIDTHS)
    spread = [runs[w].std(axis=0, ddof=1) / np.sqrt(DRAWS) for w in WIDTHS]
    mean, error = 2 * wide - narrow, np.sqrt(4 * spread[1] ** 2 + spread[0] ** 2)
    for kind, key in enumerate(("nngp", "ntk")):
        z = np.abs(mean[kind] - kernels[key]) / error[kind]
        relative = np.max(error[kind]) / np.abs(kernels[key]).max()
        print(f"  {name}, {key}: largest |z| {z.max():.2f}, statistical error {100 * relative:.1f} %")
        report.check(z.max() < Z_LIMIT, f"{name}, {key}: |z| = {z.max():.2f}\n{mean[kind]}\n{kernels[key]}")
        # A test that could not see a wrong kernel is none.
        report.check(relative < 0.03, f"{name}, {key}: statistical error {relative:.3g} is too large to see anything")


def main():
    options = lib.arguments(__doc__).parse_args()
    report = lib.Report("check_finite")
    with lib.Work(options.build, options.keep) as work:
        for name in NETS:
            try:
                check(work, report, name)
            except (lib.CompileError, lib.RunError) as error:
                report.check(False, f"{name}: {error}")
    report.exit()


if __name__ == "__main__":
    main()
