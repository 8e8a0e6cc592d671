"""What the page says of classes, against scikit-learn; and of losses with other residuals.

Sums over the rows run in another order than scikit-learn's: hence the tolerance.
"""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn import metrics
from sklearn.calibration import calibration_curve

from leastwise import LeastSquares, LogisticCV
from leastwise.losses import Logistic, Multinomial, Quantile
from leastwise.model.model import Holdout
from leastwise.report import diagnostics, render
from leastwise.report.class_plots import part
from leastwise.report.classes import MOST_POINTS, judged, rank
from report_cases import CASES, HOSTILE, labelled, of_loss, page_of, sample
from report_reader import Reader

TOLERANCE = 1e-12
WEIGHTS = {"even": None, "weighted": np.arange(400.0) % 4}
LABELS = {"two": ("no", "yes"), "three": ("a", "b", "c")}


def case(labels: str, weights: str) -> tuple[Any, Any, Any, Any, Any]:
    """What was found, and of the rows with weight: the class, the probabilities, the weights."""
    model, source = labelled(LABELS[labels], weight=WEIGHTS[weights])
    (found,) = diagnostics(source, model).classes
    weight = np.ones(400) if source.weight is None else np.asarray(source.weight)
    used = weight > 0
    return (
        found,
        model,
        model.classes.codes(source.y)[used],
        model.probabilities(source.X)[used],
        weight[used],
    )


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("labels", LABELS)
def test_areas_are_scikit_learns(labels: str, weights: str) -> None:
    found, model, codes, p, weight = case(labels, weights)
    shown = range(3) if labels == "three" else (1,)
    assert [one.label for one in found.ranked] == [model.classes.labels[k] for k in shown]
    for one, k in zip(found.ranked, shown, strict=True):
        own = codes == k
        auc = metrics.roc_auc_score(own, p[:, k], sample_weight=weight)
        average = metrics.average_precision_score(own, p[:, k], sample_weight=weight)
        assert one.auc == pytest.approx(auc, abs=TOLERANCE)
        assert one.average_precision == pytest.approx(average, abs=TOLERANCE)
        assert one.share == pytest.approx(np.average(own, weights=weight), abs=TOLERANCE)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_curves_are_scikit_learns(weights: str) -> None:
    found, _, codes, p, weight = case("two", weights)
    (one,) = found.ranked
    false, true, _ = metrics.roc_curve(
        codes, p[:, 1], sample_weight=weight, drop_intermediate=False
    )
    kept = np.unique(np.linspace(0, false.size - 1, MOST_POINTS).astype(int))
    np.testing.assert_allclose(one.false, false[kept], atol=TOLERANCE)
    np.testing.assert_allclose(one.recall, true[kept], atol=TOLERANCE)
    precision, recall, _ = metrics.precision_recall_curve(codes, p[:, 1], sample_weight=weight)
    np.testing.assert_allclose(one.recall[1:], recall[::-1][kept][1:], atol=TOLERANCE)
    np.testing.assert_allclose(one.precision[1:], precision[::-1][kept][1:], atol=TOLERANCE)


@pytest.mark.parametrize("labels", LABELS)
def test_calibration_is_scikit_learns(labels: str) -> None:
    found, _, codes, p, _ = case(labels, "even")
    for one, k in zip(found.ranked, range(3) if labels == "three" else (1,), strict=True):
        observed, predicted = calibration_curve(codes == k, p[:, k], n_bins=10, strategy="quantile")
        np.testing.assert_allclose(one.observed, observed, atol=TOLERANCE)
        np.testing.assert_allclose(one.predicted, predicted, atol=TOLERANCE)
        assert one.counts.tolist() == [40] * 10


def test_calibration_is_weighted_in_bins_of_equal_count() -> None:
    found, _, codes, p, weight = case("two", "weighted")
    (one,) = found.ranked
    assert one.counts.tolist() == [30] * 10
    order = np.argsort(p[:, 1]).reshape(10, 30)
    for j, rows in enumerate(order):
        observed = np.average(codes[rows], weights=weight[rows])
        predicted = np.average(p[rows, 1], weights=weight[rows])
        assert one.observed[j] == pytest.approx(observed, abs=TOLERANCE)
        assert one.predicted[j] == pytest.approx(predicted, abs=TOLERANCE)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("labels", LABELS)
def test_confusion_is_scikit_learns(labels: str, weights: str) -> None:
    found, model, codes, p, weight = case(labels, weights)
    guess = p.argmax(axis=1)
    expected = metrics.confusion_matrix(codes, guess, sample_weight=weight)
    np.testing.assert_allclose(found.confusion, expected, atol=TOLERANCE)
    assert found.labels == model.classes.labels
    right = np.trace(found.confusion) / found.confusion.sum()
    assert right == pytest.approx(model.accuracy, abs=TOLERANCE)
    table = part("classes-0", found).confusion
    shares = metrics.confusion_matrix(codes, guess, sample_weight=weight, normalize="true")
    for (_, cells), own, of_row in zip(table.rows, expected, shares, strict=True):
        assert [float(cell.exact) for cell, _ in cells[:-1]] == own.tolist()
        assert [text for _, text in cells[:-1]] == [f"{100 * v:.1f}%" for v in of_row]
        assert float(cells[-1][0].exact) == own.sum()


