"""Runs one peer on one stored problem, in the peer's own environment and process.

    python -m benchmarks.runners.worker job.json

Loading is not timed. The import, the first call and the later calls are timed one by one; memory is
the most that was resident in a call beyond what was resident before it.
"""

from __future__ import annotations

import gc
import json
import sys
import time
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import store

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def resident(field: str) -> int:
    """Bytes of VmRSS (now) or VmHWM (the most since `forget`), 0 where there is no /proc."""
    if not STATUS.exists():
        return 0
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return 1024 * int(line.split()[1])


def forget() -> None:
    """Let the kernel count the most resident memory from here on."""
    if CLEAR.exists():
        CLEAR.write_text("5")


def measured(call: Any) -> tuple[Any, float, int]:
    """The result, its seconds, and the memory it took on top."""
    gc.collect()
    forget()
    before = resident("VmRSS")
    began = time.perf_counter()
    result = call()
    seconds = time.perf_counter() - began
    return result, seconds, resident("VmHWM") - before


def products(problem: store.Problem) -> dict[str, float]:
    """Seconds of one X'X (dense and tall only) and one X'r, best of several."""
    X, n, p = problem.X, *problem.shape
    r = np.ascontiguousarray(problem.y)
    calls = {"X'r": lambda: X.T @ r}
    if not problem.sparse and p <= 3000 and n >= p:
        calls["X'X"] = lambda: X.T @ X
    return {name: min(measured(call)[1] for _ in range(7)) for name, call in calls.items()}


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text())
    out = Path(job["out"])
    warnings.simplefilter("ignore")
    problem = store.load(Path(job["problem"]))
    spec, X, y = problem.spec, problem.X, problem.y
    began = time.perf_counter()
    runner = import_module(f"benchmarks.runners.{job['module']}")
    imported = time.perf_counter() - began
    if getattr(runner, "ORDER", "F") == "C" and not problem.sparse:
        X = np.ascontiguousarray(X)

    def call() -> Any:
        if spec.kind == "cv":
            return runner.validated(X, y, problem.strengths, spec.l1_ratios, spec.folds, job["tol"])
        return runner.path(X, y, problem.strengths, spec.l1_ratio, spec.intercept, job["tol"])

    result, first, first_memory = measured(call)
    later: list[float] = []
    memory: list[int] = []
    while len(later) < job["repeats"] and sum(later) + first <= job["budget"]:
        del result
        result, seconds, extra = measured(call)
        later.append(seconds)
        memory.append(extra)
    said: dict[str, Any] = {}
    if spec.kind == "cv":
        coef, intercepts = np.asarray(result.coef)[:, None], np.array([result.intercept])
        said = {"strength": float(result.strength), "l1_ratio": float(result.l1_ratio)}
    else:
        coef, intercepts = result
        coef = coef.toarray() if hasattr(coef, "toarray") else np.asarray(coef)
    np.save(out / "coef.npy", coef.astype(np.float64))
    np.save(out / "intercepts.npy", np.asarray(intercepts, dtype=np.float64))
    said |= {
        "import": imported,
        "first": first,
        "later": later,
        "first_memory": first_memory,
        "memory": max(memory, default=first_memory),
        "products": products(problem) if job["products"] else {},
    }
    (out / "result.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main()
