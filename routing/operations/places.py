"""Known places from a file: one JSON object a line, or CSV with a header; coordinates brought to WGS-84 at the door."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from orderhub import geo
from routing.addresses import regions
from routing.models import KnownPlace
from routing.providers import local

MOST_LINES = 500_000
MOST_WRONG = 50
_CHUNK = 2000


class UnreadableFile(ValueError):
    """A file of which nothing can be read, with the reason in words."""


@dataclass(slots=True)
class Result:
    """Lines taken in, and those that were not: [line number, why], at most fifty."""

    taken: int = 0
    wrong: int = 0
    lines: list[tuple[int, str]] = field(default_factory=list)


def take_in(data: bytes, datum: str) -> Result:
    """Take a file's places in; a code that is known is replaced. UnreadableFile where it is no such file."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile(_("The file is not UTF-8 text.")) from None
    result = Result()
    made: dict[str, KnownPlace] = {}
    for number, row in _rows(text):
        if number > MOST_LINES:
            break
        try:
            place = _place(row, datum)
        except (ValueError, KeyError, TypeError) as error:
            result.wrong += 1
            if len(result.lines) < MOST_WRONG:
                result.lines.append((number, str(error)))
            continue
        made[place.code] = place
        if len(made) >= _CHUNK:
            result.taken += _write(made)
            made = {}
    result.taken += _write(made)
    if not result.taken and not result.wrong:
        raise UnreadableFile(_("There is no place in the file."))
    local.forget()
    return result


def _rows(text: str) -> Iterator[tuple[int, Any]]:
    first = text.lstrip()[:1]
    if first == "{":
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    yield number, json.loads(line)
                except ValueError:
                    yield number, None
        return
    reader = csv.DictReader(io.StringIO(text))
    if not {"name", "lng", "lat"} <= set(reader.fieldnames or ()):
        raise UnreadableFile(_("A CSV file needs the columns name, address, district or adcode, lng, lat."))
    yield from enumerate(reader, 2)


def _place(row: Any, datum: str) -> KnownPlace:
    if not isinstance(row, dict):
        raise ValueError(_("no place"))
    name, address = str(row.get("name") or "").strip(), str(row.get("address") or "").strip()
    if not name and not address:
        raise ValueError(_("neither name nor address"))
    adcode = str(row.get("adcode") or "").strip()
    if not adcode:
        adcode = regions.adcode(
            str(row.get("province") or ""), str(row.get("city") or ""), str(row.get("district") or "")
        )
    if not (adcode.isdigit() and len(adcode) in (6, 9)):
        raise ValueError(_("its district is not known"))
    try:
        point = geo.Point.read(row.get("lng"), row.get("lat"), str(row.get("datum") or datum)).wgs84()
    except geo.BadPoint:
        raise ValueError(_("its coordinates are none")) from None
    code = str(row.get("id") or row.get("code") or f"{adcode}:{address}:{name}")[:64]
    return KnownPlace(
        source=KnownPlace.Source.FILE, code=code, name=name[:120], address=address[:200], adcode=adcode,
        lng=round(point.lng, 6), lat=round(point.lat, 6),
    )  # fmt: skip


def _write(made: dict[str, KnownPlace]) -> int:
    KnownPlace.objects.bulk_create(
        made.values(), update_conflicts=True, unique_fields=["source", "code"],
        update_fields=["name", "address", "adcode", "lng", "lat", "updated_at"],
    )  # fmt: skip
    return len(made)
