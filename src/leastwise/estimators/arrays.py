"""From what users pass, arrays, frames and tables, to a source of rows; scikit-learn checks it.

It is imported where there is something to check: importing it takes longer than many fits.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse

from leastwise.blocks.tensors import array_of, rows_of_tensor
from leastwise.blocks.torch import Matrix
from leastwise.encoding import refuse_parts
from leastwise.errors import DataError, UsageError
from leastwise.losses import Loss
from leastwise.sources import MemorySource, Source, rows_in_memory

Float = NDArray[np.float64]

FLOATS = (np.float64, np.float32, np.float16)
FORMATS = ("csr", "csc")  # of sparse matrices
MOST_SHOWN = 10  # classes in a message


def rows_of(
    estimator: Any,
    X: Any,
    y: ArrayLike | None,
    sample_weight: ArrayLike | None,
    *,
    several: bool = True,
) -> tuple[Source, bool]:
    """The rows given to `fit`, and whether there is one target; sets what scikit-learn asks for.

    estimator : what it is set on; None where there is none
    several : whether more than one target is allowed
    """
    estimator = SimpleNamespace() if estimator is None else estimator
    if isinstance(X, Source):
        _alone(estimator, X, y, sample_weight)
        if not several and len(X.targets) > 1:
            raise DataError(
                f"there are {len(X.targets)} targets ({', '.join(X.targets[:8])}), and "
                f"{type(estimator).__name__} takes one: name one"
            )
        return X, len(X.targets) == 1
    X, y, sample_weight = rows_of_tensor(X), array_of(y), array_of(sample_weight)
    targets = _names_of(y)
    refuse_text(X)
    _refuse_labels(y)
    if not several:
        _refuse_columns(y, f"{type(estimator).__name__} takes one target: fit each by itself")
    if isinstance(X, Matrix):
        y = _beside(estimator, X, y, dtype=np.float64, multi_output=several)
    elif _needs_no_check(X, y) and (several or np.ndim(np.asarray(y)) == 1):
        estimator.n_features_in_ = X.shape[1]
        estimator.__dict__.pop("feature_names_in_", None)
    else:
        from sklearn.base import BaseEstimator

        estimator = estimator if isinstance(estimator, BaseEstimator) else BaseEstimator()
        X, y = _checked(estimator, X, y, multi_output=several, y_numeric=True)
    y = np.asarray(y)
    weight = weights_of(sample_weight, X.shape[0])
    names = getattr(estimator, "feature_names_in_", None)
    return rows_in_memory(X, y, weight, columns=names, targets=targets), y.ndim == 1


def classes_of(
    estimator: Any,
    X: Any,
    y: ArrayLike | None,
    sample_weight: ArrayLike | None,
    class_weight: str | Mapping[Any, float] | None,
) -> tuple[MemorySource, NDArray[Any]]:
    """The rows given to `fit` as rows of classes, and (K,) the labels, sorted.

    Parameters
    ----------
    class_weight : what the weights of a class's rows are multiplied by
    """
    if isinstance(X, Source):
        if not isinstance(X, MemorySource):
            raise UsageError("classes need rows in memory: give arrays or a table")
        _alone(estimator, X, y, sample_weight)
        rows = X.classified()
        assert rows.classes is not None, "just made"
        labels, codes = rows.classes.array, rows.classes.codes(rows.y)
    else:
        from sklearn.utils.multiclass import check_classification_targets

        X, y, sample_weight = rows_of_tensor(X), array_of(y), array_of(sample_weight)
        names = _names_of(y)
        refuse_text(X)
        _refuse_odd_labels(y)
        _refuse_columns(y, "classes are given as one: a label a row")
        if isinstance(X, Matrix):
            y = _beside(estimator, X, y)
        else:
            X, y = _checked(estimator, X, y)
        check_classification_targets(y)
        y = np.asarray(y)
        labels, codes = np.unique(y, return_inverse=True)
        columns = getattr(estimator, "feature_names_in_", None)
        weight = weights_of(sample_weight, X.shape[0])
        numbers = rows_in_memory(X, np.zeros(len(y)), weight, columns=columns, targets=names)
        rows = numbers.classified(y)
    if class_weight is not None:
        from sklearn.utils.class_weight import compute_class_weight

        try:
            each = compute_class_weight(
                class_weight, classes=labels, y=labels[codes], sample_weight=rows.weight
            )
        except (TypeError, ValueError) as error:
            raise UsageError(
                "class_weight must be 'balanced' or a dict of a number for each class "
                f"({', '.join(map(repr, labels[:MOST_SHOWN].tolist()))}), not {class_weight!r}"
            ) from error
        if not (np.isfinite(each) & (each >= 0.0)).all():
            raise UsageError(f"class_weight must be numbers of at least 0, not {class_weight!r}")
        weight = each[codes] if rows.weight is None else each[codes] * rows.weight
        rows = rows.weighted(weight)
        if not weight.any() or rows.of_one_class():
            raise DataError(
                f"class_weight={class_weight!r} leaves rows of one class, or none: give at least "
                "two classes a weight above 0"
            )
    return rows, labels


def _refuse_columns(y: Any, words: str) -> None:
    """Refuse targets in more than one column."""
    shape = np.asarray(y).shape
    if len(shape) == 2 and shape[1] > 1:
        raise DataError(f"y has {shape[1]} columns, and {words}")


def _refuse_odd_labels(y: Any) -> None:
    """Refuse labels that are missing, or that have no order among each other."""
    given = np.asarray(y)
    if given.dtype != object or given.ndim == 0 or given.size != len(given):
        return
    for place, label in enumerate(given := given.ravel()):
        if label is None or type(label).__name__ in ("NAType", "NaTType") or label != label:
            raise DataError(
                f"y has no class in row {place + 1}: fill it in, or leave such rows out"
            )
    kinds = dict.fromkeys("text" if isinstance(label, str) else "numbers" for label in given)
    if len(kinds) > 1:
        raise DataError("y holds classes that are text and numbers: give all as text")


def _checked(estimator: Any, X: Any, y: Any, **more: bool) -> tuple[Any, Any]:
    """X and y as scikit-learn takes them, which sets the names and the number of columns."""
    from sklearn.utils.validation import validate_data

    return validate_data(
        estimator,
        X,
        y,
        accept_sparse=FORMATS,
        dtype=FLOATS,
        ensure_all_finite=False,  # the first pass over the data finds what is not finite
        ensure_min_samples=2,
        **more,
    )


def checked_rows(estimator: Any, X: Any) -> Any:
    """Rows to predict from, as numbers that have the fit's columns."""
    if not isinstance(X, Matrix):
        from sklearn.utils.validation import validate_data

        return validate_data(estimator, X, accept_sparse=FORMATS, dtype=FLOATS, reset=False)
    p = estimator.n_features_in_
    if X.shape[1] != p:
        name = type(estimator).__name__
        raise DataError(f"X has {X.shape[1]} features, but {name} is expecting {p} features")
    return X


