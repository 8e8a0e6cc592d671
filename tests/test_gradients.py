"""Methods that follow slopes: on every loss, and as the texts run them."""

import functools

import numpy as np
import pytest
from scipy.optimize import linprog

from gradient_cases import LOSSES, PENALTIES, SMOOTH, drawn, line, posed
from leastwise import UsageError
from leastwise.fit import fit
from leastwise.losses import Absolute, Huber, Multinomial, Squared
from leastwise.penalties import ElasticNet, GroupElasticNet
from leastwise.solvers import GradientDescent, StochasticGradient, Subgradient
from problems import random_problem, solve

# The studies' numbers are cut after nine digits; their optimum of S2.22 after six of the loss.
PRINTED = 1e-9
CUT = 1e-6
# Objectives of solvers that each prove a relative gap of 1e-11: the bound asked for is 1e-9.
AGREE = 1e-9
PROVED = 1e-11
# A mean over batches is the sum over rows in another order.
UNBIASED = 1e-12
# Of the null objective: what two hundred epochs of small problems end within.
EPOCHS = 1e-3


# Smooth losses


@pytest.mark.parametrize("loss", SMOOTH, ids=lambda loss: loss.name)
@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize("intercept", [True, False])
def test_descents_and_newton_agree(loss, penalty, intercept):
    X, y = drawn(loss)
    X = (X - 0.95 * X.mean(axis=0)) / X.std(axis=0)  # offsets that slopes follow in few steps
    problem = posed(X, y, loss, intercept=intercept, **penalty)
    best = fit(problem, "newton", tol=PROVED).certificate
    names = ["accelerated-gradient"] + ([] if "l1" in penalty else ["gradient-descent"])
    for name in names:
        found = fit(problem, name, tol=PROVED, max_iter=30_000).certificate
        assert found.converged, name
        assert found.primal == pytest.approx(best.primal, rel=AGREE)


@pytest.mark.parametrize("loss", SMOOTH, ids=lambda loss: loss.name)
def test_no_unpenalised_iterate_is_certified_beyond_the_optimum(loss):
    """A dual that is moved to X_U'u = 0 may leave its domain, and no row of it may be clipped."""
    problem = posed(*drawn(loss), loss)
    best = fit(problem, "newton", tol=1e-12).certificate.primal
    for most in (3, 10, 30, 50):
        for name in ("accelerated-gradient", "stochastic-gradient"):
            found = fit(problem, name, max_iter=most).certificate
            assert found.dual <= best * (1.0 + 1e-11), (name, most)


@pytest.mark.parametrize("loss", SMOOTH, ids=lambda loss: loss.name)
@pytest.mark.parametrize("solver", ["gradient-descent", "accelerated-gradient"])
def test_endings_are_told_truly(loss, solver):
    problem = posed(*drawn(loss), loss, l2=0.001)
    for most in (1, 3, 30):
        found = fit(problem, solver, tol=1e-12, max_iter=most).certificate
        assert found.converged == (found.relative_gap <= 1e-12)
        assert found.reason.startswith("converged" if found.converged else "max_iter: ")


def test_a_step_beyond_the_stable_ones_is_refused_or_reported():
    X, y = drawn(Huber(1.0))
    problem = posed(X, y, Huber(1.0))
    L = np.linalg.eigvalsh(np.cov(X.T, bias=True))[-1]
    assert fit(problem, GradientDescent(step=1.9 / L), max_iter=3).iterations == 3
    with pytest.raises(UsageError, match=r"may diverge: .*surely stable is .*check_step=False"):
        fit(problem, GradientDescent(step=2.1 / L))
    wide = posed(X, y, Huber(1e6))
    found = fit(wide, GradientDescent(step=40.0 / L, check_step=False))
    assert found.certificate.reason.startswith("diverged: take a smaller step")
    assert not found.certificate.converged


def test_a_joint_penalty_is_for_squared_loss():
    loss = Multinomial()
    problem = posed(*drawn(loss), loss, penalty=GroupElasticNet(0.1))
    with pytest.raises(UsageError, match="a joint penalty is for squared loss"):
        fit(problem, "accelerated-gradient")


# An intercept that is stepped


