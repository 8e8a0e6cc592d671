"""Which column of a table is what: targets, features, weight."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from leastwise.encoding import require
from leastwise.errors import DataError, UsageError

Names = str | Sequence[str]


@dataclass(frozen=True)
class Roles:
    """Which column is what."""

    targets: tuple[str, ...]
    features: tuple[str, ...] | None
    exclude: tuple[str, ...]
    categories: tuple[str, ...]
    weight: str | None

    @classmethod
    def of(
        cls,
        target: Names | None,
        features: Names | None,
        exclude: Names,
        categories: Names,
        weight: str | None,
    ) -> Roles:
        targets = _names(target)
        weight = next(iter(_names(weight)), None)
        if not targets:
            raise UsageError("name the column to predict: target='price' (--target price)")
        if weight in targets:
            raise UsageError(f"{weight!r} cannot be both the target and the weight")
        given = None if features is None else _names(features)
        left_out, texts = _names(exclude), _names(categories)
        for one, some, other, others in (
            ("the target", targets, "excluded", left_out),
            ("a feature", given or (), "excluded", left_out),
            ("the target", targets, "a category", texts),
            ("excluded", left_out, "a category", texts),
        ):
            if both := set(some) & set(others):
                raise UsageError(f"{min(both)!r} cannot be both {one} and {other}")
        if given is not None and (idle := [name for name in texts if name not in given]):
            raise UsageError(f"{idle[0]!r} was named as a category and is not among the features")
        return cls(targets, given, left_out, texts, weight)

    def within(self, given: Sequence[str]) -> Roles:
        """The same with every feature named, all of them columns that are there."""
        require(self.targets, given, "was named as a target")
        require(self.features or (), given, "was named as a feature")
        require(self.exclude, given, "was to be excluded")
        require(self.categories, given, "was named as a category")
        require((self.weight,) if self.weight else (), given, "was named as the weight")
        out = {*self.targets, *self.exclude}
        if self.features is None:
            out.add(self.weight or "")
        names = given if self.features is None else self.features
        features = tuple(name for name in names if name not in out)
        if not features:
            raise DataError(
                "no column is left to predict from: the table has "
                f"{', '.join(repr(name) for name in given[:8])}{', ...' if len(given) > 8 else ''}"
            )
        return Roles(self.targets, features, self.exclude, self.categories, self.weight)

    @property
    def numeric(self) -> tuple[str, ...]:
        """The columns that must be numbers: targets and weight."""
        return (*self.targets, self.weight) if self.weight else self.targets

    @property
    def used(self) -> tuple[str, ...]:
        """All columns that are read, each once."""
        return tuple(dict.fromkeys((*(self.features or ()), *self.numeric)))


def _names(names: Names | None) -> tuple[str, ...]:
    """Names as text, each once: pandas names columns by numbers as well."""
    if isinstance(names, str) or not isinstance(names, Iterable):
        return () if names is None else (str(names),)
    return tuple(dict.fromkeys(map(str, names)))
