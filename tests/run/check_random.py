#!/usr/bin/python3
"""Generated programs against the reference evaluator on random architectures, with every optimization on and each one
off, in both precisions; and the reference evaluator against the independent NumPy oracle where that is present.

The seed is printed; `--seed` repeats a run. A failure prints the smallest program found that still fails.
"""
import sys

import numpy as np

import entk_testlib as lib
import net_model
import oracle_bridge
import random_nets

NETS_PER_FILE = 10
SHRINK_TRIES = 40
# 32 units in the last place: a correlation so near to one is rounding, and the NTK has its square root in it.
NEAR = {"f32": 2.0 ** -18, "f64": 2.0 ** -47}


class Case:
    """A net, its data, and what the kernels should be."""

    def __init__(self, net, rng):
        self.net, self.name, self.jumps = net, net["name"], net_model.jumps(net["layers"])
        self.x = random_nets.samples(net, rng, 4)
        self.z = np.concatenate([random_nets.samples(net, rng, 2), self.x[1:2]])
        self.reference = None
        self.near = {}

    def refer(self, work, program):
        """What the kernels should be, by the reference evaluator's program; and which pairs the net itself makes parallel: a bias that
        outweighs everything else leaves correlations that the precision cannot tell from one."""
        self.reference = self.grams(work, program)
        xx, xz = (g["nngp"] for g in self.reference)
        x, z = np.diag(xx), np.diag(work.gram(program, self.z, net=self.name)["nngp"])
        for precision, distance in NEAR.items():
            near = [k >= (1 - distance) * np.sqrt(np.outer(x, d)) for k, d in ((xx, x), (xz, z))]
            self.near[precision] = near[0] & ~np.eye(len(x), dtype=bool), near[1]

    def entries(self, precision="f64"):
        """Masks over (x, x) and (x, z): pairs with |cos| = 1 although their bits may differ (equal or black samples, and all that
        are as good as parallel)."""
        def parallel(a, b, diagonal):
            out = np.array([[np.array_equal(p, q) for q in b] for p in a])
            if diagonal:
                black = np.array([not p.any() for p in a])
                out &= ~np.eye(len(a), dtype=bool) | black[:, None]
            return out
        masks = parallel(self.x, self.x, True), parallel(self.x, self.z, False)
        return tuple(m | n for m, n in zip(masks, self.near[precision]))

    def grams(self, work, program, **options):
        own = work.gram(program, self.x, net=self.name, **options)
        cross = work.gram(program, self.x, self.z, net=self.name, **options)
        return own, cross


def split_diff(got, want, parallel):
    """Largest differences at the ordinary and at the parallel entries, relative to the largest entry."""
    if got.shape != want.shape or not np.all(np.isfinite(got)):
        return float("inf"), float("inf")
    scale = np.max(np.abs(want))
    d = np.abs(got - want) / (scale if scale > 0 else 1)
    return float(d[~parallel].max(initial=0)), float(d[parallel].max(initial=0))


def compare(case, got, want, precision):
    """Text of what differs too much, or None."""
    for label, mask, g, w in zip(("x,x", "x,z"), case.entries(precision), got, want):
        for kind in (0, 1):
            name = ("nngp", "ntk")[kind]
            ordinary, parallel = split_diff(g[name], w[name], mask)
            row = 1 if case.jumps else kind
            if ordinary > lib.TOLERANCE[precision][row] or parallel > lib.PARALLEL_TOLERANCE[precision][row]:
                return f"{name}({label}) differs by {ordinary:.3g} (parallel samples: {parallel:.3g})"
    return None


def ill_conditioned(work, case, reference_program):
    """Does the reference's own NTK move by as much when the data move by a unit in the last place? (One channel and one
    tap without a bias: |cos| = 1 between any two samples.) Returns the largest relative change seen."""
    rng = np.random.default_rng(1)
    worst = 0.0
    for _ in range(4):
        noisy = Case.__new__(Case)
        noisy.net, noisy.name = case.net, case.name
        noisy.x = case.x * (1 + 2.0 ** -52 * rng.integers(-1, 2, case.x.shape))
        noisy.z = case.z * (1 + 2.0 ** -52 * rng.integers(-1, 2, case.z.shape))
        for moved, still, mask in zip(noisy.grams(work, reference_program), case.reference, case.entries()):
            worst = max(worst, split_diff(moved["ntk"], still["ntk"], mask)[0])
    return worst