@pytest.mark.parametrize("cuts", [[], [1, 400]])
def test_S2_10_with_an_intercept_of_its_own(cuts):
    """alpha = .01 on the mean square is a step of .02 on half of it."""
    X, y, start = line()
    problem = posed(X, y, Squared(), cuts=cuts)
    found = fit(problem, GradientDescent(step=0.02, **start), tol=0.0, max_iter=2000)
    assert found.iterations == 2000
    assert found.coef[0, 0] == pytest.approx(2.469067972, abs=PRINTED)
    assert found.intercept[0] == pytest.approx(5.349395749, abs=PRINTED)
    best = fit(problem).certificate.primal
    value = 0.5 * np.mean((y - found.intercept - X @ found.coef[:, 0]) ** 2)
    assert found.certificate.primal == pytest.approx(value, rel=1e-13)
    assert found.certificate.gap == pytest.approx(value - best, rel=1e-5)
    assert 2.0 * found.certificate.gap == pytest.approx(7.1e-9, abs=5e-11)


def test_a_stepped_intercept_costs_what_it_is_off():
    """At the best w with b off by 3 the gap is 3^2 / 2; on other losses at least what it costs."""
    X, y, _ = line()
    best = solve(X, y)
    options = {"start": best.coef, "intercept_step": True, "intercept_start": best.intercept + 3.0}
    for loss in (Squared(), Huber(2.0)):
        problem = posed(X, y, loss)
        first = fit(problem, GradientDescent(**options), max_iter=1).history[0]
        value = loss.value(y, X @ best.coef[:, 0] + best.intercept[0] + 3.0).mean()
        assert first.objective == pytest.approx(value, rel=1e-12)
        least = fit(problem, tol=1e-12).certificate.primal
        assert first.gap >= value - least - 1e-12
        if loss.quadratic:
            assert first.gap == pytest.approx(4.5, rel=1e-9)


@pytest.mark.parametrize("loss", SMOOTH, ids=lambda loss: loss.name)
def test_a_stepped_intercept_ends_at_the_same_optimum(loss):
    X, y = drawn(loss)
    X = X - 2.0
    problem = posed(X / X.std(axis=0), y, loss, l2=0.1)
    found = fit(problem, GradientDescent(intercept_step=True))
    assert found.certificate.converged
    best = fit(problem, "newton").certificate.primal
    assert found.certificate.primal == pytest.approx(best, rel=1e-8)


def test_impossible_intercepts_are_named():
    X, y, _ = line()
    for solver in (GradientDescent, Subgradient):
        with pytest.raises(UsageError, match="the model has none"):
            fit(posed(X, y, Squared(), intercept=False), solver(intercept_step=True))
        with pytest.raises(UsageError, match="pass intercept_step=True with it"):
            fit(posed(X, y, Squared()), solver(intercept_start=1.0))
        with pytest.raises(UsageError, match="intercept_start must be a finite number"):
            fit(posed(X, y, Squared()), solver(intercept_step=True, intercept_start=np.nan))


# Subgradients


@functools.cache
def least_absolute():
    """The optimum of S2.22 as a linear programme: min mean(u + v), Xw + b + u - v = y."""
    X, y, _ = line()
    n = y.size
    costs = np.append(np.zeros(2), np.full(2 * n, 1.0 / n))
    sides = np.hstack([X, np.ones((n, 1)), np.eye(n), -np.eye(n)])
    bounds = [(None, None)] * 2 + [(0.0, None)] * (2 * n)
    return linprog(costs, A_eq=sides, b_eq=y, bounds=bounds, method="highs").fun


def test_S2_22_and_S2_23_the_texts_run_of_the_absolute_loss_has_not_converged():
    X, y, start = line()
    text = Subgradient("constant", step=0.01, keep="last", scaled=False, **start)
    found = fit(posed(X, y, Absolute()), text, max_iter=2000)
    assert found.coef[0, 0] == pytest.approx(2.59663296, abs=1e-8)
    assert found.intercept[0] == pytest.approx(4.53673443, abs=1e-8)
    assert found.certificate.primal == pytest.approx(1.599699, abs=CUT)
    assert least_absolute() == pytest.approx(1.573378, abs=CUT)
    assert found.certificate.primal - least_absolute() == pytest.approx(0.0263, abs=5e-5)
    assert found.certificate.gap >= 0.0263
    assert not found.certificate.converged
    assert found.certificate.reason.startswith("max_iter: ")


