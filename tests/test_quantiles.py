"""Several quantiles at once: as fits alone, in one file, and kept from crossing."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog
from sklearn.datasets import load_diabetes

import leastwise
from cli_cases import lw, rents  # noqa: F401 (fixtures)
from leastwise import Quantile, load
from leastwise.errors import ConvergenceWarning, DataError, LeastwiseWarning, UsageError

X, Y = load_diabetes(return_X_y=True)
Q = [0.9, 0.1, 0.5, 0.25]  # in no order
# Two exact vertices: the rounding of a product and a solve.
SAME = 1e-9
CROSSING = pytest.mark.filterwarnings("ignore:the quantiles cross")


@CROSSING
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("l1", [0.0, 0.5])
def test_several_are_the_fits_of_each_with_their_errors(l1, weighted):
    rng = np.random.default_rng(0)
    rows, y = rng.standard_normal((900, 5)) + 3.0, rng.standard_t(3, 900)
    y += rows @ [1.0, -2.0, 0.0, 0.5, 0.0]
    weight = rng.integers(0, 4, 900).astype(float) if weighted else None
    several = Quantile(Q, 0.02 * l1).fit(rows, y, weight)
    for q, one in zip(Q, several.models_, strict=True):
        alone = Quantile(q, 0.02 * l1).fit(rows, y, weight).model_
        np.testing.assert_allclose(one.coef, alone.coef, rtol=SAME, atol=SAME)
        np.testing.assert_allclose(one.intercept, alone.intercept, rtol=SAME, atol=SAME)
        assert one.fit.certificate.converged
        assert one.fit.certificate.primal == pytest.approx(alone.fit.certificate.primal, rel=SAME)
        assert one.explained == pytest.approx(alone.explained, rel=SAME)
        assert one.fit.value == pytest.approx(alone.fit.value, rel=SAME)
        mine, theirs = one.inference[0], alone.inference[0]
        assert (mine.why is None) == (theirs.why is None) == (l1 == 0.0)
        if mine.error is not None:
            np.testing.assert_allclose(mine.error, theirs.error, rtol=1e-8)


@CROSSING
@pytest.mark.parametrize("shift", [1e5, 1e6])
def test_errors_do_not_depend_on_where_columns_lie(shift):
    rng = np.random.default_rng(2)
    X = rng.standard_normal((3000, 4))
    y = X @ np.array([1.0, 2.0, 0.0, -1.0]) + rng.standard_normal(3000) * (1.0 + np.abs(X[:, 0]))
    several = [0.01, 0.15, 0.57, 0.99]
    moved = Quantile(q=several).fit(X + shift, y).inference_
    unmoved = Quantile(q=several).fit(X, y).inference_
    for q, table, known in zip(several, moved, unmoved, strict=True):
        alone = Quantile(q=q).fit(X + shift, y).inference_[0]
        np.testing.assert_allclose(table.error[1:], known.error[1:], rtol=1e-8)
        np.testing.assert_allclose(alone.error, table.error, rtol=1e-8)


@CROSSING
def test_excluded_columns_stay_out_of_all():
    factors = np.ones(10)
    factors[[2, 3]] = np.inf
    model = Quantile(Q, factors=factors).fit(X, Y)
    assert (model.coef_[:, [2, 3]] == 0.0).all()
    assert (model.coef_[:, [0, 1]] != 0.0).all()


def test_a_ridge_and_a_constant_target_are_fitted_one_by_one():
    ridge = Quantile([0.4, 0.6], l2=0.01).fit(X, Y)
    np.testing.assert_allclose(ridge.coef_[0], Quantile(0.4, l2=0.01).fit(X, Y).coef_, rtol=1e-6)
    with pytest.warns(LeastwiseWarning, match="the target y is constant"):
        flat = Quantile([0.4, 0.6]).fit(X, np.full(442, 3.0))
    assert (flat.predict(X) == 3.0).all()


@CROSSING
def test_all_are_saved_in_one_file(tmp_path):
    model = Quantile(Q, l1=0.1).fit(X, Y)
    model.save(tmp_path / "all.json")
    back = load(tmp_path / "all.json")
    np.testing.assert_array_equal(back.predict(X), model.predict(X))
    assert back.q == Q
    assert back.l1 == 0.1
    assert back.crossings_ == model.crossings_
    assert [one.fit.certificate for one in back.models_] == [
        one.fit.certificate for one in model.models_
    ]


@CROSSING
def test_predict_gives_a_column_a_quantile(tmp_path, lw):  # noqa: F811
    table = {"a": X[:, 2], "b": X[:, 8], "y": Y}
    path = tmp_path / "rows.csv"
    with path.open("w", newline="") as held:
        writer = csv.writer(held)
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
    model = Quantile(Q).fit(leastwise.table(path, target="y"))
    model.save(tmp_path / "all.json")
    code, out, err = lw("predict", str(tmp_path / "all.json"), str(path))
    assert code == 0
    head, *rows = csv.reader(out.splitlines())
    assert head == ["y_q0.9", "y_q0.1", "y_q0.5", "y_q0.25"]
    np.testing.assert_allclose(np.array(rows, float), model.predict(path), rtol=1e-15)
    assert "442 rows predicted (y, 4 quantiles)" in err
    assert "quantile(0.1): D2 of y" in err


@CROSSING
def test_files_of_quantiles_are_not_believed(tmp_path):
    model = Quantile(Q).fit(X, Y)
    path = tmp_path / "all.json"
    model.save(path)
    content = json.loads(path.read_text())
    for change, words in (
        ({"format": "other"}, 'there is no "format"'),
        ({"version": 2}, "a later version"),
        ({"models": content["models"][:1]}, "not a list of two or more"),
        ({"models": content["models"][:1] * 2}, "not different quantiles"),
        ({"crossings": -1}, "a whole number"),
    ):
        path.write_text(json.dumps(content | change))
        with pytest.raises(DataError, match=words):
            load(path)


def crossing(seed=1, n=400, weighted=False):
    """Rows whose low quantiles cross, and weights, a third of them zero."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, 5))
    y = rows @ rng.standard_normal(5) + rng.standard_normal(n) * (1.0 + 0.5 * np.abs(rows[:, 0]))
    weight = rng.integers(0, 3, n).astype(float) if weighted else np.ones(n)
    return rows, y, weight


