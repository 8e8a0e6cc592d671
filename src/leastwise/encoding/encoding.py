"""The columns of a table as the columns of a matrix, fixed by the table it was learned from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from leastwise.encoding.feature import Feature, learn
from leastwise.encoding.kinds import KINDS, dated, missing_rows, plain
from leastwise.encoding.matrix import Part, assemble
from leastwise.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa
    from scipy.sparse import csr_array

NEAR = 0.7  # how alike names must be, from 0 to 1, to be taken for a slip of the pen


@dataclass(frozen=True)
class Encoding:
    """How a table becomes a matrix: its features in order, with their levels, and its targets.

    Holds no rows: names, kinds and the levels of categories only.

    Parameters
    ----------
    features : tuple of Feature
        In the order of their columns.
    targets : tuple of str
        The columns that a model predicts.

    Examples
    --------
    >>> import pyarrow as pa
    >>> table = pa.table({"area": [70, 55, 90], "town": ["Ulm", "Bonn", "Ulm"], "rent": [9, 8, 11]})
    >>> encoding = Encoding.learn(table, ["area", "town"], targets=["rent"])
    >>> encoding.columns
    ('area', 'town=Ulm')
    >>> encoding.transform(table)
    array([[70.,  1.],
           [55.,  0.],
           [90.,  1.]])
    >>> encoding.notes()
    ('town: 2 levels, base Bonn',)
    """

    features: tuple[Feature, ...]
    targets: tuple[str, ...]

    @classmethod
    def learn(
        cls,
        table: pa.Table,
        features: Iterable[str],
        *,
        targets: Iterable[str],
        categories: Collection[str] = (),
    ) -> Encoding:
        """The encoding that a table without missing values calls for.

        Parameters
        ----------
        table : pyarrow.Table
            Has a column for each feature; more do no harm.
        features : iterable of str
            The columns to encode.
        targets : iterable of str
            The columns to predict; kept by name only.
        categories : collection of str
            Features whose values are levels though they are numbers.

        Raises
        ------
        DataError
            A column cannot stand for numbers; see `leastwise.encoding.feature.learn`.
        """
        learned = [
            learn(name, plain(name, table.column(name)), name in categories) for name in features
        ]
        return cls(tuple(learned), tuple(targets))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names (p,) of the encoded columns; a second column of a name gets " (2)" after it."""
        taken = {feature.name for feature in self.features if feature.kind != "category"}
        names: list[str] = []
        for feature in self.features:
            for column in feature.columns:
                name, copy = column, 2
                while feature.kind == "category" and name in taken:
                    name, copy = f"{column} ({copy})", copy + 1
                taken.add(name)
                names.append(name)
        return tuple(names)

    def notes(self) -> tuple[str, ...]:
        """What the names of the columns do not say: levels and their base, the origin of dates."""
        notes = (feature.note() for feature in self.features)
        return tuple(note for note in notes if note is not None)

    def transform(self, table: pa.Table) -> np.ndarray | csr_array:
        """The matrix of a table that has the same columns; their order and others do not matter.

        Parameters
        ----------
        table : pyarrow.Table of n rows
            The targets need not be there.

        Returns
        -------
        float64 ndarray in C order, or csr_array, of shape (n, p)
            A row with a missing value is NaN: throughout where dense, in column 0 where CSR, so
            that its prediction is NaN. A level that the fit never saw counts as the base, with a
            `LeastwiseWarning`.

        Raises
        ------
        DataError
            A column is absent, named twice, of another kind than it was, or has an infinite value.
        """
        given = table.column_names
        require([feature.name for feature in self.features], given, "the model needs")
        missing = np.zeros(table.num_rows, dtype=bool)
        columns = [_column(feature, table) for feature in self.features]
        for column in columns:
            absent = missing_rows(column)
            if absent is not None:
                missing |= absent
        parts: list[Part] = []
        for feature, column in zip(self.features, columns, strict=True):
            if feature.kind == "category":
                parts.append((feature.codes(column, missing), len(feature.levels) - 1))
            else:
                parts.append((feature.values(column), 1))
        return assemble(parts, table.num_rows, missing)

    def to_dict(self) -> dict[str, Any]:
        """A dict of JSON's own types, from which `from_dict` makes an equal encoding."""
        return {
            "features": [
                {"name": feature.name, "kind": feature.kind}
                | ({"levels": list(feature.levels)} if feature.kind == "category" else {})
                for feature in self.features
            ],
            "targets": list(self.targets),
        }

    @classmethod
    def from_dict(cls, saved: object) -> Encoding:
        """The encoding that `to_dict` gave this dict for.

        Raises
        ------
        DataError
            It is not the dict of an encoding.
        """
        if not isinstance(saved, dict) or set(cast("dict[str, Any]", saved)) != {
            "features",
            "targets",
        }:
            raise _not_ours("an object with features and targets was expected")
        features, targets = saved["features"], saved["targets"]
        if not isinstance(features, list) or not features:
            raise _not_ours("its features are no list, or an empty one")
        if not _is_names(targets) or not targets:
            raise _not_ours("its targets are no list of different names")
        learned = tuple(_feature(feature) for feature in cast("list[object]", features))
        if not _is_names([feature.name for feature in learned]):
            raise _not_ours("two of its features have one name")
        return cls(learned, tuple(targets))


