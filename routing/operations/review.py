"""A person's part of address review: decide, undo, search. One key press is one transaction of constant size.

Deciding needs the lease of the page that shows the item. What waits with the same address is decided with it, what
comes later is answered from memory; undoing takes both back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.core import signing
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub import crypto, geo
from orderhub.actors import Actor
from orderhub.lifecycle import apply
from orders.lifecycle import LIFECYCLE
from orders.operations import destination, holds
from orders.operations.destination import Completion, Done
from routing.addresses.words import Candidate
from routing.models import AddressMemory, AddressPick, AddressReview
from routing.operations import deciding
from routing.operations.deciding import Case, Choice, Chosen, State, Way
from routing.operations.leases import LEASE
from routing.standard import candidate_of

#: Undo reaches so many decisions of a person back.
UNDO_REACH = 20
#: Waiting twins that one decision takes along.
MOST_TWINS = 50
MOST_SECONDS = 600.0
#: A found place is handed to the browser signed and comes back unchanged, for so long.
FOUND_FOR = 3600
_SALT = "routing.review.found"


class Refused(Exception):
    """A decision that could not be made, with the reason in words and a code: lost / gone / stale / choice / printed."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(slots=True)
class Outcome:
    """What a decision came to: the pick, twins decided with it, and a remark for the person."""

    pick_id: int
    outcome: str
    twins: list[int] = field(default_factory=list)
    remark: str = ""


def decide(
    item_id: int,
    token: str,
    actor: Actor,
    choose: Callable[[AddressReview, list[Candidate]], Chosen],
    *,
    way: str,
    seconds: float | None = None,
) -> Outcome:
    """Decide one item of this page. `choose` turns the shown candidates into a choice (see `by_rank`, `by_pin` …)."""
    if way not in (Way.KEY, Way.MOUSE, Way.TOUCH):
        raise Refused("choice", _("Say how it was chosen."))
    if seconds is not None:
        seconds = min(max(seconds, 0.0), MOST_SECONDS)
    with transaction.atomic():
        item = _mine(item_id, token)
        parsed, candidates = deciding.opened(item)
        chosen = choose(item, candidates)
        agrees = _agrees(item, chosen) if item.kind == AddressReview.Kind.SAMPLE else None
        case = Case(item, parsed, candidates, chosen, agrees)
        done = deciding.decide([case], actor, way, seconds=seconds)
        result = done[item.id]
        if result.outcome in ("gone", "stale"):
            return Outcome(0, result.outcome, remark=_withdrawn(result))
        pick = AddressPick.objects.filter(item=item).latest("id")
        if chosen.choice != Choice.KEEP and result.outcome == "done":
            deciding.remember(parsed, chosen, actor)
        twins = _twins(item, token, chosen, actor, pick) if result.outcome == "done" else {}
        orders_of = {item.id: item.order_id, **{t.item.id: t.item.order_id for t in twins.values()}}
        for twin in twins.values():
            done[twin.item.id] = twin.done
    deciding.reroute_after(done, orders_of, actor)
    remark = ""
    if result.outcome == "printed":
        remark = _("The label is printed already: a ticket was opened for the warehouse.")
    return Outcome(pick.id, result.outcome, sorted(twins), remark)


def chosen(body: dict[str, Any]) -> Callable[[AddressReview, list[Candidate]], Chosen]:
    """What a client chose: `rank` (with `lng`, `lat` where its pin was dragged), `found`, `lng` and `lat`, or `keep`."""
    rank = body.get("rank")
    if isinstance(rank, int) and not isinstance(rank, bool):
        return by_rank(rank, body.get("lng"), body.get("lat"))
    if isinstance(body.get("found"), str):
        return by_found(body["found"])
    if "lng" in body and "lat" in body:
        return by_pin(body["lng"], body["lat"])
    if body.get("keep") is True:
        return as_written
    raise Refused("choice", _("Nothing was chosen."))


