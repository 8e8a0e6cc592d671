"""How the loops are compiled: without the GIL, kept on disk, each on one thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """`function` compiled without the GIL; kept on disk where a cache folder can be written."""
    try:
        return numba.njit(cache=True, nogil=True, **options)(function)
    except RuntimeError:  # no folder to keep it in: compile in memory
        return numba.njit(nogil=True, **options)(function)


def summing(function: Callable[..., Any]) -> Callable[..., Any]:
    """`compiled`, with sums taken in any order, as BLAS does."""
    return compiled(function, fastmath={"reassoc", "contract", "nsz"}, error_model="numpy")
