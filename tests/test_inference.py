"""Standard errors, tests and intervals against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray

from leastwise.fit import fit
from leastwise.inference import Inference, evidence, infer
from leastwise.solvers import ClosedForm
from leastwise.sources import MemorySource
from problems import problem_of, random_problem, seven_cuts, sources

Float = NDArray[np.float64]

# Two libraries on a well-conditioned design; p-values of 1e-60 are relative too.
SAME = 1e-9

N, P = 150, 4


def tables(source: MemorySource, solver: str | ClosedForm = "auto", **options) -> tuple:  # type: ignore[no-untyped-def]
    problem = problem_of(source, **options)
    return infer(evidence(problem, fit(problem, solver)))


def reference(X: Float, y: Float, weight: Float | None = None, *, intercept: bool = True):  # type: ignore[no-untyped-def]
    A = np.column_stack([np.ones(len(y)), X]) if intercept else X
    if weight is None:
        return sm.OLS(y, A, hasconst=intercept).fit()
    kept = weight > 0.0
    return sm.WLS(y[kept], A[kept], weights=weight[kept], hasconst=intercept).fit()


def agrees(found: Inference, expected, chosen: Float | slice = slice(None)) -> None:  # type: ignore[no-untyped-def]
    pairs = [
        (found.coef[chosen], expected.params),
        (found.error[chosen], expected.bse),  # type: ignore[index]
        (found.t[chosen], expected.tvalues),  # type: ignore[index]
        (found.p[chosen], expected.pvalues),  # type: ignore[index]
        (found.low[chosen], expected.conf_int()[:, 0]),  # type: ignore[index]
        (found.high[chosen], expected.conf_int()[:, 1]),  # type: ignore[index]
        (found.f, expected.fvalue),
        (found.f_p, expected.f_pvalue),
        (found.sigma, np.sqrt(expected.mse_resid)),
        (found.r2, expected.rsquared),
        (found.r2_adjusted, expected.rsquared_adj),
    ]
    for mine, theirs in pairs:
        np.testing.assert_allclose(mine, theirs, rtol=SAME)
    assert found.degrees_of_freedom == expected.df_resid
    assert found.rows == expected.nobs
    assert found.f_df == (expected.df_model, expected.df_resid)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_agrees_with_statsmodels(weighted: bool, intercept: bool) -> None:
    X, y, weight = random_problem(1, N, P, weighted=weighted)
    expected = reference(X, y, weight, intercept=intercept)
    for _, source in sources(X, y, weight):
        found = tables(source, intercept=intercept)[0]
        agrees(found, expected)
        assert found.why is None
        assert found.names == ("intercept",) * intercept + source.columns


@pytest.mark.parametrize(
    "solver", ["closed-form", "qr", "svd", "conjugate-gradient", "coordinate-descent"]
)
def test_errors_do_not_depend_on_the_solver(solver: str) -> None:
    X, y, weight = random_problem(2, N, P, weighted=True)
    problem = problem_of(MemorySource(X, y, weight))
    found = infer(evidence(problem, fit(problem, solver, tol=1e-14)))[0]
    expected = reference(X, y, weight)
    np.testing.assert_allclose(found.coef, expected.params, rtol=1e-6)  # within its tolerance
    np.testing.assert_allclose(found.error, expected.bse, rtol=SAME)


def test_scaling_all_weights_changes_nothing() -> None:
    X, y, weight = random_problem(3, N, P, weighted=True)
    assert weight is not None
    found, expected = tables(MemorySource(X, y, 1e6 * weight))[0], reference(X, y, weight)
    for mine, theirs in ((found.coef, expected.params), (found.error, expected.bse)):
        np.testing.assert_allclose(mine, theirs, rtol=SAME)
    np.testing.assert_allclose(found.sigma, 1e3 * np.sqrt(expected.mse_resid), rtol=SAME)


@pytest.mark.parametrize("offset", [1e4, 1e6])
def test_far_from_the_origin(offset: float) -> None:
    """Slopes and their errors are those of the same columns about zero."""
    X, y, _ = random_problem(4, N, P)
    agrees_on_slopes = tables(MemorySource(X + offset, y))[0]
    expected = reference(X, y)
    np.testing.assert_allclose(agrees_on_slopes.coef[1:], expected.params[1:], rtol=SAME)
    np.testing.assert_allclose(agrees_on_slopes.error[1:], expected.bse[1:], rtol=SAME)


def test_several_outputs_each_have_their_table() -> None:
    X, y, weight = random_problem(5, N, P, 3, weighted=True)
    for cuts in ([], seven_cuts(N)):
        found = tables(MemorySource(X, y, weight, cuts=cuts))
        assert len(found) == 3
        for output, table in enumerate(found):
            agrees(table, reference(X, y[:, output], weight))


def test_per_standard_deviation() -> None:
    X, y, weight = random_problem(6, N, P, weighted=True)
    found = tables(MemorySource(X, y, weight))[0]
    mean = np.average(X, axis=0, weights=weight)
    sd = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weight))
    np.testing.assert_allclose(found.per_sd[1:], found.coef[1:] * sd, rtol=SAME)
    assert np.isnan(found.per_sd[0])


@pytest.mark.parametrize("intercept", [True, False])
def test_deficient_designs_keep_what_is_determined(intercept: bool) -> None:
    """x4 = x0 + x1 leaves x2, x3 and the intercept with the errors of the reduced design."""
    X, y, _ = random_problem(7, N, P)
    expected = reference(X, y, intercept=intercept)
    first = int(intercept)
    source = MemorySource(np.column_stack([X, X[:, 0] + X[:, 1]]), y)
    found = tables(source, intercept=intercept)[0]
    known = [*range(first), first + 2, first + 3]
    for mine, theirs in ((found.coef, expected.params), (found.error, expected.bse)):
        np.testing.assert_allclose(mine[known], theirs[known], rtol=SAME)
    assert np.isnan(found.error[[first, first + 1, first + 4]]).all()  # type: ignore[index]
    assert found.why == "the data do not determine x0, x1, x4: no standard error for these"
    np.testing.assert_allclose(found.f, expected.fvalue, rtol=SAME)
    assert found.degrees_of_freedom == expected.df_resid

    dropped = tables(source, ClosedForm(rank="drop"), intercept=intercept)[0]
    agrees(dropped, expected, slice(0, P + first))
    assert dropped.coef[-1] == 0.0
    assert np.isnan(dropped.error[-1])  # type: ignore[index]
    assert dropped.why == "the data do not determine x4: no standard error for these"


def test_a_trap_of_levels_leaves_the_intercept_undetermined() -> None:
    levels = np.eye(3)[np.random.default_rng(8).integers(0, 3, N)]
    own = np.random.default_rng(9).normal(size=N)
    y = levels @ [1.0, 2.0, 3.0] + own + np.random.default_rng(10).normal(size=N)
    found = tables(MemorySource(np.column_stack([levels, own]), y))[0]
    expected = reference(np.column_stack([levels[:, 1:], own]), y)
    np.testing.assert_allclose(found.error[-1], expected.bse[-1], rtol=SAME)  # type: ignore[index]
    assert np.isnan(found.error[:-1]).all()  # type: ignore[index]
    assert found.why is not None
    assert "intercept, x0, x1, x2" in found.why


def test_a_constant_column_is_not_determined() -> None:
    X, y, _ = random_problem(11, N, P)
    expected = reference(X, y)
    found = tables(MemorySource(np.column_stack([X, np.full(N, 0.1)]), y))[0]
    agrees(found, expected, slice(0, P + 1))
    assert found.coef[-1] == 0.0
    assert np.isnan(found.error[-1])  # type: ignore[index]
    assert found.why is not None
    assert "x4" in found.why


@pytest.mark.parametrize(("n", "why"), [(P + 1, "5 rows for 5"), (P, "4 rows for")])
def test_saturated_fits_have_no_errors(n: int, why: str) -> None:
    X, y, _ = random_problem(12, n, P)
    found = tables(MemorySource(X, y))[0]
    assert found.error is None
    assert found.p is None
    assert found.why is not None
    assert "no residual degrees of freedom" in found.why
    assert why in found.why
    assert found.r2 == pytest.approx(1.0)


def test_rows_without_weight_are_no_degrees_of_freedom() -> None:
    X, y, _ = random_problem(13, N, P)
    weight = np.zeros(N)
    weight[: P + 1] = 1.0
    found = tables(MemorySource(X, y, weight))[0]
    assert found.error is None
    assert found.rows == P + 1


@pytest.mark.parametrize("penalty", [{"l1": 0.1}, {"l2": 0.1}, {"l1": 0.1, "l2": 0.1}])
def test_penalised_fits_have_none_and_say_why(penalty: dict[str, float]) -> None:
    X, y, _ = random_problem(14, N, P)
    found = tables(MemorySource(X, y), **penalty)[0]
    assert (found.error, found.t, found.p, found.low, found.high) == (None,) * 5
    assert (found.sigma, found.f, found.f_p) == (None, None, None)
    assert found.why is not None
    assert "biased towards zero" in found.why
    assert 0.0 < found.r2 < 1.0


def test_fits_that_did_not_converge_have_none_and_say_why() -> None:
    X, y, _ = random_problem(15, N, P)
    problem = problem_of(MemorySource(X, y))
    found = infer(evidence(problem, fit(problem, "gradient-descent", max_iter=1)))[0]
    assert found.error is None
    assert found.why is not None
    assert "did not converge" in found.why


def test_a_perfect_fit_is_certain() -> None:
    x = np.arange(10.0)
    found = tables(MemorySource(x[:, None], 1.0 + 2.0 * x))[0]
    np.testing.assert_allclose(found.coef, [1.0, 2.0], rtol=1e-14)
    np.testing.assert_allclose(found.error, 0.0, atol=1e-14)
    assert found.r2 == 1.0
    assert found.f_p is not None
    assert found.f_p < 1e-30


def test_a_constant_target_is_not_significant() -> None:
    """Nothing varies, nothing is explained: no F test may call that certain."""
    X, _, _ = random_problem(16, N, P)
    found = tables(MemorySource(X, np.full(N, 0.1)))[0]
    np.testing.assert_array_equal(found.coef[1:], 0.0)
    assert found.coef[0] == pytest.approx(0.1, rel=1e-15)
    assert np.isnan(found.r2)
    assert found.f_p is None or not found.f_p < 0.05
