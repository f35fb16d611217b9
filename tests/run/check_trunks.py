#!/usr/bin/python3
"""Nets with the same layers up to a vector: `gram` of all of them at once has the bits of each net alone and of programs
compiled without trunks; `--explain=full` names exactly the nets that share, and what looks alike but is not is left alone."""
import json

import numpy as np

import entk_testlib as lib

SHAPE = (7, 7, 2)
SHARING = """
param w = 1.3
def body = conv(3x3, weight_std = w, bias_std = 0.1) -> relu -> (conv(3x3) -> erf + identity) -> avgpool(2x2) -> conv(2x2)
def turning = lift(C4, 3x3, weight_std = w) -> relu -> conv(3x3) -> relu
net bare = image(7x7, channels = 2) -> body -> pool
net linear = image(7x7, channels = 2) -> body -> pool -> dense(bias_std = 0.3)
net turned = image(7x7, channels = 2) -> turning -> pool -> dense
net deep = image(7x7, channels = 2) -> body -> pool -> dense -> (relu -> dense(weight_std = w))^4 -> erf -> dense
net turned_deep = image(7x7, channels = 2) -> turning -> pool -> dense -> leaky_relu(0.2) -> dense
net residual = image(7x7, channels = 2) -> body -> pool -> dense -> relu -> dense -> (relu -> dense + identity)
net flat = image(7x7, channels = 2) -> body -> flatten -> dense
"""
TRUNKS = [{"bare", "linear", "deep", "residual"}, {"turned", "turned_deep"}]

# Pairs that must not share: they differ in one number, one layer, one tap, one padding; or no single vector is behind all
# paths; or the vector is the data itself.
APART = {
    "weight": ("conv(3x3) -> relu -> pool -> dense", "conv(3x3, weight_std = 1.1) -> relu -> pool -> dense"),
    "bias": ("conv(3x3) -> relu -> pool -> dense", "conv(3x3, bias_std = 0.1) -> relu -> pool -> dense"),
    "padding": ("conv(3x3, padding = same) -> relu -> pool", "conv(3x3, padding = circular) -> relu -> pool"),
    "taps": ('conv(3x3, mask = "xx. xxx xxx") -> relu -> pool', 'conv(3x3, mask = ".xx xxx xxx") -> relu -> pool'),
    "slope": ("conv(3x3) -> leaky_relu(0.1) -> pool", "conv(3x3) -> leaky_relu(0.2) -> pool"),
    "repeat": ("conv(3x3) -> (relu -> conv(3x3))^2 -> pool", "conv(3x3) -> (relu -> conv(3x3))^3 -> pool"),
    "group": ("lift(C2, 3x3) -> relu -> pool", "lift(C4, 3x3) -> relu -> pool"),
    "pool": ("conv(3x3) -> relu -> pool", "conv(3x3) -> relu -> sum_pool"),
    "two ends": ("conv(3x3) -> relu -> (pool -> dense + flatten -> dense)", "conv(3x3) -> relu -> (pool -> dense + flatten -> dense) -> relu -> dense"),
}


def shared(text):
    """{net: the nets it shares its trunk with, itself included} from the lines of --explain=full."""
    out = {}
    for line in text.splitlines():
        name, _, rest = line.partition(": trunk: ")
        if rest:
            others = rest.split(" are also those of ")[1].split(":")[0]
            out[name] = {name, *others.split(", ")}
    return out


def explain(work, source):
    result = work.run_compiler([work.write(source), "--explain=full", "-o", work.fresh(".prog")])
    if result.returncode != 0:
        raise lib.CompileError(result, source)
    return shared(result.stdout + result.stderr)


def check_apart(work, report, what):
    left, right = APART[what]
    source = f"net a = image(7x7, channels = 2) -> {left}\nnet b = image(7x7, channels = 2) -> {right}\n"
    try:
        report.check(explain(work, source) == {}, f"different {what}: the nets share a trunk")
        # The same net twice shares: the test above does not pass by never sharing.
        twin = f"net a = image(7x7, channels = 2) -> {left}\nnet b = image(7x7, channels = 2) -> {left}\n"
        report.check((explain(work, twin) != {}) == (what != "two ends"), f"{what}: equal nets do not share")
    except lib.CompileError as error:
        report.check(False, f"{what}: {error}")


def check_bits(work, report, precision):
    rng = np.random.default_rng(3)
    x, z = rng.standard_normal((37, *SHAPE)), rng.standard_normal((5, *SHAPE))
    x[11] = x[4]
    x[12] = 0
    program = work.compile(SHARING, precision=precision)
    without = work.compile(SHARING, precision=precision, disable=["trunks"])
    for sets in ([], ["w=1.7"]):
        together, apart = work.gram(program, x, sets=sets), work.gram(without, x, sets=sets)
        block = work.gram(program, x, z, sets=sets)
        report.check(list(together) == list(apart), f"order of the arrays: {list(together)}, expected {list(apart)}")
        ntk = work.gram(program, x, sets=sets, extra=["--kernel", "ntk", "--tile", "3x5", "--threads", "3"])
        for net in sorted({key.split(".")[0] for key in apart}):
            alone = work.gram(program, x, net=net, sets=sets)
            alone_block = work.gram(program, x, z, net=net, sets=sets)
            for kernel in ("nngp", "ntk"):
                key, where = f"{net}.{kernel}", f"{precision}, {sets}, {net}, {kernel}"
                report.same_bits(together[key], alone[kernel], f"{where}: all at once, and alone")
                report.same_bits(together[key], apart[key], f"{where}: with and without trunks")
                report.same_bits(block[key], alone_block[kernel], f"{where}: gram X Z")
            report.same_bits(ntk[f"{net}.ntk"], alone["ntk"], f"{precision}, {sets}, {net}: the NTK alone, other tiles and threads")


