"""
Overfitting
===========

A polynomial of degree nine goes through ten points. Is it useless between them; what do training
and test errors do as the degree grows; and what does it help to make the weights small?
"""

# %%
# Ten points
# ----------
# The snippet of the text (S1): a line, noise of deviation 0.05, seed 42. Powers of x are the
# columns, and least squares fits them as they are.
import warnings

import matplotlib.pyplot as plt
import numpy as np
from numpy.polynomial import polynomial

import leastwise as lw
from leastwise.solvers import GradientDescent
from studies import corrected, refuted, shown

np.random.seed(42)
x = np.linspace(0, 1, 10)
noise = np.random.normal(0, 0.05, size=10)
y = 0.5 * x + 0.1 + noise


def powers(x, degree):
    return x[:, None] ** np.arange(1, degree + 1)


def fitted(degree, **options):
    return lw.LeastSquares(**options).fit(powers(x, degree), y)


def far_off(model, low=0.0, high=1.0):
    """Mean square and largest difference from the true line, on a fine grid."""
    grid = np.linspace(low, high, 1001)
    off = model.predict(powers(grid, model.coef_.size)) - (0.5 * grid + 0.1)
    return np.mean(off**2), np.abs(off).max()


degrees = [1, 3, 5, 7, 9]
models = {degree: fitted(degree) for degree in degrees}
train = [np.mean((y - models[degree].predict(powers(x, degree))) ** 2) for degree in degrees]
shown(
    "S1.3",
    "the mean square is twice the objective",
    train[0],
    2 * models[1].certificate_.primal,
    rtol=1e-12,
)
shown("S1.1", "training error at degree nine", train[-1], 0.0, atol=1e-20)
by_numpy = polynomial.polyval(x, polynomial.polyfit(x, y, 9))
shown("S1.1", "the same by NumPy's polyfit", np.mean((y - by_numpy) ** 2), 0.0, atol=1e-20)

# %%
# Useless between the points? The curve is at most 0.1 off the line there, and its error is five
# times that of the straight line. It is outside of the points that it is of no use.
inside, between = far_off(models[9])
corrected(
    "S1.2",
    "largest error on [0, 1] at degree nine",
    between,
    0.099,
    digits=3,
    text="useless between the points",
)
corrected(
    "S1.2",
    "mean square off the line on [0, 1], degrees one and nine",
    [far_off(models[1])[0], inside],
    [0.0005, 0.0025],
    digits=4,
    text="useless between the points",
)
outside = [far_off(models[9], -margin, 1 + margin)[0] for margin in (0.1, 0.16, 0.2)]
shown(
    "S1.2",
    "mean square off the line on [-.1, 1.1], [-.16, 1.16], [-.2, 1.2]",
    outside,
    [0.3, 4.7, 24.0],
    rtol=0.1,
)

grid = np.linspace(-0.05, 1.05, 500)
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
axes.plot(x, y, "ko", label="ten points")
for degree in (1, 5, 9):
    axes.plot(grid, models[degree].predict(powers(grid, degree)), label=f"degree {degree}")
axes.set(xlabel="x", ylabel="y", ylim=(-0.1, 0.9))
axes.legend()

# %%
# The text's table
# ----------------
# Its training errors cannot come from its snippet. The true line is among the polynomials of every
# degree, so that least squares does at least as well as the line itself, whose error is the mean
# square of the noise. The text's .0031 and .0018 are above that. These are the true ones:
truth = np.mean(noise**2)
refuted(
    "S1.15",
    "training error by degree 1, 3, 5, 7",
    train[:4],
    [0.001175, 0.001147, 0.001130, 0.000313],
    digits=6,
    text=".0031 .0018 .0009 .0003",
)
shown("S1.15", "mean square of the noise, above which no fit can be", truth, 0.001678, digits=6)
shown(
    "S1.15",
    "the text's .0031 and .0018 are above it, our errors are not",
    [bool(min(0.0031, 0.0018) > truth), bool(max(train) < truth)],
    [True, True],
)

# %%
# The test errors that one should expect have a closed form. A prediction is a sum ``a(x)'y`` of the
# targets, so that with noise of variance s^2 the error at a new point is s^2, plus bias^2, plus s^2
# times the squared length of a(x). With a straight line as the truth there is no bias from degree
# one on, and the expected error only grows: no U. The same by simulation, two thousand sets of
# targets in one call:
spots = np.linspace(0, 1, 1001)


