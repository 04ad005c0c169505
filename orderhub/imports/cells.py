"""What may stand in a cell of an import: fields of django-import-export that refuse in a clerk's words.

An empty cell is None, which changes nothing where there is something already.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from import_export.fields import Field
from import_export.widgets import Widget

from orderhub.days import FIRST_YEAR, YEARS_AHEAD

_FORMULA_SIGNS = ("=", "+", "-", "@")
_DAYS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M",
)
_WHOLE = re.compile(r"\+?\d{1,12}\Z")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?\Z")
_YES, _NO = frozenset({"是", "y", "yes", "true", "1", "√"}), frozenset({"否", "n", "no", "false", "0", "×"})


class Text(Widget):
    """Words of at most `most` signs. What our own exports put before a formula's sign is taken off again."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        text = str(value)
        if text[0] == "'" and text[1:2] in _FORMULA_SIGNS:
            text = text[1:]
        if len(text) > self.most:
            raise ValueError(_("longer than %(n)d signs") % {"n": self.most})
        if "\x00" in text or any(0xD800 <= ord(sign) < 0xE000 for sign in text):
            raise ValueError(_("has signs that cannot be kept"))
        return text


class Whole(Widget):
    """A whole number of pieces (grams, cubic centimetres), from `low` to `high`."""

    def __init__(self, low: int = 0, high: int = 10_000_000) -> None:
        super().__init__()
        self.low, self.high = low, high

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> int:
        text = unicodedata.normalize("NFKC", str(value)).strip()
        if not _WHOLE.match(text):
            if not _NUMBER.match(text):
                raise ValueError(_("“%(text)s” is not a number") % {"text": text[:40]})
            if text[0] == "-" and Decimal(text) != 0:
                raise ValueError(_("“%(text)s” is less than nothing") % {"text": text[:40]})
            if Decimal(text) % 1:
                raise ValueError(_("“%(text)s” is not a whole number") % {"text": text[:40]})
        number = int(Decimal(text))
        if not self.low <= number <= self.high:
            said = {"text": text[:40], "low": self.low, "high": self.high}
            raise ValueError(_("“%(text)s” is not from %(low)d to %(high)d") % said)
        return number


class Day(Widget):
    """A day. One long ago is no day of trade: an empty cell often turns into 1900 or 1970."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> dt.date:
        text = unicodedata.normalize("NFKC", str(value)).strip()
        for form in _DAYS:
            try:
                day = dt.datetime.strptime(text, form).date()
            except ValueError:
                continue
            if day.year < FIRST_YEAR:
                said = {"text": text, "year": FIRST_YEAR}
                raise ValueError(
                    _("“%(text)s” is before %(year)d: write the right day, or leave the cell empty") % said
                )
            if day.year > timezone.localdate().year + YEARS_AHEAD:
                raise ValueError(_("“%(text)s” is too far ahead") % {"text": text})
            return day
        raise ValueError(_("“%(text)s” is not a day like 2026-03-01") % {"text": text[:40]})


class Price(Widget):
    """Yuan with at most four places."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Decimal:
        text = unicodedata.normalize("NFKC", str(value)).strip().removeprefix("¥")
        try:
            price = Decimal(text)
        except InvalidOperation:
            price = Decimal(-1)
        if not price.is_finite() or price < 0 or price >= 10**8 or price != round(price, 4):
            raise ValueError(_("“%(text)s” is not a price in yuan") % {"text": text[:40]})
        return price


class YesNo(Widget):
    """是 or 否."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> bool:
        text = unicodedata.normalize("NFKC", str(value)).strip().lower()
        if text not in _YES and text not in _NO:
            raise ValueError(_("“%(text)s” is neither yes nor no") % {"text": text[:40]})
        return text in _YES


class Cell(Field):
    """One column of an import: its heading, what may stand in it, whether it must, and what it is for."""

    def __init__(self, label: Any, widget: Widget, *, needed: bool = False, note: Any = "") -> None:
        super().__init__(widget=widget)
        self.label, self.needed, self.note = label, needed, note

    def clean(self, row: Any, **kwargs: Any) -> Any:
        """The value, None for an empty cell. ValueError in words that name the column."""
        text = str(row.get(self.column_name) or "").strip()
        try:
            if text:
                return self.widget.clean(text, row=row)
            if self.needed:
                raise ValueError(_("is missing"))
        except ValueError as error:
            raise ValueError(_("%(column)s: %(what)s") % {"column": self.label, "what": error}) from None
        return None
