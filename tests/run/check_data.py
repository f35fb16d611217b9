#!/usr/bin/python3
"""Data files and command lines of a program: arrays of every layout are read right; hostile ones, full disks, interrupts
and wrong options end in one clear line, the right exit status, and nothing under the output's name.

The program is tests/unit/fake_program.c (kernels written by hand), linked with libentk: the runtime is tested by itself."""
import json
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import zipfile

import numpy as np

import entk_testlib as lib

SOON = 5.0  # seconds; a guard against hangs (the aim is below one second)


class Fake:
    def __init__(self, build, report, folder):
        self.report, self.folder = report, folder
        self.program = self.path("fake")
        with open(os.path.join(build, "libentk.libs")) as f:
            libraries = shlex.split(f.read())
        unit = os.path.join(lib.ROOT, "tests", "unit")
        subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-O1", "-I" + os.path.join(lib.ROOT, "runtime"), "-I" + unit,
                        os.path.join(unit, "fake_program.c"), os.path.join(build, "libentk.a"), *libraries,
                        "-o", self.program], check=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, arguments, kind="f64", **options):
        environment = dict(os.environ, FAKE_PROGRAM=kind)
        start = time.time()
        result = subprocess.run([self.program, *arguments], capture_output=True, text=True, errors="replace",
                                timeout=60, env=environment, cwd=self.folder, **options)
        self.report.check(time.time() - start < SOON, f"{arguments}: took {time.time() - start:.1f} s")
        self.report.check("Sanitizer" not in result.stderr and "runtime error" not in result.stderr
                          and "broken promise" not in result.stderr, f"{arguments}: {result.stderr[:2000]}")
        return result

    def gram(self, *arguments, kind="f64"):
        """Arrays that `gram ARGUMENTS` writes; {} after a failure, which is reported."""
        out = self.path("out.npz")
        result = self.run(["gram", *arguments, "-o", out], kind)
        if not self.report.check(result.returncode == 0, f"gram {arguments}: {result.stderr}"):
            return {}
        with np.load(out) as f:
            arrays = {k: f[k] for k in f.files}
        os.unlink(out)
        return arrays

    def refuse(self, name, arguments, status, says, kind="f64", output=True, **options):
        """The command fails with `status` and one line that contains every one of `says`; nothing is written."""
        before = set(os.listdir(self.folder))
        out = self.path("refused.npz")
        result = self.run([*arguments, *(["-o", out] if output else [])], kind, **options)
        says = [says] if isinstance(says, str) else says
        check = self.report.check
        check(result.returncode == status, f"{name}: status {result.returncode}, wanted {status}: {result.stderr}")
        check(result.stderr.startswith("fake: error: ") and result.stderr.count("\n") == 1 and len(result.stderr) < 1500,
              f"{name}: not one line: {result.stderr!r}")
        for part in says:
            check(part in result.stderr, f"{name}: the line does not contain {part!r}: {result.stderr}")
        left = set(os.listdir(self.folder)) - before
        check(not left, f"{name}: left {left}")


# ------------------------------------------------------------------------------------------------- kernels by definition

def kernels(x, z=None, w=1.0, vector=False):
    """fake_program.h's kernels."""
    a = np.asarray(x, dtype=float).reshape(len(x), -1)
    b = a if z is None else np.asarray(z, dtype=float).reshape(len(z), -1)
    n = a.shape[1]
    nngp = w * w * (a @ b.T) / n + a[:, None, 0] / 64 - b[None, :, 0] / 32
    q = np.sum(a * a, 1) / n if vector else np.ones(len(a))
    q_z = np.sum(b * b, 1) / n if vector else np.ones(len(b))
    ntk = nngp + w * q[:, None] - 2 * w * q_z[None, :]
    if z is None:
        nngp, ntk = (np.triu(k) + np.triu(k, 1).T for k in (nngp, ntk))
    return nngp, ntk


def compare(fake, name, got, x, z=None, tolerance=1e-13, **options):
    if got:
        nngp, ntk = kernels(x, z, **options)
        fake.report.close(got["nngp"], nngp, tolerance, f"{name}: nngp")
        fake.report.close(got["ntk"], ntk, tolerance, f"{name}: ntk")


