"""Absolute and quantile regression against R's quantreg and statsmodels, as multiples of our time.

    python -m benchmarks.lad [--repeat 3] [--limit 120] [--only 0,1,2]

One evaluator judges every result in float64: the mean pinball loss, less the best one that any of
the solvers reached, relative to that of the best constant; the worst quantile counts. R's quantreg
runs where `Rscript` and the package are there, by Frisch and Newton (`fn`) and with preprocessing
(`pfn`); statsmodels where it can be imported. Loading is not timed.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.tasks import compare_tasks
from leastwise import LeastAbsolute, LeastwiseWarning, Quantile

Float = NDArray[np.float64]

R_SCRIPT = Path(__file__).with_suffix(".R")


@dataclass(frozen=True)
class Task:
    """Rows and quantiles; coefficients are (p + 1, Q), the intercept first.

    statsmodels : whether it is fast enough to be asked
    """

    name: str
    rows: int
    columns: int
    quantiles: tuple[float, ...]
    statsmodels: bool

    def data(self) -> tuple[Float, Float]:
        """Standard normal columns and coefficients, Student-t noise of 2 degrees of freedom."""
        rng = np.random.default_rng(0)
        X = rng.standard_normal((self.rows, self.columns))
        y = X @ rng.standard_normal(self.columns) + rng.standard_t(2, self.rows)
        return X, y


TASKS = (
    Task("least absolute deviations", 20_000, 50, (0.5,), True),
    Task("least absolute deviations, many rows", 1_000_000, 10, (0.5,), False),
    Task("99 quantiles", 50_000, 20, tuple(k / 100 for k in range(1, 100)), False),
)


@dataclass(frozen=True)
class Outcome:
    """The best of several calls in seconds, and the coefficients; or why there are none.

    cpu : the least processor time of a call, which other work on the machine leaves nearly alone
    """

    seconds: float = np.nan
    cpu: float = np.nan
    coef: Float | None = None
    why: str = ""


def evaluate(X: Float, y: Float, quantiles: tuple[float, ...], coef: Float) -> Float:
    """(Q,) mean pinball losses."""
    r = y[:, None] - coef[0] - X @ coef[1:]
    q = np.array(quantiles)
    return np.where(r > 0.0, q * r, (q - 1.0) * r).mean(axis=0)


def constants(y: Float, quantiles: tuple[float, ...]) -> Float:
    """(Q,) of the best constants."""
    none = np.zeros((len(y), 0))
    levels = np.quantile(y, quantiles, method="inverted_cdf")[None]
    return np.hstack([evaluate(none, y, (q,), levels[:, [k]]) for k, q in enumerate(quantiles)])


def best_of(repeat: int, run: Callable[[], Float]) -> Outcome:
    best, cpu, coef = np.inf, np.inf, None
    for _ in range(repeat):
        began, spent = time.perf_counter(), time.process_time()
        coef = run()
        best, cpu = min(best, time.perf_counter() - began), min(cpu, time.process_time() - spent)
    return Outcome(best, cpu, coef)


def ours(X: Float, y: Float, quantiles: tuple[float, ...]) -> Float:
    if len(quantiles) == 1:
        model = LeastAbsolute().fit(X, y)
        return np.append(model.intercept_, model.coef_)[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LeastwiseWarning)  # near quantiles may cross
        model = Quantile(q=quantiles).fit(X, y)
    return np.vstack([model.intercept_, model.coef_.T])


def quantreg(
    X: Float, y: Float, quantiles: tuple[float, ...], method: str, repeat: int, limit: float
) -> Outcome:
    if (program := shutil.which("Rscript")) is None:
        return Outcome(why="Rscript was not found")
    with tempfile.TemporaryDirectory() as folder:
        X.T.astype("<f8").tofile(Path(folder) / "x.f64")
        y.astype("<f8").tofile(Path(folder) / "y.f64")
        words = [folder, str(X.shape[1]), method, str(repeat), *map(str, quantiles)]
        try:
            made = subprocess.run(
                [program, str(R_SCRIPT), *words],
                capture_output=True,
                text=True,
                timeout=limit,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Outcome(why=f"over the limit of {limit:g} s")
        if made.returncode:
            return Outcome(why=(made.stderr.strip().splitlines() or ["it failed"])[-1])
        coef = np.fromfile(Path(folder) / "coef.f64", "<f8").reshape(len(quantiles), -1).T
    seconds, cpu, *_ = made.stdout.split()
    return Outcome(float(seconds), float(cpu), coef)


def statsmodels(X: Float, y: Float, quantiles: tuple[float, ...]) -> Outcome:
    try:
        from statsmodels.regression.quantile_regression import QuantReg
    except ImportError:
        return Outcome(why="it is not installed")
    Z = np.column_stack([np.ones(len(y)), X])

    def run() -> Float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it reached is judged here
            fits = [QuantReg(y, Z).fit(q, p_tol=1e-9, max_iter=5000) for q in quantiles]
        return np.column_stack([fit.params for fit in fits])

    return best_of(1, run)


def compare(task: Task, repeat: int, limit: float) -> None:
    """Print a line a solver: its time as a multiple of ours, and how far from the best it is."""
    X, y = task.data()
    q = task.quantiles
    ours(X[:2000], y[:2000], q[:2])  # compiled code is loaded
    found = {"leastwise": best_of(repeat, lambda: ours(X, y, q))}
    for method in ("fn", "pfn"):
        found[f"quantreg {method}"] = quantreg(X, y, q, method, repeat, limit)
    if task.statsmodels:
        found["statsmodels"] = statsmodels(X, y, q)
    losses = {
        name: evaluate(X, y, q, one.coef) for name, one in found.items() if one.coef is not None
    }
    best, null = np.min(list(losses.values()), axis=0), constants(y, q)
    print(f"\n{task.name}: {task.rows:,} x {task.columns}; ours {found['leastwise'].seconds:.3g} s")
    for name, one in found.items():
        if name not in losses:
            print(f"  {name:14s} {one.why}", flush=True)
            continue
        above = ((losses[name] - best) / null).max()
        times, cpu = one.seconds / found["leastwise"].seconds, one.cpu / found["leastwise"].cpu
        words = f"{times:8.2f} x ours, {cpu:.2f} x of processor time"
        print(f"  {name:14s} {words}  above the best by {above:.1e}", flush=True)
    if len(q) > 1:
        alone = best_of(repeat, lambda: ours(X, y, (0.5,)))
        times, cpu = found["leastwise"].seconds / alone.seconds, found["leastwise"].cpu / alone.cpu
        print(f"  ours takes {times:.1f} x the median alone, {cpu:.1f} x of processor time")


def main() -> None:
    compare_tasks(__doc__.splitlines()[0], TASKS, compare, repeat=3, limited="one peer")


if __name__ == "__main__":
    main()
