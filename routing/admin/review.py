"""The review screen (地址审核) and its small JSON answers: what is next, decide, skip, undo, search, a pin's meaning.

The page keeps the next three items loaded, so a key press paints the next address at once; the answer to the press
only tops the stock up. Every answer names what is left.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from orderhub import geo
from orderhub.actors import person
from orderhub.admin_site.base import need
from orderhub.admin_site.going import back
from orderhub.scope import reach_of
from orders.scope import visible_to
from routing import choices, quality, showing
from routing.admin.maps import MEDIA, config, spoken
from routing.admin.review_words import WORDS
from routing.choices import Where
from routing.models import AddressReview
from routing.operations import bulk, finding, leases, revealed, review

DECIDE, BULK = "routing.decide_address", "routing.change_addresspolicy"
#: What is on the screen, and the next three behind it.
AHEAD = 4

View = Callable[..., HttpResponse]


def _told(view: Callable[..., dict[str, Any]]) -> View:
    """POST of a JSON object → JSON; refusals as 409 with code and words, nonsense as 400."""

    @never_cache
    @require_POST
    @wraps(view)
    def answer(request: HttpRequest, **named: Any) -> HttpResponse:
        need(request, DECIDE)
        try:
            body = json.loads(request.body or b"{}")
        except ValueError:
            body = None
        if (
            not isinstance(body, dict)
            or not str(body.get("token") or "").isalnum()
            or len(body["token"]) > 40
        ):
            return JsonResponse(
                {"code": "bad", "text": _("The page sent something unreadable; reload it.")}, status=400
            )
        try:
            told = view(request, body, **named)
            return JsonResponse(told, json_dumps_params={"ensure_ascii": False, "separators": (",", ":")})
        except review.Refused as refused:
            return JsonResponse({"code": refused.code, "text": refused.text}, status=409)

    return answer


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The screen itself; its items come by `upcoming`."""
    need(request, DECIDE)
    names = (
        "next",
        "decide",
        "skip",
        "undo",
        "search",
        "mean",
        "renew",
        "leave",
        "bulk",
        "bulk_accept",
        "bulk_undo",
    )
    urls = {
        name: reverse(
            f"admin:review_{name}", args=[0] if name in ("decide", "skip", "search", "mean") else []
        )
        for name in names
    }
    told = config(urls=urls, order=reverse("admin:orders_order_change", args=[0]), say=spoken(WORDS))
    context = {
        **admin.site.each_context(request),
        "title": _("Address review"),
        "config": told,
        "map_media": MEDIA,
        "waiting": quality.waiting(_orders(request)),
        "today": quality.today(request.user.pk),
        "may_bulk": request.user.has_perm(BULK) and reach_of(request.user).everything,
    }
    return TemplateResponse(request, "routing/review.html", context)


def _ids(body: dict[str, Any]) -> list[int]:
    """The items that the page has, at most fifty."""
    given = body.get("have")
    return [n for n in given if isinstance(n, int) and 0 < n < 2**62][:50] if isinstance(given, list) else []


def _rest(request: HttpRequest, body: dict[str, Any]) -> dict[str, Any]:
    """Items that top the page's stock up to `AHEAD`, and what is left."""
    have, want = _ids(body), body.get("want")
    count = min(want, AHEAD) if isinstance(want, int) and not isinstance(want, bool) else AHEAD
    by, token = request.user.get_username(), body["token"]
    wished = body.get("open")
    among = leases.waiting_of(_orders(request))
    ids = (
        leases.take(token, by, 1, have, wished, among)
        if isinstance(wished, int) and not isinstance(wished, bool)
        else []
    )
    ids += leases.take(token, by, count - len(ids), [*have, *ids], among=among)
    return {"items": showing.items(ids), "left": quality.left(_orders(request))}


@require_POST
def reveal(request: HttpRequest, order_id: int) -> HttpResponse:
    """Open one masked order for a point by hand, from its page; logged first, then on the review screen."""
    need(request, DECIDE)
    need(request, "orders.reveal_receiver")
    try:
        item_id = revealed.open_one(order_id, person(request.user), request.POST.get("reason", ""))
    except revealed.NotAllowed as refused:
        messages.error(request, str(refused))
        return back(request, "admin:orders_order_change", order_id)
    return HttpResponseRedirect(f"{reverse('admin:address_review')}?open={item_id}")


@_told
def upcoming(request: HttpRequest, body: dict[str, Any]) -> dict[str, Any]:
    """The first items of a page, or more of them."""
    return _rest(request, body)


@_told
def decide(request: HttpRequest, body: dict[str, Any], item_id: int) -> dict[str, Any]:
    """One decision: `rank` (with `lng`, `lat` where its pin was dragged), `found`, `lng` and `lat`, or `keep`."""
    seconds = body.get("seconds")
    outcome = review.decide(
        item_id,
        body["token"],
        person(request.user),
        review.chosen(body),
        way=str(body.get("way", "")),
        seconds=float(seconds)
        if isinstance(seconds, int | float) and not isinstance(seconds, bool)
        else None,
    )
    told = {"done": item_id, "outcome": outcome.outcome, "twins": outcome.twins, "remark": outcome.remark}
    body["want"] = min(AHEAD, (body.get("want") or 0) + len(set(_ids(body)) & set(outcome.twins)))
    return {**told, **_rest(request, body)}


