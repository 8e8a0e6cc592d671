"""leastwise: certified linear models on arrays, frames and files.

Examples
--------
>>> import numpy as np
>>> import leastwise as lw
>>> X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0]])
>>> lw.LeastSquares(l2=0.1).fit(X, [1.0, 2.0, 3.0, 5.0]).certificate_.converged
True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leastwise import probability as probability
    from leastwise import solvers as solvers
    from leastwise.bayesian import Evidence as Evidence
    from leastwise.certificate import Certificate as Certificate
    from leastwise.errors import ConvergenceWarning as ConvergenceWarning
    from leastwise.errors import DataError as DataError
    from leastwise.errors import LeastwiseError as LeastwiseError
    from leastwise.errors import LeastwiseWarning as LeastwiseWarning
    from leastwise.errors import UsageError as UsageError
    from leastwise.estimators import Huber as Huber
    from leastwise.estimators import HuberCV as HuberCV
    from leastwise.estimators import LeastAbsolute as LeastAbsolute
    from leastwise.estimators import LeastAbsoluteCV as LeastAbsoluteCV
    from leastwise.estimators import LeastSquares as LeastSquares
    from leastwise.estimators import LeastSquaresCV as LeastSquaresCV
    from leastwise.estimators import Logistic as Logistic
    from leastwise.estimators import LogisticCV as LogisticCV
    from leastwise.estimators import Quantile as Quantile
    from leastwise.estimators import QuantileCV as QuantileCV
    from leastwise.estimators import evidence as evidence
    from leastwise.estimators import load as load
    from leastwise.estimators import path as path
    from leastwise.estimators import plan as plan
    from leastwise.paths import Path as Path
    from leastwise.planning import Plan as Plan
    from leastwise.sources.table import Table as Table
    from leastwise.sources.table import table as table

__version__ = "0.1.0"

_HOMES = {
    "Certificate": "certificate",
    "ConvergenceWarning": "errors",
    "DataError": "errors",
    "Evidence": "bayesian",
    "Huber": "estimators",
    "HuberCV": "estimators",
    "LeastAbsolute": "estimators",
    "LeastAbsoluteCV": "estimators",
    "LeastSquares": "estimators",
    "LeastSquaresCV": "estimators",
    "LeastwiseError": "errors",
    "LeastwiseWarning": "errors",
    "Logistic": "estimators",
    "LogisticCV": "estimators",
    "Quantile": "estimators",
    "QuantileCV": "estimators",
    "Table": "sources.table",
    "UsageError": "errors",
    "evidence": "estimators",
    "Path": "paths",
    "load": "estimators",
    "path": "estimators",
    "plan": "estimators",
    "Plan": "planning",
    "table": "sources.table",
}

_MODULES = ("probability", "solvers")

__all__ = [
    "Certificate",
    "ConvergenceWarning",
    "DataError",
    "Evidence",
    "Huber",
    "HuberCV",
    "LeastAbsolute",
    "LeastAbsoluteCV",
    "LeastSquares",
    "LeastSquaresCV",
    "LeastwiseError",
    "LeastwiseWarning",
    "Logistic",
    "LogisticCV",
    "Path",
    "Plan",
    "Quantile",
    "QuantileCV",
    "Table",
    "UsageError",
    "evidence",
    "load",
    "path",
    "plan",
    "probability",
    "solvers",
    "table",
]


def __getattr__(name: str) -> Any:
    """Import a public name on its first use: `import leastwise` itself stays light."""
    if name in _MODULES:
        return import_module(f"leastwise.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'leastwise' has no attribute {name!r}")
    return getattr(import_module(f"leastwise.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
