"""Which figures and preferences each order of a batch is routed with: the rules are asked once for all of them.

Only what the rules in use may read is gathered. A rule that changed where an order goes leaves a trace, and its
matched rows stay with the decision.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from orderhub.lifecycle import Writer
from orderhub.rules import engine, registry, shaping
from orders import queries as orders
from routing.addresses import regions
from routing.judgements import POINT
from routing.ladder import FARTHEST, Spot
from routing.plan import POLICY, Policy

SHANGHAI = ZoneInfo("Asia/Shanghai")
#: Inputs that need a statement of their own.
ORIGINS = ("channel", "shop", "traffic_source")


@dataclass(slots=True)
class Judged:
    """The rules' answers to a batch, by order, with the policy that each makes."""

    decided: engine.Decided
    policies: dict[int, Policy]
    answers: dict[int, dict[str, Any]]
    #: ids of answers that are what ships anyway, so that no rule has changed anything
    plain: set[int]
    rows: dict[int, list[dict[str, Any]]] = field(
        default_factory=dict
    )  # by id of an answer: rows that matched

    @property
    def margin(self) -> int:
        """Below so many places left a choice may have hung on them."""
        return math.ceil(max((policy.preferred_left for policy in self.policies.values()), default=0))


def judge(
    rows: Sequence[Any],
    spots: Mapping[int, Spot],
    towns: Mapping[int, str],
    grams: Mapping[int, int],
    now: dt.datetime,
) -> Judged:
    """The answers for orders with a spot. At most one statement, and none where no rule asks for channel or shop."""
    located = [row for row in rows if row.id in spots]
    uses = engine.uses(POINT)
    inputs = _inputs(located, spots, towns, grams, now, uses)
    decided = engine.decide(POINT, inputs)
    made: dict[int, Policy] = {}
    wished: dict[tuple[int, str], Policy] = {}  # the same with the warehouse that a watch rule asked for
    policies, answers, plain = {}, {}, set()
    ships = _ships()
    for row, answer in zip(located, decided.answers, strict=True):
        key = id(answer)
        policy = made.get(key)
        if policy is None:
            version = decided.said[key][0]
            policy = made[key] = Policy.of(f"{decided.policy}/{version or 0}", answer)
            if answer == ships:
                plain.add(key)
        if row.preferred:
            policy = wished.get((key, row.preferred)) or wished.setdefault(
                (key, row.preferred), replace(policy, prefer_warehouse=row.preferred)
            )
        if row.refused_by:
            out = tuple(row.refused_by.split(","))
            policy = replace(policy, exclude_warehouses=(*policy.exclude_warehouses, *out))
        policies[row.id] = policy
        answers[row.id] = answer
    return Judged(decided, policies, answers, plain)


def for_places(spots: Sequence[Spot]) -> list[Policy]:
    """The policies of places of which nothing else is known (a map, a review): what the rules say about their area."""
    inputs = []
    for spot in spots:
        province, city, district = names(spot.adcode)
        inputs.append(
            {
                "adcode": spot.adcode[:6],
                "located_by": spot.rung,
                "province": province,
                "city": city,
                "district": district,
            }
        )
    decided = engine.decide(POINT, inputs)
    return [Policy.of(decided.policy, answer) for answer in decided.answers]


def _ships() -> dict[str, Any]:
    return shaping.defaults(registry.point(POINT))


def _inputs(
    rows: Sequence[Any],
    spots: Mapping[int, Spot],
    towns: Mapping[int, str],
    grams: Mapping[int, int],
    now: dt.datetime,
    uses: Iterable[str],
) -> list[dict[str, Any]]:
    wanted = set(uses)
    origins = orders.origins([row.id for row in rows]) if wanted.intersection(ORIGINS) else {}
    area, local = wanted & {"province", "city", "district"}, now.astimezone(SHANGHAI)
    made = []
    for row in rows:
        spot = spots[row.id]
        given: dict[str, Any] = {"adcode": spot.adcode[:6], "located_by": spot.rung}
        if area:
            given["province"], given["city"], given["district"] = names(spot.adcode)
        if origins:
            given["channel"], given["shop"], given["traffic_source"] = origins.get(row.id, ("", "", ""))
        if "town" in wanted:
            given["town"] = towns.get(row.id, "")
        if "amount" in wanted:
            given["amount"] = row.payable
        if "pieces" in wanted:
            given["pieces"] = row.piece_count
        if "weight_kg" in wanted:
            given["weight_kg"] = grams.get(row.id, 0) / 1000
        if "hours_to_promise" in wanted:
            given["hours_to_promise"] = hours_left(row.promised_ship_at, now)
        if "hour" in wanted or "weekday" in wanted:
            given["hour"], given["weekday"] = local.hour, local.isoweekday()
        made.append(given)
    return made


