"""Rows on a device: the same fits, and one transfer a pass.

Where there is a GPU the rows are there, and while a pass's transfers are not under way any other
wait for the device is an error. Without one the host's memory is taken as a device, on which all
is done as on a GPU, and transfers are counted.
"""

import numpy as np
import pytest

import leastwise as lw
from leastwise.fit import fit
from leastwise.losses import LOSSES, Squared
from leastwise.penalties import ElasticNet
from leastwise.problem import Problem
from leastwise.solvers import SOLVERS, CoordinateDescent
from leastwise.sources import DeviceSource, MemorySource

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore::leastwise.errors.LeastwiseWarning")

N, P = 120, 5
SAME = 1e-9  # relative: the same sums in another order

rng = np.random.default_rng(11)
X = np.round(rng.normal(size=(N, P)) * 64) / 64 + [0, 0, 3, 0, 0]
y = X @ [1.0, -2.0, 0.0, 0.5, 0.0] + 1.0 + 0.3 * rng.normal(size=N)
labels = np.digitize(y, [0.0, 2.0])
weight = rng.uniform(0.5, 2.0, N)
WHERE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture(autouse=True)
def device(monkeypatch):
    """The device: a GPU, or the host's memory taken as one."""
    from leastwise.blocks import tensors

    monkeypatch.setattr(tensors, "HOSTED", ())
    return WHERE


@pytest.fixture
def transfers(monkeypatch):
    """The shapes that were transferred; on a GPU any other wait for it is an error."""
    from leastwise.blocks import on_device
    from leastwise.blocks import torch as torch_blocks

    real, seen = on_device.land, []

    def land(tensor):
        if WHERE == "cuda":
            torch.cuda.set_sync_debug_mode("default")
        found = real(tensor)
        if WHERE == "cuda":
            torch.cuda.set_sync_debug_mode("error")
        seen.append(found.shape)
        return found

    for module in (on_device, torch_blocks):
        monkeypatch.setattr(module, "land", land)
    if WHERE == "cuda":
        torch.cuda.set_sync_debug_mode("error")
    yield seen
    if WHERE == "cuda":
        torch.cuda.set_sync_debug_mode("default")


def there(values, dtype=None):
    return torch.tensor(np.asarray(values), dtype=dtype, device=WHERE)


def source(X=X, y=y, weight=None, cuts=None):
    from leastwise.blocks.torch import Matrix

    return DeviceSource(Matrix(there(X)), y, weight, cuts=cuts)


def problem(rows, l1=0.0, l2=0.0, memory=1 << 30):
    return Problem.of(rows, Squared(), ElasticNet(l1, l2), memory=memory)


@pytest.mark.parametrize("name", SOLVERS)
def test_every_solver_agrees_with_arrays(name):
    fitted = 0
    for model, target in (
        (lw.LeastSquares(l2=0.1), y),
        (lw.LeastSquares(l1=0.05, l2=0.1), y),
        (lw.Huber(l1=0.02, l2=0.1), y),
        (lw.Logistic(l2=0.1), labels),
        (lw.Quantile(0.3, l2=0.01), y),
    ):
        model.set_params(solver=name, max_iter=5)
        try:
            coef = model.fit(X, target, weight).coef_
        except lw.UsageError:
            continue  # a solver that does not take this loss or this penalty
        found = model.fit(there(X), there(target), there(weight))
        np.testing.assert_allclose(found.coef_, coef, rtol=SAME, atol=SAME)
        assert type(found.coef_) is np.ndarray
        assert type(found.certificate_.relative_gap) is float
        fitted += 1
    assert fitted


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_float_types_are_summed_in_float64(dtype):
    rows = there(np.round(X * 8) / 8).to(getattr(torch, dtype))
    same = rows.double().cpu().numpy()
    model = lw.Huber(l2=0.05).fit(rows, there(y))
    np.testing.assert_allclose(model.coef_, lw.Huber(l2=0.05).fit(same, y).coef_, rtol=SAME)
    found = model.predict(rows)
    assert (found.dtype, found.device) == (rows.dtype, rows.device)
    expected = torch.tensor(model.predict(same)).to(rows.dtype)
    torch.testing.assert_close(found.cpu(), expected)


def test_classes_paths_choices_and_posteriors():
    model = lw.Logistic(l2=0.1).fit(there(X), there(labels))
    plain = lw.Logistic(l2=0.1).fit(X, labels)
    found = model.predict_proba(there(X))
    assert isinstance(found, torch.Tensor)
    np.testing.assert_allclose(found.cpu(), plain.predict_proba(X), atol=1e-9)
    assert model.predict(there(X)).tolist() == plain.predict(X).tolist()
    assert model.score(there(X), there(labels)) == plain.score(X, labels)
    for loss, target in (("squared", y), ("huber(1)", y), ("logistic", labels > 0)):
        path = lw.path(there(X), there(target), loss=loss, strengths=4)
        expected = lw.path(X, target, loss=loss, strengths=4)
        np.testing.assert_allclose(path.coef, expected.coef, atol=1e-8)
    chosen = lw.LeastSquaresCV(1.0, strengths=5, cv=3).fit(there(X), there(y))
    assert chosen.strength_ == pytest.approx(
        lw.LeastSquaresCV(1.0, strengths=5, cv=3).fit(X, y).strength_
    )
    assert lw.evidence(there(X), there(y)).sigma2 == pytest.approx(lw.evidence(X, y).sigma2)
    robust = lw.HuberCV(1.0, strengths=[0.1, 0.01], cv=2).fit(there(X), there(y))
    assert isinstance(robust.predict(there(X)), torch.Tensor)