def parts(truth, sigma, degree):
    """Bias^2, variance and noise of least squares, means over [0, 1]."""
    design, there = (np.vander(each, degree + 1, increasing=True) for each in (x, spots))
    a = there @ np.linalg.pinv(design)
    bias = a @ truth(x) - truth(spots)
    return np.array([np.mean(bias**2), sigma**2 * np.mean(np.sum(a**2, axis=1)), sigma**2])


def simulated(truth, sigma, degree, sets=2000, seed=0):
    """The same by fits to drawn targets: the mean over sets, and its standard error."""
    rng = np.random.default_rng(seed)
    targets = truth(x)[:, None] + sigma * rng.standard_normal((x.size, sets))
    model = lw.LeastSquares().fit(powers(x, degree), targets)
    off = model.predict(powers(spots, degree)) - truth(spots)[:, None]
    errors = np.mean(off**2, axis=0) + sigma**2
    return errors.mean(), errors.std() / np.sqrt(sets)


def line(x):
    return 0.5 * x + 0.1


def sine(x):
    return np.sin(2 * np.pi * x)


of_line = np.array([parts(line, 0.05, degree) for degree in degrees])
expected = of_line.sum(axis=1)
refuted(
    "S1.16",
    "expected test error of the line by degree",
    expected,
    [0.00295, 0.00333, 0.00380, 0.00471, 0.01888],
    digits=5,
    text="test loss is U-shaped: .0028 .0021 .0041 .089 4.7",
)
refuted(
    "S1.16",
    "it only grows, and nothing of it is bias",
    [bool((np.diff(expected) > 0).all()), bool(of_line[:, 0].max() < 1e-20)],
    [True, True],
    text="a low degree underfits",
)

# %%
# A truth that no low degree can follow does give a U: a sine, with noise of deviation 0.3.
of_sine = np.array([parts(sine, 0.3, degree) for degree in degrees])
shown(
    "S1.16",
    "expected test error of the sine by degree: a U",
    of_sine.sum(axis=1),
    [0.329, 0.126, 0.137, 0.169, 0.680],
    digits=3,
)
figure, both = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for axes, truth_of, sigma, closed in zip(
    both, (line, sine), (0.05, 0.3), (of_line, of_sine), strict=True
):
    below = np.zeros(len(degrees))
    for part, name in zip(closed.T, ("bias squared", "variance", "noise"), strict=True):
        axes.bar(degrees, part, bottom=below, label=name, width=1.4)
        below = below + part
    drawn = [simulated(truth_of, sigma, degree) for degree in degrees]
    axes.errorbar(degrees, *np.array(drawn).T, fmt="k.", label="simulated")
    axes.set(xlabel="degree", xticks=degrees, title=f"the truth is a {truth_of.__name__}")
    away = [abs(mean - total) / error for (mean, error), total in zip(drawn, below, strict=True)]
    shown(
        "S1.16",
        f"{truth_of.__name__}: simulation within four standard errors of the sum",
        bool(max(away) < 4),
        True,
    )
both[0].set(ylabel="expected test error")
both[0].legend()

# %%
# Descent on raw powers
# ---------------------
# Would gradient descent find the curve through all points? In these columns the objective is nearly
# flat in some directions: its curvatures differ by a factor of 2e14. Twenty thousand steps of the
# text's ``gd_step`` leave a training error of 1.1e-3, nearly that of the line, and predictions as
# good as the line's. Stopping early is a penalty too. The tool does not call this converged: it
# takes one more step and says what the gap is.
design = np.column_stack([powers(x, 9), np.ones(10)])
curvature = np.linalg.svd(design, compute_uv=False) ** 2
shown("S1.7", "condition of X'X", curvature[0] / curvature[-1], 2.3e14, rtol=0.05)
w = np.zeros(10)
for _ in range(20_000):
    w -= 0.01 * (-2 / 10 * design.T @ (y - design @ w))
reached = np.mean((y - design @ w) ** 2)
refuted(
    "S1.7",
    "training error after 20,000 steps at 0.01",
    reached,
    1.13e-3,
    atol=5e-6,
    text="gradient descent will find the one minimum",
)
there = np.column_stack([powers(spots, 9), np.ones(1001)])
shown(
    "S1.7", "mean square off the line", np.mean((there @ w - line(spots)) ** 2), 5.3e-4, atol=5e-6
)
stopped = lw.LeastSquares(intercept=False, solver=GradientDescent(step=0.02, start=w), max_iter=1)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always", lw.ConvergenceWarning)
    stopped.fit(design, y)
print(caught[0].message)
certificate = stopped.certificate_
left_over = certificate.primal - models[9].certificate_.primal
shown(
    "S1.7",
    "converged, and the gap against what is left",
    [certificate.converged, bool(certificate.gap >= 0.999 * left_over)],
    [False, True],
)

