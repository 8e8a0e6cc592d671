"""Rows in memory: one pass however they are held and cut, and bad input named in one line."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

from leastwise.blocks import Block
from leastwise.errors import DataError
from leastwise.moments import Shift, sums_about
from leastwise.numerics import threads
from leastwise.numerics.threads import parallel
from leastwise.problem import add
from leastwise.sources import MemorySource, Source, cutting
from problems import problem_of, random_problem, seven_cuts, solve, sources

Float = NDArray[np.float64]

# The same sums in another order of addition.
SAME = 1e-12
# One layout against another, as issue 2 asks: coefficients of a well-conditioned design.
LAYOUTS_AGREE = 1e-10

N, P, K = 160, 5, 2


@pytest.fixture
def threaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small data on threads too."""
    monkeypatch.setattr(cutting, "SERIAL_SIZE", 0)
    monkeypatch.setattr(cutting, "workers", lambda: 3)


def cross(block: Block) -> list[Float]:
    return sums_about(block, Shift(np.zeros(P), np.zeros(K)))


def test_threads_give_what_the_serial_pass_gives(threaded: None) -> None:
    X, y, weight = random_problem(1, N, P, K, weighted=True)
    for name, source in sources(X, y, weight):
        serial = Source.reduce(source, cross, add)
        for found, expected in zip(source.reduce(cross, add), serial, strict=True):
            np.testing.assert_allclose(found, expected, rtol=SAME, atol=SAME, err_msg=name)
        rows = source.map(lambda block: block.X @ np.ones(P))
        expected_rows = Source.map(source, lambda block: block.X @ np.ones(P))
        np.testing.assert_array_equal(np.concatenate(rows), np.concatenate(expected_rows))
        np.testing.assert_allclose(np.concatenate(rows), X.sum(axis=1), atol=SAME)


@pytest.mark.parametrize("many", [1, 10**9])
def test_passes_that_read_no_column_give_the_same_on_threads(
    threaded: None, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting, "MANY", many)
    X, y, weight = random_problem(1, N, P, K, weighted=True)
    for name, source in sources(X, y, weight):
        state = [(block.y, 2.0 * block.y) for block in source.blocks()]
        total = source.reduce(
            lambda _, entry: (entry[0] + entry[1]).sum(axis=0), np.add, state, 0.0
        )
        np.testing.assert_allclose(total, 3.0 * y.sum(axis=0), atol=SAME * N, err_msg=name)
        own = source.map(lambda _, entry: entry[1], state, 0.0)
        np.testing.assert_array_equal(np.concatenate(own), 2.0 * y.reshape(N, -1))
        rows = source.reduce(lambda block: np.array(block.rows), np.add, share=0.0)
        assert rows == N


def test_whoever_asks_works_too_and_hears_of_parts_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "workers", lambda: 2)
    threads._pool.cache_clear()
    both = threading.Barrier(2)  # broken if one thread does all

    def part(number: int) -> str:
        if number < 2:
            both.wait(10.0)
        return threading.current_thread().name

    heard: list[int] = []
    names = parallel(part, range(20), heard.append)
    threads._pool.cache_clear()
    assert heard == list(range(1, 21))
    assert set(names[:2]) == {threading.current_thread().name, "leastwise_0"}


def test_every_run_has_the_same_bits() -> None:
    X, y, weight = random_problem(2, 50_000, P, K, weighted=True)
    source = MemorySource(X, y, weight)
    assert len(list(source.blocks())) > 2
    first = source.reduce(cross, add)
    for _ in range(5):
        for found, expected in zip(source.reduce(cross, add), first, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_parts_that_have_not_begun_are_not_begun_after_a_failure() -> None:
    begun: list[int] = []
    first = threading.Event()

    def part(number: int) -> None:
        begun.append(number)
        if number == 0:
            first.set()
            raise DataError("no")
        first.wait(10.0)
        time.sleep(0.01)

    with pytest.raises(DataError, match="no"):
        parallel(part, range(1000))
    assert len(begun) < 1000


def test_of_several_failures_the_first_part_s_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "workers", lambda: 2)
    threads._pool.cache_clear()
    later = threading.Event()

    def part(number: int) -> None:
        if number == 0:
            time.sleep(0.02)  # the other thread takes the next
        elif number == 1:
            later.wait(10.0)
            raise DataError("the first")
        else:
            later.set()
            raise DataError("a later one")

    with pytest.raises(DataError, match="the first"):
        parallel(part, range(3))
    threads._pool.cache_clear()


