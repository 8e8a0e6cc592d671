"""
What does it cost?
==================

The closed form takes D^2 of memory and D^3 of time, says the text (S3), and a step of gradient
descent N x D of time and D of memory. Is that what one measures? When does the closed form become
too expensive, and what is to be done with 100,000 columns, or with rows that no memory holds?

Bytes are what Python's ``tracemalloc`` counts beside the data, times are seconds of CPU: the least
of three, on one thread of BLAS.
"""

# %%
# Squares and cubes
# -----------------
import tempfile
import time
import tracemalloc
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

import leastwise as lw
from leastwise.solvers import ConjugateGradient, GradientDescent
from studies import corrected, refuted, shown

GIB = 2**30


def rows(n, p, seed=0):
    """Normal columns, and a target of all of them."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    return X, X @ rng.standard_normal(p) + rng.standard_normal(n)


def held(run):
    """What a call gives, and the most bytes it held at once."""
    tracemalloc.start()
    try:
        return run(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def seconds(run):
    """The least CPU time of three calls: what else runs only adds to it."""
    times = []
    with threadpool_limits(1):
        for _ in range(3):
            began = time.process_time()
            run()
            times.append(time.process_time() - began)
    return min(times)


def exponent(sizes, costs):
    """The slope of a line through the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def quietly(model, X, y):
    """A fit that is stopped before it converges, on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", lw.ConvergenceWarning)
        return model.fit(X, y)


quietly(lw.LeastSquares(), *rows(50, 5))  # imports and compiles what is needed later

# %%
# The closed form first: bytes, and seconds at N = 2 D. Summing X'X costs N D^2, the factor D^3 / 3.
# At small D what grows as D^2 is still felt, so that the exponent is that of the last doubling.
sizes = [300, 750, 1500]
closed = lw.LeastSquares(solver="cholesky")
problems = {p: rows(2 * p, p) for p in sizes}
bytes_closed = [held(lambda p=p: closed.fit(*problems[p]))[1] for p in sizes]
times_closed = [seconds(lambda p=p: closed.fit(*problems[p])) for p in sizes]
shown(
    "S3.15", "exponent of D in the closed form's bytes", exponent(sizes, bytes_closed), 2, atol=0.3
)
last = exponent(sizes[-2:], times_closed[-2:])
shown("S3.15", "exponent of D in its seconds, from 750 to 1,500", last, 3, atol=0.9)

# %%
# Then ten steps over the rows, each two products of X with a vector, 4 N D flops.
steps = lw.LeastSquares(solver=ConjugateGradient(), tol=0.0, max_iter=10)
tall = [30_000, 60_000, 120_000]
wide = [50, 100, 200]
by_rows = {n: rows(n, 50) for n in tall}
by_columns = {p: rows(20_000, p) for p in wide}
times_rows = [seconds(lambda n=n: quietly(steps, *by_rows[n])) for n in tall]
times_columns = [seconds(lambda p=p: quietly(steps, *by_columns[p])) for p in wide]
shown("S3.16", "exponent of N in the seconds of ten steps", exponent(tall, times_rows), 1, atol=0.7)
shown("S3.16", "exponent of D", exponent(wide, times_columns), 1, atol=0.7)
plan = lw.plan(rows=20_000, columns=200)
shown(
    "S0.22", "flops of a step or a sweep at N = 20,000, D = 200", plan.pass_flops, 4 * 20_000 * 200
)

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.loglog(sizes, bytes_closed, "o-", label="closed form")
left.loglog(
    sizes, [8 * (2 * p + 2 * p) for p in sizes], "o-", label="vectors of a step, 8 (N + 2 D)"
)
left.loglog(sizes, [bytes_closed[0] * (p / sizes[0]) ** 2 for p in sizes], "k:", label="D^2")
left.set(xlabel="D, N = 2 D", ylabel="bytes beside the data")
right.loglog(sizes, times_closed, "o-", label="closed form, N = 2 D")
right.loglog(sizes, [times_closed[-1] * (p / sizes[-1]) ** 3 for p in sizes], "k:", label="D^3")
right.loglog(wide, times_columns, "o-", label="ten steps, N = 20,000")
right.loglog(wide, [times_columns[0] * p / wide[0] for p in wide], "k--", label="D")
right.set(xlabel="D", ylabel="seconds of CPU")
for axis in (left, right):
    axis.legend()

# %%
# No matrix by a matrix
# ---------------------
# X'(Xw - y) needs a residual and a gradient; (X'X)w, as the first text's early code had it, needs a
# matrix.
X, y = problems[1500]
n, p = X.shape
w = np.ones(p)


def step():
    """The gradient in two products with vectors."""
    residual = X @ w
    residual -= y
    return residual @ X


_, extra = held(step)
_, square = held(lambda: (X.T @ X) @ w - X.T @ y)
print(f"two products with vectors {extra:,} bytes, with the matrix X'X {square:,}")
shown(
    "S3.14", "X'(Xw - y) takes no more than 8 (n + 2p) bytes", extra <= 8 * (n + 2 * p) + 1000, True
)
shown("S3.14", "(X'X)w takes at least 8 p^2", square >= 8 * p * p, True)

# %%
# When the closed form no longer goes
# -----------------------------------
# ``lw.plan`` says what a fit would need before anything runs. With 2 GB, and a million rows, the
# closed form goes up to some columns; beyond, conjugate gradients take over.
columns = [1000, 3000, 10_000, 16_000, 30_000]
plans = {p: lw.plan(rows=1_000_000, columns=p, l2=1.0, memory="2GB") for p in columns}
for p, each in plans.items():
    need = [each[name].bytes / 1e9 for name in ("closed-form", "gradient-descent")]
    print(f"{p:6} columns: closed form {need[0]:6.2f} GB, descent {need[1]:.2f} GB; {each.auto}")
over = [8 * p * p > 2e9 for p in columns]
shown("S1.9", "8 p^2 beyond the budget", over, [False, False, False, True, True])
shown(
    "S1.9",
    "where it is, the closed form does not fit",
    not any(plans[p]["closed-form"].fits for p, far in zip(columns, over, strict=True) if far),
    True,
)
shown("S1.9", "and auto takes", plans[30_000].auto, "conjugate-gradient")
shown("S1.9", "at 1,000 columns it goes", plans[1000]["closed-form"].fits, True)

# %%
# A hundred thousand columns
# --------------------------
# "4 bytes for a float64", writes the text, and comes to 37 gigabytes. A float64 has 8. Its six
# gigabytes for gradient descent follow from nothing it says: w and the gradient are 1.6 MB, and
# 6 GB is what X itself takes with 7,500 rows, whatever the method. (A ridge on fewer rows than
# columns need not form that matrix: its closed form is solved on the side of the rows.)
plan = lw.plan(rows=7500, columns=100_000, l2=1.0, memory="2GB")
print(plan)
corrected(
    "S3.18",
    "GiB of the D x D matrix",
    plan.gram_bytes / GIB,
    74.5,
    digits=1,
    text="37 GB, with 4 bytes for a float64",
)
corrected(
    "S3.18",
    "GiB in float32",
    plan.gram_bytes_float32 / GIB,
    37.3,
    digits=1,
    text="that this is float64",
)
corrected(
    "S3.19",
    "MB of w and a gradient",
    plan.vector_bytes / 1e6,
    1.6,
    digits=1,
    text="roughly six gigabytes",
)
refuted(
    "S3.19",
    "GB of X with 7,500 rows, whatever the method",
    8 * plan.rows * plan.columns / 1e9,
    6.0,
    digits=1,
    text="six gigabytes for gradient descent",
)

# %%
# Most entries of such an X are zero, in language modelling to begin with. A ridge on 20,000 rows of
# 100,000 columns, one entry in a thousand stored, within 2 GB:
rng = np.random.default_rng(0)
words = sparse.random_array((20_000, 100_000), density=1e-3, format="csr", rng=rng)
target = words @ rng.standard_normal(100_000) + 0.1 * rng.standard_normal(20_000)
model, most = held(lambda: lw.LeastSquares(l2=1e-4, memory="2GB").fit(words, target))
planned = lw.plan(words, target, l2=1e-4, memory="2GB")
need = planned[planned.auto].bytes
print(f"{planned.auto}: {most / 1e6:.0f} MB beside the data, {need / 1e6:.0f} planned")
shown(
    "S3.20",
    "100,000 columns fitted within 2 GB",
    bool(model.certificate_.converged and most < 2e9),
    True,
)
shown(
    "S3.20", "by the solver that was planned", model.model_.fit.solver.split(" ")[0], planned.auto
)

# %%
# One go has a price
# ------------------
# The closed form needs memory for a square of the columns (or rows), and knows squares only. Here
# are 900 rows of 1,000 columns and 10 MB beside them: the closed form is refused before it begins,
# and ``auto`` finds a method that walks. Classes have no closed form at all: Newton's method takes
# a few steps, and is certified like everything else.
draw = np.random.default_rng(0)
table = draw.normal(size=(900, 1000))
wish = table[:, 0] + draw.normal(size=900)
try:
    lw.LeastSquares(l2=1.0, solver="closed-form", memory="10MB").fit(table, wish)
except lw.UsageError as error:
    print(error)
    shown(
        "S3.13",
        "the closed form's price is named before it is paid",
        "MiB beside the data" in str(error),
        True,
    )
walked = lw.LeastSquares(l2=1.0, memory="10MB").fit(table, wish)
print(f"auto took {walked.model_.fit.solver}: {walked.model_.fit.why}")
one_go = lw.LeastSquares(l2=1.0, solver="closed-form").fit(table, wish)
shown(
    "S3.13",
    "largest difference of the two answers",
    np.abs(walked.coef_ - one_go.coef_).max(),
    0.0,
    atol=1e-4,
)
few, label = table[:, :5], wish > 0
try:
    lw.Logistic(l2=0.1, solver="closed-form").fit(few, label)
except lw.UsageError as error:
    print(error)
    shown("S3.17", "for classes the closed form is refused", "logistic loss" in str(error), True)
newton = lw.Logistic(l2=0.1).fit(few, label)
print(
    newton.model_.fit.solver,
    newton.n_iter_,
    "steps, relative gap",
    newton.certificate_.relative_gap,
)
outside = LogisticRegression(C=1 / (900 * 0.1), tol=1e-10).fit(few, label)
shown("S3.17", "Newton's method: converged by its certificate", newton.certificate_.converged, True)
shown(
    "S3.17", "its coefficients against scikit-learn's", newton.coef_[0], outside.coef_[0], atol=1e-4
)

# %%
# Before the work, not during it
# ------------------------------
# A fit that would go over its budget is refused at once. Not a row is read: the NaN in X, which
# every pass finds, is not found.
unread = problems[750][0].copy()
unread[0, 0] = np.nan
try:
    lw.LeastSquares(solver="cholesky", memory="1MB").fit(unread, problems[750][1])
    refusal = "none"
except lw.LeastwiseError as error:
    refusal = f"{type(error).__name__}: {error}"
print(refusal)
shown(
    "S3.20",
    "refused before a row is read",
    refusal.startswith("UsageError: cholesky would need"),
    True,
)

# %%
# More rows than memory
# ---------------------
# X is a file of 200 MB, mapped; a fit may take 50 MB beside it. Its Gram matrix and a factor do not
# fit in there, so that gradient descent goes over the rows, block by block. A path of the lasso
# does so as well.
budget = 50_000_000
with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "X.npy"
    written = np.lib.format.open_memmap(file, "w+", np.float64, (12_500, 2000))
    for first in range(0, 12_500, 500):
        written[first : first + 500] = rng.standard_normal((500, 2000), dtype=np.float32)
    y = written[:, :10] @ np.arange(1.0, 11.0) + rng.standard_normal(12_500)
    written.flush()
    del written
    mapped = np.load(file, mmap_mode="r")
    size = mapped.nbytes
    descent = lw.LeastSquares(l2=0.5, solver=GradientDescent(), tol=1e-3, memory=budget)
    fitted, most = held(lambda: descent.fit(mapped, y))
    path, most_of_path = held(lambda: lw.path(mapped, y, strengths=5, smallest=0.1, memory=budget))
print(f"X {size / 1e6:.0f} MB; the path held {most_of_path / 1e6:.0f} MB, gradient descent")
print(f"{most / 1e6:.0f} MB in {fitted.model_.fit.passes:.0f} passes over the rows")
shown(
    "S1.14",
    "X is larger than the budget, what descent held is not",
    [size > budget, most <= budget],
    [True, True],
)
shown("S1.14", "gradient descent converged", fitted.certificate_.converged, True)
shown(
    "S1.14",
    "a path of five strengths: within the budget, every gap below 1e-9",
    [most_of_path <= budget, bool(path.gaps.max() <= 1e-9)],
    [True, True],
)

# %%
# Coordinates without transfers
# -----------------------------
# The first text's coordinate descent fetched a number from the GPU for every coordinate, and was
# slower than gradient descent for it. Where the rows are summed into a Gram matrix first, sweeps do
# not touch them: the passes over the data, and what is transferred, do not grow with the sweeps.
X, y = problems[300]
swept = lw.LeastSquares(solver="coordinate-descent", tol=1e-16).fit(X, y)
exact = closed.fit(X, y)
passes, sweeps = swept.model_.fit.passes, swept.n_iter_
print(f"{sweeps} sweeps over {X.shape[1]} columns in {passes:.0f} passes over the rows")
shown(
    "S0.23", "passes over the rows, as planned", passes, lw.plan(X, y)["coordinate-descent"].passes
)
shown("S0.23", "many sweeps to a pass", sweeps > 10 * passes, True)
difference = np.abs(swept.coef_ - exact.coef_).max()
shown("S0.23", "largest difference to the closed form", difference, 0.0, atol=1e-6)

# %%
# What was found
# --------------
# - The textbook's exponents come out: 2 for the closed form's bytes, nearly 3 for its seconds,
#   1 and 1 for a step, whose extra memory is a residual and two vectors. "O(D)" forgets the
#   residual, and X.
# - The D x D matrix of 100,000 columns takes 74.5 GiB, 37.3 in float32; gradient descent's vectors
#   take 1.6 MB. The text's 37 and 6 gigabytes are the wrong width of a float64, and the size of X.
# - Running out of memory in the middle need not happen: the need is known before, and a fit that
#   goes over its budget is refused with the numbers, or another solver is taken.
# - X larger than the memory is no obstacle to a descent, nor to a certified path of the lasso.
# - Coordinate descent need not move anything between its coordinates: two passes, however many
#   sweeps.
