"""Other CPUs, other folders, deep repeats: what the compiler must do beyond compiling for the machine at hand."""
import itertools
import os
import shutil
import struct
import subprocess
import sys
import time

import numpy as np

import entk_testlib as lib

NET = "net n = image(6x6, channels = 2) -> conv(3x3) -> relu -> pool -> dense\n"
VECTOR = "net n = vector(19) -> (dense -> relu)^3 -> dense\n"   # lanes of several registers
CPUS = [("x86-64-v2", 62), ("x86-64-v3", 62), ("x86-64-v4", 62), ("generic-aarch64", 183)]  # ELF's e_machine
BLOCK = "def block = conv(3x3, weight_std = sqrt(2), bias_std = 0.1) -> relu\n" \
        "net n = image(8x8) -> block^{count} -> pool -> dense\n"


def elf_machine(path):
    with open(path, "rb") as f:
        head = f.read(20)
    return struct.unpack("<H", head[18:20])[0] if head[:4] == b"\x7fELF" else None


def check_cpus(report, work):
    sources = {"image": work.write(NET), "vector": work.write(VECTOR)}
    for (cpu, machine), precision, (name, source) in itertools.product(CPUS, ("f64", "f32"), sources.items()):
        out = work.fresh(".o")
        result = work.run_compiler([source, "--emit=obj", f"--cpu={cpu}", f"--precision={precision}", "-o", out])
        good = report.check(result.returncode == 0 and os.path.exists(out),
                            f"{name} --cpu={cpu} {precision}: status {result.returncode}: {result.stderr.strip()}")
        if good:
            report.check(elf_machine(out) == machine, f"{name} --cpu={cpu}: ELF machine {elf_machine(out)}, not {machine}")
    out, source = work.fresh(".o"), sources["image"]
    result = work.run_compiler([source, "--emit=obj", "--cpu=z80-turbo", "-o", out])
    report.check(result.returncode in (1, 2) and "z80-turbo" in result.stderr and not os.path.exists(out),
                 f"--cpu=z80-turbo: status {result.returncode}: {result.stderr.strip()}")


def check_levels_agree(report, work):
    """Programs of every level that this machine runs give the same kernels up to rounding."""
    x = np.random.default_rng(1).standard_normal((5, 6, 6, 2))
    want = work.gram(work.compile(NET, backend="reference"), x)
    for cpu in ("x86-64-v2", "x86-64-v3", "x86-64-v4"):
        program = work.compile(NET, extra=[f"--cpu={cpu}"])
        try:
            got = work.gram(program, x)
        except lib.RunError as error:
            text = error.result.stderr
            if "\n" not in text.strip() and "CPU" in text and error.result.returncode in (1, 3):
                report.skip(f"{cpu}: {text.strip()}")
            else:
                report.check(False, f"{cpu}: {error}")
            continue
        for kernel, tolerance in zip(("nngp", "ntk"), lib.TOLERANCE["f64"]):
            report.close(got[kernel], want[kernel], tolerance, f"--cpu={cpu} {kernel}")


def openblas_kernels(work, program, **variables):
    """Names of the kernels of which OpenBLAS spoke while the program ran, in this order; empty for another BLAS."""
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
    result = subprocess.run([program, "info"], capture_output=True, text=True, timeout=300,
                            env={**environment, "OPENBLAS_VERBOSE": "2", **variables})
    return result, [line.split()[1] for line in result.stderr.splitlines() if line.startswith("Core: ")]


def check_blas_kernels(report, work):
    """No program solves with OpenBLAS's SSE3 kernels on a CPU that has AVX2, unless the user says so."""
    with open("/proc/cpuinfo") as f:
        words = set(f.read().split())
    program = work.compile(NET)
    result, names = openblas_kernels(work, program)
    if not {"avx2", "fma"} <= words or not names:
        report.skip("OpenBLAS's kernels: no AVX2 here, or another BLAS")
        return
    report.check(result.returncode == 0 and names[-1] != "Prescott", f"OpenBLAS's kernels: {names}, status {result.returncode}")
    result, names = openblas_kernels(work, program, OPENBLAS_CORETYPE="Prescott")
    report.check(result.returncode == 0 and names == ["Prescott"], f"OPENBLAS_CORETYPE=Prescott: kernels {names}")


