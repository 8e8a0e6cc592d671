"""Runs one peer on one logistic problem, in the peer's own environment and process.

    python -m benchmarks.runners.logistic FOLDER PEER TOLERANCE REPEAT

FOLDER holds what `benchmarks.logistic` wrote. Loading is not timed; the least wall and CPU
seconds of the calls after the first are printed, and coef.npy gets (p + 1, K), the intercept first.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csc_array, csc_matrix, csr_array


def leastwise(X: Any, y: Any, l1: Any, l2: Any, intercept: bool, tol: float) -> Any:
    import leastwise as lw

    if len(l1) == 1:
        model = lw.Logistic(l1=l1[0], l2=l2[0], intercept=intercept, tol=tol).fit(X, y)
        return np.append(model.intercept_, model.coef_)[:, None]
    found = lw.path(X, y, loss="logistic", strengths=l1, intercept=intercept, tol=tol)
    return np.vstack([found.intercepts, found.coef])


def celer(X: Any, y: Any, l1: Any, l2: Any, intercept: bool, tol: float) -> Any:
    from celer.homotopy import celer_path

    n = len(y)
    X = csc_matrix(X) if not isinstance(X, np.ndarray) else X
    found = celer_path(X, 2.0 * y - 1.0, "logreg", alphas=n * l1, tol=tol, max_iter=200)
    return np.vstack([np.zeros(len(l1)), found[1]])


def skglm(X: Any, y: Any, l1: Any, l2: Any, intercept: bool, tol: float) -> Any:
    from skglm.datafits import Logistic
    from skglm.penalties import L1
    from skglm.solvers import ProxNewton
    from skglm.utils.jit_compilation import compiled_clone

    datafit, penalty = compiled_clone(Logistic()), compiled_clone(L1(1.0))
    solver = ProxNewton(max_iter=200, tol=tol * l1[0], fit_intercept=intercept)
    X = csc_matrix(X) if not isinstance(X, np.ndarray) else np.asfortranarray(X)
    p = X.shape[1]
    w, eta = np.zeros(p + intercept), np.zeros(len(y))
    coefs = []
    for strength in l1:
        penalty = compiled_clone(L1(strength))
        w, _, _ = solver.solve(X, 2.0 * y - 1.0, datafit, penalty, w.copy(), eta.copy())
        eta = X @ w[:p] + (w[-1] if intercept else 0.0)
        coefs.append(np.append(w[-1] if intercept else 0.0, w[:p]))
    return np.array(coefs).T


def scikit_learn(solver: str) -> Callable[..., Any]:
    def run(X: Any, y: Any, l1: Any, l2: Any, intercept: bool, tol: float) -> Any:
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(
            C=1.0 / (len(y) * (l1[0] + l2[0])),
            l1_ratio=float(l1[0] > 0.0),
            solver=solver,
            tol=tol,
            max_iter=10_000,
            fit_intercept=intercept,
        ).fit(X, y)
        return np.append(model.intercept_ if intercept else 0.0, model.coef_)[:, None]

    return run


RUNS: dict[str, Callable[..., Any]] = {"leastwise": leastwise, "celer": celer, "skglm": skglm}
RUNS |= {
    f"scikit-learn {name}": scikit_learn(name)
    for name in ("lbfgs", "newton-cholesky", "newton-cg", "liblinear", "saga")
}


def load(folder: Path) -> tuple[Any, Any, Any, Any, bool]:
    """X, y, l1 (K,), l2 (K,) and whether there is an intercept."""
    said = json.loads((folder / "said.json").read_text())
    y, l1, l2 = (np.fromfile(folder / f"{name}.f64") for name in ("y", "l1", "l2"))
    shape = tuple(said["shape"])
    if said["sparse"]:
        parts = (
            np.fromfile(folder / "data.f64"),
            *(np.fromfile(folder / f"{name}.i32", np.int32) for name in ("indices", "indptr")),
        )
        return csr_array(csc_array(parts, shape=shape)), y, l1, l2, said["intercept"]
    X = np.fromfile(folder / "x.f64").reshape(shape, order="F")
    return np.ascontiguousarray(X), y, l1, l2, said["intercept"]


def main() -> None:
    folder, peer, tol, repeat = Path(sys.argv[1]), *sys.argv[2:]
    warnings.simplefilter("ignore")
    given = load(folder)
    best = np.full(2, np.inf)
    for call in range(int(repeat) + 1):
        began = clocks()
        coef = RUNS[peer](*given, float(tol))
        best = np.minimum(best, clocks() - began) if call else best  # the first one compiles
    np.save(folder / "coef.npy", coef)
    print(*best)


def clocks() -> Any:
    """(2,) wall and CPU seconds."""
    return np.array([time.perf_counter(), time.process_time()])


if __name__ == "__main__":
    main()
