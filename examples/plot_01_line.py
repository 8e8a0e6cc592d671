"""
A line, five ways down
======================

A thousand points scattered about a line. The best line is known in closed form; gradient descent,
coordinate descent, an accelerated method and a stochastic one walk to it. How far does each step
go, when does a step go too far, and how does one know that a walk has arrived?

The texts write the mean of the squares, leastwise half of it: their rate of 0.01 is a step of 0.02
here, and their losses and gaps are twice ours.
"""

# %%
# The points
# ----------
# The generator and the seed are those of the text (S2), and so is the random place to start from.
import warnings
from fractions import Fraction

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import leastwise as lw
from leastwise.solvers import GradientDescent, StochasticGradient
from studies import shown

np.random.seed(42)
x = 10 * np.random.rand(1000)
y = 2.5 * x + 5 + 2 * np.random.randn(1000)
start = np.random.randn(2)  # of the slope and of the intercept
X = np.column_stack([x, np.ones(1000)])

# the first number of this seed, as NumPy's documentation prints it
shown(
    "S2.2",
    "x of the first point, and the number of points",
    [x[0], y.size],
    [3.745401188473625, 1000],
)

# %%
# One go
# ------
# Setting the gradient to zero gives the line at once. The exact answer, in fractions of integers,
# is the judge: least squares meets it to the last digits, whichever factorisation is used.
exact_x, exact_y = ([Fraction(float(each)) for each in column] for column in (x, y))
n, sum_x, sum_y = 1000, sum(exact_x), sum(exact_y)
products = sum(a * b for a, b in zip(exact_x, exact_y, strict=True))
slope = (n * products - sum_x * sum_y) / (n * sum(a * a for a in exact_x) - sum_x**2)
exact = [float(slope), float((sum_y - slope * sum_x) / n)]

best = lw.LeastSquares().fit(x[:, None], y)
optimum = np.array([best.coef_[0], best.intercept_])
shown("S2.10", "optimal slope and intercept, against exact fractions", optimum, exact, rtol=1e-14)
shown("S2.10", "the same, as the study rounds them", optimum, [2.469042970, 5.349560521], atol=5e-9)
shown("S2.10", "mean square at the optimum", 2 * best.certificate_.primal, 3.89987153, digits=8)
shown(
    "S3.6",
    "the objective is half the mean square",
    best.certificate_.primal,
    np.mean((y - X @ exact) ** 2) / 2,
    rtol=1e-13,
)
shown("S3.10", "NumPy's lstsq", optimum, np.linalg.lstsq(X, y)[0], rtol=1e-12)
for solver in ("cholesky", "qr", "svd"):
    other = lw.LeastSquares(solver=solver).fit(x[:, None], y)
    shown(
        "S1.8",
        f"slope and intercept by {solver}",
        [other.coef_[0], other.intercept_],
        exact,
        rtol=1e-12,
    )

# %%
# Two thousand steps
# ------------------
# The text takes 2,000 steps at a rate of 0.01. ``intercept_step`` moves the intercept by its own
# gradient, as the text does (by default it is the best one beside the slope at every step).


