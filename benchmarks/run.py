"""Runs one peer on one problem in a process of its own and has its coefficients judged."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.environments import ROOT, Environment
from benchmarks.evaluate import Evaluator
from benchmarks.peers import OURS, Peer
from benchmarks.results import Run
from benchmarks.store import Problem

THREADS = ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMEXPR", "NUMBA")


@dataclass(frozen=True)
class Limits:
    """`repeats` later calls at most, within `budget` seconds; `limit` seconds for the process."""

    repeats: int = 5
    budget: float = 20.0
    limit: float = 180.0


@dataclass(frozen=True)
class Job:
    """One peer at one tolerance on the problem stored in `folder`.

    `compiled` is where Numba keeps what it compiled.
    """

    peer: Peer
    environment: Environment
    problem: Problem
    folder: Path
    compiled: Path
    threads: int
    tol: float
    limits: Limits


class Failed(Exception):
    """The peer's process failed; the message says why."""


def cores() -> list[int]:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def run(job: Job, judge: Evaluator) -> Run:
    """Time the job and judge its coefficients; a failure is told in the result's `why`."""
    spec = job.problem.spec
    key: dict[str, Any] = {
        "problem": spec.name,
        "peer": job.peer.name,
        "threads": job.threads,
        "tol": job.tol,
    }
    with tempfile.TemporaryDirectory(prefix="leastwise-bench-") as out:
        try:
            said = _process(job, Path(out), job.limits.repeats)
            coef, intercepts = _coefficients(Path(out), job.problem)
        except Failed as failure:
            return Run(**key, why=str(failure))
    strengths, ratio = job.problem.strengths, spec.l1_ratio
    if spec.kind == "cv":
        strengths, ratio = np.array([said["strength"]]), said["l1_ratio"]
    if not (np.isfinite(coef).all() and np.isfinite(intercepts).all()):
        return Run(**key, why="its coefficients are not finite")
    return Run(
        **key,
        imported=said["import"],
        first=said["first"],
        later=tuple(said["later"]),
        memory=int(said["memory"]),
        first_memory=int(said["first_memory"]),
        worst=judge.judge(coef, intercepts, strengths, ratio).worst,
        strength=said.get("strength", math.nan),
        l1_ratio=said.get("l1_ratio", math.nan),
        products=said["products"],
    )


def cold(job: Job) -> float:
    """Seconds of a first call that finds no compiled code, which it leaves for later processes."""
    shutil.rmtree(job.compiled, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="leastwise-bench-") as out:
        try:
            return float(_process(job, Path(out), 0)["first"])
        except Failed:
            return math.nan


def _process(job: Job, out: Path, repeats: int) -> dict[str, Any]:
    """What the peer's own process says; its coefficients are in `out`."""
    if job.peer.module.endswith(".R"):
        command = _rscript(job, out, repeats)
    else:
        told = {
            "module": job.peer.module,
            "problem": str(job.folder),
            "out": str(out),
            "tol": job.tol,
            "repeats": repeats,
            "budget": job.limits.budget,
            "products": job.peer.name == OURS and repeats > 0,
        }
        (out / "job.json").write_text(json.dumps(told))
        program = str(job.environment.program)
        command = [program, "-m", "benchmarks.runners.worker", str(out / "job.json")]
    variables = {f"{name}_NUM_THREADS": str(job.threads) for name in THREADS}
    variables |= {"NUMBA_CACHE_DIR": str(job.compiled), "PYTHONPATH": str(ROOT)}
    variables["PYTHONDONTWRITEBYTECODE"] = ""  # as an installed package, ours is parsed but once
    _wait(command, os.environ | variables, cores()[-job.threads :], job.limits.limit)
    return json.loads((out / "result.json").read_text())


def _rscript(job: Job, out: Path, repeats: int) -> list[str]:
    spec = job.problem.spec
    ratios = ",".join(map(str, spec.l1_ratios))
    script = Path(__file__).parent / "runners" / job.peer.module
    given = (job.folder, out, spec.kind, ratios, spec.folds, int(spec.intercept))
    numbers = (job.tol, repeats, job.limits.budget)
    return [str(job.environment.program), str(script), *map(str, (*given, *numbers))]


def _wait(command: list[str], variables: dict[str, str], on: list[int], limit: float) -> None:
    """Run `command` on the cores `on`; it ends with its children after `limit` seconds."""
    if taskset := shutil.which("taskset"):
        command = [taskset, "--cpu-list", ",".join(map(str, on)), *command]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        _, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise Failed(f"over the limit of {limit:g} s") from None
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    if process.returncode:
        said = [line.strip() for line in errors.splitlines() if line.strip()]
        raise Failed((said or [f"exit code {process.returncode}"])[-1][:200])


def _coefficients(out: Path, problem: Problem) -> tuple[Any, Any]:
    """(p, K) and (K,) as a Python peer's .npy or R's raw files hold them."""
    if (out / "coef.npy").exists():
        coef, intercepts = np.load(out / "coef.npy"), np.load(out / "intercepts.npy")
    else:
        intercepts = np.fromfile(out / "intercepts.bin")
        coef = np.fromfile(out / "coef.bin").reshape(-1, len(intercepts), order="F")
    wanted = 1 if problem.spec.kind == "cv" else len(problem.strengths)
    if coef.shape != (problem.shape[1], wanted) or intercepts.shape != (wanted,):
        raise Failed(f"it came to {coef.shape[-1]} of {wanted} strengths")
    return coef, intercepts