def _column(feature: Feature, table: pa.Table) -> pa.ChunkedArray:
    column = plain(feature.name, table.column(feature.name))
    return dated(column) if feature.kind in ("date", "instant") else column


def require(names: Iterable[str], given: Sequence[str], purpose: str) -> None:
    """Raise a DataError unless each of these columns is there, once.

    Parameters
    ----------
    names : iterable of str
        What is needed.
    given : sequence of str
        What the table has.
    purpose : str
        Who needs it, in words that the missing name completes: "the model needs".
    """
    there = set(given)
    for name in names:
        if name not in there:
            raise DataError(
                f"there is no column {name!r}, which {purpose}: {_nearest(name, given)}"
            )
        if given.count(name) > 1:
            raise DataError(f"there are {given.count(name)} columns named {name!r}: rename them")


def _nearest(name: str, given: Sequence[str]) -> str:
    folded = {other.casefold(): other for other in given}
    key = name.casefold()
    near = [folded[other] for other in get_close_matches(key, folded, 3, cutoff=NEAR)]
    near += [other for other in given if key in other.casefold() or other.casefold() in key]
    if near:
        return "did you mean " + " or ".join(repr(other) for other in dict.fromkeys(near[:3])) + "?"
    dots = ", ..." if len(given) > 8 else ""
    return f"the columns are {', '.join(repr(other) for other in given[:8])}{dots}"


def _not_ours(why: str) -> DataError:
    return DataError(f"this is not an encoding that leastwise saved: {why}")


def _is_names(names: object) -> bool:
    if not isinstance(names, list):
        return False
    listed = cast("list[object]", names)
    return all(isinstance(name, str) for name in listed) and len(set(listed)) == len(listed)


def _feature(saved: object) -> Feature:
    if not isinstance(saved, dict):
        raise _not_ours("a feature is no object")
    given = cast("dict[str, Any]", saved)
    name, kind, levels = given.get("name"), given.get("kind"), given.get("levels", [])
    if not isinstance(name, str) or kind not in KINDS:
        raise _not_ours("a feature has no name, or a kind that is not known")
    if kind != "category":
        if levels or set(given) != {"name", "kind"}:
            raise _not_ours(f"feature {name!r} has more than a name and a kind")
        return Feature(name, kind)
    if not isinstance(levels, list) or not levels or set(given) != {"name", "kind", "levels"}:
        raise _not_ours(f"feature {name!r} has no list of levels")
    listed = cast("list[Any]", levels)
    types: set[type] = {type(level) for level in listed}
    if types not in ({str}, {bool}) and not types <= {int, float}:
        raise _not_ours(f"the levels of {name!r} are not all text, all numbers or all true/false")
    if len(set(listed)) != len(listed) or not all(
        isfinite(level) if type(level) is float else abs(level) < 2**63
        for level in listed
        if type(level) is not str
    ):
        raise _not_ours(f"the levels of {name!r} are not finite and different")
    return Feature(name, kind, tuple(listed))
