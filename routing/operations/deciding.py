"""What a decision about an address does, whoever makes it: a person, memory, the threshold, a bulk accept.

Items are decided as a batch: one completion of the orders' destinations, one write of picks, one of items. What the
channel changed meanwhile is withdrawn; what is printed already becomes a ticket, never a silent change.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub import crypto, geo
from orderhub.actors import Actor
from orderhub.copying import update_rows
from orderhub.tickets.opening import open_ticket
from orders import queries as orders
from orders.operations import destination
from orders.operations.destination import Completion, Done
from routing import standard
from routing.addresses import memory, regions
from routing.addresses.words import Candidate, Parsed, Poi
from routing.models import AddressMemory, AddressPick, AddressReview
from routing.operations import reroute

CONTEXT = b"routing.review"
Choice = AddressPick.Choice
Way = AddressPick.Way
State = AddressReview.State


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen for one item: a candidate (with its rank among those shown), a point, or nothing better."""

    choice: str
    rank: int = 0
    candidate: Candidate | None = None
    lng: float | None = None  # WGS-84
    lat: float | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """An item with what is sealed in it opened, and what was chosen."""

    item: AddressReview
    parsed: Parsed
    candidates: list[Candidate]
    chosen: Chosen
    agrees: bool | None = None


def opened(item: AddressReview) -> tuple[Parsed, list[Candidate]]:
    """What the item shows."""
    return standard.load(crypto.decrypt(bytes(item.sealed or b""), CONTEXT))


def sealed(parsed: Parsed, candidates: list[Candidate]) -> bytes:
    """The same, sealed."""
    return crypto.encrypt(standard.dump(parsed, candidates), CONTEXT)


def key_of(parsed: Parsed) -> str:
    """The keyed hash under which the same door is found again, whatever the room; "" where nothing may be remembered."""
    text = memory.door(parsed)
    return crypto.keyed_hash(f"address:{text}") if text else ""


def of_candidate(candidate: Candidate, rank: int, choice: str = Choice.CANDIDATE) -> Chosen:
    """A candidate, its point brought to WGS-84."""
    poi = candidate.poi
    if poi.lng is None or poi.lat is None:
        return Chosen(choice, rank, candidate)
    point = geo.Point.read(poi.lng, poi.lat, poi.datum).wgs84()
    return Chosen(choice, rank, candidate, round(point.lng, 6), round(point.lat, 6))


def completion(
    item: AddressReview, parsed: Parsed, chosen: Chosen, receiver: orders.ReceiverRef
) -> Completion:
    """The completed destination. A masked receiver gets point and code, never a text."""
    plain = receiver.visibility == "plain"
    text = standard.text_as_written(parsed) if plain else None
    names = (receiver.province, receiver.city, receiver.district, receiver.town)
    adcode = receiver.adcode or parsed.adcode
    if plain and parsed.district:
        names = (parsed.province, parsed.city, parsed.district, parsed.town)
        adcode = parsed.adcode
    if chosen.candidate is not None:
        poi = chosen.candidate.poi
        text = standard.text_of(parsed, chosen.candidate) if plain else None
        if poi.adcode and regions.name(poi.adcode) != poi.adcode:
            found = region_names(poi.adcode)
            same = found[2] == names[2]
            names = (*found, poi.town or (names[3] if same else ""))
            adcode = poi.adcode
    if chosen.choice == Choice.KEEP:
        text = None
    return Completion(item.order_id, item.version, text, *names, adcode, chosen.lng, chosen.lat)


def region_names(adcode: str) -> tuple[str, str, str]:
    """Province, city and district behind a code; a municipality is its own city."""
    words = regions.name(adcode, "|").split("|")
    if len(words) == 2:
        words = [words[0], words[0], words[1]]
    return (*words, "", "", "")[:3]  # type: ignore[return-value]


def precision(parsed: Parsed, chosen: Chosen) -> str:
    """How exactly the chosen point is known."""
    if chosen.choice == Choice.PIN:
        return "pin"
    if chosen.candidate is None or chosen.lng is None:
        return "town" if parsed.town else "district"
    return standard.precision_of(parsed, chosen.candidate)


