#!/usr/bin/python3
"""`compare` and the data generator: the same splits for all nets, numbers that equal `eval`'s, tables, JSON, figures, and
rotations that are worth knowing on the example's textures."""
import json
import os
import subprocess
import sys

import numpy as np

import entk_testlib as lib

GENERATOR = os.path.join(lib.ROOT, "examples", "make_textures.py")
ROTATIONS = os.path.join(lib.ROOT, "tests", "run", "rotations.entk")
EXAMPLE = os.path.join(lib.ROOT, "examples", "histology.entk")
# twin is the same network under another name.
NETS = """net first = image(5x5) -> conv(3x3, bias_std = 0.2) -> relu -> pool -> dense
net wider = image(5x5) -> conv(5x5, bias_std = 0.2) -> relu -> pool -> dense -> relu -> dense
net twin = image(5x5) -> conv(3x3, bias_std = 0.2) -> relu -> pool -> dense
"""


def textures(work, *options):
    path = work.fresh(".npz")
    subprocess.run([sys.executable, GENERATOR, path, *options], check=True)
    return path


def save(work, **arrays):
    path = work.fresh(".npz")
    np.savez(path, **arrays)
    return path


def compare(work, program, data, *options):
    """(JSON, table)"""
    path = work.fresh(".json")
    command = [program, "compare", data, "--json", path, *options]
    result = work.run_program(command)
    if result.returncode != 0:
        raise lib.RunError(result, command)
    with open(path) as f:
        return json.load(f), result.stdout


def evaluate(work, program, data, *options):
    command = [program, "eval", data, "--json", "-", *options]
    result = work.run_program(command)
    if result.returncode != 0:
        raise lib.RunError(result, command)
    return {r["net"]: r for r in json.loads(result.stdout)}


def stripes(seed, n, noise=0.5):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % 3)
    a, b = np.meshgrid(np.linspace(-1, 1, 5), np.linspace(-1, 1, 5), indexing="ij")
    x = np.stack([np.cos(3 * (a * np.cos(k) + b * np.sin(k)) + rng.uniform(-1, 1)) for k in y])
    return x + noise * rng.standard_normal(x.shape), y


# ---------------------------------------------------------------------------------------------------------- generator

def check_generator(work, report):
    files = [textures(work, *options) for options in ((), (), ("--seed", "1"))]
    contents = [np.load(f) for f in files]
    report.check(open(files[0], "rb").read() == open(files[1], "rb").read(), "equal arguments give different files")
    report.check(not np.array_equal(contents[0]["x_train"], contents[2]["x_train"]), "the seed has no effect")
    d = contents[0]
    report.check(d["x_train"].shape == (500, 16, 16, 3) and d["x_train"].dtype == np.uint8 and d["x_test"].shape == (250, 16, 16, 3),
                 "shapes of the patches")
    classes = len(d["classes"])
    counts = np.bincount(d["y_train"], minlength=classes)
    report.check(counts.max() - counts.min() <= 1, "classes are not equally frequent")
    # Colour and brightness: nearest class in means, deviations and quantiles of the channels.
    features = [np.concatenate([x.mean((1, 2)), x.std((1, 2)), np.quantile(x, (0.1, 0.5, 0.9), axis=(1, 2)).transpose(1, 0, 2).reshape(len(x), -1)], 1)
                for x in (d["x_train"] / 255, d["x_test"] / 255)]
    mean, deviation = features[0].mean(0), features[0].std(0) + 1e-9
    train, test = ((f - mean) / deviation for f in features)
    centers = np.stack([train[d["y_train"] == c].mean(0) for c in range(classes)])
    guess = ((test[:, None] - centers) ** 2).sum(-1).argmin(1)
    accuracy = np.mean(guess == d["y_test"])
    # 300 guesses at 1/6: standard deviation 0.0215.
    report.check(accuracy < 1 / classes + 4 * 0.0215, f"colour alone reaches {accuracy:.3f}")
    small = np.load(textures(work, "--size", "9", "--train", "7", "--test", "2"))
    report.check(small["x_train"].shape == (7, 9, 9, 3) and small["x_test"].shape == (2, 9, 9, 3), "--size, --train, --test")
    bad = subprocess.run([sys.executable, GENERATOR, work.path("no.npz"), "--size", "0"], capture_output=True)
    report.check(bad.returncode != 0 and not work.exists(work.path("no.npz")), "--size 0 is accepted")


# -------------------------------------------------------------------------------------------------------------- numbers