# %%
# Such columns are where a normal equation loses its digits: inverting X'X gives coefficients that
# miss the points, while the library looks at the condition, takes QR and refines.
inverted = np.linalg.inv(design.T @ design) @ design.T @ y
by_inverse = np.mean((y - design @ inverted) ** 2)
print(models[9].model_.fit.solver)
shown(
    "S1.10",
    "training error by inverting X'X is above 1e-12, ours below 1e-20",
    [bool(by_inverse > 1e-12), bool(train[-1] < 1e-20)],
    [True, True],
)

# %%
# Small weights instead of a low degree
# -------------------------------------
# A ridge keeps all nine powers and makes their weights small. A little of it is better than least
# squares, too much is worse.
test = {l2: 0.05**2 + far_off(fitted(9, l2=l2))[0] for l2 in (0.0, 1e-3, 1.0)}
norms = [float(np.linalg.norm(fitted(9, l2=l2).coef_)) for l2 in (0.0, 1e-3, 1.0)]
shown(
    "S1.17",
    "test error of degree nine at l2 = 0, 1e-3, 1",
    list(test.values()),
    [0.00501, 0.00302, 0.0129],
    atol=5e-5,
)
shown("S1.17", "length of the weights at l2 = 0", norms[0], 17669, digits=0)
shown("S1.17", "length of the weights at l2 = 1e-3, 1", norms[1:], [0.485, 0.069], digits=3)

strengths = np.append(0.0, np.geomspace(1e-9, 10, 41))
ridges = [fitted(9, l2=l2) for l2 in strengths]
weights = np.array([model.coef_ for model in ridges])
lengths = np.linalg.norm(weights, axis=1)
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.semilogx(strengths[1:], weights[1:])
left.set(xlabel="l2", ylabel="weights of the nine powers", ylim=(-4, 4))
right.loglog(strengths[1:], [0.05**2 + far_off(model)[0] for model in ridges[1:]])
right.axhline(expected[0], color="black", linestyle=":", label="a straight line, expected")
right.set(xlabel="l2", ylabel="test error")
right.legend()

# %%
# Does a ridge shrink all weights? Their length never grows with l2. A single weight may: it may
# even change its sign. And none is ever zero.
shown("S1.19", "the length never grows", bool((np.diff(lengths) < 0).all()), True)
corrected(
    "S1.19",
    "some single weight grows, and some changes its sign",
    [
        bool((np.diff(np.abs(weights[1:]), axis=0) > 0).any()),
        bool((np.diff(np.sign(weights[1:]), axis=0) != 0).any()),
    ],
    [True, True],
    text="Ridge shrinks all weights",
)
shown("S1.19", "exact zeros", int((weights == 0).sum()), 0)

# %%
# With any l2 there is one solution, whatever the columns: more of them than rows, and some twice.
# Twins share their weight, and the condition is that of the shifted squares of the singular values.
rng = np.random.default_rng(12)
wide = rng.normal(size=(10, 30))
twins = np.column_stack([wide, wide[:, :5]])
target = rng.normal(size=10)
for l2 in (1e-6, 1e-3, 1.0):
    model = lw.LeastSquares(l2=l2, intercept=False).fit(twins, target)
    shown(
        "S1.18",
        f"35 columns, 10 rows, twins, l2 = {l2:g}: converged, twins equal",
        [model.certificate_.converged, float(np.abs(model.coef_[:5] - model.coef_[30:]).max())],
        [True, 0.0],
        atol=1e-10,
    )
    shifted = twins.T @ twins + 10 * l2 * np.eye(35)
    largest = np.linalg.svd(twins, compute_uv=False)[0] ** 2
    shown(
        "S1.18",
        f"condition of X'X + n l2 I, l2 = {l2:g}",
        np.linalg.cond(shifted),
        (largest + 10 * l2) / (10 * l2),
        rtol=1e-3,
    )

# %%
# What was found
# --------------
# - The curve through all ten points has five times the mean square off the line that the straight
#   line has, and only outside of the points is it wildly wrong.
# - The text's table is not of its snippet: two of its training errors are larger than any least
#   squares fit can have. The true ones fall from .0012 to 0; the expected test errors grow from
#   .0030 to .0189 without a U, as a straight line has no bias to lose. With a sine for the truth
#   there is a U, lowest at degree three.
# - Bias, variance and noise in closed form and by simulation agree.
# - Gradient descent is not done with degree nine after 20,000 steps, and the certificate says so.
# - A ridge of 1e-3 brings degree nine to the error of a straight line. It shortens the weights as a
#   whole, not each of them, and makes none zero.
