#!/usr/bin/python3
"""`fit`, `predict` and `eval`: golden predictions end to end, all forms of targets against NumPy, and errors."""
import json
import os
import subprocess

import numpy as np

import entk_testlib as lib

# From images to predictions: the kernels agree to 1e-11, and condition numbers reach 2e5.
GOLDEN_TOLERANCE = 1e-8
# The same formulas on the same kernels, in two implementations of LAPACK.
NUMPY_TOLERANCE = 1e-8

NET = "net small = image(5x5) -> conv(3x3, bias_std = 0.3) -> relu -> pool -> dense -> relu -> dense\n"
TWO = NET + "net other = image(5x5) -> conv(3x3) -> erf -> pool -> dense\n"
PARAM = "param b = 0.3\nnet small = image(5x5) -> conv(3x3, bias_std = b) -> relu -> pool -> dense -> relu -> dense\n"


def run(work, *command):
    return work.run_program(list(command))


def good(work, *command):
    result = run(work, *command)
    if result.returncode != 0:
        raise lib.RunError(result, list(command))
    return result


def save(work, **arrays):
    path = work.fresh(".npz")
    np.savez(path, **arrays)
    return path


def evaluate(work, program, data, *options):
    path = work.fresh(".json")
    good(work, program, "eval", data, "--json", path, *options)
    with open(path) as f:
        return json.load(f)


def predict(work, program, data, x, fit=(), options=()):
    model, out = work.fresh(".npz"), work.fresh(".npz")
    good(work, program, "fit", data, "-o", model, *fit)
    good(work, program, "predict", model, work.array(x), "-o", out, *options)
    with np.load(out) as f:
        return {k: f[k] for k in f.files}


# ------------------------------------------------------------------------------------------------------ golden values

def check_golden(work, report):
    folder = lib.golden_folder()
    if folder is None:
        report.skip("golden predictions are absent (ENTK_SHARED)")
        return
    program = work.compile(os.path.join(folder, "regression.entk"))
    data = os.path.join(folder, "regression.npz")
    golden = np.load(data)
    y = np.eye(3)[golden["y_train"]] - 1 / 3
    prior = np.max(np.diag(golden["nngp_test"]))
    for kernel in ("nngp", "ntk"):
        for ridge in (0, 1e-4, 1e-2):
            for time in (0.1, 1, 10, 1000, np.inf):
                name = f"{kernel}_ridge{ridge:g}_t{time:g}"
                got = predict(work, program, data, golden["x_test"],
                              [f"--kernel={kernel}", f"--ridge={ridge}", f"--time={time}"], ["--cov"])
                report.close(got["mean"], golden[name + "_mean"], GOLDEN_TOLERANCE, name + "_mean")
                # Relative to the prior, from which the small posterior covariance is left over.
                difference = np.max(np.abs(got["cov"] - golden[name + "_cov"])) / prior
                report.check(difference <= GOLDEN_TOLERANCE, f"{name}_cov: {difference:.3g} of the prior")
                report.check(np.array_equal(got["var"], np.diag(got["cov"])), f"{name}: var is not cov's diagonal")
            result = evaluate(work, program, data, f"--kernel={kernel}", f"--ridge={ridge}")[0]
            loo = np.mean((y - golden[f"{kernel}_ridge{ridge:g}_loo"]) ** 2)
            report.close(result["loo_mse"], loo, GOLDEN_TOLERANCE, f"{kernel}, ridge {ridge}: leave-one-out error")
            report.close(result["log_marginal_likelihood"], golden[f"{kernel}_ridge{ridge:g}_logml"], 1e-6,
                         f"{kernel}, ridge {ridge}: marginal likelihood")
            mean = golden[f"{kernel}_ridge{ridge:g}_tinf_mean"]
            report.close(result["accuracy"], np.mean(mean.argmax(1) == golden["y_test"]), 1e-15, f"{kernel}, ridge {ridge}: accuracy")
            report.close(result["mse"], np.mean((mean - (np.eye(3)[golden["y_test"]] - 1 / 3)) ** 2), GOLDEN_TOLERANCE,
                         f"{kernel}, ridge {ridge}: mean squared error")


# --------------------------------------------------------------------------------------------------- targets by NumPy

