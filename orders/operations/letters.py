"""What a channel pushes: each message is kept once by its own id, and makes us ask for the orders that it speaks of.

A message proves nothing and carries no order: duplicates and a wrong order of arrival do no harm, because the
channel's answer to our question is newer than any message.
"""

from __future__ import annotations

import hashlib

from django.db import connection
from django.utils.translation import gettext as _

from orderhub.inbound import keeping
from orderhub.inbound.processing import PayloadRow, Verdict
from orderhub.integrations.registry import client
from orderhub.models import Connection
from orderhub.nudge import nudge
from orders.models import Shop
from orders.providers import channel_of
from orders.providers.base import Unreadable


def receive(account: Connection, headers: dict[str, str], body: bytes) -> bytes:
    """Keep the messages of one push and return what the channel wants to hear; Forged where it is not the channel."""
    speaker = channel_of(account.platform)
    letters = speaker.letters(client(account), headers, body)
    keeping.keep_many(
        account.id, [keeping.Kept("letter", letter.id, "1", letter.raw, "push") for letter in letters]
    )
    nudge("orderhub.read_payloads", "letter")
    return speaker.push_reply


def take_in(rows: list[PayloadRow]) -> dict[int, Verdict]:
    """Read kept messages: one question an order and message, all asked in one statement."""
    channels = dict(
        Shop.objects.filter(connection_id__in={row.connection_id for row in rows}).values_list(
            "connection_id", "channel"
        )
    )
    verdicts: dict[int, Verdict] = {}
    asked: list[tuple[int, str, str, str]] = []
    for row in rows:
        if row.connection_id not in channels:
            verdicts[row.id] = Verdict.set_aside("no_shop", _("This account belongs to no shop."))
            continue
        speaker = channel_of(channels[row.connection_id])
        try:
            numbers, moving = speaker.numbers_in(row.raw), speaker.address_asked(row.raw)
        except Unreadable as error:
            verdicts[row.id] = Verdict.set_aside(error.code, error.text)
            continue
        asked += [(row.connection_id, _key(row, number), number, "channel.look") for number in numbers]
        asked += [(row.connection_id, _key(row, number), number, "channel.address") for number in moving]
        verdicts[row.id] = Verdict.parsed()
    if asked:
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO orderhub_message (kind, key, connection_id, subject_id, data)
                   SELECT w, k, c, c, jsonb_build_object('number', n)
                   FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[]) AS t (c, k, n, w)
                   ON CONFLICT (kind, key) DO NOTHING""",
                [list(column) for column in zip(*asked, strict=True)],
            )
        for kind in sorted({row[3] for row in asked}):
            nudge("orderhub.drain_outbox", kind)
    return verdicts


def _key(row: PayloadRow, number: str) -> str:
    """One question an order and message; within the width of a message's key whatever the channel's ids are."""
    letter = hashlib.blake2b(row.external_id.encode(), digest_size=12).hexdigest()
    return f"{row.connection_id}:{number[:60]}:{letter}"