def differs(work, case, got, want, precision, reference_program):
    """`compare`, but a difference in the NTK below what rounding of the data explains does not count."""
    text = compare(case, got, want, precision)
    if text is None or not text.startswith("ntk"):
        return text
    ordinary = max(split_diff(g["ntk"], w["ntk"], m)[0] for g, w, m in zip(got, want, case.entries()))
    allowed = lib.PARALLEL_TOLERANCE[precision][1]
    if ordinary > allowed or precision == "f32":
        return text
    return None if ill_conditioned(work, case, reference_program) * 10 > ordinary else text


# ------------------------------------------------------------------------------------------------------- shrinking

def smaller(net):
    """Nets with one thing less: a layer, a branch, a repetition, an option."""
    def edits(layers):
        for i, layer in enumerate(layers):
            rest = layers[:i], layers[i + 1:]
            yield rest[0] + rest[1]
            for b in layer.get("branches", []):
                yield rest[0] + b + rest[1]
            if "body" in layer:
                yield rest[0] + layer["body"] + rest[1]
                for body in edits(layer["body"]):
                    yield rest[0] + [{**layer, "body": body}] + rest[1]
            for j, b in enumerate(layer.get("branches", [])):
                for branch in edits(b):
                    yield rest[0] + [{**layer, "branches": layer["branches"][:j] + [branch]
                                      + layer["branches"][j + 1:]}] + rest[1]
            for option in ("mask", "masks", "elements", "b", "w", "normalize_edges"):
                if layer.get(option) is not None:
                    yield rest[0] + [{**layer, option: None}] + rest[1]
            for option in ("dilation", "stride"):
                if layer.get(option) and set(layer[option]) != {1}:
                    yield rest[0] + [{**layer, option: (1,) * len(layer[option])}] + rest[1]
    for layers in edits(net["layers"]):
        made = {**net, "layers": layers}
        try:
            net_model.Network(made)
        except net_model.Invalid:
            continue
        yield made


def shrink(work, net, fails):
    """A smaller net for which `fails(net)` is still true, in at most SHRINK_TRIES tries."""
    tries = 0
    progress = True
    while progress and tries < SHRINK_TRIES:
        progress = False
        for candidate in smaller(net):
            tries += 1
            if tries > SHRINK_TRIES:
                break
            if fails(candidate):
                net, progress = candidate, True
                break
    return net


def fails_alone(work, net, options, precision):
    """Does this net by itself fail with these compiler options? (A compiler failure counts.)"""
    case = Case(net, np.random.default_rng(0))
    text = net_model.program([net])
    try:
        reference = work.compile(text, backend="reference")
        case.refer(work, reference)
    except (lib.CompileError, lib.RunError):
        return False
    try:
        got = case.grams(work, work.compile(text, precision=precision, **options))
    except (lib.CompileError, lib.RunError):
        return True
    return differs(work, case, got, case.reference, precision, reference) is not None


# ------------------------------------------------------------------------------------------------------------ runs

