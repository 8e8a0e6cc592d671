"""What `fit` and `path` share: their options, what is refused before reading, the table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from leastwise.cli.text import complain, say
from leastwise.encoding import require
from leastwise.encoding.kinds import missing_rows, plain
from leastwise.errors import DataError, LeastwiseWarning, UsageError
from leastwise.losses import Loss, Squared, for_classes
from leastwise.planning import memory_allowed
from leastwise.report.words import count
from leastwise.solvers import SOLVERS
from leastwise.sources.table import Table, table

if TYPE_CHECKING:
    import warnings

    import pyarrow as pa

Float = NDArray[np.float64]

UNCONVERGED = 3


@dataclass(frozen=True)
class Reading:
    """The options that say which rows and columns of a table are read, by their names there."""

    file: str
    target: tuple[str, ...]
    features: tuple[str, ...]
    exclude: tuple[str, ...]
    category: tuple[str, ...]
    weight: str | None
    missing: Literal["drop", "error"]


@dataclass(frozen=True)
class Shared(Reading):
    """The options that every command that fits has, by their names there."""

    standardize: bool
    positive: bool
    lower: tuple[str, ...]
    upper: tuple[str, ...]
    unpenalised: tuple[str, ...]
    solver: str
    tol: float
    max_iter: int | None
    memory: str | None
    no_intercept: bool
    report: str | None
    save: str | None
    as_json: bool
    everything: bool


def refuse_without_file(options: Reading) -> None:
    """Refuse options that name columns where there is no table."""
    given = (
        ("--target", options.target),
        ("--features", options.features),
        ("--exclude", options.exclude),
        ("--category", options.category),
        ("--weight", options.weight),
    )
    for name, value in given:
        if value:
            raise UsageError(f"{name} names columns of a table: name its FILE as well")


def check(options: Shared) -> int | None:
    """Refuse options that no data could make good; the memory allowed, if stated."""
    if not 0.0 <= options.tol < float("inf"):
        raise UsageError(f"--tol must be a number of at least 0, not {options.tol}")
    if options.solver != "auto" and options.solver not in SOLVERS:
        names = ["auto", *SOLVERS]
        near = get_close_matches(options.solver, names, 1, cutoff=0.5)
        hint = f"did you mean {near[0]}? T" if near else "t"
        raise UsageError(f"unknown solver {options.solver!r}: {hint}here are {', '.join(names)}")
    if options.positive and options.lower:
        raise UsageError("--positive is --lower 0 in short: leave --positive or --lower out")
    return None if options.memory is None else memory_allowed(options.memory)


def rows_of(options: Reading, arrow: pa.Table, apart: Sequence[str] = ()) -> Table:
    """The rows to fit; columns `apart` are no features unless --features names them."""
    there = arrow.column_names
    target = names(options.target, there)
    if not target:
        shown = ", ".join(map(repr, there[:30])) + (", ..." if len(there) > 30 else "")
        raise UsageError(
            f"name the column to predict with --target; {options.file} has the columns {shown}"
        )
    features = names(options.features, there)
    if options.features and not features:
        raise UsageError("--features names no column: give one, or leave the option out for all")
    if options.weight == "":
        raise UsageError("--weight names no column: give one, or leave the option out")
    return table(
        arrow,
        target=target,
        features=features or None,
        exclude=[*names(options.exclude, there), *(() if features else apart)],
        categories=names(options.category, there),
        weight=options.weight,
        missing=options.missing,
    )


def names(given: Sequence[str], there: Sequence[str]) -> list[str]:
    """The names in options that are repeated or hold commas; a column's whole name is one name."""
    found: list[str] = []
    for text in given:
        parts = [text] if text in there else [part.strip() for part in text.split(",")]
        found += [part for part in parts if part]
    return list(dict.fromkeys(found))


def factors(options: Shared, rows: Table) -> Float | None:
    """(p,) penalty factors: 0 for the columns of the features that --unpenalised names."""
    if not options.unpenalised:
        return None
    features = [feature.name for feature in rows.encoding.features]
    chosen = names(options.unpenalised, features)
    if not chosen:
        raise UsageError("--unpenalised names no column: give one, or leave the option out")
    require(chosen, features, "was to be unpenalised")
    free = [feature.name in chosen for feature in rows.encoding.features for _ in feature.columns]
    return np.where(free, 0.0, 1.0)


