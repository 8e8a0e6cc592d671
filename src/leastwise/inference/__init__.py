"""Uncertainty of unpenalised fits: a coefficient table for each output.

`evidence` collects what is needed while the rows are there, `infer` makes the tables of it.
"""

from leastwise.fit import Fit
from leastwise.inference.quantiles import evidences
from leastwise.inference.ratios import ratio_digits, ratios
from leastwise.inference.rowwise import RowEvidence, foresee
from leastwise.inference.rowwise import evidence as of_rows
from leastwise.inference.rowwise import infer as infer_rows
from leastwise.inference.squared import Evidence
from leastwise.inference.squared import evidence as of_moments
from leastwise.inference.squared import infer as infer_squared
from leastwise.inference.table import Inference
from leastwise.problem import Problem

__all__ = [
    "Evidence",
    "Inference",
    "RowEvidence",
    "evidence",
    "evidences",
    "foresee",
    "infer",
    "ratio_digits",
    "ratios",
]


def evidence(problem: Problem, fit: Fit) -> Evidence | RowEvidence:
    """Collect what `infer` needs; the rows may be forgotten afterwards."""
    return (of_moments if problem.design.loss.quadratic else of_rows)(problem, fit)


def infer(known: Evidence | RowEvidence) -> tuple[Inference, ...]:
    """The coefficient table of every output."""
    return infer_rows(known) if isinstance(known, RowEvidence) else infer_squared(known)