def test_state_goes_with_its_block(threaded: None) -> None:
    X, y, weight = random_problem(3, N, P, K, weighted=True)
    for _, source in sources(X, y, weight):
        numbered = source.map(lambda block: block.start + np.arange(block.rows))
        np.testing.assert_array_equal(np.concatenate(numbered), np.arange(N))
        rows = source.reduce(lambda block, at: [len(at), at.sum()], lambda a, b: [
            a[0] + b[0], a[1] + b[1],
        ], numbered)  # fmt: skip
        assert rows == [N, N * (N - 1) // 2]


def test_blocks_are_the_rows_in_order() -> None:
    X, y, weight = random_problem(4, N, P, K, weighted=True)
    for name, source in sources(X, y, weight):
        blocks = list(source.blocks())
        assert len(blocks) == (1 if name.endswith("one") else 7)
        dense = [b.X.toarray() if b.sparse else np.asarray(b.X) for b in blocks]
        np.testing.assert_array_equal(np.vstack(dense), X)
        np.testing.assert_array_equal(np.vstack([b.y for b in blocks]), y)
        np.testing.assert_array_equal(np.concatenate([b.weight for b in blocks]), weight)
        assert blocks[-1].start == (0 if len(blocks) == 1 else N - 2)


def test_rows_are_views_not_copies() -> None:
    X, y, weight = random_problem(5, 50_000, P)
    source = MemorySource(X, y, weight)
    assert all(np.shares_memory(block.X, X) for block in source.blocks())
    assert source.gather().X is X


@pytest.mark.parametrize("size", [300, 50_000])
def test_passes_are_counted(size: int) -> None:
    X, y, _ = random_problem(6, size, P, K)
    source = MemorySource(X, y)
    source.reduce(cross, add)
    source.map(lambda block: block.rows)
    source.reduce(cross, add, share=0.5)
    assert source.passes == 2.5


def test_a_closed_form_takes_two_passes() -> None:
    X, y, _ = random_problem(7, 3000, P)
    source = MemorySource(X, y)
    assert solve(source).passes == source.passes == 2.0


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array, sp.csc_array])
def test_sweeps_over_rows_count_their_passes(make: Any) -> None:
    """Coordinate descent over rows reads all columns at least once a sweep, in whatever layout."""
    X, y, _ = random_problem(8, 40, 300)
    found = solve(make(X), y, solver="coordinate-descent", l1=0.2)
    assert "over rows" in found.solver
    assert found.passes >= found.iterations


def test_take_keeps_names_weights_and_order() -> None:
    X, y, weight = random_problem(9, N, P, K, weighted=True)
    names = ("a", "b", "c", "d", "e")
    rows = np.array([7, 3, 3, 150])
    for make in (np.asarray, sp.csr_array, sp.csc_array):
        source = MemorySource(make(X), y, weight, columns=names, targets=("u", "v"))
        taken = source.take(rows)
        block = taken.gather()
        dense = block.X.toarray() if block.sparse else block.X
        np.testing.assert_array_equal(dense, X[rows])
        np.testing.assert_array_equal(taken.y, y[rows])
        np.testing.assert_array_equal(taken.weight, weight[rows])
        assert (taken.columns, taken.targets, taken.rows) == (names, ("u", "v"), 4)


def test_a_layout_by_columns_is_the_same_source() -> None:
    X, y, weight = random_problem(10, N, P, K, weighted=True)
    source = MemorySource(
        sp.csr_array(X), y, weight, columns=tuple("abcde"), targets=("u", "v"), cuts=seven_cuts(N)
    )
    turned = source.by_columns()
    assert (turned.columns, turned.targets) == (source.columns, source.targets)
    assert [b.rows for b in turned.blocks()] == [b.rows for b in source.blocks()]
    assert {b.X.format for b in turned.blocks()} == {"csc"}


@pytest.mark.parametrize("options", [{}, {"l2": 0.1}, {"l1": 0.05, "l2": 0.05}])
@pytest.mark.parametrize("intercept", [True, False])
def test_every_layout_and_cutting_gives_the_same_fit(
    options: dict[str, float], intercept: bool
) -> None:
    X, y, weight = random_problem(11, N, P, K, weighted=True, density=0.5)
    expected = solve(X, y, weight, intercept=intercept, **options)
    for name, source in sources(X, y, weight):
        found = solve(source, intercept=intercept, **options)
        assert found.certificate.converged, name
        close = {"rtol": 0, "atol": LAYOUTS_AGREE, "err_msg": name}
        np.testing.assert_allclose(found.coef, expected.coef, **close)
        np.testing.assert_allclose(found.intercept, expected.intercept, **close)


@pytest.mark.parametrize("offset", [2000.0, 1e6, 1e8])
@pytest.mark.parametrize("make", [sp.csr_array, sp.csc_array])
def test_sparse_columns_that_are_full_keep_their_digits(make: Any, offset: float) -> None:
    """A year or a time stamp beside sparse columns: its mean is far above its deviations."""
    X, y, weight = random_problem(12, N, P, weighted=True, density=0.3)
    X[:, 1] = np.round(8 * np.random.default_rng(0).normal(size=N)) / 8 + offset
    X[:, 3] = np.arange(N) + offset
    expected = solve(X, y, weight)
    for cuts in ([], seven_cuts(N)):
        found = solve(make(X), y, weight, cuts=cuts)
        np.testing.assert_allclose(found.coef, expected.coef, rtol=0, atol=LAYOUTS_AGREE)
        assert found.certificate.converged


