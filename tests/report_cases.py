"""Fits and paths for the tests of the page: one of every kind, and the awkward ones.

A fit here is a plain namespace with the attributes that the page reads, so that a case can hold
what no solver would return.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from leastwise.encoding import Encoding, Feature
from leastwise.errors import LeastwiseWarning
from leastwise.estimators.quantile import Quantile as QuantileRegression
from leastwise.losses import Absolute, Huber, Logistic, Loss, Multinomial, Quantile, Squared
from leastwise.model import fit_source
from leastwise.model.along import Paths, path_source
from leastwise.model.chosen import fit_chosen
from leastwise.model.saved_quantiles import Quantiles
from leastwise.report import diagnostics, render, render_paths, render_quantiles
from leastwise.sources import MemorySource
from leastwise.sources.table import table

HOSTILE = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "<a href='https://example.org'>link</a> & <b>bold</b>",
    "مساحة الأرض",
    "площадь 面積 🏠",
    "line\u2028separator\x00\ud800{{ 7*7 }}%{x}",
    "x" * 300,
)


def fitted(
    X: Any,
    y: Any,
    columns: tuple[str, ...] | None = None,
    *,
    penalised: bool = False,
    weight: Any = None,
    **changes: Any,
) -> tuple[Any, Any]:
    """A model and its source with the attributes that the page reads, fitted by lstsq."""
    X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    y = y if y.ndim == 2 else y[:, None]
    (n, p), k = X.shape, y.shape[1]
    columns = columns or tuple(f"x{j}" for j in range(p))
    targets = changes.pop("targets", tuple(f"y{j}" for j in range(k)))
    spread = X.std(axis=0) if n else np.ones(p)
    mean, level = (X.mean(axis=0), y.mean(axis=0)) if n else (np.zeros(p), np.zeros(k))
    coef = np.linalg.lstsq(X - mean, y - level, rcond=None)[0].T if n else np.zeros((k, p))
    coef = changes.pop("coef", coef)
    intercept = level - coef @ mean
    residual = y - X @ coef.T - intercept
    with np.errstate(all="ignore"):
        r2 = tuple(float(v) for v in 1 - (residual**2).mean(0) / y.var(0)) if n else (np.nan,) * k
    names = ("intercept", *columns)
    inference: list[Any] = []
    for j in range(k):
        values = np.r_[intercept[j], coef[j]]
        shared = {
            "names": names,
            "coef": values,
            "per_sd": np.r_[np.nan, coef[j] * spread],
            "rows": n,
            "degrees_of_freedom": max(n - p - 1, 0),
            "r2": r2[j],
            "statistic": "t",
        }
        if penalised or n <= p + 1:
            empty = dict.fromkeys(
                ("error", "t", "p", "low", "high", "sigma", "r2_adjusted", "f", "f_p", "f_df")
            )
            inference.append(SimpleNamespace(**shared, **empty, why="No errors: it is penalised."))
            continue
        error = np.full(p + 1, 0.1)
        tested = SimpleNamespace(
            **shared, error=error, t=values / error, p=np.linspace(0, 1, p + 1),
            low=values - 0.2, high=values + 0.2, sigma=0.1, r2_adjusted=r2[j], f=12.5,
            f_p=0.0, f_df=(p, n - p - 1), why=None,
        )  # fmt: skip
        inference.append(tested)
    gap = changes.pop("gap", 3e-15)
    converged = gap <= 1e-9
    certificate = SimpleNamespace(
        primal=1.5, dual=1.5 - gap, gap=gap, relative_gap=gap, converged=converged,
        reason="converged" if converged else "max_iter: 40 iterations were too few; raise max_iter",
        box=changes.pop("box", None),
    )  # fmt: skip
    steps = changes.pop("steps", 1)
    history = tuple(
        SimpleNamespace(iteration=i, relative_gap=max(0.5 * 10.0**-i, 0.0), gap=1.0)
        for i in range(steps)
    )
    fit = SimpleNamespace(
        certificate=certificate, history=history, iterations=steps, passes=2, seconds=0.01,
        solver="closed-form (cholesky)", why="p is small.", notes=("a = b + c",),
    )  # fmt: skip
    model = SimpleNamespace(
        loss=Squared(), l1=0.1 if penalised else 0.0, l2=1e-7 if penalised else 0.0,
        factors=(1.0,) * p if penalised else None, intercept_fitted=True, tol=1e-9,
        columns=columns, targets=targets, coef=coef, intercept=intercept, encoding=None,
        inference=tuple(inference), fit=fit, rows_read=n + 1, rows_used=n, rows_dropped=1,
        missing={"x0": 1, "x1": 0}, explained=r2, measure="R2", accuracy=None, classes=None,
        holdout=None, notes=("x0 looks odd",),
        cross_validation=None, standardize=False, bounds=None,
        command="leastwise fit a.csv --target y", versions={"leastwise": "0.1.0"},
        objective_words=lambda: "The mean of half the squared residuals.",
        equation=lambda: "(1/n) sum_i 1/2 r_i^2",
    )  # fmt: skip
    for name, value in changes.items():
        setattr(model, name, value)
    return model, SimpleNamespace(X=X, y=y, weight=weight, columns=columns, targets=targets)


def sample(n: int = 300, p: int = 4, k: int = 1) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, p)) * 10.0 ** np.arange(p).clip(max=4)
    return X, X @ rng.normal(size=(p, k)) + rng.normal(size=(n, k)) + 3


def category() -> tuple[Any, Any]:
    X, y = sample(p=5)
    town = Feature("town", "category", ("Aachen", "Bonn", "<i>Köln</i>"))
    features = (Feature("area", "number"), town, Feature("sold", "date"), Feature("new", "boolean"))
    encoding = Encoding(features, ("price",))
    holdout = SimpleNamespace(rows=60, explained=(0.75,), accuracy=None, seed=0, share=0.2)
    return fitted(
        X, y, encoding.columns, encoding=encoding, targets=("price",), steps=12, holdout=holdout
    )


def from_a_table() -> tuple[Any, Any]:
    """What `fit_source` itself returns, of a table with every kind of note."""
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 200))
    rows = pa.table(
        {
            "a": a,
            "b": [None, *b[1:]],
            "sum": a + b,
            "town": rng.choice(["Ulm", "Bonn", "Köln"], 200),
            "y": a - b + rng.normal(size=200),
        }
    )
    source = table(rows, target="y")
    return fit_source(source), source


def hostile() -> tuple[Any, Any]:
    X, y = sample(p=len(HOSTILE))
    return fitted(
        X, y, HOSTILE, targets=(HOSTILE[0],), notes=HOSTILE, command=HOSTILE[0],
        missing=dict.fromkeys(HOSTILE, 3), versions={HOSTILE[1]: HOSTILE[0]},
        objective_words=lambda: HOSTILE[2],
    )  # fmt: skip


def wide() -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    X, names = rng.normal(size=(50, 10_000)), tuple(f"gene_{j:05d}_µ" for j in range(10_000))
    notes = tuple(f"{name} has a single value" for name in names)
    coef = rng.normal(size=(1, 10_000)) * 1e-3
    return fitted(X, X[:, 0], names, penalised=True, coef=coef, notes=notes,
                  missing=dict.fromkeys(names, 7))  # fmt: skip


def diverged() -> tuple[Any, Any]:
    X, y = sample()
    model, source = fitted(X, y, gap=np.inf, coef=np.array([[np.inf, np.nan, 1e300, 0.0]]))
    model.explained = (np.nan,)
    return model, source


CASES: dict[str, Callable[[], tuple[Any, Any]]] = {
    "plain": lambda: fitted(*sample()),
    "category": category,
    "from a table": from_a_table,
    "weighted": lambda: fitted(*sample(), weight=np.arange(300.0)),
    "many rows": lambda: fitted(*sample(6000)),
    "penalised": lambda: fitted(*sample(), penalised=True, steps=30),
    "not converged": lambda: fitted(*sample(), gap=2e-3, steps=3, box=100.0),
    "three targets": lambda: fitted(*sample(k=3)),
    "forty targets": lambda: fitted(*sample(60, 2, 40)),
    "hostile names": hostile,
    "ten thousand columns": wide,
    "constant target": lambda: fitted(sample()[0], np.full(300, 5.0), gap=0.0),
    "one row": lambda: fitted([[1.0, 2.0]], [3.0]),
    "two rows": lambda: fitted([[1.0, 2.0], [3.0, 5.0]], [3.0, 4.0]),
    "no rows": lambda: fitted(np.empty((0, 2)), np.empty((0, 1))),
    "diverged": diverged,
    "two classes": lambda: labelled(("no", "yes")),
    "three classes": lambda: labelled(("a", "b", "c")),
    "many classes": lambda: labelled(tuple(f"c{j:02d}" for j in range(24)), 800, l2=0.1),
    "hostile classes": lambda: labelled(HOSTILE[:5]),
    "weighted classes": lambda: labelled(("no", "yes"), 400, np.arange(400.0) % 4, l1=0.01),
    "absolute": lambda: of_loss(Absolute()),
    "quantile": lambda: of_loss(Quantile(0.9)),
    "huber": lambda: of_loss(Huber(1.0)),
    "long history": lambda: fitted(*sample(), steps=5000),
}


def rows(n: int = 80, p: int = 6, k: int = 1, **named: Any) -> MemorySource:
    X, y = sample(n, p, k)
    return MemorySource(X, y, **named)


def hostile_rows() -> MemorySource:
    return rows(p=len(HOSTILE), columns=HOSTILE, targets=(HOSTILE[0],))


def crossed(source: MemorySource, *, walked: bool = True, **how: Any) -> str:
    """The page of a fit whose penalty was chosen by cross-validation."""
    model = fit_chosen(source, **{"cv": 4, "strengths": 20, **how})
    found = model.cross_validation
    assert found is not None
    along = found.strengths[found.chosen[0]]
    paths = path_source(source, l1_ratio=found.l1_ratio, strengths=along) if walked else None
    return render(model, diagnostics(source, model), paths)


def labelled(
    labels: tuple[str, ...], n: int = 400, weight: Any = None, **penalty: float
) -> tuple[Any, Any]:
    """A fit of classes, and its rows."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(n, 3))
    score = X @ rng.normal(size=(3, len(labels))) + rng.gumbel(size=(n, len(labels)))
    named = np.asarray(labels)[score.argmax(axis=1)]
    source = MemorySource(X, np.zeros(n), weight, targets=("kind",)).classified(named)
    loss: Loss = Logistic() if len(labels) == 2 else Multinomial()
    return fit_source(source, loss=loss, **penalty), source