def blobs(seed, n, classes=3):
    """Images with a bright stripe at an angle that depends on the class."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % classes)
    a, b = np.meshgrid(np.linspace(-1, 1, 5), np.linspace(-1, 1, 5), indexing="ij")
    x = np.stack([np.cos(3 * (a * np.cos(k) + b * np.sin(k)) + rng.uniform(-0.4, 0.4)) for k in y])
    return x + 0.2 * rng.standard_normal(x.shape), y


class Numpy:
    """Regression with a program's own kernels."""

    def __init__(self, work, program, x_train, x_test, kernel="ntk", sets=()):
        n = len(x_train)
        both = work.gram(program, np.concatenate([x_train, x_test]), net="small", sets=sets)
        self.nngp, k = both["nngp"], both[kernel]
        self.n, self.ntk, self.kernel = n, kernel == "ntk", k
        self.scale = np.mean(np.diag(k)[:n])

    def solve(self, y, ridge):
        n = self.n
        r = self.kernel[:n, :n] + ridge * self.scale * np.eye(n)
        b = self.kernel[n:, :n] @ np.linalg.inv(r)
        k, s, t = self.nngp[:n, :n], self.nngp[n:, :n], self.nngp[n:, n:]
        cov = t + b @ k @ b.T - (b @ s.T + s @ b.T) if self.ntk else t - b @ s.T
        inverse = np.linalg.inv(r)
        loo = (inverse @ y) / np.diag(inverse)[:, None]
        return b @ y, cov, np.mean(loo ** 2)


def auc(scores, positive):
    a, b = scores[positive], scores[~positive]
    return np.mean((a[:, None] > b) + 0.5 * (a[:, None] == b))


def check_classes(work, report, program):
    (x1, y1), (x2, y2) = blobs(1, 40), blobs(2, 25)
    names = np.array([-4, 7, 300])
    reference = Numpy(work, program, x1, x2)
    mean, cov, loo = reference.solve(np.eye(3)[y1] - 1 / 3, 1e-3)
    plain = save(work, x_train=x1, y_train=names[y1], x_test=x2, y_test=names[y2])
    got = predict(work, program, plain, x2, ["--net=small", "--ridge=1e-3"], ["--cov"])
    report.close(got["mean"], mean, NUMPY_TOLERANCE, "classes: mean")
    report.close(got["cov"], cov, NUMPY_TOLERANCE, "classes: covariance")
    report.check(np.array_equal(got["class"], names[mean.argmax(1)]), "classes: names of the predictions")
    report.check(np.allclose(got["probability"].sum(1), 1, atol=1e-12), "classes: probabilities do not sum to 1")
    report.check(np.array_equal(got["probability"].argmax(1), mean.argmax(1)), "classes: the likeliest class has not the best score")
    result = evaluate(work, program, plain, "--net=small", "--ridge=1e-3")
    report.check(len(result) == 1 and result[0]["net"] == "small", "eval --net: one object")
    result = result[0]
    guess = mean.argmax(1)
    report.close(result["accuracy"], np.mean(guess == y2), 1e-15, "classes: accuracy")
    report.close(result["balanced_accuracy"], np.mean([np.mean(guess[y2 == c] == c) for c in range(3)]), 1e-14, "classes: balanced accuracy")
    report.close(result["auc"], np.mean([auc(mean[:, c], y2 == c) for c in range(3)]), 1e-14, "classes: AUC")
    report.close(result["loo_mse"], loo, NUMPY_TOLERANCE, "classes: leave-one-out error")
    confusion = np.zeros((3, 3), int)
    np.add.at(confusion, (y2, guess), 1)
    report.check(result["confusion"] == confusion.tolist() and result["classes"] == names.tolist(), "classes: confusion matrix")
    nll = -np.mean(np.log(got["probability"][np.arange(25), y2]))
    report.close(result["nll"], nll, 1e-7, "classes: NLL is that of predict's probabilities")
    # Other spellings of the same data: a column of labels, other integer types, MedMNIST's names, an unused validation part.
    same = [save(work, x_train=x1, y_train=names[y1][:, None].astype(np.int16), x_test=x2, y_test=names[y2][:, None].astype(np.int16)),
            save(work, train_images=x1[..., None], train_labels=names[y1], test_images=x2[..., None], test_labels=names[y2],
                 val_images=x2[:3, :, :, None], val_labels=names[y2[:3]])]
    for data in same:
        other = evaluate(work, program, data, "--net=small", "--ridge=1e-3")[0]
        for key in ("accuracy", "mse", "loo_mse", "nll", "auc"):
            report.close(other[key], result[key], 1e-14, f"classes in another spelling: {key}")
    # Several nets, all at once.
    results = evaluate(work, program, plain, "--ridge=1e-3")
    report.check([r["net"] for r in results] == ["small", "other"] and results[0]["mse"] == result["mse"], "eval of all nets")
    text = good(work, program, "eval", plain).stdout
    report.check("net small" in text and "net other" in text and "condition number" in text and "confusion" in text, "eval: text")


