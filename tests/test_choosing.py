"""Memory and the choice of a solver, before anything runs."""

import numpy as np
import pytest
import scipy.sparse as sp

from leastwise import UsageError
from leastwise.fit import fit
from leastwise.losses import Logistic
from leastwise.penalties import ElasticNet
from leastwise.planning import amount, choose, memory_allowed, seconds
from leastwise.problem import Problem, Shape
from leastwise.solvers import SOLVERS, ClosedForm, Cost
from leastwise.sources import MemorySource, Sizes
from problems import problem_of, random_problem

GIB = 2**30

# Sizes on which costs must be sane: tall, square, wide, sparse, enormous.
SHAPES = [
    Shape(rows, columns, outputs, int(rows * columns * density), density < 1.0, True, l1, l2)
    for rows, columns in ((1000, 5), (300, 300), (50, 2000), (10**8, 10**5))
    for outputs in (1, 10)
    for density in (1.0, 0.01)
    for l1 in (False, True)
    for l2 in (False, True)
]


@pytest.mark.parametrize(
    ("text", "bytes"),
    [
        (1000, 1000),
        ("1000", 1000),
        ("2GB", 2 * 10**9),
        ("2 gb", 2 * 10**9),
        ("1.5GiB", 3 * 2**29),
        ("512MiB", 2**29),
        ("64KB", 64_000),
        ("1KiB", 1024),
        ("3TB", 3 * 10**12),
        ("7B", 7),
        (2.5e9, 2_500_000_000),
    ],
)
def test_amounts_of_memory(text, bytes):
    assert memory_allowed(text) == bytes


@pytest.mark.parametrize("text", ["", "much", "-2GB", "0", 0, "GB", "2XB", "nan", "inf", "1e999"])
def test_what_is_no_amount_of_memory_is_named(text):
    with pytest.raises(UsageError, match="memory must be an amount such as '2GB'"):
        memory_allowed(text)


def test_without_a_limit_most_of_what_is_free_is_allowed():
    import psutil

    assert 0 < memory_allowed(None) < psutil.virtual_memory().total


@pytest.mark.parametrize(
    ("bytes", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1 KiB"),
        (80e9, "74.5 GiB"),
        (3 * 2**20, "3 MiB"),
    ],
)
def test_amounts_for_a_reader(bytes, text):
    assert amount(bytes) == text


def test_the_normal_equations_of_a_hundred_thousand_columns():
    """One p x p matrix of float64 is 74.5 GiB (S3.18); forming and factorising takes several."""
    shape = Shape(10**6, 10**5, 1, 10**11)
    assert SOLVERS["closed-form"].cost(shape).bytes >= 8 * 10**10


def test_logistic_ridge_on_many_columns_goes_by_products():
    """Neither a Hessian nor the thousands of steps of a gradient method."""
    sizes = Sizes(20_000, 50_000, 1, density=0.001)
    large = Problem.of(sizes, Logistic(), ElasticNet(l2=1e-4), memory=128 * GIB)
    assert choose(large, "auto").name == "newton"
    rng = np.random.default_rng(0)
    X = sp.random_array((900, 3000), density=0.01, rng=rng, format="csr")
    y = (np.asarray(X @ rng.normal(size=3000)) > 0.0) * 1.0
    problem = Problem.of(MemorySource(X, y), Logistic(), ElasticNet(l2=1e-3), memory=GIB)
    found = fit(problem, "auto", tol=1e-12)
    assert found.solver == "newton (conjugate gradients)"
    assert found.certificate.converged
    assert found.passes < 100
    other = fit(problem, "accelerated-gradient", tol=1e-12)
    np.testing.assert_allclose(found.coef, other.coef, atol=1e-5 * np.abs(other.coef).max())


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_costs_are_numbers(name, shape):
    cost = SOLVERS[name].cost(shape)
    assert cost.bytes > 0
    assert cost.passes > 0
    assert cost.flops >= 0
    assert 0 < seconds(cost, shape) < np.inf