def check_numbers(work, report, program):
    (x1, y1), (x2, y2) = stripes(1, 60), stripes(2, 40)
    data = save(work, x_train=x1, y_train=y1, x_test=x2, y_test=y2)
    result, table = compare(work, program, data, "--sizes=12,30,60", "--seeds=4", "--ridge=1e-3")
    nets = {n["net"]: n["results"] for n in result["nets"]}
    report.check(list(nets) == ["first", "wider", "twin"] and result["seeds"] == 4 and result["pool"] == 60 and result["test"] == 40,
                 "JSON: what was compared")
    report.check([r["train"] for r in nets["first"]] == [12, 30, 60], "JSON: sizes")
    for a, b in zip(nets["first"], nets["twin"]):
        report.check(a["accuracy"]["values"] == b["accuracy"]["values"] and a["mse"] == b["mse"],
                     f"equal nets differ with {a['train']} samples: not the same training sets")
        report.check(b["difference"]["mean"] == 0 and b["difference"]["standard_error"] == 0, "equal nets have a difference")
    check_intervals(report, nets, 4, 40)
    for name, results in nets.items():
        for i, r in enumerate(results):
            values = np.array(r["accuracy"]["values"])
            report.close(r["accuracy"]["mean"], values.mean(), 1e-14, f"{name}: mean")
            report.close(r["accuracy"]["std"], values.std(ddof=1), 1e-12, f"{name}: deviation")
            report.close(r["accuracy"]["standard_error_train"], values.std(ddof=1) / 2, 1e-12, f"{name}: the training sets' share")
            report.check("p_value" not in r["accuracy"], "an accuracy has a p")
            k = int(np.argmin(np.abs(np.array(result["sweep_ridges"]) - 1e-3)))
            report.close(r["sweep"][k], values.mean(), 1e-14, f"{name}: the sweep at the ridge that was used")
            if name == "wider":
                report.check(0 <= r["difference"]["p_value"] <= 1, f"{name}: p")
                report.check(r["differences"]["first"] == r["difference"], f"{name}: the difference to the first net, twice")
            if name != "first":
                d = values - np.array(nets["first"][i]["accuracy"]["values"])
                report.close(r["difference"]["mean"], d.mean(), 1e-12, f"{name}: difference")
                report.close(r["difference"]["standard_error_train"], d.std(ddof=1) / 2, 1e-10, f"{name}: its standard error")
    report.check(len(set(nets["wider"][0]["mse"])) == 4, "all seeds have the same training set")
    # The whole training part is one training set, whatever the seed: the numbers of eval.
    for ridge in (1e-3, 1e-1):
        alone = evaluate(work, program, data, f"--ridge={ridge}")
        k = int(np.argmin(np.abs(np.log(np.array(result["sweep_ridges"]) / ridge))))
        for name, results in nets.items():
            report.close(results[-1]["sweep"][k], alone[name]["accuracy"], 1e-14, f"{name}: all samples, ridge {ridge}")
            if ridge == 1e-3:
                report.close(results[-1]["mse"], [alone[name]["mse"]] * 4, 1e-9, f"{name}: all samples, mean squared error")
                report.close(results[-1]["auc"], [alone[name]["auc"]] * 4, 1e-12, f"{name}: all samples, AUC")
                report.close(results[-1]["balanced_accuracy"], [alone[name]["balanced_accuracy"]] * 4, 1e-12, f"{name}: balanced accuracy")
                report.close(results[-1]["loo_mse"], [alone[name]["loo_mse"]] * 4, 1e-8, f"{name}: leave-one-out error")
            if ridge == 1e-3:
                # One training set: the interval is that of a binomial, never less than that of one mistake.
                p = alone[name]["accuracy"]
                report.close(results[-1]["accuracy"]["standard_error"], max(np.sqrt(p * (1 - p) / 39), 1 / 40), 1e-12, f"{name}: binomial")
                report.close(results[-1]["accuracy"]["ci95_half"], 2.022691 * results[-1]["accuracy"]["standard_error"], 1e-6, f"{name}: interval")
    for text in ("first", "wider", "twin", "minus first", "ms per pair", "MB", "60 of 60", "with 60 samples every seed", "best test accuracy",
                 "half width of a 95 % interval, over the draw of the test samples and of the training sets", "the same on every test sample"):
        report.check(text in table, f"the table lacks {text!r}")
    report.check("by ridge" not in table, "the table of ridges was not asked for")
    check_best(report, nets, table)
    _, ridges = compare(work, program, data, "--sizes=12", "--seeds=2", "--ridges")
    report.check("accuracy by ridge" in ridges, "--ridges")
    check_identity(work, report, program, data)
    # Runs repeat; the chosen ridge may differ by seed, and is that of eval on the whole set.
    again, _ = compare(work, program, data, "--sizes=12,30,60", "--seeds=4", "--ridge=1e-3", "--threads=1")
    report.close([r["mse"] for r in again["nets"][1]["results"]], [r["mse"] for r in nets["wider"]], 1e-9, "a second run")
    for rule in ("loo", "evidence"):
        chosen, table = compare(work, program, data, "--sizes=60", "--seeds=2", f"--ridge={rule}", "--kernel=nngp", "--net=wider")
        alone = evaluate(work, program, data, f"--ridge={rule}", "--kernel=nngp", "--net=wider")["wider"]
        r = chosen["nets"][0]["results"][0]
        report.close(r["ridge"], [alone["ridge"]] * 2, 1e-12, f"--ridge={rule}: the ridge")
        report.close(r["accuracy"]["values"], [alone["accuracy"]] * 2, 1e-14, f"--ridge={rule}: accuracy")
        report.check("chosen ridges" in table and len(chosen["nets"]) == 1, f"--ridge={rule}: table")


