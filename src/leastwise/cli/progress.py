"""A progress bar on stderr, where that is a terminal and the work lasts."""

from __future__ import annotations

import math
import os
import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any

from leastwise.cli.text import brief, plain

if TYPE_CHECKING:
    from leastwise.fit import Record

DELAY = 1.0  # seconds of work before anything is shown


class Progress:
    """Shows what is under way, after `DELAY` seconds; gone without a trace when it ends.

    The bar of a fit is the share of the way from the first relative gap to the tolerance, in
    powers of ten.

    Parameters
    ----------
    tol : the relative gap to reach
    stream : where to draw; stderr by default, and nothing is drawn where it is no terminal
    delay : seconds to wait
    """

    def __init__(self, tol: float, stream: Any = None, delay: float = DELAY) -> None:
        self._tol = max(tol, 1e-16)
        self._stream = sys.stderr if stream is None else stream
        self._lock = threading.Lock()
        self._words = ""
        self._done: float | None = None
        self._first: float | None = None
        self._strengths, self._certified = 0, 0
        self._bar: Any = None
        self._task: Any = None
        self._timer: threading.Timer | None = None
        self._delay = delay

    def __enter__(self) -> Progress:
        if self._stream.isatty() and os.environ.get("TERM") != "dumb":
            self._timer = threading.Timer(self._delay, self._show)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            self._timer = None
            bar, self._bar = self._bar, None
        if bar is not None:
            bar.stop()

    def say(self, words: str) -> None:
        """Name what is under way, its length unknown."""
        with self._lock:
            self._words, self._done = plain(words), None
            self._update()

    def follow(self, strengths: int) -> None:
        """From here on the bar is the share of so many strengths that are certified."""
        self._strengths = strengths
        self.say(f"fitting {strengths:,} strengths")

    def folds(self, done: int, total: int) -> None:
        """Take note of how many folds are done; after the last, all rows are fitted."""
        with self._lock:
            last = done == total
            self._words = "fitting all rows" if last else f"fold {done + 1:,} of {total:,}"
            self._done = None if last else done / total
            self._update()

    def watch(self, record: Record) -> None:
        """Take note of a look at the fit."""
        gap = record.relative_gap
        with self._lock:
            if self._strengths:
                self._certified = min(self._certified + (gap <= self._tol), self._strengths)
                self._words = f"{self._certified:,} of {self._strengths:,} strengths"
                self._done = self._certified / self._strengths
                self._update()
                return
            self._words = f"iteration {record.iteration}, relative gap {brief(gap)}"
            if self._first is None and math.isfinite(gap):
                self._first = max(gap, 10.0 * self._tol)
            if self._first is not None and gap > 0.0:
                way = math.log(self._first / self._tol)
                done = math.log(self._first / gap) / way if math.isfinite(gap) else 0.0
                self._done = min(max(done, self._done or 0.0, 0.0), 1.0)
            self._update()

    def _show(self) -> None:
        with self._lock:
            if self._timer is None:
                return
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                BarColumn(),
                TextColumn("{task.description}", markup=False),
                TimeElapsedColumn(),
                console=Console(file=self._stream),
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._task = self._bar.add_task(self._words, total=None)
            self._update()
            self._bar.start()

    def _update(self) -> None:
        if self._bar is not None:
            total = None if self._done is None else 1.0
            self._bar.update(
                self._task, description=self._words, total=total, completed=self._done or 0.0
            )
