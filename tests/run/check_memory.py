#!/usr/bin/python3
"""Peak memory of `gram`: inputs, output and at most 16 MB per thread, for 2000 images of 32x32x3.

The 21-layer net of the benchmark would take hours on all pairs: it runs for a minute and is then interrupted (which it
must survive: status 130, no output). As an interrupted run has not touched all of its output, the same net also runs to
its end on a few images, where next to nothing but the threads' own memory is left; and a net of cheap pairs on all 2000,
writing included.
Part of `make check-slow`; `--now` runs a shorter version at once.
"""
import os
import signal
import subprocess
import time

import numpy as np

import entk_testlib as lib

SAMPLES = 2000
PER_THREAD = 16 << 20
SLACK = 4 << 20          # heap of the C library, stacks, page rounding
SECONDS = 60 if lib.slow() else 15

DEEP = "net n = image(32x32, channels = 3) -> (conv(3x3, weight_std = 1.3, bias_std = 0.1) -> relu)^21 -> pool -> dense\n"
CHEAP = "net n = image(32x32, channels = 3) -> (conv(3x3, weight_std = 1.3, bias_std = 0.1) -> relu)^2 -> flatten -> dense\n"


def peak(pid):
    """Peak resident set of a process in bytes so far, or None when it is gone."""
    try:
        with open(f"/proc/{pid}/status") as f:
            for line in f:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def run(command, seconds):
    """(peak memory, exit status); SIGINT after `seconds`."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    start, most = time.time(), 0
    while child.poll() is None:
        most = max(most, peak(child.pid) or 0)
        if time.time() - start > seconds:
            child.send_signal(signal.SIGINT)
            break
        time.sleep(0.01)
    try:
        _, error = child.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        child.kill()
        _, error = child.communicate()
        return most, -signal.SIGKILL, error.decode("utf-8", "replace")
    return most, child.returncode, error.decode("utf-8", "replace")


def check(work, report, name, source, precision, threads, samples, seconds, finishes):
    real = np.float32 if precision == "f32" else np.float64
    program = work.compile(source, precision=precision)
    rng = np.random.default_rng(3)
    small = work.array(rng.standard_normal((2, 32, 32, 3)).astype(real))
    data = work.path(f"x{samples}.{precision}.npy")
    if not os.path.exists(data):
        np.save(data, rng.standard_normal((samples, 32, 32, 3)).astype(real))
    out = work.fresh(".npz")
    # What the program and its libraries take before any kernel.
    base, status, error = run([program, "gram", small, "--dry-run"], 120)
    report.check(status == 0, f"{name}: status {status} of --dry-run: {error}")
    most, status, error = run([program, "gram", data, "-o", out, "--threads", str(threads)], seconds)
    if finishes:
        report.check(status == 0 and os.path.exists(out), f"{name}: status {status}: {error[-300:]}")
    else:
        report.check(status == 130 and not os.path.exists(out), f"{name}: interrupted, status {status}: {error[-300:]}")
    inputs = samples * 32 * 32 * 3 * np.dtype(real).itemsize
    output = 2 * samples * samples * 8
    allowed = inputs + output + PER_THREAD * threads
    used = most - base
    print(f"  {name}: {used / 2**20:.0f} MB beyond the {base / 2**20:.0f} MB of the program itself; allowed {allowed / 2**20:.0f} MB"
          f" (inputs {inputs / 2**20:.0f}, output {output / 2**20:.0f})")
    report.check(used <= allowed + SLACK, f"{name}: {used / 2**20:.0f} MB, allowed {allowed / 2**20:.0f} MB")
    if os.path.exists(out):
        os.unlink(out)


def main():
    parser = lib.arguments(__doc__)
    parser.add_argument("--now", action="store_true")
    options = parser.parse_args()
    report = lib.Report("check_memory")
    if not (lib.slow() or options.now):
        report.skip("peak memory for 2000 images is part of make check-slow")
        report.exit()
    with lib.Work(options.build, options.keep) as work:
        for precision in ("f32", "f64"):
            runs = [("21 layers", DEEP, 2, SAMPLES, SECONDS, False), ("21 layers", DEEP, 5, SAMPLES, SECONDS / 2, False),
                    ("21 layers", DEEP, 1, 24, 600, True), ("21 layers", DEEP, 4, 24, 600, True)]
            if lib.slow():
                runs.append(("flatten", CHEAP, 2, SAMPLES, 1000, True))
            for name, source, threads, samples, seconds, finishes in runs:
                what = f"{name}, {precision}, {threads} threads, {samples} images"
                try:
                    check(work, report, what, source, precision, threads, samples, seconds, finishes)
                except (lib.CompileError, lib.RunError) as error:
                    report.check(False, f"{what}: {error}")
    report.exit()


if __name__ == "__main__":
    main()
