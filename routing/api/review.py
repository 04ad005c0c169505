"""Address review by REST: what is next, and deciding it. An item is leased to the device that shows it, as to a page."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orderhub.actors import person
from orderhub.admin_site.tabs import bounded
from orderhub.api.frame import Door, etag, must_match, object_of, whole_of
from orderhub.api.models import Device
from orderhub.api.problems import invalid, moved
from orderhub.api.schema import KEY, MATCH, sent, shape
from orderhub.scope import reach_of
from orders.scope import visible_to
from routing import quality, showing
from routing.api.shapes import CHOICE, DECIDED, MANY, NEXT, SKIPPED, UNDONE, WANTED
from routing.models import AddressReview
from routing.operations import leases, review

DECIDE = "routing.decide_address"
MOST = 4


class NextView(Door):
    """The next addresses of the queue."""

    may = {"POST": DECIDE}
    own_keys = True  # a lease is for now: nothing to replay

    @extend_schema(operation_id="address_next", request=sent(WANTED), responses={200: NEXT})
    def post(self, request: Request) -> Response:
        """{want}: up to four items, leased to this device for 90 seconds; each with the ETag that deciding needs."""
        want = whole_of(object_of(request).get("want", 1))
        if want is None or not 1 <= want <= MOST:
            raise invalid("/want", _("Give a whole number from 1 to %(n)d.") % {"n": MOST})
        token, by = _token(request), request.user.get_username()
        orders = None if reach_of(request.user).everything else visible_to(request.user).values("pk")
        ids = leases.take(token, by, want, among=leases.waiting_of(orders))
        return Response({"items": _shown(ids), "left": quality.left(orders)})


class DecideView(Door):
    """A decision on one address."""

    may = {"POST": DECIDE}

    @extend_schema(
        operation_id="address_decide",
        request=sent(CHOICE),
        parameters=[MATCH, KEY],
        responses={200: DECIDED},
    )
    def post(self, request: Request, item: int) -> Response:
        """{rank} (with {lng, lat} where the pin was dragged), {lng, lat}, {found} or {keep: true}."""
        body = object_of(request)
        row = AddressReview.objects.filter(pk=item).first() if item < 2**63 else None
        if row is None or not visible_to(request.user).filter(pk=row.order_id).exists():
            raise Http404
        try:
            with transaction.atomic():
                AddressReview.objects.select_for_update().get(pk=item)
                row.refresh_from_db()
                waiting = row.state == AddressReview.State.WAITING
                must_match(request, [row.pk, row.version], ["decide"] if waiting else [])
                outcome = review.decide(
                    item, _token(request), person(request.user), review.chosen(body), way="touch"
                )
        except review.Refused as refused:
            if refused.code == "choice":
                raise invalid("", refused.text) from refused
            raise moved(refused.text, []) from refused
        return Response(
            {"id": item, "outcome": outcome.outcome, "remark": outcome.remark, "with_it": len(outcome.twins)}
        )


class SkipView(Door):
    """An address that somebody else shall decide, or later."""

    may = {"POST": DECIDE}
    own_keys = True  # it is this device's lease that is ended: a second time there is none

    @extend_schema(operation_id="address_skip", request=None, responses={200: SKIPPED})
    def post(self, request: Request, item: int) -> Response:
        """Put it behind the others. 409 where this device does not have it open."""
        row = AddressReview.objects.filter(pk=item).first() if item < 2**63 else None
        if row is None or not visible_to(request.user).filter(pk=row.order_id).exists():
            raise Http404
        if not leases.skip(_token(request), item):
            raise moved(_("This address is not open on this device any more."), [])
        return Response({"id": item, "outcome": "skipped"})


class UndoView(Door):
    """The caller's latest decision, taken back."""

    may = {"POST": DECIDE}

    @extend_schema(operation_id="address_undo", request=None, parameters=[KEY], responses={200: UNDONE})
    def post(self, request: Request) -> Response:
        """The address waits again and is leased to this device. 409 where nothing is left to undo, or the label is printed."""
        try:
            with transaction.atomic():
                item, remark = review.undo(_token(request), request.user.get_username(), person(request.user))
                order = AddressReview.objects.values_list("order_id", flat=True).get(pk=item)
                if not visible_to(request.user).filter(pk=order).exists():
                    raise Http404  # it has left the caller's reach: the decision stays
        except review.Refused as refused:
            raise moved(refused.text, []) from refused
        return Response({"items": _shown([item]), "remark": remark})


class CountView(Door):
    """How many addresses wait."""

    may = {"GET": DECIDE}

    @extend_schema(operation_id="address_count", responses={200: shape(waiting=MANY)})
    def get(self, request: Request) -> Response:
        """The waiting addresses of the caller's orders; counting stops at a bound."""
        waiting = AddressReview.objects.filter(state=AddressReview.State.WAITING)
        if not reach_of(request.user).everything:
            waiting = waiting.filter(order_id__in=visible_to(request.user).values("id"))
        return Response({"waiting": bounded(waiting)})


def _shown(ids: list[int]) -> list[dict[str, Any]]:
    """Items as the screen shows them, each with the ETag that deciding needs."""
    versions = dict(AddressReview.objects.filter(id__in=ids).values_list("id", "version"))
    return [{**item, "etag": etag([item["id"], versions.get(item["id"])])} for item in showing.items(ids)]


def _token(request: Request) -> str:
    """Whose lease it is: the device's, or the signed-in person's."""
    device: Any = request.auth
    return device.pk.hex if isinstance(device, Device) else f"session{request.user.pk}"
