#!/usr/bin/python3
"""What entkc writes and where: default names, -o, temporary files, links, devices, shared libraries, includes that the
reference backend carries, --format in place, stdin, colours, what --explain and --help say, exit statuses."""
import ctypes
import json
import os
import pty
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
             ("no library", [good], nowhere, 2),
             ("reference, linker fails", [good, "--backend=reference"], fails, 2),
             ("format of an error", [work.write("let a =\n"), "--format"], None, 1)]
    scratch = work.path("scratch")
    os.mkdir(scratch)
    result = work.run_compiler([good, "--emit=shared", "-o", out + ".so"], env={**fails, "TMPDIR": scratch})
    report.check(result.returncode == 2 and listing(folder) == listing(scratch) == [],
                 f"shared, linker fails: status {result.returncode}, left {listing(folder)} {listing(scratch)}")
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


def forms(report, work):
    """Every form that is asked for and every --explain of nets with joins and scalings; what the version lacks leaves nothing."""
    folder = work.path("forms")
    os.mkdir(folder)
    source = work.write("net n = image(4x4) -> lift(C4, 3x3) -> dropout(0.5) -> (conv(1) * conv(1)) -> pool -> dense\n"
                        "net m = image(4x4) -> conv(3x3) -> relu -> pool -> dense\n")
    for form in ("ast", "network", "dot", "recursion", "llvm-ir", "asm"):
        result = work.run_compiler([source, f"--emit={form}"])
        report.check(result.returncode == 0 and result.stdout, f"--emit={form}: status {result.returncode}")
    for form, name in (("obj", "made.o"), ("shared", "made.so")):
        result = work.run_compiler([source, f"--emit={form}", "-o", os.path.join(folder, name)])
        report.check(result.returncode == 0, f"--emit={form}: status {result.returncode}: {result.stderr.strip()}")
        report.check(name in listing(folder), f"--emit={form}: left {listing(folder)}")
    for more in (["--explain=full"], ["--explain=full", "--backend=reference"], ["--explain=full", "--emit=network"]):
        result = work.run_compiler([source, *more])
        lines = result.stdout.splitlines()
        report.check(result.returncode == 0, f"{more}: status {result.returncode}: {result.stderr.strip()}")
        for line in ("n: symmetry: image average", "m: symmetry: none"):
            report.check(line in lines, f"{more}: no line \"{line}\"")
        costs = [line for line in lines if ": cost per pair: " in line]
        wanted = [] if "--backend=reference" in more else ["n", "m"]
        report.check([line.split(":")[0] for line in costs] == wanted, f"{more}: costs {costs}")
    before = listing(folder)
    source = work.write("net n = sphere(4) -> dense\n"
                        "net m = image(4x4) -> conv(3x3) -> relu -> pool -> dense\n")
    out = os.path.join(folder, "x")
    for more in ([], ["--backend=reference"], ["--explain"], ["--emit=obj"], ["--emit=shared"], ["--emit=asm"],
                 ["--emit=llvm-ir"], ["--emit=recursion"], ["--emit=recursion", "--explain"]):
        result = work.run_compiler([source, "--diag=line", *more, "-o", out + ".so"])
        report.check(result.returncode == 1 and not result.stdout, f"{more}: status {result.returncode}")
        report.check(result.stderr.count(":error:E0607:") == 1, f"{more}: {result.stderr.strip()}")
        report.check(listing(folder) == before, f"{more}: left {listing(folder)}")