# ------------------------------------------------------------------------------------------------------------ right data

def layouts(fake):
    rng = np.random.default_rng(1)
    x = rng.integers(-5, 6, (19, 4, 5, 2))
    path = fake.path("x.npy")
    for dtype in ("<f8", ">f8", "<f4", ">f4", "<f2", ">f2", "i1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8"):
        for order in "CF":
            for kind, tolerance in (("f64", 1e-14), ("f32", 1e-6)):
                np.save(path, np.asarray(x, dtype=dtype, order=order))
                compare(fake, f"{dtype} {order} {kind}", fake.gram(path, "--net=image", kind=kind), x, tolerance=tolerance)
    for dtype in ("u1", "<u2", ">u4", "<u8", "b1"):
        np.save(path, np.asfortranarray(np.abs(x)).astype(dtype))
        want = np.abs(x) / 255 if dtype == "u1" else np.abs(x).astype(dtype)
        compare(fake, dtype, fake.gram(path, "--net=image"), want)
    for version in ((1, 0), (2, 0), (3, 0)):
        with open(path, "wb") as f:
            np.lib.format.write_array(f, x, version=version)
        compare(fake, f"version {version}", fake.gram(path, "--net=image"), x)
    # A view that is neither C nor Fortran ordered; numpy writes it C ordered.
    np.save(path, np.moveaxis(rng.random((2, 4, 9, 5)), [2, 1, 3, 0], [0, 1, 2, 3]))
    compare(fake, "moved axes", fake.gram(path, "--net=image"), np.load(path))


def names_and_nets(fake):
    rng = np.random.default_rng(2)
    x, z, v = rng.random((9, 4, 5)), rng.random((30, 4, 5, 1)), rng.random((300, 7))
    a, b = fake.path("a.npz"), fake.path("b.npz")
    np.savez(a, only=x)
    np.savez_compressed(b, x=z, y=np.arange(3), v=v)
    compare(fake, "one array, no channel axis", fake.gram(a, "--net", "gray"), x)
    compare(fake, "an array called x", fake.gram(b, "--net=gray"), z)
    compare(fake, "X and Z", fake.gram(a + ":only", b, "--net=gray"), x, z)
    compare(fake, "--set", fake.gram(a, b + ":x", "--net=gray", "--set", "w=1.5"), x, z, w=1.5)
    compare(fake, "vectors", fake.gram(b + ":v", "--net=vector"), v, vector=True)
    compare(fake, "vectors in float32", fake.gram(b + ":v", "--net=vector", kind="f32"), v, vector=True, tolerance=1e-6)
    compare(fake, "vectors with themselves as Z", fake.gram(b + ":v", b + ":v", "--net=vector"), v, v, vector=True)
    np.save(fake.path("one.npy"), v[:1])
    compare(fake, "one sample", fake.gram(fake.path("one.npy"), "--net=vector"), v[:1], vector=True)
    both = fake.gram(a, kind="twins")
    fake.report.check(sorted(both) == ["gray.nngp", "gray.ntk", "twin.nngp", "twin.ntk"], f"names of arrays: {sorted(both)}")
    if both:
        compare(fake, "first of two nets", {k: both["gray." + k] for k in ("nngp", "ntk")}, x)
        fake.report.same_bits(both["gray.ntk"], both["twin.ntk"], "twins")
    for kernel in ("nngp", "ntk"):
        got = fake.gram(a, "--net=gray", f"--kernel={kernel}")
        fake.report.check(list(got) == [kernel], f"--kernel={kernel} wrote {list(got)}")
        if got and both:
            fake.report.same_bits(got[kernel], both["gray." + kernel], f"--kernel={kernel}")


def reproducible(fake):
    """The output file's bytes do not depend on tiles and threads."""
    rng = np.random.default_rng(3)
    np.savez(fake.path("r.npz"), v=rng.random((300, 7)), x=rng.random((50, 4, 5)))
    for net, key in (("vector", "v"), ("gray", "x")):
        for kind in ("f64", "f32"):
            files = []
            for options in ([], ["--threads=1"], ["-t", "5"], ["--tile=1x1"], ["--tile", "3x7", "--threads=3"], ["--tile=99x99"]):
                out = fake.path("r-out.npz")
                result = fake.run(["gram", "r.npz:" + key, f"--net={net}", "-o", out, *options], kind)
                fake.report.check(result.returncode == 0, f"{options}: {result.stderr}")
                with open(out, "rb") as f:
                    files.append(f.read())
                os.unlink(out)
            fake.report.check(len(set(files)) == 1, f"{net} {kind}: {len(set(files))} different files")


