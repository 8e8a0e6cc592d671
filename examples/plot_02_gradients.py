"""
Are the gradients right?
========================

A gradient can be derived by hand, taken by a machine, or measured by a small step. Do the three
agree, for every loss; how small should the step be; and does a training loop written in PyTorch end
where the library does?

Pages of this gallery use PyTorch where it is installed, and say so where it is not.
"""

# %%
# Five points
# -----------
# The toy example of the text (S2): five points, a slope and an intercept drawn by seed 0. Its
# derivatives are those of the mean square; leastwise checks the half of it, whose gradient is half.
import time

import matplotlib.pyplot as plt
import numpy as np

import leastwise as lw
from leastwise.losses import LOSSES
from studies import corrected, shown

try:
    import torch
except ImportError:
    torch = None
    print("PyTorch is not installed: what it would say is left out")

np.random.seed(0)
x, y = np.random.randn(5), np.random.randn(5)
w, b = np.random.randn(), np.random.randn()


def mean_square(w, b):
    return np.mean((w * x + b - y) ** 2)


analytic = np.array([2 * np.mean((w * x + b - y) * x), 2 * np.mean(w * x + b - y)])
shown("S2.13", "derivatives in w and b", analytic, [5.33477691, 3.27482077], digits=8)
check = lw.check_gradient("squared", X=x[:, None], y=y, at=([w], b), unit=1.0)
shown(
    "S2.13",
    "the library's, of half the mean square, doubled",
    2 * check.gradient,
    analytic,
    rtol=1e-14,
)
h = 1e-5
central = np.array(
    [
        (mean_square(w + h, b) - mean_square(w - h, b)) / (2 * h),
        (mean_square(w, b + h) - mean_square(w, b - h)) / (2 * h),
    ]
)
shown("S2.12", "error of central differences at 1e-5", central - analytic, [0.0, 0.0], atol=1e-10)

# %%
# What is left is rounding of the loss over the step: its digits change with the order in which the
# five squares are summed (1.3e-11 in w with one, 3.5e-11 with another), its size does not.
print("error in w and b:", np.abs(central - analytic))
norm = [np.linalg.norm((w + t) * x + b - y) ** 2 / 5 for t in (h, -h)]
by_norm = abs((norm[0] - norm[1]) / (2 * h) - analytic[0])
shown("S2.12", "error in w, the squares summed as a norm", by_norm, 1.3e-11, atol=1e-12)
if torch is not None:
    toy = {"dtype": torch.float32, "requires_grad": True}
    tensor_w, tensor_b = torch.tensor(w, **toy), torch.tensor(b, **toy)
    inputs, targets = (torch.tensor(each, dtype=torch.float32) for each in (x, y))
    ((tensor_w * inputs + tensor_b - targets) ** 2).mean().backward()
    single = np.array([tensor_w.grad.item(), tensor_b.grad.item()])
    off = np.abs(single - analytic).max()
    shown("S2.13", "what PyTorch's float32 is off by", off, 3.6e-8, atol=1e-9)

# %%
# Every loss
# ----------
# ``lw.check_gradient`` compares the gradient that the solvers go by with central differences and,
# where PyTorch is installed, with autograd.
rng = np.random.default_rng(1)
X = rng.normal(size=(200, 4))
eta = X @ [1.0, -2.0, 0.5, 0.0] + 0.3
number = eta + rng.standard_t(3, size=200)
figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
for name, kind in LOSSES.items():
    loss = kind()
    target = np.digitize(number, [-1, 1] if loss.coupled else [0]) if loss.of_classes else number
    found = lw.check_gradient(name, X=X, y=target, l2=0.1)
    axes.loglog(found.steps, np.maximum(found.curve, 1e-17), "o-", markersize=3, label=name)
    shown(
        "S2.1",
        f"{name}: relative error against central differences",
        found.difference_error,
        0.0,
        atol=1e-8,
    )
    if found.autograd_error is not None:
        shown(
            "S2.11",
            f"{name}: relative error against autograd",
            found.autograd_error,
            0.0,
            atol=1e-12,
        )
axes.set(xlabel="step of the central difference", ylabel="relative error")
axes.legend()

