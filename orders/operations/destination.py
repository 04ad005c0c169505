"""An order's destination is completed (or put back) by those above who know the place; receivers are written here alone.

What the buyer wrote is never lost: the sealed text keeps it beside the completed one, so that the channel's next
version of the order is compared with what it said before, not with what we made of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from orderhub import crypto
from orderhub.actors import Actor
from orders import timeline
from orders.models import HoldType, Order, Receiver
from orders.models import OrderState as S
from orders.operations import holds

#: Nothing has left us yet: the completed address simply counts.
FREE = (S.UNPAID, S.CLAIMED, S.PAID, S.RESERVED)
#: A parcel may exist, but no label is printed: it is planned again with the new version.
TAKEN = (S.ROUTED, S.RELEASED, S.WAVED, S.PACKED)
REGIONS = ("province", "city", "district", "town")


@dataclass(frozen=True, slots=True)
class Completion:
    """The completed destination of one order. `text` is the address after the regions; None keeps what is there
    (masked receivers have no text of ours). The point is WGS-84. `version` is the destination that was judged."""

    order_id: int
    version: int
    text: str | None
    province: str
    city: str
    district: str
    town: str
    adcode: str
    lng: float | None
    lat: float | None


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one: done / stale (the buyer changed it meanwhile) / printed / gone. `state` is the order's;
    `before` restores it, `version` is the destination's now."""

    outcome: str
    state: str
    version: int = 0
    before: Completion | None = None


def as_written(plain: dict[str, str] | None) -> dict[str, str] | None:
    """The receiver as the channel gave it, whatever was completed since."""
    if plain is None or "written" not in plain:
        return plain
    kept = {name: value for name, value in plain.items() if name not in ("written", "written_regions")}
    return kept | {"address": plain["written"]}


def regions_as_written(receiver: Receiver, plain: dict[str, str] | None) -> tuple[str, ...]:
    """Province, city, district and town as the channel gave them."""
    if plain is not None and "written_regions" in plain:
        return tuple(plain["written_regions"].split("|"))
    return (receiver.province, receiver.city, receiver.district, receiver.town)


def complete(
    completions: Sequence[Completion], actor: Actor, *, event: str = "address_completed", say: dict[str, Any] | None = None
) -> dict[int, Done]:  # fmt: skip
    """Complete the destinations of these orders and release their address holds; {order: Done}.

    One transaction, the orders locked by id. A shipped or printed order is not touched: its label says something
    else already. The caller routes `TAKEN` ones again.
    """
    wanted = {one.order_id: one for one in completions}
    results: dict[int, Done] = {}
    events: list[tuple[Any, ...]] = []
    now = timezone.now()
    with transaction.atomic():
        states = _lock(sorted(wanted))
        receivers = {r.order_id: r for r in Receiver.objects.filter(order_id__in=wanted)}
        going: list[tuple[Receiver, Completion]] = []
        for identity, one in wanted.items():
            state, version = states.get(identity, ("", 0))
            receiver = receivers.get(identity)
            if receiver is None or state == S.CANCELLED or not state:
                results[identity] = Done("gone", state)
            elif version != one.version:
                results[identity] = Done("stale", state, version)
            elif state not in FREE and state not in TAKEN:
                results[identity] = Done("printed", state, version)
            else:
                results[identity] = Done("done", state, version + 1, _before(receiver, version + 1))
                going.append((receiver, one))
                facts = {"version": version + 1, "district": one.district, **(say or {})}
                events.append(timeline.line(identity, event, actor=actor, now=now, data=facts))
        _write(going)
        timeline.append(events)
        holds.release_type([receiver.order_id for receiver, _one in going], HoldType.ADDRESS, actor)
    return results


def go_on(order_ids: Sequence[int], actor: Actor, *, event: str = "", note: str = "") -> None:
    """Orders that need not wait for their address any more: holds released, due at once, a line on the timeline."""
    ids = sorted(order_ids)
    now = timezone.now()
    with transaction.atomic():
        _lock(ids)
        holds.release_type(ids, HoldType.ADDRESS, actor, note)
        Order.objects.filter(id__in=ids, state=S.RESERVED).update(next_try_at=now, refusal="")
        if event:
            facts = {"note": note} if note else {}
            timeline.append([timeline.line(i, event, actor=actor, now=now, data=facts) for i in ids])


def _lock(ids: list[int]) -> dict[int, tuple[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, state, destination_version FROM orders_order WHERE id = ANY(%s) ORDER BY id FOR UPDATE",
            [ids],
        )
        return {row[0]: (row[1], row[2]) for row in cursor.fetchall()}


def _opened(receiver: Receiver) -> dict[str, str] | None:
    return json.loads(crypto.decrypt(bytes(receiver.plain_enc))) if receiver.plain_enc else None


def _before(receiver: Receiver, version: int) -> Completion:
    plain = _opened(receiver)
    return Completion(
        receiver.order_id, version, plain["address"] if plain else None, receiver.province, receiver.city,
        receiver.district, receiver.town, receiver.adcode, receiver.lng, receiver.lat,
    )  # fmt: skip


def _write(going: list[tuple[Receiver, Completion]]) -> None:
    for receiver, one in going:
        plain = _opened(receiver)
        if plain is not None and one.text is not None:
            plain.setdefault("written", plain["address"])
            plain.setdefault("written_regions", "|".join(getattr(receiver, name) for name in REGIONS))
            plain["address"] = one.text
            receiver.plain_enc = crypto.encrypt(json.dumps(plain, ensure_ascii=False).encode())
            receiver.address_mask = crypto.mask_address(one.text)[:200]
        receiver.version = one.version + 1
        for name in (*REGIONS, "adcode", "lng", "lat"):
            setattr(receiver, name, getattr(one, name))
    if not going:
        return
    columns = ("plain_enc", "address_mask", "version", *REGIONS, "adcode", "lng", "lat")
    if len(going) == 1:  # a person's pick: the plain statement takes a tenth of the time
        receiver = going[0][0]
        values = {name: getattr(receiver, name) for name in columns}
        Receiver.objects.filter(pk=receiver.pk).update(**values)
    else:
        Receiver.objects.bulk_update([receiver for receiver, _one in going], columns)
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE orders_order SET destination_version = destination_version + 1, next_try_at = now(), refusal = '',
                   attempts = 0 WHERE id = ANY(%s)""",
            [sorted(receiver.order_id for receiver, _one in going)],
        )