def of_loss(loss: Loss) -> tuple[Any, Any]:
    source = rows(200)
    return fit_source(source, loss=loss), source


def of_classes(labels: tuple[str, ...], n: int = 400) -> Paths:
    _, source = labelled(labels, n, l2=1.0)
    loss: Loss = Logistic() if len(labels) == 2 else Multinomial()
    return path_source(source, loss=loss, l1_ratio=0.9, strengths=8)


def unfinished() -> Paths:
    slow = {"solver": "gradient-descent", "max_iter": 2, "strengths": [0.1, 0.01]}
    return path_source(rows(), l1_ratio=0.0, command="leastwise path a.csv", **slow)


PATHS: dict[str, Callable[[], Paths]] = {
    "path": lambda: path_source(rows(), strengths=30, smallest=1e-9),
    "path of a table": lambda: path_source(from_a_table()[1], strengths=20, standardize=True),
    "ridge path": lambda: path_source(rows(), l1_ratio=0.0, strengths=5),
    "weighted path": lambda: path_source(
        rows(weight=np.arange(80.0) % 3), l1_ratio=0.5, strengths=9, bounds=(0, None),
        factors=np.array([0.0, 1.0, 1.0, 1.0, 2.0, np.inf]), standardize=True,
    ),
    "paths of two targets": lambda: path_source(rows(k=2), strengths=10),
    "path of many columns": lambda: path_source(rows(40, 300), strengths=40),
    "path of hostile names": lambda: path_source(hostile_rows(), strengths=12, smallest=1e-9),
    "one strength": lambda: path_source(rows(), strengths=1),
    "strength zero": lambda: path_source(rows(), strengths=[1.0, 0.5, 0.0]),
    "path of a constant": lambda: path_source(
        MemorySource(sample(30)[0], np.full(30, 5.0)), strengths=4
    ),
    "path not converged": unfinished,
    "path of two classes": lambda: of_classes(("no", "yes")),
    "path of three classes": lambda: of_classes(("a", "b", "c")),
    "path of many classes": lambda: of_classes(tuple(f"c{j:02d}" for j in range(24)), 800),
    "path of hostile classes": lambda: of_classes(HOSTILE[:5]),
}  # fmt: skip
CHOSEN: dict[str, Callable[[], str]] = {
    "cross-validated": lambda: crossed(rows(), rule="1se"),
    "cross-validated hostile": lambda: crossed(hostile_rows()),
    "cross-validated targets": lambda: crossed(rows(k=2), l1_ratio=(0.5, 1.0)),
    "leave one out": lambda: crossed(rows(), l1_ratio=0.0, cv="loo"),
    "no path drawn": lambda: crossed(rows(), walked=False, scoring="mae", l1_ratio=1.0),
}


