"""The benchmarks' judge and problems, checked with outside references; no peer is run here."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import enet_path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import page, problems, results, store, table
from benchmarks.evaluate import Evaluator
from benchmarks.peers import OURS, PEERS
from benchmarks.results import Described, Results, Run
from benchmarks.store import Problem, Spec

ROUNDING = 1e-12  # sums of a few hundred terms of order one
TIGHT = 1e-14  # scikit-learn's tolerance: its gap over ‖y‖², which is half a relative gap
SOLVED = 1e-9  # what TIGHT leaves at the least, whatever the rounding in its own stopping rule

RATIOS = pytest.mark.parametrize("ratio", [1.0, 0.5, 0.05])


def made(*, offset: float = 0.0) -> tuple[np.ndarray, np.ndarray, Evaluator]:
    X, y = problems.autoregressive(60, 15, 0.5)
    X, y = X + offset, y + 3.0 * offset
    return X, y, Evaluator(X, y, intercept=True)


def optimum(X: np.ndarray, y: np.ndarray, ratio: float, strengths: np.ndarray):
    Xc = X - X.mean(axis=0)
    _, coef, _ = enet_path(
        Xc, y - y.mean(), l1_ratio=ratio, alphas=strengths, tol=TIGHT, max_iter=10**6
    )
    return coef, y.mean() - X.mean(axis=0) @ coef


def grid(judge: Evaluator, ratio: float) -> np.ndarray:
    return problems.grid(judge.largest_strength(ratio), 1e-2, 8)


@RATIOS
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_optimum_has_no_gap(ratio: float, offset: float) -> None:
    X, y, judge = made(offset=offset)
    strengths = grid(judge, ratio)
    coef, intercepts = optimum(X, y, ratio, strengths)
    said = judge.judge(coef, intercepts, strengths, ratio)
    assert said.worst <= SOLVED
    assert math.isclose(said.objectives[0], 1.0, rel_tol=ROUNDING)


@RATIOS
def test_gap_bounds_the_distance_to_the_optimum(ratio: float) -> None:
    X, y, judge = made(offset=1.0)
    strengths = grid(judge, ratio)
    best, intercepts = optimum(X, y, ratio, strengths)
    least = judge.judge(best, intercepts, strengths, ratio).objectives
    rng = np.random.default_rng(0)
    for size in (1e-4, 1e-2, 1.0):
        coef = best + size * rng.standard_normal(best.shape)
        off = intercepts + size * rng.standard_normal(len(strengths))
        said = judge.judge(coef, off, strengths, ratio)
        assert np.all(said.gaps >= said.objectives - least - ROUNDING)
        assert said.worst > SOLVED


@RATIOS
def test_objective_is_the_one_of_the_rows(ratio: float) -> None:
    X, y, judge = made(offset=2.0)
    rng = np.random.default_rng(1)
    w, b, s = rng.standard_normal((X.shape[1], 1)), np.array([0.7]), np.array([0.3])
    r = y - b[0] - X @ w[:, 0]
    penalty = ratio * np.abs(w).sum() + 0.5 * (1 - ratio) * (w * w).sum()
    wanted = r @ r / (2 * len(y)) + s[0] * penalty
    null = 0.5 * y.var()
    assert math.isclose(judge.judge(w, b, s, ratio).objectives[0], wanted / null, rel_tol=ROUNDING)


def test_wrong_intercept_is_charged() -> None:
    X, y, judge = made()
    strengths = grid(judge, 1.0)
    coef, intercepts = optimum(X, y, 1.0, strengths)
    said = judge.judge(coef, intercepts + 0.1 * y.std(), strengths, 1.0)
    assert np.allclose(said.gaps, 0.01, rtol=1e-6)


@RATIOS
def test_sparse_and_dense_agree(ratio: float) -> None:
    X, y, _ = made(offset=1.0)
    X = np.where(np.abs(X) > 1.5, X, 0.0)
    dense = Evaluator(X, y, intercept=True)
    thin = Evaluator(sparse.csc_matrix(X), y, intercept=True)
    strengths = grid(dense, ratio)
    assert math.isclose(
        thin.largest_strength(ratio), dense.largest_strength(ratio), rel_tol=ROUNDING
    )
    coef = np.zeros((X.shape[1], len(strengths)))
    coef[3] = 0.2
    one = dense.judge(coef, np.zeros(len(strengths)), strengths, ratio)
    other = thin.judge(coef, np.zeros(len(strengths)), strengths, ratio)
    np.testing.assert_allclose(one.gaps, other.gaps, rtol=ROUNDING, atol=ROUNDING)


def test_made_problems_are_as_described() -> None:
    X, y = problems.autoregressive(20_000, 4, 0.9)
    neighbours = np.corrcoef(X.T)
    assert np.allclose(neighbours[0, 1:], 0.9 ** np.arange(1, 4), atol=0.02)  # 3 / sqrt(n)
    assert np.allclose(X.mean(axis=0), 0.0, atol=ROUNDING)
    residual = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
    assert math.isclose(y.var() / residual.var() - 1.0, 3.0, rel_tol=0.05)


def test_grid_starts_where_all_is_zero() -> None:
    X, y, judge = made()
    strengths = problems.grid(judge.largest_strength(1.0), 1e-3)
    assert len(strengths) == problems.STRENGTHS
    assert math.isclose(strengths[-1], 1e-3 * strengths[0], rel_tol=ROUNDING)
    zero = judge.judge(np.zeros((X.shape[1], 1)), np.array([y.mean()]), strengths[:1], 1.0)
    assert zero.worst <= ROUNDING
    assert problems.MAKERS.keys() >= {"A", "B", "C", "D", "houses", "labs", "genes", "text"}


@pytest.mark.parametrize("form", [np.asfortranarray, sparse.csc_matrix])
def test_store_keeps_a_problem(form, tmp_path: Path) -> None:
    X, y, _ = made()
    before = Problem(Spec("made", "made", l1_ratios=(0.5,), duty=6), form(X), y, np.array([1.0]))
    store.save(before, tmp_path)
    after = store.load(tmp_path)
    assert after.spec == before.spec
    assert after.sparse == before.sparse
    kept = after.X.toarray() if after.sparse else after.X
    np.testing.assert_array_equal(kept, X)
    np.testing.assert_array_equal(after.y, y)


def sample() -> Results:
    problem = Described("B", "wide <b>", "path", (500, 20_000), False, 8 * 500 * 20_000, 6, 10)
    ours = Run("B", OURS, 2, 1e-9, first=1.0, cold=3.0, later=(0.5, 0.4), memory=8, worst=1e-12)
    loose = Run("B", "celer", 2, 1e-4, first=1.0, later=(1.0,), worst=1e-3)
    peer = Run("B", "celer", 2, 1e-6, first=3.0, later=(2.8,), worst=5e-6)
    failed = Run("B", "skglm", 2, 1e-4, why="over the limit of 1 s")
    missing = {"glmnet": "R is not installed"}
    return Results({"cores": "2"}, {OURS: "0"}, missing, (problem,), (ours, loose, peer, failed))


def test_results_survive_their_file(tmp_path: Path) -> None:
    before = sample()
    results.write(before, tmp_path / "results.json")
    json.loads((tmp_path / "results.json").read_text(), parse_constant=pytest.fail)
    after = results.read(tmp_path / "results.json")
    assert after.problems == before.problems
    assert [repr(run) for run in after.runs] == [repr(run) for run in before.runs]


def test_table_tells_ratios_at_equal_gap() -> None:
    said = table.text(sample(), sample().problems[0])
    assert "Fastest peer at 1e-5 or better: celer (5e-06), 7 x ours" in said
    assert "duty 6 x met; aim 10 x not met" in said
    assert "skglm" in said
    assert "over the limit of 1 s" in said
    assert "R is not installed" in table.left_out(sample())


def test_page_stands_alone() -> None:
    text = page.html(sample())
    assert "<b>" not in text.split("<script>")[0]
    assert 'id="curve-B-2"' in text
    assert "src=" not in text.split("<script>")[0]
    assert "R is not installed" in text
    told = text.split('id="figures">')[1].split("</script>")[0]
    assert [trace["name"] for trace in json.loads(told)[0]["data"]] == [OURS, "celer"]


def test_peers_refuse_what_they_cannot_do() -> None:
    X, y, _ = made()
    wide = Problem(Spec("w", "w"), X.T, y[:15], np.array([1.0]))
    assert "p × p" in (PEERS["glum"].refusal(wide) or "")
    ridge = Problem(Spec("r", "r", kind="cv", l1_ratios=(0.0,)), X, y, np.array([1.0]))
    assert PEERS["celer"].refusal(ridge)
    assert PEERS["scikit-learn"].refusal(ridge) is None
