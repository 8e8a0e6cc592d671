"""A model as JSON: strict, floats to their last digit, and nothing believed that is read back.

nan and the infinities, which JSON does not have, are the texts "nan", "inf" and "-inf".
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from leastwise.certificate import Certificate
from leastwise.encoding import Classes, Encoding, in_python
from leastwise.errors import DataError, UsageError
from leastwise.fit import Fit, Record
from leastwise.inference import Inference
from leastwise.losses import Loss, from_settings, settings
from leastwise.model.fields import Fields, not_ours
from leastwise.model.model import Holdout, Model
from leastwise.separation import Separation

if TYPE_CHECKING:
    from collections.abc import Iterable

FORMAT, VERSION = "leastwise-model", 3
OLDER = (2,)  # versions that are read as well: of squared loss, `explained` called r2
MOST_RECORDS = 200


def to_dict(model: Model) -> dict[str, Any]:
    """See `Model.to_dict`."""
    fit = model.fit
    return {
        "format": FORMAT,
        "version": VERSION,
        "loss": model.loss.name,
        "settings": settings(model.loss),
        "l1": model.l1,
        "l2": model.l2,
        "factors": _plain(model.factors),
        "bounds": None if model.bounds is None else [_plain(side) for side in model.bounds],
        "standardize": model.standardize,
        "tol": model.tol,
        "intercept_fitted": model.intercept_fitted,
        "weighted": model.weighted,
        "targets": list(model.targets),
        "columns": list(model.columns),
        "intercept": _plain(model.intercept),
        "coef": _plain(model.coef),
        "explained": _plain(model.explained),
        "accuracy": model.accuracy,
        "classes": None if model.classes is None else _members(model.classes),
        "holdout": _members(model.holdout),
        "cross_validation": _crossed(model),
        "rows": {
            "read": model.rows_read,
            "used": model.rows_used,
            "dropped": model.rows_dropped,
            "missing": dict(model.missing),
        },
        "certificate": _members(fit.certificate),
        "solver": {
            "name": fit.solver,
            "why": fit.why,
            "iterations": int(fit.iterations),
            "passes": float(fit.passes),
            "seconds": float(fit.seconds),
            "value": _plain(fit.value),
            "notes": list(fit.notes),
        },
        "separation": _members(fit.separation),
        "history": [_members(record) for record in _thinned(fit.history)],
        "inference": [_members(table) for table in model.inference],
        "encoding": None if model.encoding is None else model.encoding.to_dict(),
        "notes": list(model.notes),
        "command": model.command,
        "versions": dict(model.versions),
    }


def _crossed(model: Model) -> dict[str, Any] | None:
    if model.cross_validation is None:
        return None
    from leastwise.model import choice

    return _named(choice.members(model.cross_validation))


def to_json(model: Model) -> str:
    """The text of a model file: strict JSON, a line for each part."""
    lines = (
        f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}"
        for key, value in to_dict(model).items()
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


def load(path: str | os.PathLike[str]) -> Model:
    """See `Model.load`."""
    saved = parsed(path)
    try:
        return from_dict(saved)
    except DataError as error:
        raise DataError(f"{os.fspath(path)}: {error}") from None


def parsed(path: str | os.PathLike[str]) -> object:
    """What the JSON in `path` holds, whatever it is.

    Raises
    ------
    DataError
        There is no such file, or it is no JSON.
    """
    shown = os.fspath(path)
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise DataError(f"{shown} does not exist: check the name of the model file") from None
    except IsADirectoryError:
        raise DataError(f"{shown} is a folder: name the model file in it") from None
    except OSError as error:
        raise DataError(f"{shown} cannot be read: {error.strerror or error}") from error
    if not content.strip():
        raise DataError(f"{shown} is empty: nothing was written to it")
    try:
        return json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise DataError(f"{shown} is not a leastwise model: it is no text") from None
    except json.JSONDecodeError as error:
        if content.lstrip()[:1] != b"{":
            raise DataError(f"{shown} is not a leastwise model: it is no JSON object") from None
        raise DataError(
            f"{shown} is cut or damaged: its JSON ends or breaks in line {error.lineno}; "
            "copy it again, or fit again with --save"
        ) from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{shown} is not a leastwise model: {error}") from None


def from_dict(saved: object) -> Model:
    """See `Model.from_dict`."""
    if not isinstance(saved, dict) or cast("dict[str, Any]", saved).get("format") != FORMAT:
        raise not_ours(f'there is no "format": "{FORMAT}" in it')
    given = Fields(cast("dict[str, Any]", saved), "the model")
    version = given.whole("version", least=1)
    if version != VERSION and version not in OLDER:
        known = " and ".join(map(str, (*OLDER, VERSION)))
        raise DataError(
            f"it was saved in version {version} of the format and this leastwise reads versions "
            f"{known}: use the leastwise that wrote it, or fit again"
        )
    loss, measured = _loss(given, version), "r2" if version in OLDER else "explained"
    columns, targets = given.names("columns"), given.names("targets")
    p, k = len(columns), len(targets)
    g = (1,) if loss.coupled else (k,)
    classes = _classes(given, version, loss, targets)
    if p == 0 or k == 0:
        raise not_ours("it has no columns or no targets")
    encoding = None
    if given.has("encoding"):
        encoding = Encoding.from_dict(given.value("encoding"))
        named = targets if classes is None else (classes.name,)
        if encoding.columns != columns or encoding.targets != named:
            raise not_ours("its encoding has other columns than its coefficients")
    coef, intercept = given.numbers("coef", (k, p)), given.numbers("intercept", (k,))
    factors = None
    if given.has("factors"):
        values = given.numbers("factors", (p,))
        if not (values >= 0.0).all():
            raise not_ours("'factors' of the model are not all at least 0")
        factors = tuple(values.tolist())
    bounds = None
    if given.has("bounds"):
        lower, upper = given.numbers("bounds", (2, p))
        if not ((lower <= 0.0) & (upper >= 0.0)).all():
            raise not_ours("'bounds' of the model are not on both sides of 0")
        bounds = tuple(lower.tolist()), tuple(upper.tolist())
    rows = given.part("rows")
    missing, versions = rows.part("missing"), given.part("versions")
    holdout = None
    if given.has("holdout"):
        held = given.part("holdout")
        holdout = Holdout(
            held.whole("rows"),
            tuple(held.numbers(measured, g).tolist()),
            held.whole("seed"),
            held.number("share", least=0.0),
            None if version in OLDER else _number(held, "accuracy"),
        )
    crossed = None
    if given.has("cross_validation"):
        from leastwise.model import choice

        crossed = choice.from_fields(given.part("cross_validation"))
    fitted = given.flag("intercept_fitted")
    return Model(
        loss=loss,
        l1=given.number("l1", least=0.0),
        l2=given.number("l2", least=0.0),
        factors=factors,
        bounds=bounds,
        standardize=given.flag("standardize"),
        intercept_fitted=fitted,
        weighted=given.flag("weighted"),
        tol=given.number("tol", least=0.0),
        columns=columns,
        targets=targets,
        coef=coef,
        intercept=intercept,
        encoding=encoding,
        inferred=_inference(given, columns, k, fitted, version in OLDER),
        fit=_fit(given, coef, intercept, g),
        rows_read=rows.whole("read"),
        rows_used=rows.whole("used"),
        rows_dropped=rows.whole("dropped"),
        missing={name: missing.whole(name) for name in missing.names_there()},
        explained=tuple(given.numbers(measured, g).tolist()),
        classes=classes,
        accuracy=None if version in OLDER else _number(given, "accuracy"),
        holdout=holdout,
        cross_validation=crossed,
        notes=given.texts("notes"),
        command=given.text("command") if given.has("command") else None,
        versions={name: versions.text(name) for name in versions.names_there()},
    )


def _loss(given: Fields, version: int) -> Loss:
    name = given.text("loss")
    if version in OLDER and name != "squared":
        raise not_ours(f"the loss {name!r} is not one of its version")
    try:
        return from_settings(name, {} if version in OLDER else given.value("settings"))
    except UsageError as error:
        raise not_ours(str(error)) from None


def _classes(given: Fields, version: int, loss: Loss, targets: tuple[str, ...]) -> Classes | None:
    if version in OLDER or not given.has("classes"):
        return None
    part = given.part("classes")
    labels = part.value("labels")
    if not isinstance(labels, list) or len(cast("list[Any]", labels)) < 2 or not loss.of_classes:
        raise not_ours("its classes are no list of two labels or more, or its loss has none")
    try:
        found = Classes(part.text("name"), in_python(cast("list[Any]", labels)))
    except DataError as error:
        raise not_ours(str(error)) from None
    if found.outputs != targets:
        raise not_ours("its classes are not those of its targets")
    return found


def _fit(given: Fields, coef: Any, intercept: Any, g: tuple[int]) -> Fit:
    found = given.part("certificate")
    certificate = Certificate(
        found.number("primal", finite=False),
        found.number("dual", finite=False),
        found.number("gap", finite=False),
        found.number("relative_gap", finite=False),
        found.flag("converged"),
        found.text("reason"),
        found.number("box") if found.has("box") else None,
    )
    history = tuple(
        Record(
            record.whole("iteration"),
            record.number("objective", finite=False),
            record.number("gap", finite=False),
            record.number("relative_gap", finite=False),
            record.number("seconds"),
            record.whole("active"),
        )
        for record in given.parts("history")
    )
    solver, separation = given.part("solver"), None
    if given.has("separation"):
        part = given.part("separation")
        direction = part.numbers("direction", coef.T.shape)
        separation = Separation(direction, part.flag("complete"))
    return Fit(
        coef.T,
        intercept,
        solver.numbers("value", g),
        certificate,
        history,
        solver.whole("iterations"),
        solver.text("name"),
        solver.text("why"),
        solver.texts("notes"),
        solver.number("passes", least=0.0),
        solver.number("seconds", least=0.0),
        separation=separation,
    )


def _inference(
    given: Fields, columns: tuple[str, ...], k: int, fitted: bool, older: bool
) -> tuple[Inference, ...]:
    names = ("intercept",) * fitted + columns
    tables = given.parts("inference")
    if len(tables) != k:
        raise not_ours(f"it has {len(tables)} coefficient tables for {k} targets")
    m = (len(names),)

    def one(part: Fields) -> Inference:
        if tuple(part.texts("names")) != names:
            raise not_ours("a coefficient table names other columns than the model")
        degrees = part.optional("f_df", (2,))
        return Inference(
            names=names,
            coef=part.numbers("coef", m),
            per_sd=part.numbers("per_sd", m),
            error=part.optional("error", m),
            t=part.optional("t", m),
            p=part.optional("p", m),
            low=part.optional("low", m),
            high=part.optional("high", m),
            why=part.text("why") if part.has("why") else None,
            rows=part.whole("rows"),
            degrees_of_freedom=part.number("degrees_of_freedom", finite=False),
            sigma=_number(part, "sigma"),
            r2=part.number("r2", finite=False),
            r2_adjusted=_number(part, "r2_adjusted"),
            f=_number(part, "f"),
            f_p=_number(part, "f_p"),
            f_df=None if degrees is None else (float(degrees[0]), float(degrees[1])),
            **({} if older else _named_errors(part)),
        )

    return tuple(one(part) for part in tables)


def _named_errors(part: Fields) -> dict[str, Any]:
    """The statistic and the covariance, which older versions do not name."""
    statistic = part.text("statistic")
    if statistic not in ("t", "z"):
        raise not_ours(f"the statistic {statistic!r} is not known")
    return {"statistic": statistic, "covariance": part.text("covariance")}


def _number(part: Fields, name: str) -> float | None:
    return part.number(name, finite=False) if part.has(name) else None


def _thinned(history: tuple[Record, ...]) -> Iterable[Record]:
    """The first, the last, and those between at even steps."""
    if len(history) <= MOST_RECORDS:
        return history
    chosen = np.linspace(0, len(history) - 1, MOST_RECORDS).round().astype(int)
    return [history[i] for i in chosen]


def _members(value: Any) -> dict[str, Any] | None:
    """A flat dataclass as a dict of JSON's types."""
    if value is None:
        return None
    return _named({part.name: getattr(value, part.name) for part in fields(value)})


def _named(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, (bool, int, str)) or value is None:
        return value
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in cast("list[Any]", value)]
    if isinstance(value, np.ndarray) and value.ndim:
        if value.dtype.kind == "f" and np.isfinite(value).all():
            return value.tolist()
        return [_plain(item) for item in value]
    if isinstance(value, np.generic) and value.dtype.kind in "biu":
        return value.item()
    number = float(value)
    return number if math.isfinite(number) else repr(number)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"it holds {name}, which JSON does not have")