def quantiles(source: MemorySource, q: Any, **how: Any) -> str:
    """The page of several quantiles."""
    fitted = several_quantiles(source, q, **how)
    return render_quantiles(fitted, [diagnostics(source, one) for one in fitted.models])


def several_quantiles(source: MemorySource, q: Any, **how: Any) -> Quantiles:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LeastwiseWarning)
        model = QuantileRegression(q, **how).fit(source)
    return Quantiles(model.models_, model.crossings_, model.noncrossing)


LOW = (0.5, 0.02, 0.04, 0.06)
SEVERAL: dict[str, Callable[[], str]] = {
    "quantiles": lambda: quantiles(rows(300), (0.9, 0.1, 0.5)),
    "quantiles that cross": lambda: quantiles(rows(120), LOW),
    "quantiles apart": lambda: quantiles(rows(120), LOW, noncrossing=True),
    "quantiles apart with l2": lambda: quantiles(rows(120), LOW, l2=1e-3, noncrossing=True),
    "weighted quantiles": lambda: quantiles(
        rows(weight=np.arange(80.0) % 3), (0.25, 0.75), l1=0.1, intercept=False
    ),
    "quantiles of a table": lambda: quantiles(from_a_table()[1], (0.25, 0.75), standardize=True),
    "many quantiles": lambda: quantiles(rows(2500, 30), np.linspace(0.05, 0.95, 19)),
    "quantiles of hostile names": lambda: quantiles(hostile_rows(), (0.3, 0.7)),
    "quantiles of a constant": lambda: quantiles(
        MemorySource(sample(30)[0], np.full(30, 5.0)), (0.3, 0.7)
    ),
    "quantiles not converged": lambda: quantiles(
        rows(), (0.3, 0.7), solver="subgradient", max_iter=3
    ),
}


def _fit_page(case: Callable[[], tuple[Any, Any]]) -> str:
    model, source = case()
    return render(model, diagnostics(source, model))


def page_of(name: str) -> str:
    """The page of a case of any of the registries."""
    if name in PATHS:
        return render_paths(PATHS[name]())
    if name in SEVERAL:
        return SEVERAL[name]()
    return CHOSEN[name]() if name in CHOSEN else _fit_page(CASES[name])


PAGES = (*CASES, *PATHS, *CHOSEN, *SEVERAL)
