"""The bytes that solvers of losses other than the squared one share: row state and Hessians.

Counted as in `leastwise.solvers.needs`.
"""

from __future__ import annotations

from dataclasses import replace

from leastwise.shape import Shape
from leastwise.solvers.base import gram_flops
from leastwise.solvers.needs import LANCZOS, copied, kept, making_moments, proof, square

FEW = 256  # columns whose Gram matrix is made for the sake of its largest eigenvalue
STATE = 8.5  # vectors of n: target, eta, slope, and what the next look makes of them
PASSING = 2  # vectors of a block's rows, for each output, while a pass works on it
# Where outputs are coupled: more of a block, fewer of all rows, and more of these for the proof.
SOFTMAX, FEWER, MORE = 8, 4, 3
PRODUCTS = 300.0  # with the Hessian, that conjugate gradients take for a fit, and no more as a rule
PRODUCT_FLOPS = 50.0  # of a matrix product that run while a pass reads one number
HESSIANS = 2.0  # made and factorised for a fit


def hessian_bytes(shape: Shape, columns: float, squares: float) -> float:
    """While the Hessian of so many columns is summed: weighted copies of blocks, and matrices."""
    block = shape.block_rows or shape.rows
    copies = 12 * shape.stored if shape.sparse else shape.threads * 8 * block * columns
    side = columns * (shape.outputs if shape.coupled else 1)
    return copies + 8.0 * squares * side**2


def by_products(shape: Shape) -> bool:
    """Whether Newton's equations are solved by conjugate gradients on products with the Hessian.

    They are where it does not fit the memory; and where it costs more, if every coefficient has an
    l2: else products may be too many, and the proof wants the Hessian anyhow.
    """
    if shape.l1 or shape.bounded:
        return False
    k = shape.outputs
    side = shape.columns * (k if shape.coupled else 1)
    if not shape.affords(8 * 4 * side**2):
        return True
    pairs = k * (k + 1) / 2 if shape.coupled else k
    factors = side**3 / 3 * (1 if shape.coupled else k)
    making = HESSIANS * (gram_flops(shape) * pairs + factors)
    return shape.l2 and making > PRODUCTS * PRODUCT_FLOPS * shape.stored * k


def followed(shape: Shape, *, states: float, zeros: bool) -> int:
    """What a method that follows slopes takes: row state, a bound of the curvature, the proof."""
    n, p, k = shape.rows, shape.columns, shape.outputs
    state = 8.0 * (states - FEWER * shape.coupled) * n * k
    bound = 8.0 * (LANCZOS + 6 * (k - 1)) * p
    if shape.kind == "kinked":
        bound = 0.0  # steps come from the scale of the predictions
    elif p <= FEW:
        bound = max(making_moments(shape), 4.0 * square(shape))
    own = 8.0 * 6 * p * k + proof(held(shape), zeros=zeros)
    softmax = 8.0 * SOFTMAX * shape.coupled * (shape.block_rows or n) * k
    own += max(0.0, copied(shape) - shape.threads * softmax)
    if shape.kind == "smooth" and proves_by_hessian(shape):
        more = 8.0 * (STATE + MORE - states) * shape.coupled * n * k
        own = max(own, more + hessian_bytes(shape, shape.free, 10.0 if shape.coupled else 5.5))
    if shape.kind == "kinked" and proves_by_hessian(shape):
        own = max(own, hessian_bytes(shape, 2 * shape.free, 1.4))
    return int(kept(shape) + max(bound + state / 2, state + own) + passing(shape))


def passing(shape: Shape) -> float:
    """Vectors of the rows under work."""
    count = PASSING + SOFTMAX * shape.coupled
    return shape.threads * 8.0 * count * (shape.block_rows or shape.rows) * shape.outputs


def held(shape: Shape) -> Shape:
    """The shape of a proof that factorises nothing over moments."""
    return replace(shape, memory=0)


def proves_by_hessian(shape: Shape) -> bool:
    """Whether the proof makes the Hessian of the columns without a penalty."""
    side = shape.free * (shape.outputs if shape.coupled else 1)
    return shape.free > 0 and shape.affords(8 * 4 * side**2)
