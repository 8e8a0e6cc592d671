"""Likelihoods, scales and priors against scipy's densities, numerical modes and the library."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import integrate, optimize, stats

import leastwise as lw
from leastwise import probability

Float = NDArray[np.float64]

SAME = 1e-12  # two ways to sum the same logarithms
MODE = 1e-6  # a numerical minimum of a sum: its position is good to the root of eps

rng = np.random.default_rng(0)
N, P, SIGMA = 60, 4, 0.7
X = rng.normal(size=(N, P))
Y = 2.0 + X @ [1.0, -0.5, 0.02, 0.0] + SIGMA * rng.normal(size=N)
ETA = Y + rng.normal(size=N)
COUNTS = np.arange(N) % 3 * 1.0


def test_likelihoods_are_those_of_scipy() -> None:
    gaussian = -stats.norm(ETA, 1.3).logpdf(Y).sum()
    assert probability.gaussian(Y, ETA, 1.3) == pytest.approx(gaussian, rel=SAME)
    laplace = -stats.laplace(ETA, 1.3).logpdf(Y).sum()
    assert probability.laplace(Y, ETA, 1.3) == pytest.approx(laplace, rel=SAME)
    # scipy's asymmetric Laplace has rates kappa / s above its centre and 1 / (kappa s) below.
    q, scale = 0.8, 1.3
    kappa = np.sqrt(q / (1.0 - q))
    theirs = stats.laplace_asymmetric(kappa, ETA, scale / np.sqrt(q * (1.0 - q)))
    found = probability.asymmetric_laplace(Y, ETA, scale, q)
    assert found == pytest.approx(-theirs.logpdf(Y).sum(), rel=SAME)


@pytest.mark.parametrize(
    ("name", "more"), [("gaussian", ()), ("laplace", ()), ("asymmetric_laplace", (0.3,))]
)
def test_weights_count_rows_and_outputs_add_up(name: str, more: tuple[float, ...]) -> None:
    nll = getattr(probability, name)
    times = COUNTS.astype(int)
    repeated = nll(np.repeat(Y, times), np.repeat(ETA, times), 1.3, *more)
    assert nll(Y, ETA, 1.3, *more, sample_weight=COUNTS) == pytest.approx(repeated, rel=SAME)
    both = nll(np.column_stack([Y, ETA]), np.column_stack([ETA, Y]), 1.3, *more, COUNTS)
    other = nll(ETA, Y, 1.3, *more, COUNTS)
    assert both == pytest.approx(repeated + other, rel=SAME)


def test_scales_have_the_largest_likelihood() -> None:
    def best(nll) -> float:  # type: ignore[no-untyped-def]
        found = optimize.minimize_scalar(
            lambda t: nll(np.exp(t)), bracket=(-1.0, 1.0), options={"xtol": 1e-12}
        )
        return float(np.exp(found.x))

    sigma = best(lambda s: probability.gaussian(Y, ETA, s, COUNTS))
    assert probability.noise_variance(Y, ETA, COUNTS) == pytest.approx(sigma**2, rel=MODE)
    scale = best(lambda s: probability.laplace(Y, ETA, s, COUNTS))
    assert probability.laplace_scale(Y, ETA, COUNTS) == pytest.approx(scale, rel=MODE)
    scale = best(lambda s: probability.asymmetric_laplace(Y, ETA, s, 0.8, COUNTS))
    found = probability.asymmetric_laplace_scale(Y, ETA, 0.8, COUNTS)
    assert found == pytest.approx(scale, rel=MODE)


def test_the_variance_less_the_fitted_is_unbiased_and_that_of_the_table() -> None:
    model = lw.LeastSquares().fit(X, Y)
    unbiased = probability.noise_variance(Y, model.predict(X), fitted=P + 1)
    assert unbiased == pytest.approx(model.inference_[0].sigma ** 2, rel=1e-10)  # type: ignore[operator]
    draws = np.random.default_rng(1).normal(size=(N, 2000))
    A = np.column_stack([np.ones(N), X])
    left = draws - A @ np.linalg.lstsq(A, draws, rcond=None)[0]
    found = [probability.noise_variance(e, np.zeros(N), fitted=P + 1) for e in left.T]
    assert np.mean(found) == pytest.approx(1.0, abs=0.015)


def test_the_fit_is_the_maximum_of_each_likelihood() -> None:
    A = np.column_stack([np.ones(N), X])

    def smooth(beta: Float) -> tuple[float, Float]:
        residual = A @ beta - Y
        return probability.gaussian(Y, A @ beta, SIGMA), A.T @ residual / SIGMA**2

    found = optimize.minimize(smooth, np.zeros(P + 1), jac=True, options={"gtol": 1e-10})
    model = lw.LeastSquares().fit(X, Y)
    np.testing.assert_allclose(found.x, [model.intercept_, *model.coef_], atol=MODE)
    # The kinked ones as linear programs: no coefficients are likelier than those of the least loss.
    for q in (0.5, 0.8):
        costs = np.concatenate([np.zeros(P + 1), np.full(N, q), np.full(N, 1.0 - q)])
        rows = np.hstack([A, np.eye(N), -np.eye(N)])
        bounds = [(None, None)] * (P + 1) + [(0.0, None)] * (2 * N)
        solved = optimize.linprog(costs, A_eq=rows, b_eq=Y, bounds=bounds)
        beta = solved.x[: P + 1]
        at = probability.asymmetric_laplace(Y, A @ beta, 0.4, q)
        expected = N * np.log(0.4 / (q * (1.0 - q))) + solved.fun / 0.4
        assert at == pytest.approx(expected, rel=1e-10)
        steps = 0.1 * np.random.default_rng(2).normal(size=(200, P + 1))
        assert all(probability.asymmetric_laplace(Y, A @ (beta + s), 0.4, q) >= at for s in steps)
        assert np.mean(A @ beta - Y >= -1e-9) == pytest.approx(q, abs=(P + 1) / N)


@pytest.mark.parametrize("weight", [None, COUNTS])
def test_the_ridge_is_the_mode_under_a_gaussian_prior(weight: Float | None) -> None:
    tau = 0.3
    s = np.ones(N) if weight is None else weight

    def posterior(beta: Float) -> tuple[float, Float]:
        eta = beta[0] + X @ beta[1:]
        prior = -stats.norm(0.0, tau).logpdf(beta[1:]).sum()
        slope = s * (eta - Y) / SIGMA**2
        gradient = np.concatenate([[slope.sum()], X.T @ slope + beta[1:] / tau**2])
        return probability.gaussian(Y, eta, SIGMA, s) + prior, gradient

    mode = optimize.minimize(posterior, np.zeros(P + 1), jac=True, options={"gtol": 1e-10}).x
    l2 = probability.l2_of_prior(tau, s.sum(), SIGMA**2)
    model = lw.LeastSquares(l2=l2).fit(X, Y, sample_weight=weight)
    np.testing.assert_allclose([model.intercept_, *model.coef_], mode, atol=MODE)
    assert probability.prior_of_l2(l2, s.sum(), SIGMA**2) == pytest.approx(tau, rel=SAME)


def test_the_lasso_is_the_mode_under_a_laplace_prior() -> None:
    scale = 0.05

    def posterior(both: Float) -> tuple[float, Float]:
        """Of b, and w in its positive and negative parts, where the prior is smooth."""
        w = both[1 : P + 1] - both[P + 1 :]
        eta = both[0] + X @ w
        prior = P * np.log(2.0 * scale) + both[1:].sum() / scale
        slope = (eta - Y) / SIGMA**2
        own = np.concatenate([[slope.sum()], X.T @ slope, -X.T @ slope])
        own[1:] += 1.0 / scale
        return probability.gaussian(Y, eta, SIGMA) + prior, own

    bounds = [(None, None)] + [(0.0, None)] * (2 * P)
    options = {"ftol": 1e-16, "gtol": 1e-10, "maxiter": 10_000}
    mode = optimize.minimize(
        posterior, np.zeros(2 * P + 1), jac=True, bounds=bounds, method="L-BFGS-B", options=options
    ).x
    l1 = probability.l1_of_prior(scale, N, SIGMA**2)
    model = lw.LeastSquares(l1=l1).fit(X, Y)
    w = mode[1 : P + 1] - mode[P + 1 :]
    np.testing.assert_allclose([model.intercept_, *model.coef_], [mode[0], *w], atol=MODE)
    assert 0 < np.count_nonzero(model.coef_) < P
    np.testing.assert_array_equal(model.coef_ != 0.0, w != 0.0)
    assert probability.prior_of_l1(l1, N, SIGMA**2) == pytest.approx(scale, rel=SAME)


def test_a_laplace_prior_has_a_sparse_mode_and_a_mean_that_is_not() -> None:
    scale, first = 0.1, X[:, [0, 2]] - X[:, [0, 2]].mean(axis=0)
    y = Y - Y.mean()
    model = lw.LeastSquares(l1=probability.l1_of_prior(scale, N, SIGMA**2), intercept=False)
    mode = model.fit(first, y).coef_
    assert mode[0] != 0.0
    assert mode[1] == 0.0
    top = probability.gaussian(y, first @ mode, SIGMA) + np.abs(mode).sum() / scale

    def density(b: float, a: float) -> float:
        w = np.array([a, b])
        height = probability.gaussian(y, first @ w, SIGMA) + np.abs(w).sum() / scale
        return float(np.exp(top - height))

    def total(f) -> float:  # type: ignore[no-untyped-def]
        sides = [(-1.0, 0.0), (0.0, 1.0)]  # the density has a kink at 0
        near = (mode[0] - 0.8, mode[0] + 0.8)
        return sum(
            integrate.dblquad(f, *near, *side, epsabs=1e-7, epsrel=1e-7)[0] for side in sides
        )

    mean = total(lambda b, a: b * density(b, a)) / total(density)
    deviation = np.sqrt(total(lambda b, a: b * b * density(b, a)) / total(density))
    assert abs(mean) > 0.05 * deviation > 0.0


def test_dispersion_of_other_losses() -> None:
    """-log posterior = (n / dispersion) (mean loss + penalty) + constants, Laplace noise too."""
    w, scale, tau, spread = np.array([0.5, -1.0, 0.0, 2.0]), 0.4, 0.3, 0.2
    l1, l2 = (
        probability.l1_of_prior(spread, N, scale),
        probability.l2_of_prior(tau, N, scale),
    )

    def both(w: Float) -> tuple[float, float]:
        minus_log = probability.laplace(Y, X @ w, scale)
        minus_log += np.abs(w).sum() / spread + (w @ w) / (2.0 * tau**2)
        objective = np.abs(Y - X @ w).mean() + l1 * np.abs(w).sum() + l2 / 2.0 * (w @ w)
        return minus_log, objective * N / scale

    constants = [a - b for a, b in (both(w), both(2.0 * w), both(np.zeros(P)))]
    np.testing.assert_allclose(constants, constants[0], rtol=1e-10)


def test_refusals() -> None:
    with pytest.raises(lw.UsageError, match="sigma must be a positive number, not 0"):
        probability.gaussian(Y, ETA, 0)
    with pytest.raises(lw.UsageError, match="l1 must be a positive number, not -1"):
        probability.prior_of_l1(-1.0, N, 1.0)
    with pytest.raises(lw.UsageError, match="q must be a number between 0 and 1"):
        probability.asymmetric_laplace_scale(Y, ETA, 1.0)
    with pytest.raises(lw.DataError, match="give both"):
        probability.laplace(Y, ETA[1:], 1.0)
    with pytest.raises(lw.DataError, match="sample_weight must be 60 numbers of at least 0"):
        probability.laplace_scale(Y, ETA, -COUNTS)
    with pytest.raises(lw.DataError, match="5 parameters were fitted to 5 rows"):
        probability.noise_variance(Y[:5], ETA[:5], fitted=5)
