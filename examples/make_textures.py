#!/usr/bin/python3
"""Make labelled RGB patches whose classes are textures: a stand-in for fluorescence images of tissue.

    make_textures.py OUT.npz [--size 16] [--train 600] [--test 300] [--noise 0.15] [--seed 0]

As in histology a patch has no upright position: every patch turns and shifts its texture at random, so that a rotated
patch is as likely as the patch itself. A class is a local arrangement with a direction and a mirror line (no left or right hand):

    corners    L-shaped pieces
    tees       T-shaped pieces
    crescents  half-moons
    comets     cells with a tail
    vees       pieces like a V
    chevrons   waves that bend in a zigzag, with one sharp side

Within a patch all pieces point the same way: a network that does not know rotations has to see every class in every direction,
one that knows them does not. Neither colour nor brightness tells the classes apart: the drawn pattern of every patch is
ranked, so that all patches have the same distribution of densities, and density becomes colour through a stain that varies
from patch to patch. Noise is added last. The classes are equally frequent. Equal arguments give equal files.

Arrays: x_train, x_test (uint8, n x size x size x 3), y_train, y_test (uint8), classes (names).
"""
import argparse

import numpy as np

CLASSES = ("corners", "tees", "crescents", "comets", "vees", "chevrons")
SPACING = 4.8      # pixels between pieces
JITTER = 0.08      # how far a piece may stand from its place, in spacings
SCALE = 0.03       # relative variation of a patch's magnification
STAIN = 0.1        # relative variation of each colour's strength
LATTICE = 64       # the jitter repeats after so many pieces, more than a patch shows


def coordinates(rng, size):
    """Pixel coordinates in the patch's own frame, in pixels: turned, shifted and scaled at random."""
    angle = rng.uniform(0, 2 * np.pi)
    shift = rng.uniform(0, LATTICE, 2)
    scale = rng.uniform(1 - SCALE, 1 + SCALE)
    row, column = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    u = np.cos(angle) * column + np.sin(angle) * row
    v = np.cos(angle) * row - np.sin(angle) * column
    return u / scale + shift[0], v / scale + shift[1]


def pieces(rng, u, v):
    """Coordinates relative to the nine nearest points of a jittered lattice: two arrays (9, size, size)."""
    move = rng.uniform(-JITTER, JITTER, (LATTICE, LATTICE, 2)) * SPACING
    i, j = np.round(u / SPACING).astype(int), np.round(v / SPACING).astype(int)
    x, y = [], []
    for di in (-1, 0, 1):
        for dj in (-1, 0, 1):
            m = move[(i + di) % LATTICE, (j + dj) % LATTICE]
            x.append(u - (i + di) * SPACING - m[..., 0])
            y.append(v - (j + dj) * SPACING - m[..., 1])
    return np.array(x), np.array(y)


def line(x, y, start, end, width):
    """A soft line between two points."""
    (x0, y0), (x1, y1) = start, end
    t = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2)
    t = np.clip(t, 0, 1)
    return np.exp(-0.5 * ((x - x0 - t * (x1 - x0)) ** 2 + (y - y0 - t * (y1 - y0)) ** 2) / width ** 2)


def draw(rng, name, u, v):
    """Density of tissue, on any scale."""
    if name == "chevrons":
        bend = 3.2
        return ((u + np.abs((v / bend) % 2 - 1) * bend) / SPACING) % 1
    x, y = pieces(rng, u, v)
    if name == "corners":
        drawn = np.maximum(line(x, y, (-0.8, -0.8), (1.7, -0.8), 0.55), line(x, y, (-0.8, -0.8), (-0.8, 1.7), 0.55))
    elif name == "tees":
        drawn = np.maximum(line(x, y, (-1.7, -1), (1.7, -1), 0.55), line(x, y, (0, -1), (0, 1.7), 0.55))
    elif name == "crescents":
        drawn = np.exp(-0.5 * ((np.hypot(x, y) - 1.7) / 0.55) ** 2) * (0.5 + 0.5 * np.tanh(1.5 * x))
    elif name == "comets":
        drawn = np.exp(-0.5 * ((x + 1.2) ** 2 + y ** 2) / 0.8 ** 2) + 0.6 * line(x, y, (-1.2, 0), (2, 0), 0.44)
    else:
        drawn = np.maximum(line(x, y, (-1, 0), (1.6, 1.2), 0.55), line(x, y, (-1, 0), (1.6, -1.2), 0.55))
    return drawn.max(axis=0)


def patch(rng, name, size, noise):
    u, v = coordinates(rng, size)
    density = draw(rng, name, u, v) + 1e-3 * rng.standard_normal((size, size))  # ties are broken at random
    rank = density.ravel().argsort().argsort().reshape(size, size) / max(1, size * size - 1)
    stain = np.array([0.35, 0.5, 0.9]) * rng.uniform(1 - STAIN, 1 + STAIN, 3)
    rgb = np.array([0.02, 0.02, 0.05]) + np.multiply.outer(rank ** 3, stain)    # few bright pixels on a dark ground
    rgb = rgb + noise * rng.standard_normal(rgb.shape)
    return np.clip(np.round(255 * rgb), 0, 255).astype(np.uint8)


def textures(rng, count, size, noise):
    labels = rng.permutation(np.arange(count) % len(CLASSES)).astype(np.uint8)
    return np.stack([patch(rng, CLASSES[k], size, noise) for k in labels]), labels


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", help="the .npz file to write")
    parser.add_argument("--size", type=int, default=16, help="pixels along an edge (16)")
    parser.add_argument("--train", type=int, default=500, help="training patches (500)")
    parser.add_argument("--test", type=int, default=250, help="test patches (250)")
    parser.add_argument("--noise", type=float, default=0.15, help="standard deviation of the noise, 1 = full brightness (0.15)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random numbers (0)")
    options = parser.parse_args()
    if min(options.size, options.train, options.test) < 1 or options.size > 4096 or options.seed < 0 \
            or not 0 <= options.noise < 100:
        parser.error("size and counts are at least 1 (size at most 4096), noise and seed at least 0")
    rng = np.random.default_rng(options.seed)
    x_train, y_train = textures(rng, options.train, options.size, options.noise)
    x_test, y_test = textures(rng, options.test, options.size, options.noise)
    np.savez_compressed(options.out, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test, classes=np.array(CLASSES))


if __name__ == "__main__":
    main()