def decide(
    cases: Sequence[Case], actor: Actor, way: str, *, seconds: float | None = None, batch: str = ""
) -> dict[int, Done]:
    """Carry out what was chosen for each locked item; {item id: Done}. Call it inside a transaction.

    Orders that were routed already are in `reroute_after`'s hands: the caller passes the result on after the commit.
    """
    receivers = orders.receivers([case.item.order_id for case in cases])
    going = [case for case in cases if case.item.order_id in receivers and case.agrees is not True]
    words = {case.item.id: precision(case.parsed, case.chosen) for case in cases}
    todo = [completion(c.item, c.parsed, c.chosen, receivers[c.item.order_id]) for c in going]
    say = {"precision": words[cases[0].item.id]} if len(cases) == 1 else {}
    done = destination.complete(todo, actor, say=say)
    results: dict[int, Done] = {}
    picks: list[AddressPick] = []
    for case in cases:
        item = case.item
        same = Done("same", "", item.version)
        result = same if case.agrees is True else done.get(item.order_id, Done("gone", ""))
        results[item.id] = result
        if result.outcome in ("gone", "stale"):
            item.state = State.WITHDRAWN
            continue
        auto = way in (Way.AUTO, Way.MEMORY)
        item.state = State.ACCEPTED if auto else State.PICKED
        picks.append(_pick(case, actor, way, words[item.id], seconds, batch, result))
        if result.outcome == "done":
            item.version = result.version
        elif result.outcome == "printed":
            _ticket(case)
    for case in cases:
        case.item.lease_token, case.item.lease_by, case.item.lease_until = "", "", None
    rows = {case.item.id: {"state": str(case.item.state), "version": case.item.version} for case in cases}
    free = "lease_token = '', lease_by = '', lease_until = NULL"
    update_rows("routing_addressreview", "id", rows, fixed=free)
    AddressPick.objects.bulk_create(picks)
    return results


def reroute_after(results: dict[int, Done], order_of: dict[int, int], actor: Actor) -> None:
    """Decide anew where orders go that were routed before their address was known. After the commit."""
    ids = sorted(
        order_of[i] for i, done in results.items() if done.outcome == "done" and done.state == "routed"
    )
    if ids:
        reroute.again(ids, actor=actor, reason=_("address completed"))


def remember(parsed: Parsed, chosen: Chosen, actor: Actor) -> None:
    """Keep the decision for the same address; a later one replaces an earlier one."""
    key = key_of(parsed)
    if not key or chosen.lng is None:
        return
    poi = asdict(chosen.candidate.poi) if chosen.candidate is not None else None
    kept = {
        "poi": poi,
        "lng": chosen.lng,
        "lat": chosen.lat,
        "wrote": parsed.raw,
        "choice": str(chosen.choice),
    }
    body = crypto.encrypt(json.dumps(kept, ensure_ascii=False).encode(), b"routing.memory")
    values = {
        "sealed": body, "precision": precision(parsed, chosen), "learned_by": actor.name[:80],
        "adcode": chosen.candidate.poi.adcode if chosen.candidate is not None else parsed.adcode,
        "learned_at": timezone.now(),
    }  # fmt: skip
    AddressMemory.objects.bulk_create(
        [AddressMemory(key=key, **values)],
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=list(values),
    )


def recall(keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """{key: what was remembered} of those that are; their use is counted. One read, one write."""
    wanted = [key for key in keys if key]
    rows = dict(AddressMemory.objects.filter(key__in=wanted).values_list("key", "sealed")) if wanted else {}
    if rows:
        AddressMemory.objects.filter(key__in=rows).update(uses=F("uses") + 1, used_at=timezone.now())
    return {key: json.loads(crypto.decrypt(bytes(body), b"routing.memory")) for key, body in rows.items()}


def remembered(kept: dict[str, Any]) -> Chosen:
    """A remembered decision as a choice."""
    if kept["poi"] is None:
        return Chosen(Choice.PIN, 0, None, kept["lng"], kept["lat"])
    return Chosen(Choice.CANDIDATE, 0, Candidate(Poi(**kept["poi"]), 1.0), kept["lng"], kept["lat"])


def _pick(
    case: Case, actor: Actor, way: str, word: str, seconds: float | None, batch: str, result: Done
) -> AddressPick:
    chosen, item = case.chosen, case.item
    kept = {
        "before": asdict(result.before) if result.before else None,
        "name": chosen.candidate.poi.label if chosen.candidate is not None else "",
        "lng": chosen.lng, "lat": chosen.lat, "poi": chosen.candidate.poi.id if chosen.candidate is not None else "",
    }  # fmt: skip
    return AddressPick(
        item=item, order_id=item.order_id, user_id=actor.user_id, by=actor.name[:80], way=way, choice=chosen.choice,
        rank=chosen.rank, seconds=seconds, sure=item.sure, city=item.city, adcode=case.parsed.adcode[:9], precision=word,
        agrees=case.agrees, batch=batch,
        sealed=crypto.encrypt(json.dumps(kept, ensure_ascii=False).encode(), CONTEXT),
    )  # fmt: skip


def _ticket(case: Case) -> None:
    """The label says the old address: somebody has to stop or follow the parcel."""
    open_ticket(
        "address_correction",
        f"address_correction:{case.item.order_id}:{case.item.version}",
        _("The label carries an address that was corrected afterwards"),
        body=_(
            "Stop the parcel before it is handed over, or tell the carrier: the address was reviewed too late."
        ),
        role="warehouse_manager",
        order_id=case.item.order_id,
    )


def lock(ids: Sequence[int]) -> list[AddressReview]:
    """These items under row locks, by id; the caller's transaction holds them."""
    return list(AddressReview.objects.select_for_update().filter(id__in=ids).order_by("id"))