class Run:
    def __init__(self, work, report, seed, oracle, options):
        self.work, self.report, self.seed, self.oracle, self.options = work, report, seed, oracle, options
        self.worst = {}
        self.shrunk = 0
        self.not_judged = set()

    def note(self, what, case, got, want):
        """Remember the largest differences, to print at the end."""
        for g, w, mask in zip(got, want, case.entries("f32" if what.startswith("f32") else "f64")):
            for name in ("nngp", "ntk"):
                ordinary, parallel = split_diff(g[name], w[name], mask)
                key = (what, name)
                old = self.worst.get(key, (0.0, 0.0))
                self.worst[key] = (max(old[0], ordinary), max(old[1], parallel))

    def failure(self, net, what, text, fails):
        """Report, with a smaller program for the first few."""
        found = net
        if fails and self.shrunk < 2:
            self.shrunk += 1
            found = shrink(self.work, net, fails)
        self.report.check(False, f"seed {self.seed}, net {net['name']}, {what}: {text}\n"
                                 + indent(net_model.program([net]))
                                 + ("  smaller, still failing:\n" + indent(net_model.program([found]))
                                    if found is not net else ""))

    def file(self, numbered):
        number, nets = numbered
        cases = [Case(n, np.random.default_rng([self.seed, int(n["name"][1:])])) for n in nets]
        cases, program = self.compile_good(cases, "reference backend", dict(backend="reference"), "f64")
        for case in cases:
            try:
                case.refer(self.work, program)
            except lib.RunError as error:
                self.failure(case.net, "reference backend", str(error), None)
        cases = [c for c in cases if c.reference is not None]
        if self.oracle:
            self.against_oracle(cases, program)
        if self.options.reference_only:
            return
        variants = [("f64, all optimizations", {}, "f64")]
        # Nets are run one by one here, where no two share a trunk: check_trunks.py runs them together.
        names = [n for n in self.work.optimizations() if n != "trunks"]
        variants += [(f"f64, --disable={n}", dict(disable=[n]), "f64") for n in names]
        variants.append(("f32, all optimizations", {}, "f32"))
        if names:
            off = names[number % len(names)]
            variants.append((f"f32, --disable={off}", dict(disable=[off]), "f32"))
            variants.append(("f64, all optimizations off", dict(disable=names), "f64"))
        for what, options, precision in variants:
            self.variant(cases, what, options, precision, program)

    def compile_good(self, cases, what, options, precision):
        """Compile all nets into one program; where that fails, one by one to find out which is refused."""
        try:
            text = net_model.program([c.net for c in cases])
            return cases, self.work.compile(text, precision=precision, **options)
        except lib.CompileError as error:
            good = []
            for c in cases:
                try:
                    self.work.compile(net_model.program([c.net]), precision=precision, **options)
                    good.append(c)
                except lib.CompileError as single:
                    self.failure(c.net, what, str(single), None)
            if len(good) == len(cases):
                self.report.check(False, f"seed {self.seed}, {what}: each net compiles alone, all of them do not: {error}")
                return [], None
            if not good:
                return [], None
            return good, self.work.compile(net_model.program([c.net for c in good]), precision=precision, **options)

    def variant(self, cases, what, options, precision, reference_program):
        good, program = self.compile_good(cases, what, options, precision)
        for case in good:
            # The root of the root of float32's rounding is a sixtieth: nothing to compare.
            if precision == "f32" and case.jumps == 2:
                self.not_judged.add(case.name)
                continue

            def fails(net):
                return fails_alone(self.work, net, options, precision)
            try:
                got = case.grams(self.work, program)
            except lib.RunError as error:
                self.failure(case.net, what, str(error), fails)
                continue
            text = differs(self.work, case, got, case.reference, precision, reference_program)
            if text:
                self.failure(case.net, what, text, fails)
            else:
                self.report.check(True, "")
                self.note(what, case, got, case.reference)

    def against_oracle(self, cases, program):
        for case in cases:
            want = []
            for other in (case.x, case.z):
                nngp, ntk = oracle_bridge.gram(self.oracle, case.net, case.x, other)
                want.append({"nngp": nngp, "ntk": ntk})
            text = differs(self.work, case, case.reference, want, "f64", program)
            if text:
                self.failure(case.net, "reference backend against the oracle", text, None)
            else:
                self.report.check(True, "")
                self.note("reference against the oracle", case, case.reference, want)


def indent(text):
    return "".join(f"    {line}\n" for line in text.splitlines())


def main():
    parser = lib.arguments(__doc__)
    parser.add_argument("--count", type=int, default=500 if lib.slow() else 60)
    parser.add_argument("--seed", type=int, default=20240607)
    parser.add_argument("--only", help="comma-separated names of nets (n3,n17) of this seed")
    parser.add_argument("--reference-only", action="store_true", help="compare only reference evaluator and oracle")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    report = lib.Report("check_random")
    print(f"seed {options.seed}, {options.count} nets")
    nets, reached = random_nets.generate(options.count, options.seed)
    missing = random_nets.print_table(reached)
    if options.count >= 60:
        report.check(not missing, f"not reached often enough: {', '.join(missing)}")
    if options.only:
        nets = [n for n in nets if n["name"] in options.only.split(",")]
    oracle = oracle_bridge.load()
    if oracle is None:
        report.skip("the NumPy oracle is absent (ENTK_SHARED); the reference evaluator is not compared with it")
    with lib.Work(options.build, options.keep) as work:
        if not options.reference_only:
            names = [n for n in work.optimizations() if n != "trunks"]
            print("optimizations switched off one at a time:", ", ".join(names))
            report.check(names, "entkc --help lists no optimizations after --disable=NAME")
        run = Run(work, report, options.seed, oracle, options)
        files = [nets[i:i + NETS_PER_FILE] for i in range(0, len(nets), NETS_PER_FILE)]
        lib.parallel(run.file, list(enumerate(files)), options.jobs)
    print(f"  in f32 not judged, for a jump before another nonlinearity: {', '.join(sorted(run.not_judged)) or 'none'}")
    for (what, name), (ordinary, parallel) in sorted(run.worst.items()):
        print(f"  largest difference, {what}, {name}: {ordinary:.2g}; between parallel samples {parallel:.2g}")
    report.exit()


if __name__ == "__main__":
    sys.exit(main())
