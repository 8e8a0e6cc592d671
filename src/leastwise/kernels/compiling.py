"""How the loops are compiled: without the GIL, kept on disk, each on one thread.

Loops that call each other are inlined. Left to the linker, a call leads to the copy that was loaded
first, which is another one where the loops come from the disk: their last bits may differ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba.core.caching import FunctionCache
from numba.core.runtime.nrt import rtsys

# Versions of Numba of which `_Kept` was tried. Any other loads in its own way, which is slower.
TRIED = tuple(f"0.{minor}." for minor in range(61, 69))


class _Kept(FunctionCache):
    """Loops from the disk, without what only a compiler needs.

    Numba makes all that it could compile ready before it loads a loop: a third of a second in every
    process. The compiler does so too, when there is one to be compiled.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)


def compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """`function` compiled without the GIL; kept on disk where a cache folder can be written."""
    made: Any = numba.njit(nogil=True, forceinline=True, **options)(function)
    try:
        if numba.__version__.startswith(TRIED):
            made._cache = _Kept(function)
        else:
            made.enable_caching()
    except RuntimeError:  # no folder to keep it in: compile in memory
        pass
    return made


def summing(function: Callable[..., Any]) -> Callable[..., Any]:
    """`compiled`, with sums taken in any order, as BLAS does."""
    return compiled(function, fastmath={"reassoc", "contract", "nsz"}, error_model="numpy")
