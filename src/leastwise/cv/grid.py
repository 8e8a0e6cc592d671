"""Strengths to try for each ratio, and how a grid is widened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leastwise.errors import UsageError
from leastwise.paths import grid
from leastwise.penalties import ElasticNet
from leastwise.problem import Design, Problem

Float = NDArray[np.float64]

WIDER = 1.5  # decades that a grid is widened by


@dataclass(frozen=True)
class Grids:
    """The strengths of each ratio.

    strengths : (R, K), decreasing ; given : whether the caller chose them
    """

    strengths: Float
    given: bool

    def wider(self) -> Float:
        """(R, m) the strengths that continue each grid downwards, in its own steps.

        Examples
        --------
        >>> Grids(np.array([[4.0, 2.0, 1.0]]), False).wider()
        array([[0.5    , 0.25   , 0.125  , 0.0625 , 0.03125]])
        """
        step = self.strengths[:, -1:] / self.strengths[:, -2:-1]
        count = max(1, round(WIDER * np.log(10.0) / -np.log(float(step.max()))))
        return self.strengths[:, -1:] * step ** np.arange(1, count + 1)


def make_grids(
    design: Design,
    units: list[ElasticNet],
    strengths: int | ArrayLike,
    smallest: float | None,
    memory: int,
) -> Grids:
    """The grids of penalties that differ by their ratio; `units` are those of strength 1.

    Raises
    ------
    UsageError
        If `strengths` or `smallest` are out of range.
    """
    given = np.ndim(strengths) > 0
    rows = [grid(Problem(design, unit, memory), unit.l1, strengths, smallest) for unit in units]
    if given and not rows[0].all():
        raise UsageError(
            "cross-validation takes strengths above 0: compare with a fit of no penalty by itself"
        )
    return Grids(np.stack(rows), given or rows[0].size < 2)