def _beside(estimator: Any, X: Matrix, y: Any, **options: Any) -> NDArray[Any]:
    """The targets of rows on a device, checked by themselves; the rows only counted."""
    from sklearn.utils.validation import check_array, column_or_1d

    y = column_or_1d(y, warn=True) if not options.pop("multi_output", False) else np.asarray(y)
    y = check_array(y, ensure_2d=False, ensure_all_finite=False, **({"dtype": None} | options))
    if len(y) != len(X):
        raise DataError(f"X has {len(X)} rows and y has {len(y)}: give both the same number")
    if len(X) < 2 or X.shape[1] < 1:
        raise DataError(f"X has shape {X.shape}: a fit needs two rows and a column")
    estimator.n_features_in_ = X.shape[1]
    estimator.__dict__.pop("feature_names_in_", None)
    return y


def _alone(estimator: Any, X: Source, y: ArrayLike | None, sample_weight: ArrayLike | None) -> None:
    """Take the names of a source's columns; refuse what it brings itself."""
    if y is not None or sample_weight is not None:
        raise UsageError(
            "a table brings its target and weight: leave y and sample_weight out, and name "
            "them in leastwise.table(..., target=, weight=)"
        )
    estimator.n_features_in_ = len(X.columns)
    estimator.feature_names_in_ = np.asarray(X.columns, object)


def _refuse_labels(y: Any) -> None:
    """Refuse targets of text, which are classes.

    Raises
    ------
    DataError
        The message shows one.
    """
    if y is None or (isinstance(y, np.ndarray) and y.dtype.kind not in "OUST"):
        return
    texts = (value for value in np.asarray(y).ravel() if isinstance(value, str))
    text = next(texts, None)
    if text is not None:
        raise DataError(
            f"y holds text, such as {str(text)!r}, and a loss for numbers cannot take it: fit the "
            "probabilities of classes with lw.Logistic, or code it as numbers"
        )


def _names_of(y: Any) -> list[str] | None:
    """The names that a frame or a series of targets brings, if they are names."""
    found = y.columns if hasattr(y, "columns") else [getattr(y, "name", None)]
    names: list[Any] = list(found)
    named = all(isinstance(name, str) and name for name in names)
    return names if named and len(set(names)) == len(names) else None


TEXT = ("category", "categorical", "enum", "str", "string", "utf8", "large_string")


