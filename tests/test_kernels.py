"""The compiled loops against their NumPy twins, and without a folder to keep them in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

from leastwise.kernels.compiling import TRIED, compiled
from leastwise.kernels.logistic import parts
from leastwise.kernels.support import priced
from leastwise.kernels.sweeps import gram_sweeps
from leastwise.penalties.elastic_net import soft_threshold

Float = NDArray[np.float64]

# The same updates in the same order: what differs is how a compiler adds up.
TWIN = 1e-13


def gram_sweeps_twin(
    G: Float, u: Float, w: Float, l1: Float, l2: Float, lower: Float, upper: Float, sweeps: int
) -> float:
    """The same in NumPy, in place."""
    largest = 0.0
    for _ in range(sweeps):
        largest = 0.0
        for o in range(w.shape[0]):
            for j in range(w.shape[1]):
                below = G[j, j] + l2[j]
                rho = u[o, j] + G[j, j] * w[o, j]
                new = soft_threshold(rho, l1[j]) / below if below > 0.0 else 0.0
                new = np.clip(new, lower[j], upper[j])
                change = new - w[o, j]
                w[o, j] = new
                u[o] -= change * G[j]
                largest = max(largest, abs(change) * np.sqrt(G[j, j]))
    return largest


NONE = (np.full(8, -np.inf), np.full(8, np.inf))
SOME = (np.array([-0.1] * 4 + [-np.inf] * 4), np.array([np.inf, 0.0] * 4))


def quadratic(seed: int, p: int, k: int) -> tuple[Float, Float]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(3 * p, p))
    return X.T @ X / len(X), rng.normal(size=(k, p))


@pytest.mark.parametrize("bounds", [NONE, SOME])
@pytest.mark.parametrize("sweeps", [1, 7])
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.3, 0.0), (0.0, 0.3), (0.2, 0.1)])
def test_sweeps_are_their_twins(
    l1: float, l2: float, k: int, sweeps: int, bounds: tuple[Float, Float]
) -> None:
    G, q = quadratic(1, 8, k)
    factors = np.array([1.0, 0.0, 2.0, 1.0, 1.0, 0.5, 1.0, 3.0])
    start = np.random.default_rng(2).normal(size=(k, 8))
    states = [(q - start @ G, start.copy()) for _ in range(2)]
    moved = [
        sweep(G, u, w, l1 * factors, l2 * factors, *bounds, sweeps)
        for sweep, (u, w) in zip((gram_sweeps, gram_sweeps_twin), states, strict=True)
    ]
    np.testing.assert_allclose(moved[0], moved[1], rtol=1e-10, atol=TWIN)
    for found, expected in zip(*states, strict=True):
        np.testing.assert_allclose(found, expected, rtol=TWIN, atol=TWIN)
    u, w = states[0]
    np.testing.assert_allclose(u, q - w @ G, atol=TWIN)  # kept current


def test_zeros_are_exact_and_dead_columns_stay_out() -> None:
    G, q = quadratic(3, 6, 2)
    G[4], G[:, 4], q[:, 4] = 0.0, 0.0, 0.0
    free = np.full(6, -np.inf), np.full(6, np.inf)
    w = np.ones((2, 6))
    u = q - w @ G
    gram_sweeps(G, u, w, np.full(6, 1e3), np.zeros(6), *free, 1)
    np.testing.assert_array_equal(w, 0.0)
    w = np.ones((2, 6))
    u = q - w @ G
    largest = gram_sweeps(G, u, w, np.zeros(6), np.zeros(6), *free, 500)
    np.testing.assert_array_equal(w[:, 4], 0.0)
    assert np.isfinite(w).all()
    assert largest < TWIN


def test_compiles_in_memory_where_no_folder_can_be_named() -> None:
    """A function without a file has no cache folder: Numba refuses to keep it."""
    space: dict[str, object] = {}
    exec("def twice(x):\n    return 2 * x", space)
    assert compiled(space["twice"])(21) == 42  # type: ignore[arg-type]


def said(code: str, **places: str) -> str:
    """What another process prints that runs this."""
    here = str(Path(sys.modules["leastwise"].__file__ or "").parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **places, "PYTHONPATH": here},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_loops_from_the_disk_give_the_same_bits(tmp_path: Path) -> None:
    """A process that compiles them, and one that finds them compiled and needs no compiler."""
    code = (
        "import sys, numpy as np, leastwise as lw; rng = np.random.default_rng(0); "
        "X = rng.normal(size=(90, 60)) @ rng.normal(size=(60, 60)); "
        "y = X @ rng.normal(size=60) + rng.normal(size=90); "
        "fits = [lw.path(X, y, strengths=10).coef, lw.Logistic(l1=0.01).fit(X, y > 0).coef_, "
        "lw.Quantile((0.2, 0.5)).fit(X, y).coef_]; "
        "print(*(part.tobytes().hex() for part in fits), sep=''); "
        "print('numba.np.arrayobj' in sys.modules)"  # as what allocates, or a compiler, needs
    )
    first, second = (said(code, NUMBA_CACHE_DIR=str(tmp_path)).split() for _ in range(2))
    assert any(tmp_path.rglob("*.nbc")), "nothing was kept"
    assert first[0] == second[0]
    assert [first[1], second[1]] == ["True", str(not numba.__version__.startswith(TRIED))]


@pytest.mark.parametrize("disabled", ["0", "1"])
def test_any_other_version_of_numba_loads_in_its_own_way(tmp_path: Path, disabled: str) -> None:
    code = (
        "import numba; numba.__version__ = '0.99.0'; import numpy as np; "
        "from leastwise.kernels.gaps import even; "
        "print(*map(float, even(np.zeros(1), np.zeros(1), 1.0, 0.0, 2.0, 0.0)))"
    )
    places = {"NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": disabled}
    assert [said(code, **places) for _ in range(2)] == ["2.0 0.0"] * 2


@pytest.mark.skipif(not numba.__version__.startswith(TRIED), reason="Numba loads in its own way")
@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_a_damaged_file_is_compiled_again(tmp_path: Path, kind: str) -> None:
    code = (
        "import numpy as np; from leastwise.kernels.gaps import largest; "
        "print(largest(np.arange(-7.0, 4.0)), sum(largest.stats.cache_hits.values()))"
    )
    places = {"NUMBA_CACHE_DIR": str(tmp_path)}
    assert [said(code, **places) for _ in range(2)] == ["7.0 0", "7.0 1"]
    (kept,) = tmp_path.rglob(f"*.{kind}")
    whole = kept.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], bytes(len(whole))):
        kept.write_bytes(damaged)
        assert [said(code, **places) for _ in range(2)] == ["7.0 0", "7.0 1"]


@pytest.mark.parametrize("only", [True, False])
def test_cache_folder_that_cannot_be_written(tmp_path: Path, only: bool) -> None:
    """NUMBA_CACHE_DIR below a plain file: no folder can be made there, whoever asks."""
    (tmp_path / "file").touch()
    places = {"NUMBA_CACHE_DIR": str(tmp_path / "file" / "cache")}
    if only:
        places["NUMBA_CACHE_LOCATOR_CLASSES"] = "UserProvidedCacheLocator"
    code = (
        "import numpy as np; from leastwise.kernels.sweeps import gram_sweeps; "
        "w, no, one = np.zeros((1, 1)), np.zeros(1), np.ones(1); "
        "gram_sweeps(np.eye(1), np.ones((1, 1)), w, no, no, -2 * one, 2 * one, 1); print(w[0, 0])"
    )
    assert said(code, **places) == "1.0"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("y", [0.0, 1.0, 0.3])
def test_the_logistic_loop_is_exact_to_a_few_units(y):
    rng = np.random.default_rng(0)
    eta = np.concatenate([np.linspace(-700.0, 700.0, 4001), rng.standard_normal(4001), [1e-9, 0.0]])
    found = [np.empty(eta.size) for _ in range(3)]
    parts(np.full(eta.size, y), eta, *found)
    x = eta.astype(np.longdouble)  # 64 bits of digits, by another library's exponential
    e = np.exp(-np.abs(x))
    up = (x > 0).astype(np.longdouble)
    log, line = np.log1p(e), (up - y) * x
    expected = [log + line, (up - y + (1 - y - up) * e) / (1 + e), e / (1 + e) ** 2]
    terms = [log + np.abs(line), (np.abs(up - y) + np.abs(1 - y - up) * e) / (1 + e), expected[2]]
    for each, known, size in zip(found, expected, terms, strict=True):
        assert (np.abs(each - known) <= 1e-15 * size).all()


def test_the_logistic_loop_far_away():
    eta = np.array([-800.0, 800.0, -1e300, 1e300, np.nan])
    loss, slope, bend = (np.empty(5) for _ in range(3))
    parts(np.array([0.0, 1.0, 1.0, 0.0, 1.0]), eta, loss, slope, bend)
    np.testing.assert_allclose(loss, [0.0, 0.0, 1e300, 1e300, np.nan], atol=1e-300)
    np.testing.assert_allclose(slope, [0.0, 0.0, -1.0, 1.0, np.nan], atol=1e-300)


def test_what_a_strength_asks_is_its_twin():
    """In columns of length 1: strengths, what enters, a new l2 in the support, a free column."""
    rng = np.random.default_rng(6)
    l1, l2, length = rng.random((3, 9))
    w, held = rng.normal(size=9), np.array([2, 5])
    pay, above = np.zeros((2, 9)), np.empty(9)
    pay[1] = l2 / length**2
    assert priced(l1, l2, length, w, held, 3.0, 1e-3, pay, above) == (False, False)
    np.testing.assert_allclose(pay, [l1 / length, l2 / length**2], rtol=1e-15)
    rounding = 16.0 * np.finfo(float).eps * (3.0 + np.abs(w).sum())
    np.testing.assert_allclose(above, l1 / length * (1.0 + 1e-3) + rounding, rtol=1e-15)
    l2[3] += 1.0  # not in the support
    assert priced(l1, l2, length, w, held, 3.0, 1e-3, pay, above) == (False, False)
    l2[5], l1[4] = 0.0, 0.0
    assert priced(l1, l2, length, w, held, 3.0, 1e-3, pay, above) == (True, True)
    assert priced(l1, l2, length, w, held, 3.0, 1e-3, pay, above) == (False, True)