def check_labels(work, report, program):
    (x1, y1), (x2, y2) = blobs(3, 40), blobs(4, 30)
    to_labels = lambda y: np.stack([y == 0, y != 1, y == 2], axis=1).astype(np.uint8)
    l1, l2 = to_labels(y1), to_labels(y2)
    mean, _, loo = Numpy(work, program, x1, x2, "nngp").solve(l1 - l1.mean(0), 1e-2)
    mean = mean + l1.mean(0)
    data = save(work, x_train=x1, y_train=l1, x_test=x2, y_test=l2)
    options = ["--net=small", "--ridge=1e-2", "--kernel=nngp"]
    got = predict(work, program, data, x2, options)
    report.close(got["mean"], mean, NUMPY_TOLERANCE, "labels: mean")
    report.check("class" not in got and got["var"].shape == (30,), "labels: arrays of predict")
    result = evaluate(work, program, data, *options)[0]
    found = mean > 0.5
    balanced = np.mean([[np.mean(found[l2[:, k] == v, k] == v) for v in (0, 1)] for k in range(3)])
    report.close(result["accuracy"], np.mean(found == l2), 1e-14, "labels: accuracy")
    report.close(result["balanced_accuracy"], balanced, 1e-14, "labels: balanced accuracy")
    report.close(result["auc"], np.mean([auc(mean[:, k], l2[:, k] == 1) for k in range(3)]), 1e-14, "labels: AUC")
    report.close(result["mse"], np.mean((mean - l2) ** 2), NUMPY_TOLERANCE, "labels: mean squared error")
    report.close(result["loo_mse"], loo, NUMPY_TOLERANCE, "labels: leave-one-out error")


def check_real(work, report, program):
    (x1, y1), (x2, y2) = blobs(5, 40), blobs(6, 30)
    rng = np.random.default_rng(7)
    t1, t2 = (np.stack([100 + 30 * y + rng.standard_normal(len(y)), -0.01 * y ** 2], axis=1) for y in (y1, y2))
    center, scale = t1.mean(0), t1.std(0)
    reference = Numpy(work, program, x1, x2)
    mean, cov, loo = reference.solve((t1 - center) / scale, 1e-4)
    mean = center + scale * mean
    got = predict(work, program, save(work, x_train=x1, y_train=t1), x2, ["--net=small"], ["--cov"])
    report.close(got["mean"], mean, NUMPY_TOLERANCE, "two real targets: mean")
    report.close(got["var"], np.diag(cov)[:, None] * scale ** 2, NUMPY_TOLERANCE, "two real targets: variance")
    report.close(got["cov"], cov, NUMPY_TOLERANCE, "two real targets: covariance of the standardized ones")
    report.close(got["scale"], scale, 1e-14, "two real targets: scale")
    result = evaluate(work, program, save(work, x_train=x1, y_train=t1, x_test=x2, y_test=t2), "--net=small")[0]
    report.close(result["mse"], np.mean((mean - t2) ** 2), NUMPY_TOLERANCE, "two real targets: mean squared error")
    report.close(result["mae"], np.mean(np.abs(mean - t2)), NUMPY_TOLERANCE, "two real targets: mean absolute error")
    r2 = np.mean(1 - ((mean - t2) ** 2).sum(0) / ((t2 - t2.mean(0)) ** 2).sum(0))
    report.close(result["r2"], r2, NUMPY_TOLERANCE, "two real targets: R2")
    report.close(result["loo_mse"], loo, NUMPY_TOLERANCE, "two real targets: leave-one-out error")
    report.check(result["accuracy"] is None and "confusion" not in result, "real targets have no accuracy")
    # One target, as float32 and as a column: variances in its units.
    one = predict(work, program, save(work, x_train=x1, y_train=t1[:, :1].astype(np.float32)), x2, ["--net=small"], ["--cov"])
    report.close(one["mean"][:, 0], mean[:, 0], 1e-5, "one real target: mean")
    report.close(one["cov"], cov * scale[0] ** 2, 1e-5, "one real target: covariance")
    report.check(one["var"].shape == (30,) and one["mean"].shape == (30, 1), "one real target: shapes")


