#!/usr/bin/python3
"""`check` of compiled programs: z-scores and the slope of the error, every domain, data of one's own, parameters, files that
are gone, refusals, interruption. (What it must find wrong is tested on wrong kernels, in tests/unit/test_check.c; finite
networks that share nothing with it are in check_finite.py.)"""
import glob
import json
import os
import signal
import subprocess
import time

import numpy as np

import entk_testlib as lib

C4 = ("net c4 = image(6x6) -> lift(C4, 3x3, padding = valid) -> relu -> conv(2x2, padding = valid) -> relu -> pool"
      " -> dense\n")
# Together: all domains, linear maps of the index, supports, paddings, strides, branches and repeats.
DOMAINS = """
net vectors = vector(5) -> dense(bias_std = 0.3) -> (erf -> dense)^2 -> leaky_relu -> skip(dense -> relu -> dense) -> dense
net signals = signal(9, channels = 2) -> lift(D1, 3, stride = 2) -> relu -> conv(3, padding = circular) -> abs -> flatten -> dense
net volumes = volume(3x3x3) -> lift(O, 2x2x2, padding = valid) -> relu -> pool -> dense
net images  = image(7x6, channels = 3) -> conv(3x3, stride = 2, bias_std = 0.2) -> (relu -> conv(3x3, dilation = 2) + identity)
              -> sigmoid_like -> sumpool(2x2, stride = 1) -> conv(1x1) -> relu -> sum_pool -> dense
net groups  = image(4x4) -> lift(D4, 3x3, mask = "xx. .x. ...") -> abrelu(0.3, 1) -> pool(over = elements) -> conv(2x2) -> relu
              -> lift(C2, 1x1) -> erf -> pool(over = positions) -> conv(elements = [1]) -> relu -> pool -> dense
"""
# Layers that scale by a sample's own variances or masks, joins of all kinds, and limits that depend on widths.
LAYERS = """
net norms    = image(4x4) -> lift(C4, 3x3, mask = "xx. .x. ...") -> layernorm(over = elements) -> relu -> conv(2x2, elements = [0, 1])
               -> layernorm(over = [elements, positions], eps = 0.1) -> erf -> conv(1x1) -> layernorm -> relu -> flatten -> dense
net masks    = image(4x4) -> conv(3x3) -> relu -> dropout(0.7) -> conv(2x2) -> dropout(0.5, mode = test) -> erf -> dropout(0.6) -> pool
               -> dense
net copies   = augment(C4, image(3x3) -> conv(2x2) -> relu -> dropout(0.6) -> flatten -> dense) -> dropout(0.8) -> dense
net products = image(4x4) -> conv(3x3) -> (conv(3x3) * relu -> conv(1x1)) -> conv(1x1) -> relu -> pool -> dense
net axes     = image(4x3) -> lift(D1, 3x3) -> concat(relu -> conv(2x2), conv(1x1), conv(1x1, stride = 2x1), axis = 0) -> relu
               -> concat(conv(2x2), conv(1x1), axis = 1) -> relu -> conv(2x2) -> pool -> dense
default(width = 8)
net channels = image(4x4, channels = 2) -> concat(conv(3x3, width = 4) -> relu, conv(3x3) -> erf, identity) -> conv(2x2) -> relu
               -> pool -> (concat(dense(width = 3), dense(width = 5) -> relu) + dense) -> dense
default(parameterization = standard)
net own      = image(4x4, channels = 2) -> conv(3x3, bias_std = 0.2, s = [1, 2]) -> relu -> lift(C2, 1x1, s = [3, 1], weight_std = 1.4)
               -> relu -> flatten -> dense(bias_std = 0) -> relu -> concat(dense(width = 100), dense(width = 7) -> erf) -> dense
"""
AUGMENT = """
def body = conv(3x3, padding = valid) -> relu -> conv(2x2, padding = valid) -> relu -> pool
net augmented = augment(C4, image(6x6) -> body) -> dense
net c4        = image(6x6) -> lift(C4, 3x3, padding = valid) -> relu -> conv(2x2, padding = valid) -> relu -> pool -> dense
"""
QUICK = ["--widths=8,16,32", "--nets=40", "--samples=3"]


