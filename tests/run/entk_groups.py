"""Point groups of the line, the square and the cube as signed permutation matrices, numbered as entkc numbers them
(docs/math.md, groups). Written from the definitions, for tests: group actions on data, supports by element."""
import itertools

import numpy as np


def _all(dim):
    """D4 of the plane, Oh of the cube, D1 of the line: the groups whose order numbers every other one."""
    if dim == 1:
        return [np.array([[1]]), np.array([[-1]])]
    if dim == 2:
        a, f = np.array([[0, 1], [-1, 0]]), np.diag([1, -1])
        turns = [np.linalg.matrix_power(a, r) for r in range(4)]
        return turns + [m @ f for m in turns]
    signed = []
    for p in itertools.permutations(range(3)):
        for s in itertools.product((1, -1), repeat=3):
            m = np.zeros((3, 3), dtype=int)
            m[range(3), p] = s
            signed.append(m)
    proper = [m for m in signed if round(np.linalg.det(m)) == 1]
    return proper + [-m for m in proper]


def flip(dim, axis):
    m = np.eye(dim, dtype=int)
    m[axis, axis] = -1
    return m


def swap(dim, a, b):
    m = np.eye(dim, dtype=int)
    m[[a, b]] = m[[b, a]]
    return m


ROT90 = np.array([[0, 1], [-1, 0]])


def close(dim, generators):
    """The group generated, in the order of D4 or Oh."""
    key = lambda m: tuple(int(v) for v in m.reshape(-1))
    found = {key(np.eye(dim, dtype=int)): np.eye(dim, dtype=int)}
    work = list(found.values())
    while work:
        m = work.pop()
        for g in generators:
            p = m @ g
            if key(p) not in found:
                found[key(p)] = p
                work.append(p)
    return [m for m in _all(dim) if key(m) in found]


class Group:
    """`text`: the expression that makes it in a .entk file (a built-in's name, or generated(..))."""

    def __init__(self, text, dim, matrices):
        self.text, self.dim, self.matrices, self.order = text, dim, matrices, len(matrices)
        index = {m.tobytes(): i for i, m in enumerate(np.array(m) for m in matrices)}
        self.mul = [[index[(a @ b).tobytes()] for b in matrices] for a in matrices]
        self.exchanged = {(a, b) for m in matrices for a in range(dim) for b in range(dim) if a != b and m[a, b]}
        self.builtin = "(" not in text

    def __repr__(self):
        return self.text


def _table():
    out = []
    for dim in (1, 2, 3):
        out.append(Group("C1", dim, [np.eye(dim, dtype=int)]))
    out.append(Group("D1", 1, _all(1)))
    out.append(Group("generated(flip(0))", 1, close(1, [flip(1, 0)])))
    half = ROT90 @ ROT90
    for text, gens in [("C2", [half]), ("C4", [ROT90]), ("D1", [flip(2, 1)]), ("D2", [half, flip(2, 1)]),
                       ("D4", [ROT90, flip(2, 1)]),
                       ("generated(swap(0, 1))", [swap(2, 0, 1)]),
                       ("generated(swap(0, 1), rot90 * rot90)", [swap(2, 0, 1), half]),
                       ("generated(rot90 * rot90, flip_x)", [half, flip(2, 1)]),
                       ("generated(flip_y)", [flip(2, 0)]),
                       ("generated(rot90 * flip(1))", [ROT90 @ flip(2, 1)])]:
        out.append(Group(text, 2, close(2, gens)))
    inversion = flip(3, 0) @ flip(3, 1) @ flip(3, 2)
    cycle = swap(3, 0, 1) @ swap(3, 1, 2)
    for text, gens in [("O", [swap(3, 0, 1) @ flip(3, 0), cycle]),
                       ("Oh", [swap(3, 0, 1) @ flip(3, 0), cycle, inversion]),
                       ("generated(flip(0) * flip(1) * flip(2))", [inversion]),
                       ("generated(swap(0, 1) * swap(1, 2))", [cycle]),
                       ("generated(swap(1, 2) * flip(1))", [swap(3, 1, 2) @ flip(3, 1)]),
                       ("generated(flip(2), swap(0, 1))", [flip(3, 2), swap(3, 0, 1)]),
                       ("generated(swap(0, 1) * swap(1, 2), flip(0) * flip(1))",
                        [cycle, flip(3, 0) @ flip(3, 1)])]:
        out.append(Group(text, 3, close(3, gens)))
    return out


GROUPS = _table()


def group(text, dim):
    return next(g for g in GROUPS if g.text == text and g.dim == dim)
