"""What the order's page shows: gathered with a constant number of queries, whatever the order went through."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import F
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inventory.models import Movement, Reservation, Warehouse
from orderhub import modules
from orderhub.admin_site.marks import NEAR, STATE_TONES, ago, channel_chip, deadline, moment, span, state_pill
from orderhub.admin_site.registry import ORDER_PANELS
from orderhub.admin_site.words import actor, carrier, failure, kind_label, payload_kind, source, whose
from orderhub.dotted import resolve
from orderhub.inbound.models import Payload
from orderhub.outbox.models import Message
from orderhub.tickets.models import Note, Ticket
from orders.admin import sentences
from orders.admin.filters import ENDED, TO_SHIP
from orders.admin.next_step import next_step
from orders.admin.points import bar
from orders.admin.urgency import marks
from orders.lifecycle import LIFECYCLE, OWN_FORM
from orders.models import Event, Hold, HoldType, Line, Order, Receiver
from orders.operations import figures
from orders.operations.returning import DISPOSITIONS
from orders.operations.swapping import HELD as SWAPPED
from orders.queries import shares

log = logging.getLogger(__name__)

NEWEST_MESSAGES = 30
NEWEST_PAYLOADS = 12

#: What a button says, where the touch's own label names the result.
ACTION: dict[str, Any] = {"cancel": gettext_lazy("Cancel the order"), "reroute": gettext_lazy("Route again")}
DISPOSITION: dict[str, Any] = {
    "resell": gettext_lazy("good as new"), "recondition": gettext_lazy("second-hand"), "scrap": gettext_lazy("scrap"),
    "wrong": gettext_lazy("not our goods"), "missing": gettext_lazy("missing"),
}  # fmt: skip
ICON = {"person": "person", "clock": "schedule", "platform": "cloud"}


@dataclass(frozen=True, slots=True)
class Button:
    """A touch that this person may make now."""

    code: str
    label: Any
    danger: bool
    link: str


def load(object_id: str) -> Order | None:
    """The order with its shop and warehouse."""
    if not object_id.isdigit():
        return None
    return Order.objects.select_related("shop__connection", "warehouse").filter(pk=int(object_id)).first()


def buttons(order: Order, user: Any) -> list[Button]:
    """The touches of the lifecycle table that a person may make from this state."""
    return [
        Button(touch.code, ACTION.get(touch.code, touch.label), touch.danger,
               reverse("admin:order_touch", args=[order.pk, touch.code]))
        for touch in LIFECYCLE.from_state(order.state)
        if touch.permission and touch.code not in OWN_FORM and user.has_perm(touch.permission)
        and (not touch.module or modules.enabled(touch.module))
    ]  # fmt: skip


def context(request: HttpRequest, order: Order) -> dict[str, Any]:
    """Everything that the template names."""
    events = list(Event.objects.filter(order_id=order.pk).order_by("occurred_at", "id"))
    holds = list(
        Hold.objects.filter(order_id=order.pk).order_by(F("released_at").asc(nulls_first=True), "id")
    )
    open_holds = [hold for hold in holds if hold.released_at is None]
    for hold in holds:
        hold.opened_by, hold.released_by = whose(hold.opened_by), whose(hold.released_by)
    lines = list(Line.objects.filter(order_id=order.pk).select_related("sku").order_by("channel_line"))
    places = _places([line.pk for line in lines], order.pk)
    messages = list(
        Message.objects.filter(order_id=order.pk)
        .select_related("connection")
        .order_by("-id")[:NEWEST_MESSAGES]
    )
    stuck = [message for message in messages if message.state == Message.State.NEEDS_PERSON]
    done = {event.point: event.occurred_at for event in reversed(events) if event.point}
    user = request.user
    step, may_release = next_step(order, open_holds, stuck), user.has_perm("orders.change_hold")
    panels = list(_panels(order.pk, request))
    step_hold = open_holds[0] if step.link == "#holds" and may_release else None
    if (
        step.link == "#holds"
        and open_holds[0].type in SWAPPED
        and any(one["code"] == "swap" for one in panels)
    ):
        step, step_hold = replace(step, link="#panel-swap", action=_("See what may go instead")), None
    returnable = any(
        touch.code == "receive_return" and modules.enabled(touch.module) and user.has_perm(touch.permission)
        for touch in LIFECYCLE.from_state(order.state)
    )
    return {
        "order": order, "title": order.number, "frozen": order.state in ENDED,
        "state_pill": state_pill(order), "urgency": marks(order), "state_tone": STATE_TONES.get(order.state, "neutral"),
        "channel_chip": channel_chip(order.shop.channel, order.shop.name),
        "promise": deadline(
            order.promised_ship_at,
            order.shipped_at is not None or order.state not in TO_SHIP,
            figures.amber().get(order.shop_id, NEAR),
        ),
        "marks": [{"mark": mark, "at": moment(mark.at)} for mark in bar(order.state, done, order.state_since)],
        "open_hold_rows": open_holds, "past_holds": [hold for hold in holds if hold.released_at is not None],
        "step": step, "urgent": step.tone in ("bad", "warn"),
        "step_hold": step_hold,
        "buttons": buttons(order, user),
        "can_release": may_release,
        "can_hold": user.has_perm("orders.add_hold") and order.state not in ENDED,
        "hold_types": HoldType.choices,
        "lines": [{"line": line, "places": places.get(str(line.pk), [])} for line in lines],
        "receiver": Receiver.objects.filter(order_id=order.pk).defer("plain_enc", "opaque_enc").first(),
        "can_reveal": user.has_perm("orders.reveal_receiver"),
        "timeline": [_line(event) for event in reversed(events)],
        "messages_rows": [
            {"row": message, "what": kind_label(message.kind), "pill": state_pill(message), "why": failure(message.error_kind),
             "when": moment(message.done_at or message.created_at)}
            for message in messages
        ] if user.has_perm("orderhub.view_message") else [],
        "can_retry": user.has_perm("orderhub.change_message"),
        "payload_rows": [
            {"row": payload, "pill": state_pill(payload), "when": moment(payload.received_at),
             "what": payload_kind(payload.kind), "by": source(payload.source)}
            for payload in Payload.objects.filter(order_id=order.pk).defer("raw_enc").order_by("-id")[:NEWEST_PAYLOADS]
        ] if user.has_perm("orderhub.view_payload") else [],
        "can_read_raw": user.has_perm("orders.view_payload_raw"), "can_replay": user.has_perm("orderhub.change_payload"),
        "tickets": [
            {"row": ticket, "pill": state_pill(ticket), "due": deadline(ticket.due_at, ticket.state == "done")}
            for ticket in Ticket.objects.filter(order_id=order.pk).order_by("state", "-id")[:10]
        ] if user.has_perm("orderhub.view_ticket") else [],
        "notes": list(Note.objects.filter(order_id=order.pk).select_related("author").order_by("-id")[:50]),
        "can_note": user.has_perm("orderhub.add_note"),
        "panels": panels,
        "returnable": returnable,
        "warehouses": list(Warehouse.objects.filter(active=True, accepts_returns=True)) if returnable else [],
        "dispositions": [(code, DISPOSITION.get(code, code)) for code in DISPOSITIONS],
        "in_state_for": ago(order.state_since), "carrier": carrier(order.carrier) if order.carrier else "",
        "revealed": None, "show_save": False, "show_save_and_continue": False, "show_close": False,
    }  # fmt: skip


def _places(lines: list[Any], order_id: int) -> dict[str, list[dict[str, Any]]]:
    """{line: bins that hold its pieces, or held them until they were shipped}; three queries, all by an index."""
    line_of = {line: str(line) for line in lines}
    line_of.update({share.reference: str(share.line) for share in shares([order_id]).get(order_id, [])})
    found: dict[str, list[dict[str, Any]]] = {}
    for held in Reservation.objects.filter(reference__in=list(line_of), state="active").select_related(
        "bin__warehouse"
    ):
        found.setdefault(line_of[held.reference], []).append(
            {"bin": held.bin, "quantity": held.quantity, "gone": False}
        )
    names = {str(reference): line for reference, line in line_of.items()}
    for move in Movement.objects.filter(reference__in=list(names), kind="ship").select_related(
        "bin__warehouse"
    ):
        found.setdefault(names[move.reference], []).append(
            {"bin": move.bin, "quantity": -move.on_hand_change, "gone": True}
        )
    return found


def _line(event: Event) -> dict[str, Any]:
    late = sentences.lag(event.occurred_at, event.recorded_at)
    return {
        "name": sentences.name(event.code), "details": sentences.details(event.code, event.data),
        "tone": sentences.tone(event.code), "point": event.point, "at": moment(event.occurred_at, seconds=True),
        "who": actor(event.actor_kind, event.actor_name), "kind": event.actor_kind, "icon": ICON.get(event.actor_kind, "circle"),
        "late": _("learned %(span)s later") % {"span": span(late)} if late else "",
    }  # fmt: skip


def _panels(order_id: int, request: HttpRequest) -> Any:
    """The parts that apps above contribute; one that is not installed is left out and logged."""
    for panel in ORDER_PANELS:
        if panel.permission and not request.user.has_perm(panel.permission):
            continue
        try:
            build = resolve(panel.by)
        except ImportError:
            log.error("the order page's panel %s is not installed", panel.by)
            continue
        made = build(order_id, request)
        if made:
            yield {"code": panel.code, "title": panel.title, "body": _rendered(made, request)}


def _rendered(made: Any, request: HttpRequest) -> SafeString | str:
    if isinstance(made, dict):
        return render_to_string(made["template"], {"panel": made, **made}, request)
    return str(made)
