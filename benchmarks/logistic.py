"""Logistic regression against scikit-learn, celer, skglm and R's glmnet, as multiples of our time.

    python -m benchmarks.logistic [--repeat 2] [--limit 120] [--only 0,1,2]

One evaluator judges every result in float64: its duality gap, relative to the objective of the
intercept-only model, the worst strength's where there are many; no solver's own word counts. Each
is asked for more and more, ours too, until its gap is 1e-6, and takes the time of that call, after
a first one that compiles: on the clock, with the threads that it takes by default, and of the CPU,
where threads that only wait for each other count too. Each runs in a process and an environment of
its own (`benchmarks.environments`); loading is not timed.
"""

from __future__ import annotations

import functools
import json
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from benchmarks.environments import ROOT, Missing, environment
from benchmarks.tasks import compare_tasks

Float = NDArray[np.float64]

R_SCRIPT = Path(__file__).with_suffix(".R")
TARGET = 1e-6  # the gap asked of all
TOLERANCES = {
    "leastwise": ("1e-6", "1e-9"),
    "glmnet": ("1e-7", "1e-9", "1e-11", "1e-13"),
    "celer": ("1e-6", "1e-8", "1e-10", "1e-12"),
    "skglm": ("1e-4", "1e-6", "1e-8"),
    "scikit-learn": ("1e-3", "1e-4", "1e-5", "1e-6", "1e-8"),
}
SMOOTH = ("scikit-learn lbfgs", "scikit-learn newton-cholesky", "scikit-learn newton-cg")
# Its liblinear penalises an intercept; celer has none.
PATHS, SPARSE_PATHS = ("glmnet", "skglm"), ("glmnet", "skglm", "celer")


