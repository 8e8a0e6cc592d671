"""The losses, by name."""

from leastwise.losses.base import Loss
from leastwise.losses.squared import Squared

LOSSES: dict[str, type[Loss]] = {Squared.name: Squared}

__all__ = ["LOSSES", "Loss", "Squared"]