def by_rank(
    rank: int, lng: Any = None, lat: Any = None
) -> Callable[[AddressReview, list[Candidate]], Chosen]:
    """The candidate shown at this place, from 1; its pin may have been dragged elsewhere (WGS-84)."""

    def choose(item: AddressReview, candidates: list[Candidate]) -> Chosen:
        order = shown_order(item, len(candidates))
        if not 1 <= rank <= len(order):
            raise Refused("choice", _("There is no such candidate."))
        real = order[rank - 1]
        chosen = deciding.of_candidate(candidates[real], real + 1)
        if lng is None:
            return chosen
        return replace(by_pin(lng, lat)(item, candidates), candidate=chosen.candidate, rank=chosen.rank)

    return choose


def by_pin(lng: Any, lat: Any) -> Callable[[AddressReview, list[Candidate]], Chosen]:
    """A point on the map, WGS-84."""

    def choose(item: AddressReview, candidates: list[Candidate]) -> Chosen:
        try:
            point = geo.Point.read(lng, lat, "wgs84")
        except geo.BadPoint as error:
            raise Refused("choice", _("That is no place on the map.")) from error
        return Chosen(Choice.PIN, 0, None, round(point.lng, 6), round(point.lat, 6))

    return choose


def by_found(text: str) -> Callable[[AddressReview, list[Candidate]], Chosen]:
    """A place that the search gave, as it was signed by `hand_out`."""

    def choose(item: AddressReview, candidates: list[Candidate]) -> Chosen:
        try:
            row = signing.loads(text, salt=_SALT, max_age=FOUND_FOR)
        except signing.BadSignature as error:
            raise Refused("choice", _("Search again: this result is too old.")) from error
        return deciding.of_candidate(candidate_of(row), 0, Choice.SEARCH)

    return choose


def as_written(item: AddressReview, candidates: list[Candidate]) -> Chosen:
    """Nothing better is known: it goes as the buyer wrote it, routed by its district."""
    return Chosen(Choice.KEEP)


def hand_out(row: dict[str, Any]) -> str:
    """A candidate (as `dataclasses.asdict` makes it) signed, so that the browser can give it back unchanged."""
    return signing.dumps({**row, "features": []}, salt=_SALT, compress=True)


def shown_order(item: AddressReview, count: int) -> list[int]:
    """The candidates' order on the screen: by rank, but turned for a blind check, so that 1 is not always the answer."""
    order = list(range(min(count, 3)))
    turn = item.id % len(order) if order and item.kind == AddressReview.Kind.SAMPLE else 0
    return order[turn:] + order[:turn]


def undo(token: str, by: str, actor: Actor) -> tuple[int, str]:
    """Take back this person's latest decision that can be: the item waits again, leased to this page.

    Returns (item id, remark). Refused when there is none, or when the label is printed by now.
    """
    recent = list(
        AddressPick.objects.filter(user_id=actor.user_id, way__in=(Way.KEY, Way.MOUSE, Way.TOUCH))
        .order_by("-id")
        .values_list("id", "undone_at")[:UNDO_REACH]
    )
    latest = next((identity for identity, undone in recent if undone is None), None)
    if latest is None:
        raise Refused("nothing", nothing())
    with transaction.atomic():
        pick = AddressPick.objects.select_for_update().get(pk=latest)
        if pick.undone_at is not None:
            raise Refused("nothing", nothing())
        mates = list(AddressPick.objects.select_for_update().filter(batch=_with(pick.id), undone_at=None))
        left = take_back([pick, *mates], actor)
        if pick.id in left:
            raise Refused("printed", left[pick.id])
        AddressReview.objects.filter(pk=pick.item_id).update(
            lease_token=token, lease_by=by[:80], lease_until=timezone.now() + LEASE
        )
    remark = _("%(n)s could not be taken back: printed already.") % {"n": len(left)} if left else ""
    return pick.item_id, remark


def nothing() -> str:
    """Why an undo did nothing."""
    return _("There is nothing to undo.")


def too_late() -> str:
    """Why a bulk accept stays."""
    return _("Ten minutes are over: it can't be undone at once any more.")


