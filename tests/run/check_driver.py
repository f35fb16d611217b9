#!/usr/bin/python3
"""What entkc writes and where: default names, -o, temporary files, links, devices, shared libraries, includes that the
reference backend carries, --format in place, exit statuses."""
import ctypes
import os
import re
import signal
import stat
import subprocess
import time

import numpy as np

import entk_testlib as lib

NET = "let k = 3x3\nnet n = image(4x4) -> conv(k) -> relu -> pool -> dense\n"


def listing(folder):
    return sorted(os.listdir(folder))


def default_names(report, work):
    folder = work.path("names")
    os.mkdir(folder)
    work.write(NET, "names/a.b.entk")
    work.write(NET, "names/plain")
    os.mkdir(work.path("elsewhere"))
    where = work.path("elsewhere")
    for arguments, made in ((["../names/a.b.entk"], "a.b"), (["../names/a.b.entk", "--emit=obj"], "a.b.o"),
                            (["../names/a.b.entk", "--emit=shared"], "a.b.so a.b.h"), (["../names/plain"], "plain.out"),
                            (["../names/a.b.entk", "--emit=network"], ""), (["../names/a.b.entk", "--explain"], ""),
                            (["../names/a.b.entk", "-o", "x", "--explain"], "x"),
                            (["../names/a.b.entk", "--emit=dot", "-o", "x.dot"], "x.dot")):
        result = work.run_compiler(arguments, cwd=where)
        report.check(result.returncode == 0, f"{arguments}: status {result.returncode}: {result.stderr.strip()}")
        report.check(listing(where) == sorted(made.split()), f"{arguments}: made {listing(where)}, not {made}")
        for name in listing(where):
            os.unlink(os.path.join(where, name))
    report.check(listing(folder) == ["a.b.entk", "plain"], f"the sources' folder has {listing(folder)}")


def text_forms(report, work):
    source = work.write(NET)
    for form in ("ast", "network", "dot", "recursion", "llvm-ir", "asm"):
        out = work.fresh()
        printed = work.run_compiler([source, f"--emit={form}"])
        dashed = work.run_compiler([source, f"--emit={form}", "-o", "-"])
        written = work.run_compiler([source, f"--emit={form}", "-o", out])
        statuses = printed.returncode, dashed.returncode, written.returncode
        if report.check(statuses == (0, 0, 0), f"--emit={form}: status {statuses}"):
            with open(out) as f:
                report.check(printed.stdout and printed.stdout == dashed.stdout == f.read(),
                             f"--emit={form}: stdout, -o - and -o FILE differ")
            mode = stat.S_IMODE(os.stat(out).st_mode)
            mask = os.umask(0)
            os.umask(mask)
            report.check(mode == 0o666 & ~mask, f"--emit={form}: mode {mode:o} of the file")
    for form in ("obj", "shared"):
        result = work.run_compiler([source, f"--emit={form}", "-o", "-"])
        report.check(result.returncode == 2 and not result.stdout, f"--emit={form} -o -: status {result.returncode}")


def failures_leave_nothing(report, work):
    folder = work.path("failures")
    os.mkdir(folder)
    good, bad = work.write(NET), work.write("net n = vector(3) -> dnese\n")
    out = os.path.join(folder, "program")
    fails = {**os.environ, "CC": "false"}
    missing = {**os.environ, "CC": "no-such-compiler"}
    nowhere = {**os.environ, "ENTK_LIBDIR": folder}
    cases = [("user's error", [bad], None, 1), ("linker fails", [good], fails, 2), ("no linker", [good], missing, 2),
             ("no library", [good], nowhere, 2), ("shared, linker fails", [good, "--emit=shared"], fails, 2),
             ("reference, linker fails", [good, "--backend=reference"], fails, 2),
             ("format of an error", [work.write("let a =\n"), "--format"], None, 1)]
    scratch = work.path("scratch")
    os.mkdir(scratch)
    for name, arguments, environment, status in cases:
        environment = {**(environment or os.environ), "TMPDIR": scratch}
        for exists in (False, True):
            if exists:
                with open(out, "w") as f:
                    f.write("old")
            result = work.run_compiler([*arguments, "-o", out], env=environment)
            report.check(result.returncode == status, f"{name}: status {result.returncode}: {result.stderr.strip()}")
            report.check("error" in result.stderr, f"{name}: no error message")
            report.check(listing(folder) == ["program"] * exists, f"{name}: left {listing(folder)}")
            report.check(listing(scratch) == [], f"{name}: left {listing(scratch)} among temporary files")
            if exists:
                with open(out) as f:
                    report.check(f.read() == "old", f"{name}: changed the old file")
                os.unlink(out)


