#!/usr/bin/python3
"""The commands of docs/regression.md, in their order: all of them work, and warn of nothing."""
import os
import re
import shutil
import subprocess
import sys

import entk_testlib as lib

BLOCK = re.compile(r"^```(entk|py|sh)([^\n]*)\n(.*?)^```", re.S | re.M)


def run(report, folder, environment, line):
    result = subprocess.run(["sh", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    report.check(result.returncode == 0 and not result.stderr, f"{line}: status {result.returncode}, {result.stderr!r}")
    return result.stdout


def main():
    options = lib.arguments(__doc__).parse_args()
    report = lib.Report("check_walkthrough")
    with lib.Work(options.build, options.keep) as work, open(os.path.join(lib.ROOT, "docs", "regression.md")) as document:
        folder, tools = work.fresh(), work.fresh()
        os.mkdir(folder)
        os.mkdir(tools)
        os.symlink(work.entkc, os.path.join(tools, "entkc"))
        os.symlink(sys.executable, os.path.join(tools, "python3"))
        environment = dict(os.environ, PATH=tools + os.pathsep + os.environ["PATH"], MPLBACKEND="agg")
        figures = shutil.which("gnuplot")
        for kind, words, text in BLOCK.findall(document.read()):
            if kind != "sh":
                with open(os.path.join(folder, words.split("file=")[1].strip()), "w") as f:
                    f.write(text)
                continue
            for line in text.strip().splitlines():
                if "--figure" in line and not figures:
                    line = re.sub(r" --figure \w+", "", line)
                run(report, folder, environment, line)
        wanted = ["model.npz", "predictions.npz", "lengths_predictions.npz", "curves.json"]
        wanted += ["curves.svg", "curves.png", "spectrum.svg", "spectrum.png"] if figures else []
        for name in wanted:
            report.check(os.path.exists(os.path.join(folder, name)), f"{name} was not written")
    report.exit()


if __name__ == "__main__":
    main()