def check_rules(work, report, program):
    """The chosen ridge is the best of the grid, by NumPy; groups are left out together."""
    (x1, y1), (x2, y2) = blobs(8, 36), blobs(9, 10)
    y = np.eye(3)[y1] - 1 / 3
    reference = Numpy(work, program, x1, x2)
    kernel, n = reference.kernel[:36, :36], 36
    groups = np.random.default_rng(3).integers(0, 9, 36)
    loo, grouped, evidence = {}, {}, {}
    for i in range(19):
        ridge = 10 ** (-8 + i / 2)
        r = kernel + ridge * reference.scale * np.eye(n)
        inverse, a = np.linalg.inv(r), np.linalg.solve(r, y)
        loo[ridge] = np.mean((a / np.diag(inverse)[:, None]) ** 2)
        errors = np.zeros_like(y)
        for g in set(groups):
            left, kept = np.nonzero(groups == g)[0], np.nonzero(groups != g)[0]
            prediction = kernel[np.ix_(left, kept)] @ np.linalg.solve(r[np.ix_(kept, kept)], y[kept])
            errors[left] = y[left] - prediction
        grouped[ridge] = np.mean(errors ** 2)
        q = np.sum(y * a)
        evidence[ridge] = -0.5 * (y.size * (np.log(q / y.size) + 1) + 3 * (np.linalg.slogdet(r)[1] + n * np.log(2 * np.pi)))
    arrays = dict(x_train=x1, y_train=y1, x_test=x2, y_test=y2)
    for rule, table, best, data in (("loo", loo, min, save(work, **arrays)), ("evidence", evidence, max, save(work, **arrays)),
                                    ("loo", grouped, min, save(work, groups=groups, **arrays))):
        result = evaluate(work, program, data, "--net=small", f"--ridge={rule}")[0]
        value = result["loo_mse"] if rule == "loo" else result["log_evidence"]
        nearest = min(table, key=lambda ridge: abs(np.log(ridge / result["ridge"])))
        report.close(value, table[nearest], 1e-6, f"--ridge={rule}: its figure of merit")
        report.close(value, best(table.values()), 1e-6, f"--ridge={rule}: the best of the grid")
        report.check(result["ridge_rule"] == rule, "ridge_rule")


# -------------------------------------------------------------------------------------------------------------- others

def check_models(work, report):
    """Params are kept in the model; one sample or all at once, mean-only or not: the same."""
    program = work.compile(PARAM)
    (x1, y1), (x2, _) = blobs(10, 20), blobs(11, 12)
    data = save(work, x_train=x1, y_train=y1)
    y = np.eye(3)[y1] - 1 / 3
    got = {}
    for b in ("0.3", "1.5"):
        got[b] = predict(work, program, data, x2, [f"--set=b={b}"])
        mean, cov, _ = Numpy(work, program, x1, x2, sets=[f"b={b}"]).solve(y, 1e-4)
        report.close(got[b]["mean"], mean, NUMPY_TOLERANCE, f"--set b={b}: mean")
        report.check(np.max(np.abs(got[b]["var"] - np.diag(cov))) <= NUMPY_TOLERANCE, f"--set b={b}: variance")
    report.check(lib.reldiff(got["1.5"]["mean"], got["0.3"]["mean"]) > 1e-4, "--set b has no effect")
    part = predict(work, program, data, x2[3:4])
    report.close(part["mean"][0], got["0.3"]["mean"][3], 1e-11, "one sample alone: mean")
    report.close(part["var"][0], got["0.3"]["var"][3], 1e-7, "one sample alone: variance")
    only = predict(work, program, data, x2, (), ["--mean-only"])
    report.check(set(only) == {"mean", "class"} and np.allclose(only["mean"], got["0.3"]["mean"], rtol=0, atol=1e-13), "--mean-only")
    one = predict(work, program, data, x2, ["--threads=1"], ["--threads=1"])
    report.close(one["mean"], got["0.3"]["mean"], 1e-9, "one thread: mean")


