"""Every strength of a random path is optimal by the rows themselves, or the path says it is not."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import leastwise as lw
from path_cases import KINDS, LAYOUTS, TARGETS, WEIGHTS, random_case

# What is constant is told, and meant here.
pytestmark = pytest.mark.filterwarnings("ignore:.*(single value|is constant)")

KKT = 1e-9  # of sd(x_j) sd(y), a correlation's size: what rounding leaves of an exact solution

cases = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32 - 1),
        "kind": st.sampled_from([kind for kind in KINDS if kind != "nearly collinear"]),
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


def check(case, layout):
    path = lw.path(LAYOUTS[layout](case.X), case.y, **case.options)
    lower, upper = case.bounds()
    assert (path.coef >= lower[:, None]).all()
    assert (path.coef <= upper[:, None]).all()
    said = np.array([reason == "converged" for reason in path.reasons])
    np.testing.assert_array_equal(said, path.converged)
    worst = case.violations(path).max(axis=0)
    assert worst[path.converged].max(initial=0.0) <= KKT
    return path


@pytest.mark.parametrize("shape", SHAPES)
@given(data=st.data())
@settings(max_examples=220)
def test_every_strength_is_optimal(shape, data):
    n, p = (data.draw(size) for size in SHAPES[shape])
    description = data.draw(cases)
    # Rows that are all but parallel are no better than columns that are.
    assume(description["intercept"] or description["kind"] != "offsets")
    case = random_case(n=n, p=p, unit=(0, 0), given=False, **description)
    assume(description["target"] != "one column" or description["weights"] != "zeros")
    layout = data.draw(st.sampled_from(sorted(LAYOUTS)))
    assume(layout in "CF" or description["target"] != "constant")
    path = check(case, layout)
    assert path.converged.all()


@given(description=cases, X=st.integers(-60, 60), y=st.integers(-60, 60))
@settings(max_examples=120)
def test_units_do_not_matter(description, X, y):
    assume(description["target"] != "one column" or description["weights"] != "zeros")
    description["factors"] = "ones"
    case = random_case(n=25, p=8, unit=(X, y), given=False, **description)
    assert check(case, "C").converged.all()
