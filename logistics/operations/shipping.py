"""A parcel leaves: stock goes down, the channel is told once, traces are subscribed, a delivery row begins."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from inventory.operations.ship import ship as ship_stock
from logistics.lifecycle import LIFECYCLE
from logistics.models import Parcel, ParcelLine, Policy
from logistics.operations import deliveries, steps
from logistics.queries import connection_of
from orderhub.actors import Actor
from orderhub.lifecycle import Outcome, Refusal, Writer, apply
from orderhub.models import Message
from orderhub.outbox import writing
from orders import queries as orders
from orders.operations import recheck


def ship(live: list[Any], writer: Writer) -> None:
    """Printed → shipped at the warehouse's own time."""
    told = writer.params.get("progress") or {}
    policy = Policy.current()
    going = []
    for row in steps.stopped_rows(live, writer):
        weight = told[row.id].weight_g if row.id in told else None
        if not row.weight_state and weight is not None and steps.check_weight(row, weight, writer, policy):
            writer.refuse({row.id: Refusal("weight", _("The weight is off."), dt.timedelta(minutes=1))})
        else:
            going.append(row)
    if not going:
        return
    heads = orders.heads(sorted({row.order_id for row in going}))
    kuaidi100 = connection_of("kuaidi100")
    for row in going:
        at = told[row.id].times.get("shipped", writer.now) if row.id in told else writer.now
        writer.occurred(row, at)
        writer.set(row, shipped_at=at, report_state="asked")
        writing.ask(
            writer,
            "channel.ship",
            row.number,
            connection_id=heads[row.order_id].shop_connection_id,
            subject_id=row.id,
            order_id=row.order_id,
        )
        if row.rides_with_id is not None:
            continue  # the parcel that carries it is followed under the same number
        writing.ask(
            writer,
            "trace.subscribe",
            f"{row.carrier}:{row.waybill_no}",
            connection_id=kuaidi100,
            subject_id=row.id,
            order_id=row.order_id,
        )
    ids = [row.id for row in going]
    references = list(ParcelLine.objects.filter(parcel_id__in=ids).values_list("reference", flat=True))
    writer.finish(lambda: _after(ids, references, writer.actor.name))


def _after(ids: list[int], references: list[Any], actor_name: str) -> None:
    ship_stock(references, actor_name)
    deliveries.write(ids)


def send_off(parcel_ids: Sequence[int], actor: Actor) -> Outcome:
    """Ship from our own warehouse: the channel is asked once more, then the parcels leave. No transaction open."""
    parcels = dict(Parcel.objects.filter(id__in=parcel_ids).values_list("id", "order_id"))
    states = recheck.channel_states(sorted(set(parcels.values())))
    stop = {
        i: Refusal("channel", states[o].reason)
        for i, o in parcels.items()
        if o in states and not states[o].ok
    }
    outcome = apply(LIFECYCLE, "ship", [i for i in parcels if i not in stop], actor=actor)
    outcome.refused.update(stop)
    return outcome


def reported(messages: Sequence[Message]) -> None:
    """The answers of `channel.ship`: told, told before by somebody else, or a number the channel has no place for."""
    by_word: dict[str, list[int]] = {}
    for message in messages:
        answer = message.answer or {}
        word = "no_place" if "only" in answer else "already" if answer.get("already") else "done"
        by_word.setdefault(word, []).append(message.subject_id)
    for word, ids in by_word.items():
        Parcel.objects.filter(id__in=ids).update(report_state=word)
