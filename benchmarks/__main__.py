"""Runs the benchmarks and writes tables, results.json and a page: `python -m benchmarks --help`."""

from __future__ import annotations

import argparse
import dataclasses
import platform
import sys
from pathlib import Path

from benchmarks import page, results, store, table
from benchmarks.download import Unreachable
from benchmarks.environments import Environment, Missing, environment
from benchmarks.evaluate import Evaluator
from benchmarks.peers import PEERS, Peer
from benchmarks.problems import MAKERS, stored
from benchmarks.results import Described, Results, Run
from benchmarks.run import Job, Limits, cold, cores, run

HERE = Path(__file__).parent
CACHE, OUTPUT = HERE / "cache", HERE / "output"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = ", ".join(MAKERS)
    parser.add_argument("--problems", type=_listed(MAKERS), help=f"of {names}; all by default")
    parser.add_argument("--peers", type=_listed(PEERS), help=f"of {'; '.join(PEERS)}")
    parser.add_argument("--threads", default="all,1", help="numbers of threads, or all (all,1)")
    parser.add_argument("--repeats", type=int, default=5, help="later calls at most (5)")
    parser.add_argument("--budget", type=float, default=20.0, help="seconds for later calls (20)")
    parser.add_argument("--limit", type=float, default=180.0, help="seconds for one process (180)")
    parser.add_argument("--quick", action="store_true", help="one tolerance a peer, all threads")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder for page and results")
    parser.add_argument("--page-only", action="store_true", help="from the results that are there")
    return parser.parse_args()


def _listed(known: dict[str, object]) -> object:
    def parse(text: str) -> list[str]:
        asked = [name.strip() for name in text.split(";" if ";" in text else ",")]
        if unknown := [name for name in asked if name not in known]:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {'; '.join(known)}")
        return asked

    return parse


def main() -> None:
    options = arguments()
    path = options.output / "results.json"
    if options.page_only:
        page.write(results.read(path), options.output / "benchmarks.html")
        return
    for folder in (CACHE, OUTPUT):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".gitignore").write_text("*\n")  # neither data nor results are committed
    limits = Limits(options.repeats, options.budget, options.limit)
    counts = ["all"] if options.quick else options.threads.split(",")
    threads = list(dict.fromkeys(len(cores()) if c == "all" else int(c) for c in counts))
    chosen = [PEERS[name] for name in options.peers or PEERS]
    environments, missing = _environments(chosen)
    versions = {name: known.version for name, known in environments.items()}
    found = Results(_machine(), versions, missing, (), ())
    for name in options.problems or MAKERS:
        try:
            folder = stored(name, CACHE)
        except Unreachable as error:
            found.missing[name] = str(error)
            print(f"{name} is left out: {error}", flush=True)
            continue
        problem = store.load(folder)
        described = _described(problem)
        runs: list[Run] = []
        judge = Evaluator(problem.X, problem.y, intercept=problem.spec.intercept)
        for count in threads:
            for peer in (peer for peer in chosen if peer.name in environments):
                runs += _runs(
                    peer, environments[peer.name], problem, folder, judge, count, limits, options
                )
        found = dataclasses.replace(
            found, problems=(*found.problems, described), runs=(*found.runs, *runs)
        )
        results.write(found, path)  # what is done is kept, whatever comes
        page.write(found, options.output / "benchmarks.html")
        print(table.text(found, described), flush=True)
    print(f"\n{table.left_out(found)}\n{options.output / 'benchmarks.html'}")


def _environments(chosen: list[Peer]) -> tuple[dict[str, Environment], dict[str, str]]:
    known: dict[str, Environment] = {}
    missing: dict[str, str] = {}
    for peer in chosen:
        try:
            known[peer.name] = environment(peer.family)
        except Missing as error:
            missing[peer.name] = str(error)
            print(f"{peer.name} is left out: {error}", flush=True)
    return known, missing


def _runs(
    peer: Peer,
    known: Environment,
    problem: store.Problem,
    folder: Path,
    judge: Evaluator,
    threads: int,
    limits: Limits,
    options: argparse.Namespace,
) -> list[Run]:
    """A peer on a problem, tolerance by tolerance, until it fails or has met the tightest gap."""
    name = problem.spec.name
    if why := peer.refusal(problem):
        return [Run(name, peer.name, threads, 0.0, why=why)]
    compiled = CACHE / "compiled" / peer.family / name
    done: list[Run] = []
    for tol in peer.quick if options.quick else peer.tolerances:
        job = Job(peer, known, problem, folder, compiled, threads, tol, limits)
        before = cold(job) if peer.compiled and not done else float("nan")
        print(f"{name}: {peer.name} at {tol:g}, {threads} threads", end="", flush=True)
        done.append(dataclasses.replace(run(job, judge), cold=before))
        last = done[-1]
        print(f": {last.why or f'{last.seconds:.3g} s, worst gap {last.worst:.1e}'}", flush=True)
        if last.why or last.worst <= table.GAPS[-1]:
            break
    return done


def _described(problem: store.Problem) -> Described:
    spec, X = problem.spec, problem.X
    size = X.data.nbytes + X.indices.nbytes + X.indptr.nbytes if problem.sparse else X.nbytes
    return Described(
        spec.name,
        spec.title,
        spec.kind,
        problem.shape,
        problem.sparse,
        int(size),
        spec.duty,
        spec.aim,
    )


def _machine() -> dict[str, str]:
    return {
        "cores": str(len(cores())),
        "processor": platform.processor() or platform.machine(),
        "system": platform.system(),
        "Python": sys.version.split()[0],
    }


if __name__ == "__main__":
    main()