def check(program, *args, status=0, report=None, text=""):
    """Runs `check`; returns its JSON (None when it wrote none)."""
    out = program + ".json"
    result = lib.Work.run_program([program, "check", f"--json={out}", *args])
    if report is not None:
        report.check(result.returncode == status, f"{text}: status {result.returncode}, expected {status}: "
                     f"{result.stdout}{result.stderr}")
    if not os.path.exists(out):
        return None
    with open(out) as f:
        found = json.load(f)
    os.unlink(out)
    return found


def c4_net(report, work):
    """The error of one network falls as width^-1/2, and the means agree: in both precisions."""
    for precision in ("f64", "f32"):
        nets = 100 if precision == "f64" else 20
        net = check(work.compile(C4, precision=precision), "--widths=16,32,64,128", f"--nets={nets}", report=report,
                    text=f"c4 {precision}")["nets"][0]
        for kernel in ("nngp", "ntk"):
            k = net[kernel]
            report.check(len(k["z"]) == 10 and k["rms_z"] < 2 and k["p"] > 1e-3 and k["largest_z"] == max(map(abs, k["z"])),
                         f"c4 {precision} {kernel}: z-scores {k['z']}")
            report.check(k["slope_error"] < 0.2, f"c4 {precision} {kernel}: slope known to {k['slope_error']} only")
            if precision == "f64":
                report.check(abs(k["slope"] + 0.5) < 0.15, f"c4 {kernel}: slope {k['slope']}")
                report.check(k["standard_error"] < 0.04, f"c4 {kernel}: standard error {k['standard_error']}")
                print(f"  c4 {kernel}: slope {k['slope']:.3f} +- {k['slope_error']:.3f}, largest |z| {k['largest_z']:.2f}")


def domains(report, work):
    for backend in (None, "reference"):
        program = work.compile(DOMAINS, backend=backend)
        report.check(check(program, *QUICK, report=report, text=f"domains {backend}") is not None, "no JSON")


def layers(report, work):
    for backend in (None, "reference"):
        program = work.compile(LAYERS, backend=backend)
        report.check(check(program, *QUICK, report=report, text=f"layers {backend}") is not None, "no JSON")


def accepted(report, work):
    """The nets of the accept tests, whatever they hold: long ones in the slow run only."""
    count = 0
    for path in sorted(glob.glob(os.path.join(lib.ROOT, "tests", "accept", "network_*.entk"))):
        if os.path.basename(path) in ("network_repeats.entk", "network_residual.entk") and not lib.slow():
            continue
        out = work.fresh(".prog")
        result = work.run_compiler([path, "-o", out])
        if "E0607" in result.stderr or "is not available" in result.stderr or os.path.exists(path[:-5] + ".args"):
            continue        # layers without a kernel; files that need arguments
        if not report.check(result.returncode == 0, f"{path}: {result.stderr}"):
            continue
        found = check(out, "--widths=8,16", "--nets=12", "--samples=2", "--max-time=60")
        for net in found["nets"]:
            refused = any(reason in net.get("refusal", "") for reason in ("more than 20000 layers", "that no function has"))
            if not refused and not net.get("consistent"):       # narrow networks of products have heavy tails
                net = check(out, "--widths=32,64,128", "--nets=40", "--samples=2", f"--net={net['net']}")["nets"][0]
            report.check(refused or net.get("consistent"), f"{path}: {net}")
            count += not refused
    report.check(count >= 20, f"only {count} nets of the accept tests were checked")


