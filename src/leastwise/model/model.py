"""Model: eta = b + X w with the columns, the certificate and the inference of the fit it came from.

(n, k) eta = X coef' + intercept,      coef (k, p), intercept (k,)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leastwise.encoding import Encoding, Feature
from leastwise.errors import DataError
from leastwise.fit import Fit

if TYPE_CHECKING:
    from leastwise.cv.result import CrossValidation
    from leastwise.inference import Inference

Float = NDArray[np.float64]

BATCH = 1 << 20  # numbers of X that are cast and multiplied at a time


@dataclass(frozen=True)
class Holdout:
    """How well a fit predicts rows it never saw.

    rows : how many ; r2 : (k,) about the mean of these rows ; seed : of their choice
    share : of all rows that was asked for
    """

    rows: int
    r2: tuple[float, ...]
    seed: int
    share: float


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted linear model.

    Parameters
    ----------
    loss : "squared"
    l1, l2 : strengths of the penalty ; factors : (p,) one a column, or None for ones
    bounds : (p,) lower and (p,) upper of the coefficients, or None for none
    standardize : whether coefficients were penalised times their columns' standard deviations
    intercept_fitted : whether b was fitted, or is zero
    weighted : whether rows had weights
    tol : the relative gap that was asked for
    columns, targets : names (p,) and (k,)
    coef : (k, p) ; intercept : (k,)
    encoding : how a table becomes these columns, or None for a fit of plain arrays
    inferred : standard errors and what belongs to them, or how to compute them from sums
    fit : solver, certificate and history
    rows_read, rows_used, rows_dropped : where the rows went
    missing : column -> how many values it misses in the rows read
    r2 : (k,) about the mean, or about zero without an intercept; nan for a constant target
    holdout : what was held out of the fit, if anything was
    cross_validation : what chose l1 and l2, if that did
    notes : what was found in the data, in sentences
    command : the command line that repeats the fit
    versions : name -> version of what computed it
    """

    loss: str
    l1: float
    l2: float
    factors: tuple[float, ...] | None
    bounds: tuple[tuple[float, ...], tuple[float, ...]] | None
    standardize: bool
    intercept_fitted: bool
    weighted: bool
    tol: float
    columns: tuple[str, ...]
    targets: tuple[str, ...]
    coef: Float
    intercept: Float
    encoding: Encoding | None
    inferred: tuple[Inference, ...] | Callable[[], tuple[Inference, ...]] = field(repr=False)
    fit: Fit = field(repr=False)
    rows_read: int
    rows_used: int
    rows_dropped: int
    missing: Mapping[str, int]
    r2: tuple[float, ...]
    holdout: Holdout | None = None
    cross_validation: CrossValidation | None = None
    notes: tuple[str, ...] = ()
    command: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict[str, str])

    @cached_property
    def inference(self) -> tuple[Inference, ...]:
        """Standard errors, tests and intervals, a table a target, computed when asked for."""
        return self.inferred() if callable(self.inferred) else self.inferred

    def __getstate__(self) -> dict[str, Any]:
        state = {part.name: getattr(self, part.name) for part in fields(self)}
        return state | {"inferred": self.inference}

    def predict(self, X: Any) -> Float:
        """The predictions for new rows.

        Parameters
        ----------
        X : path, frame, dict of arrays, or (n, p) array or sparse matrix
            An array holds the columns in their order, already encoded; anything else is read as
            `leastwise.table` reads it, its columns found by their names and encoded as in the fit.

        Returns
        -------
        (n,) float64, or (n, k) for several targets
            NaN where a value of the row is missing.

        Raises
        ------
        DataError
            A column is absent or of another kind than in the fit, or the shape does not match.
        """
        eta = linear(self.encoded(X), self.coef, self.intercept)
        return eta[:, 0] if len(self.targets) == 1 else eta

    def encoded(self, X: Any) -> Any:
        """The (n, p) numbers, dense or sparse, that `predict` makes of new rows."""
        p = len(self.columns)
        if isinstance(X, (np.ndarray, list, tuple)) or hasattr(X, "tocsr"):
            matrix: Any = X if hasattr(X, "tocsr") else np.asarray(X)
            if matrix.ndim != 2 or matrix.shape[1] != p:
                shape = " x ".join(map(str, matrix.shape))
                raise DataError(f"an array to predict from must have {p} columns, not {shape}")
            if matrix.dtype.kind not in "fiub":
                raise DataError(
                    f"an array to predict from must hold numbers, not {matrix.dtype}: "
                    "give text and dates in a frame"
                )
            return matrix
        from leastwise.sources.readers import read_arrow

        encoding = self.encoding
        if encoding is None:
            encoding = Encoding(tuple(Feature(name, "number") for name in self.columns), ())
        return encoding.transform(read_arrow(X))

    def objective_words(self) -> str:
        """What was minimised, as a sentence.

        Examples
        --------
        >>> from leastwise.model import fit_source
        >>> from leastwise.sources import MemorySource
        >>> rows = MemorySource(np.array([[0.0], [1.0], [2.0]]), [1.0, 3.0, 5.0])
        >>> fit_source(rows, l2=0.5).objective_words()
        'The mean of half the squared residuals, plus 0.5/2 times the sum of squared coefficients.'
        """
        mean = "weighted mean" if self.weighted else "mean"
        words = [f"The {mean} of half the squared residuals"]
        each = " times their factors" if self.factors is not None else ""
        if self.standardize:
            each += " in units of their columns' standard deviations"
        if self.l1:
            words.append(f"plus {self.l1:.6g} times the sum of absolute coefficients{each}")
        if self.l2:
            words.append(f"plus {self.l2:.6g}/2 times the sum of squared coefficients{each}")
        if self.bounds is not None:
            words.append("within bounds of the coefficients")
        return ", ".join(words) + "."

    def equation(self) -> str:
        """What was minimised, as a formula.

        Examples
        --------
        >>> from leastwise.model import fit_source
        >>> from leastwise.sources import MemorySource
        >>> rows = MemorySource(np.array([[0.0], [1.0], [2.0]]), [1.0, 3.0, 5.0])
        >>> fit_source(rows, l1=0.1).equation()
        'minimise over b, w: (1/n) sum_i 1/2 (y_i - b - x_i·w)^2 + 0.1 sum_j |w_j|'
        """
        over, b = ("b, w", " - b") if self.intercept_fitted else ("w", "")
        mean = "(1/sum_i s_i) sum_i s_i/2" if self.weighted else "(1/n) sum_i 1/2"
        parts = [f"minimise over {over}: {mean} (y_i{b} - x_i·w)^2"]
        f = "" if self.factors is None else "f_j "
        s, s2 = ("sd_j ", "sd_j^2 ") if self.standardize else ("", "")
        if self.l1:
            parts.append(f"{self.l1:.6g} sum_j {f}{s}|w_j|")
        if self.l2:
            parts.append(f"{self.l2:.6g}/2 sum_j {f}{s2}w_j^2")
        within = "" if self.bounds is None else ", lower_j <= w_j <= upper_j"
        return " + ".join(parts) + within

    def to_dict(self) -> dict[str, Any]:
        """The model in JSON's own types: floats to their last digit, nan and infinities as text."""
        from leastwise.model.saved import to_dict

        return to_dict(self)

    @classmethod
    def from_dict(cls, saved: object) -> Model:
        """The model that `to_dict` gave this for.

        Raises
        ------
        DataError
            It is not the dict of a model, or of a version that this leastwise cannot read.
        """
        from leastwise.model.saved import from_dict

        return from_dict(saved)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to `path` as JSON, whole or not at all.

        Raises
        ------
        DataError
            The folder is missing or not writable, or the disk is full.
        """
        from leastwise.files import write_atomically
        from leastwise.model.saved import to_json

        write_atomically(path, to_json(self))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Model:
        """The model that `save` wrote. Loading runs no code that the file brings.

        Raises
        ------
        DataError
            There is no such file, it is cut, it is not a model, or of a version that is not known.
        """
        from leastwise.model.saved import load

        return load(path)


def linear(X: Any, coef: Float, intercept: Float) -> Float:
    """(n, k) eta = X coef' + intercept; a row with NaN gives NaN, other values are not checked.

    Parameters
    ----------
    X : (n, p) dense of any number type, or sparse; dense rows are cast to float64 a batch at a time
    coef : (k, p) ; intercept : (k,)
    """
    if hasattr(X, "tocsr"):
        return np.asarray(X @ coef.T, np.float64) + intercept
    n, p = X.shape
    eta = np.empty((n, coef.shape[0]))
    step = max(1, BATCH // max(1, p))
    with np.errstate(invalid="ignore", over="ignore"):
        for first in range(0, n, step):
            rows = np.asarray(X[first : first + step], np.float64)
            eta[first : first + step] = rows @ coef.T + intercept
    return eta


def r_squared(
    y: Float, eta: Float, weight: Float | None = None, *, about_mean: bool = True
) -> tuple[float, ...]:
    """(k,) 1 - sum s (y - eta)^2 / sum s (y - ybar)^2, ybar the weighted mean of these rows.

    Without an intercept the comparison is with zero: `about_mean=False` puts 0 for ybar.

    NaN where y is constant.

    Parameters
    ----------
    y, eta : (n, k) ; weight : (n,) or None for ones

    Examples
    --------
    >>> r_squared(np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [2.0], [4.0]]))
    (0.5,)
    """
    s = np.ones(y.shape[0]) if weight is None else weight
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        mean = s @ y / s.sum() if about_mean else np.zeros(y.shape[1])
        left, whole = s @ (y - eta) ** 2, s @ (y - mean) ** 2
        rounding = s.sum() * (16.0 * np.finfo(np.float64).eps * np.abs(mean)) ** 2
        r2 = np.where(whole > rounding, 1.0 - left / whole, np.nan)
    return tuple(r2.tolist())
