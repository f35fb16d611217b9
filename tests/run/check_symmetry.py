#!/usr/bin/python3
"""The symmetry proof: verdicts of `--explain=full` on the programs of golden/symmetry.json, and its warnings (docs/math.md,
KR-23, KR-24) against kernels: a program is warned about exactly where turning one image changes what it computes."""
import json
import os
import re

import numpy as np

import entk_groups
import entk_testlib as lib

# Without warning nothing may change but by rounding (near correlation one the NTK turns a unit in the last place into 1e-8);
# the smallest change measured where the symmetry is broken is 1e-3.
UNCHANGED, CHANGED = 1e-8, 1e-5
NAMES = {"LiftConv": "lift", "GroupConv": "conv", "AvgPool": "avgpool", "SumPool": "sumpool"}


def verdict(work, path):
    """(verdict, layer, reason, number of warnings) of a program with one net."""
    result = work.run_compiler([path, "--explain=full", "--backend=reference", "--diag=line"])
    if result.returncode != 0:
        raise lib.CompileError(result, path)
    found = re.search(r"symmetry: (image average|relative index|general|none)$", result.stdout, re.M)
    stop = re.search(r"no stronger reduction at \S+, (\w+): (.*)$", result.stdout, re.M)
    warnings = re.findall(r":warning:W0501:", result.stderr)
    return found.group(1) if found else None, stop.group(1) if stop else "", stop.group(2) if stop else "", len(warnings)


def expected_verdict(entry):
    return "image average" if entry["theorem_b"] else "relative index" if entry["theorem_a"] else "general"


def input_of(text):
    """Shape of the input's array and matrices of the group of the (only) lift."""
    kind, dims, channels = re.search(r"(signal|image|volume)\(([0-9x]+)(?:, channels = (\d+))?\)", text).groups()
    shape = [int(n) for n in dims.split("x")]
    name = re.search(r"lift\((\w+)", text).group(1)
    made = re.search(rf"group {name} = (.*)", text)
    if name == "T": # not among the groups of the random tests
        cycle = entk_groups.swap(3, 0, 1) @ entk_groups.swap(3, 1, 2)
        matrices = entk_groups.close(3, [cycle, entk_groups.flip(3, 0) @ entk_groups.flip(3, 1)])
    else:
        matrices = entk_groups.group(made.group(1) if made else name, len(shape)).matrices
    return shape + [int(channels or 1)], matrices


def change(work, path, text, seed):
    """Largest relative change of both kernels over turns of the right image by elements that keep its shape."""
    shape, matrices = input_of(text)
    rng = np.random.default_rng(seed)
    x, z = rng.standard_normal((2, *shape)), rng.standard_normal(shape)
    turned = [lib.act(m, z) for m in matrices]
    if len(turned) > 8: # Oh on a volume: some of them
        turned = [turned[i] for i in [0, *rng.permutation(np.arange(1, len(turned)))[:5]]]
    turned = [t for t in turned if list(t.shape) == shape]
    got = work.gram(work.compile(path, backend="reference"), x, np.stack(turned))
    return max(float(np.max(np.abs(k / k[:, :1] - 1))) for k in (got["nngp"], got["ntk"]))


def check_entry(work, report, number, entry):
    name = f"program {number} ({entry['label']})"
    path = work.write(entry["entk"])
    try:
        got, layer, reason, warnings = verdict(work, path)
    except lib.CompileError as error:
        report.check(False, f"{name}: {error}")
        return
    report.check(got == expected_verdict(entry), f"{name}: verdict {got}, stored {expected_verdict(entry)}")
    stored_layer, _, stored_reason = entry["reason"].rpartition(": ")
    if stored_layer:
        stored_layer = NAMES[stored_layer]
        report.check(layer == stored_layer, f"{name}: stops at \"{layer}\", stored \"{stored_layer}\"")
    report.check(reason == stored_reason, f"{name}: reason \"{reason}\", stored \"{stored_reason}\"")
    difference = change(work, path, entry["entk"], number)
    report.check(difference < UNCHANGED or difference > CHANGED, f"{name}: change {difference:.2g} decides nothing")
    report.check(warnings == (difference > CHANGED), f"{name}: {warnings} warnings, yet turning an image changes the kernels by {difference:.2g}")