def bounds(options: Shared, rows: Table) -> tuple[Float | None, Float | None] | None:
    """(p,) lower and (p,) upper of the coefficients, as --lower, --upper and --positive ask."""
    lower = ("0",) if options.positive else options.lower
    if not lower and not options.upper:
        return None
    return _bound("--lower", lower, rows, -np.inf), _bound("--upper", options.upper, rows, np.inf)


def _bound(option: str, given: Sequence[str], rows: Table, none: float) -> Float | None:
    """(p,) the bounds of one side: a number for all, then those of single features."""
    if not given:
        return None
    features = [feature.name for feature in rows.encoding.features]
    own: dict[str, float] = {}  # of all features under no name
    for part in names(given, [text for text in given if text.rpartition("=")[0] in features]):
        name, equals, text = part.rpartition("=")
        try:
            value = float(text)
        except ValueError:
            raise UsageError(
                f"{option}: {text!r} is not a number; give one for all columns ({option} 0), or "
                f"name=number pairs ({option} area=0,rooms=-5)"
            ) from None
        if equals:
            require((name,), features, f"was given to {option}")
        if name in own:
            raise UsageError(f"{option} has two numbers for {name or 'all columns'}: give one")
        own[name] = value
    if not own:
        raise UsageError(f"{option} names no bound: give a number, or leave the option out")
    every = own.get("", none)
    return np.array(
        [
            own.get(feature.name, every)
            for feature in rows.encoding.features
            for _ in feature.columns
        ]
    )


def labels(column: str, arrow: pa.Table, rows: Table) -> NDArray[np.int32]:
    """(n,) a number for each value of a column of the table, in the rows that are fitted.

    Raises
    ------
    DataError
        It misses a value in one of these rows.
    """
    kept = np.ones(arrow.num_rows, bool)
    for name in rows.missing:
        absent = missing_rows(plain(name, arrow.column(name)))
        if absent is not None:
            kept &= ~absent
    values = plain(column, arrow.column(column))
    absent = missing_rows(values)
    if absent is not None and (absent & kept).any():
        first = int(np.argmax(absent & kept)) + 1
        raise DataError(
            f"the group {column!r} has no value in {count((absent & kept).sum(), 'row')}, first "
            f"in data row {first}: fill it in, or leave such rows out of the file"
        )
    codes = values.combine_chunks().dictionary_encode().indices.fill_null(-1)
    return codes.to_numpy(zero_copy_only=False)[kept]


def warn(caught: Iterable[warnings.WarningMessage]) -> None:
    """Say each warning of ours once, on stderr."""
    ours = (entry for entry in caught if issubclass(entry.category, LeastwiseWarning))
    for words in dict.fromkeys(str(entry.message) for entry in ours):
        complain(f"warning: {words}")


def put(path: str | None, content: str | bytes, what: str, *, quiet: bool) -> None:
    """Write what was asked for, whole or not at all, and say so."""
    if path is None:
        return
    from leastwise.files import write_atomically

    write_atomically(path, content)
    if not quiet:
        say(f"wrote        {what} to {path}\n")


def numbers(option: str, text: str, *, most: float = math.inf) -> list[float]:
    """The numbers, from 0 to `most`, of a list with commas."""
    found: list[float] = []
    for part in filter(None, map(str.strip, text.split(","))):
        try:
            value = float(part)
        except ValueError:
            raise UsageError(f"{option}: {part!r} is not a number") from None
        if not 0.0 <= value <= most or math.isinf(value):
            limit = "at least 0" if math.isinf(most) else f"from 0 to {most:g}"
            raise UsageError(f"{option} takes numbers {limit}, not {part}")
        found.append(value)
    if not found:
        raise UsageError(f"{option} is empty: give a number")
    return found


def strengths(text: str) -> int | list[float]:
    """How many strengths, or a list of them: "100", "5,2,1", "0.5"."""
    if text.strip().isdecimal():
        return int(text)
    return numbers("--strengths", text)


def suited(rows: Table, loss: Loss | None) -> tuple[Table, Loss]:
    """The rows as the loss takes them, and the loss: a target of classes asks for the logistic."""
    guessed = loss is None and rows.classes is not None
    if guessed or (loss is not None and loss.of_classes):
        rows = rows.classified()
        assert rows.classes is not None, "just made"
        loss = for_classes(len(rows.classes.labels))
        if guessed:
            rows.notes = (
                f"the target {rows.classes.name} is of classes, so that --loss logistic was taken",
                *rows.notes,
            )
    return rows, Squared() if loss is None else loss
