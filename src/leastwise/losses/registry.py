"""The losses by name, and their names and parameters as text and as JSON."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from leastwise.errors import UsageError
from leastwise.losses.absolute import Absolute
from leastwise.losses.base import Loss
from leastwise.losses.huber import Huber
from leastwise.losses.logistic import Logistic
from leastwise.losses.multinomial import Multinomial
from leastwise.losses.quantile import Quantile
from leastwise.losses.squared import Squared

LOSSES: dict[str, type[Loss]] = {
    Squared.name: Squared,
    Absolute.name: Absolute,
    Quantile.name: Quantile,
    Huber.name: Huber,
    Logistic.name: Logistic,
    Multinomial.name: Multinomial,
}

LABEL = re.compile(r"\s*([a-z]+)\s*(?:\((.*)\)\s*)?")


def named(loss: Any, q: float | None = None, width: float | None = None) -> Loss:
    """The loss that a text names, or `loss` itself if it is one.

    Parameters
    ----------
    loss : "squared", "quantile", "quantile(0.9)", ..., or a Loss
    q : the quantile loss's parameter ; width : the Huber loss's

    Raises
    ------
    UsageError
        If there is no such loss, if it has no such parameter or was given it twice, or if the
        parameter is out of range.

    Examples
    --------
    >>> named("quantile", q=0.9)
    Quantile(q=0.9)
    >>> named("huber(2)")
    Huber(width=2.0)
    """
    given = {"q": q, "width": width}
    given = {name: value for name, value in given.items() if value is not None}
    if isinstance(loss, Loss):
        if given:
            raise UsageError(f"{' and '.join(given)} cannot be given beside {loss!r}")
        return loss
    read = LABEL.fullmatch(loss) if isinstance(loss, str) else None
    kind = _known(read[1] if read else loss, loss)
    fields = [field.name for field in dataclasses.fields(kind)]
    for name in given:
        if name not in fields:
            raise UsageError(f"the {kind.name} loss has no {name}; leave it out")
    if read and read[2] is not None:
        if given or len(fields) != 1:
            why = "has no parameter" if not fields else f"was given {fields[0]} twice"
            raise UsageError(f"the {kind.name} loss {why}: {loss!r}")
        given = {fields[0]: _number(fields[0], read[2], loss)}
    return kind(**given)


def for_classes(count: int) -> Loss:
    """The loss of so many classes: logistic for two, multinomial for more.

    Examples
    --------
    >>> for_classes(2), for_classes(3)
    (Logistic(), Multinomial())
    """
    return Logistic() if count == 2 else Multinomial()


def settings(loss: Loss) -> dict[str, float]:
    """The parameters of a loss, by name: what JSON keeps of it beside its name.

    Examples
    --------
    >>> settings(Huber(2.0)), settings(Squared())
    ({'width': 2.0}, {})
    """
    return dataclasses.asdict(loss)


def from_settings(name: Any, settings: Any) -> Loss:
    """The loss of a name with all its parameters, as `settings` gave them.

    Raises
    ------
    UsageError
        If there is no such loss, or its parameters are not exactly these, or one is out of range.

    Examples
    --------
    >>> from_settings("quantile", {"q": 0.25})
    Quantile(q=0.25)
    """
    kind = _known(name, name)
    wanted = {field.name for field in dataclasses.fields(kind)}
    if not isinstance(settings, Mapping) or set(settings) != wanted:
        words = f"wants the settings {', '.join(sorted(wanted))}" if wanted else "wants no settings"
        raise UsageError(f"the {kind.name} loss {words}, not {settings!r}")
    return kind(**settings)


def _known(name: Any, given: Any) -> type[Loss]:
    if not isinstance(name, str) or name not in LOSSES:
        raise UsageError(f"unknown loss {given!r}; there is {', '.join(LOSSES)}")
    return LOSSES[name]


def _number(name: str, text: str, loss: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(
            f"{loss!r} must have one number in its brackets, {name}, not {text.strip()!r}"
        ) from None
