"""A problem on disk: .npy files that every peer can read, R's script included.

X is stored in Fortran order, which all peers but one prefer; sparse X is stored as CSC.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Spec:
    """What is to be solved, apart from the arrays.

    `kind` is "path" (every strength) or "cv" (the best strength and ratio over `folds` folds of
    consecutive rows; 0 folds: leave one out). `duty` and `aim` are the wanted ratios to the fastest
    peer, None where there is none.
    """

    name: str
    title: str
    kind: str = "path"
    l1_ratios: tuple[float, ...] = (1.0,)
    folds: int = 0
    intercept: bool = False
    duty: float | None = None
    aim: float | None = None
    source: str = "made"

    @property
    def l1_ratio(self) -> float:
        return self.l1_ratios[0]


@dataclass(frozen=True)
class Problem:
    """A problem in memory: dense (n, p) or CSC `X`, `y` (n,), decreasing `strengths` (K,)."""

    spec: Spec
    X: Any
    y: Any
    strengths: Any

    @property
    def sparse(self) -> bool:
        return hasattr(self.X, "indptr")

    @property
    def shape(self) -> tuple[int, int]:
        return int(self.X.shape[0]), int(self.X.shape[1])


def save(problem: Problem, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    X = problem.X
    if problem.sparse:
        parts = {"data": X.data, "indices": X.indices, "indptr": X.indptr}
    else:
        parts = {"dense": np.asfortranarray(X, dtype=np.float64)}
    for name, part in parts.items():
        np.save(folder / f"X_{name}.npy", part)
    np.save(folder / "y.npy", np.asarray(problem.y, dtype=np.float64))
    np.save(folder / "strengths.npy", np.asarray(problem.strengths, dtype=np.float64))
    written = asdict(problem.spec) | {"shape": problem.shape, "sparse": problem.sparse}
    (folder / "problem.json").write_text(json.dumps(written, indent=1))  # last: the folder is whole


def load(folder: Path) -> Problem:
    written = json.loads((folder / "problem.json").read_text())
    shape, sparse = tuple(written.pop("shape")), written.pop("sparse")
    spec = Spec(**(written | {"l1_ratios": tuple(written["l1_ratios"])}))
    if sparse:
        from scipy.sparse import csc_matrix

        parts = [np.load(folder / f"X_{name}.npy") for name in ("data", "indices", "indptr")]
        X = csc_matrix(tuple(parts), shape=shape)
    else:
        X = np.load(folder / "X_dense.npy")
    return Problem(spec, X, np.load(folder / "y.npy"), np.load(folder / "strengths.npy"))
