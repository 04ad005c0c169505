"""Our own answers: places of an imported file, and where own-shop parcels were delivered before. No network, no quota.

A district's places are held in memory as a searchable book and read again when they change; delivered addresses are
sealed at rest and opened only there.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from typing import Any

from django.db import connection

from orderhub import crypto
from routing.addresses.retrieve import Book
from routing.addresses.words import Parsed, Poi
from routing.models import KnownPlace

CONTEXT = b"routing.place"
CHECK_EVERY = 2.0
#: Books in memory, and places in one: a city's file is searched, a country's is not loaded whole.
MOST_BOOKS, MOST_PLACES = 40, 20_000
SOURCE = "local"
_books: OrderedDict[str, Book] = OrderedDict()
_version: tuple[float, Any] = (0.0, None)


def known() -> bool:
    """Whether there is any place of our own to answer with."""
    return _current() is not None and _current()[1] > 0


def search(parsed: Parsed, limit: int = 20) -> list[Poi]:
    """Places like the address in its district (in its city, where the district is not known)."""
    _current()
    area = parsed.adcode
    prefix = (
        area
        if area and not area.endswith("00")
        else area[:4]
        if area and not area.endswith("0000")
        else area[:2]
    )
    if not prefix:
        return []
    if prefix not in _books:
        _books[prefix] = Book(_read(prefix))
        while len(_books) > MOST_BOOKS:
            _books.popitem(last=False)
    _books.move_to_end(prefix)
    return _books[prefix].search(parsed, limit)


def forget() -> None:
    """Drop what is in memory (a test, or a forked worker)."""
    global _version
    _books.clear()
    _version = (0.0, None)


def _current() -> Any:
    global _version
    if time.monotonic() - _version[0] > CHECK_EVERY or _version[1] is None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT max(updated_at), count(*) FROM routing_knownplace")
            found = cursor.fetchone()
        if found != _version[1]:
            _books.clear()
        _version = (time.monotonic(), found)
    return _version[1]


def _read(prefix: str) -> list[Poi]:
    rows = KnownPlace.objects.filter(adcode__startswith=prefix).order_by("id")[:MOST_PLACES]
    found = []
    for row in rows:
        name, address = row.name, row.address
        if row.sealed:
            opened = json.loads(crypto.decrypt(bytes(row.sealed), CONTEXT))
            name, address = opened["name"], opened["address"]
        found.append(
            Poi(f"{row.source}:{row.code}", name, address, row.adcode, row.lng, row.lat, "wgs84", SOURCE)
        )
    return found
