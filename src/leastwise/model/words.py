"""What a model's fit minimised, in words and as a formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leastwise.losses import Loss
    from leastwise.model.model import Model


def objective_words(model: Model) -> str:
    """What was minimised, as a sentence.

    Examples
    --------
    >>> import numpy as np
    >>> from leastwise.model import fit_source
    >>> from leastwise.sources import MemorySource
    >>> rows = MemorySource(np.array([[0.0], [1.0], [2.0]]), [1.0, 3.0, 5.0])
    >>> fit_source(rows, l2=0.5).objective_words()
    'The mean of half the squared residuals, plus 0.5/2 times the sum of squared coefficients.'
    """
    mean = "weighted mean" if model.weighted else "mean"
    words = [f"The {mean} of {model.loss.words}"]
    each = " times their factors" if model.factors is not None else ""
    if model.standardize:
        each += " in units of their columns' standard deviations"
    if model.l1:
        words.append(f"plus {model.l1:.6g} times the sum of absolute coefficients{each}")
    if model.l2:
        words.append(f"plus {model.l2:.6g}/2 times the sum of squared coefficients{each}")
    if model.bounds is not None:
        words.append("within bounds of the coefficients")
    return ", ".join(words) + "."


def equation(model: Model) -> str:
    """What was minimised, as a formula.

    Examples
    --------
    >>> import numpy as np
    >>> from leastwise.losses import Huber
    >>> from leastwise.model import fit_source
    >>> from leastwise.sources import MemorySource
    >>> rows = MemorySource(np.array([[0.0], [1.0], [2.0]]), [1.0, 3.0, 5.0])
    >>> fit_source(rows, l1=0.1).equation()
    'minimise over b, w: (1/n) sum_i 1/2 (y_i - b - x_i·w)^2 + 0.1 sum_j |w_j|'
    >>> fit_source(rows, loss=Huber(2.0), l1=0.1).equation()
    'minimise over b, w: (1/n) sum_i huber(2.0)(y_i, b + x_i·w) + 0.1 sum_j |w_j|'
    """
    over = "b, w" if model.intercept_fitted else "w"
    parts = [f"minimise over {over}: {_mean(model.loss, model.weighted, model.intercept_fitted)}"]
    f = "" if model.factors is None else "f_j "
    s, s2 = ("sd_j ", "sd_j^2 ") if model.standardize else ("", "")
    if model.l1:
        parts.append(f"{model.l1:.6g} sum_j {f}{s}|w_j|")
    if model.l2:
        parts.append(f"{model.l2:.6g}/2 sum_j {f}{s2}w_j^2")
    within = "" if model.bounds is None else ", lower_j <= w_j <= upper_j"
    return " + ".join(parts) + within


def _mean(loss: Loss, weighted: bool, intercept: bool) -> str:
    """The mean loss: half a square is written out, another loss by its name."""
    if loss.quadratic:
        mean = "(1/sum_i s_i) sum_i s_i/2" if weighted else "(1/n) sum_i 1/2"
        return f"{mean} (y_i{' - b' if intercept else ''} - x_i·w)^2"
    mean = "(1/sum_i s_i) sum_i s_i" if weighted else "(1/n) sum_i"
    return f"{mean} {loss.label}(y_i, {'b + ' if intercept else ''}x_i·w)"
