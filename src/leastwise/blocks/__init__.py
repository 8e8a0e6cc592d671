"""Blocks of rows, the only place that knows formats."""

from leastwise.blocks.block import (
    EXPLICIT_BYTES,
    LEAST_CHUNK,
    TILE_BYTES,
    Block,
    DenseView,
    ImplicitView,
    View,
)

__all__ = [
    "EXPLICIT_BYTES",
    "LEAST_CHUNK",
    "TILE_BYTES",
    "Block",
    "DenseView",
    "ImplicitView",
    "View",
]
