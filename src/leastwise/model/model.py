"""Model: eta = b + X w with the columns, the certificate and the inference of the fit it came from.

(n, k) eta = X coef' + intercept,      coef (k, p), intercept (k,)

Where the target is classes, what is predicted is the likeliest, and `probabilities` are of eta.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leastwise.encoding import Classes, Encoding
from leastwise.errors import UsageError
from leastwise.fit import Fit
from leastwise.losses import Loss
from leastwise.model.scores import measure, probabilities
from leastwise.sources.new_rows import linear, new_rows

if TYPE_CHECKING:
    from leastwise.cv.result import CrossValidation
    from leastwise.inference import Inference

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Holdout:
    """How well a fit predicts rows it never saw.

    rows : how many ; seed : of their choice ; share : of all rows that was asked for
    explained : (g,) as that of the model, of these rows and about their own centre
    accuracy : the share of their weight that is predicted to be of its class, where there are any
    """

    rows: int
    explained: tuple[float, ...]
    seed: int
    share: float
    accuracy: float | None = None


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted linear model.

    Parameters
    ----------
    loss : what the fit minimised the mean of
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
    explained : (g,) 1 - mean loss / that of the intercept-only model, or of zero without an
        intercept: R2 of squared loss, else D2; nan for a constant target; one number for the
        classes of a coupled loss
    classes : what the outputs stand for, where the target is classes
    accuracy : the share of the rows' weight that is predicted to be of its class, then
    holdout : what was held out of the fit, if anything was
    cross_validation : what chose l1 and l2, if that did
    notes : what was found in the data, in sentences
    command : the command line that repeats the fit
    versions : name -> version of what computed it
    """

    loss: Loss
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
    explained: tuple[float, ...]
    classes: Classes | None = None
    accuracy: float | None = None
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

    @property
    def measure(self) -> str:
        """What `explained` is called: "R2", or "D2" for another loss than the squared one."""
        return measure(self.loss)

    @property
    def predicted(self) -> tuple[str, ...]:
        """The names of what is predicted: the targets, or the one whose classes they are."""
        return self.targets if self.classes is None else (self.classes.name,)

    def predict(self, X: Any) -> NDArray[Any]:
        """The predictions for new rows: numbers, or the likeliest classes.

        Parameters
        ----------
        X : path, frame, dict of arrays, or (n, p) array or sparse matrix; or a `leastwise.table`
            An array holds the columns in their order, already encoded; anything else is read as
            `leastwise.table` reads it, its columns found by their names and encoded as in the fit.
            A table has left out its rows with missing values, and needs the fit's own encoding.

        Returns
        -------
        (n,) float64, or (n, k) for several targets; (n,) labels of classes
            NaN, or None for a class, where a value of the row is missing.

        Raises
        ------
        DataError
            A column is absent or of another kind than in the fit, or the shape does not match.
        """
        eta = self.linear(X)
        if self.classes is not None:
            return self.classes.predicted(eta)
        return eta[:, 0] if len(self.targets) == 1 else eta

    def linear(self, X: Any) -> Float:
        """(n, k) eta = X coef' + intercept of rows given as to `predict`."""
        return linear(self.encoded(X), self.coef, self.intercept)

    def probabilities(self, X: Any) -> Float:
        """(n, K) the probability of each class, for rows given as to `predict`.

        Raises
        ------
        UsageError
            The target is not classes.
        """
        if self.classes is None:
            raise UsageError(f"a fit of the {self.loss.name} loss has no classes: take predict")
        return probabilities(self.loss, self.linear(X))

    def encoded(self, X: Any) -> Any:
        """The (n, p) numbers, dense or sparse, that `predict` makes of new rows."""
        return new_rows(X, self.columns, self.encoding)

    def objective_words(self) -> str:
        """What was minimised, as a sentence."""
        from leastwise.model.words import objective_words

        return objective_words(self)

    def equation(self) -> str:
        """What was minimised, as a formula."""
        from leastwise.model.words import equation

        return equation(self)

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