@pytest.mark.parametrize("value", [1.0, 0.1, 1.0 / 3.0, -1e8])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array, sp.csc_array])
def test_a_constant_column_has_coefficient_zero(make: Any, weighted: bool, value: float) -> None:
    X, y, weight = random_problem(13, 300, P, weighted=weighted, density=0.5)
    without = solve(X[:, [0, 1, 3, 4]], y, weight)
    X[:, 2] = value
    for cuts in ([], seven_cuts(300)):
        found = solve(make(X), y, weight, cuts=cuts)
        assert found.coef[2, 0] == 0.0
        np.testing.assert_allclose(found.coef[[0, 1, 3, 4]], without.coef, atol=LAYOUTS_AGREE)
        np.testing.assert_allclose(found.intercept, without.intercept, atol=LAYOUTS_AGREE)


@pytest.mark.parametrize("size", [100, 30_000])
def test_rows_without_weight_may_hold_any_target(size: int) -> None:
    """A sentinel where the weight is zero changes nothing, R2 and the certificate included."""
    X, y, weight = random_problem(14, size, P, weighted=True)
    assert weight is not None
    marked = np.where(weight == 0.0, 1e12, y)
    problem = problem_of(MemorySource(X, marked, weight))
    plain = problem_of(MemorySource(X, y, weight))
    np.testing.assert_allclose(problem.design.centre.null, plain.design.centre.null, rtol=SAME)
    expected, found = solve(X, y, weight), solve(X, marked, weight)
    np.testing.assert_allclose(found.intercept, expected.intercept, rtol=SAME)
    np.testing.assert_allclose(found.coef, expected.coef, rtol=1e-10)


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int64])
def test_whole_numbers_do_not_overflow(make: Any, dtype: Any) -> None:
    X, y, _ = random_problem(15, 300, P)
    whole = np.clip(np.round(40 * np.abs(X)), 0, 127).astype(dtype)
    expected = solve(whole.astype(np.float64), y)
    np.testing.assert_allclose(solve(make(whole), y).coef, expected.coef, atol=LAYOUTS_AGREE)


class TestBadInput:
    """Each is refused with the thing named, why, and what to do."""

    X, y, weight = random_problem(16, 40, 3, weighted=True)

    def refused(self, match: str, *arrays: Any, **options: Any) -> None:
        with pytest.raises(DataError, match=match) as error:
            MemorySource(*arrays, **options)
        assert "\n" not in str(error.value)

    def test_lengths(self) -> None:
        self.refused("X has 40 rows and y has 39", self.X, self.y[:-1])
        self.refused(r"X has 40 rows and the weights have shape \(39,\)", self.X, self.y,
                     np.ones(39))  # fmt: skip
        self.refused(r"y must have shape \(n,\) or \(n, k\)", self.X, np.ones((40, 1, 1)))
        self.refused(r"y must have shape", self.X, np.ones((40, 0)))
        self.refused("3 columns and 2 names", self.X, self.y, columns=("a", "b"))

    def test_no_rows(self) -> None:
        self.refused("no row", np.empty((0, 3)), np.empty(0))

    def test_duplicate_names(self) -> None:
        self.refused("two columns are named 'a'", self.X, self.y, columns=("a", "b", "a"))

    def test_weights(self) -> None:
        for value, match in (
            (-1.0, r"the weight of row 4 is negative \(-1\)"),
            (np.nan, "the weight of row 4 is nan"),
            (np.inf, "the weight of row 4 is inf"),
        ):
            weight = np.ones(40)
            weight[4] = value
            self.refused(match, self.X, self.y, weight)
        self.refused("all weights are zero", self.X, self.y, np.zeros(40))

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_targets_that_are_no_numbers(self, value: float) -> None:
        y = self.y.copy()
        y[11] = value
        kind = "NaN" if np.isnan(value) else "infinity"
        self.refused(rf"Input y contains {kind} \(row 11\)", self.X, y)

    @pytest.mark.parametrize("size", [40, 30_000])
    @pytest.mark.parametrize("make", [np.asarray, sp.csr_array, sp.csc_array])
    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_columns_that_are_no_numbers(self, value: float, make: Any, size: int) -> None:
        X, y, _ = random_problem(17, size, 10)
        X[size - 5, 2] = value
        kind = "NaN" if np.isnan(value) else "infinity"
        match = rf"Input X contains {kind} \(column 'x2', row {size - 5}\): drop or repair"
        for cuts in (None, seven_cuts(size)):
            with pytest.raises(DataError, match=match):
                solve(MemorySource(make(X), y, cuts=cuts))

    @pytest.mark.parametrize("size", [40, 30_000])
    def test_numbers_too_large_to_be_squared(self, size: int) -> None:
        X, y, _ = random_problem(18, size, 10)
        X[3, 2] = 1e300
        with pytest.raises(DataError, match="column 'x2': the numbers are too large to be"):
            solve(X, y)

    def test_no_columns(self) -> None:
        with pytest.raises(DataError, match="there is no column to fit"):
            solve(np.empty((40, 0)), self.y)
