"""lw.check_gradient: a gradient against autograd and central differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leastwise.blocks import tensors
from leastwise.errors import DataError, UsageError
from leastwise.estimators.arrays import rows_for
from leastwise.gradients import autograd
from leastwise.gradients.compare import Check
from leastwise.gradients.layout import Layout, somewhere, spread_of, units
from leastwise.gradients.result import GradientCheck
from leastwise.gradients.subject import Function, Registered
from leastwise.losses import Loss, named
from leastwise.penalties import ElasticNet
from leastwise.problem import refuse_strengths
from leastwise.sources import Source

Float = NDArray[np.float64]


def check_gradient(
    loss: str | Loss | Callable[..., Any],
    grad: Callable[..., Any] | None = None,
    *,
    X: Any,
    y: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
    intercept: bool = True,
    at: Any = None,
    unit: ArrayLike | None = None,
    coordinates: int = 100,
    tol: float = 1e-6,
    seed: int = 0,
) -> GradientCheck:
    """Compare a gradient with autograd and with central differences, and name what is wrong.

    Checked is, at one point (b, w), the gradient of ::

        F(b, w) = sum_i s_i loss(y_i, b + x_i·w) / sum_i s_i + sum_j (l1 |w_j| + l2/2 w_j^2)

    or of a function of one's own. Without `grad` it is the gradient that the solvers of a loss go
    by. With `grad` it is that, and what is usually wrong with one is named: a wrong sign, a sum
    where the loss is a mean, a factor two, targets (n, 1) broadcast against predictions (n,),
    gradients that accumulate over calls or are assigned where they should be added, a penalised
    intercept, a penalty that is missing or has another sign.

    Parameters
    ----------
    loss : str, Loss or callable
        "squared", "huber(1.35)", ... as in `leastwise.path`; or a function `loss(w, b, X, y)`, or
        `loss(w, X, y)` with `intercept=False`, that returns one number.
    grad : callable or None
        A function of the same arguments that returns the gradients in w and in b, a pair, or only
        that in w with `intercept=False`.
    X : array (n, p) or (n,), sparse matrix, frame, tensor, or what `leastwise.table` returned
        The rows. Functions of one's own get them as float64 arrays, or as float64 tensors where X
        is one; of X (n,) w is a number.
    y : (n,) or (n, k)
        Targets; classes of any kind for the losses of classes. Left out with a table.
    sample_weight, l1, l2
        For a named loss; a function holds its own.
    intercept : bool
        Whether there is b.
    at : (w, b), or w without an intercept
        The point; by default one drawn by `seed`, whose predictions are about as far apart as the
        targets are.
    unit : number or array
        What a step of 1 is of each coefficient. By default what moves the predictions by one
        standard deviation of y (by 1 for classes); 1.0 gives steps in w and b themselves.
    coordinates : int
        In how many coordinates, drawn by `seed`, differences are taken; autograd compares all.
    tol : float
        The relative error up to which a gradient is right.
    seed : int
        Of the point and of the coordinates.

    Returns
    -------
    GradientCheck

    Raises
    ------
    UsageError
        If an argument is out of range, or a function returns what is no loss or no gradient.
    DataError
        If the rows cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> import leastwise as lw
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(50, 3)), rng.normal(size=50)
    >>> lw.check_gradient("logistic", X=X, y=y > 0).ok
    True
    >>> def half_mean_square(w, b, X, y):
    ...     return ((X @ w + b - y) ** 2).mean() / 2
    >>> def gradient(w, b, X, y):
    ...     residual = y - X @ w - b
    ...     return X.T @ residual / len(y), residual.mean()
    >>> check = lw.check_gradient(half_mean_square, gradient, X=X, y=y)
    >>> check.ok, check.mistake
    (False, 'sign')
    >>> print(check.verdict)
    the gradient is wrong: it has the wrong sign
    """
    if not 0.0 < tol < 1.0:
        raise UsageError(f"tol must be a number between 0 and 1, not {tol!r}")
    if coordinates < 1:
        raise UsageError(f"coordinates must be at least 1, not {coordinates!r}")
    if callable(loss) and not isinstance(loss, Loss):
        if sample_weight is not None or l1 or l2:
            raise UsageError("a function holds its own weights and penalty: leave them out here")
        subject, unit_, level, weight = _of_function(loss, X, y, intercept, at)
    else:
        penalty = ElasticNet(l1, l2)
        refuse_strengths(penalty)
        subject, unit_, level, weight = _of_registry(
            named(loss), X, y, sample_weight, penalty, intercept, at
        )
    layout = subject.layout
    if unit is not None:
        unit_ = np.broadcast_to(np.asarray(unit, np.float64), (layout.size,)).copy()
        if not (unit_ > 0.0).all():
            raise UsageError("unit must be positive")
    elsewhere = somewhere(layout, unit_, level, seed)
    beta = elsewhere if at is None else layout.join(*_pair(at, intercept), "at")
    given = None if grad is None else _gradient_of(grad, subject, X, y)
    return Check(subject, given, beta, unit_, elsewhere, weight, tol).result(coordinates, seed)


def _pair(at: Any, intercept: bool) -> tuple[Any, Any]:
    if not intercept:
        return at, 0.0
    if not isinstance(at, tuple | list) or len(at) != 2:
        raise UsageError(f"at must be a pair (w, b), not {at!r}; or w with intercept=False")
    return at[0], at[1]


def _of_registry(
    loss: Loss,
    X: Any,
    y: Any,
    sample_weight: Any,
    penalty: ElasticNet,
    intercept: bool,
    at: Any,
) -> tuple[Registered, Float, Float, float]:

    X = X if isinstance(X, Source) else _column(tensors.rows_of_tensor(X))
    source, one = rows_for(loss, X, y, sample_weight)
    block = source.gather()
    if (why := loss.refuse_targets(block.y)) is not None:
        raise DataError(why)
    p, k = len(source.columns), len(source.targets)
    layout = Layout((p,) if one else (p, k), intercept)
    subject = Registered(source, loss, penalty, layout)
    return subject, *subject.scales(), block.total()


def _of_function(
    loss: Callable[..., Any], X: Any, y: Any, intercept: bool, at: Any
) -> tuple[Function, Float, Float, float]:
    function = _function(loss, "loss", None, X, y, intercept, at)
    X, y = function.X, function.y
    lengths = np.sqrt(np.mean(_column(X) ** 2, axis=0))
    targets = y.reshape(len(y), -1)
    layout = function.layout
    k = layout.shape[1] if len(layout.shape) > 1 else 1
    spread, level = spread_of(targets), targets.mean(axis=0)
    if spread.size != k:
        spread, level = np.full(k, spread.mean()), np.full(k, level.mean())
    return function, units(layout, lengths, spread), level, float(len(y))


def _function(
    call: Callable[..., Any],
    what: str,
    layout: Layout | None,
    X: Any,
    y: Any,
    intercept: bool,
    at: Any,
) -> Function:
    if X is None or y is None:
        raise UsageError("a function of (w, b, X, y) needs X and y: give both")
    wrap = autograd.wrapper(X) if tensors.is_tensor(X) else np.array
    try:
        rows = np.array(_dense(tensors.rows_of_tensor(X)), np.float64)
        targets = np.array(tensors.array_of(y), np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"X and y must be numbers for a function of one's own: {error}") from None
    if rows.ndim not in (1, 2) or len(rows) != len(targets) or rows.size == 0:
        raise DataError(f"X of shape {rows.shape} and y of shape {targets.shape} are no rows")
    if not (np.isfinite(rows).all() and np.isfinite(targets).all()):
        raise DataError("X or y holds NaN or infinity: drop or repair the row")
    if layout is None:
        several = targets.ndim > 1 and targets.shape[1] > 1
        shape = rows.shape[1:] + (targets.shape[1:] if several else ())
        if at is not None:
            shape = np.shape(_pair(at, intercept)[0])
        layout = Layout(tuple(shape), intercept)
    return Function(call, what, layout, rows, targets, wrap)


def _gradient_of(
    grad: Callable[..., Any], subject: Function | Registered, X: Any, y: Any
) -> Function:
    layout = subject.layout
    if isinstance(subject, Function):
        return replace(subject, call=grad, what="grad")
    if isinstance(X, Source):
        X = X.gather().X
    targets = subject.source.gather().y
    y = targets[:, 0] if len(layout.shape) == 1 else targets
    return _function(grad, "grad", layout, X, y, layout.intercept, None)


def _dense(X: Any) -> Any:
    return X.toarray() if hasattr(X, "toarray") else X


def _column(X: Any) -> Any:
    return X.reshape(-1, 1) if isinstance(X, np.ndarray) and X.ndim == 1 else X