def check_not_finite(work, report):
    """A member whose kernel overflows is named, not the one before it."""
    source = ("def body = conv(3x3) -> relu\nnet small = image(7x7, channels = 2) -> body -> pool -> dense\n"
              "net large = image(7x7, channels = 2) -> body -> pool -> dense(weight_std = 1e200) -> relu -> dense(weight_std = 1e200)\n")
    program, x = work.compile(source), work.array(np.ones((3, *SHAPE)))
    result = work.run_program([program, "gram", x, "-o", work.fresh(".npz")])
    report.check(result.returncode == 2 and "large" in result.stderr, f"infinite kernel: {result.returncode}, {result.stderr}")


def check_chosen(work, report):
    """--net takes several names; the nets come in their order, each with the bits that it has among all."""
    rng = np.random.default_rng(5)
    x = work.array(rng.standard_normal((9, *SHAPE)))
    program = work.compile(SHARING)

    def gram(*arguments):
        out = work.fresh(".npz")
        result = work.run_program([program, "gram", x, "-o", out, *arguments])
        if not report.check(result.returncode == 0, f"gram {arguments}: {result.stderr}"):
            return {}
        with np.load(out) as f:
            return {key: f[key] for key in f.files}

    every = gram()
    for names in (["deep", "bare"], ["turned", "linear", "flat"], [name for line in TRUNKS for name in sorted(line)]):
        chosen = gram("--net", ",".join(names))
        report.check(list(chosen) == [f"{name}.{kernel}" for name in names for kernel in ("nngp", "ntk")],
                     f"--net {','.join(names)}: arrays {list(chosen)}")
        report.check(all(np.array_equal(chosen[key], every[key]) for key in chosen), f"--net {','.join(names)}: other bits")
    report.check(list(gram("--net=flat")) == ["nngp", "ntk"], "--net=flat: names of a single net's arrays")
    info = json.loads(work.run_program([program, "info", "--no-time", "--json", "--net=flat,bare"]).stdout)
    report.check([net["name"] for net in info["nets"]] == ["flat", "bare"], "info --net=flat,bare")
    data = work.fresh(".npz")
    np.savez(data, x_train=rng.standard_normal((12, *SHAPE)), y_train=np.arange(12) % 2)
    for arguments, words in ((["gram", x, "--net=flat,flta"], "flat"), (["gram", x, "--net=flat,flat"], "named twice"),
                             (["gram", x, "--net=flat,"], 'no net ""'), (["fit", data, "--net=flat,bare"], "one net, not 2")):
        result = work.run_program([program, *arguments, "-o", work.fresh(".npz")])
        report.check(result.returncode == 1 and words in result.stderr, f"{arguments}: status {result.returncode}: {result.stderr}")


def without_costs(value):
    """What `compare` says, times and memory left out, and the hashes: they name a recursion, and a trunk cuts one in two."""
    if isinstance(value, dict):
        return {k: without_costs(v) for k, v in value.items() if not k.endswith(("seconds", "bytes", "hash"))}
    return [without_costs(v) for v in value] if isinstance(value, list) else value


def check_compare(work, report):
    """compare says the same of nets on a trunk, in the program's order, as of each alone."""
    rng = np.random.default_rng(8)
    data = work.fresh(".npz")
    y = np.arange(24) % 3
    x = rng.standard_normal((24, *SHAPE)) + y[:, None, None, None]
    np.savez(data, x_train=x[:16], y_train=y[:16], x_test=x[16:], y_test=y[16:])
    said = []
    for disable in ([], ["trunks"]):
        program = work.compile(SHARING, disable=disable)
        result = work.run_program([program, "compare", data, "--sizes", "6,12", "--seeds", "2", "--json", "-", "-q"])
        report.check(result.returncode == 0, f"compare: {result.stderr}")
        if result.returncode == 0:
            said.append(without_costs(json.loads(result.stdout)))
            said[-1].pop("program", None)
    report.check(len(said) == 2 and said[0] == said[1], "compare differs with and without trunks")


def main():
    options = lib.arguments(__doc__).parse_args()
    report = lib.Report("check_trunks")
    with lib.Work(options.build, options.keep) as work:
        found = explain(work, SHARING)
        want = {name: trunk for trunk in TRUNKS for name in trunk}
        report.check(found == want, f"--explain finds the trunks {found}, expected {want}")
        lib.parallel(lambda precision: check_bits(work, report, precision), ("f64", "f32"))
        lib.parallel(lambda what: check_apart(work, report, what), APART)
        check_not_finite(work, report)
        check_chosen(work, report)
        check_compare(work, report)
    report.exit()


if __name__ == "__main__":
    main()