# Where invariance is not asked for, or lost elsewhere than in the stored programs: (source, verdict, warned).
MORE = [
    ("net n = image(8x8) -> conv(3x3) -> relu -> pool -> dense", "none", False),
    # flatten heads are not invariant by design
    ("net n = image(8x8) -> lift(C4, 3x3, stride = 2) -> relu -> flatten -> dense", "relative index", False),
    ("net n = image(8x8) -> conv(3x3) -> relu -> lift(C4, 3x3) -> relu -> flatten -> dense", "relative index", False),
    # a bare H, pooled at last
    ("net n = image(7x7) -> lift(C4, 3x3) -> relu -> pool(over = positions) -> conv -> relu -> pool -> dense",
     "relative index", False),
    ("net n = image(8x8) -> lift(C4, 3x3, stride = 2) -> relu -> pool(over = positions) -> conv -> relu -> pool -> dense",
     "relative index", True),
    # a window pool behind the pool over elements
    ("net n = image(6x6) -> lift(C4, 3x3) -> relu -> pool(over = elements) -> avgpool(2x2) -> pool -> dense",
     "image average", False),
    ("net n = image(7x7) -> lift(C4, 3x3) -> relu -> pool(over = elements) -> avgpool(2x2) -> pool -> dense",
     "relative index", True),
    # an even circular filter displaces the centre: six of them bring it back
    ("net n = image(6x6) -> lift(C4, 1x1) -> relu -> (conv(2x2, padding = circular) -> relu)^6 -> conv(3x3) -> relu -> pool",
     "image average", False),
    ("net n = image(6x6) -> lift(C4, 1x1) -> relu -> (conv(2x2, padding = circular) -> relu)^5 -> conv(3x3) -> relu -> pool",
     "relative index", True),
    ("net n = image(6x6) -> lift(C4, 3x3, padding = circular) -> relu"
     " -> (conv(2x2, padding = circular) + conv(3x3, padding = circular)) -> relu -> pool", "relative index", True),
    # an asymmetric filter that reaches differently along exchanged axes, with equal anchors: invariant all the same
    ("net n = image(6x6) -> lift(C4, 3x5) -> relu -> pool -> dense", "general", False),
    ("net n = image(6x6) -> lift(C4, 3x3, mask = \"x.. ... ...\", dilation = 2) -> relu -> pool -> dense", "general", False),
    # dilated filters are even or odd as their extent is
    ("net n = image(8x8) -> lift(C4, 2x2, dilation = 2) -> relu -> pool -> dense", "image average", False),
    ("net n = image(8x8) -> lift(C4, 2x2, dilation = 3) -> relu -> pool -> dense", "relative index", True),
    # a plain convolution that the group leaves alone
    ("net n = image(6x6) -> conv(3x1) -> relu -> lift(D1, 3x3) -> relu -> pool -> dense", "image average", False),
    ("net n = image(6x6) -> conv(1x3) -> relu -> lift(D1, 3x3) -> relu -> pool -> dense", "relative index", True),
    ("net n = image(6x6) -> conv(3x3) -> relu -> lift(C1, 3x3) -> relu -> pool -> dense", "image average", False),
    # supports that restore the relative index do not change the verdict: it is about all layers
    ("net n = image(6x6) -> lift(C4, 3x3, mask = \".x. .xx ...\") -> relu -> conv(3x3) -> relu -> pool -> dense", "general",
     False),
    # concatenations along an axis
    ("net n = image(5x5) -> lift(D1, 3x3) -> concat(relu -> conv(3x3), relu -> conv(1x1), axis = 1) -> relu"
     " -> conv(3x3) -> relu -> pool -> dense",
     "relative index", True),
    ("net n = image(5x5) -> lift(D1, 3x3) -> concat(relu -> conv(3x3), relu -> conv(1x1), axis = 0) -> relu"
     " -> conv(3x3) -> relu -> pool -> dense",
     "relative index", False), # the mirror leaves axis 0 alone, which the criterion does not look at
    ("net n = image(5x5) -> lift(D1, 3x3) -> concat(relu -> conv(3x3), relu -> conv(1x1), axis = 1) -> relu"
     " -> conv(1x1) -> relu -> pool -> dense",
     "image average", False),
    ("net n = image(5x5) -> lift(D1, 3x3) -> concat(relu -> conv(1x2, padding = valid), relu"
     " -> conv(1x1), axis = 1) -> relu -> pool -> dense",
     "relative index", False), # unequal branches, each of which turns about its own centre
    ("net n = image(5x5) -> lift(D1, 3x3) -> concat(relu -> conv(2x2, padding = circular), relu"
     " -> conv(1x1), axis = 1) -> relu -> pool -> dense",
     "relative index", False),
    # products and concatenations of channels join position with position
    ("net n = image(5x5) -> lift(C4, 3x3) -> (conv(2x2, padding = circular) * conv(3x3)) -> conv(1x1) -> relu"
     " -> pool -> dense", "relative index", True),
    ("net n = image(5x5) -> lift(C4, 3x3)"
     " -> concat(conv(2x2, padding = circular, width = 3), conv(3x3, width = 4)) -> conv(1x1) -> relu -> pool -> dense",
     "relative index", True),
    # scalings leave positions where they are
    ("net n = image(5x5) -> lift(C4, 3x3) -> layernorm(over = [positions]) -> gelu -> dropout(0.5) -> conv(2x2)"
     " -> sin -> pool -> dense", "relative index",
     True),
    ("net n = image(5x5) -> lift(C4, 3x3, mask = \".x. .xx ...\") -> gelu -> pool -> dense", "general", False),
    ("net n = image(5x5) -> conv(1x1) -> gelu -> conv(3x3) -> pool -> dense", "none", False),
]


def check_more(work, report, number):
    source, wanted, warned = MORE[number]
    path = work.write(source + "\n")
    got, _, _, warnings = verdict(work, path)
    report.check(got == wanted, f"{source}: verdict {got}, expected {wanted}")
    report.check(warnings == warned, f"{source}: {warnings} warnings, expected {int(warned)}")
    if "lift" not in source or "flatten" in source:
        return
    difference = change(work, path, source, 1000 + number)
    report.check((difference > CHANGED) == warned and (difference < UNCHANGED) != warned,
                 f"{source}: turning an image changes the kernels by {difference:.2g}")


def main():
    options = lib.arguments(__doc__).parse_args()
    report = lib.Report("check_symmetry")
    with lib.Work(options.build, options.keep) as work:
        lib.parallel(lambda i: check_more(work, report, i), range(len(MORE)))
        folder = lib.golden_folder()
        if folder is None:
            report.skip(f"no golden values at {os.path.join(lib.shared_folder(), 'golden')} (ENTK_SHARED)")
        else:
            with open(os.path.join(folder, "symmetry.json")) as f:
                entries = json.load(f)
            report.check(len(entries) == 117, f"{len(entries)} programs in symmetry.json, expected 117")
            lib.parallel(lambda i: check_entry(work, report, i, entries[i]), range(len(entries)))
    report.exit()


if __name__ == "__main__":
    main()
