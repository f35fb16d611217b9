"""Nets as Python data: their types, their text as .entk, and which cases they reach.

A net is {"name", "shape", "channels", "layers", "augment"?}; a layer a dictionary with "op" and its arguments. `Network`
types it from the rules in docs/language.md and docs/math.md, written here a second time so that tests do not depend on
the compiler for knowing what they test.
"""
import itertools
from collections import Counter, namedtuple

import numpy as np

MAX_INDEX = 400       # |H| x positions of a level: the reference evaluator holds (and walks) its square
MAX_WORK = 2.5e7      # its steps for one pair of samples, roughly

MAX_VARIANCE = 1e8    # no float32 of a kernel overflows, and what growing functions make of rounding stays small

# kind: vector grid gg (group over grid) h; most: a bound on what variances come to, for normal data of a few channels
Type = namedtuple("Type", "kind dim shape group gaussian centred raw most", defaults=(10.0,))
Node = namedtuple("Node", "op layer type inputs")


class Invalid(Exception):
    """A net that the language refuses, or one too large for the reference evaluator."""


WEIGHTS = ("dense", "conv", "lift")


def _double_factorial(n):
    return float(np.prod(np.arange(n, 0, -2))) if n > 0 else 1.0


def _polynomial(coefficients, v):
    """E[p(u)^2] with all coefficients positive: a bound."""
    return sum(abs(p * q) * _double_factorial(i + j - 1) * v ** ((i + j) / 2)
               for i, p in enumerate(coefficients) for j, q in enumerate(coefficients))


def _mild(condition):
    """Kernels that are exponentials of variances, or divided by 1 / condition, lose so many units in the last place: with more than 20
    float32 would not be within its tolerance."""
    if condition > 20:
        raise Invalid("a function of large numbers that float32 cannot tell apart")


def _exp(a, b, v):
    _mild(2 * b * b * v)
    return a * a * np.exp(2 * b * b * v)


def _gaussian(a, b, v):
    _mild(4 * abs(b) * v)
    if 4 * b * v > 0.9:
        raise Invalid("no second moment")
    return a * a / np.sqrt(1 - 4 * b * v) if b > 0 else a * a


def _sin(a, b, v):
    _mild(b * b * v)
    return a * a


def _gabor(v):
    _mild(4 * v)
    return 1.0


def _rbf(gamma, v):
    return 2 * _sin(1, np.sqrt(2 * gamma), v)


# The nonlinearities: names of the arguments as they are written, whether the function is odd, and a bound on the variance that it
# makes of variances up to v. Arguments that are positional have the name None.
Nonlinearity = namedtuple("Nonlinearity", "arguments odd most")
NONLINEARITIES = {
    "relu": Nonlinearity((), lambda: False, lambda v: v),
    "leaky_relu": Nonlinearity(("alpha",), lambda alpha: False, lambda alpha, v: v),
    "abs": Nonlinearity((), lambda: False, lambda v: v),
    "abrelu": Nonlinearity((None, None), lambda a, b: a == b, lambda a, b, v: max(a * a, b * b) * v),
    "erf": Nonlinearity(("a", "b", "c"), lambda a, b, c: c == 0, lambda a, b, c, v: a * a + c * c),
    "gelu": Nonlinearity((), lambda: False, lambda v: v),
    "sin": Nonlinearity(("a", "b", "c"), lambda a, b, c: c == 0, lambda a, b, c, v: _sin(a, b, v)),
    "cos": Nonlinearity(("a", "b", "c"), lambda a, b, c: False, lambda a, b, c, v: _sin(a, b, v)),
    "rbf": Nonlinearity(("gamma",), lambda gamma: False, _rbf),
    "sign": Nonlinearity((), lambda: True, lambda v: 1.0),
    "exp": Nonlinearity(("a", "b"), lambda a, b: False, _exp),
    "gaussian": Nonlinearity(("a", "b"), lambda a, b: False, _gaussian),
    "exp_normalized": Nonlinearity(("gamma", "shift"), lambda gamma, shift: False,
                                   lambda gamma, shift, v: v * np.exp(gamma * (1 + shift))),
    "gabor": Nonlinearity((), lambda: True, _gabor),
    "hermite": Nonlinearity((None,), lambda n: n % 2 == 1, lambda n, v: v ** n),
    "monomial": Nonlinearity((None,), lambda n: n % 2 == 1, lambda n, v: _polynomial([0] * n + [1], v)),
    "rectified_monomial": Nonlinearity((None,), lambda n: False, lambda n, v: _polynomial([0] * n + [1], v)),
    "polynomial": Nonlinearity((None,), lambda c: not any(c[0::2]), _polynomial),
}
NONLINEAR = tuple(NONLINEARITIES)
POINTWISE = ("dense", *NONLINEAR)