@functools.cache
def dense(n: int, p: int) -> tuple[Float, Float]:
    """Rows of an AR(1) Gaussian of correlation 1/2 and 20 coefficients."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, p))
    for j in range(1, p):
        X[:, j] = 0.5 * X[:, j - 1] + np.sqrt(0.75) * X[:, j]
    w = np.zeros(p)
    w[rng.choice(p, 20, replace=False)] = 0.5 * rng.standard_normal(20)
    return X, (rng.random(n) < 1.0 / (1.0 + np.exp(0.3 - X @ w))).astype(np.float64)


@functools.cache
def text(n: int, p: int) -> tuple[Any, Float]:
    """Counts of 50 words a row of a Zipf-like vocabulary, as tf-idf of length 1; 300 tell."""
    rng = np.random.default_rng(0)
    share = (1.0 + np.arange(p)) ** -0.8
    words = rng.choice(p, 50 * n, p=share / share.sum())
    X = csr_array((np.ones(50 * n), (np.repeat(np.arange(n), 50), words)), shape=(n, p))
    X.sum_duplicates()
    X.data = 1.0 + np.log(X.data)
    X.data *= (np.log((1 + n) / (1 + np.bincount(X.indices, minlength=p))) + 1.0)[X.indices]
    X = csr_array(diags_array(1.0 / np.sqrt(np.asarray(X.multiply(X).sum(axis=1)).ravel())) @ X)
    w = np.zeros(p)
    w[rng.choice(min(p, 3000), 300, replace=False)] = 4.0 * rng.standard_normal(300)
    eta = X @ w
    return X, (rng.random(n) < 1.0 / (1.0 + np.exp(eta.mean() - eta))).astype(np.float64)


@dataclass(frozen=True)
class Task:
    """A problem and who is asked: l1 and l2 as given, or a path of 100 l1 down to `smallest`."""

    name: str
    data: Callable[[], tuple[Any, Float]]
    peers: tuple[str, ...]
    l1: float = 0.0
    l2: float = 0.0
    smallest: float = 0.0
    intercept: bool = True

    def strengths(self, X: Any, y: Float) -> tuple[Float, Float]:
        """(K,) l1 and (K,) l2."""
        if not self.smallest:
            return np.array([self.l1]), np.array([self.l2])
        off = y - (y.mean() if self.intercept else 0.5)
        largest = float(np.abs(X.T @ off).max()) / len(y)
        l1 = largest * np.geomspace(1.0, self.smallest, 100)
        return l1, np.zeros_like(l1)


TASKS = (
    Task("lasso path", lambda: dense(20_000, 100), PATHS, smallest=1e-3),
    Task("lasso path, many rows", lambda: dense(100_000, 100), PATHS, smallest=1e-3),
    Task(
        "lasso path, text",
        lambda: text(20_000, 50_000),
        SPARSE_PATHS,
        smallest=0.1,
        intercept=False,
    ),
    Task("ridge", lambda: dense(100_000, 100), SMOOTH, l2=1e-5),
    Task("ridge, stronger", lambda: dense(100_000, 100), SMOOTH, l2=1e-2),
    Task(
        "lasso",
        lambda: dense(100_000, 100),
        ("scikit-learn liblinear", "scikit-learn saga"),
        l1=1e-3,
        intercept=False,
    ),
    Task(
        "ridge, text",
        lambda: text(20_000, 50_000),
        (*SMOOTH[::2], "scikit-learn liblinear"),
        l2=1e-4,
        intercept=False,
    ),
)


def xlogx(q: Float) -> Float:
    return q * np.log(np.where(q > 0.0, q, 1.0))


def evaluate(X: Any, y: Float, l1: float, l2: float, coef: Float, intercept: bool) -> float:
    """The relative duality gap of coef (p + 1,), the intercept first."""
    n, eta, w = len(y), coef[0] + X @ coef[1:], coef[1:]
    primal = (
        float(np.mean(np.logaddexp(0.0, eta) - y * eta)) + l1 * np.abs(w).sum() + l2 / 2 * w @ w
    )
    r = y - 1.0 / (1.0 + np.exp(-eta))
    if intercept:  # the dual sums to zero: the heavier class is made lighter
        up, down = r[y > 0.5].sum(), -r[y <= 0.5].sum()
        r *= np.where(y > 0.5, min(up, down) / up, min(up, down) / down)
    v = X.T @ r / n
    kappa = min(1.0, l1 / max(float(np.abs(v).max()), 1e-300)) if l2 == 0.0 else 1.0
    q = np.abs(kappa * r)
    paid = (
        np.maximum(np.abs(v) - l1, 0.0) @ np.maximum(np.abs(v) - l1, 0.0) / (2.0 * l2)
        if l2
        else 0.0
    )
    dual = -float(np.mean(xlogx(q) + xlogx(1.0 - q))) - paid
    share = y.mean() if intercept else 0.5
    null = -float(xlogx(np.array([share, 1.0 - share])).sum()) if intercept else float(np.log(2.0))
    return (primal - dual) / null


def write(folder: Path, X: Any, y: Float, l1: Float, l2: Float, intercept: bool) -> None:
    sparse = not isinstance(X, np.ndarray)
    if sparse:
        columns = X.tocsc()
        columns.data.tofile(folder / "data.f64")
        for name in ("indices", "indptr"):
            getattr(columns, name).astype(np.int32).tofile(folder / f"{name}.i32")
    else:
        X.ravel(order="F").tofile(folder / "x.f64")
    np.array(X.shape, np.int32).tofile(folder / "shape.i32")
    for name, numbers in (("y", y), ("l1", l1), ("l2", l2)):
        numbers.tofile(folder / f"{name}.f64")
    said = {"shape": X.shape, "sparse": sparse, "intercept": intercept}
    (folder / "said.json").write_text(json.dumps(said))


def run(
    folder: Path, peer: str, tol: str, repeat: int, limit: float, K: int
) -> tuple[Float, Float]:
    """(2,) wall and CPU seconds, and coefficients (p + 1, K).

    Raises
    ------
    Missing
        It is not there, failed, or took longer than the limit.
    """
    if peer == "glmnet":
        flag = str(int(json.loads((folder / "said.json").read_text())["intercept"]))
        command = [environment("R").program, R_SCRIPT, folder, tol, str(repeat), flag]
    else:
        program = environment(peer.split()[0]).program
        command = [program, "-m", "benchmarks.runners.logistic", folder, peer, tol, str(repeat)]
    try:
        made = subprocess.run(
            list(map(str, command)), capture_output=True, text=True, timeout=limit, cwd=ROOT
        )
    except subprocess.TimeoutExpired as error:
        raise Missing(f"over the limit of {limit:g} s") from error
    if made.returncode:
        raise Missing((made.stderr.strip().splitlines() or ["it failed"])[-1])
    seconds = np.array(made.stdout.split()[-2:], np.float64)
    if peer == "glmnet":
        return seconds, np.fromfile(folder / "coef.f64").reshape(K, -1).T
    return seconds, np.load(folder / "coef.npy")


def compare(task: Task, repeat: int, limit: float) -> None:
    """Print a line a solver: its times as multiples of ours, and its worst gap."""
    X, y = task.data()
    l1, l2 = task.strengths(X, y)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, X, y, l1, l2, task.intercept)
        ours = np.full(2, np.nan)
        for peer in ("leastwise", *task.peers):
            tolerances = TOLERANCES[peer.split()[0]]
            worst, seconds, why = np.inf, np.full(2, np.nan), ""
            for tol in tolerances:
                try:
                    seconds, coef = run(folder, peer, tol, repeat, limit, l1.size)
                except Missing as error:
                    why = f" ({error})"
                    break
                gaps = [
                    evaluate(X, y, *pair, coef[:, k], task.intercept)
                    for k, pair in enumerate(zip(l1, l2, strict=True))
                ]
                worst = max(gaps)
                if worst <= TARGET:
                    break
            if peer == "leastwise":
                ours = seconds
                size = f"{X.shape[0]:,} x {X.shape[1]:,}"
                taken = f"ours {ours[0]:.3g} s, {ours[1]:.3g} s of CPU"
                print(f"\n{task.name}: {size}; {taken}", flush=True)
            wall, cpu = seconds / ours
            times = f"{wall:8.2f} x ours, {cpu:5.2f} x by CPU time  worst gap {worst:.1e}"
            print(f"  {peer:28s} {times if np.isfinite(worst) else ''}{why}", flush=True)


def main() -> None:
    compare_tasks(__doc__.splitlines()[0], TASKS, compare, repeat=2, limited="one call")


if __name__ == "__main__":
    main()
