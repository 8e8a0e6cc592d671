"""The bytes that solvers of losses other than the squared one share: row state and Hessians.

Counted as in `leastwise.solvers.needs`.
"""

from __future__ import annotations

from dataclasses import replace

from leastwise.shape import Shape
from leastwise.solvers.needs import LANCZOS, kept, making_moments, proof, square

FEW = 256  # columns whose Gram matrix is made for the sake of its largest eigenvalue
STATE = 9  # vectors of n: target, eta, slope, and what the next look makes of them


def hessian_bytes(shape: Shape, columns: float, squares: float) -> float:
    """While the Hessian of so many columns is summed: weighted copies of blocks, and matrices."""
    block = shape.block_rows or shape.rows
    copies = 12 * shape.stored if shape.sparse else shape.threads * 8 * block * columns
    side = columns * (shape.outputs if shape.coupled else 1)
    return copies + 8.0 * squares * side**2


def followed(shape: Shape, *, states: float, zeros: bool) -> int:
    """What a method that follows slopes takes: row state, a bound of the curvature, the proof."""
    n, p, k = shape.rows, shape.columns, shape.outputs
    state = 8.0 * states * n * k
    bound = 8.0 * LANCZOS * p
    if shape.kind == "kinked":
        bound = 0.0  # steps come from the scale of the predictions
    elif p <= FEW:
        bound = max(making_moments(shape), 4.0 * square(shape))
    own = 8.0 * 6 * p * k + proof(held(shape), zeros=zeros)
    if shape.kind == "smooth" and proves_by_hessian(shape):
        own = max(own, hessian_bytes(shape, shape.free, 10.0 if shape.coupled else 5.5))
    if shape.kind == "kinked" and proves_by_hessian(shape):
        own = max(own, hessian_bytes(shape, 2 * shape.free, 1.4))
    return int(kept(shape) + max(bound + state / 2, state + own))


def held(shape: Shape) -> Shape:
    """The shape of a proof that factorises nothing over moments."""
    return replace(shape, memory=0)


def proves_by_hessian(shape: Shape) -> bool:
    """Whether the proof makes the Hessian of the columns without a penalty."""
    side = shape.free * (shape.outputs if shape.coupled else 1)
    return shape.free > 0 and shape.affords(8 * 4 * side**2)