def jumps(layers):
    """0: no function has a jump. 1: one has; its K has at correlation one the infinite derivative, the root of rounding, that others
    have in their NTK. 2: and a nonlinearity comes after it, which may take a root of that root."""
    found = []

    def visit(layer):
        if layer["op"] in NONLINEAR:
            found.append(layer["op"] == "sign" or (layer["op"] == "rectified_monomial" and layer["args"] == (0,)))
        if layer["op"] == "repeat":
            walk(layer["body"], visit)              # twice: here, and by the walk itself
    walk(layers, visit)
    return 2 if any(found[:-1]) else 1 if any(found) else 0


def axis(n, extent, stride, padding):
    """Output size and low padding of one axis (docs/math.md, window geometry)."""
    if padding == "valid":
        if n < extent:
            raise Invalid("valid window larger than the axis")
        return (n - extent) // stride + 1, 0
    m = -(-n // stride)
    return m, max((m - 1) * stride + extent - n, 0) // 2


def positions(t):
    return int(np.prod(t.shape, dtype=int)) if t.kind in ("grid", "gg") else 1


def index_size(t):
    return positions(t) * (t.group.order if t.kind in ("gg", "h") else 1)


def full_cells(filter_shape):
    return list(itertools.product(*[range(f) for f in filter_shape]))


def support(layer, group_order):
    """[(h, cell)] of a conv, lift or group conv (group_order > 0), multiplicity one each."""
    mask, elements = layer.get("mask"), layer.get("elements")
    cells = full_cells(layer["filter"])
    if not group_order:
        return [(0, c) for c in (mask if mask is not None else cells)]
    out = []
    for h in elements if elements is not None else range(group_order):
        if layer.get("masks") is not None:
            cells_h = layer["masks"][h]
        else:
            cells_h = mask if mask is not None else cells
        out += [(h, c) for c in cells_h]
    return out


class Network:
    """The typed graph of a net, repeats unrolled (at most `unroll` times): nodes in topological order."""

    def __init__(self, net, unroll=4):
        self.nodes, self.work, self.unroll = [], 0.0, unroll
        kind = "grid" if net["shape"] else "vector"
        t = Type(kind, len(net["shape"]), tuple(net["shape"]), None, False, False, True)
        group = net.get("augment")
        if group:
            for a, b in group.exchanged:
                if net["shape"][a] != net["shape"][b]:
                    raise Invalid("augment maps the shape to another")
        start = self._add("input", {}, t, [])
        out, _ = self._pipeline(net["layers"], start)
        if self.nodes[out].type.kind != "vector":
            raise Invalid("a net ends on a vector")
        if group:
            self.work *= group.order ** 2
        if self.work > MAX_WORK:
            raise Invalid("too much work for the reference evaluator")

    def _add(self, op, layer, t, inputs):
        m = index_size(t)
        if m > MAX_INDEX or m < 1:
            raise Invalid("too many indices")
        cost = 1
        if op in ("conv", "lift"):
            cost = len(support(layer, t.group.order if op == "conv" and t.kind in ("gg", "h") else 0))
        elif op in ("avgpool", "sumpool"):
            cost = np.prod(layer["window"]) ** 2
        elif op in NONLINEAR:
            cost = 25
        self.work += 4.0 * m * m * cost
        if t.most > MAX_VARIANCE:
            raise Invalid("variances that grow too large")
        self.nodes.append(Node(op, layer, t, inputs))
        return len(self.nodes) - 1

    def _pipeline(self, layers, at):
        """Returns the last node and whether every path to it crosses a weight layer."""
        fresh = False
        for layer in layers:
            at, f = self._layer(layer, at)
            fresh = fresh or f
        return at, fresh

    def _layer(self, layer, at):
        op, t = layer["op"], self.nodes[at].type
        if op == "sum":
            return self._sum(layer, at)
        if op == "repeat":
            return self._repeat(layer, at)
        new = getattr(self, "_" + ("nonlinear" if op in NONLINEAR else "window_pool" if op in ("avgpool", "sumpool")
                                   else "global_pool" if op in ("pool", "sum_pool") else op))(layer, t)
        return self._add(op, layer, new, [at]), op in WEIGHTS

    def _repeat(self, layer, at):
        first, fresh = self._pipeline(layer["body"], at)
        loop = self.nodes[first].type[:4] == self.nodes[at].type[:4]
        end = first
        for _ in range(min(layer["count"], self.unroll if loop else layer["count"]) - 1):
            end, _ = self._pipeline(layer["body"], end)
        return end, fresh

    def _sum(self, layer, at):
        ends = [self._pipeline(b, at) for b in layer["branches"]]
        types = [self.nodes[e].type for e, _ in ends]
        if any(t[:4] != types[0][:4] for t in types):
            raise Invalid("branches differ in shape")
        if any(t.raw for t in types):
            raise Invalid("a branch of finitely many channels")
        if sum(not fresh for _, fresh in ends) > 1:
            raise Invalid("two branches share the fork's features")
        if sum(not t.centred for t in types) > 1:
            raise Invalid("two branches of nonzero mean")
        new = types[0]._replace(most=sum(t.most for t in types), gaussian=all(t.gaussian for t in types), centred=all(t.centred for t in types))
        return self._add("sum", layer, new, [e for e, _ in ends]), all(fresh for _, fresh in ends)

    @staticmethod
    def _affine(layer, t):
        w, b = (value[1] if isinstance(value, tuple) else value for value in (layer.get("w"), layer.get("b")))
        most = (1 if w is None else w) ** 2 * t.most + (b or 0) ** 2
        return t._replace(gaussian=True, centred=True, raw=False, most=most)

    def _dense(self, layer, t):
        return self._affine(layer, t)

    def _window(self, layer, t, key="filter", group=None):
        f, s, d = layer[key], layer["stride"], layer.get("dilation", (1,) * t.dim)
        extent = [r * (n - 1) + 1 for n, r in zip(f, d)]
        for a, b in group.exchanged if group else ():
            if key == "filter" and (extent[a] - extent[b]) % 2:
                raise Invalid("even and odd lengths on exchanged axes")
        return tuple(axis(n, e, k, layer["padding"])[0] for n, e, k in zip(t.shape, extent, s))

    def _conv(self, layer, t):
        if t.kind == "vector":
            raise Invalid("conv on a vector")
        if t.kind == "h":
            return self._affine(layer, t)
        if not support(layer, t.group.order if t.group else 0):
            raise Invalid("empty support")
        return self._affine(layer, t)._replace(shape=self._window(layer, t, group=t.group))

    def _lift(self, layer, t):
        if t.kind != "grid" or layer["group"].dim != t.dim:
            raise Invalid("lift stands on a grid")
        return self._affine(layer, t)._replace(kind="gg", group=layer["group"],
                                        shape=self._window(layer, t, group=layer["group"]))

    def _nonlinear(self, layer, t):
        if not t.gaussian:
            raise Invalid("a nonlinearity needs Gaussian features")
        f, args = NONLINEARITIES[layer["op"]], layer.get("args", ())
        return t._replace(gaussian=False, centred=f.odd(*args) and t.centred, most=float(f.most(*args, t.most)))

    def _window_pool(self, layer, t):
        if t.kind not in ("grid", "gg"):
            raise Invalid("a window pool stands on positions")
        cells = np.prod(layer["window"]) if layer["op"] == "sumpool" else 1
        return t._replace(shape=self._window(layer, t, "window"), most=t.most * float(cells) ** 2)

    def _global_pool(self, layer, t):
        over = layer.get("over", "everything")
        if t.kind == "vector" or (over != "everything" and t.kind != "gg"):
            raise Invalid("nothing to pool over")
        if layer["op"] == "sum_pool":
            summed = {"positions": positions(t), "elements": t.group.order if t.group else 1}.get(over, index_size(t))
            t = t._replace(most=t.most * float(summed) ** 2)
        if over == "positions":
            return t._replace(kind="h", shape=())
        if over == "elements":
            return t._replace(kind="grid", group=None)
        return t._replace(kind="vector", shape=(), group=None)

    def _flatten(self, layer, t):
        if t.kind == "vector":
            raise Invalid("flatten on a vector")
        return t._replace(kind="vector", shape=(), group=None, gaussian=False)


def input_type(shape):
    return Type("grid" if shape else "vector", len(shape), tuple(shape), None, False, False, True)


def apply(layers, t):
    """Type after `layers` on a value of type t; raises Invalid."""
    n = Network.__new__(Network)
    n.nodes, n.work, n.unroll = [Node("input", {}, t, [])], 0.0, 4
    at, _ = n._pipeline(layers, 0)
    if n.work > MAX_WORK:
        raise Invalid("too much work")
    return n.nodes[at].type


# ------------------------------------------------------------------------------------------------ printing as .entk

def dims(v):
    return "x".join(str(int(n)) for n in v)


def mask_text(cells, shape):
    cells = set(cells)
    lines = ["".join("x" if tuple(lead) + (k,) in cells else "." for k in range(shape[-1]))
             for lead in itertools.product(*[range(n) for n in shape[:-1]])]
    if len(shape) == 3:
        planes = [" ".join(lines[i * shape[1]:(i + 1) * shape[1]]) for i in range(shape[0])]
        return " | ".join(planes)
    return " ".join(lines)


class Printer:
    """Collects the groups, params and defs that the nets of one file need."""

    def __init__(self):
        self.groups, self.head, self.defs = {}, [], 0

    def group(self, g):
        if g.builtin:
            return g.text
        if g.text not in self.groups:
            self.groups[g.text] = f"Grp{len(self.groups)}"
            self.head.append(f"group {self.groups[g.text]} = {g.text}")
        return self.groups[g.text]

    def layer(self, layer):
        op = layer["op"]
        args = []
        if op == "sum":
            branches = [self.pipeline(b) for b in layer["branches"]]
            if layer.get("skip"):
                return f"skip({branches[0]})"
            return "(" + " + ".join(branches) + ")"
        if op == "repeat":
            body = self.pipeline(layer["body"])
            if layer.get("def"):
                self.defs += 1
                self.head.append(f"def part{self.defs} = {body}")
                return f"part{self.defs}^{layer['count']}"
            return f"({body})^{layer['count']}"
        if op == "lift":
            args.append(self.group(layer["group"]))
        if op in ("conv", "lift") and "filter" in layer and layer["filter"] != ():
            args.append(dims(layer["filter"]))
        if op in ("avgpool", "sumpool"):
            args.append(dims(layer["window"]))
        if op in ("conv", "lift", "avgpool", "sumpool") and layer.get("stride"):
            window = layer.get("window")
            if layer["stride"] != (window or (1,) * len(layer["stride"])) or layer.get("explicit"):
                args.append(f"stride = {dims(layer['stride'])}")
            if layer["padding"] != ("valid" if window else "same") or layer.get("explicit"):
                args.append(f"padding = {layer['padding']}")
            if set(layer.get("dilation", (1,))) != {1}:
                args.append(f"dilation = {dims(layer['dilation'])}")
        if layer.get("mask") is not None:
            args.append(f'mask = "{mask_text(layer["mask"], layer["filter"])}"')
        if layer.get("masks") is not None:
            args.append("mask = [" + ", ".join(f'"{mask_text(m, layer["filter"])}"' for m in layer["masks"]) + "]")
        if layer.get("elements") is not None:
            args.append("elements = [" + ", ".join(map(str, layer["elements"])) + "]")
        if layer.get("normalize_edges"):
            args.append("normalize_edges = true")
        if layer.get("over", "everything") != "everything":
            args.append(f"over = {layer['over']}")
        if op in NONLINEAR and layer.get("args", ()) != (1, 1, 0):     # the defaults of erf, sin and cos
            for name, value in zip(NONLINEARITIES[op].arguments, layer.get("args", ())):
                text = f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else str(value)
                args.append(text if name is None else f"{name} = {text}")
        for key, name in (("w", "weight_std"), ("b", "bias_std")):
            if layer.get(key) is not None:
                value = layer[key]
                if isinstance(value, tuple):                        # ("param", value)
                    p = f"par{len(self.head)}"
                    self.head.append(f"param {p} = {value[1]}")
                    value = p
                args.append(f"{name} = {value}")
        return op + (f"({', '.join(args)})" if args else "")

    def pipeline(self, layers):
        return " -> ".join(map(self.layer, layers)) if layers else "identity"

    def net(self, net):
        shape, channels = net["shape"], net["channels"]
        if not shape:
            start = f"vector({channels})"
        else:
            word = ("signal", "image", "volume")[len(shape) - 1]
            start = f"{word}({dims(shape)}" + (f", channels = {channels})" if channels != 1 else ")")
        body = " -> ".join([start] + [self.layer(x) for x in net["layers"]])
        if net.get("augment"):
            body = f"augment({self.group(net['augment'])}, {body})"
        return f"net {net['name']} = {body}"


def program(nets):
    printer = Printer()
    lines = [printer.net(n) for n in nets]
    return "\n".join(printer.head + lines) + "\n"


# -------------------------------------------------------------------------------------------------------- features

def _window(node):
    """(extent, stride, padding) of a node that moves windows, else None."""
    layer = node.layer
    if node.op in ("avgpool", "sumpool"):
        return layer["window"], layer["stride"], layer["padding"]
    if node.op in ("conv", "lift") and layer["filter"] != ():
        return tuple(d * (f - 1) + 1 for f, d in zip(layer["filter"], layer["dilation"])), layer["stride"], layer["padding"]
    return None


def marginal_symmetric(node, group, on_group):
    """Is the number of support elements at a cell offset the same along every orbit of H?"""
    f = node.layer["filter"]
    d = node.layer["dilation"]
    m = Counter(tuple(r * (2 * u - n + 1) for u, n, r in zip(c, f, d))
                for _, c in support(node.layer, group.order if on_group else 0))
    return all(m == Counter({tuple(int(v) for v in h @ np.array(o)): k for o, k in m.items()}) for h in group.matrices)


def features(net):
    """The set of names (see FEATURES) that this net reaches."""
    nodes = Network(net).nodes
    consumers = [[] for _ in nodes]
    for i, n in enumerate(nodes):
        for j in n.inputs:
            consumers[j].append(i)
    out = set()
    torus = [False] * len(nodes)
    for i in reversed(range(len(nodes))):
        for c in consumers[i]:
            w = _window(nodes[c])
            pointwise = nodes[c].op in POINTWISE or nodes[c].op == "sum"
            torus[i] |= (w is not None and w[2] == "circular") or (pointwise and torus[c])
    under = {}                                      # node -> ops on some path to it

    def ops_before(i):
        if i not in under:
            under[i] = set()
            for j in nodes[i].inputs:
                under[i] |= ops_before(j) | {tag for tag in _tags(nodes[j], nodes[nodes[j].inputs[0]].type
                                                                 if nodes[j].inputs else None)}
        return under[i]

    def source(i):
        """The window or input node behind pointwise layers (first branch of a sum)."""
        while nodes[i].op in POINTWISE:
            i = nodes[i].inputs[0]
        return i

    def add(name, good=True):
        if good:
            out.add(name)

    add("domain " + ("vector", "signal", "image", "volume")[len(net["shape"])])
    add("augment", bool(net.get("augment")))
    for i, n in enumerate(nodes):
        before = nodes[n.inputs[0]].type if n.inputs else None
        group = n.type.group if n.op == "lift" else before.group if before is not None else None
        exchanged = group.exchanged if group and before.kind in ("gg", "grid") else ()
        w = _window(n)
        if n.op == "lift":
            add("group " + (n.type.group.text if n.type.group.builtin else "generated") + f" in {n.type.dim}-D")
            add("padding lift " + n.layer["padding"])
            add("exception: lift after plain convolutions", "plain wide conv" in ops_before(i))
            add("second lift", "lift" in ops_before(i))
            add("support of a lift asymmetric", not marginal_symmetric(n, group, False))
        if n.op == "conv" and before.kind == "gg":
            add("padding group conv " + n.layer["padding"])
            symmetric = marginal_symmetric(n, group, True)
            add("support of a group conv asymmetric", not symmetric)
            add("elements subset", n.layer.get("elements") is not None and len(n.layer["elements"]) < group.order)
            add("list of masks", n.layer.get("masks") is not None)
            add("symmetric mask", n.layer.get("mask") is not None and symmetric)
        if n.op == "conv" and before.kind == "grid":
            add("padding conv " + n.layer["padding"])
            add("mask on a plain conv", n.layer.get("mask") is not None)
            if "pool elements" in ops_before(i) and max(w[0]) > 1:
                add("exception: pool over elements, then a plain convolution")
        if n.op == "conv" and before.kind == "h":
            add("conv on a bare group")
        if n.op in ("avgpool", "sumpool"):
            add(f"padding {n.op} " + n.layer["padding"])
            add("window pool on a group", before.kind == "gg")
            add("normalize_edges", bool(n.layer.get("normalize_edges")))
            add("two pools in a row", nodes[n.inputs[0]].op in ("avgpool", "sumpool"))
            add("pool stride other than its window", n.layer["stride"] != n.layer["window"])
        if n.op in ("pool", "sum_pool"):
            add(f"{n.op} over {n.layer.get('over', 'everything')}")
            add("two pools in a row", nodes[n.inputs[0]].op in ("pool", "sum_pool", "avgpool", "sumpool"))
        if n.op == "flatten":
            add("flatten of a group map", before.kind == "gg")
            add("flatten of a bare group", before.kind == "h")
            add("flatten of a grid", before.kind == "grid")
            add("flatten after a window pool", "window pool" in ops_before(i))
        if n.op in NONLINEAR:
            add(n.op)
            add("nonlinearity after a global pool", bool({"pool everything", "flatten"} & ops_before(i)))
        if n.op == "dense" and before.kind != "vector":
            add("dense on positions")
        if w is not None:
            extent, stride, padding = w
            if len(before.shape) > 1:
                add("non-square grid", len(set(before.shape)) > 1)
                add("non-square filter", n.op in ("conv", "lift") and len(set(extent)) > 1)
                add("non-square grid with exchanged axes", any(before.shape[a] != before.shape[b] for a, b in exchanged))
            add("even filter " + padding, n.op in ("conv", "lift") and any(f % 2 == 0 for f in extent))
            add("dilation", n.op in ("conv", "lift") and max(n.layer["dilation"]) > 1)
            for size, e, s in zip(before.shape, extent, stride):
                add("stride that does not divide the size " + padding,
                    s > 1 and (size - (e if padding == "valid" else 0)) % s != 0)
            add("exception: strides differ on exchanged axes", any(stride[a] != stride[b] for a, b in exchanged))
            add("exception: circular with unequal sizes on exchanged axes",
                padding == "circular" and before.kind == "gg"
                and any(before.shape[a] != before.shape[b] for a, b in exchanged))
            source_of_input = source(n.inputs[0])
            ws = _window(nodes[source_of_input])
            add("circular followed by same", padding == "same" and ws is not None and ws[2] == "circular")
            if nodes[source_of_input].op != "input" and torus[n.inputs[0]] and padding != "circular":
                add("exception: a layer that is not circular on a torus")
            if torus[i] and nodes[source_of_input].op != "input":
                fits = all(s * m % size == 0 for size, s, m in zip(before.shape, stride, n.type.shape))
                add("exception: torus outputs that read several slices", not (torus[n.inputs[0]] and fits))
        if n.op == "sum":
            seen = [stride_trace(nodes, j, i) for j in n.inputs]
            add("branches with different strides", len(set(seen)) > 1)
            add("residual branch", any(not b for b in n.layer["branches"]))
            add("sum of a branch that is not Gaussian", not n.type.gaussian)
            add("three branches", len(n.inputs) > 2)
            add("branches on a group", n.type.kind == "gg")
    text = repr(net["layers"])
    add("repeat", "'repeat'" in text)
    walk(net["layers"], lambda x: add("nested repeat", x["op"] == "repeat" and any(y["op"] == "repeat" for y in x["body"])))
    walk(net["layers"], lambda x: add("bounded below circular in a repeat of three",
                                      x["op"] == "repeat" and x["count"] >= 3 and _bounded_below_circular(x["body"])))
    walk(net["layers"], lambda x: add("param", isinstance(x.get("w"), tuple) or isinstance(x.get("b"), tuple)))
    walk(net["layers"], lambda x: add("no bias", x["op"] in WEIGHTS and x.get("b") is None))
    return out


def _bounded_below_circular(body):
    """Does a circular layer of a repeat's body stand behind one that is not, in the body itself?"""
    paddings = [x["padding"] for x in body if "padding" in x]
    return any("circular" in paddings[i + 1:] for i, p in enumerate(paddings) if p != "circular")


def walk(layers, visit):
    for layer in layers:
        visit(layer)
        for b in layer.get("branches", []):
            walk(b, visit)
        walk(layer.get("body", []), visit)


def _tags(node, before):
    out = {node.op}
    w = _window(node)
    if node.op == "conv" and before.kind == "grid" and max(w[0]) > 1:
        out.add("plain wide conv")
    if node.op in ("pool", "sum_pool"):
        out.add("pool " + node.layer.get("over", "everything"))
    if node.op in ("avgpool", "sumpool"):
        out.add("window pool")
    return out


def stride_trace(nodes, j, join):
    """Strides of the window layers from the fork to a join, along one branch."""
    out = []
    others = [k for k in nodes[join].inputs if k != j]

    def ancestors(i):
        found, work = set(), [i]
        while work:
            k = work.pop()
            if k not in found:
                found.add(k)
                work += nodes[k].inputs
        return found
    shared = set.intersection(*[ancestors(k) for k in others]) if others else set()
    i = j
    while i not in shared:
        w = _window(nodes[i])
        if w is not None and set(w[1]) != {1}:
            out.append(w[1])
        i = nodes[i].inputs[0]
    return tuple(out)
