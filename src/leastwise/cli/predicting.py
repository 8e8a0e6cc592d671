"""`leastwise predict`: a saved model and a table give one column of predictions a target.

Of classes the column holds the likeliest, and one for each class its probability.
"""

from __future__ import annotations

import csv
import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leastwise.cli.outputs import check_outputs
from leastwise.cli.progress import Progress
from leastwise.cli.text import complain, plain, say, share
from leastwise.encoding.kinds import floats, kind_of, missing_rows
from leastwise.encoding.kinds import plain as plain_column
from leastwise.errors import DataError, LeastwiseWarning, UsageError
from leastwise.losses import settings
from leastwise.model import Model, explained, probabilities
from leastwise.model.saved_quantiles import load
from leastwise.report.words import count, listed
from leastwise.sources.new_rows import linear
from leastwise.sources.readers import read_arrow

if TYPE_CHECKING:
    import pyarrow as pa

Float = NDArray[np.float64]

SUFFIXES = (".csv", ".parquet")


def predict_table(model_file: str, file: str, output: str | None) -> int:
    """Carry out `leastwise predict`; the exit code."""
    if output is not None and Path(output).suffix.lower() not in SUFFIXES:
        raise UsageError(f"-o {output}: its suffix must be .csv or .parquet")
    check_outputs({"-o": output}, {"the model": model_file, "the data": file})
    models = load(model_file).models
    model = models[0]
    with warnings.catch_warnings(record=True) as caught, Progress(0.0) as progress:
        warnings.simplefilter("always")
        progress.say(f"reading {file}")
        arrow = read_arrow(file)
        progress.say(f"predicting {arrow.num_rows:,} rows")
        coef = np.vstack([one.coef for one in models])
        eta = linear(model.encoded(arrow), coef, np.concatenate([one.intercept for one in models]))
        columns = _quantiles(models, eta) if len(models) > 1 else _columns(model, eta)
        parquet = output is not None and Path(output).suffix.lower() == ".parquet"
        content = _parquet(columns) if parquet else _csv(columns)
    for words in dict.fromkeys(
        str(entry.message) for entry in caught if issubclass(entry.category, LeastwiseWarning)
    ):
        complain(f"warning: {words}")
    if output is None:
        say(content.decode("utf-8"))
    else:
        from leastwise.files import write_atomically

        write_atomically(output, content)
    complain(_said(models, arrow, eta, output))
    for place, one in enumerate(models):
        own = eta if len(models) == 1 else eta[:, [place]]
        if words := _score(one, arrow, own):
            complain(words if len(models) == 1 else f"{one.loss.label}: {words}")
    return 0


def _quantiles(models: tuple[Model, ...], eta: Float) -> dict[str, list[Any]]:
    """A column a quantile, target_q0.1."""
    names = [f"{one.targets[0]}_q{settings(one.loss)['q']!r}" for one in models]
    return {name: eta[:, k].tolist() for k, name in enumerate(names)}


def _columns(model: Model, eta: Float) -> dict[str, list[Any]]:
    """What is written: the targets, or the likeliest class and the probability of each."""
    if model.classes is None:
        return {name: eta[:, k].tolist() for k, name in enumerate(model.targets)}
    likely = probabilities(model.loss, eta)
    members = {name: likely[:, k].tolist() for k, name in enumerate(model.classes.members)}
    return {model.classes.name: model.classes.predicted(eta).tolist(), **members}


def _csv(columns: dict[str, list[Any]]) -> bytes:
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return held.getvalue().encode("utf-8", "backslashreplace")


def _parquet(columns: dict[str, list[Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = [pa.array(values, from_pandas=True) for values in columns.values()]
    held = io.BytesIO()
    pq.write_table(pa.table(arrays, names=list(columns)), held)
    return held.getvalue()


def _said(models: tuple[Model, ...], arrow: pa.Table, eta: Float, output: str | None) -> str:
    model = models[0]
    words = f"{count(eta.shape[0], 'row')} predicted ({plain(listed(model.predicted))})"
    if len(models) > 1:
        words = words[:-1] + f", {len(models)} quantiles)"
    empty = int(np.isnan(eta).any(axis=1).sum())
    if empty:
        names = (
            model.columns
            if model.encoding is None
            else [feature.name for feature in model.encoding.features]
        )
        found: list[str] = []
        for name in names:
            mask = missing_rows(plain_column(name, arrow.column(name)))
            if mask is not None:
                found.append(f"{name} {count(mask.sum())}")
        words += f", {count(empty)} of them nan for missing values ({', '.join(found)})"
    return f"{words}, written to {output}" if output is not None else words


def _score(model: Model, arrow: pa.Table, eta: Float) -> str:
    """R2 or D2 where the table has the targets as numbers, accuracy where it has the classes."""
    if model.classes is not None:
        return _accuracy(model, arrow, eta)
    found: list[str] = []
    for k, name in enumerate(model.targets):
        if arrow.column_names.count(name) != 1:
            return ""
        try:
            column = plain_column(name, arrow.column(name))
            what = kind_of(name, column.type)
            if what not in ("number", "boolean"):
                return ""
            y = floats(column, what)
        except DataError:
            return ""
        known = np.isfinite(y) & np.isfinite(eta[:, k])
        if not known.any():
            return ""
        (r2,) = explained(model.loss, y[known, None], eta[known, k : k + 1])
        rows = count(known.sum(), "row")
        counted = ", each counted once" if model.weighted else ""
        found.append(
            f"{model.measure} of {plain(name)} {share(r2)} on {rows}{counted}, about "
            f"{'the mean' if model.loss.quadratic else 'the best constant'} of these rows"
        )
    return "; ".join(found)


def _accuracy(model: Model, arrow: pa.Table, eta: Float) -> str:
    """The share of rows that are predicted to be of the class that the table has."""
    assert model.classes is not None, "asked of classes only"
    name = model.classes.name
    if arrow.column_names.count(name) != 1:
        return ""
    own = arrow.column(name).to_pylist()
    pairs = [
        (mine, found)
        for mine, found in zip(own, model.classes.predicted(eta).tolist(), strict=True)
        if mine is not None and found is not None
    ]
    if not pairs:
        return ""
    right = sum(mine == found for mine, found in pairs) / len(pairs)
    return f"accuracy of {plain(name)} {share(right)} on {count(len(pairs), 'row')}"
