"""An item as the review screen shows it: the buyer's text cut into its parts, three cards, a small map. At most 15 KB.

One statement each for the orders and for what is left at the outlets, whatever the number of items.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.admin_site.marks import span
from orderhub.admin_site.words import carrier
from orderhub.geo import Point, metres
from orders import queries as orders
from routing import address_words as words
from routing import choices
from routing.addresses import regions
from routing.addresses.words import Candidate, Parsed
from routing.choices import Meaning, Where
from routing.models import AddressReview
from routing.operations import deciding, review

MOST_TEXT = 400


class _Case(NamedTuple):
    """An item opened: what is shown of it and where that is."""

    row: AddressReview
    head: orders.OrderHead
    parsed: Parsed
    candidates: list[Candidate]
    shown: list[Candidate]
    wheres: list[Where]


def items(ids: Sequence[int]) -> list[dict[str, Any]]:
    """These items for the screen, in the order given; those that are gone are left out."""
    rows = AddressReview.objects.in_bulk(list(ids))
    heads = orders.heads([row.order_id for row in rows.values()])
    made: list[_Case] = []
    for identity in ids:
        row = rows.get(identity)
        if row is None or row.order_id not in heads:
            continue
        parsed, candidates = deciding.opened(row)
        shown = [candidates[i] for i in review.shown_order(row, len(candidates))]
        wheres = [where(candidate, parsed) for candidate in shown]
        made.append(_Case(row, heads[row.order_id], parsed, candidates, shown, wheres))
    known = iter(choices.meanings([place for case in made for place in case.wheres]))
    meant_by = [[next(known) for _place in case.wheres] for case in made]
    fences = choices.around([case.wheres for case in made])
    stations = choices.stations(meant_by, fences)
    return [
        {**_item(case, meanings, ground), "outlets": standing}
        for case, meanings, ground, standing in zip(made, meant_by, fences, stations, strict=True)
    ]


def where(candidate: Candidate, parsed: Parsed) -> Where:
    """A candidate's place in WGS-84, with the names of its divisions."""
    poi = candidate.poi
    names = (
        deciding.region_names(poi.adcode) if poi.adcode else (parsed.province, parsed.city, parsed.district)
    )
    town = poi.town or parsed.town
    if poi.lng is None or poi.lat is None:
        return Where(None, None, *names, town, poi.adcode or parsed.adcode)
    point = Point.read(poi.lng, poi.lat, poi.datum).wgs84()
    return Where(round(point.lng, 6), round(point.lat, 6), *names, town, poi.adcode or parsed.adcode)


def _item(case: _Case, known: list[Meaning], fences: list[dict[str, Any]]) -> dict[str, Any]:
    row, head, parsed, wheres, now = case.row, case.head, case.parsed, case.wheres, timezone.now()
    blind = row.kind == AddressReview.Kind.SAMPLE
    rest = [(one.poi.name, where(one, parsed)) for one in case.candidates[len(case.shown) :]]
    return {
        "id": row.id,
        "number": head.number,
        "order": row.order_id,
        "shop": head.shop_name,
        "due": due(row.promised_at, now),
        "tone": tone(row.promised_at, now),
        "verdict": row.verdict,
        "verdict_text": str(AddressReview.Verdict(row.verdict).label) if row.verdict else "",
        "reason": words.reason(row.reason),
        "trouble": row.trouble,
        "unsure": [words.unsure(code) for code in parsed.unsure],
        "parts": parts(parsed),
        "skips": row.skips,
        "cards": [
            card(candidate, place, meaning, wheres[0], blind)
            for candidate, place, meaning in zip(case.shown, wheres, known, strict=True)
        ],
        "fences": fences,
        "others": [{"name": name, "lng": w.lng, "lat": w.lat} for name, w in rest if w.lng is not None],
    }


def card(
    candidate: Candidate, place: Where, meaning: Meaning, first: Where, blind: bool = False
) -> dict[str, Any]:
    """One candidate: how it differs, why it has its score, what choosing it means."""
    away = None
    if None not in (place.lng, place.lat, first.lng, first.lat) and place is not first:
        away = round(metres(place.lng, place.lat, first.lng, first.lat))  # type: ignore[arg-type]
    return {
        "name": candidate.poi.name,
        "pieces": [[piece.text, piece.kind] for piece in candidate.pieces],
        "differences": differences(candidate),
        "score": None if blind else round(candidate.score * 100),
        "lng": place.lng,
        "lat": place.lat,
        "metres": away,
        "source": candidate.poi.source,
        **meant(meaning),
    }


def meant(meaning: Meaning) -> dict[str, Any]:
    """A point's consequences in words."""
    return {
        "outlet": meaning.outlet_name,
        "carrier": str(carrier(meaning.carrier)),
        "left": meaning.left,
        "inside": meaning.rung == "fence",
        "rung": words.rung(meaning.rung),
        "straddles": meaning.straddles,
    }


def differences(candidate: Candidate) -> list[list[str]]:
    """[kind, part's name, what was written, what is offered], what differs first."""
    order = {"changed": 0, "missing": 1, "added": 2, "matched": 3}
    rows = [
        d for d in candidate.differences if d.kind in order and d.part not in ("phone", "person", "point")
    ]
    rows.sort(key=lambda d: order[d.kind])
    return [[d.kind, words.part(d.part), *(_named(text) for text in (d.wrote, d.offers))] for d in rows]


def _named(text: str) -> str:
    """A district may be told by its code."""
    return regions.short_name(text) if len(text) == 6 and text.isdigit() else text


def parts(parsed: Parsed) -> list[list[str]]:
    """The raw text in stretches: [text, part, part's name]; what belongs to no part has an empty one."""
    raw, made, at = parsed.raw[:MOST_TEXT], [], 0
    for part in sorted(parsed.parts, key=lambda p: (p.start, p.end)):
        if part.start < at or part.end > len(raw):
            continue
        if part.start > at:
            made.append([raw[at : part.start], "", ""])
        made.append([raw[part.start : part.end], part.name, words.part(part.name)])
        at = part.end
    if at < len(raw):
        made.append([raw[at:], "", ""])
    return made


def due(at: dt.datetime, now: dt.datetime) -> str:
    """How long until, or since, the promise."""
    text = span(at - now)
    return _("%(span)s late") % {"span": text} if at < now else _("due in %(span)s") % {"span": text}


def tone(at: dt.datetime, now: dt.datetime) -> str:
    """Red when it is over, amber in the last four hours."""
    return "bad" if at < now else "warn" if at - now < dt.timedelta(hours=4) else "neutral"


def found(candidates: Sequence[Candidate], parsed: Parsed) -> list[dict[str, Any]]:
    """Answers of a search as cards, each with what the browser gives back to choose it."""
    wheres = [where(candidate, parsed) for candidate in candidates]
    known = choices.meanings(wheres)
    return [
        {**card(candidate, place, meaning, wheres[0]), "give": review.hand_out(asdict(candidate))}
        for candidate, place, meaning in zip(candidates, wheres, known, strict=True)
    ]
