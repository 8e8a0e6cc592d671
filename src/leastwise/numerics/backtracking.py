"""How much of a step to try next, where it was too long.

    phi(t) = -promised t + (risen + promised) t^2,   least at t = promised / 2 (risen + promised)

the parabola that falls as the model promised at first, and has risen at t = 1 as was seen (Nocedal
and Wright 2006, section 3.5).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

LEAST, MOST = 0.1, 0.5  # of the step


def shorter(risen: Float, promised: Float) -> Float:
    """(g,) the share of a step to try next, a tenth to a half: a loss with bends is no parabola.

    Parameters
    ----------
    risen : (g,) by how much the objective is above where the step began, perhaps without end
    promised : (g,) the fall that the slope at first promised for all of it

    Examples
    --------
    >>> shorter(np.array([1.0, 4.0, np.inf, np.nan]), np.array([1.0, 1.0, 1.0, 1.0]))
    array([0.25, 0.1 , 0.1 , 0.5 ])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        least = 0.5 * promised / (risen + promised)
    return np.clip(np.where(np.isfinite(least), least, MOST), LEAST, MOST)
