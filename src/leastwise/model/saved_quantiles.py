"""Several quantiles of one target in one file: JSON that holds a model file's object for each."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, cast

from leastwise.errors import DataError
from leastwise.files import write_atomically
from leastwise.losses import Quantile
from leastwise.model.fields import Fields, not_ours
from leastwise.model.model import Model
from leastwise.model.saved import FORMAT as ALONE
from leastwise.model.saved import from_dict, parsed, to_json

FORMAT, VERSION = "leastwise-quantiles", 1


@dataclass(frozen=True)
class Quantiles:
    """Models of several quantiles, or one model of anything.

    models : in the order in which their q were given ; crossings : rows of the fit in which they
    cross ; noncrossing : whether the fit kept them from it
    """

    models: tuple[Model, ...]
    crossings: int = 0
    noncrossing: bool = False


def to_text(several: Quantiles) -> str:
    """The text of the file: strict JSON."""
    head = {
        "format": FORMAT,
        "version": VERSION,
        "noncrossing": several.noncrossing,
        "crossings": several.crossings,
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    models = ",\n".join(to_json(model).rstrip() for model in several.models)
    return "{\n" + ",\n".join([*lines, f'"models": [\n{models}\n]']) + "\n}\n"


def save(several: Quantiles, path: str | os.PathLike[str]) -> None:
    """Write them to `path`, whole or not at all."""
    write_atomically(path, to_text(several))


def load(path: str | os.PathLike[str]) -> Quantiles:
    """What `save` wrote, or the one model of a model file.

    Raises
    ------
    DataError
        As `Model.load`.
    """
    saved = parsed(path)
    try:
        if isinstance(saved, dict) and cast("dict[str, Any]", saved).get("format") == ALONE:
            return Quantiles((from_dict(cast("dict[str, Any]", saved)),))
        return _several(saved)
    except DataError as error:
        raise DataError(f"{os.fspath(path)}: {error}") from None


def _several(saved: object) -> Quantiles:
    if not isinstance(saved, dict) or cast("dict[str, Any]", saved).get("format") != FORMAT:
        raise not_ours(f'there is no "format": "{ALONE}" or "{FORMAT}" in it')
    given = Fields(cast("dict[str, Any]", saved), "the file")
    if given.whole("version", least=1) != VERSION:
        raise DataError(
            "it was saved in a later version of the format: use the leastwise that wrote it"
        )
    listed = given.value("models")
    if not isinstance(listed, list) or len(cast("list[Any]", listed)) < 2:
        raise not_ours("'models' of the file is not a list of two or more")
    models = tuple(from_dict(one) for one in cast("list[Any]", listed))
    first = models[0]
    if not all(
        isinstance(one.loss, Quantile)
        and (one.columns, one.targets) == (first.columns, first.targets)
        for one in models
    ) or len({one.loss.label for one in models}) < len(models):
        raise not_ours("its models are not different quantiles of the same columns and target")
    return Quantiles(models, given.whole("crossings"), given.flag("noncrossing"))
