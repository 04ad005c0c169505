"""Complaint texts as pure functions: personal data taken out, rows read from a file or a request, frequent wordings found."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from orderhub.integrations.redact import without_phones

LONGEST = 2_000
MARK = "***"
#: So many shops are named to whoever wrote one that there is not.
NAMED = 20
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
_NUMBER = re.compile(r"(?<![0-9A-Za-z])[0-9Xx]{7,}(?![0-9A-Za-z])")
_WECHAT = re.compile(r"((?:微信|wx|vx|QQ|qq)号?[:：是]?\s*)[A-Za-z0-9_-]{5,}")
#: Who follows these words is named; so is who is addressed as Mr or Ms.
_CALLED = re.compile(
    r"((?:收货人|收件人|联系人|姓名|我叫|名字是|名字叫)(?:是|叫)?[:：]?\s*)[一-鿿·]{2,4}?(?=[，,。.；;！!\s]|$|的|电话|手机|在|住)"
)
_TITLED = re.compile(r"[一-鿿]{1,2}(先生|女士|小姐|太太)")
_PLACE = re.compile(
    r"[一-鿿0-9A-Za-z]{2,12}(?:路|街|巷|弄|大道)[0-9一-鿿]{0,6}号[0-9A-Za-z一-鿿-]{0,14}?(?=[，,。.；;！!\s]|$)"
)

#: Words that say nothing by themselves: no suggestion begins or ends with one.
_EMPTY = set("的了是我你他她它这那就都也很不在有和与吗呢吧啊呀哦嗯给把被让跟对说要会能可还再又才个一只们")


class BadRow(ValueError):
    """A row that can't be taken; the text says why, in words."""


@dataclass(frozen=True, slots=True)
class Row:
    """One complaint, masked, as it will be kept. `order` is a number of ours or of the channel, "" where not known."""

    shop: str
    external_id: str
    order: str
    rating: int | None
    text: str
    said_at: str


def masked(text: str, names: Iterable[str] = ()) -> str:
    """The text without telephones, long numbers, mail, chat names, streets with numbers, and names where they are seen."""
    clean = text.replace("\x00", "").strip()[:LONGEST]
    for name in names:
        if len(name) >= 2:
            clean = clean.replace(name, MARK)
    clean = _MAIL.sub(MARK, without_phones(clean))
    clean = _WECHAT.sub(rf"\1{MARK}", clean)
    clean = _NUMBER.sub(MARK, clean)
    clean = _CALLED.sub(rf"\1{MARK}", clean)
    clean = _TITLED.sub(rf"{MARK}\1", clean)
    return _PLACE.sub(MARK, clean)


def row_of(given: Mapping[str, Any], shops: Iterable[str]) -> Row:
    """One row out of a file's or request's fields. Raises BadRow."""
    shop, text = str(given.get("shop") or "").strip(), str(given.get("text") or "").strip()
    known = sorted(shops)
    if shop not in known:
        words = _("There is no shop with the code “%(code)s”. Write one of these: %(codes)s.")
        raise BadRow(words % {"code": shop[:30], "codes": ", ".join(known[:NAMED])})
    if not text:
        raise BadRow(_("The text is missing."))
    said_at = _moment(str(given.get("said_at") or "").strip())
    rating = str(given.get("rating") or "").strip()
    if rating and rating not in ("1", "2", "3", "4", "5"):
        raise BadRow(_("The stars must be 1 to 5, not “%(stars)s”.") % {"stars": rating[:10]})
    order = str(given.get("order") or "").strip()
    number = str(given.get("id") or "").strip()
    if len(number) > 64 or len(order) > 64:
        raise BadRow(_("A number is longer than 64 characters."))
    if not number:
        number = hashlib.sha256(f"{order}\n{said_at}\n{text}".encode("utf-8", "replace")).hexdigest()[:32]
    return Row(shop, number, order, int(rating) if rating else None, masked(text), said_at)


def _moment(text: str) -> str:
    try:
        found = parse_datetime(text.replace("/", "-"))
    except ValueError:
        found = None
    if found is None:
        try:
            found = dt.datetime.strptime(text.replace("/", "-"), "%Y-%m-%d")
        except ValueError:
            raise BadRow(
                _("The time “%(text)s” can't be read; write 2026-06-01 12:30.") % {"text": text[:30]}
            ) from None
    if timezone.is_naive(found):
        found = timezone.make_aware(found)
    if found > timezone.now() + dt.timedelta(days=1):
        raise BadRow(_("The time “%(text)s” has not come yet.") % {"text": text[:30]})
    return found.isoformat()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A wording that many texts have and that no word of the list covers."""

    text: str
    n: int


def suggestions(
    texts: Sequence[str], known: Iterable[str], *, at_least: int = 3, most: int = 12
) -> list[Suggestion]:
    """Frequent runs of two to five characters, by how many texts have them; longer ones stand for their parts."""
    words = [word for word in known if word]
    counts: Counter[str] = Counter()
    for text in texts:
        runs: set[str] = set()
        for part in re.findall(r"[一-鿿]{2,}", text):
            for n in (2, 3, 4, 5):
                runs.update(part[i : i + n] for i in range(len(part) - n + 1))
        counts.update(run for run in runs if run[0] not in _EMPTY and run[-1] not in _EMPTY)
    found: list[Suggestion] = []
    frequent = [(run, n) for run, n in counts.items() if n >= at_least]
    for run, n in sorted(frequent, key=lambda item: (-item[1] * len(item[0]), item[0])):
        if any(word in run or run in word for word in words):
            continue
        if any(run in other.text or other.text in run for other in found):
            continue
        found.append(Suggestion(run, n))
        if len(found) == most:
            break
    return sorted(found, key=lambda each: (-each.n, each.text))