# %%
# The error against the step is a V. On the left arm, the rounding of the loss is divided by an ever
# smaller step; on the right one, the loss bends within it. The bottom is near the cube root of the
# machine's precision, 6e-6, or two powers of ten above for losses that bend little. A quadratic has
# no right arm (its central difference is exact at any step), and a kink's derivative is found as
# long as no kink is stepped over.
#
# There is a derivative without either arm: give the machine a complex number. The imaginary part of
# f(w + ih) is h times the derivative, with nothing subtracted, so that h may be tiny.
h = 1e-30
by_machine = np.array([mean_square(w + h * 1j, b).imag / h, mean_square(w, b + h * 1j).imag / h])
shown(
    "S2.11",
    "the toy's derivatives, taken by the machine through complex numbers",
    by_machine,
    analytic,
    rtol=1e-14,
)

# %%
# One row, all rows
# -----------------
# The gradient of the batch is the mean of the rows' gradients, and as it is a mean, rows given
# twice change nothing, neither the gradient nor the fit.


def gradient(w, b, x, y):
    """Of the mean square: rows are examples."""
    residual = w * x + b - y
    return np.array([2 * np.mean(residual * x), 2 * np.mean(residual)])


rows = np.array([gradient(w, b, x[i : i + 1], y[i : i + 1]) for i in range(5)])
shown("S2.5", "mean of the five rows' gradients", rows.mean(axis=0), analytic, rtol=1e-14)
shown(
    "S2.7",
    "gradient of all rows given twice",
    gradient(w, b, np.tile(x, 2), np.tile(y, 2)),
    analytic,
    rtol=1e-14,
)
once = lw.LeastSquares(l1=0.05, l2=0.1).fit(X, number)
again = lw.LeastSquares(l1=0.05, l2=0.1).fit(np.tile(X, (2, 1)), np.tile(number, 2))
shown(
    "S2.7",
    "coefficients of all rows given twice, with penalties",
    again.coef_,
    once.coef_,
    rtol=1e-12,
)

# %%
# The text keeps an example in each column, the library in each row: transposed, the formulas are
# the same. A matrix that lies the wrong way is refused, with both numbers.
columns, ones = X.T, np.full((1, 4), 0.5)
error = ones @ columns - number
by_columns = 2 / 200 * columns @ error.T
by_rows = 2 / 200 * X.T @ (X @ np.full(4, 0.5) - number)
shown("S2.9", "examples in columns and in rows", by_columns[:, 0], by_rows, rtol=1e-12)
try:
    lw.LeastSquares().fit(columns, number)
except ValueError as refusal:
    print(refusal)
    shown(
        "S2.9",
        "the refusal names 4 and 200",
        ["4" in str(refusal), "200" in str(refusal)],
        [True, True],
    )

# %%
# Loops and vectors
# -----------------
# The same gradient by a loop over rows and columns, and by a product.
wide, answers, at = rng.normal(size=(2000, 20)), rng.normal(size=2000), rng.normal(size=20)


def looped():
    total = [0.0] * 20
    for row, answer in zip(rows_listed, answers_listed, strict=True):
        residual = sum(a * c for a, c in zip(row, at_listed, strict=True)) - answer
        for j, a in enumerate(row):
            total[j] += 2 * residual * a / 2000
    return total


def vectorised():
    return 2 / 2000 * wide.T @ (wide @ at - answers)


rows_listed, answers_listed, at_listed = wide.tolist(), answers.tolist(), at.tolist()
seconds = []
for function, times in ((looped, 3), (vectorised, 300)):
    function()
    began = time.process_time()
    for _ in range(times):
        function()
    seconds.append((time.process_time() - began) / times)
print(f"the loop takes {seconds[0] / seconds[1]:.0f} times as long")
apart = np.abs(np.array(looped()) - vectorised()).max()
shown("S2.8", "largest difference of the loop's gradient and the product's", apart, 0.0, atol=1e-12)
shown(
    "S2.8", "the loop takes more than ten times as long", bool(seconds[0] > 10 * seconds[1]), True
)

# %%
# A training loop in PyTorch, and ours
# ------------------------------------
# The thousand points of the text, 2,000 steps at a rate of 0.01 of the mean square, from the same
# start. In PyTorch the loop must ask for gradients, keep its updates out of the record, and set the
# gradients back to zero; ``w.grad`` is an attribute (the text calls it). The library's solver takes
# the same steps.
np.random.seed(42)
line = 10 * np.random.rand(1000)
answer = 2.5 * line + 5 + 2 * np.random.randn(1000)
start_w, start_b = np.random.randn(), np.random.randn()


