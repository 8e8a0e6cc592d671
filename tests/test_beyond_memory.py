"""Rows that are mapped to memory and larger than what a fit may take beside them."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp

import leastwise as lw
from leastwise.errors import LeastwiseWarning
from leastwise.losses import Squared
from leastwise.problem import Design
from leastwise.quadratic import OverRows
from leastwise.solvers import CoordinateDescent
from leastwise.sources import MemorySource
from problems import problem_of

# What Python and the result itself take beside what the memory is for: a path's coefficients, and
# objects of the interpreter.
BESIDE = 600_000
AGREE = 1e-7  # of coefficients of order 1, at gaps of 1e-9 of the null objective


@pytest.fixture
def mapped(tmp_path):
    """A function that gives X (n, p) from a file, and y of ten columns and noise."""

    def make(n, p, dtype=np.float64, order="C"):
        rng = np.random.default_rng(0)
        X = np.asarray(rng.standard_normal((n, p)), dtype)
        y = X[:, :10].astype(np.float64) @ rng.standard_normal(10) + rng.standard_normal(n)
        np.save(tmp_path / "X.npy", np.asarray(X, order=order))
        return np.load(tmp_path / "X.npy", mmap_mode="r"), y

    return make


def traced(run):
    """What a call gives, and the most bytes it held at once."""
    tracemalloc.start()
    try:
        found = run()
        return found, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """Compiling and importing hold memory that is not of a fit."""
    rng = np.random.default_rng(1)
    for p in (20, 200):
        X, y = rng.normal(size=(60, p)), rng.normal(size=60)
        lw.path(X, y, strengths=5)
        lw.LeastSquares(l1=0.1, solver="coordinate-descent").fit(X, y)


@pytest.mark.parametrize(
    ("n", "p", "dtype", "order"),
    [
        (40_000, 50, np.float64, "C"),
        (1000, 2000, np.float64, "C"),
        (1000, 2000, np.float64, "F"),
        (500, 8000, np.float32, "C"),
    ],
)
def test_a_path_and_a_fit_stay_within_the_memory(mapped, n, p, dtype, order):
    """X is 16 MB, the memory for the rest 14 MB: rows and columns are read in parts."""
    X, y = mapped(n, p, dtype, order)
    allowed = 14_000_000
    assert X.nbytes >= 16_000_000 > allowed
    path, most = traced(lambda: lw.path(X, y, strengths=10, smallest=0.3, memory=allowed))
    assert path.gaps.max() <= 1e-9
    assert path.active[-1] >= 5
    assert most <= allowed + BESIDE
    model, most = traced(lambda: lw.LeastSquares(l1=0.3, memory=allowed).fit(X, y))
    assert model.certificate_.converged
    assert most <= allowed + BESIDE


def test_a_path_goes_on_when_its_columns_outgrow_the_memory(mapped):
    """The copies of the columns at work do not fit: coordinate descent needs none."""
    X, y = mapped(2000, 700)
    allowed = 9_000_000
    with pytest.warns(LeastwiseWarning, match=r"columns at work .* descent went on"):
        path, most = traced(lambda: lw.path(X, y, strengths=4, smallest=0.005, memory=allowed))
    assert path.gaps.max() <= 1e-9
    whole = lw.path(X, y, strengths=path.strengths)
    assert not whole.notes
    np.testing.assert_allclose(path.coef, whole.coef, rtol=0.0, atol=AGREE)
    assert most <= allowed < X.nbytes


def test_a_large_support_is_finished_within_the_memory(tmp_path):
    """Its columns are copied block by block, and its Gram matrix is summed: both are counted."""
    rng = np.random.default_rng(5)
    np.save(tmp_path / "X.npy", rng.standard_normal((4000, 900)))
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    y = X @ rng.standard_normal(900) + rng.standard_normal(4000)
    allowed = 20_000_000
    path, most = traced(lambda: lw.path(X, y, strengths=8, smallest=0.03, memory=allowed))
    assert path.gaps.max() <= 1e-9
    assert path.active[-1] > 600
    assert most <= allowed + BESIDE < X.nbytes


def test_the_exact_finish_is_left_out_where_its_matrices_do_not_fit():
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(150, 60)), rng.normal(size=150)
    source = MemorySource(X, y)
    problem = problem_of(source, l1=1e-3, memory=60_000)
    steps = CoordinateDescent().along(problem, [problem.penalty], None, 200)
    assert not any(iterate.exact for _, iterate in steps)


def test_float32_columns_without_an_intercept_are_read_in_parts():
    """Their mean is not taken off, and no copy of all of them is made."""
    rng = np.random.default_rng(3)
    X, y = rng.standard_normal((400, 8000), dtype=np.float32), rng.standard_normal(400)
    coef = rng.standard_normal((8000, 1))
    at, most = traced(lambda: Design(MemorySource(X, y), Squared(), False).evaluate(coef))
    assert most < 8 * X.size
    double = Design(MemorySource(X.astype(np.float64), y), Squared(), False).evaluate(coef)
    np.testing.assert_allclose(at.value, double.value, rtol=1e-12)
    np.testing.assert_allclose(at.correlation, double.correlation, rtol=0.0, atol=1e-9)


def test_the_block_of_sparse_columns_takes_no_more_than_is_said():
    """Weighted rows: the chosen columns, with their weights, turned, and their product."""
    rng = np.random.default_rng(7)
    X = sp.random_array((4000, 300), density=0.3, rng=rng, format="csr")
    design = Design(MemorySource(X, rng.normal(size=4000), rng.random(4000)), Squared(), True)
    form, chosen = OverRows(design), np.arange(0, 300, 2)
    form.block(chosen[:2])  # laid out for columns
    _, most = traced(lambda: form.block(chosen))
    assert most <= form.block_bytes(chosen.size) + 8 * 4 * chosen.size**2
