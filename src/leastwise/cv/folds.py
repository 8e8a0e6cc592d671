"""Folds: which rows each fit is trained on, and which it is judged by.

A number of folds, a scikit-learn splitter, pairs of indices, or a label for every row. Where the
tests part the rows and each training set is the rest, nothing but the tests is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leastwise.errors import DataError, UsageError

Rows = NDArray[np.intp]
CHOICES = (
    "a number of folds, a splitter, pairs of (train, test) rows, a label a row, 'loo' or 'gcv'"
)


@dataclass(frozen=True)
class Folds:
    """The folds of n rows.

    Parameters
    ----------
    rows : n
    tests : for each fold the rows it is judged by, in increasing order
    trains : for each fold those it is trained on; None where they are all others, and the tests
    part the rows
    """

    rows: int
    tests: tuple[Rows, ...]
    trains: tuple[Rows, ...] | None = None

    def __len__(self) -> int:
        return len(self.tests)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many rows each fold is judged by."""
        return tuple(test.size for test in self.tests)

    def training(self, fold: int) -> Rows:
        """The rows that a fold is trained on, in increasing order."""
        if self.trains is not None:
            return self.trains[fold]
        kept = np.ones(self.rows, bool)
        kept[self.tests[fold]] = False
        return np.flatnonzero(kept)


def make_folds(
    cv: Any,
    y: NDArray[np.float64],
    *,
    groups: ArrayLike | None = None,
    seed: int | None = 0,
    classes: NDArray[np.intp] | None = None,
) -> Folds:
    """The folds that `cv` asks for.

    Parameters
    ----------
    cv : a number of folds (rows shuffled by `seed`, sizes that differ by one at most), a
    scikit-learn splitter, an iterable of (train, test) indices or masks, or n labels, each of which
    is a fold
    y : (n, k) targets, which some splitters look at
    groups : (n,) labels of rows that must stay together, for splitters and numbers of folds
    classes : (n,) the class of each row, where a number of folds is to hold all in their shares;
    splitters are given them in the place of y

    Raises
    ------
    UsageError
        If `cv` is none of these, or a fold is empty, not of these rows, or tested on what it is
        trained on.
    DataError
        If there are fewer rows or groups than folds.

    Examples
    --------
    >>> make_folds(3, np.zeros((7, 1))).sizes
    (3, 2, 2)
    >>> make_folds(["a", "b", "a"], np.zeros((3, 1))).tests
    (array([0, 2]), array([1]))
    """
    n = y.shape[0]
    if isinstance(cv, str):
        raise UsageError(f"cv must be {CHOICES}; not {cv!r}")
    labels = None if groups is None else _labels("groups", groups, n)
    if isinstance(cv, (int, np.integer)):
        if cv < 2:
            raise UsageError(f"cv must be at least 2 folds, not {cv}")
        if labels is None:
            if cv > n:
                raise DataError(f"{cv} folds need as many rows, and there are {n}: take fewer (cv)")
            order = np.random.default_rng(seed).permutation(n)
            if classes is not None:  # dealt out class by class, each fold has its share of all
                order = order[np.argsort(classes[order], kind="stable")]
                return Folds(n, tuple(np.sort(order[first::cv]) for first in range(int(cv))))
            return Folds(n, tuple(np.sort(part) for part in np.array_split(order, int(cv))))
        from sklearn.model_selection import GroupKFold

        found = np.unique(labels).size
        if cv > found:
            raise DataError(
                f"{cv} folds need as many groups, and there are {found}: take fewer (cv)"
            )
        cv = GroupKFold(int(cv))
    if hasattr(cv, "split"):
        target = y[:, 0] if y.shape[1] == 1 else y
        if classes is not None:
            target = classes
        return _from_pairs(cv.split(np.zeros((n, 1)), target, labels), n)
    if labels is not None:
        raise UsageError("groups go with a splitter or a number of folds; give the labels as cv")
    if not isinstance(cv, Iterable):
        raise UsageError(f"cv must be {CHOICES}; not {cv!r}")
    entries = list(cv)
    if entries and not isinstance(entries[0], (tuple, list, np.ndarray)):
        values, inverse = np.unique(_labels("cv", entries, n), return_inverse=True)
        if values.size < 2:
            raise UsageError("cv gives every row the same label: at least two folds are needed")
        return Folds(n, tuple(np.flatnonzero(inverse == fold) for fold in range(values.size)))
    return _from_pairs(entries, n)


def _labels(name: str, given: ArrayLike, n: int) -> NDArray[Any]:
    labels = np.asarray(given)
    if labels.shape != (n,):
        raise UsageError(f"{name} must hold a label for each of the {n} rows, not {labels.shape}")
    return labels


def _from_pairs(pairs: Iterable[Any], n: int) -> Folds:
    trains: list[Rows] = []
    tests: list[Rows] = []
    for number, pair in enumerate(pairs):
        try:
            train, test = pair
        except (TypeError, ValueError):
            raise UsageError(f"cv must be {CHOICES}; entry {number} is {pair!r}") from None
        train, test = (_rows(part, n, number) for part in (train, test))
        tested = np.zeros(n, bool)  # NumPy's operations on sets take longer than a lasso fit
        tested[test] = True
        if tested[train].any():
            raise UsageError(f"fold {number} is tested on rows that it is trained on")
        trains.append(train)
        tests.append(test)
    if len(tests) < 2:
        raise UsageError("cv gives fewer than two folds: there is nothing to compare")
    count = np.bincount(np.concatenate(tests), minlength=n)
    parted = bool((count == 1).all())
    if parted and all(
        train.size == n - test.size and (train[1:] > train[:-1]).all()
        for train, test in zip(trains, tests, strict=True)
    ):
        return Folds(n, tuple(tests))
    return Folds(n, tuple(tests), tuple(trains))


def _rows(given: Any, n: int, number: int) -> Rows:
    rows = np.asarray(given)
    if rows.dtype == bool and rows.shape == (n,):
        rows = np.flatnonzero(rows)
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or rows.size == 0:
        raise UsageError(
            f"fold {number} of cv needs row numbers for training and for testing, at least one of "
            "each"
        )
    if rows.min() < -n or rows.max() >= n:
        raise UsageError(f"fold {number} of cv names a row that is not among the {n} given")
    rows = np.where(rows < 0, rows + n, rows).astype(np.intp, copy=False)
    return rows if (rows[1:] >= rows[:-1]).all() else np.sort(rows)