# (net, what --explain says of it); the kernels of the first two are those of tests/run/check_symmetry.py, too.
SUMMARIES = [
    ("image(6x6) -> lift(C4, 3x3) -> relu -> pool -> dense", "invariant under C4: yes; 4 recursions instead of 16"),
    ("image(6x6) -> lift(D4, 3x3) -> relu -> pool(over = elements) -> conv(1x1) -> relu -> pool",
     "invariant under D4: yes; 8 recursions instead of 64"),
    ("image(6x6) -> lift(C4, 3x3, mask = \".x. .xx ...\") -> relu -> conv(3x3) -> relu -> pool",
     "invariant under C4: yes; 16 recursions"),
    ("image(8x8) -> lift(C4, 3x3, stride = 2) -> relu -> pool",
     'invariant under C4: not proved, because of "lift": anchors not symmetric on axis 0; 4 recursions instead of 16'),
    ("image(6x6) -> lift(C4, 3x3) -> relu -> flatten -> dense",
     "invariant under C4: no, the net does not end on a pool over the group; 1 recursion instead of 16"),
    ("image(6x6) -> lift(C4, 3x3) -> relu -> pool(over = elements) -> flatten -> dense",
     "invariant under C4: no, the net does not end on a pool over the group; 4 recursions instead of 16"),
    # one branch of the sum is not invariant
    ("image(6x6) -> (lift(C4, 3x3) -> relu -> pool -> dense + conv(3x3) -> relu -> pool -> dense)",
     "invariant under C4: no, the net does not end on a pool over the group; 4 recursions instead of 16"),
    ("image(6x6) -> lift(C1, 3x3) -> relu -> pool", "invariant under C1: yes"),
    ("augment(C4, image(6x6) -> conv(3x3) -> relu -> pool) -> dense", "invariant under C4: yes, by augmentation; 4 recursions instead of 16"),
    ("image(6x6) -> conv(3x3) -> relu -> pool -> dense", "invariance: none asked for, the net has no group"),
    ("vector(3) -> dense -> relu -> dense", "invariance: none asked for, the net has no group"),
]


def summaries(report, work):
    """--explain in the user's words; --explain=full adds lines and takes none away; info says the same."""
    source = work.write("".join(f"net n{i} = {net}\n" for i, (net, _) in enumerate(SUMMARIES)))
    short, full = (work.run_compiler([source, f"--explain{more}"]) for more in ("", "=full"))
    report.check(short.returncode == full.returncode == 0, f"--explain: {short.stderr}{full.stderr}")
    lines = short.stdout.splitlines()
    for i, (net, wanted) in enumerate(SUMMARIES):
        report.check(f"n{i}: {wanted}" in lines, f"{net}: not \"{wanted}\" but {[line for line in lines if line.startswith(f'n{i}:')]}")
        predicted = [line for line in lines if re.match(rf"n{i}: predicted for \S+, float64: [0-9.]+ [num]?s per pair", line)]
        report.check(len(predicted) == 1, f"{net}: predictions {predicted}")
    report.check(len(lines) == 2 * len(SUMMARIES) + 1, f"--explain has {len(lines)} lines for {len(SUMMARIES)} nets")
    report.check(set(lines[:-1]) <= set(full.stdout.splitlines()), "--explain=full leaves out lines of --explain")
    try:
        programs = [work.compile(source), work.compile(source, backend="reference")]
    except lib.CompileError as error:
        report.check(False, str(error))
        return
    for program, recursions in zip(programs, (True, False)):
        said = work.run_program([program, "info", "--no-time"]).stdout
        nets = json.loads(work.run_program([program, "info", "--no-time", "--json"]).stdout)["nets"]
        for entry, (net, wanted) in zip(nets, SUMMARIES):
            wanted = wanted if recursions else re.sub(r"; \d+ recursions?.*", "", wanted)
            report.check(entry["summary"] == wanted and wanted in said, f"info, {net}: {entry['summary']}")


def predictions(report, work):
    """The predicted time per pair against the measured one: the right order, on whatever machine this is."""
    source = os.path.join(lib.ROOT, "examples", "histology.entk")
    units = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1}
    found = re.findall(r"^(\w+): predicted .*: ([0-9.]+) ([num]?s) per pair", work.run_compiler([source, "--explain"]).stdout, re.M)
    info = json.loads(work.run_program([work.compile(source), "info", "--json"]).stdout)
    for (name, number, unit), net in zip(found, info["nets"]):
        ratio = float(number) * units[unit] / net["seconds_per_pair"]
        report.check(name == net["name"] and 1 / 20 < ratio < 20, f"{name}: predicted {ratio:.2g} times the measured time")
    report.check(len(found) == len(info["nets"]) == 3, f"predictions {found}")


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


