"""Which SKU an unknown code could mean: ranked, each with the reason in words. A person decides; nothing is guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.utils.translation import gettext as _

from inventory.models import Sku, SkuCode, UnknownCode
from inventory.spelling import normal

#: Suggestions less alike than this (of 100) are not shown.
ALIKE = 55
#: SKUs looked at, newest first.
LOOKED_AT = 5000


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A SKU, how much speaks for it (of 100), and why."""

    sku: Sku
    score: float
    reason: str


@lru_cache(maxsize=2 * LOOKED_AT)
def sound(text: str) -> str:
    """A title as it is pronounced, so that 床头板 and a code chuangtouban meet."""
    from pypinyin import lazy_pinyin  # its dictionaries take 55 MB: only where they are asked

    return normal("".join(lazy_pinyin(text)))


def suggestions(codes: Sequence[UnknownCode], most: int = 3) -> dict[int, list[Suggestion]]:
    """{unknown code: its likeliest SKUs, best first}; two queries for all of them."""
    skus = {sku.pk: sku for sku in Sku.objects.filter(active=True).order_by("-id")[:LOOKED_AT]}
    spelt: dict[tuple[int, str], str] = {(sku.pk, sku.code): normal(sku.code) for sku in skus.values()}
    outside = SkuCode.objects.filter(sku__in=skus).values_list("sku_id", "code", "normal")
    spelt |= {(sku_id, code): spelling for sku_id, code, spelling in outside}
    named = {
        sku.pk: " ".join(filter(None, (sku.name, sku.series, sku.colour, sku.size))) for sku in skus.values()
    }
    sounds = {sku.pk: sound(sku.name) for sku in skus.values()}
    return {code.pk: _ranked(code, skus, spelt, named, sounds, most) for code in codes}


def _ranked(
    code: UnknownCode,
    skus: dict[int, Sku],
    spelt: dict[tuple[int, str], str],
    named: dict[int, str],
    sounds: dict[int, str],
    most: int,
) -> list[Suggestion]:
    from rapidfuzz import fuzz, process

    found: dict[int, Suggestion] = {}

    def offer(sku_id: int, score: float, reason: str) -> None:
        if score >= ALIKE and (sku_id not in found or score > found[sku_id].score):
            found[sku_id] = Suggestion(skus[sku_id], score, reason)

    written = normal(code.code)
    for _text, score, (sku_id, like) in process.extract(written, spelt, scorer=fuzz.ratio, limit=most):
        offer(sku_id, score, _("%(n)d %% like the code %(code)s") % {"n": round(score), "code": like})
    if code.title:
        for text, score, sku_id in process.extract(
            code.title, named, scorer=fuzz.token_set_ratio, limit=most
        ):
            offer(sku_id, score, _("%(n)d %% like the name “%(name)s”") % {"n": round(score), "name": text})
    for heard in filter(None, (written if written.isalpha() else "", sound(code.title))):
        for _text, score, sku_id in process.extract(heard, sounds, scorer=fuzz.ratio, limit=most):
            offer(sku_id, score - 1, _("sounds like “%(name)s”") % {"name": skus[sku_id].name})
    return sorted(found.values(), key=lambda one: (-one.score, one.sku.pk))[:most]
