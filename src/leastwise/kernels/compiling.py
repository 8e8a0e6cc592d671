"""How the loops are compiled: without the GIL, kept on disk, each on one thread.

Loops that call each other are inlined. Left to the linker, a call leads to the copy that was loaded
first, which is another one where the loops come from the disk: their last bits may differ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """`function` compiled without the GIL; kept on disk where a cache folder can be written."""
    options |= {"nogil": True, "forceinline": True}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder to keep it in: compile in memory
        return numba.njit(**options)(function)


def summing(function: Callable[..., Any]) -> Callable[..., Any]:
    """`compiled`, with sums taken in any order, as BLAS does."""
    return compiled(function, fastmath={"reassoc", "contract", "nsz"}, error_model="numpy")


def finite(function: Callable[..., Any]) -> Callable[..., Any]:
    """`summing` of numbers that are finite, so that maxima are taken several at a time too."""
    return compiled(function, fastmath=True, error_model="numpy")