# ---------------------------------------------------------------------------------------------------------- hostile data

def header(text, version=1):
    data = text.encode()
    return b"\x93NUMPY" + bytes([version, 0]) + len(data).to_bytes(2 if version == 1 else 4, "little") + data


def shapes(fake):
    path = fake.path("h.npy")

    def refuse(name, array, says, net="image", status=1, kind="f64"):
        np.save(path, array)
        fake.refuse(name, ["gram", path, f"--net={net}"], status, says, kind)
    ones = np.ones
    refuse("wrong rank", ones((3, 40)), ["h.npy", "(3, 40)", "(n, 4, 5, 2)"])
    refuse("wrong channels", ones((3, 4, 5, 3)), ["(3, 4, 5, 3)", "(n, 4, 5, 2)"])
    refuse("wrong size", ones((3, 5, 5, 2)), ["(3, 5, 5, 2)", "--set"])
    refuse("channels first", ones((3, 2, 4, 5)), ["(3, 2, 4, 5)", "moveaxis(x, 1, -1)"])
    refuse("no channel axis where two are needed", ones((3, 4, 5)), "(n, 4, 5, 2)")
    refuse("one sample without its axis", ones((4, 5, 2)), "x[None]")
    refuse("one gray sample without its axis", ones((4, 5)), ["(n, 4, 5) or (n, 4, 5, 1)", "x[None]"], net="gray")
    refuse("scalar", np.float64(1), ["shape ()", "(n, 7)"], net="vector")
    refuse("vector of one axis", ones(7), ["(7,)", "x[None]"], net="vector")
    refuse("no samples", np.zeros((0, 7)), ["no samples", "(0, 7)"], net="vector")
    refuse("no channels", np.zeros((3, 0)), "(3, 0)", net="vector")
    bad = ones((5, 4, 5, 2))
    bad[3, 1, 4, 0] = np.nan
    refuse("NaN", bad, ["NaN", "(3, 1, 4, 0)"])
    refuse("NaN in Fortran order", np.asfortranarray(bad), "(3, 1, 4, 0)")
    refuse("NaN in float16", bad.astype("f2"), "(3, 1, 4, 0)")
    bad[3, 1, 4, 0] = -np.inf
    refuse("infinity", bad, ["infinity", "(3, 1, 4, 0)"])
    bad[3, 1, 4, 0] = 1e300
    refuse("beyond float32", bad, ["float32's range", "(3, 1, 4, 0)"], kind="f32")
    np.save(path, ones((3, 7)))
    fake.refuse("several nets of different inputs", ["gram", path], 1, ["\"image\"", "--net"])


def types(fake):
    path = fake.path("h.npy")

    def refuse(name, array, says, **options):
        np.save(path, array, **options)
        fake.refuse(name, ["gram", path, "--net=vector"], 1, ["h.npy", says, "astype"])
    refuse("object", np.array([[None] * 7] * 2, dtype=object), "object", allow_pickle=True)
    refuse("strings", np.array([["1"] * 7] * 2), "string")
    refuse("bytes", np.array([[b"1"] * 7] * 2), "string")
    refuse("complex", np.ones((2, 7), dtype=complex), "complex")
    refuse("dates", np.zeros((2, 7), dtype="M8[s]"), "date")
    refuse("records", np.zeros((2, 7), dtype=[("a", "f8"), ("b", "i4")]), "structured")
    refuse("extended precision", np.ones((2, 7), dtype=np.longdouble), "f16")
    np.savez(fake.path("h.npz"), x=np.array([[None] * 7] * 2, dtype=object))
    fake.refuse("object in a .npz", ["gram", "h.npz", "--net=vector"], 1, ["h.npz:x", "object"])


