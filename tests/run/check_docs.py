"""Every ```entk block in README.md, CONTRIBUTING.md and docs/*.md goes through the compiler.

A plain block must pass the checker. A block may say otherwise after the language's name:

    ```entk error        is refused with exit status 1 and at least one error (the text around it explains which)
    ```entk fragment     a piece of a pipeline, tried as the body of `def fragment = ..`: parsed and formatted only
    ```entk file=NAME    is also written to NAME beside the other blocks of its document, for `include`

Links between the documents must lead to files that exist; equation tags ([KR-11]) and codes of diagnostics ("E0412") in
the sources must stand in docs/math.md and docs/diagnostics.md.
"""
import os
import re
import sys

import entk_testlib as lib

BLOCK = re.compile(r"^( *)```entk([^\n]*)\n(.*?)^ *```", re.S | re.M)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def documents():
    found = [os.path.join(lib.ROOT, name) for name in ("README.md", "CONTRIBUTING.md")]
    folder = os.path.join(lib.ROOT, "docs")
    return found + [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".md")]


def check_block(report, work, folder, place, words, text):
    number = place.replace("/", "_").replace(":", "_")
    names = [w[5:] for w in words if w.startswith("file=")]
    path = os.path.join(folder, names[0] if names else number + ".entk")
    if "fragment" in words:
        text = f"def fragment = {text}"
    with open(path, "w") as f:
        f.write(text)
    args = ["--format"] if "fragment" in words else ["--emit=network"]
    result = work.run_compiler([path, *args, "-o", "-"])
    if "error" in words:
        report.check(result.returncode == 1 and ": error: " in result.stderr,
                     f"{place}: should be refused, status {result.returncode}: {result.stderr.strip()}")
    else:
        report.check(result.returncode == 0, f"{place}: status {result.returncode}: {result.stderr.strip()}")


def sources(*folders):
    for folder in folders:
        for path, _, names in os.walk(os.path.join(lib.ROOT, folder)):
            for name in sorted(names):
                if name.endswith((".c", ".h", ".l", ".y", ".def")):
                    with open(os.path.join(path, name)) as f:
                        yield os.path.relpath(os.path.join(path, name), lib.ROOT), f.read()


def check_words(report, document, pattern, what, *folders):
    """Every word of the sources that matches `pattern` must stand in `document`."""
    try:
        with open(os.path.join(lib.ROOT, "docs", document)) as f:
            known = set(re.findall(r"[A-Z]+-?[0-9]+", f.read()))
    except FileNotFoundError:
        known = set()
    found = {}
    for path, text in sources(*folders):
        for word in re.findall(pattern, text):
            found.setdefault(word, path)
    report.check(bool(found), f"no {what} in {' '.join(folders)}")
    for word, path in sorted(found.items()):
        report.check(word in known, f"{path}: {what} {word} does not stand in docs/{document}")


def main():
    options = lib.arguments(__doc__).parse_args()
    report = lib.Report("docs")
    blocks = 0
    with lib.Work(options.build, options.keep) as work:
        for document in documents():
            name = os.path.relpath(document, lib.ROOT)
            if not report.check(os.path.exists(document), f"{name}: no such file"):
                continue
            with open(document) as f:
                content = f.read()
            folder = work.fresh()
            os.mkdir(folder)
            for match in BLOCK.finditer(content):
                line = content.count("\n", 0, match.start()) + 1
                indent, words, text = len(match[1]), match[2].split(), match[3]
                text = "".join(row[indent:] if not row[:indent].strip() else row for row in text.splitlines(True))
                check_block(report, work, folder, f"{name}:{line}", words, text)
                blocks += 1
            for target in LINK.findall(content):
                if "://" not in target and not target.startswith("mailto:"):
                    report.check(os.path.exists(os.path.join(os.path.dirname(document), target)),
                                 f"{name}: link to {target}, which does not exist")
    check_words(report, "math.md", r"\[(KR-[0-9]+)\]", "equation", "compiler", "runtime")
    check_words(report, "diagnostics.md", r'"([EW][0-9]{4})"', "diagnostic", "compiler", "grammar")
    report.check(blocks > 0, "no entk block in any document")
    report.exit()


if __name__ == "__main__":
    sys.exit(main())
