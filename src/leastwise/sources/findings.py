"""What a look at the encoded columns finds worth saying before a fit, in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from leastwise.encoding import Encoding

LEAST_ROWS = 10
"""With fewer rows "all values differ" says nothing."""

LEAST_COUNTED = 100
"""A column that counts up fewer rows than this is as likely the steps of a small experiment."""

MOSTLY = 0.95
"""The share of different values from which a column tells rows apart rather than measures them.
(The house prices' `id` has 99.2 %, since some houses were sold twice; `sqft_lot` has 45 %.)"""

WIDE = 100
"""Identifiers without gaps spread over n; those drawn from a larger range over far more. Between
the two lie most measurements."""

DIGITS = 8
"""Whole numbers of at least this many digits, all of one length and all different, are seldom
measured."""

_IDENTIFIER = re.compile(
    "ids?|[pu]id|[ug]uid|key|pk|index|idx|row|rowid|serial|number|no|nr|num|account|record|"
    "identifier|code|ref|reference|customer|user|order|invoice|ticket"
)
_DATED = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{2,4}")
_TIME = re.compile(
    "year|month|week|day|hour|minute|second|time|timestamp|date|epoch|period|quarter|step|t"
)


def findings(encoding: Encoding, X: Any) -> Iterator[str]:
    """Sentences about single values, identifiers and texts that mostly differ.

    Parameters
    ----------
    encoding : Encoding
        What made X.
    X : ndarray of shape (n, p), or a sparse array
        The encoded columns. Sparse ones come from categories with very many levels; their numbers
        are looked at as well, one column at a time.

    Yields
    ------
    str
        One sentence a finding, in the order of the features.
    """
    matrix = X if isinstance(X, np.ndarray) else X.tocsc()
    rows = X.shape[0]
    place = 0
    for feature in encoding.features:
        if feature.kind == "category":
            if len(feature.levels) == 1:
                yield f"{feature.name} has the single value {feature.levels[0]}: it adds no column"
            elif len(feature.levels) >= LEAST_ROWS and 2 * len(feature.levels) > rows:
                yield (
                    f"{feature.name} has {len(feature.levels)} different values in {rows} rows: it "
                    "looks like an identifier or free text; exclude it unless it is a category"
                )
            if all(_DATED.fullmatch(str(level)) for level in feature.levels):
                yield f"{feature.name} looks like dates: written as 2024-12-31 they become days"
        else:
            column = matrix[:, place]
            dense = column if isinstance(column, np.ndarray) else column.toarray()
            values = np.ascontiguousarray(dense).ravel()
            if values.min() == values.max():
                shown = f"{values[0]:.15g}"
                yield f"{feature.name} has the single value {shown}: its coefficient is 0"
            elif feature.kind == "number" and (why := identifier(feature.name, values)):
                yield (
                    f"{feature.name} looks like an identifier ({why}): exclude it unless it is "
                    "a measurement"
                )
        place += len(feature.columns)


def identifier(name: str, values: np.ndarray) -> str | None:
    """Why these whole numbers look like the names of rows, or None if they look measured.

    Nearly all must differ. Then they either count (all of 0..n-1 or 1..n, under a name that is not
    one of time, whose steps are a trend), or spread far wider than n rows need and have a name or a
    shape (one length of many digits) of identifiers.

    Parameters
    ----------
    name : str
        The column.
    values : ndarray of shape (n,)
        Its values, finite.

    Examples
    --------
    >>> identifier("house_id", np.arange(50) * 7919)
    'all 50 values differ'
    >>> identifier("sqft_lot", np.arange(50) * 7919) is None
    True
    """
    rows = values.size
    low, high = float(values.min()), float(values.max())
    spread = high - low + 1
    if rows < LEAST_ROWS or spread < MOSTLY * rows or not _tell_rows_apart(values):
        return None
    words = _words(name)
    if any(_TIME.fullmatch(word) for word in words):
        return None
    if rows >= LEAST_COUNTED and low in (0, 1) and spread <= rows / MOSTLY:
        return f"it counts from {low:.0f} to {high:.0f} over {rows} rows"
    named = any(_IDENTIFIER.fullmatch(word) for word in words)
    long = low >= 10 ** (DIGITS - 1) and len(f"{low:.0f}") == len(f"{high:.0f}")
    if named or (long and spread > WIDE * rows):
        different = np.unique(values).size
        return f"{'all' if different == rows else f'{different} of'} {rows} values differ"
    return None


def _tell_rows_apart(values: np.ndarray) -> bool:
    """Whether the values are whole and nearly all different; a sample answers for most columns."""
    some = values[:: max(1, values.size // 1000)]
    if (some != np.rint(some)).any() or np.unique(some).size < 0.9 * some.size:
        return False
    whole = bool((values == np.rint(values)).all())
    return whole and np.unique(values).size >= MOSTLY * values.size


def _words(name: str) -> frozenset[str]:
    """The words of a name: "CustomerID", "customer_id" and "customer id" have the same."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return frozenset(re.findall(r"[a-z]+", split.lower()))
