"""
Ball and diamond
================

**Why does the lasso set coefficients to exactly zero, and why does ridge not?** Everyone has seen
the picture: ellipses of equal loss around the least-squares solution, a ball for ridge, a diamond
for the lasso, and a point of contact, round for the one and at a corner for the other. It is
mostly drawn by hand, for columns that are not correlated, with a radius that is "roughly" something
of the strength. Here each contact point is what a solver returned, the radius is what it must be,
and the corner is where a condition on the data says that it is.

The objective is the one of all of leastwise, here with two columns:

.. code-block:: text

    F(b, w) = sum_i (y_i − b − x_i·w)² / (2n)  +  l1 sum_j |w_j|  +  l2/2 sum_j w_j²
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize_scalar

import leastwise as lw
from leastwise.penalties import soft_threshold
from studies import corrected, shown

BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
plt.rcParams.update({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False})

# %%
# Two columns of any correlation
# ------------------------------
#
# Two columns of mean 0 and variance 1 whose correlation is exact, and a target whose least-squares
# coefficients are exact too. A target without noise is enough: what noise leaves is the same for
# all coefficients and moves no contact.

n = 64
rng = np.random.default_rng(5)
noise = rng.normal(size=(n, 2))
orthogonal, _ = np.linalg.qr(noise - noise.mean(axis=0))
orthogonal *= np.sqrt(n)


def columns(correlation):
    """(n, 2) standardised columns of this correlation."""
    other = np.sqrt(1.0 - correlation**2)
    return orthogonal @ np.array([[1.0, correlation], [0.0, other]])


best = np.array([1.0, 0.45])  # the centre of the ellipses
correlations = (0.0, 0.8, -0.8)
l1, l2 = 0.4, 0.6

contacts = {}
for correlation in correlations:
    X = columns(correlation)
    y = X @ best
    ridge = lw.LeastSquares(l2=l2).fit(X, y).coef_
    lasso = lw.LeastSquares(l1=l1).fit(X, y).coef_
    contacts[correlation] = ridge, lasso
    print(f"correlation {correlation:+.1f}: ridge {ridge.round(4)}, lasso {lasso.round(4)}")

# %%
# The ball and the diamond that belong to these strengths go through the solutions: their sizes are
# ``‖w‖₂`` of the ridge and ``‖w‖₁`` of the lasso.

grid = np.array(np.meshgrid(*[np.linspace(-0.55, 1.45, 201)] * 2))


def loss(w, correlation):
    """Mean squared error / 2 at w (2, ...) of the target with coefficients `best`."""
    d0, d1 = w[0] - best[0], w[1] - best[1]
    return 0.5 * (d0**2 + d1**2) + correlation * d0 * d1


fig, axes = plt.subplots(3, 2, figsize=(6.4, 9.2), sharex=True, sharey=True, layout="constrained")
angle = np.linspace(0.0, 2.0 * np.pi, 200)
for row, correlation in zip(axes, correlations, strict=True):
    levels = loss(grid, correlation)
    ridge, lasso = contacts[correlation]
    for ax, w, colour, name in ((row[0], ridge, BLUE, "ridge"), (row[1], lasso, ORANGE, "lasso")):
        touched = float(loss(w, correlation))
        heights = touched * np.array([0.15, 0.5, 1.0, 2.0])
        ax.contour(*grid, levels, levels=heights, colors="0.65", linewidths=[0.8, 0.8, 1.8, 0.8])
        if name == "ridge":
            radius = np.hypot(*w)
            ax.fill(radius * np.cos(angle), radius * np.sin(angle), color=colour, alpha=0.25)
        else:
            radius = np.abs(w).sum()
            corners = radius * np.array([[1, 0, -1, 0], [0, 1, 0, -1]])
            ax.fill(*corners, color=colour, alpha=0.25)
        ax.plot(*best, "k+", markersize=10, markeredgewidth=2)
        ax.plot(*w, "o", color=colour, markersize=8, markeredgecolor="black")
        ax.plot([-2, 2, 0, 0, 0], [0, 0, 0, -2, 2], color="0.8", linewidth=0.8, zorder=0)
        ax.set(xlim=(-0.55, 1.45), ylim=(-0.55, 1.1), aspect="equal")
        ax.set_title(f"{name}, correlation {correlation:g}", fontsize=11)
    row[0].set_ylabel("$w_2$")
for ax in axes[-1]:
    ax.set_xlabel("$w_1$")
fig.suptitle("Contact points, as solved (+ least squares, ● penalised)", fontsize=12)
plt.show()

# %%
# Is the ball's radius "roughly" anything?
# ----------------------------------------
#
# The text draws the ridge as a least-squares fit "within an L2 ball of radius roughly" some
# function of the strength. The radius is exactly ``‖w(l2)‖``. To see it without the solver:
# search the circle of that radius for its least loss. The circle's best point has to be the ridge
# itself, and there the loss falls straight outwards: the angle between its negative gradient and
# ``w`` is zero.


def circle_best(radius, correlation):
    """The point of least loss on a circle about 0, found by a search over the angle."""
    at = lambda a: radius * np.array([np.cos(a), np.sin(a)])  # noqa: E731
    found = minimize_scalar(
        lambda a: loss(at(a), correlation), bounds=(-1.5, 1.5), options={"xatol": 1e-12}
    )
    return at(found.x)


off_circle, angles = [], []
for correlation, (ridge, _) in contacts.items():
    off_circle.append(np.abs(circle_best(np.hypot(*ridge), correlation) - ridge).max())
    gram = np.array([[1.0, correlation], [correlation, 1.0]])
    downhill = -gram @ (ridge - best)
    cross = downhill[0] * ridge[1] - downhill[1] * ridge[0]
    angles.append(abs(np.arctan2(cross, downhill @ ridge)))

ROUGHLY = "the ball's radius is 'roughly' a function of lambda"
corrected("S1.20", "ridge less circle's best", max(off_circle), 0.0, atol=1e-6, text=ROUGHLY)
shown("S1.20", "angle between downhill and w at the contact (rad)", max(angles), 0.0, atol=1e-12)

# No function of the strength alone: y in other units has the same strength and another radius.
X = columns(0.8)
small, large = (lw.LeastSquares(l2=l2).fit(X, s * X @ best).coef_ for s in (1.0, 3.0))
growth = float(np.hypot(*large) / np.hypot(*small))
corrected(
    "S1.20", "y times 3, same lambda: growth of the radius", growth, 3.0, rtol=1e-12, text=ROUGHLY
)

# %%
# When is the contact a corner?
# -----------------------------
#
# "The optimum tends to land there" can be said exactly. With
# ``rho_j = x_j·(y − b − X w + x_j w_j) / n``, what the other columns leave of the target
# seen along column ``j``, it is ``w_j = 0`` exactly where ``|rho_j| <= l1``.
#
# So for two standardised columns of correlation ``r``, ``w_2 = 0`` wherever
# ``q_1 = x_1·y / n`` and ``q_2`` satisfy ``|q_2 − r S(q_1, l1)| <= l1``,
# ``S`` the soft threshold. We fit 256 targets for each correlation, and colour the plane of
# their least-squares coefficients by which coefficients the solver made zero. The lines are the
# condition, drawn without the solver.

targets = np.array(np.meshgrid(*[np.linspace(-1.5, 1.5, 16)] * 2)).reshape(2, -1).T
fine = np.array(np.meshgrid(*[np.linspace(-1.5, 1.5, 400)] * 2))


def zeros_by_law(w, correlation):
    """Which of the two coefficients are 0 where least squares would be w (2, ...)."""
    q0, q1 = w[0] + correlation * w[1], correlation * w[0] + w[1]
    first = np.abs(q0 - correlation * soft_threshold(q1, l1)) <= l1
    second = np.abs(q1 - correlation * soft_threshold(q0, l1)) <= l1
    return first, second


fig, axes = plt.subplots(2, 1, figsize=(5.2, 9.0), sharex=True, layout="constrained")
wrong = 0
for ax, correlation in zip(axes, (0.0, 0.8), strict=True):
    X = columns(correlation)
    solved = np.array([lw.LeastSquares(l1=l1).fit(X, X @ w).coef_ for w in targets])
    first, second = zeros_by_law(targets.T, correlation)
    wrong += int(((solved[:, 0] == 0.0) != first).sum() + ((solved[:, 1] == 0.0) != second).sum())
    kinds = (
        ((solved != 0).all(axis=1), "0.75", ".", "none is zero"),
        ((solved[:, 0] != 0) & (solved[:, 1] == 0), ORANGE, "s", "$w_2 = 0$"),
        ((solved[:, 0] == 0) & (solved[:, 1] != 0), BLUE, "^", "$w_1 = 0$"),
        ((solved == 0).all(axis=1), "black", "o", "both are zero"),
    )
    for chosen, colour, marker, label in kinds:
        ax.plot(*targets[chosen].T, marker, color=colour, markersize=4.5, label=label)
    for law in zeros_by_law(fine, correlation):
        ax.contour(*fine, law.astype(float), levels=[0.5], colors="black", linewidths=1.2)
    ax.set(ylabel="least squares $w_2$", aspect="equal", title=f"correlation {correlation:g}")
axes[1].set_xlabel("least squares $w_1$")
axes[0].legend(loc="upper center", bbox_to_anchor=(0.5, 1.32), ncols=2, fontsize=10)
plt.show()

shown("S1.23", "zeros of 512 lassos that |rho_j| <= l1 did not foretell", wrong, 0)

# %%
# Is the contact the diamond's nearest point to the least-squares solution? Many drawings make it
# so, and for two columns of the same variance they are right, whatever the correlation: the axes of
# the ellipses then lie along the diagonals, as the diamond's sides do. It is an accident of two
# dimensions. With three columns, or two in different units, the contact is another point, and so is
# the ball's with any correlation.


def nearest_on_diamond(point, size):
    """The nearest point to `point` with sum |w_j| <= size: a soft threshold, by bisection."""
    low, high = 0.0, float(np.abs(point).max())
    for _ in range(200):
        middle = 0.5 * (low + high)
        too_large = np.abs(soft_threshold(point, middle)).sum() > size
        low, high = (middle, high) if too_large else (low, middle)
    return soft_threshold(point, high)


def gap_to_nearest(X, w):
    """Distance of the lasso's contact from the diamond's nearest point to least squares, w."""
    lasso = lw.LeastSquares(l1=l1).fit(X, X @ w).coef_
    nearest = nearest_on_diamond(w, np.abs(lasso).sum())
    print(f"contact {lasso.round(3)}, nearest point {nearest.round(3)}")
    return float(np.linalg.norm(nearest - lasso))


third = rng.normal(size=n)
three = np.column_stack([columns(0.0), columns(0.0) @ [0.6, 0.6] + third - third.mean()])
three /= three.std(axis=0)
equal = [gap_to_nearest(columns(correlation), best) for correlation in correlations]
others = [gap_to_nearest(columns(0.8) * [1.0, 2.0], best)]
others.append(gap_to_nearest(three, np.array([1.5, -0.6, 0.9])))
for ridge, _ in (contacts[0.8], contacts[-0.8]):
    others.append(float(np.linalg.norm(best * np.hypot(*ridge) / np.hypot(*best) - ridge)))
shown("S1.23", "equal variances: contact less nearest point", max(equal), 0.0, atol=1e-12)
differ = [distance > 0.05 for distance in others]
shown("S1.23", "they differ: other units, three columns, the ball twice", differ, [True] * 4)

# %%
# When there is a closed form
# ---------------------------
#
# "There is no closed-form solution" for the lasso holds with one exception, which is worth
# knowing because it is what a coordinate's update is: where ``X'X/n`` is the identity, the
# lasso is least squares, soft-thresholded.

Z = rng.normal(size=(n, 6))
Z, _ = np.linalg.qr(Z - Z.mean(axis=0))
Z *= np.sqrt(n)
y = Z @ [2.0, -1.0, 0.3, 0.0, 0.1, -0.2] + rng.normal(size=n)
least_squares = lw.LeastSquares().fit(Z, y).coef_
difference = lw.LeastSquares(l1=0.25).fit(Z, y).coef_ - soft_threshold(least_squares, 0.25)
most = float(np.abs(difference).max())
NONE = "there's no closed-form solution"
corrected("S1.22", "orthonormal: lasso less soft threshold", most, 0.0, atol=1e-12, text=NONE)

# %%
# Paths
# -----
#
# Along all strengths: ridge shrinks and never reaches zero, the lasso's coefficients come and go.
# Six columns, the first two of which are nearly the same, two more without any effect.

n_rows = 120
base = rng.normal(size=(n_rows, 6))
base[:, 1] = base[:, 0] + 0.05 * base[:, 1]
signal = base @ [1.0, 1.0, -1.5, 0.7, 0.0, 0.0]
target = signal + rng.normal(size=n_rows)

ridge_path = lw.path(base, target, l1_ratio=0.0, strengths=np.geomspace(100.0, 1e-3, 40))
lasso_path = lw.path(base, target, strengths=80)
colours = ("black", "0.55", BLUE, ORANGE, GREEN, PURPLE)
styles = ("-", "--", "-", "-", ":", ":")
fig, axes = plt.subplots(2, 1, figsize=(6.0, 7.2), layout="constrained")
for ax, path, name in ((axes[0], ridge_path, "ridge"), (axes[1], lasso_path, "lasso")):
    for j, coef in enumerate(path.coef):
        ax.plot(path.strengths, coef, styles[j], color=colours[j], label=f"$w_{j + 1}$")
    ax.set(xscale="log", ylabel="coefficient", title=name)
    ax.axhline(0.0, color="0.8", linewidth=0.8, zorder=0)
axes[1].set_xlabel("strength (weaker to the left)")
axes[0].legend(ncols=3, fontsize=10)
plt.show()

# %%
# The table, from fits
# --------------------
#
# The text compares the two in words. Here is the same table from fits: at strengths with the same
# training error, how many zeros, how large, which solver, and how far the coefficients of the
# nearly equal columns jump when the noise is drawn again (their standard deviation over 40 draws).


def matched(l1_ratio, error):
    """The strongest fit of a path whose mean loss is at most `error`."""
    strengths = np.geomspace(2.0, 1e-2, 60)
    path = lw.path(base, target, l1_ratio=l1_ratio, strengths=strengths)
    return float(path.strengths[np.argmax(path.losses <= error)])


floor = 0.5 * np.mean((target - lw.LeastSquares().fit(base, target).predict(base)) ** 2)
kinds = {"least squares": (0.0, 0.0)}
for name, ratio in (("ridge", 0.0), ("lasso", 1.0), ("elastic net", 0.5)):
    strength = matched(ratio, 1.1 * floor)
    kinds[name] = (ratio * strength, (1.0 - ratio) * strength)

redrawn = signal[:, None] + rng.normal(size=(n_rows, 40))
print(f"{'':14}{'l1':>8}{'l2':>8}{'zeros':>7}{'|w|_2':>8}{'|w|_1':>8}{'jumps':>8}  solver")
table = {}
for name, (one, two) in kinds.items():
    model = lw.LeastSquares(l1=one, l2=two).fit(base, target)
    w = model.coef_
    again = lw.LeastSquares(l1=one, l2=two).fit(base, redrawn).coef_
    jumps = float(again[:, :2].std(axis=0).max())
    table[name] = (int((w == 0.0).sum()), float(np.linalg.norm(w)), jumps, w)
    norms = f"{np.linalg.norm(w):8.3f}{np.abs(w).sum():8.3f}"
    solver = model.model_.fit.solver
    print(f"{name:14}{one:8.3f}{two:8.3f}{table[name][0]:7d}{norms}{jumps:8.3f}  {solver}")

shown("S1.24", "zeros of ridge", table["ridge"][0], 0)
idle = (table["lasso"][3][4:] == 0.0).tolist()
shown("S1.24", "the lasso zeroes both idle columns", idle, [True] * 2)
smaller = table["ridge"][1] < table["least squares"][1]
shown("S1.24", "ridge's norm is below least squares'", smaller, True)
steadier = [table[name][2] < table["least squares"][2] / 4 for name in ("ridge", "elastic net")]
shown("S1.24", "jumps fall fourfold with ridge, elastic net", steadier, [True] * 2)

# %%
# Both at once, and twins
# -----------------------
#
# The elastic net is the lasso at a ratio of 1 and ridge at 0. Between them it has corners as
# well as curved sides, and so a unique answer: columns that are equal get equal coefficients.

ends = []
for ratio, same in ((1.0, {"l1": 0.3}), (0.0, {"l2": 0.3})):
    net = lw.path(base, target, l1_ratio=ratio, strengths=[0.3]).coef[:, 0]
    ends.append(float(np.abs(net - lw.LeastSquares(**same).fit(base, target).coef_).max()))
shown("S1.26", "ratio 1 is the lasso, 0 is ridge", ends, [0.0, 0.0], atol=1e-10)

twins = np.column_stack([base[:, 0], base[:, 0], base[:, 2:]])
net = lw.LeastSquares(l1=0.05, l2=0.05).fit(twins, target).coef_
between = float(net[0] - net[1])
shown("S1.26", "elastic net: between equal columns' coefficients", between, 0.0, atol=1e-10)

# %%
# For columns that are only nearly equal the lasso takes what the noise prefers; the elastic net
# shares. As the ratio goes from lasso to ridge:

ratios = np.append(np.linspace(0.0, 0.95, 20), [0.97, 0.98, 0.99, 1.0])
pairs = [(0.3 * ratio, 0.3 * (1.0 - ratio)) for ratio in ratios]
nearly = np.array([lw.LeastSquares(l1=a, l2=b).fit(base, target).coef_ for a, b in pairs])
fig, ax = plt.subplots(figsize=(6.0, 4.0), layout="constrained")
ax.plot(ratios, nearly[:, 0], color="black", label="$w_1$")
ax.plot(ratios, nearly[:, 1], "--", color=ORANGE, label="$w_2$, nearly the same column")
ax.set(xlabel="l1_ratio (0 ridge, 1 lasso)", ylabel="coefficient", ylim=(-0.05, None))
ax.legend(loc="lower left", fontsize=10)
plt.show()

# %%
# The ball in two layers is a diamond
# -----------------------------------
#
# The text ends with: the jump from here to a deep network "is mostly scale, not concept". One case
# can be checked to the digit. Write each coefficient as a product, ``w_j = u_j v_j``: a network of
# two layers, with weight decay, the ball, on both. The least ``(u² + v²)/2`` with ``u v = w`` is
# ``|w|``, so that gradient descent on the two layers should end at the lasso. It does, and what was
# lost is convexity: halfway between two optima (all signs of both layers turned) the network
# predicts the mean alone.

apart = np.delete(base, 1, axis=1)  # near-twins would only make the descent slow
centred, deviation = apart - apart.mean(axis=0), target - target.mean()
decay = 0.2
u, v = rng.normal(size=(2, 5))
for _ in range(6000):
    pull = centred.T @ (centred @ (u * v) - deviation) / n_rows
    u, v = u - 0.05 * (pull * v + decay * u), v - 0.05 * (pull * u + decay * v)


def network(u, v):
    """The objective of the two layers."""
    return 0.5 * np.mean((deviation - centred @ (u * v)) ** 2) + 0.5 * decay * (u @ u + v @ v)


lasso = lw.LeastSquares(l1=decay, tol=1e-12).fit(apart, target)
over = float(network(u, v) / lasso.certificate_.primal)
shown("S1.25", "two layers with decay over the lasso's optimum", over, 1.0, rtol=1e-6)
around = [network(-u, -v) / network(u, v), network(0.0 * u, 0.0 * v) / network(u, v)]
shown("S1.25", "all signs turned: the same objective", around[0], 1.0, rtol=1e-12)
shown("S1.25", "halfway between the two, the objective is above both", around[1] > 1.1, True)

# %%
# What was found
# --------------
#
# - The ball's radius is ``‖w(l2)‖``, exactly, and depends on the data; contact is where the
#   loss falls straight outwards.
# - A coefficient of the lasso is zero exactly where ``|rho_j| <= l1``. That the optimum "tends to
#   land" on corners is the width of that strip, ``2 l1`` in units of ``x_j·y / n``. Correlation
#   shears it, and stretches the region where both coefficients are zero.
# - The contact is the diamond's nearest point to the least-squares solution for two columns of
#   equal variance, which is why drawings that project look right. For three columns, for other
#   units and for the ball it is not.
# - The lasso does have a closed form for orthonormal columns: the soft threshold.
# - At the same training error, ridge made no zeros and the lasso dropped the idle columns. What
#   tamed the nearly equal columns was the l2 part. Twins share equally under the elastic net.
# - Ridge on two layers is the lasso on their product. The concepts carry over, except the one that
#   the certificates of this library live on: convexity.