def hours_left(promised: dt.datetime | None, now: dt.datetime) -> float:
    """Hours until the promise, to a tenth; below 0 it is late. Without a promise 0."""
    return 0.0 if promised is None else round((promised - now).total_seconds() / 3600, 1)


@lru_cache(maxsize=20_000)
def names(adcode: str) -> tuple[str, str, str]:
    """(province, city, district) behind a code, "" where there is none.

    上海市 is its own city, 仙桃市 and 东莞市 are their own district.
    """
    code = adcode[:6]
    parts = regions.name(code, "/").split("/") if code else []
    if not parts or parts[0] == code:
        return ("", "", "")
    province, rest = parts[0], parts[1:]
    if code[:2] in _MUNICIPALITIES:
        return (province, province, rest[-1] if rest else "")
    if len(rest) == 1:
        own = code[4:6] not in ("00", "") or code[:4] in _UNDIVIDED
        return (province, rest[0], rest[0] if own else "")
    return (province, rest[0], rest[1]) if rest else (province, "", "")


_MUNICIPALITIES = frozenset(("11", "12", "31", "50"))
#: Cities without districts (东莞, 中山, 儋州, 嘉峪关).
_UNDIVIDED = frozenset(("4419", "4420", "4604", "6202"))


# --- outlets that a rule names ---------------------------------------------------------------------------------

_TEXTS = re.compile(r"'([^']{1,40})'|\\\"([^\"\\]{1,40})\\\"|`([^`$]{1,40})`")
_documents: dict[int, tuple[frozenset[str], bool]] = {}


def named_texts() -> frozenset[str]:
    """Every text that the versions which may decide name: outlets among them must be locked, too."""
    return frozenset().union(*(texts for texts, _far in _deciding()))


def farthest() -> float:
    """How far fences must be looked for, in metres: farther than usual only where a version speaks of the distance."""
    return FARTHEST if any(far for _texts, far in _deciding()) else POLICY.nearest_within


def _deciding() -> list[tuple[frozenset[str], bool]]:
    """Of the live and the good version: the texts in the document, and whether it says how far a fence serves."""
    head = engine.head_of(POINT)
    return [_document(version) for version in {head.live, head.good} if version is not None]


def _document(version: int) -> tuple[frozenset[str], bool]:
    known = _documents.get(version)
    if known is None:
        runnable = engine.runnable_of(POINT, version)
        text = json.dumps(runnable.document, ensure_ascii=False) if runnable is not None else ""
        texts = frozenset("".join(found) for found in _TEXTS.findall(text))
        if len(_documents) > 50:
            _documents.clear()
        known = _documents[version] = (texts, "nearest_within" in text)
    return known


# --- what a rule changed ----------------------------------------------------------------------------------------


def matched_rows(judged: Judged, order_id: int) -> list[dict[str, Any]]:
    """The rows that led to the order's answer, once for all orders that share it."""
    answer = judged.answers[order_id]
    rows = judged.rows.get(id(answer))
    if rows is None:
        version, context = judged.decided.said[id(answer)]
        found = engine.matched(POINT, version, context).rows
        rows = judged.rows[id(answer)] = [
            {"node": r.node, "name": r.name, "row": r.row, "index": r.index} for r in found
        ]
    return rows


def changed(judged: Judged, order_id: int) -> bool:
    """Whether the rules answered this order otherwise than what ships: only then can they have changed anything."""
    return id(judged.answers[order_id]) not in judged.plain


def trace(writer: Writer, judged: Judged, order_id: int) -> list[Any]:
    """Leave the trace of a rule that changed where the order goes; the reason code for the decision."""
    answer = judged.answers[order_id]
    version = judged.decided.said[id(answer)][0]
    rows = matched_rows(judged, order_id)
    writer.copy(
        engine.TRACE_TABLE, engine.TRACE_COLUMNS, (order_id, POINT, version, writer.now, answer, rows, "")
    )
    return ["rule", {"version": version, "rows": rows}]