def check_validation(work, report, program):
    """A validation part chooses the ridge, by NumPy; it is never fitted, and the test part has no say."""
    (x1, y1), (x2, y2), (x3, y3) = blobs(21, 36), blobs(22, 20), blobs(23, 15)
    y, v = np.eye(3)[y1] - 1 / 3, np.eye(3)[y2] - 1 / 3
    for kernel, time in (("ntk", np.inf), ("ntk", 500.0), ("nngp", np.inf)):
        reference = Numpy(work, program, x1, x2, kernel)
        a, cross, errors = reference.kernel[:36, :36], reference.kernel[36:, :36], {}
        for i in range(19):
            w, vectors = np.linalg.eigh(a + 10 ** (-8 + i / 2) * reference.scale * np.eye(36))
            f = 1 / w if np.isinf(time) else -np.expm1(-w * time / y.size) / w
            errors[10 ** (-8 + i / 2)] = np.mean((cross @ (vectors * f) @ (vectors.T @ y) - v) ** 2)
        data = save(work, x_train=x1, y_train=y1, x_val=x2, y_val=y2, x_test=x3, y_test=y3)
        options = ["--net=small", f"--kernel={kernel}", f"--time={time}"]
        results = [evaluate(work, program, data, *options, *rule)[0] for rule in ((), ("--ridge=val",))]
        report.check(all(results[0][k] == results[1][k] for k in ("ridge", "mse", "val_mse")) and results[0]["ridge_rule"] == "val",
                     "a validation part chooses where nothing else is said")
        best = min(errors, key=errors.get)
        report.close(results[0]["ridge"], best, 1e-9, f"{kernel}, time {time}: the ridge with the least validation error")
        report.close(results[0]["val_mse"], errors[best], 1e-6, f"{kernel}, time {time}: validation error")
        fixed = evaluate(work, program, data, *options, f"--ridge={best}")[0]
        report.close(fixed["mse"], results[0]["mse"], 1e-6, f"{kernel}, time {time}: only the training part is fitted")
        report.check(fixed["ridge_rule"] == "fixed" and fixed["val_mse"] is None, "--ridge=R does not look at the validation part")
        other = save(work, x_train=x1, y_train=y1, x_val=x2, y_val=y2, x_test=x3[::-1], y_test=(y3 + 1) % 3)
        report.close(evaluate(work, program, other, *options)[0]["ridge"], best, 1e-9, "another test part, the same ridge")
        model = predict(work, program, data, x3, options)
        text = good(work, program, "fit", data, "-o", work.path("val.npz"), *options).stdout
        report.check("chosen on the validation part" in text and "validation  " in text, f"fit's text: {text!r}")
        report.close(np.mean((model["mean"] - (np.eye(3)[y3] - 1 / 3)) ** 2), results[0]["mse"], NUMPY_TOLERANCE, "fit chooses as eval does")


    # Real targets: the validation part's are standardized as the training part's are.
    t1, t2, t3 = (5 + 40 * y + x.sum((1, 2)) for x, y in ((x1, y1), (x2, y2), (x3, y3)))
    mean = Numpy(work, program, x1, x2).solve(((t1 - t1.mean()) / t1.std())[:, None], 1e-1)[0][:, 0]
    data = save(work, x_train=x1, y_train=t1, x_val=x2, y_val=t2, x_test=x3, y_test=t3)
    result = evaluate(work, program, data, "--net=small")[0]
    at_tenth = np.mean((mean - (t2 - t1.mean()) / t1.std()) ** 2)
    report.check(result["val_mse"] <= at_tenth * (1 + 1e-9), f"real targets: {result['val_mse']} on the validation part, {at_tenth} with ridge 0.1")
    text = good(work, program, "eval", save(work, x_train=x1, y_train=t1, x_val=x2, y_val=t2, x_test=x3, y_test=t3), "--net=small").stdout
    report.check("chosen on the validation part" in text and "95 % intervals" in text, "real targets: text")
    chosen = Numpy(work, program, x1, x2).solve(((t1 - t1.mean()) / t1.std())[:, None], result["ridge"])[0][:, 0]
    report.close(result["val_mse"], np.mean((chosen - (t2 - t1.mean()) / t1.std()) ** 2), 1e-6, "real targets: validation error")


def check_times(work, report, program):
    """Steps times rate is time; absolute ridges; the largest rate."""
    (x1, y1), (x2, y2) = blobs(24, 30), blobs(25, 10)
    data = save(work, x_train=x1, y_train=y1, x_test=x2, y_test=y2)
    steps = predict(work, program, data, x2, ["--net=small", "--time=2000", "--learning-rate=0.05"], ["--cov"])
    time = predict(work, program, data, x2, ["--net=small", "--time=100"], ["--cov"])
    for key in ("mean", "cov"):
        report.close(steps[key], time[key], 1e-12, f"2000 steps of rate 0.05 are time 100: {key}")
    reference = Numpy(work, program, x1, x2)
    absolute = evaluate(work, program, data, "--net=small", "--ridge=abs:0.02")[0]
    relative = evaluate(work, program, data, "--net=small", f"--ridge={0.02 / reference.scale!r}")[0]
    report.close(absolute["ridge_absolute"], 0.02, 1e-12, "--ridge=abs: as given")
    report.close(absolute["mse"], relative["mse"], 1e-9, "--ridge=abs: the same as a relative one")
    k = reference.kernel[:30, :30] + 0.02 * np.eye(30)
    report.close(absolute["max_learning_rate"], 2 * 90 / np.linalg.eigvalsh(k)[-1], 1e-6, "the largest learning rate")
    result = run(work, program, "eval", data, "--net=small", "--time=10", f"--learning-rate={2 * absolute['max_learning_rate']}")
    report.check(result.returncode == 0 and "diverges" in result.stderr, f"too large a learning rate: {result.stderr!r}")