def check_folders(report, work):
    """entkc finds its libraries from whatever folder it is called in, by path, link, PATH, or installed."""
    work.write(NET, "here.entk")
    elsewhere = work.path("some folder")
    os.mkdir(elsewhere)
    link = os.path.join(elsewhere, "linked-entkc")
    os.symlink(work.entkc, link)

    prefix = work.path("prefix")
    os.makedirs(os.path.join(prefix, "bin"))
    os.makedirs(os.path.join(prefix, "lib", "entk"))
    shutil.copy2(work.entkc, os.path.join(prefix, "bin"))
    for name in ("libentk.a", "libentk_reference.a", "libentk.libs"):
        shutil.copy2(os.path.join(work.build, name), os.path.join(prefix, "lib", "entk"))

    path = {**os.environ, "PATH": work.build + os.pathsep + os.environ["PATH"]}
    ways = [("absolute path", [work.entkc], None), ("relative path", [os.path.relpath(work.entkc, elsewhere)], None),
            ("symbolic link", [link], None), ("PATH", ["entkc"], path),
            ("installed", [os.path.join(prefix, "bin", "entkc")], None)]
    for way, command, environment in ways:
        for backend in ([], ["--backend=reference"]):
            result = subprocess.run([*command, "../here.entk", "-o", "program", *backend], cwd=elsewhere,
                                    capture_output=True, text=True, env=environment, timeout=300)
            program = os.path.join(elsewhere, "program")
            if report.check(result.returncode == 0 and os.access(program, os.X_OK),
                            f"{way} {backend}: status {result.returncode}: {result.stderr.strip()}"):
                info = work.run_program([program, "info"])
                report.check(info.returncode == 0, f"{way} {backend}: info: {info.stderr.strip()}")
                os.unlink(program)


def check_deep_repeat(report, work):
    sizes = {}
    for count in (2, 1000):
        source = work.write(BLOCK.format(count=count))
        out = work.fresh(".o")
        begin = time.time()
        result = work.run_compiler([source, "--emit=obj", "-o", out])
        seconds = time.time() - begin
        if not report.check(result.returncode == 0, f"block^{count}: {result.stderr.strip()}"):
            return
        sizes[count] = os.path.getsize(out)
        print(f"block^{count}: object of {sizes[count]} bytes in {seconds:.2f} s")
    report.check(sizes[1000] <= 2 * sizes[2],
                 f"object of block^1000 has {sizes[1000]} bytes, that of block^2 {sizes[2]}")

    text = BLOCK.format(count=1000)
    x = np.random.default_rng(2).standard_normal((3, 8, 8))
    got, want = work.gram(work.compile(text), x), work.gram(work.compile(text, backend="reference"), x)
    # A thousand layers drive all correlations towards one, where theta's slope is unbounded (docs/math.md, 14): the
    # NTK is judged as that of parallel samples.
    for kernel, tolerance in zip(("nngp", "ntk"), lib.PARALLEL_TOLERANCE["f64"]):
        report.close(got[kernel], want[kernel], tolerance, f"block^1000 {kernel}")


def main():
    options = lib.arguments(__doc__).parse_args()
    report = lib.Report("check_portability")
    with lib.Work(options.build, options.keep) as work:
        for check in (check_cpus, check_levels_agree, check_blas_kernels, check_folders, check_deep_repeat):
            try:
                check(report, work)
            except (lib.CompileError, lib.RunError) as error:
                report.check(False, f"{check.__name__}: {error}")
    report.exit()


if __name__ == "__main__":
    sys.exit(main())
