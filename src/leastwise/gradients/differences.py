"""Central differences at steps from 1e-1 to 1e-12, and what they are worth.

    D(h) = (F(beta + h e) - F(beta - h e)) / 2h = F' + h^2 F'''/6 + O(eps F / h)

The error against the step is a V: the truncation's h^2 down to about h = 6e-6, from there on the
rounding's 1/h. Of each coordinate the difference is taken that agrees best with that of the next
smaller step, which needs no knowledge of the gradient (as Ridders 1982 stops). At a kink the
differences to the left and to the right keep apart however small the step is, and the symmetric
one lies half way between: for |x| at 0 it is 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

STEPS = 10.0 ** -np.arange(1.0, 13.0)
SMALL = slice(4, 7)  # steps of 1e-5, 1e-6 and 1e-7: kinks are told by what happens there
ROUNDING = 4.0  # units in the last place of F that a value may be off by


@dataclass(frozen=True)
class Differences:
    """Difference quotients of F at a point, times `unit`: all in the units of F.

    Parameters
    ----------
    central, left, right : (steps, c) of the coordinates `chosen` (c,)
    value : F there ; eps : the rounding of the numbers that F is computed in
    """

    chosen: NDArray[np.intp]
    central: Float
    left: Float
    right: Float
    value: float
    eps: float

    @property
    def noise(self) -> Float:
        """(steps, 1) what rounding makes of F = `value`."""
        least = np.finfo(np.float64).tiny
        return (ROUNDING * self.eps * max(abs(self.value), least) / STEPS)[:, None]

    def best(self) -> tuple[Float, Float]:
        """(c,) the derivatives, and (c,) how far they may be off."""
        apart = np.abs(np.diff(self.central, axis=0)) + self.noise[:-1]
        at = np.nanargmin(np.where(np.isfinite(apart), apart, np.inf), axis=0)
        across = np.arange(at.size)
        return self.central[at, across], apart[at, across]

    def kinked(self) -> NDArray[np.bool_]:
        """(c,) where left and right keep apart while the step shrinks a hundredfold."""
        jump = np.abs(self.right - self.left)[SMALL]
        return (jump.min(axis=0) > 10.0 * self.noise[SMALL][-1]) & (jump[-1] > 0.5 * jump[0])

    def between(self) -> tuple[Float, Float]:
        """(c,) the least and (c,) the largest subgradient at the smallest step that tells kinks."""
        last = SMALL.stop - 1
        return (
            np.minimum(self.left[last], self.right[last]),
            np.maximum(self.left[last], self.right[last]),
        )


def differences(
    value: Callable[[Float], float], beta: Float, unit: Float, chosen: NDArray[np.intp], eps: float
) -> Differences:
    """Difference quotients of F in the chosen coordinates, at every step: 24 values of F each."""
    here = value(beta)
    central, left, right = (np.empty((STEPS.size, chosen.size)) for _ in range(3))
    for row, step in enumerate(STEPS):
        for column, place in enumerate(chosen):
            up, down = beta.copy(), beta.copy()
            up[place] += step * unit[place]
            down[place] -= step * unit[place]
            # What was added is not quite the step: beta + h is rounded.
            over = (up[place] - beta[place]) / unit[place]
            under = (beta[place] - down[place]) / unit[place]
            above, below = value(up), value(down)
            with np.errstate(divide="ignore", invalid="ignore"):
                right[row, column] = np.divide(above - here, over)
                left[row, column] = np.divide(here - below, under)
                central[row, column] = np.divide(above - below, over + under)
    return Differences(chosen, central, left, right, here, eps)
