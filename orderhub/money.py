"""Money is a Decimal in yuan with at most two decimals; what cannot be read exactly is refused, never rounded away.

Rounding, where a calculation needs it, is ROUND_HALF_UP to the fen. Shares of a total are made by the
largest remainder, so that parts always add up to the whole.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from math import lcm
from typing import Any

from django.utils.translation import gettext as _

FEN = Decimal("0.01")
_NOTHING = Decimal("0.00")
#: The largest amount that an order of any channel can carry; above it the payload is wrong, not rich.
LIMIT = Decimal("9999999999.99")
_PLAIN = re.compile(r"[+-]?[0-9]{1,16}(\.[0-9]{1,8})?", re.ASCII)
_WHOLE = re.compile(r"[+-]?[0-9]{1,16}", re.ASCII)


class BadMoney(ValueError):
    """An amount that cannot be read exactly as yuan and fen; the text is readable for a clerk."""


def yuan(value: Any) -> Decimal:
    """An amount in yuan from a platform's text, whole number or exact Decimal.

    "199", "199.9" and "199.90" are read; trailing zeros beyond the fen ("199.9000", as Wangdiantong sends)
    as well. BadMoney for floats, NaN, Infinity, exponents, separators, more than two decimals, too large.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise BadMoney(_("Not an amount of money: %(value)s") % {"value": _short(value)})
    return _read(str(value).strip() if isinstance(value, str) else str(value))


@lru_cache(maxsize=4096)  # the same prices come again and again
def _read(text: str) -> Decimal:
    if not _PLAIN.fullmatch(text):
        raise BadMoney(_("Not an amount of money: %(value)s") % {"value": _short(text)})
    amount = Decimal(text)
    exact = amount.quantize(FEN)
    if exact != amount:
        raise BadMoney(_("More than two decimals in an amount: %(value)s") % {"value": _short(text)})
    return _within(exact)


def from_fen(value: Any) -> Decimal:
    """An amount in yuan from a whole number of fen (int or text); BadMoney for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadMoney(_("Not a whole number of fen: %(value)s") % {"value": _short(value)})
    text = str(value).strip()
    if not _WHOLE.fullmatch(text):
        raise BadMoney(_("Not a whole number of fen: %(value)s") % {"value": _short(value)})
    return _within((Decimal(text) / 100).quantize(FEN))


def to_fen(amount: Decimal) -> int:
    """Yuan as a whole number of fen; BadMoney where the amount has parts of a fen."""
    return int(yuan(amount) * 100)


def rounded(amount: Decimal) -> Decimal:
    """A calculated amount to the fen, halves away from zero (ROUND_HALF_UP)."""
    if not amount.is_finite():
        raise BadMoney(_("Not an amount of money: %(value)s") % {"value": _short(amount)})
    return amount.quantize(FEN, rounding=ROUND_HALF_UP)


def text(amount: Decimal) -> str:
    """The amount as the platforms write it: two decimals, no exponent, no separators, never "-0.00"."""
    exact = yuan(amount)
    return f"{exact if exact else abs(exact):.2f}"


def allocate(total: Decimal, weights: Sequence[Decimal | int]) -> list[Decimal]:
    """`total` divided in proportion to `weights`; the parts add up to it exactly, each within a fen of its due.

    Largest remainder: everyone gets the whole fen of their share (towards zero), the fen left over go to the
    largest remainders, earlier ones first where they are equal. Where all weights are zero the shares are
    equal. ValueError without weights or with a negative one.
    """
    fen = to_fen(total)
    if not weights:
        raise ValueError("allocate() needs at least one weight")
    exact = [weight if isinstance(weight, Decimal) else Decimal(weight) for weight in weights]
    if any(not weight.is_finite() or weight < 0 for weight in exact):
        raise ValueError("weights must be finite and not negative")
    whole = _whole(exact)
    mass = sum(whole)
    if mass == 0:
        whole, mass = [1] * len(whole), len(whole)
    sign, left = (-1 if fen < 0 else 1), abs(fen)
    parts = [left * weight // mass for weight in whole]
    remainders = [left * weight % mass for weight in whole]
    order = sorted(range(len(parts)), key=lambda index: (-remainders[index], index))
    for index in order[: left - sum(parts)]:
        parts[index] += 1
    return [Decimal(sign * part).scaleb(-2) + _NOTHING for part in parts]


def _whole(weights: list[Decimal]) -> list[int]:
    """The weights scaled to whole numbers, so that no division rounds."""
    ratios = [weight.as_integer_ratio() for weight in weights]
    unit = lcm(*(below for _above, below in ratios))
    return [above * (unit // below) for above, below in ratios]


def _within(amount: Decimal) -> Decimal:
    if abs(amount) > LIMIT:
        raise BadMoney(_("An amount of money is too large: %(value)s") % {"value": _short(amount)})
    return amount if amount else abs(amount)


def _short(value: Any) -> str:
    shown = str(value)
    return shown if len(shown) <= 40 else shown[:40] + "…"
