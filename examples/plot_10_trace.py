"""
The trace trick, line by line
=============================

**Does the derivation of the normal equations hold, each line of it?** One text writes the gradient
of the mean squared error in thirteen lines, (3) to (15), by way of a trace, "a counterintuitive
trick that one just has to have seen before". A line of algebra is a claim about every matrix, so
that one random matrix can refute it, and fifty make it hard to doubt. We check every line so, then
what follows from them: the solution, when it is unique, and which shape a gradient has.
"""

import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import leastwise as lw
import studies
from leastwise.losses import Squared
from leastwise.penalties import soft_threshold
from leastwise.problem import Shape
from studies import corrected, shown

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
plt.rcParams.update({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False})

# %%
# The lines
# ---------
#
# Lines (3) to (13) are one number written in eleven ways, with "the derivative of" before it. Here
# they are as functions of ``X`` (N × D), ``w`` and ``y`` (columns), as the text writes them, up to
# the factor ``1/2N`` that stands before all.

tr = np.trace


def matrix(value):
    """A number as a 1 × 1 matrix, whose trace it is."""
    return np.reshape(value, (1, 1))


LINES = {
    3: lambda X, w, y: ((X @ w - y) ** 2).sum(),
    4: lambda X, w, y: sum((X[i] @ w - y[i]) ** 2 for i in range(len(y)))[0],
    5: lambda X, w, y: (X @ w - y).T @ (X @ w - y),
    6: lambda X, w, y: (w.T @ X.T - y.T) @ (X @ w - y),
    7: lambda X, w, y: w.T @ X.T @ X @ w - w.T @ X.T @ y - y.T @ X @ w + y.T @ y,
    8: lambda X, w, y: tr(w.T @ X.T @ X @ w - w.T @ X.T @ y - y.T @ X @ w + y.T @ y),
    9: lambda X, w, y: tr(w.T @ X.T @ X @ w) - tr(w.T @ X.T @ y) - tr(y.T @ X @ w) + tr(y.T @ y),
    10: lambda X, w, y: tr(w.T @ X.T @ X @ w) - tr(y.T @ X @ w) - tr(y.T @ X @ w) + tr(y.T @ y),
    11: lambda X, w, y: tr(w.T @ X.T @ X @ w) - 2 * tr(y.T @ X @ w) + tr(y.T @ y),
    12: lambda X, w, y: tr(w.T @ X.T @ X @ w) - 2 * tr(w.T @ X.T @ y) + tr(y.T @ y),
    13: lambda X, w, y: w.T @ X.T @ X @ w - 2 * w.T @ X.T @ y + y.T @ y,
}
GRADIENTS = {
    14: lambda X, w, y: (2 * X.T @ X @ w - 2 * X.T @ y) / (2 * len(y)),
    15: lambda X, w, y: (X.T @ X @ w - X.T @ y) / len(y),
}


def value(line, X, w, y):
    """A line as a number, its 1/2N included."""
    return tr(matrix(LINES[line](X, w, y))) / (2 * len(y))


def derivative(line, X, w, y):
    """(D, 1) the derivative of a line, by a step of 1e-30 into the complex plane.

    f(w + ih) = f(w) + ih f'(w) − ..., so that its imaginary part over h is f' to the last digit:
    there is no difference of two nearly equal numbers.
    """
    steps = 1e-30j * np.eye(len(w))[:, :, None]
    return np.array([[value(line, X, w + step, y).imag / 1e-30] for step in steps])


# %%
# Fifty random problems, N from 2 to 40 and D from 1 to 12. The library's gradient is what each
# line's derivative has to be: minus the correlation of the columns with the residual.

rng = np.random.default_rng(10)
errors = {line: [] for line in (*LINES, *GRADIENTS)}
for _ in range(50):
    N, D = rng.integers(2, 41), rng.integers(1, 13)
    X, w, y = rng.normal(size=(N, D)), rng.normal(size=(D, 1)), rng.normal(size=(N, 1))
    gradient = X.T @ Squared().slope(y, X @ w) / N
    size = np.abs(gradient).max()
    for line in LINES:
        wrong = abs(value(line, X, w, y) - Squared().value(y, X @ w).mean())
        wrong += np.abs(derivative(line, X, w, y) - gradient).max() / size
        errors[line].append(wrong)
    for line, formula in GRADIENTS.items():
        errors[line].append(np.abs(formula(X, w, y) - gradient).max() / size)

