#!/usr/bin/python3
"""Programs under limits: of memory, of threads and processes, of the cores that they may use. They work, perhaps on fewer threads and
then say so, or end with one line and status 3; they never hang, and no library speaks for them."""
import os
import re
import resource
import subprocess
import sys

import numpy as np

import entk_testlib as lib

NET = "net n = vector(20) -> dense -> relu -> dense\nnet i = image(4x5) -> conv(3x3) -> relu -> flatten -> dense\n"
HANG = 20
SIZES = (64, 130, 250, 400, 700, 1200, 4000)         # MB


def run(command, limits=None, **environment):
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=HANG, preexec_fn=limits,
                              stdin=subprocess.DEVNULL, env={**os.environ, **environment})
    except subprocess.TimeoutExpired:
        return None


def is_honest(report, name, result):
    """Status 0, perhaps with warnings of ours, or 3 with one line."""
    if not report.check(result is not None, f"{name}: hangs"):
        return False
    lines = result.stderr.splitlines()
    errors = [line for line in lines if ": error: " in line]
    warnings = [line for line in lines if ": warning: only " in line]
    return report.check((result.returncode == 0 and not errors or result.returncode == 3 and len(errors) == 1)
                        and len(errors) + len(warnings) == len(lines), f"{name}: status {result.returncode}: {result.stderr[:500]}")


def memory(report, work, program, data, x):
    commands = {"info": ["info", "--no-time"], "gram": ["gram", x, "--net=n", "-t8", "-o", work.fresh(".npz")],
                "eval": ["eval", data, "--net=n", "-t8"], "check": ["check", "--net=n", "--widths=8,16", "--nets=10", "-t8"]}
    worked = {name: [] for name in commands}
    for megabytes in SIZES:
        def limits():
            resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
        # Where not even the libraries can be loaded the system's loader says so.
        start = run([program, "--version"], limits)
        if start is None or start.returncode == 127:
            report.check(start is not None, f"--version with {megabytes} MB: hangs")
            continue
        for name, arguments in commands.items():
            result = run([program, *arguments], limits)
            if is_honest(report, f"{name} with {megabytes} MB", result) and result.returncode == 0:
                worked[name].append(megabytes)
    for name, sizes in worked.items():
        report.check(sizes and sizes == [m for m in SIZES
                                         if m >= sizes[0]], f"{name} works with {sizes} MB only")


def threads(report, work, program, data, x):
    """A limit of processes counts the user's: a user of its own has them all to itself."""
    out = work.fresh(".npz")
    want = work.gram(program, x, net="n", threads=1)
    if os.geteuid() == 0:
        os.chmod(work.folder, 0o777)
        for most in (1, 2, 3):
            def limits():
                os.setgroups([])
                os.setgid(54321)
                os.setuid(54321)
                resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
            for name, arguments in (("gram", ["gram", x, "--net=n", "-t6", "--tile=2x2", "-o", out]), ("eval", ["eval", data, "--net=n", "-t6"])):
                result = run([program, *arguments], limits)
                if is_honest(report, f"{name}, {most} processes", result):
                    report.check(result.returncode == 0 and re.search(rf"warning: only \d+ of \d+ threads", result.stderr),
                                 f"{name}, {most} processes: {result.stderr}")
            with np.load(out) as arrays:
                report.same_bits(arrays["nngp"], want["nngp"], f"{most} processes")
            os.unlink(out)
    else:
        report.skip("limits of processes: only root can be somebody else")
    for variables in ({"OMP_THREAD_LIMIT": "1"}, {"OMP_THREAD_LIMIT": "1", "OMP_NUM_THREADS": "3"}, {"OMP_NUM_THREADS": "0"},
                      {"OMP_NUM_THREADS": "99999999"}, {"OPENBLAS_NUM_THREADS": "1"}, {"OMP_NUM_THREADS": "2,1"}):
        result = run([program, "eval", data, "--net=n"], **variables)
        report.check(result is not None and result.returncode == 0 and not result.stderr, f"eval with {variables}: {result}")


def reported(program, prefix=(), **environment):
    result = run([*prefix, program, "info", "--no-time", "--json"], **environment)
    match = re.search(r'"threads": ?(\d+)', result.stdout)
    return int(match[1]) if match else result.stderr


def cores(report, program):
    """The default number of threads follows the mask, OpenMP's variables, and a control group's quota."""
    mask = sorted(os.sched_getaffinity(0))
    report.check(reported(program, OMP_NUM_THREADS="3") == 3, "OMP_NUM_THREADS=3")
    report.check(reported(program, OMP_NUM_THREADS="3", OMP_THREAD_LIMIT="2") == 2, "OMP_THREAD_LIMIT=2")
    clean = {"OMP_NUM_THREADS": "", "OMP_THREAD_LIMIT": ""}
    everything = reported(program, **clean)
    report.check(isinstance(everything, int) and 1 <= everything <= len(mask), f"{everything} threads on {len(mask)} cores")
    one = reported(program, ("taskset", "-c", str(mask[0])), **clean)
    report.check(one == 1, f"{one} threads on one core")
    code = "import os,sys; sys.stdout.write(str(len(os.sched_getaffinity(0))))"
    report.check(int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout) == len(mask), "the mask of this test changed")
    for quota, file in (("50000 100000", "/sys/fs/cgroup/entk-test/cpu.max"), ("50000", "/sys/fs/cgroup/cpu/entk-test/cpu.cfs_quota_us")):
        folder = os.path.dirname(file)
        if not os.path.exists(os.path.join(os.path.dirname(folder), "cgroup.procs")):
            continue
        try:
            os.mkdir(folder)
        except OSError:
            continue
        try:
            with open(file, "w") as f:
                f.write(quota)
            child = ["sh", "-c", f'echo $$ > {folder}/cgroup.procs && exec "$@"', "sh"]
            got = reported(program, child, **clean)
            report.check(got == 1, f"{got} threads with half a core's quota in {file}")
        except OSError as error:
            report.skip(f"control group: {error}")
        finally:
            os.rmdir(folder)
        return
    report.skip("control groups: none can be made here")


def main():
    options = lib.arguments(__doc__).parse_args()
    report = lib.Report("check_limits")
    with lib.Work(options.build, options.keep) as work:
        program = work.compile(NET)
        rng = np.random.default_rng(1)
        x = rng.standard_normal((60, 20))
        data = work.fresh(".npz")
        np.savez(data, x_train=x, y_train=np.arange(60) % 3, x_test=x[:20], y_test=np.arange(20) % 3)
        with open(program, "rb") as f:
            sanitized = b"__asan_init" in f.read()
        if sanitized:
            report.skip("limits of memory: sanitizers reserve terabytes")
        else:
            memory(report, work, program, data, work.array(x))
        threads(report, work, program, data, work.array(x))
        cores(report, program)
    report.exit()


if __name__ == "__main__":
    main()