LOW = [0.5, 0.01, 0.03, 0.02, 0.9]


def whole_program(X, y, weight, quantiles, l1, slope=None):
    """The sum of all objectives by HiGHS, with the constraints of all rows.

    slope : (K, p) a linear term of the coefficients
    """
    (n, p), K, share = X.shape, len(quantiles), weight / weight.sum()
    A = np.column_stack([np.ones(n), X])
    many = sparse.block_diag([A] * K)
    same = sparse.eye(K * n)
    paid = np.tile(np.append(0.0, np.full(p, l1)), K)
    more = 0.0 * paid if slope is None else np.insert(slope, 0, 0.0, axis=1).ravel()
    loss = [share * q for q in quantiles] + [share * (1.0 - q) for q in quantiles]
    before, after = (sparse.block_diag([A] * (K - 1)) for _ in range(2))
    empty = sparse.csr_matrix(((K - 1) * n, p + 1))
    apart = sparse.hstack([before, empty]) - sparse.hstack([empty, after])
    found = linprog(
        np.concatenate([paid + more, paid - more, *loss]),
        sparse.hstack([apart, -apart, sparse.csr_matrix(((K - 1) * n, 2 * K * n))]),
        np.zeros((K - 1) * n),
        sparse.hstack([many, -many, same, -same]),
        np.tile(y, K),
    )
    return found.fun


@pytest.mark.parametrize(("l1", "weighted"), [(0.0, False), (0.01, True)])
def test_noncrossing_is_the_whole_linear_program(l1, weighted):
    rows, y, weight = crossing(weighted=weighted)
    with pytest.warns(LeastwiseWarning, match="the quantiles cross in"):
        free = Quantile(LOW, l1).fit(rows, y, weight)
    model = Quantile(LOW, l1, noncrossing=True).fit(rows, y, weight)
    kept = weight > 0.0
    expected = whole_program(rows[kept], y[kept], weight[kept], sorted(LOW), l1)
    found = model.certificate_
    assert found.primal == pytest.approx(expected, rel=1e-9)
    assert found.relative_gap < 1e-12
    assert free.crossings_ > 0
    assert found.primal > sum(one.fit.certificate.primal for one in free.models_) + 1e-6
    own = [one.fit.value[0] + l1 * np.abs(one.coef).sum() for one in model.models_]
    assert sum(own) == pytest.approx(found.primal, rel=1e-12)
    ordered = model.predict(rows)[:, np.argsort(LOW)]
    # The hull of the rows: any mixture of them; the scale of y is 1.
    mixed = np.random.default_rng(0).dirichlet(np.ones(kept.sum()), 50) @ ordered[kept]
    assert np.diff(np.vstack([ordered[kept], mixed]), axis=1).min() > -1e-12
    assert model.crossings_ == 0
    assert model.inference_[0].why is not None
    assert "kept from crossing" in model.models_[0].notes[-1]


