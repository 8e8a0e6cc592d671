"""Bayesian ridge against dense Gaussian algebra, scikit-learn, conditioning and simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import null_space
from scipy.stats import multivariate_normal
from sklearn.linear_model import BayesianRidge

import leastwise as lw
from leastwise.bayesian.directions import Directions
from leastwise.bayesian.marginal import log_evidence, maximise
from problems import random_problem

Float = NDArray[np.float64]

SAME = 1e-8  # two exact formulas, the dense one through an n x n Cholesky factor
FIXED_POINT = 1e-5  # scikit-learn stops its iteration on the change of the coefficients

SINGLE = pytest.mark.filterwarnings("ignore:.* has the single value")

rng = np.random.default_rng(7)
OFFSET = random_problem(1, 40, 4, noise=1.0, offset=50.0)
WIDE = random_problem(3, 25, 60, noise=0.0)
BETWEEN = random_problem(1, 25, 60, noise=0.0)  # wide, and most probable with noise
LOW_RANK = rng.normal(size=(30, 6)) @ rng.normal(size=(6, 45))
TWINS = np.hstack([OFFSET.X, OFFSET.X[:, :2] @ [[1.0], [2.0]], np.ones((40, 1))])
UNITS = OFFSET.X * [1.0, 1e3, 1e-2, 5.0]
FLAT = np.array([0.0, 1.0, 3.0, 1.0])

CASES: dict[str, tuple[Float, Float, dict[str, Any]]] = {
    "tall": (OFFSET.X, OFFSET.y, {}),
    "no intercept": (OFFSET.X, OFFSET.y, {"intercept": False}),
    "collinear, and a constant": (TWINS, OFFSET.y, {}),
    "wide": (BETWEEN.X * np.linspace(1.0, 3.0, 60), BETWEEN.y, {}),
    "wide of low rank": (LOW_RANK, 2.0 + LOW_RANK[:, 0] + rng.normal(size=30), {}),
    "standardized": (UNITS, OFFSET.y, {"standardize": True}),
    "factors": (OFFSET.X, OFFSET.y, {"factors": [2.0, 0.5, 1.0, 3.0]}),
    "a flat column": (OFFSET.X, OFFSET.y, {"factors": FLAT}),
    "an excluded column": (OFFSET.X, OFFSET.y, {"factors": [1.0, np.inf, 1.0, 1.0]}),
    "wide, flat": (LOW_RANK, LOW_RANK[:, 3] + rng.normal(size=30), {"factors": [0.0] + [1.0] * 44}),
    "counted": (OFFSET.X, OFFSET.y, {"sample_weight": np.arange(40) % 4 * 1.0}),
    "wide, counted": (
        LOW_RANK,
        LOW_RANK[:, 3] + rng.normal(size=30),
        {"sample_weight": np.arange(30) % 3 * 1.0},
    ),
}


class Dense:
    """The same model as plain matrices: rows repeated, every contrast written out."""

    def __init__(self, X: Float, y: Float, options: dict[str, Any]) -> None:
        options = dict(options)
        times = np.asarray(options.pop("sample_weight", np.ones(len(y))), int)
        X, y = np.repeat(X, times, axis=0), np.repeat(y, times)
        d = np.asarray(options.get("factors", np.ones(X.shape[1])), float)
        if options.get("standardize"):
            d = d * X.var(axis=0)
        self.intercept = options.get("intercept", True)
        self.kept = np.flatnonzero(np.isfinite(d))
        self.X, self.y, self.d = X, y, d
        ones = np.ones((len(y), int(self.intercept)))
        C = null_space(np.hstack([ones, X[:, d == 0.0]]).T) if ones.size or (d == 0).any() else None
        C = np.eye(len(y)) if C is None else C
        paid = np.isfinite(d) & (d > 0.0)
        self.z = C.T @ y
        self.K = (C.T @ X[:, paid] / d[paid]) @ (C.T @ X[:, paid]).T
        self.A, self.paid = C.T @ X, paid

    def log_evidence(self, sigma2: float, tau2: float) -> float:
        cov = sigma2 * np.eye(len(self.z)) + tau2 * self.K
        return float(multivariate_normal(np.zeros(len(self.z)), cov).logpdf(self.z))

    def log_evidences(self, sigma2: Float, tau2: Float) -> Float:
        """The same for pairs (m,) of variances, on K's eigenvectors."""
        values, vectors = np.linalg.eigh(self.K)
        each = sigma2[:, None] + tau2[:, None] * np.maximum(values, 0.0)
        squares = (vectors.T @ self.z) ** 2
        return -0.5 * (np.log(2.0 * np.pi * each) + squares / each).sum(axis=1)

    def posterior(self, sigma2: float, tau2: float) -> tuple[Float, Float]:
        """Mean and covariance of (b, w), by the precision of rows that are not centred."""
        A = np.hstack([np.ones((len(self.y), int(self.intercept))), self.X[:, self.kept]])
        prior = np.concatenate([np.zeros(int(self.intercept)), self.d[self.kept] / tau2])
        covariance = np.linalg.inv(A.T @ A / sigma2 + np.diag(prior))
        return covariance @ A.T @ self.y / sigma2, covariance


