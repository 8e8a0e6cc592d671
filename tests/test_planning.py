"""lw.plan and leastwise plan: what they say, that auto obeys, and that a budget is kept."""

import json
import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp

import leastwise as lw
from cli_cases import lw as lw_command  # noqa: F401
from cli_cases import rents  # noqa: F401
from leastwise.losses import Squared
from leastwise.penalties import ElasticNet
from leastwise.planning import measured
from leastwise.planning.choosing import choose
from leastwise.problem import Problem
from leastwise.solvers import SOLVERS
from leastwise.sources import MemorySource, Sizes

GIB = 2**30


def test_a_hundred_thousand_columns():
    """S3.18 and S3.19, corrected: 74.5 GiB, 37.3 GiB, and 1.6 MB for vectors."""
    plan = lw.plan(rows=10**6, columns=10**5, memory="2GB")
    assert round(plan.gram_bytes / GIB, 1) == 74.5
    assert plan.gram_bytes == 80_000_000_000
    assert round(plan.gram_bytes_float32 / GIB, 2) == 37.25
    assert plan.vector_bytes == 1_600_000
    text = str(plan)
    assert "74.5 GiB" in text
    assert "37.3 GiB" in text
    assert "1.6 MB" in text
    assert plan["closed-form"].bytes > 74 * GIB
    assert not plan["closed-form"].fits
    assert plan["gradient-descent"].bytes < 10**9
    assert plan.auto is not None
    assert plan[plan.auto].fits


def test_a_step_and_a_sweep_cost_four_flops_a_number():
    """S0.22."""
    assert lw.plan(rows=1000, columns=50).pass_flops == 4 * 1000 * 50


def test_every_solver_has_a_row_and_says_why_it_refuses():
    plan = lw.plan(rows=1000, columns=50, l1=0.1)
    assert [row.solver for row in plan] == list(SOLVERS)
    assert "no closed form" in plan["qr"].refused
    assert plan["working-set"].refused is None
    assert [row.solver for row in plan if row.auto] == [plan.auto]
    for row in plan:
        assert row.solver in str(plan)
        assert row.bytes <= row.most
    assert json.loads(plan.to_json()) == json.loads(json.dumps(plan.to_dict()))


@pytest.mark.parametrize("density", [1.0, 0.01])
@pytest.mark.parametrize(("n", "p"), [(3000, 20), (2000, 600), (50, 400)])
def test_sizes_are_planned_as_rows_are(n, p, density):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, p))
    if density < 1.0:
        X = sp.csr_array(np.where(rng.random((n, p)) < density, X, 0.0))
        density = X.nnz / (n * p)
    rows, sizes = MemorySource(X, rng.normal(size=n)), Sizes(n, p, density=density)
    for penalty in (ElasticNet(), ElasticNet(0.1), ElasticNet(0.0, 0.1)):
        both = [Problem.of(each, Squared(), penalty, memory=GIB) for each in (rows, sizes)]
        assert both[0].shape == both[1].shape
        assert choose(both[0], "auto") == choose(both[1], "auto")


def test_auto_obeys_the_plan():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 150)), rng.normal(size=400)
    for memory in ("1GB", "700KB"):
        plan = lw.plan(X, y, l2=0.1, memory=memory)
        model = lw.LeastSquares(l2=0.1, memory=memory).fit(X, y)
        assert model.model_.fit.solver.startswith(plan.auto)


def test_a_memory_map_is_planned_as_an_array(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 30)).astype(np.float32), rng.normal(size=400)
    mapped = np.memmap(tmp_path / "X", np.float32, "w+", shape=X.shape)
    mapped[:] = X
    here, there = lw.plan(X, y, memory="1GB"), lw.plan(mapped, y, memory="1GB")
    assert here.to_dict() == there.to_dict()
    assert here.data_bytes == 4 * X.size + 8 * y.size


def test_a_hundred_thousand_sparse_columns_stay_inside_the_budget():
    rng = np.random.default_rng(0)
    n, p, memory = 2000, 100_000, 2_000_000_000
    own = sp.coo_array((rng.normal(size=p), (rng.integers(n, size=p), np.arange(p))), (n, p))
    X = (sp.random_array((n, p), density=2e-4, rng=rng) + own).tocsr()
    y = np.asarray(X @ rng.normal(size=p)) + rng.normal(size=n)
    plan = lw.plan(X, y, l2=1.0, memory=memory)
    assert plan.auto is not None
    tracemalloc.start()
    model = lw.LeastSquares(l2=1.0, memory=memory).fit(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert model.certificate_.converged
    assert model.model_.fit.solver.startswith(plan.auto)
    assert peak <= 1.2 * plan[plan.auto].bytes < memory


def test_what_is_no_plan_is_refused():
    X, y = np.ones((5, 2)), np.arange(5.0)
    for call, words in (
        ({}, "give X and y, or rows and columns"),
        ({"rows": 5}, "give X and y, or rows and columns"),
        ({"rows": 5, "columns": 0}, "columns must be a whole number"),
        ({"rows": 5, "columns": 2, "density": 0.0}, "density must be above 0"),
        ({"rows": 5, "columns": 2, "dtype": "int8"}, "dtype must be float32 or float64"),
        ({"X": X, "y": y, "rows": 5}, "leave rows out"),
        ({"y": y}, "give X and y"),
        ({"X": X}, "y is missing: only a table"),
        ({"rows": np.nan, "columns": 2}, "rows must be a whole number"),
        ({"rows": np.inf, "columns": 2}, "rows must be a whole number"),
        ({"rows": "many", "columns": 2}, "rows must be a whole number"),
        ({"rows": 5, "columns": 2, "density": "low"}, "density must be above 0"),
        ({"rows": 5, "columns": 2, "dtype": "numbers"}, "dtype must be float32 or float64"),
        ({"rows": 1, "columns": 10**12}, "more than a machine holds"),
        ({"rows": 1, "columns": 1, "outputs": 10**9}, "more than a machine holds"),
    ):
        with pytest.raises(lw.UsageError, match=words):
            lw.plan(**call)


def test_rows_beyond_any_machine_are_planned_without_going_through_their_blocks():
    assert lw.plan(rows=10**14, columns=1).rows == 10**14


def test_speeds_are_measured_once():
    assert measured() is measured()
    assert measured().pass_bytes > 0
    assert measured().flops > 0


def test_the_command(rents, lw_command):  # noqa: F811
    code, out, err = lw_command("plan", "rents.csv", "--target", "rent", "--memory", "1GB")
    assert (code, err) == (0, "")
    assert "closed-form" in out
    code, out, _ = lw_command("plan", "--rows", "1000", "--columns", "20", "--l1", "1", "--json")
    assert code == 0
    assert json.loads(out)["auto"] == "working-set"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "give a FILE, or --rows and --columns"),
        (("rents.csv", "--target", "rent", "--rows", "5"), "leave --rows out"),
        (("--rows", "5", "--columns", "2", "--memory", "much"), "memory must be an amount"),
        (("--rows", "5", "--columns", "2", "--loss", "square"), "unknown loss"),
    ],
)
def test_the_command_refuses(rents, lw_command, arguments, words):  # noqa: F811
    code, out, err = lw_command("plan", *arguments)
    assert (code, out) == (2, "")
    assert words in err
