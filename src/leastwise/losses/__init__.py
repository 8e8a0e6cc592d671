"""The losses, by name."""

from leastwise.losses.absolute import Absolute
from leastwise.losses.base import Loss
from leastwise.losses.huber import Huber
from leastwise.losses.logistic import Logistic
from leastwise.losses.multinomial import Multinomial
from leastwise.losses.quantile import Quantile
from leastwise.losses.registry import LOSSES, for_classes, from_settings, named, settings
from leastwise.losses.squared import Squared

__all__ = [
    "LOSSES",
    "Absolute",
    "Huber",
    "Logistic",
    "Loss",
    "Multinomial",
    "Quantile",
    "Squared",
    "for_classes",
    "from_settings",
    "named",
    "settings",
]