@SINGLE
@pytest.mark.parametrize("case", CASES)
def test_the_log_evidence_is_the_dense_density_and_nowhere_larger(case: str) -> None:
    X, y, options = CASES[case]
    found = lw.evidence(X, y, **options)
    assert found.certificate.converged
    dense = Dense(X, y, options)
    np.testing.assert_allclose(
        dense.log_evidence(found.sigma2, found.tau2), found.log_evidence, rtol=SAME
    )
    steps = np.exp(np.concatenate([np.linspace(-6.0, 6.0, 97), np.linspace(-1e-3, 1e-3, 20)]))
    a, b = (each.ravel() for each in np.meshgrid(steps, steps))
    heights = dense.log_evidences(found.sigma2 * a, found.tau2 * b)
    assert heights.max() <= found.log_evidence + SAME * abs(found.log_evidence)


@SINGLE
@pytest.mark.parametrize("case", CASES)
def test_posterior_and_bands_are_those_of_the_precision_matrix(case: str) -> None:
    X, y, options = CASES[case]
    found = lw.evidence(X, y, **options)
    dense = Dense(X, y, options)
    first = int(dense.intercept)
    mean, covariance = dense.posterior(found.sigma2, found.tau2)
    kept = dense.kept
    size = np.sqrt(np.diagonal(covariance))[first:]
    assert (np.abs(found.coef[kept] - mean[first:]) <= 1e-7 * size).all()
    mine = found.covariance()
    scaled = (mine[np.ix_(kept, kept)] - covariance[first:, first:]) / size / size[:, None]
    assert np.abs(scaled).max() < 1e-7
    np.testing.assert_allclose(found.standard_deviation**2, np.diagonal(mine), rtol=1e-9)
    new = X[:7] + np.random.default_rng(3).normal(size=(7, X.shape[1]))
    A = np.hstack([np.ones((7, first)), new[:, kept]])
    variance = np.einsum("ij,jk,ik->i", A, covariance, A)
    eta, deviation = found.predict(new, return_std=True)
    np.testing.assert_allclose(eta, A @ mean, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(deviation**2, found.sigma2 + variance, rtol=1e-6)
    low, high = found.interval(new, 0.9, mean=True)
    np.testing.assert_allclose((high - low) / 2, 1.6448536269514722 * np.sqrt(variance), rtol=1e-6)
    low, high = found.interval(sp.csr_array(new), 0.9)
    np.testing.assert_allclose((high - low) / 2, 1.6448536269514722 * deviation, rtol=1e-6)


def test_posterior_is_gaussian_conditioning_of_coefficients_on_the_rows() -> None:
    X, y = LOW_RANK, LOW_RANK[:, 0] + np.random.default_rng(1).normal(size=30)
    found = lw.evidence(X, y, intercept=False)
    joint = found.tau2 * np.eye(45)
    both = np.linalg.solve(
        found.sigma2 * np.eye(30) + found.tau2 * X @ X.T, found.tau2 * np.column_stack([y, X])
    )
    np.testing.assert_allclose(found.coef, X.T @ both[:, 0], rtol=1e-7, atol=1e-9)
    conditioned = joint - found.tau2 * X.T @ both[:, 1:]
    np.testing.assert_allclose(found.covariance(), conditioned, atol=1e-8 * found.tau2)


@pytest.mark.parametrize("case", ["tall", "wide of low rank"])
def test_agrees_with_scikit_learn_on_the_contrasts(case: str) -> None:
    X, y, _ = CASES[case]
    found = lw.evidence(X, y)
    C = null_space(np.ones((1, len(y))))
    none = dict.fromkeys(("alpha_1", "alpha_2", "lambda_1", "lambda_2"), 1e-300)
    theirs = BayesianRidge(**none, fit_intercept=False, tol=1e-13, max_iter=100_000)
    theirs.fit(C.T @ X, C.T @ y)
    np.testing.assert_allclose(found.sigma2, 1.0 / theirs.alpha_, rtol=FIXED_POINT)
    np.testing.assert_allclose(found.tau2, 1.0 / theirs.lambda_, rtol=FIXED_POINT)
    np.testing.assert_allclose(found.coef, theirs.coef_, rtol=FIXED_POINT, atol=1e-8)
    np.testing.assert_allclose(found.covariance(), theirs.sigma_, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("case", ["tall", "no intercept", "factors", "counted", "wide of low rank"])
def test_the_maximum_is_the_fixed_point_of_mackay(case: str) -> None:
    X, y, options = CASES[case]
    found = lw.evidence(X, y, **options)
    weight = options.get("sample_weight", np.ones(len(y)))
    contrasts = weight.sum() - options.get("intercept", True)
    d = np.asarray(options.get("factors", np.ones(X.shape[1])))
    gamma = found.degrees_of_freedom
    np.testing.assert_allclose(found.tau2, d @ found.coef**2 / gamma, rtol=1e-7)
    rss = weight @ (y - found.predict(X)) ** 2
    np.testing.assert_allclose(found.sigma2, rss / (contrasts - gamma), rtol=1e-7)
    np.testing.assert_allclose(found.l2, found.sigma2 / (weight.sum() * found.tau2), rtol=1e-12)


def test_the_largest_of_several_maxima_is_taken() -> None:
    several = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        values = np.exp(rng.uniform(-14.0, 6.0, 6))
        squares = rng.chisquare(1, 6) * np.exp(rng.uniform(-6.0, 6.0, 6)) * values
        none, empty = np.empty(0, np.intp), np.empty((0, 0))
        rest = float(np.exp(rng.uniform(-14.0, 2.0)))
        known = Directions(
            30.0, 29.0, values, squares, rest, none, none, np.empty(0), empty, True, empty, empty
        )
        found = maximise(known)
        fine = np.exp(np.linspace(-40.0, 40.0, 40_001))
        heights = log_evidence(known, fine)
        several += ((heights[1:-1] > heights[:-2]) & (heights[1:-1] > heights[2:])).sum() > 1
        assert found.log_evidence >= heights.max() - 1e-9
    assert several > 5, "none of these problems has what the test is about"


def test_sources_agree() -> None:
    X = np.round(OFFSET.X - 50.0, 3)
    X[np.abs(X) < 0.5] = 0.0
    y = OFFSET.y
    names = ["a", "b", "c", "d"]
    frame = pd.DataFrame(X, columns=names)
    expected = lw.evidence(X, y)
    table = lw.table(frame.assign(y=y), target="y")
    for found in (
        lw.evidence(sp.csr_array(X), y),
        lw.evidence(sp.csc_array(X), y),
        lw.evidence(frame, y),
        lw.evidence(np.asfortranarray(X), y),
        lw.evidence(table),
    ):
        assert isinstance(found, lw.Evidence)
        np.testing.assert_allclose(found.log_evidence, expected.log_evidence, rtol=1e-11)
        np.testing.assert_allclose(found.covariance(), expected.covariance(), rtol=1e-8)
    by_table = lw.evidence(table)
    np.testing.assert_allclose(
        by_table.predict(frame, return_std=True), expected.predict(X, return_std=True), rtol=1e-9
    )
    assert lw.evidence(frame, y).columns == tuple(names)
    wide = np.where(np.abs(LOW_RANK) < 1.0, 0.0, LOW_RANK)[:, :36]
    noise = np.random.default_rng(0).normal(size=30)
    dense, sparse = (
        lw.evidence(each, 3.0 * wide[:, 0] + noise) for each in (wide, sp.csr_array(wide))
    )
    np.testing.assert_allclose(sparse.log_evidence, dense.log_evidence, rtol=1e-10)


def test_each_target_has_its_own() -> None:
    Y = np.column_stack([OFFSET.y, OFFSET.y + OFFSET.X[:, 0]])
    both = lw.evidence(OFFSET.X, Y)
    alone = lw.evidence(OFFSET.X, Y[:, 1])
    assert isinstance(both, tuple)
    assert both[1].log_evidence == pytest.approx(alone.log_evidence, rel=1e-12)


def test_far_from_zero_and_in_other_units() -> None:
    X, y = OFFSET.X - 50.0, OFFSET.y
    there = lw.evidence(X + 2.0**20, y + 2.0**20)
    here = lw.evidence(X, y)
    np.testing.assert_allclose(there.log_evidence, here.log_evidence, rtol=1e-8)
    metres = lw.evidence(X * 1000.0, y * 10.0)
    np.testing.assert_allclose(metres.sigma2, 100.0 * here.sigma2, rtol=1e-9)
    np.testing.assert_allclose(metres.l2, 1e6 * here.l2, rtol=1e-9)


def test_ill_conditioned_columns() -> None:
    rng = np.random.default_rng(4)
    a = rng.normal(size=(200, 1))
    X = np.hstack([a, a + 1e-9 * rng.normal(size=(200, 1)), rng.normal(size=(200, 1))])
    found = lw.evidence(X, X @ [1.0, 1.0, 1.0] + rng.normal(size=200))
    covariance = found.covariance()
    # The difference of the twins is what the prior says, their sum what the rows say.
    assert np.array([1.0, -1.0, 0.0]) @ covariance @ [1.0, -1.0, 0.0] == pytest.approx(
        2.0 * found.tau2, rel=1e-6
    )
    assert np.array([1.0, 1.0, 0.0]) @ covariance @ [1.0, 1.0, 0.0] < 0.05 * found.tau2


def test_little_noise_is_found_and_not_called_none() -> None:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(100, 3))
    found = lw.evidence(X, X @ [1.0, -2.0, 3.0] + 1e-10 * rng.normal(size=100))
    assert found.sigma2**0.5 == pytest.approx(1e-10, rel=0.2)
    assert found.tau2 == pytest.approx(14.0 / 3.0, rel=1e-6)


def test_a_perfect_fit_is_told_in_words() -> None:
    X = OFFSET.X
    with pytest.warns(lw.LeastwiseWarning, match="explain all of y down to rounding: sigma2 is 0"):
        found = lw.evidence(X, 1.0 + X @ [1.0, 2.0, 0.0, -1.0])
    assert (found.sigma2, found.l2, found.log_evidence) == (0.0, 0.0, np.inf)
    np.testing.assert_allclose(found.coef, [1.0, 2.0, 0.0, -1.0], atol=1e-9)
    assert found.tau2 == pytest.approx(6.0 / 4.0)
    np.testing.assert_allclose(found.predict(X, return_std=True)[1], 0.0, atol=1e-6)
    assert found.certificate.converged


@pytest.mark.parametrize("standardize", [False, True])
def test_a_fit_through_every_row_is_told_in_words(standardize: bool) -> None:
    X, y = WIDE.X * np.linspace(1.0, 3.0, 60), WIDE.y
    with pytest.warns(lw.LeastwiseWarning, match="the fit goes through every row"):
        found = lw.evidence(X, y, standardize=standardize)
    assert found.sigma2 == 0.0
    assert np.isfinite(found.log_evidence)
    d = X.var(axis=0) if standardize else np.ones(60)
    Xc, yc = X - X.mean(axis=0), y - y.mean()
    least = np.linalg.lstsq(Xc / np.sqrt(d), yc, rcond=1e-10)[0]
    np.testing.assert_allclose(found.coef, least / np.sqrt(d), atol=1e-8)
    assert found.tau2 == pytest.approx(least @ least / 24.0, rel=1e-8)
    density = Dense(X, y, {"standardize": standardize}).log_evidence(0.0, found.tau2)
    assert density == pytest.approx(found.log_evidence, rel=1e-8)
    _, high = found.interval(X, mean=True)
    np.testing.assert_allclose(high, y, atol=1e-5)
    assert (found.standard_deviation > 0.1 * found.tau2**0.5 / np.sqrt(d)).all()


def test_pure_noise_is_told_in_words() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.normal(size=60)
    y -= X @ np.linalg.lstsq(X, y - y.mean(), rcond=None)[0]
    with pytest.warns(lw.LeastwiseWarning, match="no more of y than chance would: tau2 is 0"):
        found = lw.evidence(X, y, factors=[1.0, 2.0, 1.0])
    assert (found.tau2, found.l2, found.degrees_of_freedom) == (0.0, np.inf, 0.0)
    assert not found.coef.any()
    assert not found.covariance().any()
    assert found.intercept == pytest.approx(y.mean())
    assert found.sigma2 == pytest.approx(y.var(ddof=1))
    _, deviation = found.predict(X, return_std=True)
    np.testing.assert_allclose(deviation**2, found.sigma2 * (1.0 + 1.0 / 60.0))
    with pytest.warns(lw.LeastwiseWarning, match="tau2 is 0"):
        flat = lw.evidence(X, y + X[:, 0], factors=[0.0, 1.0, 1.0])
    np.testing.assert_array_equal(flat.coef != 0.0, [True, False, False])
    assert flat.degrees_of_freedom == 1.0


@pytest.mark.parametrize("factor", [0.0, np.inf])
def test_without_any_prior_nothing_is_said(factor: float) -> None:
    found = lw.evidence(OFFSET.X, OFFSET.y, factors=np.full(4, factor))
    plain = lw.LeastSquares().fit(OFFSET.X, OFFSET.y).inference_[0]
    assert found.notes == ()
    assert found.tau2 == 0.0
    if factor == 0.0:
        assert plain.error is not None
        np.testing.assert_allclose(found.coef, plain.coef[1:], rtol=1e-9)
        np.testing.assert_allclose(found.standard_deviation, plain.error[1:], rtol=1e-9)
        assert found.sigma2**0.5 == pytest.approx(plain.sigma, rel=1e-9)
    else:
        assert not found.coef.any()


def test_a_constant_target_is_told_in_words() -> None:
    with pytest.warns(lw.LeastwiseWarning, match="the target y is constant"):
        found = lw.evidence(OFFSET.X, np.full(40, 3.0))
    assert (found.sigma2, found.tau2, found.intercept) == (0.0, 0.0, 3.0)


def test_refusals() -> None:
    X, y = OFFSET.X, OFFSET.y
    with pytest.raises(lw.DataError, match="weights count how often a row was seen"):
        lw.evidence(X, y, sample_weight=np.full(40, 1.0 / 40.0))
    with pytest.raises(lw.DataError, match=r"flat prior \(a factor of 0\) are collinear: x0, x1"):
        lw.evidence(np.hstack([X, X[:, :1]])[:, [0, 4, 1]], y, factors=[0.0, 0.0, 1.0])
    with pytest.raises(lw.UsageError, match="give more memory, or fewer columns"):
        lw.evidence(np.ones((300, 300)), np.arange(300.0), memory="1MB")
    found = lw.evidence(X, y)
    with pytest.raises(lw.UsageError, match="level must be a number between 0 and 1, not 95"):
        found.interval(X, 95)
    with pytest.raises(lw.DataError, match="must have 4 columns"):
        found.predict(X[:, :3])


def test_bands_and_intervals_cover_as_often_as_they_say() -> None:
    rng = np.random.default_rng(11)
    n, p, level = 80, 6, 0.9
    X, new = rng.normal(size=(n, p)), rng.normal(size=(20, p))
    inside = np.zeros(3)
    runs = 250
    for _ in range(runs):
        w = 0.5 * rng.normal(size=p)
        found = lw.evidence(X, 1.0 + X @ w + rng.normal(size=n))
        assert isinstance(found, lw.Evidence)
        truth = 1.0 + new @ w
        for place, (value, (low, high)) in enumerate(
            (
                (truth + rng.normal(size=20), found.interval(new, level)),
                (truth, found.interval(new, level, mean=True)),
                (w, found.credible(level)),
            )
        ):
            inside[place] += ((low <= value) & (value <= high)).mean() / runs
    # sigma2 and tau2 are estimates, so that bands are a little narrow; 0.02 is five deviations.
    np.testing.assert_allclose(inside, level, atol=0.025)
