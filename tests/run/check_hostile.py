#!/usr/bin/python3
"""Hostile source files and command lines: a clear error (or the right result), the right exit status, soon, in bounded
memory. Exit status 70 (our own bug), a signal, or a sanitizer's report is a failure."""
import os
import random
import resource
import subprocess
import time

import entk_testlib as lib

HANG = 5.0                    # seconds; a guard against hangs, not a timing test (the aim is one second)
MEMORY = 3 << 30              # bytes of address space that entkc may use
STDERR_LIMIT = 100_000        # an error message does not repeat a 10 MB line


class Hostile:
    def __init__(self, work, report):
        self.work, self.report = work, report
        # Sanitizers reserve terabytes of address space and slow everything down.
        with open(work.entkc, "rb") as f:
            self.sanitized = b"__asan_init" in f.read()
        self.limit = HANG * (6 if self.sanitized else 1)

    def entkc(self, arguments):
        def limits():
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if not self.sanitized:
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        start = time.time()
        try:
            result = subprocess.run([self.work.entkc, *arguments], capture_output=True, timeout=4 * self.limit,
                                    preexec_fn=limits, stdin=subprocess.DEVNULL, cwd=self.work.folder)
        except subprocess.TimeoutExpired:
            return None, 4 * self.limit
        return result, time.time() - start

    def command(self, name, arguments, statuses, says=None):
        """Run entkc; `statuses`: the acceptable ones. An error must say something, and `says` if given."""
        result, seconds = self.entkc(arguments)
        check = self.report.check
        if not check(result is not None, f"{name}: still running after {seconds:.0f} s"):
            return
        error = result.stderr.decode("utf-8", "replace")
        head = error.strip()[:300]
        check(result.returncode in statuses, f"{name}: status {result.returncode}, wanted {statuses}: {head}")
        check(seconds <= self.limit, f"{name}: took {seconds:.1f} s")
        check("Sanitizer" not in error and "runtime error" not in error, f"{name}: sanitizer: {error[:1500]}")
        check(len(error) < STDERR_LIMIT, f"{name}: {len(error)} bytes of messages")
        if result.returncode != 0:
            check("error" in error, f"{name}: no error message: {head!r}")
            if says:
                check(says in error, f"{name}: the message does not contain {says!r}: {head}")

    def source(self, name, content, statuses=(1,), says=None, arguments=()):
        """A file with this content; each of the compiler's front doors must stand it."""
        path = self.work.write(content, name.replace(" ", "_").replace("/", "_") + ".entk")
        out = self.work.fresh(".prog")
        self.command(name, [path, "-o", out, *arguments], statuses, says)
        if statuses == (1,):
            self.report.check(not os.path.exists(out), f"{name}: left a program behind")


def noise(size, seed):
    return random.Random(seed).randbytes(size)


def bad_bytes(h):
    h.source("empty file", b"")
    h.source("only blanks", b" \n\t\r\n  \n")
    h.source("only a comment without a newline", b"# nothing")
    for seed in range(8):
        h.source(f"binary noise {seed}", noise(4096, seed))
    h.source("1 MB of noise", noise(1 << 20, 99))
    h.source("zeros", bytes(100_000))
    h.source("zero byte in a net", b"net n = vector(3) -> \0dense\n")
    h.source("not UTF-8 in code", b"net n\xff = vector(3) -> dense\n")
    h.source("not UTF-8 in a string", b'net n = image(4x4) -> conv(3x3, mask = "\xc3\x28") -> pool\n')
    h.source("not UTF-8 in a comment", b"# \xff\xfe\nnet n = vector(3) -> dense\n", (0, 1))
    h.source("a letter that is not ASCII", "net ñ = vector(3) -> dense\n".encode())
    h.source("UTF-16", "net n = vector(3) -> dense\n".encode("utf-16"))
    h.source("byte order mark", b"\xef\xbb\xbfnet n = vector(3) -> dense\n", (0, 1))
    h.source("unterminated string", b'include "abc\nnet n = vector(3) -> dense\n')
    h.source("unterminated string at the end", b'include "abc')
    h.source("CRLF", b"# comment\r\nlet k = 3x3\r\nnet n = image(4x4)\r\n  -> conv(k)\r\n  -> pool -> dense\r\n", (0,))
    h.source("no final newline", b"net n = vector(3) -> dense", (0,))
    h.source("CRLF error", b"net n = vector(3)\r\n  -> dnese\r\n", (1,), "dense")


