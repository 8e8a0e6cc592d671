"""What a page says of predicted classes: calibration, ranking and the confusion of classes.

With s_i the weight of a row, y_i the share of it that is of a class (0 or 1 unless shares were
fitted), p_i the class's predicted probability, and sums over the rows of p_i >= t:

    recall(t) = sum s y / all s y,    false(t) = sum s (1 - y) / all s (1 - y)
    precision(t) = sum s y / sum s,   AUC = integral of recall over false
    average precision = sum over falling t of (recall's step) precision(t)

Every number is of all rows; only the curves are thinned, to be drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from leastwise.model import Model

    Vector = NDArray[np.float64]

BINS = 10
ROWS_IN_BIN = 10  # fewer bins rather than fewer rows in each
MOST_CLASSES = 20  # that are drawn and tabled: those of most weight
MOST_POINTS = 500  # of a curve


@dataclass(frozen=True)
class Ranked:
    """How the probability of one class fits the rows, the others taken together.

    Attributes
    ----------
    label : str
    share : float
        Of the rows' weight that is of the class.
    predicted, observed : (b,) arrays
        Calibration: mean probability and share of the class in bins of equal count.
    counts : (b,) array
        Rows in each bin.
    false, recall, precision : (m,) arrays
        False and true positive rates and precision as the threshold falls, from (0, 0) and the
        precision of the first threshold; nan where not defined.
    thresholds : int
        How many there are, before the curve was thinned.
    auc, average_precision : float
        nan where rows of the class, or of the others, are absent.
    """

    label: str
    share: float
    predicted: Vector
    observed: Vector
    counts: NDArray[np.intp]
    false: Vector
    recall: Vector
    precision: Vector
    thresholds: int
    auc: float
    average_precision: float


@dataclass(frozen=True)
class Judged:
    """What is said of one target's classes.

    Attributes
    ----------
    name : str
    rows, finite : int
        Rows of positive weight, and those of finite probabilities, which all numbers are of.
    weighted : bool
    classes : int
        How many there are in all.
    ranked : tuple of Ranked
        Of two classes the second; of more each, but for those beyond `MOST_CLASSES`.
    labels : (c,) tuple
        Of the table's rows and columns; None is all classes that are not drawn.
    confusion : (c, c) array
        Weight by true class and likeliest class.
    """

    name: str
    rows: int
    finite: int
    weighted: bool
    classes: int
    ranked: tuple[Ranked, ...]
    labels: tuple[str | None, ...]
    confusion: Vector


def judged(model: Model, y: Vector, eta: Vector, weight: Vector | None) -> tuple[Judged, ...]:
    """Every target of classes: one of a coupled loss or of labels, else one an output.

    Parameters
    ----------
    y, eta : (n, k) targets as the loss has them, and what is predicted of them
    weight : (n,) positive, or None for ones
    """
    loss, targets = model.loss, model.targets
    if loss.coupled:
        known = model.classes
        labels = targets if known is None else tuple(map(str, known.labels))
        name = "" if known is None else known.name
        return (_of_many(name, labels, y, eta, loss.mean(eta), weight),)
    found: list[Judged] = []
    for k, name in enumerate(targets):
        labels = ("no", "yes") if model.classes is None else tuple(map(str, model.classes.labels))
        found.append(_of_two(name, labels, y[:, k], eta[:, k], loss.mean(eta[:, k]), weight))
    return tuple(found)


def _of_two(
    name: str, labels: tuple[str, ...], y: Vector, eta: Vector, p: Vector, weight: Vector | None
) -> Judged:
    good = np.isfinite(p)
    y, p, s = y[good], p[good], _ones(weight, y)[good]
    guess = (eta[good] > 0.0).astype(np.intp)
    confusion = _confusion(np.column_stack([1.0 - y, y]), guess, s)
    ranked = (rank(labels[1], y, p, s),) if y.size else ()
    return Judged(name, good.size, y.size, weight is not None, 2, ranked, labels, confusion)


def _of_many(
    name: str, labels: tuple[str, ...], y: Vector, eta: Vector, p: Vector, weight: Vector | None
) -> Judged:
    good = np.isfinite(p).all(axis=1)
    rows, (y, p, s) = good.size, (y[good], p[good], _ones(weight, y)[good])
    guess = eta[good].argmax(axis=1)
    confusion = _confusion(y, guess, s)
    total = confusion.sum(axis=1)
    kept = np.sort(np.argsort(-total, kind="stable")[:MOST_CLASSES])
    shown: tuple[str | None, ...] = tuple(labels[j] for j in kept)
    if kept.size < len(labels):
        place = np.full(len(labels), kept.size)
        place[kept] = np.arange(kept.size)
        merged = np.zeros((kept.size + 1, kept.size + 1))
        np.add.at(merged, (place[:, None], place[None, :]), confusion)
        confusion, shown = merged, (*shown, None)
    ranked = tuple(rank(labels[j], y[:, j], p[:, j], s) for j in kept) if s.size else ()
    count, several = int(s.size), weight is not None
    return Judged(name, rows, count, several, len(labels), ranked, shown, confusion)


def rank(label: str, y: Vector, p: Vector, s: Vector) -> Ranked:
    """What is said of one class.

    Parameters
    ----------
    y : (n,) share of each row that is of the class ; p : (n,) its probability, finite
    s : (n,) positive weights

    Examples
    --------
    >>> y, p = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.4, 0.35, 0.8])
    >>> found = rank("yes", y, p, np.ones(4))
    >>> found.auc, round(found.average_precision, 6)
    (0.75, 0.833333)
    """
    predicted, observed, counts = _calibration(y, p, s)
    order = np.argsort(-p, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(p[order])), p.size - 1)  # where a threshold may lie
    true = np.cumsum((s * y)[order])[ends]
    false = np.cumsum((s * (1.0 - y))[order])[ends]
    precision = np.concatenate([true[:1] / (true[:1] + false[:1]), true / (true + false)])
    recall, false = np.append(0.0, true), np.append(0.0, false)
    share = float(recall[-1] / (recall[-1] + false[-1]))
    recall = recall / recall[-1] if recall[-1] > 0.0 else np.full(recall.size, np.nan)
    false = false / false[-1] if false[-1] > 0.0 else np.full(false.size, np.nan)
    both = math.isfinite(recall[-1]) and math.isfinite(false[-1])
    auc = float(np.trapezoid(recall, false)) if both else math.nan
    average = float(np.diff(recall) @ precision[1:]) if both else math.nan
    kept = _drawn(np.nan_to_num(recall) + np.nan_to_num(false))
    return Ranked(
        label, share, predicted, observed, counts,
        false[kept], recall[kept], precision[kept], int(ends.size), auc, average,
    )  # fmt: skip


def _drawn(way: Vector) -> NDArray[np.intp]:
    """Which points to draw of a curve of such lengths (m,) up to each: all where they are few.

    They are as far from each other: most of a rare class's curve is that of the first few rows.
    """
    if way.size <= MOST_POINTS:
        return np.arange(way.size)
    places = np.searchsorted(way, np.linspace(0.0, way[-1], MOST_POINTS))
    return np.unique(np.append(places, way.size - 1))


def _calibration(y: Vector, p: Vector, s: Vector) -> tuple[Vector, Vector, NDArray[np.intp]]:
    """Bins between the quantiles of p: equal probabilities share one, and empty ones are left."""
    bins = min(BINS, max(p.size // ROWS_IN_BIN, 1))
    edges = np.percentile(p, np.linspace(0.0, 1.0, bins + 1) * 100)
    place = np.searchsorted(edges[1:-1], p)
    counts = np.bincount(place, minlength=bins)
    kept = counts > 0
    mass = np.bincount(place, s, bins)[kept]
    predicted = np.bincount(place, s * p, bins)[kept] / mass
    observed = np.bincount(place, s * y, bins)[kept] / mass
    return predicted, observed, counts[kept]


def _confusion(y: Vector, guess: NDArray[np.intp], s: Vector) -> Vector:
    """(K, K) sums of weight; rows are the true classes, columns the likeliest ones."""
    found = np.zeros((y.shape[1], y.shape[1]))
    for j, row in enumerate(found):
        row[:] = np.bincount(guess, s * y[:, j], y.shape[1])
    return found


def _ones(weight: Vector | None, y: Vector) -> Vector:
    return np.ones(y.shape[0]) if weight is None else weight
