"""Tables on disk or in frames: named columns in, encoded rows in memory out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from leastwise.encoding import MOST_LEVELS, Classes, Encoding, Feature
from leastwise.encoding.arrow import from_numpy
from leastwise.encoding.kinds import (
    Kind,
    dated,
    floats,
    is_text,
    kind_of,
    missing_rows,
    plain,
    refuse_infinite,
)
from leastwise.encoding.levels import levels_of
from leastwise.encoding.text import refuse_numbers
from leastwise.errors import DataError, UsageError
from leastwise.sources.findings import findings
from leastwise.sources.memory import MemorySource
from leastwise.sources.readers import read_arrow
from leastwise.sources.roles import Names, Roles

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["Table", "read_arrow", "table"]


class Table(MemorySource):
    """The complete rows of a table, encoded, with what was found on the way; `table` makes it.

    Parameters
    ----------
    X : ndarray or csr_array of shape (n, p)
        The encoded features.
    y : ndarray of shape (n, k)
        The targets.
    weight : ndarray of shape (n,), or None
        The rows' weights.
    encoding : Encoding
        How X came from the table.
    rows_read, rows_dropped : int
        Rows in the table, and those left out because a value was missing.
    missing : dict of str to int
        How many values were missing in each of the columns where any was.
    notes : tuple of str
        Findings in words: dropped rows, single values, identifiers, then those of
        `encoding.notes()`.
    classes : Classes, or None
        What y stands for, where the target is text, categorical or boolean.
    """

    def __init__(
        self,
        X: Any,
        y: NDArray[np.float64],
        weight: NDArray[np.float64] | None = None,
        *,
        encoding: Encoding,
        rows_read: int,
        rows_dropped: int = 0,
        missing: dict[str, int] | None = None,
        notes: tuple[str, ...] = (),
        classes: Classes | None = None,
    ) -> None:
        targets = encoding.targets if classes is None else classes.outputs
        columns = encoding.columns
        super().__init__(X, y, weight, columns=columns, targets=targets, classes=classes)
        self.encoding = encoding
        self.rows_read = rows_read
        self.rows_dropped = rows_dropped
        self.missing = dict(missing or {})
        self.notes = notes

    def take(self, rows: NDArray[np.intp]) -> Table:
        """A table of the chosen rows (a copy of them); what was found in all of them stays."""
        part = super().take(rows)
        return Table(
            part.X,
            part.y,
            part.weight,
            encoding=self.encoding,
            rows_read=self.rows_read,
            rows_dropped=self.rows_dropped,
            missing=self.missing,
            notes=self.notes,
            classes=self.classes,
        )


def table(
    path_or_frame: Any,
    *,
    target: Names = (),
    features: Names | None = None,
    exclude: Names = (),
    categories: Names = (),
    weight: str | None = None,
    missing: Literal["drop", "error"] = "drop",
) -> Table:
    """Read a table and encode it for a fit.

    Numbers stay as they are, true and false become 1 and 0, text and categoricals one column for
    each level but the first (the base), dates and times days since 1970-01-01 (in UTC where they
    have a time zone). Rows with a missing value in a column that is used are left out and counted.

    Parameters
    ----------
    path_or_frame : path, frame or dict
        What `read_arrow` takes: a CSV, Parquet, Arrow, .npy or .npz file; a pandas, polars or
        pyarrow frame; a dict of arrays.
    target : str or sequence of str
        The column to predict, or several. A single one may be text, categorical or true and false:
        its values are classes.
    features : str or sequence of str, optional
        The columns to predict from, in this order; by default all but the targets and the weight.
        A target among them is left out.
    exclude : str or sequence of str
        Columns to leave out.
    categories : str or sequence of str
        Columns whose values are names though they are numbers, such as a zipcode.
    weight : str, optional
        The column of the rows' weights.
    missing : "drop" or "error"
        What to do with a row that has a missing value.

    Returns
    -------
    Table
        A source of rows for any fit.

    Raises
    ------
    DataError
        The file cannot be read, a column is absent or not of use, a value is infinite, or fewer
        than two rows are complete.
    UsageError
        No target is named, or the file's suffix or the frame's type is not known.

    Examples
    --------
    >>> rents = {"area": [70, 55, None], "town": ["Ulm", "Bonn", "Ulm"], "rent": [9.5, 8, 11]}
    >>> rows = table(rents, target="rent")
    >>> rows.columns, rows.X
    (('area', 'town=Ulm'), array([[70.,  1.], [55.,  0.]]))
    >>> rows.notes
    ('1 of 3 rows left out for missing values (area 1)', 'town: 2 levels, base Bonn')
    """
    if missing not in ("drop", "error"):
        raise UsageError(f"missing is {missing!r}: say 'drop' or 'error'")
    roles = Roles.of(target, features, exclude, categories, weight)
    arrow = read_arrow(path_or_frame)
    roles = roles.within(arrow.column_names)
    as_they_are = {*roles.numeric, *roles.categories}
    columns: dict[str, pa.ChunkedArray] = {}
    for name in roles.used:
        column = plain(name, arrow.column(name))
        columns[name] = column if name in as_they_are else dated(column)
    for name in roles.numeric:
        _require_number(name, columns[name], roles)
    for name in roles.features or ():
        if name not in roles.categories and is_text(columns[name]):
            remedy = f"take it as it is (--category {name}) or leave it out (--exclude {name})"
            refuse_numbers(name, columns[name], remedy)
    counts, kept = _complete(columns, roles, missing)
    rows = np.flatnonzero(kept)
    for name, column in columns.items():
        if kind_of(name, column.type) == "number" and not _whole(column):
            values = floats(column, "number")
            refuse_infinite(name, values[rows] if counts else values, rows)
    dropped = arrow.num_rows - rows.size
    if dropped:
        mask = from_numpy(kept)
        columns = {name: column.filter(mask) for name, column in columns.items()}
    weights = _weights(roles.weight, columns[roles.weight], rows) if roles.weight else None
    if rows.size < 2:
        raise DataError(
            f"too few rows: {rows.size} complete of {arrow.num_rows}, and a fit needs 2 or more"
        )
    return _encode(columns, roles, weights, arrow.num_rows, counts)


def _require_number(name: str, column: pa.ChunkedArray, roles: Roles) -> None:
    """Refuse a target or weight that is no number; a single target may be one of classes."""
    role = "weight" if name == roles.weight else "target"
    kind = kind_of(name, column.type)
    if kind in ("number", "boolean"):
        return
    if kind != "category":
        raise DataError(f"the {role} {name!r} is a {kind}: it must be a number; convert it first")
    if is_text(column):
        refuse_numbers(name, column, f"name another {role}")
    if role == "target" and len(roles.targets) == 1:
        return
    classes = len(column.drop_null().unique())
    what = "text" if is_text(column) else "categorical"
    why = "only a single target may be classes" if role == "target" else "weights are numbers"
    raise DataError(
        f"the {role} {name!r} is {what} with {classes} different values, and {why}: name another "
        f"{role}, or code it as numbers"
    )


def _whole(column: pa.ChunkedArray) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(column.type))


def _complete(
    columns: dict[str, pa.ChunkedArray], roles: Roles, missing: str
) -> tuple[dict[str, int], NDArray[np.bool_]]:
    """How many values each column misses, and a mask of the rows that miss none."""
    rows = len(next(iter(columns.values())))
    kept = np.ones(rows, dtype=bool)
    counts: dict[str, int] = {}
    for name, column in columns.items():
        mask = missing_rows(column)
        if mask is not None:
            counts[name] = int(mask.sum())
            kept &= ~mask
    if not counts:
        return counts, kept
    told = ", ".join(f"{name} {count}" for name, count in counts.items())
    if missing == "error":
        first = int(np.argmin(kept)) + 1
        incomplete = rows - int(kept.sum())
        raise DataError(
            f"values are missing in {incomplete} of {rows} rows ({told}), first in data row "
            f"{first}: fill them in, or leave such rows out with missing='drop' (--missing drop)"
        )
    if not kept.any():
        empty = [name for name, count in counts.items() if count == rows]
        if empty:
            remedy = " ".join(f"--exclude {name}" for name in empty if name not in roles.numeric)
            what = f"exclude it ({remedy})" if remedy else "name another column"
            raise DataError(
                f"all rows have a missing value, since {', '.join(map(repr, empty))} "
                f"{'has' if len(empty) == 1 else 'have'} no value at all: {what}"
            )
        raise DataError(
            f"all {rows} rows have a missing value ({told}): fill them in, or exclude the columns "
            "with the most"
        )
    return counts, kept


def _weights(name: str, column: pa.ChunkedArray, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    values = floats(column, kind_of(name, column.type))
    if (values < 0).any():
        first = int(np.argmax(values < 0))
        raise DataError(
            f"the weight {name!r} is negative ({values[first]:g}) in data row {rows[first] + 1}: "
            "weights are 0 or more"
        )
    if not values.any():
        raise DataError(f"the weight {name!r} is 0 in every row: no row would count")
    return values


def _encode(
    columns: dict[str, pa.ChunkedArray],
    roles: Roles,
    weights: NDArray[np.float64] | None,
    rows_read: int,
    counts: dict[str, int],
) -> Table:
    import pyarrow as pa

    features = roles.features or ()
    arrow = pa.table({name: columns[name] for name in features})
    encoding = Encoding.learn(
        arrow, features, targets=roles.targets, categories=frozenset(roles.categories)
    )
    if not encoding.columns:
        named = ", ".join(map(repr, features))
        raise DataError(f"no column is left to predict from: {named} has a single value")
    X = encoding.transform(arrow)
    y, classes = _targets(columns, roles)
    notes: list[str] = []
    dropped = rows_read - arrow.num_rows
    if dropped:
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        notes.append(f"{dropped} of {rows_read} rows left out for missing values ({told})")
    notes += findings(encoding, X)
    notes += encoding.notes()
    return Table(
        X,
        y,
        weights,
        encoding=encoding,
        rows_read=rows_read,
        rows_dropped=dropped,
        missing=counts,
        notes=tuple(notes),
        classes=classes,
    )


def _targets(
    columns: dict[str, pa.ChunkedArray], roles: Roles
) -> tuple[NDArray[np.float64], Classes | None]:
    """(n, k) the targets, and their classes where the one target is not of numbers."""
    kinds: dict[str, Kind] = {each: kind_of(each, columns[each].type) for each in roles.targets}
    name, *others = roles.targets
    if others or kinds[name] == "number":
        return np.column_stack([floats(columns[each], kind) for each, kind in kinds.items()]), None
    column, rows = columns[name], len(columns[name])
    if kinds[name] == "boolean":
        return floats(column, "boolean")[:, None], Classes(name, (False, True))
    classes = Classes(name, levels_of(column))
    if len(classes.labels) > MOST_LEVELS or 2 * len(classes.labels) > max(rows, 8):
        raise DataError(
            f"the target {name!r} has {len(classes.labels)} different values in {rows} rows, too "
            "many for classes: it looks like an identifier or free text; name another target"
        )
    codes = Feature(name, "category", classes.labels).codes(column, np.zeros(rows, bool))
    return classes.targets(codes.astype(np.intp)), classes
