"""Masked channels: judged by the regions that may be read; a point by hand only where the owner has switched it on.

Nothing is decrypted here and nothing goes to a map service. A person who has looked the order up in the platform's own
back office places a pin; kept are coordinates, district code and precision, never a text.
"""

from __future__ import annotations

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.actors import Actor, one_at_a_time
from orders import queries as orders
from orders import timeline
from orders.operations.destination import FREE, TAKEN
from routing.addresses import regions
from routing.addresses.parse import parse
from routing.models import AddressPolicy, AddressReview
from routing.operations import deciding
from routing.operations.resolve import NO_PROMISE

#: What the person's log says; counted for the day's quota.
LOGGED = "address point placed by hand"


class NotAllowed(Exception):
    """Why a masked order was not opened for a point, in words."""


def level(ref: orders.ReceiverRef) -> str:
    """How deep the readable regions of a receiver lead: town, district, city, province, or "" for nowhere."""
    region = regions.find(ref.province, ref.city, ref.district, ref.town)
    return region.level if region is not None else ""


def open_one(order_id: int, actor: Actor, reason: str) -> int:
    """Open one masked order for a point by hand; its item's id. The log line is committed before anything is opened."""
    policy = AddressPolicy.current()
    reason = reason.strip()[:200]
    head, ref = (
        orders.heads([order_id]).get(order_id),
        orders.receivers([order_id], open_plain=False).get(order_id),
    )
    if not policy.revealed:
        raise NotAllowed(_("Reviewing masked addresses is switched off in the rules of address review."))
    if not reason:
        raise NotAllowed(_("Say why: the reason stays with the order."))
    if head is None or ref is None or ref.visibility == "plain":
        raise NotAllowed(_("This order's address is not masked."))
    if head.state not in FREE and head.state not in TAKEN:
        raise NotAllowed(_("Its label is printed: a point would come too late."))
    with transaction.atomic():
        one_at_a_time(actor.user_id)
        if opened_today(actor) >= policy.revealed_a_day:
            raise NotAllowed(
                _("You have opened %(n)d masked addresses today, which is the limit.")
                % {"n": policy.revealed_a_day}
            )
        _log(head, actor, reason)
    parsed = parse(
        "".join(dict.fromkeys(name for name in (ref.province, ref.city, ref.district, ref.town) if name))
    )
    item, _made = AddressReview.objects.get_or_create(
        order_id=order_id, version=head.destination_version, kind=AddressReview.Kind.REVEALED,
        defaults={
            "state": AddressReview.State.WAITING, "verdict": AddressReview.Verdict.FIX, "sealed": deciding.sealed(parsed, []),
            "promised_at": head.promised_ship_at or timezone.now() + NO_PROMISE,
        },
    )  # fmt: skip
    return item.pk


def opened_today(actor: Actor) -> int:
    """How many this person opened since midnight, by the log that is indexed by person."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    return LogEntry.objects.filter(
        user_id=actor.user_id or 0, action_time__gte=midnight, change_message=LOGGED
    ).count()


def _log(head: orders.OrderHead, actor: Actor, reason: str) -> None:
    LogEntry.objects.create(
        user_id=actor.user_id or 0, content_type=ContentType.objects.get(app_label="orders", model="order"),
        object_id=str(head.id), object_repr=head.number, action_flag=CHANGE, change_message=LOGGED,
    )  # fmt: skip
    now = timezone.now()
    timeline.append([timeline.line(head.id, "revealed", actor=actor, now=now, data={"reason": reason})])
