"""The formula at the head of each page says what was minimised, whatever the loss."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from leastwise.losses import Absolute, Huber, Logistic, Multinomial, Quantile, Squared
from leastwise.model import fit_source
from leastwise.model.along import path_source
from leastwise.report import diagnostics, render, render_paths
from leastwise.sources import MemorySource
from report_cases import page_of, quantiles


def source(loss: Any, weight: Any = None) -> MemorySource:
    rng = np.random.default_rng(3)
    X, noise = rng.standard_normal((60, 3)), rng.standard_normal(60)
    rows = MemorySource(X, X[:, 0] + noise, weight)
    if not loss.of_classes:
        return rows
    return rows.classified(np.digitize(X[:, 0] + noise, (0.0, 0.7) if loss.coupled else (0.0,)))


def formulas(page: str) -> list[str]:
    """The text of each formula, a fraction as (a)/(b), without blanks."""
    found = re.findall(r"<math.*?</math>", page, re.DOTALL)
    return [re.sub(r"<[^>]*>|\s", "", one) for one in found]


RESIDUAL, SCORE = "yi−b−xi·w", "ηi=b+xi·w"
WRITTEN = {
    Squared(): ["minimiseb,w12n∑i(" + RESIDUAL + ")2"],
    Absolute(): [f"minimiseb,w1n∑i|{RESIDUAL}|"],
    Quantile(0.9): [f"minimiseb,w1n∑iρ0.9({RESIDUAL})", "withρ0.9(r)=max(0.9r,(0.9−1)r)"],
    Huber(2.5): [
        f"minimiseb,w1n∑ih({RESIDUAL})",
        "withh(r)={12r2where|r|≤2.52.5|r|−122.52elsewhere",
    ],
    Logistic(): ["minimiseb,w1n∑i[log(1+eηi)−yiηi]", f"with{SCORE}"],
    Multinomial(): ["minimiseb,w1n∑i[log∑keηik−ηiyi]", "withηik=bk+xi·wk"],
}


@pytest.mark.parametrize("loss", WRITTEN, ids=lambda loss: loss.name)
def test_the_page_of_a_fit_sets_its_loss_and_penalty(loss: Any) -> None:
    rows = source(loss)
    model = fit_source(rows, loss=loss, l1=0.01, l2=0.02)
    first, *meaning = formulas(render(model, diagnostics(rows, model)))
    over = "j,k" if loss.coupled else "j"
    each = over.replace(",", "")
    assert first == f"{WRITTEN[loss][0]}+0.01∑{over}|w{each}|+0.022∑{over}w{each}2"
    assert meaning == WRITTEN[loss][1:]


@pytest.mark.parametrize("loss", WRITTEN, ids=lambda loss: loss.name)
def test_the_page_of_a_path_sets_its_loss_and_penalty(loss: Any) -> None:
    of = path_source(source(loss), loss=loss, strengths=2, l1_ratio=0.25)
    first, *meaning = formulas(render_paths(of))
    over = "j,k" if loss.coupled else "j"
    each = over.replace(",", "")
    assert first == f"{WRITTEN[loss][0]}+λ∑{over}(0.25|w{each}|+0.752w{each}2)"
    assert meaning == WRITTEN[loss][1:]


def test_weights_factors_units_and_a_missing_intercept_are_set() -> None:
    rows = source(Absolute(), np.arange(1.0, 61.0))
    factors = np.array([1.0, 2.0, 0.5])
    model = fit_source(
        rows, loss=Absolute(), l1=1e-7, factors=factors, standardize=True, intercept=False
    )
    assert formulas(render(model, diagnostics(rows, model))) == [
        "minimisew1∑isi∑isi|yi−xi·w|+1×10−7∑jfj|sdjwj|"
    ]


def test_several_quantiles_share_a_formula() -> None:
    assert formulas(quantiles(source(Squared()), (0.25, 0.75))) == [
        f"minimiseb,w1n∑iρq({RESIDUAL})",
        "withρq(r)=max(qr,(q−1)r)",
    ]
    assert "l1 = 0, l2 = 0.001" in page_of("quantiles apart with l2")