def scales(fake):
    """uint8 is divided by 255: beside values beyond [0, 1] of another type that is a mistake, wherever two sets meet."""
    rng = np.random.default_rng(11)
    raw = rng.integers(0, 256, (20, 7), dtype=np.uint8)
    y = rng.standard_normal(20)
    np.save(fake.path("bytes.npy"), raw)
    np.save(fake.path("wide.npy"), raw.astype(np.float32))
    np.save(fake.path("unit.npy"), raw / 255.0)
    net = "--net=vector"
    for left, right in (("bytes.npy", "wide.npy"), ("wide.npy", "bytes.npy")):
        fake.refuse(f"{left} beside {right}", ["gram", left, right, net], 1,
                    ["wide.npy: not on one scale with bytes.npy", "divided by 255", "store both as uint8"])
    fake.report.check(fake.gram("bytes.npy", "unit.npy", net) != {}, "uint8 beside floats in [0, 1]")
    for name, train, test in (("bytes", raw, raw), ("mixed", raw, raw * 1.0), ("wide", raw * 1.0, raw * 1.0)):
        np.savez(fake.path(name + ".npz"), x_train=train, y_train=y, x_test=test, y_test=y)
    fake.refuse("parts of a data set", ["eval", "mixed.npz", net, "--ridge=1"], 1,
                ["mixed.npz:x_test: not on one scale with x_train"], output=False)
    for data, x in (("bytes", "wide"), ("wide", "bytes")):
        model = fake.path("model.npz")
        result = fake.run(["fit", data + ".npz", net, "--kernel=nngp", "--ridge=1", "-o", model])
        fake.report.check(result.returncode == 0, f"fit {data}: {result.stderr}")
        fake.refuse(f"predict {x} by a model of {data}", ["predict", model, x + ".npy"], 1,
                    ["not on one scale with", "the model's training samples"])
        result = fake.run(["predict", model, data + ".npy", "-o", fake.path("p.npz")])
        fake.report.check(result.returncode == 0, f"predict {data}: {result.stderr}")


