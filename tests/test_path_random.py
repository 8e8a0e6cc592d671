"""Every strength of a random path is optimal by the rows themselves, or the path says it is not."""

import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import leastwise as lw
from leastwise import ConvergenceWarning
from path_cases import KINDS, LAYOUTS, TARGETS, WEIGHTS, random_case

# What is constant is told, and meant here.
pytestmark = pytest.mark.filterwarnings("ignore:.*(single value|is constant)")

KKT = 1e-9  # of sd(x_j) sd(y), a correlation's size: what rounding leaves of an exact solution

# A step along a column of length 1 with slope v lowers the objective by v^2 / 2, and the gap allows
# 1e-9 of the null objective, sd(y)^2 / 2.
PROVED = 1e-9**0.5

cases = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32 - 1),
        "kind": st.sampled_from(KINDS),
        "target": st.sampled_from(TARGETS),
        "weights": st.sampled_from(WEIGHTS),
        "bounds": st.sampled_from(("none", "positive")),
        "factors": st.sampled_from(("ones", "ones", "mixed")),
        "ratio": st.sampled_from((1.0, 1.0, 0.9, 0.5, 0.1)),
        "standardize": st.booleans(),
        "intercept": st.booleans(),
    }
)
SHAPES = {
    "two rows": (st.just(2), st.integers(1, 6)),
    "tall": (st.integers(30, 150), st.integers(1, 20)),
    "wide": (st.integers(5, 25), st.integers(30, 120)),
    "square": (st.integers(3, 20), st.integers(3, 20)),
}


def check(case, layout, most=KKT):
    path = lw.path(LAYOUTS[layout](case.X), case.y, **case.options)
    lower, upper = case.bounds()
    assert (path.coef >= lower[:, None]).all()
    assert (path.coef <= upper[:, None]).all()
    said = np.array([reason == "converged" for reason in path.reasons])
    np.testing.assert_array_equal(said, path.converged)
    worst = case.violations(path).max(axis=0)
    assert worst[path.converged].max(initial=0.0) <= most
    return path


@pytest.mark.parametrize("shape", SHAPES)
@given(data=st.data())
@settings(max_examples=220)
def test_every_strength_is_optimal(shape, data):
    n, p = (data.draw(size) for size in SHAPES[shape])
    description = data.draw(cases)
    # Rows that are all but parallel are no better than columns that are; of columns that nearly
    # are one, those without a penalty have no optimum that rounding leaves alone.
    assume(description["intercept"] or description["kind"] != "offsets")
    assume(description["factors"] == "ones" or description["kind"] != "nearly collinear")
    case = random_case(n=n, p=p, unit=(0, 0), given=False, **description)
    assume(description["target"] != "one column" or description["weights"] != "zeros")
    layout = data.draw(st.sampled_from(sorted(LAYOUTS)))
    assume(layout in "CF" or description["target"] != "constant")
    path = check(case, layout)
    assert path.converged.all()


@given(description=cases, shape=st.sampled_from(sorted(SHAPES)), data=st.data())
@settings(max_examples=100)
def test_bounds_on_both_sides_and_strengths_of_zero(description, shape, data):
    assume(description["target"] != "one column" or description["weights"] != "zeros")
    assume(description["kind"] in ("normal", "low rank", "duplicates", "indicators", "sums"))
    n, p = (data.draw(size) for size in SHAPES[shape])
    description["bounds"] = "two-sided"
    case = random_case(n=n, p=p, unit=(0, 0), given=True, **description)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", ConvergenceWarning)
        path = check(case, "C", PROVED)
    said = any(issubclass(each.category, ConvergenceWarning) for each in warned)
    assert said is not bool(path.converged.all())  # what is not certified is told


@given(description=cases, X=st.integers(-60, 60), y=st.integers(-60, 60))
@settings(max_examples=120)
def test_units_do_not_matter(description, X, y):
    assume(description["target"] != "one column" or description["weights"] != "zeros")
    assume(description["kind"] != "nearly collinear")
    description["factors"] = "ones"
    case = random_case(n=25, p=8, unit=(X, y), given=False, **description)
    assert check(case, "C").converged.all()


@pytest.mark.parametrize("seed", [681, 1065])
def test_a_combination_at_its_bound_goes_back(seed):
    """Small whole numbers tie: what is pulled off its bound is a combination of the support."""
    rng = np.random.default_rng(seed)
    n, p = int(rng.integers(2, 15)), int(rng.integers(1, 40))
    rng.normal(size=(n, p))
    X = rng.integers(0, 3, size=(n, p)).astype(float)
    y = rng.normal(size=n) + X[:, 0] / X[:, 0].std()
    bounds = -np.abs(rng.normal(size=p)), np.abs(rng.normal(size=p))
    assert lw.path(X, y, strengths=8, bounds=bounds).gaps.max() < 1e-14


@pytest.mark.parametrize("seed", [22, 44, 98])
def test_the_first_strength_is_certified_in_any_units(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 8)) * 10.0 ** rng.integers(-8, 9, size=8)
    path = lw.path(X, rng.normal(size=60), strengths=4, bounds=(-1, 1))
    assert not path.coef[:, 0].any()
    assert path.gaps[0] < 1e-20