def test_what_does_not_cross_is_left_as_it_is():
    rows, y, _ = crossing()
    q = [0.2, 0.5, 0.8]
    model, free = Quantile(q, noncrossing=True).fit(rows, y), Quantile(q).fit(rows, y)
    np.testing.assert_array_equal(model.coef_, free.coef_)
    assert "each at its own optimum" in model.models_[0].notes[-1]
    assert model.inference_[0].error is not None


def test_noncrossing_with_tied_and_few_rows_bounds_and_no_intercept():
    rng = np.random.default_rng(5)
    rows = rng.integers(0, 3, (60, 3)).astype(float)
    y = rng.integers(0, 4, 60).astype(float) + rows[:, 0]
    q = [0.1, 0.15, 0.2, 0.3, 0.5, 0.6, 0.7, 0.9]
    for options in ({}, {"intercept": False}, {"bounds": (0.0, 0.4)}):
        model = Quantile(q, noncrossing=True, **options).fit(rows, y)
        assert model.certificate_.converged
        assert np.diff(model.predict(rows), axis=1).min() > -1e-9
        assert model.crossings_ == 0


@pytest.mark.parametrize(("l1", "weighted"), [(0.0, False), (0.005, True)])
def test_noncrossing_with_l2_is_the_optimum_of_its_own_tangent(l1, weighted):
    # w is optimal if and only if it is for the objective whose l2/2 |w|^2 is l2 w*.w, w* = w.
    rows, y, weight = crossing(weighted=weighted)
    l2 = 0.01
    model = Quantile(LOW, l1, l2, noncrossing=True).fit(rows, y, weight)
    assert "held apart by a quadratic program" in model.model_.fit.solver
    found = model.certificate_
    assert found.relative_gap < 1e-12
    order, kept = np.argsort(LOW), weight > 0.0
    coef = model.coef_[order]
    slope = l2 * coef
    expected = whole_program(rows[kept], y[kept], weight[kept], sorted(LOW), l1, slope)
    assert found.primal + 0.5 * l2 * (coef**2).sum() == pytest.approx(expected, rel=1e-9)
    assert np.diff(model.predict(rows)[kept][:, order], axis=1).min() > -1e-12
    with pytest.warns(LeastwiseWarning, match="the quantiles cross in"):
        free = Quantile(LOW, l1, l2).fit(rows, y, weight)
    assert found.primal > sum(one.fit.certificate.primal for one in free.models_) + 1e-6


def test_noncrossing_with_l2_in_units_of_the_columns():
    rows, y, _ = crossing()
    unit = rows.std(axis=0)
    wide = Quantile(LOW, l2=0.01, noncrossing=True, standardize=True).fit(rows * 7.0, y)
    same = Quantile(LOW, l2=0.01, noncrossing=True).fit(rows / unit, y)
    np.testing.assert_allclose(wide.coef_ * 7.0 * unit, same.coef_, rtol=1e-7, atol=1e-9)
    apart = [0.2, 0.5, 0.8]
    model = Quantile(apart, l2=0.01, noncrossing=True).fit(rows, y)
    np.testing.assert_allclose(model.coef_, Quantile(apart, l2=0.01).fit(rows, y).coef_, rtol=1e-9)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("limit", [1, 3, 6])
def test_noncrossing_obeys_the_limit_and_still_does_not_cross(intercept, limit):
    rows, y, _ = crossing()
    q = [0.05, 0.04, 0.5, 0.06]
    best = Quantile(q, l2=0.01, noncrossing=True, intercept=intercept).fit(rows, y)
    how = {"noncrossing": True, "intercept": intercept, "max_iter": limit}
    with pytest.warns(ConvergenceWarning, match="max_iter: allow more iterations"):
        model = Quantile(q, l2=0.01, **how).fit(rows, y)
    assert model.n_iter_ == limit
    assert not model.certificate_.converged
    assert model.crossings_ == 0
    assert model.certificate_.primal > best.certificate_.primal
    assert model.certificate_.dual <= best.certificate_.primal


def test_several_targets_are_refused():
    for q in (0.3, Q):
        with pytest.raises(DataError, match="y has 2 columns, and Quantile takes one target"):
            Quantile(q).fit(X, np.column_stack([Y, Y]))


def test_noncrossing_refuses_other_solvers():
    rows, y, _ = crossing()
    with pytest.raises(UsageError, match="which only interior-point takes"):
        Quantile(LOW, solver="subgradient", noncrossing=True).fit(rows, y)


def test_noncrossing_is_remembered_in_the_file(tmp_path):
    rows, y, _ = crossing()
    model = Quantile(LOW, noncrossing=True).fit(rows, y)
    model.save(tmp_path / "all.json")
    back = load(tmp_path / "all.json")
    assert back.noncrossing
    np.testing.assert_array_equal(back.predict(rows), model.predict(rows))


