"""A cross-validation inside a model's JSON: means and choices, not the error of each fold."""

from __future__ import annotations

from typing import Any

import numpy as np

from leastwise.cv.result import RULES, CrossValidation
from leastwise.errors import DataError
from leastwise.model.fields import Fields, not_ours

SAVED = (
    "l1_ratios", "strengths", "mean", "standard_error", "minimum", "one_standard_error", "rule",
    "folds", "scoring", "route", "gap", "passes", "notes",
)  # fmt: skip


def members(found: CrossValidation) -> dict[str, Any]:
    """What is saved of it; `errors`, one a fold, are not."""
    return {name: getattr(found, name) for name in SAVED}


def from_fields(given: Fields) -> CrossValidation:
    """What `members` gave; its `errors` are (R, K, 0).

    Raises
    ------
    DataError
        A value is not of its type, size or range.
    """
    ratios = given.numbers("l1_ratios", (given.length("l1_ratios"),), least=0.0)
    size = given.shape("strengths")
    if size[0] != ratios.size or not size[1]:
        raise not_ours("its cross-validation has not a grid for each ratio")
    rule = given.text("rule")
    if rule not in RULES:
        raise not_ours(f"the rule {rule!r} is not known")
    return CrossValidation(
        l1_ratios=ratios,
        strengths=given.numbers("strengths", size, least=0.0),
        errors=np.empty((*size, 0)),
        mean=given.numbers("mean", size),
        standard_error=given.numbers("standard_error", size),
        minimum=_place(given, "minimum", size),
        one_standard_error=_place(given, "one_standard_error", size),
        rule=rule,
        folds=tuple(_whole(given, "folds", given.length("folds"))),
        scoring=given.text("scoring"),
        route=given.text("route"),
        gap=given.number("gap", least=0.0, finite=False),
        passes=given.number("passes", least=0.0),
        notes=given.texts("notes"),
    )


def _whole(given: Fields, name: str, length: int) -> list[int]:
    values = given.numbers(name, (length,), least=0.0)
    if (values != np.floor(values)).any():
        raise _odd(name)
    return [int(value) for value in values]


def _place(given: Fields, name: str, size: tuple[int, int]) -> tuple[int, int]:
    ratio, strength = _whole(given, name, 2)
    if ratio >= size[0] or strength >= size[1]:
        raise _odd(name)
    return ratio, strength


def _odd(name: str) -> DataError:
    return not_ours(f"{name!r} of the cross-validation are not places or sizes")
