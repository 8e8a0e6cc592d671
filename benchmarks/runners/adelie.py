"""adelie: `grpnet` on the rows."""

from __future__ import annotations

import os
from typing import Any

import adelie as ad


def path(
    X: Any, y: Any, strengths: Any, l1_ratio: float, intercept: bool, tol: float
) -> tuple[Any, Any]:
    threads = int(os.environ["OMP_NUM_THREADS"])
    wrapped = ad.matrix.sparse if hasattr(X, "indptr") else ad.matrix.dense
    state = ad.grpnet(
        wrapped(X, method="naive", n_threads=threads),
        ad.glm.gaussian(y),
        alpha=l1_ratio,
        lmda_path=strengths,
        intercept=intercept,
        tol=tol,
        max_iters=10_000_000,
        n_threads=threads,
        early_exit=False,
        progress_bar=False,
    )
    return state.betas.T, state.intercepts
