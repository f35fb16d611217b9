#!/usr/bin/python3
"""Files and processes around a compiled program: links, pipes, modes of what is replaced, what killed processes leave, archives that
lie about their sizes, descriptors that are closed, the environment of child processes."""
import io
import os
import shutil
import signal
import stat
import struct
import subprocess
import time
import zipfile

import numpy as np

import entk_testlib as lib

NET = "net n = vector(3) -> dense -> relu -> dense\n"
X = np.random.default_rng(1).standard_normal((6, 3))


class Files:
    def __init__(self, work, report):
        self.work, self.report, self.check = work, report, report.check
        self.program = work.compile(NET)
        self.x = work.array(X)
        self.want = work.gram(self.program, X)

    def folder(self):
        path = self.work.fresh()
        os.mkdir(path)
        return path

    def run(self, *arguments, timeout=60, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.run([self.program, *arguments], text=True, errors="replace", timeout=timeout, **options)

    def succeeds(self, name, *arguments, **options):
        result = self.run(*arguments, **options)
        return self.check(result.returncode == 0, f"{name}: status {result.returncode}: {result.stderr}")

    def fails(self, name, status, says, *arguments, **options):
        try:
            result = self.run(*arguments, **options)
        except subprocess.TimeoutExpired:
            return self.check(False, f"{name}: hangs")
        lines = (result.stderr or "").splitlines()
        return self.check(result.returncode == status and len(lines) == 1 and says in lines[0],
                          f"{name}: status {result.returncode}, not {status} with {says!r}: {lines}")


def links(f):
    """A link at the end of a name is followed, wherever it leads; one that leads round in a circle is refused."""
    where = f.folder()
    path = lambda name: os.path.join(where, name)
    os.mkdir(path("far"))
    os.symlink("far/real.npz", path("one"))
    os.symlink("one", path("two.npz"))
    f.succeeds("gram to a dangling link", "gram", f.x, "-o", path("two.npz"))
    f.check(os.path.islink(path("two.npz")) and os.path.islink(path("one")) and os.listdir(path("far")) == ["real.npz"],
            f"a dangling link was not followed: {os.listdir(where)}, {os.listdir(path('far'))}")
    os.symlink(path("far/real.gram"), path("l.gram"))
    for trial in ("dangling", "there"):
        f.succeeds(f"gram to a store behind a link ({trial})", "gram", f.x, "-o", path("l.gram"))
        f.check(os.path.isdir(path("far/real.gram")) and os.path.islink(path("l.gram")), f"store behind a link ({trial})")
    os.symlink("prog", path("l"))
    source = f.work.write(NET)
    for form in ((), ("--emit=dot",), ("--emit=obj",)):
        result = f.work.run_compiler([source, "-o", path("l"), *form])
        f.check(result.returncode == 0 and os.path.islink(path("l")) and os.path.isfile(path("prog")),
                f"entkc {form} -o DANGLING LINK: {result.stderr}")
        os.unlink(path("prog"))
    os.symlink("b.npz", path("a.npz"))
    os.symlink("a.npz", path("b.npz"))
    os.symlink("loop.gram", path("loop.gram"))
    f.fails("a circle of links", 3, "symbolic links", "gram", f.x, "-o", path("a.npz"))
    f.fails("a circle of links for a store", 3, "symbolic links", "gram", f.x, "-o", path("loop.gram"))
    f.check(os.path.islink(path("a.npz")) and os.path.islink(path("b.npz")), "a circle of links was replaced")
    result = f.work.run_compiler([source, "-o", path("a.npz")])
    f.check(result.returncode == 2 and "symbolic links" in result.stderr, f"entkc to a circle of links: {result.stderr}")
    os.symlink("nowhere/k.npz", path("no.npz"))
    f.fails("a link into a folder that is missing", 3, "must exist", "gram", f.x, "-o", path("no.npz"))


def modes(f):
    """What is replaced keeps its mode; what is new gets that of the umask."""
    data = f.work.fresh(".npz")
    np.savez(data, x_train=X, y_train=np.arange(6.0), x_test=X, y_test=np.arange(6.0))
    store = f.work.fresh(".gram")
    f.succeeds("gram for modes", "gram", f.x, "-o", store)
    for name, ending, arguments in (("gram", ".npz", ["gram", f.x, "-o"]), ("export", ".npz", ["export", store, "-o"]),
                                    ("export of one array", ".npy", ["export", store, "--kernel=ntk", "-o"]),
                                    ("fit", ".npz", ["fit", data, "-o"]), ("eval", ".json", ["eval", data, "--json"])):
        out = f.work.fresh(ending)
        for mode in (None, 0o600, 0o640, 0o444 | 0o200):
            if mode is not None:
                os.chmod(out, mode)
            if f.succeeds(name, *arguments, out, preexec_fn=lambda: os.umask(0o027)):
                got = stat.S_IMODE(os.stat(out).st_mode)
                f.check(got == (0o640 if mode is None else mode), f"{name}: mode {got:o} instead of {mode}")


def pipes(f):
    """A named pipe that nobody writes to, wherever a file is read: refused at once."""
    where = f.folder()
    pipe = os.path.join(where, "p")
    os.mkfifo(pipe)
    data = f.work.fresh(".npz")
    np.savez(data, x_train=X, y_train=np.arange(6.0), x_test=X, y_test=np.arange(6.0))
    for arguments in (["gram", pipe, "-o", pipe + ".npz"], ["gram", f.x, pipe, "-o", pipe + ".npz"], ["eval", pipe],
                      ["predict", pipe, f.x, "-o", pipe + ".npz"], ["compare", data, f"--gram=k={pipe}"],
                      ["check", pipe], ["spectrum", pipe], ["gram", f"{pipe}:x", "-o", pipe + ".npz"]):
        f.fails(f"{arguments[0]} from a pipe", 1, "not a regular file", *arguments, timeout=20)
    for name in ("header", "tiles", ".lock"):
        store = f.work.fresh(".gram")
        f.succeeds("gram for pipes", "gram", f.x, "-o", store)
        path = os.path.join(store, name if name[0] == "." else f"n/{name}")
        os.unlink(path)
        os.mkfifo(path)
        for arguments in (["verify", store], ["export", store, "-o", f.work.fresh(".npz")], ["gram", f.x, "-o", store]):
            try:
                result = f.run(*arguments, timeout=20)
                f.check(result.returncode in (0, 1, 3), f"{arguments[0]}, {name} is a pipe: status {result.returncode}")
            except subprocess.TimeoutExpired:
                f.check(False, f"{arguments[0]} hangs where {name} is a pipe")


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def members(f):
    """Archives as other programs write them."""
    path = f.work.fresh(".npz")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", npy(np.ones((2, 5))))
        archive.writestr("other.npy", npy(X))
    import warnings
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("x.npy", npy(X))
        archive.writestr("a:b.npy", npy(X))
    f.report.same_bits(np.load(path)["x"], X, "numpy takes the last member of a name")
    for name in (path, f"{path}:x", f"{path}:a:b"):
        got = f.work.gram(f.program, name)
        f.report.same_bits(got["nngp"], f.want["nngp"], f"gram of {name}")
    lzma = f.work.fresh(".npz")
    with zipfile.ZipFile(lzma, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x.npy", npy(X))
    result = f.run("gram", lzma, "-o", f.work.fresh(".npz"))
    f.check(result.returncode == 0 or (result.returncode == 1 and "compressed by a method" in result.stderr
                                       and "damaged" not in result.stderr), f"LZMA: {result.stderr}")


def types_by_name(f):
    """Types as NumPy's dtype() understands them."""
    want = {}
    for name in ("float64", "float32", "int64", "uint8", "bool", "d", "f", "?", "<d", ">f4", "int16", "B", "float", "half"):
        array = np.arange(18).reshape(6, 3).astype(np.dtype(name))
        header = f"{{'descr': '{name}', 'fortran_order': False, 'shape': (6, 3), }}".encode()
        header += b" " * (117 - len(header)) + b"\n"
        path = f.work.fresh(".npy")
        with open(path, "wb") as file:
            file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + array.tobytes())
        plain = f.work.gram(f.program, array)
        try:
            f.report.same_bits(f.work.gram(f.program, path)["nngp"], plain["nngp"], f"descr {name!r}")
        except lib.RunError as error:
            f.check(False, f"descr {name!r}: {error}")


def empty_parts(f):
    data = f.work.fresh(".npz")
    np.savez(data, x_train=X, y_train=np.arange(6), x_val=np.zeros((0, 3)), y_val=np.zeros(0, int), x_test=X, y_test=np.arange(6))
    f.fails("a validation part without samples", 1, "no samples", "eval", data)


def huge_claims(f):
    """Sizes that a small file claims are held against the file before memory is asked for."""
    def header(shape):
        text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
        text += b" " * (117 - len(text)) + b"\n"
        return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text
    body = header("(100000000000, 3)") + b"\0" * 4096
    for name, method in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as archive:
            archive.writestr("x.npy", body)
        raw = bytearray(buffer.getvalue())
        central = raw.rindex(b"PK\1\2")
        size = struct.pack("<I", 0xFFFFFFF0)
        for at in (22, ):
            raw[at:at + 4] = size
        raw[central + 24:central + 28] = size
        path = f.work.write(bytes(raw), f"claim_{name}.npz")
        f.fails(f"a {name} member that claims 4 GB", 1, "npz", "gram", path, "-o", f.work.fresh(".npz"))
    path = f.work.write(body, "claim.npy")
    f.fails("a .npy that claims 2.4 TB", 1, "truncated", "gram", path, "-o", f.work.fresh(".npz"))


def leftovers(f):
    """What a killed process left of a name goes when that name is written again; what lives, or is not ours, stays."""
    where = f.folder()
    out = os.path.join(where, "K.npz")
    big = f.work.array(np.random.default_rng(2).standard_normal((3500, 3)))
    found = []
    for trial in range(40):
        child = subprocess.Popen([f.program, "gram", big, "-o", out, "--quiet"])
        limit = time.time() + 60
        while child.poll() is None and time.time() < limit:
            found = [name for name in os.listdir(where) if ".partial-" in name]
            if found:
                break
        child.send_signal(signal.SIGKILL)
        child.wait()
        found = [name for name in os.listdir(where) if ".partial-" in name]
        if found:
            break
    f.check(found, "kill -9 left no partial file: nothing was tested")
    dead = child.pid
    names = {"other file": f"L.npz.partial-{dead}", "living process": f"K.npz.partial-{os.getpid()}",
             "no number": "K.npz.partial-x", "longer": f"K.npz.partial-{dead}.old"}
    for name in names.values():
        with open(os.path.join(where, name), "w") as file:
            file.write("x")
    os.mkdir(os.path.join(where, f"K.npz.partial-{dead}9"))
    f.succeeds("gram after a kill", "gram", f.x, "-o", out)
    left = sorted(os.listdir(where))
    f.check(left == sorted([*names.values(), "K.npz", f"K.npz.partial-{dead}9"]), f"after a kill there is {left}")


def leftovers_of_the_compiler(f):
    """The same of entkc, whose temporary names do not tell the output's: only what is old as well."""
    where = f.folder()
    child = subprocess.Popen(["true"])
    child.wait()
    old, living = (f".entkc-{pid}-0.tmp" for pid in (child.pid, os.getpid()))
    new = f".entkc-{child.pid}-1.tmp"
    for name in (old, new, living, ".entkc-x.tmp"):
        with open(os.path.join(where, name), "w") as file:
            file.write("x")
        if name != new:
            os.utime(os.path.join(where, name), (1, 1))
    result = f.work.run_compiler([f.work.write(NET), "-o", os.path.join(where, "p")])
    f.check(result.returncode == 0 and sorted(os.listdir(where)) == sorted([new, living, ".entkc-x.tmp", "p"]),
            f"beside entkc's output there is {os.listdir(where)}; {result.stderr}")


def closed_descriptors(f):
    """Standard descriptors that are closed at the start get no file's number."""
    store = f.work.fresh(".gram")
    close = lambda: [os.close(i) for i in (0, 1, 2)]
    result = subprocess.run([f.program, "gram", f.x, "-o", store, "--progress"], preexec_fn=close, timeout=60)
    f.check(result.returncode == 0, f"gram without descriptors: status {result.returncode}")
    f.succeeds("verify of what was written without descriptors", "verify", store, f.x)
    out = f.work.fresh(".npz")
    result = subprocess.run([f.program, "gram", f.x, "-o", out, "--progress"], preexec_fn=close, timeout=60)
    f.check(result.returncode == 0, f"gram to a .npz without descriptors: status {result.returncode}")
    with np.load(out) as arrays:
        f.report.same_bits(arrays["nngp"], f.want["nngp"], "gram without descriptors")
    for arguments in (["info", "--no-time"], ["--help"], ["gram", "--help"], ["gram", f.x, "--dry-run"]):
        f.fails(f"{arguments} to a closed stdout", 3, "stdout", *arguments, preexec_fn=lambda: os.close(1))
    program = f.work.fresh()
    result = f.work.run_compiler([f.work.write(NET), "-o", program], preexec_fn=lambda: [os.close(0), os.close(1)])
    f.check(result.returncode == 0 and os.path.exists(program), f"entkc without stdout: {result.stderr}")
    result = f.work.run_compiler([f.work.write(NET), "--emit=dot"], preexec_fn=lambda: os.close(1))
    f.check(result.returncode == 2, f"entkc --emit=dot to a closed stdout: status {result.returncode}")


def gnuplot_settings(f):
    """Figures do not depend on the user's own gnuplot settings; a gnuplot that fails is quoted without our script."""
    if not shutil.which("gnuplot"):
        f.report.skip("figures: no gnuplot here")
        return
    data = f.work.fresh(".npz")
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((40, 3)), np.arange(40) % 2
    np.savez(data, x_train=x, y_train=y, x_test=x[:9], y_test=y[:9])
    pictures = []
    for variables in ({}, {"GNUTERM": "x11"}, {"GNUTERM": "no such terminal", "GNUPLOT_LIB": "/nowhere", "FIT_SCRIPT": "x"}):
        prefix = f.work.fresh()
        result = f.run("spectrum", data, "--figure", prefix, env={**os.environ, **variables})
        if f.check(result.returncode == 0 and not result.stderr, f"figure with {variables}: {result.stderr}"):
            with open(prefix + ".svg", "rb") as file:
                pictures.append(file.read())
    f.check(len(set(pictures)) == 1, "a figure depends on gnuplot's settings")
    folder = f.folder()
    with open(os.path.join(folder, "gnuplot"), "w") as file:
        file.write("#!/bin/sh\ncat >/dev/null\necho 'set term x' >&2\necho '         ^' >&2\n"
                   "echo '         line 0: unknown thing' >&2\nexit 1\n")
    os.chmod(os.path.join(folder, "gnuplot"), 0o755)
    result = f.run("spectrum", data, "--figure", f.work.fresh(), env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"})
    f.check("line 0: unknown thing" in result.stderr and "set term" not in result.stderr, f"gnuplot's error: {result.stderr}")


def signals_to_children(f):
    """SIGTERM to a command that waits for another program ends both, soon."""
    data, folder = f.work.fresh(".npz"), f.folder()
    np.savez(data, x_train=X, y_train=np.arange(6) % 2, x_test=X, y_test=np.arange(6) % 2)
    other = os.path.join(folder, "other")
    for name, text in (("--version", "exec sleep 60"), ("gram", "[ $1 = --version ] && echo compiled by entkc && exit; exec sleep 60")):
        with open(other, "w") as file:
            file.write(f"#!/bin/sh\necho $$ > {folder}/pid\n{text}\n")
        os.chmod(other, 0o755)
        if os.path.exists(f"{folder}/pid"):
            os.unlink(f"{folder}/pid")
        command = [f.program, "compare", data, "--sizes=2,4", "--seeds=2", "--with", other]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        limit = time.time() + 30
        while time.time() < limit and not os.path.exists(f"{folder}/pid"):
            time.sleep(0.05)
        time.sleep(0.5)
        child.send_signal(signal.SIGTERM)
        try:
            error = child.communicate(timeout=20)[1].decode()
            f.check(child.returncode == 130, f"SIGTERM while {name} runs: status {child.returncode}, {error}")
        except subprocess.TimeoutExpired:
            child.kill()
            f.check(False, f"SIGTERM while {name} runs: goes on")
        with open(f"{folder}/pid") as file:
            f.check(not os.path.exists(f"/proc/{file.read().strip()}"), f"SIGTERM while {name} runs: the other program goes on")


FAILING_MALLOC = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <signal.h>
/* From the runtime's first call of sigaction on, allocation number ENTK_FAIL and all after it that are large, or it alone, fail. */
static long left = -1;
extern void *__libc_malloc(size_t), *__libc_realloc(void *, size_t), *__libc_calloc(size_t, size_t);
static int fails(void) { return left > 0 && --left == 0; }
void *malloc(size_t n) { return fails() ? NULL : __libc_malloc(n); }
void *realloc(void *p, size_t n) { return fails() ? NULL : __libc_realloc(p, n); }
void *calloc(size_t k, size_t n) { return fails() ? NULL : __libc_calloc(k, n); }
int sigaction(int number, const struct sigaction *a, struct sigaction *b)
{
	int (*real)(int, const struct sigaction *, struct sigaction *) = dlsym(RTLD_NEXT, "sigaction");
	int result = real(number, a, b);
	if (number == SIGXFSZ && getenv("ENTK_FAIL"))
		left = atol(getenv("ENTK_FAIL"));
	return result;
}
"""


def failing_allocations(f):
    """Any one allocation fails: an error with status 3, or the right bytes; never a store with "(null)" in it."""
    source, library = f.work.write(FAILING_MALLOC, "fail.c"), f.work.path("fail.so")
    made = subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], capture_output=True, text=True)
    if made.returncode != 0 or b"__asan_init" in open(f.program, "rb").read():
        f.report.skip("failing allocations: not with this library or sanitizer")
        return
    program = f.work.compile("param w = 1\nnet n = vector(3) -> dense(weight_std = w) -> relu -> dense\n")
    whole = f.work.fresh(".gram")
    result = f.run("gram", f.x, "-o", whole, "--set=w=2", executable=program)
    f.check(result.returncode == 0, f"gram for failing allocations: {result.stderr}")
    with open(os.path.join(whole, "n", "header"), "rb") as file:
        want = file.read()
    failed = 0
    for number in range(1, 160):
        out = f.work.fresh(".gram")
        result = f.run("gram", f.x, "-o", out, "-t1", "--set=w=2", executable=program,
                       env={**os.environ, "LD_PRELOAD": library, "ENTK_FAIL": str(number)})
        f.check(result.returncode in (0, 3), f"allocation {number} fails: status {result.returncode}: {result.stderr[:300]}")
        failed += result.returncode == 3
        path = os.path.join(out, "n", "header")
        if os.path.exists(path):
            with open(path, "rb") as file:
                f.check(file.read() == want, f"allocation {number} fails: another header, status {result.returncode}")
        shutil.rmtree(out, ignore_errors=True)
    f.check(failed > 20, f"only {failed} allocations failed with an error")


def dry_runs(f):
    """What cannot fit says so, in units that can be read, and not with status 0."""
    program = f.work.compile("net n = vector(1) -> dense -> relu -> dense\n")
    many = f.work.array(np.ones((2_000_000, 1), np.uint8))
    for arguments in (["-o", f.work.fresh(".npz")], ["-o", f.work.fresh(".gram")], []):
        result = f.run("gram", many, "--dry-run", "-t1", *arguments, executable=program)
        f.check(result.returncode == 3 and "does not fit" in result.stdout and " TB" in result.stdout and result.stderr.count("\n") == 1,
                f"dry run of 2 million samples {arguments}: status {result.returncode}, {result.stdout} {result.stderr}")
    result = f.run("gram", f.x, "--dry-run")
    f.check(result.returncode == 0 and "fit" not in result.stdout, f"dry run of a few samples: {result.stdout}")


TESTS = (links, modes, pipes, members, types_by_name, empty_parts, huge_claims, leftovers, leftovers_of_the_compiler,
         closed_descriptors, gnuplot_settings, signals_to_children,
         failing_allocations, dry_runs)


def main():
    parser = lib.arguments(__doc__)
    parser.add_argument("--only", help="one test, by its name")
    options = parser.parse_args()
    report = lib.Report("check_files")
    with lib.Work(options.build, options.keep) as work:
        files = Files(work, report)
        for test in TESTS:
            if options.only in (None, test.__name__):
                test(files)
    report.exit()


if __name__ == "__main__":
    main()