@_told
def skip(request: HttpRequest, body: dict[str, Any], item_id: int) -> dict[str, Any]:
    """Behind the others with it."""
    leases.skip(body["token"], item_id)
    return {"done": item_id, "outcome": "skipped", **_rest(request, body)}


@_told
def undo(request: HttpRequest, body: dict[str, Any]) -> dict[str, Any]:
    """This person's latest decision is taken back and on the screen again."""
    user = request.user
    with transaction.atomic():
        item_id, remark = review.undo(body["token"], user.get_username(), person(user))
        if not visible_to(user).filter(pk=AddressReview.objects.get(pk=item_id).order_id).exists():
            raise Http404  # it has left the person's reach: the decision stays
    return {"items": showing.items([item_id]), "remark": remark, "left": quality.left(_orders(request))}


@_told
def search(request: HttpRequest, body: dict[str, Any], item_id: int) -> dict[str, Any]:
    """Places for a person's own words, asked of the providers."""
    item = _item(item_id)
    parsed, _candidates = review.deciding.opened(item)
    masked = item.kind == AddressReview.Kind.REVEALED
    answer = finding.search(str(body.get("text", ""))[:120], parsed, outside=not masked)
    return {"cards": showing.found(answer.candidates, parsed), "trouble": answer.trouble}


@_told
def mean(request: HttpRequest, body: dict[str, Any], item_id: int) -> dict[str, Any]:
    """What a pin there would mean."""
    try:
        point = geo.Point.read(body.get("lng"), body.get("lat"), "wgs84")
    except geo.BadPoint as error:
        raise review.Refused("choice", _("That is no place on the map.")) from error
    parsed, _candidates = review.deciding.opened(_item(item_id))
    names = (parsed.province, parsed.city, parsed.district, parsed.town, parsed.adcode)
    return showing.meant(choices.meanings([Where(point.lng, point.lat, *names)])[0])


@_told
def renew(request: HttpRequest, body: dict[str, Any]) -> dict[str, Any]:
    """The page is still open: which of its items are still its own."""
    return {"mine": leases.renew(body["token"], _ids(body)), "left": quality.left(_orders(request))}


@_told
def leave(request: HttpRequest, body: dict[str, Any]) -> dict[str, Any]:
    """The page is closed: its items are there for others at once."""
    return {"given": leases.give_back(body["token"], _ids(body))}


def _bulk(view: View) -> View:
    """Deciding many at once is for those who may set the rules."""

    @wraps(view)
    def answer(request: HttpRequest, **named: Any) -> HttpResponse:
        need(request, BULK)
        if not reach_of(request.user).everything:
            raise PermissionDenied("deciding many at once is of the whole house")
        return view(request, **named)

    return answer


def _least(body: dict[str, Any]) -> float:
    least = body.get("from")
    if not isinstance(least, int | float) or isinstance(least, bool) or not 0.5 <= least <= 1:
        raise review.Refused("choice", _("Choose a confidence of at least one half."))
    return float(least)


@_bulk
@_told
def bulk_preview(request: HttpRequest, body: dict[str, Any]) -> dict[str, Any]:
    """How many would be taken, and a sample of them."""
    found = bulk.preview(_least(body), body["token"])
    return {"count": found.count, "sample": found.sample}


@_bulk
@_told
def bulk_accept(request: HttpRequest, body: dict[str, Any]) -> dict[str, Any]:
    """Take them all; undone by its batch for ten minutes."""
    batch, taken = bulk.accept(_least(body), body["token"], person(request.user))
    return {
        "batch": batch,
        "taken": taken,
        "seconds": int(bulk.UNDO_FOR.total_seconds()),
        "left": quality.left(_orders(request)),
    }


@_bulk
@_told
def bulk_undo(request: HttpRequest, body: dict[str, Any]) -> dict[str, Any]:
    """Take a bulk accept back."""
    back, stay = bulk.undo(str(body.get("batch", "")), person(request.user))
    return {"back": back, "left": stay}


def _item(item_id: int) -> AddressReview:
    found = AddressReview.objects.filter(pk=item_id).first()
    if found is None or not found.sealed:
        raise review.Refused("gone", _("This address is decided already."))
    return found


def badge(request: HttpRequest) -> QuerySet[Any]:
    """Those that wait, for the sidebar."""
    return quality.those_waiting(_orders(request))


def _orders(request: HttpRequest) -> QuerySet[Any] | None:
    """The orders that a narrowed person sees; None for who sees all."""
    return None if reach_of(request.user).everything else visible_to(request.user).values("pk")
