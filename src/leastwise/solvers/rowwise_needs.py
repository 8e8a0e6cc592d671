"""The bytes that solvers of losses other than the squared one share: row state and Hessians.

Counted as in `leastwise.solvers.needs`.
"""

from __future__ import annotations

from dataclasses import replace

from leastwise.shape import Shape, crossed_rows
from leastwise.solvers.base import gram_flops
from leastwise.solvers.needs import LANCZOS, copied, kept, making_moments, proof, square

FEW = 256  # columns whose Gram matrix is made for the sake of its largest eigenvalue
STATE = 8.5  # vectors of n: target, eta, slope, and what the next look makes of them
PASSING = 2  # vectors of a block's rows, for each output, while a pass works on it
# Where outputs are coupled: more of a block, fewer of all rows, and more of these for the proof.
SOFTMAX, FEWER, MORE = 8, 4, 3
SMALL = 400  # coefficients whose Hessian is made for the digits that it gives
FEW_PRODUCTS = 8  # with the Hessian, that cost less than to make it in any case
PRODUCTS = 100.0  # that conjugate gradients take for a fit, as a rule
PRODUCT_FLOPS = 50.0  # of a dense matrix product that run while a pass reads one number
SPARSE_FLOPS = 500.0  # of them that run while a product of sparse matrices does one
HESSIANS = 2.0  # made and factorised for a fit
TRIFLE = 4e6  # flops that take no longer than the other work of a step


def hessian_bytes(shape: Shape, columns: float, squares: float) -> float:
    """While the Hessian of so many columns is summed: weighted copies of tiles, and matrices."""
    block, each = shape.block_rows or shape.rows, shape.outputs if shape.coupled else 1
    tile = min(block, crossed_rows(int(columns))) * columns + 2 * block * each
    return _copies(shape, tile) + 8.0 * squares * (columns * each) ** 2


def _copies(shape: Shape, numbers: float) -> float:
    """Of a sparse X, or of so many dense numbers on each thread."""
    return 12.0 * shape.stored if shape.sparse else 8.0 * shape.threads * numbers


def affords_hessian(shape: Shape) -> bool:
    """Whether the Hessian of all columns fits the memory, a few times."""
    side = shape.columns * (shape.outputs if shape.coupled else 1)
    return shape.affords(8 * 4 * side**2)


def products_for_hessian(shape: Shape) -> float:
    """How many products with the Hessian cost as much as to make and factorise it."""
    k = shape.outputs
    side = shape.columns * (k if shape.coupled else 1)
    pairs, factors = (k * (k + 1) / 2, 1) if shape.coupled else (k, k)
    making = gram_flops(shape) * pairs * (SPARSE_FLOPS if shape.sparse else 1.0)
    return (making + factors * side**3 / 3) / (PRODUCT_FLOPS * max(shape.stored, 1) * k)


def trifling(shape: Shape) -> float:
    """Of how many columns a Hessian costs hardly more than the other work of a step."""
    k = shape.outputs
    pairs = k * (k + 1) / 2 if shape.coupled else k
    return float((TRIFLE / (shape.rows * pairs)) ** 0.5)


def products_pay(shape: Shape) -> bool:
    """Whether products, behind the factor of one Hessian, cost less than to make another.

    Every coefficient must have an l2: else products may be too many, and the proof wants the
    Hessian anyhow.
    """
    small = shape.columns * (shape.outputs if shape.coupled else 1) <= SMALL
    simple = not (shape.l1 or shape.bounded)
    return simple and shape.l2 and not small and products_for_hessian(shape) >= FEW_PRODUCTS


def by_products(shape: Shape) -> bool:
    """Whether no Hessian is made as a rule: it does not fit the memory, or costs far more."""
    if shape.l1 or shape.bounded:
        return False
    far = HESSIANS * products_for_hessian(shape) > PRODUCTS
    return not affords_hessian(shape) or (products_pay(shape) and far)


def followed(shape: Shape, *, states: float, zeros: bool) -> int:
    """What a method that follows slopes takes: row state, a bound of the curvature, the proof."""
    n, p, k = shape.rows, shape.columns, shape.outputs
    state = 8.0 * (states - FEWER * shape.coupled) * n * k
    bound = 8.0 * (LANCZOS + 6 * (k - 1)) * p + passing(shape)
    if shape.kind == "kinked":
        bound = 0.0  # steps come from the scale of the predictions
    elif p <= FEW:
        bound = max(making_moments(shape) + 2.0 * square(shape), 4.0 * square(shape))
    own = 8.0 * 6 * p * k + proof(held(shape), zeros=zeros)
    softmax = 8.0 * SOFTMAX * shape.coupled * (shape.block_rows or n) * k
    own += max(0.0, copied(shape) - shape.threads * softmax)
    if shape.kind == "smooth" and proves_by_hessian(shape):
        more = 8.0 * (STATE + MORE - states) * shape.coupled * n * k
        own = max(own, more + hessian_bytes(shape, shape.free, 10.0 if shape.coupled else 5.5))
    if shape.kind == "kinked" and proves_by_hessian(shape):
        block = (shape.block_rows or n) * shape.free
        own = max(own, _copies(shape, 1.7 * block) + 8.0 * 5.6 * shape.free**2)
    return int(kept(shape) + max(bound + state / 2, state + own + passing(shape)))


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
