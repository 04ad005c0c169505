"""Orders that come in by REST: kept raw, taken in at once, one order however often the same key is sent."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from django.utils.translation import gettext as _

from orderhub.inbound import keeping, processing
from orderhub.models import Payload
from orders.models import Order, Shop


@dataclass(frozen=True, slots=True)
class Accepted:
    number: str
    channel_number: str
    state: str
    created: bool


class KeyUsedOtherwise(Exception):
    """The same Idempotency-Key came with another body."""


class NotAccepted(Exception):
    """The payload is kept, but can't be taken in; `text` says why."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def accept_order(shop: Shop, key: str, raw: bytes) -> Accepted:
    """Keep and take in one order. Raises KeyUsedOtherwise or NotAccepted; the raw bytes are kept in any case."""
    print_ = hashlib.sha256(raw).hexdigest()
    try:
        body = json.loads(raw)
        said = str(body.get("number") or "").strip() if isinstance(body, dict) else ""
        number = said[:64] or f"key:{key}"
        version = (
            str(body.get("updated_at") or body.get("created_at") or "") if isinstance(body, dict) else ""
        )
    except (ValueError, RecursionError):
        number, version = f"key:{key}", ""
    number, version = (
        keeping.storable(number),
        keeping.storable(version),
    )  # as it is kept, so that it is found again
    kept_as = f"key:{hashlib.sha256(key.encode()).hexdigest()[:48]}"
    first = keeping.keep(shop.connection_id, "key", kept_as, "1", print_.encode(), "api")
    if first is None:
        from orderhub import crypto

        known = Payload.objects.get(connection_id=shop.connection_id, kind="key", external_id=kept_as)
        if crypto.decrypt(bytes(known.raw_enc)).decode() != print_:
            raise KeyUsedOtherwise("this Idempotency-Key was used with another body")
    else:
        Payload.objects.filter(id=first).update(state=Payload.State.PARSED)
    version = f"{version}#{print_[:12]}"[:64]
    payload_id = keeping.keep(shop.connection_id, "order", number, version, raw, "api")
    if payload_id is not None:
        processing.read("order", [payload_id])
    payload = Payload.objects.get(
        connection_id=shop.connection_id, kind="order", external_id=number, version=version
    )
    order = Order.objects.filter(shop=shop, channel_number=number).first()
    if order is None:
        if (
            not payload.reason or payload.reason_code == "broken"
        ):  # a fault of ours: its words are for our log
            raise NotAccepted(
                payload.reason_code or "not_accepted",
                _("It could not be taken in. It is kept for us to look at."),
            )
        raise NotAccepted(payload.reason_code, payload.reason)
    return Accepted(order.number, order.channel_number, order.state, created=payload_id is not None)