def refuse_text(X: Any) -> None:
    """Refuse a frame that has a column of text or of categories, which no array of numbers holds.

    Raises
    ------
    DataError
        The message names the column.
    """
    if not hasattr(X, "columns") or not hasattr(X, "dtypes"):
        return
    for place, (name, dtype) in enumerate(zip(X.columns, X.dtypes, strict=True)):
        kind = str(dtype).lower().partition("(")[0].partition("[")[0]
        text = kind in TEXT
        if kind == "object":
            values = X.iloc[:, place] if hasattr(X, "iloc") else X[name]
            text = any(isinstance(value, str) for value in values)
        if text:
            what = "categories" if kind.startswith(("categ", "enum")) else "text"
            raise DataError(
                f"column {str(name)!r} holds {what}, and the estimator takes numbers: give "
                "leastwise.table(frame, target=...), which encodes categories, or encode it before"
            )


def _needs_no_check(X: Any, y: Any) -> bool:
    """Whether these are arrays as they should be; checking costs as much as a small fit."""
    if type(X) is not np.ndarray and not (issparse(X) and X.format in FORMATS):
        return False
    if type(y) is not np.ndarray or y.dtype.kind not in "fiub":
        return False
    return (
        X.dtype in FLOATS
        and X.ndim == 2
        and y.ndim in (1, 2)
        and X.shape[0] == y.shape[0] >= 2
        and y.size * X.shape[1] > 0
    )


def numeric_array(X: Any) -> bool:
    """Whether X holds numbers without names."""
    return isinstance(X, np.ndarray | list | Matrix) or hasattr(X, "tocsr")


def host_rows(X: Any) -> Any:
    """Rows of a tensor as an array or a sparse matrix; others as they are."""
    X = rows_of_tensor(X)
    return np.asarray(X) if isinstance(X, Matrix) else X


def weights_of(sample_weight: ArrayLike | None, n: int) -> Float | None:
    """(n,) weights, or None for ones."""
    if sample_weight is None:
        return None
    weight = numbers_of("sample_weight", sample_weight)
    return np.full(n, weight) if weight.ndim == 0 else weight


def factors_of(factors: ArrayLike | None) -> Float | None:
    """(p,) penalty factors, or None for ones."""
    return None if factors is None else numbers_of("factors", factors)


def numbers_of(name: str, given: ArrayLike) -> Float:
    """The argument as an array of numbers.

    Raises
    ------
    UsageError
        If it is none; the message names the argument.
    """
    try:
        return np.asarray(given, np.float64)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{name} must be an array of numbers, not {given!r:.100}") from error


def rows_for(
    loss: Loss, X: Any, y: ArrayLike | None, sample_weight: ArrayLike | None
) -> tuple[Source, bool]:
    """`rows_of` for a loss: under one of classes their labels, of any kind, become 0s and 1s.

    Raises
    ------
    UsageError
        y is missing.
    DataError
        There are too few classes for the loss, or too many.
    """
    if isinstance(X, Source):
        source, one = rows_of(None, X, y, sample_weight)
        labelled = one or not loss.coupled  # else an output a class is what is asked for
        if loss.of_classes and labelled and isinstance(source, MemorySource):
            source = source.classified()
            assert source.classes is not None, "just made"
            _refuse_number(len(source.classes.labels), loss)
        return source, len(source.targets) == 1
    if y is None:
        raise UsageError("y is missing: only a table brings its targets")
    if not loss.of_classes:
        return rows_of(None, X, y, sample_weight)
    return rows_of(None, X, _coded(array_of(y), loss), sample_weight)


def _refuse_number(classes: int, loss: Loss) -> None:
    """Refuse a table of so many classes where the loss tells another number of them apart."""
    if loss.coupled and classes == 2:
        raise DataError(f"the target has two classes: take loss='logistic', not {loss.name!r}")
    if not loss.coupled and classes > 2:
        raise DataError(
            f"the {loss.name} loss tells two classes apart, and y has {classes}: take "
            "loss='multinomial'"
        )


def _coded(y: ArrayLike, loss: Loss) -> Float:
    """Classes of any kind as targets of a loss: (n,) 0 and 1, or (n, K) with 1 for a row's class.

    Raises
    ------
    DataError
        If there are too few or too many classes; the message names them.
    """
    given = np.asarray(y)
    if given.ndim == 2 and given.shape[1] > 1:
        return given.astype(np.float64)
    if given.dtype.kind == "f":
        refuse_parts(given, "y")
    classes, codes = np.unique(given.ravel(), return_inverse=True)
    if classes.size < 2:
        raise DataError(f"all rows are of the class {classes.tolist()}: there is nothing to tell")
    if loss.coupled:
        return np.eye(classes.size)[codes]
    _refuse_number(classes.size, loss)
    return codes.astype(np.float64)