@pytest.mark.parametrize("name", SOLVERS)
def test_costs_grow_with_the_data(name):
    small, large = Shape(1000, 50, 1, 50_000), Shape(4000, 200, 1, 800_000)
    less, more = SOLVERS[name].cost(small), SOLVERS[name].cost(large)
    assert less.bytes < more.bytes
    assert seconds(less, small) < seconds(more, large)


def test_seconds_add_passes_and_flops():
    shape = Shape(10**6, 100, 1, 10**8)
    alone = seconds(Cost(0, 1.0, 0.0), shape) + seconds(Cost(0, 0.0, 1e12), shape)
    assert seconds(Cost(0, 1.0, 1e12), shape) == pytest.approx(alone)


PENALTIES = [{}, {"l2": 0.1}, {"l1": 0.1}]


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize(("n", "p"), [(500, 5), (100, 100), (20, 400)])
def test_auto_is_the_cheapest_that_neither_refuses_nor_is_too_large(penalty, n, p):
    data = random_problem(0, n, p)
    for memory in (GIB, 2_000_000, 300_000):
        problem = problem_of(MemorySource(*data), memory=memory, **penalty)
        shape = problem.shape
        fitting = {
            name: seconds(solver.cost(shape), shape)
            for name, solver in SOLVERS.items()
            if name == solver.name
            and solver.declines(problem) is None
            and solver.cost(shape).bytes <= memory
        }
        if not fitting:
            with pytest.raises(UsageError, match="no solver fits into"):
                choose(problem, "auto")
            continue
        choice = choose(problem, "auto")
        assert seconds(choice.solver.cost(shape), shape) == min(fitting.values())
        assert choice.why.startswith("the cheapest of the ")
        assert amount(choice.solver.cost(shape).bytes) in choice.why


def test_auto_avoids_what_does_not_fit_and_says_so():
    data = random_problem(1, 400, 150)
    need = SOLVERS["closed-form"].cost(problem_of(MemorySource(*data)).shape).bytes
    ample = fit(problem_of(MemorySource(*data)))
    assert ample.solver.startswith("closed-form")
    assert "too large" not in ample.why
    tight = fit(problem_of(MemorySource(*data), memory=need - 1))
    assert not tight.solver.startswith("closed-form")
    assert "too large for" in tight.why
    assert f"closed-form ({amount(need)})" in tight.why
    assert tight.certificate.converged


def test_without_l1_and_room_for_a_square_auto_takes_conjugate_gradients():
    found = fit(problem_of(MemorySource(*random_problem(2, 400, 150)), memory=700_000))
    assert found.solver == "conjugate-gradient"
    assert found.certificate.converged


@pytest.mark.parametrize("name", ["closed-form", "cholesky", "qr", "svd"])
def test_a_solver_asked_for_that_does_not_fit_is_refused_before_any_pass(name):
    source = MemorySource(*random_problem(3, 400, 150))
    with pytest.raises(UsageError, match=f"{name} would need .* and may take 684 KiB") as error:
        fit(problem_of(source, memory=700_000), name)
    assert "give more memory" in str(error.value)
    assert "solver='auto'" in str(error.value)
    assert source.passes == 0


def test_when_nothing_fits_all_are_listed_with_their_needs():
    source = MemorySource(*random_problem(4, 400, 150))
    with pytest.raises(UsageError, match="no solver fits into 100 bytes") as error:
        fit(problem_of(source, memory=100))
    assert "closed-form (" in str(error.value)
    assert "conjugate-gradient (" in str(error.value)
    assert source.passes == 0


def test_a_configured_solver_is_taken_as_it_is():
    problem = problem_of(MemorySource(*random_problem(5, 60, 4)))
    solver = ClosedForm(method="svd", rank="drop")
    choice = choose(problem, solver)
    assert choice.solver is solver
    assert choice.name == "closed-form"
    assert choice.why == "asked for"