def trained(rate, steps):
    """The text's loop, in float32."""
    inputs, targets = (torch.tensor(each, dtype=torch.float32) for each in (line, answer))
    w, b = (
        torch.tensor(each, dtype=torch.float32, requires_grad=True) for each in (start_w, start_b)
    )
    for _ in range(steps):
        loss = ((w * inputs + b - targets) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            w -= rate * w.grad
            b -= rate * b.grad
        w.grad.zero_()
        b.grad.zero_()
    return [w.item(), b.item()]


ours = lw.LeastSquares(
    solver=lw.solvers.GradientDescent(
        step=0.02, start=[start_w], intercept_step=True, intercept_start=start_b
    ),
    tol=2e-10,
    max_iter=2000,
).fit(line[:, None], answer)
fitted = [ours.coef_[0], ours.intercept_]
print(ours.certificate_.reason, "after", ours.n_iter_, "steps")
shown("S2.14", "ours against the text's PyTorch loop", fitted, [2.4690721, 5.3493676], atol=1e-4)
shown(
    "S2.16",
    "ours against the text's loop by formulas",
    fitted,
    [2.469067972, 5.349395749],
    atol=1e-4,
)
if torch is not None:
    theirs = trained(0.01, 2000)
    print("PyTorch, float32:", theirs)
    shown(
        "S2.14",
        "PyTorch's loop run here, against the one in the text",
        theirs,
        [2.4690721, 5.3493676],
        atol=1e-4,
    )
    shown("S2.16", "PyTorch's loop run here, against ours", theirs, fitted, atol=1e-4)
    parameter = torch.ones(1, requires_grad=True)
    (3 * parameter).sum().backward()
    corrected(
        "S2.14",
        "w.grad can be called",
        callable(parameter.grad),
        False,
        text="gradients are available in w.grad()",
    )
    (3 * parameter).sum().backward()
    shown("S2.15", "two backward calls without setting to zero", parameter.grad.item(), 6.0)

# %%
# The library's gradients have no such memory, and a gradient of one's own that has one is found
# out, like other usual mistakes.
stateless = [lw.check_gradient("squared", X=X, y=number, seed=3).gradient for _ in range(2)]
shown(
    "S2.15",
    "the library's gradient, asked twice, is the same",
    bool((stateless[0] == stateless[1]).all()),
    True,
)


def loss_of(w, b, X, y):
    return np.mean((X @ w + b - y) ** 2)


def right(w, b, X, y):
    residual = X @ w + b - y
    return 2 * X.T @ residual / len(y), 2 * residual.mean()


kept = [np.zeros(4), 0.0]


def accumulated(w, b, X, y):
    kept[0], kept[1] = (old + new for old, new in zip(kept, right(w, b, X, y), strict=True))
    return kept[0].copy(), kept[1]


def scaled(factor):
    return lambda w, b, X, y: tuple(factor * part for part in right(w, b, X, y))


named = {
    "right": lw.check_gradient(loss_of, right, X=X, y=number),
    "minus": lw.check_gradient(loss_of, scaled(-1), X=X, y=number),
    "half": lw.check_gradient(loss_of, scaled(0.5), X=X, y=number),
    "n times": lw.check_gradient(loss_of, scaled(200), X=X, y=number),
    "never set to zero": lw.check_gradient(loss_of, accumulated, X=X, y=number),
}
for name, found in named.items():
    print(f"{name:>17}: {found.verdict}")
shown(
    "S2.15",
    "gradients that accumulate are called",
    named["never set to zero"].mistake,
    "accumulation",
)
shown(
    "S2.1",
    "the usual mistakes, by name",
    [found.mistake for name, found in named.items() if not found.ok][:3],
    ["sign", "factor two", "sum against mean"],
)

# %%
# The text sums itself up in four themes: gradients by hand, vectors instead of loops, three ways
# compared, and training loops. Each was run above.
themes = [
    bool(np.allclose(analytic, 2 * check.gradient)),
    bool(apart < 1e-12),
    bool(np.allclose(by_machine, central)),
    ours.certificate_.converged,
]
shown("S2.24", "by hand, by vectors, compared, trained", themes, [True] * 4)

# %%
# What was found
# --------------
# - By hand, by machine and by differences the gradients of every loss agree, each to the digits
#   that its way allows: 1e-8 and better for differences, rounding for the machine.
# - The best step of a difference is neither large nor small. A quadratic forgives any large one.
# - The loop in PyTorch and the library's solver walk the same way: after 2,000 steps they are
#   within 1e-4 of each other and of the numbers in the text. The library stops by its certificate.
# - A mean of the rows' gradients is the batch's gradient, and vectors beat loops by orders of
#   magnitude.
