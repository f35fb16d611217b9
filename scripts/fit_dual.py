#!/usr/bin/env python3
"""Fit the polynomials of compiler/emit/duals/ and write them as compiler/emit/duals/coefficients.h.

    scripts/fit_dual.py > compiler/emit/duals/coefficients.h        (needs mpmath and numpy; half a minute)

Both duals need one function, the angle over its sine as a function of its cosine,

    R(y) = acos(y) / sqrt(1 - y^2)     on [1/sqrt 2, 1],

whose nearest singularity is y = -1: every further coefficient wins a factor of about 25 (as a function of the square of
the sine, the usual choice, it would be 5.8). duals/angle.h says how an arbitrary angle gets there.

  ABRelu  B(v) = R(v / sqrt 2) / sqrt 2 on [1, sqrt 2]; it is multiplied by t = sqrt(2 - v^2), so the error of t B counts.
          Pinned: B(1) is the constant pi/4 that it is added to, to the last bit; then correlation 0 gives asin exactly 0 and
          correlation 1 exactly 2 (pi/4).
  Erf     R(1 - u) itself, relative error, with constant term 1, so that asin(z) -> z for small z: in powers of u all
          coefficients are positive, and nothing is lost to rounding.

Remez exchange in 40 digits. Coefficients are rounded one after another from the highest down, and the lower ones fitted
again after each rounding; the two lowest then move by a few units in the last place until the pin holds. At v = 1 every product of Horner's scheme, in one
chain or two, is exact, so the pin holds with and without fused multiply-add.
"""
import sys

import mpmath as mp
import numpy as np

mp.mp.dps = 40


def remez(f, weight, lo, hi, n, iterations=20, grid=800):
    """The n coefficients that minimise max |weight (f - p)| on [lo, hi], and that maximum."""
    middle, half = (lo + hi) / 2, (hi - lo) / 2
    points = [middle - half * mp.cos(mp.pi * (2 * i + 1) / (2 * (n + 1))) for i in range(n + 1)]
    xs = [middle - half * mp.cos(mp.pi * i / grid) for i in range(grid + 1)]
    values, weights = [f(x) for x in xs], [weight(x) for x in xs]
    for _ in range(iterations):
        a, b = mp.matrix(n + 1, n + 1), mp.matrix(n + 1, 1)
        for i, x in enumerate(points):
            for j in range(n):
                a[i, j] = x**j
            a[i, n] = (-1) ** i / weight(x)
            b[i] = f(x)
        solution = mp.lu_solve(a, b)
        coefficients = [solution[j] for j in range(n)]
        errors = [w * (v - mp.polyval(coefficients[::-1], x)) for x, v, w in zip(xs, values, weights)]
        extrema = []
        for i, e in enumerate(errors):
            if extrema and (e > 0) == (errors[extrema[-1]] > 0):
                if abs(e) > abs(errors[extrema[-1]]):
                    extrema[-1] = i
            else:
                extrema.append(i)
        worst = max(abs(e) for e in errors)
        if len(extrema) < n + 1 or worst < abs(solution[n]) * mp.mpf("1.005"):
            break
        while len(extrema) > n + 1:
            extrema.pop(0 if abs(errors[extrema[0]]) < abs(errors[extrema[-1]]) else -1)
        points = [xs[i] for i in extrema]
    return coefficients, worst


def rounded(x, dtype):
    return dtype(mp.nstr(x, 30)) if dtype is np.float64 else dtype(float(x))


def evaluate(coefficients, chains, dtype):
    """The polynomial at 1 as duals/polynomial_of.c adds it up."""
    sums = []
    for chain in range(chains):
        total = dtype(0)
        for c in coefficients[chain::chains][::-1]:
            total = dtype(total + c)
        sums.append(total)
    return sums[0] if chains == 1 else dtype(sums[1] + sums[0])


def neighbours(x, count, dtype):
    below, above = [x], [x]
    for _ in range(count):
        below.append(np.nextafter(below[-1], dtype(-np.inf)))
        above.append(np.nextafter(above[-1], dtype(np.inf)))
    return below[::-1] + above[1:]


