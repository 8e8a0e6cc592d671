"""Numbers and names as a reader sees them: significant digits, true minus signs, safe text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

ABSENT = "\N{EN DASH}"
SHARES = {"R2": "R²", "D2": "D²"}  # the share of the null loss explained, as it is written
MINUS = "\N{MINUS SIGN}"
FIGURE_SPACE = "\N{FIGURE SPACE}"
PUNCTUATION_SPACE = "\N{PUNCTUATION SPACE}"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LEVEL = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", f"{MINUS}0123456789")
_POWER = re.compile("×10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
_UNSHOWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u200f\u202a-\u202e]")


def number(value: Any, digits: int = 4, *, strip: bool = True) -> str:
    """`value` with `digits` significant digits: 1,234.5, -0.0312 (true minus), 3.1×10⁻¹⁵.

    An en dash stands for None and nan. `strip` drops zeros after the point, as prose wants and a
    column of a table does not.
    """
    if value is None:
        return ABSENT
    value = float(value)
    if math.isnan(value):
        return ABSENT
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    power = int(exponent)
    if -4 <= power < max(digits + 2, 9):
        text = f"{value:,.{max(digits - 1 - power, 0)}f}"
        suffix = ""
    else:
        text, suffix = mantissa, f"×10{str(power).translate(_SUPERSCRIPT)}"
    if strip and "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", MINUS) + suffix


def size(value: Any) -> str:
    """An order of magnitude, one digit: 3×10⁻¹⁵."""
    return number(value, 1)


def count(value: Any, noun: str = "", plural: str = "") -> str:
    """21,613 or, with a noun, "21,613 rows"."""
    text = f"{int(value):,}".replace("-", MINUS)
    if not noun:
        return text
    return f"{text} {noun if int(value) == 1 else plural or noun + 's'}"


def share(value: float) -> str:
    """A share as a percentage: 4.3%; one that is not zero is never shown as 0%."""
    if value <= 0:
        return "0%"
    return "under 0.1%" if value < 0.0005 else f"{100 * value:.1f}%"


def r_squared(value: Any) -> str:
    """R2 with three decimals, and more where three would claim a perfect fit that is not there."""
    if value is None or not math.isfinite(float(value)):
        return ABSENT
    value = float(value)
    if value >= 1:
        return "1"
    texts = (f"{value:.{decimals}f}" for decimals in range(3, 18))
    return next(text for text in texts if float(text) < 1).replace("-", MINUS)


def probability(value: Any) -> str:
    """A p value: four decimals, or "<0.0001"."""
    if value is None or math.isnan(float(value)):
        return ABSENT
    return "<0.0001" if float(value) < 0.0001 else f"{float(value):.4f}"


def level(text: str) -> str:
    """Superscript digits as ordinary ones."""
    return text.translate(_LEVEL)


def powers(escaped: str) -> str:
    """×10⁻¹⁵ as markup, since few fonts draw all superscript digits alike; `escaped` is HTML."""
    return _POWER.sub(lambda found: f"×10<sup>{level(found[1])}</sup>", escaped)


def aligned(texts: Sequence[str]) -> list[str]:
    """Pad numbers on the right so that their points stand below one another when set flush right.

    Needs tabular figures: a figure space is as wide as a digit.
    """
    tails = [-1 if "×" in text else len(text.partition(".")[2]) for text in texts]
    most = max(tails, default=0)
    padded: list[str] = []
    for text, tail in zip(texts, tails, strict=True):
        point = PUNCTUATION_SPACE if most > 0 and tail == 0 else ""
        padded.append(text if tail < 0 else text + point + FIGURE_SPACE * (most - tail))
    return padded


def clean(text: Any) -> str:
    """`text` without what no page can hold: control characters, halves of surrogate pairs."""
    return _UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", str(text))


def short(text: Any, most: int = 24) -> str:
    """`text` cut to `most` characters, the end kept: zipcode=98002 differs from others there.

    A right-to-left name is isolated, so that the words and numbers around it keep their order.
    """
    text = clean(text)
    if len(text) > most:
        head = (most - 1) // 2
        text = f"{text[:head]}…{text[head + 1 - most :]}"
    return f"\u2068{text}\u2069" if _RIGHT_TO_LEFT.search(text) else text


def in_plot(text: Any, most: int = 24) -> str:
    """A name inside a plot, where Plotly would read `<b>`, `<a href>` and `&amp;` as markup."""
    return short(text, most).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def listed(items: Iterable[str]) -> str:
    """a, b and c."""
    words = list(items)
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
