"""What the formula of an objective is made of; `templates/formula.html` sets it as MathML."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leastwise.report.words import number

if TYPE_CHECKING:
    from leastwise.losses import Loss
    from leastwise.model import Model
    from leastwise.model.along import Paths


@dataclass(frozen=True)
class Terms:
    """The parts of an objective, numbers as they are shown, "" where there is none.

    loss : its name ; parameter : its q or width ; coupled : whether there are scores of classes
    l1, l2 : what the absolute and half the squared coefficients are multiplied by
    """

    loss: str
    parameter: str
    coupled: bool
    weighted: bool
    intercept: bool
    factors: bool
    standardize: bool
    bounds: bool
    l1: str
    l2: str


def of_model(model: Model, weighted: bool) -> Terms:
    """Of a fit."""
    return Terms(
        model.loss.name,
        _parameter(model.loss),
        model.loss.coupled,
        weighted,
        model.intercept_fitted,
        model.factors is not None,
        model.standardize,
        model.bounds is not None,
        _shown(model.l1),
        _shown(model.l2),
    )


def of_paths(of: Paths) -> Terms:
    """Of paths, l1 and l2 as shares of their strengths."""
    first = of.paths[0]
    return Terms(
        first.loss.name,
        _parameter(first.loss),
        first.loss.coupled,
        of.weighted,
        first.intercept_fitted,
        first.penalty.factors is not None,
        of.standardize,
        first.penalty.bounded,
        _shown(first.l1_ratio),
        _shown(1.0 - first.l1_ratio),
    )


def _parameter(loss: Loss) -> str:
    """The number that a loss has; none has two."""
    return "".join(number(value, 6) for value in dataclasses.asdict(loss).values())


def _shown(value: float) -> str:
    return number(value, 6) if value else ""
