"""Moments: the mergeable state of a fit, exact against rational numbers, whatever the cutting."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from leastwise.blocks import Block
from leastwise.errors import DataError
from leastwise.moments import ARRAYS, Moments, Shift, sums_about
from problems import Data, problem_of, random_problem, seven_cuts, sources
from rational import exact_moments

Float = NDArray[np.float64]

# Two roads to the same sums of some hundred terms.
SAME = 1e-12
# Against rational numbers: entries relative to the sizes sqrt(xx_ii xx_jj), a few roundings each.
EXACT = 2e-14
# Taken from a whole ten times as heavy, a part loses a digit.
LEFT = 1e-11

N, P, K = 150, 4, 2


def moments(data: Data, rows: slice = slice(None), *, full: bool = True) -> Moments:
    weight = None if data.weight is None else data.weight[rows]
    return Moments.of(Block(data.X[rows], data.y[rows], weight), full=full)


def close(a: Moments, b: Moments, tol: float) -> None:
    """Equal relative to the sizes of the columns."""
    assert a.rows == b.rows
    assert a.weight == pytest.approx(b.weight, rel=tol)
    x, t = np.sqrt(b.squares), np.sqrt(b.yy)
    np.testing.assert_allclose(a.mean, b.mean, rtol=tol, atol=tol)
    np.testing.assert_allclose(a.target_mean, b.target_mean, rtol=tol, atol=tol)
    inner = np.outer(x, x) if b.full else x**2
    assert (np.abs(a.xx - b.xx) <= tol * inner).all()
    assert (np.abs(a.xy - b.xy) <= tol * np.outer(x, t)).all()
    np.testing.assert_allclose(a.yy, b.yy, rtol=tol)


def parts(data: Data, cuts: list[int], full: bool) -> list[Moments]:
    return [moments(data, slice(a, b), full=full) for a, b in pairwise([0, *cuts, len(data.y)])]


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("cuts", [[75], [1], seven_cuts(N), list(range(1, N))])
def test_merged_parts_are_the_union(cuts: list[int], weighted: bool, full: bool) -> None:
    data = random_problem(1, N, P, K, weighted=weighted)
    merged, *rest = parts(data, cuts, full)
    for part in rest:
        merged = merged.merge(part)
    close(merged, moments(data, full=full), SAME)
    assert merged.full == full


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_subtracting_a_part_leaves_the_rest(weighted: bool, full: bool) -> None:
    data = random_problem(2, N, P, K, weighted=weighted)
    whole = moments(data, full=full)
    for fold in range(5):
        held = slice(30 * fold, 30 * fold + 30)
        kept = np.setdiff1d(np.arange(N), np.arange(N)[held])
        weight = None if data.weight is None else data.weight[kept]
        rest = Data(data.X[kept], data.y[kept], weight)
        close(whole.subtract(moments(data, held, full=full)), moments(rest, full=full), LEFT)


def test_merging_changes_neither_part() -> None:
    data = random_problem(3, N, P, K)
    a, b = moments(data, slice(0, 40)), moments(data, slice(40, N))
    before = [getattr(m, name).copy() for m in (a, b) for name in ARRAYS]
    a.merge(b), b.merge(a), a.merge(b).subtract(a)
    after = [getattr(m, name) for m in (a, b) for name in ARRAYS]
    for left, right in zip(before, after, strict=True):
        np.testing.assert_array_equal(left, right)


def test_parts_without_weight_count_for_nothing() -> None:
    data = random_problem(4, N, P, K, weighted=True)
    assert data.weight is not None
    data.weight[:50] = 0.0
    empty, rest = moments(data, slice(0, 50)), moments(data, slice(50, N))
    assert (empty.weight, empty.rows) == (0.0, 0)
    for merged in (empty.merge(rest), rest.merge(empty), rest.subtract(empty), moments(data)):
        close(merged, rest, SAME)


def test_what_cannot_be_taken_away() -> None:
    data = random_problem(5, N, P, K)
    whole = moments(data)
    with pytest.raises(DataError, match="the part weighs as much as the whole"):
        whole.subtract(whole)
    with pytest.raises(DataError):  # a full one and one of squares alone have no sum
        whole.merge(moments(data, full=False))


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("offset", [0.0, 1e8, -(2.0**40)])
def test_exact_under_any_offset(offset: float, weighted: bool) -> None:
    X, y, weight = random_problem(6, 60, 3, K, weighted=weighted, offset=offset)
    exact = exact_moments(X, y, weight)
    x, t = np.sqrt(np.diagonal(exact.xx)), np.sqrt(exact.yy)
    for name, source in sources(X, y, weight):
        if name.startswith("cs") and offset:
            continue  # test_sources.py: sparse columns that are full
        found = problem_of(source).design.moments()
        np.testing.assert_allclose(found.mean, exact.mean, rtol=4e-16, atol=EXACT, err_msg=name)
        assert (np.abs(found.xx - exact.xx) <= EXACT * np.outer(x, x)).all(), name
        assert (np.abs(found.xy - exact.xy) <= EXACT * np.outer(x, t)).all(), name
        np.testing.assert_allclose(found.yy, exact.yy, rtol=EXACT, err_msg=name)


def shuffled_last(data: Data) -> Data:
    """The first block lies a million standard deviations from all others."""
    X = data.X.copy()
    X[:3] += 2.0**20
    return Data(X, data.y, data.weight)


def sorted_rows(data: Data) -> Data:
    """Every column rises from row to row, far."""
    return Data(np.sort(data.X, axis=0) + 4096.0 * np.arange(len(data.X))[:, None], data.y)


def spike(data: Data) -> Data:
    """A row in the sample for the provisional mean is out of all proportion, without weight."""
    X, weight = data.X.copy(), np.ones(len(data.X))
    X[0], weight[0] = 2.0**44, 0.0
    return Data(X, data.y, weight)


def target_spike(data: Data) -> Data:
    """A row without weight holds a sentinel in the place of its target."""
    y, weight = data.y.copy(), np.ones(len(data.X))
    y[7], weight[7] = 2.0**44, 0.0
    return Data(data.X, y, weight)


@pytest.mark.parametrize("change", [shuffled_last, sorted_rows, spike, target_spike])
def test_exact_whatever_the_order_of_rows(change) -> None:  # type: ignore[no-untyped-def]
    X, y, weight = change(random_problem(7, 80, 2, K))
    exact = exact_moments(X, y, weight)
    x, t = np.sqrt(np.diagonal(exact.xx)), np.sqrt(exact.yy)
    for name, source in sources(X, y, weight):
        if name.startswith("cs"):
            continue
        found = problem_of(source).design.moments()
        assert (np.abs(found.xx - exact.xx) <= EXACT * np.outer(x, x)).all(), name
        assert (np.abs(found.xy - exact.xy) <= EXACT * np.outer(x, t)).all(), name
        np.testing.assert_allclose(found.yy, exact.yy, rtol=EXACT, err_msg=name)
        np.testing.assert_allclose(found.target_mean, exact.target_mean, rtol=EXACT, err_msg=name)


def test_a_shift_that_is_too_far_is_seen() -> None:
    data = random_problem(8, N, P, K)
    near = Shift(data.X.mean(axis=0) + 1.0, data.y.mean(axis=0))
    far = Shift(data.X.mean(axis=0) + 1e4, data.y.mean(axis=0))
    block = Block(data.X, data.y)
    assert not Moments.from_sums(sums_about(block, near), near).far_from(near)
    assert Moments.from_sums(sums_about(block, far), far).far_from(far)


@pytest.mark.parametrize("offset", [0.0, 4096.0])
def test_float32_rows_give_the_moments_of_the_same_numbers(offset: float) -> None:
    data = random_problem(9, N, P, K, offset=offset)
    single = data.X.astype(np.float32)
    found = Moments.of(Block(single, data.y))
    close(found, Moments.of(Block(single.astype(np.float64), data.y)), SAME)


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_saved_moments_are_bitwise_the_same(tmp_path: Path, suffix: str, full: bool) -> None:
    known = moments(random_problem(10, N, P, K, weighted=True), full=full)
    path = tmp_path / f"moments{suffix}"
    known.save(path)
    again = Moments.load(path)
    assert (again.weight, again.rows) == (known.weight, known.rows)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(again, name), getattr(known, name))
        assert getattr(again, name).dtype == np.float64
    assert [path.name for path in tmp_path.iterdir()] == [path.name]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("suffix", [".json", ".npz"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.99])
def test_cut_files_are_refused(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"moments{suffix}"
    moments(random_problem(11, N, P, K)).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=f"moments{suffix}: not moments of leastwise, or cut short"):
        Moments.load(path)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_flipped_byte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "moments.npz"
    moments(random_problem(11, N, P, K)).save(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    with pytest.raises(DataError, match="not moments of leastwise, or cut short"):
        Moments.load(path)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.json"
    for foreign in ("[1, 2]", "{}", "null", '{"format": "leastwise-model"}', "\xff"):
        path.write_text(foreign, encoding="latin-1")
        with pytest.raises(DataError, match="not moments of leastwise"):
            Moments.load(path)
    np.savez(tmp_path / "foreign.npz", a=np.ones(3))
    with pytest.raises(DataError, match="not moments of leastwise"):
        Moments.load(tmp_path / "foreign.npz")
    with pytest.raises(DataError, match="no such file"):
        Moments.load(tmp_path / "absent.json")
    with pytest.raises(DataError, match=r"saved as \.json or \.npz"):
        moments(random_problem(11, N, P, K)).save(tmp_path / "moments.txt")


def test_arrays_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "moments.json"
    moments(random_problem(12, N, P, K)).save(path)
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"format": "someone-else"}))
    with pytest.raises(DataError, match="not moments of leastwise"):
        Moments.load(path)
    path.write_text(json.dumps(content | {"xy": content["xy"][:-1]}))
    with pytest.raises(DataError, match="do not fit each other"):
        Moments.load(path)
