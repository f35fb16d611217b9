#!/usr/bin/python3
"""Random well-typed .entk programs from a seed, over every layer, domain, group and padding of the language.

`generate(count, seed)` directs the first nets at one feature each (FEATURES, net_model.features) and draws the rest
freely.

    random_nets.py --seed 1 --count 20       prints the programs and the table of features
"""
import argparse
import random
from collections import Counter

import numpy as np

import entk_groups
from net_model import NONLINEAR, Invalid, Network, apply, features, full_cells, input_type, program


# How often a nonlinearity is drawn, and its arguments, from u(low, high) and a generator.
DRAWN = {
    "relu": (6, lambda u, rng: ()),
    "leaky_relu": (1, lambda u, rng: (u(0.05, 0.4),)),
    "abs": (1, lambda u, rng: ()),
    "abrelu": (1, lambda u, rng: (u(-0.8, 0.5), u(0.6, 1.4))),
    "erf": (2, lambda u, rng: (1, 1, 0) if rng.random() < 0.5 else (u(0.6, 1.3), u(0.5, 1.2), rng.choice([0, u(-0.4, 0.4)]))),
    "gelu": (1, lambda u, rng: ()),
    "sin": (1, lambda u, rng: (u(0.6, 1.3), u(0.3, 1.5), rng.choice([0, u(-2, 2)]))),
    "cos": (1, lambda u, rng: (u(0.6, 1.3), u(0.3, 1.5), rng.choice([0, u(-2, 2)]))),
    "rbf": (1, lambda u, rng: (u(0.05, 1.5),)),
    "sign": (1, lambda u, rng: ()),
    "exp": (1, lambda u, rng: (u(0.3, 1.2), u(-0.5, 0.5))),
    "gaussian": (1, lambda u, rng: (u(0.5, 1.5), rng.choice([u(-1.5, -0.1), u(-1.5, -0.1), 0.01]))),
    "exp_normalized": (1, lambda u, rng: (u(0.1, 2), u(-1, 0.2))),
    "gabor": (1, lambda u, rng: ()),
    "hermite": (1, lambda u, rng: (rng.randint(0, 4),)),
    "monomial": (1, lambda u, rng: (rng.randint(0, 4),)),
    "rectified_monomial": (1, lambda u, rng: (rng.randint(0, 4),)),
    "polynomial": (1, lambda u, rng: (tuple(rng.choice([0, u(-1, 1)]) for _ in range(rng.randint(0, 4))) + (u(0.2, 1),),)),
}