def walk(solver, steps, tol=0.0, design=X, target=y):
    """A fit that may stop anywhere: its certificate is read here, its warnings are not shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", lw.LeastwiseWarning)
        model = lw.LeastSquares(intercept=False, solver=solver, tol=tol, max_iter=steps)
        return model.fit(design, target)


text = lw.LeastSquares(
    solver=GradientDescent(
        step=0.02, start=start[:1], intercept_step=True, intercept_start=start[1]
    ),
    tol=0.0,
    max_iter=2000,
)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", lw.ConvergenceWarning)
    text.fit(x[:, None], y)
shown(
    "S2.10",
    "slope and intercept after 2,000 steps",
    [text.coef_[0], text.intercept_],
    [2.469067972, 5.349395749],
    digits=9,
)
shown(
    "S2.10",
    "what the mean square still is above the best",
    2 * text.certificate_.gap,
    7.1e-9,
    atol=5e-11,
)
print(text.certificate_.reason)

# %%
# The gap comes from the certificate: it knows nothing of the optimum computed above, and agrees
# with it. Written out by hand, the same steps give the same numbers. Slope and intercept move
# together: both derivatives are taken where the step began. Moving one first and then looking again
# is another method.
by_hand = start.copy()
for _ in range(2000):
    by_hand -= 0.01 * 2 / 1000 * X.T @ (X @ by_hand - y)
shown("S2.10", "by hand against the library", [text.coef_[0], text.intercept_], by_hand, atol=1e-12)
excess = np.mean((y - X @ by_hand) ** 2) - np.mean((y - X @ exact) ** 2)
shown(
    "S2.10", "the certified gap against the true one", 2 * text.certificate_.gap, excess, rtol=1e-5
)


def derivative(w, b, column):
    return 2 / 1000 * column @ (w * x + b - y)


w, b = start
one_step = walk(GradientDescent(step=0.02, start=start), 1).coef_
w_first = (w - 0.01 * derivative(w, b, x), b - 0.01 * derivative(w, b, np.ones(1000)))
b_alone = b - 0.01 * derivative(w_first[0], b, np.ones(1000))
shown("S2.4", "one step, both derivatives from its beginning", one_step, w_first, rtol=1e-13)
shown(
    "S2.4",
    "with the new slope in the intercept's, it is another step",
    bool(abs(b_alone - one_step[1]) > 0.1),
    True,
)
gradient = -2 / 1000 * X.T @ (y - X @ start)
shown(
    "S1.11",
    "gd_step with lr = 0.01 is one step of 0.02",
    one_step,
    start - 0.01 * gradient,
    rtol=1e-13,
)
shown(
    "S3.11",
    "w - alpha times the gradient of half the mean square",
    one_step,
    start - 0.02 * (gradient / 2),
    rtol=1e-13,
)

# %%
# The wall at 2/L
# ---------------
# L is the largest curvature of the objective, the top eigenvalue of X'X/n. Below a step of 2/L
# descent converges from everywhere, above it diverges, and at 2/L it swings for ever.
curvatures, modes = np.linalg.eigh(X.T @ X / 1000)
mu, L = curvatures
shown(
    "S2.10",
    "L and L/mu of the mean square, and 2/L",
    [2 * L, L / mu, 1 / L],
    [66.61, 130.0, 0.0300],
    rtol=2e-3,
)

fractions = [0.01, 0.5, 1.0, 1.5, 1.9, 1.99, 2.0, 2.01, 2.1]
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
needed, ends = [], {}
for fraction in fractions:
    model = walk(GradientDescent(step=fraction / L, start=start, check_step=False), 750, 1e-6)
    seen = [(record.iteration, record.gap) for record in model.history_]
    left.semilogy(*zip(*seen, strict=True), label=f"{fraction:g}/L")
    ends[fraction] = model.certificate_
    word, _, _ = model.certificate_.reason.partition(":")
    needed.append(model.n_iter_ if word == "converged" else np.nan)
    print(f"step {fraction:>4}/L: {word:>9} after {model.n_iter_} steps")
left.set(xlabel="steps", ylabel="gap", xlim=(0, 750), ylim=(1e-6, 1e5), title="Gap along the way")
left.legend(ncols=2, fontsize="small")
right.plot(fractions, needed, "o-")
right.axvline(2, color="black", linestyle=":")
right.set(xlabel="step times L", ylabel="steps to a relative gap of 1e-6", title="The wall at 2")

# %%
# Without ``check_step=False`` a step beyond the wall is refused before the first pass, with the
# number that would have been right. The default, 1/L, is measured from the data: in other units of
# x the walk is the same.
shown("S1.12", "1.99/L converges", ends[1.99].converged, True)
shown(
    "S1.12",
    "2.01/L is reported",
    ends[2.01].reason,
    "diverged: take a smaller step; the largest stable one is 2/L",
)
try:
    walk(GradientDescent(step=2.01 / L), 1)
except lw.UsageError as error:
    print(error)
    named = float(str(error).partition("stable step is ")[2].split()[0])
shown("S1.12", "the largest stable step, as the refusal names it", named, 2 / L, rtol=1e-5)
default = walk("gradient-descent", 1500, 1e-6)
rescaled = walk("gradient-descent", 1500, 1e-6, design=10 * X)
shown("S1.13", "steps with all columns ten times as large", rescaled.n_iter_, default.n_iter_)

# %%
# Every mode at its own speed
# ---------------------------
# In the coordinates of the eigenvectors, steps are independent: after t of them the error along
# mode k is (1 - step * lambda_k)^t of what it was. Prediction and run agree, and the slowest mode
# is what the gap looks like in the end: on a log axis, a line of slope ``2 ln|1 - step * mu|``.
step = 1 / L / 1.1
errors, predicted = [], []
times = [1, 3, 10, 30, 100, 300, 1000]
first = modes.T @ (start - exact)
for t in times:
    errors.append(modes.T @ (walk(GradientDescent(step=step, start=start), t).coef_ - exact))
    predicted.append((1 - step * curvatures) ** t * first)
errors, predicted = np.array(errors), np.array(predicted)
lasting = predicted[:, 1] > 1e-9  # the fast mode is soon below the rounding of the slow one
shown(
    "S0.17",
    "error along the slow mode at 1 to 1,000 steps",
    errors[:, 0],
    predicted[:, 0],
    rtol=1e-8,
)
shown(
    "S0.17",
    "error along the fast mode while it lasts",
    errors[lasting, 1],
    predicted[lasting, 1],
    rtol=1e-5,
)
run = walk(GradientDescent(step=step, start=start), 1000)
gaps = {record.iteration: record.gap for record in run.history_}
slope_of_log = np.log(gaps[900] / gaps[400]) / 500
shown(
    "S0.17", "slope of the log of the gap", slope_of_log, 2 * np.log(abs(1 - step * mu)), rtol=1e-6
)

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for k, name in enumerate(("slow", "fast")):
    axes.loglog(times, np.abs(predicted[:, k]), "-", color=f"C{k}", label=f"{name} mode, predicted")
    axes.loglog(times, np.abs(errors[:, k]), "o", color=f"C{k}", label=f"{name} mode, run")
axes.set(xlabel="steps", ylabel="error along the mode", ylim=(1e-14, 10))
axes.legend()

# %%
# Along any direction the objective is a parabola, exactly: third differences vanish. That is why it
# has a minimum, and only one if no direction is flat.
rng = np.random.default_rng(0)
direction, at = rng.normal(size=2), np.arange(-4, 5)
along = [np.mean((y - X @ (start + t * direction)) ** 2) / 2 for t in at]
shown(
    "S3.7",
    "third differences of a slice, relative to the second",
    np.abs(np.diff(along, 3)).max() / np.diff(along, 2).max(),
    0.0,
    atol=1e-12,
)
shown("S1.6", "smallest curvature is positive", bool(mu > 0), True)

# %%
# Where to start
# --------------
# With columns that are no combinations of each other the start does not matter. With a column given
# twice there is a flat direction: gradient descent never moves along it (with momentum or without),
# so a random start stays in the answer for ever. From zero it ends at the solution of least norm,
# which is also what the closed form gives; and the flat direction is named.
far, zero = (
    walk(GradientDescent(start=begin, momentum=0.9), 5000, 1e-14).coef_
    for begin in (start * 10, np.zeros(2))
)
shown("S3.5", "full rank: from a random start and from zero", far, zero, atol=1e-5)
twice = np.column_stack([x, x, np.ones(1000)])
begin = np.array([1.0, -2.0, 0.5])
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always", lw.LeastwiseWarning)
    least = lw.LeastSquares(intercept=False).fit(twice, y).coef_
    from_zero, from_random = (
        lw.LeastSquares(
            intercept=False, solver=GradientDescent(start=at, momentum=0.9), tol=1e-14
        ).fit(twice, y)
        for at in (np.zeros(3), begin)
    )
note = str(caught[0].message)
print(note)
shown("S1.6", "the flat direction is named", "x1 = x0" in note, True)
shown(
    "S3.5",
    "a column twice, from zero: the pseudo-inverse's solution",
    from_zero.coef_,
    np.linalg.pinv(twice) @ y,
    atol=1e-5,
)
shown("S3.5", "the same by default", least, np.linalg.pinv(twice) @ y, atol=1e-9)
difference = from_random.coef_[0] - from_random.coef_[1]
shown(
    "S3.5",
    "from a random start, the twins keep their difference",
    difference,
    begin[0] - begin[1],
    atol=1e-10,
)

# %%
# Five ways down
# --------------
# The same line by each method, to the same certificate. An iteration is a step, a sweep over the
# columns or an epoch over the points; the closed form has one, and ends at rounding.
names = ["closed-form", "coordinate-descent", "accelerated-gradient", "gradient-descent"]
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for solver in (*names, StochasticGradient(batch_size=10)):
    model = walk(solver, None, 1e-9)
    name = solver if isinstance(solver, str) else solver.name
    seen = [(each.iteration, max(each.relative_gap, 1e-16)) for each in model.history_]
    axes.loglog(*zip(*seen, strict=True), "o-", markersize=3, label=name)
    print(f"{name:>20}: relative gap {model.certificate_.relative_gap:.1e} after {model.n_iter_}")
    shown("S2.10", f"{name} ends at the optimum", model.coef_, exact, atol=2e-3)
axes.axhline(1e-9, color="black", linestyle=":")
axes.set(xlabel="iterations", ylabel="relative gap", ylim=(1e-16, 10))
axes.legend()

# %%
# When to stop
# ------------
# A fixed number of epochs says nothing of where they end. Nor does a loss that no longer falls
# much: a short step falls slowly everywhere, and a slow mode falls slowly for long. Here the rule
# "stop when the loss falls by less than 1e-3" stops the further off the optimum the shorter the
# step; the gap says how far.
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for fraction in (0.001, 0.01, 0.1, 1.0):
    model = walk(GradientDescent(step=fraction / L, start=start), 250)
    objective = np.array([record.objective for record in model.history_])
    gap = np.array([record.gap for record in model.history_])
    falls = -np.diff(objective)
    shown(
        "S0.16",
        f"gap never negative, objective never up, at {fraction}/L",
        [bool((gap >= 0).all()), bool((falls >= 0).all())],
        [True, True],
    )
    axes.loglog(falls, gap[1:], label=f"step {fraction}/L")
axes.axvline(1e-3, color="black", linestyle=":")
axes.set(xlabel="fall of the objective in one step", ylabel="gap that is left")
axes.legend()

objective, position = np.mean((y - X @ start) ** 2) / 2, start
stopped, fall = 0, np.inf
while fall >= 1e-3:
    position = position - 5e-3 * (X.T @ (X @ position - y) / 1000)
    fall = objective - np.mean((y - X @ position) ** 2) / 2
    objective, stopped = objective - fall, stopped + 1
left_over = objective - np.mean((y - X @ exact) ** 2) / 2
certificate = walk(GradientDescent(step=5e-3, start=start), stopped).certificate_
print(
    f"stopped after {stopped} steps with {left_over:.3f} to go; certified gap {certificate.gap:.3f}"
)
shown(
    "S3.12", "the certificate where a small fall would stop", certificate.gap, left_over, rtol=1e-6
)
shown("S3.12", "and it is not called converged", certificate.converged, False)
reasons = [ends[fraction].reason.partition(":")[0] for fraction in (1.0, 0.01, 2.1)]
reasons.append(walk("closed-form", None, 0.0).certificate_.reason.partition(":")[0])
shown("S3.12", "the four ways to end", reasons, ["converged", "max_iter", "diverged", "stalled"])

# %%
# The same on images
# ------------------
# The curve of S0 was for digits regressed to their number: 64 pixels, a column of ones, a rate of
# 0.02 and a random start. On scikit-learn's digits, the texts' gap (twice ours) falls like this,
# and coordinate descent needs a fraction of the sweeps.
images, numbers = load_digits(return_X_y=True)
train = np.random.default_rng(0).permutation(1797)[:1197]
spread = images[train].std(axis=0, ddof=1)
pixels = (images[train] - images[train].mean(axis=0)) / np.where(spread == 0, 1, spread)
pixels, digit = np.column_stack([pixels, np.ones(1197)]), numbers[train].astype(float)
begin = np.random.default_rng(0).standard_normal(65)
lowest = 2 * walk("auto", None, design=pixels, target=digit).certificate_.primal
shown("S0.24", "least mean square of the digits", lowest, 3.3195, atol=5e-5)


def descend(solver, legs, steps):
    """Steps, mean square above the least, and twice the gap; legs follow each other.

    To begin at w is to fit what w leaves of the target from zero.
    """
    position, seen = begin, {}
    for leg in range(legs):
        found = walk(solver, steps, design=pixels, target=digit - pixels @ position)
        for each in found.history_:
            seen[leg * steps + each.iteration] = (2 * each.objective - lowest, 2 * each.gap)
        position = position + found.coef_
    return np.array([(step, *gaps) for step, gaps in seen.items()])


levels = [1.0, 0.1, 0.01, 1e-3]
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
counts = {"gradient descent": [104, 403, 846, 1344], "coordinate descent": [7, 20, 30, 41]}
ways = {
    "gradient descent": descend(GradientDescent(step=0.04), 2, 800),
    "coordinate descent": descend("coordinate-descent", 1, 60),
}
for name, seen in ways.items():
    left.plot(seen[:, 0], seen[:, 1] + lowest, label=name)
    right.loglog(seen[:, 0], seen[:, 1], label=name)
    for column, judge in ((1, "the optimum"), (2, "the certificate")):
        steps = [int(seen[np.argmax(seen[:, column] < level), 0]) for level in levels]
        what = f"steps of {name} to within 1, 0.1, 0.01 and 0.001, by {judge}"
        shown("S0.24", what, steps, counts[name])
left.set(xlabel="steps or sweeps", ylabel="mean square", xlim=(0, 150), title="Linear axis")
right.set(xlabel="steps or sweeps", ylabel="above the optimum", ylim=(1e-4, None), title="Log axis")
left.axhline(lowest, color="black", linestyle=":", label="optimum")
left.legend()

# %%
# The study's numbers for the fall of the gap are rounded to two digits.
fallen = ways["gradient descent"][[10, 150, 500, 1500], 1]
shown(
    "S0.16",
    "above the optimum after 10, 150, 500, 1,500 steps",
    fallen,
    [22, 0.59, 0.058, 5e-4],
    rtol=0.03,
)
shown("S0.16", "at the start", ways["gradient descent"][0, 1], 80, rtol=0.03)
shown(
    "S0.16",
    "gap never negative on the digits",
    bool((ways["gradient descent"][:, 2] >= 0).all()),
    True,
)

# %%
# What was found
# --------------
# - The text's 2,000 steps come out to every printed digit, 7e-9 of mean square above the optimum;
#   the certificate says so without knowing the optimum.
# - 2/L is a wall: 1.99/L converges, 2.01/L diverges. No step needs tuning, since L is measured.
# - Each mode shrinks by 1 - step * lambda a step, as predicted to the digits that float64 holds; on
#   a log axis of the distance to the optimum the slow mode is a straight line. On the loss itself,
#   whose optimum is not zero, a log axis shows little.
# - A fixed number of epochs, or a loss that falls no more, stops anywhere. The gap is a bound on
#   what is left, and "converged" means that it is small.
# - Coordinate descent needs ten to thirty times fewer sweeps than gradient descent steps on the
#   digits, as the text saw; the closed form needs one pass.