def take_back(picks: Sequence[AddressPick], actor: Actor) -> dict[int, str]:
    """Undo these locked picks, inside the caller's transaction; {pick id: why not} of those that stay.

    The order's destination is put back, it is held again, its route is dropped, and what was learned is forgotten.
    """
    items = {item.id: item for item in deciding.lock(sorted({pick.item_id for pick in picks}))}
    back: list[Completion] = []
    for pick in picks:
        kept = json.loads(crypto.decrypt(bytes(pick.sealed or b""), deciding.CONTEXT))
        if kept["before"]:
            back.append(Completion(**kept["before"]))
    routed = [one.order_id for one in back]
    apply(LIFECYCLE, "reroute", routed, actor=actor, params={"reason": _("review undone")})
    done = destination.complete(back, actor, event="address_restored")
    left: dict[int, str] = {}
    gone: list[AddressPick] = []
    held: dict[int, str] = {}
    for pick in picks:
        item, result = items[pick.item_id], done.get(pick.order_id)
        if result is not None and result.outcome != "done":
            left[pick.id] = _stays(result)
            continue
        gone.append(pick)
        item.state = State.WAITING
        if result is not None:
            item.version = result.version
            if item.kind == AddressReview.Kind.HOLD:
                held[item.order_id] = _("The address has to be reviewed.")
    AddressPick.objects.filter(id__in=[p.id for p in gone]).update(undone_at=timezone.now())
    AddressReview.objects.bulk_update([items[p.item_id] for p in gone], ["state", "version"])
    learned = {items[p.item_id].key for p in gone if p.way not in (Way.BULK, Way.SAME)} - {""}
    AddressMemory.objects.filter(key__in=learned).delete()
    holds.open_holds(held, "address", held, actor)
    return left


@dataclass(slots=True)
class _Twin:
    item: AddressReview
    done: Done


def _twins(
    item: AddressReview, token: str, chosen: Chosen, actor: Actor, pick: AddressPick
) -> dict[int, _Twin]:
    """Waiting items of the same address, not open on anybody else's page, decided the same way."""
    if not item.key or chosen.choice == Choice.KEEP:
        return {}
    same = AddressReview.objects.filter(key=item.key, state=State.WAITING, kind=AddressReview.Kind.HOLD)
    free = [
        other.id
        for other in same.exclude(id=item.id).order_by("id")[:MOST_TWINS]
        if other.lease_token in ("", token) or (other.lease_until and other.lease_until < timezone.now())
    ]
    cases = []
    for other in deciding.lock(free):
        if other.state == State.WAITING:
            parsed, candidates = deciding.opened(other)
            cases.append(Case(other, parsed, candidates, chosen))
    done = deciding.decide(cases, actor, Way.SAME, batch=_with(pick.id)) if cases else {}
    return {case.item.id: _Twin(case.item, done[case.item.id]) for case in cases}


def _with(pick_id: int) -> str:
    return f"with:{pick_id}"


def _mine(item_id: int, token: str) -> AddressReview:
    found = deciding.lock([item_id])
    if not found or found[0].state != State.WAITING:
        raise Refused("gone", _("This address is decided already."))
    item = found[0]
    over = item.lease_until is None or item.lease_until < timezone.now()
    if item.lease_token != token and not (over or not item.lease_token):
        raise Refused("lost", _("%(by)s has this address open now.") % {"by": item.lease_by})
    return item


def _agrees(item: AddressReview, chosen: Chosen) -> bool:
    """Whether a blind pick lands where the automatic one did: the first candidate, or within 100 m of it."""
    if chosen.rank == 1:
        return True
    _parsed, candidates = deciding.opened(item)
    first = deciding.of_candidate(candidates[0], 1) if candidates else None
    if first is None or first.lng is None or first.lat is None or chosen.lng is None or chosen.lat is None:
        return False
    return geo.metres(first.lng, first.lat, chosen.lng, chosen.lat) <= 100


def _withdrawn(result: Done) -> str:
    if result.outcome == "stale":
        return _("The buyer changed the address meanwhile; it comes again with the new one.")
    return _("The order is cancelled or gone; nothing was changed.")


def _stays(result: Done) -> str:
    if result.outcome == "printed":
        return _("The label is printed: it can't be undone any more; open a ticket instead.")
    return _withdrawn(result)