class Draw:
    """Draws nets. `bias` directs it: dim, groups, padding (list to choose from), and probabilities by name."""

    def __init__(self, rng, bias=None):
        self.rng, self.bias = rng, bias or {}

    def chance(self, name, default):
        return self.rng.random() < self.bias.get(name, default)

    def scale(self, low, high, none=0.0):
        if self.rng.random() < none:
            return None
        v = round(self.rng.uniform(low, high), 2)
        return ("param", v) if self.chance("param", 0.04) else v

    def weights(self):
        return {"w": self.scale(0.7, 1.6, 0.1), "b": self.scale(0.05, 0.5, 0.3)}

    def sizes(self, dim, options, weights):
        return tuple(self.rng.choices(options, weights)[0] for _ in range(dim))

    def padding(self):
        return self.rng.choice(self.bias.get("padding", ["valid", "same", "same", "circular"]))

    def filter(self, t, group):
        """Window of a convolution: half the time equal on all axes."""
        top = {1: 5, 2: 4, 3: 3}[t.dim]
        options = list(range(1, top + 1))
        odds = [0.6, 2, 3, 0.6, 0.6][:top]
        f = self.sizes(t.dim, options, odds)
        if self.chance("square_filter", 0.55):
            f = f[:1] * t.dim
        if self.chance("even_filter", 0.0):
            f = (self.rng.choice([2, 4] if t.dim < 3 else [2]),) * t.dim
        return f

    def strides(self, dim):
        if not self.chance("stride", 0.3):
            return (1,) * dim
        s = self.rng.choices([2, 3], [4, 1])[0]
        if self.chance("mixed_stride", 0.35):
            return tuple(self.rng.choices([1, 2, 3], [3, 3, 1])[0] for _ in range(dim))
        return (s,) * dim

    def conv(self, t, lift=None):
        group = lift or (t.group if t.kind == "gg" else None)
        layer = {"op": "lift" if lift else "conv", **self.weights()}
        if lift:
            layer["group"] = lift
        if t.kind == "h":
            if self.rng.random() < 0.5:
                layer["elements"] = self.subset(t.group.order)
            return {**layer, "filter": ()}
        f = self.filter(t, group)
        layer.update(filter=f, stride=self.strides(t.dim), padding=self.padding())
        if self.chance("dilation", 0.12) and max(f) > 1:
            layer["dilation"] = self.sizes(t.dim, [1, 2, 3], [2, 3, 1]) if self.rng.random() < 0.4 else (2,) * t.dim
        else:
            layer["dilation"] = (1,) * t.dim
        if group and t.kind == "gg" and self.chance("elements", 0.2):
            layer["elements"] = self.subset(group.order)
        cells = full_cells(f)
        if len(cells) > 1 and self.chance("mask", 0.2):
            if group and t.kind == "gg" and layer.get("elements") is None and group.order <= 8 and self.rng.random() < 0.5:
                masks = [[c for c in cells if self.rng.random() < 0.5] for _ in range(group.order)]
                layer["masks"] = masks
            elif group and self.rng.random() < 0.4:
                layer["mask"] = self.symmetric_mask(f, group)
            else:
                layer["mask"] = self.rng.sample(cells, self.rng.randint(1, len(cells)))
        layer["explicit"] = self.rng.random() < 0.2
        return layer

    def symmetric_mask(self, f, group):
        """Cells of a few orbits of H about the centre (those whose images are cells too)."""
        offset = {c: tuple(2 * u - n + 1 for u, n in zip(c, f)) for c in full_cells(f)}
        cell = {o: c for c, o in offset.items()}
        out = set()
        for c in self.rng.sample(list(offset), min(2, len(offset))):
            images = {tuple(int(v) for v in m @ np.array(offset[c])) for m in group.matrices}
            if all(o in cell for o in images):
                out |= {cell[o] for o in images}
        return sorted(out) or full_cells(f)

    def subset(self, order):
        return sorted(self.rng.sample(range(order), self.rng.randint(1, min(order, 6))))

    def nonlinear(self):
        op = self.rng.choices(list(DRAWN), [odds for odds, _ in DRAWN.values()])[0]
        if self.bias.get("nonlinear") and self.rng.random() < 0.5:
            op = self.bias["nonlinear"]
        return {"op": op, "args": DRAWN[op][1](lambda low, high: round(self.rng.uniform(low, high), 2), self.rng)}

    def window_pool(self, t):
        w = self.sizes(t.dim, [1, 2, 3], [1, 5, 3])
        if self.rng.random() < 0.7:
            w = w[:1] * t.dim
        stride = w if self.rng.random() < 0.5 else self.strides(t.dim)
        layer = {"op": self.rng.choice(["avgpool", "avgpool", "sumpool"]), "window": w, "stride": stride,
                 "padding": self.rng.choice(self.bias.get("pool_padding", ["valid", "valid", "same", "circular"]))}
        if layer["op"] == "avgpool" and layer["padding"] == "same":
            layer["normalize_edges"] = self.rng.random() < 0.5
        return layer

    def global_pool(self, over="everything"):
        return {"op": self.rng.choice(["pool", "pool", "pool", "sum_pool"]), "over": over}

    def pick_group(self, dim):
        options = [g for g in entk_groups.GROUPS if g.dim == dim and g.order <= self.bias.get("max_order", 12)]
        wanted = self.bias.get("group")
        if wanted:
            options = [g for g in entk_groups.GROUPS if g.dim == dim and g.text == wanted]
        if not options:
            return None
        return self.rng.choices(options, [1 if g.order > 1 else 0.3 for g in options])[0]

    def affine(self, t, lift_chance=0.0):
        if t.kind == "vector" or self.rng.random() < 0.07:
            return {"op": "dense", **self.weights()}
        if t.kind == "grid" and self.rng.random() < lift_chance:
            g = self.pick_group(t.dim)
            if g:
                return self.conv(t, lift=g)
        return self.conv(t)

    def same_shape_conv(self, t):
        """A weight layer that keeps the shape, for repeats and residual branches."""
        if t.kind == "vector":
            return self.affine(t)
        layer = self.conv(t)
        if t.kind == "h":
            return layer
        layer["stride"] = (1,) * t.dim
        layer["padding"] = self.rng.choice(["same", "same", "circular"])
        return layer

    def branch(self, t):
        out = []
        if t.gaussian and self.rng.random() < 0.7:
            out.append(self.nonlinear())
        out.append(self.affine(t))
        if self.rng.random() < 0.3:
            out += [self.nonlinear(), self.affine(t)]
        return out

    def sum(self, t):
        """Branches joined by +: residual, or two that happen to end on one shape."""
        if not t.raw and self.chance("residual", 0.5):
            body = []
            if t.gaussian and self.rng.random() < 0.8:
                body.append(self.nonlinear())
            body.append(self.same_shape_conv(t))
            if self.rng.random() < 0.4:
                body += [self.nonlinear(), self.same_shape_conv(t)]
            return {"op": "sum", "branches": [body, []], "skip": self.rng.random() < 0.3}
        first = self.branch(t)
        goal = apply(first, t)
        branches = [first]
        for _ in range(self.rng.choice([1, 1, 2])):
            for _ in range(60):
                b = self.branch(t)
                if t.kind in ("grid", "gg") and self.rng.random() < 0.3:
                    b = [self.window_pool(t)] + b
                try:
                    if apply(b, t)[:4] == goal[:4]:
                        branches.append(b)
                        break
                except Invalid:
                    pass
        if len(branches) < 2:
            raise Invalid("no second branch of that shape")
        return {"op": "sum", "branches": branches}

    def repeat(self, t):
        count = self.rng.randint(2, 4)
        keep = self.rng.random() < 0.8
        conv = self.same_shape_conv if keep else self.affine
        if t.gaussian:
            body = [self.nonlinear(), conv(t)]
        else:
            body = [conv(t), self.nonlinear()]
        if self.bias.get("twice"):
            body += [self.nonlinear(), conv(t)] if t.gaussian else [conv(t), self.nonlinear()]
        if keep and not t.raw and t.gaussian and self.rng.random() < 0.3:
            body = [{"op": "sum", "branches": [body, []]}]
        elif self.chance("nested", 0.25):
            inner = {"op": "repeat", "count": 2, "body": body}
            body = [inner] + ([self.nonlinear(), conv(t)] if t.gaussian else [conv(t), self.nonlinear()])
        return {"op": "repeat", "count": count, "body": body, "def": self.rng.random() < 0.3}

    def step(self, t):
        """The next one or two layers before the head."""
        roll = self.rng.random
        if t.gaussian and roll() < 0.75:
            if self.chance("repeat", 0.15):
                return [self.repeat(t)]
            if self.chance("sum", 0.15):
                return [self.sum(t)]
            return [self.nonlinear()]
        if t.kind in ("grid", "gg") and self.chance("window_pool", 0.2):
            return [self.window_pool(t)]
        if t.kind == "gg" and self.chance("pool_elements", 0.08):
            return [self.global_pool("elements")]
        if t.kind == "gg" and self.chance("pool_positions", 0.08):
            return [self.global_pool("positions")]
        if self.chance("sum", 0.15):
            return [self.sum(t)]
        if self.chance("repeat", 0.12):
            return [self.repeat(t)]
        return [self.affine(t, lift_chance=self.bias.get("lift", 0.55))]

    def head(self, t):
        out = []
        if t.kind == "gg":
            kind = self.rng.random()
            if kind < 0.12:
                out.append(self.global_pool("positions"))
                if self.rng.random() < 0.6:
                    out += [self.conv(t._replace(kind="h", shape=()))] + ([self.nonlinear()] if self.rng.random() < 0.7 else [])
            elif kind < 0.24:
                out.append(self.global_pool("elements"))
                if self.rng.random() < 0.6:
                    out += [self.conv(t._replace(kind="grid", group=None)), self.nonlinear()]
        if t.kind != "vector":
            out.append({"op": "flatten"} if self.chance("flatten", 0.2) else self.global_pool())
        kind = self.rng.random()
        dense = lambda: {"op": "dense", **self.weights()}
        if kind < 0.45:
            out += [dense(), self.nonlinear(), dense()]
        elif kind < 0.9:
            out.append(dense())
        return out

    def net(self, name):
        dim = self.rng.choice(self.bias.get("dim", [0, 1, 1, 2, 2, 2, 2, 2, 3]))
        shape = {0: lambda: (), 1: lambda: (self.rng.randint(5, 12),),
                 2: lambda: tuple(self.rng.randint(3, 7) for _ in range(2)),
                 3: lambda: tuple(self.rng.randint(2, 4) for _ in range(3))}[dim]()
        if dim > 1 and self.chance("square", 0.35):
            shape = shape[:1] * dim
        channels = self.rng.randint(2, 7) if dim == 0 else self.rng.choice([1, 2, 2, 3])
        net = {"name": name, "shape": shape, "channels": channels, "layers": []}
        if dim and self.chance("augment", 0.03):
            net["augment"] = self.pick_group(dim)
            if net["augment"].order == 1:
                raise Invalid("nothing to average over")
        t = input_type(shape)
        steps = self.rng.randint(2, self.bias.get("steps", 6))
        while steps > 0:
            for _ in range(40):
                try:
                    new = self.step(t)
                    after = apply(new, t)
                except Invalid:
                    continue
                net["layers"] += new
                t = after
                break
            steps -= 1
        for _ in range(20):
            try:
                head = self.head(t)
                apply(head, t)
                net["layers"] += head
                Network(net)
                return net
            except Invalid:
                net["layers"] = net["layers"][:len(net["layers"]) - len(head)] if net["layers"][-len(head):] == head \
                    else net["layers"]
        raise Invalid("no head fits")


