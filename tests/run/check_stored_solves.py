#!/usr/bin/python3
"""fit, eval and spectrum with the training set's kernels from a store: the same numbers as with kernels computed on the
spot, and a store of other samples, params, kernels or nets is refused by name."""
import json

import numpy as np

import entk_testlib as lib

SOURCE = """
param w = 1.2
net a = image(5x5, channels = 2) -> conv(3x3, weight_std = w, bias_std = 0.1) -> relu -> pool -> dense
net b = image(5x5, channels = 2) -> conv(3x3, weight_std = w, bias_std = 0.1) -> relu -> flatten -> dense
"""


def dataset(work, seed):
    rng = np.random.default_rng(seed)
    y = np.arange(45) % 3
    x = rng.standard_normal((45, 5, 5, 2)) + y[:, None, None, None]
    path = work.fresh(".npz")
    np.savez(path, x_train=x[:30], y_train=y[:30], x_test=x[30:], y_test=y[30:])
    return path


def numbers(text):
    """JSON without the times, which differ."""
    def clean(value):
        if isinstance(value, dict):
            return {k: clean(v) for k, v in value.items() if not k.endswith("seconds")}
        return [clean(v) for v in value] if isinstance(value, list) else value
    return clean(json.loads(text))


def main():
    options = lib.arguments(__doc__).parse_args()
    report = lib.Report("check_stored_solves")
    with lib.Work(options.build, options.keep) as work:
        program, data = work.compile(SOURCE), dataset(work, 1)
        store, ntk_only = work.fresh(".gram"), work.fresh(".gram")

        def run(*arguments):
            return work.run_program([program, *arguments])

        for output, extra in ((store, ()), (ntk_only, ("--kernel", "ntk", "--net", "a"))):
            made = run("gram", data + ":x_train", "-o", output, *extra)
            report.check(made.returncode == 0, f"gram -o {output}: {made.stderr}")
        for command in ("eval", "spectrum"):
            for kernel in ("ntk", "nngp"):
                computed, stored = (run(command, data, "--kernel", kernel, "--json", "-", *extra) for extra in ((), ("--gram", store)))
                good = computed.returncode == stored.returncode == 0 and numbers(computed.stdout) == numbers(stored.stdout)
                report.check(good, f"{command}, {kernel}: differs with kernels from the store: {stored.stderr}")
        models = []
        for extra in ((), ("--gram", store)):
            models.append(work.fresh(".npz"))
            fitted = run("fit", data, "--net", "a", "-o", models[-1], *extra)
            report.check(fitted.returncode == 0, f"fit {extra}: {fitted.stderr}")
        report.check(open(models[0], "rb").read() == open(models[1], "rb").read(), "fit: another model with kernels from the store")

        # An output that is an input would destroy it.
        single = work.fresh(".npy")
        np.save(single, np.load(data)["x_train"])
        for arguments in (("gram", single, "-o", single), ("gram", data + ":x_train", "-o", data), ("fit", data, "--net", "a", "-o", data),
                          ("eval", data, "--json", data), ("predict", models[0], single, "-o", models[0]),
                          ("predict", models[0], single, "-o", single), ("spectrum", data, "--json", data)):
            inputs = {path: open(path, "rb").read() for path in (single, data, models[0])}
            result = run(*arguments)
            kept = all(open(path, "rb").read() == content for path, content in inputs.items())
            report.check(result.returncode == 1 and kept and "input" in result.stderr, f"{arguments}: {result.returncode}, {result.stderr}")

        for what, arguments, words in (
                ("other samples", ("eval", dataset(work, 2), "--gram", store), ("data", "x")),
                ("other params", ("eval", data, "--gram", store, "--set", "w=1.3"), ("param",)),
                ("a net that is not there", ("eval", data, "--net", "b", "--gram", ntk_only), ("b",)),
                ("a kernel that is not there", ("eval", data, "--net", "a", "--kernel", "nngp", "--gram", ntk_only), ("NTK",)),
                ("no store", ("eval", data, "--gram", work.fresh(".gram")), ("cannot open",))):
            result = run(*arguments)
            said = all(word.lower() in result.stderr.lower() for word in words)
            report.check(result.returncode in (1, 3) and said, f"{what}: status {result.returncode}, {result.stderr}")
    report.exit()


if __name__ == "__main__":
    main()