def check_intervals(report, nets, seeds, tests):
    """What an interval is made of: both draws, with Welch's degrees of freedom."""
    for name, results in nets.items():
        for r in results:
            for s in [r["accuracy"], *r.get("differences", {}).values()]:
                a, b = s["standard_error_train"], s["standard_error_test"]
                report.close(s["standard_error"], np.hypot(a, b), 1e-12, f"{name}: the two standard errors together")
                if s["standard_error"] == 0:
                    continue
                degrees = (a ** 2 + b ** 2) ** 2 / (a ** 4 / (seeds - 1) + b ** 4 / (tests - 1))
                # Between the normal distribution's 1.96 and the 12.7 of a single degree.
                ratio = s["ci95_half"] / s["standard_error"]
                expected = 1.959964 + 2.37227 / degrees + 2.8225 / degrees ** 2 + 2.5558 / degrees ** 3 + 1.5895 / degrees ** 4
                report.close(ratio, expected, 1e-2, f"{name}: the interval's quantile, {degrees:.2f} degrees of freedom")


def check_best(report, nets, table):
    """The winner of every size stands first."""
    part = table.split("best test accuracy")[1].split("\n\n")[0].splitlines()[2:]
    for i, line in enumerate(part):
        means = {name: results[i]["accuracy"]["mean"] for name, results in nets.items()}
        _, name, mean = line.split()[:3]
        report.check(means[name] == max(means.values()) and mean == f"{means[name]:.4f}", f"the best net: {line!r}")
    report.check(table.index("best test accuracy") < table.index("of all nets"), "the best nets do not come first")


def check_identity(work, report, program, data):
    """JSON says what was run: version, precision, params, hash."""
    result, _ = compare(work, program, data, "--sizes=12", "--seeds=1")
    info = json.loads(work.run_program([program, "info", "--json"]).stdout)
    report.check(result["version"] == info["compiler"] and result["precision"] == info["precision"], "JSON: version and precision")
    report.check(result["params"] == {p["name"]: p["value"] for p in info["params"]}, "JSON: params")
    report.check([n["hash"] for n in result["nets"]] == [n["hash"] for n in info["nets"]], "JSON: hashes")


def check_pairs(work, report, program):
    """Paired differences between all nets."""
    (x1, y1), (x2, y2) = stripes(11, 80), stripes(12, 60)
    data = save(work, x_train=x1, y_train=y1, x_test=x2, y_test=y2)
    result, table = compare(work, program, data, "--sizes=15,30", "--seeds=3")
    values = {n["net"]: np.array([r["accuracy"]["values"] for r in n["results"]]) for n in result["nets"]}
    for n in result["nets"]:
        for i, r in enumerate(n["results"]):
            for against, d in r.get("differences", {}).items():
                difference = values[n["net"]][i] - values[against][i]
                report.close(d["mean"], difference.mean(), 1e-12, f"{n['net']} minus {against}")
                report.close(d["standard_error_train"], difference.std(ddof=1) / np.sqrt(3), 1e-10, f"{n['net']} minus {against}: seeds")
                if d["standard_error"] > 0:
                    report.check(0 <= d["p_value"] <= 1 and (d["p_value"] < 0.05) == (abs(d["mean"]) > d["ci95_half"]),
                                 f"{n['net']} minus {against}: p and interval contradict each other")
    check_intervals(report, {n["net"]: n["results"] for n in result["nets"]}, 3, 60)
    report.check("twin      minus wider" in table and "paired differences" in table, "the table of pairs")


