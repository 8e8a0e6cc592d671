"""What the page states about a fit, as short facts and honest sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from leastwise.losses import Quantile
from leastwise.report.paths import moved as moved_by
from leastwise.report.words import (
    SHARES,
    clean,
    count,
    listed,
    number,
    probability,
    r_squared,
    short,
    size,
)

if TYPE_CHECKING:
    from leastwise.model import Model
    from leastwise.model.along import Paths

ROUNDING = float(np.finfo(float).eps)  # a smaller gap is none that float64 can tell from zero


@dataclass(frozen=True)
class Fact:
    """A name, a value, and a few words on it."""

    name: str
    value: str
    note: str = ""


def headline(model: Model) -> str:
    """price from 86 columns of 21,613 rows: R² 0.81, certified to 3×10⁻¹⁵."""
    if model.loss.coupled:
        of = "" if model.classes is None else f"{short(model.classes.name, 60)} in "
        names = of + count(len(model.targets), "class", "classes")
    elif len(model.targets) <= 3:
        names = listed(short(name, 60) for name in model.targets)
    else:
        names = count(len(model.targets), "target")
    start = f"{names} from {count(len(model.columns), 'column')} of {count(model.rows_used, 'row')}"
    return f"{start}: {_range(SHARES[model.measure], model.explained)}, {certified(model)}"


def certified(model: Model) -> str:
    """How small the gap is, for a headline."""
    certificate = model.fit.certificate
    gap = certificate.relative_gap
    if not certificate.converged:
        return "not converged"
    return f"certified to {size(gap)}" if gap > ROUNDING else "certified to rounding"


def _range(measure: str, values: Sequence[float]) -> str:
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return f"{measure} not defined"
    low, high = _two(min(finite)), _two(max(finite))
    return f"{measure} {high}" if low == high else f"{measure} {low} to {high}"


def _two(value: float) -> str:
    """R2 with two decimals in the headline, more only where two would claim 1."""
    text = f"{value:.2f}".replace("-", "\N{MINUS SIGN}")
    return r_squared(value) if text == "1.00" else text


def status(model: Model) -> dict[str, Any]:
    """The line under the headline: converged or not, why, and what that means."""
    certificate = model.fit.certificate
    gap, tol = size(certificate.relative_gap), size(model.tol)
    if certificate.converged:
        rounded = certificate.relative_gap <= ROUNDING
        words = (
            f"No other coefficients can lower the objective by more than "
            f"{'rounding, ' + size(ROUNDING) + ',' if rounded else gap} of that of "
            f"{_null(model)}; the tolerance was {tol}."
        )
        return {"good": True, "label": "Converged", "words": words}
    reached = (
        f"the relative gap is {gap}, and the tolerance {tol}"
        if math.isfinite(certificate.relative_gap)
        else f"there is no finite gap to hold against the tolerance {tol}"
    )
    words = (
        f"The solver stopped before the answer was certified: {reached}. Read every number below "
        f"as unfinished. Reason: {clean(certificate.reason)}."
    )
    return {"good": False, "label": "Not converged", "words": words.replace("..", ".")}


def _null(model: Model) -> str:
    return "the intercept-only model" if model.intercept_fitted else "a model that predicts zero"


def overview(model: Model, of_one: Sequence[Fact]) -> list[Fact]:
    """Rows, columns and coefficients; for a single target its figures as well."""
    dropped = f"{count(model.rows_dropped)} dropped for missing values"
    facts = [
        Fact(
            "Rows used",
            count(model.rows_used),
            dropped if model.rows_dropped else f"of {count(model.rows_read)} read",
        )
    ]
    if model.rows_dropped:
        facts.append(Fact("Rows read", count(model.rows_read)))
    nonzero = int(np.count_nonzero(np.asarray(model.coef)))
    total = int(np.asarray(model.coef).size)
    facts.append(Fact("Columns", count(len(model.columns)), "after encoding"))
    facts.append(Fact("Non-zero coefficients", count(nonzero), f"of {count(total)}"))
    if len(model.targets) > 1:
        facts.append(
            Fact("Classes" if model.loss.coupled else "Targets", count(len(model.targets)))
        )
    return facts + list(of_one)


def of_target(model: Model, k: int) -> tuple[Fact, ...]:
    """R2 or D2 in its kinds, sigma and F of target `k`; of coupled outputs their one D2."""
    inference = model.inference[k]
    measure, place = SHARES[model.measure], min(k, len(model.explained) - 1)
    about = "of the rows used" if model.intercept_fitted else "of the rows used, about zero"
    facts = [Fact(measure, r_squared(model.explained[place]), about)]
    if model.accuracy is not None:
        facts.append(Fact("Accuracy", r_squared(model.accuracy), "of the rows used"))
    if inference.r2_adjusted is not None:
        facts.append(Fact("R² adjusted", r_squared(inference.r2_adjusted)))
    if model.holdout is not None:
        held = model.holdout
        note = f"{count(held.rows, 'row')} held out, seed {held.seed}"
        facts.append(Fact(f"{measure} holdout", r_squared(held.explained[place]), note))
        if held.accuracy is not None:
            facts.append(Fact("Accuracy holdout", r_squared(held.accuracy), note))
    if inference.sigma is not None:
        note = f"{number(inference.degrees_of_freedom, 6)} degrees of freedom"
        facts.append(Fact("Residual sigma", number(inference.sigma, 4), note))
    if inference.f is not None:
        facts.append(Fact("F", number(inference.f, 4), _f_note(inference)))
    return tuple(facts)


def moved(model: Model, k: int) -> str:
    """What a coefficient of output `k` changes, in words."""
    return moved_by(model.loss, _member(model, k) if model.loss.of_classes else "")


def _member(model: Model, k: int) -> str:
    """The class whose probability output `k` is of."""
    if model.loss.coupled or model.classes is None:
        return short(model.targets[k], 60)
    return short(model.classes.members[1], 60)


def ratio(model: Model) -> str:
    """What exp(coef) is called, where it means something."""
    if not model.loss.of_classes:
        return ""
    return "exp(coef)" if model.loss.coupled else "Odds ratio"


def ratio_words(model: Model, k: int, *, errors: bool) -> str:
    """What exp(coef) says, for the foot of the table."""
    if not model.loss.of_classes:
        return ""
    bounds = (
        f" The interval is of {'exp(coef)' if model.loss.coupled else 'the ratio'}."
        if errors
        else ""
    )
    if model.loss.coupled:
        return (
            "When a column rises by one unit and the others stay, the odds between two classes "
            f"are multiplied by the one's exp(coef) over the other's.{bounds}"
        )
    return (
        f"The odds ratio, exp(coefficient), is what the odds of {_member(model, k)} are "
        f"multiplied by when its column rises by one unit and the others stay.{bounds}"
    )


def _f_note(inference: Any) -> str:
    parts: list[str] = []
    if inference.f_df is not None:
        parts.append(f"on {listed(number(value, 6) for value in inference.f_df)} degrees")
    if inference.f_p is not None:
        p = probability(inference.f_p)
        parts.append(f"p\u00a0{p}" if p.startswith("<") else f"p\u00a0=\u00a0{p}")
    return ", ".join(parts)


def certificate(model: Model) -> list[tuple[str, str, str]]:
    """The certificate, one row a number: name, value, meaning."""
    found = model.fit.certificate
    several = len(model.targets) > 1 and not model.loss.coupled
    over = ", summed over the targets" if several else ""
    worst = ", of the target where it is largest" if several else ""
    rows = [
        ("Primal", number(found.primal, 8), f"the objective at these coefficients{over}"),
        (
            "Dual",
            number(found.dual, 8),
            "a proven lower bound: no coefficients can bring the objective below it",
        ),
        ("Gap", number(found.gap, 3), "primal minus dual: the most that could still be gained"),
        (
            "Relative gap",
            number(found.relative_gap, 3),
            f"the gap over the objective of {_null(model)}{worst}",
        ),
        ("Tolerance", number(model.tol, 3), "converged means a relative gap no larger than this"),
        (
            "Verdict",
            "converged" if found.converged else "not converged",
            "" if clean(found.reason) == "converged" else clean(found.reason),
        ),
    ]
    if found.box is not None:
        rows.insert(
            5,
            (
                "Box",
                number(found.box, 4),
                "the dual holds only among coefficients of at most this many standard deviations "
                "of the target per standard deviation of their column",
            ),
        )
    return rows


def solver(*models: Model) -> dict[str, Any]:
    """Which solver ran, why, and what it took, for one or several models together."""
    fits = [model.fit for model in models]
    passes = sum(fit.passes for fit in fits)
    steps = count(max(fit.iterations for fit in fits), "iteration")
    cost = [
        steps if len(fits) == 1 else f"{steps} at most",
        f"{number(passes, 3)} {'pass' if passes == 1 else 'passes'} over the data",
        f"{number(sum(fit.seconds for fit in fits), 2)} seconds",
    ]
    return {"name": clean(fits[0].solver), "why": clean(fits[0].why), "cost": listed(cost)}


def kind(model: Model) -> str:
    """Least squares or what the loss is called, and the penalty: the page's overline."""
    return model.loss.title + penalised(model)


def q_of(model: Model) -> float:
    """The q of a quantile's model."""
    assert isinstance(model.loss, Quantile)
    return model.loss.q


def penalised(model: Model) -> str:
    """The penalty, in words that follow what the loss is called."""
    return {
        (False, False): "",
        (True, False): " with an l1 penalty (lasso)",
        (False, True): " with an l2 penalty (ridge)",
        (True, True): " with l1 and l2 penalties (elastic net)",
    }[bool(model.l1), bool(model.l2)]


def rows(of: Model | Paths) -> str:
    """Where the rows went, in one sentence."""
    words = f"{count(of.rows_read, 'row')} read, {count(of.rows_used)} used"
    if of.rows_dropped:
        words += f", {count(of.rows_dropped)} dropped because a value was missing"
    held = getattr(of, "holdout", None)
    if held is not None:
        words += (
            f"; {count(held.rows)} more ({number(100 * held.share, 3)}%, "
            f"seed {held.seed}) were held out of the fit"
        )
    return f"{words}."
