"""
The probabilistic view
======================

**What does a loss believe about noise, and a penalty about coefficients?** One text ends with what
comes next: "the probabilistic view: MLE recovers least squares, and the Bayesian prior on weights
recovers ridge". Here is that next step: which likelihood and which prior each fit stands for,
checked against maximisers that know nothing of least squares; the prior that the data
themselves speak for; and bands whose coverage is counted.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy import integrate, optimize, stats

import leastwise as lw
from leastwise import probability
from studies import shown

BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
plt.rcParams.update({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False})

rng = np.random.default_rng(11)
n, p, sigma = 60, 3, 0.8
X = rng.normal(size=(n, p))
y = 2.0 + X @ [1.0, -0.6, 0.0] + sigma * rng.normal(size=n)
ones = np.column_stack([np.ones(n), X])

# %%
# Losses are likelihoods
# ----------------------
#
# Normal noise makes the squared loss, Laplace noise the absolute one:
#
# .. code-block:: text
#
#     N(0, sigma²)    −log L = n/2 log(2 pi sigma²) + sum r² / (2 sigma²)
#     Laplace(s)      −log L = n log(2 s)           + sum |r| / s
#
# The coefficients of the largest likelihood do not depend on sigma or s. To check that without any
# formula for the solution, a general maximiser gets SciPy's densities and nothing else (for the
# kinks of the Laplace density one that needs no slope).


def surprise(beta, density):
    """Minus the log likelihood of intercept and coefficients under a density of the noise."""
    return -density.logpdf(y - ones @ beta).sum()


normal = optimize.minimize(surprise, np.zeros(p + 1), (stats.norm(scale=sigma),), tol=1e-12)
squares = lw.LeastSquares().fit(X, y)
ours = np.append(squares.intercept_, squares.coef_)
shown(
    "S1.27",
    "most likely under normal noise, SciPy, against least squares",
    float(np.abs(normal.x - ours).max()),
    0.0,
    atol=1e-5,
)

absolute = lw.LeastAbsolute().fit(X, y)
ours = np.append(absolute.intercept_, absolute.coef_)
kinked = stats.laplace(scale=0.5)
simplex = {"xatol": 1e-10, "fatol": 1e-12, "maxiter": 20_000, "maxfev": 20_000}
searched = optimize.minimize(surprise, ours + 0.2, (kinked,), method="Nelder-Mead", options=simplex)
at_ours = surprise(ours, kinked)
print(f"Laplace noise: searched {searched.fun:.6f}, least absolute deviations {at_ours:.6f}")
shown(
    "S1.27",
    "Laplace noise: what the search found is not more likely than LAD, and near it",
    [searched.fun >= at_ours - 1e-9, searched.fun - at_ours < 0.05],
    [True, True],
)
shown(
    "S1.27",
    "minus log likelihoods of the library against SciPy's densities",
    [
        probability.gaussian(y, squares.predict(X), sigma),
        probability.laplace(y, absolute.predict(X), 0.5),
    ],
    [
        float(surprise(np.append(squares.intercept_, squares.coef_), stats.norm(scale=sigma))),
        float(at_ours),
    ],
    rtol=1e-12,
)

fig, axes = plt.subplots(2, 1, figsize=(6.0, 6.4), sharex=True, layout="constrained")
e = np.linspace(-4.0, 4.0, 401)
for name, density, colour, style in (
    ("normal: squared loss", stats.norm(), BLUE, "-"),
    ("Laplace: absolute loss", stats.laplace(scale=0.7), ORANGE, "--"),
):
    axes[0].plot(e, density.pdf(e), style, color=colour, linewidth=2, label=name)
    axes[1].plot(e, density.logpdf(0.0) - density.logpdf(e), style, color=colour, linewidth=2)
axes[0].set(ylabel="density of the noise")
axes[1].set(ylabel="−log density, from its least", xlabel="residual")
axes[0].legend(fontsize=10)
plt.show()

# %%
# Penalties are priors
# --------------------
#
# With a flat prior on the intercept, the most probable coefficients after seeing the data are
#
# .. code-block:: text
#
#     w_j ~ N(0, tau²)    the ridge with l2 = sigma² / (n tau²)
#     w_j ~ Laplace(s)    the lasso with l1 = sigma² / (n s)
#
# Again the maximiser knows the densities alone.

tau, scale = 0.4, 0.05


def after(beta, prior):
    """Minus the log of likelihood times prior."""
    return surprise(beta, stats.norm(scale=sigma)) - prior.logpdf(beta[1:]).sum()


mode = optimize.minimize(after, np.zeros(p + 1), (stats.norm(scale=tau),), tol=1e-12).x
l2 = probability.l2_of_prior(tau, n, sigma**2)
ridge = lw.LeastSquares(l2=l2).fit(X, y)
shown("S1.27", "l2 of the normal prior: sigma^2 / (n tau^2)", l2, 0.64 / (60 * 0.16), rtol=1e-12)
shown(
    "S1.27",
    "mode under a normal prior, SciPy, against the ridge",
    float(np.abs(mode - np.append(ridge.intercept_, ridge.coef_)).max()),
    0.0,
    atol=1e-5,
)

l1 = probability.l1_of_prior(scale, n, sigma**2)
lasso = lw.LeastSquares(l1=l1).fit(X, y)
ours = np.append(lasso.intercept_, lasso.coef_)
prior = stats.laplace(scale=scale)
around = [after(ours + step, prior) for step in 0.02 * rng.normal(size=(100, p + 1))]
searched = optimize.minimize(after, ours + 0.1, (prior,), method="Nelder-Mead", options=simplex)
shown("S1.27", "l1 of the Laplace prior: sigma^2 / (n s)", l1, 0.64 / (60 * 0.05), rtol=1e-12)
shown(
    "S1.27",
    "under a Laplace prior nothing near, and no search, is more probable than the lasso",
    [min(around) >= after(ours, prior), searched.fun >= after(ours, prior) - 1e-9],
    [True, True],
)

# %%
# The zero is the mode's
# ----------------------
#
# "The lasso believes that coefficients are zero" is said too fast. The third coefficient's
# posterior under the Laplace prior, given the other two at the mode, has its peak at zero and its
# mean beside it: zero is the most probable value, and not a probable one.

print(f"lasso: {lasso.coef_.round(4)}")
grid = np.linspace(-0.5, 0.5, 401)
along = np.array([-after(np.append(ours[:-1], value), prior) for value in grid])
density = np.exp(along - along.max())
density /= integrate.simpson(density, x=grid)
mean = float(integrate.simpson(grid * density, x=grid))
shown(
    "S1.27",
    "Laplace prior: the mode of w_3 is 0, and its posterior mean is not",
    [float(grid[np.argmax(density)]) == 0.0, abs(mean) > 1e-3],
    [True, True],
)
fig, ax = plt.subplots(figsize=(6.0, 3.8), layout="constrained")
ax.plot(grid, density, color=ORANGE, linewidth=2, label="posterior, Laplace prior")
ax.plot(grid, prior.pdf(grid), ":", color="0.4", label="prior")
ax.axvline(0.0, color="black", linewidth=1, label="mode: the lasso's zero")
ax.axvline(mean, color=BLUE, linestyle="--", label="mean")
ax.set(xlabel="$w_3$", ylabel="density", xlim=(-0.4, 0.4))
ax.legend(fontsize=10)
plt.show()

# %%
# The prior that the data speak for
# ---------------------------------
#
# Sigma and tau were known so far. ``lw.evidence`` takes those under which the data are most
# probable once the coefficients are integrated out. The text's ten points and its polynomial of
# degree 9, which unpenalised goes through every point, are a hard case for any choice of strength.
# Here the evidence chooses it with no row held out, and the posterior says what it does not know.
# (Powers of x, scaled to equal size.)

np.random.seed(42)
x = np.linspace(0, 1, 10)
observed = 0.5 * x + 0.1 + np.random.normal(0, 0.05, size=10)
powers = lambda at: np.power.outer(np.asarray(at), np.arange(1, 10))  # noqa: E731
found = lw.evidence(powers(x), observed, standardize=True)
print(
    f"sigma {found.sigma2**0.5:.4f} (the truth 0.05), tau {found.tau2**0.5:.4f}, l2 {found.l2:.3g}"
)
print(f"effective number of coefficients {found.degrees_of_freedom:.2f} of 9")

fine = np.linspace(-0.15, 1.15, 200)
inside = (fine >= 0.0) & (fine <= 1.0)
low, high = found.interval(powers(fine))
band_low, band_high = found.interval(powers(fine), mean=True)
through = lw.LeastSquares().fit(powers(x), observed)
fig, ax = plt.subplots(figsize=(6.0, 4.6), layout="constrained")
ax.fill_between(fine, low, high, color=BLUE, alpha=0.15, label="95 % of new points")
ax.fill_between(fine, band_low, band_high, color=BLUE, alpha=0.35, label="95 % of the curve")
ax.plot(fine, found.predict(powers(fine)), color=BLUE, linewidth=2, label="posterior mean")
ax.plot(fine, through.predict(powers(fine)), ":", color=ORANGE, linewidth=2, label="least squares")
ax.plot(fine, 0.5 * fine + 0.1, "--", color="black", label="truth")
ax.plot(x, observed, "ko", markersize=6)
ax.set(xlabel="x", ylabel="y", ylim=(-0.2, 1.0))
ax.legend(fontsize=10, ncols=2, loc="upper left")
plt.show()
truth = 0.5 * fine + 0.1
covered = bool(((band_low <= truth) & (truth <= band_high))[inside].all())
wide = (band_high - band_low)[[-1, 100]]
shown(
    "S1.27",
    "degree 9 on ten points: the band of the curve holds the true line on [0, 1]",
    covered,
    True,
)
shown(
    "S1.27", "the band is wider outside the data than inside", bool(wide[0] > 2.0 * wide[1]), True
)

# %%
# Are the bands honest?
# ---------------------
#
# A band of 95 % that holds 95 % of new observations can be told from one that does not by counting.
# A world as the model has it: coefficients drawn from N(0, tau²), rows, noise, and in each of 150
# worlds a fit that is told nothing of sigma or tau, and new observations. Then the same with few
# rows, where sigma and tau are poorly known and the bands take them as exact.


def coverage(rows, worlds=150, new=20):
    """Shares of new observations, and of true coefficients, in their 95 % intervals."""
    hits, held = [], []
    for _ in range(worlds):
        Z = rng.normal(size=(rows + new, 8))
        w = 0.5 * rng.normal(size=8)
        values = 1.0 + Z @ w + rng.normal(size=rows + new)
        one = lw.evidence(Z[:rows], values[:rows])
        low, high = one.interval(Z[rows:])
        hits.append(np.mean((low <= values[rows:]) & (values[rows:] <= high)))
        low, high = one.credible()
        held.append(np.mean((low <= w) & (w <= high)))
    return np.array([np.mean(hits), np.mean(held)]), np.array(
        [np.std(hits), np.std(held)]
    ) / worlds**0.5


with warnings.catch_warnings():
    warnings.simplefilter("ignore", lw.LeastwiseWarning)  # columns that explain no more than chance
    many, error = coverage(100)
    few, error_few = coverage(12)
for rows, share, spread in ((100, many, error), (12, few, error_few)):
    print(
        f"{rows:4} rows: new observations {share[0]:.3f} ± {spread[0]:.3f}, "
        f"coefficients {share[1]:.3f} ± {spread[1]:.3f}"
    )
shown(
    "S1.27",
    "100 rows, 8 columns: share of new observations in their 95 % intervals",
    many[0],
    0.95,
    atol=0.02,
)
shown("S1.27", "share of true coefficients in their 95 % intervals", many[1], 0.95, atol=0.02)
shown(
    "S1.27",
    "12 rows: the bands hold less than 92 %, as sigma is only guessed",
    bool(few[0] < 0.92),
    True,
)

# %%
# What was found
# --------------
#
# - Least squares and least absolute deviations are the most likely coefficients under normal and
#   Laplace noise; ridge and lasso are the most probable ones under normal and Laplace priors. A
#   maximiser that is given the densities alone arrives at the same numbers, or at none better.
# - The lasso's zeros belong to the mode. The posterior mean under its prior has none.
# - The evidence tamed the polynomial of degree 9 with no row held out, and its band holds the
#   truth.
# - Bands of 95 % held about 95 % of new observations with 100 rows. With 12 rows they are too
#   narrow: they take noise and prior as known, which the documentation of ``lw.evidence`` says.
