"""How the loops are compiled: without the GIL, kept on disk, each on one thread.

Loops that call each other are inlined. Left to the linker, a call leads to the copy that was loaded
first, which is another one where the loops come from the disk: their last bits may differ.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any

import numba

# Versions of Numba of which `_Kept` was tried. Any other loads in its own way, which is slower.
TRIED = tuple(f"0.{minor}." for minor in range(61, 69))

if numba.__version__.startswith(TRIED):
    from llvmlite import binding
    from numba.core.caching import FunctionCache

    @functools.cache
    def _name_runtime() -> None:
        """Name to LLVM the functions by which loops hold and free arrays."""
        runtime = import_module("numba.core.runtime._nrt_python")
        for name, address in runtime.c_helpers.items():
            binding.add_symbol(name if name.startswith("_") else f"NRT_{name}", address)

    class _Kept(FunctionCache):
        """Loops from the disk, without what only a compiler needs.

        Numba makes all that it could compile ready before it loads a loop, and compiles its own
        runtime: a third of a second in every process. The compiler does so too, when there is one
        to be compiled. What a loop calls of NumPy is another matter: `np.dot` or `np.zeros` in it
        is 50 ms of imports.
        """

        def load_overload(self, sig: Any, target_context: Any) -> Any:
            _name_runtime()
            try:
                with self._guard_against_spurious_io_errors():
                    return self._load_overload(sig, target_context)
            except Exception:  # whatever pickle makes of a file that was cut or overwritten
                with suppress(OSError):
                    self.flush()
                return None

        def save_overload(self, sig: Any, data: Any) -> None:
            with suppress(OSError):  # as of a full disk
                super().save_overload(sig, data)

    def _keep(made: Any, function: Callable[..., Any]) -> None:
        made._cache = _Kept(function)

else:

    def _keep(made: Any, function: Callable[..., Any]) -> None:
        made.enable_caching()


def compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """`function` compiled without the GIL; kept on disk where a cache folder can be written."""
    made: Any = numba.njit(nogil=True, forceinline=True, **options)(function)
    if made is not function:  # as it is where NUMBA_DISABLE_JIT says so
        with suppress(RuntimeError):  # no folder to keep it in: it is compiled in memory
            _keep(made, function)
    return made


def summing(function: Callable[..., Any]) -> Callable[..., Any]:
    """`compiled`, with sums taken in any order, as BLAS does."""
    return compiled(function, fastmath={"reassoc", "contract", "nsz"}, error_model="numpy")
