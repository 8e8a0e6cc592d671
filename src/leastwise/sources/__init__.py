"""Where rows come from."""

from leastwise.sources.base import Source, default_names
from leastwise.sources.device import DeviceSource, rows_in_memory
from leastwise.sources.memory import MemorySource
from leastwise.sources.sizes import Sizes

__all__ = ["DeviceSource", "MemorySource", "Sizes", "Source", "default_names", "rows_in_memory"]