def test_the_command_takes_several_quantiles(rents, lw):  # noqa: F811
    fit = ("fit", "rents.csv", "--target", "rent", "--exclude", "town,weight")
    # Without --noncrossing as with it, where none would cross.
    for more in ((), ("--noncrossing",)):
        code, out, _ = lw(*fit, "--loss", "quantile(0.9, 0.1)", "--save", "m.json", *more)
        assert code == 0
        assert out.startswith("Quantile regression (0.1 and 0.9): rent from")
        assert ("do not cross in any row" in out) == bool(more)
        back = load("m.json")
        assert back.q == [0.9, 0.1]
        assert back.noncrossing == bool(more)
        assert "quantile(0.9, 0.1)" in back.models_[0].command
    code, out, _ = lw(*fit, "--loss", "quantile(0.9,0.1)", "--json")
    assert json.loads(out)["format"] == "leastwise-quantiles"
    for arguments, words in (
        (("--loss", "quantile(0.1,0.1)"), "must be different"),
        (("--loss", "quantile(0.1,2)"), "q must be a number between 0 and 1"),
        (("--loss", "quantile(0.1,0.5)", "--cv"), "--cv takes one quantile"),
        (("--loss", "quantile(0.1,0.5)", "--report", "rents.csv"), "rents.csv"),
        (("--loss", "absolute", "--noncrossing"), "--noncrossing is of several quantiles"),
    ):
        code, _, err = lw(*fit, *arguments)
        assert code == 2
        assert words in err


def test_the_command_says_that_quantiles_held_apart_are_unfinished(tmp_path, lw):  # noqa: F811
    rows, y, _ = crossing()
    np.savetxt(
        tmp_path / "rows.csv",
        np.column_stack([rows, y]),
        "%.17g",
        ",",
        header="a,b,c,d,e,y",
        comments="",
    )
    fit = ("fit", str(tmp_path / "rows.csv"), "--target", "y", "--loss", "quantile(0.01,0.02,0.03)")
    code, _, err = lw(*fit, "--noncrossing", "--max-iter", "1")
    assert code == 3
    assert "not converged: quantile(0.01): max_iter" in err
    code, out, _ = lw(*fit, "--noncrossing", "--l2", "0.01")
    assert code == 0
    assert "kept from crossing" in out


def test_the_printout_of_several_is_one_table(rents, lw):  # noqa: F811
    fit = ("fit", "rents.csv", "--target", "rent", "--features", "area,rooms")
    code, out, _ = lw(*fit, "--loss", "quantile(0.9,0.1,0.5)", "--save", "m.json")
    assert code == 0
    lines = out.splitlines()
    assert len(lines) == len(set(lines) - {""}) + lines.count("")
    for once in ("rows", "objective", "certificate", "solver", "time", "standard errors"):
        assert sum(line.startswith(once) for line in lines) == 1, once
    head = lines.index(next(line for line in lines if "q = 0.1" in line))
    assert lines[head].split() == ["q", "=", "0.1", "q", "=", "0.5", "q", "=", "0.9"]
    body = {line.split()[0]: line.split()[1:] for line in lines[head + 1 :] if line.strip()}
    models = sorted(load("m.json").models_, key=lambda model: model.loss.q)
    for name in ("intercept", "area", "rooms"):
        at = models[0].inference[0].names.index(name)
        for k, model in enumerate(models):
            table = model.inference[0]
            coef, error = (text.strip("()").replace(",", "") for text in body[name][2 * k :][:2])
            assert float(coef) == pytest.approx(table.coef[at], rel=1e-4)
            assert float(error) == pytest.approx(table.error[at], rel=1e-2)
    assert [float(d2) for d2 in body["D2"]] == pytest.approx(
        [model.explained[0] for model in models], abs=1e-4
    )
    assert "all 3 quantiles certified: worst relative gap" in out
    assert body["crossings"] == ["none"]


def test_more_quantiles_than_there_is_room_for_are_shown_on_demand(rents, lw):  # noqa: F811
    many = ",".join(f"{q:.3f}" for q in np.linspace(0.02, 0.98, 25))
    fit = (
        "fit",
        "rents.csv",
        "--target",
        "rent",
        "--features",
        "area",
        "--loss",
        f"quantile({many})",
    )
    code, out, _ = lw(*fit)
    assert code == 0
    assert "(25 from 0.02 to 0.98)" in out
    assert "of 25 quantiles; --all shows all" in out
    shown = out.count("q = ") - out.count("at q = ")
    assert 4 < shown < 25
    assert "q = 0.02 " in out
    assert "q = 0.98" in out
    assert max(map(len, out[out.index("q = ") : out.index("D2")].splitlines())) <= 120
    _, out, _ = lw(*fit, "--all")
    assert out.count("q = ") - out.count("at q = ") == 25
