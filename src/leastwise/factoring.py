"""From a problem to a factor of its Hessian: Cholesky while that is accurate, then QR, then SVD.

    H + diag(l2) = D R'R D;   R from the moments (Cholesky) or from the rows themselves (QR, block
    by block: the R of stacked blocks is the R of their stacked R's; Golub and Van Loan, Matrix
    Computations 5.3).

Cholesky loses digits with the square of the design's condition, QR with the condition. A design
whose least singular value is rounding is rank deficient: which column is which combination of
which others is said, and the coefficients of least norm, or those without the later columns, are
taken.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from leastwise.blocks import Block
from leastwise.numerics.factors import (
    Factor,
    cholesky,
    dependent_columns,
    spectral,
    triangular,
)
from leastwise.problem import Problem
from leastwise.quadratic import quadratic_form

Float = NDArray[np.float64]
Method = Literal["auto", "cholesky", "qr", "svd"]
Rank = Literal["minimum-norm", "drop"]

# Up to this condition a Cholesky solution with one correction from the rows has all its digits
# (eps * condition^2 = 2e-6, squared by the correction); beyond, QR.
CHOLESKY_CONDITION = 1e5


@dataclass(frozen=True)
class Factored:
    """A factor, and what was found of the rank.

    solution : (p, k) w from the same orthogonal factors; None where the factor comes from the
    moments
    relations : exact combinations of columns, in words
    dropped : the columns left out (`rank="drop"`)
    """

    factor: Factor
    solution: Float | None = None
    relations: tuple[str, ...] = ()
    dropped: tuple[int, ...] = ()


def factorise(
    problem: Problem,
    method: Method = "auto",
    rank: Rank = "minimum-norm",
    columns: NDArray[np.intp] | None = None,
) -> Factored | None:
    """The factor of H + diag(l2), of all columns or of some; None where Cholesky by name fails.

    The last one is kept: a path must not hold a factor for each of its strengths.
    """
    l2 = problem.strengths[1].tobytes()
    key = ("factor", method, rank, columns is None)
    of = l2, None if columns is None else columns.tobytes()
    return problem.design.cached(key, lambda: _factorise(problem, method, rank, columns), of)


def _factorise(
    problem: Problem, method: Method, rank: Rank, columns: NDArray[np.intp] | None
) -> Factored | None:
    design, l2 = problem.design, problem.strengths[1]
    p = l2.size
    if method in ("auto", "cholesky") and columns is None:
        design.moments()  # first, so that means and curvatures need no pass of their own
    live = np.flatnonzero((design.centre.curvature > 0.0) | (l2 > 0.0))
    if columns is not None:
        live = np.intersect1d(live, columns)
    if method in ("auto", "cholesky"):
        found = from_moments(problem, live, columns)
        if method == "cholesky":
            return None if found is None else Factored(found)
        if found is not None and found.condition <= CHOLESKY_CONDITION:
            return Factored(found)
    whole, scale = triangle(problem, live)
    root, right = whole[:, : live.size], whole[:, live.size :]
    found = triangular(root, scale, live, p)
    offset = offsets(problem, live)
    least_norm, null, rotated = spectral(root, scale, live, p, offset)
    if method != "svd" and least_norm.rank == live.size:
        return Factored(found, _embed(found, solve_triangular(root, right)))
    solution = np.zeros((p, right.shape[1]))
    assert least_norm.spread is not None, "a spectral factor has a spread"
    solution[live] = least_norm.spread @ (rotated.T @ right)
    if null.shape[1] == 0:
        return Factored(least_norm, solution)
    # With more columns than rows every column is a combination, and none is worth a line.
    named = design.columns < design.centre.rows
    if not named and rank == "minimum-norm":
        return Factored(least_norm, solution)
    dependent, base = dependent_columns(null)
    relations = _relations(problem, live, scale, dependent, base) if named else ()
    if rank == "minimum-norm":
        return Factored(least_norm, solution, relations)
    keep = np.setdiff1d(np.arange(live.size), dependent)
    basis, reduced = np.linalg.qr(root[:, keep])
    kept = triangular(reduced, scale[keep], live[keep], p)
    solution = _embed(kept, solve_triangular(reduced, basis.T @ right))
    return Factored(kept, solution, relations, tuple(int(j) for j in live[dependent]))


def from_moments(
    problem: Problem, live: NDArray[np.intp], columns: NDArray[np.intp] | None = None
) -> Factor | None:
    """The Cholesky factor of H + diag(l2) by moments; None where it is not positive definite."""
    design, l2 = problem.design, problem.strengths[1]
    if columns is None:
        return cholesky(design.gram + np.diag(l2) if problem.penalty.l2 else design.gram, live)
    inner = quadratic_form(design, problem.memory).block(live) + np.diag(l2[live])
    found = cholesky(inner, np.arange(live.size))
    if found is None:
        return None
    identified = np.zeros(l2.size, bool)
    identified[live] = True
    return replace(found, p=l2.size, live=live, identified=identified)


def _embed(factor: Factor, scaled: Float) -> Float:
    out = np.zeros((factor.p, scaled.shape[1]))
    out[factor.live] = scaled / factor.scale[:, None]
    return out


def offsets(problem: Problem, live: NDArray[np.intp]) -> Float:
    """(m,) how far each column's mean is from zero, in its own scale."""
    centre = problem.design.centre
    if centre.mean is None:
        return np.zeros(live.size)
    scale = np.sqrt(centre.curvature[live] + problem.strengths[1][live])
    return np.abs(centre.mean[live]) / scale