def check_others(work, report, program):
    """Nets of other programs and kernels from files: the same training sets, the same numbers."""
    (x1, y1), (x2, y2), (x3, y3) = stripes(13, 50), stripes(14, 30), stripes(15, 20)
    options = ["--sizes=12,30", "--seeds=3", "--test=25", "--train=45"]
    folder = os.environ["TMPDIR"] = work.fresh()
    os.mkdir(folder)
    several = work.compile(NETS.replace("net twin", "net last"))
    single = work.compile(NETS.splitlines()[1].replace("wider", "alone") + "\n")
    for arrays in (dict(), dict(x_val=x3, y_val=y3)):
        arrays = {k: np.clip(100 + 60 * v, 0, 255).astype(np.uint8) if k[0] == "x" else v
                  for k, v in dict(arrays, x_train=x1, y_train=y1, x_test=x2, y_test=y2).items()}
        data = save(work, **arrays)
        everything = np.concatenate([arrays[k] for k in ("x_train", "x_val", "x_test") if k in arrays])
        gram = work.gram(program, everything, net="wider")
        path = save(work, **gram)
        result, table = compare(work, program, data, *options, "--with", several, "--with", single, "--gram", f"file={path}",
                                "--gram", f"named={path}:nngp")
        nets = {n["net"]: n for n in result["nets"]}
        names = ["first", "wider", "twin", os.path.basename(several) + "/first", os.path.basename(several) + "/wider", "last",
                 os.path.basename(single), "file", "named"]
        report.check(list(nets) == names, f"names of the nets: {list(nets)}")
        for other, own in zip(names[3:8], ("first", "wider", "first", "wider", "wider")):
            for a, b in zip(nets[other]["results"], nets[own]["results"]):
                report.close(a["mse"], b["mse"], 1e-12, f"{other} is {own}: mean squared error")
                report.check(a["ridge"] == b["ridge"] and a["accuracy"] == b["accuracy"], f"{other} is {own}: ridge and accuracy")
        report.check(nets["named"]["results"][0]["mse"] != nets["wider"]["results"][0]["mse"], "--gram NAME=FILE:KEY takes the key")
        report.check(nets["file"]["gram_seconds"] is None and nets["last"]["gram_seconds"] > 0 and "from a file" in table, "times")
        report.check(nets["last"]["source"] == several and nets["file"]["source"] == path and "source" not in nets["twin"], "sources")
        report.check((nets["first"]["results"][0]["val_mse"][0] is not None) == ("x_val" in arrays), "the validation part chooses")
    data = save(work, x_train=x1, y_train=y1, x_test=x2, y_test=y2)
    bad = save(work, ntk=np.eye(7)), save(work, ntk=np.where(np.eye(80) > 0, 1, np.nan)), save(work, ntk=np.triu(np.ones((80, 80))))
    wrong = work.compile("net wrong = image(7x7) -> conv(3x3) -> relu -> pool -> dense\n")
    for extra, message, status in ((["--gram", f"a={bad[0]}"], "(80, 80)", 1), (["--gram", f"a={bad[1]}"], "finite", 1),
                                   (["--gram", f"a={bad[2]}"], "not symmetric", 1), (["--gram", "a"], "NAME=FILE", 1),
                                   (["--gram", "a=/nonexistent.npz"], "nonexistent", 1), (["--with", "/nonexistent"], "cannot start", 3),
                                   (["--with", "/bin/ls"], "not a program that entkc made", 1),
                                   (["--with", wrong], "ended with status 1", 1)):
        result = work.run_program([program, "compare", data, "--sizes=12", "--seeds=2", *extra])
        report.check(result.returncode == status and message in result.stderr and not result.stdout,
                     f"compare {extra}: status {result.returncode}, {result.stderr!r}")
    report.check(os.listdir(folder) == [], f"temporary folders are left: {os.listdir(folder)}")
    del os.environ["TMPDIR"]


def check_rotations(work, report):
    """The group convolution is the plain net averaged over the group, also when it learns."""
    program = work.compile(ROTATIONS, sets=["size=5x5"])
    (x1, y1), (x2, y2) = stripes(16, 24), stripes(17, 12)
    data = save(work, x_train=x1, y_train=y1, x_test=x2, y_test=y2)
    check_augmented(report, compare(work, program, data, "--sizes=10,20", "--seeds=3")[0])
    shared = os.path.join(lib.shared_folder(), "data", "rotmnist.npz")
    if not lib.slow() or not os.path.exists(shared):
        return
    digits = np.load(shared)
    small = {k: digits[k] if k[0] == "y" else digits[k].reshape(-1, 14, 2, 14, 2).mean((2, 4)) / 255
             for k in ("x_train", "y_train", "x_test", "y_test")}
    result, _ = compare(work, work.compile(ROTATIONS), save(work, **small), "--train=150", "--sizes=50,100", "--test=60", "--seeds=5")
    check_augmented(report, result)
    last = {n["net"]: n["results"][-1]["accuracy"]["mean"] for n in result["nets"]}
    report.check(last["c4cnn"] > last["cnn"] and last["d4cnn"] > 0.3, f"rotated digits: {last}")


