"""Where rows come from."""

from leastwise.sources.base import Source, default_names
from leastwise.sources.memory import MemorySource
from leastwise.sources.sizes import Sizes

__all__ = ["MemorySource", "Sizes", "Source", "default_names"]
