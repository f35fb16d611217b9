#!/usr/bin/python3
"""Gram stores: killed at any instant, on a full disk, without its folder, by two writers, in shards - a store ends with the bytes
of an uninterrupted run, or says in one line why it cannot; damage is found and repaired where it is.

The program is tests/unit/fake_program.c (kernels written by hand, with a delay), linked with libentk; one part uses compiled
nets."""
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time

import numpy as np

import entk_testlib as lib
from check_data import Fake

SEED = 20240611
KILLS = 200 if lib.slow() else 16
SAMPLES = 110
TILE = "--tile=16x24"
# About a third of a second in all with one thread; the delay is part of what identifies a store.
DELAY = ["--set", "delay=0.012"]
SLOW = [*DELAY, TILE]


class Store(Fake):
    """Commands on stores of net `gray`; `made` is an uninterrupted one."""

    def __init__(self, build, report, folder):
        super().__init__(build, report, folder)
        rng = np.random.default_rng(SEED)
        np.save(self.path("x.npy"), rng.integers(0, 256, (SAMPLES, 4, 5), dtype=np.uint8))
        np.save(self.path("z.npy"), rng.integers(0, 256, (SAMPLES - 37, 4, 5), dtype=np.uint8))
        self.numbers = iter(range(1, 1 << 30))

    def fresh(self):
        return f"s{next(self.numbers)}.gram"

    def command(self, store, *extra, x=("x.npy",), net="gray"):
        return ["gram", *x, "-o", store, "--net", net, *extra]

    def make(self, *extra, x=("x.npy",), net="gray", store=None):
        """A complete store's name."""
        store = store or self.fresh()
        result = self.run(self.command(store, *extra, x=x, net=net))
        self.report.check(result.returncode == 0, f"{store} {extra}: {result.stderr}")
        return store

    def start(self, arguments, kind="f64", **options):
        return subprocess.Popen([self.program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                cwd=self.folder, env=dict(os.environ, FAKE_PROGRAM=kind), **options)

    def bytes_of(self, store):
        """{file: bytes}; the lock file says nothing."""
        out = {}
        for folder, _, files in os.walk(self.path(store)):
            for name in files:
                path = os.path.join(folder, name)
                if name != ".lock":
                    with open(path, "rb") as f:
                        out[os.path.relpath(path, self.path(store))] = f.read()
        return out

    def same(self, store, other, what):
        a, b = self.bytes_of(store), self.bytes_of(other)
        return self.report.check(len(a) > 0 and a == b, f"{what}: {store} and {other} differ in "
                                 f"{[k for k in sorted(set(a) | set(b)) if a.get(k) != b.get(k)] or 'nothing: both are empty'}")

    def refuses(self, what, arguments, status, says, kind="f64", **options):
        result = self.run(arguments, kind, **options)
        for text in [says] if isinstance(says, str) else says:
            self.report.check(text in result.stderr, f"{what}: no {text!r} in {result.stderr!r}")
        self.report.check(result.returncode == status and result.stderr.count("\n") == 1,
                          f"{what}: status {result.returncode}, expected {status}: {result.stderr!r}")

    def says(self, what, arguments, status, says, kind="f64"):
        """A command whose findings are on stdout."""
        result = self.run(arguments, kind)
        for text in [says] if isinstance(says, str) else says:
            self.report.check(text in result.stdout, f"{what}: no {text!r} in {result.stdout!r}")
        self.report.check(result.returncode == status, f"{what}: status {result.returncode}: {result.stdout} {result.stderr}")
        return result.stdout

    def tiles(self, store, net="gray"):
        """(complete, all) tiles by the records at the ends of the slots."""
        header = self.header(store, net)
        rows, columns = map(int, header["tile"].split("x"))
        slot = 16 + rows * columns * 8 * (2 if "+" in header["kernels"] else 1)
        path = os.path.join(self.path(store), net, "tiles")
        data = open(path, "rb").read() if os.path.exists(path) else b""
        records = [data[i + slot - 16:i + slot] for i in range(0, len(data), slot)]
        return sum(len(r) == 16 and r != bytes(16) for r in records), slot

    def wait_for_tiles(self, store, process, count=2):
        """Until a running program has finished some tiles."""
        header = os.path.join(self.path(store), "gray", "header")
        while process.poll() is None and not (os.path.exists(header) and self.tiles(store)[0] >= count):
            time.sleep(0.003)

    def header(self, store, net="gray"):
        with open(os.path.join(self.path(store), net, "header")) as f:
            return dict(line.split(" ", 1) for line in f.read().splitlines())

    def flip(self, store, name, offset):
        path = os.path.join(self.path(store), name)
        with open(path, "r+b") as f:
            f.seek(offset)
            byte = f.read(1)[0]
            f.seek(offset)
            f.write(bytes([byte ^ 1 << offset % 8]))


# ------------------------------------------------------------------------------------------------------ kill -9, signals

def killed(store):
    """kill -9 at random instants, with slow kernels (most instants are in them) and with quick ones (most are in writing)."""
    rng = random.Random(SEED)
    halfway = 0
    quick = ["--tile=2x4"]
    for extra, kills in ((SLOW, KILLS // 2), (quick, KILLS - KILLS // 2)):
        begin = time.time()
        whole = store.make(*extra)
        seconds = time.time() - begin
        total, _ = store.tiles(whole)
        for _ in range(kills):
            name = store.fresh()
            command = store.command(name, *extra, "--threads", str(rng.choice((1, 2, 3))))
            for instant in [rng.uniform(0, seconds) for _ in range(rng.choice((1, 1, 2)))]:
                process = store.start(command)
                time.sleep(instant)
                process.send_signal(signal.SIGKILL)
                process.communicate()
            if os.path.exists(os.path.join(store.path(name), "gray", "header")):
                halfway += 0 < store.tiles(name)[0] < total
            result = store.run(store.command(name, *extra))
            store.report.check(result.returncode == 0 and result.stderr == "", f"after kill -9: {result}")
            store.same(name, whole, f"killed after {instant:.3f} s")
            shutil.rmtree(store.path(name))
    print(f"  {KILLS} kills, {halfway} of them between the first tile and the last")
    store.report.check(halfway >= KILLS // 8, f"only {halfway} of {KILLS} kills were halfway")


def interrupted(store):
    whole = store.make(*SLOW)
    for number in (signal.SIGINT, signal.SIGTERM):
        name = store.fresh()
        process = store.start(store.command(name, *SLOW, "--threads=2"))
        store.wait_for_tiles(name, process)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
        kept = re.search(r"error: interrupted; (\S+) keeps (\d+) of (\d+) tiles: the same command continues", errors)
        if store.report.check(process.returncode == 130 and kept, f"{number!r}: {process.returncode} {errors!r}"):
            store.report.check(int(kept[2]) == store.tiles(name)[0] < int(kept[3]), f"{number!r}: {errors!r}, {store.tiles(name)}")
        # Another number of threads and another tile size make no difference.
        store.make(*DELAY, "--threads=1", "--tile=5x7", store=name)
        store.same(name, whole, f"after {number!r}")
    process = store.start(["gram", "x.npy", "--net=gray", *SLOW, "-o", "none.npz", "--threads=1"])
    time.sleep(0.12)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    store.report.check(process.returncode == 130 and "nothing is kept" in errors and "-o NAME.gram" in errors, errors)


def threads(store):
    whole = store.make(TILE)
    for count in ("1", "2", "5"):
        store.same(store.make(TILE, "--threads", count), whole, f"{count} threads")
    first = store.make()
    store.same(store.make("--threads=3"), first, "default tiles do not depend on the threads")
    # A complete store is left alone.
    before = os.stat(os.path.join(store.path(whole), "gray", "tiles")).st_mtime_ns
    store.make(TILE, store=whole)
    store.report.check(os.stat(os.path.join(store.path(whole), "gray", "tiles")).st_mtime_ns == before, "a complete store was written to")


# ---------------------------------------------------------------------------------------------------------------- damage

def damaged(store):
    rng = random.Random(SEED + 1)
    whole = store.make(TILE)
    name = store.fresh()
    shutil.copytree(store.path(whole), store.path(name))
    total, slot = store.tiles(whole)
    size = os.path.getsize(os.path.join(store.path(name), "gray", "tiles"))
    store.report.check(size == total * slot, f"{size} bytes for {total} tiles of {slot}")
    store.says("nothing damaged", ["verify", name, "x.npy"], 0, f"{total} of {total} tiles have the right checksum")
    # Any byte: values, the zeros beside tiles at the edge, both words of the record.
    offsets = [rng.randrange(size) for _ in range(12)] + [0, size - 1, size - 9, size - 16, size - 17, slot - 1, slot]
    for offset in offsets:
        store.flip(name, "gray/tiles", offset)
        store.says(f"byte {offset}", ["verify", name], 1, [f"tile {offset // slot} (rows", "is damaged",
                                                        f"{total - 1} of {total} tiles have"])
        result = store.run(store.command(name, "--progress"))
        store.report.check(result.returncode == 0 and "1 damaged tile: computed again" in result.stderr
                           and f"{total - 1} of {total} tiles are there" in result.stderr, f"byte {offset}: {result.stderr}")
        # No more than one tile's pairs were computed.
        pairs = re.search(r"gray: (\d+) pairs in", result.stderr)
        store.report.check(pairs and 0 < int(pairs[1]) <= 16 * 24, f"byte {offset}: {result.stderr}")
        store.same(name, whole, f"byte {offset} repaired")
    length = os.path.getsize(os.path.join(store.path(name), "gray", "header"))
    for copy in ("gray/header", "gray/header.copy"):
        for offset in [0, 17, length - 1, length - 2] + [rng.randrange(length) for _ in range(6)]:
            store.flip(name, copy, offset)
            store.says(f"{copy}, byte {offset}", ["verify", name], 1, f"{copy.split('/')[1]} is damaged")
            result = store.run(store.command(name))
            store.report.check(result.returncode == 0 and "a damaged copy of the header was written anew" in result.stderr, result)
            store.same(name, whole, f"{copy}, byte {offset}")
    os.unlink(os.path.join(store.path(name), "gray", "header"))
    store.says("header missing", ["verify", name], 1, "header is missing")
    store.make(store=name)
    store.same(name, whole, "header missing")
    both_headers(store, whole)
    file_length(store, whole, slot)
    power_failure(store, whole, slot)


def power_failure(store, whole, slot):
    """What a power failure may leave of slots that were not synced: any of their sectors, in any order."""
    rng = random.Random(SEED + 2)
    path = os.path.join(store.path(whole), "gray", "tiles")
    with open(path, "rb") as f:
        good = f.read()
    for sector, share in ((512, 0.03), (512, 0.5), (4096, 0.1), (4096, 0.9)):
        bad = bytearray(good)
        for at in range(0, len(bad), sector):
            if rng.random() < share:
                bad[at:at + sector] = bytes(len(bad[at:at + sector]))
        intact = sum(good[i:i + slot] == bad[i:i + slot] for i in range(0, len(good), slot))
        name = store.fresh()
        shutil.copytree(store.path(whole), store.path(name))
        with open(os.path.join(store.path(name), "gray", "tiles"), "wb") as f:
            f.write(bad)
        store.says(f"lost sectors of {sector} bytes", ["verify", name], 1,
                   f"{intact} of {len(good) // slot} tiles have the right checksum")
        result = store.run(store.command(name))
        store.report.check(result.returncode == 0, result.stderr)
        store.same(name, whole, f"lost sectors of {sector} bytes, share {share}")


def both_headers(store, whole):
    name = store.fresh()
    shutil.copytree(store.path(whole), store.path(name))
    store.flip(name, "gray/header", 40)
    store.flip(name, "gray/header.copy", 41)
    for arguments in (["verify", name], store.command(name), ["export", name, "-o", "k.npz"]):
        store.refuses(f"both headers damaged, {arguments[0]}", arguments, 1, ["damaged", "start again"])
    for copy in ("header", "header.copy"):
        os.unlink(os.path.join(store.path(name), "gray", copy))
    store.refuses("both headers missing", store.command(name), 1, "the header and its copy are missing")
    store.refuses("no headers at all", ["verify", name], 1, "not a gram store")


def file_length(store, whole, slot):
    """Truncated within a tile, at a record, extended."""
    name = store.fresh()
    shutil.copytree(store.path(whole), store.path(name))
    tiles = os.path.join(store.path(name), "gray", "tiles")
    size = os.path.getsize(tiles)
    for length in (size - 1, size - 8, size - 17, size - slot - 100, 0):
        os.truncate(tiles, length)
        lost = (size - length + slot - 1) // slot
        store.says(f"{length} bytes", ["verify", name], 1, f"{size // slot - lost} of {size // slot} tiles have the right checksum")
        store.make(store=name)
        store.same(name, whole, f"truncated to {length} bytes")
    with open(tiles, "ab") as f:
        f.write(b"\0" * 100)
    store.says("longer", ["verify", name], 1, "100 bytes stand behind the last tile")
    store.make(store=name)
    store.same(name, whole, "cut to its length")


def wrong_values(store):
    """Right checksums do not make right values."""
    name, other = store.make("--tile=110x110"), store.make("--tile=110x110", "--set=w=1.5")
    path = os.path.join(store.path(name), "gray", "tiles")
    shutil.copyfile(os.path.join(store.path(other), "gray", "tiles"), path)
    # The checksum starts from the header: a tile of another store is damage.
    store.says("a tile of another store", ["verify", name], 1, "is damaged")
    store.says("other params", ["verify", other, "x.npy"], 1, "another value of a param")
    store.says("given its params", ["verify", other, "x.npy", "--set=w=1.5"], 0, "1 of 1 tiles computed again have the same bits")
    several = store.make(TILE)
    total, _ = store.tiles(several)
    # Kernels that differ in their last bits under the same hash: only computing again tells.
    before = store.bytes_of(several)
    store.says("wrong values", ["verify", several, "x.npy", "--tiles=2"], 1,
               ["tile", "holds other values than this program computes", "0 of 2 tiles computed again"], kind="wrong")
    store.says("wrong values, bytes alone", ["verify", several], 0, "right checksum", kind="wrong")
    store.report.check(store.bytes_of(several) == before, "verify changed the store")
    store.says("tiles asked for", ["verify", several, "x.npy", "--tiles=3", "--seed=5"], 0, "3 of 3 tiles computed again have the same bits (--seed=5)")
    store.says("all tiles", ["verify", several, "x.npy", "--tiles=100000"], 0, f"{total} of {total} tiles computed again")


# ------------------------------------------------------------------------------------------------- disks, folders, writers

def fails_halfway(store, what, says, harm, repair, whole, extra=SLOW, prepare=None, **options):
    """A run to which `harm(name)` happens ends with status 3; after `repair(name)` the same command completes the store."""
    name = store.fresh()
    if prepare:
        prepare(name)
    process = store.start(store.command(name, *extra, "--threads=1"), **options)
    store.wait_for_tiles(name, process)
    harm(name)
    _, errors = process.communicate(timeout=30)
    store.report.check(process.returncode == 3 and errors.count("\n") == 1 and all(s in errors for s in says),
                       f"{what}: status {process.returncode}: {errors!r}")
    repair(name)
    kept, _ = store.tiles(name)
    store.report.check(kept > 0, f"{what}: no tile is left")
    result = store.run(["verify", name])
    store.report.check("damaged" not in result.stdout, f"{what}: {result.stdout}")
    store.make(*extra, store=name)
    store.same(name, whole, what)


def vanished(store):
    whole = store.make(*SLOW)
    fails_halfway(store, "renamed", ["vanished", "same command again"], lambda n: os.rename(store.path(n), store.path("away")),
                  lambda n: os.rename(store.path("away"), store.path(n)), whole)
    # Removed, and put back by a copy that was made before.
    name = store.fresh()
    process = store.start(store.command(name, *SLOW, "--threads=1"))
    store.wait_for_tiles(name, process)
    shutil.rmtree(store.path(name))
    _, errors = process.communicate(timeout=30)
    store.report.check(process.returncode == 3 and "vanished" in errors, f"removed: {process.returncode} {errors!r}")
    store.report.check(not os.path.exists(store.path(name)), "a removed folder came back")
    store.make(*SLOW, store=name)
    store.same(name, whole, "removed")


def limited(store):
    """A limit of file sizes: fails as a full disk does, without root."""
    whole = store.make(*SLOW)
    size = os.path.getsize(os.path.join(store.path(whole), "gray", "tiles"))

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, size // 2))
    fails_halfway(store, "a limit of file sizes", ["File too large", "ulimit -f", "same command again"], lambda n: None,
                  lambda n: None, whole, preexec_fn=limit)


def full_disk(store):
    mount = store.path("disk")
    os.mkdir(mount)
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mount],
                                           capture_output=True).returncode != 0:
        store.report.skip("a full and a read-only disk need root and the right to mount")
        return
    filler = os.path.join(mount, "filler")

    def fill(_):
        with open(filler, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"\0" * 4096)
            except OSError:
                pass

    def on_disk(name):
        os.mkdir(os.path.join(mount, name))
        os.symlink(os.path.join(mount, name), store.path(name))
    try:
        whole = store.make(*SLOW)
        fails_halfway(store, "a full disk", ["No space left", "free some space", "same command again"], fill,
                      lambda n: os.unlink(filler), whole, prepare=on_disk)
        # What cannot fit is said at once.
        fill(None)
        store.refuses("a full disk from the start", store.command("disk/full.gram", TILE), 3, ["disk/full.gram", "pace"])
        os.unlink(filler)
        shutil.copytree(store.path(whole), os.path.join(mount, "ro.gram"))
        subprocess.run(["mount", "-o", "remount,ro", mount], check=True)
        store.refuses("a read-only disk", store.command("disk/new.gram", TILE), 3, ["disk/new.gram", "Read-only"])
        store.refuses("a store on a read-only disk", store.command("disk/ro.gram", *SLOW), 3, ["disk/ro.gram", "Read-only"])
        store.says("verify on a read-only disk", ["verify", "disk/ro.gram"], 0, "right checksum")
        result = store.run(["export", "disk/ro.gram", "-o", "ro.npz"])
        store.report.check(result.returncode == 0, f"export from a read-only disk: {result.stderr}")
    finally:
        subprocess.run(["umount", mount], check=True)


def two_writers(store):
    name = store.fresh()
    process = store.start(store.command(name, *SLOW, "--threads=1"))
    store.wait_for_tiles(name, process)
    writing = [f"process {process.pid} is writing to this store"]
    store.refuses("a second writer", store.command(name, *SLOW), 3, [name, *writing])
    store.refuses("verify while it is written", ["verify", name], 3, writing)
    store.refuses("export while it is written", ["export", name, "-o", "k.npz"], 3, writing)
    process.kill()
    process.communicate()
    store.make(*SLOW, store=name)      # the dead process's lock is gone
    store.same(name, store.make(*SLOW), "after the lock of a killed process")


# ------------------------------------------------------------------------------------------------------------- mismatches

def mismatches(store):
    name = store.make(TILE)
    x = np.load(store.path("x.npy"))
    x[7, 2, 1] ^= 1
    np.save(store.path("x1.npy"), x)
    np.save(store.path("x2.npy"), x[1:])
    before = store.bytes_of(name)

    def refuse(what, arguments, says, kind="f64"):
        store.refuses(what, arguments, 1, [f"{name}/gray", "made with another", *says], kind)
    refuse("one bit of a sample", store.command(name, x=("x1.npy",)), ["set of samples X", "give the samples"])
    refuse("fewer samples", store.command(name, x=("x2.npy",)), ["number of samples X", '"110" there', '"109" here'])
    refuse("with Z", store.command(name, x=("x.npy", "x.npy")), ["kind of matrix", "Z"])
    refuse("a param", store.command(name, "--set=w=1.0000000000000002"), ["param", "w=1.0000000000000002", "--set"])
    refuse("one kernel", store.command(name, "--kernel=ntk"), ["choice of kernels", "--kernel"])
    refuse("a shard", store.command(name, "--shard=1/2"), ["shard", "--shard"])
    refuse("precision", store.command(name), ["precision", '"64" there and "32" here'], kind="f32")
    store.report.check(store.bytes_of(name) == before, "a refused run changed the store")
    cross = store.make(TILE, x=("x.npy", "z.npy"))
    store.refuses("another Z", store.command(cross, x=("x.npy", "x.npy")), 1, ["number of samples Z"])
    store.refuses("without Z", store.command(cross), 1, ["another"])
    # A program with two nets: parts beside each other, and a part under another's name.
    for net in ("gray", "twin"):
        result = store.run(["gram", "x.npy", "-o", "two.gram", "--net", net], kind="twins")
        store.report.check(result.returncode == 0, result.stderr)
    store.report.check(sorted(os.listdir(store.path("two.gram"))) == [".lock", "gray", "twin"], "parts of two.gram")
    os.rename(store.path("two.gram/twin"), store.path("two.gram/tvin"))
    store.refuses("a renamed part", ["verify", "two.gram", "--net=tvin"], 1, "the part of net \"twin\" under the name of another")
    with open(store.path("file.gram"), "w"):
        pass
    store.refuses("a file", store.command("file.gram"), 3, ["file.gram", "folder"])
    store.refuses("missing folder", store.command("no/such/k.gram"), 3, ["no/such/k.gram", "No such file"])
    for arguments, says in ((["verify", "none.gram"], "none.gram"), (["verify"], "no store"), (["export", name], "-o K.npz"),
                            (["merge", name], "no stores to merge"), (["merge", "x.npy", name], "must end in .gram"),
                            (["export", name, "-o", "k.npy"], "holds one array"), (["verify", "x.npy"], "folder"),
                            (["export", name, "--net=white", "-o", "k.npy"], "no part for net \"white\""),
                            (["verify", name, "--tiles=0"], "--tiles"),
                            (["verify", name, "--seed=3"], "--seed: nothing is computed again without samples"),
                            (["gram", "x.npy", "--shard=1/2", "-o", "k.npz"], "NAME.gram")):
        store.refuses(str(arguments), arguments, 1, says)
    for shard in ("0/2", "3/2", "1", "/", "1/0", "a/b", "1/2/3", "-1/2"):
        store.refuses(f"shard {shard}", store.command(store.fresh(), f"--shard={shard}"), 1, "--shard")


# ---------------------------------------------------------------------------------------------------- shards and arrays

def shards(store):
    whole = store.make(TILE)
    total, slot = store.tiles(whole)
    names = [store.make(TILE, f"--shard={i}/7", store=f"part{i}.gram") for i in range(1, 8)]
    counts = [store.tiles(n)[0] for n in names]
    store.report.check(sum(counts) == total and max(counts) - min(counts) <= 1, f"{counts} of {total} tiles in shards")
    store.refuses("export of a shard", ["export", names[0], "-o", "k.npz"], 1, ["shard 1 of 7", "merge"])
    store.says("merge of some", ["merge", "merged.gram", *names[:3]], 0, f"{sum(counts[:3])} of {total} tiles; merge more shards")
    store.refuses("export of an incomplete store", ["export", "merged.gram", "-o", "k.npz"], 1,
                  ["incomplete", f"{total - sum(counts[:3])} are missing", "gram"])
    store.flip(names[4], "gray/tiles", slot + 5)
    result = store.run(["merge", "merged.gram", *names[3:]])
    store.report.check(result.returncode == 1 and "damaged and was left out" in result.stderr and names[4] in result.stderr, result)
    store.make(TILE, "--shard=5/7", store=names[4])
    store.says("merge of the rest", ["merge", "merged.gram", names[4]], 0, "complete")
    store.same("merged.gram", whole, "merged")
    # What no shard has, `gram` computes.
    store.run(["merge", "some.gram", *names[2:]])
    store.make(TILE, store="some.gram")
    store.same("some.gram", whole, "merged and completed")
    store.refuses("merge into itself", ["merge", whole, whole], 1, "is an input of this command")
    other = store.make(TILE, "--set=w=2")
    store.refuses("merge of different params", ["merge", "m2.gram", whole, other], 1, "another value of a param")
    coarse = store.make("--tile=20x30")
    store.refuses("merge of different tiles", ["merge", "m3.gram", whole, coarse], 1, "tile size")
    store.refuses("merge with a missing input", ["merge", "m4.gram", whole, "no-such.gram"], 1, "no-such.gram: cannot open")
    for name in ("m2.gram", "m3.gram", "m4.gram"):
        store.report.check(not os.path.lexists(store.path(name)), f"{name}: a merge that is refused leaves something")
    # More shards than tiles.
    names = [store.make("--tile=110x110", f"--shard={i}/3", store=f"few{i}.gram") for i in (1, 2, 3)]
    store.says("empty shards", ["merge", "few.gram", *names], 0, "1 of 1 tiles, complete")


def arrays(store):
    for what, x in (("X with itself", ("x.npy",)), ("X with Z", ("x.npy", "z.npy"))):
        for kernels in ([], ["--kernel=ntk"], ["--kernel=nngp"]):
            for tile in ([], [TILE], ["--tile=1x8"], ["--tile=24x16"]):
                name = store.make(*kernels, *tile, x=x)
                store.run(["export", name, "-o", "exported.npz"])
                result = store.run(["gram", *x, "--net=gray", *kernels, "-o", "direct.npz"])
                with open(store.path("exported.npz"), "rb") as a, open(store.path("direct.npz"), "rb") as b:
                    store.report.check(a.read() == b.read(), f"{what} {kernels} {tile}: exported and direct files differ")
                shutil.rmtree(store.path(name))
    name = store.make(TILE)
    for kernel in ("nngp", "ntk"):
        result = store.run(["export", name, "-o", "one.npy", "--kernel", kernel])
        store.report.check(result.returncode == 0, result.stderr)
        store.run(["gram", "x.npy", "--net=gray", "-o", "direct.npz"])
        with np.load(store.path("direct.npz")) as f:
            store.report.same_bits(np.load(store.path("one.npy")), f[kernel], f"one.npy, {kernel}")

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
    for output in ("small.npz", "small.npy"):
        store.refuses(f"export to {output} that may not grow", ["export", name, "-o", output, "--kernel=ntk"], 3,
                      [output, "File too large"], preexec_fn=limit)
        store.report.check(not any(f.startswith(output) for f in os.listdir(store.folder)), f"{output} was left behind")


def dry_runs(store):
    result = store.run(["gram", "x.npy", "--net=gray", "--dry-run", "-o", "dry.gram", TILE])
    made = store.make(TILE)
    size = os.path.getsize(os.path.join(store.path(made), "gray", "tiles"))
    total, _ = store.tiles(made)
    for text in ("pairs", "operations", "memory", f"disk        {1e-6 * size:.1f} MB: {total} tiles of 16 x 24", "time"):
        store.report.check(text in result.stdout, f"--dry-run: no {text!r} in {result.stdout}")
    store.report.check(not os.path.exists(store.path("dry.gram")), "--dry-run made a folder")
    parts = [store.run(["gram", "x.npy", "--net=gray", "--dry-run", TILE, f"--shard={i}/3"]).stdout for i in (1, 2, 3)]
    pairs = sum(int(re.search(r"pairs +(\d+)", p)[1]) for p in parts)
    store.report.check(pairs == SAMPLES * (SAMPLES + 1) // 2, f"shards of --dry-run: {parts}")
    np.save(store.path("large.npy"), np.zeros((20000, 4, 5), dtype=np.uint8))
    memory = {}
    for output in ("k.npz", "k.gram"):
        text = store.run(["gram", "large.npy", "--net=gray", "--dry-run", "-o", output]).stdout
        memory[output] = float(re.search(r"memory +([\d.]+) MB", text)[1])
    store.report.check(memory["k.npz"] > 6400 and memory["k.gram"] < 50, f"--dry-run: {memory} MB")


def peak(store, arguments):
    """Peak memory of a command in bytes."""
    process = store.start(arguments)
    most = 0
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status") as f:
                for line in f:
                    if line.startswith("VmHWM:"):
                        most = max(most, int(line.split()[1]) * 1024)
        except OSError:
            pass
        time.sleep(0.002)
    _, errors = process.communicate()
    store.report.check(process.returncode == 0, f"{arguments}: {errors}")
    return most


def memory(store):
    """No matrix in memory: neither when it is computed nor when it is written as an array."""
    if os.environ.get("ENTK_ASAN"):
        store.report.skip("peak memory means nothing under AddressSanitizer")
        return
    samples = 10000 if lib.slow() else 3000
    np.save(store.path("m.npy"), np.random.default_rng(SEED).standard_normal((samples, 7)))
    command = ["gram", "m.npy", "--net=vector", "--threads=2"]
    base = peak(store, ["gram", "m.npy", "--net=vector", "--dry-run", "--threads=2"])
    used = {"gram": peak(store, [*command, "-o", "m.gram"]) - base}
    if lib.slow():
        used["export"] = peak(store, ["export", "m.gram", "-o", "m.npz"]) - base
    for name, most in used.items():
        # Two tiles of 1 MB, buffers of the file system's; the export's block of rows.
        allowed = (16 << 20) + (256 << 20 if name == "export" else 0)
        print(f"  {name} of {samples} samples: {most / 2**20:.0f} MB; a matrix has {8 * samples ** 2 / 2**20:.0f} MB")
        store.report.check(most < allowed < 8 * samples ** 2, f"{name}: {most / 2**20:.0f} MB")
    shutil.rmtree(store.path("m.gram"))


def compiled(build, report):
    """Compiled nets: a store per net in one folder, the bytes of `gram -o K.npz`, another architecture is refused."""
    net = "net {} = image(6x6, channels = 2) -> conv(3x3, bias_std = 0.1) -> relu -> {} -> dense\n"
    with lib.Work(build) as work:
        program = work.compile(net.format("a", "pool") + net.format("b", "flatten")
                               + "net v = image(6x6, channels = 2) -> flatten -> dense -> relu -> dense\n")
        other = work.compile(net.format("a", "flatten"))
        x = work.array(np.random.default_rng(SEED).standard_normal((40, 6, 6, 2)))
        made, again = work.path("k.gram"), work.path("again.gram")

        def run(*arguments, program=program):
            return work.run_program([program, *arguments])
        for name, threads in ((made, "2"), (again, "1")):
            result = run("gram", x, "-o", name, "--threads", threads)
            report.check(result.returncode == 0, f"compiled nets: {result.stderr}")
        report.check(subprocess.run(["diff", "-r", made, again]).returncode == 0, "compiled nets: threads change the bytes")
        run("gram", x, "-o", work.path("k.npz"))
        run("export", made, "-o", work.path("e.npz"))
        report.check(subprocess.run(["cmp", work.path("k.npz"), work.path("e.npz")]).returncode == 0, "compiled nets: export")
        result = run("verify", made, x)
        report.check(result.returncode == 0, f"compiled nets: {result.stdout}")
        result = run("gram", x, "-o", made, program=other)
        report.check(result.returncode == 1 and "k.gram/a: made with another architecture" in result.stderr,
                     f"another architecture: {result.stderr}")
        result = run("verify", made, x, program=other)
        report.check(result.returncode == 1 and 'no net "b"' in result.stdout, f"verify by another program: {result.stdout}")


def main():
    options = lib.arguments(__doc__).parse_args()
    report = lib.Report("check_store")
    folder = tempfile.mkdtemp(prefix="entk-test-")
    try:
        store = Store(os.path.abspath(options.build), report, folder)
        for part in (threads, killed, interrupted, damaged, wrong_values, vanished, limited, full_disk, two_writers, mismatches,
                     shards, arrays, dry_runs, memory):
            begin = time.time()
            part(store)
            print(f"  {part.__name__}: {time.time() - begin:.1f} s", flush=True)
        compiled(options.build, report)
    finally:
        if options.keep:
            print(f"kept {folder}")
        else:
            shutil.rmtree(folder)
    report.exit()


if __name__ == "__main__":
    main()