def test_equal_probabilities_are_one_threshold() -> None:
    y, p = np.array([0.0, 1.0, 1.0, 0.0, 1.0]), np.array([0.2, 0.5, 0.5, 0.5, 0.9])
    found = rank("yes", y, p, np.ones(5))
    assert found.thresholds == 3
    assert found.auc == pytest.approx(metrics.roc_auc_score(y, p), abs=TOLERANCE)
    assert found.average_precision == pytest.approx(
        metrics.average_precision_score(y, p), abs=TOLERANCE
    )


def test_shares_of_classes_are_rows_split_by_weight() -> None:
    """A row of share y is one of the class of weight y and another of weight 1 - y."""
    rng = np.random.default_rng(3)
    y, eta = rng.uniform(size=(50, 1)), rng.normal(size=(50, 1))
    model: Any = SimpleNamespace(loss=Logistic(), targets=("sold",), classes=None)
    (found,) = judged(model, y, eta, None)
    both, twice = np.repeat([1.0, 0.0], 50), np.tile(eta[:, 0], 2)
    weight = np.concatenate([y[:, 0], 1 - y[:, 0]])
    auc = metrics.roc_auc_score(both, twice, sample_weight=weight)
    assert found.ranked[0].auc == pytest.approx(auc, abs=TOLERANCE)
    expected = metrics.confusion_matrix(both, twice > 0, sample_weight=weight)
    np.testing.assert_allclose(found.confusion, expected, atol=TOLERANCE)


def test_a_long_curve_is_thinned_and_its_area_is_not() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(size=5000)
    y = (rng.uniform(size=5000) < p).astype(float)
    found = rank("yes", y, p, np.ones(5000))
    assert (found.thresholds, found.recall.size) == (5000, MOST_POINTS)
    assert found.auc == pytest.approx(metrics.roc_auc_score(y, p), abs=TOLERANCE)
    model: Any = SimpleNamespace(loss=Logistic(), targets=("sold",), classes=None)
    (whole,) = judged(model, y[:, None], np.log(p / (1 - p))[:, None], None)
    said = part("c", whole).figures[1].summary
    assert "Drawn at 500 of 5,001 points; the number is of all." in said


def test_rows_of_one_class_have_no_curve() -> None:
    model, source = labelled(LABELS["two"])
    own = source.y[:, 0] == 1
    some = SimpleNamespace(X=source.X[own], y=source.y[own], weight=None)
    found: Any = diagnostics(some, model)  # pyright: ignore[reportArgumentType]
    assert np.isnan(found.classes[0].ranked[0].auc)
    page = render(model, found)
    assert page.count("The rows are all of one class, so that there is no curve.") == 2
    assert "Mean predicted probability and observed share" in page


def test_rows_without_finite_probabilities_are_left_out() -> None:
    y = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    eta = np.array([[1.0, 0.0], [np.nan, 1.0], [0.0, 2.0]])
    model: Any = SimpleNamespace(loss=Multinomial(), targets=("a", "b"), classes=None)
    (found,) = judged(model, y, eta, None)
    assert (found.rows, found.finite) == (3, 2)
    assert found.confusion.tolist() == [[1.0, 1.0], [0.0, 0.0]]
    assert "the 2 whose probabilities are finite" in part("c", found).words
    (none,) = judged(model, y, np.full((3, 2), np.nan), None)
    assert not any(figure.data for figure in part("c", none).figures)


def test_the_page_says_what_was_found() -> None:
    model, source = labelled(LABELS["two"])
    found = diagnostics(source, model)
    page = render(model, found)
    (one,) = found.classes[0].ranked
    assert f"The area under the curve (AUC) is {one.auc:.3f}" in page
    assert f"The average precision is {one.average_precision:.3f}" in page
    assert "in 10 bins of 40 rows" in page
    assert "Of the 400 rows given. The probabilities are those of kind=yes" in page
    assert "Fitted values and residuals" not in page
    assert "change in the log odds of kind=yes" in page


def test_odds_ratios_with_their_intervals() -> None:
    model, source = labelled(LABELS["two"])
    page = render(model, diagnostics(source, model))
    heads = page[page.index('<table class="coefficients') :]
    heads = re.findall(r'<th scope="col"[^>]*>([^<]*)<', heads[: heads.index("</thead>")])
    assert heads[-3:] == ["Odds ratio", "95% from", "to"]
    inference = model.inference[0]
    for values in (inference.coef, inference.low, inference.high):
        for value in np.asarray(values)[1:]:
            assert f'title="{np.exp(value):.12g}"' in page
        assert f'title="{np.exp(values[0]):.12g}"' not in page  # the intercept is no ratio
    assert "are multiplied by when its column rises by one unit" in page
    assert "The interval is of the ratio." in page


