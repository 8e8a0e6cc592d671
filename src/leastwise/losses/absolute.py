"""Absolute loss, l(y, eta) = |y - eta| (Boscovich 1757; Laplace 1774)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from leastwise.losses.pinball import Pinball


@dataclass(frozen=True)
class Absolute(Pinball):
    """l = |y - eta|, slope sign(eta - y), conjugate u y on |u| <= 1, surplus |y - eta| |u - slope|.

    The slope at eta = y is 0. The centre is the weighted median, the midpoint where a whole
    interval is.

    Examples
    --------
    >>> import numpy as np
    >>> Absolute().value_and_slope(np.array([3.0, 5.0]), np.array([1.0, 5.0]))
    (array([2., 0.]), array([-1.,  0.]))
    """

    name: ClassVar[str] = "absolute"
    formula: ClassVar[str] = "|y − η|"

    @property
    def words(self) -> str:
        return "the absolute residuals"

    @property
    def title(self) -> str:
        return "Least absolute deviations"

    @property
    def under(self) -> float:
        return 1.0

    @property
    def over(self) -> float:
        return 1.0
