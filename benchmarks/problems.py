"""The problems: made ones here, real ones from `real`, by name in one registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import real, store
from benchmarks.evaluate import Evaluator
from benchmarks.store import Problem, Spec

Float = NDArray[np.float64]

STRENGTHS = 100
ENET_RATIOS = (0.1, 0.5, 0.7, 0.9, 0.95, 0.99, 1.0)


def grid(largest: float, smallest: float, count: int = STRENGTHS) -> Float:
    """Strengths from `largest` down to `smallest` times it, geometric."""
    return largest * np.geomspace(1.0, smallest, count)


def autoregressive(n: int, p: int, correlation: float, *, seed: int = 0) -> tuple[Float, Float]:
    """Rows of an AR(1) Gaussian, 20 standard normal coefficients, signal to noise 3, centred."""
    rng = np.random.default_rng(seed)
    X = np.asfortranarray(rng.standard_normal((p, n)).T)
    fresh = np.sqrt(1.0 - correlation**2)
    for j in range(1, p):
        X[:, j] = correlation * X[:, j - 1] + fresh * X[:, j]
    signal = np.zeros(p)
    chosen = rng.choice(p, size=min(20, p), replace=False)
    signal[chosen] = rng.standard_normal(chosen.size)
    eta = X @ signal
    y = eta + np.sqrt(eta.var() / 3.0) * rng.standard_normal(n)
    X -= X.mean(axis=0)
    return X, y - y.mean()


@dataclass(frozen=True)
class Maker:
    """How a problem comes to be: its words, its arrays, and how far down its strengths go."""

    spec: Spec
    arrays: Callable[[Path], tuple[object, Float]]
    smallest: float

    def make(self, cache: Path) -> Problem:
        """Make the problem; `cache` is where downloads are kept."""
        X, y = self.arrays(cache)
        lasso = [ratio for ratio in self.spec.l1_ratios if ratio > 0]
        judge = Evaluator(X, y, intercept=self.spec.intercept)
        # Ratios share one grid: that of the largest ratio. Ridge has no such strength: 1 is used.
        largest = judge.largest_strength(max(lasso)) if lasso else 1.0
        return Problem(self.spec, X, y, grid(largest, self.smallest))


def _made(
    name: str, n: int, p: int, correlation: float, smallest: float, **more: float | None
) -> Maker:
    title = f"lasso to {smallest:g}, correlation {correlation:g}"
    spec = Spec(name, title, duty=more.get("duty"), aim=more.get("aim"))
    return Maker(spec, lambda _: autoregressive(n, p, correlation), smallest)


def _validated(name: str, words: str, ratios: tuple[float, ...], folds: int, duty: float) -> Maker:
    spec = Spec(
        name,
        words,
        kind="cv",
        l1_ratios=ratios,
        folds=folds,
        intercept=True,
        duty=duty,
    )
    smallest = 1e-6 if ratios == (0.0,) else 1e-3
    return Maker(spec, lambda _: autoregressive(20_000, 100, 0.5, seed=1), smallest)


def _real(
    name: str, title: str, source: str, ratio: float, smallest: float, **more: float
) -> Maker:
    spec = Spec(
        name, title, l1_ratios=(ratio,), intercept=True, source=source, duty=more.get("duty")
    )
    return Maker(spec, real.ARRAYS[name], smallest)


MAKERS: dict[str, Maker] = {
    maker.spec.name: maker
    for maker in (
        _made("A", 100_000, 200, 0.5, 1e-3),
        _made("B", 500, 20_000, 0.5, 1e-2, duty=6, aim=10),
        _made("C", 3_000, 3_000, 0.9, 1e-2, duty=6, aim=10),
        _made("D", 200, 5_000, 0.9, 1e-3, duty=30),
        _real("houses", "house prices, zipcode as category, elastic net 1/2", "here", 0.5, 1e-3),
        _real("labs", "laboratory values of a liver study, test by patient", real.LABS, 1.0, 1e-3),
        _real("genes", "age from genes, micro-RNA and proteins", real.GENES, 1.0, 1e-2),
        _real("text", "sentiment from words and pairs of words", real.TEXT, 1.0, 3e-2, duty=5),
        _validated("ridge-cv", "ridge, 100 strengths, leave one out", (0.0,), 0, 50),
        _validated("lasso-cv", "lasso, 10 folds x 100 strengths", (1.0,), 10, 8),
        _validated("enet-cv", "elastic net, 5 folds x 100 x 7 ratios", ENET_RATIOS, 5, 20),
    )
}


def stored(name: str, cache: Path) -> Path:
    """The folder of a problem, made at first."""
    folder = cache / "problems" / name
    if not (folder / "problem.json").exists():
        store.save(MAKERS[name].make(cache), folder)
    return folder
