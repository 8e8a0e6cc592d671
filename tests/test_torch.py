"""Tensors of PyTorch in, tensors out: the same fits as of arrays, in every estimator."""

import numpy as np
import pytest
import scipy.sparse as sp

import leastwise as lw

torch = pytest.importorskip("torch")

pytestmark = [
    pytest.mark.filterwarnings("ignore::leastwise.errors.LeastwiseWarning"),
    pytest.mark.filterwarnings("ignore:Sparse CS[RC] tensor support"),
]

N, P = 90, 4
SAME = 1e-12  # relative: the same numbers through the same products

rng = np.random.default_rng(3)
X = np.round(rng.normal(size=(N, P)) * 64) / 64  # float16 holds them exactly
y = X @ [1.0, -2.0, 0.0, 0.5] + 1.0 + 0.3 * rng.normal(size=N)
Y = np.column_stack([y, -y[::-1]])
labels = np.digitize(y, [0.0, 2.0])
weight = rng.uniform(0.5, 2.0, N)

ESTIMATORS = [
    (lw.LeastSquares(l1=0.02, l2=0.1), y),
    (lw.LeastSquares(), Y),
    (lw.LeastSquaresCV(1.0, strengths=5, cv=3), y),
    (lw.LeastAbsolute(), y),
    (lw.Quantile([0.25, 0.75]), y),
    (lw.Huber(l2=0.1), y),
    (lw.HuberCV(1.0, strengths=[0.1, 0.01], cv=2), y),
    (lw.Logistic(l2=0.1), labels),
    (lw.Logistic(l2=0.1), labels > 0),
]


def tensor(values, dtype=None):
    return torch.tensor(np.asarray(values), dtype=dtype)


@pytest.mark.parametrize(("model", "target"), ESTIMATORS, ids=lambda each: type(each).__name__)
def test_every_estimator_fits_tensors_as_arrays(model, target):
    model.fit(X, target, weight)
    expected = {
        name: getattr(model, name)(X)
        for name in ("predict", "predict_proba", "predict_log_proba", "decision_function")
        if hasattr(model, name)
    }
    coef, plain = model.coef_, None if np.ndim(getattr(model, "q", 0)) else model.score(X, target)
    model.fit(tensor(X).requires_grad_(), tensor(target), tensor(weight))
    assert isinstance(model.coef_, np.ndarray)
    assert model.coef_.dtype == np.float64
    np.testing.assert_allclose(model.coef_, coef, rtol=SAME, atol=SAME)
    for name, values in expected.items():
        found = getattr(model, name)(tensor(X))
        assert isinstance(found, torch.Tensor), name
        assert not found.requires_grad
        np.testing.assert_allclose(found.numpy(), values, rtol=SAME, atol=SAME)
        assert isinstance(getattr(model, name)(X), np.ndarray)
    if plain is not None:
        assert model.score(tensor(X), tensor(target)) == pytest.approx(plain, rel=SAME)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16", "int32"])
def test_float_types(dtype):
    given = tensor(X * 4 if dtype == "int32" else X).to(getattr(torch, dtype))
    same = given.double().numpy()
    model = lw.LeastSquares(l2=0.1).fit(given, tensor(y))
    np.testing.assert_allclose(model.coef_, lw.LeastSquares(l2=0.1).fit(same, y).coef_, rtol=1e-10)
    found = model.predict(given)
    assert found.dtype == (torch.float64 if dtype == "int32" else given.dtype)
    assert found.device == given.device
    expected = torch.tensor(model.predict(same)).to(found.dtype)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("layout", ["to_sparse_csr", "to_sparse_csc", "to_sparse_coo"])
def test_sparse_tensors(layout):
    thin = X * (rng.random(X.shape) < 0.5)
    given = getattr(tensor(thin), layout)()
    model = lw.LeastSquares(l1=0.01).fit(given, tensor(y))
    expected = lw.LeastSquares(l1=0.01).fit(sp.csr_array(thin), y)
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-9, atol=1e-12)
    assert isinstance(model.predict(given), torch.Tensor)


def test_what_no_fit_can_take():
    with pytest.raises(lw.DataError, match="complex64: give real numbers"):
        lw.LeastSquares().fit(tensor(X, torch.complex64), tensor(y))
    with pytest.raises(lw.DataError, match="contains NaN"):
        lw.LeastSquares().fit(tensor(np.where(X[2, 1] == X, np.nan, X)), tensor(y))
    with pytest.raises(ValueError, match="features"):
        lw.LeastSquares().fit(tensor(X), tensor(y)).predict(tensor(X[:, :2]))


