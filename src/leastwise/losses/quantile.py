"""Pinball loss, l(y, eta) = q (y - eta)+ + (1 - q) (eta - y)+ (Koenker and Bassett 1978)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from leastwise.losses.base import number_between
from leastwise.losses.pinball import Pinball


@dataclass(frozen=True)
class Quantile(Pinball):
    """l = q (y - eta)+ + (1 - q) (eta - y)+, slope -q below y and 1 - q above, conjugate u y.

    The conjugate's domain is -q <= u <= 1 - q; the surplus is |y - eta| |u - slope|, the slope at
    eta = y is 0. The centre is the weighted q-quantile, the midpoint where a whole interval is.

    Parameters
    ----------
    q : the share of targets to lie below the predictions, 0 < q < 1

    Raises
    ------
    UsageError
        If q is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> Quantile(0.75).value_and_slope(np.array([3.0, 5.0]), np.array([1.0, 6.0]))
    (array([1.5 , 0.25]), array([-0.75,  0.25]))
    """

    name: ClassVar[str] = "quantile"
    formula: ClassVar[str] = "q (y − η)₊ + (1 − q) (η − y)₊"
    q: float = 0.5

    @property
    def words(self) -> str:
        return f"the pinball losses of the quantile {self.q:g}"

    @property
    def title(self) -> str:
        return f"Quantile regression ({self.q:g})"

    def __post_init__(self) -> None:
        q = number_between("q", self.q, 0.0, 1.0, "a number between 0 and 1")
        object.__setattr__(self, "q", q)

    @property
    def under(self) -> float:
        return self.q

    @property
    def over(self) -> float:
        return 1.0 - self.q
