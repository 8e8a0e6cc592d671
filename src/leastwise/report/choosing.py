"""What is said of a choice by cross-validation, on the page and in the terminal."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from leastwise.report.facts import Fact
from leastwise.report.words import clean, count, number

if TYPE_CHECKING:
    from leastwise.cv.result import CrossValidation
    from leastwise.model import Model

Shown = Callable[[float, int], str]  # a number to so many digits
Float = NDArray[np.float64]
UNITS = ("mse", "rmse", "mae")  # errors in the target's unit, the first once its root is taken


def choosing(model: Model, shown: Shown = number) -> list[Fact]:
    """The choice, both rules' choices with their errors, how they were judged, what to know."""
    found = model.cross_validation
    assert found is not None, "asked of fits that were cross-validated"
    penalty = f"by the rule {found.rule}, l1 = {shown(model.l1, 6)}, l2 = {shown(model.l2, 6)}"
    facts = [Fact("chosen", where(found, found.chosen, shown), penalty)]
    for rule, at in found.taken.items():
        words = f"{measure(model)} {error(model, at, shown)}"
        facts.append(Fact(rule, where(found, at, shown), words))
    return facts


def where(found: CrossValidation, at: tuple[int, int], shown: Shown = number) -> str:
    """Strength 3.2 at l1_ratio 0.5."""
    return f"strength {shown(found.strengths[at], 5)} at l1_ratio {found.l1_ratios[at[0]]:g}"


def measure(model: Model) -> str:
    """What the errors are called; a mean square of one target is shown in its units."""
    found = model.cross_validation
    assert found is not None, "asked of fits that were cross-validated"
    if _rooted(model):
        return "RMSE"
    names = {
        "mse": "mean square",
        "rmse": "mean over folds of RMSE",
        "mae": "mean absolute error",
        "r2": "1 - R²",
        "loss": "mean loss",
        "error": "share of wrong classes",
    }
    name = names.get(found.scoring, f"minus {clean(found.scoring)}")
    relative = len(model.targets) > 1 and found.scoring in UNITS
    return f"{name}, relative and summed over targets" if relative else name


def _rooted(model: Model) -> bool:
    found = model.cross_validation
    return found is not None and found.scoring == "mse" and len(model.targets) == 1


def curves(model: Model) -> tuple[Float, Float]:
    """(R, K) errors as shown and their standard errors; se(sqrt v) = se(v) / (2 sqrt v)."""
    found = model.cross_validation
    assert found is not None, "asked of fits that were cross-validated"
    if not _rooted(model):
        return found.mean, found.standard_error
    with np.errstate(invalid="ignore", divide="ignore"):
        root = np.sqrt(found.mean)
        return root, np.where(root > 0.0, found.standard_error / (2.0 * root), 0.0)


def error(model: Model, at: tuple[int, int], shown: Shown = number) -> str:
    """1,234 ± 56 in units of price."""
    mean, spread = (float(values[at]) for values in curves(model))
    words = shown(mean, 5)
    if not math.isnan(spread):
        words += f" ± {shown(spread, 3)}"
    return f"{words} in units of {clean(model.targets[0])}" if in_units(model) else words


def in_units(model: Model) -> bool:
    """Whether errors are in the unit of the one target."""
    found = model.cross_validation
    return found is not None and len(model.targets) == 1 and found.scoring in UNITS


def judged(found: CrossValidation, shown: Shown = number) -> str:
    """How the errors were found."""
    grid = f"{count(found.l1_ratios.size, 'ratio')} × {count(found.strengths.shape[1])} strengths"
    if not found.folds:
        how = "leaving out each row in turn" if found.route == "leave-one-out" else "GCV"
        return f"{how}, {grid}"
    rows = sorted({min(found.folds), max(found.folds)})
    each = " to ".join(count(value) for value in rows)
    gap = shown(found.gap, 2)
    return (
        f"{len(found.folds)} folds of {each} rows, {grid}; the worst relative gap of their fits, "
        f"which stop at 1e-8, is {gap}"
    )
