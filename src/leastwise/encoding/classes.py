"""Classes: the labels of a target and the outputs that stand for them.

Two classes are one output, 1 for the second of them; more are an output each, 1 in that of a row's
class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leastwise.encoding.levels import Level
from leastwise.errors import DataError


@dataclass(frozen=True)
class Classes:
    """The classes of a target.

    Parameters
    ----------
    name : the target's
    labels : (K,) different ones, sorted, as they were given

    Examples
    --------
    >>> kinds = Classes("kind", ("a", "b", "c"))
    >>> kinds.outputs
    ('kind=a', 'kind=b', 'kind=c')
    >>> kinds.targets(np.array([2, 0]))
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """

    name: str
    labels: tuple[Level, ...]

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names (k,) of the outputs: one for two classes, else as many as classes."""
        return (self.name,) if len(self.labels) == 2 else self.members

    @property
    def members(self) -> tuple[str, ...]:
        """(K,) each class in words: kind=a."""
        return tuple(f"{self.name}={label}" for label in self.labels)

    @property
    def array(self) -> NDArray[Any]:
        """(K,) the labels."""
        return np.asarray(self.labels)

    def targets(self, codes: NDArray[np.intp]) -> NDArray[np.float64]:
        """(n, k) the outputs of rows whose classes have these places (n,) among the labels."""
        if len(self.labels) == 2:
            return codes[:, None].astype(np.float64)
        return (codes[:, None] == np.arange(len(self.labels))).astype(np.float64)

    def codes(self, y: NDArray[np.float64]) -> NDArray[np.intp]:
        """(n,) the place of each row's class, from outputs (n, k) or their probabilities."""
        two = y.shape[1] == 1 < len(self.labels)
        return (y[:, 0] > 0.5).astype(np.intp) if two else y.argmax(axis=1)

    def predicted(self, eta: NDArray[np.float64]) -> NDArray[Any]:
        """(n,) the likeliest class of rows of eta (n, k); None where eta is nan.

        Examples
        --------
        >>> Classes("kind", ("a", "b")).predicted(np.array([[-1.0], [np.nan], [2.0]]))
        array(['a', None, 'b'], dtype=object)
        """
        missing = np.isnan(eta).any(axis=1)
        codes = (eta[:, 0] > 0.0).astype(np.intp) if eta.shape[1] == 1 else eta.argmax(axis=1)
        found = self.array[codes]
        if missing.any():
            found = found.astype(object)
            found[missing] = None
        return found


def refuse_parts(labels: NDArray[Any], what: str) -> None:
    """Refuse numbers that are not whole as names of classes; `what` holds them.

    Raises
    ------
    DataError
        One is not whole.
    """
    odd = labels[labels != np.rint(labels)]
    if odd.size:
        raise DataError(
            f"{what} holds numbers that are not whole, such as {odd.flat[0]:g}: they name no "
            "classes; take a loss for numbers, such as the squared one"
        )


def in_python(labels: Sequence[Any] | NDArray[Any]) -> tuple[Level, ...]:
    """Labels as Python's own texts, numbers and booleans, which JSON keeps.

    Raises
    ------
    DataError
        A label is none of these.
    """
    listed: list[Any] = list(labels.tolist() if isinstance(labels, np.ndarray) else labels)
    for label in listed:
        if type(label) not in (str, int, float, bool):
            raise DataError(f"a class must be a text, a number, true or false, not {label!r}")
    return tuple(listed)
