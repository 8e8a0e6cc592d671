"""Blocks of rows, the only place that knows formats."""

from leastwise.blocks.block import Block, DenseView, ImplicitView, View

__all__ = [
    "Block",
    "DenseView",
    "ImplicitView",
    "View",
]