def files(fake):
    good = np.random.default_rng(4).random((40, 7))
    np.save(fake.path("g.npy"), good)
    np.savez(fake.path("g.npz"), x=good, y=np.arange(3))
    np.savez_compressed(fake.path("c.npz"), x=good)
    np.savez(fake.path("two.npz"), images=good, labels=np.arange(3))
    gram = ["gram", "--net=vector"]

    def cut(source, name, part):
        with open(fake.path(source), "rb") as f:
            data = f.read()
        with open(fake.path(name), "wb") as f:
            f.write(data[:int(part * len(data))])

    for source in ("g.npz", "c.npz"):
        for part in (0.02, 0.3, 0.9, 0.99):
            cut(source, "cut.npz", part)
            fake.refuse(f"{source} cut at {part}", [*gram, "cut.npz"], 1, ["cut.npz", "truncated"])
    for part in (0.01, 0.03, 0.5, 0.999):
        cut("g.npy", "cut.npy", part)
        fake.refuse(f"g.npy cut at {part}", [*gram, "cut.npy"], 1, "cut.npy")
    # A whole zip with a damaged array: the checksum notices.
    with open(fake.path("g.npz"), "rb") as f:
        data = bytearray(f.read())
    data[400] ^= 1
    with open(fake.path("bits.npz"), "wb") as f:
        f.write(data)
    fake.refuse("one flipped bit", [*gram, "bits.npz"], 1, ["bits.npz:x", "damaged"])
    hostile = {
        "overflow.npy": (header("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }"), "memory can hold"),
        "longer.npy": (header("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999, 7), }"), "too large"),
        "huge.npy": (header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 7), }"), "truncated"),
        "huge_fortran.npy": (header("{'descr': '<f8', 'fortran_order': True, 'shape': (1000000000, 7), }"), "truncated"),
        "negative.npy": (header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 7), }"), "shape"),
        "code.npy": (header("__import__('os').system('true')"), "malformed"),
        "long_header.npy": (b"\x93NUMPY\x02\x00\xff\xff\xff\x7f{", "truncated"),
        "more.npy": (header("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 7), }") + bytes(8), "more bytes"),
        "version.npy": (header("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 7), }", 1).replace(b"\x01\x00", b"\x07\x00", 1),
                        "version 7.0"),
        "empty.npy": (b"", "empty"),
        "text.npy": (b"1,2,3\n4,5,6\n", "neither"),
        "noise.npz": (np.random.default_rng(0).bytes(5000), "neither"),
        "zip_noise.npz": (b"PK\x03\x04" + np.random.default_rng(0).bytes(5000), "truncated"),
        "magic.npy": (b"\x93NUMPY", "truncated"),
    }
    for name, (data, says) in hostile.items():
        with open(fake.path(name), "wb") as f:
            f.write(data)
        fake.refuse(name, [*gram, name], 1, [name, says])
    with zipfile.ZipFile(fake.path("bomb.npz"), "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("x.npy", header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 7), }") + bytes(10_000_000))
    fake.refuse("a zip that claims more than it has", [*gram, "bomb.npz"], 1, ["bomb.npz:x", "truncated"])
    with zipfile.ZipFile(fake.path("other.npz"), "w") as z:
        z.writestr("readme.txt", "nothing")
    fake.refuse("a zip without arrays", [*gram, "other.npz"], 1, "no arrays")
    with zipfile.ZipFile(fake.path("names.npz"), "w") as z:
        z.writestr("a\n\x1b[31mb.npy", b"x")
        z.writestr("c.npy", b"x")
    fake.refuse("keys with control characters", [*gram, "names.npz"], 1, "a??[31mb")
    fake.refuse("missing file", [*gram, "nowhere.npz"], 1, ["nowhere.npz", "No such file"])
    fake.refuse("missing file with a key", [*gram, "nowhere.npz:x"], 1, ["nowhere.npz", "No such file"])
    fake.refuse("a folder", [*gram, "."], 1, "folder")
    fake.refuse("a device", [*gram, "/dev/zero"], 1, "regular file")
    fake.refuse("wrong key", [*gram, "two.npz:image"], 1, ["images, labels", "did you mean \"images\""])
    fake.refuse("key of a .npy", [*gram, "g.npy:x"], 1, "one array")
    fake.refuse("several arrays, none called x", [*gram, "two.npz"], 1, ["images, labels", "two.npz:images"])
    fake.refuse("wrong Z", [*gram, "g.npy", "two.npz:labels"], 1, ["two.npz:labels", "(3,)"])
    if os.geteuid() != 0:
        os.chmod(fake.path("g.npy"), 0)
        fake.refuse("unreadable file", [*gram, "g.npy"], 3, ["g.npy", "Permission"])
        os.chmod(fake.path("g.npy"), 0o600)


# ------------------------------------------------------------------------------------------------------ disks and signals

def outputs(fake):
    np.save(fake.path("v.npy"), np.random.default_rng(5).random((300, 7)))
    gram = ["gram", "v.npy", "--net=vector"]

    def refuse(name, arguments, says, status=3, **options):
        fake.refuse(name, [*gram, *arguments], status, says, output=False, **options)
    refuse("no output", [], "-o K.npz", status=1)
    refuse("missing folder", ["-o", "no/such/k.npz"], ["no/such/k.npz", "must exist"])
    refuse("onto a folder", ["-o", "."], "folder")
    refuse("several arrays into a .npy", ["-o", "K.npy"], ["K.npy", "several", "call it .npz"], status=1)
    refuse("onto a device", ["-o", "/dev/full"], "device")
    refuse("empty name", ["-o", ""], "empty", status=1)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    with open(fake.path("old.npz"), "wb") as f:
        f.write(b"old")
    refuse("a file that may not grow", ["-o", "old.npz"], ["old.npz", "File too large"], preexec_fn=limit)
    with open(fake.path("old.npz"), "rb") as f:
        fake.report.check(f.read() == b"old", "a failed write destroyed the old file")
    mount = fake.path("small")
    os.mkdir(mount)
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", mount],
                                           capture_output=True).returncode != 0:
        fake.report.skip("a full disk needs root and the right to mount")
    else:
        try:
            refuse("a full disk", ["-o", "small/k.npz"], ["small/k.npz", "no space left"])
            fake.report.check(os.listdir(mount) == [], f"a full disk: left {os.listdir(mount)}")
        finally:
            subprocess.run(["umount", mount], check=True)
    if os.path.exists("/dev/full"):
        with open("/dev/full", "w") as full:
            result = subprocess.run([fake.program, "info", "--no-time"], stdout=full, stderr=subprocess.PIPE, text=True)
        fake.report.check(result.returncode == 3 and "stdout" in result.stderr, f"info > /dev/full: {result}")
    # 640 GB of kernels from 4 MB of samples.
    np.save(fake.path("many.npy"), np.zeros((200_000, 4, 5), dtype="u1"))
    fake.refuse("more than the memory", ["gram", "many.npy", "--net=gray"], 3, ["out of memory", "200000 x 200000"])


