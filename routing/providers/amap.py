"""Amap's answers as places of ours, kept sealed for as long as its terms allow; the cheapest question first.

Only own-shop text comes here: the caller never asks for a masked receiver. A refusal is `PlatformError`, and it is told
apart from "nothing found" by everybody above.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

from django.utils import timezone

from orderhub import crypto
from orderhub.integrations.models import Connection
from orderhub.integrations.registry import client
from routing.addresses.words import Phrase, Poi
from routing.models import AddressCache, AddressPolicy

CONTEXT = b"routing.cache"
SOURCE = "amap"


def connected() -> Connection | None:
    """The account to ask, or None where there is none (or it is switched off)."""
    return Connection.objects.filter(platform=SOURCE, state=Connection.State.OK).order_by("id").first()


def tips(connection: Connection, phrase: Phrase) -> list[Poi]:
    """Input tips for the phrase, within its district or city."""

    def ask() -> list[Poi | None]:
        rows = client(connection).tips(phrase.text, phrase.adcode or phrase.city)
        return [_tip(row, rank) for rank, row in enumerate(rows)]

    return _asked("tips", phrase, ask)


def search(connection: Connection, phrase: Phrase) -> list[Poi]:
    """POI search for the phrase, within its district or city."""

    def ask() -> list[Poi | None]:
        rows = client(connection).search(phrase.text, phrase.adcode or phrase.city)
        return [_poi(row, rank) for rank, row in enumerate(rows)]

    return _asked("search", phrase, ask)


def _asked(what: str, phrase: Phrase, ask: Callable[[], list[Poi | None]]) -> list[Poi]:
    key = crypto.keyed_hash(f"amap:{what}:{phrase.adcode}:{phrase.city}:{phrase.text}")
    kept = (
        AddressCache.objects.filter(key=key, until__gt=timezone.now())
        .values_list("sealed", flat=True)
        .first()
    )
    if kept is not None:
        return [Poi(**row) for row in json.loads(crypto.decrypt(bytes(kept), CONTEXT))]
    found = [poi for poi in ask() if poi is not None]
    days = AddressPolicy.current().cache_days
    if days:
        body = json.dumps([_row(poi) for poi in found], ensure_ascii=False).encode()
        values = {"sealed": crypto.encrypt(body, CONTEXT), "until": timezone.now() + dt.timedelta(days=days)}
        AddressCache.objects.update_or_create(key=key, defaults=values)
    return found


def _row(poi: Poi) -> dict[str, Any]:
    return {name: getattr(poi, name) for name in Poi.__slots__}


def _point(text: str) -> tuple[float, float] | None:
    """`lng,lat` as numbers; None for what is no point."""
    lng, comma, lat = text.partition(",")
    try:
        point = float(lng), float(lat)
    except ValueError:
        return None
    return point if comma and -180 <= point[0] <= 180 and -90 <= point[1] <= 90 else None


def _tip(row: dict[str, str], rank: int) -> Poi | None:
    point = _point(row.get("location", ""))
    if point is None or not row.get("name"):
        return None
    return Poi(
        row["id"], row["name"], row.get("address", ""), row.get("adcode", ""), *point, "gcj02", SOURCE,
        row.get("typecode", ""), "", rank, row.get("district", ""),
    )  # fmt: skip


def _poi(row: dict[str, str], rank: int) -> Poi | None:
    point = _point(row.get("location", ""))
    if point is None or not row.get("name"):
        return None
    return Poi(
        row.get("id", ""), row["name"], row.get("address", ""), row.get("adcode", ""), *point, "gcj02", SOURCE,
        row.get("type", ""), "", rank, row.get("adname", ""),
    )  # fmt: skip