def test_paths_and_evidence():
    path = lw.path(tensor(X), tensor(y), strengths=6)
    plain = lw.path(X, y, strengths=6)
    np.testing.assert_allclose(path.coef, plain.coef, rtol=SAME, atol=SAME)
    found = path.predict(tensor(X, torch.float32))
    assert found.shape == (N, 6)
    assert found.dtype == torch.float32
    evidence = lw.evidence(tensor(X), tensor(y))
    low, high = evidence.interval(tensor(X))
    assert isinstance(low, torch.Tensor)
    assert bool((low < high).all())
    classes = lw.path(tensor(X), tensor(labels > 0), loss="logistic", strengths=3)
    assert classes.converged.all()


def test_a_path_over_the_rows_of_a_tensor():
    rng = np.random.default_rng(8)
    wide, target = rng.normal(size=(50, 900)), rng.normal(size=50)
    found, plain = lw.path(tensor(wide), tensor(target)), lw.path(wide, target)
    assert "rows" in found.solver
    np.testing.assert_allclose(found.coef, plain.coef, rtol=SAME, atol=SAME)


def test_pages_of_tensors(tmp_path):
    lw.LeastSquares().fit(tensor(X), tensor(y)).report(tmp_path / "a.html", tensor(X), tensor(y))
    model = lw.Logistic(l2=0.1).fit(tensor(X), tensor(labels))
    model.report(tmp_path / "b.html", tensor(X), tensor(labels), tensor(weight))
    assert (tmp_path / "a.html").stat().st_size > 1000
    assert (tmp_path / "b.html").stat().st_size > 1000


def test_labels_of_text_stay_text():
    names = np.array(["low", "middle", "high"])[labels]
    found = lw.Logistic(l2=0.1).fit(tensor(X), names).predict(tensor(X))
    assert isinstance(found, np.ndarray)
    assert set(found) <= set(names)


@pytest.mark.parametrize("intercept", [True, False])
def test_to_torch_predicts_the_same(intercept):
    rows = tensor(X)
    for model, target in ESTIMATORS:
        model.set_params(intercept=intercept).fit(X, target)
        module = model.to_torch()
        assert isinstance(module, torch.nn.Module)
        assert (module[0].bias is None) is not intercept
        name = "predict_proba" if hasattr(model, "predict_proba") else "predict"
        expected = getattr(model, name)(rows)
        torch.testing.assert_close(module(rows), expected, rtol=1e-12, atol=1e-12)
        model.set_params(intercept=True)
    single = lw.LeastSquares().fit(X, y).to_torch(dtype=torch.float32)
    assert single(rows.float()).shape == (N,)
    assert single(rows.float()).dtype == torch.float32


def test_autograd_of_the_module_is_the_loss_at_the_optimum():
    """Where least squares has its optimum, the gradient of the mean square is zero."""
    module = lw.LeastSquares().fit(X, y).to_torch()
    torch.nn.functional.mse_loss(module(tensor(X)), tensor(y)).backward()
    assert module[0].weight.grad.abs().max() < 1e-12
    assert module[0].bias.grad.abs().max() < 1e-12


def test_check_gradient_takes_functions_of_tensors():
    def loss(w, b, X, y):
        return torch.nn.functional.mse_loss(X @ w + b, y)

    w_kept = torch.zeros(P, dtype=torch.float64, requires_grad=True)
    b_kept = torch.zeros((), dtype=torch.float64, requires_grad=True)

    def gradient(w, b, X, y, zero=True):
        with torch.no_grad():
            w_kept.copy_(w)
            b_kept.copy_(b)
        if zero:
            w_kept.grad = b_kept.grad = None
        loss(w_kept, b_kept, X, y).backward()
        return w_kept.grad, b_kept.grad

    given = tensor(X), tensor(y)
    check = lw.check_gradient(loss, gradient, X=given[0], y=given[1])
    assert check.ok
    assert check.autograd_error == pytest.approx(0.0, abs=1e-14)

    def forgotten(w, b, X, y):
        return gradient(w, b, X, y, zero=False)

    check = lw.check_gradient(loss, forgotten, X=given[0], y=given[1])
    assert check.mistake == "accumulation"
    assert lw.check_gradient(loss, X=given[0], y=given[1]).ok  # autograd's own


def test_tensors_that_no_array_can_be_made_of_are_refused():
    model = lw.LeastSquares()
    with pytest.raises(lw.DataError, match="dense one is needed"):
        model.fit(tensor(X), tensor(y).to_sparse())
    with pytest.raises(lw.DataError, match="holds no numbers"):
        model.fit(tensor(X).to("meta"), tensor(y))


@pytest.mark.parametrize("dtype", [torch.int32, "float32"])
def test_a_module_of_no_float_type_is_refused(dtype):
    with pytest.raises(lw.UsageError, match="dtype must be a float type"):
        lw.LeastSquares().fit(X, y).to_torch(dtype=dtype)
