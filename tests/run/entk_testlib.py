"""Helpers shared by the tests in this folder: compile .entk programs, run them, read their Grams, compare.

A test is a script `check_NAME.py BUILD [options]`. BUILD is the folder that contains `entkc` (and `libentk.a`). It
prints one line per failure and ends with `NAME: N passed, M failed[, K skipped]`; the exit status is 1 on a failure.
"""
import argparse
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# ---------------------------------------------------------------------------------------------------- tolerances
# Relative to the largest entry of the array compared, (NNGP, NTK).
#
# f64: NNGP 1e-11 leaves a factor 1e3 to the rounding of a few thousand operations. The NTK cannot be held to that:
#      the ReLU slope has an infinite derivative at correlation one, where one unit in the last place of c becomes
#      2.4e-9 (docs/math.md, numerical notes); programs that compute the diagonal from the same bits as the variances
#      stay below 1e-9.
# f32: the largest difference measured between single and 80-bit evaluation of the golden nets is 7.5e-6 (maps).
TOLERANCE = {"f64": (1e-11, 1e-9), "f32": (1e-5, 1e-4)}
# Where |cos| = 1 off the diagonal (duplicates, multiples, positions of a black image) nobody promises equal bits, and the square root of a unit in the last place is the true condition of the NTK:
# sqrt(2^-53) = 1.1e-8 and sqrt(2^-24) = 2.4e-4 per nonlinearity, a few of them in a row.
PARALLEL_TOLERANCE = {"f64": (1e-11, 5e-8), "f32": (1e-5, 1e-3)}


def reldiff(got, want):
    """max |got - want| / max |want|; infinite when shapes differ or something is not finite."""
    got, want = np.asarray(got), np.asarray(want)
    if got.shape != want.shape or not np.all(np.isfinite(got)):
        return float("inf")
    if want.size == 0:
        return 0.0
    scale = float(np.max(np.abs(want)))
    return float(np.max(np.abs(got - want))) / (scale if scale > 0 else 1.0)


# ------------------------------------------------------------------------------------------------------ reporting

class Report:
    """Counts and prints; `exit()` ends the script."""

    def __init__(self, name):
        self.name, self.passed, self.failed, self.skipped = name, 0, 0, 0
        self.start = time.time()

    def check(self, good, text):
        """One check: silent when good. Returns `good`."""
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAIL {self.name}: {text}", flush=True)
        return bool(good)

    def close(self, got, want, tolerance, text):
        d = reldiff(got, want)
        return self.check(d <= tolerance, f"{text}: relative difference {d:.3g}, allowed {tolerance:.3g}")

    def same_bits(self, got, want, text):
        got, want = np.ascontiguousarray(got), np.ascontiguousarray(want)
        good = got.dtype == want.dtype and got.shape == want.shape and got.tobytes() == want.tobytes()
        return self.check(good, f"{text}: not bitwise equal (largest relative difference {reldiff(got, want):.3g})")

    def skip(self, text):
        self.skipped += 1
        print(f"skip {self.name}: {text}", flush=True)

    def exit(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"{self.name}: took {time.time() - self.start:.0f} s")
        print(f"{self.name}: {self.passed} passed, {self.failed} failed{skipped}", flush=True)
        sys.exit(1 if self.failed else 0)


def arguments(description):
    """Parser with what every test takes."""
    p = argparse.ArgumentParser(description=description)
    p.add_argument("build", help="folder that contains entkc")
    p.add_argument("--keep", action="store_true", help="keep the temporary folder")
    return p


def shared_folder():
    """Folder with golden values and the NumPy oracle: ENTK_SHARED, or ../shared beside the repository."""
    return os.environ.get("ENTK_SHARED") or os.path.join(os.path.dirname(ROOT), "shared")


def slow():
    """Do the long versions run? (`make check-slow`)"""
    return os.environ.get("ENTK_SLOW", "0") not in ("", "0")


def golden_folder():
    """The golden values, or None where they are absent."""
    folder = os.path.join(shared_folder(), "golden")
    return folder if os.path.isdir(folder) else None


# ------------------------------------------------------------------------------------------------ compile and run

class CompileError(Exception):
    """entkc refused a program; `result` is its CompletedProcess."""

    def __init__(self, result, source):
        super().__init__(f"entkc failed with status {result.returncode} on {source}:\n{result.stderr}")
        self.result = result


class RunError(Exception):
    def __init__(self, result, command):
        super().__init__(f"status {result.returncode} from {' '.join(command)}:\n{result.stderr}")
        self.result = result