def same_bits(report, work):
    """Networks do not depend on the number of threads, but on the seed."""
    program = work.compile(C4)
    one, three = (check(program, *QUICK, f"--threads={t}", report=report, text="threads") for t in (1, 3))
    report.check(one == three, "results depend on the number of threads")
    other = check(program, *QUICK, "--seed=2", report=report, text="seed")
    report.check(one["nets"][0]["nngp"]["z"] != other["nets"][0]["nngp"]["z"], "results do not depend on the seed")


def augmentation(report, work):
    """augment(C4, net) has the kernels of the C4 net, and finite networks of either agree with them."""
    found = check(work.compile(AUGMENT), *QUICK, report=report, text="augment")
    pair = found["augmentations"]
    report.check(len(pair) == 1 and pair[0]["augmented"] == "augmented" and pair[0]["equivariant"] == "c4", f"pairs: {pair}")
    report.check(pair[0]["nngp"] < lib.TOLERANCE["f64"][0] and pair[0]["ntk"] < lib.TOLERANCE["f64"][1],
                 f"kernels of augmented and c4 differ: {pair[0]}")


def parameters(report, work):
    """The finite networks follow the program: entkc --set, --set of the program, includes; the files may be gone."""
    work.write("def block = conv(3x3, weight_std = w, bias_std = w / 2) -> relu\n", "blocks.entk")
    source = work.write('param w = 1.2\nlet size = 9x9\ninclude "blocks.entk"\n'
                        "net n = image(size) -> block -> pool -> dense(weight_std = w)\n", "main.entk")
    program = work.compile(source, sets=["size=4x4"])
    os.unlink(source)
    os.unlink(work.path("blocks.entk"))
    first = check(program, *QUICK, report=report, text="parameters")
    second = check(program, *QUICK, "--set=w=2.4", report=report, text="parameters, --set")
    ratio = np.divide(second["nets"][0]["nngp"]["kernel"], first["nets"][0]["nngp"]["kernel"])
    report.check(np.allclose(ratio, 16), f"--set w: NNGP times {ratio}, expected 16")


def data(report, work):
    """Samples from arrays and data sets; what is wrong with them is said before anything is drawn."""
    program = work.compile(C4)
    rng = np.random.default_rng(3)
    images = rng.integers(0, 255, (20, 6, 6), dtype=np.uint8)
    np.savez(work.path("set.npz"), x_train=images, y_train=np.arange(20), x_test=images[:5], y_test=np.arange(5))
    np.save(work.path("two.npy"), rng.standard_normal((2, 6, 6, 1)))
    np.savez(work.path("other.npz"), a=images, b=images)
    np.save(work.path("nan.npy"), np.full((3, 6, 6), np.nan))
    np.save(work.path("shape.npy"), np.zeros((3, 5, 6)))
    np.save(work.path("black.npy"), np.zeros((2, 6, 6)))
    for name, samples in (("set.npz", 3), ("two.npy", 2), ("set.npz:x_test", 3), ("other.npz:b", 3), ("black.npy", 2)):
        found = check(program, work.path(name), *QUICK, report=report, text=name)
        report.check(found["nets"][0]["samples"] == samples, f"{name}: {found['nets'][0]['samples']} samples")
    for name, words in (("other.npz", "a, b"), ("nan.npy", "NaN at index"), ("shape.npy", "6"), ("none.npy", "none.npy")):
        result = work.run_program([program, "check", work.path(name), *QUICK])
        report.check(result.returncode == 1 and words in result.stderr and result.stderr.count("\n") == 1,
                     f"{name}: status {result.returncode}: {result.stderr}")


