"""Are the gradients right? Analytic, by PyTorch's autograd and by central differences, compared."""

from leastwise.gradients.check import check_gradient
from leastwise.gradients.result import GradientCheck

__all__ = ["GradientCheck", "check_gradient"]
