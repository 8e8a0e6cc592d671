"""Products of a few vectors with all columns, in whatever order and on however many threads."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.typing import NDArray

import leastwise as lw
from leastwise.blocks import Block
from leastwise.numerics import products, threads
from leastwise.numerics.products import rows_times, stored_sums, stored_times, suits

Float = NDArray[np.float64]

# Sums of thousands of products of normal numbers, against the same sums in another order.
RTOL, ATOL = 1e-11, 1e-11
ORDERS = {
    "columns": np.asfortranarray,
    "some rows of columns": lambda X: np.asfortranarray(np.vstack([X, X, X]))[len(X) : 2 * len(X)],
    "rows": np.ascontiguousarray,
    "some columns of rows": lambda X: np.hstack([X, X])[:, : X.shape[1]],
    "neither": lambda X: np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2],
}


@pytest.fixture(autouse=True)
def no_pool_of_another_size() -> Iterator[None]:
    yield
    threads._pool.cache_clear()


@pytest.fixture(params=[1, 2, 3])
def cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """So many cores, however few numbers there are."""
    for name in ("ENOUGH", "STORED"):
        monkeypatch.setattr(products, name, 1)
    for module in (threads, products):
        monkeypatch.setattr(module, "workers", lambda: request.param)
    threads._pool.cache_clear()
    return request.param


def drawn(b: int, n: int, p: int) -> tuple[Float, Float]:
    rng = np.random.default_rng(1000 * b + n + p)
    return rng.normal(size=(b, n)), rng.normal(size=(n, p))


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("b", "n", "p"), [(1, 5, 30), (2, 1, 12), (5, 7, 13), (12, 40, 50)])
def test_products_in_any_order(order: str, b: int, n: int, p: int) -> None:
    rows, X = drawn(b, n, p)
    X = ORDERS[order](X)
    for often in (False, True):
        np.testing.assert_allclose(rows_times(rows, X, often=often), rows @ X, rtol=RTOL, atol=ATOL)


def test_which_are_compiled() -> None:
    rows, X = drawn(4, 20, 4 * threads.workers())
    assert [suits(rows, make(X)) for make in ORDERS.values()] == [True, True, False, False, False]
    X = np.asfortranarray(X)
    assert not suits(rows[:1], X), "BLAS has a way of its own with one vector"
    assert not suits(np.repeat(rows, 9, axis=0), X), "many vectors are what BLAS is made for"
    assert not suits(rows, X[:, :2])
    assert not suits(rows, np.broadcast_to(X[:, :1], X.shape)), "columns that lie in each other"
    assert not suits(rows, sp.csc_array(X))
    assert suits(rows, X.astype(np.float32))
    assert not any(suits(rows, X.astype(kind)) for kind in ("f2", ">f8", "g")), "no such loop"


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize("n", [4095, 4096, 4097, 9000])
def test_long_columns_are_summed_in_parts(n: int) -> None:
    rows, X = drawn(3, n, 14)
    X = np.asfortranarray(X)
    np.testing.assert_allclose(rows_times(rows, X, often=True), rows @ X, rtol=RTOL, atol=ATOL)


def test_float32_is_summed_in_float64_and_may_be_read_only() -> None:
    rows, X = drawn(6, 3000, 40)
    single = np.asfortranarray(X.astype(np.float32))
    single.flags.writeable = False
    found = rows_times(rows, single, often=True)
    np.testing.assert_allclose(found, rows @ single.astype(np.float64), rtol=RTOL, atol=ATOL)


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize("b", [1, 5, 12, 13, 30])
@pytest.mark.parametrize("wide", [np.int32, np.int64])
def test_sparse_columns_about_their_means(b: int, wide: type) -> None:
    rows, X = drawn(b, 60, 41)
    X[np.random.default_rng(0).random(X.shape) < 0.8] = 0.0
    X[:, :3] = X[:, 20] = X[:, -2:] = 0.0  # nothing is stored
    X[:, 7] = 1.5  # everything is
    stored = sp.csc_array(X)
    stored.indices, stored.indptr = stored.indices.astype(wide), stored.indptr.astype(wide)
    mean = X.mean(axis=0)
    found = stored_times(rows, stored, mean)
    np.testing.assert_allclose(found, rows @ (X - mean), rtol=RTOL, atol=ATOL)
    some = np.array([30, 7, 0, 20, 8, 40, 30])  # in any order, and twice
    found = stored_times(rows, stored, mean, some)
    np.testing.assert_allclose(found, rows @ (X - mean)[:, some], rtol=RTOL, atol=ATOL)
    coef = np.random.default_rng(1).normal(size=(b, some.size))
    coef[:, 2] = 0.0
    found = stored_sums(coef, stored, mean, some)
    np.testing.assert_allclose(found, coef @ (X - mean)[:, some].T, rtol=RTOL, atol=ATOL)


@pytest.mark.parametrize("weighted", [False, True])
def test_sparse_columns_picked_one_after_another(weighted: bool) -> None:
    """Their products with each other, about their means."""
    _, X = drawn(1, 60, 41)
    X[np.random.default_rng(0).random(X.shape) < 0.8] = 0.0
    X[:, 7] = 1e6 + X[:, 8]  # a full column is centred as it stands
    weight = np.random.default_rng(1).uniform(0.0, 2.0, 60) if weighted else None
    mean = np.average(X, axis=0, weights=weight)
    picked = Block(sp.csc_array(X), np.zeros((60, 1)), weight).picked(mean)
    chosen, first = np.empty(0, np.intp), 0
    for new in ([3], [40, 7, 5], [0, 39]):
        picked.grow(np.array(new), 41)
        chosen = np.append(chosen, new)
        Z = (X - mean)[:, chosen]
        heavy = Z[:, first:] if weight is None else Z[:, first:] * weight[:, None]
        np.testing.assert_allclose(picked.cross(first), heavy.T @ Z, rtol=1e-9, atol=1e-9)
        first = chosen.size


@pytest.mark.parametrize("form", [sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("centred", [False, True])
def test_sparse_rows_weighted(form: Any, centred: bool) -> None:
    """X' diag(s) X about the means of some columns, or of all, by the loop and without."""
    _, X = drawn(1, 60, 41)
    X[np.random.default_rng(0).random(X.shape) < 0.8] = 0.0
    X[4] = X[-1] = 0.0  # rows that store nothing
    X[:, 7] = 1e6 + X[:, 8]
    weight = np.random.default_rng(1).uniform(0.0, 2.0, 60)
    weight[5] = 0.0
    mean = X.mean(axis=0) if centred else None
    block = Block(form(X), np.zeros((60, 1)))
    for some in (None, np.array([3, 7, 8, 20, 40]), np.array([20, 8, 40, 3])):
        Z = (X if mean is None else X - mean)[:, slice(None) if some is None else some]
        expected = Z.T @ (weight[:, None] * Z)
        size = np.sqrt(np.outer(np.diagonal(expected), np.diagonal(expected))) + 1.0
        for often in (False, True):
            found = block.centred(mean, some).cross(weight, often=often)
            np.testing.assert_allclose(found / size, expected / size, rtol=0.0, atol=1e-9)


