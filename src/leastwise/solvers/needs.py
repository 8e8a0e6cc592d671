"""The bytes that solvers of squared loss share: making H, using it, vectors, and the proof.

Counted in matrices of p x p, in vectors of p and of n, and in copies of blocks, as tracemalloc
finds them. Where a step's temporaries depend on which thread is where, the count is of all threads
at their largest.
"""

from __future__ import annotations

from leastwise.shape import (
    EXPLICIT_BYTES,
    PANEL,
    PIECE_BYTES,
    Shape,
    crossed_rows,
    sampled_rows,
)

# Vectors of p that the gap takes: of one output or many where every coefficient adds to it, where
# some columns pay nothing and are held in a box, and where most coefficients are zero.
PROOF_ONE, PROOF_MANY, PROOF_BOX = 24, 20, 23
PROOF_ZEROS, PROOF_ZEROS_MANY = 9, 15
LANCZOS = 54  # vectors of p, 20 of them the basis, for the largest eigenvalue over rows
ROWS = 3.5  # vectors of a block's rows, for each output, that a pass makes, the last block's apart
HELD, LEAST_HELD = 1.6, 2.0  # p x p matrices: how many fewer while a pass works, and at least


def square(shape: Shape) -> int:
    """Bytes of one p x p matrix."""
    return 8 * shape.columns**2


def making_moments(shape: Shape) -> float:
    """While H is summed: each thread's sum, a product and its tile of rows; then what is merged."""
    p, k = shape.columns, shape.outputs
    if not shape.sparse:
        summing = 2.0 * shape.threads * square(shape) + tiles(shape)
        return max(3.0 * square(shape), summing) + 8 * 4 * p * (k + 1)
    return 5.0 * square(shape) + 8 * 4 * p * (k + 1)


def tiles(shape: Shape) -> float:
    """What rows are centred in while H is summed; means near 0 need less."""
    rows, columns = shape.block_rows or shape.rows, shape.columns + shape.outputs + 1
    if shape.sparse:
        return 0.0
    if 8.0 * rows * shape.columns > EXPLICIT_BYTES:
        return shape.threads * EXPLICIT_BYTES
    return shape.threads * 8.0 * min(rows, crossed_rows(columns)) * columns


def over_moments(shape: Shape, squares: float) -> int:
    """Where solving keeps and makes so many p x p matrices, X'X and its scaled copy included."""
    if projects(shape):
        squares = max(squares, 5.0)
    held = max(squares - HELD, LEAST_HELD) * square(shape)
    passing = max(held + copied(shape), making_moments(shape))
    solving = max(squares * square(shape), passing + vectors_of_rows(shape))
    return int(max(solving + 8 * 12 * shape.columns * shape.outputs, sampling(shape)))


def sampling(shape: Shape) -> int:
    """While the provisional mean is taken, of a sample of a dense X and in panels of it."""
    if shape.sparse:
        return 0
    step = max(1, shape.rows // sampled_rows(shape.columns))
    return 8 * -(-shape.rows // step) * min(shape.columns, PANEL)


def projects(shape: Shape) -> bool:
    """Whether the proof factorises the Gram matrix of columns without a penalty."""
    p, free = shape.columns, shape.free
    return 0 < free < shape.rows and shape.affords(8 * 8 * p * free)


def proof(shape: Shape, *, zeros: bool) -> float:
    """What the gap takes beside what a solver over rows holds."""
    p, k, free = shape.columns, shape.outputs, shape.free
    if projects(shape):
        if free == p:
            return float(over_moments(shape, 5.0))
        return 8.0 * (5 * free * free + 2 * p * free)
    count = PROOF_BOX if free else PROOF_ONE if k == 1 else PROOF_MANY
    if zeros and shape.l1:
        count = PROOF_ZEROS if k == 1 else PROOF_ZEROS_MANY
    return 8.0 * count * p * k


def over_rows(
    shape: Shape,
    columns: float,
    *,
    before: float = 0.0,
    rows: float = 0.0,
    zeros: bool = True,
) -> int:
    """Where solving keeps so many vectors of p and of n, and makes `before` bytes until it begins.

    `zeros` says whether an l1 penalty leaves most of its coefficients at zero.
    """
    p, n, k = shape.columns, shape.rows, shape.outputs
    own = 8.0 * (columns * p + rows * n) * k
    looking = own + max(proof(shape, zeros=zeros), pass_bytes(shape))
    return int(max(looking, before) + kept(shape))


def pass_bytes(shape: Shape) -> float:
    """What one pass makes and forgets."""
    return copied(shape) + vectors_of_rows(shape)


def copied(shape: Shape) -> float:
    """What a pass turns into float64 at one time."""
    if shape.width == 8:
        return 0.0
    block = shape.block_rows or shape.rows
    if shape.sparse:
        return 8.0 * shape.threads * shape.stored * block / shape.rows
    return float(shape.threads * min(8 * block * shape.columns, PIECE_BYTES))


def vectors_of_rows(shape: Shape) -> float:
    """What a pass makes beside its blocks."""
    block = shape.block_rows or shape.rows
    count = ROWS + (block < shape.rows)
    return shape.threads * 8.0 * count * block * shape.outputs


def kept(shape: Shape) -> float:
    """The threads' own copies of blocks, which stay when they are made."""
    return 0.0 if shape.sparse else float(shape.scratch)


def by_triangles(shape: Shape, *, ridge: bool) -> int:
    """Where R factors of dense pieces of rows are stacked, a stack a thread, and R is turned."""
    n, p = shape.rows, shape.columns
    if n < p:
        return int((5.2 if ridge else 7.8) * square(shape) + kept(shape))
    piece, block = max(256, p), shape.block_rows or n
    last = max(0, min(piece, block - piece))
    stacked = shape.threads * 8.0 * p * ((6 if shape.sparse else 5) * last + 3 * p)
    turned = 7.2 * square(shape)
    own = max(stacked, turned + vectors_of_rows(shape), pass_bytes(shape), sampling(shape))
    return int(own + kept(shape))


def kernel_bytes(shape: Shape) -> int:
    """Where a ridge is solved on the side of the rows, (n, n)."""
    n, p, k = shape.rows, shape.columns, shape.outputs
    side = 8 * 4 * n * n
    whole = 8 * n * p
    if shape.sparse or whole > EXPLICIT_BYTES:
        own = side + 8 * 2.5 * n * min(p, PANEL)
    else:
        own = side + 2 * whole
    return int(max(own, proof(shape, zeros=False) + 8 * 6 * p * k) + kept(shape))