fig, ax = plt.subplots(figsize=(6.0, 4.2), layout="constrained")
for line, each in errors.items():
    colour = BLUE if line in LINES else ORANGE
    ax.plot(np.full(50, line), np.maximum(each, 1e-17), "_", color=colour, markersize=10, alpha=0.6)
ax.axhline(2.0**-52, color="black", linestyle="--", label="rounding of one number")
ax.legend(fontsize=10)
ax.set(
    yscale="log", ylim=(0.7e-17, 1e-12), xlabel="equation of the text", ylabel="error, 50 problems"
)
ax.set_xticks(list(errors))
plt.show()

worst = max(max(each) for each in errors.values())
shown("S3.8", "lines (3) to (15), 50 problems: largest error", worst, 0.0, atol=1e-11)

# %%
# The missing brackets
# --------------------
#
# Line (7) is printed without brackets: read as it stands, the derivative is of its first term
# alone, and the other three follow underived. (The text's (8) has them again.) So read, it is no
# gradient: ``X'X w / N`` is a column, and numbers are added to each of its entries.

N, D = 30, 4
X, w, y = rng.normal(size=(N, D)), rng.normal(size=(D, 1)), rng.normal(size=(N, 1))
gradient = GRADIENTS[15](X, w, y)
as_printed = X.T @ X @ w / N - w.T @ X.T @ y - y.T @ X @ w + y.T @ y
corrected(
    "S3.8",
    "(7) with brackets is the gradient, as printed it is",
    [bool(np.abs(each - gradient).max() < 1e-10) for each in (derivative(7, X, w, y), as_printed)],
    [True, False],
    text="(7) has no brackets around its four terms",
)

# %%
# Is the trace needed? Every term is a number, and a number is its own transpose, so that (7) gives
# (13) in one step: ``w'X'y = (y'Xw)'``. The trace does the same by ``tr A = tr A'``. It earns its
# place where the unknown is a matrix ``W``, several targets at once, and terms are no longer
# numbers:

K = 3
W, Y = rng.normal(size=(D, K)), rng.normal(size=(N, K))
crossed, other = W.T @ X.T @ Y, Y.T @ X @ W
shown(
    "S3.8",
    "one target: w'X'y is y'Xw",
    float((w.T @ X.T @ y - y.T @ X @ w).item()),
    0.0,
    atol=1e-12,
)
several = [bool(np.allclose(crossed, other)), bool(np.isclose(tr(crossed), tr(other)))]
shown("S3.8", "three targets: the terms are equal, their traces are", several, [False, True])

# %%
# Scalars and matrices
# --------------------
#
# "The notation reveals some things but also obfuscates other things." The same gradient, entry by
# entry and as matrices; and which shape it has, a question the other text got stuck on: that of the
# unknowns, one column a target.

by_entry = np.zeros((D, 1))
for i in range(N):
    error = sum(X[i, j] * w[j, 0] for j in range(D)) - y[i, 0]
    for j in range(D):
        by_entry[j, 0] += error * X[i, j] / N
shown("S3.2", "scalar and matrix form", float(np.abs(by_entry - gradient).max()), 0.0, atol=1e-12)
many = X.T @ Squared().slope(Y, X @ W) / N
shown(
    "S0.11",
    "gradient's shape: one target, three",
    [str(gradient.shape), str(many.shape)],
    [str(w.shape), str(W.shape)],
)
each = np.column_stack([GRADIENTS[15](X, W[:, [k]], Y[:, [k]]) for k in range(K)])
shown("S0.11", "three targets, a column each", float(np.abs(many - each).max()), 0.0, atol=1e-12)

# %%
# Shapes that do not fit are named, both of them:

said = []
model = lw.LeastSquares().fit(X, y[:, 0])
for wrong in (lambda: lw.LeastSquares().fit(X, y[:-1, 0]), lambda: model.predict(X[:, :3])):
    try:
        wrong()
    except ValueError as error:
        said.append(str(error))
        print(error)
