"""Kernels of a net of random_nets.py by the independent NumPy oracle (found through ENTK_SHARED; not in the repository).

The oracle has no dilation, pool over elements, conv on a bare group, sums of branches that are not Gaussian, repeats and
augmentation: those are expressed here through its building blocks (a dilated filter is a larger one with a mask).
"""
import os
import sys

import numpy as np

import entk_groups
import entk_testlib
import net_model


def load():
    """The oracle's network module, or None where it is absent."""
    folder = os.path.join(entk_testlib.shared_folder(), "oracle")
    if not os.path.isdir(folder):
        return None
    sys.dont_write_bytecode = True
    if folder not in sys.path:
        sys.path.insert(0, folder)
    from entk_oracle import network
    return network


# The oracle's names, and those of its arguments.
NAMES = {"relu": ("Relu",), "abs": ("Abs",), "leaky_relu": ("LeakyRelu", "alpha"), "abrelu": ("ABRelu", "a", "b"),
         "erf": ("Erf", "a", "b", "c"), "gelu": ("Gelu",), "sin": ("Sin", "a", "b", "c"),
         "cos": ("Cos", "a", "b", "c"), "rbf": ("Rbf", "gamma"),
         "sign": ("Sign",), "exp": ("Exp", "a", "b"), "gaussian": ("Gaussian", "a", "b"),
         "exp_normalized": ("ExpNormalized", "gamma", "shift"), "gabor": ("Gabor",), "hermite": ("Hermite", "degree"),
         "monomial": ("Monomial", "degree"), "rectified_monomial": ("RectifiedMonomial", "degree"),
         "polynomial": ("Polynomial", "coef")}


def number(value):
    return value[1] if isinstance(value, tuple) else value


def affine_arguments(layer):
    w = number(layer.get("w"))
    return {"W_std": 1.0 if w is None else w, "b_std": number(layer.get("b"))}


def without_floor(before, after):
    """The oracle takes sqrt(ab) for 1e-15 at least. What vanishes has to stay 0: the next exp_normalized would see 1e-15 as anything else,
    its kernel being the same at every scale."""
    from dataclasses import replace
    left, right = np.diag(before.K11) > 0, np.diag(before.K22) > 0
    return replace(after, K11=after.K11 * np.outer(left, left), K12=after.K12 * np.outer(left, right),
                   K22=after.K22 * np.outer(right, right))


class Bridge:
    def __init__(self, oracle):
        self.oracle = oracle

    def point_group(self, group):
        from entk_oracle.groups import PointGroup
        return PointGroup(group.text, group.matrices)

    def pipeline(self, state, layers):
        for layer in layers:
            state = self.layer(state, layer)
        return state

    def layer(self, state, layer):
        from dataclasses import replace
        op, o = layer["op"], self.oracle
        if op == "sum":
            ends = [self.pipeline(state, b) for b in layer["branches"]]
            out = {k: sum(getattr(s, k) for s in ends) for k in ("K11", "K12", "K22", "T12")}
            return replace(ends[0], gaussian=all(s.gaussian for s in ends), **out)
        if op == "repeat":
            for _ in range(layer["count"]):
                state = self.pipeline(state, layer["body"])
            return state
        if op == "dense":
            return o.dense(state, affine_arguments(layer))
        if op in NAMES:
            kind, *keys = NAMES[op]
            after = o.nonlinearity(state, {"type": kind, **dict(zip(keys, layer.get("args", ())))})
            return without_floor(state, after) if op == "exp_normalized" else after
        if op in ("avgpool", "sumpool"):
            return o.window_pool(state, {"type": "AvgPool" if op == "avgpool" else "SumPool",
                                         "window_shape": layer["window"], "strides": layer["stride"],
                                         "padding": layer["padding"],
                                         "normalize_edges": bool(layer.get("normalize_edges"))})
        if op == "flatten":
            return o.flatten(state, {})
        if op in ("pool", "sum_pool"):
            return self.global_pool(state, layer)
        if state.space1.group is not None and state.space1.grid == ():
            return self.conv_on_bare_group(state, layer)
        return self.window_conv(state, layer)

    def global_pool(self, state, layer):
        over, o = layer.get("over", "everything"), self.oracle
        matrices, spaces = [], []
        for space in (state.space1, state.space2):
            order = space.group.order if space.group else 1
            over_elements = np.ones((1, order)) if over in ("everything", "elements") else np.eye(order)
            over_positions = np.ones((1, space.positions)) if over in ("everything", "positions") \
                else np.eye(space.positions)
            p = np.kron(over_elements, over_positions)
            matrices.append(p / p.sum(axis=1, keepdims=True) if layer["op"] == "pool" else p)
            spaces.append({"everything": o.Space(()), "positions": o.Space((), space.group),
                           "elements": o.Space(space.grid)}[over])
        return o._linear(state, matrices, spaces)

    def conv_on_bare_group(self, state, layer):
        o, group = self.oracle, state.space1.group
        elements = layer.get("elements")
        elements = range(group.order) if elements is None else elements
        taps = np.array([[group.mul[r, h] for r in range(group.order)] for h in elements])
        return o._affine(state, affine_arguments(layer), lambda k, i, j: o._tap_average(k, taps, taps), len(taps),
                         state.space1, state.space2)

    def window_conv(self, state, layer):
        o = self.oracle
        group = state.space1.group
        dilation = layer["dilation"]
        extent = [d * (f - 1) + 1 for f, d in zip(layer["filter"], dilation)]
        elements = net_model.support(layer, group.order if group else 0)
        taps = [([h] if group else []) + [u * d for u, d in zip(c, dilation)] for h, c in elements]
        described = {"filter_shape": extent, "strides": layer["stride"], "padding": layer["padding"], "support": taps,
                     **affine_arguments(layer)}
        if layer["op"] == "lift":
            return o.lift_conv(state, {**described, "group": self.point_group(layer["group"])})
        return (o.group_conv if group else o.conv)(state, described)

    def pair(self, net, x, z):
        out = self.pipeline(self.oracle.input_state(x, z, False), net["layers"])
        return float(out.K12[0, 0]), float(out.T12[0, 0])


def gram(oracle, net, xs, zs):
    """(nngp, ntk) between two lists of samples."""
    bridge = Bridge(oracle)
    out = np.zeros((2, len(xs), len(zs)))
    group = net.get("augment")
    for i, x in enumerate(xs):
        for j, z in enumerate(zs):
            if group:
                pairs = [bridge.pair(net, entk_testlib.act(g, x), entk_testlib.act(h, z))
                         for g in group.matrices for h in group.matrices]
                out[:, i, j] = np.mean(pairs, axis=0)
            else:
                out[:, i, j] = bridge.pair(net, x, z)
    return out[0], out[1]
