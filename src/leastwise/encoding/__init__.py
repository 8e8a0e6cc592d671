"""Table columns as numeric columns: kinds, levels, missing values; frozen once learned."""

from __future__ import annotations

from leastwise.encoding.classes import Classes, in_python, refuse_parts
from leastwise.encoding.encoding import Encoding, require
from leastwise.encoding.feature import MOST_LEVELS, Feature
from leastwise.encoding.kinds import ORIGIN

__all__ = [
    "MOST_LEVELS",
    "ORIGIN",
    "Classes",
    "Encoding",
    "Feature",
    "in_python",
    "refuse_parts",
    "require",
]
