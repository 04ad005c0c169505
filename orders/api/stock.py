"""What the own shop asks of the stock: numbers for its pages, and pieces for a basket before the order is made."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from inventory import availability
from inventory.models import Claim
from inventory.operations import claiming
from inventory.queries import find_sku, sku_codes
from orderhub.api.frame import Door, etag_of, object_of, whole_of
from orderhub.api.once import checked
from orderhub.api.problems import Problem, invalid
from orderhub.api.schema import ETAG, KNOWN, NEEDED_KEY, sent
from orders.api import shapes
from orders.models import Shop

MOST = 5000


def shop_of(request: Request) -> Shop:
    """The shop whose token this is. Raises PermissionDenied."""
    caller: Any = request.user
    shop = Shop.objects.filter(connection=caller.connection).first()
    if shop is None:
        raise PermissionDenied("this token belongs to no shop")
    return shop


class ShownView(Door):
    """Numbers for the shop's pages."""

    shop = frozenset({"POST"})
    own_keys = True

    @extend_schema(
        operation_id="availability_ask",
        request=sent(shapes.SKUS),
        parameters=[KNOWN, ETAG],
        responses={200: shapes.SHOWN, 304: None},
    )
    def post(self, request: Request) -> HttpResponseBase:
        """{"skus": [codes]} → what buyers may be shown of each, by the shop's own spellings; unknown ones are named.

        `shown` pieces can be sold, `free` of them at once and the others from `later_on`; `most` a buyer, null without
        a limit. Send the ETag back as If-None-Match: 304 where nothing changed.
        """
        skus = object_of(request).get("skus")
        if (
            not isinstance(skus, list)
            or not 1 <= len(skus) <= MOST
            or not all(isinstance(s, str) for s in skus)
        ):
            raise invalid("/skus", _("Send a list of 1 to %(n)d codes.") % {"n": MOST})
        shop, table = shop_of(request), sku_codes()
        found = {code: find_sku(shop.code, code, table) for code in skus}
        numbers = availability.for_sale(identity for identity in found.values() if identity is not None)
        sales = claiming.sales(numbers)
        items = []
        for code, identity in found.items():
            if identity in numbers:
                n, sale = numbers[identity], sales[identity]
                later = n.later_on.isoformat() if n.later_on and n.shown > n.free else None
                items.append(
                    {
                        "sku": code,
                        "shown": n.shown,
                        "free": min(n.free, n.shown),
                        "later_on": later,
                        "most": sale.most,
                    }
                )
        unknown = [code for code, identity in found.items() if identity not in numbers]
        # Written once, by the plain writer: it is a third of a megabyte, and its ETag is of these bytes.
        body = json.dumps(
            {"items": items, "unknown": unknown}, ensure_ascii=False, separators=(",", ":")
        ).encode()
        tag = etag_of(body)
        if request.headers.get("If-None-Match") == tag:
            return Response(status=304, headers={"ETag": tag})
        return HttpResponse(body, content_type="application/json", headers={"ETag": tag})


class ClaimsView(Door):
    """Pieces for a basket."""

    shop = frozenset({"POST"})
    own_keys = True

    @extend_schema(
        operation_id="stock_claim_take",
        request=sent(shapes.BASKET),
        parameters=[NEEDED_KEY],
        responses={200: shapes.CLAIM},
    )
    def post(self, request: Request) -> Response:
        """{"sku", "pieces", "buyer": {"ip", "phone", "account"}} with an Idempotency-Key: check and take in one step.

        The answer's `claim` goes into the order's line as `claim`. `later_on` is the day from which it can be sent:
        show it before the buyer pays. 409 says why not, with `left`, what this buyer can still have.
        """
        key = checked(request.headers.get("Idempotency-Key", ""))
        shop, body = shop_of(request), object_of(request)
        code, pieces, told = body.get("sku"), body.get("pieces"), body.get("buyer") or {}
        identity = find_sku(shop.code, code, sku_codes()) if isinstance(code, str) else None
        if identity is None:
            raise invalid("/sku", _("This shop has no goods of this code."))
        pieces = whole_of(pieces)
        if pieces is None or not 1 <= pieces <= claiming.MOST_PIECES:
            raise invalid("/pieces", _("Send a whole number of 1 to %(n)d.") % {"n": claiming.MOST_PIECES})
        if not isinstance(told, dict) or not all(
            isinstance(told.get(name, ""), str) for name in ("ip", "phone", "account")
        ):
            raise invalid("/buyer", _("Send ip, phone and account as texts."))
        buyer = claiming.Buyer(*(told.get(name, "")[:200] for name in ("ip", "phone", "account")))
        if not any(buyer.hashes().values()):
            raise invalid("/buyer", _("Say who buys: a network address, a telephone or an account."))
        try:
            made = claiming.claim(shop.connection_id, key, identity, pieces, buyer)
        except claiming.Refused as refused:
            status, code = (422, "key_reused") if refused.code == "key" else (409, refused.code)
            raise Problem(status, code, refused.text, left=refused.left) from refused
        return Response(_told(made))


class ClaimView(Door):
    """One basket's pieces."""

    shop = frozenset({"DELETE"})

    @extend_schema(operation_id="stock_claim_give_back", request=None, responses={204: None})
    def delete(self, request: Request, claim: uuid.UUID) -> Response:
        """The buyer takes it out of the basket. 204 whether or not there was something left to give back."""
        claiming.give_back(shop_of(request).connection_id, claim)
        return Response(status=204)


def _told(claim: Claim) -> dict[str, Any]:
    return {
        "claim": str(claim.reference),
        "pieces": claim.quantity,
        "limited": claim.limited,
        "later_on": claim.later_on.isoformat() if claim.later_on else None,
        "state": claim.state,
        "expires_at": claim.expires_at.isoformat(),
    }
