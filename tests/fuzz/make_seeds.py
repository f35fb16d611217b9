"""Seeds of the fuzzers: make_seeds.py DIR writes DIR/sources (every .entk file of the tests and examples, one file for
each item of theirs) and DIR/arrays (small .npy and .npz files of every kind that the readers know)."""
import pathlib
import sys

import numpy as np


def write_sources(folder):
    folder.mkdir(parents=True)
    root = pathlib.Path(__file__).resolve().parents[2]
    count = 0
    for path in sorted(root.glob("tests/**/*.entk")) + sorted(root.glob("examples/*.entk")):
        data = path.read_bytes()
        if len(data) <= 4096:
            (folder / f"{count:04d}").write_bytes(data)
            count += 1
    (folder / "all").write_bytes(b"let k = 3x3\nparam w = sqrt(2)\ndefault(weight_std = w)\n"
                                 b"def b(f) = (relu -> conv(f) + identity)\n"
                                 b"net n = image(8x8) -> lift(C4, k) -> b(k)^3 -> relu -> pool -> dense\n")


def write_arrays(folder):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for dtype in ("<f8", ">f8", "<f4", ">f4", "u1", "<i8", ">i4", "b1", "<i2", "<f2"):
        for order in "CF":
            a = np.asarray(rng.integers(0, 2, (3, 4, 2)), dtype=dtype, order=order)
            np.save(folder / f"{dtype.strip('<>')}{'b' if dtype[0] == '>' else 'l'}{order}.npy", a)
    np.save(folder / "scalar.npy", np.float64(1.5))
    np.save(folder / "object.npy", np.array([None, 1], dtype=object), allow_pickle=True)
    data = {"x_train": rng.random((4, 3, 3)), "y_train": np.arange(4) % 2,
            "x_test": rng.random((2, 3, 3)), "y_test": np.arange(2) % 2}
    np.savez(folder / "stored.npz", **data)
    np.savez_compressed(folder / "deflated.npz", **data)


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1])
    write_sources(target / "sources")
    write_arrays(target / "arrays")