def check_augmented(report, result):
    nets = {n["net"]: n["results"] for n in result["nets"]}
    report.check(list(nets) == ["cnn", "c4cnn", "d4cnn", "augmented"], f"nets: {list(nets)}")
    for a, b, plain in zip(nets["augmented"], nets["c4cnn"], nets["cnn"]):
        report.check(a["accuracy"] == b["accuracy"], f"augmented and c4cnn, {a['train']} samples: accuracy")
        for key in ("mse", "loo_mse", "log_evidence"):
            report.close(a[key], b[key], 1e-10, f"augmented and c4cnn, {a['train']} samples: {key}")
        report.check(lib.reldiff(plain["mse"], b["mse"]) > 1e-3, f"cnn and c4cnn, {a['train']} samples: the same")


def check_limits(work, report, program):
    """--train and --test; regression and labels."""
    (x1, y1), (x2, y2) = stripes(3, 90), stripes(4, 50)
    data = save(work, x_train=x1, y_train=y1, x_test=x2, y_test=y2)
    result, _ = compare(work, program, data, "--sizes=10,20", "--train=30", "--test=20", "--seeds=2")
    report.check((result["pool"], result["test"]) == (30, 20), "--train and --test")
    result, _ = compare(work, program, data, "--sizes=10,20", "--seeds=1")
    report.check((result["pool"], result["test"]) == (40, 50), "without --train the pool is twice the largest size")
    report.check(result["nets"][0]["results"][0]["accuracy"]["std"] is None, "one seed has no deviation")
    result, _ = compare(work, program, data, "--seeds=2")
    report.check([r["train"] for r in result["nets"][0]["results"]] == [25, 50], "sizes that are chosen")
    t1, t2 = (np.cos(x.sum((1, 2))) for x in (x1, x2))
    real = save(work, x_train=x1, y_train=t1, x_test=x2, y_test=t2)
    result, table = compare(work, program, real, "--sizes=20,90", "--seeds=2")
    alone = evaluate(work, program, real)
    report.check(result["score"] == "mae" and "mean absolute error" in table, "real targets: score")
    for net in result["nets"]:
        report.close(net["results"][-1]["mae"]["values"], [alone[net["net"]]["mae"]] * 2, 1e-7, f"real targets: {net['net']}")
        report.close(net["results"][-1]["r2"], [alone[net["net"]]["r2"]] * 2, 1e-6, f"real targets: {net['net']}, R2")
    l1, l2 = (np.stack([y == 0, y == 1], 1).astype(int) for y in (y1, y2))
    labels = save(work, x_train=x1, y_train=l1, x_test=x2, y_test=l2)
    result, _ = compare(work, program, labels, "--sizes=90", "--seeds=2", "--net=first")
    report.close(result["nets"][0]["results"][0]["accuracy"]["values"], [evaluate(work, program, labels)["first"]["accuracy"]] * 2, 1e-14, "labels")


# ---------------------------------------------------------------------------------------------------------- figures