# Every feature that a run must reach, with the bias that makes it likely.
_GROUP2 = {"dim": [2], "lift": 0.9}
FEATURES = {
    "exception: torus outputs that read several slices": {"padding": ["circular", "circular", "same", "valid"], "dim": [1, 2]},
    "exception: a layer that is not circular on a torus": {"padding": ["circular", "same"], "sum": 0.4, "dim": [1, 2]},
    "exception: strides differ on exchanged axes": {**_GROUP2, "stride": 0.9, "mixed_stride": 1.0, "group": "C4"},
    "exception: lift after plain convolutions": {"lift": 0.5, "dim": [1, 2]},
    "exception: circular with unequal sizes on exchanged axes": {**_GROUP2, "square": 0.0, "group": "C4",
                                                                  "padding": ["circular"]},
    "exception: pool over elements, then a plain convolution": {**_GROUP2, "pool_elements": 0.6},
    "domain vector": {"dim": [0]}, "domain signal": {"dim": [1]}, "domain image": {"dim": [2]}, "domain volume": {"dim": [3]},
    **{f"group {g.text} in {g.dim}-D": {"dim": [g.dim], "lift": 0.9, "group": g.text, "max_order": 48,
                                        "steps": 3 if g.order > 12 else 5, "square": 0.6}
       for g in entk_groups.GROUPS if g.builtin},
    **{f"group generated in {d}-D": {"dim": [d], "lift": 0.9} for d in (1, 2, 3)},
    **{f"padding {op} {p}": {"lift": 0.9 if op in ("lift", "group conv") else 0.3, "window_pool": 0.5, "dim": [1, 2]}
       for op in ("conv", "lift", "group conv", "avgpool", "sumpool") for p in ("valid", "same", "circular")},
    **{f"even filter {p}": {"even_filter": 1.0} for p in ("valid", "same", "circular")},
    **{f"stride that does not divide the size {p}": {"stride": 0.8, "dim": [1, 2]} for p in ("valid", "same", "circular")},
    "non-square grid": {}, "non-square filter": {}, "non-square grid with exchanged axes": {**_GROUP2, "group": "D4"},
    "circular followed by same": {"padding": ["circular", "same"], "dim": [1, 2]},
    "two pools in a row": {"window_pool": 0.6, "dim": [1, 2]},
    "pool over everything": {}, "sum_pool over everything": {},
    "pool over positions": _GROUP2, "sum_pool over positions": _GROUP2,
    "pool over elements": _GROUP2, "sum_pool over elements": _GROUP2,
    "conv on a bare group": {**_GROUP2, "pool_positions": 0.4},
    "support of a lift asymmetric": {**_GROUP2, "mask": 0.8}, "support of a group conv asymmetric": {**_GROUP2, "mask": 0.8},
    "elements subset": {**_GROUP2, "elements": 0.8}, "list of masks": {**_GROUP2, "mask": 0.8},
    "symmetric mask": {**_GROUP2, "mask": 0.8}, "mask on a plain conv": {"mask": 0.6, "lift": 0.1},
    "window pool on a group": {**_GROUP2, "window_pool": 0.6}, "normalize_edges": {"window_pool": 0.6, "dim": [1, 2]},
    "pool stride other than its window": {"window_pool": 0.6, "dim": [1, 2]},
    "flatten of a group map": {**_GROUP2, "flatten": 1.0}, "flatten of a bare group": {**_GROUP2, "flatten": 1.0, "pool_positions": 0.4},
    "flatten of a grid": {"dim": [1, 2], "flatten": 1.0, "lift": 0.1},
    "flatten after a window pool": {"dim": [1, 2], "flatten": 1.0, "window_pool": 0.6},
    **{f: {"nonlinear": f} for f in NONLINEAR}, "nonlinearity after a global pool": {},
    "dense on positions": {"dim": [1, 2]}, "dilation": {"dilation": 0.7, "dim": [1, 2]},
    "branches with different strides": {"sum": 0.6, "stride": 0.5, "residual": 0.1, "dim": [1, 2]},
    "residual branch": {"sum": 0.5}, "sum of a branch that is not Gaussian": {"sum": 0.6},
    "three branches": {"sum": 0.6, "residual": 0.0}, "branches on a group": {**_GROUP2, "sum": 0.5},
    "repeat": {"repeat": 0.5}, "nested repeat": {"repeat": 0.6, "nested": 0.8}, "param": {"param": 0.3}, "no bias": {},
    "augment": {"augment": 1.0, "dim": [2], "square": 0.9, "lift": 0.0}, "second lift": {**_GROUP2, "pool_elements": 0.6, "steps": 9},
    "bounded below circular in a repeat of three": {"repeat": 0.6, "nested": 0.0, "twice": True, "dim": [1, 2]},
}


