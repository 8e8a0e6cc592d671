"""Where rows come from."""

from leastwise.sources.base import Source, default_names
from leastwise.sources.memory import MemorySource

__all__ = ["MemorySource", "Source", "default_names"]
