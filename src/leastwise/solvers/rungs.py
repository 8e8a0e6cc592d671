"""The strengths on the way down: those that were asked for, and rungs between those far apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leastwise.penalties import ElasticNet
from leastwise.problem import Problem

Float = NDArray[np.float64]

STEP = 0.8  # a strength further below the last than this is approached by rungs between,
STEP_OF_ALL = 0.5  # or than this where all columns are at work and none must be predicted


@dataclass(frozen=True)
class Rung:
    """A strength on the way; `number` where it is one that was asked for."""

    number: int | None
    strength: float
    l1: Float
    l2: Float


def rungs_to(
    problem: Problem,
    penalties: Sequence[ElasticNet],
    largest: Callable[[Float], float],
    step: float,
) -> list[Rung]:
    """The strengths asked for, and those that lead from one to the next where they are far off.

    `largest` says how many times its argument l1 (p,) the largest correlation is at the start.
    Between two rungs the strength falls to `step` at most.
    """
    rungs: list[Rung] = []
    last = largest(problem.at(penalties[0]).strengths[0]) * penalties[0].l1
    for number, penalty in enumerate(penalties):
        if 0.0 < penalty.l1 < last * step:
            count = int(np.ceil(np.log(penalty.l1 / last) / np.log(step)))
            for l1 in np.geomspace(last, penalty.l1, count + 1)[1:-1]:
                between = penalty.times(float(l1) / penalty.l1)
                rungs.append(Rung(None, between.l1, *problem.at(between).strengths))
        rungs.append(Rung(number, penalty.l1, *problem.at(penalty).strengths))
        last = penalty.l1
    return rungs


def within(share: float, rungs: list[Rung]) -> list[Rung]:
    """The first of the rungs, and those after it down to so much of its strength."""
    count = 0
    while count < len(rungs) and rungs[count].strength >= share * rungs[0].strength:
        count += 1
    return rungs[:count]