def draw(rng, name, want=None):
    """One net, which reaches feature `want` if given."""
    for attempt in range(4000):
        try:
            net = Draw(rng, FEATURES[want] if want else None).net(name)
        except Invalid:
            continue
        if want is None or want in features(net):
            return net
    raise RuntimeError(f"no net with '{want}' in 4000 draws")


def generate(count, seed):
    """`count` nets n0, n1, ..: those at the start reach, one after the other, the features that fewer nets than
    `quota` have reached so far."""
    rng = random.Random(seed)
    nets, reached = [], Counter()
    missing = list(FEATURES)
    while len(nets) < count:
        missing = [f for f in missing if reached[f] < quota(f)]
        net = draw(rng, f"n{len(nets)}", missing[0] if missing else None)
        nets.append(net)
        reached.update(features(net))
    return nets, reached


def quota(feature):
    """The exceptions of docs/math.md, KR-26, each have code of their own in the compiler: several nets each."""
    return 3 if feature.startswith("exception") else 1


def print_table(reached):
    """How often each feature was reached, in lines that start with `reached`. Returns the names reached too rarely."""
    lines = [f"{reached[f]:4d} x {f}" for f in FEATURES if f.startswith("exception")]
    line = ""
    for f in (f for f in FEATURES if not f.startswith("exception")):
        entry = f"{reached[f]} x {f}"
        if line and len(line) + len(entry) > 105:
            lines.append(line)
            line = ""
        line += ("; " if line else "") + entry
    for text in lines + [line]:
        print("reached", text)
    return [f for f in FEATURES if reached[f] < quota(f)]


def samples(net, rng, count):
    """(count, *shape, channels) normal numbers; the last but one is zero and the last repeats the first."""
    x = rng.standard_normal((count, *net["shape"], net["channels"]))
    if count >= 3:
        x[-2] = 0
        x[-1] = x[0]
    return x


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=60)
    options = parser.parse_args()
    made, seen = generate(options.count, options.seed)
    print(program(made))
    left = print_table(seen)
    print("not reached:", left)
