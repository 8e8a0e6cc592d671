"""The path of targets that share their columns, or their loss: one gap and one strength.

minimise sum_t [ sum_i s_i (y_it - b_t - x_i·w_t)^2 / (2W) ] + sum_j f_j (l1 |w_j| + l2/2 |w_j|^2)

with w_j (k,) the coefficients of column j in all targets: it enters for all of them or for none.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from leastwise.blocks.tensors import tensors_out
from leastwise.errors import UsageError
from leastwise.numerics.joined import JoinedHessian
from leastwise.path_result import Path, penalties_of
from leastwise.quadratic import quadratic_form
from leastwise.sources.new_rows import new_rows

Float = NDArray[np.float64]

NOTHING = 1e-12  # of l1, a row's length in columns of length 1 below which it is zero


@dataclass(frozen=True, eq=False, repr=False)
class JointPath(Path):
    """The fits of k targets along K strengths under a penalty that joins them.

    What differs from `Path`: coef (k, p, K) and intercepts (k, K); losses, objectives and null are
    summed over targets, and a gap is that of all targets together. `target` lists their names.
    """

    @property
    def active(self) -> NDArray[np.intp]:
        """(K,) how many columns have a coefficient that is not zero."""
        return np.count_nonzero(self.support, axis=0)

    @property
    def support(self) -> NDArray[np.bool_]:
        """(p, K) whether a column has a coefficient that is not zero, in any target."""
        return np.asarray(self.coef.any(axis=0))

    @cached_property
    def degrees_of_freedom(self) -> Float:
        """(K,) tr (H_AA ⊗ I) A^-1 over the active columns, all targets, without the intercepts.

        A is the Hessian of the objective there (Vaiter et al. 2012): shrinking a row's length
        costs degrees of freedom that the lasso of one target does not pay. Where it is the loss
        that joins the targets, and not the penalty, they are the coefficients that are not zero.
        """
        if self.loss.coupled:
            return np.count_nonzero(self.coef, axis=(0, 1)) * 1.0
        penalties = penalties_of(self.penalty, self.strengths, self.l1_ratio)
        found = np.zeros(self.strengths.size)
        for place, w in enumerate(self.coef.T):
            assert self.problem is not None, "computed before it is dropped"
            length = self.problem.design.scale
            # A row that is the rounding of its own l1 is zero: its direction means nothing.
            paid = penalties[place].strengths(w.shape[0])[0] / length
            chosen = np.flatnonzero(np.linalg.norm(w, axis=1) * length > NOTHING * paid)
            if not chosen.size:
                continue
            own = length[chosen]  # in columns of length 1
            H = quadratic_form(self.problem.design, self.problem.memory).block(chosen)
            l1, l2 = (part[chosen] for part in penalties[place].strengths(w.shape[0]))
            unit = H / own / own[:, None]
            joined = JoinedHessian(unit, l1 / own, l2 / own**2, w[chosen] * own[:, None])
            found[place] = joined.degrees_of_freedom()
        return found

    @tensors_out
    def predict(self, X: Any, strength: float | None = None) -> Float:
        """eta of all targets at every strength, (k, n, K), or at one of them, (n, k).

        Parameters and errors are those of `Path.predict`.
        """
        targets, rows = range(self.coef.shape[0]), new_rows(X, self.columns, self.encoding)
        each = np.stack([self.alone(target).predict(rows, strength) for target in targets])
        return each if strength is None else each.T

    def criterion(self, name: str, gamma: float = 0.5) -> Float:
        _refuse("information criteria rank the fits of one target: take cross-validation")

    def least(self, name: str, gamma: float = 0.5) -> int | None:
        """None: no criterion chooses among fits of several targets."""
        return None

    def best(self, name: str, gamma: float = 0.5) -> int:
        return int(self.criterion(name, gamma)[0])

    def relaxed(self, gamma: float = 0.0) -> Path:
        _refuse("only the path of one target is relaxed: fit the chosen columns without a penalty")

    def plot(
        self,
        x: str = "strength",
        *,
        ax: Any = None,
        names: int = 10,
        chosen: str | Mapping[str, float] | None = None,
    ) -> Any:
        _refuse("only the path of one target is drawn: draw coef[target] against strengths")

    def report(self, file: str | os.PathLike[str]) -> None:
        if not self.loss.coupled:
            _refuse("only the path of one target has a page: give y one column at a time")
        super().report(file)

    def alone(self, target: int) -> Path:
        """What it is for one target or class, whose gaps and losses are those of all."""
        values = {each.name: getattr(self, each.name) for each in fields(Path)}
        values |= {"coef": self.coef[target], "intercepts": self.intercepts[target]}
        return Path(**values)


def _refuse(words: str) -> NoReturn:
    raise UsageError(f"this path joins several targets; {words}")