def library_names(report, work):
    """A library without .so would look like a program: refused before anything is written."""
    folder = work.path("libraries")
    os.mkdir(folder)
    source = work.write(NET)
    for name, good in (("libx", False), ("libx.o", False), (".so", False), ("so", False), ("libx.so", True),
                       ("libx.so.1", True)):
        result = work.run_compiler([source, "--emit=shared", "-o", os.path.join(folder, name)])
        report.check(result.returncode == (0 if good else 2), f"--emit=shared -o {name}: status {result.returncode}")
        report.check(good or (".so" in result.stderr and listing(folder) == []),
                     f"--emit=shared -o {name}: {result.stderr.strip()}, made {listing(folder)}")
        for made in listing(folder):
            os.unlink(os.path.join(folder, made))


def other_cpus(report, work):
    source = work.write(NET)
    listed = work.run_compiler(["--cpu=help"])
    names = [word for line in listed.stdout.splitlines() if line.startswith("  ") for word in line.split()]
    report.check(listed.returncode == 0 and {"x86-64-v2", "x86-64-v3", "x86-64-v4", "generic-aarch64"} <= set(names),
                 f"--cpu=help: {listed.stdout}")
    for name in (names[0], names[-1]):
        result = work.run_compiler([source, f"--cpu={name}", "--emit=llvm-ir"])
        report.check(result.returncode == 0, f"--cpu={name} of the list: {result.stderr.strip()}")
    if os.uname().machine != "x86_64":
        report.skip("no CPU is known that this machine cannot link for")
        return
    out = work.fresh()
    for more in ([], ["--emit=shared"]):
        result = work.run_compiler([source, "--cpu=generic-aarch64", "-o", out + ".so", *more])
        report.check(result.returncode == 2 and "objects only: --emit=obj" in result.stderr and len(result.stderr.splitlines()) == 1,
                     f"--cpu=generic-aarch64 {more}: status {result.returncode}: {result.stderr.strip()}")
        report.check(not os.path.exists(out + ".so"), f"--cpu=generic-aarch64 {more} wrote a file")
    for more in (["--emit=obj", "-o", out], ["--emit=asm"], ["--explain"]):
        result = work.run_compiler([source, "--cpu=generic-aarch64", *more])
        report.check(result.returncode == 0, f"--cpu=generic-aarch64 {more}: {result.stderr.strip()}")


def from_stdin(report, work):
    os.mkdir(work.path("piped"))
    work.write("let k = 3x3\n", "piped/k.entk")

    def run(text, *arguments):
        return subprocess.run([work.entkc, "-", *arguments], input=text, capture_output=True, text=True, cwd=work.path("piped"))

    text = 'include "k.entk"\nnet n = image(4x4) -> conv(k) -> relu -> pool -> dense\n'
    result = run(text, "-o", "p")
    if report.check(result.returncode == 0, f"entkc - -o p: {result.stderr.strip()}"):
        report.check("stdin, compiled by" in work.run_program([work.path("piped/p"), "info", "--no-time"]).stdout,
                     "the program of stdin does not know its source's name")
        result = work.run_program([work.path("piped/p"), "check", "--widths=8,16", "--nets=10"])
        report.check(result.returncode == 0, f"check of stdin's program: {result.stderr.strip()}")
    report.check(run(text, "--emit=network").returncode == 0, "entkc - --emit=network")
    report.check(run(text).returncode == 2 and listing(work.path("piped")) == ["k.entk", "p"], "entkc - without -o")
    result = run("net n = vector(3) -> dnese\n", "--diag=line", "--emit=network")
    report.check(result.returncode == 1 and result.stderr.startswith("<stdin>:1:22:error:"), f"entkc -: {result.stderr.strip()}")