def check_intervals(work, report, program):
    """Intervals cover what they promise, and are what eval counts."""
    (x1, _), (x2, _) = blobs(26, 150), blobs(27, 300)
    rng = np.random.default_rng(28)
    target = lambda x: 20 + 3 * np.cos(x[:, 2, 2]) + 2 * x[:, 0, 0] + rng.standard_normal(len(x))
    t1, t2 = target(x1), target(x2)
    data = save(work, x_train=x1, y_train=t1, x_test=x2, y_test=t2)
    for options in (["--ridge=loo"], ["--ridge=1e-2", "--kernel=nngp"], ["--ridge=1e-2", "--loo=never"]):
        got = predict(work, program, data, x2, ["--net=small", *options])
        inside = np.mean((got["lower"][:, 0] <= t2) & (t2 <= got["upper"][:, 0]))
        result = evaluate(work, program, data, "--net=small", *options)[0]
        report.close(result["coverage"], inside, 1e-14, f"{options}: coverage")
        report.close(result["interval_width"], np.mean(got["upper"] - got["lower"]), 1e-7, f"{options}: width")
        report.close(got["upper"] + got["lower"], 2 * got["mean"], 1e-12, f"{options}: intervals stand about the mean")
        # 300 samples of 95 %: standard deviation 1.3 %; the scale is known from 150 samples.
        report.check(0.88 <= inside <= 0.99, f"{options}: 95 % intervals cover {inside:.3f}")
    none = predict(work, program, data, x2, ["--net=small", "--time=10"])
    report.check("lower" not in none and "upper" not in none, "no intervals at finite times")
    labels = np.stack([t1 > 22, t1 > 24], 1).astype(int)
    got = predict(work, program, save(work, x_train=x1, y_train=labels), x2, ["--net=small", "--ridge=1e-2"])
    p = got["probability"]
    result = evaluate(work, program, save(work, x_train=x1, y_train=labels, x_test=x2, y_test=np.stack([t2 > 22, t2 > 24], 1).astype(int)),
                      "--net=small", "--ridge=1e-2")[0]
    bins, y = np.minimum((15 * p).astype(int), 14), np.stack([t2 > 22, t2 > 24], 1)
    error = sum(abs(np.sum(p[bins == b] - y[bins == b])) for b in range(15)) / p.size
    report.close(result["calibration_error"], error, 1e-6, "labels: calibration error")
    report.close(result["nll"], -np.mean(np.log(np.where(y, p, 1 - p))), 1e-6, "labels: NLL")
    report.check(p.shape == (300, 2) and np.all((p > 0) & (p < 1)) and np.array_equal(p > 0.5, got["mean"] > 0.5), "probabilities of labels")


def check_economy(work, report, program):
    """Leave-one-out on demand; models with a mean only; dry runs."""
    (x1, y1), (x2, y2) = blobs(29, 30), blobs(30, 12)
    data = save(work, x_train=x1, y_train=y1, x_test=x2, y_test=y2)
    auto, never, always = (evaluate(work, program, data, "--net=small", *o)[0] for o in ((), ("--loo=never",), ("--loo=always",)))
    report.check(never["loo_mse"] is None and never["loo_accuracy"] is None and always["loo_mse"] == auto["loo_mse"], "--loo")
    for key in ("mse", "accuracy", "log_marginal_likelihood", "condition", "auc"):
        report.close(never[key], auto[key], 1e-12, f"--loo=never: {key}")
    report.check(never["nll"] is not None and "not computed" in good(work, program, "eval", data, "--loo=never").stdout, "--loo=never: the rest")
    for options in ([], ["--ridge=loo"], ["--time=50"], ["--kernel=nngp"]):
        whole, small = work.fresh(".npz"), work.fresh(".npz")
        good(work, program, "fit", data, "--net=small", "-o", whole, *options)
        good(work, program, "fit", data, "--net=small", "-o", small, "--mean-only", *options)
        # The kernel that was solved in is stored as it was before.
        with np.load(whole) as f, np.load(small) as g:
            gram = work.gram(program, x1, net="small")
            for name in ("nngp_train",) if "--kernel=nngp" in options else ("nngp_train", "ntk_train"):
                report.same_bits(f[name], gram[name[:-6]], f"fit {options}: {name}")
            report.check("nngp_train" not in g.files and "ntk_train" not in g.files, f"fit --mean-only {options}: kernels in the file")
            report.same_bits(f["alpha"], g["alpha"], f"fit --mean-only {options}: the solution")
        out = work.fresh(".npz")
        good(work, program, "predict", small, work.array(x2), "-o", out)
        with np.load(out) as f:
            report.check(set(f.files) == {"mean", "class"}, f"predict from --mean-only {options}: {f.files}")
        result = run(work, program, "predict", small, work.array(x2), "-o", out, "--cov")
        report.check(result.returncode == 1 and "--mean-only" in result.stderr, f"--cov from a model without kernels: {result.stderr!r}")
    result = good(work, program, "fit", data, "--net=small", "--dry-run")
    report.check("2 kernel matrices" in result.stdout and "in place" in result.stdout, f"fit --dry-run: {result.stdout!r}")
    result = good(work, program, "fit", data, "--net=small", "--dry-run", "--mean-only", "--ridge=loo", "-o", work.path("dry.npz"))
    report.check("1 kernel matrix" in result.stdout and "eigendecomposition" in result.stdout and not work.exists(work.path("dry.npz")),
                 f"fit --dry-run --mean-only: {result.stdout!r}")