def test_S2_23_fixed_steps_have_a_floor_and_shrinking_ones_prove_the_optimum():
    X, y, start = line()
    problem = posed(X, y, Absolute())
    fixed = Subgradient("constant", step=0.3, scaled=False, **start)
    floor = fit(problem, fixed, max_iter=1000).certificate
    found = fit(problem, "subgradient", max_iter=1000).certificate
    assert floor.primal - least_absolute() > 1e-4
    assert 0.0 <= found.primal - least_absolute() + 1e-12 <= found.gap + 1e-12
    assert found.gap <= 1e-4
    known = Subgradient("polyak", lower=least_absolute())
    assert fit(problem, known, max_iter=300).certificate.primal - least_absolute() < 1e-6


def test_S0_33_subgradients_make_no_zeros_and_proximal_and_coordinate_steps_the_same():
    X, _, _ = random_problem(7, 100, 20)
    y = X[:, :4] @ np.ones(4) + 0.5 * np.random.default_rng(7).normal(size=100)
    problem = posed(X, y, Squared(), l1=0.25)
    slopes = fit(problem, "subgradient", max_iter=1000)
    proximal = fit(problem, "accelerated-gradient", tol=1e-12)
    descent = fit(problem, "coordinate-descent")
    assert np.count_nonzero(slopes.coef) == 20
    assert any("never stay there" in note for note in slopes.notes)
    assert np.count_nonzero(descent.coef) == 4
    assert ((proximal.coef == 0.0) == (descent.coef == 0.0)).all()
    assert proximal.certificate.primal == pytest.approx(descent.certificate.primal, rel=1e-10)
    assert not slopes.certificate.converged
    assert slopes.certificate.primal > descent.certificate.primal + 1e-6


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize("rule", ["decaying", "constant", "polyak"])
def test_every_rule_on_every_loss_is_certified(loss, penalty, rule):
    problem = posed(*drawn(loss), loss, **penalty)
    for most in (1, 20):
        found = fit(problem, Subgradient(rule), max_iter=most)
        certificate = found.certificate
        assert certificate.converged == (certificate.relative_gap <= 1e-9)
        assert certificate.primal <= found.history[0].objective * (1.0 + 1e-12)
        if loss.smooth:
            solver = "accelerated-gradient"
            best = fit(problem, solver, tol=1e-10).certificate
            assert certificate.gap >= certificate.primal - best.primal - 1e-9
    assert [record.iteration for record in found.history] == list(range(found.iterations + 1))


@pytest.mark.parametrize(
    ("loss", "solver"),
    [(Squared(), "working-set"), (Huber(1.0), "newton"), (Absolute(), "interior-point")],
)
def test_what_gives_zeros_is_a_solver_that_takes_the_loss(loss, solver):
    X, y = drawn(loss)
    problem = posed(X, y, loss, l1=0.1)
    assert fit(problem, solver).certificate.converged
    for approximate in (Subgradient(), StochasticGradient()):
        (note,) = (n for n in fit(problem, approximate, max_iter=3).notes if "zeros" in n)
        assert note.endswith(solver)


def test_excluded_columns_stay_out():
    X, y = drawn(Absolute())
    penalty = ElasticNet(0.01, 0.1, factors=np.array([1.0, np.inf, 0.0, 2.0]))
    problem = posed(X, y, Absolute(), penalty=penalty)
    for solver in (Subgradient(start=np.ones(4)), StochasticGradient()):
        assert fit(problem, solver, max_iter=20).coef[1, 0] == 0.0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rule": "newton"}, "rule must be one of decaying, constant, polyak"),
        ({"keep": "first"}, "keep must be best or last"),
        ({"step": -1.0}, "the step must be positive"),
        ({"rule": "polyak", "step": 0.1}, "leave step out"),
        ({"lower": 0.0}, "pass rule='polyak' with it"),
    ],
)
def test_impossible_settings_are_named(settings, words):
    X, y, _ = line()
    with pytest.raises(UsageError, match=words):
        fit(posed(X, y, Squared()), Subgradient(**settings))


def test_subgradients_refuse_bounds():
    X, y, _ = line()
    bounded = posed(X, y, Absolute(), penalty=ElasticNet(lower=np.zeros(1)))
    with pytest.raises(UsageError, match="knows no bounds; take "):
        fit(bounded, "subgradient")
