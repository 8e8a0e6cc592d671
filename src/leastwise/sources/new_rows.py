"""New rows as the numbers of a fit, and what its coefficients predict of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leastwise.blocks.torch import Matrix
from leastwise.encoding import Encoding, Feature
from leastwise.errors import DataError
from leastwise.sources.memory import MemorySource

Float = NDArray[np.float64]

BATCH = 1 << 20  # numbers of X that are cast and multiplied at a time


def new_rows(X: Any, columns: tuple[str, ...], encoding: Encoding | None) -> Any:
    """The (n, p) numbers, dense or sparse, of new rows for a fit of these columns.

    Parameters
    ----------
    X : path, frame, dict of arrays, (n, p) array or sparse matrix, or a `leastwise.table`
        An array holds the columns in their order, already encoded, and so does a table, if its
        encoding is the fit's; anything else is read, its columns found by their names.
    encoding : the fit's; None where its columns were numbers

    Raises
    ------
    DataError
        A column is absent or of another kind than in the fit, or the shape does not match.
    """
    if isinstance(X, MemorySource):
        return _alike(X, columns, encoding)
    if isinstance(X, (np.ndarray, list, tuple, Matrix)) or hasattr(X, "tocsr"):
        matrix: Any = np.asarray(X) if isinstance(X, (list, tuple)) else X
        if len(matrix.shape) != 2 or matrix.shape[1] != len(columns):
            shape = " x ".join(map(str, matrix.shape))
            raise DataError(
                f"an array to predict from must have {len(columns)} columns, not {shape}"
            )
        if not isinstance(matrix, Matrix) and matrix.dtype.kind not in "fiub":
            raise DataError(
                f"an array to predict from must hold numbers, not {matrix.dtype}: "
                "give text and dates in a frame"
            )
        return matrix
    from leastwise.sources.readers import read_arrow

    if encoding is None:
        encoding = Encoding(tuple(Feature(name, "number") for name in columns), ())
    return encoding.transform(read_arrow(X))


def _alike(rows: MemorySource, columns: tuple[str, ...], encoding: Encoding | None) -> Any:
    """The numbers of a table that was encoded as the fit's."""
    theirs = getattr(rows, "encoding", None)
    alike = rows.columns == columns
    if alike and encoding is not None and theirs is not None:
        alike = encoding.features == theirs.features
    if not alike:
        raise DataError(
            "this table's columns are others than the fit's, or encoded in another way: give its "
            "file or frame itself, whose columns are found by name and encoded as in the fit"
        )
    return rows.X


def linear(X: Any, coef: Float, intercept: Float) -> Float:
    """(n, k) eta = X coef' + intercept; a row with NaN gives NaN, other values are not checked.

    Parameters
    ----------
    X : (n, p) dense of any number type, or sparse; dense rows are cast to float64 a batch at a time
    coef : (k, p) ; intercept : (k,)
    """
    if hasattr(X, "tocsr"):
        return np.asarray(X @ coef.T, np.float64) + intercept
    if isinstance(X, Matrix):
        return X.linear(coef, intercept)
    n, p = X.shape
    eta = np.empty((n, coef.shape[0]))
    step = max(1, BATCH // max(1, p))
    with np.errstate(invalid="ignore", over="ignore"):
        for first in range(0, n, step):
            rows = np.asarray(X[first : first + step], np.float64)
            eta[first : first + step] = rows @ coef.T + intercept
    return eta