def test_several_targets_and_more_columns_than_rows():
    wide, few = rng.normal(size=(20, 60)), rng.normal(size=(20, 2))
    for options in ({}, {"l2": 0.1}, {"l1": 0.1}):
        found = lw.LeastSquares(**options).fit(there(wide), there(few))
        np.testing.assert_allclose(
            found.coef_, lw.LeastSquares(**options).fit(wide, few).coef_, atol=1e-7
        )


def test_what_cannot_be_fitted():
    broken = X.copy()
    broken[7, 2] = np.inf
    with pytest.raises(lw.DataError, match=r"infinity \(column 'x2', row 7\)"):
        lw.LeastSquares().fit(there(broken), there(y))
    with pytest.raises(lw.DataError, match="120 rows and y has 3"):
        lw.LeastSquares().fit(there(X), there(y[:3]))
    with pytest.raises(ValueError, match="features"):
        lw.LeastSquares().fit(there(X), there(y)).predict(there(X[:, :2]))
    with pytest.raises(lw.DataError, match="needs two rows"):
        lw.LeastSquares().fit(there(X[:1]), there(y[:1]))


@pytest.mark.parametrize("cuts", [None, [1, 50]])
@pytest.mark.parametrize("weight", [None, weight])
def test_passes_find_what_those_of_arrays_do(weight, cuts):
    here, away = MemorySource(X, y, weight, cuts=cuts), source(weight=weight, cuts=cuts)
    for one, other in zip(here.blocks(), away.blocks(), strict=True):
        mean, w, r = X.mean(axis=0), rng.normal(size=(P, 2)), rng.normal(size=(one.rows, 2))
        some = np.array([3, 0])
        for about, columns, copy in (
            (None, None, True),
            (mean, None, True),
            (mean, None, False),
            (mean, some, True),
            (mean, slice(1, 4), True),
        ):
            a, b = (block.centred(about, columns, copy=copy) for block in (one, other))
            p = a.dense().shape[1]
            s, d = rng.uniform(size=one.rows), rng.uniform(size=p)
            for question in (
                lambda view, w=w[:p]: view.times(w),
                lambda view, r=r: view.back(r),
                lambda view, s=s: view.cross(s),
                lambda view: view.squares(None),
                lambda view, d=d: view.outer(d),
                lambda view, d=d: view.lengths(d),
                lambda view: view.dense(),
            ):
                np.testing.assert_allclose(
                    np.asarray(question(b)), question(a), rtol=1e-11, atol=1e-11
                )


def test_losses_run_on_the_device_as_they_are_written(transfers):
    """Value and slope of every loss, with no transfer but of the result."""
    from leastwise.blocks.on_device import OnDevice

    eta = rng.normal(size=(N, 3))
    for kind in LOSSES.values():
        loss = kind()
        targets = np.eye(3)[labels] if loss.of_classes else rng.normal(size=(N, 3))
        targets[0], eta[1] = (targets[0], eta[1]) if loss.of_classes else (eta[0], targets[1])
        before = len(transfers)
        found = loss.value_and_slope(OnDevice(there(targets)), OnDevice(there(eta)))
        assert len(transfers) == before, loss
        for part, expected in zip(found, loss.value_and_slope(targets, eta), strict=True):
            np.testing.assert_allclose(np.asarray(part), expected, rtol=1e-12, atol=1e-14)


def test_coordinate_descent_over_the_gram_matrix_transfers_once_a_pass(transfers):
    """However many sweeps and coordinates: passes, and one look at a sample of the rows."""
    rows = source()
    found = fit(problem(rows, l1=0.05), CoordinateDescent(), max_iter=50)
    assert found.solver.startswith("coordinate-descent (over moments")
    assert found.certificate.converged
    assert rows.passes == int(rows.passes)
    assert len(transfers) == rows.passes + 1
    assert max(np.prod(shape) for shape in transfers[1:]) < N * P


def test_coordinate_descent_over_the_rows_transfers_once_a_chunk(transfers):
    wide = rng.normal(size=(40, 150))
    rows = source(wide, wide[:, 0] + rng.normal(size=40))
    task = problem(rows, l1=0.3, memory=1)
    from leastwise.quadratic import CHUNK, OverRows

    form = OverRows(task.design)
    descent = form.descent(np.zeros((150, 1)))
    chunks = len(form.chunks)
    l1, l2 = task.strengths
    before = len(transfers)
    for sweeps in (1, 2, 3):
        descent.sweep(l1, l2, task.bounds, 1)
        assert len(transfers) - before == sweeps * chunks == sweeps * -(-150 // CHUNK)


def test_a_gradient_step_of_squared_loss_transfers_once(transfers):
    task = problem(source(weight=weight), l2=0.1)
    centre = task.design.centre
    assert centre.weight > 0
    before, passes = len(transfers), task.design.source.passes
    task.design.evaluate(np.ones((P, 1)))
    task.design.product(np.ones((P, 1)))
    assert len(transfers) - before == task.design.source.passes - passes == 2