def check_figure(work, report, program):
    (x1, y1), (x2, y2) = stripes(5, 40), stripes(6, 20)
    data = save(work, x_train=x1, y_train=y1, x_test=x2, y_test=y2)
    prefix = work.path("it's \"a\" $(figure); %d")      # no shell, no quoting, no format sees this
    result = work.run_program([program, "compare", data, "--sizes=10,40", "--seeds=3", "--figure", prefix])
    report.check(result.returncode == 0 and not result.stderr, f"--figure: status {result.returncode}, {result.stderr!r}")
    if result.returncode == 0:
        svg, png = open(prefix + ".svg").read(), open(prefix + ".png", "rb").read()
        report.check(open(prefix + ".pdf", "rb").read(5) == b"%PDF-", "the PDF file")
        title = f"on {os.path.basename(data)} (3 classes): accuracy on 20 test samples, ntk, mean and 95 % interval</title>"
        report.check(title in svg and "<title>Gnuplot</title>" not in svg, "the SVG file's title")
        for text in ("Learning curve", "Paired difference", "accuracy minus that of first", "Dependence on the ridge, 40 samples"):
            report.check(text in svg, f"the SVG file lacks {text!r}")
        report.check("not positive definite" not in svg, "ridges are marked that are enough")
        report.check(">0<" in svg.replace(" ", "") and ">1<" in svg.replace(" ", ""), "accuracies do not go from 0 to 1")
        report.check("<svg" in svg and svg.rstrip().endswith("</svg>") and "training samples" in svg and "wider" in svg, "the SVG file")
        report.check(png.startswith(b"\x89PNG") and len(png) > 10000, "the PNG file")
        for color in ("#0072B2", "#E69F00", "#000000"):
            red, green, blue = (int(color[i:i + 2], 16) for i in (1, 3, 5))
            report.check(color.lower() in svg.lower() or f"rgb({red}, {green}, {blue})" in svg.replace(" ", "").replace(",", ", "),
                         f"the SVG file lacks the colour {color}")
    check_marks(work, report)
    # Without gnuplot: a warning with the package's name, and everything else is there.
    prefix = work.path("nowhere")
    result = subprocess.run([program, "compare", data, "--sizes=10", "--seeds=2", "--figure", prefix], capture_output=True, text=True,
                            env={"PATH": work.folder})
    report.check(result.returncode == 0 and "warning" in result.stderr and "gnuplot-nox" in result.stderr and result.stderr.count("\n") == 1,
                 f"without gnuplot: status {result.returncode}, {result.stderr!r}")
    report.check("ms per pair" in result.stdout and not work.exists(prefix + ".svg"), "without gnuplot: the table is missing")


def check_marks(work, report):
    """Ridges with which a float32 Gram of repeated samples is not positive definite are marked."""
    program = work.compile(NETS, precision="f32")
    (x1, y1), (x2, y2) = stripes(8, 120, 0.01), stripes(9, 20)
    x1 = x1[y1 == 0][:1] + 1e-5 * np.random.default_rng(1).standard_normal(x1.shape)     # all alike, but for rounding
    prefix = work.path("marks")
    result, table = compare(work, program, save(work, x_train=x1, y_train=y1, x_test=x2, y_test=y2), "--sizes=100", "--seeds=2",
                            "--ridge=1e-2", "--ridges", "--figure", prefix)
    counts = result["nets"][0]["results"][0]["sweep_not_definite"]
    sweep = result["nets"][0]["results"][0]["sweep"]
    report.check(counts[0] == 2 and counts[-1] == 0 and all((c > 0) == (s is None) for c, s in zip(counts, sweep)),
                 f"seeds without a definite Gram: {counts}, scores {sweep}")
    svg = open(prefix + ".svg").read()
    report.check("not positive definite" in svg and " -" in table, "ridges that are not enough are not marked")


# ---------------------------------------------------------------------------------------------------------- stores, plans

def check_store(work, report, program):
    """Kernels that are kept are read again, and say the same; a smaller run takes its share of them; fit and eval read them too."""
    (x1, y1), (x2, y2), (x3, y3) = stripes(21, 60), stripes(22, 30), stripes(23, 12)
    for arrays in (dict(), dict(x_val=x3, y_val=y3)):
        data = save(work, x_train=x1, y_train=y1, x_test=x2, y_test=y2, **arrays)
        for kernel in ("ntk", "nngp"):
            store = work.fresh()
            for options, stored in ((["--sizes=20,30", "--seeds=3"], False), (["--sizes=20,30", "--seeds=3"], True),
                                    (["--sizes=10,25", "--seeds=2", "--ridge=1e-2"], None), (["--sizes=12", "--seeds=2", "--train=40", "--test=9"], None)):
                options = options + [f"--kernel={kernel}"]
                plain, _ = compare(work, program, data, *options)
                kept, table = compare(work, program, data, *options, "--store", store)
                for a, b in zip(plain["nets"], kept["nets"]):
                    report.check(a["results"] == b["results"], f"--store {options}: other numbers for {a['net']}")
                    if stored is not None or "--train=40" in options:
                        report.check((b["pairs"] == 0) == (stored is not False), f"--store {options}: {b['pairs']} pairs for {a['net']}")
                if stored:
                    report.check("stored" in table, "the table does not say what was stored")
            if kernel == "ntk":
                part = os.path.join(store, "train-60.gram")
                report.check({"train-60.gram", "test-30x60.gram"} <= set(os.listdir(store)), f"stores: {os.listdir(store)}")
                alone, read = (evaluate(work, program, data, "--net=wider", *extra)["wider"] for extra in ([], ["--gram", part]))
                report.check(alone["mse"] == read["mse"] and alone["accuracy"] == read["accuracy"], "eval with a store of compare")
                options = ["--sizes=20,30", "--seeds=3"]
                own, _ = compare(work, program, data, *options, "--gram", f"again={part}:wider")
                report.check(own["nets"][1]["results"] == [{k: v for k, v in r.items() if k[:10] != "difference"} | {
                    k: v for k, v in own["nets"][1]["results"][i].items() if k[:10] == "difference"}
                    for i, r in enumerate(own["nets"][3]["results"])], "--gram of a store of x_train")
                everything = save(work, x=np.concatenate([x1, *([x3] if arrays else []), x2]))
                whole = work.path(os.path.basename(everything) + ".gram")
                result = work.run_program([program, "gram", everything + ":x", "-o", whole, "--net=wider"])
                report.check(result.returncode == 0, result.stderr)
                both, _ = compare(work, program, data, *options, "--gram", f"all={whole}")
                for a, b in zip(both["nets"][1]["results"], both["nets"][3]["results"]):
                    report.close(a["mse"], b["mse"], 1e-9, "--gram of a store of all samples")
    # Of other data: nothing is overwritten.
    other = save(work, x_train=x1 + 1, y_train=y1, x_test=x2, y_test=y2)
    result = work.run_program([program, "compare", other, "--sizes=20,30", "--seeds=2", "--kernel=nngp", "--store", store])
    report.check(result.returncode == 1 and "--store" in result.stderr, f"a store of other samples: {result.stderr!r}")
    bad = work.fresh()
    result = work.run_program([program, "compare", data, "--sizes=20", "--seeds=2", "--gram", f"a={bad}.gram"])
    report.check(result.returncode != 0 and result.stderr.count("\n") == 1, f"a store that is not there: {result.stderr!r}")