named = [all(part in said[0] for part in ("30", "29")), all(part in said[1] for part in ("3", "4"))]
shown("S3.3", "an error names both sizes: of rows, of columns", named, [True, True])

# %%
# What is a derivative?
# ---------------------
#
# "It's not quite clear to me what the derivative really is." It is what the slope of a secant goes
# to as its second point comes nearer. For a mean of squares that can be followed exactly: along one
# coefficient it is a parabola, the slope of the secant to ``w + h`` is wrong by ``h/2`` times the
# curvature, and that of the secant from ``w − h`` to ``w + h`` by nothing.

j = 0
unit = np.eye(D)[:, [j]]
curve = lambda t: value(13, X, w + t * unit, y)  # noqa: E731
slope, curvature = float(gradient[j, 0]), float((X[:, j] ** 2).mean())
t = np.linspace(-3.5, 2.5, 200)
widths = np.array([2.0, 1.0, 0.4])

fig, axes = plt.subplots(2, 1, figsize=(6.0, 7.4), layout="constrained")
axes[0].plot(t, [curve(each) for each in t], color="black", linewidth=2, label="the loss")
for h, style in zip(widths, (":", "-.", "--"), strict=True):
    secant = (curve(h) - curve(0.0)) / h
    axes[0].plot(t, curve(0.0) + secant * t, style, color=BLUE, label=f"secant, h = {h:g}")
axes[0].plot(t, curve(0.0) + slope * t, color=ORANGE, linewidth=2, label="tangent")
axes[0].set(xlabel="change of $w_1$", ylabel="loss", ylim=(0.0, float(curve(2.5)) * 1.05))
axes[0].legend(fontsize=10)

h = np.geomspace(1e-12, 1.0, 49)
forward = np.array([(curve(each) - curve(0.0)) / each - slope for each in h])
central = np.array([(curve(each) - curve(-each)) / (2 * each) - slope for each in h])
axes[1].plot(h, np.abs(forward), color=BLUE, label="from w to w + h")
axes[1].plot(h, np.abs(central), "--", color=GREEN, label="from w − h to w + h")
axes[1].plot(h, 0.5 * curvature * h, ":", color="black", label="h/2 × curvature")
axes[1].set(xscale="log", yscale="log", xlabel="h", ylabel="error of the secant's slope")
axes[1].set_ylim(1e-16, 10.0)
axes[1].legend(fontsize=10)
plt.show()

found = [(curve(each) - curve(0.0)) / each - slope for each in widths]
shown(
    "S3.9",
    "secants with h = 2, 1, 0.4: slope less the tangent's, h/2 times the curvature",
    found,
    (0.5 * curvature * widths).tolist(),
    atol=1e-12,
)
against = [np.abs(derivative(3, X, w, y) - gradient).max()]
against.append(abs((curve(1e-5) - curve(-1e-5)) / 2e-5 - slope))
shown(
    "S0.13",
    "(2/n) X'(Xw − y): complex step, central difference",
    [2.0 * float(e) for e in against],
    [0.0, 0.0],
    atol=1e-8,
)
check = lw.check_gradient("squared", X=X, y=y[:, 0])
print(check.verdict)
shown("S0.13", "lw.check_gradient passes the library's own", check.ok, True)

# %%
# From the gradient to the solution
# ---------------------------------
#
# Setting (15) to zero gives (18), ``X'X w = X'y``. The text multiplies by an inverse, and the other
# text omits the second derivative. That is ``X'X / N``, whose eigenvalues are never below zero, so
# that every solution is a minimum. They are above zero, and the solution the only one, exactly
# where no column is a combination of others. Otherwise there is no inverse to multiply by, and the
# least of the solutions is ``pinv(X) y``. The library finds it, and names the combination.

