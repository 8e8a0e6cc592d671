"""What is kept of a fit, with no row of data: it predicts, and is saved as JSON.

Examples
--------
>>> import numpy as np
>>> from leastwise.model import fit_source
>>> from leastwise.sources import MemorySource
>>> model = fit_source(MemorySource(np.array([[0.0], [1.0], [2.0]]), [1.0, 3.0, 5.0]))
>>> model.predict(np.array([[10.0]]))
array([21.])
"""

from leastwise.model.build import fit_source
from leastwise.model.model import Holdout, Model
from leastwise.model.scores import accuracy, explained, measure, probabilities, r_squared
from leastwise.model.several import fit_several

__all__ = [
    "Holdout",
    "Model",
    "accuracy",
    "explained",
    "fit_several",
    "fit_source",
    "measure",
    "probabilities",
    "r_squared",
]
