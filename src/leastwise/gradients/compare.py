"""One check: the gradient at a point, its differences and autograd's, and the verdict on them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leastwise.errors import UsageError
from leastwise.gradients.differences import STEPS, Differences, differences
from leastwise.gradients.mistakes import Compared, Mistake, diagnose, shuffled_alike
from leastwise.gradients.result import GradientCheck
from leastwise.gradients.subject import Function, Registered

Float = NDArray[np.float64]

SLACK = 4.0  # by which differences may be further off than their neighbours say
REACH = 64.0  # units in the last place of F that a derivative may be off by
LOOSE = 1e-5  # relative: to which a mistake must explain what is seen


class Check:
    """One check under way: the numbers, then the verdict.

    Parameters
    ----------
    subject : whose gradient ; grad : the user's, or None for the subject's own
    beta : (d,) where ; unit : (d,) the units of steps there ; elsewhere : (d,) a random point
    weight : the sum of the rows' weights
    tol : the relative error up to which a gradient is right
    """

    def __init__(
        self,
        subject: Function | Registered,
        grad: Function | None,
        beta: Float,
        unit: Float,
        elsewhere: Float,
        weight: float,
        tol: float,
    ) -> None:
        self.subject, self.grad, self.beta, self.elsewhere = subject, grad, beta, elsewhere
        self.unit, self.weight, self.tol = unit, weight, tol

    def _quotients(self, beta: Float, chosen: NDArray[np.intp]) -> Differences:
        eps = self.subject.eps if isinstance(self.subject, Function) else np.finfo(np.float64).eps
        return differences(self.subject.value, beta, self.unit, chosen, float(eps))

    def result(self, most: int, seed: int) -> GradientCheck:
        d = self.beta.size
        chosen = np.arange(d)
        if d > most:
            chosen = np.sort(np.random.default_rng(seed).choice(d, most, replace=False))
        found = self._quotients(self.beta, chosen)
        if not (np.isfinite(found.value) and np.isfinite(found.central).any(axis=0).all()):
            # No number compares with NaN, so that all would seem to agree.
            raise UsageError(
                f"the loss is {found.value} at the point, or NaN or infinite around it: give "
                "another point by at, where it is a number"
            )
        followed, without = self.subject.followed(self.beta)
        analytic, mistake = self._analytic(followed, without)
        best, unsure = found.best()
        kinked = found.kinked()
        scaled = analytic[chosen] * self.unit[chosen]
        # Where all derivatives are zero but for rounding, errors are relative to what that is.
        rounding = REACH * np.finfo(np.float64).eps * abs(found.value)
        size = float(max(np.abs(best).max(), np.abs(scaled).max(), rounding / self.tol))
        low, high = found.between()
        off = np.abs(scaled - best)
        off = np.where(kinked, np.maximum(low - scaled, scaled - high).clip(0.0), off)
        scale = np.maximum(size, SLACK * unsure / self.tol)
        error = float(np.divide(off, scale, out=np.zeros_like(off), where=scale > 0.0).max())
        smooth = chosen[~kinked] if kinked.any() else np.arange(d)
        autograd_error = None
        if followed is not None and not (self.grad is None and isinstance(self.subject, Function)):
            apart = np.abs((followed - analytic) * self.unit)
            autograd_error = float(apart[smooth].max(initial=0.0)) / size if size > 0.0 else 0.0
        mistake = mistake or self._mistake(found, scaled, error, chosen)
        late = autograd_error is not None and autograd_error > self.tol
        w, b = self.subject.layout.cut(self.beta)
        curve = np.abs(found.central - scaled)[:, ~kinked].max(axis=1, initial=0.0)
        return GradientCheck(
            loss=self._label(),
            ok=mistake is None and error <= self.tol and not late,
            verdict=self._verdict(mistake, error, autograd_error, kinked),
            mistake=None if mistake is None else mistake.kind,
            difference_error=error,
            autograd_error=autograd_error,
            without=without,
            coef=w,
            intercept=b,
            gradient=analytic,
            differences=best / self.unit[chosen],
            coordinates=chosen,
            autograd=followed,
            steps=STEPS,
            curve=curve / size if size > 0.0 else curve,
            kinks=int(kinked.sum()),
            rows=self._rows(),
            notes=self._notes(),
        )

    def _rows(self) -> int:
        at = self.subject
        return len(at.y) if isinstance(at, Function) else at.source.rows

    def _label(self) -> str:
        if isinstance(self.subject, Registered):
            return f"the {self.subject.loss.label} loss"
        return getattr(self.subject.call, "__name__", "loss")

    def _analytic(self, followed: Float | None, without: str) -> tuple[Float, Mistake | None]:
        """The gradient that is checked; and what calling it more than once showed."""
        if self.grad is None:
            if isinstance(self.subject, Registered):
                return self.subject.gradient(self.beta), None
            if followed is None:
                raise UsageError(f"give grad, the gradient to check: {without}")
            return followed, None
        calls = [self.grad.gradient(self.beta) for _ in range(3)]
        first, second, third = (flat for flat, _ in calls)
        shape, wanted = calls[0][1], self.subject.layout.shape
        if not np.array_equal(first, second) or not np.array_equal(second, third):
            added = second - first
            if np.abs(third - second - added).max() <= LOOSE * np.abs(added).max():
                return first, Mistake(
                    "accumulation",
                    "each call adds to the last one's result: set the gradient to zero first",
                )
            size = max(float(np.abs(flat).max()) for flat in (first, second, third))
            if max(np.abs(second - first).max(), np.abs(third - first).max()) > self.tol * size:
                return first, Mistake(
                    "not repeatable", "two calls at one point differ: fix its batch or its seed"
                )
        if shape != wanted:
            return first, Mistake(
                "broadcast",
                f"it has shape {shape} and the coefficients have {wanted}, which w - step * "
                "gradient broadcasts against each other: give both one shape",
            )
        return first, None

    def _mistake(
        self, found: Differences, scaled: Float, error: float, chosen: NDArray[np.intp]
    ) -> Mistake | None:
        if self.grad is not None and error > self.tol:
            best, unsure = found.best()
            size = float(max(np.abs(best).max(), np.abs(scaled).max()))
            loose = max(LOOSE, 10.0 * self.tol, SLACK * float(unsure.max()) / size)
            compared = Compared(
                scaled,
                best,
                lambda beta: self._quotients(beta, chosen).best()[0],
                chosen,
                self.unit,
                self.beta,
                self.elsewhere,
                self.subject.layout,
                self._rows(),
                self.weight,
                loose,
            )
            return diagnose(compared, self.grad)
        if isinstance(self.subject, Function) and shuffled_alike(self.subject, self.elsewhere):
            return Mistake(
                "broadcast",
                "the loss does not change when the targets are shuffled among the rows: targets of "
                "shape (n, 1) are broadcast against predictions of shape (n,); give both one shape",
            )
        return None

    def _verdict(
        self,
        mistake: Mistake | None,
        error: float,
        autograd_error: float | None,
        kinked: NDArray[np.bool_],
    ) -> str:
        if mistake is not None:
            return f"the gradient is wrong: {mistake.words}"
        if error > self.tol:
            return f"the gradient is off by {error:.1e} from central differences"
        if autograd_error is not None and autograd_error > self.tol:
            return (
                f"the gradient agrees with central differences, and autograd's is off by "
                f"{autograd_error:.1e}: PyTorch follows the loss by another way than its values"
            )
        also = "" if autograd_error is None else " and with autograd"
        if kinked.any():
            return (
                f"the point is at a kink in {int(kinked.sum())} of {kinked.size} coordinates, "
                "where any number between the derivatives to the left and to the right is a "
                "subgradient: the gradient is one"
                + ("" if kinked.all() else f", and agrees with central differences{also} elsewhere")
            )
        return f"the gradient agrees with central differences{also}"

    def _notes(self) -> tuple[str, ...]:
        """What a loss of one's own does that is no mistake of its gradient."""
        at = self.subject
        if not isinstance(at, Function) or not at.layout.intercept:
            return ()
        share = _paid_for_intercept(at, self.beta, self.unit)
        if share is None:
            return ()
        return (
            f"the loss itself pays {share / 2.0:.6g} times b squared: it penalises the intercept, "
            "which leastwise never does",
        )


def _paid_for_intercept(loss: Function, beta: Float, unit: Float) -> float | None:
    """The c of a c b^2 / 2 in a loss of y - eta, which otherwise bears b and y to move together."""
    places = np.arange(loss.layout.coefs, loss.layout.size)
    here = loss.value(beta)
    shares: list[float] = []
    for move in (1.0, 2.0, -1.5):
        step = move * unit[places]
        there = beta.copy()
        there[places] += step
        y = loss.y + (step if loss.y.ndim > 1 else step[0])
        more = loss.value(there, y=y) - here
        paid = float((0.5 * there[places] ** 2 - 0.5 * beta[places] ** 2).sum())
        if abs(more) <= 1e-9 * abs(here) or paid == 0.0:
            return None
        shares.append(more / paid)
    alike = np.ptp(shares) <= 1e-8 * abs(shares[0]) and shares[0] > 0.0
    return shares[0] if alike else None
