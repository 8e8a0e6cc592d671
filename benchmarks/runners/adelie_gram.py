"""adelie on the Gram matrix: `gaussian_cov`, for many more rows than columns."""

from __future__ import annotations

import os
from typing import Any

import adelie as ad
import numpy as np

from benchmarks.runners import centred


def path(
    X: Any, y: Any, strengths: Any, l1_ratio: float, intercept: bool, tol: float
) -> tuple[Any, Any]:
    threads = int(os.environ["OMP_NUM_THREADS"])
    Xc, yc, x_mean, y_mean = centred(X, y, intercept)
    state = ad.gaussian_cov(
        ad.matrix.dense(np.asfortranarray(Xc.T @ Xc / len(y)), method="cov", n_threads=threads),
        Xc.T @ yc / len(y),
        alpha=l1_ratio,
        lmda_path=strengths,
        tol=tol,
        max_iters=10_000_000,
        n_threads=threads,
        early_exit=False,
        progress_bar=False,
    )
    coef = state.betas.T
    return coef, y_mean - coef.T @ x_mean
