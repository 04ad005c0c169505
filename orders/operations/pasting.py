"""Many numbers at once, as people paste them: taken apart, kept for their list, and looked up in a few statements."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from orders.finding import among, bearing
from orders.models import Paste

#: More words than this are not looked up at once.
MOST = 500
LONGEST = 64
KEPT = dt.timedelta(days=30)
#: Blanks of all widths, line ends, commas, semicolons and bars; what is wider is made narrow first.
_BETWEEN = re.compile(r"[\s,;|、，；]+")
#: What spreadsheets and web pages leave around a number: quotes, and characters without a width.
_AROUND = "'\"`“”‘’"
_NO_WIDTH = re.compile("[\u200b-\u200f\u2060\ufeff\x00]")
_PHONE = re.compile(r"1[3-9]\d{9}")


class TooMany(ValueError):
    """More different words than are looked up at once; `count` of them."""

    def __init__(self, count: int) -> None:
        super().__init__(str(count))
        self.count = count


@dataclass(frozen=True, slots=True)
class Found:
    """What a paste came to: its words, the ids of the orders in the order of the words, and the words that found none."""

    words: tuple[str, ...] = ()
    orders: tuple[int, ...] = ()
    missing: tuple[str, ...] = ()


def clean(text: str) -> str:
    """The text in narrow characters, without those that nobody sees."""
    return _NO_WIDTH.sub("", unicodedata.normalize("NFKC", text)).strip()


def apart(text: str) -> list[str]:
    """The different words of a text, in their order. TooMany where there are more than MOST."""
    parts = (part.strip(_AROUND) for part in _BETWEEN.split(clean(text)))
    words = list(dict.fromkeys(part[:LONGEST] for part in parts if part))
    if len(words) > MOST:
        raise TooMany(len(words))
    return words


def keep(words: Sequence[str], user: Any) -> Paste:
    """Keep the words for this person's list; a telephone number that finds no order is kept with its middle hidden."""
    Paste.objects.filter(user_id=user.pk, created_at__lt=timezone.now() - KEPT).delete()
    found = bearing(words, among(user))
    kept = [_hidden(word) if word not in found and _PHONE.fullmatch(word) else word for word in words]
    return Paste.objects.create(user_id=user.pk, words=kept)


def find(paste_id: str, user: Any) -> Found | None:
    """What this person's paste finds among the orders that the person sees; None where it is none of theirs."""
    if not (paste_id.isdecimal() and len(paste_id) < 19):
        return None
    paste = Paste.objects.filter(pk=int(paste_id), user_id=user.pk).first()
    if paste is None:
        return None
    found = bearing(paste.words, among(user))
    ids = dict.fromkeys(i for word in paste.words for i in found.get(word, ()))
    missing = tuple(word for word in paste.words if word not in found)
    return Found(tuple(paste.words), tuple(ids), missing)


def _hidden(phone: str) -> str:
    return f"{phone[:3]}****{phone[-4:]}"