def interruption(report, work):
    """A signal while the linker runs: no file is left, and the status tells the signal."""
    folder, scratch = work.path("interrupted"), work.path("interrupted-tmp")
    os.mkdir(folder)
    os.mkdir(scratch)
    linker = work.write("#!/bin/sh\ntouch started\nexec sleep 30\n", "slow-linker")
    os.chmod(linker, 0o755)
    environment = {**os.environ, "CC": linker, "TMPDIR": scratch}
    source = work.write(NET)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        process = subprocess.Popen([work.entkc, source, "-o", os.path.join(folder, "p")], env=environment, cwd=work.folder,
                                   start_new_session=True, stderr=subprocess.DEVNULL)
        started = work.path("started")
        deadline = time.time() + 60
        while not os.path.exists(started) and time.time() < deadline:
            time.sleep(0.01)
        os.killpg(process.pid, number)
        status = process.wait(timeout=60)
        report.check(status == -number, f"{number.name}: status {status}")
        report.check(listing(folder) == [] and listing(scratch) == [],
                     f"{number.name}: left {listing(folder)} {listing(scratch)}")
        os.unlink(started)


def special_targets(report, work):
    source = work.write(NET)
    target = work.write("old", "target")
    link = work.path("link")
    os.symlink("target", link)
    result = work.run_compiler([source, "--emit=network", "-o", link])
    with open(target) as f:
        report.check(result.returncode == 0 and os.path.islink(link) and f.read() != "old", "-o LINK replaces what it points to")
    if os.path.exists("/dev/full"):
        result = work.run_compiler([source, "--emit=asm", "-o", "/dev/full"])
        report.check(result.returncode == 2 and stat.S_ISCHR(os.stat("/dev/full").st_mode), f"/dev/full: status {result.returncode}")
        with open("/dev/full", "w") as full:
            for form in ("ast", "network", "dot", "recursion", "llvm-ir", "asm"):
                result = subprocess.run([work.entkc, source, f"--emit={form}"], stdout=full, stderr=subprocess.PIPE)
                report.check(result.returncode == 2, f"--emit={form} onto a full device: status {result.returncode}")
    result = work.run_compiler([source, "-o", "/dev/null"])
    report.check(result.returncode == 0 and stat.S_ISCHR(os.stat("/dev/null").st_mode), f"-o /dev/null: {result.stderr.strip()}")
    for arguments in ([source, "-o", source], [source, "--emit=ast", "-o", source]):
        result = work.run_compiler(arguments)
        with open(source) as f:
            report.check(result.returncode == 2 and f.read() == NET, f"{arguments[1:]}: status {result.returncode}")


def missing_kernels(report, work):
    """A net with a layer that has no kernel: printed and explained, and refused by all that computes a kernel."""
    folder = work.path("missing")
    os.mkdir(folder)
    source = work.write("net n = image(4x4) -> lift(C4, 3x3) -> dropout(0.5) -> (conv(1) * conv(1)) -> pool -> dense\n"
                        "net m = image(4x4) -> conv(3x3) -> relu -> pool -> dense\n")
    for form in ("ast", "network", "dot"):
        result = work.run_compiler([source, f"--emit={form}"])
        report.check(result.returncode == 0 and result.stdout, f"--emit={form}: status {result.returncode}")
    for more in (["--explain"], ["--explain", "--backend=reference"], ["--explain", "--emit=network"]):
        result = work.run_compiler([source, *more])
        lines = result.stdout.splitlines()
        report.check(result.returncode == 0, f"{more}: status {result.returncode}: {result.stderr.strip()}")
        for line in ("n: symmetry: image average", "m: symmetry: none",
                     "n: no kernel in this version: dropout, product of branches"):
            report.check(line in lines, f"{more}: no line \"{line}\"")
        report.check(not any(line.startswith("m: no kernel") for line in lines), f"{more}: m has a kernel")
        costs = [line for line in lines if ": cost per pair: " in line]
        wanted = [] if "--backend=reference" in more else ["m"]
        report.check([line.split(":")[0] for line in costs] == wanted, f"{more}: costs {costs}")
    out = os.path.join(folder, "x")
    for more in ([], ["--backend=reference"], ["--explain"], ["--emit=obj"], ["--emit=shared"], ["--emit=asm"],
                 ["--emit=llvm-ir"], ["--emit=recursion"], ["--emit=recursion", "--explain"]):
        result = work.run_compiler([source, "--diag=line", *more, "-o", out])
        report.check(result.returncode == 1 and not result.stdout, f"{more}: status {result.returncode}")
        report.check(result.stderr.count(":error:E0607:") == 2, f"{more}: {result.stderr.strip()}")
        report.check(listing(folder) == [], f"{more}: left {listing(folder)}")