def fit(f, weight, lo, hi, n, chains, pin, dtype):
    fixed = {}
    for k in range(n - 1, 0, -1):
        rest = lambda x: f(x) - sum((mp.mpf(float(c)) * x**j for j, c in fixed.items()), mp.mpf(0))
        fixed[k] = rounded(remez(rest, weight, lo, hi, k + 1)[0][k], dtype)
    # The constant term's spacing may be coarser than the pin's: the two lowest coefficients move together.
    pin = rounded(pin, dtype)
    high = [fixed[k] for k in range(2, n)]
    good = []
    for linear in neighbours(fixed[1], 12, dtype):
        for constant in neighbours(dtype(pin - sum(high, linear)), 3, dtype):
            if evaluate([constant, linear] + high, chains, dtype) == pin:
                good.append([constant, linear])
    grid = [lo + (hi - lo) * i / 400 for i in range(401)]

    def worst(low):
        terms = [mp.mpf(float(t)) for t in low + high]
        return max(abs(weight(x) * (f(x) - mp.polyval(terms[::-1], x))) for x in grid)

    best = min(good, key=worst)
    return best + high, worst(best)


def fit_from_one(f, slope, lo, hi, n, dtype):
    """Relative fit of f with f(0) = 1, f'(0) = slope: n coefficients, the first of them 1."""
    rest = lambda x: (f(x) - 1) / x if x > mp.mpf(10) ** -20 else slope
    fixed = {}
    for k in range(n - 2, -1, -1):
        left = lambda x: rest(x) - sum((mp.mpf(float(c)) * x**j for j, c in fixed.items()), mp.mpf(0))
        fixed[k] = rounded(remez(left, lambda x: (x + mp.mpf(10) ** -4) / f(x), lo, hi, k + 1)[0][k], dtype)
    coefficients = [dtype(1)] + [fixed[k] for k in range(n - 1)]
    terms = [mp.mpf(float(c)) for c in coefficients]
    grid = [lo + (hi - lo) * i / 400 for i in range(401)]
    return coefficients, max(abs(1 - mp.polyval(terms[::-1], x) / f(x)) for x in grid)


def show(name, comment, coefficients, error, dtype):
    print(f"/* {comment}: error {mp.nstr(error, 2)} */")
    print(f"static const double {name}[] = {{")
    for c in coefficients:
        print(f"\t{float(c).hex()},")
    print("};")


def angle_over_sine(y):
    return mp.mpf(1) if 1 - y < mp.mpf(10) ** -30 else mp.acos(y) / mp.sqrt(1 - y * y)


def main():
    root2 = mp.sqrt(2)
    half_turned = lambda v: angle_over_sine(v / root2) / root2
    product = lambda v: mp.sqrt(abs(2 - v * v)) + mp.mpf(10) ** -3
    from_one = lambda u: angle_over_sine(1 - u)
    print("/* Written by scripts/fit_dual.py; the script says what is fitted. Lowest power first; the numbers of the float")
    print(" * tables are floats. */")
    print("/* clang-format off */")
    print("#ifndef ENTK_CG_DUAL_COEF_H\n#define ENTK_CG_DUAL_COEF_H\n")
    for n, chains, dtype, name in ((5, 1, np.float32, "f32"), (11, 2, np.float64, "f64")):
        c, e = fit(half_turned, product, mp.mpf(1), root2, n, chains, mp.pi / 4, dtype)
        show(f"coef_abrelu_{name}", f"t B(v) on [1, sqrt 2], {name}", c, e, dtype)
        print()
    for n, dtype, name in ((5, np.float32, "f32"), (11, np.float64, "f64")):
        c, e = fit_from_one(from_one, mp.mpf(1) / 3, mp.mpf(0), 1 - 1 / root2, n, dtype)
        show(f"coef_erf_{name}", f"R(1 - u) on [0, 1 - 1/sqrt 2], {name}, relative", c, e, dtype)
        print()
    print("#endif")


if __name__ == "__main__":
    sys.exit(main())