def triangle(problem: Problem, live: NDArray[np.intp]) -> tuple[Float, Float]:
    """[R, Q'y] (m, m + k) of the scaled centred rows and the penalty's, and the scale (m,)."""
    design = problem.design
    centre, l2 = design.centre, problem.strengths[1][live]
    scale = np.sqrt(centre.curvature[live] + l2)
    everything = live.size == centre.curvature.size

    def statistic(block: Block) -> Float:
        root = np.empty((0, live.size + block.y.shape[1]))
        for part, y, weight in block.dense_parts(centre.mean):
            chosen = (part if everything else part[:, live]) / scale
            rows = np.hstack([chosen, y - centre.level])
            if weight is not None:
                rows *= np.sqrt(weight)[:, None]
            root = _stack(root, rows)
        return root

    root = design.source.reduce(statistic, _stack) / np.sqrt(centre.weight)
    if l2.any():
        penalty = np.zeros((live.size, root.shape[1]))
        np.fill_diagonal(penalty, np.sqrt(l2) / scale)
        root = _stack(root, penalty)
    if root.shape[0] < live.size:
        root = np.vstack([root, np.zeros((live.size - root.shape[0], root.shape[1]))])
    return root[: live.size], scale


def _stack(a: Float, b: Float) -> Float:
    return np.asarray(np.linalg.qr(np.vstack([a, b]), mode="r"))


def _relations(
    problem: Problem, live: NDArray[np.intp], scale: Float, dependent: NDArray[np.intp], base: Float
) -> tuple[str, ...]:
    """Each dependent column as the combination it is, in the names and units of the table."""
    design = problem.design
    names = design.source.columns
    words: list[str] = []
    for direction in base.T[: dependent.size]:
        taking_part = np.flatnonzero(np.abs(direction) > 1e-7 * np.abs(direction).max())
        weights = direction[taking_part] / scale[taking_part]
        columns = live[taking_part]
        constant = 0.0
        if design.centre.mean is not None:
            terms = weights * design.centre.mean[columns]
            constant = float(terms.sum())
            if abs(constant) <= 1e-9 * float(np.abs(terms).sum()):
                constant = 0.0
        words.append(in_words([names[j] for j in columns], weights, constant))
    return tuple(words)


def in_words(names: list[str], weights: Float, constant: float) -> str:
    """`sum weights * names = constant` as an equation for the name that reads best on the left.

    Examples
    --------
    >>> in_words(["living", "above", "basement"], np.array([-1.0, 1.0, 1.0]), 0.0)
    'living = above + basement'
    >>> in_words(["age", "born"], np.array([2.0, 2.0]), 4048.0)
    'born = 2024 - age'
    """
    positive, negative = np.flatnonzero(weights > 0), np.flatnonzero(weights < 0)
    alone = next((side for side in (positive, negative) if side.size == 1), None)
    left = int(alone[0]) if alone is not None and len(names) > 2 else len(names) - 1
    others = [(-weights[i] / weights[left], names[i]) for i in range(len(names)) if i != left]
    terms = [(constant / weights[left], "")] if constant else []
    text = ""
    for coefficient, name in sorted(terms + others, key=lambda term: term[0] < 0):
        rounded = float(f"{coefficient:.6g}")
        size = f"{abs(rounded):.6g}"
        shown = name if size == "1" and name else size if not name else f"{size} {name}"
        sign = "- " if rounded < 0 else "+ " if text else ""
        text += f" {sign}{shown}" if text else f"{sign}{shown}"
    return f"{names[left]} = {text or '0'}"
