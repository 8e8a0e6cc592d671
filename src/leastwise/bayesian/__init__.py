"""Bayesian ridge: the posterior of the coefficients, and the noise and prior it is best under."""

from leastwise.bayesian.choose import evidence_source
from leastwise.bayesian.result import Evidence

__all__ = ["Evidence", "evidence_source"]
