"""A block's views agree with explicit centring, whatever holds the rows, and cost no copy of X."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

from leastwise.blocks import Block, DenseView, ImplicitView
from leastwise.blocks import block as blocks
from problems import layouts, random_problem

Float = NDArray[np.float64]

# Sums of some hundred products of numbers below 8, against the same sums in another order.
RTOL, ATOL = 1e-12, 1e-11
# float32 inputs are multiplied and added up in float64: nowhere near float32's 6e-8.
SINGLE = 1e-13

N, P, K = 120, 9, 2
X, Y, WEIGHT = random_problem(11, N, P, K, weighted=True, density=0.4)
MEAN = X.mean(axis=0) + 0.25
COLUMNS = {"all": None, "slice": slice(2, 6), "chosen": np.array([7, 0, 3])}
LAYOUTS = [name for name, _ in layouts(X)]


def layout(name: str) -> Any:
    return dict(layouts(X))[name]


def same(found: Any, expected: Float) -> None:
    assert isinstance(found, np.ndarray)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=RTOL, atol=ATOL)


@pytest.fixture(params=["explicit", "implicit"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Dense blocks centred by a copy, or by algebra as those are that outgrow the cache."""
    if request.param == "implicit":
        monkeypatch.setattr(blocks, "EXPLICIT_BYTES", 0)
        monkeypatch.setattr(blocks, "PANEL", 4)
    return request.param


@pytest.mark.parametrize("chosen", COLUMNS)
@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("name", LAYOUTS)
def test_views_agree_with_explicit_centring(
    name: str, centred: bool, chosen: str, form: str
) -> None:
    columns = COLUMNS[chosen]
    mean = MEAN if centred else None
    view = Block(layout(name), Y, WEIGHT).centred(mean, columns)
    Z = X - MEAN if centred else X
    Z = Z if columns is None else Z[:, columns]
    rng = np.random.default_rng(0)
    V, R = rng.normal(size=(Z.shape[1], K)), rng.normal(size=(N, K))
    scale = rng.uniform(0.5, 2.0, Z.shape[1])
    same(view.times(V), Z @ V)
    same(view.back(R), Z.T @ R)
    same(view.outer(scale), (Z * scale) @ Z.T)
    same(view.dense(), Z)
    for weight in (None, WEIGHT):
        s = np.ones(N) if weight is None else weight
        same(view.cross(weight), (Z.T * s) @ Z)
        same(view.squares(weight), s @ Z**2)


def test_forms_are_the_ones_named(form: str) -> None:
    view = Block(np.asfortranarray(X), Y).centred(MEAN)
    assert isinstance(view, DenseView if form == "explicit" else ImplicitView)
    assert isinstance(Block(sp.csr_array(X), Y).centred(MEAN), ImplicitView)


@pytest.mark.parametrize("name", LAYOUTS)
def test_nothing_changes_the_rows(name: str, form: str) -> None:
    matrix = layout(name)
    values = matrix.data if sp.issparse(matrix) else matrix
    before = np.array(values)
    y, weight = Y.copy(), WEIGHT.copy()
    for array in (y, weight):
        array.flags.writeable = False
    block = Block(matrix, y, weight)
    view = block.centred(MEAN)
    view.cross(weight), view.squares(weight), view.back(block.weighted(y))
    view.outer(np.ones(P)), view.dense(), list(block.dense_parts(MEAN))
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("name", LAYOUTS)
def test_dense_parts_are_the_centred_rows(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "LEAST_TILE", 50)
    parts = list(Block(layout(name), Y, WEIGHT).dense_parts(MEAN))
    assert [len(part) for part, _, _ in parts] == [50, 50, 20]
    same(np.vstack([part for part, _, _ in parts]), X - MEAN)
    np.testing.assert_array_equal(np.vstack([y for _, y, _ in parts]), Y)
    np.testing.assert_array_equal(np.concatenate([s for _, _, s in parts]), WEIGHT)


@pytest.mark.parametrize("make", [sp.csr_array, sp.csc_array])
def test_sparse_is_never_densified(make: Any) -> None:
    """No array near n p numbers is made: 20,000 x 400 would take 64 MB, the entries take 1 MB."""
    n, p = 20_000, 400
    rng = np.random.default_rng(3)
    at = rng.integers(0, n, 80_000), rng.integers(0, p, 80_000)
    matrix = make(sp.coo_array((rng.normal(size=80_000), at), shape=(n, p)))
    block = Block(matrix, rng.normal(size=(n, 1)), rng.uniform(0.5, 1.0, n))
    mean = rng.normal(size=p)
    tracemalloc.start()
    view = block.centred(mean)
    view.times(mean[:, None]), view.back(block.y), view.cross(block.weight)
    view.squares(block.weight), view.cross(None)
    block.centred(mean, slice(10, 74)).cross(block.weight)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < n * p * 8 / 4, f"{peak / 1e6:.0f} MB"


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["ones", "weighted"])
def test_float32_is_added_up_in_float64(make: Any, weight: Float | None, form: str) -> None:
    single = (X / 3.0).astype(np.float32)
    exact = single.astype(np.float64)
    s = np.ones(N) if weight is None else weight
    view = Block(make(single), Y, weight).centred(None)
    cross = (exact.T * s) @ exact
    np.testing.assert_allclose(view.cross(weight), cross, rtol=0, atol=SINGLE * cross.max())
    np.testing.assert_allclose(view.squares(weight), np.diagonal(cross), rtol=SINGLE)


def test_duplicate_entries_add_up() -> None:
    """A CSR array may hold an entry in parts; the sum is meant."""
    coo = sp.coo_array(X)
    order = np.argsort(np.tile(coo.row, 2), kind="stable")
    values = np.concatenate([0.25 * coo.data, 0.75 * coo.data])[order]
    twice = sp.csr_array(
        (values, np.tile(coo.col, 2)[order], sp.csr_array(X).indptr * 2), shape=X.shape
    )
    assert not twice.has_canonical_format
    view, Z = Block(twice, Y, WEIGHT).centred(MEAN), X - MEAN
    same(view.squares(WEIGHT), WEIGHT @ Z**2)
    same(view.cross(WEIGHT), (Z.T * WEIGHT) @ Z)
    same(view.back(Y), Z.T @ Y)


def test_weighted_and_total() -> None:
    assert Block(X, Y).total() == N
    assert Block(X, Y).weighted(Y) is Y
    assert Block(X, Y, WEIGHT).total() == WEIGHT.sum()
    np.testing.assert_array_equal(Block(X, Y, WEIGHT).weighted(Y), WEIGHT[:, None] * Y)
