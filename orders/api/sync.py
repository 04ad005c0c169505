"""For clients that were offline: what changed since a cursor, what left their reach, and many calls in one.

Every change of an order leaves an event, so the events' ids are the order of changes. One that is still being written may
come behind a later one; so a round of pages ends at its last event that is older than `SETTLED`, and what is younger
comes once more. Nothing is missed, some things come twice.
"""

from __future__ import annotations

import datetime as dt
import json
from io import BytesIO
from typing import Any
from urllib.parse import unquote

from django.core.handlers.wsgi import WSGIRequest
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orderhub.api import cursors
from orderhub.api.frame import Door, object_of
from orderhub.api.problems import invalid
from orderhub.api.schema import sent
from orders.api import shapes, showing
from orders.api.views import seen
from orders.models import Event

SETTLED = dt.timedelta(seconds=60)
EVENTS, MOST = 1000, 50
FIRST_YEAR = 2000


class SyncView(Door):
    """What changed."""

    may = {"GET": "orders.view_order"}

    @extend_schema(
        operation_id="sync_changes",
        parameters=[
            OpenApiParameter("cursor", shapes.CURSOR),
            OpenApiParameter("updated_since", dt.datetime),
        ],
        responses={200: shapes.CHANGES},
    )
    def get(self, request: Request) -> Response:
        """Orders that changed after the cursor (or a time), each as it is now; `gone` names those out of reach now.

        `more` says to go on at once with `next`; else keep `next` for the next time one is online.
        """
        asked = request.query_params
        if asked.get("cursor"):
            at, floor = cursors.place_of(asked["cursor"], "sync")
        else:
            at = floor = _before(asked["updated_since"]) if "updated_since" in asked else 0
        events = list(
            Event.objects.filter(id__gt=at)
            .order_by("id")
            .values_list("id", "order_id", "recorded_at")[:EVENTS]
        )
        settled = timezone.now() - SETTLED
        for identity, _order, recorded in events:
            if recorded >= settled:
                break
            floor = identity
        more = len(events) == EVENTS
        changed = list(dict.fromkeys(order_id for _id, order_id, _at in events))
        orders = list(seen(request).filter(id__in=changed))
        reached = {order.pk for order in orders}
        place = (events[-1][0], floor) if more else (floor, floor)
        return Response({
            "items": showing.rows(orders),
            "gone": [showing.opaque(order_id) for order_id in changed if order_id not in reached],
            "next": cursors.cursor("sync", *place),
            "more": more,
        })  # fmt: skip


def _before(text: str) -> int:
    """The id behind which events of that time and later are: halving over the ids, a look-up by key each."""
    try:
        since = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        since = None
    if since is None or since.tzinfo is None:
        raise invalid("updated_since", _("Give a time with its zone, like 2026-01-31T08:00:00+08:00."))
    if since.year < FIRST_YEAR:
        return 0  # a client's zero: from the beginning
    since = min(since, timezone.now()) - SETTLED  # no clock that is ahead skips what is being written
    low, high = 0, Event.objects.order_by("-id").values_list("id", flat=True).first() or 0
    while low < high:
        middle = (low + high) // 2
        recorded = Event.objects.filter(id__gt=middle).order_by("id").values_list("recorded_at", flat=True)[0]
        if recorded < since:
            low = middle + 1
        else:
            high = middle
    return low


class BatchView(Door):
    """Many calls in one, each by itself."""

    may = {"POST": ""}
    own_keys = True  # each item has its own

    @extend_schema(operation_id="batch_calls", request=sent(shapes.CALLS), responses={200: shapes.ANSWERS})
    def post(self, request: Request) -> Response:
        """{items: [{id, method, path, body, if_match, idempotency_key}]}: a status and an answer for each, in order."""
        items = object_of(request).get("items")
        if (
            not isinstance(items, list)
            or not 1 <= len(items) <= MOST
            or not all(isinstance(i, dict) for i in items)
        ):
            raise invalid("/items", _("Send a list of 1 to %(n)d objects.") % {"n": MOST})
        for place, item in enumerate(items):
            for name in ("method", "path"):
                if not isinstance(item.get(name), str):
                    raise invalid(f"/items/{place}/{name}", _("Name a method and a path of this API."))
        return Response({"items": [{"id": item.get("id"), **_one(request, item)} for item in items]})


def _one(request: Request, item: dict[str, Any]) -> dict[str, Any]:
    path, method = item.get("path"), item.get("method")
    refused = {"status": 422, "body": invalid("/path", _("Name a method and a path of this API.")).more}
    if not isinstance(path, str) or method not in ("GET", "POST") or not path.startswith("/api/v1/"):
        return refused
    path, _mark, query = path.partition("?")
    path = unquote(path)
    try:
        match = resolve(path)
    except Resolver404:
        return {"status": 404, "body": None}
    view = getattr(match.func, "view_class", None)
    if view is None or not issubclass(view, Door) or view is BatchView:
        return refused
    raw = json.dumps(item.get("body")).encode() if method == "POST" else b""
    meta = {
        name: value for name, value in request.META.items()
        if name not in ("HTTP_IF_MATCH", "HTTP_IDEMPOTENCY_KEY", "CONTENT_LENGTH", "CONTENT_TYPE")
    }  # fmt: skip
    meta |= {
        "REQUEST_METHOD": method, "PATH_INFO": _wsgi(path), "QUERY_STRING": _wsgi(query), "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(raw)), "wsgi.input": BytesIO(raw),
    }  # fmt: skip
    for name, key in (("HTTP_IF_MATCH", "if_match"), ("HTTP_IDEMPOTENCY_KEY", "idempotency_key")):
        if isinstance(item.get(key), str):
            meta[name] = item[key]
    inner: Any = WSGIRequest(meta)
    for name in ("user", "session"):
        if hasattr(request._request, name):
            setattr(inner, name, getattr(request._request, name))
    answer = match.func(inner, *match.args, **match.kwargs)
    told = {"status": answer.status_code, "body": answer.data}
    return {**told, "etag": answer["ETag"]} if answer.has_header("ETag") else told


def _wsgi(text: str) -> str:
    """A text as WSGI hands it on: its UTF-8 bytes, one sign each."""
    return text.encode().decode("latin-1")