def check_memory(work, report):
    """Solving takes no second matrix: peak memory of whole commands, beside one kernel matrix."""
    if not lib.slow() or os.environ.get("ENTK_ASAN"):
        return
    program = work.compile("net vectors = vector(16) -> dense(bias_std = 0.1) -> relu -> dense\n")
    rng, n = np.random.default_rng(1), 10000
    x = rng.standard_normal((n + 10, 16))
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    data = save(work, x_train=x[:n], y_train=y[:n], x_test=x[n:], y_test=y[n:])
    for command in (["eval", data], ["fit", data, "--mean-only", "-o", work.path("memory.npz")]):
        child = subprocess.Popen([program, *command], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = status
        ratio = 1024 * usage.ru_maxrss / (8 * n * n)
        report.check(status == 0 and ratio <= 1.1, f"{command[0]} of {n} samples: status {status}, {ratio:.3f} matrices in memory")


def check_jitter(work, report, program):
    """Repeated samples and no ridge: the matrix is singular. What is added is said."""
    x, y = blobs(12, 20)
    data = save(work, x_train=np.concatenate([x, x]), y_train=np.concatenate([y, y]), x_test=x, y_test=y)
    path = work.fresh(".json")
    result = run(work, program, "eval", data, "--net=small", "--ridge=0", "--json", path)
    report.check(result.returncode == 0 and "warning" in result.stderr and "not positive definite" in result.stderr,
                 f"jitter is not reported: status {result.returncode}, {result.stderr!r}")
    if result.returncode == 0:
        report.check(json.load(open(path))[0]["jitter"] > 0, "jitter in JSON")
    result = run(work, program, "eval", data, "--net=small")
    report.check(result.returncode == 0 and not result.stderr, f"a warning without reason: {result.stderr!r}")
    # Black images without a bias have the kernel 0.
    black = save(work, x_train=0 * x, y_train=y, x_test=x, y_test=y)
    for command in (["eval", black, "--net=other"], ["eval", black, "--net=other", "--ridge=abs:1"],
                    ["fit", black, "--net=other", "-o", work.path("black.npz")]):
        result = run(work, program, *command)
        report.check(result.returncode == 2 and "positive definite" in result.stderr and result.stderr.count("\n") == 1,
                     f"{command[0]} of black images: status {result.returncode}, {result.stderr!r}")
    report.check(not work.exists(work.path("black.npz")), "a failed fit leaves a file")


def check_errors(work, report, program):
    (x, y), t = blobs(13, 12), np.arange(12) % 2
    base = dict(x_train=x, y_train=y, x_test=x, y_test=y)
    changed = lambda **arrays: save(work, **{k: v for k, v in {**base, **arrays}.items() if v is not None})
    data, model = changed(), work.path("model.npz")
    good(work, program, "fit", data, "--net=small", "-o", model)
    cut = work.path("cut.npz")
    with open(model, "rb") as f, open(cut, "wb") as g:
        g.write(f.read()[:-200])
    wide = np.stack([t, t, t], axis=1)
    cases = [                                        # command, part of the message
        (["eval"], "no data set"),
        (["eval", changed(x_test=None, y_test=None)], "x_test"),
        (["eval", changed(y_test=None)], "x_test without y_test"),
        (["eval", changed(y_train=y[:-1])], "12 samples, but y_train has 11"),
        (["eval", changed(y_train=np.where(y == 1, np.nan, y))], "NaN"),
        (["eval", changed(y_train=y + 0.5, y_test=y)], "y_train is regression"),
        (["eval", changed(y_train=wide, y_test=wide[:, :2])], "2 targets per sample"),
        (["eval", changed(y_train=wide + 1, y_test=wide)], "0/1 labels"),
        (["eval", changed(y_train=0 * y, y_test=0 * y)], "nothing to tell apart"),
        (["eval", changed(y_train=y.astype(str), y_test=y.astype(str))], "y_train"),
        (["eval", changed(y_train=y[:, None, None])], "shape (12, 1, 1)"),
        (["eval", changed(x_train=x[:, :4])], "shape (12, 4, 5)"),
        (["eval", changed(groups=np.arange(11))], "groups"),
        (["eval", changed(groups=np.arange(12), groups_test=np.arange(11, 23))], "in the training part too"),
        (["eval", changed(groups=np.arange(12), groups_test=np.arange(3))], "groups_test"),
        (["eval", changed(groups=np.arange(12) / 2)], "expected integers"),
        (["eval", data, "--ridge=val"], "no validation part"),
        (["eval", data, "--ridge=abs:x"], "--ridge"),
        (["eval", data, "--learning-rate=0"], "--learning-rate"),
        (["eval", data, "--loo=maybe"], "--loo"),
        (["eval", save(work, **{**base, "x_train": np.zeros((200, 5, 5)), "y_train": np.arange(200)})], "too many for classes"),
        (["eval", data, data], "too many"),
        (["eval", data, "--ridge=-1"], "--ridge"),
        (["eval", data, "--ridge=l00"], "--ridge"),
        (["eval", data, "--kernel=nkt"], "--kernel"),
        (["eval", data, "--time=-1"], "--time"),
        (["eval", data, "--net=smal"], "did you mean"),
        (["eval", work.path("nothing.npz")], "nothing.npz"),
        (["fit", data, "-o", work.path("m.npz")], "--net"),
        (["fit", data, "--net=small"], "-o M.npz"),
        (["predict", model, "-o", work.path("p.npz")], "no samples"),
        (["predict", model, work.array(x)], "-o P.npz"),
        (["predict", data, work.array(x), "-o", work.path("p.npz")], "format"),
        (["predict", cut, work.array(x), "-o", work.path("p.npz")], "cut.npz"),
        (["predict", model, work.array(x), "-o", work.path("p.npz"), "--set=b=1"], "the model fixes"),
        (["predict", model, work.array(x), "-o", work.path("p.npz"), "--net=other"], "small"),
        (["predict", model, work.array(x), "-o", work.path("p.npz"), "--cov", "--mean-only"], "--mean-only"),
        (["predict", model, work.array(x[:, :3]), "-o", work.path("p.npz")], "shape (12, 3, 5)"),
    ]
    for command, message in cases:
        result = run(work, program, *command)
        report.check(result.returncode == 1 and message in result.stderr and result.stderr.count("\n") == 1 and not result.stdout,
                     f"{' '.join(command)}: status {result.returncode}, {result.stderr!r}, wanted {message!r}")
    for name in ("m.npz", "p.npz"):
        report.check(not work.exists(work.path(name)), f"a failed command leaves {name}")
    # The same name, another architecture.
    other = work.compile(NET.replace("0.3", "0.4"))
    result = run(work, other, "predict", model, work.array(x), "-o", work.path("p.npz"))
    report.check(result.returncode == 1 and "architecture" in result.stderr, f"a model of another net: {result.stderr!r}")
    # The same net with another param.
    renamed, model = work.compile(PARAM.replace("param b", "param c").replace("= b)", "= c)")), work.path("param.npz")
    good(work, work.compile(PARAM), "fit", data, "-o", model)
    result = run(work, renamed, "predict", model, work.array(x), "-o", work.path("p.npz"))
    report.check(result.returncode == 1 and "param" in result.stderr + "architecture" and not work.exists(work.path("p.npz")),
                 f"a model with other params: {result.stderr!r}")
    result = run(work, work.compile(TWO, precision="f32"), "predict", work.path("model.npz"), work.array(x), "-o", work.path("p.npz"))
    report.check(result.returncode == 1 and "precision" in result.stderr, f"a model in another precision: {result.stderr!r}")
    result = run(work, program, "eval", data, "--json", "/nonexistent/a.json")
    report.check(result.returncode == 3 and "/nonexistent" in result.stderr, f"no folder for the JSON file: {result.stderr!r}")


def check_unseen(work, report, program):
    """Classes that only the test samples have: said once, and all of them are errors."""
    (x1, y1), (x2, y2) = blobs(1, 40), blobs(2, 25)
    y2 = np.where(np.arange(25) < 4, 9, y2)
    data = save(work, x_train=x1, y_train=y1, x_test=x2, y_test=y2)
    for command in (["eval", data], ["compare", data, "--sizes=20,40"]):
        result = run(work, program, *command)
        report.check(result.returncode == 0 and result.stderr.count("4 of 25 samples are of classes that no training sample has (the smallest: 9)") == 1,
                     f"{command[0]}: classes without training samples: {result.stderr!r}")
        result = run(work, program, command[0], save(work, x_train=x1, y_train=y1, x_test=x2, y_test=y1[:25]), *command[2:])
        report.check("no training sample" not in result.stderr, f"{command[0]}: all classes have training samples: {result.stderr!r}")


def main():
    options = lib.arguments(__doc__).parse_args()
    report = lib.Report("check_regression")
    with lib.Work(options.build, options.keep) as work:
        parts = [lambda: check_golden(work, report), lambda: check_models(work, report), lambda: check_memory(work, report)]
        program = work.compile(TWO)
        parts += [lambda check=check: check(work, report, program) for check in
                  (check_classes, check_labels, check_real, check_rules, check_validation, check_times,
                   check_intervals, check_economy, check_jitter, check_unseen, check_errors)]
        for part in parts:
            try:
                part()
            except (lib.CompileError, lib.RunError) as error:
                report.check(False, str(error))
    report.exit()


if __name__ == "__main__":
    main()