full = lw.LeastSquares(intercept=False).fit(X, y[:, 0])
inverse = np.linalg.inv(X.T @ X) @ X.T @ y
shown(
    "S0.14",
    "full rank: (X'X)^-1 X'y against the library",
    float(np.abs(full.coef_ - inverse[:, 0]).max()),
    0.0,
    atol=1e-12,
)
singular = np.column_stack([X, X[:, 0] - 2.0 * X[:, 2], np.zeros(N)])
with warnings.catch_warnings(record=True) as log:
    warnings.simplefilter("always")
    least = lw.LeastSquares(intercept=False).fit(singular, y[:, 0])
for each in log:
    print(each.message)
shown(
    "S0.14",
    "a combination and a column of zeros: least-norm solution, pinv(X) y",
    float(np.abs(least.coef_ - (np.linalg.pinv(singular) @ y)[:, 0]).max()),
    0.0,
    atol=1e-10,
)
shown("S0.14", "the combination is named", any("x4" in str(each.message) for each in log), True)
smallest = [float(np.linalg.eigvalsh(A.T @ A / N)[0]) for A in (X, singular)]
shown(
    "S0.15",
    "least eigenvalue of the Hessian: above 0 with full rank, 0 (to rounding) without",
    [smallest[0] > 0.01, abs(smallest[1]) < 1e-12],
    [True, True],
)
null = np.append(np.zeros(5), 1.0)
moved = [np.mean((y[:, 0] - singular @ (least.coef_ + c * null)) ** 2) for c in (0.0, 7.0)]
shown(
    "S0.15", "without full rank another w has the same loss", moved[1] / moved[0], 1.0, rtol=1e-12
)

# %%
# All of it in one place
# ----------------------
#
# "I was surprised how difficult it was to find complete information about linear regressions in one
# place." The three models: what is minimised, its (sub)gradient, which is zero at what the library
# returns, which solver took it, what that costs, and the test that holds it.

N, D, l1, l2 = 200, 8, 0.2, 0.3
X, y = rng.normal(size=(N, D)), rng.normal(size=N)
y += X[:, 0]
tests = (Path(studies.__file__).parent.parent / "tests" / "test_studies.py").read_text(
    encoding="utf-8"
)
MODELS = {
    "least squares": ((0.0, 0.0), "mean(r²)/2", "−X'r/n", "test_S0_14"),
    "ridge": ((0.0, l2), "mean(r²)/2 + l2/2 |w|²", "−X'r/n + l2 w", "test_S0_12_and_S0_27"),
    "lasso": ((l1, 0.0), "mean(r²)/2 + l1 |w|_1", "−X'r/n + l1 sign(w)", "test_S0_35"),
}
zero_at, held = [], []
for name, ((one, two), minimised, slope, test) in MODELS.items():
    model = lw.LeastSquares(l1=one, l2=two).fit(X, y)
    r, w = y - model.predict(X), model.coef_
    pull = X.T @ r / N - two * w  # 0 is in the subdifferential: w is its own proximal step
    zero_at.append(float(np.abs(soft_threshold(w + pull, one) - w).max()))
    solver = model.model_.fit.solver.split(" (")[0]
    cost = lw.solvers.by_name(solver).cost(Shape(N, D, 1, N * D, l1=one > 0.0, l2=two > 0.0))
    held.append(f"def {test}" in tests)
    print(f"{name:14} {minimised}\n    gradient {slope}, {zero_at[-1]:.0e} at the solution")
    print(f"    {solver}: {cost.flops:.0f} flops and {cost.passes:g} passes at most; {test}")
shown(
    "S0.1", "(sub)gradient at the fit: least squares, ridge, lasso", zero_at, [0.0] * 3, atol=1e-10
)
shown("S0.1", "each has its test in the suite", held, [True] * 3)

# %%
# What was found
# --------------
#
# - Every line from (3) to (15) is right, to rounding, once the brackets missing in (7) are put
#   back.
# - The trace is not needed for one target: a number is its own transpose. It is for several.
# - A gradient has the shape of its unknowns. A wrong shape is an error that names both.
# - A secant of a mean of squares is wrong by half its width times the curvature, and a symmetric
#   one by rounding alone, which is why central differences check gradients well.
# - The second derivative is never negative. Where columns are combinations of others there is no
#   inverse, and the solution of least norm is still there, with the combination named.
