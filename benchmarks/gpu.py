"""Rows on a GPU: ours there, scikit-learn on the host, and PyTorch's own lstsq there.

    python -m benchmarks.gpu [--rows 1000000] [--columns 100] [--repeat 5]

Ratios to ours in the same run. What scikit-learn fits is in the host's memory, what the others fit
on the GPU; nobody is charged for a copy. One evaluator on the host judges every result.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Lasso, LinearRegression

from benchmarks.ols import best_of, evaluator
from leastwise import LeastSquares

Float = NDArray[np.float64]
STRENGTH = 0.05  # of the lasso


def missing() -> str | None:
    """Why there is nothing to measure, or None."""
    try:
        torch = importlib.import_module("torch")
    except ImportError:
        return "PyTorch is not installed (pip install torch): nothing is measured"
    if not torch.cuda.is_available():
        return f"no GPU is there for PyTorch {torch.__version__}: nothing is measured"
    return None


def lasso_objective(X: Float, y: Float) -> Callable[[Float], float]:
    """The objective of any slopes, relative to that of none."""
    Xc, yc = X - X.mean(axis=0), y - y.mean()
    H, q, null = Xc.T @ Xc / len(y), Xc.T @ yc / len(y), 0.5 * float(yc @ yc) / len(y)

    def objective(w: Float) -> float:
        return (null - q @ w + 0.5 * (w @ H @ w) + STRENGTH * np.abs(w).sum()) / null

    return objective


def compare(title: str, solvers: dict[str, Callable[[], Float]], judge: Any, repeat: int) -> None:
    """Print a line a solver: seconds, the ratio to ours, and what the judge says."""
    print(f"\n{title}")
    found = {name: solve() for name, solve in solvers.items()}  # the first call compiles
    times = {name: best_of(repeat, solve) for name, solve in solvers.items()}
    ours = next(iter(times.values()))
    for name, w in found.items():
        print(f"  {name:28s} {times[name]:9.4f} s {times[name] / ours:8.2f} x  {judge(w):.12g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    if (why := missing()) is not None:
        print(why)
        return
    torch = importlib.import_module("torch")
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}")
    rng = np.random.default_rng(0)
    for kind in (np.float64, np.float32):
        X = rng.normal(size=(options.rows, options.columns)).astype(kind)
        beta = np.where(np.arange(options.columns) % 5 == 0, 1.0, 0.0)
        y = X @ beta + 3.0 + rng.normal(size=options.rows)
        Xd, yd = torch.tensor(X, device="cuda"), torch.tensor(y.astype(kind), device="cuda")

        def lstsq(Xd: Any = Xd, yd: Any = yd) -> Float:
            centred = Xd - Xd.mean(0), (yd - yd.mean())[:, None]
            return torch.linalg.lstsq(*centred).solution[:, 0].double().cpu().numpy()

        exact = X.astype(np.float64)
        size = f"{options.rows:,} x {options.columns}, {np.dtype(kind).name}"
        compare(
            f"least squares, {size}: seconds, times ours, relative gap",
            {
                "leastwise, GPU": lambda Xd=Xd, yd=yd: LeastSquares().fit(Xd, yd).coef_,
                "torch.linalg.lstsq, GPU": lstsq,
                "leastwise, CPU": lambda X=X, y=y: LeastSquares().fit(X, y).coef_,
                "scikit-learn, CPU": lambda X=X, y=y: LinearRegression().fit(X, y).coef_,
            },
            evaluator(exact, y),
            options.repeat,
        )
        compare(
            f"lasso, {size}: seconds, times ours, objective relative to that of no coefficient",
            {
                "leastwise, GPU": lambda Xd=Xd, yd=yd: LeastSquares(STRENGTH).fit(Xd, yd).coef_,
                "leastwise, CPU": lambda X=X, y=y: LeastSquares(STRENGTH).fit(X, y).coef_,
                "scikit-learn, CPU": lambda X=X, y=y: Lasso(STRENGTH, tol=1e-8).fit(X, y).coef_,
            },
            lasso_objective(exact, y),
            options.repeat,
        )


if __name__ == "__main__":
    main()