def on_terminal(work, arguments, environment):
    """What entkc writes to stderr when that is a terminal."""
    leader, follower = pty.openpty()
    process = subprocess.Popen([work.entkc, *arguments], stdout=subprocess.DEVNULL, stderr=follower, env=environment)
    os.close(follower)
    text = b""
    try:
        while piece := os.read(leader, 65536):
            text += piece
    except OSError: # the other side is closed
        pass
    os.close(leader)
    process.wait(timeout=60)
    return text.decode()


def colours(report, work):
    source = work.write("net n = vector(3) -> dnese\n")
    plain = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"}
    for environment, arguments, wanted in ((plain, [], True), (plain, ["--color=auto"], True), (plain, ["--color=never"], False),
                                           (plain | {"NO_COLOR": "1"}, [], False), (plain | {"NO_COLOR": ""}, [], True),
                                           (plain | {"NO_COLOR": "1"}, ["--color=always"], True),
                                           (plain | {"TERM": "dumb"}, [], False), (plain, ["--diag=line"], False)):
        text = on_terminal(work, [source, *arguments], environment)
        what = f"{arguments}, NO_COLOR={environment.get('NO_COLOR')}, TERM={environment['TERM']}"
        report.check("E0601" in text and ("\033[" in text) == wanted, f"{what}, on a terminal: {text!r}")
    for arguments, wanted in (([], False), (["--color=auto"], False), (["--color=always"], True)):
        text = work.run_compiler([source, *arguments], env=plain).stderr
        report.check(("\033[" in text) == wanted, f"{arguments}, into a pipe: {text!r}")
        text = re.sub(r"\033\[[0-9;]*m", "", text)
        report.check(text.splitlines()[0].endswith('error: unknown layer "dnese" [E0601]') and
                     text.splitlines()[-1] == "1 error; entkc --explain=E0601 says more", f"{arguments}: {text!r}")
    report.check(work.run_compiler([source, "--color=sometimes"]).returncode == 2, "--color=sometimes")


def explained_codes(report, work):
    """--explain=CODE says what docs/diagnostics.md says, of every code there and in either spelling."""
    with open(os.path.join(lib.ROOT, "docs", "diagnostics.md")) as f:
        rows = re.findall(r"^\| ([EW]\d{4}) \| (.*) \| (.*) \|$", f.read(), re.M)
    report.check(len(rows) > 50, f"{len(rows)} codes in docs/diagnostics.md")
    for code, what, cure in rows:
        result = work.run_compiler([f"--explain={code}"])
        said = " ".join(result.stdout.split())
        wanted = [" ".join(re.sub(r"\[([^][]*)\]\([^)]*\)", r"\1", cell).split()) for cell in (what, cure)]
        report.check(result.returncode == 0 and said.startswith(code) and all(cell in said for cell in wanted),
                     f"--explain={code}: {result.stdout}{result.stderr}")
        report.check(all(len(line) <= 80 for line in result.stdout.splitlines()), f"--explain={code} is wider than 80 columns")
    usual = work.run_compiler(["--explain=E0507"]).stdout
    for arguments in (["--explain", "E0507"], ["--explain=e0507"]):
        report.check(work.run_compiler(arguments).stdout == usual, f"{arguments} differs from --explain=E0507")
    for arguments in (["--explain=E9999"], ["--explain=fully", work.write(NET)], ["--explain"]):
        result = work.run_compiler(arguments)
        report.check(result.returncode == 2 and not result.stdout and result.stderr, f"{arguments}: status {result.returncode}")


def widths_of_help(report, work):
    for arguments in (["--help"], ["--cpu=help"]):
        result = work.run_compiler(arguments)
        wide = [line for line in result.stdout.splitlines() if len(line) > 80]
        report.check(result.returncode == 0 and not wide, f"{arguments}: wider than 80 columns: {wide}")


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
        for test in (default_names, text_forms, failures_leave_nothing, interruption, special_targets, forms,
                     summaries, predictions,
                     format_in_place, shared_library, library_names, other_cpus, from_stdin, colours, explained_codes,
                     widths_of_help, includes):
            test(report, work)
    report.exit()


if __name__ == "__main__":
    main()
