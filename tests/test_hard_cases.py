"""Cases in which a certificate or a rank was once wrong; each was found by trying to break it."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from leastwise import DataError, LeastSquares, UsageError
from leastwise.solvers import ClosedForm, GradientDescent
from problems import solve

N = 200
RNG = np.random.default_rng(0)
Z = RNG.normal(size=(N, 5))
D = RNG.normal(size=N)
NOISE = 0.1 * RNG.normal(size=N)


@pytest.mark.parametrize("closeness", [1e-7, 1e-8])
def test_a_support_with_near_twins_is_not_certified_by_a_pseudo_inverse(closeness: float) -> None:
    X = np.column_stack([Z, Z[:, 0] + closeness * D])
    factors = np.array([0.0, 1.0, 1.0, 1.0, 1.0, 0.0])
    found = solve(X, Z[:, 1] + D + NOISE, l1=0.1, factors=factors)
    # The twins' difference explains D, half of y: far from it, nothing may be called converged.
    assert not found.certificate.converged or found.value[0] < 0.1


def test_one_column_far_from_zero_does_not_make_others_combinations() -> None:
    far = 1e6 + RNG.normal(size=N)
    X = np.column_stack([Z[:, 0], Z[:, 0] + 1e-9 * D, far])
    found = solve(X, D + NOISE)
    assert found.notes == ()
    assert found.value[0] < 0.02


@pytest.mark.parametrize("seed", range(20))
def test_the_rounding_of_one_large_column_is_charged_to_no_other(seed: int) -> None:
    """Its correlation ends a hair beyond its limit in one of a few draws: no scale bears that."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(500, 6)) @ rng.normal(size=(6, 6)) * [1e9, 1.0, 1.0, 1.0, 1.0, 1.0]
    y = 1e5 * X[:, 1:].sum(axis=1) + 1e6 * rng.normal(size=500)
    assert solve(X, y, l1=500.0).certificate.converged


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6])
def test_least_norm_of_few_rows_is_the_same_at_any_offset(offset: float) -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(20, 3)) @ rng.normal(size=(3, 40))
    y = X[:, 0] + 0.1 * rng.normal(size=20)
    expected = np.linalg.pinv(X - X.mean(axis=0)) @ (y - y.mean())
    found = solve(X + offset, y)
    np.testing.assert_allclose(found.coef[:, 0], expected, atol=1e-14 * (1e3 + offset))


def test_fits_in_threads_leave_the_blas_threads_as_they_were() -> None:
    def threads() -> dict[str, int]:
        return {library["filepath"]: library["num_threads"] for library in threadpool_info()}

    X, y = RNG.normal(size=(50_000, 10)), RNG.normal(size=50_000)
    LeastSquares().fit(X[:100], y[:100])
    before = threads()
    workers = [threading.Thread(target=lambda: LeastSquares().fit(X, y)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert threads() == before


def test_errors_of_a_fit_that_stopped_early_are_not_given() -> None:
    y = Z @ np.arange(5.0) + NOISE
    loose = LeastSquares(solver="gradient-descent", tol=1e-2).fit(Z, y).inference_[0]
    assert loose.error is None
    assert "lower tol" in str(loose.why)
    assert LeastSquares(solver="gradient-descent", tol=1e-12).fit(Z, y).inference_[0].why is None


def test_no_penalty_on_any_column_is_no_penalty() -> None:
    table = LeastSquares(l1=1.0, factors=np.zeros(5)).fit(Z, D).inference_[0]
    assert table.error is not None


def test_a_step_to_infinity_gives_no_certificate_of_nan() -> None:
    found = solve(Z, D, solver=GradientDescent(step=1e200, check_step=False))
    assert found.certificate.reason.startswith("diverged")
    assert np.isfinite(found.coef).all()
    assert np.isfinite(found.certificate.gap)


@pytest.mark.parametrize(
    ("X", "y", "weight", "match"),
    [
        (Z, D * 1e-165, None, "y varies too little"),
        (Z * 1e-160, D, None, "columns 'x0', 'x1', 'x2' and 2 more: .* too small to be squared"),
        (Z * 1e-200, D, None, "too small to be squared"),  # the squares are zero then
        (Z, D, np.full(N, 5e-324), "only their ratios matter"),
        (Z, D, np.full(N, 1e306), "only their ratios matter"),
    ],
)
def test_numbers_beyond_float64_are_refused(X, y, weight, match) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=match):
        LeastSquares().fit(X, y, sample_weight=weight)


def test_what_cannot_be_is_refused_in_words() -> None:
    with pytest.raises(UsageError, match="must be at most"):
        LeastSquares(l2=1e308).fit(Z, D)
    with pytest.raises(UsageError, match="method must be one of"):
        ClosedForm(method="chol")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="none is the one to drop"):
        LeastSquares(solver=ClosedForm(rank="drop")).fit(Z[:3], D[:3])
