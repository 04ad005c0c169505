"""A row of each record of the ground floor, for tests that open every screen."""

from __future__ import annotations

from django.utils import timezone

from orderhub import crypto
from orderhub.models import Call, Connection, Job, Message, Payload, Ticket
from orders.models import Listing, Shop


def few_rows(account: Connection) -> None:
    """A call, a message that needs a person, a payload set aside, a ticket and a job half done."""
    Call.objects.create(
        connection=account, platform="taobao", method="m", started_at=timezone.now(), outcome="retry"
    )
    Message.objects.create(
        kind="sms.send", key="k", subject_id=1, state="needs_person", error_kind="business", error="x"
    )
    Payload.objects.create(
        connection=account, kind="order", external_id="1", version="1", source="pull", raw_enc=crypto.encrypt(b"{}"),
        state="set_aside", reason="x",
    )  # fmt: skip
    shop = Shop.objects.filter(connection=account).first() or Shop.objects.create(
        code="few", name="few", channel="own_shop", connection=account
    )
    Listing.objects.create(
        shop=shop, item="620000000001", channel_sku="620000000002", code="CUP-1", title="Mug",
        wanted=9, wanted_version=1, read=12, refusal="no such item",
    )  # fmt: skip
    Ticket.objects.create(kind="k", cause_key="c", title="t", due_at=timezone.now())
    Job.objects.create(kind="export", total=10, done=4)