def quick(report, work):
    """--quick takes a fraction of the time, and leaves alone what is given; the text says what was tested and how well."""
    program = work.compile("net n = image(8x8) -> lift(C4, 3x3) -> relu -> conv(3x3) -> relu -> pool -> dense\n")
    usual = check(program, "--max-time=0", status=1, report=report, text="usual")["nets"][0]["refusal"]
    found = check(program, "--quick", report=report, text="--quick")["nets"][0]
    report.check([row["width"] for row in found["ntk"]["widths"]] == [16, 32, 64] and found["samples"] == 3,
                 f"--quick: {[row['width'] for row in found['ntk']['widths']]}, {found['samples']} samples")
    report.check(found["level"] == 0.001 and 0.05 < found["detectable"] < 1, f"--quick: {found['level']}, {found['detectable']}")
    report.check("take about" in usual, f"the usual check without time: {usual}")
    for given in (["--quick", "--widths=8,16"], ["--widths=8,16", "--quick"]):
        other = check(program, *given, "--nets=10", report=report, text=f"{given}")["nets"][0]
        report.check([row["width"] for row in other["nngp"]["widths"]] == [8, 16] and other["samples"] == 3, f"{given}")
    for kernel, name in (("both", "NNGP and NTK"), ("nngp", "NNGP"), ("ntk", "NTK")):
        said = work.run_program([program, "check", "--quick", "--nets=10", f"--kernel={kernel}"]).stdout
        for part in ("consistent: the means differ from the kernel by no more than chance (p = ", "below 0.001",
                     f"tested: {name} of 6 pairs; a right kernel is refused once in 1000 checks at most"):
            report.check(part in said, f"--kernel={kernel}: the text does not say {part!r}: {said}")


def refusals(report, work):
    """A net that is too large is named with what it would take, the others are checked; wrong options are named."""
    source = work.write("let size = 32x32\nnet deep = image(size, channels = 3) -> (conv(3x3) -> relu)^20 -> pool -> dense\n"
                        "net small = image(4x4) -> conv(2x2) -> relu -> pool -> dense\n")
    program = work.compile(source)
    begin = time.time()
    result = work.run_program([program, "check", "--nets=1000", "--widths=16,64", "--max-time=60"])
    report.check(result.returncode == 1 and "deep: not checked: its finite networks take about" in result.stderr
                 and "--set size=" in result.stderr and "net small: 10 pairs" in result.stdout,
                 f"a large net: status {result.returncode}: {result.stdout}{result.stderr}")
    print(f"  refused a large net and checked a small one in {time.time() - begin:.1f} s")
    found = check(program, "--widths=8,16", "--nets=10", "--net=deep", "--max-time=0", status=1, report=report, text="--max-time")
    report.check("take about" in found["nets"][0]["refusal"], f"JSON of a refusal: {found}")
    for args, words in ((["--widths=64"], "at least two widths"), (["--samples=0"], "--samples"), (["--wdiths=8,16"], "--widths"),
                        (["--json=/no/such/folder/x.json"], "/no/such/folder"), (["--kernel=x"], "nngp, ntk or both")):
        result = work.run_program([program, "check", *args])
        report.check(result.returncode in (1, 3) and words in result.stderr and result.stderr.count("\n") == 1,
                     f"{args}: status {result.returncode}: {result.stderr}")
    report.check(work.run_program([program, "check", "--help"]).returncode == 0, "--help")


def interruption(report, work):
    program = work.compile(C4)
    out = work.path("interrupted.json")
    process = subprocess.Popen([program, "check", "--nets=100000", "--max-time=1e9", f"--json={out}"],
                               stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    time.sleep(0.7)
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=60)[1]
    report.check(process.returncode == 130 and "interrupted" in error and not os.path.exists(out),
                 f"Ctrl-C: status {process.returncode}: {error}")


def main():
    options = lib.arguments(__doc__).parse_args()
    report = lib.Report("check_widths")
    with lib.Work(options.build, options.keep) as work:
        for test in (c4_net, domains, layers, accepted, same_bits, augmentation, parameters, data, quick, refusals, interruption):
            begin = time.time()
            try:
                test(report, work)
            except (lib.CompileError, lib.RunError) as error:
                report.check(False, f"{test.__name__}: {error}")
            print(f"  {test.__name__}: {time.time() - begin:.1f} s")
    report.exit()


if __name__ == "__main__":
    main()
