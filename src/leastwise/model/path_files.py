"""A path as a file: a row a strength in CSV or Parquet, all of it in JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leastwise.criteria import CRITERIA
from leastwise.errors import UsageError
from leastwise.files import write_atomically
from leastwise.model.along import Paths
from leastwise.path_result import Path

Float = NDArray[np.float64]

FORMAT, VERSION = "leastwise-path", 1
OWN = (
    "target", "strength", "l1", "l2", "non_zero", "degrees_of_freedom", "r2", "relative_gap",
    "converged", "intercept",
)  # fmt: skip


def to_csv(paths: Paths) -> bytes:
    """A row a strength: what it is, how it fits, its certificate and its coefficients."""
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\n")
    table = _table(paths)
    writer.writerow(table)
    columns = [values if isinstance(values, list) else values.tolist() for values in table.values()]
    writer.writerows(zip(*columns, strict=True))
    return held.getvalue().encode("utf-8", "backslashreplace")


def to_parquet(paths: Paths) -> bytes:
    """The same as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    held = io.BytesIO()
    pq.write_table(pa.table(_table(paths)), held)
    return held.getvalue()


def to_json(paths: Paths) -> bytes:
    """All of it as strict JSON, a line for each part; a coefficient that is zero is left out."""
    parts: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "objective": paths.equation(),
        "l1_ratio": paths.paths[0].l1_ratio,
        "standardize": paths.standardize,
        "weighted": paths.weighted,
        "rows": {
            "read": paths.rows_read,
            "used": paths.rows_used,
            "dropped": paths.rows_dropped,
            "missing": dict(paths.missing),
        },
        "columns": list(paths.paths[0].columns),
        "paths": [_one(curves) for curves in _curves(paths)],
        "notes": list(paths.notes),
        "command": paths.command,
        "versions": dict(paths.versions),
    }
    lines = (f"{json.dumps(k)}: {json.dumps(v, allow_nan=False)}" for k, v in parts.items())
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


WRITERS: dict[str, Callable[[Paths], bytes]] = {
    ".csv": to_csv,
    ".json": to_json,
    ".parquet": to_parquet,
}


def encoder(file: str | os.PathLike[str]) -> Callable[[Paths], bytes]:
    """What makes the content of a file of this suffix.

    Raises
    ------
    UsageError
        If no path is written with this suffix.
    """
    suffix = File(file).suffix.lower()
    if suffix not in WRITERS:
        raise UsageError(f"{os.fspath(file)}: the suffix of a path must be .csv, .json or .parquet")
    return WRITERS[suffix]


def save(paths: Paths, file: str | os.PathLike[str]) -> None:
    """Write `paths` to `file`, whole or not at all."""
    write_atomically(file, encoder(file)(paths))


@dataclass(frozen=True)
class _Curves:
    """The coefficients of one target along the strengths, with the path that they are part of."""

    path: Path
    target: str
    coef: Float
    members: dict[str, Any]


def _curves(paths: Paths) -> list[_Curves]:
    """One a target, or a class, also where one path joins several."""
    found: list[_Curves] = []
    for path in paths.paths:
        joined = path.coef.ndim == 3
        names = paths.outputs if joined else (path.target,)
        coef = path.coef if joined else path.coef[None]
        levels = path.intercepts if joined else path.intercepts[None]
        for name, own, level in zip(names, coef, levels, strict=True):
            found.append(_Curves(path, name, own, _members(path, own, level)))
    return found


def _one(curves: _Curves) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    path = curves.path
    for place, w in enumerate(curves.coef.T):
        members = {name: _plain(values[place]) for name, values in curves.members.items()}
        support = np.flatnonzero(w)
        members["reason"] = path.reasons[place]
        members["coef"] = {path.columns[j]: float(w[j]) for j in support}
        rows.append(members)
    chosen = {name: path.least(name) for name in CRITERIA}
    return {
        "target": curves.target,
        "tol": path.tol,
        "gamma": path.gamma,
        "worst_relative_gap": _plain(path.gaps.max()),
        "converged": bool(path.converged.all()),
        "best": {
            name: None if at is None else float(path.strengths[at]) for name, at in chosen.items()
        },
        "solver": {
            "name": path.solver,
            "why": path.why,
            "notes": list(path.notes),
            "passes": float(path.passes),
            "seconds": float(path.seconds),
        },
        "strengths": rows,
    }


def _members(path: Path, coef: Float, intercepts: Float) -> dict[str, Any]:
    """The columns of `OWN` but the first, each (K,), for a target's coefficients (p, K)."""
    return {
        "strength": path.strengths,
        "l1": path.strengths * path.l1_ratio,
        "l2": path.strengths * (1.0 - path.l1_ratio),
        "non_zero": np.count_nonzero(coef, axis=0),
        "degrees_of_freedom": path.degrees_of_freedom,
        "r2": path.r2,
        "relative_gap": path.gaps,
        "converged": path.converged,
        "intercept": intercepts,
    }


def _table(paths: Paths) -> dict[str, Any]:
    """Name -> values, a row a strength of each target in turn."""
    curves = _curves(paths)
    parts = [each.members for each in curves]
    own: dict[str, Any] = {
        "target": [each.target for each in curves for _ in each.path.strengths],
        **{name: np.concatenate([part[name] for part in parts]) for name in parts[0]},
    }
    assert tuple(own) == OWN
    taken = set(OWN) | set(paths.paths[0].columns)
    coef = np.concatenate([each.coef for each in curves], axis=1)
    for column, values in zip(paths.paths[0].columns, coef, strict=True):
        name = column
        while name in OWN or (name != column and name in taken):
            name = f"coef {name}"
        taken.add(name)
        own[name] = values
    return own


def _plain(value: Any) -> Any:
    value = value.item()
    return value if not isinstance(value, float) or math.isfinite(value) else repr(value)
