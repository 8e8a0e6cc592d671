"""The duality gap of any coefficients and any duals in their box, as a sum that cannot cancel.

    gap = sum_i [ (up_i - theta_i) r_i+ + (theta_i + down_i) r_i- ]
        + sum_j [ l1_j |w_j| - u_j w_j + cost_j(o_j) ]
    x_j'theta = l2_j w_j + u_j + o_j,   |u_j| <= l1_j

Every summand is a Fenchel-Young difference, so it is at least 0. What x_j'theta exceeds its
penalty by, o_j, costs o_j^2 / (2 l2_j) by l2's conjugate, o_j (upper_j - w_j) by a bound's, or the
most that it can be worth within a box: |o_j| (|v_j| + 100), in units of mean deviations and of the
intercept's mean loss. The last is how the equations' rounding is charged, X'theta = 0 and
sum theta = 0 included: the optimum is proven among all coefficients that differ by no more than
that (Fenchel 1949; Boyd and Vandenberghe 2004, section 5.5).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leastwise.kinks.units import Units

Float = NDArray[np.float64]

BOX = 100.0


def penalty_gap(units: Units, v: Float, back: Float) -> float:
    """The certificate's summands of the columns, for back = A'theta, in inner units."""
    w = v[units.first :]
    u = back[units.first :] - units.l2 * w
    inside = np.clip(u, -units.l1, units.l1)
    over = u - inside
    own = units.l1 * np.abs(w) - inside * w
    size = np.abs(over)
    cost = size * (np.abs(w) + BOX)
    curved = units.l2 > 0.0
    cost[curved] = np.minimum(cost[curved], size[curved] ** 2 / (2.0 * units.l2[curved]))
    far = np.where(over > 0.0, units.upper - w, w - units.lower)
    ends = np.isfinite(far) & (size > 0.0)
    cost[ends] = np.minimum(cost[ends], size[ends] * np.maximum(far[ends], 0.0))
    free = float(np.abs(back[: units.first]) @ (np.abs(v[: units.first]) + BOX))
    return float(np.sum(own + cost)) + free


def penalty(units: Units, v: Float) -> float:
    """sum_j l1_j |w_j| + l2_j / 2 w_j^2, in inner units."""
    w = v[units.first :]
    return float(units.l1 @ np.abs(w) + 0.5 * units.l2 @ (w * w))
