"""
A line, five ways down
======================

A thousand points on a line: how does each method reach the best line, and how do we know
that it has?
"""

# %%
import numpy as np

import leastwise as lw
from studies import shown

np.random.seed(42)
x = 10 * np.random.rand(1000)
y = 2.5 * x + 5 + 2 * np.random.randn(1000)
start_w, start_b = np.random.randn(), np.random.randn()

model = lw.LeastSquares().fit(x[:, None], y)
shown(
    "S2.10",
    "slope and intercept of the optimum",
    [model.coef_[0], model.intercept_],
    [2.469042970, 5.349560521],
    atol=5e-9,
)

# %%
# What was found
# --------------
# The closed form gives the optimum.
