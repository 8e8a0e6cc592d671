"""Gradients by PyTorch's reverse mode (Linnainmaa 1970), where PyTorch is installed.

The losses are written once more, from their formulas and with PyTorch's own functions, so that
nothing is shared with the slopes that they check.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leastwise.blocks.tensors import the_library
from leastwise.losses import Loss
from leastwise.penalties import ElasticNet

Float = NDArray[np.float64]


def wrapper(like: Any) -> Callable[[Any], Any]:
    """What makes float64 tensors of arrays, on the device of the tensor `like`."""
    torch = the_library()

    return lambda value: torch.as_tensor(np.array(value), dtype=torch.float64, device=like.device)


def gradient(value: Callable[[Any, Any], Any], w: Any, b: Any) -> tuple[Float, Float]:
    """The gradients in w and in b of `value(w, b)`, which is computed on float64 tensors."""
    torch = the_library()
    w, b = (
        torch.tensor(np.array(part), dtype=torch.float64, requires_grad=True) for part in (w, b)
    )
    value(w, b).backward()
    return _slope(w), _slope(b)


def _slope(part: Any) -> Float:
    """What backward left at a tensor; zeros at one that the value does not depend on."""
    return np.zeros(part.shape) if part.grad is None else part.grad.numpy()


def mean_of(
    loss: Loss, X: Any, y: Float, weight: Float | None, penalty: ElasticNet
) -> Callable[[Any, Any], Any] | None:
    """F(w, b), w (p, k), on tensors; None for a loss that is not written here.

    Parameters
    ----------
    X : (n, p) dense ; y : (n, k)
    """
    torch = the_library()
    if loss.name not in FORMS:
        return None
    form = FORMS[loss.name]
    rows, targets = torch.tensor(np.array(X, np.float64)), torch.tensor(y)
    s = torch.ones(len(y), dtype=torch.float64) if weight is None else torch.tensor(weight)
    l1, l2 = (torch.tensor(np.array(each)) for each in penalty.strengths(rows.shape[1]))

    def value(w: Any, b: Any) -> Any:
        each = form(torch, loss, targets, rows @ w + b).reshape(len(y), -1).sum(dim=1)
        paid = l1 @ w.abs() + 0.5 * (l2 @ w**2)
        return (s * each).sum() / s.sum() + paid.sum()

    return value


def _huber(torch: Any, loss: Any, y: Any, eta: Any) -> Any:
    huber = torch.nn.functional.huber_loss
    return huber(eta, y, reduction="none", delta=loss.width)


def _logistic(torch: Any, loss: Any, y: Any, eta: Any) -> Any:
    return torch.nn.functional.binary_cross_entropy_with_logits(eta, y, reduction="none")


def _multinomial(torch: Any, loss: Any, y: Any, eta: Any) -> Any:
    return torch.nn.functional.cross_entropy(eta, y, reduction="none")


FORMS: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "squared": lambda torch, loss, y, eta: (y - eta).square() / 2,
    "absolute": lambda torch, loss, y, eta: (y - eta).abs(),
    "quantile": lambda torch, loss, y, eta: (
        loss.q * torch.relu(y - eta) + (1.0 - loss.q) * torch.relu(eta - y)
    ),
    "huber": _huber,
    "logistic": _logistic,
    "multinomial": _multinomial,
}
