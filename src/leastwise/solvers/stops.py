"""What the active-set method finds at a strength: of one target, and of all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leastwise.certificate import Support
from leastwise.problem import Evaluation
from leastwise.solvers.base import Iterate
from leastwise.solvers.rungs import Rung

Float = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True)
class Stop:
    """One target's solution on a rung: coef (m,) of `columns`, and the correlation (p,) there.

    Of a column that was not read it is a bound, which is within the column's limit, of either sign.
    """

    rung: Rung
    columns: Index
    coef: Float
    value: float
    correlation: Float
    steps: int
    support: Support | None = None


def joined(stops: list[Stop], *, on_rows: bool, final: bool) -> Iterate:
    """The iterate that the stops of all targets make."""
    coef = np.zeros((stops[0].correlation.size, len(stops)))
    for target, stop in enumerate(stops):
        coef[stop.columns, target] = stop.coef
    only = len(stops) == 1  # no copy is needed then
    each = [stop.correlation for stop in stops]
    correlation = each[0][:, None] if only else np.array(each).T
    supports = [stop.support for stop in stops if stop.support is not None]
    return Iterate(
        coef,
        max(stop.steps for stop in stops),
        Evaluation(np.array([stop.value for stop in stops]), correlation),
        on_rows=on_rows,
        final=final,
        exact=not final,
        detail=f"over {'rows' if on_rows else 'moments'}, exact on the support",
        supports=tuple(supports) if supports else None,
    )
