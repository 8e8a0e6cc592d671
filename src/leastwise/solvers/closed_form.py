"""Closed form: (H + diag(l2)) w = q by Cholesky, QR or SVD, corrected, refined if need be.

rows >= columns: the p x p side, `leastwise.factoring`; then one correction step with the residual
of
                 the rows (Bjorck 1987, corrected seminormal equations), which is the certificate's
                 pass
rows < columns:  ridge through the n x n side, (K + n l2 I) a = y, w = F^-1 Xc'a, K = Xc F^-1 Xc'
                 (Hoerl and Kennard 1970; Saunders et al. 1998); no penalty: the SVD of Xc, least
                 norm
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, get_args

import numpy as np
from numpy.typing import NDArray

from leastwise.errors import UsageError
from leastwise.factoring import Factored, Method, Rank, factorise
from leastwise.numerics.factors import EPS, Factor
from leastwise.penalties import ElasticNet
from leastwise.problem import Evaluation, Problem, Shape
from leastwise.refinement import Refined, bytes_needed, refine
from leastwise.solvers.base import Cost, Iterate, Solver, Steps, gram_flops
from leastwise.solvers.needs import by_triangles, kept, kernel_bytes, over_moments
from leastwise.solvers.wide import solve_wide

Float = NDArray[np.float64]

# The relative error a solution may be expected to have before it is refined, by the numbers in X:
# what is refined in a millisecond is always taken to full precision.
EXPECTED = ((2_000, 1e-14), (200_000, 1e-12), (np.inf, 1e-10))
CORRECTIONS = 3
DENSE_ROOM = 1 << 28  # sparse rows are made dense for refinement up to this many bytes


@dataclass(frozen=True)
class ClosedForm(Solver):
    """Solve the normal equations without forming more than it must.

    Parameters
    ----------
    method : "auto" (Cholesky while accurate, then QR, then SVD), "cholesky", "qr" or "svd"
    rank : "minimum-norm" gives the least-norm coefficients of a deficient design, "drop" sets the
    later
        of dependent columns to 0

    Examples
    --------
    >>> ClosedForm(rank="drop").rank
    'drop'
    """

    name: ClassVar[str] = "closed-form"
    limit: ClassVar[int] = 1
    method: Method = "auto"
    rank: Rank = "minimum-norm"

    def __post_init__(self) -> None:
        for name, value, known in (
            ("method", self.method, get_args(Method)),
            ("rank", self.rank, get_args(Rank)),
        ):
            if value not in known:
                raise UsageError(f"{name} must be one of {', '.join(known)}, not {value!r}")

    def refuse(self, problem: Problem) -> str | None:
        if problem.shape.l1:
            return "an l1 penalty has no closed form; take working-set"
        if problem.shape.bounded:
            return "bounds have no closed form; take working-set"
        wide = problem.shape.rows < problem.shape.columns
        if wide and self.rank == "drop" and not problem.shape.l2:
            return "with more columns than rows none is the one to drop; take rank='minimum-norm'"
        return None

    def cost(self, shape: Shape) -> Cost:
        n, p = shape.rows, shape.columns
        gram, ridge = gram_flops(shape), shape.free < p
        if self.method == "cholesky" or (self.method == "auto" and n >= p):
            bytes = over_moments(shape, 6.0 if ridge else 5.0)
            return Cost(bytes, 2.0, gram + p**3 / 3, self._most(shape, bytes))
        if self.method == "qr" or n >= p:
            bytes = by_triangles(shape, ridge=ridge)
            factors = p**3 / 3 if self.method == "qr" else 12.0 * p**3
            return Cost(bytes, 3.0, 3.0 * gram + factors, self._most(shape, bytes))
        if shape.l2:
            return Cost(kernel_bytes(shape), 4.0, float(shape.stored) * n + n**3 / 3)
        bytes = int(8 * (5 * n * p + n * n) + kept(shape))
        return Cost(bytes, 2.0, 6.0 * n * n * p)

    def _most(self, shape: Shape, bytes: int) -> int:
        """What it takes where the solution is refined, which the condition of the data decides."""
        if self.method == "auto":  # nearly collinear columns are left to QR and SVD
            bytes = max(bytes, by_triangles(shape, ridge=shape.free < shape.columns))
        refining = bytes + bytes_needed(shape.rows, shape.columns)
        if shape.sparse and refining > DENSE_ROOM:
            return bytes
        return refining if shape.affords(refining) else bytes

    def along(
        self, problem: Problem, penalties: Sequence[ElasticNet], start: Float | None, limit: int
    ) -> Steps:
        for number, penalty in enumerate(penalties):
            here = problem.at(penalty)
            shape = here.shape
            if shape.rows < shape.columns and self.method in ("auto", "svd"):
                yield number, solve_wide(here)
            else:
                yield number, self._solve(here)

    def _solve(self, problem: Problem) -> Iterate:
        factored = factorise(problem, self.method, self.rank)
        if factored is None:
            raise UsageError(
                "cholesky: the columns are collinear to rounding, and the moments not positive "
                "definite; take solver='closed-form', which goes on to QR and SVD"
            )
        factor = factored.factor
        coef, at = self._corrected(problem, factored)
        notes = [f"exact combination: {relation}" for relation in factored.relations]
        if factored.dropped:
            names = [problem.design.source.columns[j] for j in factored.dropped]
            notes.append("dropped, with coefficient 0: " + ", ".join(names))
        detail = factor.method
        refined: Refined | None = None
        full = factor.rank == factor.live.size
        if full and self._worth_refining(problem, factor.condition, coef, at):
            refined = refine(problem, factor.live)
        if refined is not None:
            coef, detail = refined.coef, detail + ", refined"
            at = problem.design.evaluate(coef)
        return Iterate(
            coef, 1, at, True, True, True, detail, tuple(notes), factor=factor, refined=refined
        )

    def _corrected(self, problem: Problem, factored: Factored) -> tuple[Float, Evaluation]:
        """w from the factor, corrected with the gradient of the rows until that is rounding."""
        design, factor = problem.design, factored.factor
        l2 = problem.strengths[1][:, None]
        coef = factored.solution
        if coef is None:
            coef = factor.solve(design.centre.correlation)
        at = design.evaluate(coef)
        # The gradient's own rounding, seen through the inverse: a step below that is none.
        for _ in range(CORRECTIONS):
            step = factor.solve(at.correlation - l2 * coef)
            size, whole = _scaled_size(factor, step), _scaled_size(factor, coef)
            if not size > 64.0 * EPS * whole:
                break
            moved = coef + step
            there = design.evaluate(moved)
            further = _scaled_size(factor, factor.solve(there.correlation - l2 * moved))
            if not further < size:
                break
            coef, at = moved, there
        return coef, at

    def _worth_refining(
        self, problem: Problem, condition: float, coef: Float, at: Evaluation
    ) -> bool:
        """Whether the error estimate says that digits are missing, and refining is affordable.

        eps (k + k^2 |r| / |Xw|) of the coefficients, eps (|mean y| + |mean x|·|w|) / |b| of the
        intercept.
        """
        shape, centre = problem.shape, problem.design.centre
        numbers = shape.rows * shape.columns
        allowed = next(error for size, error in EXPECTED if numbers <= size)
        fitted = np.sqrt(2.0 * np.maximum(centre.null - at.value, 0.0))
        residual = np.sqrt(2.0 * at.value)
        error = condition + condition**2 * _largest_ratio(residual, fitted)
        if centre.mean is not None and allowed < 1e-10:
            terms = np.abs(centre.level) + np.abs(centre.mean) @ np.abs(coef)
            error = max(error, _largest_ratio(terms, np.abs(problem.design.intercept_at(coef))))
        room = min(problem.memory, DENSE_ROOM) if shape.sparse else problem.memory
        affordable = self.cost(shape).bytes + bytes_needed(shape.rows, shape.columns) <= room
        return affordable and EPS * error > allowed


def _largest_ratio(above: Float, below: Float) -> float:
    known = below > 0.0
    return float((above[known] / below[known]).max(initial=0.0))


def _scaled_size(factor: Factor, w: Float) -> float:
    return float(np.abs(w[factor.live] * factor.scale[:, None]).max(initial=0.0))