class Work:
    """A temporary folder, the compiler, and what they make together."""

    def __init__(self, build, keep=False):
        self.build = os.path.abspath(build)
        self.entkc = os.path.join(self.build, "entkc")
        if not os.access(self.entkc, os.X_OK):
            sys.exit(f"{self.entkc}: no such program; build first")
        self.keep, self.numbers = keep, itertools.count(1)      # next() is atomic: tests use several threads
        self.folder = tempfile.mkdtemp(prefix="entk-test-")
        self._optimizations = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.keep:
            print(f"kept {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def fresh(self, suffix=""):
        return os.path.join(self.folder, f"t{next(self.numbers)}{suffix}")

    def write(self, text, name=None):
        """Write a source file; returns its path."""
        path = self.path(name) if name else self.fresh(".entk")
        with open(path, "wb" if isinstance(text, bytes) else "w") as f:
            f.write(text)
        return path

    def run_compiler(self, args, timeout=600, **options):
        return subprocess.run([self.entkc, *args], capture_output=True, text=True, errors="replace",
                              timeout=timeout, **options)

    @staticmethod
    def run_program(command, timeout=600):
        return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout)

    @staticmethod
    def exists(path):
        return os.path.lexists(path)

    def optimizations(self):
        """Names for --disable, as `entkc --help` lists them after `--disable=NAME`."""
        if self._optimizations is None:
            text = self.run_compiler(["--help"]).stdout
            self._optimizations = parse_optimizations(text)
        return self._optimizations

    def compile(self, source, precision="f64", disable=(), backend=None, sets=(), extra=()):
        """Compile a file (path) or a text (contains a newline or `net`). Returns the path of the program."""
        path = source if os.path.exists(source) else self.write(source)
        out = self.fresh(".prog")
        args = [path, "-o", out, f"--precision={precision}"]
        args += [f"--disable={d}" for d in disable]
        args += [f"--set={s}" for s in sets]
        backend = backend or os.environ.get("ENTK_BACKEND")
        if backend:
            args.append(f"--backend={backend}")
        result = self.run_compiler([*args, *extra])
        if result.returncode != 0:
            raise CompileError(result, path)
        return out

    def gram(self, program, x, z=None, net=None, sets=(), threads=None, extra=()):
        """Run `gram`. Returns {"nngp": .., "ntk": ..} (with several nets and no `net`: {"NAME.nngp": ..})."""
        out = self.fresh(".npz")
        command = [program, "gram", self.array(x)]
        if z is not None:
            command.append(self.array(z))
        command += ["-o", out]
        if net:
            command += ["--net", net]
        if threads:
            command += ["--threads", str(threads)]
        for s in sets:
            command += ["--set", s]
        command += list(extra)
        result = self.run_program(command)
        if result.returncode != 0:
            raise RunError(result, command)
        with np.load(out) as f:
            arrays = {k: f[k] for k in f.files}
        os.unlink(out)
        return arrays

    def array(self, x):
        """Save an array (a path stays a path). Returns the file's name."""
        if isinstance(x, str):
            return x
        path = self.fresh(".npy")
        np.save(path, np.ascontiguousarray(x))
        return path


def parse_optimizations(text):
    """The names after `--disable=NAME` in the help text: `... : name, name, name`, continued on indented lines."""
    match = re.search(r"--disable=NAME(.*?)(?=\n\s*-|\n\n|\Z)", text, re.S)
    if not match:
        return []
    names = match.group(1).rsplit(":", 1)[-1] if ":" in match.group(1) else match.group(1)
    return [n for n in re.split(r"[\s,|()]+", names) if re.fullmatch(r"[a-z][a-z0-9_-]*", n)]


# ------------------------------------------------------------------------------------------------------- parallel

def parallel(function, items, workers=2):
    """[function(item) ..] in order; the work is in child processes, so threads do."""
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(function, items))


# ------------------------------------------------------------------------------------------- group action on data

def act(matrix, x):
    """(rho(h) x)(t) = x(rho(h)^-1 t) about the array's centre; x is (n_0, .., C), `matrix` a signed permutation."""
    h = np.array(matrix)
    d = h.shape[0]
    p = [int(np.nonzero(h[a])[0][0]) for a in range(d)]
    out = np.transpose(x, p + [d])
    for a in range(d):
        if h[a, p[a]] < 0:
            out = np.flip(out, axis=a)
    return np.ascontiguousarray(out)