def test_the_same_bits_on_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, X = drawn(7, 300, 101)
    for name in ("ENOUGH", "STORED"):
        monkeypatch.setattr(products, name, 1)
    dense, stored = [], []
    for count in (1, 2, 5):
        for module in (threads, products):
            monkeypatch.setattr(module, "workers", lambda count=count: count)
        threads._pool.cache_clear()
        dense.append(rows_times(rows, np.asfortranarray(X), often=True))
        stored.append(stored_times(rows, sp.csc_array(X), X.mean(axis=0)))
    for found in (dense, stored):
        assert all(np.array_equal(found[0], other) for other in found[1:])


def test_a_part_of_other_work_shares_nothing() -> None:
    """A pass that works on several blocks at a time has no thread to spare for one of them."""
    assert threads.free_workers() == threads.workers()
    inside = threads.parallel(lambda _: threads.free_workers(), range(2))
    assert inside == [1, 1] or threads.workers() == 1
    assert threads.free_workers() == threads.workers()


def test_every_thread_can_limit_those_of_blas() -> None:
    """After a fit in one thread, a fit in another still leaves BLAS one thread."""

    def limited() -> list[int]:
        with threads.one_blas_thread():
            return [library.get_num_threads() for library in threads._libraries()]

    before = [library.get_num_threads() for library in threads._libraries()]
    assert set(limited()) == {1}
    with ThreadPoolExecutor(1) as other:
        assert set(other.submit(limited).result()) == {1}
    assert set(limited()) == {1}
    assert [library.get_num_threads() for library in threads._libraries()] == before


def test_a_matrix_of_half_floats_takes_no_compiled_loop() -> None:
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(60, 900)).astype(np.float16), rng.normal(size=60)
    paths = [lw.path(make(X), y, strengths=5) for make in (np.asfortranarray, np.float64)]
    np.testing.assert_allclose(paths[0].coef, paths[1].coef, atol=1e-12)


@pytest.mark.parametrize("layout", [sp.csr_matrix, sp.csr_array, sp.csc_array])
def test_entries_in_parts_and_out_of_order_are_summed_in_a_copy(layout):
    rows, columns = np.array([2, 0, 0, 2, 1, 2]), np.array([1, 2, 0, 1, 1, 0])
    coo = sp.coo_array((np.arange(1.0, 7.0), (rows, columns)), shape=(3, 3))
    given = layout(coo)
    ends = np.array([0, 2, 3, 6] if given.format == "csr" else [0, 2, 5, 6])
    order = np.argsort(rows if given.format == "csr" else columns, kind="stable")
    places = (columns if given.format == "csr" else rows)[order].astype(np.int64)
    given = layout((np.arange(1.0, 7.0)[order], places, ends.astype(np.int64)), shape=(3, 3))
    kept = given.data.copy(), given.indices.copy(), given.indptr.copy()
    found = products.canonical(given)
    assert type(found) is type(given)
    assert found.has_canonical_format
    assert found.indices.dtype == np.int32
    assert found.nnz == 5
    np.testing.assert_array_equal(found.toarray(), coo.toarray())
    for before, after in zip(kept, (given.data, given.indices, given.indptr), strict=True):
        np.testing.assert_array_equal(before, after)