def format_in_place(report, work):
    source = work.write("let   a=3#c\nnet n=vector( a )->dense\n")
    os.chmod(source, 0o640)
    result = work.run_compiler([source, "--format", "-o", source])
    with open(source) as f:
        report.check(result.returncode == 0 and f.read() == "let a = 3  #c\nnet n = vector(a) -> dense\n",
                     f"--format in place: {result.stderr.strip()}")
    report.check(stat.S_IMODE(os.stat(source).st_mode) == 0o640, "--format in place changes the mode")


def shared_library(report, work):
    """A shared library loads by itself, and its header compiles alone."""
    source, out = work.write(NET), work.path("lib.so")
    result = work.run_compiler([source, "--emit=shared", "-o", out])
    if not report.check(result.returncode == 0, f"--emit=shared: {result.stderr.strip()}"):
        return
    library = ctypes.CDLL(out)
    library.entk_program.restype = ctypes.POINTER(ctypes.c_uint32)
    with open(os.path.join(lib.ROOT, "runtime", "entk_abi.h")) as f:
        version = int(re.search(r"#define ENTK_ABI_VERSION (\d+)u", f.read())[1])
    report.check(library.entk_program()[0] == version and library.entk_program()[1] == 64, "entk_program: version and precision")
    user = work.write('#include "lib.h"\nint main(void) { return entk_program()->net_count == 1 ? 0 : 3; }\n', "user.c")
    result = subprocess.run(["cc", "-Wall", "-Werror", user, out, "-o", work.path("user")], capture_output=True, text=True)
    if report.check(result.returncode == 0, f"a program with the header: {result.stderr.strip()}"):
        report.check(subprocess.run([work.path("user")]).returncode == 0, "a program that uses the shared library")


def includes(report, work):
    """Includes by -I, in two spellings and with --set, through both backends; the program needs none of the files."""
    os.makedirs(work.path("inc/lib"))
    work.write('include "lib/blocks.entk"\ninclude "lib/../lib/blocks.entk"\ninclude "far.entk"\n'
               "net n = image(4x4) -> block(k) -> far -> pool -> dense\n", "inc/main.entk")
    work.write("let k = 2x2\nparam w = 1.5\ndef block(f) = conv(f, weight_std = w) -> relu\n", "inc/lib/blocks.entk")
    os.makedirs(work.path("inc/other"))
    work.write('include "../lib/blocks.entk"  # the third "spelling"?\ndef far = conv(k) -> erf\n', "inc/other/far.entk")
    source = work.path("inc/main.entk")
    extra = ["-I", work.path("nowhere"), "-I", work.path("inc/other")]
    try:
        programs = [work.compile(source, backend=backend, sets=["k=3x3", "w=sqrt(2)"], extra=extra)
                    for backend in (None, "reference")]
        plain = work.compile("net n = image(4x4) -> conv(3x3, weight_std = sqrt(2)) -> relu -> conv(3x3) -> erf -> pool -> dense\n")
    except lib.CompileError as error:
        report.check(False, str(error))
        return
    os.rename(work.path("inc"), work.path("gone"))
    x = np.random.default_rng(3).standard_normal((3, 4, 4))
    want = work.gram(plain, x)
    for program, name in zip(programs, ("native", "reference")):
        got = work.gram(program, x)
        for key, tolerance in zip(("nngp", "ntk"), lib.TOLERANCE["f64"]):
            report.close(got[key], want[key], tolerance, f"includes, {name}, {key}")


def main():
    options = lib.arguments(__doc__).parse_args()
    report = lib.Report("check_driver")
    with lib.Work(options.build, options.keep) as work:
        for test in (default_names, text_forms, failures_leave_nothing, interruption, special_targets, missing_kernels,
                     format_in_place, shared_library, includes):
            test(report, work)
    report.exit()


if __name__ == "__main__":
    main()
