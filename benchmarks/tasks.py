"""The command line of a benchmark that is a list of problems."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any


def compare_tasks(
    description: str,
    tasks: Sequence[Any],
    compare: Callable[[Any, int, float], None],
    *,
    repeat: int,
    limited: str,
) -> None:
    """Compare on the problems that the command line names; `limited` is what its limit stops."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--repeat", type=int, default=repeat)
    parser.add_argument("--limit", type=float, default=180.0, help=f"seconds for {limited} (180)")
    numbers = ", ".join(map(str, range(len(tasks))))
    parser.add_argument("--only", help=f"which of the problems: {numbers}, with commas")
    options = parser.parse_args()
    chosen = range(len(tasks)) if options.only is None else map(int, options.only.split(","))
    for k in chosen:
        compare(tasks[k], options.repeat, options.limit)