def long_things(h):
    ten = 10_000_000
    h.source("10 MB line of letters", b"net " + b"a" * ten + b" = vector(3) -> \n")
    h.source("10 MB line of blanks", b"net n" + b" " * ten + b"= vector(3) -> dnese\n")
    h.source("10 MB number", b"let a = " + b"1" * ten + b"\n")
    h.source("10 MB fraction", b"let a = 0." + b"1" * ten + b"\nnet n = vector(3) -> dnese\n")
    h.source("10 MB string", b'include "' + b"a" * ten + b'"\n')
    h.source("10 MB comment", b"#" + b"a" * ten + b"\nnet n = vector(3) -> dense\n", (0,))
    h.source("10 MB mask", b'net n = image(4x4) -> conv(3x3, mask = "' + b"x" * ten + b'") -> pool\n')
    h.source("10 MB of one operator", b"net n = vector(3) " + b"-> " * (ten // 3))
    h.source("10 MB of dense", b"net n = vector(3)" + b" -> dense" * (ten // 9))
    h.source("10 MB of +", b"let a = 1" + b" + 1" * (ten // 4))
    h.source("10 MB of x", b"let a = 3" + b"x3" * (ten // 2))
    h.source("10 MB of minus", b"let a = " + b"-" * ten + b"1")
    h.source("10 MB of arguments", b"net n = vector(3) -> dense(" + b"weight_std = 1, " * (ten // 16) + b"bias_std = 1)")
    h.source("10 MB of list", b"net n = image(4x4) -> lift(C4, 3x3) -> conv(3x3, elements = [" + b"0, " * (ten // 3)
             + b"0]) -> pool")
    h.source("unknown name of 1 MB", b"let abc = 1\nlet d = " + b"b" * 1_000_000 + b"\n")
    h.source("200000 errors", b"let a = b\n" * 200_000)
    h.source("100000 definitions of one name", b"let a = 1\n" * 100_000)
    h.source("200000 lets", b"".join(b"let v%d = %d\n" % (i, i) for i in range(200_000)) + b"net n = vector(3) -> dnese\n")


def deep_things(h):
    n = 100_000
    h.source("10^5 nested parentheses", b"let a = " + b"(" * n + b"1" + b")" * n + b"\n")
    h.source("10^5 open parentheses", b"let a = " + b"(" * n)
    h.source("10^5 nested brackets", b"let a = " + b"[" * n + b"1" + b"]" * n)
    h.source("10^5 nested calls", b"let a = " + b"sqrt(" * n + b"1" + b")" * n)
    h.source("10^5 nested nets", b"net n = vector(3) -> " + b"(" * n + b"dense" + b")" * n)
    h.source("10^5 nested skips", b"net n = vector(3) -> dense -> " + b"skip(" * n + b"dense" + b")" * n)
    h.source("900 nested parentheses", b"let a = " + b"(" * 900 + b"3" + b")" * 900 + b"\nnet n = vector(a) -> dense\n", (0,))
    h.source("tower of powers", b"let a = 2" + b"^2" * n + b"\n")
    h.source("chain of 10^5 arrows", b"net n = vector(3)" + b" -> dense" * n)
    chain = b"def d0 = dense\n" + b"".join(b"def d%d = d%d\n" % (i, i - 1) for i in range(1, n))
    h.source("chain of 10^5 definitions", chain + b"net n = vector(3) -> d%d\n" % (n - 1), (0, 1))
    chain = b"let d0 = 3\n" + b"".join(b"let d%d = (d%d + 0)\n" % (i, i - 1) for i in range(1, n))
    h.source("chain of 10^5 lets", chain + b"net n = vector(d%d) -> dense\n" % (n - 1), (0, 1))
    chain = b"param d0 = 1\n" + b"".join(b"let d%d = d%d + 0.001\n" % (i, i - 1) for i in range(1, n))
    h.source("chain of 10^5 lets over a param", chain + b"net n = vector(3) -> dense(weight_std = d%d)\n" % (n - 1), (0, 1))


def large_numbers(h):
    start = b"net n = image(8x8) -> "
    h.source("^1000000000", b"net n = vector(3) -> dense^1000000000\n")
    h.source("^ of a huge number", b"net n = vector(3) -> dense^99999999999999999999999999\n")
    h.source("^0", b"net n = vector(3) -> dense^0\n")
    h.source("^-1", b"net n = vector(3) -> dense^(-1)\n")
    h.source("^1.5", b"net n = vector(3) -> dense^1.5\n")
    h.source("nested repeats", b"net n = vector(3) -> ((((dense^1000)^1000)^1000)^1000)^1000\n", (0, 1))
    h.source("nested repeats that unroll", start + b"((((conv(1x1, stride = 2)^1000)^1000)^1000)^1000) -> pool\n", (0, 1))
    doubling = b"def d0 = dense\n" + b"".join(b"def d%d = d%d -> d%d\n" % (i, i - 1, i - 1) for i in range(1, 60))
    h.source("2^59 layers by definitions", doubling + b"net n = vector(3) -> d59\n")
    branching = b"def d0 = dense\n" + b"".join(b"def d%d = (d%d + d%d)\n" % (i, i - 1, i - 1) for i in range(1, 60))
    h.source("2^59 branches", branching + b"net n = vector(3) -> d59\n")
    numbers = b"param d0 = 1\n" + b"".join(b"let d%d = d%d * d%d\n" % (i, i - 1, i - 1) for i in range(1, 60))
    h.source("2^59 operations on a param", numbers + b"net n = vector(3) -> dense(weight_std = d59)\n", (0, 1))
    h.source("10^9 pixels", b"net n = image(31623x31623) -> conv(3x3) -> relu -> pool -> dense\n", (0, 1))
    h.source("3 10^9 numbers", b"net n = image(31623x31623, channels = 3) -> conv(3x3) -> relu -> pool -> dense\n")
    h.source("10^18 pixels", b"net n = image(1000000000x1000000000) -> conv(3x3) -> pool\n")
    h.source("2^64 + 1 pixels", b"net n = signal(18446744073709551617) -> conv(3) -> pool\n")
    h.source("0 pixels", b"net n = image(0x8) -> conv(3x3) -> pool\n")
    h.source("huge vector", b"net n = vector(2147483648) -> dense\n")
    h.source("huge filter", start + b"conv(100000x100000) -> pool\n")
    h.source("filter of 2^32 cells", start + b"conv(65536x65536) -> pool\n")
    h.source("huge volume filter", b"net n = volume(4x4x4) -> conv(2000x2000x2000, padding = circular) -> pool\n")
    h.source("huge window", start + b"avgpool(65536x65536, padding = same) -> pool\n", (0, 1))
    h.source("huge stride", start + b"conv(3x3, stride = 4294967297) -> pool\n")
    h.source("large stride", start + b"conv(3x3, stride = 2147483647) -> pool\n", (0, 1))
    h.source("huge dilation", start + b"conv(3x3, dilation = 4294967295) -> pool\n")
    h.source("large dilation", start + b"conv(3x3, dilation = 2000000000) -> pool\n", (0, 1))
    h.source("huge number", b"net n = vector(3) -> dense(weight_std = 1e999)\n")
    h.source("not a number", b"net n = vector(3) -> dense(weight_std = 0 / 0)\n")
    h.source("logarithm of zero", b"net n = vector(3) -> dense(weight_std = exp(-log(0)))\n")
    h.source("huge channels", b"net n = image(4x4, channels = 99999999999) -> conv(3x3) -> pool\n")
    h.source("many axes", b"net n = image(2x2x2x2x2x2) -> conv(3x3) -> pool\n")
    h.source("element out of range", start + b"lift(C4, 3x3) -> conv(3x3, elements = [4294967296]) -> pool\n")


def groups(h):
    net = b"net n = image(6x6) -> lift(G, 3x3) -> relu -> pool -> dense\n"
    h.source("more than 1024 elements", b'group G = generated("(1 2)", "(1 2 3 4 5 6 7 8 9 10)")\n' + net)
    h.source("cycles of 10^6 items", b'group G = generated("(' + b" ".join(b"%d" % i for i in range(1, 100_001)) + b')")\n' + net)
    h.source("item 10^18", b'group G = generated("(1 1000000000000000000)")\n' + net)
    h.source("broken cycles", b'group G = generated("((1 2")\n' + net)
    h.source("axis out of range", b"group G = generated(flip(99999999999))\n" + net)
    h.source("axis 2 of an image", b"group G = generated(flip(2))\n" + net)
    h.source("swap of an axis with itself", b"group G = generated(swap(1, 1))\n" + net, (0, 1))
    h.source("rot90 on a volume", b"group G = generated(rot90)\nnet n = volume(4x4x4) -> lift(G, 3x3x3) -> pool\n")
    h.source("product of 10^5 generators", b"group G = generated(rot90" + b" * rot90" * 100_000 + b")\n" + net)
    h.source("5000 generators", b"group G = generated(" + b", ".join([b"rot90"] * 5000) + b")\n" + net, (0, 1))
    h.source("no generators", b"group G = generated()\n" + net, (0, 1))


def files(h):
    work = h.work
    work.write("include \"self.entk\"\nnet n = vector(3) -> dense\n", "self.entk")
    h.command("include of itself", ["self.entk", "-o", "x"], (0, 1))
    work.write("include \"b.entk\"\ndef da = dense\n", "a.entk")
    work.write("include \"a.entk\"\nnet n = vector(3) -> da\n", "b.entk")
    h.command("include cycle", ["a.entk", "-o", "x"], (1,))
    work.write("include \"nowhere.entk\"\n", "c.entk")
    h.command("include of a missing file", ["c.entk", "-o", "x"], (1, 2), "nowhere.entk")
    work.write("include \".\"\n", "d.entk")
    h.command("include of a folder", ["d.entk", "-o", "x"], (1, 2))
    work.write("include \"/dev/zero\"\n", "e.entk")
    h.command("include of an endless file", ["e.entk", "-o", "x"], (1, 2))
    work.write("include \"\"\n", "f.entk")
    h.command("include of nothing", ["f.entk", "-o", "x"], (1, 2))
    for i in range(3000):
        work.write(f'include "chain{i + 1}.entk"\n', f"chain{i}.entk")
    work.write("net n = vector(3) -> dense\n", "chain3000.entk")
    h.command("chain of 3000 includes", ["chain0.entk", "-o", "x"], (0, 1))
    h.command("missing file", ["nowhere.entk", "-o", "x"], (1, 2), "nowhere.entk")
    h.command("a folder as file", [work.folder, "-o", "x"], (1, 2))
    h.command("an endless file", ["/dev/zero", "-o", "x"], (1, 2))
    h.command("nothing", ["/dev/null", "-o", "x"], (1, 2))
    if os.geteuid() != 0:
        secret = work.write("net n = vector(3) -> dense\n", "secret.entk")
        os.chmod(secret, 0)
        h.command("unreadable file", [secret, "-o", "x"], (1, 2), "secret.entk")


def command_lines(h):
    good = h.work.write("net n = vector(3) -> dense\n", "good.entk")
    h.command("no arguments", [], (2,))
    h.command("unknown option", [good, "--nosuch"], (2,), "nosuch")
    h.command("unknown form", [good, "--emit=nosuch"], (2,), "nosuch")
    h.command("unknown optimization", [good, "-o", "x", "--disable=nosuch"], (2,), "nosuch")
    h.command("unknown CPU", [good, "-o", "x", "--cpu=nosuch"], (2,), "nosuch")
    h.command("unknown precision", [good, "-o", "x", "--precision=f16"], (2,), "f16")
    h.command("unknown backend", [good, "-o", "x", "--backend=nosuch"], (2,), "nosuch")
    h.command("two files", [good, good, "-o", "x"], (2,))
    h.command("-o without a name", [good, "-o"], (2,))
    h.command("output in a missing folder", [good, "-o", "no/such/folder/x"], (2,))
    h.command("output onto a folder", [good, "-o", h.work.folder], (2,))
    h.command("empty file name", ["", "-o", "x"], (1, 2))
    h.command("long file name", ["a" * 100_000, "-o", "x"], (1, 2))
    h.command("long option", [good, "--" + "a" * 100_000], (2,))
    for value in ("", "=", "a", "n=1", "9=1", "w=" + "(" * 100_000, "w=1;", "let=2"):
        h.command(f"--set {value[:8]}", [good, "-o", "x", f"--set={value}"], (1, 2))
    h.command("help", ["--help"], (0,))
    h.command("version", ["--version"], (0,))
    bad = h.work.write("net n = vector(3) -> dnese\n", "bad.entk")
    result, _ = h.entkc([bad, "-o", "x", "--diag=line"])
    lines = result.stderr.decode().splitlines()
    h.report.check(lines and lines[0].count(":") >= 5 and ":error:" in lines[0] and lines[0].startswith(bad + ":1:"),
                   f"--diag=line: {lines[:1]}")
    for form in ("ast", "network", "dot"):
        h.command(f"--emit={form} of an error", [bad, f"--emit={form}"], (0, 1) if form == "ast" else (1,))


def main():
    options = lib.arguments(__doc__).parse_args()
    report = lib.Report("check_hostile")
    with lib.Work(options.build, options.keep) as work:
        h = Hostile(work, report)
        lib.parallel(lambda part: part(h), [bad_bytes, long_things, deep_things, large_numbers, groups, files, command_lines])
    report.exit()


if __name__ == "__main__":
    main()