def test_accuracy_of_the_rows_held_out() -> None:
    model, source = labelled(LABELS["two"])
    assert "Accuracy holdout" not in render(model, diagnostics(source, model))
    held = dataclasses.replace(model, holdout=Holdout(40, (0.5,), 3, 0.1, accuracy=0.8125))
    page = render(held, diagnostics(source, held))
    assert "<dt>Accuracy holdout</dt><dd>0.812<small>40 rows held out, seed 3" in page


def test_odds_ratios_without_inference() -> None:
    page = page_of("weighted classes")
    assert ">Odds ratio<" in page
    assert ">95% from</th>" not in page
    assert "The interval is of" not in page


def test_many_classes_are_each_against_the_rest() -> None:
    page = page_of("three classes")
    figures = json.loads(next(t for t in Reader(page).text["script"] if t.startswith("[")))
    names = {figure["id"]: [t["name"] for t in figure["data"]] for figure in figures[:3]}
    own = ["kind=a", "kind=b", "kind=c"]
    assert names["classes-0-calibration"] == ["observed = predicted", *own]
    assert names["classes-0-roc"] == ["AUC 0.5", *own]
    assert names["classes-0-precision"] == own
    assert "Each class is set against all others taken together." in page
    assert "the one’s exp(coef)" in page or "the one&#39;s exp(coef)" in page
    assert "Odds ratio" not in page


def test_of_many_classes_twenty_are_drawn() -> None:
    model, source = CASES["many classes"]()
    (found,) = diagnostics(source, model).classes
    assert (len(found.ranked), len(found.labels), found.labels[-1]) == (20, 21, None)
    assert found.confusion.sum() == pytest.approx(800)
    page = render(model, diagnostics(source, model))
    assert "The 20 classes of most rows are drawn; 4 more are not." in page
    assert "all other classes" in page
    assert len(page) < 6_000_000


def test_hostile_labels_are_text() -> None:
    page = page_of("hostile classes")
    assert "alert(1)</script>" not in page
    assert "<img" not in page
    reader = Reader(page)
    assert HOSTILE[0] in reader.text["bdi"]
    figures = next(t for t in reader.text["script"] if t.startswith("["))
    assert "<" not in figures
    assert not any("<" in t["name"] for f in json.loads(figures)[:3] for t in f["data"])


@pytest.mark.parametrize("name", ["absolute", "quantile", "huber"])
def test_other_regressions_claim_nothing_of_normal_residuals(name: str) -> None:
    page = page_of(name)
    for title in ("Observed against fitted", "Residuals against fitted", "Distribution of resid"):
        assert title in page
    for claim in ("Normal quantile plot", "normal, same deviation", "scatters evenly", "a normal"):
        assert claim not in page.replace("normaliz", "")
    assert "Predicted classes" not in page
    assert "have a residual below 0" in page


def test_a_quantile_fit_says_how_many_residuals_are_below_zero() -> None:
    model, source = of_loss(Quantile(0.9))
    found = diagnostics(source, model)
    (part,) = found.outputs
    residual = source.y[:, 0] - model.predict(source.X)
    assert part.negative == pytest.approx((residual < -1e-6).mean(), abs=TOLERANCE)
    assert part.negative <= 0.9 + TOLERANCE
    assert part.negative + part.zero >= 0.9 - TOLERANCE
    words = f"Of all rows, {100 * part.negative:.1f}% have a residual below 0"
    page = render(model, found)
    assert words in page
    assert "the fit is of the quantile q = 0.9, 90.0%" in page


def test_squared_loss_keeps_its_page() -> None:
    X, y = sample()
    model = LeastSquares().fit(X, y[:, 0])
    page = page_of("plain")
    assert model.model_.loss.quadratic
    assert "Normal quantile plot" in page
    assert "Odds ratio" not in page


def test_a_rare_class_is_drawn_where_its_rows_are() -> None:
    rng = np.random.default_rng(0)
    p = np.sort(rng.uniform(size=20_000))[::-1]
    y = np.zeros(p.size)
    y[rng.permutation(400)[:150]] = 1.0  # all among the first rows
    found = rank("yes", y, p, np.ones(p.size))
    assert np.unique(found.recall).size == 151


def test_the_page_of_chosen_classes_draws_the_path_of_each(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 4))
    y = np.array(list("abc"))[np.argmax(X[:, :3] + rng.gumbel(size=(120, 3)), axis=1)]
    written = tmp_path / "page.html"
    LogisticCV(1.0, strengths=5, cv=3).fit(X, y).report(written, X, y)
    text = written.read_text(encoding="utf-8")
    for label in "abc":
        assert f"The path of y={label}" in text
        assert f"Each is the change in the score of y={label} for one standard deviation" in text
    assert "y in 3 classes from 4 columns" in text
    assert "Targets" not in text