def numerical(fake):
    np.save(fake.path("w.npy"), np.ones((5, 4, 5)))
    fake.refuse("overflow", ["gram", "w.npy", "--net=gray", "--set=w=1e200"], 2, ["gray", "samples 0 and 0", "infinite"])


def interrupts(fake):
    np.save(fake.path("i.npy"), np.ones((200, 4, 5)))
    out = fake.path("i-out.npz")
    for number in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen([fake.program, "gram", "i.npy", "--net=gray", "-o", out, "--set", "delay=0.1", "--progress"],
                                   stderr=subprocess.PIPE, text=True, cwd=fake.folder)
        time.sleep(0.5)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
        fake.report.check(process.returncode == 130, f"status {process.returncode} after {number!r}")
        fake.report.check("fake: error: interrupted" in errors, f"after {number!r}: {errors!r}")
        fake.report.check(not os.path.exists(out), f"a file after {number!r}")


# -------------------------------------------------------------------------------------------------------- command lines

def command_lines(fake):
    np.save(fake.path("l.npy"), np.ones((5, 4, 5)))

    def refuse(name, arguments, says, kind="f64", status=1):
        fake.refuse(name, arguments, status, says, kind, output=False)
    refuse("no command", [], ["no command", "--help"])
    refuse("unknown command", ["grma"], ["grma", "did you mean \"gram\""])
    refuse("options that exclude each other", ["bench", "--pairs=10", "--samples=10"], ["--pairs", "--samples"])
    refuse("an option twice", ["gram", "l.npy", "--net=gray", "--net=gray"], ["--net=gray", "given twice"])
    refuse("unknown option", ["gram", "l.npy", "--thread=2"], ["--thread=2", "did you mean --threads"])
    refuse("unknown letter", ["gram", "l.npy", "-z"], "-z")
    refuse("flag with a value", ["gram", "l.npy", "--dry-run=yes"], "takes no value")
    refuse("value missing", ["gram", "l.npy", "-o"], "needs a value")
    refuse("no samples named", ["gram", "-o", "k.npz"], "no samples")
    refuse("too many names", ["gram", "a", "b", "c", "-o", "k.npz"], "too many")
    refuse("unknown net", ["gram", "l.npy", "--net=grey", "-o", "k.npz"], ["vector, image, gray", "did you mean \"gray\""])
    refuse("unknown param", ["gram", "l.npy", "--set", "dealy=1", "-o", "k.npz"], ["w, delay", "did you mean \"delay\""])
    refuse("param without a value", ["gram", "l.npy", "--set", "w", "-o", "k.npz"], "NAME=VALUE")
    refuse("param with a text", ["gram", "l.npy", "--set", "w=big", "-o", "k.npz"], ["--set w", "\"big\""])
    refuse("param that is infinite", ["gram", "l.npy", "--set", "w=inf", "-o", "k.npz"], "--set w")
    for value in ("0", "-1", "1.5", "many", "99999999999999999999"):
        refuse(f"--threads={value}", ["gram", "l.npy", f"--threads={value}", "-o", "k.npz"], "--threads")
    for value in ("8", "x", "0x8", "8x", "-1x2", "1x2x3"):
        refuse(f"--tile={value}", ["gram", "l.npy", f"--tile={value}", "-o", "k.npz"], "--tile")
    refuse("unknown kernel", ["gram", "l.npy", "--kernel=ntp", "-o", "k.npz"], ["--kernel", "\"ntp\""])
    refuse("wrong CPU", ["gram", "l.npy", "--net=gray", "-o", "k.npz"], ["no-such-feature", "--cpu"], kind="other", status=3)
    result = fake.run(["info"], "other")
    fake.report.check(result.returncode == 0 and "no-such-feature" in result.stdout, f"info on a wrong CPU: {result}")
    for arguments in (["--help"], ["--version"], ["gram", "--help"], ["info", "-h"], ["bench", "--help"], ["gram", "x", "--help"]):
        result = fake.run(arguments)
        fake.report.check(result.returncode == 0 and result.stdout and not result.stderr, f"{arguments}: {result}")
    for command in re.findall(r"^  (\w+) ", fake.run(["--help"]).stdout, re.M):
        long, result = fake.run([command, "--help"]), fake.run(["help", command])
        fake.report.check(result.returncode == 0 and result.stdout == long.stdout and "usage: fake " + command in result.stdout,
                          f"help {command}: {result}")
        wide = [line for line in result.stdout.splitlines() if len(line) > 80 or line != line.rstrip()]
        fake.report.check(not wide, f"help {command}: wider than 80 columns, or ends in blanks: {wide}")
    for arguments, words in ((["help", "gran"], "gram"), (["help", "gram", "x"], "argument too many")):
        fake.refuse(str(arguments), arguments, 1, words, output=False)
    short, result = fake.run(["info"]), fake.run(["info", "--full"])
    for part in ("net vector", "net image", "without a compiler", "param", "4x5", "2 channels", "float64", "8 pairs", "of 300 samples"):
        fake.report.check(part in result.stdout, f"info --full does not say {part!r}: {result.stdout}")
    fake.report.check("without a compiler" not in short.stdout and len(short.stdout) < len(result.stdout) and
                      "of 300 samples" in short.stdout, f"info without --full: {short.stdout}")
    info = json.loads(fake.run(["info", "--json", "--set", "w=2"]).stdout)
    fake.report.check([n["name"] for n in info["nets"]] == ["vector", "image", "gray"] and info["nets"][1]["shape"] == [4, 5]
                      and info["params"][0] == {"name": "w", "default": 1, "value": 2}
                      and info["nets"][0]["seconds_per_pair"] > 0, f"info --json: {info}")
    result = fake.run(["gram", "l.npy", "--net=gray", "--dry-run"])
    for part in ("15 (5 x 5, one triangle)", "operations", "memory", "time"):
        fake.report.check(part in result.stdout, f"--dry-run does not say {part!r}: {result.stdout}")
    rows = json.loads(fake.run(["bench", "--net=gray", "--pairs=100", "--threads=2", "--json", "--repeats=1"]).stdout)
    fake.report.check([r["threads"] for r in rows] == [1, 2] and all(r["seconds_per_pair"] > 0 and r["ns_per_step"] > 0 for r in rows)
                      and rows[1]["pairs"] >= 200, f"bench --json: {rows}")
    rows = json.loads(fake.run(["bench", "--net=vector", "--samples=64", "--threads=1", "--json"]).stdout)
    fake.report.check(rows[0]["pairs"] == 64 * 65 / 2 and rows[0]["gemm_seconds"] > 0, f"bench --samples: {rows}")
    # Progress where stderr is no terminal: only when asked for.
    fake.report.check(fake.run(["gram", "l.npy", "--net=gray", "-o", "k.npz"]).stderr == "", "progress without a terminal")
    fake.report.check("15 pairs" in fake.run(["gram", "l.npy", "--net=gray", "-o", "k.npz", "--progress"]).stderr, "no progress")


def main():
    options = lib.arguments(__doc__).parse_args()
    report = lib.Report("check_data")
    folder = tempfile.mkdtemp(prefix="entk-test-")
    try:
        fake = Fake(os.path.abspath(options.build), report, folder)
        for part in (layouts, names_and_nets, reproducible, shapes, types, scales, files, outputs, numerical, interrupts, command_lines):
            part(fake)
    finally:
        if options.keep:
            print(f"kept {folder}")
        else:
            shutil.rmtree(folder)
    report.exit()


if __name__ == "__main__":
    main()
