"""Rows of X on a device: a tensor, and the block of rows that does its passes there.

Numbers of any float type are cast to float64 in pieces, so that sums are accumulated in float64 and
no second copy of X is made. What leaves the device is small: sums of p or p x p numbers, in one
transfer a pass, and what a solver asks to see of single columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leastwise.blocks.block import Block
from leastwise.blocks.on_device import OnDevice, hosted, index_of, land, landed, lift, tensor_of
from leastwise.blocks.tensors import the_library
from leastwise.picked import DensePicked
from leastwise.shape import LEAST_TILE

Float = NDArray[np.float64]

PIECE_BYTES = 256 << 20  # float64 rows of X that are made at one time


class Matrix:
    """Rows of X on a device, (n, p), in their own float type.

    Parameters
    ----------
    values : the tensor, off its graph
    """

    ndim = 2

    def __init__(self, values: Any) -> None:
        self.values = values

    @property
    def shape(self) -> tuple[int, int]:
        n, p = self.values.shape
        return n, p

    @property
    def size(self) -> int:
        return self.values.numel()

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def itemsize(self) -> int:
        """Bytes of a number."""
        return int(self.values.element_size())

    def __getitem__(self, places: Any) -> Matrix:
        if isinstance(places, np.ndarray) and places.dtype == bool:
            places = np.flatnonzero(places)
        return Matrix(self.values[index_of(places, self.values)])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(land(self.values.double()), dtype)

    def linear(self, coef: Float, intercept: Float) -> Float:
        """(n, k) eta = X coef' + intercept, of coef (k, p)."""
        eta = View(self.values, None, True).times(np.ascontiguousarray(coef.T))
        return land((eta + intercept).values)

    def non_finite(self) -> tuple[int, int, bool] | None:
        """Row, column and whether it is NaN of the first number that is not finite."""
        torch = the_library()
        wrong = ~torch.isfinite(self.values)
        if not bool(land(wrong.any())):
            return None
        row, column = (int(i) for i in land(torch.nonzero(wrong)[0]))
        return row, column, bool(np.isnan(land(self.values[row, column].double())))


@dataclass(frozen=True)
class View:
    """Columns on a device with their means taken off: by a copy in pieces, or in the algebra.

    Parameters
    ----------
    matrix : tensor (m, p) of any float type ; mean : float64 tensor (p,) or None
    explicit : whether the means are taken off before products are formed
    """

    matrix: Any
    mean: Any
    explicit: bool

    def _pieces(self, *, explicit: bool) -> Iterator[tuple[slice, Any]]:
        """Rows of X as float64, centred where that is explicit."""
        n, p = self.matrix.shape
        torch = the_library()
        centred = explicit and self.mean is not None
        as_it_is = self.matrix.dtype == torch.float64 and not centred
        step = n if as_it_is else max(LEAST_TILE, PIECE_BYTES // (8 * max(p, 1)))
        for first in range(0, n, step):
            part = slice(first, first + step)
            rows = self.matrix[part].to(torch.float64)
            yield part, rows - self.mean if centred else rows

    def times(self, coef: Any) -> Any:
        w = tensor_of(coef, self.matrix)
        torch = the_library()
        eta = torch.cat([rows @ w for _, rows in self._pieces(explicit=self.explicit)])
        return OnDevice(eta if self.explicit or self.mean is None else eta - self.mean @ w)

    def back(self, rows: Any, *, often: bool = False) -> Any:
        r = tensor_of(rows, self.matrix)
        found = sum(z.T @ r[part] for part, z in self._pieces(explicit=self.explicit))
        if not self.explicit and self.mean is not None:
            found = found - self.mean[:, None] * r.sum(0)
        return OnDevice(found)

    def cross(self, weight: Any, *, often: bool = False) -> Any:
        s = None if weight is None else tensor_of(weight, self.matrix)[:, None]
        pieces = self._pieces(explicit=True)
        return OnDevice(sum(z.T @ (z if s is None else z * s[part]) for part, z in pieces))

    def squares(self, weight: Any) -> Any:
        s = None if weight is None else tensor_of(weight, self.matrix)[:, None]
        pieces = self._pieces(explicit=True)
        return OnDevice(sum((z * z if s is None else z * z * s[part]).sum(0) for part, z in pieces))

    def outer(self, scale: Any) -> Any:
        d = tensor_of(scale, self.matrix)
        z = self._whole()
        return OnDevice((z * d) @ z.T)

    def lengths(self, scale: Any) -> Any:
        d = tensor_of(scale, self.matrix)
        torch = the_library()
        return OnDevice(torch.cat([(z * z) @ d for _, z in self._pieces(explicit=True)]))

    def dense(self) -> Float:
        return land(self._whole())

    def _whole(self) -> Any:
        rows = self.matrix.double()
        return rows if self.mean is None else rows - self.mean


@dataclass(frozen=True)
class TorchBlock(Block):
    """Rows whose X is a `Matrix`; targets and weights are `OnDevice`, beside it."""

    @property
    def sparse(self) -> bool:
        return False

    def centred(
        self,
        mean: Float | None,
        columns: slice | NDArray[np.intp] | None = None,
        *,
        copy: bool = True,
        passing: bool = False,
    ) -> View:
        values = self.X.values
        if columns is not None:
            values = values[:, index_of(columns, values)]
            mean = None if mean is None else mean[columns]
        about = None if mean is None else tensor_of(mean, values)
        return View(values, about, copy or about is None)

    def sums_about(
        self, mean: Float, target_mean: Float, *, full: bool
    ) -> tuple[Float, Float, Float]:
        values, y = self.X.values, tensor_of(self.y, self.X.values)
        torch = the_library()
        u = torch.cat([torch.ones_like(y[:, :1]), y - tensor_of(target_mean, y)], 1)
        s = None if self.weight is None else tensor_of(self.weight, y)
        weighted = u if s is None else u * s[:, None]
        view = View(values, tensor_of(mean, values), True)
        xx = view.cross(self.weight) if full else view.squares(self.weight)
        inner, mixed = OnDevice(weighted.T @ u), OnDevice(view.back(OnDevice(weighted)).values.T)
        return landed((inner, mixed, xx))

    def some(self, rows: NDArray[np.intp] | slice) -> TorchBlock:
        return TorchBlock(
            self.X[rows], self.y[rows], None if self.weight is None else self.weight[rows]
        )

    def picked(self, mean: Float | None) -> DensePicked:
        return _PickedHere(self, mean)

    def dense_parts(self, mean: Float | None) -> Iterator[tuple[Float, Float, Float | None]]:
        step = max(LEAST_TILE, self.X.shape[1])
        for first in range(0, self.rows, step):
            part = self.some(slice(first, first + step))
            yield part.centred(mean).dense(), hosted(part.y), hosted(part.weight)


class _PickedHere(DensePicked):
    """Columns that are worked on again and again: few, and copied to the host."""

    def __init__(self, block: TorchBlock, mean: Float | None) -> None:
        weight = hosted(block.weight)
        super().__init__(Block(_Columns(block.X), np.empty((block.rows, 0)), weight), mean)

    def back(self, rows: Any, places: NDArray[np.intp]) -> Float:
        return super().back(hosted(rows), places)


class _Columns:
    """Columns of a matrix on a device as arrays of the host."""

    def __init__(self, X: Matrix) -> None:
        self._X = X

    def __getitem__(self, places: tuple[slice, NDArray[np.intp]]) -> Float:
        values = self._X.values
        return land(values[:, lift(places[1], values)].double())
