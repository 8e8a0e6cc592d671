"""The size of a problem: what costs are computed from, before any row is read."""

from __future__ import annotations

from dataclasses import dataclass

EXPLICIT_BYTES = 8 << 20  # a block up to this size is centred by a copy; beyond, implicitly
TILE_BYTES = 1_600_000  # a centred tile of rows: it stays in a cache while it is summed
LEAST_TILE = 256  # rows of one
PANEL = 512  # columns of a wide block that are centred by a copy at one time
PIECE_BYTES = 4 << 20  # of a large block, what is centred or turned into float64 at one time
NARROW = 16  # columns up to which a block is worked on column by column
SAMPLE, NUMBERS, FEWEST = 1000, 1 << 18, 32  # rows of a sample: as many, or of so many numbers
SQUARES = 5  # p x p matrices that there are at most while one of them is made and used


@dataclass(frozen=True)
class Shape:
    """The size of a problem: what costs are computed from.

    rows, columns, outputs : n, p, k
    stored : numbers stored in X, n p where it is dense ; sparse : whether it is not
    row_state : whether vectors of n can be kept beside the rows
    threads : how many blocks are worked on at a time ; scratch : bytes of their copies
    l1 : whether any column has an l1 penalty ; l2 : whether every column has an l2 penalty
    bounded : whether any coefficient has a bound ; joint : whether an l1 penalty joins outputs
    kind, coupled, linear_tails : what the loss is
    memory : bytes that solving may take, None for any number: solvers take the form that fits
    free : how many columns have neither a penalty nor a bound
    block_rows : rows of the largest block ; width : bytes of a number of X
    """

    rows: int
    columns: int
    outputs: int
    stored: int
    sparse: bool = False
    row_state: bool = True
    threads: int = 1
    scratch: int = 0
    l1: bool = False
    l2: bool = False
    bounded: bool = False
    joint: bool = False
    kind: str = "quadratic"
    coupled: bool = False
    memory: int | None = None
    free: int = 0
    block_rows: int = 0
    width: int = 8
    linear_tails: bool = False

    def affords(self, bytes: float) -> bool:
        """Whether so many bytes may be taken."""
        return self.memory is None or bytes <= self.memory

    @property
    def worth_moments(self) -> bool:
        """Whether H is made where many products with it follow."""
        return worth_moments(self.rows, self.columns, self.memory)


def worth_moments(rows: int, columns: int, memory: int | None) -> bool:
    """Whether H (p, p) fits the memory, with what making it takes, and rows are not far fewer.

    Forming H costs n p^2 once; it pays where many products with it follow.
    """
    fits = memory is None or 8 * SQUARES * columns * columns <= memory
    return fits and (columns <= 2 * rows or columns <= 256)


def panel_of(rows: int) -> int:
    """How many columns of a large block of so many rows are centred by a copy at one time."""
    return min(PANEL, max(1, PIECE_BYTES // (8 * rows)))


def crossed_rows(columns: int) -> int:
    """Rows of a dense tile that is centred and weighted for its product with itself.

    It stays in a core's cache; beyond some columns, to add the product up costs as much as rows do.
    """
    row = 8 * max(1, columns)
    return max(LEAST_TILE, TILE_BYTES // row, min(columns, EXPLICIT_BYTES // row))


def sampled_rows(columns: int) -> int:
    """Of how many rows a provisional mean is taken, at least: fewer of wide rows."""
    return min(SAMPLE, max(FEWEST, NUMBERS // columns))
