"""Moments: centred weighted cross-products, the mergeable state of a least-squares fit.

    W = sum_i s_i     x̄ = sum_i s_i x_i / W     xx = sum_i s_i (x_i - x̄)(x_i - x̄)'     xy, yy alike

Two parts merge, and one is taken from a whole, by the update of Chan, Golub and LeVeque (1983, eq.
2.1):

    xx = xx_a + xx_b + (W_a W_b / W) d d',   d = x̄_b - x̄_a

Raw sums of squares are never formed: adding 1e8 to a column must not change the eighth digit of a
slope.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from leastwise.blocks import Block
from leastwise.errors import DataError
from leastwise.files import write_atomically

Float = NDArray[np.float64]

# Rows are summed about a provisional mean. Where the true mean lies further from it than this many
# standard deviations (squared), digits were lost, and the sums are to be made again about the true
# one.
FAR = 100.0

FORMAT = "leastwise-moments"
ARRAYS = ("mean", "target_mean", "xx", "xy", "yy")


@dataclass(frozen=True)
class Shift:
    """What sums are made about: `mean` (p,) of the columns, `target_mean` (k,) of the targets."""

    mean: Float
    target_mean: Float


def sums_about(block: Block, shift: Shift, *, full: bool = True) -> list[Float]:
    """What `Block.sums_about` gives, and the number of rows: sums that add up over blocks."""
    rows = block.rows if block.weight is None else np.count_nonzero(block.weight)
    sums = block.sums_about(shift.mean, shift.target_mean, full=full)
    return [*sums, np.array(rows, np.float64)]


@dataclass(frozen=True)
class Moments:
    """What squared loss needs to know of rows.

    Parameters
    ----------
    weight : sum of the weights
    rows : number of rows with a positive weight
    mean : (p,) weighted column means; target_mean : (k,)
    xx : (p, p) centred cross-products, or (p,) the sums of squares alone
    xy : (p, k) ; yy : (k,)
    """

    weight: float
    rows: int
    mean: Float
    target_mean: Float
    xx: Float
    xy: Float
    yy: Float

    @property
    def full(self) -> bool:
        """Whether all cross-products are here, or the sums of squares alone."""
        return self.xx.ndim == 2

    @property
    def squares(self) -> Float:
        """(p,) centred sums of squares of the columns."""
        return np.diagonal(self.xx) if self.full else self.xx

    @classmethod
    def of(cls, block: Block, shift: Shift | None = None, *, full: bool = True) -> Moments:
        """The moments of one block, summed about `shift`, by default about its own means."""
        if shift is None:
            p, k = block.X.shape[1], block.y.shape[1]
            nothing = Shift(np.zeros(p), np.zeros(k))
            rough = cls.from_sums(sums_about(block, nothing, full=False), nothing)
            shift = Shift(rough.mean, rough.target_mean)
        return cls.from_sums(sums_about(block, shift, full=full), shift)

    @classmethod
    def from_sums(cls, sums: list[Float], shift: Shift) -> Moments:
        """The moments from sums about any shift (one block's, or many blocks' added up)."""
        inner, mixed, xx, rows = sums
        weight = float(inner[0, 0])
        if weight == 0.0:
            return cls(0.0, 0, shift.mean, shift.target_mean, xx, mixed[1:].T, inner[0, 1:])
        d, e = mixed[0] / weight, inner[0, 1:] / weight
        return cls(
            weight,
            int(rows),
            shift.mean + d,
            shift.target_mean + e,
            xx - weight * (np.multiply.outer(d, d) if xx.ndim == 2 else d * d),
            mixed[1:].T - np.multiply.outer(mixed[0], e),
            np.diagonal(inner)[1:] - weight * e * e,
        )

    def far_from(self, shift: Shift) -> bool:
        """Whether `shift` was too far from the means for sums about it to be accurate."""
        d, e = self.mean - shift.mean, self.target_mean - shift.target_mean
        limit = FAR / self.weight
        rounding = 1e-30 * self.mean**2  # a constant column is not far, however small its square
        return bool(
            (d * d > limit * self.squares + rounding).any() or (e * e > limit * self.yy).any()
        )

    def merge(self, other: Moments) -> Moments:
        """The moments of both parts' rows together."""
        return self._combine(other, 1.0)

    def subtract(self, other: Moments) -> Moments:
        """The moments of the rows that are in this whole but not in the part `other`."""
        return self._combine(other, -1.0)

    def _combine(self, other: Moments, sign: float) -> Moments:
        weight = self.weight + sign * other.weight
        if self.xx.shape != other.xx.shape or self.xy.shape != other.xy.shape:
            raise DataError(
                f"moments of shapes {self.xx.shape}, {self.xy.shape} and {other.xx.shape}, "
                f"{other.xy.shape} do not fit: they must be of the same columns and targets, and "
                "both full or both diagonal"
            )
        if other.weight == 0.0:
            return self
        if self.weight == 0.0 and sign > 0:
            return other
        if weight <= 0.0:
            raise DataError("moments cannot be subtracted: the part weighs as much as the whole")
        share = sign * other.weight / weight
        d, e = other.mean - self.mean, other.target_mean - self.target_mean
        scaled = (self.weight * share) * d
        xx = sign * other.xx if sign < 0 else other.xx.copy()
        xx += self.xx
        xx += np.multiply.outer(scaled, d) if self.full else scaled * d
        return Moments(
            weight,
            self.rows + int(sign) * other.rows,
            self.mean + share * d,
            self.target_mean + share * e,
            xx,
            self.xy + sign * other.xy + np.multiply.outer(scaled, e),
            self.yy + sign * other.yy + (self.weight * share) * e**2,
        )

    def save(self, path: str | Path) -> None:
        """Write to `path`: exact and readable as .json, exact and small as .npz.

        Raises
        ------
        DataError
            If the suffix is neither, or the file cannot be written.
        """
        import io

        path = Path(path)
        if path.suffix == ".json":
            content: dict[str, Any] = {"format": FORMAT, "weight": self.weight, "rows": self.rows}
            content |= {name: getattr(self, name).tolist() for name in ARRAYS}
            write_atomically(path, json.dumps(content))
        elif path.suffix == ".npz":
            buffer = io.BytesIO()
            arrays = {name: getattr(self, name) for name in ARRAYS}
            np.savez(buffer, weight=np.float64(self.weight), rows=np.int64(self.rows), **arrays)
            write_atomically(path, buffer.getvalue())
        else:
            raise DataError(f"{path}: moments are saved as .json or .npz; choose one of the two")

    @classmethod
    def load(cls, path: str | Path) -> Moments:
        """Read what `save` wrote; nothing in the file is executed."""
        path = Path(path)
        try:
            if path.suffix == ".json":
                content = json.loads(path.read_text(encoding="utf-8"))
                if content["format"] != FORMAT:
                    raise ValueError(f"its format is {content['format']!r}")
            else:
                with np.load(path, allow_pickle=False) as arrays:
                    content = {name: arrays[name] for name in (*ARRAYS, "weight", "rows")}
            parts = {name: np.asarray(content[name], np.float64) for name in ARRAYS}
            moments = cls(float(content["weight"]), int(content["rows"]), **parts)
        except FileNotFoundError:
            raise DataError(
                f"{path}: no such file; give the path that Moments.save wrote"
            ) from None
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            EOFError,
            BadZipFile,
            zlib.error,
        ) as error:
            raise DataError(f"{path}: not moments of leastwise, or cut short ({error})") from None
        p, k = moments.mean.size, moments.target_mean.size
        shapes = (moments.xx.shape in ((p, p), (p,)), moments.xy.shape == (p, k))
        if not all(shapes) or moments.yy.shape != (k,):
            raise DataError(f"{path}: the arrays of these moments do not fit each other")
        return moments
