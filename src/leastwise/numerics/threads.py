"""Threads: a small pool for blocks of rows, and one BLAS thread for small dense work.

A product of two large matrices is worth every core; a 400 x 400 Cholesky, or a block of a thousand
rows that shares the machine with other blocks, is slowed down by BLAS threads that wait for each
other.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from importlib import import_module
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
S = TypeVar("S")


@functools.cache
def workers() -> int:
    """The number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


@functools.cache
def _pool(process: int) -> ThreadPoolExecutor:
    # Keyed by process: threads do not survive a fork, so that a child makes its own. Whoever asks
    # works too.
    return ThreadPoolExecutor(max(1, workers() - 1), thread_name_prefix="leastwise")


@functools.cache
def _libraries() -> list[Any]:
    """The BLAS libraries that are loaded: to find them costs 3 ms, to limit them hardly a thing."""
    import_module("scipy.linalg")  # its BLAS must be loaded before libraries are looked for
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas").lib_controllers


def free_workers() -> int:
    """Among how many threads work may be shared here: in a part of `parallel` one alone.

    It would wait there for the pool that it runs on.
    """
    return 1 if getattr(_local, "working", False) else workers()


_limited = threading.Lock()


@contextmanager
def one_blas_thread() -> Generator[None]:
    """A context in which BLAS and LAPACK run on one thread.

    The limit is the process's, and only the thread that set it can lift it: whoever comes while it
    is set (an inner call, a fit in another thread) leaves it alone.
    """
    libraries = _libraries()
    if not _limited.acquire(blocking=False):
        yield
        return
    try:
        before = [library.get_num_threads() for library in libraries]
        try:
            for library in libraries:
                library.set_num_threads(1)
            yield
        finally:
            for library, threads in zip(libraries, before, strict=True):
                library.set_num_threads(threads)
                # Else no other thread may ever set a limit. (Older threadpoolctl lets all of them.)
                if hasattr(library, "clear_controlling_thread"):
                    library.clear_controlling_thread()
    finally:
        _limited.release()


_local = threading.local()


def scratch(rows: int, columns: int) -> NDArray[np.float64]:
    """(rows, columns) of this thread's own memory, overwritten by the next call.

    A fresh array of some 100 KB a block costs a thread more in page faults than filling it does.
    """
    size = rows * columns
    buffer: NDArray[np.float64] | None = getattr(_local, "buffer", None)
    if buffer is None or buffer.size < size:
        buffer = _local.buffer = np.empty(size)
    return buffer[:size].reshape(rows, columns)


def tiles(n: int, size: int = 16_384) -> list[slice]:
    """Slices of n rows: what is computed from one of them stays in the cache."""
    return [slice(first, min(first + size, n)) for first in range(0, n, size)]


def parallel(
    function: Callable[[T], S], parts: Iterable[T], watch: Callable[[int], None] | None = None
) -> list[S]:
    """`[function(part) for part in parts]`, on all cores, one BLAS thread each, in order.

    The caller's thread works as well as those of the pool, which take a while to wake up. There,
    each part runs in a copy of the caller's context, so that `np.errstate` holds too. Parts that
    have not begun when one fails, or when the caller is interrupted, are never begun.

    Parameters
    ----------
    watch : called in the caller's thread with how many of the first parts are done
    """
    parts = list(parts)
    if len(parts) < 2 or free_workers() < 2:
        with one_blas_thread():
            return _watched(map(function, parts), watch)

    def run(part: T) -> S:
        _local.working = True
        try:
            return function(part)
        finally:
            _local.working = False

    pool = _pool(os.getpid())
    with one_blas_thread():
        futures = [pool.submit(copy_context().run, run, part) for part in parts[1:]]
        try:
            return _watched(_shared(run, parts, futures), watch)
        finally:
            for future in futures:
                future.cancel()


def _shared(run: Callable[[T], S], parts: list[T], futures: list[Future[S]]) -> Iterator[S]:
    """The results in order: `futures` are those of all parts but the first.

    Parts that no other thread has begun are done here, until one of them fails: its error is told
    in its turn.
    """
    found = [_ended(run, parts[0]), *futures]
    taken, failed = 1, found[0].exception() is not None
    for place in range(len(parts)):
        while not found[place].done() and not failed and taken < len(parts):
            if found[taken].cancel():
                found[taken] = _ended(run, parts[taken])
                failed = found[taken].exception() is not None
            taken += 1
        yield found[place].result()


def _ended(run: Callable[[T], S], part: T) -> Future[S]:
    """What the part gave, or its error."""
    found: Future[S] = Future()
    try:
        found.set_result(run(part))
    except Exception as error:
        found.set_exception(error)
    return found


def _watched(results: Iterable[S], watch: Callable[[int], None] | None) -> list[S]:
    found: list[S] = []
    for result in results:
        found.append(result)
        if watch is not None:
            watch(len(found))
    return found
