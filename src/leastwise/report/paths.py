"""What a path tells, beside its numbers: R2, what entered and left, what is worth showing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from leastwise.criteria import CRITERIA
from leastwise.losses import Loss
from leastwise.model import measure
from leastwise.report.words import SHARES, clean

if TYPE_CHECKING:
    from leastwise.path_result import Path

SHOWN = 20  # strengths of a short table


@dataclass(frozen=True)
class Step:
    """One strength of a table, and the columns that came and went since the one before it."""

    place: int
    entered: tuple[str, ...]
    left: tuple[str, ...]
    chosen: tuple[str, ...]


def kind(path: Path) -> str:
    """Lasso, ridge or elastic-net path."""
    if path.l1_ratio == 1.0:
        return "Lasso path"
    return (
        "Ridge path" if path.l1_ratio == 0.0 else f"Elastic-net path (l1_ratio {path.l1_ratio:g})"
    )


def worst(path: Path) -> int:
    """Where the relative gap is largest, or not a number."""
    return int(np.argmax(np.nan_to_num(path.gaps, nan=np.inf)))


def chosen(path: Path) -> dict[str, int]:
    """Criterion -> where it is least, of those that choose."""
    found = {name: path.least(name) for name in CRITERIA}
    return {name.upper(): at for name, at in found.items() if at is not None}


def at_end(path: Path, place: int) -> str:
    """What to know of a choice at the last of several strengths: a smaller one may be better."""
    last = path.strengths.size - 1
    return ", the last strength of the path" if place == last > 0 else ""


def steps(path: Path, most: int | None = SHOWN) -> list[Step]:
    """The strengths to show: those where columns enter or leave while they are few, else even ones.

    What the criteria choose, the first and the last are always among them; `most=None` gives all.
    """
    support = path.support
    total = path.strengths.size
    marks: dict[int, list[str]] = {}
    for name, at in chosen(path).items():
        marks.setdefault(at, []).append(name)
    places = set(range(total))
    if most is not None and total > most:
        always = {0, total - 1, *marks}
        changes = np.flatnonzero((support[:, 1:] != support[:, :-1]).any(axis=0)) + 1
        places = always | set(changes.tolist())
        if len(places) > most:
            even = np.linspace(0, total - 1, most).round().astype(int)
            places = always | set(even.tolist())
    found: list[Step] = []
    before = np.zeros(support.shape[0], bool)
    for place in sorted(places):
        now = support[:, place]
        names: Any = path.columns
        found.append(
            Step(
                place,
                tuple(clean(names[j]) for j in np.flatnonzero(now & ~before)),
                tuple(clean(names[j]) for j in np.flatnonzero(before & ~now)),
                tuple(marks.get(place, ())),
            )
        )
        before = now
    return found


def share_name(loss: Loss) -> str:
    """What the share of the loss that is explained is called."""
    return SHARES[measure(loss)]


def moved(loss: Loss, member: str = "") -> str:
    """What a coefficient changes, in words; `member` is the class whose probability that is of."""
    if not loss.of_classes:
        return "the target" if loss.quadratic else "the prediction"
    of = f" of {member}" if member else ""
    return f"the {'score' if loss.coupled else 'log odds'}{of}"
