"""The solvers, by name. `solver=` takes a name or a configured object.

Examples
--------
>>> from leastwise.solvers import GradientDescent, by_name
>>> by_name("qr")
ClosedForm(method='qr', rank='minimum-norm')
"""

from leastwise.errors import UsageError
from leastwise.solvers.accelerated_gradient import AcceleratedGradient
from leastwise.solvers.base import Cost, Iterate, Solver
from leastwise.solvers.closed_form import ClosedForm
from leastwise.solvers.conjugate_gradient import ConjugateGradient
from leastwise.solvers.coordinate_descent import CoordinateDescent
from leastwise.solvers.gradient_descent import GradientDescent
from leastwise.solvers.interior_point import InteriorPoint
from leastwise.solvers.newton import Newton
from leastwise.solvers.stochastic_gradient import StochasticGradient
from leastwise.solvers.subgradient import Subgradient
from leastwise.solvers.working_set import WorkingSet

SOLVERS: dict[str, Solver] = {
    "closed-form": ClosedForm(),
    "cholesky": ClosedForm(method="cholesky"),
    "qr": ClosedForm(method="qr"),
    "svd": ClosedForm(method="svd"),
    "conjugate-gradient": ConjugateGradient(),
    "gradient-descent": GradientDescent(),
    "accelerated-gradient": AcceleratedGradient(),
    "coordinate-descent": CoordinateDescent(),
    "working-set": WorkingSet(),
    "newton": Newton(),
    "interior-point": InteriorPoint(),
    "subgradient": Subgradient(),
    "stochastic-gradient": StochasticGradient(),
}


def by_name(name: str) -> Solver:
    """The solver of this name with its default settings.

    Raises
    ------
    UsageError
        If there is none; the message lists those there are.
    """
    if name not in SOLVERS:
        raise UsageError(f"unknown solver {name!r}; there are auto, {', '.join(SOLVERS)}")
    return SOLVERS[name]


__all__ = [
    "SOLVERS",
    "AcceleratedGradient",
    "ClosedForm",
    "ConjugateGradient",
    "CoordinateDescent",
    "Cost",
    "GradientDescent",
    "InteriorPoint",
    "Iterate",
    "Newton",
    "Solver",
    "StochasticGradient",
    "Subgradient",
    "WorkingSet",
    "by_name",
]
