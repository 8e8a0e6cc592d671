"""Ordinary least squares as multiples of one `X.T @ X` in the same run.

    python -m benchmarks.ols [--rows 1000000] [--columns 50] [--repeat 5]

One evaluator judges every result in float64 on centred data: its gap is half the squared gradient
in the inverse Hessian's norm, relative to the intercept-only model. No solver's own word counts.
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression

from leastwise import LeastSquares

Float = NDArray[np.float64]
Solve = Callable[[Float, Float], Float]


def ours(X: Float, y: Float) -> Float:
    return LeastSquares().fit(X, y).coef_


def scikit_learn(X: Float, y: Float) -> Float:
    return LinearRegression().fit(X, y).coef_


def lstsq(X: Float, y: Float) -> Float:
    return np.linalg.lstsq(X - X.mean(axis=0), y - y.mean(), rcond=None)[0]


def best_of(repeat: int, run: Callable[[], object]) -> float:
    best = np.inf
    for _ in range(repeat):
        began = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - began)
    return best


def evaluator(X: Float, y: Float) -> Callable[[Float], float]:
    """The relative gap of any slopes."""
    Xc, yc = X - X.mean(axis=0), y - y.mean()
    H = Xc.T @ Xc / len(y)
    null = 0.5 * float(yc @ yc) / len(y)

    def gap(w: Float) -> float:
        gradient = Xc.T @ (Xc @ w - yc) / len(y)
        return 0.5 * float(gradient @ np.linalg.solve(H, gradient)) / null

    return gap


def compare(name: str, X: Float, y: Float, repeat: int, *, slow: int) -> None:
    """Print a line a solver: time in products, gap, distance to lstsq, memory beside X."""
    gap, reference = evaluator(X, y), lstsq(X, y)
    solvers: dict[str, tuple[Solve, int]] = {
        "leastwise": (ours, repeat),
        "scikit-learn": (scikit_learn, slow),
        "lstsq, centred": (lstsq, slow),
    }
    product = best_of(repeat, lambda: X.T @ X)
    times = {label: best_of(k, lambda f=f: f(X, y)) for label, (f, k) in solvers.items()}
    product = min(product, best_of(repeat, lambda: X.T @ X))
    print(f"\n{name}: {X.shape[0]:,} x {X.shape[1]}, one X.T @ X takes {product * 1e3:.3g} ms")
    for label, (solve, _) in solvers.items():
        tracemalloc.start()
        w = solve(X, y)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(
            f"  {label:16s} {times[label] / product:8.2f} products  "
            f"{times[label] / times['leastwise']:6.2f} x ours  gap {gap(w):.1e}  "
            f"|w - lstsq| {np.abs(w - reference).max():.1e}  memory {peak / X.nbytes:.1%} of X"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--repeat", type=int, default=7)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    for name, n, p, offset, repeat, slow in (
        ("large, X + 1000", options.rows, options.columns, 1000.0, options.repeat, 1),
        ("small", 2000, 5, 0.0, 300, 300),
    ):
        X = rng.standard_normal((n, p)) + offset
        y = X @ rng.standard_normal(p) + rng.standard_normal(n)
        compare(name, X, y, repeat, slow=slow)


if __name__ == "__main__":
    main()