def check_resume(work, report, program):
    """After an interruption in the second net the first one's kernels are there."""
    (x1, y1), (x2, y2) = stripes(24, 60), stripes(25, 30)
    data, store = save(work, x_train=x1, y_train=y1, x_test=x2, y_test=y2), work.fresh()
    options = ["--sizes=20,30", "--seeds=2", "--store", store]
    first, _ = compare(work, program, data, *options, "--net=first")
    damaged = os.path.join(store, "train-60.gram", "first", "tiles")
    size = os.path.getsize(damaged)
    os.truncate(damaged, size // 2)                           # as a crash leaves it
    plan = work.run_program([program, "compare", data, *options, "--dry-run"])
    report.check(plan.returncode == 0 and not plan.stderr and os.path.getsize(damaged) == size // 2, f"--dry-run: {plan.stderr!r}")
    counts = [int(line.split()[1]) for line in plan.stdout.splitlines() if line.startswith("  pairs")]
    result, _ = compare(work, program, data, *options)
    report.check(0 < counts[0] < 3630 and counts[1:3] == [3630, 3630] and counts[3] == sum(counts[:3]), f"--dry-run: pairs {counts}")
    report.check([n["pairs"] for n in result["nets"]] == counts[:3], "resuming: pairs are not those of --dry-run")
    report.check(result["nets"][0]["results"] == first["nets"][0]["results"], "resuming: other numbers")


def check_plan(work, report, program):
    (x1, y1), (x2, y2) = stripes(26, 60), stripes(27, 30)
    data = save(work, x_train=x1, y_train=y1, x_test=x2, y_test=y2)
    folder = set(os.listdir(work.folder))
    result = work.run_program([program, "compare", data, "--sizes=20,30", "--dry-run", "--store", work.path("none"), "--json", work.path("none.json")])
    lines = result.stdout.splitlines()
    report.check(result.returncode == 0 and set(os.listdir(work.folder)) == folder, f"--dry-run: status {result.returncode}, {result.stderr!r}, or files")
    report.check([line for line in lines if line.startswith("net ")] == ["net first", "net wider", "net twin"], "--dry-run: nets")
    report.check(lines.count("  pairs   3630 that are not stored") == 3 and "  pairs   10890" in lines, f"--dry-run: {result.stdout}")
    report.check(sum(line.startswith("  time    about") for line in lines) == 4 and sum(line.startswith("  memory") and line.endswith("MB") for line in lines) == 4,
                 f"--dry-run: {result.stdout}")
    result = work.run_program([program, "compare", data, "--sizes=20,30", "--dry-run"])
    report.check("with those of net first, on the same trunk" in result.stdout and "  pairs   7260" in result.stdout, "--dry-run of nets on a trunk")
    result = work.run_program([program, "compare", data, "--sizes=20,30", "--seeds=2", "--progress"])
    report.check(result.stderr.startswith("all nets: 7260 pairs, about "), f"the first line of the progress: {result.stderr!r}")


def check_fit_json(work, report, program):
    (x, y) = stripes(28, 40)
    data, model = save(work, x_train=x, y_train=y, x_test=x, y_test=y), work.fresh(".npz")
    result = work.run_program([program, "fit", data, "-o", model, "--net=wider", "--json", "-"])
    report.check(result.returncode == 0, f"fit --json: {result.stderr!r}")
    fitted, alone = json.loads(result.stdout), evaluate(work, program, data, "--net=wider")["wider"]
    info = json.loads(work.run_program([program, "info", "--json"]).stdout)
    report.check(all(fitted[k] == alone[k] for k in ("net", "ridge", "condition", "loo_accuracy", "jitter")), "fit --json is not eval --json")
    report.check((fitted["version"], fitted["precision"], fitted["hash"], fitted["train"]) ==
                 (info["compiler"], info["precision"], info["nets"][1]["hash"], 40), "fit --json: what was fitted")
    path = work.fresh(".json")
    result = work.run_program([program, "fit", data, "-o", model, "--net=wider", "--json", path])
    report.check("training samples" in result.stdout and json.load(open(path)) == fitted, "fit --json FILE")


def check_errors(work, report, program):
    (x, y) = stripes(7, 30)
    data = save(work, x_train=x, y_train=y, x_test=x, y_test=y)
    for options, message, status in (
            ([], "no data set", 1), ([data, "--sizes=10,40"], "there are 30", 1), ([data, "--sizes=10", "--train=5"], "there are 5", 1),
            ([data, "--sizes=20,10"], "ascending", 1), ([data, "--sizes=10,,20"], "--sizes", 1), ([data, "--sizes="], "--sizes", 1),
            ([data, "--sizes=0"], "--sizes", 1), ([data, "--seeds=0"], "--seeds", 1), ([data, "--test=x"], "--test", 1),
            ([data, "--figure=/nonexistent/a"], "/nonexistent", 3), ([data, "--json=/nonexistent/a"], "/nonexistent", 3),
            ([data, "--figures=a"], "did you mean", 1), ([data, data], "too many", 1)):
        result = work.run_program([program, "compare", *options])
        report.check(result.returncode == status and message in result.stderr and result.stderr.count("\n") == 1 and not result.stdout,
                     f"compare {' '.join(options[1:])}: status {result.returncode}, {result.stderr!r}")


# ---------------------------------------------------------------------------------------------------------- the example

def check_example(work, report):
    """Knowing the rotations helps, by much more than chance: on a part of the demo's data."""
    # With 100 tests of 16x16 the seeds spread by nearly half of the difference: too few to tell it from chance.
    size, train, test = (16, 300, 250) if lib.slow() else (12, 120, 90)
    program = work.compile(EXAMPLE, precision="f32", sets=[f"size={size}x{size}"])
    data = textures(work, "--size", str(size), "--train", str(train), "--test", str(test))
    result, _ = compare(work, program, data, "--sizes=60,80", "--seeds=6", f"--train={train}")
    nets = {n["net"]: n["results"] for n in result["nets"]}
    report.check(set(nets) == {"cnn", "c4cnn", "d4cnn"}, "the example's nets")
    for name in ("c4cnn", "d4cnn"):
        for r in nets[name]:
            d = r["difference"]
            report.check(d["mean"] > max(0.05, d["ci95_half"]), f"{name} with {r['train']} samples: {d['mean']:+.3f} +- {d['ci95_half']:.3f} against cnn")
    # The same file for other sizes.
    other = work.compile(EXAMPLE, precision="f32", sets=["size=9x9"])
    result, _ = compare(work, other, textures(work, "--size", "9", "--train", "24", "--test", "12"), "--sizes=12", "--seeds=2")
    report.check(len(result["nets"]) == 3, "--set size=9x9")


def main():
    options = lib.arguments(__doc__).parse_args()
    report = lib.Report("check_compare")
    with lib.Work(options.build, options.keep) as work:
        parts = [lambda: check_generator(work, report), lambda: check_example(work, report), lambda: check_rotations(work, report)]
        program = work.compile(NETS)
        parts += [lambda check=check: check(work, report, program) for check in
                  (check_numbers, check_pairs, check_others, check_limits, check_figure, check_store, check_resume, check_plan, check_fit_json,
                   check_errors)]
        for part in parts:
            try:
                part()
            except (lib.CompileError, lib.RunError) as error:
                report.check(False, str(error))
    report.exit()


if __name__ == "__main__":
    main()
