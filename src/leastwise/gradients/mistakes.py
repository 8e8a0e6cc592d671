"""The usual mistakes of a gradient written by hand, each told by what it does to the numbers.

A gradient g and the derivatives r of its loss, in units of the coefficients, either differ by a
factor (sign, two, the number of rows), in one part (the intercept's, the penalty's), or because of
what g does with its rows: targets of shape (n, 1) broadcast against predictions (n,) leave g the
same when the targets are shuffled; a sum over batches that is written = instead of += leaves it
the same when all rows but the last are changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leastwise.gradients.layout import Layout
from leastwise.gradients.subject import Function

Float = NDArray[np.float64]
SAME = 1e-12  # relative: what is computed from the same numbers in another order
FEW = 4  # rows below which nothing is said of rows


@dataclass(frozen=True)
class Mistake:
    """What is wrong: a kind, and a sentence with what to do."""

    kind: str
    words: str


@dataclass(frozen=True)
class Compared:
    """A gradient and what it should be.

    Parameters
    ----------
    given, right : (c,) at the coordinates `chosen`, in units `unit` (d,) of the coefficients
    right_at : (c,) what it should be at another point, in the same units
    beta : (d,) the point ; elsewhere : (d,) one where no coefficient is zero
    weight : the sum of the rows' weights, their number without
    tol : relative, to which numbers are called equal
    """

    given: Float
    right: Float
    right_at: Callable[[Float], Float]
    chosen: NDArray[np.intp]
    unit: Float
    beta: Float
    elsewhere: Float
    layout: Layout
    rows: int
    weight: float
    tol: float

    @property
    def own(self) -> NDArray[np.bool_]:
        """(c,) which coordinates are coefficients; the others are intercepts."""
        return self.chosen < self.layout.coefs

    def near(self, a: Float, b: Float, size: float | None = None) -> bool:
        """Whether two are equal to the tolerance."""
        most = float(np.abs(b).max(initial=0.0)) if size is None else size
        return bool(np.abs(a - b).max(initial=0.0) <= self.tol * most)

    def multiple(self, part: NDArray[np.bool_]) -> float | None:
        """The factor between the two in a part of the coordinates, if it is one."""
        g, r = self.given[part], self.right[part]
        if not g.size or not (r @ r) > 0.0:
            return None
        factor = float(g @ r / (r @ r))
        return factor if self.near(g, factor * r, float(np.abs(g).max())) and factor else None


def diagnose(found: Compared, grad: Function) -> Mistake:
    """The first mistake that explains the difference."""
    for mistake in _each(found, grad):
        return mistake
    worst = int(np.argmax(np.abs(found.given - found.right)))
    place = int(found.chosen[worst])
    g, r = (float(side[worst] / found.unit[place]) for side in (found.given, found.right))
    name = found.layout.name(place)
    return Mistake(
        "unknown",
        f"it differs most in {name}, where it is {g:.6g} and differences say {r:.6g}; no usual "
        "mistake explains that",
    )


def _each(found: Compared, grad: Function) -> Iterator[Mistake]:
    every = np.ones(found.given.size, bool)
    factor = found.multiple(every)
    if factor is not None and (named := _factor(factor, found)):
        yield named
    if _shuffled(lambda y: grad.gradient(found.elsewhere, y=y)[0], grad):
        yield Mistake(
            "broadcast",
            "it does not change when the targets are shuffled among the rows: targets of shape "
            "(n, 1) are broadcast against predictions of shape (n,); give both one shape",
        )
    if (rows := _rows_that_count(found, grad)) is not None:
        yield rows
    yield from _of_penalty(found)
    yield from _of_parts(found, grad)
    if factor is not None:
        yield Mistake("factor", f"it is {factor:.6g} times what differences say")


def _factor(factor: float, found: Compared) -> Mistake | None:
    """A sign, a two, the number of rows or of batches, or some of them at once."""
    size = abs(factor)
    sign = "has the wrong sign" if factor < 0.0 else ""
    for count, words in ((1.0, ""), (found.weight, "sums"), (1.0 / found.weight, "shares")):
        for two in (1.0, 2.0, 0.5):
            if abs(size / (two * count) - 1.0) > found.tol:
                continue
            parts = [sign] if sign else []
            if two != 1.0:
                much = "twice" if two == 2.0 else "half"
                parts.append(f"is {much} what it should be: the square's 2 and the loss's 1/2")
            if words == "sums":
                parts.append(
                    f"is a sum over the rows where the loss is a mean: divide it by {count:g}"
                )
            if words == "shares":
                parts.append(
                    f"is a mean over the rows where the loss is a sum: take it {1 / count:g} times"
                )
            kind = "sign" if sign else "factor two" if two != 1.0 else "sum against mean"
            return Mistake(kind, "it " + ", and it ".join(parts)) if parts else None
    whole = round(size)
    if whole > 2 and abs(size / whole - 1.0) <= found.tol and found.rows % whole == 0:
        also = f"it {sign}, and " if sign else ""
        return Mistake(
            "sum against mean",
            f"{also}it is {whole} times what it should be, as a sum of {whole} batches' means is: "
            f"divide it by {whole}",
        )
    return None


def shuffled_alike(loss: Function, beta: Float) -> bool:
    """Whether a loss is the same when its targets are shuffled among the rows."""
    return _shuffled(lambda y: np.array([loss.value(beta, y=y)]), loss)


def _shuffled(function: Callable[[Float], Float], of: Function) -> bool:
    """Whether it matters which targets there are, but not in which rows, where rows differ."""
    y, order = of.y, np.random.default_rng(0).permutation(len(of.y))
    if len(y) < FEW or np.array_equal(y, y[order]) or not np.ptp(of.X, axis=0).any():
        return False
    before, after, all_one = (function(each) for each in (y, y[order], np.full_like(y, y[0])))
    near = SAME * np.abs(before).max()
    return bool(np.abs(after - before).max() <= near < np.abs(all_one - before).max())


def _rows_that_count(found: Compared, grad: Function) -> Mistake | None:
    """Whether some rows, the first or the last, have no influence; bisection says how many."""
    n = len(grad.y)
    if n < FEW:
        return None
    before = grad.gradient(found.beta)[0]
    other = np.random.default_rng(0).normal(size=grad.X.shape) * np.abs(grad.X).max() + grad.X

    def idle(rows: slice) -> bool:
        X = grad.X.copy()
        X[rows] = other[rows]
        after = grad.gradient(found.beta, X)[0]
        return bool(np.array_equal(after, before))

    for from_the_end in (False, True):

        def first(many: int, end: bool = from_the_end) -> slice:
            return slice(n - many, n) if end else slice(0, many)

        if not idle(first(n // 2)):
            continue
        low, high = n // 2, n
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if idle(first(middle)) else (low, middle)
        left = n - low
        if from_the_end:
            which = "first of {n} rows counts" if left == 1 else "first {left} of {n} rows count"
            words = f"only the {which.format(left=left, n=n)} in it: the loop ends too early"
        elif left == 1:
            words = f"only the last of {n} rows counts in it: add each row's part, += and not ="
        else:
            words = (
                f"only the last {left} of {n} rows count in it: add each batch's part, += and not ="
            )
        return Mistake("last rows", words)
    return None


def _of_parts(found: Compared, grad: Function) -> Iterator[Mistake]:
    """Mistakes in the intercept's part alone, or in the coefficients' alone."""
    own, g, r = found.own, found.given, found.right
    size = float(np.abs(r).max())
    good = [found.near(g[part], r[part], size) for part in (own, ~own)]
    if not (own.any() and (~own).any()) or good[0] == good[1]:
        return
    part, name = (~own, "the intercept") if good[0] else (own, "the coefficients")
    if good[0] and (share := _paid_for(found, grad)) is not None:
        yield Mistake(
            "penalised intercept",
            f"the intercept is penalised: its part has {share:.6g} times b in addition to what "
            "differences say; leave b out of the penalty",
        )
    if not g[part].any():
        yield Mistake("intercept" if good[0] else "unknown", f"its part of {name} is zero")
    factor = found.multiple(part)
    if factor is not None and (named := _factor(factor, found)):
        yield Mistake(named.kind, f"of its part of {name}: {named.words}")
    if good[0]:
        unit = found.unit[found.chosen[part]]
        yield Mistake(
            "intercept",
            f"its part of the intercept is {g[part] / unit} where differences say {r[part] / unit}",
        )


def _paid_for(found: Compared, grad: Function) -> float | None:
    """What b is multiplied by in an excess of its part that is proportional to it, if one is."""
    places = found.chosen[~found.own]
    twice = found.beta.copy()
    twice[places] *= 2.0
    excess = (found.given - found.right)[~found.own]
    again = found.right_at(twice)[~found.own]
    more = grad.gradient(twice)[0][places] * found.unit[places] - again
    paid = found.unit[places] * found.beta[places]
    if not paid.all():
        return None
    share = float((excess / paid).mean())
    size = float(np.abs(excess).max())
    both = found.near(excess, share * paid, size) and found.near(more, 2.0 * share * paid, size)
    return share if both else None


def _of_penalty(found: Compared) -> Iterator[Mistake]:
    """A penalty with another sign or factor than the loss's: g - r along w or along its signs."""
    own = found.own
    if own.sum() < 2:
        return
    places = found.chosen[own]
    unit, w = found.unit[places], found.beta[places]
    g, r = found.given, found.right
    size = float(np.abs(g).max())
    for name, natural in (("w", w), ("sign(w)", np.sign(w))):
        along = np.zeros_like(g)
        along[own] = natural * unit
        share = float((g - r) @ along / (along @ along))
        if found.near(g, r + share * along, size):
            yield Mistake(
                "penalty",
                f"it differs from what differences say by {share:.6g} {name}: the penalty is "
                "missing from it, or has another sign or factor than in the loss",
            )
        if not r.any():
            continue
        basis = np.column_stack([r / np.abs(r).max(), along / np.abs(along).max()])
        mixed = np.asarray(np.linalg.lstsq(basis, g)[0], np.float64)
        factor = mixed[0] / np.abs(r).max()
        both = g.size > 2 and abs(mixed[1]) > found.tol * size
        if both and found.near(g, basis @ mixed, size):
            yield Mistake(
                "penalty",
                f"it is {factor:.6g} times what differences say beside a multiple of {name}: loss "
                "and penalty are not of one scale",
            )
