"""The bytes that solvers of squared loss share: making H, using it, vectors, and the proof.

Counted in matrices of p x p, in vectors of p and of n, and in copies of blocks, as tracemalloc
finds them. Where a step's temporaries depend on which thread is where, the count is of all threads
at their largest.
"""

from __future__ import annotations

from leastwise.shape import EXPLICIT_BYTES, PANEL, PIECE_BYTES, Shape, sampled_rows

# Vectors of p that the gap takes: of one output or many where every coefficient adds to it, where
# some columns pay nothing and are held in a box, and where most coefficients are zero.
PROOF_ONE, PROOF_MANY, PROOF_BOX, PROOF_ZEROS = 24, 18, 23, 9
LANCZOS = 54  # vectors of p, 20 of them the basis, for the largest eigenvalue over rows
TILE = 400_000  # bytes of rows that are centred at one time
ROWS = 10  # vectors of n: what a pass makes of a single block, and what comes before


def square(shape: Shape) -> int:
    """Bytes of one p x p matrix."""
    return 8 * shape.columns**2


def making_moments(shape: Shape) -> float:
    """While H is summed: the sums of each thread, what is merged, and for sparse X the product."""
    p, k = shape.columns, shape.outputs
    if not shape.sparse:
        sums = 3.0 if shape.threads == 1 else 2.0 * shape.threads
        whole = 8 * (shape.block_rows or shape.rows) * p
        tiles = shape.threads * (TILE if whole <= EXPLICIT_BYTES else EXPLICIT_BYTES)
        return sums * square(shape) + 8 * 4 * p * (k + 1) + tiles
    return 5.0 * square(shape) + 8 * 4 * p * (k + 1) + shape.scratch


def over_moments(shape: Shape, squares: float) -> int:
    """Where solving keeps and makes so many p x p matrices, X'X and its scaled copy included."""
    if projects(shape):
        squares = max(squares, 5.0)
    vectors = 8 * 12 * shape.columns * shape.outputs + pass_bytes(shape)
    return int(max(making_moments(shape), squares * square(shape) + vectors, sampling(shape)))


def sampling(shape: Shape) -> int:
    """While the provisional mean is taken, of a sample of a dense X and in panels of it."""
    if shape.sparse:
        return 0
    rows = min(shape.rows, 2 * sampled_rows(shape.columns))
    return 8 * rows * min(shape.columns, PANEL) + 8 * shape.rows


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
        count = PROOF_ZEROS
    return 8.0 * count * p * k


def over_rows(
    shape: Shape,
    columns: float,
    *,
    before: float = 0.0,
    rows: float = 0.0,
    zeros: bool = True,
) -> int:
    """Where solving keeps so many vectors of p and of n, and `before` of p until it begins.

    `zeros` says whether an l1 penalty leaves most of its coefficients at zero.
    """
    p, n, k = shape.columns, shape.rows, shape.outputs
    own = 8.0 * (columns * p + rows * n) * k
    looking = own + max(proof(shape, zeros=zeros), pass_bytes(shape))
    return int(max(looking, 8.0 * before * p) + kept(shape))


def pass_bytes(shape: Shape) -> float:
    """What one pass makes and forgets."""
    block, k = shape.block_rows or shape.rows, shape.outputs
    whole = 8 * block * shape.columns
    copy = min(whole, PIECE_BYTES) if shape.width < 8 and not shape.sparse else 0
    return shape.threads * (copy + 8.0 * ROWS * block * k)


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
    own = max(stacked, turned + pass_bytes(shape), sampling(shape))
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
